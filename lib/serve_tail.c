/* The thread that reads each change once, for all who follow. */
#include "log.h"
#include "serve_feed_private.h"
#include "watch.h"

#include <errno.h>
#include <stdlib.h>

#define GATHER_MS 2  /* the writes of one commit are waited for together */
#define LOOK_MS 1000 /* and is looked after at least so often */

/* The interests there are now, with a reference to each. */
static void
ask(struct dl_serve_feed *f)
{
	pthread_mutex_lock(&f->lock);
	if (f->asked_cap < f->ninterests) {
		f->asked_cap = 2 * f->ninterests;
		f->asked = dl_realloc(f->asked,
		    f->asked_cap * sizeof(struct dl_serve_interest *));
	}
	f->nasked = 0;
	for (struct dl_serve_interest *i = f->interests; i != NULL;
	     i = i->next) {
		i->refs++;
		f->asked[f->nasked++] = i;
	}
	pthread_mutex_unlock(&f->lock);
}

/* Is there anything in the block for it? */
static bool
find(const struct dl_serve_interest *i, const struct dl_serve_block *b)
{
	for (size_t n = dl_serve_block_from(b, i->prefix); n < b->n; n++) {
		const struct dl_serve_frame *f = &b->frames[b->sorted[n]];
		struct dl_span component = dl_serve_frame_component(b, f);

		if (component.len < i->prefix.len ||
		    memcmp(component.p, i->prefix.p, i->prefix.len) != 0)
			return false;
		if (dl_serve_interest_has(
			i, component, dl_serve_frame_metric(b, f)))
			return true;
	}
	return false;
}

/*
 * The block is in the ring: wake whom it is for.  One who joined since the
 * interests were looked through may be woken for nothing.
 */
static void
tell(struct dl_serve_feed *f, uint64_t before)
{
	for (struct dl_serve_follower *w = f->followers; w != NULL;
	     w = w->next) {
		const struct dl_serve_interest *i = w->interest;

		if (!w->idle || (i->looked == f->blocks && !i->found))
			continue;
		w->idle = false;
		if (w->pos < before)
			w->pos = before;
		w->wake(w->arg);
	}
}

static void
publish(struct dl_serve_feed *f)
{
	struct dl_serve_block *b = f->making;
	uint64_t before;

	f->making = NULL;
	f->blocks++;
	dl_serve_block_seal(b);
	ask(f);
	for (size_t n = 0; n < f->nasked; n++) {
		f->asked[n]->found = find(f->asked[n], b);
		f->asked[n]->looked = f->blocks;
	}
	pthread_mutex_lock(&f->lock);
	before = dl_serve_ring_newest(f->ring);
	dl_serve_ring_push(f->ring, b);
	tell(f, before);
	for (size_t n = 0; n < f->nasked; n++)
		dl_serve_interest_unref(f, f->asked[n]);
	pthread_mutex_unlock(&f->lock);
}

static int
take(void *arg, const struct dl_twin_record *rec, struct dl_err *err)
{
	struct dl_serve_feed *f = arg;

	(void)err;
	if (f->making == NULL)
		f->making = dl_serve_block_new();
	dl_serve_block_add(f->making, rec);
	if (dl_serve_block_full(f->making))
		publish(f);
	return 0;
}

static bool
is_followed(struct dl_serve_feed *f)
{
	bool followed;

	pthread_mutex_lock(&f->lock);
	followed = f->nfollowers > 0;
	pthread_mutex_unlock(&f->lock);
	return followed;
}

/*
 * Nobody follows: then nothing is read but where the log ends.  1: somebody has
 * come meanwhile.
 */
static int
skip(struct dl_serve_feed *f, struct dl_err *err)
{
	uint64_t last;
	int came;

	if (dl_twin_last_change(f->reader, &last, err) < 0)
		return -1;
	pthread_mutex_lock(&f->lock);
	came = f->nfollowers > 0;
	if (!came)
		dl_serve_ring_clear(f->ring, last);
	pthread_mutex_unlock(&f->lock);
	return came;
}

/* Read some changes: 1 there may be more, 0, -1. */
static int
read_changes(struct dl_serve_feed *f, struct dl_err *err)
{
	uint64_t last;
	int64_t n;

	if (!is_followed(f))
		return skip(f, err);
	/* Only this thread changes what is newest. */
	n = dl_twin_changes_some(f->reader, dl_serve_ring_newest(f->ring),
	    &last, DL_SERVE_BLOCK_FRAMES, take, f, err);
	if (n < 0) {
		dl_serve_block_unref(f->making);
		f->making = NULL;
		return -1;
	}
	if (f->making != NULL)
		publish(f);
	return n == (int64_t)DL_SERVE_BLOCK_FRAMES;
}

/* Those whose time is over are woken, to see it themselves. */
static void
end_some(struct dl_serve_feed *f)
{
	pthread_mutex_lock(&f->lock);
	for (struct dl_serve_follower *w = f->followers; w != NULL; w = w->next)
		if (!w->ended && dl_serve_follower_over(w))
			dl_serve_follower_end(w);
	pthread_mutex_unlock(&f->lock);
}

/* All that is open would go on with a file that nobody writes to any more. */
static int
check_file(struct dl_serve_feed *f, struct dl_err *err)
{
	const char *path = dl_twin_data_path(f->reader);
	struct stat st;

	if (stat(path, &st) == 0)
		return st.st_dev == f->dev && st.st_ino == f->ino
		           ? 0
		           : dl_err_temp(err,
				 "'%s' is another file now: start again", path);
	return errno == ENOENT || errno == ENOTDIR
	           ? dl_err_temp(err, "'%s' is gone", path)
	           : 0;
}

/* What can't be read now is tried again; said once. */
static bool
go_on(struct dl_serve_feed *f, struct dl_err *err)
{
	if (err->status == DL_EXIT_DATA) {
		dl_serve_fail(f->s, err);
		return false;
	}
	if (!f->failing)
		dl_log(DL_LOG_WARN, "%s; it is tried again", err->msg);
	f->failing = true;
	dl_err_clear(err);
	return true;
}

/* What is done each second; false: there is nothing to go on with. */
static bool
look_after(struct dl_serve_feed *f)
{
	struct dl_err err = {0};
	int64_t now = dl_clock_ms();

	if (now - f->looked_ms < LOOK_MS)
		return true;
	f->looked_ms = now;
	end_some(f);
	if (check_file(f, &err) == 0)
		return true;
	dl_serve_fail(f->s, &err);
	return false;
}

void *
dl_serve_tail(void *arg)
{
	struct dl_serve_feed *f = arg;
	struct dl_err err = {0};
	struct dl_watch watch;
	int more;

	dl_watch_open(&watch, dl_twin_data_path(f->reader), GATHER_MS);
	f->looked_ms = dl_clock_ms();
	/* Once before the first wait: what was put meanwhile woke nobody. */
	do {
		if ((more = read_changes(f, &err)) >= 0)
			f->failing = false;
		else if (!go_on(f, &err))
			break;
	} while (look_after(f) &&
		 dl_watch_wait(&watch, f->stop[1], more > 0 ? 0 : LOOK_MS));
	dl_watch_close(&watch);
	return NULL;
}
