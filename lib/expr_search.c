/* jq's functions that look for one value in another. */
#include "expr_fn_private.h"

/* All places of y in x, by bytes and not overlapping, as jq 1.6 has it. */
static int
find_text(struct dl_fn_env *env, struct dl_span x, struct dl_span y,
    struct dl_value *result)
{
	const char *p = x.p, *end = dl_span_end(x);
	struct dl_value v;

	dl_buf_addc(env->out, '[');
	while (y.len > 0 && (size_t)(end - p) >= y.len) {
		p = memmem(p, (size_t)(end - p), y.p, y.len);
		if (p == NULL)
			break;
		v = dl_value_number((double)(p - x.p));
		dl_fn_item(env->out, &v);
		p += y.len;
	}
	return dl_fn_made_array(env, result);
}

/* Are y[0..n-1] the elements from x on? */
static int
same(struct dl_fn_env *env, const struct dl_value *x, const struct dl_value *y,
    size_t n)
{
	int cmp;

	for (size_t i = 0; i < n; i++) {
		if (dl_value_cmp(env->arena, &x[i], &y[i], &cmp, env->err) < 0)
			return -1;
		if (cmp != 0)
			return 0;
	}
	return 1;
}

/* The places of y[0..m-1] in the array x. */
static int
find_run(struct dl_fn_env *env, const struct dl_value *x,
    const struct dl_value *y, size_t m, struct dl_value *result)
{
	struct dl_value *elements, v;
	size_t n;
	int r;

	if (dl_value_all(env->arena, x, NULL, &elements, &n, env->err) < 0)
		return -1;
	dl_buf_addc(env->out, '[');
	for (size_t i = 0; m > 0 && i + m <= n; i++) {
		if ((r = same(env, elements + i, y, m)) < 0)
			return -1;
		v = dl_value_number((double)i);
		if (r > 0)
			dl_fn_item(env->out, &v);
	}
	return dl_fn_made_array(env, result);
}

int
dl_fn_find_array(struct dl_fn_env *env, const struct dl_value *x,
    const struct dl_value *y, struct dl_value *result)
{
	struct dl_value *elements;
	size_t n;

	if (dl_value_all(env->arena, y, NULL, &elements, &n, env->err) < 0)
		return -1;
	return find_run(env, x, elements, n, result);
}

static int
indices(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	struct dl_value of[2] = {*in, args[0]};
	struct dl_span x, y;

	if (in->kind == DL_JSON_ARRAY && args[0].kind != DL_JSON_ARRAY)
		return find_run(env, in, args, 1, result);
	if (in->kind != DL_JSON_STRING || args[0].kind != DL_JSON_STRING)
		return dl_fn_index(env, NULL, of, result);
	if (dl_fn_text(env, in, &x) < 0 || dl_fn_text(env, args, &y) < 0)
		return -1;
	return find_text(env, x, y, result);
}

static int
index_first(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	struct dl_value of[2] = {dl_value_null, dl_value_number(0)};
	struct dl_span x, y;
	const char *p;

	if (in->kind == DL_JSON_STRING && args[0].kind == DL_JSON_STRING) {
		if (dl_fn_text(env, in, &x) < 0 ||
		    dl_fn_text(env, args, &y) < 0)
			return -1;
		p = y.len == 0 ? NULL : memmem(x.p, x.len, y.p, y.len);
		return dl_fn_give(
		    result, p == NULL ? dl_value_null
				      : dl_value_number((double)(p - x.p)));
	}
	if (indices(env, in, args, &of[0]) < 0)
		return -1;
	return dl_fn_index(env, NULL, of, result);
}

static int
index_last(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	struct dl_value of[3] = {
	    dl_value_null, dl_value_number(-1), dl_value_null};

	if (indices(env, in, args, &of[0]) < 0 ||
	    dl_fn_slice(env, NULL, of, &of[0]) < 0)
		return -1;
	of[1] = dl_value_number(0);
	return dl_fn_index(env, NULL, of, result);
}

static int contains_value(struct dl_fn_env *env, const struct dl_value *x,
    const struct dl_value *y, int depth);

static int
contains_text(
    struct dl_fn_env *env, const struct dl_value *x, const struct dl_value *y)
{
	struct dl_arena_mark mark = dl_arena_mark(env->arena);
	struct dl_span a, b;
	bool found;

	if (dl_fn_text(env, x, &a) < 0 || dl_fn_text(env, y, &b) < 0)
		return -1;
	a = dl_fn_c_text(a);
	b = dl_fn_c_text(b);
	found = b.len == 0 || memmem(a.p, a.len, b.p, b.len) != NULL;
	dl_arena_back(env->arena, mark);
	return found;
}

