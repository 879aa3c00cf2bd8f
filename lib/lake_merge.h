/*
 * Packs parts of a partition anew, as one.
 *
 * The lines are kept byte for byte, in the order of the parts that are added.
 * Memory is a pool's (lake_part.h) and an unpacker's (codec.h).
 *
 * The manifest's entry of a merged part says besides what each entry says:
 *
 *	"by":ULID           whose tidying this is (lake_tidy.h)
 *	"merged":["…"]      the parts that it takes the place of
 *	"of":[{"part":"…","at":"…","records":1,"bytes":2}]
 *
 * The latter are the original parts in the order in which their records lie in
 * it, and how many of them, unpacked: of a part that was merged itself, those
 * that it was made of.
 */
#ifndef DL_LAKE_MERGE_H
#define DL_LAKE_MERGE_H

#include "lake_list.h"
#include "lake_part.h"

#include <signal.h>
#include <stdint.h>

/* What is merged: an item of a listing, and which of its lines are left out. */
struct dl_lake_source {
	const struct dl_lake_item *item;
	const uint64_t *drop; /* bit i: line i, from 0; or NULL: none */
	uint64_t ndrop;       /* bits; lines after them are kept */
};

struct dl_lake_merge {
	struct dl_lake_part *part;
	struct dl_buf merged, of; /* JSON, without brackets */
	struct dl_buf names;      /* of merged, each with its NUL */
	size_t nmerged;
	uint64_t packed, unpacked; /* bytes of the parts that were added */
	uint64_t lines, dropped;
};

/* What became of a part that was to be read. */
enum dl_lake_found {
	DL_LAKE_FOUND,
	DL_LAKE_GONE,    /* it is not there any more */
	DL_LAKE_CORRUPT, /* err says how */
	DL_LAKE_FAILED   /* something else: err */
};

/*
 * Are the bytes of a part those that the manifest says, or, where it does not
 * know the part, can they be unpacked?
 */
enum dl_lake_found dl_lake_verify(struct dl_lake_store *store,
    const struct dl_lake_item *item, const volatile sig_atomic_t *stop,
    struct dl_err *err);

/* Told of each line, without its newline; -1 to stop with err. */
typedef int dl_lake_record_fn(
    void *arg, struct dl_span line, struct dl_err *err);

/* Read a part, line by line; it is not verified. */
enum dl_lake_found dl_lake_read_item(struct dl_lake_store *store,
    const struct dl_lake_item *item, const volatile sig_atomic_t *stop,
    dl_lake_record_fn *fn, void *arg, struct dl_err *err);

/*
 * Make an event of a line as it is stored, in ev, zero-initialised before the
 * first: false if it is none.
 */
bool dl_lake_event_of(
    struct dl_event *ev, struct dl_span line, struct dl_buf *scratch);

/*
 * Begin a part in partition, by a name after those of the parts of which the
 * last one, by their order, is after.
 */
struct dl_lake_merge *dl_lake_merge_new(struct dl_lake_pool *pool,
    struct dl_span partition, const char *after, struct dl_err *err);

/* Let go of it; its part is thrown away unless it was given away (NULL). */
void dl_lake_merge_free(struct dl_lake_merge *m);

/* How many bytes it would have, packed, if it ended now: about. */
int dl_lake_merge_size(
    struct dl_lake_merge *m, uint64_t *bytes, struct dl_err *err);

/*
 * How many bytes of what the manifest says of a merged part are of this one, at
 * most; of all of them it may be so many.
 */
uint64_t dl_lake_merge_entry(const struct dl_lake_item *item);
#define DL_LAKE_ENTRY_MOST (8 << 20) /* half of what a line may have */

/* Add a part.  Unless it was found well, m is of no use any more. */
enum dl_lake_found dl_lake_merge_add(struct dl_lake_merge *m,
    const struct dl_lake_source *source, const volatile sig_atomic_t *stop,
    struct dl_err *err);

/*
 * No more come: seal the part, and append its entry to b.  by: whose tidying it
 * is.
 */
int dl_lake_merge_end(struct dl_lake_merge *m, const char *by, struct dl_buf *b,
    struct dl_err *err);

#endif
