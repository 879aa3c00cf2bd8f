/*
 * powercut.so, for LD_PRELOAD: remembers what of a tree is durable.
 *
 *	POWERCUT_DIR     the tree that is watched: an absolute path without links
 *	POWERCUT_IMAGE   where what is durable is kept: image.h
 *	POWERCUT_FORGET  a part of a path: syncs of what has it in its path do
 *	                 nothing, as on a disk that lies, or in a program that forgot
 *	                 them; to see that a test notices
 *	POWERCUT_BOOT    a file that is read in place of the kernel's boot_id
 *
 * A sync copies what the file or directory has into the image, which is what
 * `restore` builds the tree after a power cut from; the disk itself is not asked
 * for anything, so it is fast.  A write to an O_SYNC or O_DSYNC descriptor makes
 * its own bytes durable and no others.  Writes, renames, links and unlinks need
 * not be seen: the image is taken at the syncs.  sync_file_range(2) gives
 * nothing.  msync(2), sync(2), syncfs(2), O_DIRECT and aio are not known: nothing
 * here uses them.
 */
#include "image.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define BOOT_ID "/proc/sys/kernel/random/boot_id"
#define EXPORT __attribute__((visibility("default")))

/* The next definition of a function, found when it is first needed. */
#define NEXT(type, name, ...) \
	static type (*next)(__VA_ARGS__); \
	if (next == NULL) \
	*(void **)&next = dlsym(RTLD_NEXT, name)

static const char *
image(void)
{
	return getenv("POWERCUT_IMAGE");
}

/* Is fd in the tree, and are its syncs honoured? */
static bool
is_watched(int fd)
{
	const char *dir = getenv("POWERCUT_DIR"),
		   *forget = getenv("POWERCUT_FORGET");
	char proc[64], path[PATH_MAX];
	size_t len;
	ssize_t n;

	if (dir == NULL || image() == NULL)
		return false;
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	if ((n = readlink(proc, path, sizeof(path) - 1)) < 0)
		return false;
	path[n] = '\0';
	len = strlen(dir);
	if (strncmp(path, dir, len) != 0 ||
	    (path[len] != '/' && path[len] != '\0'))
		return false;
	return forget == NULL || strstr(path + len, forget) == NULL;
}

/* A failure of the model must not look like one of what is tested. */
static void
must(int r, const char *what)
{
	if (r == 0)
		return;
	fprintf(stderr, "powercut: %s: %s\n", what, strerror(errno));
	abort();
}

static int
sync_fd(int fd)
{
	int saved = errno;

	must(image_sync(image(), fd), "cannot sync");
	errno = saved;
	return 0;
}

EXPORT int
fsync(int fd)
{
	NEXT(int, "fsync", int);
	return is_watched(fd) ? sync_fd(fd) : next(fd);
}

EXPORT int
fdatasync(int fd)
{
	NEXT(int, "fdatasync", int);
	return is_watched(fd) ? sync_fd(fd) : next(fd);
}

/* Opening: the one file that is another. */

static const char *
redirected(const char *path)
{
	const char *boot;

	if (path == NULL || strcmp(path, BOOT_ID) != 0)
		return path;
	boot = getenv("POWERCUT_BOOT");
	return boot != NULL ? boot : path;
}

EXPORT int
openat(int dir, const char *path, int flags, ...)
{
	NEXT(int, "openat", int, const char *, int, ...);
	mode_t mode = 0;
	va_list ap;

	/* Without O_CREAT it may be anything: then nobody looks at it. */
	va_start(ap, flags);
	mode = va_arg(ap, mode_t);
	va_end(ap);
	return next(dir, redirected(path), flags, mode);
}

EXPORT int
open(const char *path, int flags, ...)
{
	mode_t mode;
	va_list ap;

	va_start(ap, flags);
	mode = va_arg(ap, mode_t);
	va_end(ap);
	return openat(AT_FDCWD, path, flags, mode);
}

EXPORT int open64(const char *path, int flags, ...)
    __attribute__((alias("open")));
EXPORT int openat64(int dir, const char *path, int flags, ...)
    __attribute__((alias("openat")));

EXPORT FILE *
fopen(const char *path, const char *mode)
{
	NEXT(FILE *, "fopen", const char *, const char *);
	return next(redirected(path), mode);
}

EXPORT FILE *fopen64(const char *path, const char *mode)
    __attribute__((alias("fopen")));

/* Writing */

/* Make the n bytes at durable, if fd is such a descriptor. */
static ssize_t
written(int fd, off_t at, ssize_t n)
{
	int saved = errno, flags = n <= 0 ? -1 : fcntl(fd, F_GETFL);

	if (flags >= 0 && (flags & O_DSYNC) != 0 && is_watched(fd)) {
		if (at < 0)
			at = lseek(fd, 0, SEEK_CUR) - n;
		must(image_patch(image(), fd, at, (size_t)n), "cannot patch");
	}
	errno = saved;
	return n;
}

EXPORT ssize_t
write(int fd, const void *p, size_t n)
{
	NEXT(ssize_t, "write", int, const void *, size_t);
	return written(fd, -1, next(fd, p, n));
}

EXPORT ssize_t
writev(int fd, const struct iovec *v, int n)
{
	NEXT(ssize_t, "writev", int, const struct iovec *, int);
	return written(fd, -1, next(fd, v, n));
}

EXPORT ssize_t
pwrite(int fd, const void *p, size_t n, off_t at)
{
	NEXT(ssize_t, "pwrite", int, const void *, size_t, off_t);
	return written(fd, at, next(fd, p, n, at));
}

EXPORT ssize_t
pwritev(int fd, const struct iovec *v, int n, off_t at)
{
	NEXT(ssize_t, "pwritev", int, const struct iovec *, int, off_t);
	return written(fd, at, next(fd, v, n, at));
}

EXPORT ssize_t pwrite64(int fd, const void *p, size_t n, off_t at)
    __attribute__((alias("pwrite")));
EXPORT ssize_t pwritev64(int fd, const struct iovec *v, int n, off_t at)
    __attribute__((alias("pwritev")));
