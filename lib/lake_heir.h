/*
 * Where the records of a part that was merged are now, and which originals have
 * been dealt with.
 */
#ifndef DL_LAKE_HEIR_H
#define DL_LAKE_HEIR_H

#include "codec.h"
#include "hash.h"
#include "lake_index.h"
#include "lake_store.h"

/* A set of parts' names; zero-initialised: empty. */
struct dl_lake_set {
	struct dl_hash128 *slots; /* of their hashes; free: all zero */
	size_t n, nslots;         /* nslots: a power of 2, or 0 */
};
void dl_lake_set_add(struct dl_lake_set *set, const char *part);
bool dl_lake_set_has(const struct dl_lake_set *set, const char *part);
void dl_lake_set_release(struct dl_lake_set *set);

/* A part that was merged from others, open. */
struct dl_lake_heir {
	const struct dl_lake_entry *entry;
	enum dl_codec_kind kind;
	int fd; /* the caller's to close */
};

/*
 * Open the newest part that is there of those that original was merged into: 1,
 * or 0.
 */
int dl_lake_heir_open(struct dl_lake_store *store,
    const struct dl_lake_index *x, const char *original,
    struct dl_lake_heir *heir, struct dl_err *err);

/* Does the manifest name one, which may or may not be there? */
bool dl_lake_heir_named(const struct dl_lake_index *x, const char *original);

#endif
