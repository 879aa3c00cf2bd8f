/* One JSON value a line. */
#include "items_kind.h"
#include "items_lines.h"
#include "json.h"

#include <stdlib.h>

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static int
take_line(void *arg, struct dl_span line, struct dl_err *err)
{
	struct dl_items_lines *l = arg;
	struct dl_span item = line;
	struct dl_err bad;

	while (item.len > 0 && is_space(*item.p)) {
		item.p++;
		item.len--;
	}
	if (item.len == 0)
		return 0;
	while (is_space(item.p[item.len - 1]))
		item.len--;
	bad.status = DL_EXIT_OK;
	if (dl_json_check(item, &bad) == 0)
		return l->fn(l->arg, item, item.len, NULL, NULL, err);
	return dl_items_lines_bad(l, line, "json", &bad, err);
}

static void *
open_lines(const struct dl_items_options *o, dl_items_fn *fn, void *arg,
    struct dl_err *err)
{
	struct dl_items_lines *l = dl_calloc(1, sizeof(*l));

	(void)err;
	l->max = o->max_item;
	l->stream = o->stream;
	l->line_fn = take_line;
	l->line_arg = l;
	l->fn = fn;
	l->arg = arg;
	return l;
}

static void
start_lines(void *reader)
{
	dl_items_lines_start(reader);
}

static int
feed_lines(void *reader, const char *p, size_t n, struct dl_err *err)
{
	return dl_items_lines_feed(reader, p, n, err);
}

static int
end_lines(void *reader, struct dl_err *err)
{
	return dl_items_lines_end(reader, err);
}

static bool
cut_off(const void *reader)
{
	return dl_items_lines_cut_off(reader);
}

static void
close_lines(void *reader)
{
	dl_items_lines_release(reader);
	free(reader);
}

const struct dl_items_kind dl_items_kind_ndjson = {
    .open = open_lines,
    .start = start_lines,
    .feed = feed_lines,
    .end = end_lines,
    .cut_off = cut_off,
    .close = close_lines,
};
