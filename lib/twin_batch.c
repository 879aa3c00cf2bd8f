#include "twin_batch.h"

#include <stdlib.h>
#include <sys/random.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#define SLOTS_MIN 1024
#define RUN 16 /* longer ones are not sorted by insertion */

void
dl_twin_batch_init(struct dl_twin_batch *b)
{
	*b = (struct dl_twin_batch){0};
	/* Unknown to who chooses the keys, or they could all collide. */
	if (getrandom(&b->seed, sizeof(b->seed), GRND_NONBLOCK) < 0)
		b->seed = (uint64_t)(uintptr_t)b;
}

void
dl_twin_batch_release(struct dl_twin_batch *b)
{
	dl_buf_release(&b->arena);
	free(b->entries);
	free(b->order);
	free(b->spare);
	free(b->slots);
	*b = (struct dl_twin_batch){0};
}

void
dl_twin_batch_clear(struct dl_twin_batch *b)
{
	dl_buf_clear(&b->arena);
	if (b->nslots > 0)
		memset(b->slots, 0, b->nslots * sizeof(*b->slots));
	b->n = b->nkeys = b->norder = 0;
	b->nstale = b->ndup = 0;
}

uint32_t
dl_twin_batch_head(struct dl_twin_batch *b, const struct dl_twin_obs *o)
{
	uint32_t at = (uint32_t)b->arena.len;

	dl_twin_pack(&b->arena, o);
	return at;
}

void
dl_twin_batch_obs(const struct dl_twin_batch *b, const struct dl_twin_entry *e,
    struct dl_twin_obs *o)
{
	dl_twin_unpack(
	    dl_span(b->arena.p + e->head, b->arena.len - e->head), o);
	o->value = dl_span(b->arena.p + e->value, e->value_len);
	o->change = 0;
}

static uint32_t
hash(const struct dl_twin_batch *b, struct dl_span key)
{
	return (uint32_t)XXH3_64bits_withSeed(key.p, key.len, b->seed);
}

/* The slot of key, or the empty one where it belongs. */
static struct dl_twin_slot *
find(const struct dl_twin_batch *b, struct dl_span key, uint32_t h)
{
	size_t mask = b->nslots - 1, i = h & mask;

	for (;; i = (i + 1) & mask) {
		struct dl_twin_slot *slot = &b->slots[i];

		if (slot->entry == 0)
			return slot;
		if (slot->hash == h &&
		    dl_span_eq(key,
			dl_twin_batch_key(b, &b->entries[slot->entry - 1])))
			return slot;
	}
}

static void
grow_slots(struct dl_twin_batch *b)
{
	struct dl_twin_slot *old = b->slots;
	size_t nold = b->nslots, mask;

	b->nslots = nold == 0 ? SLOTS_MIN : 2 * nold;
	mask = b->nslots - 1;
	b->slots = dl_calloc(b->nslots, sizeof(*b->slots));
	for (size_t i = 0; i < nold; i++) {
		size_t at = old[i].hash & mask;

		if (old[i].entry == 0)
			continue;
		while (b->slots[at].entry != 0)
			at = (at + 1) & mask;
		b->slots[at] = old[i];
	}
	free(old);
}

static uint32_t
append(struct dl_twin_batch *b, const struct dl_twin_entry *e)
{
	if (b->n == b->cap) {
		size_t most = DL_TWIN_ENTRIES + DL_TWIN_METRICS_MAX;

		/* By doubling, but not past what a full batch may have. */
		if (b->cap < most && 2 * b->cap > most)
			b->cap = most;
		else
			b->cap = b->cap == 0 ? 256 : 2 * b->cap;
		b->entries =
		    dl_realloc(b->entries, b->cap * sizeof(*b->entries));
	}
	b->entries[b->n++] = *e;
	return (uint32_t)b->n;
}

/* Another of e's key has come: the greater takes e's place. */
static void
coalesce(struct dl_twin_batch *b, uint32_t index, struct dl_twin_entry *e)
{
	struct dl_twin_entry *was = &b->entries[index], lost = *was;
	struct dl_twin_obs x, y;
	bool wins;

	dl_twin_batch_obs(b, e, &x);
	dl_twin_batch_obs(b, was, &y);
	wins = dl_twin_join_cmp(&x, &y) > 0;
	if (!b->keep_losers) {
		if (dl_twin_cmp(&x, &y) == 0)
			b->ndup++;
		else
			b->nstale++;
	}
	e->key = was->key;
	e->loser = was->loser;
	if (wins)
		*was = *e;
	if (!b->keep_losers) {
		if (!wins)
			b->arena.len = e->value;
		return;
	}
	if (!wins)
		lost = *e;
	lost.lost = true;
	e->loser = append(b, &lost); /* which may move the entries */
	b->entries[index].loser = e->loser;
}

