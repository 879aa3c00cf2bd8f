/*
 * When to try again: exponential backoff with full jitter, and what a server
 * asks for in Retry-After.
 *
 * The nth wait is drawn evenly from 0 to the nth ceiling: 1 s, 2 s, 4 s, up
 * to DL_RETRY_CAP_MS, so that many clients that failed together do not come
 * back together.
 */
#ifndef DL_RETRY_H
#define DL_RETRY_H

#include "clock.h"
#include "span.h"

#include <stdint.h>

#define DL_RETRY_FIRST_MS 1000
#define DL_RETRY_CAP_MS (60 * 1000)
#define DL_RETRY_AFTER_MAX_MS (5 * 60 * 1000) /* asked for more: don't wait */
#define DL_RETRY_AFTER_DAY_MS (24 * 3600 * 1000) /* asked for more: so long */

struct dl_retry {
	int64_t left;       /* tries that are left */
	int64_t ceiling_ms; /* of the next wait */
	uint64_t random;    /* state of the generator; seeded by init */
};

/* At most retries tries after the first one. */
void dl_retry_init(struct dl_retry *r, int64_t retries);

/*
 * How long to wait before the next try, in milliseconds; -1: no try is left.
 * after_ms is the least that the server asked for, or -1.
 */
int64_t dl_retry_next(struct dl_retry *r, int64_t after_ms);

/*
 * The value of Retry-After, a count of seconds or an HTTP date in any of its
 * three forms, as milliseconds from now; -1 if it is neither.
 */
int64_t dl_retry_after(struct dl_span value, const struct dl_time *now);

#endif
