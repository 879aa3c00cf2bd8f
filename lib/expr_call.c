#include "expr_compile.h"

#include "expr_prelude.h"

#include <stdlib.h>

#define NONE (-1)

/* What the program itself calls by that name, or NULL. */
static const struct dl_env *
find(const struct dl_where *w, struct dl_span name, int nparams)
{
	const struct dl_env *e;

	for (e = w->env; e != NULL; e = e->next)
		if (e->kind != DL_BOUND_VAR && e->nparams == nparams &&
		    dl_span_eq(e->name, name))
			return e;
	return NULL;
}

static struct dl_env *
env_new(struct dl_compiler *c, const struct dl_env *next, enum dl_bound kind,
    struct dl_span name)
{
	struct dl_env *e = dl_arena_alloc(&c->code->arena, sizeof(*e));

	if (e == NULL) {
		dl_compile_fail(c, "a program too long");
		return NULL;
	}
	*e = (struct dl_env){.next = next, .kind = kind, .name = name};
	return e;
}

/* One parameter: by name, and if it is a $name its value too. */
static const struct dl_env *
bind(struct dl_compiler *c, const struct dl_env *env,
    const struct dl_ast_node *param, int ast, const struct dl_where *caller,
    bool *used, int *first, int *last)
{
	struct dl_env *arg = env_new(c, env, DL_BOUND_ARG, param->text), *var;
	int value, i;

	if (arg == NULL)
		return NULL;
	arg->tree = caller->tree;
	arg->env = caller->env;
	arg->ast = ast;
	arg->used = used;
	if (param->op != DL_AST_VAR)
		return arg;
	*used = true;
	if ((value = dl_compile(c, ast, caller)) < 0 ||
	    (var = env_new(c, arg, DL_BOUND_VAR, param->text)) == NULL)
		return NULL;
	var->node = value;
	if (dl_code_is(c, value, DL_CODE_DOT) ||
	    dl_code_is(c, value, DL_CODE_CONST))
		return var;
	if ((i = dl_code_make(c, DL_CODE_AS, value, NONE)) < 0)
		return NULL;
	if (!dl_code_is(c, value, DL_CODE_PATH)) {
		if ((var->node = dl_code_make(c, DL_CODE_VAR, NONE, NONE)) < 0)
			return NULL;
		dl_code_at(c, i)->slot = c->code->nslots;
		dl_code_at(c, var->node)->slot = c->code->nslots++;
	}
	if (*last >= 0)
		dl_code_at(c, *last)->b = i;
	else
		*first = i;
	*last = i;
	return var;
}

/* Enter the function that e is. */
static int
enter_def(struct dl_compiler *c, const struct dl_env *e,
    const struct dl_ast_node *call, const struct dl_where *w,
    struct dl_where *inner, int *first, int *last)
{
	const struct dl_ast_node *def = &e->tree->nodes[e->ast];
	bool *used = dl_arena_alloc(
	    &c->code->arena, sizeof(*used) * (size_t)(call->n + 1));
	const struct dl_env *env;
	struct dl_env *self;
	int i;

	*e->used = true;
	self = env_new(c, e->next, DL_BOUND_SELF, e->name);
	if (self == NULL || used == NULL)
		return NONE;
	self->nparams = e->nparams;
	env = self;
	for (i = 0; i < call->n && env != NULL; i++) {
		used[i] = false;
		env = bind(c, env,
		    &e->tree->nodes[e->tree->items[def->first + i]],
		    w->tree->items[call->first + i], w, &used[i], first, last);
	}
	if (env == NULL)
		return NONE;
	*inner = (struct dl_where){e->tree, env, w->dot};
	return 1;
}

int
dl_compile_enter(struct dl_compiler *c, int ast, const struct dl_where *w,
    struct dl_where *inner, int *body, int *first, int *last)
{
	const struct dl_ast_node *call = &w->tree->nodes[ast];
	const struct dl_env *e = find(w, call->text, call->n);

	*first = *last = NONE;
	if (e == NULL)
		return 0;
	if (e->kind == DL_BOUND_SELF)
		return dl_compile_fail(
		    c, "'%.*s', which calls itself", DL_SPAN_ARG(call->text));
	if (e->kind == DL_BOUND_ARG) {
		*e->used = true;
		*inner = (struct dl_where){e->tree, e->env, w->dot};
		*body = e->ast;
		return 1;
	}
	*body = e->tree->nodes[e->ast].a;
	return enter_def(c, e, call, w, inner, first, last);
}

