/*
 * The names of the objects that are open, to find one that is there twice.
 *
 * Names are put on a stack; when an object closes, its own are the top and are
 * compared: few of them pairwise by their hashes, many by sorting, so that the
 * time is bounded by n log n whatever the names are.  The heap is used only for
 * more than DL_JSON_NAMES at once, and for names with escapes.
 */
#ifndef DL_JSON_NAMES_H
#define DL_JSON_NAMES_H

#include "json_word.h"

#include "buf.h"

#define DL_JSON_NAMES 256 /* names in the stack's own storage */
#define DL_JSON_PAD 8     /* hashes that may be written above the top */

struct dl_json_name {
	uint32_t at;  /* in the text */
	uint32_t len; /* of the raw name */
};

struct dl_json_names {
	struct dl_span text;
	size_t n, cap;
	uint32_t *hash; /* never 0 */
	struct dl_json_name *name;
	struct dl_buf scratch; /* for decoding */
	uint32_t own_hash[DL_JSON_NAMES + DL_JSON_PAD];
	struct dl_json_name own_name[DL_JSON_NAMES];
};

/* Cheap: the arrays are left as they are.  text is at most DL_JSON_MAX. */
void dl_json_names_init(struct dl_json_names *s, struct dl_span text);
void dl_json_names_release(struct dl_json_names *s);

void dl_json_names_grow(struct dl_json_names *s);
uint32_t dl_json_names_hash_decoded(
    struct dl_json_names *s, struct dl_span raw);

/*
 * Take off all names from the one with index first on.  -1 if two of them are
 * the same; *twice is the index of the first that was there before.
 */
int dl_json_names_pop(struct dl_json_names *s, size_t first, size_t *twice);

/* A name as it stands in the text; valid after the pop that spoke of it. */
static inline struct dl_span
dl_json_names_raw(const struct dl_json_names *s, size_t i)
{
	return dl_span(s->text.p + s->name[i].at, s->name[i].len);
}

/* Two words that tell names apart, mixed; eight bytes can be read at p. */
static inline uint32_t
dl_json_names_hash(const char *p, size_t len)
{
	uint64_t h = dl_word_load(p), last = len;

	if (len < 8)
		h &= ((uint64_t)1 << 8 * len) - 1;
	else
		last += dl_word_load(p + len - 8);
	if (len > 16)
		last ^= dl_word_load(p + len / 2 - 4) * 0x9e3779b97f4a7c15u;
	h = (h ^ (last << 32 | last >> 32)) * 0xd6e8feb86659fd93u;
	h = (h ^ h >> 32) * 0xd6e8feb86659fd93u + last;
	return (uint32_t)(h >> 32) | 1;
}

/* Put the name of len bytes at text.p + at, whose hash is known. */
static inline void
dl_json_names_put(struct dl_json_names *s, size_t at, size_t len, uint32_t hash)
{
	if (s->n == s->cap)
		dl_json_names_grow(s);
	s->hash[s->n] = hash;
	s->name[s->n].at = (uint32_t)at;
	s->name[s->n].len = (uint32_t)len;
	s->n++;
}

/* The same, giving the hash; escaped: it has a backslash. */
static inline uint32_t
dl_json_names_add(struct dl_json_names *s, size_t at, size_t len, bool escaped)
{
	const char *p = s->text.p + at;
	uint32_t hash;

	if (!escaped && s->text.len - at >= 8)
		hash = dl_json_names_hash(p, len);
	else
		hash = dl_json_names_hash_decoded(s, dl_span(p, len));
	dl_json_names_put(s, at, len, hash);
	return hash;
}

#endif
