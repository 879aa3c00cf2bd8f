#include "expr_run.h"

#include "clock.h"

#include <stdlib.h>

#define KEPT ((size_t)4 << 20) /* bytes of a buffer, for the next record */

struct dl_eval *
dl_eval_new(const struct dl_code *code, struct dl_paths *paths,
    struct dl_arena *arena, int max_time_ms)
{
	struct dl_eval *e = dl_calloc(1, sizeof(*e));

	e->code = code;
	e->paths = paths;
	e->arena = arena;
	e->max_time_ms = max_time_ms;
	e->vars = dl_calloc((size_t)code->nslots + 1, sizeof(*e->vars));
	e->scopes = dl_calloc((size_t)code->nscopes + 1, sizeof(*e->scopes));
	return e;
}

void
dl_eval_free(struct dl_eval *e)
{
	int i;

	if (e == NULL)
		return;
	for (i = 0; i < e->nbufs; i++) {
		dl_buf_release(e->bufs[i]);
		free(e->bufs[i]);
	}
	if (e->arena->late_arg == e)
		e->arena->late = NULL;
	free(e->bufs);
	free(e->vars);
	free(e->scopes);
	dl_buf_release(&e->made);
	dl_buf_release(&e->result);
	free(e);
}

struct dl_buf *
dl_run_take(struct dl_eval *e)
{
	if (e->depth == e->nbufs) {
		e->bufs = dl_realloc(
		    e->bufs, (size_t)(e->nbufs + 1) * sizeof(*e->bufs));
		e->bufs[e->nbufs++] = dl_calloc(1, sizeof(**e->bufs));
	}
	dl_buf_clear(e->bufs[e->depth]);
	return e->bufs[e->depth++];
}

int
dl_run_keep(struct dl_eval *e, const struct dl_buf *b, struct dl_value *v)
{
	struct dl_span text;

	if (dl_arena_work(e->arena, b->len) < 0)
		return -1;
	text = dl_arena_copy(e->arena, dl_buf_as_span(b));
	if (text.p == NULL)
		return dl_err_data(e->err, DL_ARENA_FULL);
	return dl_value_json(text, v, e->err) < 0 ? -1 : 1;
}

int
dl_run_late(struct dl_eval *e)
{
	int64_t now = dl_clock_ms();

	if (e->max_time_ms == 0)
		return 0;
	if (e->started_ms == 0)
		e->started_ms = now;
	if (now - e->started_ms < e->max_time_ms)
		return 0;
	e->fatal = true;
	return dl_err_data(
	    e->err, "the program ran longer than %dms", e->max_time_ms);
}

int
dl_run_fn_call(struct dl_eval *e, dl_fn *fn, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *v)
{
	struct dl_fn_env env = {e->arena, &e->made, e->err};

	dl_buf_clear(&e->made);
	return fn(&env, in, args, v);
}

int
dl_run_step(struct dl_eval *e, dl_fn *fn, const struct dl_value *args,
    struct dl_value *v)
{
	if (dl_arena_work(e->arena, args[0].text.len) < 0)
		return -1;
	return dl_run_fn_call(e, fn, &dl_value_null, args, v);
}

int
dl_run_cannot(struct dl_eval *e, const char *what, const struct dl_value *v,
    const char *more)
{
	struct dl_err said = {0};
	struct dl_fn_env env = {e->arena, &e->made, &said};

	dl_buf_clear(&e->made);
	dl_fn_fail1(&env, v, more);
	said.msg[sizeof(said.msg) - 1] = '\0';
	if (more[0] == '\0' && said.msg[0] != '\0' &&
	    said.msg[strlen(said.msg) - 1] == ' ')
		said.msg[strlen(said.msg) - 1] = '\0';
	return dl_err_data(e->err, "Cannot %s %s", what, said.msg);
}

int
dl_run_compare(struct dl_eval *e, enum dl_ast_op by, const struct dl_value *x,
    const struct dl_value *y, struct dl_value *v)
{
	bool yes = false;
	int cmp;

	if (dl_value_cmp(e->arena, x, y, &cmp, e->err) < 0)
		return -1;
	switch (by) {
	case DL_AST_EQ:
		yes = cmp == 0;
		break;
	case DL_AST_NE:
		yes = cmp != 0;
		break;
	case DL_AST_LT:
		yes = cmp < 0;
		break;
	case DL_AST_LE:
		yes = cmp <= 0;
		break;
	case DL_AST_GT:
		yes = cmp > 0;
		break;
	default:
		yes = cmp >= 0;
		break;
	}
	*v = dl_value_bool(yes);
	return 1;
}

