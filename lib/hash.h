/*
 * Names for content: XXH3, in hex.  Not for secrets or against forgers.
 */
#ifndef DL_HASH_H
#define DL_HASH_H

#include "span.h"

#include <stdint.h>

/* 128 bits of a span, for sets of ids. */
struct dl_hash128 {
	uint64_t hi, lo;
};
struct dl_hash128 dl_hash128(struct dl_span s);

/* The key by which duplicates are known: source and id of an event. */
struct dl_hash128 dl_hash_pair(struct dl_span source, struct dl_span id);

uint64_t dl_hash64(struct dl_span s);

/*
 * A number for h that is the same within one process only: where it belongs in
 * a hash table, which who chooses the hashes must not be able to tell.
 */
uint64_t dl_hash_place(uint64_t h);

/* The 16 hex digits of h; no NUL. */
void dl_hash_print(uint64_t h, char out[16]);

/* The first n (at most 16) hex digits of dl_hash64, NUL-terminated. */
void dl_hash_hex(struct dl_span s, char *out, size_t n);

/*
 * A ULID (26 characters of Crockford's base 32): sorts by time of making, then
 * at random; two made by one process sort in their order.
 */
#define DL_ULID_LEN 26
void dl_ulid(char out[DL_ULID_LEN + 1]);

#endif
