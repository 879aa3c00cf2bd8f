/* Flat programs: those with one output or none. */
#include "expr_run.h"

static int
one_dot(struct dl_eval *e, const struct dl_code_node *n, struct dl_value *v)
{
	struct dl_span text;

	if (n->scope > DL_CODE_EVENT) {
		*v = e->scopes[n->scope].dot;
		return 1;
	}
	text = n->scope == DL_CODE_DATA ? e->data : e->event;
	if (text.p == NULL)
		*v = dl_value_null;
	else if (dl_value_json(text, v, e->err) < 0)
		return -1;
	return 1;
}

/* Find all paths that lead from the scope's '.', once. */
static int
walk(struct dl_eval *e, int scope, struct dl_paths *paths)
{
	const struct dl_value *dot = &e->scopes[scope].dot;
	struct dl_span text = dot->text;

	if (dot->form != DL_VALUE_JSON)
		text =
		    dot->form == DL_VALUE_TEXT ? DL_SPAN("\"\"") : DL_SPAN("0");
	if (dl_arena_work(e->arena, text.len) < 0)
		return -1;
	e->scopes[scope].walked = true;
	return dl_paths_run(paths, text, (struct dl_span){0}, e->err);
}

static int
one_path(struct dl_eval *e, const struct dl_code_node *n, struct dl_value *v)
{
	struct dl_paths *paths = e->paths;
	struct dl_span text;
	int r;

	if (n->scope > DL_CODE_EVENT) {
		paths = e->code->scopes[n->scope];
		if (!e->scopes[n->scope].walked && walk(e, n->scope, paths) < 0)
			return -1;
	}
	if ((r = dl_paths_get(paths, n->path, &text, e->err)) <= 0)
		return r;
	return dl_value_json(text, v, e->err) < 0 ? -1 : 1;
}

static int
one_index(struct dl_eval *e, const struct dl_code_node *n, struct dl_value *v)
{
	struct dl_value args[2];
	int r;

	if ((r = dl_run_one(e, n->b, &args[1])) <= 0 ||
	    (r = dl_run_one(e, n->a, &args[0])) <= 0)
		return r;
	r = dl_run_step(e, dl_fn_index, args, v);
	if (r < 0 && n->optional && !e->fatal) {
		dl_err_clear(e->err);
		return 0;
	}
	return r;
}

static int
one_slice(struct dl_eval *e, const struct dl_code_node *n, struct dl_value *v)
{
	struct dl_value args[3];
	int r;

	args[1] = args[2] = dl_value_null;
	if ((n->b >= 0 && (r = dl_run_one(e, n->b, &args[1])) <= 0) ||
	    (n->c >= 0 && (r = dl_run_one(e, n->c, &args[2])) <= 0) ||
	    (r = dl_run_one(e, n->a, &args[0])) <= 0)
		return r;
	r = dl_run_step(e, dl_fn_slice, args, v);
	if (r < 0 && n->optional && !e->fatal) {
		dl_err_clear(e->err);
		return 0;
	}
	return r;
}

int
dl_run_left(struct dl_eval *e, const struct dl_code_node *n)
{
	struct dl_value v;
	int r = dl_run_one(e, n->a, &v);

	if (r <= 0)
		return r;
	if (n->op == DL_CODE_PIPE)
		dl_run_enter(e, n->scope, &v);
	else if (n->slot >= 0)
		e->vars[n->slot] = v;
	return 1;
}

int
dl_run_branch(struct dl_eval *e, const struct dl_code_node *n, int *branch)
{
	struct dl_value v;
	int r = dl_run_one(e, n->a, &v);

	if (r > 0)
		*branch = dl_value_is_true(&v) ? n->b : n->c;
	return r;
}

static int
one_compare(struct dl_eval *e, const struct dl_code_node *n, struct dl_value *v)
{
	struct dl_value x, y;
	int r;

	if ((r = dl_run_one(e, n->b, &y)) <= 0 ||
	    (r = dl_run_one(e, n->a, &x)) <= 0)
		return r;
	return dl_run_compare(e, n->by, &x, &y, v);
}

/* and, or */
static int
one_logic(struct dl_eval *e, const struct dl_code_node *n, struct dl_value *v)
{
	int r = dl_run_one(e, n->a, v);

	if (r <= 0)
		return r;
	if (dl_value_is_true(v) == (n->op == DL_CODE_AND) &&
	    (r = dl_run_one(e, n->b, v)) <= 0)
		return r;
	*v = dl_value_bool(dl_value_is_true(v));
	return 1;
}

