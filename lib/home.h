/*
 * Where state lives, and what may be a name in it.
 *
 * Home is -H, else $DL_HOME, else $XDG_DATA_HOME/dl, else ~/.local/share/dl.
 */
#ifndef DL_HOME_H
#define DL_HOME_H

#include "err.h"
#include "span.h"

#include <limits.h>

/* [A-Za-z0-9][A-Za-z0-9._-]{0,63} */
bool dl_name_ok(struct dl_span name);

/* Home by the rules above; option may be NULL. */
int dl_home(char out[PATH_MAX], const char *option, struct dl_err *err);

/*
 * The directory that an address means: with a '/', or "." or "..", a path as it
 * stands, which needs no home; otherwise a name, below what ("lake", or NULL)
 * in the home that dl_home(option) gives.  A name that isn't one is
 * DL_EXIT_USAGE; a URL (with "://") too, until there is a storage for it.
 */
int dl_home_resolve(char out[PATH_MAX], const char *option, const char *what,
    const char *address, struct dl_err *err);

#endif
