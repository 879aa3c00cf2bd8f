#include "expr_compile.h"

#include <stdlib.h>

#define NONE (-1)
#define DEPTH 400 /* of programs in each other, functions and all */

static int
compile_literal(struct dl_compiler *c, const struct dl_ast_node *n)
{
	return dl_code_const(c, n->text);
}

/* The step that a constant key is: 1, or 0. */
static int
step_of(struct dl_compiler *c, int key, bool optional, struct dl_step *step)
{
	const struct dl_code_node *k = dl_code_at(c, key);
	double d = k->value.number;

	*step = (struct dl_step){.optional = optional};
	if (k->op != DL_CODE_CONST)
		return 0;
	if (k->value.form == DL_VALUE_TEXT) {
		step->name = k->value.text;
		return 1;
	}
	if (k->value.form != DL_VALUE_NUMBER || !(d > -1e6 && d < 1e6) ||
	    d != (double)(int)d)
		return 0;
	step->index = (int)d;
	return 1;
}

/* The path at node, with one more step: node itself, or -1 for no path. */
static int
extend(struct dl_compiler *c, int node, int key, bool optional)
{
	struct dl_code_node *n = dl_code_at(c, node);
	struct dl_step *steps, step;

	if ((n->op != DL_CODE_PATH && n->op != DL_CODE_DOT) ||
	    n->nsteps == DL_PATH_STEPS || step_of(c, key, optional, &step) == 0)
		return NONE;
	/* What is below the event's data is found there, in one walk. */
	if (n->op == DL_CODE_DOT && n->scope == DL_CODE_EVENT &&
	    step.name.p != NULL && dl_span_is(step.name, "data")) {
		n->scope = DL_CODE_DATA;
		return node;
	}
	steps =
	    dl_arena_alloc(&c->code->arena, (n->nsteps + 1) * sizeof(*steps));
	if (steps == NULL)
		return NONE;
	if (n->nsteps > 0)
		memcpy(steps, n->steps, n->nsteps * sizeof(*steps));
	steps[n->nsteps++] = step;
	n->steps = steps;
	n->op = DL_CODE_PATH;
	n->flat = true;
	n->some &= !optional;
	return node;
}

static int
compile_index(struct dl_compiler *c, const struct dl_ast_node *n,
    const struct dl_where *w)
{
	bool optional = n->by == DL_AST_TRY;
	int a = dl_compile(c, n->a, w), b = dl_compile(c, n->b, w), i;

	if (a < 0 || b < 0)
		return NONE;
	if ((i = extend(c, a, b, optional)) >= 0)
		return i;
	i = dl_code_make(c, DL_CODE_INDEX, a, b);
	if (i >= 0)
		dl_code_at(c, i)->optional = optional;
	return dl_code_judge(c, i);
}

static int
compile_slice(struct dl_compiler *c, const struct dl_ast_node *n,
    const struct dl_where *w)
{
	int a = dl_compile(c, n->a, w), b = NONE, to = NONE, i;

	if (n->b >= 0 && (b = dl_compile(c, n->b, w)) < 0)
		return NONE;
	if (n->c >= 0 && (to = dl_compile(c, n->c, w)) < 0)
		return NONE;
	if (a < 0 || (i = dl_code_make(c, DL_CODE_SLICE, a, b)) < 0)
		return NONE;
	dl_code_at(c, i)->c = to;
	dl_code_at(c, i)->optional = n->by == DL_AST_TRY;
	return dl_code_judge(c, i);
}

static int
compile_each(struct dl_compiler *c, const struct dl_ast_node *n,
    const struct dl_where *w)
{
	int a = dl_compile(c, n->a, w), i;

	i = a < 0 ? NONE : dl_code_make(c, DL_CODE_EACH, a, NONE);
	if (i >= 0)
		dl_code_at(c, i)->optional = n->by == DL_AST_TRY;
	return i;
}

/* Do x and y lead to the same place, or, with below, y to one inside x's? */
static bool
leads_to(const struct dl_code_node *x, const struct dl_code_node *y, bool below)
{
	size_t i;

	if ((x->op != DL_CODE_DOT && x->op != DL_CODE_PATH) ||
	    (y->op != DL_CODE_DOT && y->op != DL_CODE_PATH) ||
	    x->scope != y->scope || x->nsteps > y->nsteps ||
	    (!below && x->nsteps != y->nsteps))
		return false;
	for (i = 0; i < x->nsteps; i++)
		if (x->steps[i].optional != y->steps[i].optional ||
		    x->steps[i].index != y->steps[i].index ||
		    (x->steps[i].name.p == NULL) !=
			(y->steps[i].name.p == NULL) ||
		    !dl_span_eq(x->steps[i].name, y->steps[i].name))
			return false;
	return true;
}

