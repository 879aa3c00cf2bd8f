/*
 * The ids of what an unfinished run stored, out of the parts that its journal
 * names, or, where they were merged since, out of what they have become.
 */
#ifndef DL_LAKE_IDS_H
#define DL_LAKE_IDS_H

#include "idset.h"
#include "lake_heir.h"
#include "lake_index.h"
#include "lake_store.h"

/* zero-initialised but for the first two. */
struct dl_lake_ids {
	struct dl_lake_store *store;
	struct dl_idset *seen; /* they are added to it */
	uint64_t settled;      /* parts of which the storage was told so */
	/* private */
	struct dl_lake_index *index; /* read when it is first needed */
	struct dl_lake_set merged;   /* parts that are not there any more */
	struct dl_lake_set done;     /* those whose events were taken */
	struct dl_buf names;         /* of these, each with its NUL */
	struct dl_buf text;
};
void dl_lake_ids_release(struct dl_lake_ids *ids);

/*
 * Take the ids of the part, a dl_journal_part_fn: 1; 0 it was never published,
 * or removed; where that is not certain, 1.  The events of a part that was
 * merged are taken by finish.
 */
int dl_lake_ids_part(void *arg, struct dl_span part, struct dl_err *err);

/* All parts were told of. */
int dl_lake_ids_finish(struct dl_lake_ids *ids, struct dl_err *err);

#endif
