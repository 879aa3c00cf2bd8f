/*
 * What of a part's lines a query wants, as events: lines are handed on where
 * they lie, as many at a time as lie together; flat ones become events again.
 */
#ifndef DL_LAKE_FILTER_H
#define DL_LAKE_FILTER_H

#include "buf.h"
#include "event.h"
#include "lake.h"

/* zero-initialised but for the first three. */
struct dl_lake_filter {
	const struct dl_lake_query *query;
	dl_lake_lines_fn *fn;
	void *arg;
	/* private */
	uint32_t met;  /* by the part's path: bit i: query->where[i] */
	uint64_t told; /* lines, where they are counted */
	struct dl_event ev;
	struct dl_buf data, line;
};
void dl_lake_filter_release(struct dl_lake_filter *f);

/*
 * Lines come from part, whose path satisfies met.  DL_EXIT_USAGE: a condition
 * names a key that neither the path nor an event has.
 */
int dl_lake_filter_part(struct dl_lake_filter *f, const char *part,
    uint32_t met, struct dl_err *err);

/*
 * Hand on what is wanted of lines, which each end in a newline: 0; 1: that was
 * all that the query wants; -1.  *at: how many of their bytes are done with; on
 * failure, before the line that is at fault.
 */
int dl_lake_filter_lines(struct dl_lake_filter *f, struct dl_span lines,
    size_t *at, struct dl_err *err);

#endif
