#include "expr.h"

#include "expr_eval.h"
#include "jqrun.h"
#include "jqval.h"
#include "paths.h"

#include <stdio.h>
#include <stdlib.h>

struct expr {
	struct dl_code *code; /* and */
	struct dl_eval *eval; /* or */
	struct dl_jqrun *jq;
	char why[DL_CODE_WHY];
	bool whole_event;
	struct dl_buf out; /* jq's output, printed */
};

struct dl_expr_set {
	struct expr *list;
	int n;
	struct dl_paths *paths;
	struct dl_arena
	    arena; /* of all programs on the scanner, for one record */
	bool uses_jq;
	bool wants_event; /* a program on jq sees the event */
	bool wants_line;  /* one on the scanner sees it as a whole */

	/* The record at hand. */
	struct dl_span data, line, id;
	struct dl_buf made; /* the line of an event that has none */
	struct dl_jqval values;
	bool built;
	jv jv_data, jv_event;
};

static bool force_jq;

void
dl_expr_force_jq(bool on)
{
	force_jq = on;
}

struct dl_expr_set *
dl_expr_set_new(void)
{
	struct dl_expr_set *s = dl_calloc(1, sizeof(*s));

	s->paths = dl_paths_new();
	return s;
}

/* Let go of the record's values. */
static void
forget(struct dl_expr_set *s)
{
	if (!s->built)
		return;
	jv_free(s->jv_data);
	jv_free(s->jv_event);
	s->built = false;
}

void
dl_expr_set_free(struct dl_expr_set *s)
{
	int i;

	if (s == NULL)
		return;
	forget(s);
	for (i = 0; i < s->n; i++) {
		dl_eval_free(s->list[i].eval);
		dl_code_free(s->list[i].code);
		dl_jqrun_free(s->list[i].jq);
		dl_buf_release(&s->list[i].out);
	}
	free(s->list);
	dl_paths_free(s->paths);
	dl_jqval_release(&s->values);
	dl_arena_release(&s->arena);
	dl_buf_release(&s->made);
	free(s);
}

int
dl_expr_add(struct dl_expr_set *s, const char *program,
    const struct dl_expr_options *options, struct dl_err *err)
{
	static const struct dl_expr_options none;
	struct expr x = {0};

	if (options == NULL)
		options = &none;
	x.whole_event = options->whole_event;
	if (force_jq)
		snprintf(x.why, sizeof(x.why), "libjq, asked for");
	else
		x.code = dl_code_new(program, options, s->paths, x.why);
	if (x.code != NULL) {
		x.eval = dl_eval_new(
		    x.code, s->paths, &s->arena, options->max_time_ms);
		s->wants_line |= x.code->uses_event;
	} else {
		if ((x.jq = dl_jqrun_new(program, options, err)) == NULL)
			return -1;
		s->uses_jq = true;
		s->wants_event |= x.whole_event || dl_jqrun_wants_event(x.jq);
	}
	s->list = dl_realloc(s->list, (size_t)(s->n + 1) * sizeof(*s->list));
	s->list[s->n] = x;
	return s->n++;
}

const char *
dl_expr_why(const struct dl_expr_set *s, int n)
{
	return s->list[n].code == NULL ? s->list[n].why : NULL;
}

bool
dl_expr_is_single(const struct dl_expr_set *s, int n)
{
	const struct dl_code *code = s->list[n].code;

	return code != NULL && code->nodes[code->root].flat;
}

bool
dl_expr_set_uses_jq(const struct dl_expr_set *s)
{
	return s->uses_jq;
}

int
dl_expr_run(
    struct dl_expr_set *s, const struct dl_event *ev, struct dl_err *err)
{
	forget(s);
	s->data = ev->data;
	s->line = ev->line;
	s->id = ev->id;
	if (s->line.p == NULL && (s->wants_event || s->wants_line ||
				     dl_paths_use(s->paths, DL_ROOT_EVENT))) {
		dl_buf_clear(&s->made);
		dl_event_write(&s->made, ev);
		s->line = dl_span(s->made.p, s->made.len - 1);
	}
	dl_arena_reset(&s->arena);
	return dl_paths_run(s->paths, s->data, s->line, err);
}

