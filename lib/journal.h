/*
 * What a writer of a lake stored since which position: how a run that is
 * repeated knows the events that the last one already stored.
 *
 * One file a checkpoint key, a line for each time that parts were published,
 * durable before they can be seen:
 *
 *	{"positions":["17","42"],"next":"42","parts":["dt=.../part-...zst"]}
 *
 * positions: the events after each of these are in the parts of this line and
 * of later ones.  next, where it stands: the events after it are in later lines
 * alone.  So a run that starts from P has to look for its events in the lines
 * from the first with P among its positions, or from the one after the line
 * whose next is P; the lines before are dropped.  Where P stands nowhere, all
 * lines matter and none is dropped: that costs reading, never a duplicate.
 *
 * A position is left out of a line (so that all lines matter to a run that
 * starts from it) when events after it may be in older lines: while the caller
 * says, by dl_journal_hold(), that a repeated run is still meeting events that
 * an earlier one stored.  It is also left out when a line has more than
 * DL_JOURNAL_POSITIONS, which keeps its first and its last ones.
 *
 * When a run has written many lines, all but the first and the last
 * DL_JOURNAL_LINES are folded into the first: it keeps its positions and gets
 * their parts.
 *
 * The key's lock is held while the journal is open.
 */
#ifndef DL_JOURNAL_H
#define DL_JOURNAL_H

#include "err.h"
#include "span.h"

#define DL_JOURNAL_POSITIONS 1024
#define DL_JOURNAL_LINES 1024

struct dl_journal;

/* Told of a part, once for each line that names it. */
typedef int dl_journal_part_fn(
    void *arg, struct dl_span part, struct dl_err *err);

/*
 * Open dir/journal/KEY, made if absent, and cut a torn last line.  Another
 * writer of this lake has the same key: DL_EXIT_TEMP.
 */
struct dl_journal *dl_journal_open(
    const char *dir, struct dl_span key, struct dl_err *err);

/* Close; what was not appended is forgotten.  NULL does nothing. */
void dl_journal_close(struct dl_journal *j);

/* A run starts from position: fn is called for each part that matters to it. */
int dl_journal_start(struct dl_journal *j, struct dl_span position,
    dl_journal_part_fn *fn, void *arg, struct dl_err *err);

/* Events of older lines may still come: leave positions out, or no longer. */
void dl_journal_hold(struct dl_journal *j, bool hold);

/* A checkpoint has been received; the next line will have it. */
void dl_journal_position(struct dl_journal *j, struct dl_span position);

/* An event has been stored since the last checkpoint. */
void dl_journal_stored(struct dl_journal *j);

/* Write a line, durably, of parts that will be published now. */
int dl_journal_append(struct dl_journal *j, const struct dl_span *parts,
    size_t n, struct dl_err *err);

/*
 * The input has ended, with a checkpoint, and all is published: whoever starts
 * from that position has nothing to look for.  While events of older lines may
 * still come this would not be true, and nothing is written.
 */
int dl_journal_end(struct dl_journal *j, struct dl_err *err);

#endif
