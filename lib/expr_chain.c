/* What stands left of an assignment, and in del(): chains of steps. */
#include "expr_compile.h"

#include <stdlib.h>

#define NONE (-1)
#define CHAINS 64 /* at most, in one assignment */

struct chain {
	struct dl_compiler *c;
	struct dl_code_step *steps;
	int n;
};

static int add_path(struct chain *h, int ast, const struct dl_where *w);

static void
add(struct chain *h, struct dl_code_step step)
{
	h->steps = dl_realloc(h->steps, (size_t)(h->n + 1) * sizeof(*h->steps));
	h->steps[h->n++] = step;
}

static int
decline(struct dl_compiler *c, const char *what)
{
	return dl_compile_fail(c, "%s in a path that is assigned to", what);
}

/* A constant key: a name, or an index that is a whole number. */
static int
add_constant(struct chain *h, int key, bool optional)
{
	const struct dl_value *v = &dl_code_at(h->c, key)->value;
	struct dl_code_step step = {.kind = DL_STEP_NAME, .optional = optional};
	struct dl_buf b = {0};

	if (v->form == DL_VALUE_TEXT) {
		dl_value_put(&b, v);
		dl_buf_addc(&b, ':');
		step.name = v->text;
		step.key = dl_compile_keep(h->c, dl_buf_as_span(&b));
		dl_buf_release(&b);
	} else {
		step.kind = DL_STEP_INDEX;
		if (v->form != DL_VALUE_NUMBER ||
		    !(v->number > -1e6 && v->number < 1e6) ||
		    v->number != (double)(int64_t)v->number)
			return decline(h->c, "such a key");
		step.index = (int64_t)v->number;
	}
	add(h, step);
	return 0;
}

static int
add_index(
    struct chain *h, const struct dl_ast_node *n, const struct dl_where *w)
{
	struct dl_code_step step = {.kind = DL_STEP_KEY};
	int key;

	if (add_path(h, n->a, w) < 0 || (key = dl_compile(h->c, n->b, w)) < 0)
		return NONE;
	if (dl_code_is(h->c, key, DL_CODE_CONST))
		return add_constant(h, key, n->by == DL_AST_TRY);
	if (!dl_code_at(h->c, key)->flat)
		return decline(h->c, "several keys");
	step.optional = n->by == DL_AST_TRY;
	step.node = key;
	step.slot = h->c->code->nslots++;
	add(h, step);
	return 0;
}

/* The value that the chain has come to is '.' of what follows. */
static int
add_pipe(struct chain *h, const struct dl_ast_node *n, const struct dl_where *w)
{
	struct dl_where inner = *w;
	struct dl_code_step step = {.kind = DL_STEP_SCOPE};

	if (add_path(h, n->a, w) < 0)
		return NONE;
	step.scope = dl_code_scope(h->c);
	inner.dot = dl_code_dot(h->c, step.scope);
	add(h, step);
	return inner.dot < 0 ? NONE : add_path(h, n->b, &inner);
}

static int
add_select(struct chain *h, int ast, const struct dl_where *w)
{
	struct dl_code_step step = {.kind = DL_STEP_FILTER};

	step.node = dl_compile(h->c, ast, w);
	if (step.node < 0)
		return NONE;
	if (!dl_code_at(h->c, step.node)->flat)
		return decline(h->c, "such a condition");
	add(h, step);
	return 0;
}

static int
add_call(struct chain *h, int ast, const struct dl_where *w)
{
	const struct dl_ast_node *call = &w->tree->nodes[ast];
	struct dl_code_step step = {.kind = DL_STEP_INDEX};
	int body, first, last, r;
	struct dl_where inner;

	r = dl_compile_enter(h->c, ast, w, &inner, &body, &first, &last);
	if (r < 0)
		return NONE;
	if (r > 0)
		return first >= 0 ? decline(h->c, "a function with $parameters")
		                  : add_path(h, body, &inner);
	if (call->n == 1 && dl_span_is(call->text, "select"))
		return add_select(h, w->tree->items[call->first], w);
	if (call->n == 0 && (dl_span_is(call->text, "first") ||
				dl_span_is(call->text, "last"))) {
		step.index = call->text.p[0] == 'f' ? 0 : -1;
		add(h, step);
		return 0;
	}
	return dl_compile_fail(h->c, "'%.*s' in a path that is assigned to",
	    DL_SPAN_ARG(call->text));
}

/* Append the steps of the path at ast, whose '.' is where the chain is. */
static int
add_path(struct chain *h, int ast, const struct dl_where *w)
{
	const struct dl_ast_node *n = &w->tree->nodes[ast];
	struct dl_code_step step = {.kind = DL_STEP_EACH};
	struct dl_compiler *c = h->c;

	if (c->depth == DL_AST_DEPTH)
		return decline(c, "too much");
	c->depth++;
	switch (n->op) {
	case DL_AST_DOT:
		break;
	case DL_AST_INDEX:
		add_index(h, n, w);
		break;
	case DL_AST_EACH:
		add_path(h, n->a, w);
		step.optional = n->by == DL_AST_TRY;
		add(h, step);
		break;
	case DL_AST_PIPE:
		add_pipe(h, n, w);
		break;
	case DL_AST_CALL:
		add_call(h, ast, w);
		break;
	default:
		decline(c, "an expression");
		break;
	}
	c->depth--;
	return c->why[0] != '\0' ? NONE : 0;
}

/* Does it lead to one place, by names alone? */
static bool
is_names(const struct dl_code_step *s)
{
	while (s->kind == DL_STEP_NAME || s->kind == DL_STEP_SCOPE)
		s++;
	return s->kind == DL_STEP_END;
}

