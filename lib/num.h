/*
 * Numbers that people write: counts, sizes and durations.
 */
#ifndef DL_NUM_H
#define DL_NUM_H

#include "err.h"
#include "span.h"

#include <stdint.h>

/* A decimal count, 0 to INT64_MAX: "1000".  No sign, no space. */
int dl_num_count(struct dl_span text, int64_t *n, struct dl_err *err);

/* Bytes: a count with an optional K, M, G or T of 1024: "64M". */
int dl_num_size(struct dl_span text, int64_t *bytes, struct dl_err *err);

/*
 * Milliseconds from "250ms", "30s", "5m", "2h", "7d", "2w", "1y" (365 days), or
 * sums: "1h30m".
 */
int dl_num_duration(struct dl_span text, int64_t *ms, struct dl_err *err);

/* Print bytes for people: "1.2 MiB". */
void dl_num_print_size(int64_t bytes, char out[32]);

/*
 * Print milliseconds for people: "250ms", "3s", "12m", "5h", "7d"; with a minus
 * where it is yet to come.
 */
void dl_num_print_age(int64_t ms, char out[32]);

#endif
