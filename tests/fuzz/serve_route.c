/*
 * What a request brings, on any bytes: its target is split, its parameters are
 * told apart, its body becomes events; all of it within the bytes, and what is
 * printed of it is JSON.
 */
#include "json.h"
#include "serve_put.h"
#include "serve_route.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
is_within(struct dl_span s, struct dl_span whole)
{
	return s.p >= whole.p && s.p + s.len <= whole.p + whole.len;
}

/* What stands for a name is a part of the path without a slash. */
static void
route(struct dl_span target)
{
	const char *mark = memchr(target.p, '?', target.len);
	struct dl_span path = target, query = {NULL, 0}, args[2], stray;
	const struct dl_serve_route *r;

	if (mark != NULL) {
		path.len = (size_t)(mark - target.p);
		query = dl_span(mark + 1, target.len - path.len - 1);
	}
	if ((r = dl_serve_route(path, args)) == NULL)
		return;
	for (int i = 0; i < 2; i++)
		if (args[i].p != NULL &&
		    (args[i].len == 0 || !is_within(args[i], path) ||
			memchr(args[i].p, '/', args[i].len) != NULL))
			abort();
	if (query.p == NULL)
		return;
	stray = dl_serve_stray_param(query, r->params);
	if (stray.p != NULL && !is_within(stray, query))
		abort();
}

static void
check_events(const struct dl_serve_put *put)
{
	size_t undecided = 0;

	for (size_t i = 0; i < put->nevents; i++) {
		const struct dl_serve_event *e = &put->events[i];

		if (e->code != NULL && e->nmetrics > 0)
			abort();
		if (e->first + e->nmetrics > put->nmetrics)
			abort();
		undecided += e->nmetrics;
	}
	if (undecided != put->undecided)
		abort();
}

static void
body(struct dl_span bytes, enum dl_serve_form form)
{
	static struct dl_rights *all;
	struct dl_serve_put *put;
	struct dl_buf b = {0};
	struct dl_err err = {0};

	if (all == NULL)
		all = dl_rights_all();
	dl_buf_span(&b, bytes);
	put = dl_serve_put_new(&b);
	if (dl_serve_put_split(put, form, all, &err) == 0) {
		check_events(put);
		dl_serve_put_print(put, &b);
		if (dl_json_check(dl_buf_as_span(&b), &err) < 0)
			abort();
	}
	dl_buf_release(&b);
	dl_serve_put_free(put);
}

/* The first byte says which of them. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dl_span bytes;

	if (size == 0)
		return 0;
	bytes = dl_span((const char *)data + 1, size - 1);
	if (data[0] % 4 == 3)
		route(bytes);
	else
		body(bytes, (enum dl_serve_form)(data[0] % 4));
	return 0;
}
