/*
 * Events from outside through templates of every kind: what comes out is
 * whole events, and nothing of an event that failed.
 */
#include "extract.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libjq 1.6 loses some of what it fails to compile. */
const char *
__lsan_default_suppressions(void)
{
	return "leak:libjq";
}

static const char spec[] =
    "templates:\n"
    "- {name: a, when: .a != null, metrics: {a: .a, b: '.b[0]'}}\n"
    "- {name: b, component: .c, time: .t, time_format: ms,\n"
    "   nulls: keep, metrics: {x: .x, e: $event.data.x}}\n"
    "- {name: c, each: .l, when: '.n > 1', metrics: {n: .n, s: .s?}}\n"
    "- {name: d, each: .l, component: $event.id, metrics: {d: .}}\n";

static struct dl_extract *
load(void)
{
	struct dl_err err = {0};
	struct dl_extract *x;
	char path[64];
	int fd;

	if ((fd = memfd_create("spec", MFD_CLOEXEC)) < 0 ||
	    write(fd, spec, sizeof(spec) - 1) != sizeof(spec) - 1)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if ((x = dl_extract_load(path, &err)) == NULL) {
		fprintf(stderr, "%s\n", err.msg);
		abort();
	}
	close(fd);
	return x;
}

static void
check_lines(const struct dl_buf *out, int64_t n)
{
	const char *p = out->p, *end = p + out->len, *newline;
	static struct dl_event ev;
	struct dl_err err = {0};

	for (; n > 0; n--) {
		newline = memchr(p, '\n', (size_t)(end - p));
		if (newline == NULL ||
		    dl_event_parse(
			&ev, dl_span(p, (size_t)(newline - p)), &err) < 0 ||
		    !dl_event_is(&ev, DL_TYPE_OBSERVATION) ||
		    ev.subject.p == NULL || ev.time.p == NULL)
			abort();
		p = newline + 1;
	}
	if (p != end)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dl_extract *x;
	static struct dl_event ev;
	static struct dl_buf out;
	struct dl_err err = {0};
	const char *code;
	int64_t n;

	if (x == NULL)
		x = load();
	/* A line has no newline in it. */
	if (memchr(data, '\n', size) != NULL ||
	    dl_event_parse(&ev, dl_span((const char *)data, size), &err) < 0)
		return 0;
	dl_buf_clear(&out);
	n = dl_extract_event(x, &ev, &out, &code, &err);
	if (n < 0 && (out.len > 0 || err.status != DL_EXIT_DATA))
		abort();
	if (n > 0)
		check_lines(&out, n);
	return 0;
}
