/* codec.h: what is packed is unpacked; what is broken says where. */
#include "codec.h"
#include "line.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <unistd.h>

static const char *const all[] = {"zstd", "gzip", "none", "zstd:1", "gzip:9"};
#define NALL (sizeof(all) / sizeof(all[0]))

static struct dl_codec
codec_of(const char *text)
{
	struct dl_err err = {0};
	struct dl_codec c;

	assert_int_equal(dl_codec_parse(text, &c, &err), 0);
	return c;
}

/* A file of bytes, unlinked, read from its start. */
static int
file_of(struct dl_span bytes)
{
	char path[] = "/tmp/dl-codec-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	unlink(path);
	assert_int_equal(write(fd, bytes.p, bytes.len), (ssize_t)bytes.len);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static void
pack(const struct dl_codec *c, struct dl_span text, size_t frame, size_t piece,
    struct dl_buf *out)
{
	struct dl_err err = {0};
	struct dl_packer *p = dl_packer_new(c, &err);
	size_t at, from, n, m;

	assert_non_null(p);
	for (at = 0; at < text.len; at += n) {
		n = text.len - at < frame ? text.len - at : frame;
		assert_int_equal(dl_packer_begin(p, n, &err), 0);
		for (from = 0; from < n; from += m) {
			m = n - from < piece ? n - from : piece;
			assert_int_equal(
			    dl_packer_add(p, dl_span(text.p + at + from, m),
				from + m == n, out, &err),
			    0);
		}
	}
	dl_packer_free(p);
}

/* Unpack all lines, each with its newline, onto out. */
static int
unpack(struct dl_span packed, enum dl_codec_kind kind, struct dl_buf *out,
    struct dl_err *err)
{
	int fd = file_of(packed), r;
	struct dl_unpack *u = dl_unpack_new(fd, "x", kind, err);
	struct dl_span line;

	assert_non_null(u);
	while ((r = dl_unpack_line(u, &line, err)) > 0) {
		dl_buf_span(out, line);
		dl_buf_addc(out, '\n');
	}
	dl_unpack_free(u);
	close(fd);
	return r;
}

static void
make_text(struct dl_buf *b, size_t n)
{
	uint64_t x = 1;

	while (b->len < n) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		dl_buf_printf(b, "{\"n\":%llu,\"text\":\"%.*s\"}\n",
		    (unsigned long long)(x >> 40), (int)(x >> 59),
		    "abcdefghijklmnopqrstuvwxyz0123456789");
	}
}

static void
round_trips(void **state)
{
	static const size_t frames[] = {1, 100, 65536, 1 << 30};
	struct dl_buf text = {0}, packed = {0}, out = {0};
	struct dl_err err = {0};
	struct dl_codec c;
	size_t i, f;

	(void)state;
	for (i = 0; i < NALL; i++)
		for (f = 0; f < sizeof(frames) / sizeof(frames[0]); f++) {
			c = codec_of(all[i]);
			text.len = packed.len = out.len = 0;
			make_text(&text, frames[f] < 100 ? 500 : 300000);
			pack(&c, dl_buf_as_span(&text), frames[f],
			    frames[f] / 3 + 1, &packed);
			assert_int_equal(
			    unpack(dl_buf_as_span(&packed), c.kind, &out, &err),
			    0);
			assert_true(dl_span_eq(
			    dl_buf_as_span(&text), dl_buf_as_span(&out)));
		}
	dl_buf_release(&text);
	dl_buf_release(&packed);
	dl_buf_release(&out);
}

/* Cut anywhere, a file gives its first lines and an error, never a wrong one. */
static void
truncated(void **state)
{
	struct dl_buf text = {0}, packed = {0}, out = {0};
	struct dl_codec c;
	size_t i, n;
	int r;

	(void)state;
	make_text(&text, 1000);
	for (i = 0; i < NALL; i++) {
		c = codec_of(all[i]);
		packed.len = 0;
		pack(&c, dl_buf_as_span(&text), 400, 400, &packed);
		for (n = 0; n < packed.len; n++) {
			struct dl_err err = {0};

			out.len = 0;
			r = unpack(dl_span(packed.p, n), c.kind, &out, &err);
			assert_true(out.len <= text.len);
			if (out.len > 0)
				assert_memory_equal(out.p, text.p, out.len);
			/* Only an end between frames and lines is unseen. */
			if (r == 0)
				assert_true(out.len == n || out.len % 400 == 0);
			else
				assert_int_equal(err.status, DL_EXIT_DATA);
		}
	}
	dl_buf_release(&text);
	dl_buf_release(&packed);
	dl_buf_release(&out);
}

