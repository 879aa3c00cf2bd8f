/* jq's functions of arrays, and of objects as lists of values. */
#include "expr_fn_private.h"

static int
length(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	int64_t n = 0;

	if (in->kind == DL_JSON_NUMBER)
		return dl_fn_absolute(env, in, args, result);
	if (in->kind == DL_JSON_TRUE || in->kind == DL_JSON_FALSE)
		return dl_fn_fail1(env, in, "has no length");
	if (in->kind != DL_JSON_NULL &&
	    dl_value_length(env->arena, in, &n, env->err) < 0)
		return -1;
	return dl_fn_give(result, dl_value_number((double)n));
}

/*
 * A sum on its way.  What would be copied at every step is kept open: a text or
 * an array in env->out, an object in its own form; otherwise it is in value.
 */
struct sum {
	enum dl_json_kind open; /* DL_JSON_INVALID: it is in value */
	struct dl_value value;
	struct dl_fn_object object;
	struct dl_arena_mark mark;
};

static int
append_all(struct dl_fn_env *env, const struct dl_value *v)
{
	struct dl_value_iter it;
	struct dl_value element;
	int r;

	dl_value_enter(&it, v);
	while ((r = dl_value_next(&it, NULL, &element, env->err)) > 0)
		dl_fn_item(env->out, &element);
	return r;
}

/* Add v, which is of the kind of what is open. */
static int
sum_append(struct dl_fn_env *env, struct sum *s, const struct dl_value *v)
{
	if (s->open == DL_JSON_STRING)
		return dl_fn_put_text(env, v);
	if (s->open == DL_JSON_ARRAY)
		return append_all(env, v);
	return dl_fn_object_merge(env, &s->object, v);
}

static int
sum_open(struct dl_fn_env *env, struct sum *s)
{
	s->open = s->value.kind;
	s->object = (struct dl_fn_object){0};
	s->mark = dl_arena_mark(env->arena);
	if (s->open == DL_JSON_ARRAY)
		dl_buf_addc(env->out, '[');
	return sum_append(env, s, &s->value);
}

static int
sum_close(struct dl_fn_env *env, struct sum *s)
{
	enum dl_json_kind open = s->open;

	s->open = DL_JSON_INVALID;
	if (open == DL_JSON_INVALID)
		return 1;
	if (open == DL_JSON_STRING)
		return dl_fn_made_text(env, &s->value);
	if (open == DL_JSON_ARRAY)
		return dl_fn_made_array(env, &s->value);
	return dl_fn_object_made(env, &s->object, s->mark, &s->value);
}

static int
sum_add(struct dl_fn_env *env, struct sum *s, const struct dl_value *v)
{
	struct dl_value args[2];

	if (v->kind == DL_JSON_NULL)
		return 0;
	if (s->open == DL_JSON_INVALID && s->value.kind == v->kind &&
	    v->kind >= DL_JSON_STRING && sum_open(env, s) < 0)
		return -1;
	if (s->open == v->kind)
		return sum_append(env, s, v);
	if (sum_close(env, s) < 0)
		return -1;
	args[0] = s->value;
	args[1] = *v;
	return dl_fn_add(env, NULL, args, &s->value);
}

static int
add(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	struct sum s = {.value = dl_value_null};
	struct dl_value name, element;
	struct dl_value_iter it;
	int r;

	(void)args;
	if (dl_fn_enter(env, in, &it) < 0)
		return -1;
	while ((r = dl_value_next(&it, &name, &element, env->err)) > 0)
		if (sum_add(env, &s, &element) < 0)
			return -1;
	if (r < 0 || sum_close(env, &s) < 0)
		return -1;
	return dl_fn_give(result, s.value);
}

/* Is there one that is true, or false? */
static int
has_one(struct dl_fn_env *env, const struct dl_value *in, bool is_true)
{
	struct dl_value name, element;
	struct dl_value_iter it;
	int r;

	if (dl_fn_enter(env, in, &it) < 0)
		return -1;
	while ((r = dl_value_next(&it, &name, &element, env->err)) > 0)
		if (dl_value_is_true(&element) == is_true)
			return 1;
	return r;
}

static int
any(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	int r = has_one(env, in, true);

	(void)args;
	return r < 0 ? -1 : dl_fn_give(result, dl_value_bool(r > 0));
}

static int
all(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	int r = has_one(env, in, false);

	(void)args;
	return r < 0 ? -1 : dl_fn_give(result, dl_value_bool(r == 0));
}

/*
 * Append what is in v, and of arrays in it what is in them, down to levels;
 * bad is what jq would count down in vain, or NULL.
 */
static int
flatten_into(struct dl_fn_env *env, const struct dl_value *v, double levels,
    const struct dl_value *bad, int depth)
{
	struct dl_value name, element, one = dl_value_number(1);
	struct dl_value_iter it;
	int r;

	if (depth > DL_JSON_DEPTH)
		return dl_err_data(env->err, "arrays are nested deeper than %d",
		    DL_JSON_DEPTH);
	if (dl_arena_work(env->arena, v->text.len) < 0 ||
	    dl_fn_enter(env, v, &it) < 0)
		return -1;
	while ((r = dl_value_next(&it, &name, &element, env->err)) > 0) {
		if (element.kind != DL_JSON_ARRAY || levels == 0)
			dl_fn_item(env->out, &element);
		else if (bad != NULL)
			return dl_fn_fail2(
			    env, bad, &one, "cannot be subtracted");
		else if (flatten_into(
			     env, &element, levels - 1, NULL, depth + 1) < 0)
			return -1;
	}
	return r;
}

