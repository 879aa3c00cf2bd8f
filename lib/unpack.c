/* The reading half of codec.h. */
#include "codec.h"

#include "line.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define IN_SIZE (512 << 10)
#define OUT_ROOM (1 << 20) /* room for a decoder at a time: a frame of ours */
#define WINDOW_LOG 27      /* what zstd's own program takes */

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
	/* Unpacked: whole lines up to whole; what is before pos was handed out. */
	struct dl_buf out;
	size_t pos, whole;
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

/* Read at most n bytes of the file to p: how many, 0 at its end, -1. */
static ssize_t
read_some(struct dl_unpack *u, char *p, size_t n, struct dl_err *err)
{
	ssize_t got;

	do
		got = read(u->fd, p, n);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return dl_err_errno(err, "cannot read '%s'", u->name);
	u->eof = got == 0;
	return got;
}

/* Read more of the file behind what is left of in: 1, 0 at its end, -1. */
static int
read_more(struct dl_unpack *u, struct dl_err *err)
{
	size_t left = u->in_len - u->in_pos;
	ssize_t n;

	if (left > 0)
		memmove(u->in, u->in + u->in_pos, left);
	u->in_before += u->in_pos;
	u->in_pos = 0;
	u->in_len = left;
	n = read_some(u, u->in + left, IN_SIZE - left, err);
	if (n > 0)
		u->in_len += (size_t)n;
	return n < 0 ? -1 : n > 0;
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

/* Bytes that are not packed. */
static int
fill_plain(struct dl_unpack *u, struct dl_err *err)
{
	ssize_t n = read_some(u, u->out.p + u->out.len, OUT_ROOM, err);

	if (n <= 0)
		return (int)n;
	u->in_before += (uint64_t)n;
	u->out.len += (size_t)n;
	return 1;
}

/*
 * Unpack some more onto out: 1, 0 at the file's end, -1.  A decoder may take
 * all input and still hold output back: it is called once more with none, until
 * it gives nothing.  A frame begins with as much of it in the buffer as fits:
 * a whole one zstd unpacks in place, without a window of its own.
 */
static int
fill_packed(struct dl_unpack *u, struct dl_err *err)
{
	size_t before = u->out.len;
	int r;

	while (u->out.len == before) {
		if (!u->inside && !u->eof &&
		    u->in_len - u->in_pos < IN_SIZE / 2 &&
		    read_more(u, err) < 0)
			return -1;
		if (!u->inside && u->in_pos == u->in_len)
			return 0;
		if ((u->kind == DL_CODEC_ZSTD ? decode_zstd(u, err)
					      : decode_gzip(u, err)) < 0)
			return -1;
		if (u->out.len == before && u->inside &&
		    u->in_pos == u->in_len && (r = read_more(u, err)) <= 0)
			return r < 0 ? -1 : broken(u, "it is truncated", err);
	}
	return 1;
}

/* Move what is left to the front, so that out holds little more than a line. */
static void
make_room(struct dl_unpack *u)
{
	size_t left = u->out.len - u->whole;

	if (u->whole > 0 && left > 0)
		memmove(u->out.p, u->out.p + u->whole, left);
	u->out.len = left;
	u->pos = u->whole = 0;
	dl_buf_room(&u->out, OUT_ROOM + DL_LINE_PAD);
}

/* Is the line that out begins with, of which old bytes were there, too long? */
static bool
is_long(const struct dl_unpack *u, size_t old)
{
	const char *nl;

	if (u->out.len <= DL_LINE_MAX)
		return false;
	nl = memchr(u->out.p + old, '\n', u->out.len - old);
	return nl == NULL || nl - u->out.p > DL_LINE_MAX;
}

/* Have at least one whole line in out: 1, 0 at the end, -1. */
static int
next_lines(struct dl_unpack *u, struct dl_err *err)
{
	const char *nl = NULL;
	size_t old;
	int r;

	while (nl == NULL) {
		make_room(u);
		old = u->out.len;
		r = u->kind == DL_CODEC_NONE ? fill_plain(u, err)
		                             : fill_packed(u, err);
		if (r < 0)
			return -1;
		if (r == 0)
			return old == 0
			           ? 0
			           : broken(u, "its last line is torn", err);
		if (is_long(u, old))
			return broken(u, "a line of over 16 MiB", err);
		nl = memrchr(u->out.p + old, '\n', u->out.len - old);
	}
	u->whole = (size_t)(nl - u->out.p) + 1;
	return 1;
}

int
dl_unpack_lines(struct dl_unpack *u, struct dl_span *lines, struct dl_err *err)
{
	int r;

	if (u->pos == u->whole && (r = next_lines(u, err)) <= 0)
		return r;
	*lines = dl_span(u->out.p + u->pos, u->whole - u->pos);
	u->pos = u->whole;
	return 1;
}

int
dl_unpack_line(struct dl_unpack *u, struct dl_span *line, struct dl_err *err)
{
	const char *from, *nl;
	int r;

	if (u->pos == u->whole && (r = next_lines(u, err)) <= 0)
		return r;
	from = u->out.p + u->pos;
	nl = memchr(from, '\n', u->whole - u->pos);
	*line = dl_span(from, (size_t)(nl - from));
	u->pos += line->len + 1;
	return 1;
}
