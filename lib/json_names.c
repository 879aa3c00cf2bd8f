/* Names of objects, and whether one is there twice. */
#include "json_names.h"

#include "json.h"

#include <stdlib.h>

/* Up to so many names are compared each with each. */
#define FEW 64

/* More than so many only if the bits that their hashes choose meet. */
#define PAIRS 8
#define BITS 4096

/* One of many names. */
struct sorted {
	struct dl_span name; /* decoded */
	uint32_t hash;
	uint32_t index;
};

/* Four hashes at once, whatever the processor makes of it. */
typedef uint32_t four __attribute__((vector_size(16)));

void
dl_json_names_init(struct dl_json_names *s, struct dl_span text)
{
	s->text = text;
	s->n = 0;
	s->cap = DL_JSON_NAMES;
	s->hash = s->own_hash;
	s->name = s->own_name;
	s->scratch = (struct dl_buf){0};
}

void
dl_json_names_release(struct dl_json_names *s)
{
	if (s->hash != s->own_hash) {
		free(s->hash);
		free(s->name);
	}
	dl_buf_release(&s->scratch);
}

void
dl_json_names_grow(struct dl_json_names *s)
{
	size_t cap = s->cap * 2;
	uint32_t *hash = dl_alloc((cap + DL_JSON_PAD) * sizeof(*hash));
	struct dl_json_name *name = dl_alloc(cap * sizeof(*name));

	memcpy(hash, s->hash, s->n * sizeof(*hash));
	memcpy(name, s->name, s->n * sizeof(*name));
	if (s->hash != s->own_hash) {
		free(s->hash);
		free(s->name);
	}
	s->hash = hash;
	s->name = name;
	s->cap = cap;
}

uint32_t
dl_json_names_hash_decoded(struct dl_json_names *s, struct dl_span raw)
{
	char pad[8] = {0};
	struct dl_span text;

	dl_buf_clear(&s->scratch);
	dl_json_text(raw, &s->scratch, &text);
	if (text.len >= sizeof(pad))
		return dl_json_names_hash(text.p, text.len);
	memcpy(pad, text.p, text.len);
	return dl_json_names_hash(pad, text.len);
}

/* Are two of these n hashes the same? */
static bool
any_equal(uint32_t *hash, size_t n)
{
	four all = {0}, one, others;

	memset(hash + n, 0, DL_JSON_PAD * sizeof(*hash));
	for (size_t i = 0; i + 1 < n; i++) {
		one = (four){hash[i], hash[i], hash[i], hash[i]};
		for (size_t k = i + 1; k < n; k += 4) {
			memcpy(&others, hash + k, sizeof(others));
			all |= (four)(one == others);
		}
	}
	return (all[0] | all[1] | all[2] | all[3]) != 0;
}

/* Do two of these n hashes choose the same bit?  Now and then by chance. */
static bool
any_meet(const uint32_t *hash, size_t n)
{
	uint64_t bits[BITS / 64] = {0}, met = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t *word = &bits[hash[i] >> 6 & (BITS / 64 - 1)];

		met |= *word & (uint64_t)1 << (hash[i] >> 12 & 63);
		*word |= (uint64_t)1 << (hash[i] >> 12 & 63);
	}
	return met != 0;
}

/* Are two of these n hashes, FEW at most, the same? */
static bool
few_equal(uint32_t *hash, size_t n)
{
	if (n > PAIRS && !any_meet(hash, n))
		return false;
	return any_equal(hash, n);
}

static int
by_name(const void *pa, const void *pb)
{
	const struct sorted *a = pa, *b = pb;
	int r;

	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	if ((r = dl_span_cmp(a->name, b->name)) != 0)
		return r;
	return a->index < b->index ? -1 : a->index > b->index;
}

/* The n names from the one with index first on, decoded, in order. */
static struct sorted *
sort(struct dl_json_names *s, size_t first, size_t n)
{
	struct sorted *all = dl_alloc(n * sizeof(*all));
	size_t room = 0;

	/* All that is decoded must stay in place: room for it comes first. */
	for (size_t i = 0; i < n; i++) {
		struct dl_span raw = dl_json_names_raw(s, first + i);

		if (memchr(raw.p, '\\', raw.len) != NULL)
			room += raw.len;
	}
	dl_buf_clear(&s->scratch);
	dl_buf_room(&s->scratch, room);
	for (size_t i = 0; i < n; i++) {
		dl_json_text(
		    dl_json_names_raw(s, first + i), &s->scratch, &all[i].name);
		all[i].hash = s->hash[first + i];
		all[i].index = (uint32_t)i;
	}
	qsort(all, n, sizeof(*all), by_name);
	return all;
}

/* The least index, from first on, of a name that was there before; or n. */
static size_t
find_twice(struct dl_json_names *s, size_t first, size_t n)
{
	struct sorted *all = sort(s, first, n);
	size_t least = n;

	for (size_t i = 1; i < n; i++)
		if (all[i].hash == all[i - 1].hash && all[i].index < least &&
		    dl_span_eq(all[i].name, all[i - 1].name))
			least = all[i].index;
	free(all);
	return least;
}

int
dl_json_names_pop(struct dl_json_names *s, size_t first, size_t *twice)
{
	size_t n = s->n - first, i;

	s->n = first;
	if (n < 2 || (n <= FEW && !few_equal(s->hash + first, n)))
		return 0;
	i = find_twice(s, first, n);
	*twice = first + i;
	return i < n ? -1 : 0;
}
