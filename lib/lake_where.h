/*
 * What of a lake is asked for, as people say it to the tools: --where, --since,
 * --until, --as-of.
 */
#ifndef DL_LAKE_WHERE_H
#define DL_LAKE_WHERE_H

#include "lake.h"

struct dl_lake_conditions { /* zero-initialised */
	struct dl_lake_where all[DL_LAKE_WHERE];
	size_t n;
};

/* Add argv[0], KEY=VALUE, which stays; a dl_opt_fn. */
int dl_lake_condition_add(void *to, char *const *argv, struct dl_err *err);

/* A moment, where one is given (text is not NULL). */
int dl_lake_moment(
    const char *text, bool *given, struct dl_time *t, struct dl_err *err);

#endif
