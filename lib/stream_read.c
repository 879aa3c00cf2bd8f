/* The reading half of stream.h. */
#include "stream_dir.h"
#include "stream_index.h"

#include "io.h"
#include "line.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_MOST (2 * (size_t)DL_LINE_MAX)
#define LIST_TRIES 100

struct dl_stream_reader {
	char dir[PATH_MAX], end_path[PATH_MAX], path[PATH_MAX];
	int end_fd, fd; /* fd: the segment that begins at start; or -1 */
	uint64_t start, pos;
	struct dl_buf buf;
};

static int
open_end(struct dl_stream_reader *r, bool *absent, struct dl_err *err)
{
	struct dl_segments s = {0};
	struct dl_err ignored = {0};

	r->end_fd = open(r->end_path, O_RDONLY | O_CLOEXEC);
	if (r->end_fd >= 0)
		return 0;
	*absent = errno == ENOENT;
	if (*absent && dl_segments_list(&s, r->dir, &ignored) == 0 && s.n > 0) {
		*absent = false;
		dl_segments_release(&s);
		return dl_err_data(err,
		    "'%s' is missing, but there are segments: dl-stream-put "
		    "makes it again (with no input, too)",
		    r->end_path);
	}
	dl_segments_release(&s);
	if (*absent)
		return dl_err_temp(err,
		    "there is no stream in '%s' (nothing was put into it yet)",
		    r->dir);
	return dl_err_errno(err, "cannot open '%s'", r->end_path);
}

struct dl_stream_reader *
dl_stream_open_read(const char *dir, bool *absent, struct dl_err *err)
{
	struct dl_stream_reader *r = dl_calloc(1, sizeof(*r));

	r->end_fd = r->fd = -1;
	*absent = false;
	if (dl_stream_file(r->end_path, dir, "end", err) == 0) {
		strcpy(r->dir, dir);
		if (open_end(r, absent, err) == 0)
			return r;
	}
	dl_stream_close_read(r);
	return NULL;
}

void
dl_stream_close_read(struct dl_stream_reader *r)
{
	if (r == NULL)
		return;
	if (r->fd >= 0)
		close(r->fd);
	if (r->end_fd >= 0)
		close(r->end_fd);
	dl_buf_release(&r->buf);
	free(r);
}

const char *
dl_stream_end_path(const struct dl_stream_reader *r)
{
	return r->end_path;
}

uint64_t
dl_stream_tell(const struct dl_stream_reader *r)
{
	return r->pos;
}

int
dl_stream_oldest(
    struct dl_stream_reader *r, uint64_t *offset, struct dl_err *err)
{
	struct dl_segments s = {0};
	/* First the end: a log that is filled meanwhile must not be skipped. */
	int got = dl_stream_newest(r, offset, err);

	if (got == 0)
		got = dl_segments_list(&s, r->dir, err);
	if (got == 0 && s.n > 0)
		*offset = s.v[0].start;
	dl_segments_release(&s);
	return got;
}

/* No end is there yet, or what is there is damaged: what is surely durable. */
static int
last_segment(struct dl_stream_reader *r, uint64_t *offset, struct dl_err *err)
{
	struct dl_segments s = {0};
	int got = dl_segments_list(&s, r->dir, err);

	*offset = s.n > 0 ? s.v[s.n - 1].start : 0;
	dl_segments_release(&s);
	return got;
}

int
dl_stream_newest(
    struct dl_stream_reader *r, uint64_t *offset, struct dl_err *err)
{
	struct stat ours, there;
	bool absent;
	int got;

	/* A stream that was moved away may have been made anew; copying one
	 * (rsync) puts a new file in its place. */
	if (fstat(r->end_fd, &ours) == 0 && stat(r->end_path, &there) == 0 &&
	    (ours.st_ino != there.st_ino || ours.st_dev != there.st_dev)) {
		close(r->end_fd);
		if (open_end(r, &absent, err) < 0)
			return -1;
	}
	got = dl_stream_end_read(r->end_fd, r->end_path, offset, err);
	return got == 0 ? last_segment(r, offset, err) : got < 0 ? -1 : 0;
}

/* Positions */

static int
open_segment(struct dl_stream_reader *r, uint64_t start, struct dl_err *err)
{
	if (r->fd >= 0)
		close(r->fd);
	if (dl_segment_path(r->path, r->dir, start, "ndjson", err) < 0)
		return -1;
	r->fd = open(r->path, O_RDONLY | O_CLOEXEC);
	r->start = start;
	return r->fd >= 0 || errno == ENOENT
	           ? 0
	           : dl_err_errno(err, "cannot open '%s'", r->path);
}

/* Does a line begin at pos? */
static int
check_begin(struct dl_stream_reader *r, struct dl_err *err)
{
	char before;
	ssize_t n;

	if (r->pos == r->start)
		return 0;
	n = pread(r->fd, &before, 1, (off_t)(r->pos - r->start - 1));
	if (n < 0)
		return dl_err_errno(err, "cannot read '%s'", r->path);
	if (n == 1 && before == '\n')
		return 0;
	return dl_err_data(err, "'%s': no event begins at offset %020llu",
	    r->dir, (unsigned long long)r->pos);
}

/* Open the segment of s that pos lies in, or the oldest if it is gone. */
static int
enter(struct dl_stream_reader *r, const struct dl_segments *s, uint64_t *missed,
    struct dl_err *err)
{
	const struct dl_segment *last = s->n == 0 ? NULL : &s->v[s->n - 1];
	uint64_t offset = r->pos;
	size_t i;

