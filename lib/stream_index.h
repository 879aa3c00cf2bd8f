/*
 * The sparse index of time beside a segment: OFFSET.index, text of 52 bytes a
 * line, "TIME OFFSET": no line of this segment before OFFSET was recorded
 * (recordedtime) after TIME.  About one line every DL_STREAM_MARK_BYTES.
 *
 * It is a help and no truth: it is not synced, and a line that is out of order,
 * torn, or beyond the segment's end says nothing, nor does what follows it.
 * What it doesn't cover is scanned.
 */
#ifndef DL_STREAM_INDEX_H
#define DL_STREAM_INDEX_H

#include "buf.h"
#include "clock.h"
#include "err.h"

#include <limits.h>
#include <stdint.h>

#define DL_STREAM_MARK_BYTES (64 << 10)
#define DL_STREAM_MARK_LEN 52
#define DL_STREAM_TIME_LEN 30 /* to the nanosecond */

struct dl_stream_mark {
	struct dl_time max; /* of the lines before offset */
	uint64_t offset;
};

struct dl_stream_index { /* zero-initialised: empty */
	struct dl_stream_mark *v;
	size_t n, cap;
};

/* Before every time: what is known of no lines. */
extern const struct dl_time dl_stream_no_time;

void dl_stream_index_release(struct dl_stream_index *x);
void dl_stream_index_add(
    struct dl_stream_index *x, const struct dl_stream_mark *m);

/* One line, newline included. */
void dl_stream_mark_print(struct dl_buf *b, const struct dl_stream_mark *m);

/* A time as it stands in a line; and back. */
void dl_stream_time_print(
    const struct dl_time *t, char out[DL_STREAM_TIME_LEN + 1]);
bool dl_stream_time_read(const char *text, struct dl_time *t);

/* Raise max to recordedtime, where it has one that can be read. */
void dl_stream_time_max(struct dl_time *max, struct dl_span recordedtime);

/*
 * The marks of the segment from start to end that its file tells; none where
 * there is no file.
 */
int dl_stream_index_load(struct dl_stream_index *x, const char *dir,
    uint64_t start, uint64_t end, struct dl_err *err);

/*
 * Complete x, as loaded, by scanning fd, the segment, up to end, where the last
 * mark then lies.
 */
int dl_stream_index_complete(struct dl_stream_index *x, int fd,
    const char *path, uint64_t start, uint64_t end, struct dl_err *err);

/*
 * The whole index of a segment up to end, scanned where its file does not tell;
 * what had to be scanned of a segment that is complete is kept (stream_find.c).
 */
int dl_stream_segment_index(struct dl_stream_index *x, const char *dir,
    uint64_t start, uint64_t end, bool complete, struct dl_err *err);

#endif
