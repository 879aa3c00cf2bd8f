#include "seen.h"

#include "buf.h"
#include "hash.h"

#include <stdlib.h>
#include <string.h>

/* Where subject is, or the free slot where it belongs. */
static size_t
find(const struct dl_seen *s, uint64_t subject)
{
	size_t mask = s->nslot - 1;
	size_t i = (size_t)dl_hash_place(subject) & mask;

	while (s->slot[i] != 0 && s->entry[s->slot[i] - 1].subject != subject)
		i = (i + 1) & mask;
	return i;
}

static void
index_again(struct dl_seen *s)
{
	memset(s->slot, 0, s->nslot * sizeof(*s->slot));
	for (size_t i = 0; i < s->n; i++)
		s->slot[find(s, s->entry[i].subject)] = (uint32_t)(i + 1);
}

static void
grow(struct dl_seen *s)
{
	size_t cap = s->cap == 0 ? 64 : 2 * s->cap;

	s->entry = dl_realloc(s->entry, cap * sizeof(*s->entry));
	s->changed = dl_realloc(s->changed, cap);
	s->cap = cap;
	free(s->slot);
	s->nslot = 2 * cap;
	s->slot = dl_alloc(s->nslot * sizeof(*s->slot));
	index_again(s);
}

static void
forget_oldest(struct dl_seen *s)
{
	size_t gone = s->n / 4 + 1;

	s->n -= gone;
	memmove(s->entry, s->entry + gone, s->n * sizeof(*s->entry));
	memmove(s->changed, s->changed + gone, s->n);
	index_again(s);
}

bool
dl_seen_put(struct dl_seen *s, uint64_t subject, uint64_t content)
{
	struct dl_seen_entry *e;
	size_t i;

	if (s->nslot > 0 && s->slot[i = find(s, subject)] != 0) {
		e = &s->entry[s->slot[i] - 1];
		if (e->content == content)
			return false;
		e->content = content;
		s->changed[e - s->entry] = 1;
		return true;
	}
	if (s->n >= (s->limit == 0 ? DL_SEEN_LIMIT : s->limit))
		forget_oldest(s);
	if (s->n == s->cap)
		grow(s);
	s->entry[s->n] = (struct dl_seen_entry){subject, content};
	s->changed[s->n] = 1;
	s->slot[find(s, subject)] = (uint32_t)++s->n;
	return true;
}

bool
dl_seen_get(const struct dl_seen *s, uint64_t subject, uint64_t *content)
{
	size_t i;

	if (s->nslot == 0 || s->slot[i = find(s, subject)] == 0)
		return false;
	*content = s->entry[s->slot[i] - 1].content;
	return true;
}

size_t
dl_seen_changed(const struct dl_seen *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += s->changed[i];
	return n;
}

void
dl_seen_clean(struct dl_seen *s)
{
	if (s->n > 0)
		memset(s->changed, 0, s->n);
}

void
dl_seen_release(struct dl_seen *s)
{
	free(s->entry);
	free(s->changed);
	free(s->slot);
	*s = (struct dl_seen){.limit = s->limit};
}
