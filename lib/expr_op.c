/* jq's operators: arithmetic, and x[y] and x[y:z]. */
#include "expr_fn_private.h"

#include "paths.h"

#include <limits.h>
#include <math.h>

#define EXACT 9007199254740992.0 /* integers below it are exact as doubles */

static bool
both(const struct dl_value *args, enum dl_json_kind kind)
{
	return args[0].kind == kind && args[1].kind == kind;
}

static bool
is_exact(double d)
{
	return d > -EXACT && d < EXACT;
}

/* Exact where both are integers that are too long for doubles. */
static int
arithmetic(struct dl_fn_env *env, const struct dl_value *args, char op,
    struct dl_value *result)
{
	double x = dl_value_double(&args[0]), y = dl_value_double(&args[1]);
	double d = op == '+' ? x + y : op == '-' ? x - y : x * y;
	int64_t a, b, i;
	bool over;

	if ((is_exact(x) && is_exact(y) && is_exact(d)) ||
	    !dl_value_int(&args[0], &a) || !dl_value_int(&args[1], &b))
		return dl_fn_give(result, dl_value_number(d));
	if (op == '+')
		over = __builtin_add_overflow(a, b, &i);
	else if (op == '-')
		over = __builtin_sub_overflow(a, b, &i);
	else
		over = __builtin_mul_overflow(a, b, &i);
	if (over)
		return dl_fn_give(result, dl_value_number(d));
	return dl_value_of_int(env->arena, i, result, env->err) < 0 ? -1 : 1;
}

static int
concat(
    struct dl_fn_env *env, const struct dl_value *args, struct dl_value *result)
{
	struct dl_span x, y;
	char *p;

	if (dl_fn_text(env, &args[0], &x) < 0 ||
	    dl_fn_text(env, &args[1], &y) < 0 ||
	    (p = dl_fn_alloc(env, x.len + y.len, 1)) == NULL)
		return -1;
	if (x.len > 0)
		memcpy(p, x.p, x.len);
	if (y.len > 0)
		memcpy(p + x.len, y.p, y.len);
	return dl_fn_give(result, dl_value_text(dl_span(p, x.len + y.len)));
}

/* Append the elements of v to the array that is open; how many, or -1. */
static int
append_all(struct dl_fn_env *env, const struct dl_value *v)
{
	struct dl_value_iter it;
	struct dl_value element;
	int r, n = 0;

	dl_value_enter(&it, v);
	while ((r = dl_value_next(&it, NULL, &element, env->err)) > 0) {
		dl_fn_item(env->out, &element);
		n = 1;
	}
	return r < 0 ? -1 : n;
}

static int
array_add(
    struct dl_fn_env *env, const struct dl_value *args, struct dl_value *result)
{
	int n;

	dl_buf_addc(env->out, '[');
	if (append_all(env, &args[0]) < 0 ||
	    (n = append_all(env, &args[1])) < 0)
		return -1;
	if (n > 0)
		return dl_fn_made_array(env, result);
	dl_buf_clear(env->out);
	return dl_fn_give(result, args[0]);
}

int
dl_fn_add(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	(void)in;
	if (both(args, DL_JSON_NUMBER))
		return arithmetic(env, args, '+', result);
	if (both(args, DL_JSON_STRING))
		return concat(env, args, result);
	if (args[0].kind == DL_JSON_NULL)
		return dl_fn_give(result, args[1]);
	if (args[1].kind == DL_JSON_NULL)
		return dl_fn_give(result, args[0]);
	if (both(args, DL_JSON_ARRAY))
		return array_add(env, args, result);
	if (both(args, DL_JSON_OBJECT))
		return dl_fn_object_add(env, &args[0], &args[1], result);
	return dl_fn_fail2(env, &args[0], &args[1], "cannot be added");
}