/* With its checksums, a packed file never gives other bytes for one flipped. */
static void
flipped(void **state)
{
	struct dl_buf text = {0}, packed = {0}, out = {0};
	struct dl_codec c;
	size_t i, n;

	(void)state;
	make_text(&text, 1000);
	for (i = 0; i < 2; i++) {
		c = codec_of(all[i]);
		packed.len = 0;
		pack(&c, dl_buf_as_span(&text), 1 << 20, 1 << 20, &packed);
		for (n = 0; n < packed.len; n++) {
			struct dl_err err = {0};

			out.len = 0;
			packed.p[n] ^= 0x10;
			if (unpack(dl_buf_as_span(&packed), c.kind, &out,
				&err) == 0)
				assert_true(dl_span_eq(dl_buf_as_span(&text),
				    dl_buf_as_span(&out)));
			else
				assert_non_null(strstr(err.msg, "at byte "));
			packed.p[n] ^= 0x10;
		}
	}
	dl_buf_release(&text);
	dl_buf_release(&packed);
	dl_buf_release(&out);
}

/* 100 MB of one byte in a few kilobytes: a line too long, in little memory. */
static void
bombs(void **state)
{
	struct dl_buf text = {0}, packed = {0}, out = {0};
	struct dl_codec c;
	size_t i, n;

	(void)state;
	dl_buf_room(&text, 1 << 20);
	memset(text.p, 'x', text.len = 1 << 20);
	for (i = 0; i < 2; i++) {
		struct dl_err err = {0};

		c = codec_of(all[i]);
		packed.len = out.len = 0;
		for (n = 0; n < 100; n++)
			pack(&c, dl_buf_as_span(&text), text.len, text.len,
			    &packed);
		assert_int_equal(
		    unpack(dl_buf_as_span(&packed), c.kind, &out, &err), -1);
		assert_non_null(strstr(err.msg, "over 16 MiB"));
		assert_int_equal(out.len, 0);
	}
	dl_buf_release(&text);
	dl_buf_release(&packed);
	dl_buf_release(&out);
}

/* Lines come in blocks, whole; one at the limit is taken, one over it is not. */
static void
blocks(void **state)
{
	struct dl_buf text = {0}, packed = {0};
	size_t i, over, at;
	struct dl_codec c;
	int r;

	(void)state;
	for (i = 0; i < NALL; i++)
		for (over = 0; over < 2; over++) {
			struct dl_err err = {0};
			struct dl_unpack *u;
			struct dl_span lines;
			int fd;

			c = codec_of(all[i]);
			text.len = packed.len = at = 0;
			make_text(&text, 3 << 20);
			dl_buf_room(&text, DL_LINE_MAX + 2);
			memset(text.p + text.len, 'x', DL_LINE_MAX + over);
			text.len += DL_LINE_MAX + over;
			dl_buf_adds(&text, "\nend\n");
			pack(&c, dl_buf_as_span(&text), 1 << 20, 1 << 20,
			    &packed);
			fd = file_of(dl_buf_as_span(&packed));
			u = dl_unpack_new(fd, "x", c.kind, &err);
			assert_non_null(u);
			while ((r = dl_unpack_lines(u, &lines, &err)) > 0) {
				assert_true(lines.len > 0);
				assert_int_equal(lines.p[lines.len - 1], '\n');
				assert_true(at + lines.len <= text.len);
				assert_memory_equal(
				    lines.p, text.p + at, lines.len);
				at += lines.len;
			}
			assert_int_equal(r, over ? -1 : 0);
			if (over)
				assert_non_null(strstr(err.msg, "over 16 MiB"));
			assert_int_equal(
			    at, over ? text.len - DL_LINE_MAX - over - 5
				     : text.len);
			dl_unpack_free(u);
			close(fd);
		}
	dl_buf_release(&text);
	dl_buf_release(&packed);
}

static void
names(void **state)
{
	static const char *const bad[] = {"", "zst", "zstd:", "zstd:0",
	    "zstd:20", "zstd:-1", "gzip:10", "none:1", "zstd9", "ZSTD"};
	struct dl_codec c = codec_of("zstd:9");
	enum dl_codec_kind kind;
	size_t i;

	(void)state;
	assert_int_equal(c.kind, DL_CODEC_ZSTD);
	assert_int_equal(c.level, 9);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct dl_err err = {0};

		assert_int_equal(dl_codec_parse(bad[i], &c, &err), -1);
		assert_int_equal(err.status, DL_EXIT_USAGE);
	}
	assert_true(dl_codec_of_name(DL_SPAN("a.ndjson.gz"), &kind));
	assert_int_equal(kind, DL_CODEC_GZIP);
	assert_true(dl_codec_of_name(DL_SPAN("a.ndjson"), &kind));
	assert_int_equal(kind, DL_CODEC_NONE);
	assert_false(dl_codec_of_name(DL_SPAN(".ndjson"), &kind));
	assert_false(dl_codec_of_name(DL_SPAN("a.json"), &kind));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(round_trips),
	    cmocka_unit_test(truncated),
	    cmocka_unit_test(flipped),
	    cmocka_unit_test(bombs),
	    cmocka_unit_test(blocks),
	    cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
