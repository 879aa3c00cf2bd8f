/* A follower: from its position on, into the server's block. */
#include "log.h"
#include "serve_feed_private.h"

#include <stdlib.h>
#include <stdio.h>

#define ONCE 64    /* changes of the twin that are copied at a time */
#define MOST 1024  /* and looked at in one fill */
#define EARLY 1000 /* ms; the server's timer began a bit later than ours */

/* Where a fill writes to. */
struct room {
	struct dl_serve_follower *w;
	char *p;
	size_t n, max;
	bool full, failed;
	struct dl_buf frame; /* while it reads the twin */
	uint64_t pos;        /* all up to here was written, or isn't for it */
};

bool
dl_serve_follower_over(const struct dl_serve_follower *w)
{
	const struct dl_serve *s = w->feed->s;
	struct dl_time now;

	if (s->bearer != NULL &&
	    dl_bearer_generation(s->bearer) != w->grant->generation)
		return true;
	if (w->grant->expires_s == INT64_MAX)
		return false;
	dl_now(&now);
	return now.sec >= w->grant->expires_s;
}

/* Write what is held back, as much of it as there is room for. */
static void
write_held(struct room *r)
{
	struct dl_serve_follower *w = r->w;
	size_t n = w->held.len - w->held_at, space = r->max - r->n;

	if (n > space)
		n = space;
	if (n > 0)
		memcpy(r->p + r->n, w->held.p + w->held_at, n);
	r->n += n;
	w->held_at += n;
	r->full = w->held_at < w->held.len;
	if (r->full)
		return;
	if (w->held_counted) {
		pthread_mutex_lock(&w->feed->lock);
		w->feed->held -= w->held.len;
		pthread_mutex_unlock(&w->feed->lock);
	}
	w->held_counted = false;
	w->held_at = 0;
	dl_buf_release(&w->held);
}

/* A frame that no block of the server's holds is kept here; false: no room. */
static bool
hold(struct room *r, struct dl_span frame)
{
	struct dl_serve_follower *w = r->w;
	struct dl_serve_feed *f = w->feed;
	bool fits;

	pthread_mutex_lock(&f->lock);
	fits = f->held + frame.len <= DL_SERVE_HELD_BYTES;
	if (fits)
		f->held += frame.len;
	pthread_mutex_unlock(&f->lock);
	if (!fits)
		return false;
	w->held_counted = true;
	dl_buf_span(&w->held, frame);
	write_held(r);
	return true;
}

/* false: there is no room for it now. */
static bool
write_frame(struct room *r, struct dl_span frame)
{
	if (frame.len <= r->max - r->n) {
		memcpy(r->p + r->n, frame.p, frame.len);
		r->n += frame.len;
		return true;
	}
	r->full = true;
	/* One that would fit into an empty block waits for the next. */
	if (r->n > 0)
		return false;
	r->failed = !hold(r, frame);
	return !r->failed;
}

static void
write_block(struct room *r, struct dl_serve_block *b)
{
	for (size_t i = dl_serve_block_after(b, r->pos); i < b->n; i++) {
		struct dl_serve_frame *f = &b->frames[i];

		if (!atomic_load_explicit(&f->old, memory_order_relaxed) &&
		    dl_serve_interest_has(r->w->interest,
			dl_serve_frame_component(b, f),
			dl_serve_frame_metric(b, f)) &&
		    !write_frame(r, dl_span(b->bytes.p + f->at, f->len)))
			return;
		r->pos = f->id;
		if (r->full)
			return;
	}
}

static int
take(void *arg, const struct dl_twin_record *rec, struct dl_err *err)
{
	struct room *r = arg;

	(void)err;
	if (dl_serve_interest_has(
		r->w->interest, rec->component, rec->metric)) {
		dl_buf_clear(&r->frame);
		dl_serve_frame_print(&r->frame, rec);
		if (!write_frame(r, dl_buf_as_span(&r->frame)))
			return -1;
	}
	r->pos = rec->change;
	return r->full ? -1 : 0;
}

