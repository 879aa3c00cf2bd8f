/*
 * The text of a jq program as a tree: the part of the language that is run on
 * the scanner (dl-transform(1), SCANNER).
 *
 * Nodes are numbers, from 0; -1 is no node.  Names are as they were written:
 * what a variable or a function means is for expr_code.h to find.
 */
#ifndef DL_EXPR_AST_H
#define DL_EXPR_AST_H

#include "buf.h"
#include "span.h"

enum dl_ast_op {
	DL_AST_DOT,     /* . */
	DL_AST_LITERAL, /* text: JSON bytes of a scalar; a number as written */
	/*
	 * The three steps.  by: DL_AST_TRY if `?` follows.  It is of the step
	 * alone: in .a.b? an error of .a is not caught.
	 */
	DL_AST_INDEX, /* a[b]; .name is a[b] with b a literal string */
	DL_AST_SLICE, /* a[b:c]; b or c may be -1 */
	DL_AST_EACH,  /* a[] */
	DL_AST_TRY,   /* try a catch b; `(a)?` and `try a` have no b */
	DL_AST_PIPE,  /* a | b */
	DL_AST_COMMA, /* a, b */
	DL_AST_NEG,   /* -a */
	DL_AST_ADD,   /* a + b, and so on */
	DL_AST_SUB,
	DL_AST_MUL,
	DL_AST_DIV,
	DL_AST_MOD,
	DL_AST_EQ,
	DL_AST_NE,
	DL_AST_LT,
	DL_AST_LE,
	DL_AST_GT,
	DL_AST_GE,
	DL_AST_AND,
	DL_AST_OR,
	DL_AST_ALT,     /* a // b */
	DL_AST_ASSIGN,  /* a = b */
	DL_AST_UPDATE,  /* a |= b */
	DL_AST_OPERATE, /* a += b, and so on; by: DL_AST_ADD to _MOD, _ALT */
	DL_AST_IF,      /* if a then b else c end; elif is an if in c */
	DL_AST_ARRAY,   /* [a]; a may be -1 */
	DL_AST_OBJECT,  /* items: key, value, key, value…, all nodes */
	/*
	 * "…\(a)…": items are literal, program, literal, program… literal, an
	 * odd number; an empty literal is there too, and a program that is a
	 * literal is one to be formatted.  text: "" or "@base64".
	 */
	DL_AST_STRING,
	DL_AST_FORMAT, /* @base64 alone: text */
	DL_AST_VAR,    /* $name: text, without its $ */
	DL_AST_AS,     /* a as $name | b: text is the name */
	DL_AST_DEF,    /* def name(params): a; b.  text, params */
	DL_AST_CALL    /* name(args): text; items are the arguments */
};

struct dl_ast_node {
	enum dl_ast_op op, by;
	int a, b, c;
	int first, n;        /* items first to first + n - 1 of tree->items */
	struct dl_span text; /* decoded where it was a name */
	size_t at;           /* private: where text is in tree->text */
	int line;            /* in the program, from 1 */
};

struct dl_ast {
	struct dl_ast_node *nodes;
	int *items;
	int nnodes, nitems, root;
	/*
	 * DL_AST_DEF: items are params, each a DL_AST_VAR ($a, a parameter by
	 * value) or a DL_AST_CALL without arguments (a, by name).
	 */
	char why[160];      /* after -1: "'reduce' (line 2)" */
	struct dl_buf text; /* private: what the names are spans of */
};

/* What is larger is left to libjq. */
#define DL_AST_BYTES (1 << 20) /* of a program */
#define DL_AST_NODES 4096
#define DL_AST_DEPTH 128 /* expressions in each other; a pipe's right side is */

/*
 * Read program.  -1: it is outside the subset or isn't jq at all, which is for
 * libjq to say; why names the first thing that was not taken.  tree is zero at
 * first, and is to be released either way.
 */
int dl_ast_parse(struct dl_ast *tree, const char *program);
void dl_ast_release(struct dl_ast *tree);

/*
 * Append the tree as one line, for tests: (pipe (index . "a") (call map .)); a
 * step with `?` is index?, slice? or each?, and `_` is no node.
 */
void dl_ast_print(const struct dl_ast *tree, int node, struct dl_buf *b);

#endif
