/*
 * How much a lake has, as its manifest and the sizes of its files tell.
 */
#ifndef DL_LAKE_STAT_H
#define DL_LAKE_STAT_H

#include "buf.h"
#include "clock.h"
#include "lake_list.h"

struct dl_lake_sum {                /* zero-initialised */
	uint64_t parts, bytes;      /* as stored */
	uint64_t unknown;           /* parts that the manifest does not know */
	uint64_t records, unpacked; /* of the others */
	bool timed;
	struct dl_time first, last; /* of their records that have a time */
};

/*
 * What the manifest says of a listed part; NULL too where it is of another size
 * than the manifest has it.
 */
const struct dl_lake_entry *dl_lake_item_entry(const struct dl_lake_item *item);

/* The directory that a part is in; "" where it is in none. */
struct dl_span dl_lake_partition_of(const char *part);

void dl_lake_sum_item(struct dl_lake_sum *sum, const struct dl_lake_item *item);
void dl_lake_sum_add(struct dl_lake_sum *sum, const struct dl_lake_sum *more);

/* Append its members, each after a comma: ,"parts":1,"bytes":2 ... */
void dl_lake_sum_json(struct dl_buf *b, const struct dl_lake_sum *sum);

/*
 * Append a line: the part, its bytes, and what the manifest says of it otherwise
 * (dl-lake-ls(1)).
 */
void dl_lake_item_json(struct dl_buf *b, const struct dl_lake_item *item);

/* Told of the parts of a partition, together; -1 to stop with err. */
typedef int dl_lake_partition_fn(void *arg, struct dl_span partition,
    const struct dl_lake_item *const *items, size_t n, struct dl_err *err);

/* Tell of the partitions in the order of their names. */
int dl_lake_partitions(const struct dl_lake_listing *l,
    dl_lake_partition_fn *fn, void *arg, struct dl_err *err);

/*
 * Of the entries of a whole listing (q was NULL): of how many parts were there
 * none when it was walked, that were neither merged nor removed?  Their writers
 * died before they published them, or they were removed by hand.
 */
uint64_t dl_lake_count_absent(const struct dl_lake_listing *l);

#endif
