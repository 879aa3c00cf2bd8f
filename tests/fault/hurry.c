/*
 * hurry.so, for LD_PRELOAD: a clock that runs HURRY times as fast, so that a
 * program does in a minute what it does in an hour.
 *
 * The clock that never jumps is hurried, and waits are as much shorter.  The
 * time of day is as ever.
 */
#include <dlfcn.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define NS_PER_S 1000000000L

/* The next definition of a function, found when it is first needed. */
#define NEXT(type, name, ...) \
	static type (*next)(__VA_ARGS__); \
	if (next == NULL) \
	*(void **)&next = dlsym(RTLD_NEXT, name)

static long factor = 1;
static long long began; /* nanoseconds, by the real clock */

static long long
ns_of(const struct timespec *t)
{
	return (long long)t->tv_sec * NS_PER_S + t->tv_nsec;
}

static struct timespec
from_ns(long long ns)
{
	return (struct timespec){
	    (time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S)};
}

__attribute__((constructor)) static void
begin(void)
{
	const char *text = getenv("HURRY");
	struct timespec t;
	long n = text == NULL ? 1 : strtol(text, NULL, 10);

	/* factor is still 1: this is the real clock. */
	if (clock_gettime(CLOCK_MONOTONIC, &t) == 0)
		began = ns_of(&t);
	factor = n < 1 ? 1 : n;
}

/* A wait as it is to be: up, so that none becomes a busy loop. */
static int
shorter_ms(int ms)
{
	return ms <= 0 ? ms : (int)((ms + factor - 1) / factor);
}

static struct timespec
shorter(const struct timespec *t)
{
	return from_ns((ns_of(t) + factor - 1) / factor);
}

EXPORT int
clock_gettime(clockid_t id, struct timespec *t)
{
	NEXT(int, "clock_gettime", clockid_t, struct timespec *);
	int r = next(id, t);

	if (r == 0 && (id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_RAW ||
			  id == CLOCK_MONOTONIC_COARSE || id == CLOCK_BOOTTIME))
		*t = from_ns(began + (ns_of(t) - began) * factor);
	return r;
}

EXPORT int
poll(struct pollfd *p, nfds_t n, int ms)
{
	NEXT(int, "poll", struct pollfd *, nfds_t, int);
	return next(p, n, shorter_ms(ms));
}

EXPORT int
ppoll(struct pollfd *p, nfds_t n, const struct timespec *wait,
    const sigset_t *mask)
{
	NEXT(int, "ppoll", struct pollfd *, nfds_t, const struct timespec *,
	    const sigset_t *);
	struct timespec t;

	if (wait == NULL)
		return next(p, n, wait, mask);
	t = shorter(wait);
	return next(p, n, &t, mask);
}

EXPORT int
pselect(int n, fd_set *r, fd_set *w, fd_set *e, const struct timespec *wait,
    const sigset_t *mask)
{
	NEXT(int, "pselect", int, fd_set *, fd_set *, fd_set *,
	    const struct timespec *, const sigset_t *);
	struct timespec t;

	if (wait == NULL)
		return next(n, r, w, e, wait, mask);
	t = shorter(wait);
	return next(n, r, w, e, &t, mask);
}

EXPORT int
epoll_wait(int fd, struct epoll_event *e, int n, int ms)
{
	NEXT(int, "epoll_wait", int, struct epoll_event *, int, int);
	return next(fd, e, n, shorter_ms(ms));
}

EXPORT int
nanosleep(const struct timespec *wait, struct timespec *left)
{
	NEXT(int, "nanosleep", const struct timespec *, struct timespec *);
	struct timespec t = shorter(wait);

	return next(&t, left);
}

EXPORT int
usleep(useconds_t us)
{
	struct timespec t = {us / 1000000, (long)(us % 1000000) * 1000};

	return nanosleep(&t, NULL);
}
