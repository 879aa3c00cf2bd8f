/* jq's functions that put values in order. */
#include "expr_fn_private.h"

/* Elements, and what they are ordered by, of the same number. */
struct ranked {
	struct dl_value *elements, *keys;
	uint32_t *order;
	size_t n;
};

static int
load(struct dl_fn_env *env, const struct dl_value *array, struct ranked *k)
{
	if (dl_value_all(
		env->arena, array, NULL, &k->elements, &k->n, env->err) < 0)
		return -1;
	k->keys = k->elements;
	return 0;
}

static int
rank(struct dl_fn_env *env, struct ranked *k)
{
	k->order = dl_fn_alloc(env, k->n, sizeof(*k->order));
	if (k->order == NULL)
		return -1;
	for (size_t i = 0; i < k->n; i++)
		k->order[i] = (uint32_t)i;
	return dl_value_sort(env->arena, k->keys, k->order, k->n, env->err);
}

/* in by the keys args[0], sorted. */
static int
load_by(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct ranked *k)
{
	size_t n = 0;

	if (in->kind == DL_JSON_ARRAY && args[0].kind == DL_JSON_ARRAY) {
		if (load(env, in, k) < 0 || dl_value_all(env->arena, args, NULL,
						&k->keys, &n, env->err) < 0)
			return -1;
		if (n == k->n)
			return rank(env, k);
	}
	return dl_fn_fail2(
	    env, in, args, "cannot be sorted, as they are not both arrays");
}

static int
made_sorted(
    struct dl_fn_env *env, const struct ranked *k, struct dl_value *result)
{
	dl_buf_addc(env->out, '[');
	for (size_t i = 0; i < k->n; i++)
		dl_fn_item(env->out, &k->elements[k->order[i]]);
	return dl_fn_made_array(env, result);
}

static int
sort(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	struct ranked k;

	(void)args;
	if (in->kind != DL_JSON_ARRAY)
		return dl_fn_fail1(
		    env, in, "cannot be sorted, as it is not an array");
	if (load(env, in, &k) < 0 || rank(env, &k) < 0)
		return -1;
	return made_sorted(env, &k, result);
}

static int
sort_by(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	struct ranked k;

	if (load_by(env, in, args, &k) < 0)
		return -1;
	return made_sorted(env, &k, result);
}

/* Has the i-th of the order the key of the one before?  1, 0, -1. */
static int
goes_on(struct dl_fn_env *env, const struct ranked *k, size_t i)
{
	int cmp;

	if (i == 0)
		return 0;
	if (dl_value_cmp(env->arena, &k->keys[k->order[i - 1]],
		&k->keys[k->order[i]], &cmp, env->err) < 0)
		return -1;
	return cmp == 0;
}

static int
group_by(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	struct ranked k;
	int r;

	if (load_by(env, in, args, &k) < 0)
		return -1;
	dl_buf_addc(env->out, '[');
	for (size_t i = 0; i < k.n; i++) {
		if ((r = goes_on(env, &k, i)) < 0)
			return -1;
		if (r == 0) {
			if (i > 0)
				dl_buf_addc(env->out, ']');
			dl_fn_comma(env->out);
			dl_buf_addc(env->out, '[');
		}
		dl_fn_item(env->out, &k.elements[k.order[i]]);
	}
	if (k.n > 0)
		dl_buf_addc(env->out, ']');
	return dl_fn_made_array(env, result);
}

/* The first of each group. */
static int
made_unique(
    struct dl_fn_env *env, const struct ranked *k, struct dl_value *result)
{
	int r;

	dl_buf_addc(env->out, '[');
	for (size_t i = 0; i < k->n; i++) {
		if ((r = goes_on(env, k, i)) < 0)
			return -1;
		if (r == 0)
			dl_fn_item(env->out, &k->elements[k->order[i]]);
	}
	return dl_fn_made_array(env, result);
}

static int
unique_by(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	struct ranked k;

	if (load_by(env, in, args, &k) < 0)
		return -1;
	return made_unique(env, &k, result);
}

/* jq has map([.]) by then, of an object too, and names it. */
static int
unique_fail(struct dl_fn_env *env, const struct dl_value *in)
{
	struct dl_value name, value, made;
	struct dl_value_iter it;
	int r;

	if (dl_fn_enter(env, in, &it) < 0)
		return -1;
	dl_buf_addc(env->out, '[');
	while ((r = dl_value_next(&it, &name, &value, env->err)) > 0) {
		dl_fn_comma(env->out);
		dl_buf_addc(env->out, '[');
		dl_fn_item(env->out, &value);
		dl_buf_addc(env->out, ']');
	}
	if (r < 0 || dl_fn_made_array(env, &made) < 0)
		return -1;
	return dl_fn_fail2(
	    env, in, &made, "cannot be sorted, as they are not both arrays");
}

static int
unique(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	struct ranked k;

	(void)args;
	if (in->kind != DL_JSON_ARRAY)
		return unique_fail(env, in);
	if (load(env, in, &k) < 0 || rank(env, &k) < 0)
		return -1;
	return made_unique(env, &k, result);
}

/* Of those that are the same, the first is the least and the last the most. */
static int
extreme(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *keys, bool least, struct dl_value *result)
{
	struct ranked k;
	size_t n, best = 0;
	int cmp;

	if (in->kind != DL_JSON_ARRAY || keys->kind != DL_JSON_ARRAY)
		return dl_fn_fail2(env, in, keys, "cannot be iterated over");
	if (load(env, in, &k) < 0)
		return -1;
	n = k.n;
	if (keys != in &&
	    dl_value_all(env->arena, keys, NULL, &k.keys, &n, env->err) < 0)
		return -1;
	if (n != k.n)
		return dl_fn_fail2(env, in, keys, "have wrong length");
	for (size_t i = 1; i < n; i++) {
		if (dl_value_cmp(env->arena, &k.keys[i], &k.keys[best], &cmp,
			env->err) < 0)
			return -1;
		if ((cmp < 0) == least)
			best = i;
	}
	return dl_fn_give(result, n == 0 ? dl_value_null : k.elements[best]);
}

static int
least(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	(void)args;
	return extreme(env, in, in, true, result);
}

static int
most(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	(void)args;
	return extreme(env, in, in, false, result);
}

static int
least_by(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	return extreme(env, in, args, true, result);
}

static int
most_by(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	return extreme(env, in, args, false, result);
}

const struct dl_fn_entry dl_fn_groups[] = {
    {"sort", 0, sort},
    {"unique", 0, unique},
    {"min", 0, least},
    {"max", 0, most},
    {"_sort_by_impl", 1, sort_by},
    {"_group_by_impl", 1, group_by},
    {"_unique_by_impl", 1, unique_by},
    {"_min_by_impl", 1, least_by},
    {"_max_by_impl", 1, most_by},
    {NULL, 0, NULL},
};