/* The record as jq's values, when a program first asks for them. */
static int
build(struct dl_expr_set *s, struct dl_err *err)
{
	dl_jqval_reset(&s->values);
	s->jv_data = jv_null();
	s->jv_event = jv_null();
	if (!s->wants_event) {
		if (s->data.p != NULL &&
		    dl_jqval_build(&s->values, s->data, &s->jv_data, err) < 0)
			return -1;
		s->built = true;
		return 0;
	}
	if (dl_jqval_build(&s->values, s->line, &s->jv_event, err) < 0)
		return -1;
	s->built = true;
	if (jv_get_kind(s->jv_event) != JV_KIND_OBJECT)
		return dl_err_data(err, "the event is not an object");
	s->jv_data = jv_object_get(jv_copy(s->jv_event), jv_string("data"));
	if (!jv_is_valid(s->jv_data)) {
		jv_free(s->jv_data);
		s->jv_data = jv_null();
	}
	return 0;
}

static int
start_jq(struct dl_expr_set *s, struct expr *x, struct dl_err *err)
{
	if (!s->built && build(s, err) < 0) {
		dl_err_prefix(err, "the event is not JSON");
		return -1;
	}
	dl_jqrun_start(x->jq,
	    jv_copy(x->whole_event ? s->jv_event : s->jv_data),
	    jv_copy(s->jv_event), s->id);
	return 0;
}

static int
next_jq(struct dl_expr_set *s, struct expr *x, struct dl_span *value,
    struct dl_err *err)
{
	jv out;
	int r;

	if ((r = dl_jqrun_next(x->jq, &out, err)) <= 0)
		return r;
	dl_buf_clear(&x->out);
	if (dl_jqval_print(&s->values, out, &x->out, err) < 0)
		return -1;
	*value = dl_buf_as_span(&x->out);
	return 1;
}

/* What stands between the evaluator and who called dl_expr_each(). */
struct caller {
	dl_expr_fn *fn;
	void *arg;
	bool stopped;
};

static int
hand_on(void *arg, struct dl_span value)
{
	struct caller *c = arg;

	c->stopped = c->fn(c->arg, value) < 0;
	return c->stopped;
}

int
dl_expr_each(
    struct dl_expr_set *s, int n, dl_expr_fn *fn, void *arg, struct dl_err *err)
{
	struct caller caller = {fn, arg, false};
	struct expr *x = &s->list[n];
	struct dl_span value;
	int r;

	if (x->code != NULL) {
		r = dl_eval_run(
		    x->eval, s->data, s->line, hand_on, &caller, err);
		return caller.stopped ? -1 : r;
	}
	if (start_jq(s, x, err) < 0)
		return -1;
	while ((r = next_jq(s, x, &value, err)) > 0)
		if (fn(arg, value) < 0)
			return -1;
	return r;
}

struct first {
	struct dl_span value;
	bool some;
};

static int
take_first(void *arg, struct dl_span value)
{
	struct first *f = arg;

	f->value = value;
	f->some = true;
	return 1;
}

int
dl_expr_first(
    struct dl_expr_set *s, int n, struct dl_span *value, struct dl_err *err)
{
	struct expr *x = &s->list[n];
	struct first f = {.some = false};

	if (x->code == NULL)
		return start_jq(s, x, err) < 0 ? -1 : next_jq(s, x, value, err);
	if (dl_expr_is_single(s, n))
		return dl_eval_one(x->eval, s->data, s->line, value, err);
	if (dl_eval_run(x->eval, s->data, s->line, take_first, &f, err) < 0)
		return -1;
	*value = f.value;
	return f.some;
}

/* The names at node, appended: their number, or -1. */
static int
put_names(const struct dl_ast *tree, int node, struct dl_buf *b)
{
	const struct dl_ast_node *n = &tree->nodes[node], *key;
	struct dl_span name;
	int a, after;

	if (n->op == DL_AST_DOT)
		return 0;
	if (n->op == DL_AST_PIPE) {
		a = put_names(tree, n->a, b);
		after = a < 0 ? -1 : put_names(tree, n->b, b);
		return after < 0 ? -1 : a + after;
	}
	if (n->op != DL_AST_INDEX || n->by == DL_AST_TRY)
		return -1;
	key = &tree->nodes[n->b];
	if (key->op != DL_AST_LITERAL ||
	    dl_json_kind(key->text) != DL_JSON_STRING ||
	    (a = put_names(tree, n->a, b)) < 0)
		return -1;
	dl_buf_room(b, key->text.len + 64);
	if (dl_json_string(key->text, b, &name) < 0)
		return -1;
	if (name.p >= key->text.p && name.p <= dl_span_end(key->text))
		dl_buf_span(b, name);
	dl_buf_addc(b, '\0');
	return a + 1;
}

int
dl_expr_names(const char *program, struct dl_buf *b)
{
	struct dl_ast tree = {0};
	size_t before = b->len;
	int n = -1;

	if (dl_ast_parse(&tree, program) == 0)
		n = put_names(&tree, tree.root, b);
	if (n < 0)
		b->len = before;
	dl_ast_release(&tree);
	return n;
}
