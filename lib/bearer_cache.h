/*
 * Grants by the SHA-256 of their tokens.  Thread-safe: shards with locks of
 * their own, each a ring in which the oldest is replaced.
 */
#ifndef DL_BEARER_CACHE_H
#define DL_BEARER_CACHE_H

#include "bearer.h"

#define DL_BEARER_SHARDS 16

struct dl_bearer_name {
	uint8_t hash[32];
};

struct dl_bearer_cache;

struct dl_bearer_cache *dl_bearer_cache_new(void);
void dl_bearer_cache_free(struct dl_bearer_cache *c);

/*
 * The grant of that name, the caller's to unref, or NULL.  One of another
 * generation, or that has expired, is not given.
 */
struct dl_grant *dl_bearer_cache_find(struct dl_bearer_cache *c,
    const struct dl_bearer_name *name, uint64_t generation, int64_t now_s);

/* Keep g by that name. */
void dl_bearer_cache_put(struct dl_bearer_cache *c,
    const struct dl_bearer_name *name, struct dl_grant *g);

/* How many were found. */
uint64_t dl_bearer_cache_hits(struct dl_bearer_cache *c);

#endif
