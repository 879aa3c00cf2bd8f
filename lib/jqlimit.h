/*
 * How long a program may run on one record.
 *
 * One timer for the process, armed at most once in every limit, so that a
 * record that is quick costs no system call.  When it goes off in a program
 * that is over its time, jq is told to halt, which it does at its next
 * instruction.  Where it is still running a second later it is inside one
 * function that cannot be interrupted (a regular expression, mostly): then the
 * process ends with DL_EXIT_DATA, and a line that names the record.
 *
 * For one thread: the library has one.
 */
#ifndef DL_JQLIMIT_H
#define DL_JQLIMIT_H

#include "span.h"

#include <jq.h>
#include <stdint.h>

/* What is left of a record's time. */
struct dl_jqlimit {
	int64_t left_ns;
	bool expired;
};

/* A new record with max_ms (0: no limit); id is for the last line. */
void dl_jqlimit_start(struct dl_jqlimit *l, int max_ms, struct dl_span id);

/* Around every call of jq. */
void dl_jqlimit_begin(struct dl_jqlimit *l, jq_state *jq);
void dl_jqlimit_end(struct dl_jqlimit *l);

#endif
