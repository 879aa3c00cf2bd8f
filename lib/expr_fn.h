/*
 * jq's functions and operators of values: each takes values and gives one.
 *
 * What takes programs (map, select, sort_by…) is expr_code.h's.  Each function
 * gives jq 1.6's answer, and fails where jq does, with jq's message
 * (DL_EXIT_DATA), which `try … catch` can see.  Where jq 1.6 itself breaks down
 * (a slice from NaN, a search for "") the answer is our own.
 *
 * Time is about linear in what comes in and what goes out, but for contains,
 * and for a search of one array in another.  What goes out is bounded by
 * DL_ARENA_MAX.
 */
#ifndef DL_EXPR_FN_H
#define DL_EXPR_FN_H

#include "expr_value.h"

/* What a function works with. */
struct dl_fn_env {
	struct dl_arena *arena;
	struct dl_buf *out; /* empty before and after, but after a failure */
	struct dl_err *err;
};

/* 1 and *result, or -1 with env->err.  in is '.'; args are nargs values. */
typedef int dl_fn(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result);

struct dl_fn_entry {
	const char *name;
	int nargs;
	dl_fn *fn;
};

/* NULL: no such function. */
const struct dl_fn_entry *dl_fn_find(struct dl_span name, int nargs);

/*
 * What `.[]` goes over: an array or an object.  -1: jq's "Cannot iterate over
 * TYPE (VALUE)".
 */
int dl_fn_enter(
    struct dl_fn_env *env, const struct dl_value *v, struct dl_value_iter *it);

/* x + y and so on; fn's args are x and y, in is not looked at. */
dl_fn dl_fn_add, dl_fn_sub, dl_fn_mul, dl_fn_div, dl_fn_mod;
dl_fn dl_fn_neg; /* args: x */

/* x[y] and x[y:z] as values; args as written, null for a missing bound. */
dl_fn dl_fn_index, dl_fn_slice;

/* "@base64" and so on: in as that format has it; NULL: no such format.
 * @text is tostring, and @json tojson. */
dl_fn *dl_fn_format(struct dl_span name);

/*
 * What env->out now holds, moved to the arena, as a JSON value (kind) or, of
 * kind DL_JSON_STRING with text, as a decoded text.  1, or -1.
 */
int dl_fn_made(struct dl_fn_env *env, enum dl_json_kind kind, bool text,
    struct dl_value *result);

/* jq's "TYPE (VALUE) and TYPE (VALUE) cannot be WHAT", values cut as jq does. */
int dl_fn_fail2(struct dl_fn_env *env, const struct dl_value *x,
    const struct dl_value *y, const char *what);
/* "TYPE (VALUE) WHAT" */
int dl_fn_fail1(
    struct dl_fn_env *env, const struct dl_value *x, const char *what);

/* "Cannot use TYPE (VALUE) as object key" */
int dl_fn_fail_key(struct dl_fn_env *env, const struct dl_value *name);

#endif
