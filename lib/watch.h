/*
 * Waits until a file is written to, or until nobody reads our output any more.
 *
 * On Linux by inotify; elsewhere, or where inotify has nothing left to give, by
 * looking every DL_WATCH_POLL_MS.  It may wake for nothing: whoever waits looks
 * for himself what is new.
 */
#ifndef DL_WATCH_H
#define DL_WATCH_H

#define DL_WATCH_POLL_MS 20

struct dl_watch {
	int fd; /* -1: polling */
	int gather_ms;
};

/*
 * Watch path, which exists; cannot fail.  Where one change is many writes, they
 * are waited for together, for gather_ms.
 */
void dl_watch_open(struct dl_watch *w, const char *path, int gather_ms);
void dl_watch_close(struct dl_watch *w);

/*
 * 1: path was perhaps written to; what is written from now on ends the next
 * wait; or most_ms have passed, or a signal came.  0: the other end of out_fd, a
 * pipe or a socket, was closed.
 */
int dl_watch_wait(struct dl_watch *w, int out_fd, int most_ms);

#endif
