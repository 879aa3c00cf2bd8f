#include "stream_log.h"

#include "io.h"
#include "stream_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define WRITE_BEHIND (64 << 10) /* from this size on: begin to write now */
#define TAIL_STEP 4096

/* The lock */

static int
hold(struct dl_stream_log *l, struct dl_err *err)
{
	while (flock(l->lock, LOCK_EX) < 0)
		if (errno != EINTR)
			return dl_err_errno(err, "cannot lock '%s'", l->dir);
	return 0;
}

void
dl_stream_log_unlock(struct dl_stream_log *l)
{
	(void)flock(l->lock, LOCK_UN);
}

/* Tell the other writers of the active segment. */
int
dl_stream_log_share(struct dl_stream_log *l, struct dl_err *err)
{
	struct dl_stream_mark m = {l->max, l->start};
	struct dl_buf b = {0};
	int r = 0;

	dl_stream_mark_print(&b, &m);
	if (pwrite(l->lock, b.p, b.len, 0) != (ssize_t)b.len)
		r = dl_err_errno(err, "cannot write '%s/.lock'", l->dir);
	dl_buf_release(&b);
	return r;
}

static int
read_shared(struct dl_stream_log *l, uint64_t *start, struct dl_err *err)
{
	char text[DL_STREAM_MARK_LEN];
	ssize_t n = pread(l->lock, text, sizeof(text), 0);

	if (n < 0)
		return dl_err_errno(err, "cannot read '%s/.lock'", l->dir);
	if (n != DL_STREAM_MARK_LEN || !dl_stream_time_read(text, &l->max) ||
	    !dl_offset_read(
		dl_span(text + DL_STREAM_TIME_LEN + 1, DL_OFFSET_LEN), start))
		return dl_err_data(
		    err, "'%s/.lock' does not hold a mark", l->dir);
	return 0;
}

/* Go on in the segment that begins at start, made if absent. */
int
dl_stream_log_activate(
    struct dl_stream_log *l, uint64_t start, struct dl_err *err)
{
	char index[PATH_MAX];

