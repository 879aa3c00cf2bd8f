/*
 * Processes that work on blocks of bytes side by side, the results in order.
 *
 * The parent fills blocks in memory that all of them share and gives them out;
 * each worker leaves what became of a block beside it, in one piece or in
 * several, and the parent takes the pieces in the order of the blocks.  What is
 * in a block, and in a piece, is for the caller: a piece is bytes, then notes.
 *
 * They are processes and not threads, for what they do may need a process of
 * its own (libjq has one timer, one environment), or end it: the parent
 * believes nothing that a worker says before it has been checked, and outlives
 * its death.  A worker holds none of the parent's descriptors but standard
 * error, leaves SIGINT and SIGTERM to the parent, and dies with it.
 *
 * There are at most DL_CREW_BLOCKS blocks of each worker on their way; and no
 * new one while those on their way have more than DL_CREW_AHEAD bytes for each.
 */
#ifndef DL_CREW_H
#define DL_CREW_H

#include "err.h"
#include "line.h"
#include "metric.h"

#include <poll.h>
#include <sys/types.h>

#define DL_CREW_MOST 64 /* workers */
#define DL_CREW_BLOCKS 3
#define DL_CREW_AHEAD (2 << 20)
#define DL_CREW_FILL (256 << 10)  /* what a block is meant to hold */
#define DL_CREW_PIECE (512 << 10) /* bytes and notes of a piece, at most */

/* A block can hold the longest line, what comes with its end, and a pad. */
#define DL_CREW_IN (DL_LINE_MAX + 2 * DL_CREW_FILL + DL_LINE_PAD)

/* What a worker says of a piece. */
struct dl_crew_piece {
	uint32_t bytes, notes; /* their lengths: at most DL_CREW_PIECE */
	uint32_t more;         /* of this block comes later */
	uint64_t lines;        /* that this piece has ended */
	struct dl_counts counts;
};

struct dl_crew_block {
	char *in; /* DL_CREW_IN bytes, filled by the parent */
	char *out;
	size_t len;
	uint64_t long_bytes; /* the parent's: no worker sees this block */
	/* private */
	struct dl_crew_piece piece; /* that came last, if ready */
	bool ready;
};

struct dl_crew_worker;
struct dl_crew_desk;

struct dl_crew {
	int workers;
	/* private */
	int me; /* a worker's number */
	struct dl_crew_worker *worker;
	struct dl_crew_desk *desk;   /* shared, as is what blocks point at */
	struct dl_crew_block *block; /* a ring; i is for i % workers */
	int blocks, oldest, on_way;
	size_t bytes; /* of those on their way */
	bool short_handed;
	void *shared;
	size_t shared_len;
};

/*
 * How many workers N of "-j N" means: 0 is one for each processor that this
 * process may use.  -1 and DL_EXIT_USAGE where N is more than DL_CREW_MOST.
 */
int dl_crew_size(int64_t n, struct dl_err *err);

/*
 * Start workers processes, 1 to DL_CREW_MOST.  Returns 0 in the parent, 1 in a
 * worker, -1 (and no worker is left).
 */
int dl_crew_start(struct dl_crew *c, int workers, struct dl_err *err);

/*
 * Parent: end the workers, at once if they have something to do, and release.
 * No error: what they were to do has been taken, or has failed before.
 */
void dl_crew_end(struct dl_crew *c);

/* Parent: a block to be filled next, or NULL. */
struct dl_crew_block *dl_crew_spare(struct dl_crew *c);

/* Parent: has the worker that it would go to nothing to do? */
bool dl_crew_idle(const struct dl_crew *c);

/* Parent: the spare block was filled: in and len, or long_bytes. */
void dl_crew_give(struct dl_crew *c);

/* Parent: the oldest block on its way, or NULL. */
struct dl_crew_block *dl_crew_oldest(const struct dl_crew *c);

/*
 * Parent: set *p to the next piece of the oldest block: 1, 0 it is not there
 * yet.  -1: a worker is gone, and what it was to do is next; p->lines is the
 * line of the oldest block that it was at, 0 if it was at none.  Where it ended
 * itself it has said why, and err has its status and no message.
 */
int dl_crew_take(
    struct dl_crew *c, struct dl_crew_piece *p, struct dl_err *err);

/* Parent: that piece is done with. */
void dl_crew_done(struct dl_crew *c);

/* Parent: what to poll for, c->workers of them; then take in what came. */
void dl_crew_poll(const struct dl_crew *c, struct pollfd *to);
void dl_crew_hear(struct dl_crew *c, const struct pollfd *came);

/* Worker: the next block: its bytes, and where a piece goes.  0: the end. */
int dl_crew_next(struct dl_crew *c, struct dl_span *in, char **out);

/* Worker: the line of the block that it is at, from 1, should it die there. */
void dl_crew_at(struct dl_crew *c, uint64_t line);

/* Worker: out is a piece.  p->more: wait until it was taken.  -1: the end. */
int dl_crew_put(struct dl_crew *c, const struct dl_crew_piece *p);

#endif