/* Is v one of sorted values?  1, 0, -1. */
static int
is_among(struct dl_fn_env *env, const struct dl_value *v,
    const struct dl_value *values, const uint32_t *order, size_t n)
{
	size_t low = 0, middle;
	int cmp;

	while (low < n) {
		middle = low + (n - low) / 2;
		if (dl_value_cmp(env->arena, v, &values[order[middle]], &cmp,
			env->err) < 0)
			return -1;
		if (cmp == 0)
			return 1;
		if (cmp > 0)
			low = middle + 1;
		else
			n = middle;
	}
	return 0;
}

static int
array_sub(
    struct dl_fn_env *env, const struct dl_value *args, struct dl_value *result)
{
	struct dl_value *values, element;
	struct dl_value_iter it;
	uint32_t *order;
	int r, is;
	size_t n;

	if (dl_value_all(env->arena, &args[1], NULL, &values, &n, env->err) <
		0 ||
	    (order = dl_fn_alloc(env, n, sizeof(*order))) == NULL)
		return -1;
	for (size_t i = 0; i < n; i++)
		order[i] = (uint32_t)i;
	if (dl_value_sort(env->arena, values, order, n, env->err) < 0)
		return -1;
	dl_buf_addc(env->out, '[');
	dl_value_enter(&it, &args[0]);
	while ((r = dl_value_next(&it, NULL, &element, env->err)) > 0) {
		if ((is = is_among(env, &element, values, order, n)) < 0)
			return -1;
		if (is == 0)
			dl_fn_item(env->out, &element);
	}
	return r < 0 ? -1 : dl_fn_made_array(env, result);
}

int
dl_fn_sub(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	(void)in;
	if (both(args, DL_JSON_NUMBER))
		return arithmetic(env, args, '-', result);
	if (both(args, DL_JSON_ARRAY))
		return array_sub(env, args, result);
	return dl_fn_fail2(env, &args[0], &args[1], "cannot be subtracted");
}

/* As jq counts: one copy, and as many more as are in times - 1. */
static int
repeat(struct dl_fn_env *env, const struct dl_value *string, double times,
    struct dl_value *result)
{
	struct dl_span text;
	size_t n;

	if (!(times - 1 > -1))
		return dl_fn_give(result, dl_value_null);
	if (dl_fn_text(env, string, &text) < 0)
		return -1;
	if (times > INT_MAX || (double)text.len * times > INT_MAX)
		return dl_err_data(env->err, "Repeat string result too long");
	n = (size_t)(times - 1) + 1;
	if (n == 1)
		return dl_fn_give(result, *string);
	if (dl_fn_room(env, n * text.len) < 0)
		return -1;
	dl_buf_room(env->out, n * text.len);
	for (; n > 0 && text.len > 0; n--)
		dl_buf_span(env->out, text);
	return dl_fn_made_text(env, result);
}

int
dl_fn_mul(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	const struct dl_value *x = &args[0], *y = &args[1];

	(void)in;
	if (both(args, DL_JSON_NUMBER))
		return arithmetic(env, args, '*', result);
	if (x->kind == DL_JSON_STRING && y->kind == DL_JSON_NUMBER)
		return repeat(env, x, dl_value_double(y), result);
	if (y->kind == DL_JSON_STRING && x->kind == DL_JSON_NUMBER)
		return repeat(env, y, dl_value_double(x), result);
	if (both(args, DL_JSON_OBJECT))
		return dl_fn_object_mul(env, x, y, result);
	return dl_fn_fail2(env, x, y, "cannot be multiplied");
}

int
dl_fn_div(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	struct dl_span text, sep;
	double y;

	(void)in;
	if (both(args, DL_JSON_NUMBER)) {
		if ((y = dl_value_double(&args[1])) == 0)
			return dl_fn_fail2(env, &args[0], &args[1],
			    "cannot be divided because the divisor is zero");
		return dl_fn_give(
		    result, dl_value_number(dl_value_double(&args[0]) / y));
	}
	if (!both(args, DL_JSON_STRING))
		return dl_fn_fail2(
		    env, &args[0], &args[1], "cannot be divided");
	if (dl_fn_text(env, &args[0], &text) < 0 ||
	    dl_fn_text(env, &args[1], &sep) < 0)
		return -1;
	return dl_fn_split(env, text, sep, result);
}

