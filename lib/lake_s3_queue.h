/*
 * What the halves of a queue of published parts share: what callers ask of it
 * (lake_s3_queue.c), and what its threads do (lake_s3_crew.c).
 */
#ifndef DL_LAKE_S3_QUEUE_H
#define DL_LAKE_S3_QUEUE_H

#include "lake_s3.h"

struct dl_lake_s3_list {
	struct dl_lake_s3_item *first, *last;
};

/* A part that a run found in the box of another process. */
struct dl_lake_s3_watched {
	struct dl_lake_s3_watched *next;
	int64_t turn;
	char name[];
};

/* All but s, spool_max and threads is behind lock. */
struct dl_lake_s3_queue {
	struct dl_lake_s3 *s;
	uint64_t spool_max;
	pthread_mutex_t lock;
	pthread_cond_t work;  /* there is something to do, or the end */
	pthread_cond_t moved; /* something was done, or failed */
	pthread_t threads[DL_LAKE_S3_THREADS];
	int running;
	bool ending, probing, probed;
	bool sweep, sweeping; /* nothing is sent until it is done */
	bool telling;
	struct dl_lake_s3_list
	    fresh; /* their entries are not in the manifest */
	struct dl_lake_s3_list saying;  /* they are being put there */
	struct dl_lake_s3_list told;    /* to be sent */
	struct dl_lake_s3_list sending; /* being sent */
	struct dl_lake_s3_list faulty;  /* will not be sent */
	size_t n, nsending;             /* n: of all but the faulty */
	uint64_t bytes;                 /* of the same */
	struct dl_err failed; /* for good, or for as long as is waited */
	struct dl_err fault;  /* the first one of a part alone */
	struct dl_lake_s3_box *taken; /* boxes of dead processes */
	struct dl_lake_s3_watched *watched;
	int64_t looked_ms;
	int64_t turns;        /* that were given */
	struct dl_buf landed; /* one byte a turn, from the one at first on */
	uint64_t first;       /* all before have landed */
};

/* Everything below is called with the lock held. */

void dl_lake_s3_list_append(
    struct dl_lake_s3_list *l, struct dl_lake_s3_item *item);
void dl_lake_s3_list_take(
    struct dl_lake_s3_list *l, struct dl_lake_s3_item *item);

/* A part that is on its way, or put aside; NULL. */
struct dl_lake_s3_item *dl_lake_s3_queue_find(
    const struct dl_lake_s3_queue *q, const char *name);
struct dl_lake_s3_item *dl_lake_s3_queue_add(struct dl_lake_s3_queue *q,
    struct dl_lake_s3_box *box, const char *name, uint64_t size, bool told);

/* The part of that turn (-1: none) has landed. */
void dl_lake_s3_queue_land(struct dl_lake_s3_queue *q, int64_t turn);

/* An item, in no list, has landed; or it is at fault, and won't. */
void dl_lake_s3_queue_let_go(
    struct dl_lake_s3_queue *q, struct dl_lake_s3_item *item);
void dl_lake_s3_queue_put_aside(struct dl_lake_s3_queue *q,
    struct dl_lake_s3_item *item, const struct dl_err *err);

/* Nothing is sent any more. */
void dl_lake_s3_queue_fail(
    struct dl_lake_s3_queue *q, const struct dl_err *err);

/* Wait for a signal of c, at most ms (-1: for ever). */
void dl_lake_s3_queue_wait_for(
    struct dl_lake_s3_queue *q, pthread_cond_t *c, int64_t ms);

/* Take over what dead processes left. */
int dl_lake_s3_crew_take(struct dl_lake_s3_queue *q, struct dl_err *err);

/* Start the threads; without the lock. */
int dl_lake_s3_crew_start(struct dl_lake_s3_queue *q, struct dl_err *err);

#endif
