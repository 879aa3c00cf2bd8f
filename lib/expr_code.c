/* The nodes of a program, and what is known of each. */
#include "expr_compile.h"

#include "double.h"

#include <stdio.h>
#include <stdlib.h>

#define NONE (-1)

struct dl_span
dl_compile_keep(struct dl_compiler *c, struct dl_span text)
{
	return dl_arena_copy(&c->code->arena, text);
}

int
dl_compile_fail(struct dl_compiler *c, const char *fmt, ...)
{
	size_t n;
	va_list ap;

	if (c->why[0] != '\0')
		return NONE;
	va_start(ap, fmt);
	vsnprintf(c->why, DL_CODE_WHY, fmt, ap);
	va_end(ap);
	n = strlen(c->why);
	snprintf(c->why + n, DL_CODE_WHY - n, " (line %d)", c->line);
	return NONE;
}

static bool
tries(const struct dl_code_node *nodes, int node)
{
	return node >= 0 && nodes[node].tries;
}

/* What is known of a node from those in it. */
static void
judge(struct dl_compiler *c, struct dl_code_node *n)
{
	const struct dl_code_node *nodes = c->code->nodes;
	bool af = n->a < 0 || nodes[n->a].flat,
	     as = n->a < 0 || nodes[n->a].some;
	bool bf = n->b < 0 || nodes[n->b].flat,
	     bs = n->b < 0 || nodes[n->b].some;
	bool cf = n->c < 0 || nodes[n->c].flat,
	     cs = n->c < 0 || nodes[n->c].some;

	n->tries = n->op == DL_CODE_TRY || tries(nodes, n->a) ||
	           tries(nodes, n->b) || tries(nodes, n->c);
	switch (n->op) {
	case DL_CODE_EACH:
	case DL_CODE_TRY:
	case DL_CODE_RANGE:
	case DL_CODE_LIMIT:
		break;
	case DL_CODE_COMMA:
		n->some = as || bs;
		break;
	case DL_CODE_FIRST:
		n->some = as;
		break;
	case DL_CODE_LAST:
	case DL_CODE_ANY:
	case DL_CODE_ARRAY:
		n->flat = n->some = true;
		n->tries = false;
		break;
	case DL_CODE_ALT:
		n->flat = af && bf;
		n->some = bs;
		break;
	case DL_CODE_IF:
		n->flat = af && bf && cf;
		n->some = as && bs && cs;
		break;
	case DL_CODE_EMPTY:
		n->flat = true;
		break;
	case DL_CODE_ERROR: /* of null is empty */
		n->flat = af;
		break;
	default:
		n->flat = af && bf && cf;
		n->some = as && bs && cs && !n->optional;
		break;
	}
}

int
dl_code_make(struct dl_compiler *c, enum dl_code_op op, int a, int b)
{
	struct dl_code *code = c->code;
	struct dl_code_node n = {.op = op,
	    .a = a,
	    .b = b,
	    .c = NONE,
	    .scope = NONE,
	    .slot = NONE,
	    .line = c->line};

	if (c->why[0] != '\0')
		return NONE;
	if (code->nnodes == DL_CODE_NODES)
		return dl_compile_fail(c, "a program too long");
	if (code->nodes == NULL)
		code->nodes = dl_calloc(DL_CODE_NODES, sizeof(*code->nodes));
	judge(c, &n);
	code->nodes[code->nnodes] = n;
	return code->nnodes++;
}

int
dl_code_judge(struct dl_compiler *c, int node)
{
	if (node >= 0) {
		dl_code_at(c, node)->flat = dl_code_at(c, node)->some = false;
		judge(c, dl_code_at(c, node));
	}
	return node;
}

int
dl_code_copy(struct dl_compiler *c, int node)
{
	int i = dl_code_make(c, DL_CODE_EMPTY, NONE, NONE);

	if (i >= 0 && node >= 0)
		*dl_code_at(c, i) = *dl_code_at(c, node);
	return i;
}

int
dl_code_items(struct dl_compiler *c, int node, const int *items, int n)
{
	struct dl_code *code = c->code;
	bool flat = true, some = true, tried = false;
	int i;

	if (node < 0 || c->why[0] != '\0')
		return NONE;
	code->items = dl_realloc(
	    code->items, (size_t)(code->nitems + n + 1) * sizeof(*items));
	for (i = 0; i < n; i++) {
		code->items[code->nitems + i] = items[i];
		flat &= dl_code_at(c, items[i])->flat;
		some &= dl_code_at(c, items[i])->some;
		tried |= dl_code_at(c, items[i])->tries;
	}
	dl_code_at(c, node)->first = code->nitems;
	dl_code_at(c, node)->n = n;
	dl_code_at(c, node)->flat &= flat;
	dl_code_at(c, node)->some &= some;
	dl_code_at(c, node)->tries |= tried;
	code->nitems += n;
	return node;
}

