/*
 * The words of a jq program, as jq 1.6 has them: the longest one that fits is
 * meant, so that `?//` is one, and `.e1` is a broken number and no name.
 *
 * Private to the parser (expr_ast.h).  On any bytes at all it stays in bounds,
 * and every word but the last one takes at least one byte.
 */
#ifndef DL_EXPR_LEX_H
#define DL_EXPR_LEX_H

#include "buf.h"
#include "span.h"

/* Kinds of words; one of a single byte is that byte. */
enum {
	DL_WORD_END = 256,
	DL_WORD_BAD,    /* not jq, or a way to write it that is not taken */
	DL_WORD_NUMBER, /* text: as written, a number of JSON */
	DL_WORD_NAME,   /* text: f */
	DL_WORD_FIELD,  /* .f; text: f */
	DL_WORD_FORMAT, /* text: @base64 */
	DL_WORD_QUOTE,  /* dl_lex_string() is to be called next */
	DL_WORD_OTHER,  /* jq's, but outside the subset: `..`, `?//` */
	DL_WORD_EQ,
	DL_WORD_NE,
	DL_WORD_LE,
	DL_WORD_GE,
	DL_WORD_ALT,
	DL_WORD_SET_PIPE,
	DL_WORD_SET_ADD,
	DL_WORD_SET_SUB,
	DL_WORD_SET_MUL,
	DL_WORD_SET_DIV,
	DL_WORD_SET_MOD,
	DL_WORD_SET_ALT,
	/* Keywords, which are names only as keys of objects. */
	DL_WORD_KEYWORD, /* outside the subset */
	DL_WORD_AND,
	DL_WORD_AS,
	DL_WORD_CATCH,
	DL_WORD_DEF,
	DL_WORD_ELIF,
	DL_WORD_ELSE,
	DL_WORD_IF,
	DL_WORD_OR,
	DL_WORD_THEN,
	DL_WORD_TRY,
	DL_WORD_STOP /* `end` */
};

struct dl_word {
	int kind;
	struct dl_span text; /* of the program */
	int line;            /* from 1 */
};

struct dl_lex {
	const char *p, *end;
	int line;
	const char *why; /* what was wrong with DL_WORD_BAD, or NULL */
};

/* program, which is not copied, is valid UTF-8. */
void dl_lex_start(struct dl_lex *l, struct dl_span program);

void dl_lex_next(struct dl_lex *l, struct dl_word *w);

/*
 * After DL_WORD_QUOTE, or after the `)` of an interpolation: append the decoded
 * text up to the string's end (0) or up to past the next `\(` (1).  -1: it is
 * not a string of JSON with a valid text, or doesn't end; why is set.
 */
int dl_lex_string(struct dl_lex *l, struct dl_buf *text);

#endif
