#include "idset.h"

#include "buf.h"

#include <stdlib.h>

#define FIRST_CAP 1024 /* a power of two, as all are */
#define MET 1u         /* of lo */
#define USED 2u        /* of lo: no slot in use is all zeros */

static uint64_t
name_of(struct dl_hash128 h)
{
	return (h.lo & ~(uint64_t)MET) | USED;
}

/* The slot of h, or the empty one where it would be. */
static struct dl_hash128 *
find(const struct dl_idset *s, struct dl_hash128 h)
{
	size_t i = (size_t)dl_hash_place(h.hi) & (s->cap - 1);
	uint64_t lo = name_of(h);

	while (
	    s->slots[i].lo != 0 &&
	    (s->slots[i].hi != h.hi || (s->slots[i].lo & ~(uint64_t)MET) != lo))
		i = (i + 1) & (s->cap - 1);
	return &s->slots[i];
}

static void
grow(struct dl_idset *s)
{
	struct dl_idset old = *s;
	size_t i;

	s->cap = old.cap == 0 ? FIRST_CAP : old.cap * 2;
	s->slots = dl_calloc(s->cap, sizeof(*s->slots));
	for (i = 0; i < old.cap; i++)
		if (old.slots[i].lo != 0)
			*find(s, old.slots[i]) = old.slots[i];
	free(old.slots);
}

void
dl_idset_release(struct dl_idset *s)
{
	free(s->slots);
	*s = (struct dl_idset){0};
}

void
dl_idset_add(struct dl_idset *s, struct dl_hash128 h)
{
	struct dl_hash128 *slot;

	if (s->n >= s->cap / 4 * 3)
		grow(s);
	slot = find(s, h);
	if (slot->lo != 0)
		return;
	slot->hi = h.hi;
	slot->lo = name_of(h);
	s->n++;
	s->unmet++;
}

bool
dl_idset_meet(struct dl_idset *s, struct dl_hash128 h)
{
	struct dl_hash128 *slot;

	if (s->n == 0 || (slot = find(s, h))->lo == 0)
		return false;
	if ((slot->lo & MET) == 0) {
		slot->lo |= MET;
		s->unmet--;
	}
	return true;
}
