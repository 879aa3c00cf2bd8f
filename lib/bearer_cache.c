#include "bearer_cache.h"

#include "buf.h"

#include <pthread.h>
#include <stdlib.h>

#define ENTRIES (DL_BEARER_CACHE / DL_BEARER_SHARDS)
#define CHAINS (2 * ENTRIES)
#define NONE UINT16_MAX

struct entry {
	struct dl_bearer_name name;
	struct dl_grant *grant; /* NULL: free */
	uint16_t next;          /* of its chain, or NONE */
};

struct shard {
	pthread_mutex_t lock;
	uint64_t hits;
	uint16_t oldest; /* the entry that is used next */
	uint16_t chain[CHAINS];
	struct entry entry[ENTRIES];
};

struct dl_bearer_cache {
	struct shard shard[DL_BEARER_SHARDS];
};

struct dl_bearer_cache *
dl_bearer_cache_new(void)
{
	struct dl_bearer_cache *c = dl_calloc(1, sizeof(*c));

	for (int i = 0; i < DL_BEARER_SHARDS; i++) {
		pthread_mutex_init(&c->shard[i].lock, NULL);
		memset(c->shard[i].chain, 0xff, sizeof(c->shard[i].chain));
	}
	return c;
}

void
dl_bearer_cache_free(struct dl_bearer_cache *c)
{
	if (c == NULL)
		return;
	for (int i = 0; i < DL_BEARER_SHARDS; i++) {
		for (int k = 0; k < ENTRIES; k++)
			dl_grant_unref(c->shard[i].entry[k].grant);
		pthread_mutex_destroy(&c->shard[i].lock);
	}
	free(c);
}

static struct shard *
shard_of(struct dl_bearer_cache *c, const struct dl_bearer_name *name)
{
	return &c->shard[name->hash[0] % DL_BEARER_SHARDS];
}

static uint16_t *
chain_of(struct shard *s, const struct dl_bearer_name *name)
{
	uint32_t at;

	memcpy(&at, name->hash + 4, sizeof(at));
	return &s->chain[at % CHAINS];
}

/* Where the entry of that name is linked, or where the chain ends. */
static uint16_t *
find(struct shard *s, const struct dl_bearer_name *name)
{
	uint16_t *link = chain_of(s, name);

	while (*link != NONE &&
	       memcmp(&s->entry[*link].name, name, sizeof(*name)) != 0)
		link = &s->entry[*link].next;
	return link;
}

/* Take an entry out; the grant in it is the caller's. */
static struct dl_grant *
take_out(struct shard *s, uint16_t *link)
{
	struct entry *e = &s->entry[*link];
	struct dl_grant *g = e->grant;

	*link = e->next;
	e->grant = NULL;
	return g;
}

struct dl_grant *
dl_bearer_cache_find(struct dl_bearer_cache *c,
    const struct dl_bearer_name *name, uint64_t generation, int64_t now_s)
{
	struct dl_grant *found = NULL, *stale = NULL;
	struct shard *s = shard_of(c, name);
	uint16_t *link;

	pthread_mutex_lock(&s->lock);
	link = find(s, name);
	if (*link != NONE) {
		struct dl_grant *g = s->entry[*link].grant;

		if (g->generation == generation && now_s < g->expires_s) {
			found = dl_grant_ref(g);
			s->hits++;
		} else
			stale = take_out(s, link);
	}
	pthread_mutex_unlock(&s->lock);
	dl_grant_unref(stale);
	return found;
}

void
dl_bearer_cache_put(struct dl_bearer_cache *c,
    const struct dl_bearer_name *name, struct dl_grant *g)
{
	struct dl_grant *same = NULL, *oldest = NULL;
	struct shard *s = shard_of(c, name);
	struct entry *e;
	uint16_t *link;

	dl_grant_ref(g);
	pthread_mutex_lock(&s->lock);
	link = find(s, name);
	if (*link != NONE)
		same = take_out(s, link);
	e = &s->entry[s->oldest];
	if (e->grant != NULL)
		oldest = take_out(s, find(s, &e->name));
	e->name = *name;
	e->grant = g;
	link = chain_of(s, name);
	e->next = *link;
	*link = s->oldest;
	s->oldest = (uint16_t)((s->oldest + 1) % ENTRIES);
	pthread_mutex_unlock(&s->lock);
	dl_grant_unref(same);
	dl_grant_unref(oldest);
}

uint64_t
dl_bearer_cache_hits(struct dl_bearer_cache *c)
{
	uint64_t hits = 0;

	for (int i = 0; i < DL_BEARER_SHARDS; i++) {
		pthread_mutex_lock(&c->shard[i].lock);
		hits += c->shard[i].hits;
		pthread_mutex_unlock(&c->shard[i].lock);
	}
	return hits;
}