static const struct dl_code_step *
next_name(const struct dl_code_step *s)
{
	while (s->kind == DL_STEP_SCOPE)
		s++;
	return s;
}

/* Does what one of them does leave the other alone? */
static bool
apart(const struct dl_code_step *a, const struct dl_code_step *b)
{
	for (;; a++, b++) {
		a = next_name(a);
		b = next_name(b);
		if (a->kind == DL_STEP_END || b->kind == DL_STEP_END)
			return false;
		if (!dl_span_eq(a->name, b->name))
			return true;
	}
}

/* One chain onto the code's steps; its first step's number. */
static int
add_chain(struct dl_compiler *c, int ast, const struct dl_where *w)
{
	struct chain h = {.c = c};
	struct dl_code *code = c->code;
	int first = -1;

	if (add_path(&h, ast, w) == 0) {
		add(&h, (struct dl_code_step){.kind = DL_STEP_END});
		/* A condition in it may have had chains of its own. */
		first = code->nsteps;
		code->steps = dl_realloc(code->steps,
		    (size_t)(code->nsteps + h.n) * sizeof(*h.steps));
		memcpy(code->steps + code->nsteps, h.steps,
		    (size_t)h.n * sizeof(*h.steps));
		code->nsteps += h.n;
	}
	free(h.steps);
	return c->why[0] != '\0' ? NONE : first;
}

/* p, or p, q, r that don't touch each other. */
static int
add_chains(struct dl_compiler *c, int ast, const struct dl_where *w,
    int chains[CHAINS], int *n)
{
	const struct dl_ast_node *node = &w->tree->nodes[ast];
	const struct dl_code_step *steps;
	int i;

	if (node->op == DL_AST_COMMA) {
		if (add_chains(c, node->a, w, chains, n) < 0)
			return NONE;
		return add_chains(c, node->b, w, chains, n);
	}
	if (*n == CHAINS)
		return decline(c, "so much");
	if ((chains[*n] = add_chain(c, ast, w)) < 0)
		return NONE;
	steps = c->code->steps;
	for (i = 0; i < *n; i++)
		if (!is_names(steps + chains[i]) ||
		    !is_names(steps + chains[*n]) ||
		    !apart(steps + chains[i], steps + chains[*n]))
			return decline(c, "','");
	++*n;
	return 0;
}

static int
make_set(
    struct dl_compiler *c, int ast, const struct dl_where *w, enum dl_ast_op by)
{
	int chains[CHAINS], n = 0, i;

	if (add_chains(c, ast, w, chains, &n) < 0)
		return NONE;
	i = dl_code_make(c, DL_CODE_SET, NONE, NONE);
	if (i < 0)
		return NONE;
	c->code->items = dl_realloc(
	    c->code->items, (size_t)(c->code->nitems + n) * sizeof(*chains));
	memcpy(c->code->items + c->code->nitems, chains,
	    (size_t)n * sizeof(*chains));
	dl_code_at(c, i)->first = c->code->nitems;
	dl_code_at(c, i)->n = n;
	dl_code_at(c, i)->by = by;
	/* Of what the value is made: the chain's '.'. */
	dl_code_at(c, i)->c = dl_code_copy(c, w->dot);
	c->code->nitems += n;
	return c->why[0] != '\0' ? NONE : i;
}

int
dl_compile_del(struct dl_compiler *c, int ast, const struct dl_where *w)
{
	return make_set(c, ast, w, DL_AST_CALL);
}

/* Where |= may have no output, it deletes: taken where that is plain. */
static int
make_update(struct dl_compiler *c, int i, int ast, const struct dl_where *w)
{
	struct dl_where inner = *w;
	const struct dl_code_step *s;
	int scope = dl_code_scope(c), b, k;

	inner.dot = dl_code_dot(c, scope);
	if ((b = dl_compile(c, ast, &inner)) < 0)
		return NONE;
	if (dl_code_at(c, b)->tries)
		return dl_compile_fail(c, "a 'try' that '|=' leaves early");
	dl_code_at(c, i)->b = b;
	dl_code_at(c, i)->scope = scope;
	for (k = 0; k < dl_code_at(c, i)->n && !dl_code_at(c, b)->some; k++) {
		s = c->code->steps +
		    c->code->items[dl_code_at(c, i)->first + k];
		if (!is_names(s) || next_name(s)->kind == DL_STEP_END)
			return dl_compile_fail(
			    c, "'|=' with what may have no output");
	}
	return i;
}

int
dl_compile_set(struct dl_compiler *c, int ast, const struct dl_where *w)
{
	const struct dl_ast_node *n = &w->tree->nodes[ast];
	int i = make_set(c, n->a, w, n->op), a;

	if (i < 0)
		return NONE;
	if (n->op == DL_AST_UPDATE) {
		if (make_update(c, i, n->b, w) < 0)
			return NONE;
		dl_code_at(c, i)->flat = dl_code_at(c, i)->some = true;
		return i;
	}
	if ((a = dl_compile(c, n->b, w)) < 0)
		return NONE;
	if (n->op == DL_AST_OPERATE)
		dl_code_at(c, i)->fn = dl_code_operator(n->by);
	dl_code_at(c, i)->a = a;
	dl_code_at(c, i)->slot = c->code->nslots++;
	dl_code_at(c, i)->flat = dl_code_at(c, a)->flat;
	dl_code_at(c, i)->some = dl_code_at(c, a)->some;
	dl_code_at(c, i)->tries = dl_code_at(c, a)->tries;
	return i;
}
