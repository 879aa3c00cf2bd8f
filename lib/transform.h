/*
 * One step that changes events by a jq program.
 *
 * Each output of the program becomes an event: the event that came in, with
 * the output as its data (or, with whole_event, the output itself), and one
 * more step in its lineage.  One output keeps the event's id; of several the
 * nth has ID.n and the event's id as its causationid.
 */
#ifndef DL_TRANSFORM_H
#define DL_TRANSFORM_H

#include "buf.h"
#include "err.h"
#include "event.h"
#include "expr.h"
#include "span.h"

#define DL_TRANSFORM_MAX (128 << 20) /* bytes that one event may become */

struct dl_transform;

/*
 * Compile program.  step names it in the lineage, beside the hash of the
 * program and of its arguments.  DL_EXIT_CONF.
 */
struct dl_transform *dl_transform_new(const char *program, struct dl_span step,
    const struct dl_expr_options *options, struct dl_err *err);
void dl_transform_free(struct dl_transform *t);

/*
 * Append the lines that ev becomes, and return how many: 0 is dropped.  -1 with
 * DL_EXIT_DATA and *code for the dead letter: nothing is appended then.
 */
int64_t dl_transform_event(struct dl_transform *t, const struct dl_event *ev,
    struct dl_buf *out, const char **code, struct dl_err *err);

/* NULL: the program runs on the scanner; or what in it needs libjq. */
const char *dl_transform_why(const struct dl_transform *t);

/* What the hash of the step is of; valid as long as t. */
struct dl_span dl_transform_program(const struct dl_transform *t);

/*
 * What a program's file is called in the lineage: its name without directory
 * and .jq; "transform" where that is no name, or path is NULL.
 */
struct dl_span dl_transform_step(const char *path);

#endif
