/*
 * Assignments and del(): the value is written anew around what changes.
 *
 * A chain's steps lead inwards; each level copies its other members as bytes.
 * So one assignment costs one pass over what it goes into, however many places
 * it changes.
 */
#include "expr_run.h"

/*
 * What comes of a rewriting, but for -1: where nothing changes nothing was
 * appended, and the value keeps its bytes.
 */
enum { UNCHANGED, CHANGED, DELETED };

#define INDEX_MAX (INT32_MAX >> 2) /* jq's own */

struct change {
	struct dl_eval *e;
	const struct dl_code_node *n;
	const struct dl_value *value;
	bool del;
};

static int rewrite(const struct change *c, const struct dl_code_step *s,
    const struct dl_value *v, struct dl_buf *b);

struct first {
	struct dl_buf *b;
	bool some;
};

static int
take_first(void *arg, struct dl_value *v)
{
	struct first *f = arg;

	dl_value_put(f->b, v);
	f->some = true;
	return DL_RUN_STOP;
}

/* p |= f: the first output of f. */
static int
update(const struct change *c, const struct dl_value *v, struct dl_buf *b)
{
	struct first f = {b, false};
	int r;

	dl_run_enter(c->e, c->n->scope, v);
	if (dl_run_node(c->e, c->n->b)->flat) {
		r = dl_run_emit(c->e, c->n->b, b);
		return r == 0 ? DELETED : r < 0 ? -1 : CHANGED;
	}
	if (dl_run_each(c->e, c->n->b, take_first, &f) < 0)
		return -1;
	return f.some ? CHANGED : DELETED;
}

/* Where the chain ends. */
static int
change(const struct change *c, const struct dl_value *v, struct dl_buf *b)
{
	struct dl_value args[2], made;

	switch (c->n->by) {
	case DL_AST_ASSIGN:
		dl_value_put(b, c->value);
		return CHANGED;
	case DL_AST_UPDATE:
		return update(c, v, b);
	case DL_AST_OPERATE:
		if (c->n->fn == NULL) {
			dl_value_put(b, dl_value_is_true(v) ? v : c->value);
			return CHANGED;
		}
		args[0] = *v;
		args[1] = *c->value;
		if (dl_run_fn_call(
			c->e, c->n->fn, &dl_value_null, args, &made) < 0)
			return -1;
		dl_value_put(b, &made);
		return CHANGED;
	default:
		return DELETED;
	}
}

/* One member or element that stays: between is before it. */
static void
copy_member(struct dl_buf *b, char between, const struct dl_value *name,
    const struct dl_value *value)
{
	dl_buf_addc(b, between);
	if (name != NULL) {
		dl_value_put(b, name);
		dl_buf_addc(b, ':');
	}
	dl_value_put(b, value);
}

/* The same of one that the chain leads into, and changes. */
static int
rewrite_member(const struct change *c, const struct dl_code_step *next,
    char between, const struct dl_value *name, const struct dl_value *value,
    struct dl_buf *b)
{
	size_t before = b->len;
	int r;

	dl_buf_addc(b, between);
	if (name != NULL) {
		dl_value_put(b, name);
		dl_buf_addc(b, ':');
	}
	if ((r = rewrite(c, next, value, b)) != CHANGED)
		b->len = before;
	if (r == CHANGED && b->len > DL_ARENA_MAX) {
		c->e->fatal = true;
		return dl_err_data(c->e->err, DL_ARENA_FULL);
	}
	return r;
}

static int
is_name(struct dl_eval *e, const struct dl_value *name, struct dl_span wanted)
{
	struct dl_span inside = dl_span(name->text.p + 1, name->text.len - 2);

	if (memchr(inside.p, '\\', inside.len) != NULL &&
	    dl_value_string(e->arena, name, &inside, e->err) < 0)
		return -1;
	return dl_span_eq(inside, wanted);
}

/* A member of that name, which the object has not. */
static int
add_name(const struct change *c, const struct dl_code_step *s,
    const struct dl_code_step *next, char between, struct dl_buf *b)
{
	size_t before = b->len;
	int r;

	dl_buf_addc(b, between);
	dl_buf_span(b, s->key);
	if ((r = rewrite(c, next, &dl_value_null, b)) != CHANGED)
		b->len = before;
	return r;
}

static int
object_name(const struct change *c, const struct dl_code_step *s,
    const struct dl_code_step *next, const struct dl_value *v, struct dl_buf *b)
{
	struct dl_value name, value;
	struct dl_value_iter it;
	size_t start = b->len;
	char between = '{';
	int r, did = -1;

	dl_value_enter(&it, v);
	while ((r = dl_value_next(&it, &name, &value, c->e->err)) > 0) {
		if (did < 0 && (r = is_name(c->e, &name, s->name)) != 0) {
			if (r < 0 || (did = rewrite_member(c, next, between,
					  &name, &value, b)) < 0)
				return -1;
			if (did == UNCHANGED)
				break;
		} else
			copy_member(b, between, &name, &value);
		between = b->len == start ? '{' : ',';
	}
	if (r < 0 || (did < 0 && (did = add_name(c, s, next, between, b)) < 0))
		return -1;
	if (did == UNCHANGED) {
		b->len = start;
		return UNCHANGED;
	}
	dl_buf_adds(b, b->len == start ? "{}" : "}");
	return CHANGED;
}

