/*
 * What one request brings to put: its events, checked one by one, and what
 * became of each.
 *
 * The bytes are dl_serve_put's own, so that a request that has gone takes
 * nothing away from who still works on them; spans point into them, or into
 * text where an escape had to be decoded.  An event that is refused takes none
 * of its neighbours with it.
 */
#ifndef DL_SERVE_PUT_H
#define DL_SERVE_PUT_H

#include "clock.h"
#include "policy.h"
#include "twin.h"

#define DL_SERVE_EVENTS_MAX 10000     /* in one request */
#define DL_SERVE_EVENT_MAX (16 << 20) /* bytes of one */
#define DL_SERVE_WHY_MAX 300          /* bytes of why one was refused */

enum dl_serve_form {
	DL_SERVE_NDJSON, /* one a line; empty lines are nothing */
	DL_SERVE_BATCH,  /* an array of them */
	DL_SERVE_SINGLE
};

struct dl_serve_event {
	struct dl_serve_put *put;
	struct dl_span id, source; /* p NULL: it is no CloudEvent */
	struct dl_span subject, time, recordedtime, sequence, data;
	struct dl_time instant;
	const char *code;       /* why it is refused, in a word; or NULL */
	size_t why, why_len;    /* the same in words, in put->words */
	size_t first, nmetrics; /* in put->metrics */
};

struct dl_serve_metric {
	struct dl_span name, value;
	enum dl_twin_verdict verdict; /* once it is decided */
	/* of serve_match.c, while it is in the twin's batch */
	struct dl_serve_event *event;
	struct dl_serve_metric *next;
};

struct dl_serve_put {
	struct dl_buf body, text, words;
	struct dl_serve_event *events;
	size_t nevents, events_cap;
	struct dl_serve_metric *metrics;
	size_t nmetrics, metrics_cap;
	size_t undecided; /* metrics of events that are not refused */
	char now[DL_TIME_MAX];
	/* of serve_writer.c, under its lock */
	struct dl_serve_put *next;
	void (*wake)(void *arg); /* NULL: nobody waits for it any more */
	void *arg;
	size_t bytes; /* as they were counted when it was queued */
	bool queued, done;
};

/* Reads body, whose bytes it takes over; b is empty then. */
struct dl_serve_put *dl_serve_put_new(struct dl_buf *body);
void dl_serve_put_free(struct dl_serve_put *put); /* NULL does nothing */

/*
 * Find the events, and refuse what is not one ("invalid"), is no observation
 * ("observation") or has a metric that may not be written ("forbidden").  What
 * remains is for dl_twin_put() to judge.  -1: there is no telling where the
 * events are (DL_EXIT_DATA), or there are too many (DL_EXIT_USAGE).
 */
int dl_serve_put_split(struct dl_serve_put *put, enum dl_serve_form form,
    const struct dl_rights *rights, struct dl_err *err);

/* The event is refused after all. */
void dl_serve_put_refuse(struct dl_serve_put *put, struct dl_serve_event *e,
    const char *code, const char *why);

/* Of its memory: all but what the answer takes. */
size_t dl_serve_put_bytes(const struct dl_serve_put *put);

/* {"verdicts":[…]}: undecided is 0. */
void dl_serve_put_print(const struct dl_serve_put *put, struct dl_buf *b);

#endif