/* jq also compiles an argument that the function never looks at. */
static int
check_used(struct dl_compiler *c, const struct dl_env *env)
{
	for (; env->kind != DL_BOUND_SELF; env = env->next)
		if (env->kind == DL_BOUND_ARG && !*env->used)
			return dl_compile_fail(c,
			    "a parameter that is not used, '%.*s'",
			    DL_SPAN_ARG(env->name));
	return 0;
}

/* The value parameters around the body: each a node that has it in b. */
static int
close_params(struct dl_compiler *c, int node, int last, int body)
{
	struct dl_code_node *n = dl_code_at(c, node);
	int inside = node == last ? body : close_params(c, n->b, last, body);

	n->b = inside;
	n->flat = dl_code_at(c, n->a)->flat && dl_code_at(c, inside)->flat;
	n->some = dl_code_at(c, n->a)->some && dl_code_at(c, inside)->some;
	n->tries = dl_code_at(c, n->a)->tries || dl_code_at(c, inside)->tries;
	return node;
}

static int
call_own(struct dl_compiler *c, int ast, const struct dl_where *w, int *made)
{
	struct dl_where inner;
	int body, first, last;
	int r = dl_compile_enter(c, ast, w, &inner, &body, &first, &last);

	*made = NONE;
	if (r <= 0)
		return r;
	*made = dl_compile(c, body, &inner);
	if (*made < 0)
		return NONE;
	if (find(w, w->tree->nodes[ast].text, w->tree->nodes[ast].n)->kind ==
		DL_BOUND_DEF &&
	    check_used(c, inner.env) < 0)
		return NONE;
	if (first >= 0)
		*made = close_params(c, first, last, *made);
	return 1;
}

/* A function of jq's that is a program in jq. */
static int
call_prelude(struct dl_compiler *c, int ast, const struct dl_where *w,
    const char *text, int *made)
{
	const struct dl_ast_node *call = &w->tree->nodes[ast];
	static bool ignored;
	struct dl_ast *tree = dl_calloc(1, sizeof(*tree));
	struct dl_env *def;
	struct dl_where outer, inner;
	int first = NONE, last = NONE;

	c->preludes = dl_realloc(
	    c->preludes, (size_t)(c->npreludes + 1) * sizeof(*c->preludes));
	c->preludes[c->npreludes++] = tree;
	*made = NONE;
	if (dl_ast_parse(tree, text) < 0)
		return dl_compile_fail(c, "'%.*s'", DL_SPAN_ARG(call->text));
	def = env_new(c, NULL, DL_BOUND_DEF, call->text);
	if (def == NULL)
		return NONE;
	def->tree = tree;
	def->ast = tree->root;
	def->nparams = call->n;
	def->used = &ignored;
	outer = *w;
	if (enter_def(c, def, call, &outer, &inner, &first, &last) < 0)
		return NONE;
	*made = dl_compile(c, tree->nodes[tree->root].a, &inner);
	if (*made >= 0 && first >= 0)
		*made = close_params(c, first, last, *made);
	return *made < 0 ? NONE : 1;
}

/* select(f) is `if f then . else empty end`. */
static int
make_select(struct dl_compiler *c, const int *args, const struct dl_where *w)
{
	return dl_code_if(c, args[0], dl_code_copy(c, w->dot),
	    dl_code_make(c, DL_CODE_EMPTY, NONE, NONE));
}

static int
make_range(struct dl_compiler *c, const int *args, int nargs)
{
	int from = nargs > 1 ? args[0] : dl_code_const(c, DL_SPAN("0"));
	int i;

	if (from < 0 ||
	    (i = dl_code_make(c, DL_CODE_RANGE, from, args[nargs > 1])) < 0)
		return NONE;
	dl_code_at(c, i)->c = nargs > 2 ? args[2] : NONE;
	return i;
}

/*
 * What stops the program in it early.  jq 1.6 does so by an error, which a try
 * in there catches: what comes of that is left to libjq.
 */
static int
make_cut(struct dl_compiler *c, enum dl_code_op op, int a, int b, int inside)
{
	if (dl_code_at(c, inside)->tries)
		return dl_compile_fail(c, "a 'try' that is left early");
	return dl_code_make(c, op, a, b);
}

