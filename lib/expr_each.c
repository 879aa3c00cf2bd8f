/* Programs with several outputs: each one is handed on as it comes. */
#include "expr_run.h"

/* What the output of one part goes to, on its way to fn. */
struct part {
	struct dl_eval *e;
	const struct dl_code_node *n;
	dl_run_fn *fn;
	void *arg;
	struct dl_value other; /* what came before */
	struct dl_value *values;
	int at;
	bool flag;
};

#define PART(e, n, fn, arg) \
	((struct part){.e = (e), .n = (n), .fn = (fn), .arg = (arg)})

static int
to_right(void *arg, struct dl_value *v)
{
	struct part *p = arg;

	if (p->n->op == DL_CODE_PIPE)
		dl_run_enter(p->e, p->n->scope, v);
	else if (p->n->slot >= 0)
		p->e->vars[p->n->slot] = *v;
	return dl_run_each(p->e, p->n->b, p->fn, p->arg);
}

static int
to_branch(void *arg, struct dl_value *v)
{
	struct part *p = arg;
	int branch = dl_value_is_true(v) ? p->n->b : p->n->c;

	return dl_run_each(p->e, branch, p->fn, p->arg);
}

static int
to_bool(void *arg, struct dl_value *v)
{
	struct part *p = arg;
	struct dl_value b = dl_value_bool(dl_value_is_true(v));

	return p->fn(p->arg, &b);
}

static int
to_logic(void *arg, struct dl_value *v)
{
	struct part *p = arg;

	if (dl_value_is_true(v) == (p->n->op == DL_CODE_AND))
		return dl_run_each(p->e, p->n->b, to_bool, p);
	return to_bool(p, v);
}

static int
to_alternative(void *arg, struct dl_value *v)
{
	struct part *p = arg;

	if (!dl_value_is_true(v))
		return 0;
	p->flag = true;
	return p->fn(p->arg, v);
}

static int
each_alternative(
    struct dl_eval *e, const struct dl_code_node *n, dl_run_fn *fn, void *arg)
{
	struct part p = PART(e, n, fn, arg);
	int r = dl_run_each(e, n->a, to_alternative, &p);

	return r != 0 || p.flag ? r : dl_run_each(e, n->b, fn, arg);
}

/* The left side of a comparison; the right one is known. */
static int
to_compared(void *arg, struct dl_value *v)
{
	struct part *p = arg;
	struct dl_value yes;

	if (dl_run_compare(p->e, p->n->by, v, &p->other, &yes) < 0)
		return -1;
	return p->fn(p->arg, &yes);
}

static int
to_left(void *arg, struct dl_value *v)
{
	struct part *p = arg;

	p->other = *v;
	return dl_run_each(p->e, p->n->a, to_compared, p);
}

/*
 * Items that are all known before something is done: in the order of jq 1.6,
 * which for arguments and strings begins with the last one.
 */
static int each_item(struct part *p, int i);

static int
to_item(void *arg, struct dl_value *v)
{
	struct part *p = arg;
	int i = p->at, r;

	p->values[i] = *v;
	if (p->n->op == DL_CODE_STRING &&
	    dl_run_format(p->e, p->n, &p->values[i]) < 0)
		return -1;
	if (p->n->op == DL_CODE_OBJECT && i % 2 == 1 &&
	    p->values[i - 1].kind != DL_JSON_STRING)
		return dl_run_cannot(
		    p->e, "use", &p->values[i - 1], "as object key");
	r = each_item(p, p->n->op == DL_CODE_OBJECT   ? i + 1
			 : p->n->op == DL_CODE_STRING ? i - 2
						      : i - 1);
	p->at = i;
	return r;
}

static int
call(struct part *p)
{
	struct dl_value in = dl_value_null, v;
	size_t bytes = 0;
	int i, r;

	if (p->n->a >= 0 && (r = dl_run_one(p->e, p->n->a, &in)) <= 0)
		return r;
	for (i = 0; i < p->n->n; i++)
		bytes += p->values[i].text.len;
	if (dl_arena_work(p->e->arena, bytes + in.text.len) < 0)
		return -1;
	if (dl_run_fn_call(p->e, p->n->fn, &in, p->values, &v) < 0)
		return -1;
	return p->fn(p->arg, &v);
}