	if (dl_segment_path(l->path, l->dir, start, "ndjson", err) < 0 ||
	    dl_segment_path(index, l->dir, start, "index", err) < 0)
		return -1;
	if (l->fd >= 0)
		close(l->fd);
	if (l->index >= 0)
		close(l->index);
	l->index = -1;
	l->fd = open(l->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (l->fd < 0)
		return dl_err_errno(err, "cannot open '%s'", l->path);
	l->index = open(index,
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (l->index < 0)
		return dl_err_errno(err, "cannot open '%s'", index);
	l->start = l->end = l->marked = start;
	l->shared = true;
	/* Whoever made the file may have died before its name was durable. */
	return dl_sync_dir(l->dir, err);
}

/* Where the last newline before size ends, or 0. */
static int
find_last_line(
    struct dl_stream_log *l, off_t size, off_t *end, struct dl_err *err)
{
	char bytes[TAIL_STEP];
	const char *nl;

	while (size > 0) {
		off_t from = size > TAIL_STEP ? size - TAIL_STEP : 0;
		ssize_t n = pread(l->fd, bytes, (size_t)(size - from), from);

		if (n != (ssize_t)(size - from))
			return dl_err_errno(err, "cannot read '%s'", l->path);
		if ((nl = memrchr(bytes, '\n', (size_t)n)) != NULL) {
			*end = from + (nl + 1 - bytes);
			return 0;
		}
		size = from;
	}
	*end = 0;
	return 0;
}

/* Others have appended; one that died may have left half a line. */
static int
catch_up(struct dl_stream_log *l, struct dl_err *err)
{
	struct stat st;
	off_t end;

	if (fstat(l->fd, &st) < 0)
		return dl_err_errno(err, "cannot stat '%s'", l->path);
	if (l->start + (uint64_t)st.st_size == l->end)
		return 0;
	l->shared = true;
	if (find_last_line(l, st.st_size, &end, err) < 0)
		return -1;
	if (end != st.st_size && ftruncate(l->fd, end) < 0)
		return dl_err_errno(err, "cannot cut '%s'", l->path);
	l->end = l->start + (uint64_t)end;
	if (l->end < l->published)
		return dl_err_data(err,
		    "'%s' was cut short: it has less than was published",
		    l->path);
	return 0;
}

/*
 * A stream that was moved away or removed must not be filled further, nor what
 * stands in its place by now.
 */
static int
check_place(struct dl_stream_log *l, struct dl_err *err)
{
	struct stat ours, there;
	char path[PATH_MAX];

	if (dl_stream_file(path, l->dir, "end", err) < 0)
		return -1;
	if (fstat(l->end_fd, &ours) < 0)
		return dl_err_errno(err, "cannot stat '%s'", path);
	if (stat(path, &there) < 0 || there.st_dev != ours.st_dev ||
	    there.st_ino != ours.st_ino)
		return dl_err_temp(err,
		    "the stream '%s' was moved or removed while it was written",
		    l->dir);
	return 0;
}

int
dl_stream_log_lock(struct dl_stream_log *l, struct dl_err *err)
{
	uint64_t start;

	if (hold(l, err) < 0)
		return -1;
	if (check_place(l, err) < 0 || read_shared(l, &start, err) < 0 ||
	    (start != l->start && dl_stream_log_activate(l, start, err) < 0) ||
	    catch_up(l, err) < 0) {
		dl_stream_log_unlock(l);
		return -1;
	}
	return 0;
}

/* Opening and closing */

/* Is there anything in dir that no stream has?  Then it is not for one. */
static int
check_empty(const char *dir, struct dl_err *err)
{
	static const char *const ours[] = {
	    ".", "..", ".lock", ".end.tmp", "lock", "producers", "lost+found"};
	struct dl_segments s = {0};
	bool foreign = false, known;
	struct dirent *e;
	DIR *d;

	if (dl_segments_list(&s, dir, err) < 0)
		return -1;
	known = s.n > 0;
	dl_segments_release(&s);
	if (known)
		return 0;
	if ((d = opendir(dir)) == NULL)
		return dl_err_errno(err, "cannot open directory '%s'", dir);
	while (!foreign && (e = readdir(d)) != NULL) {
		foreign = true;
		for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
			if (strcmp(e->d_name, ours[i]) == 0)
				foreign = false;
	}
	closedir(d);
	return !foreign
	           ? 0
	           : dl_err_conf(err, "'%s' is not empty, and no stream", dir);
}

static int
sync_parents(const char *dir, struct dl_err *err)
{
	char copy[PATH_MAX];

	strcpy(copy, dir);
	if (dl_sync_parent(copy, err) < 0)
		return -1;
	return dl_sync_parent(dirname(copy), err);
}

static int
open_end(struct dl_stream_log *l, struct dl_err *err)
{
	char path[PATH_MAX], text[DL_STREAM_END_LEN + 1];

	if (dl_stream_file(path, l->dir, "end", err) < 0)
		return -1;
	l->end_fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (l->end_fd >= 0 || errno != ENOENT)
		return l->end_fd >= 0
		           ? 0
		           : dl_err_errno(err, "cannot open '%s'", path);
	/* Whoever made the directories may have died before a sync. */
	if (check_empty(l->dir, err) < 0 || sync_parents(l->dir, err) < 0)
		return -1;
	/* Nothing is published; dl_stream_recover() says what is there. */
	memset(text, ' ', DL_STREAM_END_LEN - 1);
	text[DL_STREAM_END_LEN - 1] = '\n';
	if (dl_replace_file(path, dl_span(text, DL_STREAM_END_LEN), err) < 0)
		return -1;
	l->end_fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	return l->end_fd >= 0 ? 0 : dl_err_errno(err, "cannot open '%s'", path);
}

static int
open_lock(struct dl_stream_log *l, struct dl_err *err)
{
	char path[PATH_MAX];

	if (dl_stream_file(path, l->dir, ".lock", err) < 0)
		return -1;
	l->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (l->lock < 0)
		return dl_err_errno(err, "cannot open '%s'", path);
	return hold(l, err);
}

int
dl_stream_log_open(struct dl_stream_log *l, const char *dir,
    uint64_t segment_bytes, uint64_t least, struct dl_err *err)
{
	int r;

	*l = (struct dl_stream_log){.segment_bytes = segment_bytes,
	    .lock = -1,
	    .end_fd = -1,
	    .fd = -1,
	    .index = -1};
	if (dl_stream_file(l->dir, dir, "", err) < 0 || dl_mkdirs(dir, err) < 0)
		return -1;
	l->dir[strlen(dir)] = '\0';
	if (open_lock(l, err) < 0)
		return -1;
	if ((r = open_end(l, err)) == 0)
		r = dl_stream_recover(l, least, err);
	dl_stream_log_unlock(l);
	return r;
}

/*
 * An older end, after a power cut, hides what is durable until the next writer
 * looks.  No promise needs it to be new, so a failure is no matter.
 */
static void
keep_end(const struct dl_stream_log *l)
{
	if (l->end_fd >= 0)
		(void)fdatasync(l->end_fd);
}

void
dl_stream_log_close(struct dl_stream_log *l)
{
	const int fds[] = {l->lock, l->end_fd, l->fd, l->index};

	keep_end(l);
	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	l->lock = l->end_fd = l->fd = l->index = -1;
}

/* Appending */

/* The index is only a help: what does not fit on the disk is left out. */
static void
write_marks(struct dl_stream_log *l, const struct dl_buf *b)
{
	ssize_t n = write(l->index, b->p, b->len);
	struct stat st;

	if (n == (ssize_t)b->len || n <= 0 || fstat(l->index, &st) < 0)
		return;
	(void)!ftruncate(
	    l->index, st.st_size - st.st_size % DL_STREAM_MARK_LEN);
}

/* before: the greatest time of what the segment had already. */
static void
write_index(struct dl_stream_log *l, const struct dl_stream_index *marks,
    const struct dl_time *before)
{
	struct dl_buf b = {0};

	for (size_t i = 0; i < marks->n; i++) {
		struct dl_stream_mark m = marks->v[i];

		if (dl_time_cmp(before, &m.max) > 0)
			m.max = *before;
		m.offset += l->end;
		l->marked = m.offset;
		dl_stream_mark_print(&b, &m);
	}
	if (b.len > 0)
		write_marks(l, &b);
	dl_buf_release(&b);
}

bool
dl_stream_log_is_full(const struct dl_stream_log *l, size_t n)
{
	return l->end > l->start && l->end - l->start + n > l->segment_bytes;
}

int
dl_stream_log_rotate(struct dl_stream_log *l, struct dl_err *err)
{
	struct dl_stream_mark last = {l->max, l->end};
	struct dl_buf b = {0};

	if (l->end == l->start)
		return 0;
	if (fdatasync(l->fd) < 0)
		return dl_err_errno(err, "cannot sync '%s'", l->path);
	keep_end(l);
	dl_stream_mark_print(&b, &last);
	write_marks(l, &b);
	dl_buf_release(&b);
	l->max = dl_stream_no_time;
	l->start = l->end;
	if (dl_stream_log_share(l, err) < 0)
		return -1;
	return dl_stream_log_activate(l, l->end, err);
}

/* Write all of bytes at the log's end, or leave it as it was. */
static int
write_bytes(struct dl_stream_log *l, struct dl_span bytes, struct dl_err *err)
{
	off_t at = (off_t)(l->end - l->start), from = at;

	while (bytes.len > 0) {
		ssize_t n = pwrite(l->fd, bytes.p, bytes.len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			dl_err_errno(err, "cannot write '%s'", l->path);
			(void)!ftruncate(l->fd, from);
			return -1;
		}
		bytes.p += n;
		bytes.len -= (size_t)n;
		at += n;
	}
#ifdef __linux__
	/* So that there is less left to write when it is to be durable. */
	if (at - from >= WRITE_BEHIND)
		(void)sync_file_range(
		    l->fd, from, at - from, SYNC_FILE_RANGE_WRITE);
#endif
	return 0;
}

int
dl_stream_log_append(struct dl_stream_log *l, struct dl_span bytes,
    const struct dl_stream_index *marks, const struct dl_time *max,
    struct dl_err *err)
{
	struct dl_time before;

	if (dl_stream_log_is_full(l, bytes.len) &&
	    dl_stream_log_rotate(l, err) < 0)
		return -1;
	before = l->max;
	/* Said too early it is only too great, which loses nothing. */
	if (dl_time_cmp(max, &l->max) > 0) {
		l->max = *max;
		if (dl_stream_log_share(l, err) < 0)
			return -1;
	}
	if (write_bytes(l, bytes, err) < 0)
		return -1;
	write_index(l, marks, &before);
	l->end += bytes.len;
	return 0;
}

int
dl_stream_log_sync(struct dl_stream_log *l, struct dl_err *err)
{
	/* What went into an older segment was synced before this one began. */
	if (l->end > l->flushed && fdatasync(l->fd) < 0)
		return dl_err_errno(err, "cannot sync '%s'", l->path);
	l->flushed = l->end;
	return 0;
}

static int
sync_file(int dir, const char *name, const char *path, struct dl_err *err)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), r = 0;

