/*
 * What a lake's manifest says, in memory: where each part came from, when, and
 * where its records are now.
 *
 * It takes some 300 bytes for each line of the manifest, and the line itself.
 * A line that is none (the manifest is damaged) is passed over with a warning;
 * dl-lake-ls --verify tells more.  Once it is read, any number of threads may
 * ask it.
 */
#ifndef DL_LAKE_INDEX_H
#define DL_LAKE_INDEX_H

#include "clock.h"
#include "err.h"
#include "lake_store.h"
#include "span.h"

/* Records of an original part that lie in a merged one, in order. */
struct dl_lake_of {
	const char *part; /* PARTITION/NAME */
	struct dl_time at;
	uint64_t records, bytes; /* of these, unpacked */
};

struct dl_lake_entry {
	const char *part; /* PARTITION/NAME, a C string */
	uint64_t number;  /* of its line, from 1 */
	struct dl_time at;
	uint64_t records, bytes, unpacked;
	const char *sha256; /* hex, or "" */
	uint64_t untimed;   /* records without a time */
	bool timed;
	struct dl_time first, last;  /* of its records that have a time */
	struct dl_span line;         /* all of it, JSON: for lineage */
	const struct dl_lake_of *of; /* of a merged part */
	size_t nof;
	const char *const *merged; /* parts that it took the place of */
	size_t nmerged;
	bool gone; /* a later line says that it was removed */
};

struct dl_lake_index;

/* Read the manifest. */
struct dl_lake_index *dl_lake_index_new(
    struct dl_lake_store *store, struct dl_err *err);
void dl_lake_index_free(struct dl_lake_index *x); /* NULL does nothing */

/* What it says of a part (the first line that names it), or NULL. */
const struct dl_lake_entry *dl_lake_index_find(
    const struct dl_lake_index *x, const char *part);

/* The entries in the manifest's order. */
size_t dl_lake_index_count(const struct dl_lake_index *x);
const struct dl_lake_entry *dl_lake_index_at(
    const struct dl_lake_index *x, size_t i);

/* How many lines it has, of all kinds, and how many of them are none. */
uint64_t dl_lake_index_lines(const struct dl_lake_index *x, uint64_t *bad);

/* Is the line of this number, from 1, one that is none? */
bool dl_lake_index_is_bad(const struct dl_lake_index *x, uint64_t number);

/*
 * The entries that say they have merged part (directly: its name is in their
 * merged), or hold records of the original part (of): call fn for each, in the
 * manifest's order.  -1: fn did.
 */
int dl_lake_index_heirs(const struct dl_lake_index *x, const char *part,
    int (*fn)(void *arg, const struct dl_lake_entry *heir, struct dl_err *err),
    void *arg, struct dl_err *err);

/* The same, but only those that say they have merged it. */
int dl_lake_index_mergers(const struct dl_lake_index *x, const char *part,
    int (*fn)(void *arg, const struct dl_lake_entry *heir, struct dl_err *err),
    void *arg, struct dl_err *err);

/*
 * Does a line say that part, which need not have an entry, was removed?  at,
 * if it is not NULL: when.
 */
bool dl_lake_index_gone(
    const struct dl_lake_index *x, const char *part, struct dl_time *at);

/*
 * How many parts that were in the lake at t were removed after that, by the
 * lines that say so.
 */
uint64_t dl_lake_index_lost(
    const struct dl_lake_index *x, const struct dl_time *t);

/*
 * May this be the name of a part, PARTITION/NAME or NAME?  At most 1024 bytes,
 * and no component of it is empty or begins with '.' or '_'.
 */
bool dl_lake_name_ok(struct dl_span part);

/* When a part was begun, by the ULID in its name; false if it has none. */
bool dl_lake_name_time(const char *part, struct dl_time *t);

#endif
