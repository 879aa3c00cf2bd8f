/*
 * steps.so, for LD_PRELOAD: kills a process at its nth step, as kill -9 would.
 *
 *	STEPS_TOOL  the name of the program that is killed; others go on unharmed
 *	STEPS_AT    which step, from 1; 0 or absent: none
 *	STEPS_HALF  1: a write at that step is done to its half before
 *	STEPS_NO_EXCHANGE  1: two names cannot be exchanged, as on some file systems
 *	STEPS_LOG   a file to which a line "N CALL PATH" is added, when it is killed;
 *	            with STEPS_AT=all, for each step of a process that goes on
 *
 * A step is what others can see: a write, a sync, a file made, named or taken
 * away, bytes sent.  The process dies before it takes the step; after its last
 * one it ends as ever.  What a library does inside itself (stdio) is no step.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define LINE_BYTES (PATH_MAX + 64)

/* The next definition of a function, found when it is first needed. */
#define NEXT(type, name, ...) \
	static type (*next)(__VA_ARGS__); \
	if (next == NULL) \
	*(void **)&next = dlsym(RTLD_NEXT, name)

static long at = -1; /* the step to die at; 0: none, -1: not known yet */
static bool all, half;
static long taken; /* steps, of all threads */
static pid_t self;

static void
begin(void)
{
	const char *tool = getenv("STEPS_TOOL"), *n = getenv("STEPS_AT"),
		   *h = getenv("STEPS_HALF");

	self = getpid();
	at = 0;
	if (tool == NULL || n == NULL ||
	    strcmp(tool, program_invocation_short_name) != 0)
		return;
	all = strcmp(n, "all") == 0;
	half = h != NULL && strcmp(h, "1") == 0;
	at = all ? LONG_MAX : strtol(n, NULL, 10);
}

/* Add a line to the log, by calls that are no steps. */
static void
say(long n, const char *call, const char *what)
{
	const char *log = getenv("STEPS_LOG");
	char line[LINE_BYTES];
	long fd, r;
	int len;

	if (log == NULL)
		return;
	len = snprintf(line, sizeof(line), "%ld %s %s\n", n, call, what);
	fd = syscall(
	    SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND, 0666);
	if (fd < 0)
		return;
	r = syscall(SYS_write, (int)fd, line, (size_t)len);
	(void)r;
	syscall(SYS_close, (int)fd);
}

/* Does the process die at the step that it is about to take? */
static bool
dies(const char *call, const char *what)
{
	long n;

	if (at < 0)
		begin();
	if (at == 0 || getpid() != self)
		return false;
	n = __atomic_add_fetch(&taken, 1, __ATOMIC_SEQ_CST);
	if (n == at || all)
		say(n, call, what);
	return n == at;
}

static void
die(void)
{
	for (;;)
		syscall(SYS_kill, getpid(), SIGKILL);
}

static void
step(const char *call, const char *what)
{
	int saved = errno;

	if (dies(call, what))
		die();
	errno = saved;
}

/* The same for what is known by its descriptor. */
static const char *
path_of(int fd, char path[PATH_MAX])
{
	char proc[64];
	ssize_t n;

	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	n = readlink(proc, path, PATH_MAX - 1);
	path[n < 0 ? 0 : n] = '\0';
	return path;
}

static void
step_fd(const char *call, int fd)
{
	char path[PATH_MAX];
	int saved = errno;

	if (at != 0) {
		path_of(fd, path);
		step(call, path);
	}
	errno = saved;
}

/* Before n bytes are written: how many of them are, before the end. */
static bool
dies_writing(const char *call, int fd, size_t n, size_t *part)
{
	char path[PATH_MAX];
	int saved = errno;
	bool end;

	if (at == 0)
		return false;
	end = dies(call, path_of(fd, path));
	*part = half ? n / 2 : 0;
	errno = saved;
	return end;
}

EXPORT ssize_t
write(int fd, const void *p, size_t n)
{
	NEXT(ssize_t, "write", int, const void *, size_t);
	size_t part;

	if (!dies_writing("write", fd, n, &part))
		return next(fd, p, n);
	if (part > 0)
		(void)!next(fd, p, part);
	die();
	return -1;
}

EXPORT ssize_t
pwrite(int fd, const void *p, size_t n, off_t where)
{
	NEXT(ssize_t, "pwrite", int, const void *, size_t, off_t);
	size_t part;

	if (!dies_writing("pwrite", fd, n, &part))
		return next(fd, p, n, where);
	if (part > 0)
		(void)!next(fd, p, part, where);
	die();
	return -1;
}

EXPORT ssize_t pwrite64(int fd, const void *p, size_t n, off_t where)
    __attribute__((alias("pwrite")));

EXPORT ssize_t
writev(int fd, const struct iovec *v, int n)
{
	NEXT(ssize_t, "writev", int, const struct iovec *, int);

	step_fd("writev", fd);
	return next(fd, v, n);
}

EXPORT ssize_t
send(int fd, const void *p, size_t n, int flags)
{
	NEXT(ssize_t, "send", int, const void *, size_t, int);
	size_t part;

	if (!dies_writing("send", fd, n, &part))
		return next(fd, p, n, flags);
	if (part > 0)
		(void)!next(fd, p, part, flags);
	die();
	return -1;
}

