/*
 * The evaluator's parts (expr_eval.h), and what they share.  Private to them.
 *
 * Flat nodes are evaluated to a value (dl_run_one) or straight into a buffer
 * (dl_run_emit).  The others hand each output to a function, and what that
 * function does is done inside of them: as in jq 1.6, where an error that
 * comes after a `try` was left is caught by it too.
 */
#ifndef DL_EXPR_RUN_H
#define DL_EXPR_RUN_H

#include "expr_eval.h"

#include <stdint.h>

#define DL_RUN_STOP 1 /* of a dl_run_fn: somebody further out has enough */

struct dl_run_scope {
	struct dl_value dot;
	bool walked;
};

struct dl_eval {
	const struct dl_code *code;
	struct dl_paths *paths;
	struct dl_arena *arena;
	struct dl_err *err;
	struct dl_span data, event;
	struct dl_value *vars;
	struct dl_run_scope *scopes;
	struct dl_buf **bufs; /* one for each array or object being made */
	int nbufs, depth;
	struct dl_buf made; /* dl_fn_env's */
	struct dl_buf result;
	bool raised; /* error is a value of the program's own */
	bool fatal;  /* not for a `try` to catch */
	struct dl_value error;
	uint32_t steps;
	int max_time_ms;
	int64_t started_ms; /* 0: not looked yet */
};

/* Takes an output: 0 go on, DL_RUN_STOP, -1 an error. */
typedef int dl_run_fn(void *arg, struct dl_value *v);

/* 1 and *v; 0 no output; -1 e->err.  node is flat. */
int dl_run_one(struct dl_eval *e, int node, struct dl_value *v);

/* What stands left of a flat pipe or `as`: 1 if its right side is next. */
int dl_run_left(struct dl_eval *e, const struct dl_code_node *n);

/* The branch of a flat `if`: 1 and *branch. */
int dl_run_branch(struct dl_eval *e, const struct dl_code_node *n, int *branch);

/* dl_run_one(), appended to b.  Nothing is left there otherwise. */
int dl_run_emit(struct dl_eval *e, int node, struct dl_buf *b);

/* Every output of any node, to fn: 0, DL_RUN_STOP or -1. */
int dl_run_each(struct dl_eval *e, int node, dl_run_fn *fn, void *arg);

/* DL_CODE_SET with value (where it has one), appended to b: 1, 0 or -1. */
int dl_run_set(struct dl_eval *e, const struct dl_code_node *n,
    const struct dl_value *value, struct dl_buf *b);

/* An element of an array that is being made: the arg of dl_run_collect. */
struct dl_run_list {
	struct dl_eval *e;
	struct dl_buf *b;
	bool some;
};
dl_run_fn dl_run_collect;
int dl_run_collect_node(struct dl_run_list *l, int node);

/* An object of n names and values that are known. */
int dl_run_object(struct dl_eval *e, const struct dl_code_node *n,
    struct dl_value *values, struct dl_buf *b);

/* A string of its parts, of which the odd ones are values, already text. */
int dl_run_string(struct dl_eval *e, const struct dl_code_node *n,
    struct dl_value *values, struct dl_buf *b);

/* What a part of a string is as text, in place. */
int dl_run_format(
    struct dl_eval *e, const struct dl_code_node *n, struct dl_value *v);

/* Functions of values, with e's environment. */
int dl_run_fn_call(struct dl_eval *e, dl_fn *fn, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *v);

/* dl_fn_index or dl_fn_slice. */
int dl_run_step(struct dl_eval *e, dl_fn *fn, const struct dl_value *args,
    struct dl_value *v);

/* x by y, as a boolean: 1 or -1. */
int dl_run_compare(struct dl_eval *e, enum dl_ast_op by,
    const struct dl_value *x, const struct dl_value *y, struct dl_value *v);

/* v is '.' from now on. */
static inline void
dl_run_enter(struct dl_eval *e, int scope, const struct dl_value *v)
{
	if (scope >= 0) {
		e->scopes[scope].dot = *v;
		e->scopes[scope].walked = false;
	}
}

/* A buffer of one's own, empty, until it is given back. */
struct dl_buf *dl_run_take(struct dl_eval *e);
static inline void
dl_run_give(struct dl_eval *e)
{
	e->depth--;
}

/* What b holds, as a value in the arena: 1 or -1. */
int dl_run_keep(struct dl_eval *e, const struct dl_buf *b, struct dl_value *v);

/* Has the program run for too long?  Then -1. */
int dl_run_late(struct dl_eval *e);
static inline int
dl_run_tick(struct dl_eval *e)
{
	return (++e->steps & 0xffff) == 0 ? dl_run_late(e) : 0;
}

/* "Cannot WHAT TYPE (VALUE) MORE"; returns -1. */
int dl_run_cannot(struct dl_eval *e, const char *what, const struct dl_value *v,
    const char *more);

static inline const struct dl_code_node *
dl_run_node(const struct dl_eval *e, int node)
{
	return &e->code->nodes[node];
}

#endif