/* Behind the ring: from the twin, to the end of the log or some way. */
static int
write_log(struct room *r)
{
	struct dl_serve *s = r->w->feed->s;
	struct dl_err err = {0};
	struct dl_twin *reader = dl_serve_reader(s);
	uint64_t last;
	int64_t n = ONCE;

	for (int i = 0; n == ONCE && !r->full && i < MOST / ONCE; i++)
		n = dl_twin_changes_some(
		    reader, r->pos, &last, ONCE, take, r, &err);
	dl_buf_release(&r->frame);
	if (err.status == DL_EXIT_OK)
		return 0;
	dl_log(DL_LOG_WARN, "a follower of changes is ended: %s", err.msg);
	return -1;
}

/*
 * A comment that moves the client's last id on: it is still there, and what was
 * passed over need not be looked at again when it comes back.
 */
static void
write_beat(struct room *r)
{
	char line[40];
	int n = snprintf(
	    line, sizeof(line), ":\nid: %llu\n\n", (unsigned long long)r->pos);

	if ((size_t)n > r->max - r->n)
		return;
	memcpy(r->p + r->n, line, (size_t)n);
	r->n += (size_t)n;
}

/*
 * The next to write from: 1 *b, or the log where it is NULL; 0 there is nothing
 * more, and from now on it is woken for what comes.
 */
static int
next(struct room *r, struct dl_serve_block **b)
{
	struct dl_serve_follower *w = r->w;
	struct dl_serve_ring *ring = w->feed->ring;
	int more = 1;

	*b = NULL;
	pthread_mutex_lock(&w->feed->lock);
	if (r->pos >= dl_serve_ring_newest(ring)) {
		w->pos = r->pos;
		w->idle = true;
		more = 0;
	} else if (r->pos >= dl_serve_ring_after(ring)) {
		*b = dl_serve_ring_find(ring, r->pos);
	}
	pthread_mutex_unlock(&w->feed->lock);
	return more;
}

/* From idleness: all that came meanwhile is not for it.  -1: it has ended. */
static int
begin(struct room *r)
{
	struct dl_serve_follower *w = r->w;
	struct dl_serve_feed *f = w->feed;
	bool ended;

	pthread_mutex_lock(&f->lock);
	if (w->idle && w->pos < dl_serve_ring_newest(f->ring))
		w->pos = dl_serve_ring_newest(f->ring);
	w->started = true;
	w->idle = false;
	r->pos = w->pos;
	ended = w->ended;
	pthread_mutex_unlock(&f->lock);
	return ended || dl_serve_follower_over(w) ? -1 : 0;
}

/* Write what there is: 1 there is more, 0, -1 it can't. */
static int
write_changes(struct room *r)
{
	struct dl_serve_block *b;

	while (!r->full && next(r, &b)) {
		if (b != NULL) {
			write_block(r, b);
			dl_serve_block_unref(b);
			continue;
		}
		if (write_log(r) < 0)
			return -1;
		/* Others have their turn; if nothing was for it, it says so. */
		if (r->n == 0 && !r->full)
			write_beat(r);
		r->full = true;
	}
	return r->failed ? -1 : r->full;
}

ssize_t
dl_serve_follower_fill(void *arg, char *p, size_t max)
{
	struct dl_serve_follower *w = arg;
	struct room r = {.w = w, .p = p, .max = max};
	int64_t now = dl_clock_ms();
	int more;

	if (begin(&r) < 0)
		return -1;
	write_held(&r);
	if ((more = write_changes(&r)) < 0)
		return -1;
	/* Once it is idle, its position is under the lock. */
	if (more)
		w->pos = r.pos;
	if (r.n == 0 && now - w->sent_ms >= w->feed->beat_ms - EARLY)
		write_beat(&r);
	if (r.n > 0)
		w->sent_ms = now;
	return (ssize_t)r.n;
}
