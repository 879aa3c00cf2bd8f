/*
 * The files of a stream's directory: its segments' names and its durable end.
 *
 * "end" is 30 bytes, rewritten in place: 20 digits, a space, 8 hex digits of
 * their hash, a newline.  The hash tells a reader who met a half-written value
 * to look again.  It is not synced: a power cut may bring back an older end,
 * after which the bytes up to the newer one are there, since they were durable
 * before it was written.
 */
#ifndef DL_STREAM_DIR_H
#define DL_STREAM_DIR_H

#include "err.h"
#include "span.h"
#include "stream.h"

#include <stdint.h>

#define DL_STREAM_END_LEN 30

struct dl_segment {
	uint64_t start, size;
	int64_t mtime_ms;
};

struct dl_segments { /* zero-initialised: none */
	struct dl_segment *v;
	size_t n, cap;
};

void dl_segments_release(struct dl_segments *s);

/*
 * The segments in dir, oldest first.  Each begins where the one before ends,
 * or a segment is missing or damaged: DL_EXIT_DATA.  A directory that is not
 * there is DL_EXIT_TEMP.
 */
int dl_segments_list(
    struct dl_segments *s, const char *dir, struct dl_err *err);

/* dir/OFFSET.ENDING; the ending is "ndjson" or "index". */
int dl_segment_path(char out[PATH_MAX], const char *dir, uint64_t start,
    const char *ending, struct dl_err *err);

/* dir/NAME */
int dl_stream_file(
    char out[PATH_MAX], const char *dir, const char *name, struct dl_err *err);

/* Read "end" from fd: 1, 0 it holds no end, -1.  path is for the message. */
int dl_stream_end_read(
    int fd, const char *path, uint64_t *end, struct dl_err *err);
void dl_stream_end_print(uint64_t end, char out[DL_STREAM_END_LEN + 1]);

#endif
