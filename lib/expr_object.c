/* jq's functions of objects, and how objects are made. */
#include "expr_fn_private.h"

#include "hash.h"

#define FEW 8 /* members that are looked through without a table */

static uint32_t *
slot_of(const struct dl_fn_object *o, struct dl_span key)
{
	size_t i = (size_t)dl_hash_place(dl_hash64(key)) & (o->nslots - 1);

	while (o->slots[i] != 0 &&
	       !dl_span_eq(o->members[o->slots[i] - 1].key, key))
		i = (i + 1) & (o->nslots - 1);
	return &o->slots[i];
}

static struct dl_fn_member *
find(const struct dl_fn_object *o, struct dl_span key)
{
	uint32_t at;

	if (o->slots != NULL) {
		at = *slot_of(o, key);
		return at == 0 ? NULL : &o->members[at - 1];
	}
	for (size_t i = 0; i < o->n; i++)
		if (dl_span_eq(o->members[i].key, key))
			return &o->members[i];
	return NULL;
}

/* Room for twice as many, in the arena, which keeps the old one too. */
static int
grow(struct dl_fn_env *env, struct dl_fn_object *o)
{
	size_t cap = o->cap == 0 ? FEW : o->cap * 2;
	struct dl_fn_member *members = dl_fn_alloc(env, cap, sizeof(*members));

	if (members == NULL)
		return -1;
	if (o->n > 0)
		memcpy(members, o->members, o->n * sizeof(*members));
	o->members = members;
	o->cap = cap;
	if (cap <= FEW)
		return 0;
	o->nslots = cap * 2;
	o->slots = dl_fn_alloc(env, o->nslots, sizeof(*o->slots));
	if (o->slots == NULL)
		return -1;
	memset(o->slots, 0, o->nslots * sizeof(*o->slots));
	for (size_t i = 0; i < o->n; i++)
		*slot_of(o, members[i].key) = (uint32_t)i + 1;
	return 0;
}

int
dl_fn_object_set(struct dl_fn_env *env, struct dl_fn_object *o,
    const struct dl_value *name, const struct dl_value *value)
{
	struct dl_fn_member *m;
	struct dl_span key;

	if (dl_fn_text(env, name, &key) < 0)
		return -1;
	if ((m = find(o, key)) != NULL) {
		m->value = *value;
		return 0;
	}
	if (o->n == o->cap && grow(env, o) < 0)
		return -1;
	o->members[o->n++] = (struct dl_fn_member){key, *name, *value};
	if (o->slots != NULL)
		*slot_of(o, key) = (uint32_t)o->n;
	return 0;
}

int
dl_fn_object_merge(
    struct dl_fn_env *env, struct dl_fn_object *o, const struct dl_value *v)
{
	struct dl_value name, value;
	struct dl_value_iter it;
	int r;

	dl_value_enter(&it, v);
	while ((r = dl_value_next(&it, &name, &value, env->err)) > 0)
		if (dl_fn_object_set(env, o, &name, &value) < 0)
			return -1;
	return r;
}

/* Append the name, as it is, and the value. */
static void
put_member(struct dl_buf *out, const struct dl_value *name,
    const struct dl_value *value)
{
	dl_value_put(out, name);
	dl_buf_addc(out, ':');
	dl_value_put(out, value);
}

int
dl_fn_object_made(struct dl_fn_env *env, struct dl_fn_object *o,
    struct dl_arena_mark mark, struct dl_value *result)
{
	dl_buf_addc(env->out, '{');
	for (size_t i = 0; i < o->n; i++) {
		if (i > 0)
			dl_buf_addc(env->out, ',');
		put_member(env->out, &o->members[i].name, &o->members[i].value);
	}
	dl_buf_addc(env->out, '}');
	dl_arena_back(env->arena, mark);
	return dl_fn_made(env, DL_JSON_OBJECT, false, result);
}

static bool
is_empty(const struct dl_value *v)
{
	struct dl_value name, value;
	struct dl_err ignored = {0};
	struct dl_value_iter it;

	dl_value_enter(&it, v);
	it.checked = true;
	return dl_value_next(&it, &name, &value, &ignored) == 0;
}

int
dl_fn_object_add(struct dl_fn_env *env, const struct dl_value *x,
    const struct dl_value *y, struct dl_value *result)
{
	struct dl_arena_mark mark = dl_arena_mark(env->arena);
	struct dl_fn_object o = {0};

	if (is_empty(y))
		return dl_fn_give(result, *x);
	if (dl_fn_object_merge(env, &o, x) < 0 ||
	    dl_fn_object_merge(env, &o, y) < 0)
		return -1;
	return dl_fn_object_made(env, &o, mark, result);
}

/* x * y; both are objects. */
static int
multiply(struct dl_fn_env *env, const struct dl_value *x,
    const struct dl_value *y, int depth, struct dl_value *result)
{
	struct dl_arena_mark mark = dl_arena_mark(env->arena);
	struct dl_fn_object o = {0};
	struct dl_value name, value;
	struct dl_fn_member *m;
	struct dl_value_iter it;
	struct dl_span key;
	int r;

	if (depth > DL_JSON_DEPTH)
		return dl_err_data(env->err,
		    "objects are nested deeper than %d", DL_JSON_DEPTH);
	if (dl_arena_work(env->arena, x->text.len + y->text.len) < 0)
		return -1;
	if (is_empty(y))
		return dl_fn_give(result, *x);
	if (dl_fn_object_merge(env, &o, x) < 0)
		return -1;
	dl_value_enter(&it, y);
	while ((r = dl_value_next(&it, &name, &value, env->err)) > 0) {
		if (dl_fn_text(env, &name, &key) < 0)
			return -1;
		m = value.kind == DL_JSON_OBJECT ? find(&o, key) : NULL;
		if (m != NULL && m->value.kind == DL_JSON_OBJECT &&
		    multiply(env, &m->value, &value, depth + 1, &value) < 0)
			return -1;
		if (dl_fn_object_set(env, &o, &name, &value) < 0)
			return -1;
	}
	return r < 0 ? -1 : dl_fn_object_made(env, &o, mark, result);
}

