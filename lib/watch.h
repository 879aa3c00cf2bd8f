/*
 * Waits until a file is written to, or until nobody reads our output any more.
 *
 * On Linux by inotify; elsewhere, or where inotify has nothing left to give, by
 * looking every DL_WATCH_POLL_MS.  It may wake for nothing, and wakes at least
 * every DL_WATCH_MOST_MS: whoever waits looks for himself what is new.
 */
#ifndef DL_WATCH_H
#define DL_WATCH_H

#define DL_WATCH_POLL_MS 20
#define DL_WATCH_MOST_MS 1000

struct dl_watch {
	int fd; /* -1: polling */
};

/* Watch path, which exists; cannot fail. */
void dl_watch_open(struct dl_watch *w, const char *path);
void dl_watch_close(struct dl_watch *w);

/*
 * 1: path was perhaps written to; what is written from now on ends the next
 * wait.  0: the other end of out_fd, a pipe or a socket, was closed.
 */
int dl_watch_wait(struct dl_watch *w, int out_fd);

#endif
