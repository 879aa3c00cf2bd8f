/*
 * Events from standard input, as filters and sinks take them: parsed, broken
 * ones put with the dead letters, checkpoints and idle moments told.
 *
 * A filter is a function of one event, which dl_flow_run() calls, in this
 * process or in several: it passes on checkpoints in their order, with
 * everything before them written and the dead letters durable.  A sink calls
 * dl_flow_next() and, when all before a checkpoint is durable, dl_flow_ack().
 *
 * What came and what died is counted here; what became of an event is for a
 * sink to say: dl_counts_became(&f->counts, n).  While the input is waited
 * for, the metric (metric.h) is written when it is due.
 */
#ifndef DL_FLOW_H
#define DL_FLOW_H

#include "dead.h"
#include "event.h"
#include "line.h"
#include "metric.h"
#include "out.h"

enum dl_flow_result {
	DL_FLOW_FAIL = -1,
	DL_FLOW_END = 0,
	DL_FLOW_EVENT = 1,
	DL_FLOW_CHECKPOINT = 2, /* f->ev: source is the key, id the position */
	DL_FLOW_IDLE = 3
};

struct dl_flow {
	struct dl_line in;
	struct dl_out out;
	struct dl_dead dead;
	struct dl_event ev;
	struct dl_counts counts;
	bool repeats;         /* a checkpoint came: what fails comes again */
	bool filters;         /* private: its output is events */
	struct dl_buf merged; /* private: a line made again */
};

/*
 * dead_path, tool, step: as in dl_dead_open.  step may be empty.  A tool that
 * tells f->counts before this has zeroed f itself.
 */
int dl_flow_open(struct dl_flow *f, const char *dead_path, const char *tool,
    struct dl_span step, struct dl_err *err);

/*
 * The next thing on standard input; f->ev is it.  wait_ms as dl_line_next.
 * While it waits and nobody reads its output any more, that is DL_FLOW_FAIL, if
 * there is something to tell: events of a filter, or checkpoints.
 * Input that ends in half a line is DL_EXIT_DATA, but DL_EXIT_TEMP where
 * checkpoints came: then its head died, and a run of it will send that again.
 */
enum dl_flow_result dl_flow_next(
    struct dl_flow *f, int wait_ms, struct dl_err *err);

/*
 * For filters: append the lines that ev becomes to out, and return how many; -1
 * with *code and why for the dead letter: nothing is appended then.
 */
typedef int64_t dl_flow_fn(void *to, const struct dl_event *ev,
    struct dl_buf *out, const char **code, struct dl_err *why);

/*
 * For filters: fn of every event, to the end of the input.  Returns 0 or -1;
 * what came before that which failed is written then.  workers: as many
 * processes (crew.h) call fn, each with its own copy of to; with 1 it is this
 * one.  The output is the same, byte for byte.  In each of those processes
 * dl_flow_run() returns DL_FLOW_WORKER when there is no more to do: the caller
 * ends it at once, without a word, and releases nothing.
 * Where a worker ended itself and has said why, err has its status and no
 * message; where it was killed, that is DL_EXIT_TEMP.
 */
#define DL_FLOW_WORKER 1
int dl_flow_run(struct dl_flow *f, int workers, dl_flow_fn *fn, void *to,
    struct dl_err *err);

/* The event at hand failed for reason why: a dead letter, or -1. */
int dl_flow_dead(struct dl_flow *f, const char *code, const struct dl_err *why,
    struct dl_err *err);

/*
 * For sinks: all before this checkpoint is durable.  Makes the dead letters
 * durable, then prints it and flushes (nothing is printed on a terminal).
 */
int dl_flow_ack(struct dl_flow *f, struct dl_span key, struct dl_span position,
    struct dl_err *err);

/* Flush, make the dead letters durable, tell the counts (-v), release. */
int dl_flow_close(struct dl_flow *f, struct dl_err *err);

#endif
