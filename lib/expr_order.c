/*
 * jq's order of values.
 *
 * Two arrays are walked side by side, without a look at what comes after the
 * first difference; of objects the members are gathered and sorted first.
 */
#include "expr_value.h"

#include "expr_number.h"
#include "json_byte.h"

#define NOT_JSON "the data is not JSON"

struct order {
	struct dl_arena *arena;
	struct dl_err *err;
	size_t depth;
	int cmp; /* the answer */
};

/* Where in a text a walk is. */
struct cursor {
	const char *p, *end;
};

struct member {
	struct dl_span name; /* decoded */
	struct dl_span value;
};

static int walk(struct order *o, struct cursor *x, struct cursor *y);

static int
sign(int r)
{
	return (r > 0) - (r < 0);
}

static int
not_json(struct order *o)
{
	return dl_err_data(o->err, NOT_JSON);
}

/* A string's text; what must be decoded goes to scratch, which has room. */
static int
text_of(struct order *o, const struct dl_value *v, struct dl_span *text)
{
	*text = v->text;
	if (v->form == DL_VALUE_TEXT)
		return 0;
	if (dl_json_string(v->text, &o->arena->scratch, text) < 0)
		return not_json(o);
	return 0;
}

static int
cmp_strings(struct order *o, const struct dl_value *x, const struct dl_value *y)
{
	struct dl_buf *scratch = &o->arena->scratch;
	struct dl_span tx, ty;

	/* None of them is longer decoded, so that the first stays in place. */
	dl_buf_clear(scratch);
	if (x->form == DL_VALUE_JSON && y->form == DL_VALUE_JSON &&
	    scratch->cap < x->text.len + y->text.len &&
	    memchr(x->text.p, '\\', x->text.len) != NULL)
		dl_buf_room(scratch, x->text.len + y->text.len);
	if (text_of(o, x, &tx) < 0 || text_of(o, y, &ty) < 0)
		return -1;
	o->cmp = sign(dl_span_cmp(tx, ty));
	return 0;
}

/* Two values of the same kind, no arrays or objects. */
static int
cmp_scalars(struct order *o, const struct dl_value *x, const struct dl_value *y)
{
	if (x->kind == DL_JSON_STRING)
		return cmp_strings(o, x, y);
	o->cmp = 0;
	if (x->kind == DL_JSON_NUMBER)
		o->cmp = dl_number_cmp(
		    o->arena, x, y, dl_value_double(x), dl_value_double(y));
	return 0;
}

/* The scalar at c, and the cursor past it. */
static int
take(struct order *o, struct cursor *c, struct dl_value *v)
{
	const char *p = c->p;

	if ((c->p = dl_json_skip(p, c->end)) == NULL)
		return not_json(o);
	return dl_value_json(dl_span(p, (size_t)(c->p - p)), v, o->err);
}

/* 1: c is at the next element; 0: past the array's end; -1: broken. */
static int
next(struct order *o, struct cursor *c, bool first)
{
	c->p = dl_json_past_space(c->p, c->end);
	if (c->p < c->end && *c->p == ']') {
		c->p++;
		return 0;
	}
	if (first)
		return 1;
	if (c->p == c->end || *c->p != ',')
		return not_json(o);
	c->p = dl_json_past_space(c->p + 1, c->end);
	return 1;
}

static int
walk_arrays(struct order *o, struct cursor *x, struct cursor *y)
{
	x->p++;
	y->p++;
	for (bool first = true;; first = false) {
		int mx = next(o, x, first), my = next(o, y, first);

		if (mx < 0 || my < 0)
			return -1;
		o->cmp = mx - my;
		if (mx == 0 || my == 0)
			return 0;
		if (walk(o, x, y) < 0)
			return -1;
		if (o->cmp != 0)
			return 0;
	}
}

/* Merge list[0..half-1] and list[half..n-1], both in order. */
static void
merge_members(struct member *list, struct member *spare, size_t half, size_t n)
{
	size_t i = 0, k = half, to = 0;

	memcpy(spare, list, half * sizeof(*list));
	while (i < half && k < n)
		list[to++] = dl_span_cmp(list[k].name, spare[i].name) < 0
		                 ? list[k++]
		                 : spare[i++];
	memcpy(list + to, spare + i, (half - i) * sizeof(*list));
}

/* By name; the recursion is as deep as n has bits. */
static void
sort_members(struct member *list, struct member *spare, size_t n)
{
	size_t half = n / 2;

	if (n < 2)
		return;
	sort_members(list, spare, half);
	sort_members(list + half, spare, n - half);
	if (dl_span_cmp(list[half].name, list[half - 1].name) < 0)
		merge_members(list, spare, half, n);
}

