#include "expr_ast.h"

#include <stdlib.h>

static const char *const names[] = {
    [DL_AST_DOT] = ".",
    [DL_AST_INDEX] = "index",
    [DL_AST_SLICE] = "slice",
    [DL_AST_EACH] = "each",
    [DL_AST_TRY] = "try",
    [DL_AST_PIPE] = "pipe",
    [DL_AST_COMMA] = "comma",
    [DL_AST_NEG] = "neg",
    [DL_AST_ADD] = "add",
    [DL_AST_SUB] = "sub",
    [DL_AST_MUL] = "mul",
    [DL_AST_DIV] = "div",
    [DL_AST_MOD] = "mod",
    [DL_AST_EQ] = "eq",
    [DL_AST_NE] = "ne",
    [DL_AST_LT] = "lt",
    [DL_AST_LE] = "le",
    [DL_AST_GT] = "gt",
    [DL_AST_GE] = "ge",
    [DL_AST_AND] = "and",
    [DL_AST_OR] = "or",
    [DL_AST_ALT] = "alt",
    [DL_AST_ASSIGN] = "assign",
    [DL_AST_UPDATE] = "update",
    [DL_AST_OPERATE] = "operate",
    [DL_AST_IF] = "if",
    [DL_AST_ARRAY] = "array",
    [DL_AST_OBJECT] = "object",
    [DL_AST_STRING] = "string",
    [DL_AST_FORMAT] = "format",
    [DL_AST_AS] = "as",
    [DL_AST_DEF] = "def",
    [DL_AST_CALL] = "call",
};

void
dl_ast_release(struct dl_ast *tree)
{
	free(tree->nodes);
	free(tree->items);
	dl_buf_release(&tree->text);
	*tree = (struct dl_ast){0};
}

static void
print_child(const struct dl_ast *tree, int node, struct dl_buf *b)
{
	dl_buf_addc(b, ' ');
	if (node < 0)
		dl_buf_addc(b, '_');
	else
		dl_ast_print(tree, node, b);
}

static void
print_items(
    const struct dl_ast *tree, const struct dl_ast_node *n, struct dl_buf *b)
{
	int i;

	for (i = 0; i < n->n; i++)
		print_child(tree, tree->items[n->first + i], b);
}

/* What the node's own name is followed by, before its children. */
static void
print_text(
    const struct dl_ast *tree, const struct dl_ast_node *n, struct dl_buf *b)
{
	if (n->op == DL_AST_OPERATE) {
		dl_buf_addc(b, ' ');
		dl_buf_adds(b, names[n->by]);
	} else if (n->by == DL_AST_TRY)
		dl_buf_addc(b, '?');
	if (n->text.len > 0) {
		dl_buf_addc(b, ' ');
		if (n->op == DL_AST_AS)
			dl_buf_addc(b, '$');
		dl_buf_span(b, n->text);
	}
	if (n->op == DL_AST_DEF) {
		dl_buf_adds(b, " (");
		print_items(tree, n, b);
		dl_buf_addc(b, ')');
	} else
		print_items(tree, n, b);
}

static void
print_children(
    const struct dl_ast *tree, const struct dl_ast_node *n, struct dl_buf *b)
{
	if (n->a >= 0 || n->op == DL_AST_ARRAY)
		print_child(tree, n->a, b);
	if (n->b >= 0 || n->op == DL_AST_SLICE)
		print_child(tree, n->b, b);
	if (n->c >= 0 || n->op == DL_AST_SLICE)
		print_child(tree, n->c, b);
}

void
dl_ast_print(const struct dl_ast *tree, int node, struct dl_buf *b)
{
	const struct dl_ast_node *n = &tree->nodes[node];

	if (n->op == DL_AST_DOT || n->op == DL_AST_LITERAL ||
	    n->op == DL_AST_VAR) {
		dl_buf_adds(b, n->op == DL_AST_DOT   ? "."
			       : n->op == DL_AST_VAR ? "$"
						     : "");
		dl_buf_span(b, n->text);
		return;
	}
	dl_buf_addc(b, '(');
	dl_buf_adds(b, names[n->op]);
	print_text(tree, n, b);
	print_children(tree, n, b);
	dl_buf_addc(b, ')');
}