/* As an x86 processor does it, and so jq. */
static int64_t
to_int64(double d)
{
	return d >= -0x1p63 && d < 0x1p63 ? (int64_t)d : INT64_MIN;
}

int
dl_fn_mod(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	int64_t a, b;
	bool exact;

	(void)in;
	if (!both(args, DL_JSON_NUMBER))
		return dl_fn_fail2(
		    env, &args[0], &args[1], "cannot be divided (remainder)");
	exact = dl_value_int(&args[0], &a) && dl_value_int(&args[1], &b);
	if (!exact) {
		a = to_int64(dl_value_double(&args[0]));
		b = to_int64(dl_value_double(&args[1]));
	}
	if (b == 0)
		return dl_fn_fail2(env, &args[0], &args[1],
		    "cannot be divided (remainder) because the divisor is "
		    "zero");
	a = b == -1 ? 0 : a % b;
	if (!exact)
		return dl_fn_give(result, dl_value_number((double)a));
	return dl_value_of_int(env->arena, a, result, env->err) < 0 ? -1 : 1;
}

int
dl_fn_neg(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	double d;
	int64_t i;

	(void)in;
	if (args[0].kind != DL_JSON_NUMBER)
		return dl_fn_fail1(env, &args[0], "cannot be negated");
	d = dl_value_double(&args[0]);
	if (is_exact(d) || !dl_value_int(&args[0], &i) || i == INT64_MIN)
		return dl_fn_give(result, dl_value_number(-d));
	return dl_value_of_int(env->arena, -i, result, env->err) < 0 ? -1 : 1;
}

/* A bound of a slice of n elements, from the end where it is negative. */
static double
bound(const struct dl_value *v, double n, double missing)
{
	double d = v->kind == DL_JSON_NULL ? missing : dl_value_double(v);

	return d < 0 ? d + n : d;
}

/* From *start (rounded down) up to *end (rounded up) of n. */
static int
bounds(struct dl_fn_env *env, const struct dl_value *args, int64_t n,
    int64_t *start, int64_t *end)
{
	double from, to, len = (double)n;

	for (int i = 1; i <= 2; i++)
		if (args[i].kind != DL_JSON_NULL &&
		    args[i].kind != DL_JSON_NUMBER)
			return dl_err_data(env->err,
			    "Start and end indices of an %s slice must be "
			    "numbers",
			    dl_value_type(&args[0]));
	from = bound(&args[1], len, 0);
	to = bound(&args[2], len, len);
	*start = from > 0 ? (int64_t)fmin(from, len) : 0;
	*end = to > 0 ? (int64_t)fmin(ceil(to), len) : 0;
	if (*end < *start)
		*end = *start;
	return 0;
}

static int
slice_string(
    struct dl_fn_env *env, const struct dl_value *args, struct dl_value *result)
{
	int64_t n, start, end, i;
	const char *p, *from, *last;
	struct dl_span text;

	if (dl_fn_text(env, &args[0], &text) < 0 ||
	    dl_value_length(env->arena, &args[0], &n, env->err) < 0 ||
	    bounds(env, args, n, &start, &end) < 0)
		return -1;
	last = dl_span_end(text);
	from = p = text.p;
	for (i = 0; i < end && p < last; i++) {
		p = dl_fn_past_char(p, last);
		if (i + 1 == start)
			from = p;
	}
	if (start >= end)
		from = p;
	return dl_fn_give(
	    result, dl_value_text(dl_span(from, (size_t)(p - from))));
}

static int
slice_array(
    struct dl_fn_env *env, const struct dl_value *args, struct dl_value *result)
{
	struct dl_value_iter it;
	struct dl_value element;
	int64_t n, start, end, i;
	int r = 0;

