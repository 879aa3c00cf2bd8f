/*
 * The followers of the twin's changes, and the thread that reads the changes
 * for all of them.
 *
 * A follower is a position in the change log and an interest.  It is filled
 * from the ring of the newest changes or, where it is behind that, from the twin
 * itself, whose log is compacted: so one that is slow, or away for a year, costs
 * no memory and misses nothing but values that newer ones have replaced.
 *
 * A follower is `idle` when it was sent all there was.  The thread wakes it when
 * there is a change for it, or when it is to end: its grant is over, or
 * everybody's was called back.
 */
#ifndef DL_SERVE_FEED_H
#define DL_SERVE_FEED_H

#include "bearer.h"
#include "serve.h"

#include <sys/types.h>

#define DL_SERVE_BEAT_MS (15 * 1000)
#define DL_SERVE_WISH_METRICS 100
#define DL_SERVE_FOLLOWERS 2048 /* where conf.streams is 0 */

/*
 * A frame larger than the server's block waits in a copy until it is sent; all
 * these together are not more than this.  A follower that finds no room ends,
 * and comes again.
 */
#define DL_SERVE_HELD_BYTES ((size_t)64 << 20)

/* What is to be sent; rights are looked after besides. */
struct dl_serve_wish {
	struct dl_span prefix; /* of components */
	const struct dl_span *metrics;
	size_t nmetrics; /* 0: all metrics */
};

struct dl_serve_join {
	struct dl_serve_wish wish; /* copied */
	struct dl_grant *grant;    /* a reference is taken */
	bool resumes;              /* after `since`; or from now on */
	uint64_t since;
	struct dl_twin *reader; /* of this thread, for this call */

	/* Called with the feed's lock held: it only tells somebody else. */
	void (*wake)(void *arg);
	void *arg;
};

struct dl_serve_follower;

enum dl_serve_joined { DL_SERVE_JOINED, DL_SERVE_FULL, DL_SERVE_JOIN_FAIL };

/* DL_SERVE_FULL: there are conf.streams of them already. */
enum dl_serve_joined dl_serve_feed_join(struct dl_serve_feed *f,
    const struct dl_serve_join *join, struct dl_serve_follower **follower,
    struct dl_err *err);

/* As struct dl_http_stream's fill and done; arg is the follower. */
ssize_t dl_serve_follower_fill(void *arg, char *p, size_t max);
void dl_serve_follower_done(void *arg);

struct dl_serve_feed_counts {
	size_t followers, ring_bytes, held_bytes;
	uint64_t newest; /* number of the newest change that was read */
};
void dl_serve_feed_counts(
    struct dl_serve_feed *f, struct dl_serve_feed_counts *c);

#endif
