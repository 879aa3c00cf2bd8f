/*
 * Which parts a lake has now, of those that a query may want: what a walk finds,
 * without what cannot match (by partition, and by the first and last times that
 * the manifest tells), and without what a present part has merged.
 */
#ifndef DL_LAKE_LIST_H
#define DL_LAKE_LIST_H

#include "codec.h"
#include "lake.h"
#include "lake_index.h"

struct dl_lake_item {
	char *part;    /* PARTITION/NAME, or NAME */
	uint64_t size; /* bytes, as stored */
	enum dl_codec_kind kind;
	uint32_t met; /* bit i: the path satisfies query->where[i] */
	const struct dl_lake_entry
	    *entry; /* the index's, or NULL: not told of */
};

struct dl_lake_listing { /* zero-initialised */
	bool parquet;    /* set by the caller: list NAME.parquet too */
	struct dl_lake_item *items; /* in the order of their paths */
	size_t n;
	struct dl_lake_index *index; /* read after the walk; owned */
	/*
	 * Parts that were found and that a present part has merged, which are
	 * not in items: dl-lake-tidy removes them.
	 */
	char **superseded;
	size_t nsuperseded;
	size_t pruned; /* found, and left out by the times of their entries */
};

/*
 * q NULL: all parts.  A lake that is tidied meanwhile is walked again where the
 * walk may have missed what one part had become.
 */
int dl_lake_list(struct dl_lake_store *store, const struct dl_lake_query *q,
    struct dl_lake_listing *out, struct dl_err *err);
void dl_lake_listing_release(struct dl_lake_listing *l);

/* The listed part of this name, or NULL. */
const struct dl_lake_item *dl_lake_listing_find(
    const struct dl_lake_listing *l, const char *part);

#endif
