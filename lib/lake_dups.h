/*
 * Which lines of some parts have the source and the id of an earlier one.
 *
 * The order is that of the parts, and of the lines in each; the first one is no
 * duplicate.  A line that is no event is never one.  Memory: an idset's, and a
 * bit for each line of a part that has duplicates.
 */
#ifndef DL_LAKE_DUPS_H
#define DL_LAKE_DUPS_H

#include "lake_merge.h"

struct dl_lake_dups {   /* of a part; zero-initialised */
	uint64_t *bits; /* bit i: line i, from 0, is one; NULL: none is */
	uint64_t nbits;
	uint64_t n; /* how many there are */
};

/*
 * Find them: dups[i] is of items[i].  dir is for files without a name.  On
 * DL_LAKE_GONE and DL_LAKE_CORRUPT *which is the part, and nothing was found.
 */
enum dl_lake_found dl_lake_dups_find(struct dl_lake_store *store,
    const struct dl_lake_item *const *items, size_t n,
    struct dl_lake_dups *dups, const char *dir,
    const volatile sig_atomic_t *stop, size_t *which, struct dl_err *err);

void dl_lake_dups_release(struct dl_lake_dups *d);

#endif