/* What can't be indexed so: jq's error, or by `?` no change. */
static int
cannot_index(const struct change *c, const struct dl_code_step *s,
    const struct dl_value *v, const struct dl_value *key)
{
	struct dl_value args[2] = {*v, *key}, out;

	if (s->optional)
		return UNCHANGED;
	if (dl_run_fn_call(c->e, dl_fn_index, &dl_value_null, args, &out) < 0)
		return -1;
	return dl_err_data(c->e->err, "Cannot update a value at such a key");
}

static int
rewrite_name(const struct change *c, const struct dl_code_step *s,
    const struct dl_code_step *next, const struct dl_value *v, struct dl_buf *b)
{
	struct dl_value key = dl_value_text(s->name);
	int r;

	if (v->kind == DL_JSON_OBJECT)
		return object_name(c, s, next, v, b);
	if (v->kind != DL_JSON_NULL)
		return cannot_index(c, s, v, &key);
	if ((r = add_name(c, s, next, '{', b)) == CHANGED)
		dl_buf_addc(b, '}');
	return r == DELETED ? UNCHANGED : r;
}

/*
 * Past the end of the n elements that b has from start on, or before the first
 * one.
 */
static int
beyond(const struct change *c, const struct dl_code_step *s, int64_t n,
    int64_t index, size_t start, struct dl_buf *b)
{
	size_t before = b->len;
	int r;

	if (!c->del && index > INDEX_MAX)
		return dl_err_data(c->e->err, "Array index too large");
	if (!c->del && index * 5 + (int64_t)b->len > (int64_t)DL_ARENA_MAX)
		return dl_err_data(c->e->err, DL_ARENA_FULL);
	if (!c->del)
		for (; n < index; n++)
			dl_buf_adds(b, b->len == start ? "[null" : ",null");
	dl_buf_addc(b, b->len == start ? '[' : ',');
	if ((r = rewrite(c, s + 1, &dl_value_null, b)) != CHANGED)
		b->len = before;
	if (r == CHANGED && index < 0)
		return dl_err_data(
		    c->e->err, "Out of bounds negative array index");
	return r;
}

static int
array_index(const struct change *c, const struct dl_code_step *s,
    const struct dl_value *v, int64_t index, struct dl_buf *b)
{
	struct dl_value element;
	struct dl_value_iter it;
	size_t start = b->len;
	int64_t i, n = 0;
	int r, did = -1;

	if (index < 0 && dl_value_length(c->e->arena, v, &n, c->e->err) < 0)
		return -1;
	index = index < 0 ? index + n : index;
	dl_value_enter(&it, v);
	for (i = 0; (r = dl_value_next(&it, NULL, &element, c->e->err)) > 0;
	     i++) {
		char between = b->len == start ? '[' : ',';

		if (i != index)
			copy_member(b, between, NULL, &element);
		else if ((did = rewrite_member(
			      c, s + 1, between, NULL, &element, b)) <= 0)
			break;
	}
	/* Left early, with an error? */
	if (r < 0 || (r > 0 && did < 0))
		return -1;
	if (did < 0 && (did = beyond(c, s, i, index, start, b)) < 0)
		return -1;
	if (did == UNCHANGED) {
		b->len = start;
		return UNCHANGED;
	}
	dl_buf_adds(b, b->len == start ? "[]" : "]");
	return CHANGED;
}

static int
rewrite_index(const struct change *c, const struct dl_code_step *s,
    const struct dl_value *v, int64_t index, struct dl_buf *b)
{
	static const struct dl_value empty = {
	    DL_JSON_ARRAY, DL_VALUE_JSON, {"[]", 2}, 0};
	struct dl_value key = dl_value_number((double)index);
	size_t start = b->len;
	int r;

	if (v->kind == DL_JSON_ARRAY)
		return array_index(c, s, v, index, b);
	if (v->kind != DL_JSON_NULL)
		return cannot_index(c, s, v, &key);
	if ((r = array_index(c, s, &empty, index, b)) == CHANGED && c->del) {
		b->len = start;
		return UNCHANGED;
	}
	return r;
}

/* A key that was found out for this record. */
static int
rewrite_key(const struct change *c, const struct dl_code_step *s,
    const struct dl_value *v, struct dl_buf *b)
{
	const struct dl_value *key = &c->e->vars[s->slot];
	struct dl_code_step step = *s;
	struct dl_buf *text;
	double d;

	if (key->kind == DL_JSON_NUMBER) {
		d = dl_value_double(key);
		return rewrite_index(c, s, v,
		    d > INT32_MIN && d <= INT32_MAX ? (int64_t)d : INT32_MIN,
		    b);
	}
	if (key->kind != DL_JSON_STRING)
		return cannot_index(c, s, v, key);
	if (dl_value_string(c->e->arena, key, &step.name, c->e->err) < 0)
		return -1;
	text = dl_run_take(c->e);
	dl_value_put(text, key);
	dl_buf_addc(text, ':');
	step.key = dl_arena_copy(c->e->arena, dl_buf_as_span(text));
	dl_run_give(c->e);
	if (step.key.p == NULL)
		return dl_err_data(c->e->err, DL_ARENA_FULL);
	return rewrite_name(c, &step, s + 1, v, b);
}

