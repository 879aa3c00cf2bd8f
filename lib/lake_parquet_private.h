/*
 * The halves of lake_parquet.h: lake_parquet.c decides what is to be done,
 * lake_parquet_parts.c tells the partitions, lake_parquet_seen.c finds the types,
 * lake_parquet_make.c makes a file.
 */
#ifndef DL_LAKE_PARQUET_PRIVATE_H
#define DL_LAKE_PARQUET_PRIVATE_H

#include "lake_parquet.h"

#include "duck.h"
#include "lake_list.h"
#include "lake_rows.h"

#define DL_LAKE_PARQUET_PRINT 32 /* hex digits */

/* A partition of the lake that is rewritten. */
struct dl_parquet_partition {
	char *dir;
	const struct dl_lake_item **items;
	size_t n;
	/* A name for the records in it: the same after it was compacted. */
	char print[DL_LAKE_PARQUET_PRINT + 1];
};

struct dl_parquet {
	struct dl_lake_store *from, *to; /* to may be NULL in a dry run */
	const char *from_address;
	const struct dl_lake_parquet_options *options;
	struct dl_lake_parquet_counts *counts;
	struct dl_duck *duck;
	char *dir; /* STATE/parquet; NULL in a dry run without one */
	struct dl_lake_listing listing;
	struct dl_parquet_partition *partitions;
	size_t npartitions;
	const struct dl_lake_item **items; /* all, by partition */
	struct dl_lake_rows *rows;         /* the table */
	char schema[DL_LAKE_PARQUET_PRINT + 1];
	uint64_t published;
};

bool dl_parquet_stopped(const struct dl_parquet *p);

/* A name for bytes. */
void dl_parquet_print(
    struct dl_span bytes, char out[DL_LAKE_PARQUET_PRINT + 1]);

/* How long the path of a part's directory is. */
size_t dl_parquet_dir(const char *path);

/* Set p's partitions by its listing. */
void dl_parquet_partitions(struct dl_parquet *p);

/* Let p->rows see all partitions. */
int dl_parquet_see(struct dl_parquet *p, struct dl_err *err);

/*
 * Make the file of a partition, and put it in the place of n old ones, whose
 * names are given.
 */
int dl_parquet_make(struct dl_parquet *p,
    const struct dl_parquet_partition *partition, const char *const *old,
    size_t n, struct dl_err *err);

/* Remove what making a file, perhaps by a run that was killed, has left. */
void dl_parquet_clean(struct dl_parquet *p);

void dl_parquet_tell(struct dl_parquet *p, enum dl_lake_parquet_what what,
    const struct dl_parquet_partition *partition, size_t done, uint64_t records,
    uint64_t bytes);

#endif
