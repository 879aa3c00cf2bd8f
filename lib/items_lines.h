/*
 * Lines of a document, in chunks of any size: one call for each line without
 * its end, LF, or with cr also CR and CRLF.  A line that is too long is handed
 * to the taker of items, with the failure.  Memory is one line.
 */
#ifndef DL_ITEMS_LINES_H
#define DL_ITEMS_LINES_H

#include "buf.h"
#include "items.h"

#include <stdint.h>

/* line is valid during the call; it may be empty.  -1 stops. */
typedef int dl_items_line_fn(
    void *arg, struct dl_span line, struct dl_err *err);

struct dl_items_lines {
	size_t max;
	bool cr;
	bool stream; /* as in items.h */
	dl_items_line_fn *line_fn;
	void *line_arg;
	dl_items_fn *fn;
	void *arg;
	uint64_t number; /* of the line at hand, from 1 */
	/* private */
	struct dl_buf held; /* a part of a line */
	size_t total;       /* bytes of a line that is too long, or 0 */
	bool after_cr;
	bool cut_off;
};

/* Begin a document; the public members but number are set. */
void dl_items_lines_start(struct dl_items_lines *l);

int dl_items_lines_feed(
    struct dl_items_lines *l, const char *p, size_t n, struct dl_err *err);

/*
 * The document has ended, and with it a line, if it has any byte; of a stream
 * that is a failure, and the line is cut off.
 */
int dl_items_lines_end(struct dl_items_lines *l, struct dl_err *err);

/* Did it fail for that? */
bool dl_items_lines_cut_off(const struct dl_items_lines *l);

void dl_items_lines_release(struct dl_items_lines *l);

/* Hand the line at hand out as wrong: "line N: why". */
int dl_items_lines_bad(struct dl_items_lines *l, struct dl_span line,
    const char *code, struct dl_err *bad, struct dl_err *err);

/* A line's bytes have to be UTF-8 without a NUL: -1 if not. */
int dl_items_lines_check(struct dl_span line, struct dl_err *bad);

#endif
