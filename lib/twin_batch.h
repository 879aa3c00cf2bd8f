/*
 * Observations that wait for their commit, one per key: what loses to another
 * of its batch never touches the tree.
 *
 * Everything is in one arena, reused batch after batch: each metric's key and
 * value, and an observation's time and texts, its head, once.  What wins over
 * another takes its place where there is room, so a metric that comes again and
 * again stays where it is.  Nothing is allocated per record once the arena has
 * grown.  Offsets are 32 bits: the arena stays under DL_TWIN_ARENA and one
 * observation.
 */
#ifndef DL_TWIN_BATCH_H
#define DL_TWIN_BATCH_H

#include "buf.h"
#include "radix.h"
#include "twin.h"
#include "twin_record.h"

#include <stdint.h>

/*
 * A batch is full after so many bytes, or so many entries.  With large batches
 * each page of the tree is written for more records; but what they take, with
 * what LMDB keeps of a transaction, is to stay under 64 MiB.
 */
#define DL_TWIN_ARENA (26 << 20)
#define DL_TWIN_ENTRIES (336 << 10)

struct dl_twin_entry {
	uint32_t head; /* in the arena: time and texts of the observation */
	uint32_t key;
	uint32_t value;
	uint32_t value_len;
	uint32_t room;   /* of head and value, if no other has this head */
	uint32_t loser;  /* 1 + index of one that lost to this one; 0: none */
	uint32_t serial; /* of the last observation that had this key */
	uint16_t key_len;
	uint8_t verdict; /* enum dl_twin_verdict, once decided */
	bool lost;       /* to another of the batch */
};

/* An observation on its way into the batch. */
struct dl_twin_new {
	const struct dl_twin_obs *obs;
	uint32_t head;   /* in the arena, once it is there */
	uint32_t serial; /* its number in the batch */
	bool alone;      /* it has one metric */
};

/*
 * One of one metric that waits for a few others, while the places in memory
 * that will tell whether its key is there are sent for: key, head and value.
 */
#define DL_TWIN_STAGED 8
struct dl_twin_staged {
	uint64_t hash;
	uint32_t serial;
	uint16_t key_len, head_len, value_len;
	char bytes[232];
};

struct dl_twin_batch {
	struct dl_buf arena;
	struct dl_twin_entry *entries;
	size_t n, cap;
	bool keep_losers;      /* for verdicts */
	uint64_t nstale, ndup; /* losers that were not kept */

	struct dl_radix *order; /* keys, losers not among them, once sorted */
	struct dl_radix *spare; /* room for as many, of no meaning then */
	size_t norder;

	/* private */
	struct dl_twin_new now; /* the one whose metrics are added */
	struct dl_twin_staged staged[DL_TWIN_STAGED];
	uint32_t nstaged, last; /* how many of them; staged last, modulo */
	size_t order_cap;
	/* Open addressing: most keys are new, and that a byte's look tells. */
	uint8_t *tags;   /* of the hash; 0: empty */
	uint32_t *slots; /* index of the entry */
	size_t nslots, nkeys;
	uint64_t seed;
};

void dl_twin_batch_init(struct dl_twin_batch *b);
void dl_twin_batch_release(struct dl_twin_batch *b);
void dl_twin_batch_clear(struct dl_twin_batch *b);

static inline bool
dl_twin_batch_full(const struct dl_twin_batch *b)
{
	return b->arena.len >= DL_TWIN_ARENA || b->n >= DL_TWIN_ENTRIES ||
	       b->now.serial == UINT32_MAX;
}

/*
 * Begin an observation of n metrics.  o, which has no value, is used until the
 * last of them is added.
 */
void dl_twin_batch_begin(
    struct dl_twin_batch *b, const struct dl_twin_obs *o, size_t n);

/*
 * Add one metric of it.  Component and metric are within DL_TWIN_KEY_MAX.  Of
 * metrics of one name in one observation the first that is added counts.
 */
void dl_twin_batch_add(struct dl_twin_batch *b, struct dl_span component,
    struct dl_span metric, struct dl_span value);

/* Fill b->order, in the order of keys as LMDB has it. */
void dl_twin_batch_sort(struct dl_twin_batch *b);

/* Views of an entry, valid until the next head or add. */
static inline struct dl_span
dl_twin_batch_key(const struct dl_twin_batch *b, const struct dl_twin_entry *e)
{
	return dl_span(b->arena.p + e->key, e->key_len);
}

void dl_twin_batch_obs(const struct dl_twin_batch *b,
    const struct dl_twin_entry *e, struct dl_twin_obs *o);

/*
 * Entries and what they point at are all over the batch's memory: those that
 * come after b->order[i] are sent for while it is worked on.  Called as a
 * function, it would be optimised away.
 */
#define DL_TWIN_AHEAD 4
static inline __attribute__((always_inline)) void
dl_twin_batch_send_for(const struct dl_twin_batch *b, size_t i, bool all)
{
	const struct dl_twin_entry *e;

	if (i + 2 * DL_TWIN_AHEAD < b->norder)
		__builtin_prefetch(
		    &b->entries[b->order[i + 2 * DL_TWIN_AHEAD].index]);
	if (i + DL_TWIN_AHEAD >= b->norder)
		return;
	e = &b->entries[b->order[i + DL_TWIN_AHEAD].index];
	__builtin_prefetch(b->arena.p + e->key);
	if (all) {
		__builtin_prefetch(b->arena.p + e->head);
		__builtin_prefetch(b->arena.p + e->value);
	}
}

#endif
