/*
 * Which metric of which request a verdict of the twin is about.
 *
 * The twin tells of what it was given by what that says, in the order of its
 * keys; so each metric on its way into it is kept here by all that the verdict
 * tells: component, name, value, time, source, id and sequence.  Of several that
 * are the same the first that was added gets the first verdict, which is the
 * best: they are one observation that came more than once.  The
 * places are chosen by a hash that nobody outside can tell.
 */
#ifndef DL_SERVE_MATCH_H
#define DL_SERVE_MATCH_H

#include "serve_put.h"

struct dl_serve_match_slot {
	struct dl_serve_metric *first, *last;
};

struct dl_serve_match {
	struct dl_serve_match_slot *slots;
	size_t nslots; /* a power of two */
	uint64_t seed;
};

void dl_serve_match_init(struct dl_serve_match *m);
void dl_serve_match_release(struct dl_serve_match *m);

/* Forget all; there will be about n metrics. */
void dl_serve_match_clear(struct dl_serve_match *m, size_t n);

/* The metrics of an event that the twin has taken. */
void dl_serve_match_add(struct dl_serve_match *m, struct dl_serve_event *e);

/* The metric that rec is about, which is forgotten; NULL: there is none. */
struct dl_serve_metric *dl_serve_match_take(
    struct dl_serve_match *m, const struct dl_twin_record *rec);

#endif
