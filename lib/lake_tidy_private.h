/*
 * What the files of lake_tidy.h share: lake_tidy.c (the run), lake_superseded.c
 * (what it begins with) and lake_compact.c (a partition).
 */
#ifndef DL_LAKE_TIDY_PRIVATE_H
#define DL_LAKE_TIDY_PRIVATE_H

#include "hash.h"
#include "lake_list.h"
#include "lake_part.h"
#include "lake_tidy.h"
#include "progress.h"

struct dl_lake_tidier {
	struct dl_lake_store *store;
	const struct dl_lake_tidy_options *options;
	struct dl_lake_listing listing;
	uint64_t known;           /* lines that the manifest had then */
	char by[DL_ULID_LEN + 1]; /* lake_claim.h */
	struct dl_lake_pool *pools[DL_CODEC_ZSTD + 1]; /* by codec; or NULL */
	char last[64];       /* the name of the part that was made last */
	uint64_t groups;     /* of parts that become one, so far */
	struct dl_buf ready; /* struct ready: parts that are sealed */
	struct dl_lake_tidied *sum;
	char **parents; /* directories with others in them, in order */
	size_t nparents;
	struct dl_progress progress;
	uint64_t done, all, records; /* partitions, partitions, records */
};

/* How long the partition of a part's path is; a part's name, after it. */
static inline size_t
dl_lake_tidy_partition(const char *part)
{
	const char *slash = strrchr(part, '/');

	return slash == NULL ? 0 : (size_t)(slash - part);
}

/* Say in the manifest that these parts are gone. */
int dl_lake_tidy_gone(struct dl_lake_tidier *t, const char *const *parts,
    size_t n, const char *why, struct dl_err *err);

/*
 * Of the listing's superseded parts leave those that have nothing that is not
 * elsewhere; the others are told, and what they became is not listed any more,
 * so that it stays.
 */
int dl_lake_superseded_check(struct dl_lake_tidier *t, struct dl_err *err);

/* How many parts a partition's would become, reckoned by their sizes. */
uint64_t dl_lake_compact_plan(
    struct dl_lake_tidier *t, const struct dl_lake_item *items, size_t n);

/*
 * Merge the parts of a partition: items, n of them.  What is ready is put in
 * its place at once on a disk; far away when some of them have gathered, or by
 * flush.
 */
int dl_lake_compact(struct dl_lake_tidier *t, const struct dl_lake_item *items,
    size_t n, struct dl_err *err);
int dl_lake_compact_flush(struct dl_lake_tidier *t, struct dl_err *err);

/* Let go of what is ready and was not put in its place. */
void dl_lake_compact_release(struct dl_lake_tidier *t);

#endif
