/* A program as a whole: what is bound outside of it, and its paths. */
#include "expr_compile.h"

#include <stdio.h>
#include <stdlib.h>

#define NONE (-1)

static const struct dl_env *
bind_var(struct dl_compiler *c, const struct dl_env *next, struct dl_span name,
    int node)
{
	struct dl_env *e = dl_arena_alloc(&c->code->arena, sizeof(*e));

	if (e == NULL || node < 0)
		return next;
	*e = (struct dl_env){.next = next,
	    .kind = DL_BOUND_VAR,
	    .name = dl_compile_keep(c, name),
	    .node = node};
	return e;
}

/* As jq has a value that came as an argument: its numbers are doubles. */
static int
argument(struct dl_compiler *c, const struct dl_value *v)
{
	struct dl_value kept = *v;
	struct dl_err err = {0};
	struct dl_buf b = {0};
	int node = NONE;

	if (dl_value_print(&c->code->arena, &b, v, &err) == 0 &&
	    dl_value_json(dl_buf_as_span(&b), &kept, &err) == 0)
		node = dl_code_value(c, &kept);
	dl_buf_release(&b);
	return node;
}

/* $ARGS, unless an argument is called so. */
static const struct dl_env *
bind_all(struct dl_compiler *c, const struct dl_env *env,
    const struct dl_value *args)
{
	struct dl_err err = {0};
	struct dl_buf b = {0};
	struct dl_value all;

	dl_buf_adds(&b, "{\"positional\":[],\"named\":");
	dl_value_put(&b, args);
	dl_buf_addc(&b, '}');
	if (dl_value_json(dl_buf_as_span(&b), &all, &err) == 0)
		env = bind_var(c, env, DL_SPAN("ARGS"), argument(c, &all));
	dl_buf_release(&b);
	return env;
}

/* $NAME of --arg and the like.  What is wrong with them, libjq's side says. */
static const struct dl_env *
bind_args(struct dl_compiler *c, const struct dl_env *env, const char *json)
{
	struct dl_value args, name, value;
	struct dl_value_iter it;
	struct dl_err err = {0};
	struct dl_span text;
	int r;

	if (dl_value_json(
		dl_span_str(json == NULL ? "{}" : json), &args, &err) < 0 ||
	    args.kind != DL_JSON_OBJECT || dl_json_check(args.text, &err) < 0) {
		dl_compile_fail(c, "arguments that are no object");
		return env;
	}
	env = bind_all(c, env, &args);
	dl_value_enter(&it, &args);
	while ((r = dl_value_next(&it, &name, &value, &err)) > 0) {
		if (dl_value_string(&c->code->arena, &name, &text, &err) < 0 ||
		    dl_span_is(text, "event")) {
			dl_compile_fail(c, "such an argument");
			return env;
		}
		env = bind_var(c, env, text, argument(c, &value));
	}
	return env;
}

/* Want the paths that the program has in the end. */
static void
want_paths(struct dl_code *code, struct dl_paths *shared)
{
	struct dl_code_node *n;
	struct dl_paths *paths;

	for (n = code->nodes; n < code->nodes + code->nnodes; n++) {
		if (n->op == DL_CODE_DOT && n->scope == DL_CODE_EVENT)
			code->uses_event = true;
		if (n->op != DL_CODE_PATH)
			continue;
		paths = shared;
		if (n->scope > DL_CODE_EVENT) {
			if (code->scopes[n->scope] == NULL)
				code->scopes[n->scope] = dl_paths_new();
			paths = code->scopes[n->scope];
		}
		n->path = dl_paths_add(paths,
		    n->scope == DL_CODE_EVENT ? DL_ROOT_EVENT : DL_ROOT_DATA,
		    n->steps, n->nsteps);
	}
}

static int
compile(struct dl_compiler *c, const struct dl_expr_options *options)
{
	struct dl_where w = {.tree = c->program};
	int data, event;

	dl_code_scope(c);
	dl_code_scope(c);
	data = dl_code_dot(c, DL_CODE_DATA);
	event = dl_code_dot(c, DL_CODE_EVENT);
	w.dot = options->whole_event ? event : data;
	w.env = bind_args(c, NULL, options->args_json);
	w.env = bind_var(c, w.env, DL_SPAN("event"), event);
	c->code->root = dl_compile(c, c->program->root, &w);
	/* They were there to be copied. */
	if (c->why[0] == '\0') {
		dl_code_at(c, data)->op = DL_CODE_EMPTY;
		dl_code_at(c, event)->op = DL_CODE_EMPTY;
	}
	return c->why[0] == '\0' ? 0 : -1;
}

struct dl_code *
dl_code_new(const char *program, const struct dl_expr_options *options,
    struct dl_paths *paths, char why[DL_CODE_WHY])
{
	struct dl_ast tree = {0};
	struct dl_compiler c = {.program = &tree, .line = 1, .why = why};
	int i;

	why[0] = '\0';
	c.code = dl_calloc(1, sizeof(*c.code));
	if (dl_ast_parse(&tree, program) < 0)
		snprintf(why, DL_CODE_WHY, "%s", tree.why);
	else if (compile(&c, options) == 0)
		want_paths(c.code, paths);
	for (i = 0; i < c.npreludes; i++) {
		dl_ast_release(c.preludes[i]);
		free(c.preludes[i]);
	}
	free(c.preludes);
	dl_ast_release(&tree);
	if (why[0] == '\0') {
		c.code->nodes = dl_realloc(c.code->nodes,
		    (size_t)c.code->nnodes * sizeof(*c.code->nodes));
		return c.code;
	}
	dl_code_free(c.code);
	return NULL;
}

void
dl_code_free(struct dl_code *c)
{
	int i;

	if (c == NULL)
		return;
	for (i = 0; i < c->nscopes; i++)
		dl_paths_free(c->scopes[i]);
	free(c->scopes);
	free(c->nodes);
	free(c->items);
	free(c->steps);
	dl_arena_release(&c->arena);
	free(c);
}
