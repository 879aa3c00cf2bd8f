#include "serve_ring.h"

#include "hash.h"

#include <stdio.h>
#include <stdlib.h>

/*
 * Where the newest frame of a key is.  A slot is one key's at a time, and may
 * lead to a block that is gone: then an older frame isn't marked, and is sent.
 */
struct place {
	uint64_t block; /* its number */
	uint32_t frame;
};

struct dl_serve_ring {
	/* Blocks of the numbers first to end, each at number % FRAMES. */
	struct dl_serve_block *blocks[DL_SERVE_RING_FRAMES];
	struct place places[DL_SERVE_RING_FRAMES];
	uint64_t first, end;
	size_t bytes, frames, most_bytes;
	uint64_t after, newest;
};

/* Strings have theirs escaped: what is left is white space of a value. */
static void
one_line(char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] == '\n' || p[i] == '\r')
			p[i] = ' ';
}

void
dl_serve_frame_print(struct dl_buf *b, const struct dl_twin_record *rec)
{
	struct dl_span v = rec->value;
	char head[64];
	int n = snprintf(head, sizeof(head),
	    "id: %llu\ndata: ", (unsigned long long)rec->change);
	size_t at;

	dl_buf_add(b, head, (size_t)n);
	at = b->len;
	dl_twin_print(b, rec);
	if (v.len > 0 && (memchr(v.p, '\n', v.len) != NULL ||
			     memchr(v.p, '\r', v.len) != NULL))
		one_line(b->p + at, b->len - at);
	dl_buf_add(b, "\n\n", 2);
}

struct dl_serve_block *
dl_serve_block_new(void)
{
	struct dl_serve_block *b = dl_calloc(1, sizeof(*b));

	atomic_init(&b->refs, 1);
	return b;
}

void
dl_serve_block_add(struct dl_serve_block *b, const struct dl_twin_record *rec)
{
	struct dl_serve_frame *f;

	if (b->n == b->cap) {
		b->cap = b->cap == 0 ? 16 : 2 * b->cap;
		b->frames = dl_realloc(b->frames, b->cap * sizeof(*b->frames));
	}
	f = &b->frames[b->n++];
	*f = (struct dl_serve_frame){.id = rec->change,
	    .at = b->bytes.len,
	    .key = b->keys.len,
	    .component_len = (uint16_t)rec->component.len,
	    .metric_len = (uint16_t)rec->metric.len};
	dl_serve_frame_print(&b->bytes, rec);
	f->len = b->bytes.len - f->at;
	dl_buf_span(&b->keys, rec->component);
	dl_buf_span(&b->keys, rec->metric);
}

bool
dl_serve_block_full(const struct dl_serve_block *b)
{
	return b->n >= DL_SERVE_BLOCK_FRAMES ||
	       b->bytes.len + b->keys.len >= DL_SERVE_BLOCK_BYTES;
}

static int
by_component(const void *x, const void *y, void *arg)
{
	const struct dl_serve_block *b = arg;
	uint32_t i = *(const uint32_t *)x, j = *(const uint32_t *)y;

	return dl_span_cmp(dl_serve_frame_component(b, &b->frames[i]),
	    dl_serve_frame_component(b, &b->frames[j]));
}

static void
trim(struct dl_buf *b)
{
	if (b->cap - b->len > b->len / 8 + 64) {
		b->p = dl_realloc(b->p, b->len);
		b->cap = b->len;
	}
}

void
dl_serve_block_seal(struct dl_serve_block *b)
{
	trim(&b->bytes);
	trim(&b->keys);
	b->frames = dl_realloc(b->frames, b->n * sizeof(*b->frames));
	b->cap = b->n;
	b->sorted = dl_alloc(b->n * sizeof(*b->sorted));
	for (size_t i = 0; i < b->n; i++)
		b->sorted[i] = (uint32_t)i;
	qsort_r(b->sorted, b->n, sizeof(*b->sorted), by_component, b);
}

struct dl_serve_block *
dl_serve_block_ref(struct dl_serve_block *b)
{
	atomic_fetch_add(&b->refs, 1);
	return b;
}

void
dl_serve_block_unref(struct dl_serve_block *b)
{
	if (b == NULL || atomic_fetch_sub(&b->refs, 1) > 1)
		return;
	dl_buf_release(&b->bytes);
	dl_buf_release(&b->keys);
	free(b->frames);
	free(b->sorted);
	free(b);
}

