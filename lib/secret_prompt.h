/*
 * A secret that a person types, unseen.
 */
#ifndef DL_SECRET_PROMPT_H
#define DL_SECRET_PROMPT_H

#include "err.h"

#include <stddef.h>

/*
 * Ask twice for what on the terminal fd, without echo; what is asked is told on
 * standard error.  The line, without its newline, goes into out; *len is its
 * length, less than n.  Where the two differ, or have more than 4094 bytes, of
 * which a terminal would drop some: DL_EXIT_DATA.
 *
 * SIGINT, SIGTERM, SIGHUP and SIGQUIT do what they did before, but only when
 * the terminal is as it was; SIGTSTP waits until the end.
 */
int dl_secret_prompt(int fd, const char *what, char *out, size_t n, size_t *len,
    struct dl_err *err);

#endif