int
dl_code_value(struct dl_compiler *c, const struct dl_value *v)
{
	int i = dl_code_make(c, DL_CODE_CONST, NONE, NONE);
	struct dl_buf b = {0};

	if (i < 0)
		return NONE;
	dl_value_put(&b, v);
	dl_code_at(c, i)->text = dl_compile_keep(c, dl_buf_as_span(&b));
	dl_code_at(c, i)->value = *v;
	if (v->text.p != NULL)
		dl_code_at(c, i)->value.text = dl_compile_keep(c, v->text);
	dl_buf_release(&b);
	return i;
}

/*
 * jq makes a double of a literal number, which is then printed as such; an
 * integer that a double can't hold keeps its digits.
 */
static struct dl_value
literal_number(struct dl_span text)
{
	struct dl_value v = dl_value_number(dl_double(text));
	struct dl_err err = {0};
	size_t i;

	for (i = 0; i < text.len; i++)
		if (text.p[i] < '0' || text.p[i] > '9')
			return v;
	if (v.number >= 9007199254740992.0)
		dl_value_json(text, &v, &err);
	return v;
}

int
dl_code_const(struct dl_compiler *c, struct dl_span json)
{
	struct dl_err err = {0};
	struct dl_buf text = {0};
	struct dl_value v;
	int i;

	json = dl_compile_keep(c, json);
	if (json.p == NULL || dl_value_json(json, &v, &err) < 0)
		return dl_compile_fail(c, "a constant");
	if (v.kind == DL_JSON_NUMBER)
		v = literal_number(json);
	/* The decoder's text may be its own bytes: room keeps it in place. */
	if (v.kind == DL_JSON_STRING &&
	    dl_json_string(json, &text, &v.text) == 0) {
		v = dl_value_text(dl_compile_keep(c, v.text));
	}
	i = dl_code_value(c, &v);
	dl_buf_release(&text);
	return i;
}

int
dl_code_scope(struct dl_compiler *c)
{
	struct dl_code *code = c->code;

	code->scopes = dl_realloc(
	    code->scopes, (size_t)(code->nscopes + 1) * sizeof(*code->scopes));
	code->scopes[code->nscopes] = NULL;
	return code->nscopes++;
}

int
dl_code_dot(struct dl_compiler *c, int scope)
{
	int i = dl_code_make(c, DL_CODE_DOT, NONE, NONE);

	if (i >= 0)
		dl_code_at(c, i)->scope = scope;
	return i;
}

int
dl_code_if(struct dl_compiler *c, int cond, int yes, int no)
{
	int i = dl_code_make(c, DL_CODE_IF, cond, yes);

	if (i < 0 || cond < 0 || yes < 0 || no < 0)
		return NONE;
	dl_code_at(c, i)->c = no;
	return dl_code_judge(c, i);
}

/* Numbers that are known now; jq refuses to divide them by zero. */
static int
fold(struct dl_compiler *c, dl_fn *fn, const int *args, int nargs)
{
	struct dl_value values[DL_CODE_ARGS], v;
	struct dl_buf out = {0};
	struct dl_err err = {0};
	struct dl_fn_env env = {&c->code->arena, &out, &err};
	int i, r;

	for (i = 0; i < nargs; i++) {
		values[i] = dl_code_at(c, args[i])->value;
		if (dl_code_at(c, args[i])->op != DL_CODE_CONST ||
		    values[i].kind != DL_JSON_NUMBER)
			return NONE;
	}
	r = fn(&env, &dl_value_null, values, &v);
	dl_buf_release(&out);
	if (r < 0)
		return fn == dl_fn_div
		           ? dl_compile_fail(c, "a constant division")
		           : NONE;
	return dl_code_value(c, &v);
}

int
dl_code_call(
    struct dl_compiler *c, dl_fn *fn, int in, const int *args, int nargs)
{
	int i;

	if (c->why[0] != '\0')
		return NONE;
	if (in < 0 &&
	    ((i = fold(c, fn, args, nargs)) >= 0 || c->why[0] != '\0'))
		return i;
	i = dl_code_make(c, DL_CODE_FN, in, NONE);
	if (i >= 0)
		dl_code_at(c, i)->fn = fn;
	return dl_code_items(c, i, args, nargs);
}

dl_fn *
dl_code_operator(enum dl_ast_op op)
{
	switch (op) {
	case DL_AST_NEG:
		return dl_fn_neg;
	case DL_AST_ADD:
		return dl_fn_add;
	case DL_AST_SUB:
		return dl_fn_sub;
	case DL_AST_MUL:
		return dl_fn_mul;
	case DL_AST_DIV:
		return dl_fn_div;
	case DL_AST_MOD:
		return dl_fn_mod;
	default:
		return NULL;
	}
}
