/*
 * A command of the user's that runs beside us, and whose output we read.
 *
 * It is run by sh -c with the user's own rights, in a process group of its own,
 * so that a signal from the terminal comes to us alone and we can end all of
 * it.  Its standard input is /dev/null, its standard error ours; signals are as
 * in a new login, and no other descriptor of ours is open in it.
 */
#ifndef DL_CHILD_H
#define DL_CHILD_H

#include "err.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define DL_CHILD_GRACE_MS 2000 /* from SIGTERM to SIGKILL */

struct dl_child {
	pid_t pid; /* and its process group; 0: there is none */
	int out;   /* its standard output: a pipe that does not block */
};

/*
 * Start command; more is "NAME=value" for its environment, or NULL.
 * DL_EXIT_TEMP: no process or no pipe can be had.  A command that is not there
 * is told by its exit status, 127.
 */
int dl_child_start(struct dl_child *c, const char *command, const char *more,
    struct dl_err *err);

/*
 * Wait at most ms (-1: without limit), or until *stop, for the shell to end.
 * True: it has, *status is waitpid(2)'s, and c is empty, its pipe closed.
 * Others of its group may go on.
 */
bool dl_child_wait(struct dl_child *c, int64_t ms,
    const volatile sig_atomic_t *stop, int *status);

/*
 * End the whole group: SIGTERM, and SIGKILL for what is left of it after
 * DL_CHILD_GRACE_MS.  What it still prints is thrown away.  An empty c is left
 * as it is.
 */
void dl_child_kill(struct dl_child *c);

/*
 * What an exit status says: 0; or -1 with what as the message's subject.
 * DL_EXIT_CONF: the command could not be run (126, 127); DL_EXIT_TEMP: it
 * failed.
 */
int dl_child_check(int status, const char *what, struct dl_err *err);

#endif