int
dl_fn_object_mul(struct dl_fn_env *env, const struct dl_value *x,
    const struct dl_value *y, struct dl_value *result)
{
	return multiply(env, x, y, 1, result);
}

/* The numbers of all elements. */
static int
places(struct dl_fn_env *env, const struct dl_value *array,
    struct dl_value *result)
{
	struct dl_value v;
	int64_t n;

	if (dl_value_length(env->arena, array, &n, env->err) < 0)
		return -1;
	dl_buf_addc(env->out, '[');
	for (int64_t i = 0; i < n; i++) {
		v = dl_value_number((double)i);
		dl_fn_item(env->out, &v);
		if (dl_fn_room(env, 0) < 0)
			return -1;
	}
	return dl_fn_made_array(env, result);
}

/* The names of in, sorted or not. */
static int
names_of(struct dl_fn_env *env, const struct dl_value *in, bool sorted,
    struct dl_value *result)
{
	struct dl_value *names, *values;
	uint32_t *order;
	size_t n;

	if (in->kind == DL_JSON_ARRAY)
		return places(env, in, result);
	if (in->kind != DL_JSON_OBJECT)
		return dl_fn_fail1(env, in, "has no keys");
	if (dl_value_all(env->arena, in, &names, &values, &n, env->err) < 0 ||
	    (order = dl_fn_alloc(env, n, sizeof(*order))) == NULL)
		return -1;
	for (size_t i = 0; i < n; i++)
		order[i] = (uint32_t)i;
	if (sorted && dl_value_sort(env->arena, names, order, n, env->err) < 0)
		return -1;
	dl_buf_addc(env->out, '[');
	for (size_t i = 0; i < n; i++)
		dl_fn_item(env->out, &names[order[i]]);
	return dl_fn_made_array(env, result);
}

static int
keys(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	(void)args;
	return names_of(env, in, true, result);
}

static int
keys_unsorted(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	(void)args;
	return names_of(env, in, false, result);
}

static int
to_entries(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	struct dl_value name, value;
	struct dl_value_iter it;
	double i = 0;
	int r;

	(void)args;
	if (in->kind != DL_JSON_ARRAY && in->kind != DL_JSON_OBJECT)
		return dl_fn_fail1(env, in, "has no keys");
	dl_buf_addc(env->out, '[');
	dl_value_enter(&it, in);
	while ((r = dl_value_next(&it, &name, &value, env->err)) > 0) {
		if (in->kind == DL_JSON_ARRAY)
			name = dl_value_number(i++);
		dl_fn_comma(env->out);
		dl_buf_adds(env->out, "{\"key\":");
		dl_value_put(env->out, &name);
		dl_buf_adds(env->out, ",\"value\":");
		dl_value_put(env->out, &value);
		dl_buf_addc(env->out, '}');
		if (dl_fn_room(env, 0) < 0)
			return -1;
	}
	return r < 0 ? -1 : dl_fn_made_array(env, result);
}

/* The first of these members of an entry that is true, or the last. */
static int
entry_name(
    struct dl_fn_env *env, const struct dl_value *entry, struct dl_value *name)
{
	static const struct dl_span names[] = {
	    {"key", 3}, {"Key", 3}, {"name", 4}, {"Name", 4}};
	struct dl_value of[2] = {*entry};

	*name = dl_value_null;
	if (entry->kind == DL_JSON_NULL)
		return 0;
	for (size_t i = 0; i < 4 && !dl_value_is_true(name); i++) {
		of[1] = dl_value_text(names[i]);
		if (dl_fn_index(env, NULL, of, name) < 0)
			return -1;
	}
	return 0;
}

static int
entry_value(
    struct dl_fn_env *env, const struct dl_value *entry, struct dl_value *value)
{
	int r = dl_value_member(
	    env->arena, entry, DL_SPAN("value"), value, env->err);

	return r != 0 ? r
	              : dl_value_member(env->arena, entry, DL_SPAN("Value"),
			    value, env->err);
}

static int
from_entries(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	struct dl_arena_mark mark = dl_arena_mark(env->arena);
	struct dl_value ignored, entry, name, value;
	struct dl_fn_object o = {0};
	struct dl_value_iter it;
	int r;

	(void)args;
	if (dl_fn_enter(env, in, &it) < 0)
		return -1;
	while ((r = dl_value_next(&it, &ignored, &entry, env->err)) > 0) {
		if (entry_name(env, &entry, &name) < 0)
			return -1;
		if (name.kind != DL_JSON_STRING)
			return dl_fn_fail_key(env, &name);
		if (entry_value(env, &entry, &value) < 0 ||
		    dl_fn_object_set(env, &o, &name, &value) < 0)
			return -1;
	}
	return r < 0 ? -1 : dl_fn_object_made(env, &o, mark, result);
}

const struct dl_fn_entry dl_fn_objects[] = {
    {"keys", 0, keys},
    {"keys_unsorted", 0, keys_unsorted},
    {"to_entries", 0, to_entries},
    {"from_entries", 0, from_entries},
    {NULL, 0, NULL},
};
