/*
 * The appending side of a stream's directory, without any notion of producers.
 *
 * Whoever changes the directory holds .lock (flock).  The file's text, a mark
 * as in stream_index.h, is what the writers share: OFFSET is the start of the
 * active segment, TIME the greatest in it.  It is written before a segment
 * is made, so that a writer that dies between the two leaves the next one to
 * make it.
 *
 * What is on disk when the power fails: the segments before the active one are
 * whole (synced before the next is made); of the active one all up to the
 * published end, and of the rest whatever the kernel had written.  When a
 * process dies: all it wrote, perhaps half a line at the end, which the next
 * to append cuts off.
 */
#ifndef DL_STREAM_LOG_H
#define DL_STREAM_LOG_H

#include "buf.h"
#include "stream_index.h"

#include <limits.h>

struct dl_stream_log {
	char dir[PATH_MAX];
	uint64_t segment_bytes;
	int lock, end_fd;

	/* The active segment: as of the last dl_stream_log_lock(). */
	char path[PATH_MAX];
	int fd, index;
	uint64_t start;
	uint64_t end; /* of the log; durable or not */
	struct dl_time max;
	uint64_t marked; /* where our last mark is */

	uint64_t flushed;   /* all before it is durable */
	uint64_t published; /* and this is known to be published */
	bool shared;        /* others have appended since we published last */
};

/*
 * Open dir, made if absent, and recover (stream_recover.c): lines behind the
 * published end are kept up to the first that is not whole and valid, made
 * durable and published; the rest of the active segment is cut.  A log that is
 * made anew begins at least, past all that consumers of an earlier one read.
 */
int dl_stream_log_open(struct dl_stream_log *l, const char *dir,
    uint64_t segment_bytes, uint64_t least, struct dl_err *err);
void dl_stream_log_close(struct dl_stream_log *l);

/* Hold the directory, and see what others have appended. */
int dl_stream_log_lock(struct dl_stream_log *l, struct dl_err *err);
void dl_stream_log_unlock(struct dl_stream_log *l);

/* Will the next append of n bytes begin a new segment? */
bool dl_stream_log_is_full(const struct dl_stream_log *l, size_t n);

/*
 * Under the lock: sync the active segment and begin a new one at the log's end.
 * Does nothing while it is empty.
 */
int dl_stream_log_rotate(struct dl_stream_log *l, struct dl_err *err);

/*
 * Under the lock: append whole lines.  marks, whose offsets count from the
 * first of the bytes, tell of them; max is their greatest time.  When it
 * fails nothing has been appended.  The first byte's offset is the log's end,
 * rotated or not.
 */
int dl_stream_log_append(struct dl_stream_log *l, struct dl_span bytes,
    const struct dl_stream_index *marks, const struct dl_time *max,
    struct dl_err *err);

/*
 * Make all that was appended when we last held the lock durable.  It needs no
 * lock, so that others go on meanwhile.
 */
int dl_stream_log_sync(struct dl_stream_log *l, struct dl_err *err);

/* Publish what was made durable: without the lock, and under it. */
int dl_stream_log_publish(struct dl_stream_log *l, struct dl_err *err);
int dl_stream_log_publish_locked(struct dl_stream_log *l, struct dl_err *err);

/* Private to stream_log.c and stream_recover.c. */
int dl_stream_log_activate(
    struct dl_stream_log *l, uint64_t start, struct dl_err *err);
int dl_stream_log_share(struct dl_stream_log *l, struct dl_err *err);
int dl_stream_recover(
    struct dl_stream_log *l, uint64_t least, struct dl_err *err);

#endif
