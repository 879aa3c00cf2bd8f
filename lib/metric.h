/*
 * What a tool did to its records, counted, and told as a metric.
 *
 * With DL_PIPELINE (a name) in the environment a tool keeps a file of its own,
 * home/metrics/PIPELINE.TOOL[.INSTANCE].prom, in the text format of OpenMetrics
 * 1.0: the counts of this run, when it began, how long it took, and, when it
 * has ended, its exit status.  The file is written at the tool's end, and while
 * it runs at most DL_METRIC_EVERY_MS after a count has changed (or it began),
 * whatever its input does; but not while a write to its output waits for a
 * reader.  A process that is killed, or runs out of memory, leaves it without a
 * status, as one that still runs.  The file is replaced whole and not fsynced:
 * after a power cut the next run tells anew.  One that can't be written is a
 * warning, told once until it can be again.
 *
 * Two of the same tool and instance in a pipeline would have one file, and so
 * would two runs at a time: the last to write is what it tells.
 *
 * One process has at most one such file.  Of several runs at a time the first
 * has it until it ends, and the others tell nothing.  Without dl_metric_start() the other
 * functions do nothing.
 */
#ifndef DL_METRIC_H
#define DL_METRIC_H

#include "err.h"
#include "span.h"

#include <stdint.h>

#define DL_METRIC_EVERY_MS (10 * 1000) /* DL_METRIC_MS is instead; for tests */

/*
 * At the end of a run that did well: in + added = out + dropped + dead.
 * Checkpoints, and dead letters on their way, are none of these.
 */
struct dl_counts {
	uint64_t in;      /* records that came, broken ones too */
	uint64_t added;   /* made beyond one for one: 3 of 1 are 2 added */
	uint64_t out;     /* written or, by a sink, stored */
	uint64_t dropped; /* by the program's will, or known already */
	uint64_t dead;    /* dead letters */
	uint64_t lost;    /* of what a stream's head was to read: retention */
	bool may_lose;    /* tell lost, even where it is 0 */
};

/* The record at hand became n records: 0 is dropped. */
static inline void
dl_counts_became(struct dl_counts *c, uint64_t n)
{
	c->out += n;
	if (n == 0)
		c->dropped++;
	else
		c->added += n - 1;
}

/* "3 in, 2 added, 5 out, 0 dropped, 0 dead", for -v (DL_LOG_DEBUG). */
void dl_counts_log(const struct dl_counts *c);

/*
 * Begin to tell counts, which the caller owns and keeps until dl_metric_end().
 * instance tells two of the same tool in a pipeline apart; of a path it is the
 * last name; what can't be in a name becomes '_'.  Where nothing is left of it,
 * there is none.  DL_EXIT_USAGE: pipeline is not a name, or home is too long.
 */
int dl_metric_start(const char *home, const char *pipeline, const char *tool,
    struct dl_span instance, const struct dl_counts *counts,
    struct dl_err *err);

/*
 * Milliseconds until counts should be written: 0 now; -1: not before they
 * change.  A wait for input is cut to that, and then dl_metric_tick() called.
 */
int dl_metric_wait_ms(void);

/* Write, if that is due.  Cheap enough to be called for every record. */
void dl_metric_tick(void);

/* The run has ended with status: write, and forget counts. */
void dl_metric_end(int status);

#endif
