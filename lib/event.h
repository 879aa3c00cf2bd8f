/*
 * One record between the tools: a CloudEvent in the JSON format (CloudEvents
 * 1.0), one a line.  dl-event(5) is the specification.
 *
 * Attributes are text: decoded, UTF-8, without quotes.  data is the JSON bytes
 * as they came.  Spans point into the line that was parsed, or, where escapes
 * had to be decoded, into scratch: they are valid until the next parse into
 * the same struct.  A maker of events sets spans to whatever it owns.
 */
#ifndef DL_EVENT_H
#define DL_EVENT_H

#include "buf.h"
#include "err.h"
#include "span.h"

#define DL_EVENT_EXTRA 32 /* attributes that are not ours, at most */
#define DL_ID_LEN 32      /* hex digits of a hash that names an event */

#define DL_TYPE_RECORD "dl.record"
#define DL_TYPE_OBSERVATION "dl.observation"
#define DL_TYPE_DEAD "dl.dead"
#define DL_TYPE_CHECKPOINT "dl.checkpoint"

struct dl_event {
	struct dl_span line; /* what was parsed, without its newline */

	struct dl_span id; /* required, as are source and type */
	struct dl_span source;
	struct dl_span type;
	struct dl_span subject; /* these are absent (p == NULL) or not empty */
	struct dl_span time;
	struct dl_span recordedtime;
	struct dl_span sequence;
	struct dl_span origin; /* dlorigin */
	struct dl_span steps;  /* dlsteps */
	struct dl_span causationid;

	/* Members that are none of these, as they came: "name":value. */
	struct dl_span extra[DL_EVENT_EXTRA];
	size_t nextra;

	struct dl_span data; /* a JSON value; p == NULL where there is none */

	struct dl_buf scratch; /* private */
};

/* ev is zero-initialised before the first parse; release frees its scratch. */
void dl_event_release(struct dl_event *ev);

/*
 * Read one line.  Members in any order, names with or without escapes.
 * DL_EXIT_DATA: not an object, more than one value, specversion other than
 * "1.0", a missing or empty id, source or type, an attribute of ours twice or
 * not a string, more than DL_EVENT_EXTRA others.  data is not looked into.
 */
int dl_event_parse(
    struct dl_event *ev, struct dl_span line, struct dl_err *err);

static inline bool
dl_event_is(const struct dl_event *ev, const char *type)
{
	return dl_span_is(ev->type, type);
}

/*
 * Append the event as one line, newline included: specversion, id, source,
 * type, subject, time, recordedtime, sequence, dlorigin, dlsteps, causationid,
 * others, data.
 */
void dl_event_write(struct dl_buf *b, const struct dl_event *ev);

/* The same in pieces: all up to and including `"data":`, then `}\n`. */
void dl_event_head(struct dl_buf *b, const struct dl_event *ev);
void dl_event_tail(struct dl_buf *b);

/*
 * The id of a record: XXH3-128, in hex, of source, subject, time and data, each
 * of the first three ended by a NUL.
 */
void dl_event_id(char id[DL_ID_LEN + 1], const struct dl_event *ev);

/* A checkpoint's line: key is its source, position its id. */
void dl_event_checkpoint(
    struct dl_buf *b, struct dl_span key, struct dl_span position);

/*
 * Append to b what dlsteps is after one more step: "steps name@hash", where
 * hash is 8 hex digits of program.  Only the last DL_STEPS_MAX steps are kept.
 */
#define DL_STEPS_MAX 32
void dl_event_step(struct dl_buf *b, struct dl_span steps, struct dl_span name,
    struct dl_span program);

#endif
