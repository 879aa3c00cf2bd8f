/*
 * Exact numbers to count on: integers, in units of 10^-DL_FIXED_DECIMALS, of a
 * value below 10^20.  So they hold what counters, ids of 64 bits, and times
 * since 1970 hold, with their decimals.
 */
#ifndef DL_FIXED_H
#define DL_FIXED_H

#include "buf.h"
#include "span.h"

#define DL_FIXED_DECIMALS 18

/* Is text a number of JSON, and nothing else? */
bool dl_fixed_is_number(struct dl_span text);

/* What such a number is; false: it is not exactly one of these. */
bool dl_fixed_parse(struct dl_span text, __int128 *n);

/* Append n, which is one of these, with the decimals that it needs. */
void dl_fixed_print(struct dl_buf *b, __int128 n);

#endif
