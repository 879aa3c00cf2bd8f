#include "keyfile.h"

#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int
check(int fd, const char *path, const char *hint, struct dl_err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return dl_err_errno(err, "cannot look at '%s'", path);
	if (!S_ISREG(st.st_mode))
		return dl_err_denied(err,
		    "the key '%s' is not a regular file%s%s", path,
		    hint == NULL ? "" : ": ", hint == NULL ? "" : hint);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return dl_err_denied(err,
		    "the key file '%s' belongs to another user (uid %ld)", path,
		    (long)st.st_uid);
	if ((st.st_mode & 07777) != 0600 && (st.st_mode & 07777) != 0400)
		return dl_err_denied(err,
		    "the key file '%s' has mode %04o: others may use it; "
		    "'chmod 600' it, or better, rotate",
		    path, (unsigned)(st.st_mode & 07777));
	return 0;
}

int
dl_keyfile_open(const char *path, const char *hint, int *fd, struct dl_err *err)
{
	/* A fifo in its place must not make us wait. */
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (*fd < 0 && errno == ENOENT)
		return 0;
	if (*fd < 0 && errno == ELOOP)
		return dl_err_denied(
		    err, "the key file '%s' is a symbolic link", path);
	if (*fd < 0)
		return dl_err_errno(err, "cannot open '%s'", path);
	if (check(*fd, path, hint, err) == 0)
		return 1;
	close(*fd);
	return -1;
}

int
dl_keyfile_read(
    const char *path, char *into, size_t room, size_t *len, struct dl_err *err)
{
	ssize_t r;
	int fd;

	*len = 0;
	if ((r = dl_keyfile_open(path, NULL, &fd, err)) <= 0)
		return (int)r;
	while (*len < room) {
		r = read(fd, into + *len, room - *len);
		if (r == 0)
			break;
		if (r < 0 && errno != EINTR) {
			dl_err_errno(err, "cannot read '%s'", path);
			break;
		}
		*len += r > 0 ? (size_t)r : 0;
	}
	close(fd);
	if (*len == room)
		r = dl_err_data(
		    err, "'%s' is larger than %zu bytes", path, room - 1);
	return r < 0 ? -1 : 1;
}

static int
write_new(const char *path, struct dl_span bytes, struct dl_err *err)
{
	int fd, r;

	/* What a crash left of it may have had another mode. */
	if (unlink(path) < 0 && errno != ENOENT)
		return dl_err_errno(err, "cannot remove '%s'", path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return dl_err_errno(err, "cannot create '%s'", path);
	r = dl_write_all(fd, bytes.p, bytes.len, path, err);
	/* 0600 whatever the umask is. */
	if (r == 0 && (fchmod(fd, 0600) < 0 || fsync(fd) < 0))
		r = dl_err_errno(err, "cannot sync '%s'", path);
	close(fd);
	return r;
}

int
dl_keyfile_replace(const char *path, struct dl_span bytes, struct dl_err *err)
{
	return dl_replace_file_by(path, bytes, write_new, err);
}