	if (dl_value_length(env->arena, &args[0], &n, env->err) < 0 ||
	    bounds(env, args, n, &start, &end) < 0)
		return -1;
	if (start == 0 && end == n)
		return dl_fn_give(result, args[0]);
	dl_buf_addc(env->out, '[');
	dl_value_enter(&it, &args[0]);
	for (i = 0; i < end; i++) {
		r = dl_value_next(&it, NULL, &element, env->err);
		if (r <= 0)
			break;
		if (i >= start)
			dl_fn_item(env->out, &element);
	}
	return r < 0 ? -1 : dl_fn_made_array(env, result);
}

int
dl_fn_slice(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	(void)in;
	if (args[0].kind == DL_JSON_NULL)
		return dl_fn_give(result, dl_value_null);
	if (args[0].kind == DL_JSON_STRING)
		return slice_string(env, args, result);
	if (args[0].kind == DL_JSON_ARRAY)
		return slice_array(env, args, result);
	return dl_err_data(
	    env->err, "Cannot index %s with object", dl_value_type(&args[0]));
}

/* x[{"start": …, "end": …}]; without one of them it fails as jq does. */
static int
index_object(
    struct dl_fn_env *env, const struct dl_value *args, struct dl_value *result)
{
	struct dl_value all[3] = {args[0]};
	int r;

	r = dl_value_member(
	    env->arena, &args[1], DL_SPAN("start"), &all[1], env->err);
	if (r == 0)
		all[1] = dl_value_false;
	if (r < 0)
		return -1;
	r = dl_value_member(
	    env->arena, &args[1], DL_SPAN("end"), &all[2], env->err);
	if (r == 0)
		all[2] = dl_value_false;
	return r < 0 ? -1 : dl_fn_slice(env, NULL, all, result);
}

static int
index_number(
    struct dl_fn_env *env, const struct dl_value *args, struct dl_value *result)
{
	double d = dl_value_double(&args[1]);

	*result = dl_value_null;
	if (!is_exact(d) || d != trunc(d))
		return 1;
	return dl_value_element(&args[0], (int64_t)d, result, env->err) < 0 ? -1
	                                                                    : 1;
}

static int
index_fail(struct dl_fn_env *env, const struct dl_value *args)
{
	const char *type = dl_value_type(&args[0]);
	struct dl_span name;

	if (args[1].kind != DL_JSON_STRING)
		return dl_err_data(env->err, "Cannot index %s with %s", type,
		    dl_value_type(&args[1]));
	if (dl_fn_text(env, &args[1], &name) < 0)
		return -1;
	if (name.len >= DL_PATH_NAME_TOLD)
		return dl_err_data(
		    env->err, "Cannot index %s with string", type);
	name = dl_fn_c_text(name);
	return dl_err_data(env->err, "Cannot index %s with string \"%.*s\"",
	    type, DL_SPAN_ARG(name));
}

int
dl_fn_index(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	enum dl_json_kind x = args[0].kind, y = args[1].kind;
	struct dl_span name;

	(void)in;
	if (x == DL_JSON_OBJECT && y == DL_JSON_STRING) {
		if (dl_fn_text(env, &args[1], &name) < 0 ||
		    dl_value_member(
			env->arena, &args[0], name, result, env->err) < 0)
			return -1;
		return 1;
	}
	if (x == DL_JSON_ARRAY && y == DL_JSON_NUMBER)
		return index_number(env, args, result);
	if (x == DL_JSON_NULL &&
	    (y == DL_JSON_STRING || y == DL_JSON_NUMBER || y == DL_JSON_OBJECT))
		return dl_fn_give(result, dl_value_null);
	if ((x == DL_JSON_ARRAY || x == DL_JSON_STRING) && y == DL_JSON_OBJECT)
		return index_object(env, args, result);
	if (x == DL_JSON_ARRAY && y == DL_JSON_ARRAY)
		return dl_fn_find_array(env, &args[0], &args[1], result);
	return index_fail(env, args);
}
