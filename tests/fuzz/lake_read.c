/*
 * A part of a lake from anywhere: the first byte is its codec, the rest its
 * bytes; each line is read as an event or as a flat line, which made an event
 * and laid flat again says the same.
 */
#include "codec.h"
#include "event.h"
#include "lake_flat.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
again(const struct dl_event *ev)
{
	struct dl_buf one = {0}, two = {0}, members = {0};
	struct dl_event back = {0};
	struct dl_err err = {0};

	if (dl_lake_flatten(&one, ev, &err) == 0) {
		if (!dl_lake_is_flat(dl_buf_as_span(&one)) ||
		    dl_lake_unflatten(&back, dl_span(one.p, one.len - 1),
			&members, &err) < 0 ||
		    dl_lake_flatten(&two, &back, &err) < 0 ||
		    !dl_span_eq(dl_buf_as_span(&one), dl_buf_as_span(&two)))
			abort();
	}
	dl_event_release(&back);
	dl_buf_release(&one);
	dl_buf_release(&two);
	dl_buf_release(&members);
}

static void
take_line(struct dl_event *ev, struct dl_span line)
{
	struct dl_buf members = {0}, text = {0};
	struct dl_err err = {0};

	if (dl_lake_is_flat(line)) {
		if (dl_lake_unflatten(ev, line, &members, &err) == 0) {
			dl_event_write(&text, ev);
			again(ev);
		}
	} else if (dl_event_parse(ev, line, &err) == 0) {
		dl_event_write(&text, ev);
	}
	dl_buf_release(&members);
	dl_buf_release(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dl_event ev = {0};
	struct dl_err err = {0};
	struct dl_unpack *u;
	struct dl_span line;
	int fd;

	if (size == 0 || (fd = memfd_create("part", MFD_CLOEXEC)) < 0)
		return 0;
	if (write(fd, data + 1, size - 1) != (ssize_t)(size - 1) ||
	    lseek(fd, 0, SEEK_SET) != 0)
		abort();
	u = dl_unpack_new(fd, "part", (enum dl_codec_kind)(data[0] % 3), &err);
	if (u == NULL)
		abort();
	while (dl_unpack_line(u, &line, &err) > 0)
		take_line(&ev, line);
	dl_unpack_free(u);
	dl_event_release(&ev);
	close(fd);
	return 0;
}
