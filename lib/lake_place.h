/*
 * Where a lake is, as people say it to the tools: a name in the home, a path,
 * and their options.
 */
#ifndef DL_LAKE_PLACE_H
#define DL_LAKE_PLACE_H

#include "err.h"
#include "lake_store.h"

/* What the options say; zeroed: nothing. */
struct dl_lake_place {
	const char *home; /* dl_tool_home_option */
};

/* Open the lake at address; the caller's to close.  NULL: see err. */
struct dl_lake_store *dl_lake_place_open(const struct dl_lake_place *place,
    const char *address, enum dl_lake_mode mode, struct dl_err *err);

#endif
