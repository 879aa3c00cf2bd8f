/* The whole document as one item: its bytes in base64, as a JSON string. */
#include "buf.h"
#include "items_kind.h"
#include "line.h"

#include <sodium.h>
#include <stdlib.h>

struct raw {
	dl_items_fn *fn;
	void *arg;
	size_t max; /* bytes whose base64 is an item's */
	struct dl_buf bytes, item;
	size_t total;
};

static void *
open_raw(const struct dl_items_options *o, dl_items_fn *fn, void *arg,
    struct dl_err *err)
{
	struct raw *r = dl_calloc(1, sizeof(*r));

	(void)err;
	r->fn = fn;
	r->arg = arg;
	r->max = (o->max_item - 2) / 4 * 3; /* two are its quotes */
	return r;
}

static void
start_raw(void *reader)
{
	struct raw *r = reader;

	r->total = 0;
	dl_buf_clear(&r->bytes);
}

static int
feed_raw(void *reader, const char *p, size_t n, struct dl_err *err)
{
	struct raw *r = reader;

	(void)err;
	r->total += n;
	if (r->total <= r->max) {
		dl_buf_add(&r->bytes, p, n);
		return 0;
	}
	if (r->bytes.len < DL_LINE_KEEP)
		dl_buf_add(&r->bytes, p, n < DL_LINE_KEEP ? n : DL_LINE_KEEP);
	if (r->bytes.len > DL_LINE_KEEP)
		r->bytes.len = DL_LINE_KEEP;
	return 0;
}

static void
put_base64(struct dl_buf *b, struct dl_span bytes)
{
	const int kind = sodium_base64_VARIANT_ORIGINAL;
	size_t room = sodium_base64_encoded_len(bytes.len, kind);

	dl_buf_room(b, room);
	sodium_bin2base64(b->p + b->len, room, (const unsigned char *)bytes.p,
	    bytes.len, kind);
	b->len += room - 1; /* without its NUL */
}

static int
end_raw(void *reader, struct dl_err *err)
{
	struct raw *r = reader;
	struct dl_err bad = {0};

	if (r->total > r->max) {
		dl_err_data(&bad,
		    "a document of %zu bytes, longer than 3/4 of max_item",
		    r->total);
		return r->fn(r->arg, dl_buf_as_span(&r->bytes), r->total,
		    "too-long", &bad, err);
	}
	dl_buf_clear(&r->item);
	dl_buf_addc(&r->item, '"');
	put_base64(&r->item, dl_buf_as_span(&r->bytes));
	dl_buf_addc(&r->item, '"');
	return r->fn(
	    r->arg, dl_buf_as_span(&r->item), r->item.len, NULL, NULL, err);
}

static void
close_raw(void *reader)
{
	struct raw *r = reader;

	dl_buf_release(&r->bytes);
	dl_buf_release(&r->item);
	free(r);
}

const struct dl_items_kind dl_items_kind_raw = {
    .open = open_raw,
    .start = start_raw,
    .feed = feed_raw,
    .end = end_raw,
    .close = close_raw,
};
