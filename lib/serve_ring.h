/*
 * The newest changes of the twin as frames of server-sent events, in blocks:
 * what all followers of /v1/changes are sent from.
 *
 * Frames ascend by id, a change's number, which may leave numbers out.  A block
 * is made by one thread and then pushed; from then on it does not change, but
 * that a frame is marked old once a newer one of its key is in the ring (a
 * follower may leave it out, as the twin's log does).  It lives until the last
 * who has it gives it back.  The ring keeps so many bytes, and at most
 * DL_SERVE_RING_FRAMES, but always its last block; whatever is older is read
 * from the twin.
 *
 * The ring itself is for one thread at a time (serve_feed.c's lock).
 */
#ifndef DL_SERVE_RING_H
#define DL_SERVE_RING_H

#include "buf.h"
#include "twin.h"

#include <stdatomic.h>

#define DL_SERVE_RING_BYTES ((size_t)16 << 20)
#define DL_SERVE_RING_FRAMES ((size_t)1 << 16)
#define DL_SERVE_BLOCK_BYTES ((size_t)256 << 10) /* and one frame more */
#define DL_SERVE_BLOCK_FRAMES ((size_t)4096)

struct dl_serve_frame {
	uint64_t id;
	size_t at, len; /* in bytes */
	size_t key;     /* where component and metric are in keys */
	uint16_t component_len, metric_len;
	_Atomic bool old;
};

struct dl_serve_block {
	_Atomic int refs;
	size_t n;
	struct dl_serve_frame *frames;
	uint32_t *sorted; /* frames by component, once it was sealed */
	struct dl_buf bytes, keys;
	size_t cap; /* of frames */
};

/* Append "id: N\ndata: {...}\n\n"; a value's line ends become spaces. */
void dl_serve_frame_print(struct dl_buf *b, const struct dl_twin_record *rec);

/* An empty block, with one reference. */
struct dl_serve_block *dl_serve_block_new(void);

/* Append a frame, whose number is greater than the last one's. */
void dl_serve_block_add(
    struct dl_serve_block *b, const struct dl_twin_record *rec);

/* No more is to be added. */
bool dl_serve_block_full(const struct dl_serve_block *b);

/* It is complete: make sorted, and give back room that was not needed. */
void dl_serve_block_seal(struct dl_serve_block *b);

struct dl_serve_block *dl_serve_block_ref(struct dl_serve_block *b);

/* From any thread; NULL is nothing. */
void dl_serve_block_unref(struct dl_serve_block *b);

static inline struct dl_span
dl_serve_frame_component(
    const struct dl_serve_block *b, const struct dl_serve_frame *f)
{
	return dl_span(b->keys.p + f->key, f->component_len);
}

static inline struct dl_span
dl_serve_frame_metric(
    const struct dl_serve_block *b, const struct dl_serve_frame *f)
{
	return dl_span(b->keys.p + f->key + f->component_len, f->metric_len);
}

/* The index of the first frame whose id is greater than id; n: none is. */
size_t dl_serve_block_after(const struct dl_serve_block *b, uint64_t id);

/* The index in sorted of the first frame whose component is not before name. */
size_t dl_serve_block_from(const struct dl_serve_block *b, struct dl_span name);

struct dl_serve_ring;

/*
 * A ring that has all changes after this number, of which there are none yet;
 * of so many bytes, DL_SERVE_RING_BYTES but in tests.
 */
struct dl_serve_ring *dl_serve_ring_new(uint64_t after, size_t most_bytes);
void dl_serve_ring_free(struct dl_serve_ring *r);

/* Forget all; it has the changes after number from now on. */
void dl_serve_ring_clear(struct dl_serve_ring *r, uint64_t after);

/* Take over the caller's reference to b: sealed, not empty, after all others. */
void dl_serve_ring_push(struct dl_serve_ring *r, struct dl_serve_block *b);

/* All changes after this number, up to the newest, are in it. */
uint64_t dl_serve_ring_after(const struct dl_serve_ring *r);
uint64_t dl_serve_ring_newest(const struct dl_serve_ring *r);

/*
 * A reference to the block that has the first change after id; NULL: there is
 * none.  id is not less than dl_serve_ring_after().
 */
struct dl_serve_block *dl_serve_ring_find(
    const struct dl_serve_ring *r, uint64_t id);

size_t dl_serve_ring_bytes(const struct dl_serve_ring *r);

#endif
