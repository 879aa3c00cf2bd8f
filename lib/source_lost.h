/*
 * What a source emitted and nobody committed; for source_state.c alone.
 *
 * A run that is killed leaves items behind of which nobody knows whether a sink
 * has stored them.  The next one emits them again; items of only_changed that
 * have no time of their own have then to get the time that they had, for their
 * id is made of it, and by the id sinks know what they have stored.
 *
 *	DIR/lost    the contents and times of changes that were thrown away, for
 *	            the position that is settled; another position's is no more
 *	DIR/begun   "POSITION TIME\n": when the first item after the newest
 *	            change was emitted; durable before that
 *
 * Times are numbers, 0 is none.
 */
#ifndef DL_SOURCE_LOST_H
#define DL_SOURCE_LOST_H

#include "clock.h"
#include "source_contents.h"

struct dl_source_lost {
	/* base: the newest change in it, or that position; marks: the times */
	struct dl_source_contents was;
	bool stale;                        /* the file is of another position */
	char begun_after[DL_SOURCE_TOKEN]; /* as the file `begun` says it */
	uint64_t begun;
};

/* Zero l before the first use. */
void dl_source_lost_release(struct dl_source_lost *l);

/* Read what is kept in dir for position settled. */
int dl_source_lost_load(struct dl_source_lost *l, const char *dir,
    const char *settled, struct dl_err *err);

/* A change, newer than all so far, is about to be thrown away. */
void dl_source_lost_add(
    struct dl_source_lost *l, const struct dl_source_contents *change);

/* Make it durable. */
int dl_source_lost_store(
    struct dl_source_lost *l, const char *dir, struct dl_err *err);

/*
 * Was something of this subject lost, and not taken so far?  Then it has to be
 * emitted, whatever it is; *at is the time it had, if it is the same content.
 */
bool dl_source_lost_take(
    struct dl_source_lost *l, uint64_t subject, uint64_t content, uint64_t *at);

/*
 * The time of what is emitted for the first time after change newest: what an
 * earlier run has begun with, or now, which is durable then.
 */
int dl_source_lost_begin(struct dl_source_lost *l, const char *dir,
    const char *newest, const struct dl_time *now, uint64_t *at,
    struct dl_err *err);

/* A time as such a number, to the microsecond, and back. */
uint64_t dl_source_lost_number(const struct dl_time *t);
struct dl_time dl_source_lost_time(uint64_t number);

#endif
