/*
 * Takes what a command prints, as a secret.
 *
 * The command is run by `sh -c` in a session of its own, without standard input
 * and terminal; its standard error is ours.  Where it takes too long, prints too
 * much or is not wanted any more, it is killed, with all of its session that it
 * has not moved elsewhere.
 */
#ifndef DL_SECRET_COMMAND_H
#define DL_SECRET_COMMAND_H

#include "err.h"

#include <signal.h>
#include <stddef.h>

/*
 * Into out, at most size bytes; what is more is not read.  *stop (or stop NULL)
 * ends it.  DL_EXIT_TEMP: it failed; the message says how, not what it was.
 */
int dl_secret_command(const char *command, int timeout_ms,
    const volatile sig_atomic_t *stop, char *out, size_t size, size_t *len,
    struct dl_err *err);

#endif
