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
	uint64_t count;
	char tool[32];
	char step[72];
};

/*
 * Append to path, made if absent (a pipe does: >(command)).  Half a letter at
 * its end, of a run that was cut off, is cut off too.  path NULL: there
 * is no place for dead letters, and dl_dead_put() fails with the record's own
 * error.  tool and step are copied.
 */
int dl_dead_open(struct dl_dead *d, const char *path, const char *tool,
    struct dl_span step, struct dl_err *err);

/*
 * Keep record, which failed for reason why->msg; code is a short word for the
 * kind of failure ("json", "event", "time", "program", "too-long", ...).  ev
 * tells source, subject, id and time where they are known, and may be NULL.  A
 * record longer than DL_LINE_MAX / 8 is cut to that, and total, its whole
 * length, is said.  Where there is no place for dead letters: -1, err is why,
 * with DL_EXIT_DATA unless why says otherwise.
 */
int dl_dead_put(struct dl_dead *d, const struct dl_event *ev,
    struct dl_span record, uint64_t total, const char *code,
    const struct dl_err *why, struct dl_err *err);

/* Make all that was put durable (fsync; a pipe is only written). */
int dl_dead_sync(struct dl_dead *d, struct dl_err *err);

/* Sync and close. */
int dl_dead_close(struct dl_dead *d, struct dl_err *err);

#endif
