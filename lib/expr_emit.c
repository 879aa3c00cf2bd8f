/* Values that are made: arrays, objects and strings, written as they grow. */
#include "expr_run.h"

/* What is being made may take no more than that. */
static int
check_size(struct dl_eval *e, const struct dl_buf *b)
{
	if (b->len <= DL_ARENA_MAX)
		return 0;
	e->fatal = true;
	return dl_err_data(e->err, DL_ARENA_FULL);
}

int
dl_run_collect(void *arg, struct dl_value *v)
{
	struct dl_run_list *l = arg;

	dl_buf_addc(l->b, l->some ? ',' : '[');
	l->some = true;
	dl_value_put(l->b, v);
	return check_size(l->e, l->b);
}

int
dl_run_collect_node(struct dl_run_list *l, int node)
{
	size_t before = l->b->len;
	int r;

	dl_buf_addc(l->b, l->some ? ',' : '[');
	if ((r = dl_run_emit(l->e, node, l->b)) <= 0) {
		l->b->len = before;
		return r;
	}
	l->some = true;
	return check_size(l->e, l->b);
}

static int
emit_array(struct dl_eval *e, const struct dl_code_node *n, struct dl_buf *b)
{
	struct dl_run_list l = {e, b, false};

	if (n->a >= 0 && dl_run_each(e, n->a, dl_run_collect, &l) < 0)
		return -1;
	dl_buf_adds(b, l.some ? "]" : "[]");
	return 1;
}

/* Names that are known, and values as they come. */
static int
emit_members(struct dl_eval *e, const struct dl_code_node *n, struct dl_buf *b)
{
	const int *items = e->code->items + n->first;
	int i, r;

	for (i = 0; i < n->n; i += 2) {
		dl_buf_span(b, dl_run_node(e, items[i])->text);
		if ((r = dl_run_emit(e, items[i + 1], b)) <= 0)
			return r;
		if (check_size(e, b) < 0)
			return -1;
	}
	dl_buf_adds(b, n->n == 0 ? "{}" : "}");
	return 1;
}

static int
names_equal(
    struct dl_eval *e, const struct dl_value *x, const struct dl_value *y)
{
	int cmp;

	if (dl_value_cmp(e->arena, x, y, &cmp, e->err) < 0)
		return -1;
	return cmp == 0;
}

int
dl_run_object(struct dl_eval *e, const struct dl_code_node *n,
    struct dl_value *values, struct dl_buf *b)
{
	char between = '{';
	int i, j, r;

	for (i = 0; i < n->n; i += 2) {
		if (values[i].kind != DL_JSON_STRING)
			return dl_run_cannot(
			    e, "use", &values[i], "as object key");
		/* The same name again: its place is the first one's. */
		for (j = 0; !n->plain && j < i; j += 2) {
			if (values[j].kind == DL_JSON_INVALID)
				continue;
			if ((r = names_equal(e, &values[i], &values[j])) < 0)
				return -1;
			if (r == 0)
				continue;
			values[j + 1] = values[i + 1];
			values[i].kind = DL_JSON_INVALID;
			break;
		}
	}
	for (i = 0; i < n->n; i += 2) {
		if (values[i].kind == DL_JSON_INVALID)
			continue;
		dl_buf_addc(b, between);
		between = ',';
		dl_value_put(b, &values[i]);
		dl_buf_addc(b, ':');
		dl_value_put(b, &values[i + 1]);
		if (check_size(e, b) < 0)
			return -1;
	}
	dl_buf_adds(b, between == '{' ? "{}" : "}");
	return 1;
}

/* Room for the values of n's items. */
static struct dl_value *
values_of(struct dl_eval *e, const struct dl_code_node *n)
{
	struct dl_value *values =
	    dl_arena_alloc(e->arena, (size_t)(n->n + 1) * sizeof(*values));

	if (values == NULL)
		dl_err_data(e->err, DL_ARENA_FULL);
	return values;
}

