#include "watch.h"

#include <poll.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/inotify.h>

/* One commit is many writes: they are waited for together. */
#define GATHER_MS 5

void
dl_watch_open(struct dl_watch *w, const char *path)
{
	w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (w->fd >= 0 && inotify_add_watch(w->fd, path, IN_MODIFY) < 0)
		dl_watch_close(w);
}

static void
drain(int fd)
{
	struct timespec ts = {0, GATHER_MS * 1000000L};
	char events[4096];

	nanosleep(&ts, NULL);
	while (read(fd, events, sizeof(events)) > 0)
		;
}
#else
void
dl_watch_open(struct dl_watch *w, const char *path)
{
	(void)path;
	w->fd = -1;
}

static void
drain(int fd)
{
	(void)fd;
}
#endif

void
dl_watch_close(struct dl_watch *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}

int
dl_watch_wait(struct dl_watch *w, int out_fd)
{
	struct pollfd fds[2] = {
	    {.fd = out_fd, .events = 0}, {.fd = w->fd, .events = POLLIN}};
	int ms = w->fd < 0 ? DL_WATCH_POLL_MS : DL_WATCH_MOST_MS;

	if (poll(fds, 2, ms) <= 0)
		return 1;
	if (fds[0].revents & (POLLERR | POLLHUP | POLLNVAL))
		return 0;
	if (fds[1].revents != 0)
		drain(w->fd);
	return 1;
}
