/* expand: packed bytes in any chunks, several members, what is broken. */
#include "expand.h"

#include "buf.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#define ZLIB_CONST
#include <zlib.h>
#include <zstd.h>

static int
take(void *arg, const char *p, size_t n, struct dl_err *err)
{
	(void)err;
	assert_true(n > 0);
	dl_buf_add(arg, p, n);
	return 0;
}

static int
run(enum dl_expand_kind kind, struct dl_span packed, size_t chunk,
    struct dl_buf *got, struct dl_err *err)
{
	struct dl_expand *x = dl_expand_new(kind, take, got);
	int r = 0;

	*err = (struct dl_err){0};
	dl_buf_clear(got);
	for (size_t i = 0; r == 0 && i < packed.len; i += chunk) {
		size_t n = packed.len - i < chunk ? packed.len - i : chunk;
		char *copy = dl_alloc(n);

		memcpy(copy, packed.p + i, n);
		r = dl_expand_feed(x, copy, n, err);
		free(copy);
	}
	if (r == 0)
		r = dl_expand_end(x, err);
	dl_expand_free(x);
	return r;
}

static void
expect(enum dl_expand_kind kind, struct dl_span packed, struct dl_span want)
{
	static const size_t chunks[] = {1, 2, 3, 17, 1000000};

	for (size_t i = 0; i < sizeof(chunks) / sizeof(*chunks); i++) {
		struct dl_buf got = {0};
		struct dl_err err;

		if (run(kind, packed, chunks[i], &got, &err) < 0)
			fail_msg("%s", err.msg);
		assert_int_equal(got.len, want.len);
		if (want.len > 0)
			assert_memory_equal(got.p, want.p, want.len);
		dl_buf_release(&got);
	}
}

static void
expect_error(enum dl_expand_kind kind, struct dl_span packed, const char *want)
{
	static const size_t chunks[] = {1, 3, 1000000};

	for (size_t i = 0; i < sizeof(chunks) / sizeof(*chunks); i++) {
		struct dl_buf got = {0};
		struct dl_err err;

		assert_int_equal(run(kind, packed, chunks[i], &got, &err), -1);
		assert_int_equal(err.status, DL_EXIT_DATA);
		if (strstr(err.msg, want) == NULL)
			fail_msg("'%s', not '%s'", err.msg, want);
		dl_buf_release(&got);
	}
}

