/*
 * Retention: what may be removed of a stream, and what was lost by it.
 *
 * The oldest segments go, never the active one: by age, when their last line
 * was written longer ago than retain_ms; by size, while the log would be larger
 * than retain_bytes and every registered consumer (one with a committed
 * position) has read them to their end.  So only age takes what a consumer has
 * not read, and then DIR/lost gets a line for it, durable before the segment
 * goes:
 *
 *	{"consumer":"stream.quakes.twin","from":"…","to":"…","records":12,
 *	 "bytes":3456,"time":"…"}
 *
 * The oldest half of that file goes when it is larger than 1 MiB.
 */
#ifndef DL_STREAM_RETAIN_H
#define DL_STREAM_RETAIN_H

#include "stream_log.h"

struct dl_stream_retain {
	const char *home;
	const char *prefix;   /* of the consumers' keys */
	int64_t retain_ms;    /* 0: no limit */
	int64_t retain_bytes; /* 0: no limit */
	bool told;            /* that there is no consumer to wait for */
};

/*
 * Under the log's lock: remove what may go, with n bytes about to be appended;
 * *oldest is where the log then begins.
 */
int dl_stream_retain(struct dl_stream_retain *how, struct dl_stream_log *l,
    uint64_t n, uint64_t *oldest, struct dl_err *err);

#endif
