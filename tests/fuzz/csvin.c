/*
 * csvin on any bytes: every row handed out is JSON, and how the text is cut
 * into chunks makes no difference.
 */
#include "csvin.h"

#include "json.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
take(void *arg, struct dl_span item, size_t total, const char *code,
    const struct dl_err *bad, struct dl_err *err)
{
	struct dl_buf *b = arg;

	if ((code == NULL) != (bad == NULL))
		abort();
	if (bad == NULL && dl_json_check(item, err) < 0)
		abort();
	if (bad == NULL && item.len > 300)
		abort();
	dl_buf_adds(b, code == NULL ? "+" : code);
	dl_buf_printf(b, "%zu", total);
	dl_buf_span(b, item);
	return 0;
}

static void
run(struct dl_buf *b, const char *p, size_t n, size_t chunk)
{
	struct dl_column_rules rules = {.strings = n % 2 == 1};
	struct dl_csvin *c = dl_csvin_new(',', &rules, 300, take, b);
	struct dl_err err = {0};
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i += chunk)
		r = dl_csvin_feed(
		    c, p + i, n - i < chunk ? n - i : chunk, &err);
	if (r == 0)
		r = dl_csvin_end(c, &err);
	dl_buf_printf(b, "%d%s", r, err.msg);
	dl_csvin_free(c);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dl_buf whole = {0}, cut = {0};
	size_t chunk;

	if (size == 0)
		return 0;
	chunk = data[0] % 64 + 1;
	run(&whole, (const char *)data + 1, size - 1, size);
	run(&cut, (const char *)data + 1, size - 1, chunk);
	if (!dl_span_eq(dl_buf_as_span(&whole), dl_buf_as_span(&cut)))
		abort();
	dl_buf_release(&whole);
	dl_buf_release(&cut);
	return 0;
}