/* All items are known. */
static int
finish_items(struct part *p)
{
	struct dl_value *values, v;
	struct dl_buf *b;
	int r;

	if (p->n->op == DL_CODE_FN)
		return call(p);
	/* They are needed again for the next combination. */
	values = dl_arena_alloc(
	    p->e->arena, (size_t)(p->n->n + 1) * sizeof(*values));
	if (values == NULL)
		return dl_err_data(p->e->err, DL_ARENA_FULL);
	memcpy(values, p->values, (size_t)p->n->n * sizeof(*values));
	b = dl_run_take(p->e);
	r = p->n->op == DL_CODE_OBJECT ? dl_run_object(p->e, p->n, values, b)
	                               : dl_run_string(p->e, p->n, values, b);
	if (r > 0)
		r = dl_run_keep(p->e, b, &v);
	dl_run_give(p->e);
	return r <= 0 ? r : p->fn(p->arg, &v);
}

static int
each_item(struct part *p, int i)
{
	int last = p->n->op == DL_CODE_OBJECT ? p->n->n : -1;

	if (i == last)
		return finish_items(p);
	p->at = i;
	return dl_run_each(
	    p->e, p->e->code->items[p->n->first + i], to_item, p);
}

static int
each_items(
    struct dl_eval *e, const struct dl_code_node *n, dl_run_fn *fn, void *arg)
{
	struct part p = PART(e, n, fn, arg);
	int first = n->op == DL_CODE_OBJECT   ? 0
	            : n->op == DL_CODE_STRING ? n->n - 2
	                                      : n->n - 1;

	p.values =
	    dl_arena_alloc(e->arena, (size_t)(n->n + 1) * sizeof(*p.values));
	if (p.values == NULL)
		return dl_err_data(e->err, DL_ARENA_FULL);
	return each_item(&p, first);
}

/* The value that a key or a bound is for. */
static int
to_indexed(void *arg, struct dl_value *v)
{
	struct part *p = arg;
	struct dl_value out;
	int r;

	p->values[0] = *v;
	r = dl_run_step(p->e,
	    p->n->op == DL_CODE_INDEX ? dl_fn_index : dl_fn_slice, p->values,
	    &out);
	if (r < 0 && p->n->optional && !p->e->fatal) {
		dl_err_clear(p->e->err);
		return 0;
	}
	return r < 0 ? -1 : p->fn(p->arg, &out);
}

static int
to_bound(void *arg, struct dl_value *v)
{
	struct part *p = arg;

	p->values[2] = *v;
	return dl_run_each(p->e, p->n->a, to_indexed, p);
}

/* A key, or where a slice begins. */
static int
to_key(void *arg, struct dl_value *v)
{
	struct part *p = arg;

	p->values[1] = *v;
	return p->n->c >= 0 ? dl_run_each(p->e, p->n->c, to_bound, p)
	                    : dl_run_each(p->e, p->n->a, to_indexed, p);
}

static int
each_index(
    struct dl_eval *e, const struct dl_code_node *n, dl_run_fn *fn, void *arg)
{
	struct dl_value values[3], from = dl_value_null;
	struct part p = PART(e, n, fn, arg);

	values[1] = values[2] = dl_value_null;
	p.values = values;
	return n->b >= 0 ? dl_run_each(e, n->b, to_key, &p) : to_key(&p, &from);
}

/* The elements, or members, of a value. */
static int
to_elements(void *arg, struct dl_value *v)
{
	struct part *p = arg;
	struct dl_arena_mark mark;
	struct dl_value name, element;
	struct dl_value_iter it;
	int r, stop = 0;

	if (v->kind != DL_JSON_ARRAY && v->kind != DL_JSON_OBJECT)
		return p->n->optional
		           ? 0
		           : dl_run_cannot(p->e, "iterate over", v, "");
	if (dl_arena_work(p->e->arena, v->text.len) < 0)
		return -1;
	dl_value_enter(&it, v);
	while ((r = dl_value_next(&it, &name, &element, p->e->err)) > 0) {
		if (dl_run_tick(p->e) < 0)
			return -1;
		mark = dl_arena_mark(p->e->arena);
		if ((stop = p->fn(p->arg, &element)) != 0)
			return stop;
		dl_arena_back(p->e->arena, mark);
	}
	return r;
}

