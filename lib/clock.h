/*
 * Time: RFC 3339 to the nanosecond, epoch numbers, and the clock itself.
 *
 * A time is seconds and nanoseconds since 1970-01-01T00:00:00Z, in the
 * proleptic Gregorian calendar without leap seconds, from year 0000 to 9999.
 * digits is how many decimals of the second were given (0 to 9): printing
 * shows as many, so 1517966773840 ms is 2018-02-07T01:26:13.840Z and not
 * ...13.84Z.  Times compare by sec and nsec alone.
 */
#ifndef DL_CLOCK_H
#define DL_CLOCK_H

#include "err.h"
#include "span.h"

#include <stdint.h>

#define DL_TIME_MAX 40 /* bytes of a printed time, NUL included */

struct dl_time {
	int64_t sec;
	int32_t nsec;
	int32_t digits;
};

/*
 * Parse RFC 3339 (date-time: "T" or "t" or a space, "Z" or an offset, which is
 * taken into UTC; at most 9 decimals; second 60 is read as the next minute's
 * first).  Whole text, nothing before or after.
 */
int dl_time_parse(struct dl_span text, struct dl_time *t, struct dl_err *err);

/*
 * Parse by format: "rfc3339" (or NULL), "s", "ms", "us", "ns" (decimal numbers,
 * optional sign, decimals and exponent as in JSON, taken exactly and not through
 * a double), or anything with a '%': a strptime(3) format read as UTC unless it
 * has %z.  text is a JSON string's decoded text or a JSON number's bytes.
 */
int dl_time_parse_as(struct dl_span text, const char *format, struct dl_time *t,
    struct dl_err *err);

/* Check a format of dl_time_parse_as() before the first record. */
int dl_time_format_check(const char *format, struct dl_err *err);

/* Print as RFC 3339 in UTC with t->digits decimals; returns the length. */
size_t dl_time_print(const struct dl_time *t, char out[DL_TIME_MAX]);

/* <0, 0, >0 */
int dl_time_cmp(const struct dl_time *a, const struct dl_time *b);

/* Split into UTC fields, as gmtime_r; year is the full year. */
struct dl_date {
	int year, month, day, hour, minute, second;
};
void dl_time_date(const struct dl_time *t, struct dl_date *d);

/*
 * The time of day, to the microsecond.  In tests the environment's DL_NOW
 * (RFC 3339) stands still in its place; a DL_NOW that can't be read is ignored.
 */
void dl_now(struct dl_time *t);

/* Milliseconds of a clock that never jumps, for ages and timeouts. */
int64_t dl_clock_ms(void);

#endif
