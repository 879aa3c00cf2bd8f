/*
 * How many requests a client may make: a bucket for each key that holds burst
 * and gains per_second each second; a request takes one out.
 *
 * It knows at most 65,536 keys; a new one takes the place of one that was idle
 * for long, which then begins anew with a full bucket.  From any thread.
 */
#ifndef DL_HTTP_RATE_H
#define DL_HTTP_RATE_H

#include "span.h"

#include <stdint.h>

#define DL_HTTP_RATE_KEYS 65536

struct dl_http_rate;

/* per_second is above 0; burst of 0 is one second's worth, and at least 1. */
struct dl_http_rate *dl_http_rate_new(double per_second, double burst);
void dl_http_rate_free(struct dl_http_rate *r); /* NULL does nothing */

/* false: not now, but after *retry_after_s seconds, at least 1. */
bool dl_http_rate_take(
    struct dl_http_rate *r, struct dl_span key, int *retry_after_s);

/* The same at a time of dl_clock_ms(), which must not go back. */
bool dl_http_rate_take_at(struct dl_http_rate *r, struct dl_span key,
    int64_t now_ms, int *retry_after_s);

#endif
