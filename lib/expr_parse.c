#include "expr_parse.h"

#include "json.h"

#include <stdio.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NONE (-1)
#define SHOWN 40 /* bytes of a word, in a message */

/* Names of jq 1.6's grammar, the weakest first. */
enum strength {
	PIPE = 1,
	COMMA,
	ALT,
	ASSIGN,
	OR,
	AND,
	COMPARE,
	SUM,
	PRODUCT,
	MARK, /* `?` */
	TRY
};

enum side { LEFT, RIGHT, NEITHER };

struct infix {
	int word;
	enum strength strength;
	enum side side;
	enum dl_ast_op op, by;
};

static const struct infix operators[] = {
    {'|', PIPE, RIGHT, DL_AST_PIPE, 0},
    {',', COMMA, LEFT, DL_AST_COMMA, 0},
    {DL_WORD_ALT, ALT, RIGHT, DL_AST_ALT, 0},
    {'=', ASSIGN, NEITHER, DL_AST_ASSIGN, 0},
    {DL_WORD_SET_PIPE, ASSIGN, NEITHER, DL_AST_UPDATE, 0},
    {DL_WORD_SET_ADD, ASSIGN, NEITHER, DL_AST_OPERATE, DL_AST_ADD},
    {DL_WORD_SET_SUB, ASSIGN, NEITHER, DL_AST_OPERATE, DL_AST_SUB},
    {DL_WORD_SET_MUL, ASSIGN, NEITHER, DL_AST_OPERATE, DL_AST_MUL},
    {DL_WORD_SET_DIV, ASSIGN, NEITHER, DL_AST_OPERATE, DL_AST_DIV},
    {DL_WORD_SET_MOD, ASSIGN, NEITHER, DL_AST_OPERATE, DL_AST_MOD},
    {DL_WORD_SET_ALT, ASSIGN, NEITHER, DL_AST_OPERATE, DL_AST_ALT},
    {DL_WORD_OR, OR, LEFT, DL_AST_OR, 0},
    {DL_WORD_AND, AND, LEFT, DL_AST_AND, 0},
    {DL_WORD_EQ, COMPARE, NEITHER, DL_AST_EQ, 0},
    {DL_WORD_NE, COMPARE, NEITHER, DL_AST_NE, 0},
    {'<', COMPARE, NEITHER, DL_AST_LT, 0},
    {DL_WORD_LE, COMPARE, NEITHER, DL_AST_LE, 0},
    {'>', COMPARE, NEITHER, DL_AST_GT, 0},
    {DL_WORD_GE, COMPARE, NEITHER, DL_AST_GE, 0},
    {'+', SUM, LEFT, DL_AST_ADD, 0},
    {'-', SUM, LEFT, DL_AST_SUB, 0},
    {'*', PRODUCT, LEFT, DL_AST_MUL, 0},
    {'/', PRODUCT, LEFT, DL_AST_DIV, 0},
    {'%', PRODUCT, LEFT, DL_AST_MOD, 0},
    {'?', MARK, LEFT, DL_AST_TRY, 0},
};

static int parse_exp(struct dl_parser *p, enum strength min);

int
dl_parse_fail_at(struct dl_parser *p, int line, const char *what)
{
	struct dl_ast *ast = p->tree.ast;

	if (ast->why[0] == '\0')
		snprintf(
		    ast->why, sizeof(ast->why), "%s (line %d)", what, line);
	p->word.kind = DL_WORD_BAD;
	p->lex.p = p->lex.end;
	return NONE;
}

int
dl_parse_fail(struct dl_parser *p, const char *what)
{
	return dl_parse_fail_at(p, p->word.line, what);
}

/* The next word is not one that may stand here. */
int
dl_parse_fail_word(struct dl_parser *p)
{
	const struct dl_word *w = &p->word;
	char what[SHOWN + 8];
	size_t n = w->text.len < SHOWN ? w->text.len : SHOWN;

	if (w->kind == DL_WORD_END)
		return dl_parse_fail(p, "the end of the program");
	if (w->kind == DL_WORD_BAD && p->lex.why != NULL)
		return dl_parse_fail(p, p->lex.why);
	snprintf(what, sizeof(what), "'%s%.*s'",
	    w->kind == DL_WORD_FIELD ? "." : "", (int)n, w->text.p);
	return dl_parse_fail(p, what);
}

