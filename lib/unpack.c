/* The reading half of codec.h. */
#include "codec.h"

#include "line.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define IN_SIZE (128 << 10)
#define OUT_ROOM (128 << 10) /* room for a decoder at a time */
#define WINDOW_LOG 27        /* what zstd's own program takes */

struct dl_unpack {
	int fd;
	const char *name;
	enum dl_codec_kind kind;
	ZSTD_DCtx *zstd;
	z_stream gzip;
	bool gzip_open;
	bool inside; /* of a frame: the file cannot end here */
	bool eof;
	char *in;
	size_t in_len, in_pos;
	uint64_t in_before; /* bytes of the file before in */
	struct dl_buf out;  /* unpacked; lines from pos on are not handed out */
	size_t pos, scanned;
};

static int
open_decoder(struct dl_unpack *u, struct dl_err *err)
{
	size_t r;

	if (u->kind == DL_CODEC_GZIP) {
		if (inflateInit2(&u->gzip, 15 + 16) != Z_OK)
			return dl_err_temp(err, "gzip: out of memory");
		u->gzip_open = true;
	} else if (u->kind == DL_CODEC_ZSTD) {
		if ((u->zstd = ZSTD_createDCtx()) == NULL)
			return dl_err_temp(err, "zstd: out of memory");
		r = ZSTD_DCtx_setParameter(
		    u->zstd, ZSTD_d_windowLogMax, WINDOW_LOG);
		if (ZSTD_isError(r))
			return dl_err_bug(
			    err, "zstd: %s", ZSTD_getErrorName(r));
	}
	/* Not even an empty file is without a frame. */
	u->inside = u->kind != DL_CODEC_NONE;
	return 0;
}

struct dl_unpack *
dl_unpack_new(
    int fd, const char *name, enum dl_codec_kind kind, struct dl_err *err)
{
	struct dl_unpack *u = dl_calloc(1, sizeof(*u));

	u->fd = fd;
	u->name = name;
	u->kind = kind;
	u->in = dl_alloc(IN_SIZE);
	if (open_decoder(u, err) == 0)
		return u;
	dl_unpack_free(u);
	return NULL;
}

void
dl_unpack_free(struct dl_unpack *u)
{
	if (u == NULL)
		return;
	ZSTD_freeDCtx(u->zstd);
	if (u->gzip_open)
		inflateEnd(&u->gzip);
	dl_buf_release(&u->out);
	free(u->in);
	free(u);
}

static unsigned long long
where(const struct dl_unpack *u)
{
	return (unsigned long long)(u->in_before + u->in_pos) + 1;
}

static int
broken(const struct dl_unpack *u, const char *what, struct dl_err *err)
{
	return dl_err_data(
	    err, "'%s' is corrupt at byte %llu: %s", u->name, where(u), what);
}

/* Read more of the file: 1, 0 at its end, -1. */
static int
read_more(struct dl_unpack *u, struct dl_err *err)
{
	ssize_t n;

	u->in_before += u->in_len;
	u->in_pos = u->in_len = 0;
	do
		n = read(u->fd, u->in, IN_SIZE);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return dl_err_errno(err, "cannot read '%s'", u->name);
	u->in_len = (size_t)n;
	u->eof = n == 0;
	return n > 0;
}

static int
decode_zstd(struct dl_unpack *u, struct dl_err *err)
{
	ZSTD_inBuffer from = {u->in, u->in_len, u->in_pos};
	ZSTD_outBuffer to = {u->out.p + u->out.len, OUT_ROOM, 0};
	size_t r = ZSTD_decompressStream(u->zstd, &to, &from);

	u->in_pos = from.pos;
	if (ZSTD_isError(r))
		return broken(u, ZSTD_getErrorName(r), err);
	u->out.len += to.pos;
	u->inside = r != 0;
	return 0;
}

static int
decode_gzip(struct dl_unpack *u, struct dl_err *err)
{
	z_stream *z = &u->gzip;
	int r;

	/* The member before has ended, and there are more bytes. */
	if (!u->inside && inflateReset(z) != Z_OK)
		return dl_err_bug(err, "gzip: cannot begin a member");
	z->next_in = (Bytef *)(u->in + u->in_pos);
	z->avail_in = (uInt)(u->in_len - u->in_pos);
	z->next_out = (Bytef *)(u->out.p + u->out.len);
	z->avail_out = OUT_ROOM;
	r = inflate(z, Z_NO_FLUSH);
	u->in_pos = u->in_len - z->avail_in;
	if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR)
		return broken(
		    u, z->msg == NULL ? "not a gzip member" : z->msg, err);
	u->out.len += OUT_ROOM - z->avail_out;
	u->inside = r != Z_STREAM_END;
	return 0;
}

static void
copy_plain(struct dl_unpack *u)
{
	dl_buf_add(&u->out, u->in + u->in_pos, u->in_len - u->in_pos);
	u->in_pos = u->in_len;
}

/*
 * Unpack some more onto out: 1, 0 at the file's end, -1.  A decoder may take
 * all input and still hold output back: it is called once more with none, until
 * it gives nothing.
 */
static int
fill(struct dl_unpack *u, struct dl_err *err)
{
	size_t before = u->out.len;
	int r;

	while (!u->eof) {
		dl_buf_room(&u->out, OUT_ROOM + DL_LINE_PAD);
		if (u->in_pos == u->in_len && !u->inside) {
			if ((r = read_more(u, err)) <= 0)
				return r;
		}
		if (u->kind == DL_CODEC_NONE)
			copy_plain(u);
		else if ((u->kind == DL_CODEC_ZSTD ? decode_zstd(u, err)
						   : decode_gzip(u, err)) < 0)
			return -1;
		if (u->out.len > before)
			return 1;
		if (u->in_pos == u->in_len && u->inside &&
		    (r = read_more(u, err)) <= 0)
			return r < 0 ? -1 : broken(u, "it is truncated", err);
	}
	return 0;
}

/* Move what is left to the front, so that out holds little more than a line. */
static void
make_room(struct dl_unpack *u)
{
	if (u->pos == 0)
		return;
	memmove(u->out.p, u->out.p + u->pos, u->out.len - u->pos);
	u->out.len -= u->pos;
	u->scanned -= u->pos;
	u->pos = 0;
}

int
dl_unpack_line(struct dl_unpack *u, struct dl_span *line, struct dl_err *err)
{
	const char *nl;
	int r;

	for (;;) {
		nl = u->scanned == u->out.len
		         ? NULL
		         : memchr(u->out.p + u->scanned, '\n',
			       u->out.len - u->scanned);
		if (nl != NULL)
			break;
		u->scanned = u->out.len;
		if (u->out.len - u->pos > DL_LINE_MAX)
			return broken(u, "a line of over 16 MiB", err);
		make_room(u);
		if ((r = fill(u, err)) < 0)
			return -1;
		if (r == 0 && u->out.len > u->pos)
			return broken(u, "its last line is torn", err);
		if (r == 0)
			return 0;
	}
	*line = dl_span(u->out.p + u->pos, (size_t)(nl - (u->out.p + u->pos)));
	u->pos = u->scanned = (size_t)(nl - u->out.p) + 1;
	return 1;
}
