/*
 * Every format on any bytes, recoded or not: each item is JSON of a bounded
 * length, and how the bytes are cut makes no difference.
 */
#include "items.h"

#include "buf.h"
#include "json.h"

#include <stdint.h>
#include <stdlib.h>

#define MAX_ITEM 300

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
	struct dl_buf seen;
	struct dl_items *items;
};

static int
take(void *arg, struct dl_span item, size_t total, const char *code,
    const struct dl_err *bad, struct dl_err *err)
{
	struct run *r = arg;

	if ((code == NULL) != (bad == NULL) || item.len > total)
		abort();
	if (bad == NULL && dl_json_check(item, err) < 0)
		abort();
	if (bad == NULL && item.len > MAX_ITEM)
		abort();
	dl_buf_adds(&r->seen, code == NULL ? "+" : code);
	dl_buf_printf(&r->seen, "%zu", total);
	dl_buf_span(&r->seen, item);
	return 0;
}

static void
run(struct run *r, const struct dl_items_options *o, const char *p, size_t n,
    size_t chunk)
{
	struct dl_err err = {0};
	struct dl_span id;
	int status = 0;

	if ((r->items = dl_items_new(o, take, r, &err)) == NULL)
		abort();
	for (size_t i = 0; status == 0 && i < n; i += chunk)
		status = dl_items_feed(
		    r->items, p + i, n - i < chunk ? n - i : chunk, &err);
	if (status == 0)
		status = dl_items_end(r->items, &err);
	/* Where it broke may be said by other bytes, not whether it did. */
	dl_buf_printf(&r->seen, "%d", status);
	id = dl_items_last_id(r->items);
	if (id.len > DL_ITEMS_ID_MAX ||
	    (id.len > 0 && (memchr(id.p, '\0', id.len) != NULL ||
			       memchr(id.p, '\n', id.len) != NULL ||
			       memchr(id.p, '\r', id.len) != NULL)))
		abort();
	dl_buf_span(&r->seen, id);
	dl_items_free(r->items);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const encodings[] = {NULL, "UTF-16", "ISO-2022-JP",
	    "ISO-8859-15", "SHIFT_JIS", "UTF-16BE", "UTF-7", "GB18030"};
	static const char *const names[] = {"a", "b", NULL};
	static const struct dl_column_rule types[] = {
	    {"a", DL_COLUMN_NUMBER}, {"b", DL_COLUMN_BOOLEAN}};
	struct dl_items_options o = {
	    .where = "here",
	    .pattern_where = "there",
	    .max_item = MAX_ITEM,
	    .max_document = 1000,
	    .delimiter = ',',
	};
	struct run whole = {0}, cut = {0};

	if (size < 3)
		return 0;
	o.format = data[0] % (DL_ITEMS_RAW + 1);
	o.stream = data[0] & 16;
	o.encoding = encodings[data[0] >> 5];
	if (data[1] & 64)
		o.columns = (struct dl_column_rules){names, types, 2, false};
	if (o.format == DL_ITEMS_TEXT && data[1] & 128)
		o.pattern = "(?<a>[^ ]+) *(?<b>.*?) *$";
	if (o.format == DL_ITEMS_XML && data[1] & 128)
		o.path = "/a/b";
	run(&whole, &o, (const char *)data + 2, size - 2, size);
	run(&cut, &o, (const char *)data + 2, size - 2, data[1] % 64 + 1);
	if (!dl_span_eq(dl_buf_as_span(&whole.seen), dl_buf_as_span(&cut.seen)))
		abort();
	dl_buf_release(&whole.seen);
	dl_buf_release(&cut.seen);
	return 0;
}