size_t
dl_serve_block_after(const struct dl_serve_block *b, uint64_t id)
{
	size_t low = 0, high = b->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (b->frames[mid].id > id)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

size_t
dl_serve_block_from(const struct dl_serve_block *b, struct dl_span name)
{
	size_t low = 0, high = b->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (dl_span_cmp(
			dl_serve_frame_component(b, &b->frames[b->sorted[mid]]),
			name) >= 0)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

static size_t
size_of(const struct dl_serve_block *b)
{
	return sizeof(*b) + b->n * (sizeof(*b->frames) + sizeof(*b->sorted)) +
	       b->bytes.cap + b->keys.cap;
}

static struct dl_serve_block **
at(struct dl_serve_ring *r, uint64_t number)
{
	return &r->blocks[number % DL_SERVE_RING_FRAMES];
}

struct dl_serve_ring *
dl_serve_ring_new(uint64_t after, size_t most_bytes)
{
	struct dl_serve_ring *r = dl_calloc(1, sizeof(*r));

	r->most_bytes = most_bytes;
	r->first = r->end = 1; /* a place of all zeros leads nowhere */
	r->after = r->newest = after;
	return r;
}

/* Drop the oldest block. */
static void
drop(struct dl_serve_ring *r)
{
	struct dl_serve_block *b = *at(r, r->first);

	r->bytes -= size_of(b);
	r->frames -= b->n;
	r->after = b->frames[b->n - 1].id;
	*at(r, r->first++) = NULL;
	dl_serve_block_unref(b);
}

void
dl_serve_ring_clear(struct dl_serve_ring *r, uint64_t after)
{
	while (r->first < r->end)
		drop(r);
	r->after = r->newest = after;
}

void
dl_serve_ring_free(struct dl_serve_ring *r)
{
	if (r == NULL)
		return;
	dl_serve_ring_clear(r, 0);
	free(r);
}

/* The frame is the newest of its key: what was so before is old. */
static void
mark(struct dl_serve_ring *r, struct dl_serve_block *b, uint32_t i)
{
	struct dl_serve_frame *f = &b->frames[i], *g;
	struct dl_span key = dl_span(
	    b->keys.p + f->key, (size_t)f->component_len + f->metric_len);
	uint64_t h = dl_hash_place(dl_hash64(key));
	struct place *p = &r->places[h % DL_SERVE_RING_FRAMES];
	struct dl_serve_block *was;

	if (p->block >= r->first) {
		was = *at(r, p->block);
		g = &was->frames[p->frame];
		if (g->component_len == f->component_len &&
		    g->metric_len == f->metric_len &&
		    memcmp(was->keys.p + g->key, key.p, key.len) == 0)
			atomic_store(&g->old, true);
	}
	*p = (struct place){r->end - 1, i};
}

void
dl_serve_ring_push(struct dl_serve_ring *r, struct dl_serve_block *b)
{
	size_t bytes = size_of(b);

	while (
	    r->first < r->end && (r->bytes + bytes > r->most_bytes ||
				     r->frames + b->n > DL_SERVE_RING_FRAMES))
		drop(r);
	*at(r, r->end++) = b;
	r->bytes += bytes;
	r->frames += b->n;
	r->newest = b->frames[b->n - 1].id;
	for (uint32_t i = 0; i < b->n; i++)
		mark(r, b, i);
}

uint64_t
dl_serve_ring_after(const struct dl_serve_ring *r)
{
	return r->after;
}

uint64_t
dl_serve_ring_newest(const struct dl_serve_ring *r)
{
	return r->newest;
}

struct dl_serve_block *
dl_serve_ring_find(const struct dl_serve_ring *r, uint64_t id)
{
	uint64_t low = r->first, high = r->end;

	while (low < high) {
		uint64_t mid = low + (high - low) / 2;
		const struct dl_serve_block *b =
		    r->blocks[mid % DL_SERVE_RING_FRAMES];

		if (b->frames[b->n - 1].id > id)
			high = mid;
		else
			low = mid + 1;
	}
	return low == r->end
	           ? NULL
	           : dl_serve_block_ref(r->blocks[low % DL_SERVE_RING_FRAMES]);
}

size_t
dl_serve_ring_bytes(const struct dl_serve_ring *r)
{
	return r->bytes;
}