static int
rewrite_each(const struct change *c, const struct dl_code_step *s,
    const struct dl_value *v, struct dl_buf *b)
{
	bool object = v->kind == DL_JSON_OBJECT, changed = false;
	char open = object ? '{' : '[';
	struct dl_value name, value;
	struct dl_arena_mark mark;
	struct dl_value_iter it;
	size_t start = b->len;
	int r, did;

	if (!object && v->kind != DL_JSON_ARRAY)
		return s->optional ? UNCHANGED
		                   : dl_run_cannot(c->e, "iterate over", v, "");
	dl_value_enter(&it, v);
	while ((r = dl_value_next(&it, &name, &value, c->e->err)) > 0) {
		char between = b->len == start ? open : ',';

		if (dl_run_tick(c->e) < 0)
			return -1;
		mark = dl_arena_mark(c->e->arena);
		did = rewrite_member(
		    c, s + 1, between, object ? &name : NULL, &value, b);
		if (did < 0)
			return -1;
		if (did == UNCHANGED)
			copy_member(b, between, object ? &name : NULL, &value);
		changed |= did != UNCHANGED;
		dl_arena_back(c->e->arena, mark);
	}
	if (r < 0)
		return -1;
	if (!changed) {
		b->len = start;
		return UNCHANGED;
	}
	if (b->len == start)
		dl_buf_addc(b, open);
	dl_buf_addc(b, object ? '}' : ']');
	return CHANGED;
}

/*
 * The keys of the steps as far as '.' is the same, into their slots: jq finds
 * them out first, the last one before the others.  1, 0 there is none, -1.
 */
static int
find_keys(const struct change *c, const struct dl_code_step *first)
{
	const struct dl_code_step *s = first;
	int r = 1;

	while (s->kind != DL_STEP_SCOPE && s->kind != DL_STEP_END)
		s++;
	while (s > first && r > 0)
		if ((--s)->kind == DL_STEP_KEY)
			r = dl_run_one(c->e, s->node, &c->e->vars[s->slot]);
	return r;
}

/*
 * v, changed where the steps from s on lead, appended to b: CHANGED, UNCHANGED
 * or DELETED, or -1.  As deep as the chain is long.
 */
static int
rewrite(const struct change *c, const struct dl_code_step *s,
    const struct dl_value *v, struct dl_buf *b)
{
	struct dl_value yes;
	int r;

	switch (s->kind) {
	case DL_STEP_NAME:
		return rewrite_name(c, s, s + 1, v, b);
	case DL_STEP_INDEX:
		return rewrite_index(c, s, v, s->index, b);
	case DL_STEP_KEY:
		return rewrite_key(c, s, v, b);
	case DL_STEP_EACH:
		return rewrite_each(c, s, v, b);
	case DL_STEP_FILTER:
		if ((r = dl_run_one(c->e, s->node, &yes)) < 0)
			return -1;
		return r > 0 && dl_value_is_true(&yes) ? rewrite(c, s + 1, v, b)
		                                       : UNCHANGED;
	case DL_STEP_SCOPE:
		dl_run_enter(c->e, s->scope, v);
		if ((r = find_keys(c, s + 1)) <= 0)
			return r < 0 ? -1 : UNCHANGED;
		return rewrite(c, s + 1, v, b);
	default:
		return change(c, v, b);
	}
}

/* One chain after the other: they lead to places apart. */
static int
rewrite_all(const struct change *c, struct dl_value *v, struct dl_buf *b)
{
	const int *chains = c->e->code->items + c->n->first;
	struct dl_arena_mark mark = dl_arena_mark(c->e->arena);
	const struct dl_code_step *s;
	size_t start = b->len;
	struct dl_buf made;
	int i, r;

	for (i = 0; i < c->n->n; i++) {
		b->len = start;
		s = c->e->code->steps + chains[i];
		if ((r = find_keys(c, s)) > 0)
			r = rewrite(c, s, v, b);
		if (r < 0)
			return -1;
		if (r == UNCHANGED)
			dl_value_put(b, v);
		if (r == DELETED)
			dl_buf_adds(b, "null");
		/* What v was is in b now, as far as it stays. */
		dl_arena_back(c->e->arena, mark);
		made = (struct dl_buf){b->p + start, b->len - start, 0};
		if (i + 1 < c->n->n && dl_run_keep(c->e, &made, v) < 0)
			return -1;
	}
	return 1;
}

int
dl_run_set(struct dl_eval *e, const struct dl_code_node *n,
    const struct dl_value *value, struct dl_buf *b)
{
	struct change c = {e, n, value, n->by == DL_AST_CALL};
	struct dl_value v;
	int r = dl_run_one(e, n->c, &v);

	return r <= 0 ? r : rewrite_all(&c, &v, b);
}
