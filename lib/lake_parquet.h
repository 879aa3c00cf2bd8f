/*
 * A lake of events rewritten as one of Parquet: one file for each partition, in
 * a directory of the same name, its columns as lake_rows.h has them and of the
 * same types in all partitions.  No value is lost or changed.
 *
 * It goes over the lake twice: all partitions for the types, of which what was
 * found is kept in STATE/parquet/seen.ndjson; then each partition that is not
 * there yet, or from other records, or with other columns, is written anew by
 * DuckDB, and put in the place of the old file.  A partition that only was
 * compacted is from the same records.  Files of partitions that are not in the
 * lake any more are removed.
 *
 * A run that is broken off leaves whole files, and the next one goes on.
 * Memory is what options.memory_bytes say, and some KiB for each partition; the
 * rows of a partition stand unpacked in STATE/parquet for as long as they are
 * written.
 */
#ifndef DL_LAKE_PARQUET_H
#define DL_LAKE_PARQUET_H

#include "err.h"
#include "lake_store.h"

#include <signal.h>
#include <stdint.h>

#define DL_LAKE_PARQUET_MEMORY ((int64_t)512 << 20)

enum dl_lake_parquet_what {
	DL_LAKE_PARQUET_SEEN,    /* its types are known */
	DL_LAKE_PARQUET_KEPT,    /* it is as it was */
	DL_LAKE_PARQUET_WRITTEN, /* or would be, in a dry run */
	DL_LAKE_PARQUET_REMOVED  /* or would be */
};

/* Of a partition: what became of it. */
struct dl_lake_parquet_step {
	enum dl_lake_parquet_what what;
	const char *partition;
	size_t parts;            /* of the lake that are in it */
	uint64_t records, bytes; /* of the file that was written */
	size_t done, all;        /* partitions, of this pass */
};

struct dl_lake_parquet_options {
	const char *library;               /* duck.h; or NULL */
	int64_t memory_bytes;              /* 0: DL_LAKE_PARQUET_MEMORY */
	int threads;                       /* 0: 1 */
	bool dry_run;                      /* change nothing */
	const volatile sig_atomic_t *stop; /* true: end soon; or NULL */
	void (*told)(void *arg, const struct dl_lake_parquet_step *step);
	void *arg;
};

struct dl_lake_parquet_counts {
	size_t written, kept, removed; /* partitions */
	uint64_t records, bytes;       /* of what was written */
	bool stopped;                  /* by options.stop: not all is done */
};

/*
 * from was opened for reading, to for writing, and nothing was published through
 * it; in a dry run it may be for reading, or NULL where there is none yet.
 * from_address is told in the manifest.  DL_EXIT_CONF: DuckDB's library is
 * not there; DL_EXIT_DATA: a part is damaged; DL_EXIT_TEMP: run it again.
 */
int dl_lake_parquet(struct dl_lake_store *from, const char *from_address,
    struct dl_lake_store *to, const struct dl_lake_parquet_options *options,
    struct dl_lake_parquet_counts *counts, struct dl_err *err);

#endif
