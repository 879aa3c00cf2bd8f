/*
 * What the files of source.h share; nobody else includes it.
 */
#ifndef DL_SOURCE_PRIVATE_H
#define DL_SOURCE_PRIVATE_H

#include "dead.h"
#include "expand.h"
#include "idset.h"
#include "items.h"
#include "out.h"
#include "progress.h"
#include "source.h"
#include "source_state.h"
#include "source_wrap.h"
#include "transport.h"

#include <limits.h>

struct dl_source {
	const struct dl_source_spec *spec;
	const volatile sig_atomic_t *stop;
	struct dl_source_wrap wrap;
	struct dl_expand *expand;
	struct dl_items *items; /* NULL: the format isn't told yet */
	struct dl_buf head;     /* what came until then */
	enum dl_items_format format;
	struct dl_buf shown; /* the document's name ... */
	struct dl_buf type;  /* ... and content type */
	uint64_t fed;        /* its bytes, unpacked */
	bool looked;         /* whether they are a page for people */
	uint64_t earlier;    /* items of those before it */
	struct dl_out out;
	struct dl_dead dead;
	bool broken; /* out or dead can't be written: no retry helps */

	/* Of a transport alone. */
	const struct dl_transport_kind *kind;
	void *transport;
	struct dl_transport_round round;
	bool cut_short; /* it has left out what it knows to be there */
	struct dl_cursor *cursor;   /* or NULL */
	struct dl_windows *windows; /* or NULL */
	bool filling;               /* ... of a backfill */
	bool quiet;
	struct dl_progress progress;
	struct dl_secret_refs *secrets;
	struct dl_source_state *state;
	char home[PATH_MAX];
	char key[80];
	int lock;
	int64_t not_before_ms; /* what a server asked for */
	int64_t deadline_ms;   /* of the acquisition; 0: none */
	int64_t settled_ms;    /* when the last position was made */
	bool warned;
	bool told;   /* that commits are waited for */
	bool ending; /* the next position is the last one */

	/*
	 * How many items had gone on when the last document was whole, when the
	 * last position could be made, and how many events when it was.
	 */
	uint64_t whole_at, safe_at, saved_at;

	/* Grows with all that comes whole: a document, a piece of a stream. */
	uint64_t wholes, paused_at;

	/*
	 * The beginning of a document is out that was not read to its end, and
	 * comes again: a position after it would make the sinks store it twice.
	 * It ends with an acquisition that is whole.
	 */
	bool torn;

	bool follow;

	/* For a look: at most look_most events, no position, no checkpoint. */
	bool look;
	uint64_t look_most;
	bool enough;

	/*
	 * What went out since there could last be a position: an attempt after
	 * one that was cut off passes over it.  Sinks skip only what earlier
	 * runs stored, and would store it twice.
	 */
	bool remembers;
	struct dl_idset sent;
	char dir[PATH_MAX + 80]; /* of its files */

	struct dl_counts *counts;
};

/* How many items have left us in one way or the other. */
static inline uint64_t
dl_source_passed_on(const struct dl_source *s)
{
	return s->counts->out + s->counts->dead;
}

int dl_source_flush(struct dl_source *s, struct dl_err *err);

/* Write a checkpoint of the state's position. */
int dl_source_checkpoint(struct dl_source *s, struct dl_err *err);

/* What was handed over is whole: note in the state where that is. */
void dl_source_note(struct dl_source *s);

/*
 * What was handed over is whole: make it a position, write its checkpoint.
 */
int dl_source_save(struct dl_source *s, struct dl_err *err);

/* Something failed: what was made before it is whole, and is written.  -1. */
int dl_source_fail(struct dl_source *s);

/*
 * source_round.c: a poll, or a backfill.  It has one acquisition, or one for
 * each window; acquire makes an acquisition, and a position of what it brought.
 */
typedef int dl_source_acquire_fn(struct dl_source *s, struct dl_err *err);
int dl_source_round(
    struct dl_source *s, dl_source_acquire_fn *acquire, struct dl_err *err);

/* What the source asks for is opened: cursor and windows. */
int dl_source_round_open(
    struct dl_source *s, const struct dl_source_options *o, struct dl_err *err);
void dl_source_round_close(struct dl_source *s);

/*
 * What is out by now, and not as a whole document, was left in its middle:
 * called before the next one begins.
 */
void dl_source_leave(struct dl_source *s);

/* An acquisition begins; and that it was whole. */
void dl_source_round_begin(struct dl_source *s);
void dl_source_round_done(struct dl_source *s);

/* Tell how far a backfill is; of anything else, nothing. */
void dl_source_round_tell(struct dl_source *s);

/* What a transport hands its bytes to; arg is s. */
struct dl_taker dl_source_taker(struct dl_source *s);

/* A dl_items_fn: arg is a struct dl_source. */
int dl_source_take(void *arg, struct dl_span item, size_t total,
    const char *code, const struct dl_err *bad, struct dl_err *err);

/*
 * The way of a document's bytes to dl_source_take: open once; start, feed and
 * end each document.  shown and type, its content type or "", are copied.
 * After a failed end *cut_off says that it broke off.
 */
int dl_source_feed_open(struct dl_source *s, struct dl_err *err);
void dl_source_feed_start(
    struct dl_source *s, const char *shown, const char *type);
int dl_source_feed(
    struct dl_source *s, const char *p, size_t n, struct dl_err *err);
int dl_source_feed_end(struct dl_source *s, bool *cut_off, struct dl_err *err);
void dl_source_feed_close(struct dl_source *s);

#endif
