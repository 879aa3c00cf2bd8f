/*
 * Dead letters: records that a step could not process, kept whole beside the
 * reason, as events of type dl.dead (dl-event(5)).
 */
#ifndef DL_DEAD_H
#define DL_DEAD_H

#include "event.h"
#include "out.h"

struct dl_dead {
	struct dl_out out;
	bool open;
	const char *counted; /* what number is of: "line", or set "item" */
	char tool[32];
	char step[72];
	char program[9]; /* "" where the tool has none */
};

/* What is known of a record that failed. */
struct dl_dead_record {
	const struct dl_event *ev; /* as an event; NULL: it is none */
	struct dl_span bytes;
	uint64_t total;   /* bytes it had, where not all of them are here */
	uint64_t number;  /* of its line, or item, from 1 */
	const char *code; /* "json", "event", "time", "program", "too-long"… */
};

/*
 * Append to path, made if absent (a pipe does: >(command)).  Half a letter at
 * its end, of a run that was cut off, is cut off too.  path NULL: there
 * is no place for dead letters, and dl_dead_put() fails with the record's own
 * error.  tool and step are copied.
 */
int dl_dead_open(struct dl_dead *d, const char *path, const char *tool,
    struct dl_span step, struct dl_err *err);

/* The step has a program: letters name it by its hash, as dlsteps does. */
void dl_dead_set_program(struct dl_dead *d, struct dl_span program);

/*
 * Keep r, which failed for reason why->msg.  Its source, subject, id and time
 * are r->ev's, and it is one attempt more than r->ev's dlattempts says.  A
 * record longer than DL_LINE_MAX / 8 is cut to that, and its whole length said.
 * Where there is no place for dead letters: -1, err is why, with DL_EXIT_DATA
 * unless why says otherwise.
 */
int dl_dead_put(struct dl_dead *d, const struct dl_dead_record *r,
    const struct dl_err *why, struct dl_err *err);

/*
 * How often ev was tried before: its attribute dlattempts where that is an
 * integer from 1 to DL_DEAD_ATTEMPTS, the largest of several; otherwise 0.
 */
#define DL_DEAD_ATTEMPTS 1000000
uint64_t dl_dead_attempts(const struct dl_event *ev);

/*
 * Keep only that one of several.  They are several when someone who tries a
 * record again put a new one before the old; true if any was taken out.
 */
bool dl_dead_merge_attempts(struct dl_event *ev);

/* Make all that was put durable (fsync; a pipe is only written). */
int dl_dead_sync(struct dl_dead *d, struct dl_err *err);

/* Sync and close. */
int dl_dead_close(struct dl_dead *d, struct dl_err *err);

#endif
