/*
 * Looks after a lake: small parts become few, what is old goes, what is there
 * twice is left out of one of them.
 *
 * Each event is in the lake exactly once for its readers, before, during and
 * after (lake_store.h), and beside writers.  A partition is a step of its own: a
 * run that ends anywhere leaves a lake that the next run goes on with.
 *
 * Merging.  In each partition the parts of one codec that are smaller than 3/4
 * of the target are packed anew, in the order of their names, into parts of at
 * most the target: one ends when it would be larger with the next part, as large
 * as that is now.  A part alone stays as it is.  A part is verified before it is
 * given up; one that is corrupt is told (dl_log), and stays.
 *
 * Expiring.  A line of the manifest says which parts are gone; then they are
 * removed.
 */
#ifndef DL_LAKE_TIDY_H
#define DL_LAKE_TIDY_H

#include "buf.h"
#include "clock.h"
#include "err.h"
#include "lake_store.h"

#include <signal.h>
#include <stdint.h>

#define DL_LAKE_TARGET ((int64_t)128 << 20)

/* What was done, or would be, in a partition or in all of them. */
struct dl_lake_tidied {
	uint64_t merged, merged_bytes; /* parts that others took the place of */
	uint64_t made, made_bytes;     /* those; in a dry run without bytes */
	uint64_t duplicates;           /* records left out */
	uint64_t expired, expired_bytes; /* parts */
	uint64_t superseded;  /* parts that were left by a run that died */
	uint64_t corrupt;     /* parts that are left as they are */
	uint64_t partitions;  /* of the lake in which anything was done */
	uint64_t passed_over; /* partitions: dl_log says why */
};

struct dl_lake_tidy_options {
	int64_t target; /* bytes of a part, packed; at least 1 */
	int64_t jobs;   /* threads, as in lake.h */
	bool dedupe, dry_run;
	bool quiet;            /* no progress bar */
	bool expire;           /* parts go of which all records are older: */
	struct dl_time before; /* than this */
	const volatile sig_atomic_t *stop; /* true: end soon, DL_EXIT_TEMP */
	/* Told of each partition in which anything was done; or NULL. */
	void (*tell)(void *arg, const char *partition,
	    const struct dl_lake_tidied *what);
	void *arg;
};

/*
 * store was opened for tidying (in a dry run: for reading).  *sum is what was
 * done, also where it fails.
 */
int dl_lake_tidy(struct dl_lake_store *store,
    const struct dl_lake_tidy_options *options, struct dl_lake_tidied *sum,
    struct dl_err *err);

/*
 * Append "3 parts (1.2 KiB) became 1 (800 B); 2 duplicates left out; ...", or
 * what would be, in a dry run; without an end of line.
 */
void dl_lake_tidied_print(
    struct dl_buf *b, const struct dl_lake_tidied *what, bool dry);

#endif
