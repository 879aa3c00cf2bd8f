/*
 * The compacted change log: for each key of the twin the number of its last
 * change, in the order of numbers.
 *
 * Entries are kept in blocks, under the number of a block's first entry when it
 * was written.  A block's bytes are its entries: the number, less the block's;
 * how many bytes of the key are those of the one before; how many follow; and
 * these (the three are varint.h's).  Changes are logged in runs of sorted keys,
 * so an entry has a few bytes where one of LMDB's own would have twice its
 * key's, and one search finds many of those that a new run replaces.
 */
#ifndef DL_TWIN_LOG_H
#define DL_TWIN_LOG_H

#include "radix.h"
#include "span.h"
#include "twin.h"
#include "varint.h"

#include <stdint.h>

#include <lmdb.h>

#define DL_TWIN_LOG_KEY (DL_TWIN_KEY_MAX + 1)
#define DL_TWIN_LOG_BLOCK 600 /* bytes of a block, unless it has one entry */

/* One entry after the other of a block. */
struct dl_twin_log_iter {
	struct dl_span rest;
	uint64_t first, number;
	size_t key_len;
	char key[DL_TWIN_LOG_KEY];
};

/* The bytes of block first are valid while it is used. */
void dl_twin_log_iter(
    struct dl_twin_log_iter *it, uint64_t first, struct dl_span block);

/* Set number and key to the next entry's: 1, 0 the end, -1 not a block. */
int dl_twin_log_next(struct dl_twin_log_iter *it);

/* A block that is being made. */
struct dl_twin_log_block {
	uint64_t first;
	size_t len, key_len;
	char key[DL_TWIN_LOG_KEY]; /* of the last entry */
	uint8_t bytes[DL_TWIN_LOG_BLOCK + DL_TWIN_LOG_KEY + 3 * DL_VARINT_MAX];
};

/*
 * Add an entry, greater than the last; key has at most DL_TWIN_LOG_KEY bytes.
 * false: b has more than DL_TWIN_LOG_BLOCK bytes already.
 */
bool dl_twin_log_add(
    struct dl_twin_log_block *b, uint64_t number, struct dl_span key);

/*
 * The rest is of LMDB, and returns its codes; what isn't a block is
 * MDB_CORRUPTED.  c is a cursor of the log.
 */

/* Move to the block that holds numbers from number on, if there is any. */
int dl_twin_log_seek(MDB_cursor *c, uint64_t number, MDB_val *k, MDB_val *v);

/* The last number; 0 if the log is empty. */
int dl_twin_log_last(MDB_cursor *c, uint64_t *number);

/* Remove the entries of n numbers, which ascend; some may be absent. */
int dl_twin_log_remove(MDB_cursor *c, const struct dl_radix *numbers, size_t n);

/* Add an entry after all others to b, which goes into the log when it is full. */
int dl_twin_log_append(MDB_cursor *c, struct dl_twin_log_block *b,
    uint64_t number, struct dl_span key);

/* Put what is in b into the log. */
int dl_twin_log_flush(MDB_cursor *c, struct dl_twin_log_block *b);

#endif