static void
add_zlib(struct dl_buf *b, struct dl_span text, int bits)
{
	z_stream z = {0};
	static char room[1 << 20];

	assert_int_equal(
	    deflateInit2(&z, 6, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (const Bytef *)text.p;
	z.avail_in = (uInt)text.len;
	z.next_out = (Bytef *)room;
	z.avail_out = sizeof(room);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	dl_buf_add(b, room, sizeof(room) - z.avail_out);
	deflateEnd(&z);
}

static void
add_zstd(struct dl_buf *b, struct dl_span text)
{
	size_t most = ZSTD_compressBound(text.len), n;
	char *room = dl_alloc(most);

	n = ZSTD_compress(room, most, text.p, text.len, 3);
	assert_false(ZSTD_isError(n));
	dl_buf_add(b, room, n);
	free(room);
}

static struct dl_span
sample(void)
{
	static char text[600000];

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)('a' + i * i % 23 + i / 100000);
	return dl_span(text, sizeof(text));
}

static void
each_kind_is_told_by_its_first_bytes(void **state)
{
	struct dl_span text = sample();
	struct dl_buf b = {0};

	(void)state;
	add_zlib(&b, text, 15 + 16);
	expect(DL_EXPAND_AUTO, dl_buf_as_span(&b), text);
	expect(DL_EXPAND_GZIP, dl_buf_as_span(&b), text);
	expect(DL_EXPAND_NONE, dl_buf_as_span(&b), dl_buf_as_span(&b));
	dl_buf_clear(&b);
	add_zlib(&b, text, 15);
	expect(DL_EXPAND_AUTO, dl_buf_as_span(&b), text);
	expect(DL_EXPAND_DEFLATE, dl_buf_as_span(&b), text);
	dl_buf_clear(&b);
	add_zstd(&b, text);
	expect(DL_EXPAND_AUTO, dl_buf_as_span(&b), text);
	expect(DL_EXPAND_ZSTD, dl_buf_as_span(&b), text);
	dl_buf_clear(&b);
	add_zlib(&b, text, -15);
	expect(DL_EXPAND_DEFLATE, dl_buf_as_span(&b), text);
	dl_buf_release(&b);
}

static void
what_is_not_packed_stays_as_it_is(void **state)
{
	static const char *const texts[] = {"", "x", "(", "(x", "x^2\n", "\x1f",
	    "\x1f\x8b", "\x28\xb5\x2f", "P", "P*", "{\"a\":1}"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		expect(DL_EXPAND_AUTO, dl_span_str(texts[i]),
		    dl_span_str(texts[i]));
}

static void
members_and_frames_follow_each_other(void **state)
{
	struct dl_buf b = {0};

	(void)state;
	add_zlib(&b, DL_SPAN("one,"), 15 + 16);
	add_zlib(&b, DL_SPAN(""), 15 + 16);
	add_zlib(&b, DL_SPAN("two"), 15 + 16);
	dl_buf_add(&b, "\0\0\0", 3);
	expect(DL_EXPAND_AUTO, dl_buf_as_span(&b), DL_SPAN("one,two"));
	dl_buf_clear(&b);
	dl_buf_add(&b, "\x5a\x2a\x4d\x18\x02\0\0\0hi", 10);
	add_zstd(&b, DL_SPAN("one,"));
	add_zstd(&b, DL_SPAN(""));
	add_zstd(&b, DL_SPAN("two"));
	expect(DL_EXPAND_AUTO, dl_buf_as_span(&b), DL_SPAN("one,two"));
	dl_buf_release(&b);
}

static void
what_is_broken_is_an_error(void **state)
{
	struct dl_span text = {sample().p, 5000};
	struct dl_buf b = {0};

	(void)state;
	add_zlib(&b, text, 15 + 16);
	expect_error(DL_EXPAND_AUTO, dl_span(b.p, b.len - 1), "too early");
	expect_error(DL_EXPAND_AUTO, dl_span(b.p, 5), "too early");
	expect_error(DL_EXPAND_ZSTD, dl_buf_as_span(&b), "the zstd is corrupt");
	dl_buf_adds(&b, "rest");
	expect_error(DL_EXPAND_AUTO, dl_buf_as_span(&b), "the gzip is corrupt");
	b.p[b.len - 10] ^= 1; /* in its checksum */
	expect_error(
	    DL_EXPAND_AUTO, dl_buf_as_span(&b), "incorrect data check");
	dl_buf_clear(&b);
	add_zstd(&b, text);
	expect_error(DL_EXPAND_AUTO, dl_span(b.p, b.len - 1), "too early");
	expect_error(DL_EXPAND_GZIP, dl_buf_as_span(&b), "the gzip is corrupt");
	dl_buf_adds(&b, "rest");
	expect_error(DL_EXPAND_AUTO, dl_buf_as_span(&b), "the zstd is corrupt");
	dl_buf_clear(&b);
	add_zlib(&b, text, 15);
	dl_buf_addc(&b, 'x');
	expect_error(DL_EXPAND_AUTO, dl_buf_as_span(&b), "follows its end");
	expect_error(DL_EXPAND_GZIP, dl_span("", 0), "too early");
	expect_error(DL_EXPAND_DEFLATE, dl_span("x", 1), "too early");
	dl_buf_release(&b);
}

static int
count(void *arg, const char *p, size_t n, struct dl_err *err)
{
	(void)p, (void)err;
	*(uint64_t *)arg += n;
	return 0;
}

static void
a_bomb_is_put_out(void **state)
{
	struct dl_span zeros = {dl_calloc(1, 64 << 20), 64 << 20};
	struct dl_buf frame = {0};
	uint64_t out = 0;
	struct dl_expand *x = dl_expand_new(DL_EXPAND_AUTO, count, &out);
	struct dl_err err = {0};
	int r = 0, fed = 0;

	(void)state;
	add_zstd(&frame, zeros);
	for (; r == 0 && fed < 100; fed++)
		r = dl_expand_feed(x, frame.p, frame.len, &err);
	assert_int_equal(r, -1);
	assert_true(out <= 256 << 20);
	assert_non_null(strstr(err.msg, "more than 1100 times"));
	/* It begins anew, and a short one is let through. */
	dl_expand_start(x);
	err = (struct dl_err){0};
	assert_int_equal(dl_expand_feed(x, frame.p, frame.len, &err), 0);
	assert_int_equal(dl_expand_end(x, &err), 0);
	dl_expand_free(x);
	dl_buf_release(&frame);
	free((char *)zeros.p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_kind_is_told_by_its_first_bytes),
	    cmocka_unit_test(what_is_not_packed_stays_as_it_is),
	    cmocka_unit_test(members_and_frames_follow_each_other),
	    cmocka_unit_test(what_is_broken_is_an_error),
	    cmocka_unit_test(a_bomb_is_put_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
