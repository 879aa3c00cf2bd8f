/*
 * One program on libjq (1.6).
 *
 * Rules that libjq alone does not keep: env and $ENV are empty and no ~/.jq is
 * read; modules come from the program's own folder (jqmod.h); `input` finds no
 * more inputs; `halt` is an error of the record, as is running too long
 * (jqlimit.h), and what libjq itself fails over (jqguard.h).  $event is bound
 * anew for every record, where the program mentions it.
 */
#ifndef DL_JQRUN_H
#define DL_JQRUN_H

#include "err.h"
#include "expr.h"
#include "span.h"

#include <jv.h>

struct dl_jqrun;

/* Compile; options is not NULL.  NULL with DL_EXIT_CONF, in one line. */
struct dl_jqrun *dl_jqrun_new(const char *program,
    const struct dl_expr_options *options, struct dl_err *err);
void dl_jqrun_free(struct dl_jqrun *r);

/* Must dl_jqrun_start() be given an event? */
bool dl_jqrun_wants_event(const struct dl_jqrun *r);

/* Begin with a record; both values are consumed.  id names it in messages. */
void dl_jqrun_start(struct dl_jqrun *r, jv input, jv event, struct dl_span id);

/* The next output: 1 and *out, the caller's; 0 no more; -1 DL_EXIT_DATA. */
int dl_jqrun_next(struct dl_jqrun *r, jv *out, struct dl_err *err);

#endif
