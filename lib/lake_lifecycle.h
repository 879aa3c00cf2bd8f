/*
 * The lifecycle rules of a bucket: S3 itself removes what is old, by when an
 * object was made.
 *
 * A rule is for what begins with a prefix.  Of a lake these are the keys of its
 * partitions' first components ("lake/raw/source="), so that nothing of _dl
 * goes; unfinished uploads are aborted everywhere in it.
 */
#ifndef DL_LAKE_LIFECYCLE_H
#define DL_LAKE_LIFECYCLE_H

#include "buf.h"
#include "err.h"
#include "lake_store.h"

struct dl_lake_lifecycle { /* zero-initialised; release frees xml, bucket */
	struct dl_buf xml, bucket;
	size_t rules;
};

/*
 * Add the rules of the lake at address, s3://BUCKET/PREFIX; ms: how long it
 * keeps what it has, 0: for ever.  An address that is none, and one in another
 * bucket than those before, is DL_EXIT_USAGE.
 */
int dl_lake_lifecycle_add(struct dl_lake_lifecycle *l,
    struct dl_lake_store *store, const char *address, int64_t ms,
    struct dl_err *err);

/* No more come: xml is the whole document. */
void dl_lake_lifecycle_end(struct dl_lake_lifecycle *l);
void dl_lake_lifecycle_release(struct dl_lake_lifecycle *l);

#endif
