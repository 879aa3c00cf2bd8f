/*
 * A time as a partition's template wants it, by strftime(3), in UTC.
 *
 * Events seldom come in the order of their times, but those of one hour, or of
 * whatever a format tells apart, become the same text: the texts of some times
 * are kept.
 */
#ifndef DL_PARTITION_TIME_H
#define DL_PARTITION_TIME_H

#include "span.h"

#include <stdint.h>

struct dl_partition_time;

/*
 * format: at most 64 bytes, whose conversions are numbers (partition.c).
 * per: how many seconds, from one that it divides, give the same text.
 */
struct dl_partition_time *dl_partition_time_new(
    struct dl_span format, int64_t per);
void dl_partition_time_free(struct dl_partition_time *p);

/* The text for a second; valid until the next call. */
struct dl_span dl_partition_time_text(struct dl_partition_time *p, int64_t sec);

#endif
