/*
 * What may be a line of a stream: an event, no checkpoint, and no NUL in it.
 *
 * The same rule for what is put and for what is found after a power cut, where
 * a page that was not written is zeros: no line that was published is ever
 * taken for a torn one.
 */
#ifndef DL_STREAM_VALID_H
#define DL_STREAM_VALID_H

#include "event.h"

static inline bool
dl_stream_valid(struct dl_event *ev, struct dl_span line, struct dl_err *err)
{
	return dl_event_parse(ev, line, err) == 0 &&
	       !dl_event_is(ev, DL_TYPE_CHECKPOINT) &&
	       (line.len == 0 || memchr(line.p, '\0', line.len) == NULL);
}

#endif
