#include "twin_batch.h"

#include <endian.h>
#include <stdlib.h>
#include <sys/random.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#define NO_HEAD UINT32_MAX
#define ARENA_CAP (DL_TWIN_ARENA + (512 << 10))
#define SLOTS_MIN 1024
#define SLOTS_FAR (64 << 10) /* so many don't stay in a near cache */
#define RUN 16               /* longer ones are not sorted by insertion */

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
	free(b->tags);
	free(b->slots);
	*b = (struct dl_twin_batch){0};
}

void
dl_twin_batch_clear(struct dl_twin_batch *b)
{
	dl_buf_clear(&b->arena);
	if (b->nslots > 0)
		memset(b->tags, 0, b->nslots);
	b->n = b->nkeys = b->norder = 0;
	b->nstale = b->ndup = 0;
	b->now.serial = b->nstaged = 0;
}

void
dl_twin_batch_begin(
    struct dl_twin_batch *b, const struct dl_twin_obs *o, size_t n)
{
	b->now.obs = o;
	b->now.head = NO_HEAD;
	b->now.alone = n == 1;
	b->now.serial++;
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

static uint64_t
hash(const struct dl_twin_batch *b, struct dl_span key)
{
	return XXH3_64bits_withSeed(key.p, key.len, b->seed);
}

/* Of bits of the hash that don't choose the slot. */
static uint8_t
tag(uint64_t h)
{
	return (uint8_t)(h >> 57 | 0x80);
}

/* The slot of key, or the empty one where it belongs. */
static size_t
find(const struct dl_twin_batch *b, struct dl_span key, uint64_t h)
{
	size_t mask = b->nslots - 1, i = h & mask;

	for (;; i = (i + 1) & mask)
		if (b->tags[i] == 0 ||
		    (b->tags[i] == tag(h) &&
			dl_span_eq(key,
			    dl_twin_batch_key(b, &b->entries[b->slots[i]]))))
			return i;
}

static void
grow_slots(struct dl_twin_batch *b)
{
	b->nslots = b->nslots == 0 ? SLOTS_MIN : 2 * b->nslots;
	free(b->tags);
	b->tags = dl_calloc(b->nslots, 1);
	b->slots = dl_realloc(b->slots, b->nslots * sizeof(*b->slots));
	for (size_t i = 0; i < b->n; i++) {
		size_t at, mask = b->nslots - 1;
		uint64_t h;

		if (b->entries[i].lost)
			continue;
		h = hash(b, dl_twin_batch_key(b, &b->entries[i]));
		for (at = h & mask; b->tags[at] != 0;)
			at = (at + 1) & mask;
		b->tags[at] = tag(h);
		b->slots[at] = (uint32_t)i;
	}
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

/* Copy head and value of new into the arena, for e. */
static void
fill(struct dl_twin_batch *b, struct dl_twin_new *new, struct dl_twin_entry *e,
    struct dl_span value)
{
	if (new->head == NO_HEAD) {
		new->head = (uint32_t)b->arena.len;
		if (new->obs->head.p != NULL)
			dl_buf_span(&b->arena, new->obs->head);
		else
			dl_twin_pack(&b->arena, new->obs);
	}
	e->head = new->head;
	e->value = (uint32_t)b->arena.len;
	e->value_len = (uint32_t)value.len;
	dl_buf_span(&b->arena, value);
	e->room = new->alone ? (uint32_t)b->arena.len - e->head : 0;
}

/* The same, where e's own was if that will do. */
static void
refill(struct dl_twin_batch *b, struct dl_twin_new *new,
    struct dl_twin_entry *e, struct dl_span value)
{
	uint32_t to = e->head, room = e->room;

	fill(b, new, e, value);
	if (!new->alone || e->room > room)
		return;
	memcpy(b->arena.p + to, b->arena.p + e->head, e->room);
	b->arena.len = e->head;
	e->value = to + (e->value - e->head);
	e->head = to;
	e->room = room;
}

/* Does new win over e?  *same: it is no other than e. */
static bool
wins(const struct dl_twin_batch *b, const struct dl_twin_new *new,
    const struct dl_twin_entry *e, struct dl_span value, bool *same)
{
	struct dl_twin_obs is, was;
	struct dl_time time;
	int order;

	*same = false;
	dl_twin_unpack_time(
	    dl_span(b->arena.p + e->head, b->arena.len - e->head), &time);
	if ((order = dl_time_cmp(&new->obs->time, &time)) != 0)
		return order > 0;
	is = *new->obs;
	if (is.head.p != NULL)
		dl_twin_unpack(is.head, &is);
	is.value = value;
	dl_twin_batch_obs(b, e, &was);
	*same = dl_twin_cmp(&is, &was) == 0;
	return dl_twin_join_cmp(&is, &was) > 0;
}

/* Another of the key at index has come: the greater stays. */
static void
coalesce(struct dl_twin_batch *b, struct dl_twin_new *new, uint32_t index,
    struct dl_span value)
{
	struct dl_twin_entry *e = &b->entries[index], lost = *e;
	bool same, won = wins(b, new, e, value, &same);
	uint32_t loser;

	e->serial = new->serial;
	if (!b->keep_losers) {
		if (same)
			b->ndup++;
		else
			b->nstale++;
		if (won)
			refill(b, new, e, value);
		return;
	}
	fill(b, new, won ? e : &lost, value);
	lost.lost = true;
	loser = append(b, &lost); /* which may move the entries */
	b->entries[index].loser = loser;
}

/* Put new under the key that is at the arena's end, from start on. */
static void
place(struct dl_twin_batch *b, struct dl_twin_new *new, size_t start,
    uint64_t h, struct dl_span value)
{
	struct dl_twin_entry e = {.key = (uint32_t)start,
	    .key_len = (uint16_t)(b->arena.len - start),
	    .serial = new->serial};
	size_t at;

	if (4 * b->nkeys >= 3 * b->nslots)
		grow_slots(b);
	at = find(b, dl_twin_batch_key(b, &e), h);
	if (b->tags[at] == 0) {
		fill(b, new, &e, value);
		b->tags[at] = tag(h);
		b->slots[at] = append(b, &e) - 1;
		b->nkeys++;
		return;
	}
	b->arena.len = start; /* the key is there already */
	if (b->entries[b->slots[at]].serial != new->serial)
		coalesce(b, new, b->slots[at], value);
}

/* Put the one that was staged first where it belongs. */
static void
settle(struct dl_twin_batch *b)
{
	struct dl_twin_staged *s =
	    &b->staged[(b->last - b->nstaged + 1) % DL_TWIN_STAGED];
	const char *head = s->bytes + s->key_len;
	struct dl_twin_obs o = {.head = dl_span(head, s->head_len)};
	struct dl_twin_new new = {&o, NO_HEAD, s->serial, true};
	size_t start = b->arena.len;

	b->nstaged--;
	dl_twin_unpack_time(o.head, &o.time);
	dl_buf_add(&b->arena, s->bytes, s->key_len);
	place(
	    b, &new, start, s->hash, dl_span(head + s->head_len, s->value_len));
}

/* Send for what will be asked about the key that was staged so many before. */
static inline __attribute__((always_inline)) void
send_for(const struct dl_twin_batch *b, uint32_t before)
{
	uint64_t h = b->staged[(b->last - before) % DL_TWIN_STAGED].hash;
	size_t at = h & (b->nslots - 1);
	const struct dl_twin_entry *e;

	if (before == 0) {
		__builtin_prefetch(&b->tags[at]);
		__builtin_prefetch(&b->slots[at]);
		return;
	}
	if (b->nstaged <= before || b->tags[at] != tag(h))
		return;
	e = &b->entries[b->slots[at]];
	if (before == DL_TWIN_STAGED / 2) {
		__builtin_prefetch(e);
		return;
	}
	__builtin_prefetch(b->arena.p + e->key);
	__builtin_prefetch(b->arena.p + e->head);
}

/*
 * Let the observation at hand wait, whose key is at the arena's end, from start
 * on.  false: it is too long.
 */
static bool
stage(struct dl_twin_batch *b, size_t start, uint64_t h, struct dl_span value)
{
	size_t key_len = b->arena.len - start, head_len, len;
	struct dl_twin_staged *s;

	dl_twin_pack(&b->arena, b->now.obs);
	head_len = b->arena.len - start - key_len;
	len = key_len + head_len + value.len;
	if (len > sizeof(s->bytes)) {
		b->arena.len = start + key_len;
		return false;
	}
	s = &b->staged[++b->last % DL_TWIN_STAGED];
	s->hash = h;
	b->nstaged++;
	memcpy(s->bytes, b->arena.p + start, key_len + head_len);
	memcpy(s->bytes + key_len + head_len, value.p, value.len);
	s->serial = b->now.serial;
	s->key_len = (uint16_t)key_len;
	s->head_len = (uint16_t)head_len;
	s->value_len = (uint16_t)value.len;
	b->arena.len = start;
	send_for(b, 0);
	send_for(b, DL_TWIN_STAGED / 2);
	send_for(b, 3 * DL_TWIN_STAGED / 4);
	return true;
}

/* All at once that it needs, where doubling would take far more. */
static void
grow_arena(struct dl_twin_batch *b)
{
	b->arena.p = dl_realloc(b->arena.p, ARENA_CAP);
	b->arena.cap = ARENA_CAP;
}

void
dl_twin_batch_add(struct dl_twin_batch *b, struct dl_span component,
    struct dl_span metric, struct dl_span value)
{
	bool waits = b->now.alone && !b->keep_losers && b->nslots >= SLOTS_FAR;
	size_t start;
	uint64_t h;

	if (b->arena.cap >= DL_TWIN_ARENA / 2 && b->arena.cap < ARENA_CAP)
		grow_arena(b);
	if (b->nstaged == DL_TWIN_STAGED)
		settle(b);
	start = b->arena.len;
	dl_buf_span(&b->arena, component);
	dl_buf_addc(&b->arena, '\0');
	dl_buf_span(&b->arena, metric);
	h = hash(b, dl_span(b->arena.p + start, b->arena.len - start));
	if (!waits || !stage(b, start, h, value))
		place(b, &b->now, start, h, value);
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

	if (key.len >= skip + 8) {
		memcpy(&v, key.p + skip, sizeof(v));
		return be64toh(v);
	}
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

	while (b->nstaged > 0)
		settle(b);
	gather(b);
	if (b->norder < 2)
		return;
	skip = common(b);
	for (i = 0; i < b->norder; i++)
		b->order[i].key = prefix(
		    dl_twin_batch_key(b, &b->entries[b->order[i].index]), skip);
	dl_radix_sort(b->order, b->spare, b->norder);
	for (i = 0; i < b->norder; i = j) {
		for (j = i + 1; j < b->norder; j++) {
			dl_twin_batch_send_for(b, j, false);
			if (b->order[j].key != b->order[i].key)
				break;
		}
		if (j - i > 1)
			sort_run(b, &b->order[i], j - i);
	}
}