/* Does node give '.' itself, whenever it gives anything? */
static bool
passes(struct dl_compiler *c, int node, int dot)
{
	const struct dl_code_node *n = dl_code_at(c, node);

	switch (n->op) {
	case DL_CODE_EMPTY:
	case DL_CODE_ERROR:
		return true;
	case DL_CODE_IF:
		return passes(c, n->b, dot) && passes(c, n->c, dot);
	case DL_CODE_PIPE:
		return n->scope < 0 && passes(c, n->b, dot);
	case DL_CODE_AS:
		return passes(c, n->b, dot);
	default:
		return leads_to(dl_code_at(c, dot), n, false);
	}
}

int
dl_compile_pipe(struct dl_compiler *c, int a, int ast, const struct dl_where *w)
{
	struct dl_where inner = *w;
	int b, i, scope = NONE;

	if (a < 0)
		return NONE;
	if (dl_code_is(c, a, DL_CODE_DOT) || dl_code_is(c, a, DL_CODE_CONST)) {
		inner.dot = a;
		return dl_compile(c, ast, &inner);
	}
	if (dl_code_is(c, a, DL_CODE_PATH))
		inner.dot = a;
	else if (!passes(c, a, w->dot)) {
		scope = dl_code_scope(c);
		inner.dot = dl_code_dot(c, scope);
	}
	if ((b = dl_compile(c, ast, &inner)) < 0)
		return NONE;
	/* .a | .b is .a.b */
	if (dl_code_is(c, a, DL_CODE_PATH) &&
	    leads_to(dl_code_at(c, a), dl_code_at(c, b), true)) {
		dl_code_at(c, a)->op = DL_CODE_EMPTY;
		return b;
	}
	i = dl_code_make(c, DL_CODE_PIPE, a, b);
	if (i >= 0)
		dl_code_at(c, i)->scope = scope;
	return i;
}

static int
compile_try(struct dl_compiler *c, const struct dl_ast_node *n,
    const struct dl_where *w)
{
	struct dl_where inner = *w;
	int a = dl_compile(c, n->a, w), b = NONE, i, scope = NONE;

	if (n->b >= 0) {
		scope = dl_code_scope(c);
		inner.dot = dl_code_dot(c, scope);
		if ((b = dl_compile(c, n->b, &inner)) < 0)
			return NONE;
	}
	i = a < 0 ? NONE : dl_code_make(c, DL_CODE_TRY, a, b);
	if (i >= 0)
		dl_code_at(c, i)->scope = scope;
	return i;
}

static int
compile_two(struct dl_compiler *c, enum dl_code_op op,
    const struct dl_ast_node *n, const struct dl_where *w)
{
	int a = dl_compile(c, n->a, w), b = dl_compile(c, n->b, w), i;

	i = a < 0 || b < 0 ? NONE : dl_code_make(c, op, a, b);
	if (i >= 0)
		dl_code_at(c, i)->by = n->op;
	return i;
}

static int
compile_operator(struct dl_compiler *c, dl_fn *fn, const struct dl_ast_node *n,
    const struct dl_where *w)
{
	int args[2];

	args[0] = dl_compile(c, n->a, w);
	if (n->b >= 0)
		args[1] = dl_compile(c, n->b, w);
	if (args[0] < 0 || (n->b >= 0 && args[1] < 0))
		return NONE;
	return dl_code_call(c, fn, NONE, args, n->b >= 0 ? 2 : 1);
}

static int
compile_if(struct dl_compiler *c, const struct dl_ast_node *n,
    const struct dl_where *w)
{
	int cond = dl_compile(c, n->a, w), yes = dl_compile(c, n->b, w);

	return dl_code_if(c, cond, yes, dl_compile(c, n->c, w));
}

static int
compile_array(struct dl_compiler *c, const struct dl_ast_node *n,
    const struct dl_where *w)
{
	int a = n->a < 0 ? NONE : dl_compile(c, n->a, w);

	return n->a >= 0 && a < 0 ? NONE
	                          : dl_code_make(c, DL_CODE_ARRAY, a, NONE);
}

