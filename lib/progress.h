/*
 * How far something long is, told to a person: on a terminal one line that is
 * drawn anew, at most 10 times a second; elsewhere a line of the log (-v) every
 * 10 s and at the end.
 */
#ifndef DL_PROGRESS_H
#define DL_PROGRESS_H

#include "buf.h"

#include <stdint.h>

struct dl_progress {
	bool terminal;    /* standard error is one, and lines are wanted */
	const char *unit; /* of done and all: "windows" */
	int64_t start_ms, told_ms;
	uint64_t before; /* done when it began */
	bool drawn;      /* a line stands there */
};

/* unit is borrowed.  quiet: nothing is drawn.  before: what was done earlier. */
void dl_progress_begin(
    struct dl_progress *p, const char *unit, uint64_t before, bool quiet);

/* So far; at is a word on where that is.  Cheap enough for every record. */
void dl_progress_show(struct dl_progress *p, uint64_t done, uint64_t all,
    uint64_t items, const char *at);

/* The end, well or not: the line is taken away, and the last one logged. */
void dl_progress_end(struct dl_progress *p, uint64_t done, uint64_t all,
    uint64_t items, const char *at);

/*
 * Append the line itself, at most width columns, after ms milliseconds; width
 * 0: without a bar.
 */
void dl_progress_line(struct dl_buf *b, size_t width,
    const struct dl_progress *p, int64_t ms, uint64_t done, uint64_t all,
    uint64_t items, const char *at);

#endif