	if (s->n == 0 && offset == 0)
		return open_segment(r, 0, err);
	if (last == NULL || offset > last->start + last->size)
		return dl_err_data(err,
		    "'%s' ends before offset %020llu: is it another stream "
		    "than it was?  -s oldest begins anew",
		    r->dir, (unsigned long long)offset);
	if (offset < s->v[0].start) {
		*missed += s->v[0].start - offset; /* perhaps again */
		r->pos = s->v[0].start;
	}
	for (i = s->n - 1; s->v[i].start > r->pos; i--)
		;
	return open_segment(r, s->v[i].start, err);
}

/* Go to where offset is, whether or not a line begins there. */
static int
locate(struct dl_stream_reader *r, uint64_t offset, uint64_t *missed,
    struct dl_err *err)
{
	struct dl_segments s = {0};
	int got = 0;

	*missed = 0;
	r->pos = offset;
	/* Retention may take what was just listed: then it is listed anew. */
	for (int i = 0; got == 0 && i < LIST_TRIES; i++) {
		got = dl_segments_list(&s, r->dir, err);
		if (got == 0)
			got = enter(r, &s, missed, err);
		if (got == 0 && (r->fd >= 0 || s.n == 0))
			got = 1;
	}
	dl_segments_release(&s);
	if (got == 0)
		return dl_err_temp(err, "'%s' is changing too fast", r->dir);
	return got < 0 ? -1 : 0;
}

int
dl_stream_seek(struct dl_stream_reader *r, uint64_t offset, uint64_t *missed,
    struct dl_err *err)
{
	return locate(r, offset, missed, err) < 0 ? -1 : check_begin(r, err);
}

/* The first beginning of a line at offset or after it. */
static int
align(struct dl_stream_reader *r, uint64_t *offset, struct dl_err *err)
{
	char bytes[4096];
	const char *nl;
	uint64_t missed, at;
	ssize_t n;

	if (locate(r, *offset, &missed, err) < 0)
		return -1;
	*offset = r->pos;
	for (at = r->pos; at > r->start; at += (uint64_t)n) {
		n = pread(
		    r->fd, bytes, sizeof(bytes), (off_t)(at - r->start - 1));
		if (n < 0)
			return dl_err_errno(err, "cannot read '%s'", r->path);
		if (n == 0)
			break;
		nl = memchr(bytes, '\n', (size_t)n);
		if (nl != NULL) {
			*offset = at + (uint64_t)(nl - bytes);
			break;
		}
	}
	return 0;
}

int
dl_stream_seek_near(
    struct dl_stream_reader *r, uint64_t from, uint64_t *to, struct dl_err *err)
{
	uint64_t end, missed;

	if (dl_stream_newest(r, &end, err) < 0)
		return -1;
	if (*to > end)
		*to = end;
	if (from >= *to)
		return 0;
	if (align(r, to, err) < 0 || align(r, &from, err) < 0)
		return -1;
	if (from >= *to)
		return 0;
	return dl_stream_seek(r, from, &missed, err) < 0 ? -1 : 1;
}

/* The segment has ended, or was not there: go on in the one at pos. */
static int
next_segment(struct dl_stream_reader *r, uint64_t *missed, struct dl_err *err)
{
	uint64_t pos = r->pos;

	/* Unless it is the one at pos, and what was published is not there. */
	if (r->fd < 0 || r->start != pos) {
		if (open_segment(r, pos, err) < 0)
			return -1;
		if (r->fd >= 0)
			return 0;
		if (dl_stream_seek(r, pos, missed, err) < 0)
			return -1;
		if (*missed > 0 || (r->fd >= 0 && r->start == pos))
			return 0;
	}
	return dl_err_temp(err,
	    "'%s' ends at %020llu, and nothing follows: is it a copy that is "
	    "not complete?",
	    r->path, (unsigned long long)pos);
}

/* Reading */

/* Read up to n bytes at pos: how many, 0 at the segment's end, -1. */
static ssize_t
read_bytes(struct dl_stream_reader *r, size_t n, struct dl_err *err)
{
	ssize_t got;

	dl_buf_clear(&r->buf);
	dl_buf_room(&r->buf, n + DL_LINE_PAD);
	if (r->fd < 0)
		return 0;
	do
		got = pread(r->fd, r->buf.p, n, (off_t)(r->pos - r->start));
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return dl_err_errno(err, "cannot read '%s'", r->path);
	return got;
}

int
dl_stream_read(struct dl_stream_reader *r, uint64_t until, size_t max,
    struct dl_span *lines, uint64_t *missed, struct dl_err *err)
{
	const char *nl;
	ssize_t n;

	*missed = 0;
	while (r->pos < until) {
		size_t want = until - r->pos < max ? until - r->pos : max;

		if ((n = read_bytes(r, want, err)) < 0)
			return -1;
		if (n == 0) {
			if (next_segment(r, missed, err) < 0)
				return -1;
			if (*missed > 0) {
				*lines = dl_span("", 0);
				return 1;
			}
			continue;
		}
		nl = memrchr(r->buf.p, '\n', (size_t)n);
		if (nl != NULL) {
			*lines = dl_span(r->buf.p, (size_t)(nl + 1 - r->buf.p));
			r->pos += lines->len;
			return 1;
		}
		if (want < max || max > LINE_MOST)
			return dl_err_data(err,
			    "'%s': the event at offset %020llu has no end, or "
			    "is longer than %zu bytes",
			    r->path, (unsigned long long)r->pos, LINE_MOST);
		max *= 2;
	}
	return 0;
}
