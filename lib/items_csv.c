/* csvin.h as a format. */
#include "csvin.h"
#include "items_kind.h"

#include <stdlib.h>

struct csv {
	const struct dl_items_options *o;
	dl_items_fn *fn;
	void *arg;
	struct dl_csvin *in;
};

static void *
open_csv(const struct dl_items_options *o, dl_items_fn *fn, void *arg,
    struct dl_err *err)
{
	struct csv *c = dl_calloc(1, sizeof(*c));

	(void)err;
	c->o = o;
	c->fn = fn;
	c->arg = arg;
	return c;
}

static void
start_csv(void *reader)
{
	struct csv *c = reader;

	dl_csvin_free(c->in);
	c->in = dl_csvin_new(
	    c->o->delimiter, &c->o->columns, c->o->max_item, c->fn, c->arg);
}

static int
feed_csv(void *reader, const char *p, size_t n, struct dl_err *err)
{
	return dl_csvin_feed(((struct csv *)reader)->in, p, n, err);
}

static int
end_csv(void *reader, struct dl_err *err)
{
	return dl_csvin_end(((struct csv *)reader)->in, err);
}

static void
close_csv(void *reader)
{
	dl_csvin_free(((struct csv *)reader)->in);
	free(reader);
}

const struct dl_items_kind dl_items_kind_csv = {
    .open = open_csv,
    .start = start_csv,
    .feed = feed_csv,
    .end = end_csv,
    .close = close_csv,
};
