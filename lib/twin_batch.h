/*
 * Observations that wait for their commit, one per key: what loses to another
 * of its batch never touches the tree.
 *
 * Everything is in one arena, reused batch after batch: an observation's time
 * and texts once, then each metric's key and value.  Nothing is allocated per
 * record once the arena has grown.  Offsets are 32 bits: the arena stays under
 * DL_TWIN_ARENA and one observation.
 */
#ifndef DL_TWIN_BATCH_H
#define DL_TWIN_BATCH_H

#include "buf.h"
#include "radix.h"
#include "twin.h"
#include "twin_record.h"

#include <stdint.h>

/* Bytes after which a batch is full: of 8 MiB, with room for one more. */
#define DL_TWIN_ARENA ((8 << 20) - (256 << 10))
#define DL_TWIN_ENTRIES (160 << 10) /* keys after which a batch is full */

struct dl_twin_entry {
	uint32_t head; /* in the arena: time and texts of the observation */
	uint32_t key;
	uint32_t value;
	uint32_t value_len;
	uint32_t loser; /* 1 + index of one that lost to this one; 0: none */
	uint32_t last;  /* head of the last observation that had this key */
	uint16_t key_len;
	uint8_t verdict; /* enum dl_twin_verdict, once decided */
	bool changed;    /* it was written: it has a place in the change log */
	bool lost;       /* to another of the batch */
};

struct dl_twin_slot {
	uint32_t hash;  /* spares a look at most keys that are others */
	uint32_t entry; /* 1 + its index; 0: empty */
};

struct dl_twin_batch {
	struct dl_buf arena;
	struct dl_twin_entry *entries;
	size_t n, cap;
	bool keep_losers;      /* for verdicts */
	uint64_t nstale, ndup; /* losers that were not kept */

	struct dl_radix *order; /* keys, losers not among them, once sorted */
	size_t norder;

	/* private */
	struct dl_radix *spare;
	size_t order_cap;
	struct dl_twin_slot *slots; /* open addressing */
	size_t nslots, nkeys;
	uint64_t seed;
};

void dl_twin_batch_init(struct dl_twin_batch *b);
void dl_twin_batch_release(struct dl_twin_batch *b);
void dl_twin_batch_clear(struct dl_twin_batch *b);

static inline bool
dl_twin_batch_full(const struct dl_twin_batch *b)
{
	return b->arena.len >= DL_TWIN_ARENA || b->n >= DL_TWIN_ENTRIES;
}

/* Copy an observation's time and texts; what dl_twin_batch_add() wants. */
uint32_t dl_twin_batch_head(
    struct dl_twin_batch *b, const struct dl_twin_obs *o);

/*
 * Add one metric of it.  Component and metric are within DL_TWIN_KEY_MAX.  Of
 * metrics of one name in one observation the first that is added counts.
 */
void dl_twin_batch_add(struct dl_twin_batch *b, uint32_t head,
    struct dl_span component, struct dl_span metric, struct dl_span value);

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

#endif
