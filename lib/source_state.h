/*
 * What a source remembers from one run to the next: the newest content of
 * each subject, the validators (ETag, Last-Modified) of its last answer, and
 * what its transport knows of its place: texts and marks.
 *
 * home/sources/NAME/state holds what was committed; pending/TOKEN holds one
 * change each, from the position before it to TOKEN, made durable before the
 * checkpoint TOKEN is written down the pipe.  dl-commit, at the end of the
 * pipe, stores the token in commits/source.NAME; the changes up to it are then
 * merged into state, at the next start or, in a long run, now and then.  The
 * changes of earlier runs that were never committed are thrown away.
 *
 * At every instant the files on disk are a whole state and whole changes, so
 * that a power cut repeats work and loses nothing.  The caller holds the
 * source's lock (dl_head_lock) as long as it has a state open.
 */
#ifndef DL_SOURCE_STATE_H
#define DL_SOURCE_STATE_H

#include "clock.h"
#include "err.h"
#include "span.h"

#include <stdint.h>

#define DL_SOURCE_START "0"        /* the position before any other */
#define DL_SOURCE_WAITING_MAX 1024 /* changes that wait for dl-commit */
#define DL_SOURCE_TEXTS 16         /* names of texts */
#define DL_SOURCE_TEXT_MAX (64 << 10)
#define DL_SOURCE_VALIDATOR_MAX 1024 /* bytes; a longer one isn't kept */

struct dl_source_state;

/*
 * Open (made if absent) the state of source name below home and settle it at
 * what was committed.  DL_EXIT_DATA: a file of it is broken; the message says
 * which one, and what removing it means.
 */
struct dl_source_state *dl_source_state_open(
    const char *home, struct dl_span name, struct dl_err *err);

/* The same for a look: nothing on disk is made or changed, nothing saved. */
struct dl_source_state *dl_source_state_look(
    const char *home, struct dl_span name, struct dl_err *err);
void dl_source_state_close(struct dl_source_state *s); /* NULL does nothing */

/* The position that was saved last, or that the run starts from. */
struct dl_span dl_source_state_position(const struct dl_source_state *s);

/* Is content new for subject?  Then it is remembered.  Both are hashes. */
bool dl_source_state_new(
    struct dl_source_state *s, uint64_t subject, uint64_t content);

/*
 * After _new() of what is emitted next: *t, when it was acquired, becomes the
 * time by which to name it, durable by then and cut to the microsecond.  1:
 * that of an earlier run, which emitted the same and was not committed; 0: that
 * of the first item since the last save (of a run that was killed before it
 * came to that, too).
 */
int dl_source_state_time(
    struct dl_source_state *s, struct dl_time *t, struct dl_err *err);

/* Something was emitted: the next save makes a new position. */
void dl_source_state_touch(struct dl_source_state *s);

/*
 * The validators of the last answer, if it was read by the same spec (a hash
 * of all that decides what an answer means); otherwise both are absent.
 */
void dl_source_state_validators(const struct dl_source_state *s, uint64_t spec,
    struct dl_span *etag, struct dl_span *modified);
void dl_source_state_set_validators(struct dl_source_state *s, uint64_t spec,
    struct dl_span etag, struct dl_span modified);

/*
 * Texts that a source remembers, each by its name, like "cursor": any bytes, at
 * most DL_SOURCE_TEXT_MAX of them (one that is longer is kept as an empty one);
 * of DL_SOURCE_TEXTS names.  Absent: none.  What is returned lives until the
 * text is set again.
 */
struct dl_span dl_source_state_text(
    const struct dl_source_state *s, const char *name);
void dl_source_state_set_text(
    struct dl_source_state *s, const char *name, struct dl_span text);

/*
 * Marks: numbers by hashes, of files for instance.  As subjects, the oldest
 * quarter is forgotten past DL_SEEN_LIMIT of them.
 */
bool dl_source_state_mark(
    const struct dl_source_state *s, uint64_t key, uint64_t *value);
void dl_source_state_set_mark(
    struct dl_source_state *s, uint64_t key, uint64_t value);

/*
 * Make what changed since the last position durable, as a new position: 1 it
 * moved, 0 nothing changed, or too many changes wait to be committed (then
 * this one waits in memory), -1.
 */
int dl_source_state_save(struct dl_source_state *s, struct dl_err *err);

/* The same at the end of a run, however many wait. */
int dl_source_state_save_last(struct dl_source_state *s, struct dl_err *err);

/* Has something changed since the last position? */
bool dl_source_state_is_unsaved(const struct dl_source_state *s);

/* How many saved changes wait to be committed. */
size_t dl_source_state_waiting(const struct dl_source_state *s);

#endif
