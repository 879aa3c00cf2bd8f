/*
 * From tree to code (expr_code.h): what the compiler's parts share.  Private
 * to them.
 *
 * Every function here returns the node that it made, or -1 once the program
 * turned out to be one for libjq (dl_compile_fail); it takes -1 for a node.
 */
#ifndef DL_EXPR_COMPILE_H
#define DL_EXPR_COMPILE_H

#include "expr_code.h"

#include <stdint.h>

enum dl_bound {
	DL_BOUND_VAR,  /* $name: a copy of node */
	DL_BOUND_DEF,  /* a function: the DL_AST_DEF ast of tree */
	DL_BOUND_SELF, /* a function in its own body */
	DL_BOUND_ARG   /* a parameter by name: the program ast of tree, env */
};

/* A name and what it means, before those that it hides. */
struct dl_env {
	const struct dl_env *next;
	enum dl_bound kind;
	struct dl_span name;
	int nparams, node, ast;
	const struct dl_ast *tree;
	const struct dl_env *env; /* ARG: of its caller */
	bool *used;               /* what is never looked at, jq looks at */
};

/* Where a piece of a program stands: what '.' is, and what names mean. */
struct dl_where {
	const struct dl_ast *tree;
	const struct dl_env *env;
	int dot; /* the node of which '.' is a copy */
};

struct dl_compiler {
	struct dl_code *code;
	const struct dl_ast *program;
	struct dl_ast **preludes; /* of the functions that were called */
	int npreludes;
	int depth;
	int line; /* in the program itself */
	char *why;
};

/* For libjq; "WHAT (line N)".  Returns -1. */
int dl_compile_fail(struct dl_compiler *c, const char *fmt, ...)
    DL_PRINTF(2, 3);

/* The program at ast of where's tree. */
int dl_compile(struct dl_compiler *c, int ast, const struct dl_where *where);

/* A call, of something defined in the program or of jq's own. */
int dl_compile_call(struct dl_compiler *c, int ast, const struct dl_where *w);

/* p = v and the like, and del(p), of which ast is p itself. */
int dl_compile_set(struct dl_compiler *c, int ast, const struct dl_where *w);
int dl_compile_del(struct dl_compiler *c, int ast, const struct dl_where *w);

/*
 * A call of something that the program defined: 1 and *inner, where *body
 * stands; 0 it defined none; -1.  Values for parameters are nodes DL_CODE_AS
 * without a body, first to *last, or *first is -1.
 */
int dl_compile_enter(struct dl_compiler *c, int ast, const struct dl_where *w,
    struct dl_where *inner, int *body, int *first, int *last);

/* Nodes. */
int dl_code_make(struct dl_compiler *c, enum dl_code_op op, int a, int b);
/* After a node was given more than its a and b: node. */
int dl_code_judge(struct dl_compiler *c, int node);
int dl_code_copy(struct dl_compiler *c, int node);
int dl_code_const(struct dl_compiler *c, struct dl_span json);
int dl_code_value(struct dl_compiler *c, const struct dl_value *v);
int dl_code_call(
    struct dl_compiler *c, dl_fn *fn, int in, const int *args, int nargs);
int dl_code_items(struct dl_compiler *c, int node, const int *items, int n);
int dl_code_if(struct dl_compiler *c, int cond, int yes, int no);
int dl_code_scope(struct dl_compiler *c);
int dl_code_dot(struct dl_compiler *c, int scope);

/* The function that an operator of values is; NULL: it is none. */
dl_fn *dl_code_operator(enum dl_ast_op op);

/* a | ast: with '.' where a leads to. */
int dl_compile_pipe(
    struct dl_compiler *c, int a, int ast, const struct dl_where *w);

static inline struct dl_code_node *
dl_code_at(struct dl_compiler *c, int node)
{
	return &c->code->nodes[node];
}

static inline bool
dl_code_is(struct dl_compiler *c, int node, enum dl_code_op op)
{
	return node >= 0 && c->code->nodes[node].op == op;
}

/* A copy of text that lives as long as the code. */
struct dl_span dl_compile_keep(struct dl_compiler *c, struct dl_span text);

#endif
