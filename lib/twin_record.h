/*
 * One record of the twin: its order, and how LMDB holds it.
 *
 * The key is component NUL metric.  The value is, numbers big-endian, N a
 * number of 7 bits a byte, the lowest first, the top bit set in all but its last:
 *
 *	 1  version (DL_TWIN_VERSION)
 *	 N  number in the change log
 *	    the head, the same for all metrics of an observation:
 *	 1  decimals of the second that are printed, times 16, and the form of
 *	    recordedtime: 0 to 9, an instant with so many decimals; 14, a text
 *	 5  seconds since the year 0
 *	    the decimals: none for 0, 2 bytes of ms for up to 3 decimals, 3 of us
 *	    for up to 6, 4 of ns for up to 9
 *	    recordedtime's seconds and decimals alike, if it is an instant
 *	 N  lengths, one each: of sequence, source, recordedtime if it is a text,
 *	    hex and the rest of id
 *	    those five
 *	    the value's JSON bytes, to the end
 *
 * A twin's speed is that of writing its pages, so what can be short is.  Ids
 * begin with a hash mostly: hex is the digits they begin with, two a byte.  A
 * recordedtime is an instant where printing that gives the same text; an absent
 * text has length 0.  Bytes of any kind decode to a record within them or to
 * an error.
 */
#ifndef DL_TWIN_RECORD_H
#define DL_TWIN_RECORD_H

#include "buf.h"
#include "clock.h"
#include "err.h"
#include "span.h"
#include "twin.h"

#include <stdint.h>

#define DL_TWIN_VERSION 2

/* What an observation says of one metric.  Owns none of its bytes. */
struct dl_twin_obs {
	struct dl_time time;
	struct dl_span sequence, source;
	struct dl_span hex, id;      /* id: hex's digits, then these bytes */
	struct dl_span recordedtime; /* unless it is recorded, printed */
	struct dl_time recorded;
	bool is_instant;     /* it is */
	struct dl_span head; /* all of these, as they are stored */
	struct dl_span value;
	uint64_t change;
};

/* Room for the texts of a record that are not stored as such. */
struct dl_twin_texts {
	char time[DL_TIME_MAX];
	char recordedtime[DL_TIME_MAX];
	char id[DL_TWIN_TEXT_MAX];
};

/*
 * Can t be stored: years 0000 to 9999, 0 to 9 decimals, and no more than are
 * printed?
 */
bool dl_twin_time_ok(const struct dl_time *t);

/*
 * Is text an instant, and just what printing it gives?  Then o's recordedtime
 * can be that.
 */
bool dl_twin_printed_time(struct dl_span text, struct dl_time *t);

/* The order that decides: (time, sequence, id, value's bytes). */
int dl_twin_cmp(const struct dl_twin_obs *a, const struct dl_twin_obs *b);

/*
 * The same, and where that ties, the smaller (source, recordedtime, printed
 * time) is the greater, so that what stays is decided in every case.
 */
int dl_twin_join_cmp(const struct dl_twin_obs *a, const struct dl_twin_obs *b);

/*
 * Append the head of o.  Its time is ok, its texts are at most DL_TWIN_TEXT_MAX.
 * Where hex and is_instant are not set, they are found out.
 */
void dl_twin_pack(struct dl_buf *b, const struct dl_twin_obs *o);

/* Fill *o from the head at the front of bytes; false: it isn't one. */
bool dl_twin_unpack(struct dl_span bytes, struct dl_twin_obs *o);

/* Only its time. */
bool dl_twin_unpack_time(struct dl_span bytes, struct dl_time *t);

/* Bytes that dl_twin_encode() writes, of head, value and change. */
size_t dl_twin_encoded(const struct dl_twin_obs *o);
void dl_twin_encode(const struct dl_twin_obs *o, void *out);

/* Spans of *o are in bytes.  -1: DL_EXIT_DATA, not a record as above. */
int dl_twin_decode(
    struct dl_span bytes, struct dl_twin_obs *o, struct dl_err *err);

/* Split a key; false if it isn't one. */
bool dl_twin_key_split(
    struct dl_span key, struct dl_span *component, struct dl_span *metric);

/* Fill rec, but for component and metric, with spans into o's and texts. */
void dl_twin_record_fill(struct dl_twin_record *rec,
    const struct dl_twin_obs *o, struct dl_twin_texts *texts);

/* Fill rec from both parts of a stored record. */
int dl_twin_record_of(struct dl_span key, struct dl_span bytes,
    struct dl_twin_record *rec, struct dl_twin_texts *texts,
    struct dl_err *err);

#endif
