/*
 * What a sink stored since which position: how a run that is repeated knows the
 * events that the last one already stored.
 *
 * One file a checkpoint key.  Its first line is the base, what earlier runs
 * left; then comes a line for each time that this run stored something, written
 * before that can be seen:
 *
 *	{"positions":["17","42"],"next":"42","carry":true,"parts":["..."]}
 *
 * A part is whatever the sink finds events by.  The parts that matter to a run
 * are all that may hold events that its head will send:
 *
 *	from one of a line's positions: the parts of this line and of later ones;
 *	from a line's next: those of later lines alone;
 *	if the line has carry: those of the base as well;
 *	from a position that stands nowhere: all parts.
 *
 * Why that is enough.  A head that starts from a position sends nothing that
 * it had sent before that position.  So what a run stored before a position
 * will not come again after it, and what it stored after it is in the lines
 * from there.  What earlier runs stored is in the base, and comes again after a
 * position only if this run had not met it before that.  While that may be (the
 * caller says so, by dl_journal_hold()) positions are written with carry; once
 * all of the base has been met, without.  To name a part too many costs
 * reading, never a duplicate.
 *
 * Where positions are offsets of a stream, they tell that all of the base has
 * been passed even if some of it never came: the base says how far the runs
 * before had come ("reach"), and from DL_OFFSET_APART after that on positions
 * are written without carry.
 *
 * When a run starts, the parts that matter to it and are there become the new
 * base, one line, and nothing else is kept: the file grows with what this run
 * stores, and not with how long events of the base do not come.
 *
 * When a run has written many lines, the oldest after the base are folded into
 * the first of them; it keeps its positions, gets their parts, and has carry if
 * one of them had.  The base stays, since lines point to it.  In the base and
 * in folded lines neighbouring parts are joined, if the kind can do that.
 * A line lists at most DL_JOURNAL_POSITIONS, the first and the last ones.
 *
 * Earlier versions wrote no carry and left positions out instead, so that all
 * parts matter to a run that starts from them: such a journal is read as it is.
 *
 * The key's lock is held while the journal is open.
 */
#ifndef DL_JOURNAL_H
#define DL_JOURNAL_H

#include "buf.h"
#include "err.h"
#include "span.h"

#define DL_JOURNAL_POSITIONS 1024
#define DL_JOURNAL_LINES 1024

struct dl_journal_kind {
	const char *dir;  /* "journal" */
	const char *what; /* for messages: "the lake" */
	/*
	 * Two parts of which b was named right after a: append one part that
	 * stands for both to out, and return true; or false.  With far it may
	 * take in what lies between them and belongs to others.  NULL: never.
	 */
	bool (*join)(
	    struct dl_span a, struct dl_span b, bool far, struct dl_buf *out);
};

struct dl_journal;

/*
 * Told of a part, once for each line that names it: 1 if it is there, 0 if it
 * is not, or no longer (it is left out from then on), -1 failure.
 */
typedef int dl_journal_part_fn(
    void *arg, struct dl_span part, struct dl_err *err);

/*
 * Open state/DIR/KEY, made if absent, and take out what a crash left at its
 * end: a torn line, or zeros where lines should be.  kind and state outlive
 * the journal.  Another process has this key open: DL_EXIT_TEMP.
 */
struct dl_journal *dl_journal_open(const struct dl_journal_kind *kind,
    const char *state, struct dl_span key, struct dl_err *err);

/* Close; what was not appended is forgotten.  NULL does nothing. */
void dl_journal_close(struct dl_journal *j);

/*
 * A run starts from position: fn is called for each part that matters to it.
 * A line that is none of a journal, with others after it, is DL_EXIT_DATA.
 */
int dl_journal_start(struct dl_journal *j, struct dl_span position,
    dl_journal_part_fn *fn, void *arg, struct dl_err *err);

/*
 * Events of the base may still come, or no longer.  At first they do not: say
 * so after the start, before the first position.
 */
void dl_journal_hold(struct dl_journal *j, bool hold);

/* A checkpoint has been received; the next line will have it. */
void dl_journal_position(struct dl_journal *j, struct dl_span position);

/* An event has been stored since the last checkpoint. */
void dl_journal_stored(struct dl_journal *j);

/*
 * Write a line of parts that will be published now: durable when this returns,
 * or else when dl_journal_sync() does.
 */
int dl_journal_append(struct dl_journal *j, const struct dl_span *parts,
    size_t n, bool durable, struct dl_err *err);

/* Make durable what was written; does nothing where all is. */
int dl_journal_sync(struct dl_journal *j, struct dl_err *err);

/*
 * All is published, and nothing has come since the last checkpoint: what this
 * run has stored matters to no run that starts from there.  To be called for
 * each checkpoint of which that is true before it is acknowledged; otherwise
 * the position stands nowhere when the next run starts from it.  Not durable:
 * if a power cut takes this, all parts matter, which costs reading.
 */
int dl_journal_settled(struct dl_journal *j, struct dl_err *err);

/* The same at the end of the input, durably. */
int dl_journal_end(struct dl_journal *j, struct dl_err *err);

#endif
