/* What serve_feed.c, serve_tail.c and serve_follow.c share; nobody else. */
#ifndef DL_SERVE_FEED_PRIVATE_H
#define DL_SERVE_FEED_PRIVATE_H

#include "serve_feed.h"
#include "serve_ring.h"

#include <pthread.h>
#include <sys/stat.h>

/* What followers ask for and may see; those of one are told at once. */
struct dl_serve_interest {
	struct dl_serve_interest *next, **link;
	size_t refs; /* under the lock */
	char *texts; /* prefix and metrics, all in one */
	struct dl_span prefix, *metrics;
	size_t nmetrics;
	struct dl_rights *rights;
	bool every; /* all may be seen */

	/* The tailer's: has the block of this number something for it? */
	uint64_t looked;
	bool found;
};

struct dl_serve_follower {
	struct dl_serve_feed *feed;
	struct dl_serve_follower *next, **link;
	struct dl_serve_interest *interest;
	struct dl_grant *grant;
	void (*wake)(void *arg);
	void *arg;

	/*
	 * Under the lock.  started: it was filled once, and may be woken; idle:
	 * all there is was looked at, and pos may lag.
	 */
	bool started, idle, ended;

	/* Of fill; while it is idle also the tailer's, under the lock. */
	uint64_t pos; /* all up to this change was sent, or isn't for it */
	int64_t sent_ms;
	struct dl_buf held; /* what is sent before anything else ... */
	size_t held_at;     /* ... from here on */
	bool held_counted;
};

struct dl_serve_feed {
	struct dl_serve *s;
	struct dl_twin *reader; /* the tailer's */
	int64_t beat_ms;
	size_t most; /* followers */
	pthread_t thread;
	int stop[2]; /* a pipe; its reading end is closed to stop */

	/* The tailer's */
	struct dl_serve_block *making;
	uint64_t blocks;
	struct dl_serve_interest **asked; /* a copy of interests */
	size_t nasked, asked_cap;
	dev_t dev; /* of the twin's file */
	ino_t ino;
	int64_t looked_ms;
	bool failing; /* reading failed the last time, and that was said */

	/* All that follows; it is held for microseconds, and while waking. */
	pthread_mutex_t lock;
	struct dl_serve_ring *ring;
	struct dl_serve_follower *followers;
	size_t nfollowers;
	struct dl_serve_interest *interests;
	size_t ninterests;
	size_t held;
};

/* serve_tail.c: the thread; arg is the feed. */
void *dl_serve_tail(void *arg);

/* Does the frame, or record, of component and metric go to it? */
bool dl_serve_interest_has(const struct dl_serve_interest *i,
    struct dl_span component, struct dl_span metric);

/* Give back a reference, with the lock held. */
void dl_serve_interest_unref(
    struct dl_serve_feed *f, struct dl_serve_interest *i);

/* Its next fill says that it has ended; with the lock held. */
void dl_serve_follower_end(struct dl_serve_follower *w);

/* Its grant is over. */
bool dl_serve_follower_over(const struct dl_serve_follower *w);

#endif
