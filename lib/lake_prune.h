/*
 * What of a lake a query need not look at: by the partition that a path tells,
 * and by what the manifest says of a part.
 */
#ifndef DL_LAKE_PRUNE_H
#define DL_LAKE_PRUNE_H

#include "buf.h"
#include "lake.h"
#include "lake_index.h"

/* zero-initialised but for query; release frees the rest. */
struct dl_lake_prune {
	const struct dl_lake_query *query;
	uint32_t met; /* by the path asked for last: bit i: query->where[i] */
	/* private */
	bool has_dt;       /* it has a dt that was understood: */
	struct dl_time dt; /* the start of that day */
	struct dl_buf value;
};
void dl_lake_prune_release(struct dl_lake_prune *p);

/* Is there a condition on time? */
bool dl_lake_prune_timed(const struct dl_lake_query *q);

/* Must what is in this directory (its path in the lake; "": all) be read? */
bool dl_lake_prune_dir(struct dl_lake_prune *p, const char *dir);

/*
 * Must a part of this size be read, of which the manifest says e?  Where it was
 * written anew since (the size is another) e says nothing.
 */
bool dl_lake_prune_entry(const struct dl_lake_query *q,
    const struct dl_lake_entry *e, uint64_t size);

#endif
