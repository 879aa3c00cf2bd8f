#include "lake_manifest.h"

#include "clock.h"
#include "io.h"
#include "line.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define TAIL_STEP (64 << 10)

static void
add_sha256(struct dl_buf *b, struct dl_span s)
{
	unsigned char sum[crypto_hash_sha256_BYTES];
	size_t i;

	crypto_hash_sha256(sum, (const unsigned char *)s.p, s.len);
	for (i = 0; i < sizeof(sum); i++)
		dl_buf_printf(b, "%02x", sum[i]);
}

static int
read_at(int fd, const char *path, uint64_t at, char *p, size_t n,
    struct dl_err *err)
{
	ssize_t r;

	while (n > 0) {
		if ((r = pread(fd, p, n, (off_t)at)) < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return dl_err_errno(err, "cannot read '%s'", path);
		p += r;
		at += (uint64_t)r;
		n -= (size_t)r;
	}
	return 0;
}

/*
 * Find the manifest's last whole line by reading backwards.  *end is where it
 * ends, newline included: what follows is torn.
 */
static int
last_line(int fd, const char *path, struct dl_buf *tail, struct dl_span *line,
    uint64_t *end, struct dl_err *err)
{
	struct stat st;
	uint64_t size, want = TAIL_STEP;
	const char *nl, *before;

	*line = dl_span("", 0);
	*end = 0;
	if (fstat(fd, &st) < 0)
		return dl_err_errno(err, "cannot stat '%s'", path);
	size = (uint64_t)st.st_size;
	for (;; want *= 2) {
		want = want < size ? want : size;
		dl_buf_clear(tail);
		dl_buf_room(tail, want + 1);
		if (read_at(fd, path, size - want, tail->p, want, err) < 0)
			return -1;
		tail->len = want;
		nl = want == 0 ? NULL : memrchr(tail->p, '\n', want);
		before = nl == NULL
		             ? NULL
		             : memrchr(tail->p, '\n', (size_t)(nl - tail->p));
		if (before != NULL || want == size)
			break;
		if (want > DL_LAKE_LINE_MAX)
			return dl_err_data(err,
			    "'%s': its last line is longer than 16 MiB", path);
	}
	if (nl == NULL)
		return 0;
	before = before == NULL ? tail->p : before + 1;
	*line = dl_span(before, (size_t)(nl - before));
	*end = size - want + (uint64_t)(nl + 1 - tail->p);
	return 0;
}

void
dl_lake_manifest_chain(struct dl_buf *b, struct dl_span prev,
    const struct dl_span *entries, size_t n)
{
	struct dl_buf sum = {0};
	char at[DL_TIME_MAX];
	struct dl_time now;
	size_t i, start;

	dl_now(&now);
	now.nsec -= now.nsec % 1000000;
	now.digits = 3;
	dl_time_print(&now, at);
	for (i = 0; i < n; i++) {
		dl_buf_clear(&sum);
		add_sha256(&sum, prev);
		start = b->len;
		dl_buf_printf(
		    b, "{\"prev\":\"%s\",\"at\":\"%s\",", dl_buf_str(&sum), at);
		dl_buf_add(b, entries[i].p + 1, entries[i].len - 1);
		dl_buf_addc(b, '\n');
		prev = dl_span(b->p + start, b->len - start - 1);
	}
	dl_buf_release(&sum);
}

/* Write lines where the last whole one ends. */
static int
write_lines(int fd, const char *path, uint64_t end, const struct dl_buf *lines,
    struct dl_err *err)
{
	int r;

	if (ftruncate(fd, (off_t)end) < 0 ||
	    lseek(fd, (off_t)end, SEEK_SET) < 0)
		return dl_err_errno(err, "cannot cut '%s'", path);
	r = dl_write_all(fd, lines->p, lines->len, path, err);
	if (r == 0 && fsync(fd) < 0)
		r = dl_err_errno(err, "cannot fsync '%s'", path);
	/* A full disk took a part of it: the next writer would cut it too. */
	if (r < 0 && ftruncate(fd, (off_t)end) < 0)
		return -1;
	return r;
}

int
dl_lake_manifest_append(const char *path, const struct dl_span *entries,
    size_t n, struct dl_err *err)
{
	struct dl_buf tail = {0}, lines = {0};
	struct dl_span line;
	uint64_t end;
	int fd, r;

	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (fd < 0)
		return dl_err_errno(err, "cannot open '%s'", path);
	if (flock(fd, LOCK_EX) < 0)
		r = dl_err_errno(err, "cannot lock '%s'", path);
	else
		r = last_line(fd, path, &tail, &line, &end, err);
	if (r == 0) {
		dl_lake_manifest_chain(&lines, line, entries, n);
		r = write_lines(fd, path, end, &lines, err);
	}
	close(fd);
	dl_buf_release(&tail);
	dl_buf_release(&lines);
	return r;
}

int
dl_lake_manifest_tell(int fd, const char *path, uint64_t end,
    dl_lake_line_fn *fn, void *arg, struct dl_err *err)
{
	struct dl_line lines;
	struct dl_span line;
	uint64_t at = 0;
	int r = 0;

	dl_line_init(&lines, fd, path);
	lines.max = DL_LAKE_LINE_MAX;
	while (r == 0 && at < end) {
		r = -1;
		switch (dl_line_next(&lines, -1, &line, err)) {
		case DL_LINE_RECORD:
			r = fn(arg, line, err);
			at += line.len + 1;
			break;
		case DL_LINE_LONG:
			dl_err_data(
			    err, "'%s': a line is longer than 16 MiB", path);
			break;
		case DL_LINE_IDLE:
			r = 0;
			break;
		case DL_LINE_END: /* somebody has cut what was torn */
			r = 1;
			break;
		case DL_LINE_FAIL:
			break;
		}
	}
	dl_line_release(&lines);
	return r < 0 ? -1 : 0;
}

int
dl_lake_manifest_read(
    const char *path, dl_lake_line_fn *fn, void *arg, struct dl_err *err)
{
	struct dl_buf tail = {0};
	struct dl_span line;
	uint64_t end;
	int fd, r;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT
		           ? 0
		           : dl_err_errno(err, "cannot open '%s'", path);
	/* Not while somebody cuts what was torn. */
	r = flock(fd, LOCK_SH) < 0
	        ? dl_err_errno(err, "cannot lock '%s'", path)
	        : last_line(fd, path, &tail, &line, &end, err);
	(void)flock(fd, LOCK_UN);
	dl_buf_release(&tail);
	if (r == 0)
		r = dl_lake_manifest_tell(fd, path, end, fn, arg, err);
	close(fd);
	return r;
}
