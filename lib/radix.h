/*
 * Sorts many 64-bit keys, each with an index, in linear time.
 */
#ifndef DL_RADIX_H
#define DL_RADIX_H

#include <stddef.h>
#include <stdint.h>

struct dl_radix {
	uint64_t key;
	uint32_t index;
};

/*
 * Sort n items by key, ascending and stable.  spare has room for n as well.
 * Bytes of the key that are the same everywhere cost nothing.
 */
void dl_radix_sort(struct dl_radix *items, struct dl_radix *spare, size_t n);

#endif
