/*
 * Reads newline-delimited records from a descriptor.
 *
 * The reader owns one buffer, reused for every record: a span it hands out is
 * valid until the next dl_line_next() or dl_line_release().  It comes without
 * its newline, and DL_LINE_PAD bytes after it may be read (their values mean
 * nothing).  A record is at most max bytes; a longer one is reported once, with
 * its beginning, and passed over.  Bytes after the last newline are a torn
 * record, the mark of a producer that died, and are an error unless
 * torn_ok is set (at the door, where foreign text may end as it likes).
 */
#ifndef DL_LINE_H
#define DL_LINE_H

#include "buf.h"
#include "err.h"
#include "span.h"

#include <stdint.h>

#define DL_LINE_DEFAULT (1 << 20) /* longest record unless configured */
#define DL_LINE_MAX (16 << 20)    /* longest that can be configured */
#define DL_LINE_KEEP (64 << 10)   /* what is kept of one that is too long */
#define DL_LINE_PAD 64

enum dl_line_result {
	DL_LINE_FAIL = -1,
	DL_LINE_END = 0,
	DL_LINE_RECORD = 1,
	DL_LINE_LONG = 2, /* *rec: its first bytes; long_bytes: its length */
	DL_LINE_IDLE = 3  /* nothing came within wait_ms */
};

struct dl_line {
	int fd;
	const char *name; /* for messages: "<stdin>" */
	size_t max;       /* longest record; may be set after dl_line_init */
	bool torn_ok;
	uint64_t number;     /* of the record handed out last, from 1 */
	uint64_t long_bytes; /* after DL_LINE_LONG */
	/* private */
	struct dl_buf buf;
	size_t pos, scanned;
	bool eof;
};

/* Prepare l to read fd, and widen its pipe.  Owns neither fd nor name. */
void dl_line_init(struct dl_line *l, int fd, const char *name);

/* Free the buffer.  fd stays open. */
void dl_line_release(struct dl_line *l);

/*
 * The next record.  wait_ms: how long to wait for bytes before DL_LINE_IDLE
 * (0: not at all; -1: for ever).  An interrupted wait (EINTR) is DL_LINE_IDLE
 * too, unless wait_ms is -1 and no stop was asked for.
 */
enum dl_line_result dl_line_next(
    struct dl_line *l, int wait_ms, struct dl_span *rec, struct dl_err *err);

/* How many newlines there are in n bytes. */
uint64_t dl_count_lines(const char *p, size_t n);

#endif