void
dl_parse_advance(struct dl_parser *p)
{
	if (p->word.kind == DL_WORD_BAD)
		return;
	dl_lex_next(&p->lex, &p->word);
	if (p->tree.full)
		dl_parse_fail(p, "a program too long");
	if (p->word.kind == DL_WORD_BAD)
		dl_parse_fail_word(p);
}

bool
dl_parse_accept(struct dl_parser *p, int kind)
{
	if (p->word.kind != kind)
		return false;
	dl_parse_advance(p);
	return true;
}

void
dl_parse_expect(struct dl_parser *p, int kind)
{
	if (!dl_parse_accept(p, kind))
		dl_parse_fail_word(p);
}

bool
dl_parse_enter(struct dl_parser *p)
{
	if (p->depth == DL_AST_DEPTH) {
		dl_parse_fail(p, "an expression too deep in others");
		return false;
	}
	p->depth++;
	return true;
}

void
dl_parse_leave(struct dl_parser *p)
{
	p->depth--;
}

int
dl_parse_node(struct dl_parser *p, enum dl_ast_op op, int line, int a, int b)
{
	return dl_tree_node(&p->tree, op, line, a, b);
}

int
dl_parse_all(struct dl_parser *p)
{
	return parse_exp(p, PIPE);
}

/* A name, which is copied; its line is where it stands. */
int
dl_parse_name(struct dl_parser *p, enum dl_ast_op op)
{
	int i;

	if (p->word.kind != DL_WORD_NAME)
		return dl_parse_fail_word(p);
	i = dl_tree_text(&p->tree, op, p->word.line, p->word.text);
	dl_parse_advance(p);
	return i;
}

/* After '$'.  jq makes these two up itself, and not as variables. */
int
dl_parse_variable(struct dl_parser *p, enum dl_ast_op op)
{
	if (dl_span_is(p->word.text, "__prog_args") ||
	    dl_span_is(p->word.text, "__loc__")) {
		char what[SHOWN];

		snprintf(
		    what, sizeof(what), "'$%.*s'", DL_SPAN_ARG(p->word.text));
		return dl_parse_fail(p, what);
	}
	return dl_parse_name(p, op);
}

/* After `if` or `elif`.  jq 1.6 has no `if` without an `else`. */
static int
parse_if(struct dl_parser *p, int line)
{
	int cond, yes, no = NONE, next, i;

	if (!dl_parse_enter(p))
		return NONE;
	cond = dl_parse_all(p);
	dl_parse_expect(p, DL_WORD_THEN);
	yes = dl_parse_all(p);
	next = p->word.line;
	if (dl_parse_accept(p, DL_WORD_ELIF))
		no = parse_if(p, next);
	else {
		dl_parse_expect(p, DL_WORD_ELSE);
		no = dl_parse_all(p);
		dl_parse_expect(p, DL_WORD_STOP);
	}
	i = dl_parse_node(p, DL_AST_IF, line, cond, yes);
	if (i != NONE)
		p->tree.ast->nodes[i].c = no;
	dl_parse_leave(p);
	return i;
}

static int
parse_try(struct dl_parser *p, int line)
{
	int body = parse_exp(p, TRY), caught = NONE;

	if (dl_parse_accept(p, DL_WORD_CATCH))
		caught = parse_exp(p, TRY);
	return dl_parse_node(p, DL_AST_TRY, line, body, caught);
}

/* The parameters of a function, kept. */
static void
parse_params(struct dl_parser *p)
{
	do
		dl_tree_keep(&p->tree, dl_parse_accept(p, '$')
					   ? dl_parse_variable(p, DL_AST_VAR)
					   : dl_parse_name(p, DL_AST_CALL));
	while (dl_parse_accept(p, ';'));
	dl_parse_expect(p, ')');
}

/* After `def`: the function, and what it is defined for. */
static int
parse_def(struct dl_parser *p)
{
	int first = p->tree.nitems, i = dl_parse_name(p, DL_AST_DEF), body,
	    rest;

	if (dl_parse_accept(p, '('))
		parse_params(p);
	dl_tree_give(&p->tree, i, first);
	dl_parse_expect(p, ':');
	body = dl_parse_all(p);
	dl_parse_expect(p, ';');
	rest = dl_parse_all(p);
	if (i != NONE) {
		p->tree.ast->nodes[i].a = body;
		p->tree.ast->nodes[i].b = rest;
	}
	return i;
}

