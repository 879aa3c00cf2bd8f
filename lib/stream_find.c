/* Times to offsets: where in a stream something was recorded. */
#include "stream_dir.h"
#include "stream_index.h"

#include "io.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#define FIND_TRIES 10

/*
 * Keep an index that had to be made, for the next one who asks.  Whoever may
 * not write here does without.
 */
static void
keep_index(const char *dir, uint64_t start, const struct dl_stream_index *x)
{
	struct dl_err ignored = {0};
	struct dl_buf b = {0};
	char path[PATH_MAX], lock[PATH_MAX], segment[PATH_MAX];
	int fd;

	if (dl_segment_path(path, dir, start, "index", &ignored) < 0 ||
	    dl_segment_path(segment, dir, start, "ndjson", &ignored) < 0 ||
	    dl_stream_file(lock, dir, ".lock", &ignored) < 0 ||
	    (fd = open(lock, O_RDWR | O_CLOEXEC | O_NOFOLLOW)) < 0)
		return;
	/* Not one that retention has just removed. */
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && access(segment, F_OK) == 0) {
		for (size_t i = 0; i < x->n; i++)
			dl_stream_mark_print(&b, &x->v[i]);
		(void)dl_replace_file(path, dl_buf_as_span(&b), &ignored);
		dl_buf_release(&b);
	}
	close(fd);
}

int
dl_stream_segment_index(struct dl_stream_index *x, const char *dir,
    uint64_t start, uint64_t end, bool complete, struct dl_err *err)
{
	char path[PATH_MAX];
	size_t before;
	int fd, r;

	if (dl_segment_path(path, dir, start, "ndjson", err) < 0 ||
	    dl_stream_index_load(x, dir, start, end, err) < 0)
		return -1;
	before = x->n;
	if (before > 0 && x->v[before - 1].offset == end)
		return 0;
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return dl_err_errno(err, "cannot open '%s'", path);
	r = dl_stream_index_complete(x, fd, path, start, end, err);
	close(fd);
	if (r == 0 && complete && x->n > before)
		keep_index(dir, start, x);
	return r;
}

int
dl_stream_find_from(struct dl_stream_reader *r, uint64_t from, uint64_t end,
    const struct dl_time *t, uint64_t *offset, struct dl_err *err)
{
	struct dl_event ev = {0};
	struct dl_span lines, line;
	uint64_t missed, at;
	int got = 0;

	*offset = end;
	if (dl_stream_seek(r, from, &missed, err) < 0)
		return -1;
	while (*offset == end &&
	       (got = dl_stream_read(
		    r, end, DL_STREAM_MARK_BYTES, &lines, &missed, err)) > 0) {
		at = dl_stream_tell(r) - lines.len;
		while (*offset == end && dl_stream_line(&lines, &line)) {
			struct dl_time when = dl_stream_no_time;
			struct dl_err ignored = {0};

			if (dl_event_parse(&ev, line, &ignored) == 0)
				dl_stream_time_max(&when, ev.recordedtime);
			if (dl_time_cmp(&when, t) >= 0)
				*offset = at;
			at += line.len + 1;
		}
	}
	dl_event_release(&ev);
	return got < 0 ? -1 : 0;
}

/* The last mark before which all is older than t, or the segment's start. */
static uint64_t
before(const struct dl_stream_index *x, uint64_t start, const struct dl_time *t)
{
	size_t low = 0, high = x->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (dl_time_cmp(&x->v[mid].max, t) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low == 0 ? start : x->v[low - 1].offset;
}

/* An index that lies, and tells of the middle of a line, is of no use. */
static int
find_in(struct dl_stream_reader *r, const struct dl_stream_index *x,
    uint64_t start, uint64_t end, const struct dl_time *t, uint64_t *offset,
    struct dl_err *err)
{
	uint64_t from = before(x, start, t), missed;
	struct dl_err ignored = {0};

	if (dl_stream_seek(r, from, &missed, &ignored) < 0)
		from = start;
	return dl_stream_find_from(r, from, end, t, offset, err);
}

static int
find(struct dl_stream_reader *r, const char *dir, const struct dl_time *t,
    uint64_t *offset, struct dl_err *err)
{
	struct dl_segments s = {0};
	struct dl_stream_index x = {0};
	uint64_t end;
	int got = -1;

	if (dl_stream_newest(r, &end, err) < 0 ||
	    dl_segments_list(&s, dir, err) < 0)
		goto out;
	*offset = end;
	for (size_t i = 0; i < s.n; i++) {
		uint64_t stop = s.v[i].start + s.v[i].size;
		bool last = i + 1 == s.n || stop >= end;

		if (stop > end)
			stop = end;
		if (s.v[i].start >= stop)
			break;
		if (dl_stream_segment_index(
			&x, dir, s.v[i].start, stop, !last, err) < 0)
			goto out;
		if (x.n == 0 || dl_time_cmp(&x.v[x.n - 1].max, t) < 0)
			continue;
		got = find_in(r, &x, s.v[i].start, end, t, offset, err);
		goto out;
	}
	got = 0;
out:
	dl_stream_index_release(&x);
	dl_segments_release(&s);
	return got;
}

int
dl_stream_find(struct dl_stream_reader *r, const char *dir,
    const struct dl_time *t, uint64_t *offset, struct dl_err *err)
{
	/* Retention may take what was just listed: then it is listed anew. */
	for (int i = 1; i < FIND_TRIES; i++) {
		struct dl_err gone = {0};

		if (find(r, dir, t, offset, &gone) == 0)
			return 0;
		if (gone.status != DL_EXIT_TEMP) {
			*err = gone;
			return -1;
		}
	}
	return find(r, dir, t, offset, err);
}
