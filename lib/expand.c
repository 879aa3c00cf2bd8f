#include "expand.h"

#include "buf.h"

#include <stdint.h>
#include <stdlib.h>
#define ZLIB_CONST
#include <zlib.h>
#include <zstd.h>

#define OUT_SIZE (256 << 10)
#define WINDOW_LOG 27 /* what zstd's own program takes */
#define FREE_BYTES ((uint64_t)256 << 20)
#define RATIO_MAX 1100

struct dl_expand {
	enum dl_expand_kind asked, kind; /* kind AUTO: not told yet */
	dl_expand_fn *fn;
	void *arg;
	char head[DL_EXPAND_HEAD]; /* first bytes that don't tell it yet */
	size_t nhead;
	ZSTD_DCtx *zstd;
	z_stream z;
	bool z_open;
	bool inside; /* of a frame or member: the bytes cannot end here */
	bool cut_off;
	uint64_t in, out;
	char *room;
};

struct dl_expand *
dl_expand_new(enum dl_expand_kind kind, dl_expand_fn *fn, void *arg)
{
	struct dl_expand *x = dl_calloc(1, sizeof(*x));

	x->asked = kind;
	x->fn = fn;
	x->arg = arg;
	x->room = dl_alloc(OUT_SIZE);
	dl_expand_start(x);
	return x;
}

static void
close_decoder(struct dl_expand *x)
{
	ZSTD_freeDCtx(x->zstd);
	x->zstd = NULL;
	if (x->z_open)
		inflateEnd(&x->z);
	x->z_open = false;
}

void
dl_expand_free(struct dl_expand *x)
{
	if (x == NULL)
		return;
	close_decoder(x);
	free(x->room);
	free(x);
}

void
dl_expand_start(struct dl_expand *x)
{
	close_decoder(x);
	x->kind = DL_EXPAND_AUTO;
	x->nhead = 0;
	x->inside = x->cut_off = false;
	x->in = x->out = 0;
}

/* Zlib's two bytes: deflate, a window of 32 KiB, a checksum of the two. */
static bool
zlib_head(const unsigned char *p)
{
	return (p[0] & 0x0f) == 8 && p[0] >> 4 <= 7 &&
	       (p[0] * 256 + p[1]) % 31 == 0;
}

enum dl_expand_kind
dl_expand_tell(const char *head, size_t n)
{
	static const struct {
		enum dl_expand_kind kind;
		size_t len;
		const char *bytes;
	} magic[] = {
	    {DL_EXPAND_GZIP, 3, "\x1f\x8b\x08"},
	    {DL_EXPAND_ZSTD, 4, "\x28\xb5\x2f\xfd"},
	    {DL_EXPAND_DEFLATE, 2, "\x78\x01"},
	    {DL_EXPAND_DEFLATE, 2, "\x78\x9c"},
	    {DL_EXPAND_DEFLATE, 2, "\x78\xda"},
	};
	bool open = false;

	for (size_t i = 0; i < sizeof(magic) / sizeof(*magic); i++) {
		size_t len = n < magic[i].len ? n : magic[i].len;

		if (memcmp(head, magic[i].bytes, len) != 0)
			continue;
		if (len == magic[i].len)
			return magic[i].kind;
		open = true;
	}
	/* A frame that zstd's readers skip: 0x184D2A50 to 5F. */
	if (n > 0 && ((unsigned char)head[0] & 0xf0) == 0x50 &&
	    memcmp(head + 1, "\x2a\x4d\x18", n - 1) == 0) {
		if (n == 4)
			return DL_EXPAND_ZSTD;
		open = true;
	}
	return open ? DL_EXPAND_AUTO : DL_EXPAND_NONE;
}

static const char *
name_of(const struct dl_expand *x)
{
	return x->kind == DL_EXPAND_GZIP   ? "gzip"
	       : x->kind == DL_EXPAND_ZSTD ? "zstd"
	                                   : "deflate";
}

static int
corrupt(const struct dl_expand *x, const char *what, struct dl_err *err)
{
	return dl_err_data(err, "the %s is corrupt, after %llu bytes of it: %s",
	    name_of(x), (unsigned long long)x->in, what);
}

static int
open_decoder(struct dl_expand *x, struct dl_err *err)
{
	int bits = 15;

	x->inside = x->kind != DL_EXPAND_NONE;
	if (x->kind == DL_EXPAND_ZSTD) {
		if ((x->zstd = ZSTD_createDCtx()) == NULL ||
		    ZSTD_isError(ZSTD_DCtx_setParameter(
			x->zstd, ZSTD_d_windowLogMax, WINDOW_LOG)))
			return dl_err_temp(err, "zstd cannot start");
	} else if (x->kind != DL_EXPAND_NONE) {
		if (x->kind == DL_EXPAND_GZIP)
			bits += 16;
		else if (!zlib_head((const unsigned char *)x->head))
			bits = -bits;
		x->z = (z_stream){0};
		if (inflateInit2(&x->z, bits) != Z_OK)
			return dl_err_temp(err, "zlib cannot start");
		x->z_open = true;
	}
	return 0;
}