	if (fd < 0 && errno == ENOENT) /* a temporary, in its place by now */
		return 0;
	if (fd < 0 || fdatasync(fd) < 0)
		r = dl_err_errno(err, "cannot sync '%s/%s'", path, name);
	if (fd >= 0)
		close(fd);
	return r;
}

/*
 * What others have appended is about to be published, perhaps before they do
 * it: then their journals must be durable, too.
 */
static int
sync_producers(const char *dir, struct dl_err *err)
{
	char path[PATH_MAX];
	struct dirent *e;
	int r = 0;
	DIR *d;

	if (dl_stream_file(path, dir, "producers", err) < 0)
		return -1;
	if ((d = opendir(path)) == NULL)
		return errno == ENOENT
		           ? 0
		           : dl_err_errno(
				 err, "cannot open directory '%s'", path);
	for (errno = 0; r == 0 && (e = readdir(d)) != NULL; errno = 0)
		if (e->d_name[0] != '.')
			r = sync_file(dirfd(d), e->d_name, path, err);
	if (r == 0 && errno != 0)
		r = dl_err_errno(err, "cannot list '%s'", path);
	/* One that was replaced is durable when its name is. */
	if (r == 0 && fsync(dirfd(d)) < 0)
		r = dl_err_errno(err, "cannot sync '%s'", path);
	closedir(d);
	return r;
}

int
dl_stream_log_publish_locked(struct dl_stream_log *l, struct dl_err *err)
{
	char text[DL_STREAM_END_LEN + 1];
	uint64_t now;
	int r;

	if (check_place(l, err) < 0 ||
	    (l->shared && sync_producers(l->dir, err) < 0) ||
	    (r = dl_stream_end_read(l->end_fd, l->dir, &now, err)) < 0)
		return -1;
	dl_stream_end_print(l->flushed, text);
	/* Another writer may have come further. */
	if ((r == 0 || now < l->flushed) &&
	    pwrite(l->end_fd, text, DL_STREAM_END_LEN, 0) != DL_STREAM_END_LEN)
		return dl_err_errno(err, "cannot write '%s/end'", l->dir);
	l->published = l->flushed;
	l->shared = false;
	return 0;
}

int
dl_stream_log_publish(struct dl_stream_log *l, struct dl_err *err)
{
	int r;

	if (l->flushed <= l->published)
		return 0;
	if (hold(l, err) < 0)
		return -1;
	r = dl_stream_log_publish_locked(l, err);
	dl_stream_log_unlock(l);
	return r;
}