EXPORT ssize_t
sendto(int fd, const void *p, size_t n, int flags, const struct sockaddr *to,
    socklen_t len)
{
	NEXT(ssize_t, "sendto", int, const void *, size_t, int,
	    const struct sockaddr *, socklen_t);

	step_fd("sendto", fd);
	return next(fd, p, n, flags, to, len);
}

EXPORT ssize_t
sendmsg(int fd, const struct msghdr *m, int flags)
{
	NEXT(ssize_t, "sendmsg", int, const struct msghdr *, int);

	step_fd("sendmsg", fd);
	return next(fd, m, flags);
}

EXPORT int
fsync(int fd)
{
	NEXT(int, "fsync", int);
	step_fd("fsync", fd);
	return next(fd);
}

EXPORT int
fdatasync(int fd)
{
	NEXT(int, "fdatasync", int);
	step_fd("fdatasync", fd);
	return next(fd);
}

EXPORT int
ftruncate(int fd, off_t n)
{
	NEXT(int, "ftruncate", int, off_t);
	step_fd("ftruncate", fd);
	return next(fd, n);
}

EXPORT int ftruncate64(int fd, off_t n) __attribute__((alias("ftruncate")));

EXPORT int
fallocate(int fd, int mode, off_t where, off_t n)
{
	NEXT(int, "fallocate", int, int, off_t, off_t);
	step_fd("fallocate", fd);
	return next(fd, mode, where, n);
}

EXPORT int fallocate64(int fd, int mode, off_t where, off_t n)
    __attribute__((alias("fallocate")));

EXPORT int
rename(const char *from, const char *to)
{
	NEXT(int, "rename", const char *, const char *);
	step("rename", to);
	return next(from, to);
}

EXPORT int
renameat(int a, const char *from, int b, const char *to)
{
	NEXT(int, "renameat", int, const char *, int, const char *);
	step("renameat", to);
	return next(a, from, b, to);
}

EXPORT int
renameat2(int a, const char *from, int b, const char *to, unsigned flags)
{
	NEXT(int, "renameat2", int, const char *, int, const char *, unsigned);
	const char *no = getenv("STEPS_NO_EXCHANGE");

	if ((flags & RENAME_EXCHANGE) != 0 && no != NULL && *no == '1') {
		errno = EINVAL;
		return -1;
	}
	step("renameat2", to);
	return next(a, from, b, to, flags);
}

EXPORT int
link(const char *from, const char *to)
{
	NEXT(int, "link", const char *, const char *);
	step("link", to);
	return next(from, to);
}

EXPORT int
linkat(int a, const char *from, int b, const char *to, int flags)
{
	NEXT(int, "linkat", int, const char *, int, const char *, int);
	step("linkat", to);
	return next(a, from, b, to, flags);
}

EXPORT int
unlink(const char *path)
{
	NEXT(int, "unlink", const char *);
	step("unlink", path);
	return next(path);
}

EXPORT int
unlinkat(int dir, const char *path, int flags)
{
	NEXT(int, "unlinkat", int, const char *, int);
	step("unlinkat", path);
	return next(dir, path, flags);
}

EXPORT int
rmdir(const char *path)
{
	NEXT(int, "rmdir", const char *);
	step("rmdir", path);
	return next(path);
}

/* To make what is there already is no step. */
static bool
is_new(int dir, const char *path)
{
	int saved = errno;
	bool is = faccessat(dir, path, F_OK, 0) < 0;

	errno = saved;
	return is;
}

EXPORT int
mkdir(const char *path, mode_t mode)
{
	NEXT(int, "mkdir", const char *, mode_t);
	if (is_new(AT_FDCWD, path))
		step("mkdir", path);
	return next(path, mode);
}

EXPORT int
mkdirat(int dir, const char *path, mode_t mode)
{
	NEXT(int, "mkdirat", int, const char *, mode_t);
	if (is_new(dir, path))
		step("mkdirat", path);
	return next(dir, path, mode);
}

/* Opening is a step where it may make the file. */

EXPORT int
openat(int dir, const char *path, int flags, ...)
{
	NEXT(int, "openat", int, const char *, int, ...);
	mode_t mode;
	va_list ap;

	/* Without O_CREAT it may be anything: then nobody looks at it. */
	va_start(ap, flags);
	mode = va_arg(ap, mode_t);
	va_end(ap);
	if ((flags & O_CREAT) != 0)
		step("openat", path);
	return next(dir, path, flags, mode);
}

EXPORT int
open(const char *path, int flags, ...)
{
	NEXT(int, "open", const char *, int, ...);
	mode_t mode;
	va_list ap;

	va_start(ap, flags);
	mode = va_arg(ap, mode_t);
	va_end(ap);
	if ((flags & O_CREAT) != 0)
		step("open", path);
	return next(path, flags, mode);
}

EXPORT int open64(const char *path, int flags, ...)
    __attribute__((alias("open")));
EXPORT int openat64(int dir, const char *path, int flags, ...)
    __attribute__((alias("openat")));
