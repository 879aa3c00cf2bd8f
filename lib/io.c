#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIPE_BYTES (1 << 20)

int
dl_write_all(
    int fd, const void *p, size_t n, const char *name, struct dl_err *err)
{
	const char *at = p;

	while (n > 0) {
		ssize_t w = write(fd, at, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return dl_err_errno(err, "cannot write %s", name);
		at += w;
		n -= (size_t)w;
	}
	return 0;
}

static int
read_all(
    int fd, const char *path, size_t max, struct dl_buf *b, struct dl_err *err)
{
	size_t start = b->len;

	for (;;) {
		ssize_t r;

		dl_buf_room(b, 1 << 16);
		r = read(fd, b->p + b->len, 1 << 16);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return dl_err_errno(err, "cannot read '%s'", path);
		if (r == 0)
			return 0;
		b->len += (size_t)r;
		if (b->len - start > max)
			return dl_err_data(
			    err, "'%s' is larger than %zu bytes", path, max);
	}
}

int
dl_read_file(const char *path, size_t max, struct dl_buf *b, struct dl_err *err)
{
	int fd, r;

	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return dl_err_errno(err, "cannot open '%s'", path);
	r = read_all(fd, path, max, b, err);
	close(fd);
	return r;
}

static int
write_new(const char *path, struct dl_span bytes, struct dl_err *err)
{
	int fd, r;

	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		return dl_err_errno(err, "cannot create '%s'", path);
	r = dl_write_all(fd, bytes.p, bytes.len, path, err);
	if (r == 0 && fsync(fd) < 0)
		r = dl_err_errno(err, "cannot sync '%s'", path);
	if (close(fd) < 0 && r == 0)
		r = dl_err_errno(err, "cannot close '%s'", path);
	return r;
}

int
dl_replace_file_by(const char *path, struct dl_span bytes,
    dl_write_new_fn *write_it, struct dl_err *err)
{
	char tmp[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int dir = slash == NULL ? 0 : (int)(slash + 1 - path);

	if (snprintf(tmp, sizeof(tmp), "%.*s.%s.tmp", dir, path, path + dir) >=
	    (int)sizeof(tmp))
		return dl_err_usage(err, "the path '%s' is too long", path);
	if (write_it(tmp, bytes, err) < 0)
		goto out;
	if (rename(tmp, path) < 0) {
		dl_err_errno(err, "cannot rename '%s' to '%s'", tmp, path);
		goto out;
	}
	return dl_sync_parent(path, err);
out:
	unlink(tmp);
	return -1;
}

int
dl_replace_file(const char *path, struct dl_span bytes, struct dl_err *err)
{
	return dl_replace_file_by(path, bytes, write_new, err);
}

int
dl_mkdirs(const char *path, struct dl_err *err)
{
	char part[PATH_MAX];
	size_t len = strlen(path);

	if (len == 0 || len >= sizeof(part))
		return dl_err_usage(err, "the path '%s' is too long", path);
	for (size_t i = 1; i <= len; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0777) == 0) {
			if (dl_sync_parent(part, err) < 0)
				return -1;
		} else if (errno != EEXIST) {
			return dl_err_errno(err, "cannot make '%s'", part);
		}
	}
	return 0;
}

int
dl_sync_dir(const char *path, struct dl_err *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;

	if (fd < 0)
		return dl_err_errno(err, "cannot open directory '%s'", path);
	if (fsync(fd) < 0)
		r = dl_err_errno(err, "cannot sync directory '%s'", path);
	close(fd);
	return r;
}

int
dl_sync_parent(const char *path, struct dl_err *err)
{
	char copy[PATH_MAX];

	if (strlen(path) >= sizeof(copy))
		return dl_err_usage(err, "the path '%s' is too long", path);
	strcpy(copy, path);
	return dl_sync_dir(dirname(copy), err);
}

/* The holder's process, as its file says it, or 0. */
static long
holder(int fd)
{
	char text[24] = "";
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	long pid = 0;

	for (ssize_t i = 0; i < n && text[i] >= '0' && text[i] <= '9' && i < 10;
	     i++)
		pid = pid * 10 + (text[i] - '0');
	return pid;
}

/* Tell those who will be refused whom they wait for: no matter if it fails. */
static void
sign(int fd)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

	if (ftruncate(fd, 0) == 0)
		(void)!pwrite(fd, text, (size_t)n, 0);
}

int
dl_lock_file(const char *path, const char *what, struct dl_err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	long pid;

	if (fd < 0)
		return dl_err_errno(err, "cannot open '%s'", path);
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		sign(fd);
		return fd;
	}
	if (errno != EWOULDBLOCK)
		dl_err_errno(err, "cannot lock '%s'", path);
	else if ((pid = holder(fd)) > 0)
		dl_err_temp(err, "%s is in use by another process (pid %ld)",
		    what, pid);
	else
		dl_err_temp(err, "%s is in use by another process", what);
	close(fd);
	return -1;
}

int
dl_check_reader(int fd, int ms, const char *name, struct dl_err *err)
{
	/* No event is asked for: a pipe tells POLLERR, a socket POLLHUP. */
	struct pollfd p = {.fd = fd};

	if (poll(&p, 1, ms) <= 0)
		return 0;
	errno = EPIPE;
	return dl_err_errno(err, "cannot write %s", name);
}

void
dl_widen_pipe(int fd)
{
	struct stat st;

	/* A plain user may be past the system's allowance: then it stays. */
	if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode))
		(void)fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES);
}