/* Is that key a constant, and the first of its name?  Its bytes are text. */
static bool
plain_key(struct dl_compiler *c, const int *items, int i)
{
	struct dl_code_node *k = dl_code_at(c, items[i]);
	struct dl_buf b = {0};
	int j;

	if (k->op != DL_CODE_CONST)
		return false;
	for (j = 0; j < i; j += 2)
		if (dl_span_eq(
			dl_code_at(c, items[j])->value.text, k->value.text))
			return false;
	dl_buf_addc(&b, i == 0 ? '{' : ',');
	dl_value_put(&b, &k->value);
	dl_buf_addc(&b, ':');
	k->text = dl_compile_keep(c, dl_buf_as_span(&b));
	dl_buf_release(&b);
	return true;
}

static int
compile_object(struct dl_compiler *c, const struct dl_ast_node *n,
    const struct dl_where *w)
{
	int *items = dl_calloc((size_t)n->n + 1, sizeof(*items)), i, made;
	bool ok = true, plain = true;

	for (i = 0; i < n->n && ok; i++)
		ok = (items[i] = dl_compile(
			  c, w->tree->items[n->first + i], w)) >= 0;
	for (i = 0; i < n->n && ok; i += 2) {
		const struct dl_code_node *k = dl_code_at(c, items[i]);

		if (k->op == DL_CODE_CONST && k->value.form != DL_VALUE_TEXT) {
			dl_compile_fail(c, "a key that is no string");
			ok = false;
		} else
			plain &= plain_key(c, items, i);
	}
	made = ok ? dl_code_make(c, DL_CODE_OBJECT, NONE, NONE) : NONE;
	if (made >= 0) {
		dl_code_at(c, made)->plain = plain;
		made = dl_code_items(c, made, items, n->n);
	}
	free(items);
	return made;
}

/* NULL: no such format, which is for jq to say. */
static dl_fn *
format_of(struct dl_compiler *c, struct dl_span name)
{
	dl_fn *fn = dl_fn_format(name.len == 0 ? DL_SPAN("@text") : name);

	if (fn == NULL)
		dl_compile_fail(c, "'%.*s'", DL_SPAN_ARG(name));
	return fn;
}

static int
compile_string(struct dl_compiler *c, const struct dl_ast_node *n,
    const struct dl_where *w)
{
	int *items = dl_calloc((size_t)n->n + 1, sizeof(*items)), i, made;
	dl_fn *fn = format_of(c, n->text);
	bool ok = fn != NULL;

	for (i = 0; i < n->n && ok; i++) {
		items[i] = dl_compile(c, w->tree->items[n->first + i], w);
		if ((ok = items[i] >= 0) && i % 2 == 0) {
			struct dl_code_node *k = dl_code_at(c, items[i]);

			/* Its bytes, as they stand between the quotes. */
			k->text.p++;
			k->text.len -= 2;
		}
	}
	made = ok ? dl_code_make(c, DL_CODE_STRING, NONE, NONE) : NONE;
	if (made >= 0) {
		dl_code_at(c, made)->fn = n->text.len == 0 ? NULL : fn;
		made = dl_code_items(c, made, items, n->n);
	}
	free(items);
	return made;
}

static int
compile_format(struct dl_compiler *c, const struct dl_ast_node *n,
    const struct dl_where *w)
{
	dl_fn *fn = format_of(c, n->text);

	return fn == NULL
	           ? NONE
	           : dl_code_call(c, fn, dl_code_copy(c, w->dot), NULL, 0);
}

static int
compile_var(struct dl_compiler *c, const struct dl_ast_node *n,
    const struct dl_where *w)
{
	const struct dl_env *e;

	for (e = w->env; e != NULL; e = e->next)
		if (e->kind == DL_BOUND_VAR && dl_span_eq(e->name, n->text))
			return dl_code_copy(c, e->node);
	return dl_compile_fail(c, "$%.*s", DL_SPAN_ARG(n->text));
}