static int
emit_object(struct dl_eval *e, const struct dl_code_node *n, struct dl_buf *b)
{
	const int *items = e->code->items + n->first;
	struct dl_value *values;
	int i, r;

	if (n->plain)
		return emit_members(e, n, b);
	if ((values = values_of(e, n)) == NULL)
		return -1;
	for (i = 0; i < n->n; i++) {
		if ((r = dl_run_one(e, items[i], &values[i])) <= 0)
			return r;
		if (i % 2 == 1 && values[i - 1].kind != DL_JSON_STRING)
			return dl_run_cannot(
			    e, "use", &values[i - 1], "as object key");
	}
	return dl_run_object(e, n, values, b);
}

int
dl_run_format(
    struct dl_eval *e, const struct dl_code_node *n, struct dl_value *v)
{
	struct dl_value in = *v;
	dl_fn *fn = n->fn;

	if (fn == NULL) {
		if (in.kind == DL_JSON_STRING)
			return 1;
		fn = dl_fn_format(DL_SPAN("@text"));
	}
	if (dl_arena_work(e->arena, in.text.len) < 0)
		return -1;
	return dl_run_fn_call(e, fn, &in, NULL, v);
}

/* The inside of a string value, as jq prints it. */
static void
put_inside(struct dl_buf *b, const struct dl_value *v)
{
	size_t start = b->len;

	dl_value_put(b, v);
	/* Without its quotes. */
	memmove(b->p + start, b->p + start + 1, b->len - start - 2);
	b->len -= 2;
}

/* Does the string's text need other bytes than it came in? */
static bool
is_plain_text(struct dl_span inside)
{
	return memchr(inside.p, '\\', inside.len) == NULL &&
	       memchr(inside.p, 0x7f, inside.len) == NULL;
}

int
dl_run_string(struct dl_eval *e, const struct dl_code_node *n,
    struct dl_value *values, struct dl_buf *b)
{
	const int *items = e->code->items + n->first;
	struct dl_value text;
	struct dl_span s;
	int i;

	dl_buf_addc(b, '"');
	for (i = 0; i < n->n; i++) {
		if (check_size(e, b) < 0)
			return -1;
		if (i % 2 == 0) {
			dl_buf_span(b, dl_run_node(e, items[i])->text);
			continue;
		}
		text = values[i];
		if (text.form == DL_VALUE_JSON) {
			s = dl_span(text.text.p + 1, text.text.len - 2);
			if (is_plain_text(s)) {
				dl_buf_span(b, s);
				continue;
			}
			if (dl_value_string(e->arena, &text, &s, e->err) < 0)
				return -1;
			text = dl_value_text(s);
		}
		put_inside(b, &text);
	}
	dl_buf_addc(b, '"');
	return 1;
}

static int
emit_string(struct dl_eval *e, const struct dl_code_node *n, struct dl_buf *b)
{
	const int *items = e->code->items + n->first;
	struct dl_value few[8], *values = few;
	int i, r;

	if (n->n > 8 && (values = values_of(e, n)) == NULL)
		return -1;
	for (i = n->n - 2; i > 0; i -= 2)
		if ((r = dl_run_one(e, items[i], &values[i])) <= 0 ||
		    (r = dl_run_format(e, n, &values[i])) < 0)
			return r;
	return dl_run_string(e, n, values, b);
}

static int
emit_set(struct dl_eval *e, const struct dl_code_node *n, struct dl_buf *b)
{
	struct dl_value value;
	int r;

	if (n->a < 0)
		return dl_run_set(e, n, NULL, b);
	if ((r = dl_run_one(e, n->a, &value)) <= 0)
		return r;
	return dl_run_set(e, n, &value, b);
}

int
dl_run_emit(struct dl_eval *e, int node, struct dl_buf *b)
{
	const struct dl_code_node *n = dl_run_node(e, node);
	size_t before = b->len;
	struct dl_value v;
	int r;

	switch (n->op) {
	case DL_CODE_CONST:
		dl_buf_span(b, n->text);
		return 1;
	case DL_CODE_ARRAY:
		r = emit_array(e, n, b);
		break;
	case DL_CODE_OBJECT:
		r = emit_object(e, n, b);
		break;
	case DL_CODE_STRING:
		r = emit_string(e, n, b);
		break;
	case DL_CODE_SET:
		r = emit_set(e, n, b);
		break;
	default:
		r = dl_run_one(e, node, &v);
		if (r > 0)
			dl_value_put(b, &v);
		return r;
	}
	if (r <= 0)
		b->len = before;
	return r;
}
