/*
 * The text of a plain program (plain.h) as a tree.
 */
#ifndef DL_PLAIN_PARSE_H
#define DL_PLAIN_PARSE_H

#include "buf.h"
#include "json.h"
#include "paths.h"
#include "span.h"

#define DL_PLAIN_NODES 64 /* a longer program is left to jq */

enum dl_plain_op {
	DL_PLAIN_PATH,
	DL_PLAIN_COMPARE, /* a with literal */
	DL_PLAIN_AND,     /* a, b */
	DL_PLAIN_OR,      /* a, b */
	DL_PLAIN_NOT,     /* a */
	DL_PLAIN_SELECT   /* b if a */
};

enum dl_plain_compare {
	DL_PLAIN_EQ,
	DL_PLAIN_NE,
	DL_PLAIN_LT,
	DL_PLAIN_LE,
	DL_PLAIN_GT,
	DL_PLAIN_GE
};

struct dl_plain_path {
	bool from_event; /* after $event, not '.' */
	size_t nsteps;
	struct dl_step steps[DL_PATH_STEPS];
};

struct dl_plain_node {
	enum dl_plain_op op;
	int a, b; /* nodes */
	enum dl_plain_compare compare;
	enum dl_json_kind kind; /* of literal */
	struct dl_span literal; /* a string decoded, a number as it stands */
	struct dl_plain_path path;
};

struct dl_plain_tree {
	struct dl_plain_node *nodes;
	int nnodes, root;
	struct dl_buf text; /* what the names and literals are spans of */
};

/* -1: not plain.  tree is to be released either way, and 0 at first. */
int dl_plain_parse(struct dl_plain_tree *tree, const char *program);
void dl_plain_tree_release(struct dl_plain_tree *tree);

#endif
