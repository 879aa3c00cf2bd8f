/*
 * Is a lake as it was written?  Each part has the sha256, the bytes and the
 * records of its entry; each line of the manifest follows the one before.
 */
#ifndef DL_LAKE_VERIFY_H
#define DL_LAKE_VERIFY_H

#include "buf.h"
#include "lake.h"
#include "lake_list.h"

struct dl_lake_fault {
	const char *part; /* NULL: of the manifest */
	uint64_t line;    /* of the manifest; 0: none */
	const char *what; /* a short word */
	const char *expected, *found;
};

struct dl_lake_verified {
	uint64_t parts, bytes, records; /* read */
	uint64_t unknown;               /* parts without an entry */
	uint64_t lines;                 /* of the manifest */
	uint64_t faults;
};

struct dl_lake_verify {
	void (*fault)(void *arg, const struct dl_lake_fault *fault);
	/* So many of all parts are done; part is next. */
	void (*progress)(void *arg, uint64_t done, uint64_t all,
	    const struct dl_lake_verified *so_far, const char *part);
	void *arg;
};

/*
 * Tell of each fault, the manifest's first, of the parts that are listed.  -1:
 * it could not be found out.  A part that the manifest does not know is only
 * unpacked, one in Parquet not even that; one that is merged meanwhile is passed
 * over.
 */
int dl_lake_verify_all(struct dl_lake_store *store,
    const struct dl_lake_listing *listing, const struct dl_lake_verify *how,
    struct dl_lake_verified *counts, struct dl_err *err);

/* Append a line of JSON (dl-lake-ls(1)); lake is its name. */
void dl_lake_fault_json(
    struct dl_buf *b, const char *lake, const struct dl_lake_fault *fault);
void dl_lake_verified_json(
    struct dl_buf *b, const char *lake, const struct dl_lake_verified *v);

#endif