static int
count_members(struct order *o, struct cursor *c, size_t *n)
{
	struct dl_json_iter it;
	struct dl_span name, value;
	int r;

	*n = 0;
	dl_json_enter(&it, dl_span(c->p, (size_t)(c->end - c->p)));
	while ((r = dl_json_member(&it, &name, &value)) > 0)
		++*n;
	if (r < 0)
		return not_json(o);
	/* What is deep is gone through at each level. */
	return dl_arena_work(o->arena, (size_t)(it.p - c->p));
}

/* The members of the object at c, sorted by name, and the cursor past it. */
static int
members(struct order *o, struct cursor *c, struct member **list, size_t *n)
{
	struct dl_json_iter it;
	struct dl_value name;
	struct dl_span key;
	struct member *m;

	if (count_members(o, c, n) < 0)
		return -1;
	m = *list = dl_arena_alloc(o->arena, 2 * *n * sizeof(**list));
	if (m == NULL)
		return dl_err_data(o->err, DL_ARENA_FULL);
	dl_json_enter(&it, dl_span(c->p, (size_t)(c->end - c->p)));
	for (; dl_json_member(&it, &key, &m->value) > 0; m++) {
		name = (struct dl_value){
		    DL_JSON_STRING, DL_VALUE_JSON, {key.p - 1, key.len + 2}, 0};
		if (dl_value_string(o->arena, &name, &m->name, o->err) < 0)
			return -1;
	}
	c->p = it.p;
	sort_members(*list, *list + *n, *n);
	for (size_t i = 1; i < *n; i++)
		if (dl_span_eq((*list)[i].name, (*list)[i - 1].name))
			return dl_err_data(
			    o->err, "a name is in an object twice");
	return 0;
}

static int
walk_objects(struct order *o, struct cursor *x, struct cursor *y)
{
	struct member *mx, *my;
	size_t nx, ny, least;

	if (members(o, x, &mx, &nx) < 0 || members(o, y, &my, &ny) < 0)
		return -1;
	least = nx < ny ? nx : ny;
	o->cmp = 0;
	for (size_t i = 0; i < least && o->cmp == 0; i++)
		o->cmp = sign(dl_span_cmp(mx[i].name, my[i].name));
	if (o->cmp == 0)
		o->cmp = (nx > ny) - (nx < ny);
	for (size_t i = 0; i < least && o->cmp == 0; i++) {
		struct cursor vx = {mx[i].value.p, dl_span_end(mx[i].value)};
		struct cursor vy = {my[i].value.p, dl_span_end(my[i].value)};

		if (walk(o, &vx, &vy) < 0)
			return -1;
	}
	return 0;
}

/* The values at x and y.  Where they are equal, x and y are past them. */
static int
walk(struct order *o, struct cursor *x, struct cursor *y)
{
	enum dl_json_kind kx =
	    dl_json_kind(dl_span(x->p, (size_t)(x->end - x->p)));
	enum dl_json_kind ky =
	    dl_json_kind(dl_span(y->p, (size_t)(y->end - y->p)));
	struct dl_arena_mark mark;
	struct dl_value vx, vy;
	int r;

	if (kx == DL_JSON_INVALID || ky == DL_JSON_INVALID)
		return not_json(o);
	if (kx != ky) {
		o->cmp = kx < ky ? -1 : 1;
		return 0;
	}
	if (kx < DL_JSON_ARRAY) {
		if (take(o, x, &vx) < 0 || take(o, y, &vy) < 0)
			return -1;
		return cmp_scalars(o, &vx, &vy);
	}
	if (++o->depth > DL_JSON_DEPTH)
		return dl_err_data(o->err,
		    "arrays and objects are nested deeper than %d",
		    DL_JSON_DEPTH);
	mark = dl_arena_mark(o->arena);
	r = kx == DL_JSON_ARRAY ? walk_arrays(o, x, y) : walk_objects(o, x, y);
	dl_arena_back(o->arena, mark);
	o->depth--;
	return r;
}

/* The same valid bytes?  What is not valid is left to the walk. */
static bool
same_bytes(const struct dl_value *x, const struct dl_value *y)
{
	struct dl_err err;

	dl_err_clear(&err);
	return dl_span_eq(x->text, y->text) &&
	       dl_json_check(x->text, &err) == 0;
}

int
dl_value_cmp(struct dl_arena *a, const struct dl_value *x,
    const struct dl_value *y, int *cmp, struct dl_err *err)
{
	struct order o = {a, err, 0, 0};
	struct cursor cx = {x->text.p, dl_span_end(x->text)};
	struct cursor cy = {y->text.p, dl_span_end(y->text)};
	int r = 0;

	if (dl_arena_work(a, x->text.len + y->text.len) < 0)
		return -1;
	if (x->kind != y->kind)
		o.cmp = x->kind < y->kind ? -1 : 1;
	else if (x->kind >= DL_JSON_ARRAY)
		r = same_bytes(x, y) ? 0 : walk(&o, &cx, &cy);
	else
		r = cmp_scalars(&o, x, y);
	*cmp = o.cmp;
	return r;
}