/* What a try caught: 0 and the value that it is, or -1. */
static int
caught(struct dl_eval *e, struct dl_value *v)
{
	struct dl_span text;

	if (e->fatal)
		return -1;
	if (e->raised)
		*v = e->error;
	else {
		text = dl_arena_copy(e->arena, dl_span_str(e->err->msg));
		if (text.p == NULL)
			return -1;
		*v = dl_value_text(text);
	}
	e->raised = false;
	dl_err_clear(e->err);
	return 0;
}

static int
each_try(
    struct dl_eval *e, const struct dl_code_node *n, dl_run_fn *fn, void *arg)
{
	int r = dl_run_each(e, n->a, fn, arg);
	struct dl_value error;

	if (r >= 0)
		return r;
	if (caught(e, &error) < 0)
		return -1;
	if (n->b < 0)
		return 0;
	dl_run_enter(e, n->scope, &error);
	return dl_run_each(e, n->b, fn, arg);
}

static int
to_error(void *arg, struct dl_value *v)
{
	struct part *p = arg;

	if (v->kind == DL_JSON_NULL)
		return 0;
	p->e->error = *v;
	p->e->raised = true;
	return -1;
}

/* range(from; upto; by): numbers or not, by jq's order and its +. */
static int
count_by(struct part *p, struct dl_value x, const struct dl_value *upto,
    const struct dl_value *by)
{
	struct dl_value zero = dl_value_number(0), args[2], shown;
	struct dl_eval *e = p->e;
	struct dl_arena_mark mark;
	int sign, cmp, r;

	if (dl_value_cmp(e->arena, by, &zero, &sign, e->err) < 0)
		return -1;
	while (sign != 0) {
		if (dl_run_tick(e) < 0 ||
		    dl_value_cmp(e->arena, &x, upto, &cmp, e->err) < 0)
			return -1;
		if ((sign > 0) != (cmp < 0) || cmp == 0)
			return 0;
		shown = x;
		mark = dl_arena_mark(e->arena);
		if ((r = p->fn(p->arg, &shown)) != 0)
			return r;
		dl_arena_back(e->arena, mark);
		args[0] = x;
		args[1] = *by;
		if (dl_run_fn_call(e, dl_fn_add, &dl_value_null, args, &x) < 0)
			return -1;
	}
	return 0;
}

static int
count(struct part *p, const struct dl_value *from, const struct dl_value *upto)
{
	struct dl_arena_mark mark;
	struct dl_value v;
	double x, end;
	int r;

	if (from->kind != DL_JSON_NUMBER || upto->kind != DL_JSON_NUMBER)
		return dl_err_data(p->e->err, "Range bounds must be numeric");
	end = dl_value_double(upto);
	for (x = dl_value_double(from); x < end; x++) {
		if (dl_run_tick(p->e) < 0)
			return -1;
		mark = dl_arena_mark(p->e->arena);
		v = dl_value_number(x);
		if ((r = p->fn(p->arg, &v)) != 0)
			return r;
		dl_arena_back(p->e->arena, mark);
	}
	return 0;
}

static int
to_by(void *arg, struct dl_value *v)
{
	struct part *p = arg;

	return count_by(p, p->values[0], &p->values[1], v);
}

static int
to_upto(void *arg, struct dl_value *v)
{
	struct part *p = arg;

	p->values[1] = *v;
	return p->n->c >= 0 ? dl_run_each(p->e, p->n->c, to_by, p)
	                    : count(p, &p->values[0], v);
}

static int
to_from(void *arg, struct dl_value *v)
{
	struct part *p = arg;

	p->values[0] = *v;
	return dl_run_each(p->e, p->n->b, to_upto, p);
}

static int
each_range(
    struct dl_eval *e, const struct dl_code_node *n, dl_run_fn *fn, void *arg)
{
	struct part p = PART(e, n, fn, arg);
	struct dl_value values[2];

	p.values = values;
	return dl_run_each(e, n->a, to_from, &p);
}

/* One more of a limit; jq hands it on before it counts. */
static int
to_limited(void *arg, struct dl_value *v)
{
	struct dl_value zero = dl_value_number(0), args[2];
	struct part *p = arg;
	int r, cmp;

	args[0] = p->other;
	args[1] = dl_value_number(1);
	if (dl_run_fn_call(p->e, dl_fn_sub, &dl_value_null, args, &p->other) <
	    0)
		return -1;
	/* It outlives what else is made for this output. */
	p->other = dl_value_number(dl_value_double(&p->other));
	if ((r = p->fn(p->arg, v)) != 0)
		return r;
	if (dl_value_cmp(p->e->arena, &p->other, &zero, &cmp, p->e->err) < 0)
		return -1;
	p->flag = cmp <= 0;
	return p->flag ? DL_RUN_STOP : 0;
}

