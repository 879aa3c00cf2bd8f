/*
 * A producer of a stream: who writes under a checkpoint key, what it has stored
 * since which position, and what of that a repeated run sends again.
 *
 * DIR/producers/KEY is its journal (journal.h); a part is a place in the log,
 * "FROM-TO".  A line is written before its bytes are appended: a process that
 * is killed leaves behind both, or a line too many.  Journals are synced before
 * an end is published, so a power cut takes lines only of bytes behind the end
 * that is found then: those that recovery keeps are noted (stream_recover.c),
 * and their ids are always looked for.
 */
#ifndef DL_STREAM_PRODUCER_H
#define DL_STREAM_PRODUCER_H

#include "buf.h"
#include "event.h"
#include "idset.h"
#include "journal.h"

#include <stdint.h>

struct dl_stream_producer {
	const char *dir;            /* of the stream; not owned */
	struct dl_journal *journal; /* NULL before its first checkpoint */
	struct dl_buf key;
	struct dl_idset seen; /* what an unfinished run stored */
	struct dl_event ev;
};

void dl_stream_producer_init(struct dl_stream_producer *p, const char *dir);
void dl_stream_producer_release(struct dl_stream_producer *p);

/*
 * Hold key's journal.  All that was appended before must be published before
 * dl_stream_producer_start(), which takes the ids of what is in the log from
 * oldest to end and may come again after position.
 */
int dl_stream_producer_open(
    struct dl_stream_producer *p, struct dl_span key, struct dl_err *err);
int dl_stream_producer_start(struct dl_stream_producer *p,
    struct dl_span position, uint64_t oldest, uint64_t end, struct dl_err *err);

/* Was it stored by a run that this one repeats? */
bool dl_stream_producer_knows(
    struct dl_stream_producer *p, const struct dl_event *ev);

/* The bytes from one offset to another are about to be appended by us. */
int dl_stream_producer_place(struct dl_stream_producer *p, uint64_t from,
    uint64_t to, struct dl_err *err);

#endif
