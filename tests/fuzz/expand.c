/*
 * expand on any bytes: it ends, and what came out whole is the same however the
 * bytes are cut.
 */
#include "expand.h"

#include "buf.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
take(void *arg, const char *p, size_t n, struct dl_err *err)
{
	struct dl_buf *b = arg;

	if (n == 0)
		abort();
	/* Enough to compare. */
	if (b->len < 1 << 20)
		dl_buf_add(b, p, n < 1 << 20 ? n : 1 << 20);
	if (b->len > 1 << 20)
		b->len = 1 << 20;
	(void)err;
	return 0;
}

static int
run(struct dl_buf *b, enum dl_expand_kind kind, const char *p, size_t n,
    size_t chunk)
{
	struct dl_expand *x = dl_expand_new(kind, take, b);
	struct dl_err err = {0};
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i += chunk)
		r = dl_expand_feed(
		    x, p + i, n - i < chunk ? n - i : chunk, &err);
	if (r == 0)
		r = dl_expand_end(x, &err);
	dl_expand_free(x);
	return r;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dl_buf whole = {0}, cut = {0};
	enum dl_expand_kind kind;
	const char *p = (const char *)data + 1;
	int r;

	if (size < 2)
		return 0;
	kind = data[0] % (DL_EXPAND_DEFLATE + 1);
	r = run(&whole, kind, p, size - 1, size);
	if (r != run(&cut, kind, p, size - 1, data[0] / 8 + 1))
		abort();
	/* What came out of the broken may break off elsewhere. */
	if (r == 0 && !dl_span_eq(dl_buf_as_span(&whole), dl_buf_as_span(&cut)))
		abort();
	dl_buf_release(&whole);
	dl_buf_release(&cut);
	return 0;
}
