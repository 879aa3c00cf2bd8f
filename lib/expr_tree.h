/*
 * Building the tree of a program (expr_ast.h): what the parser adds to it.
 *
 * Once the tree has DL_AST_NODES it is full, and -1 takes the place of every
 * further node; every function here takes -1 for a node.  A zero struct with
 * ast set is ready for use.
 */
#ifndef DL_EXPR_TREE_H
#define DL_EXPR_TREE_H

#include "expr_ast.h"

struct dl_tree {
	struct dl_ast *ast;
	bool full;
	int nodes_cap;
	int *items; /* of lists that are not complete yet */
	int nitems, items_cap;
};

/* Texts get their place when the buffer that they are in no longer grows. */
void dl_tree_finish(struct dl_tree *t);
void dl_tree_release(struct dl_tree *t);

int dl_tree_node(struct dl_tree *t, enum dl_ast_op op, int line, int a, int b);

/* A node with a copy of text, and a literal of a decoded text. */
int dl_tree_text(
    struct dl_tree *t, enum dl_ast_op op, int line, struct dl_span text);
int dl_tree_string(struct dl_tree *t, int line, struct dl_span text);

/* A literal as node i, a string, is. */
int dl_tree_again(struct dl_tree *t, int i);

/*
 * Keep an item; those kept since t->nitems was first become items of node i.
 * So lists nest as the functions that read them do.
 */
void dl_tree_keep(struct dl_tree *t, int item);
void dl_tree_give(struct dl_tree *t, int i, int first);

/* Is i a literal of that kind: a string, or a number that can't be zero? */
bool dl_tree_is_string(const struct dl_tree *t, int i);
bool dl_tree_is_nonzero(const struct dl_tree *t, int i);

/* Might jq know the value of i when it compiles? */
bool dl_tree_is_constant(const struct dl_tree *t, int i);

#endif
