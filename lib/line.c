#include "line.h"

#include "io.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#define READ_BYTES (256 << 10)

void
dl_line_init(struct dl_line *l, int fd, const char *name)
{
	*l = (struct dl_line){.fd = fd, .name = name, .max = DL_LINE_DEFAULT};
	dl_widen_pipe(fd);
}

void
dl_line_release(struct dl_line *l)
{
	dl_buf_release(&l->buf);
}

/* Move what is unread to the front, so that a read fits behind it. */
static void
make_room(struct dl_line *l)
{
	size_t left = l->buf.len - l->pos;

	if (l->pos > 0 && left > 0)
		memmove(l->buf.p, l->buf.p + l->pos, left);
	l->buf.len = left;
	l->scanned -= l->pos;
	l->pos = 0;
	dl_buf_room(&l->buf, READ_BYTES + DL_LINE_PAD);
}

static enum dl_line_result
wait_for(struct dl_line *l, int wait_ms, struct dl_err *err)
{
	struct pollfd p = {.fd = l->fd, .events = POLLIN};
	int r;

	if (wait_ms < 0)
		return DL_LINE_RECORD;
	r = poll(&p, 1, wait_ms);
	if (r > 0)
		return DL_LINE_RECORD;
	if (r == 0 || errno == EINTR)
		return DL_LINE_IDLE;
	dl_err_errno(err, "cannot poll %s", l->name);
	return DL_LINE_FAIL;
}

/* Read more: DL_LINE_RECORD when something came, DL_LINE_END at the end. */
static enum dl_line_result
fill(struct dl_line *l, int wait_ms, struct dl_err *err)
{
	enum dl_line_result w;
	ssize_t r;

	if (l->eof)
		return DL_LINE_END;
	if ((w = wait_for(l, wait_ms, err)) != DL_LINE_RECORD)
		return w;
	make_room(l);
	do
		r = read(l->fd, l->buf.p + l->buf.len, READ_BYTES);
	while (r < 0 && errno == EINTR);
	if (r < 0) {
		dl_err_errno(err, "cannot read %s", l->name);
		return DL_LINE_FAIL;
	}
	if (r == 0) {
		l->eof = true;
		return DL_LINE_END;
	}
	l->buf.len += (size_t)r;
	return DL_LINE_RECORD;
}

/* Hand out what stands before the newline at nl (or the torn end). */
static enum dl_line_result
hand_out(struct dl_line *l, size_t nl, struct dl_span *rec)
{
	*rec = dl_span(l->buf.p + l->pos, nl - l->pos);
	l->pos = l->scanned = nl < l->buf.len ? nl + 1 : nl;
	l->number++;
	if (l->long_bytes == 0 && rec->len <= l->max)
		return DL_LINE_RECORD;
	l->long_bytes += rec->len;
	if (rec->len > DL_LINE_KEEP)
		rec->len = DL_LINE_KEEP;
	return DL_LINE_LONG;
}

/*
 * The record at hand has outgrown max: of all its bytes only the first
 * DL_LINE_KEEP stay in the buffer, whatever is still to come.
 */
static void
drop_middle(struct dl_line *l)
{
	size_t have = l->buf.len - l->pos;

	if (have <= l->max || have <= DL_LINE_KEEP)
		return;
	l->long_bytes += have - DL_LINE_KEEP;
	l->buf.len = l->pos + DL_LINE_KEEP;
	l->scanned = l->buf.len;
}

static enum dl_line_result
at_end(struct dl_line *l, struct dl_span *rec, struct dl_err *err)
{
	if (l->pos == l->buf.len)
		return DL_LINE_END;
	if (l->torn_ok)
		return hand_out(l, l->buf.len, rec);
	l->number++;
	dl_err_data(err,
	    "%s ends in the middle of line %llu (%zu bytes without a newline): "
	    "did its writer die?",
	    l->name, (unsigned long long)l->number, l->buf.len - l->pos);
	return DL_LINE_FAIL;
}

enum dl_line_result
dl_line_next(
    struct dl_line *l, int wait_ms, struct dl_span *rec, struct dl_err *err)
{
	/* A record reported as too long is done with; one being cut is not. */
	if (l->pos == l->scanned)
		l->long_bytes = 0;
	for (;;) {
		char *nl = NULL;
		enum dl_line_result r;

		if (l->scanned < l->buf.len)
			nl = memchr(l->buf.p + l->scanned, '\n',
			    l->buf.len - l->scanned);
		if (nl != NULL)
			return hand_out(l, (size_t)(nl - l->buf.p), rec);
		l->scanned = l->buf.len;
		drop_middle(l);
		r = fill(l, wait_ms, err);
		if (r == DL_LINE_END)
			return at_end(l, rec, err);
		if (r != DL_LINE_RECORD)
			return r;
	}
}

uint64_t
dl_count_lines(const char *p, size_t n)
{
	const char *stop = p + n, *nl;
	uint64_t lines = 0;

	while (p < stop && (nl = memchr(p, '\n', (size_t)(stop - p))) != NULL) {
		lines++;
		p = nl + 1;
	}
	return lines;
}
