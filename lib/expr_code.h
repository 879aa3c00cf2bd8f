/*
 * A program that is ready to be run on the scanner: names are gone.
 *
 * Functions stand where they were called (so a program is a tree, and one that
 * calls itself is none), variables are slots, and what a path leads to from a
 * '.' is a path of that '.': its scope, whose paths are all found in one walk.
 * Scope 0 is the event's data and scope 1 the event; these two share their
 * walk with the other programs of a set.
 *
 * Whatever is not taken, and whatever jq would refuse, is left to libjq as a
 * whole.
 */
#ifndef DL_EXPR_CODE_H
#define DL_EXPR_CODE_H

#include "expr.h"
#include "expr_ast.h"
#include "expr_fn.h"
#include "expr_value.h"
#include "paths.h"

enum dl_code_op {
	DL_CODE_DOT,     /* the '.' of scope */
	DL_CODE_PATH,    /* path from the '.' of scope */
	DL_CODE_CONST,   /* value, and its bytes in text */
	DL_CODE_VAR,     /* slot */
	DL_CODE_INDEX,   /* a[b] */
	DL_CODE_SLICE,   /* a[b:c]; -1: no bound */
	DL_CODE_EACH,    /* a[] */
	DL_CODE_TRY,     /* try a catch b; b's '.' is scope */
	DL_CODE_PIPE,    /* a | b; b's '.' is scope, -1: b does not see it */
	DL_CODE_COMMA,   /* a, b */
	DL_CODE_COMPARE, /* a by b */
	DL_CODE_AND,
	DL_CODE_OR,
	DL_CODE_ALT,
	DL_CODE_IF,
	DL_CODE_ARRAY, /* [a]; a may be -1 */
	DL_CODE_OBJECT, /* items: key, value…; plain: text of a key is its bytes */
	DL_CODE_STRING, /* items: constant, program, constant…; fn: its format */
	DL_CODE_AS,     /* a as slot | b; slot -1: nobody looks at it */
	DL_CODE_FN,     /* a | fn(items) */
	DL_CODE_EMPTY,
	DL_CODE_ERROR, /* error(a) */
	DL_CODE_RANGE, /* range(a; b; c); c may be -1 */
	DL_CODE_LIMIT, /* limit(a; b) */
	DL_CODE_FIRST, /* first(a) */
	DL_CODE_LAST,  /* last(a) */
	DL_CODE_ANY,   /* any(a; b), and all where `all`; b's '.' is scope */
	DL_CODE_SET    /* by: = |= += …, or a deletion; see dl_code_step */
};

struct dl_code_node {
	enum dl_code_op op;
	enum dl_ast_op by;
	bool flat;     /* has one output or none, and no try is in it */
	bool some;     /* has an output, unless it fails */
	bool tries;    /* a try may be open when an output leaves it */
	bool optional; /* INDEX, SLICE, EACH: no output in place of an error */
	bool plain;    /* OBJECT: its keys are constants, each there once */
	bool all;
	int a, b, c;
	int first, n; /* items, or for SET: chains */
	int scope, slot, path, line;
	dl_fn *fn;
	struct dl_value value;
	struct dl_span text;
	const struct dl_step *steps; /* PATH */
	size_t nsteps;
};

/*
 * What is left of an assignment's `=`: a chain of steps, and its end.
 *
 * DL_CODE_SET: a gives the values (= and +=), which go to slot; b is the
 * program of |=, whose '.' is scope; fn is the operator of +=.  items are the
 * first steps of the chains, which lead to places apart from each other.
 */
enum dl_code_step_kind {
	DL_STEP_NAME,   /* name */
	DL_STEP_INDEX,  /* index */
	DL_STEP_KEY,    /* what node gives, in slot */
	DL_STEP_EACH,   /* [] */
	DL_STEP_FILTER, /* only where node is true */
	DL_STEP_SCOPE,  /* the value here is the '.' of scope */
	DL_STEP_END
};

struct dl_code_step {
	enum dl_code_step_kind kind;
	bool optional;
	int node, slot, scope;
	int64_t index;
	struct dl_span name; /* decoded */
	struct dl_span key;  /* its bytes, with a colon */
};

#define DL_CODE_DATA 0 /* scopes */
#define DL_CODE_EVENT 1

struct dl_code {
	struct dl_code_node *nodes;
	int *items;
	struct dl_code_step *steps;
	struct dl_paths **scopes; /* NULL: nothing of it is found by path */
	int nnodes, nitems, nsteps, nscopes, nslots, root;
	bool uses_event;
	struct dl_arena arena; /* what the nodes point to */
};

#define DL_CODE_NODES \
	8192 /* at most, after functions went where they are
                              called */
#define DL_CODE_ARGS 4
#define DL_CODE_WHY 200

/*
 * NULL: the program is one for libjq, and why says what made it so.  paths is
 * what the programs of a set share; it must outlive the code.
 */
struct dl_code *dl_code_new(const char *program,
    const struct dl_expr_options *options, struct dl_paths *paths,
    char why[DL_CODE_WHY]);
void dl_code_free(struct dl_code *c);

#endif
