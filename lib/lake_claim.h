/*
 * Which tidying a merged part is of: two machines may tidy one lake on S3.
 *
 * Whoever merges parts records that before the merged part is there; then reads
 * the manifest again.  Of two that have recorded the merging of the same part
 * the first one goes on, and the other gives up.  What was recorded and never
 * came to be is a claim for a day, unless the machine that finds it had made it
 * itself: it tidies one lake in one process at a time.
 */
#ifndef DL_LAKE_CLAIM_H
#define DL_LAKE_CLAIM_H

#include "hash.h"
#include "lake_index.h"

/*
 * Take the lock of the tidying of a lake: a descriptor to be closed, or -1
 * (DL_EXIT_TEMP: another process tidies it).  by is whose tidying it is, in all
 * runs from this state directory.
 */
int dl_lake_claim_lock(const struct dl_lake_store *store,
    char by[DL_ULID_LEN + 1], struct dl_err *err);

/*
 * Have others claimed part?  Of the entries before number, those count that
 * are after line known, or younger than a day.
 */
bool dl_lake_is_claimed(const struct dl_lake_index *x, const char *part,
    const char *by, uint64_t number, uint64_t known);

#endif
