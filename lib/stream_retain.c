#include "stream_retain.h"

#include "io.h"
#include "line.h"
#include "log.h"
#include "stream_consumers.h"
#include "stream_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOST_MAX (1 << 20)
#define READ_BYTES (256 << 10)
#define ACTIVE_SHARE 8 /* of retain_ms: how old the active one gets */

/* Count the lines of a segment from offset on. */
static int
count_lines(const char *dir, const struct dl_segment *s, uint64_t from,
    uint64_t *n, struct dl_err *err)
{
	struct dl_buf b = {0};
	char path[PATH_MAX];
	ssize_t got = -1;
	int fd;

	*n = 0;
	if (dl_segment_path(path, dir, s->start, "ndjson", err) < 0)
		return -1;
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return dl_err_errno(err, "cannot open '%s'", path);
	dl_buf_room(&b, READ_BYTES);
	while (
	    (got = pread(fd, b.p, READ_BYTES, (off_t)(from - s->start))) > 0) {
		*n += dl_count_lines(b.p, (size_t)got);
		from += (uint64_t)got;
	}
	if (got < 0)
		dl_err_errno(err, "cannot read '%s'", path);
	close(fd);
	dl_buf_release(&b);
	return got < 0 ? -1 : 0;
}

/* Drop the older half of the file once it has grown too large. */
static int
trim_lost(const char *path, struct dl_err *err)
{
	struct dl_buf b = {0};
	const char *nl;
	int r = -1;

	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	if (dl_read_file(path, 4 * LOST_MAX, &b, err) < 0)
		goto out;
	r = 0;
	if (b.len > LOST_MAX &&
	    (nl = memchr(b.p + b.len / 2, '\n', b.len - b.len / 2)) != NULL)
		r = dl_replace_file(
		    path, dl_span(nl + 1, (size_t)(b.p + b.len - nl - 1)), err);
out:
	dl_buf_release(&b);
	return r;
}

/* Half a line, of a crash, must not swallow the next. */
static int
end_line(int fd, const char *path, struct dl_err *err)
{
	off_t size = lseek(fd, 0, SEEK_END);
	char last;

	if (size <= 0 || (pread(fd, &last, 1, size - 1) == 1 && last == '\n'))
		return 0;
	return dl_write_all(fd, "\n", 1, path, err);
}

static int
append_lost(const char *path, const struct dl_buf *b, struct dl_err *err)
{
	int fd, r;

	if (trim_lost(path, err) < 0)
		return -1;
	fd = open(
	    path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (fd < 0)
		return dl_err_errno(err, "cannot open '%s'", path);
	r = end_line(fd, path, err);
	if (r == 0)
		r = dl_write_all(fd, b->p, b->len, path, err);
	if (r == 0 && fsync(fd) < 0)
		r = dl_err_errno(err, "cannot sync '%s'", path);
	close(fd);
	return r == 0 ? dl_sync_parent(path, err) : -1;
}

static void
print_lost(struct dl_buf *b, const struct dl_consumer *c,
    const struct dl_segment *s, uint64_t from, uint64_t records)
{
	char time[DL_TIME_MAX];
	struct dl_time now;
	uint64_t to = s->start + s->size;

	dl_now(&now);
	dl_time_print(&now, time);
	dl_buf_printf(b,
	    "{\"consumer\":\"%s\",\"from\":\"%020llu\",\"to\":\"%020llu\","
	    "\"records\":%llu,\"bytes\":%llu,\"time\":\"%s\"}\n",
	    c->key, (unsigned long long)from, (unsigned long long)to,
	    (unsigned long long)records, (unsigned long long)(to - from), time);
	dl_log(DL_LOG_WARN,
	    "retention takes %llu events (%llu bytes) that consumer '%s' has "
	    "not read, from offset %020llu on",
	    (unsigned long long)records, (unsigned long long)(to - from),
	    c->name, (unsigned long long)from);
}

/* Say, durably, what the consumers lose when the segment goes. */
static int
count_losses(const char *dir, const struct dl_segment *s,
    const struct dl_consumers *consumers, struct dl_err *err)
{
	struct dl_buf b = {0};
	char path[PATH_MAX];
	uint64_t records, from;
	int r = dl_stream_file(path, dir, "lost", err);

	for (size_t i = 0; r == 0 && i < consumers->n; i++) {
		const struct dl_consumer *c = &consumers->v[i];

		if (c->position >= s->start + s->size)
			continue;
		from = c->position < s->start ? s->start : c->position;
		r = count_lines(dir, s, from, &records, err);
		if (r == 0)
			print_lost(&b, c, s, from, records);
	}
	if (r == 0 && b.len > 0)
		r = append_lost(path, &b, err);
	dl_buf_release(&b);
	return r;
}

static int
remove_file(
    const char *dir, uint64_t start, const char *ending, struct dl_err *err)
{
	char path[PATH_MAX];

	if (dl_segment_path(path, dir, start, ending, err) < 0)
		return -1;
	if (unlink(path) < 0 && errno != ENOENT)
		return dl_err_errno(err, "cannot remove '%s'", path);
	dl_log(DL_LOG_DEBUG, "retention removed '%s'", path);
	return 0;
}

/* One after the other: of several a crash must not keep the older ones. */
static int
remove_segment(const char *dir, const struct dl_segment *s, struct dl_err *err)
{
	if (remove_file(dir, s->start, "ndjson", err) < 0)
		return -1;
	return dl_sync_dir(dir, err);
}

/* Has every consumer read the segment to its end? */
static bool
is_read(const struct dl_consumers *c, const struct dl_segment *s, uint64_t end)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].position < s->start + s->size ||
		    c->v[i].position > end) /* of another log than this */
			return false;
	return true;
}

