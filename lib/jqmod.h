/*
 * The modules of a jq program: from its own folder, or not at all.
 *
 * libjq looks for a module wherever the program's text says, so the text is
 * looked at first: what an `import` or `include` names must be a plain
 * relative path without "..", have no metadata (which could name a place to
 * search) and, all links followed, lie in the folder.  The same goes for the
 * modules of modules, which are named from the program's folder too.
 *
 * libjq 1.6 also looks in the working directory: it must be the folder while
 * a program is compiled.
 */
#ifndef DL_JQMOD_H
#define DL_JQMOD_H

#include "err.h"

#include <stddef.h>

/*
 * Check program; dir is its folder, or NULL if it may have no modules.
 * *body is set to where its imports end.  DL_EXIT_CONF.
 */
int dl_jqmod_check(
    const char *program, const char *dir, size_t *body, struct dl_err *err);

#endif
