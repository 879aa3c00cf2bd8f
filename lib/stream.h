/*
 * A stream: a log of events that any number of writers append to and any
 * number of consumers read, each at its own pace.
 *
 *	DIR/00000000000000000000.ndjson   a segment: whole lines, named by the
 *	                                  offset of its first byte
 *	DIR/00000000000000000000.index    its sparse index of time
 *	DIR/end                           the durable end of the log
 *	DIR/producers/KEY                 what a producer stored since when
 *	DIR/recovered, DIR/lost           see stream_log.h, stream_retain.h
 *	DIR/.lock, DIR/lock/KEY           held by who appends; by a producer
 *
 * An offset counts the bytes of the log since its beginning; it never comes
 * twice, and is printed in 20 digits.  All but the last segment are complete
 * and durable.  Readers never go past the durable end.
 *
 * The bytes of a line are kept as they came.
 */
#ifndef DL_STREAM_H
#define DL_STREAM_H

#include "checkpoint.h"
#include "clock.h"
#include "err.h"
#include "event.h"
#include "span.h"

#include <limits.h>
#include <signal.h>
#include <stdint.h>

#define DL_STREAM_KEY_MAX 201 /* bytes of a consumer's key, NUL included */

#define DL_STREAM_SEGMENT_BYTES (64 << 20)
#define DL_STREAM_SEGMENT_LEAST (4 << 10)
#define DL_STREAM_SYNC_BYTES (4 << 20) /* unsynced, at most */
#define DL_STREAM_SYNC_MS 100          /* and for so long, at most */
#define DL_STREAM_RETAIN_LEAST_MS (3600 * 1000LL)
#define DL_STREAM_RETAIN_MOST_MS (365 * 24 * 3600 * 1000LL)

/*
 * The prefix of the keys of the consumers of the stream in dir, "stream.NAME."
 * NAME is dir's last part; where dir isn't home/streams/NAME, "-" and a
 * hash of its path follow, so that two streams never share a consumer.
 */
int dl_stream_prefix(char prefix[DL_STREAM_KEY_MAX], const char *dir,
    const char *home, struct dl_err *err);

/* A consumer's name is a name without '.': where NAME ends stays clear. */
bool dl_consumer_ok(struct dl_span name);

/* Writing */

enum dl_stream_sync {
	DL_STREAM_CHECKPOINT, /* at checkpoints, idle, by size and age */
	DL_STREAM_INTERVAL,   /* by size and age alone: checkpoints wait */
	DL_STREAM_ALWAYS      /* whatever was read at once, at once */
};

struct dl_stream_options {
	enum dl_stream_sync sync;
	int64_t segment_bytes;
	int64_t retain_ms;                 /* 0: no limit */
	int64_t retain_bytes;              /* 0: no limit */
	int64_t max_bytes;                 /* 0: no limit */
	bool fail_when_full;               /* or else wait for room */
	const volatile sig_atomic_t *stop; /* set: wait no more; or NULL */
};

struct dl_stream_counts {
	uint64_t records, bytes; /* durable */
	uint64_t skipped;        /* an earlier run had stored them */
};

struct dl_stream_writer;

/*
 * Open the stream in dir, made if absent, and mend what a crash left: whole
 * lines behind the durable end are kept and made durable, what follows them
 * (a torn line, zeros) is cut.  home's commits tell who has read how far.
 */
struct dl_stream_writer *dl_stream_open_write(const char *dir, const char *home,
    const struct dl_stream_options *options, struct dl_err *err);

/* Release; what was not synced is not promised.  NULL does nothing. */
void dl_stream_close(struct dl_stream_writer *w);

/*
 * Put an event: 1, or 0 if an earlier run stored it.  -1 with *code set: the
 * record is at fault; with *code NULL: the stream is.
 */
int dl_stream_put(struct dl_stream_writer *w, const struct dl_event *ev,
    const char **code, struct dl_err *err);

/*
 * A checkpoint came.  The first one opens its key's journal, and reads the ids
 * of what an unfinished run stored since; another key is DL_EXIT_DATA.
 */