static int
one_fn(struct dl_eval *e, const struct dl_code_node *n, struct dl_value *v)
{
	const int *items = e->code->items + n->first;
	struct dl_value args[DL_CODE_ARGS], in = dl_value_null;
	size_t bytes = 0;
	int i, r;

	for (i = n->n - 1; i >= 0; i--) {
		if ((r = dl_run_one(e, items[i], &args[i])) <= 0)
			return r;
		bytes += args[i].text.len;
	}
	if (n->a >= 0 && (r = dl_run_one(e, n->a, &in)) <= 0)
		return r;
	if (dl_arena_work(e->arena, bytes + in.text.len) < 0)
		return -1;
	return dl_run_fn_call(e, n->fn, &in, args, v);
}

static int
one_error(struct dl_eval *e, const struct dl_code_node *n)
{
	int r = dl_run_one(e, n->a, &e->error);

	if (r <= 0 || e->error.kind == DL_JSON_NULL)
		return r < 0 ? -1 : 0;
	e->raised = true;
	return -1;
}

struct last {
	struct dl_eval *e;
	struct dl_buf *b;
};

/* The last output of a generator, kept as its bytes. */
static int
keep_last(void *arg, struct dl_value *v)
{
	struct last *l = arg;

	dl_buf_clear(l->b);
	dl_value_put(l->b, v);
	return dl_arena_work(l->e->arena, l->b->len);
}

static int
one_last(struct dl_eval *e, const struct dl_code_node *n, struct dl_value *v)
{
	struct last l = {e, dl_run_take(e)};
	int r = dl_run_each(e, n->a, keep_last, &l);

	*v = dl_value_null;
	if (r >= 0)
		r = l.b->len == 0 ? 1 : dl_run_keep(e, l.b, v);
	dl_run_give(e);
	return r;
}

struct any {
	struct dl_eval *e;
	const struct dl_code_node *n;
	bool found, gone;
};

/*
 * jq looks for what comes after the one that decides before it stops.  Where
 * the condition has no output its state is lost: `all` takes that as the end.
 */
static int
any_next(void *arg, struct dl_value *v)
{
	struct any *x = arg;
	struct dl_value yes;
	int r;

	if (x->found || x->gone)
		return DL_RUN_STOP;
	dl_run_enter(x->e, x->n->scope, v);
	if ((r = dl_run_one(x->e, x->n->b, &yes)) < 0)
		return -1;
	x->gone = r == 0 && x->n->all;
	x->found = r > 0 && dl_value_is_true(&yes) != x->n->all;
	return 0;
}

static int
one_any(struct dl_eval *e, const struct dl_code_node *n, struct dl_value *v)
{
	struct any x = {e, n, false, false};

	if (dl_run_each(e, n->a, any_next, &x) < 0)
		return -1;
	*v = dl_value_bool(x.found != n->all);
	return 1;
}

static int
one_made(struct dl_eval *e, int node, struct dl_value *v)
{
	struct dl_buf *b = dl_run_take(e);
	int r = dl_run_emit(e, node, b);

	if (r > 0)
		r = dl_run_keep(e, b, v);
	dl_run_give(e);
	return r;
}

int
dl_run_one(struct dl_eval *e, int node, struct dl_value *v)
{
	const struct dl_code_node *n = dl_run_node(e, node);
	int branch, r;

	if (dl_run_tick(e) < 0)
		return -1;
	switch (n->op) {
	case DL_CODE_DOT:
		return one_dot(e, n, v);
	case DL_CODE_PATH:
		return one_path(e, n, v);
	case DL_CODE_CONST:
		*v = n->value;
		return 1;
	case DL_CODE_VAR:
		*v = e->vars[n->slot];
		return 1;
	case DL_CODE_INDEX:
		return one_index(e, n, v);
	case DL_CODE_SLICE:
		return one_slice(e, n, v);
	case DL_CODE_PIPE:
	case DL_CODE_AS:
		return (r = dl_run_left(e, n)) <= 0 ? r
		                                    : dl_run_one(e, n->b, v);
	case DL_CODE_COMPARE:
		return one_compare(e, n, v);
	case DL_CODE_AND:
	case DL_CODE_OR:
		return one_logic(e, n, v);
	case DL_CODE_ALT:
		r = dl_run_one(e, n->a, v);
		return r < 0 || (r > 0 && dl_value_is_true(v))
		           ? r
		           : dl_run_one(e, n->b, v);
	case DL_CODE_IF:
		r = dl_run_branch(e, n, &branch);
		return r <= 0 ? r : dl_run_one(e, branch, v);
	case DL_CODE_FN:
		return one_fn(e, n, v);
	case DL_CODE_ERROR:
		return one_error(e, n);
	case DL_CODE_LAST:
		return one_last(e, n, v);
	case DL_CODE_ANY:
		return one_any(e, n, v);
	case DL_CODE_ARRAY:
	case DL_CODE_OBJECT:
	case DL_CODE_STRING:
	case DL_CODE_SET:
		return one_made(e, node, v);
	default: /* EMPTY; the others are not flat */
		return 0;
	}
}
