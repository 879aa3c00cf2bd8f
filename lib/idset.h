/*
 * A set of 128-bit hashes, and which of them have been met again.
 *
 * 16 bytes a slot and at most three quarters full.  One bit of the hash marks
 * the members that dl_idset_meet() has found, and one is given for empty slots: 126 tell
 * them apart.
 */
#ifndef DL_IDSET_H
#define DL_IDSET_H

#include "hash.h"

#include <stdbool.h>
#include <stddef.h>

struct dl_idset { /* zero-initialised: empty */
	struct dl_hash128 *slots;
	size_t cap;
	size_t n;     /* members */
	size_t unmet; /* of them, never met */
};

void dl_idset_release(struct dl_idset *s);

/* Make h a member. */
void dl_idset_add(struct dl_idset *s, struct dl_hash128 h);

/* Is h a member?  Then it has been met. */
bool dl_idset_meet(struct dl_idset *s, struct dl_hash128 h);

#endif