int dl_stream_checkpoint(struct dl_stream_writer *w, struct dl_span key,
    struct dl_span position, struct dl_err *err);

/*
 * How many milliseconds input may be waited for before dl_stream_sync() is
 * due; 0: it is due now; -1: for ever, all is durable.
 */
int dl_stream_wait_ms(const struct dl_stream_writer *w);

/* Append all, make it durable, publish its end. */
int dl_stream_sync(struct dl_stream_writer *w, struct dl_err *err);

/*
 * Is there a checkpoint that is safe and was not handed out?  The spans are
 * valid until the next call of any function here.
 */
bool dl_stream_safe(
    struct dl_stream_writer *w, struct dl_span *key, struct dl_span *position);

void dl_stream_counts(
    const struct dl_stream_writer *w, struct dl_stream_counts *counts);

/* Reading */

struct dl_stream_reader;

/*
 * Open the stream in dir.  There is none yet: NULL, with DL_EXIT_TEMP and
 * *absent set.
 */
struct dl_stream_reader *dl_stream_open_read(
    const char *dir, bool *absent, struct dl_err *err);
void dl_stream_close_read(struct dl_stream_reader *r);

/* The oldest offset there is, and the durable end as it is now. */
int dl_stream_oldest(
    struct dl_stream_reader *r, uint64_t *offset, struct dl_err *err);
int dl_stream_newest(
    struct dl_stream_reader *r, uint64_t *offset, struct dl_err *err);

/*
 * The first event that was recorded (recordedtime) at t or later, by the
 * indexes; the durable end if there is none.  An event without a recordedtime
 * counts as recorded with the one before it.
 */
int dl_stream_find(struct dl_stream_reader *r, const char *dir,
    const struct dl_time *t, uint64_t *offset, struct dl_err *err);

/* The same of what lies from one offset to another, without an index. */
int dl_stream_find_from(struct dl_stream_reader *r, uint64_t from, uint64_t end,
    const struct dl_time *t, uint64_t *offset, struct dl_err *err);

/*
 * Go to offset, which must be the beginning of a line (or the end): else
 * DL_EXIT_DATA.  Where retention has taken it, the reader stands at the oldest
 * instead, and *missed says how many bytes lie between (0 otherwise).
 */
int dl_stream_seek(struct dl_stream_reader *r, uint64_t offset,
    uint64_t *missed, struct dl_err *err);

/*
 * Go to the first line that begins at from or later, for offsets that need not
 * be the beginnings of lines; *to becomes the first such at to or later.  Both
 * are moved to what is there and durable: 1, 0 nothing lies between, -1.
 */
int dl_stream_seek_near(struct dl_stream_reader *r, uint64_t from, uint64_t *to,
    struct dl_err *err);

uint64_t dl_stream_tell(const struct dl_stream_reader *r);

/*
 * The next whole lines before offset until (which lies at most at the durable
 * end, at the beginning of a line), about max bytes of them or one line if it
 * is longer: 1, 0 when the reader stands at until, -1.  The span is valid until
 * the next call.  What retention takes meanwhile is passed over, and *missed
 * says how much.
 */
int dl_stream_read(struct dl_stream_reader *r, uint64_t until, size_t max,
    struct dl_span *lines, uint64_t *missed, struct dl_err *err);

/* Take the first line, without its newline, off lines; false: none is left. */
static inline bool
dl_stream_line(struct dl_span *lines, struct dl_span *line)
{
	const char *nl;

	if (lines->len == 0 ||
	    (nl = memchr(lines->p, '\n', lines->len)) == NULL)
		return false;
	*line = dl_span(lines->p, (size_t)(nl - lines->p));
	lines->p = nl + 1;
	lines->len -= line->len + 1;
	return true;
}

/* The path of what changes when something is published, to be watched. */
const char *dl_stream_end_path(const struct dl_stream_reader *r);

/*
 * How many records consumer (its key) lost to retention between the offsets,
 * as retention has counted them.
 */
int dl_stream_lost(const char *dir, struct dl_span key, uint64_t from,
    uint64_t to, uint64_t *records, struct dl_err *err);

#endif
