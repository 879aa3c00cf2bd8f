/*
 * The flat layout of a lake's lines, for engines that want columns: the
 * members of an event's data at the top, after what tells it apart.
 *
 *	{"_id":…,"_source":…,"_subject":…,"_time":…,"_recordedtime":…,"mag":1.2}
 *
 * Data that is not an object is the one member "value"; no data is no member.
 * Type, lineage and other attributes are not kept: read back, it is a
 * dl.record.
 */
#ifndef DL_LAKE_FLAT_H
#define DL_LAKE_FLAT_H

#include "buf.h"
#include "err.h"
#include "event.h"

/*
 * Append ev as a flat line, newline included.  DL_EXIT_DATA: the data has a
 * member by one of the five names, or is not JSON; b is then as it was.
 */
int dl_lake_flatten(
    struct dl_buf *b, const struct dl_event *ev, struct dl_err *err);

/* Is this line in the flat layout? */
bool dl_lake_is_flat(struct dl_span line);

/*
 * Make an event of a flat line: ev is zero-initialised before the first one,
 * as for dl_event_parse, and its spans point into line and into data, which is
 * cleared.
 */
int dl_lake_unflatten(struct dl_event *ev, struct dl_span line,
    struct dl_buf *data, struct dl_err *err);

#endif