void
dl_twin_batch_add(struct dl_twin_batch *b, uint32_t head,
    struct dl_span component, struct dl_span metric, struct dl_span value)
{
	struct dl_twin_entry e = {.head = head, .last = head};
	struct dl_twin_slot *slot;
	uint32_t h;

	if (4 * b->nkeys >= 3 * b->nslots)
		grow_slots(b);
	e.key = (uint32_t)b->arena.len;
	e.key_len = (uint16_t)(component.len + 1 + metric.len);
	dl_buf_span(&b->arena, component);
	dl_buf_addc(&b->arena, '\0');
	dl_buf_span(&b->arena, metric);

	h = hash(b, dl_twin_batch_key(b, &e));
	slot = find(b, dl_twin_batch_key(b, &e), h);
	if (slot->entry != 0) {
		b->arena.len = e.key; /* the key is there already */
		if (b->entries[slot->entry - 1].last == head)
			return;
		b->entries[slot->entry - 1].last = head;
	}
	e.value = (uint32_t)b->arena.len;
	e.value_len = (uint32_t)value.len;
	dl_buf_span(&b->arena, value);
	if (slot->entry != 0) {
		coalesce(b, slot->entry - 1, &e);
		return;
	}
	*slot = (struct dl_twin_slot){h, append(b, &e)};
	b->nkeys++;
}

/* How many first bytes are the same in all keys. */
static size_t
common(const struct dl_twin_batch *b)
{
	struct dl_span first =
	    dl_twin_batch_key(b, &b->entries[b->order[0].index]);
	size_t n = first.len;

	for (size_t i = 1; i < b->norder; i++) {
		struct dl_span key =
		    dl_twin_batch_key(b, &b->entries[b->order[i].index]);
		size_t j = 0;

		if (key.len >= n && memcmp(key.p, first.p, n) == 0)
			continue;
		while (j < key.len && j < n && key.p[j] == first.p[j])
			j++;
		n = j;
	}
	return n;
}

/* Eight bytes of key from skip on, so that their order is a number's. */
static uint64_t
prefix(struct dl_span key, size_t skip)
{
	uint64_t v = 0;

	for (size_t i = skip; i < skip + 8; i++)
		v = v << 8 | (i < key.len ? (uint8_t)key.p[i] : 0);
	return v;
}

static int
by_key(const void *x, const void *y, void *arg)
{
	const struct dl_twin_batch *b = arg;
	const struct dl_radix *i = x, *j = y;

	return dl_span_cmp(dl_twin_batch_key(b, &b->entries[i->index]),
	    dl_twin_batch_key(b, &b->entries[j->index]));
}

/*
 * Sort a run of equal prefixes.  Most are the few metrics of one component, in
 * their order already.
 */
static void
sort_run(struct dl_twin_batch *b, struct dl_radix *run, size_t n)
{
	if (n > RUN) {
		qsort_r(run, n, sizeof(*run), by_key, b);
		return;
	}
	for (size_t i = 1; i < n; i++) {
		struct dl_radix item = run[i];
		size_t j = i;

		for (; j > 0 && by_key(&run[j - 1], &item, b) > 0; j--)
			run[j] = run[j - 1];
		run[j] = item;
	}
}

static void
gather(struct dl_twin_batch *b)
{
	if (b->order_cap < b->cap) {
		b->order_cap = b->cap;
		b->order =
		    dl_realloc(b->order, b->order_cap * sizeof(*b->order));
		b->spare =
		    dl_realloc(b->spare, b->order_cap * sizeof(*b->spare));
	}
	b->norder = 0;
	/* Last first: dl_twin_put() adds the metrics of one in that order. */
	for (size_t i = b->n; i-- > 0;)
		if (!b->entries[i].lost)
			b->order[b->norder++].index = (uint32_t)i;
}

/*
 * By the eight bytes that follow what all keys share, in linear time; then
 * what these bytes don't tell apart, run by run.
 */
void
dl_twin_batch_sort(struct dl_twin_batch *b)
{
	size_t skip, i, j;

	gather(b);
	if (b->norder < 2)
		return;
	skip = common(b);
	for (i = 0; i < b->norder; i++)
		b->order[i].key = prefix(
		    dl_twin_batch_key(b, &b->entries[b->order[i].index]), skip);
	dl_radix_sort(b->order, b->spare, b->norder);
	for (i = 0; i < b->norder; i = j) {
		for (j = i + 1; j < b->norder; j++)
			if (b->order[j].key != b->order[i].key)
				break;
		if (j - i > 1)
			sort_run(b, &b->order[i], j - i);
	}
}
