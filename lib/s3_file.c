#include "s3_file.h"

#include "seal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Up to size bytes, or the end. */
static int
fill(int fd, const char *path, char *out, size_t size, size_t *len,
    struct dl_err *err)
{
	ssize_t r = 1;

	*len = 0;
	while (r != 0 && *len < size) {
		r = read(fd, out + *len, size - *len);
		if (r < 0 && errno != EINTR)
			return dl_err_errno(err, "cannot read '%s'", path);
		*len += r > 0 ? (size_t)r : 0;
	}
	return 0;
}

static int
check(const char *path, const struct stat *st, size_t max, struct dl_err *err)
{
	/* /dev/null is how people say that there is none. */
	if (!S_ISREG(st->st_mode) && !S_ISCHR(st->st_mode))
		return dl_err_conf(err, "'%s' is not a regular file", path);
	if (st->st_size > (off_t)max)
		return dl_err_conf(
		    err, "'%s' is longer than %zu bytes", path, max);
	return 0;
}

static int
take(int fd, const char *path, size_t max, char **text, size_t *len,
    struct dl_err *err)
{
	struct stat st;
	size_t size;
	char *p;

	if (fstat(fd, &st) < 0)
		return dl_err_errno(err, "cannot look at '%s'", path);
	if (check(path, &st, max, err) < 0)
		return -1;
	size = (size_t)st.st_size + 1;
	if (dl_seal_start(err) < 0 ||
	    (p = dl_seal_alloc(size + 1, err)) == NULL)
		return -1;
	if (fill(fd, path, p, size, len, err) < 0)
		goto fail;
	if (*len == size) {
		dl_err_temp(err, "'%s' grows while it is read", path);
		goto fail;
	}
	if (memchr(p, '\0', *len) != NULL) {
		dl_err_conf(err, "'%s' has a NUL in it", path);
		goto fail;
	}
	p[*len] = '\0';
	*text = p;
	return 1;
fail:
	dl_seal_free(p);
	return -1;
}

int
dl_s3_file_read(
    const char *path, size_t max, char **text, size_t *len, struct dl_err *err)
{
	/* A fifo in its place must not make us wait. */
	int r, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0)
		return dl_err_errno(err, "cannot open '%s'", path);
	r = take(fd, path, max, text, len, err);
	close(fd);
	return r;
}
