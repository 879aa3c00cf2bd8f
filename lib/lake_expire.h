/*
 * How long a lake keeps what it has.
 *
 * "90d" is for each lake; "raw: 90d, clean: 2y" for those by that name, which
 * is the last component of a lake's address.
 */
#ifndef DL_LAKE_EXPIRE_H
#define DL_LAKE_EXPIRE_H

#include "clock.h"
#include "lake_list.h"

#define DL_LAKE_KEEPS 100 /* lakes that are named, at most */

struct dl_lake_keep {
	struct dl_span zone; /* absent: each lake */
	int64_t ms;
	bool used;
};

struct dl_lake_keeps { /* zero-initialised; it borrows the text */
	struct dl_lake_keep all[DL_LAKE_KEEPS];
	size_t n;
};

/* DL_EXIT_USAGE: expected a duration, or zones and durations. */
int dl_lake_keeps_parse(
    const char *text, struct dl_lake_keeps *k, struct dl_err *err);

/* Does what the lake at address has expire, and after which time? */
bool dl_lake_keeps_find(
    struct dl_lake_keeps *k, const char *address, int64_t *ms);

/* A zone that was never found is DL_EXIT_USAGE. */
int dl_lake_keeps_check(const struct dl_lake_keeps *k, struct dl_err *err);

/*
 * Are all records of a part from before t?  By the manifest's last time, or
 * else, as for those that have none, by the dt and hour of its partition; what
 * is not known is kept.
 */
bool dl_lake_is_before(
    const struct dl_lake_item *item, const struct dl_time *t);

#endif
