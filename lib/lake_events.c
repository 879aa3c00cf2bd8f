#include "lake_events.h"

#include "lake_flat.h"

#include <unistd.h>

int
dl_lake_each_line(struct dl_lake_store *store, const char *part,
    enum dl_codec_kind kind, dl_lake_text_fn *fn, void *arg, struct dl_err *err)
{
	struct dl_unpack *u;
	struct dl_span line;
	uint64_t number = 0;
	int fd, n, r = 0;

	if ((n = store->ops->open(store, part, &fd, err)) <= 0)
		return n;
	if ((u = dl_unpack_new(fd, part, kind, err)) == NULL) {
		close(fd);
		return -1;
	}
	while (r == 0 && (n = dl_unpack_line(u, &line, err)) > 0) {
		number++;
		if ((r = fn(arg, line, err)) < 0)
			dl_err_prefix(
			    err, "%s:%llu", part, (unsigned long long)number);
	}
	dl_unpack_free(u);
	close(fd);
	return n < 0 || r < 0 ? -1 : 1;
}

struct each {
	dl_lake_event_fn *fn;
	void *arg;
	struct dl_event ev;
	struct dl_buf data;
};

static int
take_line(void *arg, struct dl_span line, struct dl_err *err)
{
	struct each *e = arg;
	int r = dl_lake_is_flat(line)
	            ? dl_lake_unflatten(&e->ev, line, &e->data, err)
	            : dl_event_parse(&e->ev, line, err);

	if (r == 0 && dl_event_is(&e->ev, DL_TYPE_CHECKPOINT))
		r = dl_err_data(err, "a checkpoint, which no lake stores");
	return r < 0 ? -1 : e->fn(e->arg, &e->ev, err);
}

int
dl_lake_each_event(struct dl_lake_store *store, const char *part,
    enum dl_codec_kind kind, dl_lake_event_fn *fn, void *arg,
    struct dl_err *err)
{
	struct each e = {.fn = fn, .arg = arg};
	int r = dl_lake_each_line(store, part, kind, take_line, &e, err);

	dl_event_release(&e.ev);
	dl_buf_release(&e.data);
	return r;
}