/* n bytes came out, and used of what went in. */
static int
give(struct dl_expand *x, size_t n, size_t used, struct dl_err *err)
{
	x->in += used;
	x->out += n;
	if (x->out > FREE_BYTES && x->out / RATIO_MAX > x->in)
		return dl_err_data(err,
		    "the %s unfolds to more than %d times its size", name_of(x),
		    RATIO_MAX);
	return n == 0 ? 0 : x->fn(x->arg, x->room, n, err);
}

static int
feed_zstd(struct dl_expand *x, const char *p, size_t n, struct dl_err *err)
{
	ZSTD_inBuffer from = {p, n, 0};
	ZSTD_outBuffer to;
	size_t before, r;

	do {
		before = from.pos;
		to = (ZSTD_outBuffer){x->room, OUT_SIZE, 0};
		r = ZSTD_decompressStream(x->zstd, &to, &from);
		if (ZSTD_isError(r))
			return corrupt(x, ZSTD_getErrorName(r), err);
		/* A call with nothing to read begins no frame. */
		if (from.pos > before || to.pos > 0)
			x->inside = r != 0;
		if (give(x, to.pos, from.pos - before, err) < 0)
			return -1;
	} while (from.pos < n || to.pos == OUT_SIZE);
	return 0;
}

/* Between two members of gzip, where zeros may stand. */
static int
next_member(struct dl_expand *x, struct dl_err *err)
{
	z_stream *z = &x->z;

	if (x->kind == DL_EXPAND_DEFLATE)
		return corrupt(x, "something follows its end", err);
	while (z->avail_in > 0 && *z->next_in == 0) {
		z->next_in++;
		z->avail_in--;
		x->in++;
	}
	if (z->avail_in == 0)
		return 0;
	x->inside = true;
	inflateReset(z);
	return 0;
}

static int
feed_zlib(struct dl_expand *x, const char *p, size_t n, struct dl_err *err)
{
	z_stream *z = &x->z;
	size_t before;
	int r;

	z->next_in = (const Bytef *)p;
	z->avail_in = (uInt)n;
	do {
		if (!x->inside && next_member(x, err) < 0)
			return -1;
		if (!x->inside)
			return 0;
		z->next_out = (Bytef *)x->room;
		z->avail_out = OUT_SIZE;
		before = z->avail_in;
		r = inflate(z, Z_NO_FLUSH);
		if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR)
			return corrupt(x,
			    z->msg != NULL ? z->msg : "it is not of its format",
			    err);
		x->inside = r != Z_STREAM_END;
		if (give(x, OUT_SIZE - z->avail_out, before - z->avail_in,
			err) < 0)
			return -1;
	} while (z->avail_in > 0 || (z->avail_out == 0 && x->inside));
	return 0;
}

static int
feed(struct dl_expand *x, const char *p, size_t n, struct dl_err *err)
{
	const size_t most = 1 << 30; /* zlib counts in 32 bits */

	if (n == 0)
		return 0;
	if (x->kind == DL_EXPAND_NONE)
		return x->fn(x->arg, p, n, err);
	if (x->kind == DL_EXPAND_ZSTD)
		return feed_zstd(x, p, n, err);
	for (; n > most; p += most, n -= most)
		if (feed_zlib(x, p, most, err) < 0)
			return -1;
	return feed_zlib(x, p, n, err);
}

/* Decide by head, of which no more is to come where ended. */
static int
decide(struct dl_expand *x, bool ended, struct dl_err *err)
{
	enum dl_expand_kind kind = x->asked;

	if (kind == DL_EXPAND_AUTO)
		kind = dl_expand_tell(x->head, x->nhead);
	else if (kind == DL_EXPAND_DEFLATE && x->nhead < 2)
		kind = DL_EXPAND_AUTO;
	if (kind == DL_EXPAND_AUTO && !ended)
		return 0;
	if (kind == DL_EXPAND_AUTO)
		kind = x->asked == DL_EXPAND_AUTO ? DL_EXPAND_NONE : x->asked;
	x->kind = kind;
	if (x->nhead < 2)
		x->head[x->nhead] = '\0';
	return open_decoder(x, err);
}

int
dl_expand_feed(struct dl_expand *x, const char *p, size_t n, struct dl_err *err)
{
	size_t before = x->nhead, used = 0;

	if (x->kind != DL_EXPAND_AUTO)
		return feed(x, p, n, err);
	while (x->kind == DL_EXPAND_AUTO && used < n) {
		x->head[x->nhead++] = p[used++];
		if (decide(x, false, err) < 0)
			return -1;
	}
	if (x->kind == DL_EXPAND_AUTO)
		return 0;
	/* In one piece, where they came so: who reads it may look at it. */
	if (before == 0)
		return feed(x, p, n, err);
	if (feed(x, x->head, x->nhead, err) < 0)
		return -1;
	return feed(x, p + used, n - used, err);
}

int
dl_expand_end(struct dl_expand *x, struct dl_err *err)
{
	if (x->kind == DL_EXPAND_AUTO &&
	    (decide(x, true, err) < 0 || feed(x, x->head, x->nhead, err) < 0))
		return -1;
	if (!x->inside)
		return 0;
	x->cut_off = x->in > 0;
	return dl_err_data(err, "the %s ends too early, after %llu bytes of it",
	    name_of(x), (unsigned long long)x->in);
}

bool
dl_expand_cut_off(const struct dl_expand *x)
{
	return x->cut_off;
}
