#include "watch.h"

#include <poll.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/inotify.h>

void
dl_watch_open(struct dl_watch *w, const char *path, int gather_ms)
{
	w->gather_ms = gather_ms;
	w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (w->fd >= 0 && inotify_add_watch(w->fd, path, IN_MODIFY) < 0)
		dl_watch_close(w);
}

static void
drain(const struct dl_watch *w)
{
	struct timespec ts = {0, w->gather_ms * 1000000L};
	char events[4096];

	if (w->gather_ms > 0)
		nanosleep(&ts, NULL);
	while (read(w->fd, events, sizeof(events)) > 0)
		;
}
#else
void
dl_watch_open(struct dl_watch *w, const char *path, int gather_ms)
{
	(void)path;
	w->gather_ms = gather_ms;
	w->fd = -1;
}

static void
drain(const struct dl_watch *w)
{
	(void)w;
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
dl_watch_wait(struct dl_watch *w, int out_fd, int most_ms)
{
	struct pollfd fds[2] = {
	    {.fd = out_fd, .events = 0}, {.fd = w->fd, .events = POLLIN}};

	if (w->fd < 0 && most_ms > DL_WATCH_POLL_MS)
		most_ms = DL_WATCH_POLL_MS;
	if (poll(fds, 2, most_ms) <= 0)
		return 1;
	if (fds[0].revents & (POLLERR | POLLHUP | POLLNVAL))
		return 0;
	if (fds[1].revents != 0)
		drain(w);
	return 1;
}
