/* The memory of one record: chunks, the later the larger. */
#include "expr_value.h"

#include <stdlib.h>

#define CHUNK_LEAST ((size_t)64 << 10)
#define KEPT ((size_t)16 << 20) /* bytes, after a record that took more */
#define ALIGN 8

struct dl_arena_chunk {
	struct dl_arena_chunk *next;
	size_t size, used;
	char bytes[] __attribute__((aligned(ALIGN)));
};

static void
free_from(struct dl_arena_chunk *c)
{
	struct dl_arena_chunk *next;

	for (; c != NULL; c = next) {
		next = c->next;
		free(c);
	}
}

void
dl_arena_release(struct dl_arena *a)
{
	free_from(a->first);
	dl_buf_release(&a->scratch);
	*a = (struct dl_arena){0};
}

void
dl_arena_reset(struct dl_arena *a)
{
	size_t total = 0;

	for (struct dl_arena_chunk *c = a->first; c != NULL; c = c->next)
		total += c->size;
	if (total > KEPT) {
		free_from(a->first);
		a->first = NULL;
	}
	if (a->scratch.cap > KEPT)
		dl_buf_release(&a->scratch);
	a->now = a->first;
	a->used = 0;
	if (a->now != NULL)
		a->now->used = 0;
}

/*
 * Go to a chunk with room for n bytes.  A new one is as large as all others, so
 * that they are few, and a record that never has enough can't add many.
 */
static void
next_chunk(struct dl_arena *a, size_t n)
{
	struct dl_arena_chunk *c = a->now, **end = &a->first;
	size_t size = CHUNK_LEAST, total = 0;

	for (c = c != NULL ? c->next : NULL; c != NULL; c = c->next) {
		c->used = 0;
		if (c->size >= n) {
			a->now = c;
			return;
		}
	}
	for (; *end != NULL; end = &(*end)->next)
		total += (*end)->size;
	if (size < total)
		size = total;
	if (size < n)
		size = n;
	c = dl_alloc(sizeof(*c) + size);
	*c = (struct dl_arena_chunk){NULL, size, 0};
	*end = c;
	a->now = c;
}

void *
dl_arena_alloc(struct dl_arena *a, size_t n)
{
	struct dl_arena_chunk *c = a->now;
	void *p;

	if (n > DL_ARENA_MAX)
		return NULL;
	n = (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (n > DL_ARENA_MAX - a->used)
		return NULL;
	if (c == NULL || c->size - c->used < n) {
		next_chunk(a, n);
		c = a->now;
	}
	p = c->bytes + c->used;
	c->used += n;
	a->used += n;
	return p;
}

struct dl_span
dl_arena_copy(struct dl_arena *a, struct dl_span s)
{
	char *p = dl_arena_alloc(a, s.len);

	if (p != NULL && s.len > 0)
		memcpy(p, s.p, s.len);
	return dl_span(p, p == NULL ? 0 : s.len);
}

struct dl_arena_mark
dl_arena_mark(const struct dl_arena *a)
{
	return (struct dl_arena_mark){
	    a->now, a->now == NULL ? 0 : a->now->used, a->used};
}

void
dl_arena_back(struct dl_arena *a, struct dl_arena_mark m)
{
	a->now = m.now != NULL ? m.now : a->first;
	a->used = m.used;
	if (a->now != NULL)
		a->now->used = m.in_chunk;
}
