/*
 * Running a program (expr_code.h) on a record.
 *
 * Values are the record's own bytes or lie in an arena, which is whoever's it
 * is to reset before the next record.  A program is a tree of bounded depth,
 * and so is the evaluation's stack; what it keeps is bounded by DL_ARENA_MAX.
 */
#ifndef DL_EXPR_EVAL_H
#define DL_EXPR_EVAL_H

#include "expr_code.h"

struct dl_eval;

/* code, paths (which it was compiled for) and arena must outlive it. */
struct dl_eval *dl_eval_new(const struct dl_code *code, struct dl_paths *paths,
    struct dl_arena *arena, int max_time_ms);
void dl_eval_free(struct dl_eval *e);

/*
 * Run on the record that paths walked last; an absent data is null.  fn is
 * given the bytes of each output, valid during the call only; it returns 0, or
 * anything else to stop.  0, or -1 with the program's error (DL_EXIT_DATA).
 */
int dl_eval_run(struct dl_eval *e, struct dl_span data, struct dl_span event,
    int (*fn)(void *arg, struct dl_span value), void *arg, struct dl_err *err);

/* Of a program whose root is flat: 1 and *value, valid until e or the arena
 * is next used, 0 no output, -1. */
int dl_eval_one(struct dl_eval *e, struct dl_span data, struct dl_span event,
    struct dl_span *value, struct dl_err *err);

#endif