/* The error, as the program's user is told of it.  Returns -1. */
static int
report(struct dl_eval *e)
{
	struct dl_span text;
	struct dl_buf b = {0};
	struct dl_err why = {0};

	if (!e->raised)
		return -1;
	dl_err_clear(e->err);
	if (e->error.kind == DL_JSON_STRING &&
	    dl_value_string(e->arena, &e->error, &text, &why) >= 0) {
		dl_buf_span(&b, text);
		dl_err_data(e->err, "%s", dl_buf_str(&b));
	} else {
		dl_value_print(e->arena, &b, &e->error, &why);
		dl_err_data(e->err, "(not a string): %s", dl_buf_str(&b));
	}
	dl_buf_release(&b);
	return -1;
}

static int
late(void *e)
{
	return dl_run_late(e);
}

/* What an unusually large record took is not kept. */
static void
shrink(struct dl_buf *b)
{
	if (b->cap > KEPT)
		dl_buf_release(b);
}

static void
start(struct dl_eval *e, struct dl_span data, struct dl_span event,
    struct dl_err *err)
{
	int i;

	for (i = 0; i < e->nbufs; i++)
		shrink(e->bufs[i]);
	shrink(&e->made);
	shrink(&e->result);
	e->arena->late = late;
	e->arena->late_arg = e;
	e->err = err;
	e->data = data;
	e->event = event;
	e->depth = 0;
	e->raised = e->fatal = false;
	e->steps = 0;
	e->started_ms = 0;
}

/* The bytes of v: its own, or those that it gets in e->result. */
static struct dl_span
bytes_of(struct dl_eval *e, const struct dl_value *v)
{
	if (v->form == DL_VALUE_JSON)
		return v->text;
	dl_buf_clear(&e->result);
	dl_value_put(&e->result, v);
	return dl_buf_as_span(&e->result);
}

/* What a flat program ends in decides how its output is best made. */
static int
result(struct dl_eval *e, int node, struct dl_span *value)
{
	const struct dl_code_node *n = dl_run_node(e, node);
	struct dl_value v;
	int r;

	switch (n->op) {
	case DL_CODE_PIPE:
	case DL_CODE_AS:
		return (r = dl_run_left(e, n)) <= 0 ? r
		                                    : result(e, n->b, value);
	case DL_CODE_IF:
		r = dl_run_branch(e, n, &node);
		return r <= 0 ? r : result(e, node, value);
	case DL_CODE_ARRAY:
	case DL_CODE_OBJECT:
	case DL_CODE_STRING:
	case DL_CODE_SET:
		dl_buf_clear(&e->result);
		r = dl_run_emit(e, node, &e->result);
		*value = dl_buf_as_span(&e->result);
		return r;
	default:
		r = dl_run_one(e, node, &v);
		if (r > 0)
			*value = bytes_of(e, &v);
		return r;
	}
}

int
dl_eval_one(struct dl_eval *e, struct dl_span data, struct dl_span event,
    struct dl_span *value, struct dl_err *err)
{
	const struct dl_code_node *n = dl_run_node(e, e->code->root);
	int r;

	start(e, data, event, err);
	/* Most of what an extraction asks for is a path. */
	if (n->op == DL_CODE_PATH && n->scope <= DL_CODE_EVENT)
		return dl_paths_get(e->paths, n->path, value, err);
	r = result(e, e->code->root, value);
	return r < 0 ? report(e) : r;
}

struct output {
	struct dl_eval *e;
	int (*fn)(void *arg, struct dl_span value);
	void *arg;
};

static int
put_output(void *arg, struct dl_value *v)
{
	struct output *o = arg;

	return o->fn(o->arg, bytes_of(o->e, v)) != 0 ? DL_RUN_STOP : 0;
}

int
dl_eval_run(struct dl_eval *e, struct dl_span data, struct dl_span event,
    int (*fn)(void *arg, struct dl_span value), void *arg, struct dl_err *err)
{
	struct output o = {e, fn, arg};
	struct dl_span value;
	int r;

	if (dl_run_node(e, e->code->root)->flat) {
		r = dl_eval_one(e, data, event, &value, err);
		if (r > 0)
			fn(arg, value);
		return r < 0 ? -1 : 0;
	}
	start(e, data, event, err);
	r = dl_run_each(e, e->code->root, put_output, &o);
	return r < 0 ? report(e) : 0;
}
