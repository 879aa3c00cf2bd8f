/*
 * Any document, whole, in chunks and byte by byte: the same elements and the
 * same end.  A document that is valid is taken to its end.  The first byte of
 * the input says which path, the second how it is cut.
 */
#include "json_stream.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LIMIT 200

#define REQUIRE(cond) \
	do { \
		if (!(cond)) \
			abort(); \
	} while (0)

static int
note(void *arg, struct dl_span item, size_t total, const struct dl_err *bad,
    struct dl_err *err)
{
	struct dl_buf *log = arg;
	struct dl_err none = {0};

	(void)err;
	REQUIRE(item.len <= total);
	if (bad == NULL)
		REQUIRE(item.len == total && total <= LIMIT &&
			dl_json_check(item, &none) == 0);
	dl_buf_printf(log, "%zu %s ", total, bad == NULL ? "" : bad->msg);
	dl_buf_span(log, item);
	dl_buf_addc(log, '\n');
	return 0;
}

/* Chunks of different sizes, which seed makes up; 0: all at once. */
static int
run(size_t npath, struct dl_span text, unsigned seed, struct dl_buf *log)
{
	static const struct dl_span path[] = {{"a", 1}, {"b", 1}};
	struct dl_json_stream *s;
	struct dl_err err = {0};
	int r = 0;

	s = dl_json_stream_new(path, npath, LIMIT, note, log);
	for (size_t i = 0, n; i < text.len && r == 0; i += n) {
		char *copy;

		n = seed == 0 ? text.len : 1 + (seed >> (i & 7)) % 70;
		if (n > text.len - i)
			n = text.len - i;
		/* The bytes are gone after each call. */
		copy = dl_alloc(n);
		memcpy(copy, text.p + i, n);
		r = dl_json_stream_feed(s, copy, n, &err);
		free(copy);
	}
	if (r == 0)
		r = dl_json_stream_end(s, &err);
	REQUIRE((r == 0) == (err.status == DL_EXIT_OK));
	dl_buf_printf(log, "%d %s", r, err.msg);
	dl_json_stream_free(s);
	return r;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dl_buf whole = {0}, cut = {0}, each = {0};
	struct dl_span text, v;
	struct dl_err err = {0};
	int r;

	if (size < 3)
		return 0;
	text = dl_span((const char *)data + 2, size - 2);
	r = run(data[0] % 3, text, 0, &whole);
	REQUIRE(run(data[0] % 3, text, data[1] | 1u, &cut) == r);
	REQUIRE(dl_span_eq(dl_buf_as_span(&whole), dl_buf_as_span(&cut)));
	if (data[0] % 3 == 0 && dl_json_check(text, &err) == 0)
		REQUIRE(r == 0 && dl_json_value(text, &v) == 0);
	run(data[0] % 3, text, 1, &each);
	REQUIRE(dl_span_eq(dl_buf_as_span(&whole), dl_buf_as_span(&each)));
	dl_buf_release(&whole);
	dl_buf_release(&cut);
	dl_buf_release(&each);
	return 0;
}
