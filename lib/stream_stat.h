/*
 * What there is to know of a stream from outside: its size, its times, its
 * rate, and how far behind each consumer is.
 */
#ifndef DL_STREAM_STAT_H
#define DL_STREAM_STAT_H

#include "clock.h"
#include "err.h"
#include "stream.h"
#include "stream_consumers.h"

#include <stddef.h>
#include <stdint.h>

#define DL_STREAM_RATE_SECONDS 60

struct dl_stream_stat {
	uint64_t oldest, newest; /* offsets; newest is the durable end */
	size_t segments;
	bool has_times;
	struct dl_time first, last; /* recordedtime of the oldest; the latest */
	uint64_t recent; /* recorded in the last DL_STREAM_RATE_SECONDS */
};

int dl_stream_stat(
    const char *dir, struct dl_stream_stat *stat, struct dl_err *err);

/* What a consumer has yet to read. */
struct dl_stream_lag {
	uint64_t bytes, records;
	int64_t age_ms; /* since the first of it was recorded; -1: unknown */
	uint64_t lost;  /* records that retention took before it */
};

int dl_stream_lag(const char *dir, const struct dl_stream_stat *stat,
    const struct dl_consumer *c, struct dl_stream_lag *lag, struct dl_err *err);

#endif
