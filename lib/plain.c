#include "plain.h"

#include "double.h"
#include "json.h"
#include "plain_parse.h"

#include <stdlib.h>

struct dl_plain {
	struct dl_plain_tree tree;
	int paths[DL_PLAIN_NODES]; /* the number in t of each node's path */
	double numbers[DL_PLAIN_NODES];
	struct dl_buf scratch;
};

/*
 * Where a path of the program leads from: what is below the event's data is
 * found there, so that the data is walked once.
 */
static int
want_path(
    const struct dl_plain_path *path, bool whole_event, struct dl_paths *t)
{
	const struct dl_step *steps = path->steps;

	if (!path->from_event && !whole_event)
		return dl_paths_add(t, DL_ROOT_DATA, steps, path->nsteps);
	if (path->nsteps > 0 && steps[0].name.p != NULL &&
	    dl_span_is(steps[0].name, "data"))
		return dl_paths_add(
		    t, DL_ROOT_DATA, steps + 1, path->nsteps - 1);
	return dl_paths_add(t, DL_ROOT_EVENT, steps, path->nsteps);
}

struct dl_plain *
dl_plain_new(const char *program, bool whole_event, struct dl_paths *t)
{
	struct dl_plain *p = dl_calloc(1, sizeof(*p));
	const struct dl_plain_node *n;
	int i;

	if (dl_plain_parse(&p->tree, program) < 0) {
		dl_plain_free(p);
		return NULL;
	}
	for (i = 0; i < p->tree.nnodes; i++) {
		n = &p->tree.nodes[i];
		if (n->op == DL_PLAIN_PATH)
			p->paths[i] = want_path(&n->path, whole_event, t);
		if (n->op == DL_PLAIN_COMPARE && n->kind == DL_JSON_NUMBER)
			p->numbers[i] = dl_double(n->literal);
	}
	return p;
}

void
dl_plain_free(struct dl_plain *p)
{
	if (p == NULL)
		return;
	dl_plain_tree_release(&p->tree);
	dl_buf_release(&p->scratch);
	free(p);
}

static int
put_bool(struct dl_span *value, bool b)
{
	*value = b ? DL_SPAN("true") : DL_SPAN("false");
	return 1;
}

/* All but null and false is true. */
static bool
truth(struct dl_span value)
{
	return value.len > 0 && value.p[0] != 'n' && value.p[0] != 'f';
}

static int
order_numbers(double a, double b)
{
	return (a > b) - (a < b);
}

/* jq's order of a value and a literal: kinds first, in the order of ours. */
static int
order(struct dl_plain *p, int i, struct dl_span value, int *cmp,
    struct dl_err *err)
{
	const struct dl_plain_node *n = &p->tree.nodes[i];
	enum dl_json_kind kind = dl_json_kind(value);
	struct dl_span text;

	*cmp = (kind > n->kind) - (kind < n->kind);
	if (kind == n->kind && kind == DL_JSON_NUMBER)
		*cmp = order_numbers(dl_double(value), p->numbers[i]);
	if (kind == n->kind && kind == DL_JSON_STRING) {
		dl_buf_clear(&p->scratch);
		if (dl_json_string(value, &p->scratch, &text) < 0)
			return dl_err_data(err, "a string is not JSON");
		*cmp = dl_span_cmp(text, n->literal);
	}
	return 0;
}

static bool
compared(enum dl_plain_compare how, int cmp)
{
	switch (how) {
	case DL_PLAIN_EQ:
		return cmp == 0;
	case DL_PLAIN_NE:
		return cmp != 0;
	case DL_PLAIN_LT:
		return cmp < 0;
	case DL_PLAIN_LE:
		return cmp <= 0;
	case DL_PLAIN_GT:
		return cmp > 0;
	case DL_PLAIN_GE:
		return cmp >= 0;
	}
	return false;
}

/* As deep as the parser let the program be. */
static int
eval(struct dl_plain *p, int i, const struct dl_paths *t, struct dl_span *value,
    struct dl_err *err)
{
	const struct dl_plain_node *n = &p->tree.nodes[i];
	int r, cmp;

	if (n->op == DL_PLAIN_PATH)
		return dl_paths_get(t, p->paths[i], value, err);
	if ((r = eval(p, n->a, t, value, err)) <= 0)
		return r;
	switch (n->op) {
	case DL_PLAIN_COMPARE:
		if (value->len == 0 || order(p, i, *value, &cmp, err) < 0)
			return dl_err_data(err, "the data is not JSON");
		return put_bool(value, compared(n->compare, cmp));
	case DL_PLAIN_NOT:
		return put_bool(value, !truth(*value));
	case DL_PLAIN_SELECT:
		return truth(*value) ? eval(p, n->b, t, value, err) : 0;
	default:
		break;
	}
	if (truth(*value) == (n->op == DL_PLAIN_OR))
		return put_bool(value, n->op == DL_PLAIN_OR);
	if ((r = eval(p, n->b, t, value, err)) <= 0)
		return r;
	return put_bool(value, truth(*value));
}

int
dl_plain_eval(struct dl_plain *p, const struct dl_paths *t,
    struct dl_span *value, struct dl_err *err)
{
	return eval(p, p->tree.root, t, value, err);
}

int
dl_plain_path(const char *program, struct dl_step *steps, size_t max,
    struct dl_buf *names)
{
	struct dl_plain_tree *tree = dl_calloc(1, sizeof(*tree));
	const struct dl_plain_path *path;
	int n = -1;
	size_t i;

	if (dl_plain_parse(tree, program) == 0 &&
	    tree->nodes[tree->root].op == DL_PLAIN_PATH) {
		path = &tree->nodes[tree->root].path;
		if (!path->from_event && path->nsteps <= max)
			n = (int)path->nsteps;
	}
	if (n > 0)
		dl_buf_room(names, tree->text.len + 1); /* it stays */
	for (i = 0; (int)i < n; i++) {
		struct dl_span name = path->steps[i].name;

		steps[i] = path->steps[i];
		if (name.p == NULL)
			continue;
		steps[i].name.p = names->p + names->len;
		dl_buf_span(names, name);
	}
	dl_plain_tree_release(tree);
	free(tree);
	return n;
}
