#include "codec.h"

#include "num.h"

#include <limits.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#define PIECE (64 << 10) /* room given to a compressor at a time */

static const struct codec_name {
	const char *name, *suffix;
	int level, most;
} names[] = {
    [DL_CODEC_NONE] = {"none", ".ndjson", 0, 0},
    [DL_CODEC_GZIP] = {"gzip", ".ndjson.gz", 6, 9},
    [DL_CODEC_ZSTD] = {"zstd", ".ndjson.zst", 3, 19},
};
#define NNAMES (sizeof(names) / sizeof(names[0]))

struct dl_packer {
	struct dl_codec codec;
	ZSTD_CCtx *zstd;
	z_stream gzip;
	bool gzip_open;
};

static int
parse_level(const char *text, const struct codec_name *n, int *level)
{
	struct dl_err ignored = {0};
	int64_t v;

	if (*text == '\0') {
		*level = n->level;
		return 0;
	}
	if (*text != ':' ||
	    dl_num_count(dl_span_str(text + 1), &v, &ignored) < 0 || v < 1 ||
	    v > n->most)
		return -1;
	*level = (int)v;
	return 0;
}

int
dl_codec_parse(const char *text, struct dl_codec *c, struct dl_err *err)
{
	size_t i, len;

	for (i = 0; i < NNAMES; i++) {
		len = strlen(names[i].name);
		if (strncmp(text, names[i].name, len) != 0 ||
		    parse_level(text + len, &names[i], &c->level) < 0)
			continue;
		c->kind = (enum dl_codec_kind)i;
		return 0;
	}
	return dl_err_usage(err,
	    "'%s' is not a codec (zstd, zstd:1 to zstd:19, gzip, gzip:1 to "
	    "gzip:9, none)",
	    text);
}

const char *
dl_codec_suffix(enum dl_codec_kind kind)
{
	return names[kind].suffix;
}

bool
dl_codec_of_name(struct dl_span name, enum dl_codec_kind *kind)
{
	size_t i, len;

	for (i = 0; i < NNAMES; i++) {
		len = strlen(names[i].suffix);
		if (name.len <= len ||
		    memcmp(name.p + name.len - len, names[i].suffix, len) != 0)
			continue;
		*kind = (enum dl_codec_kind)i;
		return true;
	}
	return false;
}

static int
zstd_fail(size_t r, struct dl_err *err)
{
	return dl_err_temp(err, "zstd: %s", ZSTD_getErrorName(r));
}

static int
open_zstd(struct dl_packer *p, struct dl_err *err)
{
	size_t r;

	if ((p->zstd = ZSTD_createCCtx()) == NULL)
		return dl_err_temp(err, "zstd: out of memory");
	r = ZSTD_CCtx_setParameter(
	    p->zstd, ZSTD_c_compressionLevel, p->codec.level);
	if (!ZSTD_isError(r))
		r = ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_checksumFlag, 1);
	return ZSTD_isError(r) ? zstd_fail(r, err) : 0;
}

static int
open_gzip(struct dl_packer *p, struct dl_err *err)
{
	/* 15 bits of window, and 16 for gzip's header and checksum. */
	if (deflateInit2(&p->gzip, p->codec.level, Z_DEFLATED, 15 + 16, 8,
		Z_DEFAULT_STRATEGY) != Z_OK)
		return dl_err_temp(err, "gzip: out of memory");
	p->gzip_open = true;
	return 0;
}

struct dl_packer *
dl_packer_new(const struct dl_codec *c, struct dl_err *err)
{
	struct dl_packer *p = dl_calloc(1, sizeof(*p));
	int r = 0;

	p->codec = *c;
	if (c->kind == DL_CODEC_ZSTD)
		r = open_zstd(p, err);
	else if (c->kind == DL_CODEC_GZIP)
		r = open_gzip(p, err);
	if (r == 0)
		return p;
	dl_packer_free(p);
	return NULL;
}

void
dl_packer_free(struct dl_packer *p)
{
	if (p == NULL)
		return;
	ZSTD_freeCCtx(p->zstd);
	if (p->gzip_open)
		deflateEnd(&p->gzip);
	free(p);
}

int
dl_packer_begin(struct dl_packer *p, size_t total, struct dl_err *err)
{
	size_t r;

	if (p->codec.kind == DL_CODEC_GZIP && deflateReset(&p->gzip) != Z_OK)
		return dl_err_bug(err, "gzip: cannot begin a member");
	if (p->codec.kind != DL_CODEC_ZSTD)
		return 0;
	r = ZSTD_CCtx_reset(p->zstd, ZSTD_reset_session_only);
	if (!ZSTD_isError(r))
		r = ZSTD_CCtx_setPledgedSrcSize(p->zstd, total);
	return ZSTD_isError(r) ? zstd_fail(r, err) : 0;
}

static int
add_zstd(struct dl_packer *p, struct dl_span piece, bool last,
    struct dl_buf *out, struct dl_err *err)
{
	ZSTD_EndDirective how = last ? ZSTD_e_end : ZSTD_e_continue;
	ZSTD_inBuffer from = {piece.p, piece.len, 0};
	ZSTD_outBuffer to;
	size_t r;

	do {
		dl_buf_room(out, PIECE);
		to = (ZSTD_outBuffer){out->p + out->len, PIECE, 0};
		r = ZSTD_compressStream2(p->zstd, &to, &from, how);
		if (ZSTD_isError(r))
			return zstd_fail(r, err);
		out->len += to.pos;
	} while (last ? r != 0 : from.pos < from.size);
	return 0;
}

static int
add_gzip(struct dl_packer *p, struct dl_span piece, bool last,
    struct dl_buf *out, struct dl_err *err)
{
	z_stream *z = &p->gzip;
	int r;

	if (piece.len > UINT_MAX)
		return dl_err_bug(err, "gzip: a piece of over 4 GiB");
	z->next_in = (Bytef *)(uintptr_t)piece.p;
	z->avail_in = (uInt)piece.len;
	do {
		dl_buf_room(out, PIECE);
		z->next_out = (Bytef *)(out->p + out->len);
		z->avail_out = PIECE;
		r = deflate(z, last ? Z_FINISH : Z_NO_FLUSH);
		if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR)
			return dl_err_bug(err, "gzip: deflate: %d", r);
		out->len += PIECE - z->avail_out;
	} while (last ? r != Z_STREAM_END : z->avail_in > 0);
	return 0;
}

int
dl_packer_add(struct dl_packer *p, struct dl_span piece, bool last,
    struct dl_buf *out, struct dl_err *err)
{
	switch (p->codec.kind) {
	case DL_CODEC_ZSTD:
		return add_zstd(p, piece, last, out, err);
	case DL_CODEC_GZIP:
		return add_gzip(p, piece, last, out, err);
	case DL_CODEC_NONE:
		break;
	}
	dl_buf_span(out, piece);
	return 0;
}
