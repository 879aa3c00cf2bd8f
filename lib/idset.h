/*
 * A set of 128-bit hashes, and which of them have been met again.
 *
 * First members are added, then the set is sealed, then asked.  It takes more
 * while it is asked: they answer from the next seal on.  An addition takes 16
 * bytes, from the seal on a member 16 bytes and a bit.  When DL_IDSET_MOST
 * additions have gathered they are sorted and written to a file without a name
 * in the set's directory; sealing merges such files, the members before and
 * what is in memory into one, which is mapped: the kernel keeps of it what it
 * has room for.  So the memory that cannot be taken back is 16 * DL_IDSET_MOST
 * bytes and a bit a member, twice those bytes where a sealed set takes more.
 * While files are merged their directory needs room for 32 bytes an id.
 *
 * One bit of the hash marks the awaited members: 127 tell them apart.  Hashes
 * may be chosen by an enemy: no operation takes longer for it than by a factor
 * that the number of bits bounds.
 */
#ifndef DL_IDSET_H
#define DL_IDSET_H

#include "err.h"
#include "hash.h"

#include <stdbool.h>
#include <stddef.h>

#define DL_IDSET_MOST 4000000 /* hashes in memory */

struct dl_idset_run { /* a file, mapped; sorted */
	struct dl_hash128 *ids;
	size_t n;
};

struct dl_idset {
	const char *dir; /* of the files; not owned */
	size_t most;
	size_t n;                 /* members, once it is sealed */
	size_t unmet;             /* awaited members that were never met */
	bool mapped;              /* ids is a file's and not the heap's */
	struct dl_hash128 *ids;   /* the members: sorted, each once */
	uint64_t *met;            /* a bit a member */
	struct dl_hash128 *added; /* since the seal */
	size_t nadded, cap;
	struct dl_idset_run *runs; /* added before those */
	size_t nruns;
};

/* Prepare s; dir is there, and lives as long as s.  Cannot fail. */
void dl_idset_init(struct dl_idset *s, const char *dir);

/* Free all; s is as after its init.  Of a zeroed s there is nothing to free. */
void dl_idset_release(struct dl_idset *s);

/*
 * Make h a member, from the next seal on.  It counts as unmet if it is awaited,
 * by this addition or another.  -1: a file could not be written (no space:
 * DL_EXIT_TEMP), and h is not added.
 */
int dl_idset_add(
    struct dl_idset *s, struct dl_hash128 h, bool awaited, struct dl_err *err);

/*
 * What was added are members, with those of the seal before; none of them has
 * been met.  -1 as above: the members are those from before, and what was added
 * waits for the next seal.
 */
int dl_idset_seal(struct dl_idset *s, struct dl_err *err);

/* Is h a member?  Then it has been met.  Before the first seal nothing is. */
bool dl_idset_meet(struct dl_idset *s, struct dl_hash128 h);

#endif
