/*
 * The parser of jq programs: what its two halves, expressions (expr_parse.c)
 * and terms (expr_term.c), share.  Private to them.
 *
 * Every function reads its part of the grammar at p->word and returns the node
 * it made.  The first failure is kept, and from then on p->word is one that
 * fits nowhere, so that all of them return; the nodes mean nothing then, and
 * may be -1.
 */
#ifndef DL_EXPR_PARSE_H
#define DL_EXPR_PARSE_H

#include "expr_lex.h"
#include "expr_tree.h"

struct dl_parser {
	struct dl_tree tree;
	struct dl_lex lex;
	struct dl_word word; /* the next one */
	struct dl_buf text;  /* of the piece of a string */
	int depth;
};

/* It is outside the subset, or not jq; all return -1.  _word: p->word is. */
int dl_parse_fail_at(struct dl_parser *p, int line, const char *what);
int dl_parse_fail(struct dl_parser *p, const char *what);
int dl_parse_fail_word(struct dl_parser *p);

void dl_parse_advance(struct dl_parser *p);

/* Advance if the next word is of that kind; it fails if not, for expect. */
bool dl_parse_accept(struct dl_parser *p, int kind);
void dl_parse_expect(struct dl_parser *p, int kind);

/* One level deeper?  Else it has failed, and there is nothing to leave. */
bool dl_parse_enter(struct dl_parser *p);
void dl_parse_leave(struct dl_parser *p);

int dl_parse_node(
    struct dl_parser *p, enum dl_ast_op op, int line, int a, int b);

/* A node with a name, and one of a variable, after its '$'. */
int dl_parse_name(struct dl_parser *p, enum dl_ast_op op);
int dl_parse_variable(struct dl_parser *p, enum dl_ast_op op);

/* A whole program, and what binds more strongly than any operator. */
int dl_parse_all(struct dl_parser *p);
int dl_parse_term(struct dl_parser *p);

#endif
