/*
 * What flow.c and flow_crew.c share: a line on its way through a filter, taken
 * where it came in or after a worker has looked at it.
 */
#ifndef DL_FLOW_PRIVATE_H
#define DL_FLOW_PRIVATE_H

#include "flow.h"

/* f->ev is the event that line is; -1: it is none. */
int dl_flow_take(struct dl_flow *f, struct dl_span line, struct dl_err *why);

/* Keep a line that is none, for reason why, or that is too long; or -1. */
int dl_flow_broken(struct dl_flow *f, struct dl_span line, struct dl_err *why,
    struct dl_err *err);
int dl_flow_too_long(
    struct dl_flow *f, struct dl_span line, struct dl_err *err);

/*
 * Pass on the checkpoint in f->ev: all before it is written, or in f->out, and
 * its dead letters are made durable.
 */
int dl_flow_pass_on(struct dl_flow *f, struct dl_err *err);

/* -1: nobody reads the output any more. */
int dl_flow_heard(struct dl_flow *f, struct dl_err *err);

/* As dl_flow_run() with workers. */
int dl_flow_crew(struct dl_flow *f, int workers, dl_flow_fn *fn, void *to,
    struct dl_err *err);

#endif
