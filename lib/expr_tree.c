#include "expr_tree.h"

#include "json.h"

#include <stdlib.h>

#define NONE (-1)
#define DIGITS 100 /* of a number that surely has not become zero */

void
dl_tree_finish(struct dl_tree *t)
{
	struct dl_span all = dl_buf_as_span(&t->ast->text);
	int i;

	for (i = 0; i < t->ast->nnodes; i++)
		t->ast->nodes[i].text.p = all.p + t->ast->nodes[i].at;
}

void
dl_tree_release(struct dl_tree *t)
{
	free(t->items);
	*t = (struct dl_tree){0};
}

int
dl_tree_node(struct dl_tree *t, enum dl_ast_op op, int line, int a, int b)
{
	struct dl_ast *ast = t->ast;

	if (ast->nnodes == DL_AST_NODES) {
		t->full = true;
		return NONE;
	}
	if (ast->nnodes == t->nodes_cap) {
		t->nodes_cap = t->nodes_cap == 0 ? 32 : t->nodes_cap * 2;
		ast->nodes = dl_realloc(
		    ast->nodes, (size_t)t->nodes_cap * sizeof(*ast->nodes));
	}
	ast->nodes[ast->nnodes] = (struct dl_ast_node){
	    .op = op, .line = line, .a = a, .b = b, .c = NONE};
	return ast->nnodes++;
}

int
dl_tree_text(
    struct dl_tree *t, enum dl_ast_op op, int line, struct dl_span text)
{
	int i = dl_tree_node(t, op, line, NONE, NONE);

	if (i == NONE)
		return NONE;
	t->ast->nodes[i].at = t->ast->text.len;
	t->ast->nodes[i].text.len = text.len;
	dl_buf_span(&t->ast->text, text);
	return i;
}

int
dl_tree_string(struct dl_tree *t, int line, struct dl_span text)
{
	struct dl_ast_node *n;
	int i = dl_tree_node(t, DL_AST_LITERAL, line, NONE, NONE);

	if (i == NONE)
		return NONE;
	n = &t->ast->nodes[i];
	n->at = t->ast->text.len;
	dl_json_quote(&t->ast->text, text);
	n->text.len = t->ast->text.len - n->at;
	return i;
}

int
dl_tree_again(struct dl_tree *t, int i)
{
	int j = dl_tree_node(t, DL_AST_LITERAL, 0, NONE, NONE);

	if (i != NONE && j != NONE)
		t->ast->nodes[j] = t->ast->nodes[i];
	return j;
}

void
dl_tree_keep(struct dl_tree *t, int item)
{
	if (t->nitems == t->items_cap) {
		t->items_cap = t->items_cap == 0 ? 32 : t->items_cap * 2;
		t->items = dl_realloc(
		    t->items, (size_t)t->items_cap * sizeof(*t->items));
	}
	t->items[t->nitems++] = item;
}

void
dl_tree_give(struct dl_tree *t, int i, int first)
{
	struct dl_ast *ast = t->ast;
	int n = t->nitems - first;

	t->nitems = first;
	if (i == NONE || n == 0)
		return;
	ast->items = dl_realloc(
	    ast->items, (size_t)(ast->nitems + n) * sizeof(*ast->items));
	memcpy(ast->items + ast->nitems, t->items + first,
	    (size_t)n * sizeof(*ast->items));
	ast->nodes[i].first = ast->nitems;
	ast->nodes[i].n = n;
	ast->nitems += n;
}

/* The text of a literal, or an absent one of anything else. */
static struct dl_span
literal(const struct dl_tree *t, int i)
{
	const struct dl_ast_node *n;

	if (i == NONE)
		return (struct dl_span){0};
	n = &t->ast->nodes[i];
	if (n->op != DL_AST_LITERAL || n->text.len == 0)
		return (struct dl_span){0};
	return dl_span(t->ast->text.p + n->at, n->text.len);
}

bool
dl_tree_is_string(const struct dl_tree *t, int i)
{
	struct dl_span text = literal(t, i);

	return text.len > 0 && text.p[0] == '"';
}

bool
dl_tree_is_nonzero(const struct dl_tree *t, int i)
{
	struct dl_span text = literal(t, i);
	bool nonzero = false;
	size_t k;

	for (k = 0; k < text.len; k++) {
		if (text.p[k] != '.' && (text.p[k] < '0' || text.p[k] > '9'))
			return false;
		nonzero |= text.p[k] >= '1';
	}
	return nonzero && text.len < DIGITS;
}

bool
dl_tree_is_constant(const struct dl_tree *t, int i)
{
	const struct dl_ast_node *n;

	if (i == NONE)
		return false;
	n = &t->ast->nodes[i];
	switch (n->op) {
	case DL_AST_LITERAL:
	case DL_AST_ARRAY:
	case DL_AST_OBJECT:
		return true;
	case DL_AST_ADD:
	case DL_AST_SUB:
	case DL_AST_MUL:
	case DL_AST_DIV:
	case DL_AST_MOD:
	case DL_AST_EQ:
	case DL_AST_NE:
	case DL_AST_LT:
	case DL_AST_LE:
	case DL_AST_GT:
	case DL_AST_GE:
		return dl_tree_is_constant(t, n->b) &&
		       dl_tree_is_constant(t, n->a);
	default:
		return false;
	}
}