static int
to_limit(void *arg, struct dl_value *v)
{
	struct dl_value zero = dl_value_number(0);
	struct part *p = arg;
	int r, cmp;

	if (dl_value_cmp(p->e->arena, v, &zero, &cmp, p->e->err) < 0)
		return -1;
	if (cmp < 0)
		return dl_run_each(p->e, p->n->b, p->fn, p->arg);
	p->other = *v;
	p->flag = false;
	r = dl_run_each(p->e, p->n->b, to_limited, p);
	return r == DL_RUN_STOP && p->flag ? 0 : r;
}

static int
to_first(void *arg, struct dl_value *v)
{
	struct part *p = arg;
	int r = p->fn(p->arg, v);

	p->flag = r == 0;
	return r != 0 ? r : DL_RUN_STOP;
}

static int
each_first(
    struct dl_eval *e, const struct dl_code_node *n, dl_run_fn *fn, void *arg)
{
	struct part p = PART(e, n, fn, arg);
	int r = dl_run_each(e, n->a, to_first, &p);

	return r == DL_RUN_STOP && p.flag ? 0 : r;
}

/* The value of an assignment. */
static int
to_set(void *arg, struct dl_value *value)
{
	struct part *p = arg;
	struct dl_buf *b = dl_run_take(p->e);
	struct dl_value v;
	int r = dl_run_set(p->e, p->n, value, b);

	if (r > 0)
		r = dl_run_keep(p->e, b, &v);
	dl_run_give(p->e);
	return r <= 0 ? r : p->fn(p->arg, &v);
}

static int
each_flat(struct dl_eval *e, int node, dl_run_fn *fn, void *arg)
{
	struct dl_value v;
	int r;

	if (fn == dl_run_collect)
		return dl_run_collect_node(arg, node);
	r = dl_run_one(e, node, &v);
	return r <= 0 ? r : fn(arg, &v);
}

int
dl_run_each(struct dl_eval *e, int node, dl_run_fn *fn, void *arg)
{
	const struct dl_code_node *n = dl_run_node(e, node);
	struct part p = PART(e, n, fn, arg);
	int r;

	if (n->flat)
		return each_flat(e, node, fn, arg);
	if (dl_run_tick(e) < 0)
		return -1;
	switch (n->op) {
	case DL_CODE_INDEX:
	case DL_CODE_SLICE:
		return each_index(e, n, fn, arg);
	case DL_CODE_EACH:
		return dl_run_each(e, n->a, to_elements, &p);
	case DL_CODE_TRY:
		return each_try(e, n, fn, arg);
	case DL_CODE_PIPE:
	case DL_CODE_AS:
		return dl_run_each(e, n->a, to_right, &p);
	case DL_CODE_COMMA:
		r = dl_run_each(e, n->a, fn, arg);
		return r != 0 ? r : dl_run_each(e, n->b, fn, arg);
	case DL_CODE_COMPARE:
		return dl_run_each(e, n->b, to_left, &p);
	case DL_CODE_AND:
	case DL_CODE_OR:
		return dl_run_each(e, n->a, to_logic, &p);
	case DL_CODE_ALT:
		return each_alternative(e, n, fn, arg);
	case DL_CODE_IF:
		return dl_run_each(e, n->a, to_branch, &p);
	case DL_CODE_OBJECT:
	case DL_CODE_STRING:
	case DL_CODE_FN:
		return each_items(e, n, fn, arg);
	case DL_CODE_ERROR:
		return dl_run_each(e, n->a, to_error, &p);
	case DL_CODE_RANGE:
		return each_range(e, n, fn, arg);
	case DL_CODE_LIMIT:
		return dl_run_each(e, n->a, to_limit, &p);
	case DL_CODE_FIRST:
		return each_first(e, n, fn, arg);
	case DL_CODE_SET:
		return dl_run_each(e, n->a, to_set, &p);
	default:
		return 0;
	}
}