static bool
is_old(int64_t time_ms, int64_t age_ms)
{
	struct dl_time now;

	dl_now(&now);
	return now.sec * 1000 + now.nsec / 1000000 - time_ms > age_ms;
}

/* When the active segment was begun, as far as its file system tells. */
static int64_t
begun_ms(const struct dl_stream_log *l)
{
#ifdef STATX_BTIME
	struct statx st;

	if (statx(l->fd, "", AT_EMPTY_PATH, STATX_BTIME, &st) == 0 &&
	    (st.stx_mask & STATX_BTIME) != 0)
		return st.stx_btime.tv_sec * 1000 +
		       st.stx_btime.tv_nsec / 1000000;
#endif
	return INT64_MAX;
}

/* Nobody is registered, and nobody is waited for: that should be known. */
static void
tell_nobody(struct dl_stream_retain *how, const struct dl_segment *s)
{
	if (!how->told)
		dl_log(DL_LOG_WARN,
		    "retention removes what no consumer is registered to read, "
		    "from offset %020llu on",
		    (unsigned long long)s->start);
	how->told = true;
}

/* May the segment go?  What is lost by it is said before it does. */
static int
may_go(struct dl_stream_retain *how, const struct dl_stream_log *l,
    const struct dl_segment *s, const struct dl_consumers *consumers,
    uint64_t n, struct dl_err *err)
{
	bool large = how->retain_bytes > 0 &&
	             l->end - s->start + n > (uint64_t)how->retain_bytes;

	if (how->retain_ms > 0 && is_old(s->mtime_ms, how->retain_ms)) {
		/* On a full disk this makes the room to say so. */
		if (remove_file(l->dir, s->start, "index", err) < 0 ||
		    count_losses(l->dir, s, consumers, err) < 0)
			return -1;
		return 1;
	}
	if (!large || !is_read(consumers, s, l->end))
		return 0;
	if (consumers->n == 0)
		tell_nobody(how, s);
	return remove_file(l->dir, s->start, "index", err) < 0 ? -1 : 1;
}

static int
remove_oldest(struct dl_stream_retain *how, struct dl_stream_log *l,
    const struct dl_segments *s, uint64_t n, uint64_t *oldest,
    struct dl_err *err)
{
	struct dl_consumers consumers = {0};
	bool limited = how->retain_ms > 0 || how->retain_bytes > 0;
	size_t i = 0;
	int r = 1;

	if (limited && s->n > 1 &&
	    dl_consumers_list(&consumers, how->home, how->prefix, err) < 0)
		r = -1;
	for (; r > 0 && limited && i + 1 < s->n; i++) {
		r = may_go(how, l, &s->v[i], &consumers, n, err);
		if (r <= 0)
			break;
		if (remove_segment(l->dir, &s->v[i], err) < 0)
			r = -1;
	}
	dl_consumers_release(&consumers);
	*oldest = i < s->n ? s->v[i].start : l->start;
	return r < 0 ? -1 : 0;
}

int
dl_stream_retain(struct dl_stream_retain *how, struct dl_stream_log *l,
    uint64_t n, uint64_t *oldest, struct dl_err *err)
{
	struct dl_segments s = {0};
	int r = dl_segments_list(&s, l->dir, err);

	if (r == 0)
		r = remove_oldest(how, l, &s, n, oldest, err);
	/* A slow stream's lines are old long before they fill a segment. */
	if (r == 0 && how->retain_ms > 0 &&
	    is_old(begun_ms(l), how->retain_ms / ACTIVE_SHARE))
		r = dl_stream_log_rotate(l, err);
	dl_segments_release(&s);
	return r;
}

/* A line of DIR/lost that is key's. */
static bool
read_lost(struct dl_span line, struct dl_span key, uint64_t *from, uint64_t *to,
    uint64_t *records)
{
	const char *p = line.p;
	unsigned long long f, t, n;
	char name[DL_STREAM_KEY_MAX], text[512];

	snprintf(text, sizeof(text), "%.*s",
	    line.len < sizeof(text) ? (int)line.len : (int)sizeof(text) - 1, p);
	if (sscanf(text,
		"{\"consumer\":\"%200[^\"]\",\"from\":\"%20llu\","
		"\"to\":\"%20llu\",\"records\":%20llu",
		name, &f, &t, &n) != 4 ||
	    !dl_span_is(key, name))
		return false;
	*from = f;
	*to = t;
	*records = n;
	return true;
}

int
dl_stream_lost(const char *dir, struct dl_span key, uint64_t from, uint64_t to,
    uint64_t *records, struct dl_err *err)
{
	struct dl_buf b = {0};
	struct dl_span rest, line;
	char path[PATH_MAX];
	uint64_t f, t, n;
	int r = -1;

	*records = 0;
	if (dl_stream_file(path, dir, "lost", err) < 0)
		return -1;
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	if (dl_read_file(path, 4 * LOST_MAX, &b, err) < 0)
		goto out;
	r = 0;
	rest = dl_buf_as_span(&b);
	while (dl_stream_line(&rest, &line))
		/* One that a crash made come twice counts once. */
		if (read_lost(line, key, &f, &t, &n) && t > from && t <= to) {
			/* Of what it had read in part, about its share. */
			if (f < from)
				n = (uint64_t)((double)n * (double)(t - from) /
					       (double)(t - f));
			*records += n;
			from = t;
		}
out:
	dl_buf_release(&b);
	return r;
}