/* Is v in any element of x? */
static int
contains_element(struct dl_fn_env *env, const struct dl_value *x,
    const struct dl_value *v, int depth)
{
	struct dl_value_iter it;
	struct dl_value element;
	int r, found;

	dl_value_enter(&it, x);
	while ((r = dl_value_next(&it, NULL, &element, env->err)) > 0)
		if ((found = contains_value(env, &element, v, depth)) != 0)
			return found;
	return r;
}

/* Is every one of y in x? */
static int
contains_all(struct dl_fn_env *env, const struct dl_value *x,
    const struct dl_value *y, int depth)
{
	struct dl_value name, element, other;
	struct dl_value_iter it;
	struct dl_span key;
	int r, found;

	dl_value_enter(&it, y);
	while ((r = dl_value_next(&it, &name, &element, env->err)) > 0) {
		if (y->kind == DL_JSON_ARRAY) {
			found = contains_element(env, x, &element, depth);
		} else {
			if (dl_arena_work(env->arena, x->text.len) < 0 ||
			    dl_fn_text(env, &name, &key) < 0)
				return -1;
			found = dl_value_member(
			    env->arena, x, key, &other, env->err);
			if (found > 0)
				found = contains_value(
				    env, &other, &element, depth);
		}
		if (found <= 0)
			return found;
	}
	return r < 0 ? -1 : 1;
}

static int
contains_value(struct dl_fn_env *env, const struct dl_value *x,
    const struct dl_value *y, int depth)
{
	int cmp;

	if (depth > DL_JSON_DEPTH)
		return dl_err_data(env->err, "values are nested deeper than %d",
		    DL_JSON_DEPTH);
	if (dl_arena_work(env->arena, x->text.len + y->text.len) < 0)
		return -1;
	if (x->kind == y->kind && x->kind >= DL_JSON_ARRAY)
		return contains_all(env, x, y, depth + 1);
	if (x->kind == y->kind && x->kind == DL_JSON_STRING)
		return contains_text(env, x, y);
	if (dl_value_cmp(env->arena, x, y, &cmp, env->err) < 0)
		return -1;
	return cmp == 0;
}

static int
contains(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	int r;

	if (in->kind != args[0].kind)
		return dl_fn_fail2(
		    env, in, args, "cannot have their containment checked");
	r = contains_value(env, in, args, 1);
	return r < 0 ? -1 : dl_fn_give(result, dl_value_bool(r > 0));
}

static int
has_name(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	struct dl_value found;
	struct dl_span name;
	int r;

	if (dl_fn_text(env, args, &name) < 0 ||
	    (r = dl_value_member(env->arena, in, name, &found, env->err)) < 0)
		return -1;
	return dl_fn_give(result, dl_value_bool(r > 0));
}

static int
has_place(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	double d = dl_value_double(args);
	struct dl_value found;
	int r = 0;

	/* Rounded to zero, as jq does. */
	if (d > -1 && d < 0x1p31)
		r = dl_value_element(in, (int64_t)d, &found, env->err);
	return r < 0 ? -1 : dl_fn_give(result, dl_value_bool(r > 0));
}

static int
has(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	if (in->kind == DL_JSON_NULL)
		return dl_fn_give(result, dl_value_false);
	if (in->kind == DL_JSON_OBJECT && args[0].kind == DL_JSON_STRING)
		return has_name(env, in, args, result);
	if (in->kind == DL_JSON_ARRAY && args[0].kind == DL_JSON_NUMBER)
		return has_place(env, in, args, result);
	return dl_err_data(env->err, "Cannot check whether %s has a %s key",
	    dl_value_type(in), dl_value_type(args));
}

static int
getpath(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	struct dl_value of[2] = {*in}, at;
	struct dl_value_iter it;
	int r;

	if (args[0].kind != DL_JSON_ARRAY)
		return dl_err_data(
		    env->err, "Path must be specified as an array");
	dl_value_enter(&it, args);
	while ((r = dl_value_next(&it, NULL, &of[1], env->err)) > 0) {
		if (dl_arena_work(env->arena, of[0].text.len) < 0 ||
		    dl_fn_index(env, NULL, of, &at) < 0)
			return -1;
		of[0] = at;
	}
	return r < 0 ? -1 : dl_fn_give(result, of[0]);
}

const struct dl_fn_entry dl_fn_searches[] = {
    {"indices", 1, indices},
    {"index", 1, index_first},
    {"rindex", 1, index_last},
    {"contains", 1, contains},
    {"has", 1, has},
    {"getpath", 1, getpath},
    {NULL, 0, NULL},
};
