/*
 * One record of the twin: its order, and how LMDB holds it.
 *
 * The key is component NUL metric.  The value is, big-endian:
 *
 *	 1  version (DL_TWIN_VERSION)
 *	 8  seconds since 1970, its sign bit turned over
 *	 4  nanoseconds
 *	 1  decimals of the second that are printed
 *	 8  number in the change log
 *	 8  lengths of sequence, id, source and recordedtime, 2 each
 *	    those four, then the value's JSON bytes, to the end
 *
 * An absent text has length 0.  Bytes of any kind decode to a record within
 * them or to an error.
 */
#ifndef DL_TWIN_RECORD_H
#define DL_TWIN_RECORD_H

#include "clock.h"
#include "err.h"
#include "span.h"
#include "twin.h"

#include <stdint.h>

#define DL_TWIN_VERSION 1
#define DL_TWIN_HEAD 30 /* bytes before the texts */

/* What an observation says of one metric.  Owns none of its bytes. */
struct dl_twin_obs {
	struct dl_time time;
	struct dl_span sequence, id, source, recordedtime; /* len 0: absent */
	struct dl_span value;
	uint64_t change;
};

/* Can t be stored: years 0000 to 9999, 0 to 9 decimals? */
bool dl_twin_time_ok(const struct dl_time *t);

/* The order that decides: (time, sequence, id, value's bytes). */
int dl_twin_cmp(const struct dl_twin_obs *a, const struct dl_twin_obs *b);

/*
 * The same, and where that ties, the smaller (source, recordedtime, printed
 * time) is the greater, so that what stays is decided in every case.
 */
int dl_twin_join_cmp(const struct dl_twin_obs *a, const struct dl_twin_obs *b);

/* Bytes that dl_twin_encode() writes.  Texts are at most DL_TWIN_TEXT_MAX. */
size_t dl_twin_encoded(const struct dl_twin_obs *o);
void dl_twin_encode(const struct dl_twin_obs *o, void *out);

/* Spans of *o are in bytes.  -1: DL_EXIT_DATA, not a record as above. */
int dl_twin_decode(
    struct dl_span bytes, struct dl_twin_obs *o, struct dl_err *err);

/* Split a key; false if it isn't one. */
bool dl_twin_key_split(
    struct dl_span key, struct dl_span *component, struct dl_span *metric);

/*
 * Fill rec from both parts of a stored record; time is where its time is
 * printed to.
 */
int dl_twin_record_of(struct dl_span key, struct dl_span bytes,
    struct dl_twin_record *rec, char time[DL_TIME_MAX], struct dl_err *err);

#endif