/* After `term as`. */
static int
parse_as(struct dl_parser *p, int term)
{
	int i, body;

	if (!dl_parse_accept(p, '$'))
		return p->word.kind == '[' || p->word.kind == '{'
		           ? dl_parse_fail(p, "destructuring")
		           : dl_parse_fail_word(p);
	i = dl_parse_variable(p, DL_AST_AS);
	dl_parse_expect(p, '|');
	body = dl_parse_all(p);
	if (i != NONE) {
		p->tree.ast->nodes[i].a = term;
		p->tree.ast->nodes[i].b = body;
	}
	return i;
}

/* What an operator may follow, or stand before. */
static int
parse_operand(struct dl_parser *p)
{
	int line = p->word.line, i;

	if (dl_parse_accept(p, '-'))
		return dl_parse_node(
		    p, DL_AST_NEG, line, parse_exp(p, PRODUCT), NONE);
	if (dl_parse_accept(p, DL_WORD_IF))
		return parse_if(p, line);
	if (dl_parse_accept(p, DL_WORD_TRY))
		return parse_try(p, line);
	if (dl_parse_accept(p, DL_WORD_DEF))
		return parse_def(p);
	i = dl_parse_term(p);
	if (dl_parse_accept(p, DL_WORD_AS))
		return parse_as(p, i);
	return i;
}

static const struct infix *
find_operator(int word)
{
	size_t i;

	for (i = 0; i < COUNT(operators); i++)
		if (operators[i].word == word)
			return &operators[i];
	return NULL;
}

/* jq refuses a constant divided by a constant zero. */
static void
check_division(struct dl_parser *p, int line, int a, int b)
{
	if (dl_tree_is_constant(&p->tree, b) &&
	    !dl_tree_is_string(&p->tree, b) &&
	    !dl_tree_is_nonzero(&p->tree, b) &&
	    dl_tree_is_constant(&p->tree, a))
		dl_parse_fail_at(p, line, "a constant division");
}

/* left and the operator o after it. */
static int
parse_right(struct dl_parser *p, const struct infix *o, int left)
{
	const struct infix *next;
	int line = p->word.line, right, i;

	dl_parse_advance(p);
	if (o->strength == MARK)
		return dl_parse_node(p, DL_AST_TRY, line, left, NONE);
	right = parse_exp(p, o->side == RIGHT ? o->strength : o->strength + 1);
	next = find_operator(p->word.kind);
	if (o->side == NEITHER && next != NULL && next->strength == o->strength)
		dl_parse_fail_word(p);
	if (o->op == DL_AST_DIV)
		check_division(p, line, left, right);
	i = dl_parse_node(p, o->op, line, left, right);
	if (i != NONE)
		p->tree.ast->nodes[i].by = o->by;
	return i;
}

/* As far as operators of at least that strength go. */
static int
parse_exp(struct dl_parser *p, enum strength min)
{
	const struct infix *o;
	int left;

	if (!dl_parse_enter(p))
		return NONE;
	left = parse_operand(p);
	while ((o = find_operator(p->word.kind)) != NULL && o->strength >= min)
		left = parse_right(p, o, left);
	dl_parse_leave(p);
	return left;
}

int
dl_ast_parse(struct dl_ast *tree, const char *program)
{
	struct dl_span text = dl_span_str(program);
	struct dl_parser p = {.tree.ast = tree};

	p.word.line = 1;
	tree->root = NONE;
	dl_lex_start(&p.lex, text);
	if (text.len > DL_AST_BYTES)
		dl_parse_fail(&p, "a program too long");
	else if (!dl_utf8_valid(text))
		dl_parse_fail(&p, "a program that is not UTF-8");
	dl_parse_advance(&p);
	/* An empty program is '.'. */
	tree->root = p.word.kind == DL_WORD_END
	                 ? dl_parse_node(&p, DL_AST_DOT, 1, NONE, NONE)
	                 : dl_parse_all(&p);
	if (p.tree.full)
		dl_parse_fail(&p, "a program too long");
	if (p.word.kind != DL_WORD_END)
		dl_parse_fail_word(&p);
	dl_tree_finish(&p.tree);
	dl_tree_release(&p.tree);
	dl_buf_release(&p.text);
	return tree->why[0] == '\0' ? 0 : -1;
}