static int
flatten_to(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	bool number = args[0].kind == DL_JSON_NUMBER;
	double levels = number ? dl_value_double(&args[0]) : -1;

	if (number ? !(levels >= 0) : args[0].kind < DL_JSON_NUMBER)
		return dl_err_data(
		    env->err, "flatten depth must not be negative");
	dl_buf_addc(env->out, '[');
	if (flatten_into(env, in, levels, number ? NULL : &args[0], 1) < 0)
		return -1;
	return dl_fn_made_array(env, result);
}

static int
flatten(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	(void)args;
	dl_buf_addc(env->out, '[');
	if (flatten_into(env, in, -1, NULL, 1) < 0)
		return -1;
	return dl_fn_made_array(env, result);
}

/* What jq says where it takes x for an array, as an element of it is asked. */
static int
not_array(struct dl_fn_env *env, const struct dl_value *x)
{
	struct dl_value args[2] = {*x, dl_value_number(0)}, ignored;

	return dl_fn_index(env, NULL, args, &ignored);
}

static int
reverse(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	struct dl_value *elements, n;
	size_t i;

	if (length(env, in, args, &n) < 0)
		return -1;
	dl_buf_addc(env->out, '[');
	if (in->kind != DL_JSON_ARRAY) {
		if (dl_value_double(&n) != 0 && in->kind != DL_JSON_NULL)
			return not_array(env, in);
		return dl_fn_made_array(env, result);
	}
	if (dl_value_all(env->arena, in, NULL, &elements, &i, env->err) < 0)
		return -1;
	while (i > 0)
		dl_fn_item(env->out, &elements[--i]);
	return dl_fn_made_array(env, result);
}

/* How wide the rows are, or -1; each is to have a length. */
static double
widest(struct dl_fn_env *env, const struct dl_value *rows, size_t n)
{
	double most = 0;
	struct dl_value len;

	for (size_t i = 0; i < n; i++) {
		if (length(env, &rows[i], NULL, &len) < 0)
			return -1;
		if (!(dl_value_double(&len) <= most))
			most = dl_value_double(&len);
	}
	return most;
}

/* What has a width is to be an array, or null, and to be in one. */
static int
check_rows(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *rows, size_t n)
{
	if (in->kind == DL_JSON_OBJECT)
		return not_array(env, in);
	for (size_t i = 0; i < n; i++)
		if (rows[i].kind != DL_JSON_ARRAY &&
		    rows[i].kind != DL_JSON_NULL)
			return not_array(env, &rows[i]);
	return 0;
}

static int
transpose_row(
    struct dl_fn_env *env, struct dl_value_iter *rows, const bool *is, size_t n)
{
	struct dl_value element;

	dl_fn_comma(env->out);
	dl_buf_addc(env->out, '[');
	for (size_t i = 0; i < n; i++) {
		int r = 0;

		element = dl_value_null;
		if (is[i])
			r = dl_value_next(&rows[i], NULL, &element, env->err);
		if (r < 0)
			return -1;
		dl_fn_item(env->out, r > 0 ? &element : &dl_value_null);
	}
	dl_buf_addc(env->out, ']');
	return dl_fn_room(env, 0);
}

static int
transpose(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	struct dl_value_iter it, *iters;
	struct dl_value *rows;
	double width;
	bool *is;
	size_t n;

	(void)args;
	if (dl_fn_enter(env, in, &it) < 0 ||
	    dl_value_all(env->arena, in, NULL, &rows, &n, env->err) < 0)
		return -1;
	if (in->kind == DL_JSON_OBJECT && n == 0)
		return dl_err_data(env->err, "Range bounds must be numeric");
	if ((width = widest(env, rows, n)) < 0 ||
	    (iters = dl_fn_alloc(env, n, sizeof(*iters))) == NULL ||
	    (is = dl_fn_alloc(env, n, sizeof(*is))) == NULL)
		return -1;
	if (width != 0 && check_rows(env, in, rows, n) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		is[i] = rows[i].kind == DL_JSON_ARRAY;
		dl_value_enter(&iters[i], &rows[i]);
	}
	dl_buf_addc(env->out, '[');
	for (size_t i = 0; (double)i < width; i++)
		if (transpose_row(env, iters, is, n) < 0)
			return -1;
	return dl_fn_made_array(env, result);
}

const struct dl_fn_entry dl_fn_lists[] = {
    {"length", 0, length},
    {"add", 0, add},
    {"any", 0, any},
    {"all", 0, all},
    {"flatten", 0, flatten},
    {"flatten", 1, flatten_to},
    {"reverse", 0, reverse},
    {"transpose", 0, transpose},
    {NULL, 0, NULL},
};