/* a as $name | b.  What is cheap to find again needs no slot. */
static int
compile_as(struct dl_compiler *c, const struct dl_ast_node *n,
    const struct dl_where *w)
{
	struct dl_env var = {.next = w->env,
	    .kind = DL_BOUND_VAR,
	    .name = n->text,
	    .node = dl_compile(c, n->a, w)};
	struct dl_where inner = {w->tree, &var, w->dot};
	int a = var.node, b, i, slot = NONE;

	if (a < 0)
		return NONE;
	if (dl_code_is(c, a, DL_CODE_DOT) || dl_code_is(c, a, DL_CODE_CONST))
		return dl_compile(c, n->b, &inner);
	if (!dl_code_is(c, a, DL_CODE_PATH)) {
		slot = c->code->nslots++;
		var.node = dl_code_make(c, DL_CODE_VAR, NONE, NONE);
		if (var.node < 0)
			return NONE;
		dl_code_at(c, var.node)->slot = slot;
	}
	b = dl_compile(c, n->b, &inner);
	i = b < 0 ? NONE : dl_code_make(c, DL_CODE_AS, a, b);
	if (i >= 0)
		dl_code_at(c, i)->slot = slot;
	return i;
}

/* jq also compiles what nobody calls; here nothing would look at it. */
static int
compile_def(struct dl_compiler *c, int ast, const struct dl_where *w)
{
	const struct dl_ast_node *n = &w->tree->nodes[ast];
	bool used = false;
	struct dl_env def = {.next = w->env,
	    .kind = DL_BOUND_DEF,
	    .name = n->text,
	    .nparams = n->n,
	    .ast = ast,
	    .tree = w->tree,
	    .used = &used};
	struct dl_where inner = {w->tree, &def, w->dot};
	int b = dl_compile(c, n->b, &inner);

	if (b >= 0 && !used)
		return dl_compile_fail(
		    c, "'%.*s', which is not used", DL_SPAN_ARG(n->text));
	return b;
}

static int
compile_node(struct dl_compiler *c, int ast, const struct dl_where *w)
{
	const struct dl_ast_node *n = &w->tree->nodes[ast];

	switch (n->op) {
	case DL_AST_DOT:
		return dl_code_copy(c, w->dot);
	case DL_AST_LITERAL:
		return compile_literal(c, n);
	case DL_AST_INDEX:
		return compile_index(c, n, w);
	case DL_AST_SLICE:
		return compile_slice(c, n, w);
	case DL_AST_EACH:
		return compile_each(c, n, w);
	case DL_AST_TRY:
		return compile_try(c, n, w);
	case DL_AST_PIPE:
		return dl_compile_pipe(c, dl_compile(c, n->a, w), n->b, w);
	case DL_AST_COMMA:
		return compile_two(c, DL_CODE_COMMA, n, w);
	case DL_AST_NEG:
	case DL_AST_ADD:
	case DL_AST_SUB:
	case DL_AST_MUL:
	case DL_AST_DIV:
	case DL_AST_MOD:
		return compile_operator(c, dl_code_operator(n->op), n, w);
	case DL_AST_EQ:
	case DL_AST_NE:
	case DL_AST_LT:
	case DL_AST_LE:
	case DL_AST_GT:
	case DL_AST_GE:
		return compile_two(c, DL_CODE_COMPARE, n, w);
	case DL_AST_AND:
		return compile_two(c, DL_CODE_AND, n, w);
	case DL_AST_OR:
		return compile_two(c, DL_CODE_OR, n, w);
	case DL_AST_ALT:
		return compile_two(c, DL_CODE_ALT, n, w);
	case DL_AST_IF:
		return compile_if(c, n, w);
	case DL_AST_ARRAY:
		return compile_array(c, n, w);
	case DL_AST_OBJECT:
		return compile_object(c, n, w);
	case DL_AST_STRING:
		return compile_string(c, n, w);
	case DL_AST_FORMAT:
		return compile_format(c, n, w);
	case DL_AST_VAR:
		return compile_var(c, n, w);
	case DL_AST_AS:
		return compile_as(c, n, w);
	case DL_AST_DEF:
		return compile_def(c, ast, w);
	case DL_AST_CALL:
		return dl_compile_call(c, ast, w);
	case DL_AST_ASSIGN:
	case DL_AST_UPDATE:
	case DL_AST_OPERATE:
		return dl_compile_set(c, ast, w);
	}
	return dl_compile_fail(c, "an operator");
}

int
dl_compile(struct dl_compiler *c, int ast, const struct dl_where *w)
{
	int i;

	if (c->why[0] != '\0')
		return NONE;
	if (w->tree == c->program)
		c->line = w->tree->nodes[ast].line;
	if (c->depth == DEPTH)
		return dl_compile_fail(c, "programs too deep in each other");
	c->depth++;
	i = compile_node(c, ast, w);
	c->depth--;
	return c->why[0] != '\0' ? NONE : i;
}