/* any and all: what their second argument sees is no '.' of ours. */
static int
make_any(struct dl_compiler *c, const struct dl_ast_node *call,
    const struct dl_where *w, bool all)
{
	struct dl_where inner = *w;
	int a = dl_compile(c, w->tree->items[call->first], w), b, i;
	int scope = dl_code_scope(c);

	inner.dot = dl_code_dot(c, scope);
	b = dl_compile(c, w->tree->items[call->first + 1], &inner);
	if (a < 0 || b < 0)
		return NONE;
	if (!dl_code_at(c, b)->flat)
		return dl_compile_fail(
		    c, "'%.*s' of such a condition", DL_SPAN_ARG(call->text));
	if ((i = make_cut(c, DL_CODE_ANY, a, b, a)) < 0)
		return NONE;
	dl_code_at(c, i)->scope = scope;
	dl_code_at(c, i)->all = all;
	return i;
}

/* What only the compiler can do: 1, 0 it is none of these, -1. */
static int
call_special(struct dl_compiler *c, int ast, const struct dl_where *w,
    const int *args, int *made)
{
	const struct dl_ast_node *call = &w->tree->nodes[ast];
	struct dl_span name = call->text;
	int n = call->n;

	if (n == 0 && dl_span_is(name, "empty"))
		*made = dl_code_make(c, DL_CODE_EMPTY, NONE, NONE);
	else if (n <= 1 && dl_span_is(name, "error"))
		*made = dl_code_make(c, DL_CODE_ERROR,
		    n == 0 ? dl_code_copy(c, w->dot) : args[0], NONE);
	else if (n == 1 && dl_span_is(name, "select"))
		*made = make_select(c, args, w);
	else if (n >= 1 && n <= 3 && dl_span_is(name, "range"))
		*made = make_range(c, args, n);
	else if (n == 2 && dl_span_is(name, "limit"))
		*made = make_cut(c, DL_CODE_LIMIT, args[0], args[1], args[1]);
	else if (n == 1 && dl_span_is(name, "first"))
		*made =
		    dl_code_at(c, args[0])->flat
			? args[0]
			: make_cut(c, DL_CODE_FIRST, args[0], NONE, args[0]);
	else if (n == 1 && dl_span_is(name, "last"))
		*made = dl_code_make(c, DL_CODE_LAST, args[0], NONE);
	else
		return 0;
	return *made < 0 ? NONE : 1;
}

static int
fail_unknown(struct dl_compiler *c, const struct dl_ast_node *call)
{
	static const char *const regular[] = {
	    "test", "match", "capture", "scan", "splits", "sub", "gsub"};
	size_t i;

	for (i = 0; i < sizeof(regular) / sizeof(regular[0]); i++)
		if (dl_span_is(call->text, regular[i]))
			return dl_compile_fail(
			    c, "'%s', a regular expression", regular[i]);
	return dl_compile_fail(
	    c, "'%.*s/%d'", DL_SPAN_ARG(call->text), call->n);
}

/* A function of values. */
static int
call_function(
    struct dl_compiler *c, int ast, const struct dl_where *w, const int *args)
{
	const struct dl_ast_node *call = &w->tree->nodes[ast];
	const struct dl_fn_entry *f = dl_fn_find(call->text, call->n);

	if (f == NULL || call->n > DL_CODE_ARGS)
		return fail_unknown(c, call);
	return dl_code_call(c, f->fn, dl_code_copy(c, w->dot), args, call->n);
}

int
dl_compile_call(struct dl_compiler *c, int ast, const struct dl_where *w)
{
	const struct dl_ast_node *call = &w->tree->nodes[ast];
	int args[DL_CODE_ARGS], i, made, r;
	const char *prelude;

	if ((r = call_own(c, ast, w, &made)) != 0)
		return r < 0 ? NONE : made;
	if ((prelude = dl_prelude_find(call->text, call->n)) != NULL)
		return call_prelude(c, ast, w, prelude, &made) < 0 ? NONE
		                                                   : made;
	if (call->n == 1 && dl_span_is(call->text, "del"))
		return dl_compile_del(c, w->tree->items[call->first], w);
	if (call->n == 2 &&
	    (dl_span_is(call->text, "any") || dl_span_is(call->text, "all")))
		return make_any(c, call, w, dl_span_is(call->text, "all"));
	if (call->n > DL_CODE_ARGS)
		return fail_unknown(c, call);
	for (i = 0; i < call->n; i++)
		if ((args[i] = dl_compile(
			 c, w->tree->items[call->first + i], w)) < 0)
			return NONE;
	if ((r = call_special(c, ast, w, args, &made)) != 0)
		return r < 0 ? NONE : made;
	return call_function(c, ast, w, args);
}
