#include "expr_parse.h"

#define NONE (-1)

/* The pieces of a string, kept: literal, program, literal… */
static void
parse_pieces(struct dl_parser *p)
{
	int line = p->word.line, more;

	for (;;) {
		dl_buf_clear(&p->text);
		if ((more = dl_lex_string(&p->lex, &p->text)) < 0) {
			dl_parse_fail_at(p, line, p->lex.why);
			return;
		}
		dl_tree_keep(&p->tree,
		    dl_tree_string(&p->tree, line, dl_buf_as_span(&p->text)));
		dl_parse_advance(p);
		if (more == 0)
			return;
		dl_tree_keep(&p->tree, dl_parse_all(p));
		/* What follows the bracket is no word, but text. */
		if (p->word.kind != ')') {
			dl_parse_fail_word(p);
			return;
		}
		line = p->word.line;
	}
}

/* A string, with the format that stands before it. */
static int
parse_string(struct dl_parser *p, struct dl_span format)
{
	int first = p->tree.nitems, line = p->word.line, i;

	if (p->word.kind != DL_WORD_QUOTE)
		return dl_parse_fail_word(p);
	parse_pieces(p);
	if (p->tree.nitems == first + 1)
		return p->tree.items[--p->tree.nitems];
	i = dl_tree_text(&p->tree, DL_AST_STRING, line, format);
	dl_tree_give(&p->tree, i, first);
	return i;
}

/* A string that may have a format of its own; alone: or be a format alone. */
static int
parse_format(struct dl_parser *p, bool alone)
{
	struct dl_word w = p->word;

	if (w.kind != DL_WORD_FORMAT)
		return parse_string(p, DL_SPAN(""));
	dl_parse_advance(p);
	if (alone && p->word.kind != DL_WORD_QUOTE)
		return dl_tree_text(&p->tree, DL_AST_FORMAT, w.line, w.text);
	return parse_string(p, w.text);
}

/* After '['. */
static int
parse_bracket(struct dl_parser *p, int line, int base)
{
	int from = NONE, to = NONE, i;

	if (dl_parse_accept(p, ']'))
		return dl_parse_node(p, DL_AST_EACH, line, base, NONE);
	if (p->word.kind != ':')
		from = dl_parse_all(p);
	if (from != NONE && dl_parse_accept(p, ']'))
		return dl_parse_node(p, DL_AST_INDEX, line, base, from);
	dl_parse_expect(p, ':');
	if (from == NONE || p->word.kind != ']')
		to = dl_parse_all(p);
	dl_parse_expect(p, ']');
	i = dl_parse_node(p, DL_AST_SLICE, line, base, from);
	if (i != NONE)
		p->tree.ast->nodes[i].c = to;
	return i;
}

/* Is the next word a step's?  One, and the `?` that may follow it. */
static bool
parse_step(struct dl_parser *p, int *term)
{
	struct dl_word w = p->word;
	int key;

	if (w.kind == DL_WORD_FIELD) {
		key = dl_tree_string(&p->tree, w.line, w.text);
		dl_parse_advance(p);
		*term = dl_parse_node(p, DL_AST_INDEX, w.line, *term, key);
	} else if (dl_parse_accept(p, '.')) {
		key = parse_format(p, false);
		*term = dl_parse_node(p, DL_AST_INDEX, w.line, *term, key);
	} else if (dl_parse_accept(p, '['))
		*term = parse_bracket(p, w.line, *term);
	else
		return false;
	if (dl_parse_accept(p, '?') && *term != NONE)
		p->tree.ast->nodes[*term].by = DL_AST_TRY;
	return true;
}

/* `.`, or what begins without one: .a and ."a" are steps from it. */
static int
parse_dot(struct dl_parser *p)
{
	int line = p->word.line,
	    i = dl_parse_node(p, DL_AST_DOT, line, NONE, NONE), key;

	if (p->word.kind == DL_WORD_FIELD)
		return i;
	dl_parse_advance(p);
	if (p->word.kind != DL_WORD_QUOTE && p->word.kind != DL_WORD_FORMAT)
		return i;
	key = parse_format(p, false);
	i = dl_parse_node(p, DL_AST_INDEX, line, i, key);
	if (dl_parse_accept(p, '?') && i != NONE)
		p->tree.ast->nodes[i].by = DL_AST_TRY;
	return i;
}

/* A call, or a literal that has a name. */
static int
parse_call(struct dl_parser *p)
{
	int first = p->tree.nitems, i;
	struct dl_word w = p->word;

	dl_parse_advance(p);
	if (p->word.kind != '(' &&
	    (dl_span_is(w.text, "true") || dl_span_is(w.text, "false") ||
		dl_span_is(w.text, "null")))
		return dl_tree_text(&p->tree, DL_AST_LITERAL, w.line, w.text);
	i = dl_tree_text(&p->tree, DL_AST_CALL, w.line, w.text);
	if (!dl_parse_accept(p, '('))
		return i;
	do
		dl_tree_keep(&p->tree, dl_parse_all(p));
	while (dl_parse_accept(p, ';'));
	dl_parse_expect(p, ')');
	dl_tree_give(&p->tree, i, first);
	return i;
}

/* A member's value: weaker than a term are only '-' and '|' there. */
static int
parse_value(struct dl_parser *p, bool pipe)
{
	int line = p->word.line, i;

	if (!dl_parse_enter(p))
		return NONE;
	if (dl_parse_accept(p, '-'))
		i = dl_parse_node(
		    p, DL_AST_NEG, line, parse_value(p, false), NONE);
	else
		i = dl_parse_term(p);
	line = p->word.line;
	if (pipe && dl_parse_accept(p, '|'))
		i = dl_parse_node(
		    p, DL_AST_PIPE, line, i, parse_value(p, true));
	dl_parse_leave(p);
	return i;
}

/* A key without a value is that member of '.', or that variable. */
static int
parse_short(struct dl_parser *p, int key, int line)
{
	int i;

	if (!dl_tree_is_string(&p->tree, key))
		return dl_parse_fail_at(p, line, "a made key without a value");
	i = dl_parse_node(p, DL_AST_DOT, line, NONE, NONE);
	return dl_parse_node(
	    p, DL_AST_INDEX, line, i, dl_tree_again(&p->tree, key));
}

/* (program): value */
static void
parse_made_key(struct dl_parser *p)
{
	int line = p->word.line, key;

	dl_parse_advance(p);
	key = dl_parse_all(p);
	dl_parse_expect(p, ')');
	if (dl_tree_is_constant(&p->tree, key) &&
	    !dl_tree_is_string(&p->tree, key))
		dl_parse_fail_at(p, line, "a key that may be no string");
	dl_tree_keep(&p->tree, key);
	dl_parse_expect(p, ':');
	dl_tree_keep(&p->tree, parse_value(p, true));
}

static void
parse_member(struct dl_parser *p)
{
	struct dl_word w = p->word;
	int key;

	if (w.kind == '(') {
		parse_made_key(p);
		return;
	}
	if (dl_parse_accept(p, '$')) {
		w = p->word;
		key = dl_tree_string(&p->tree, w.line, w.text);
		dl_tree_keep(&p->tree, key);
		dl_tree_keep(&p->tree, dl_parse_variable(p, DL_AST_VAR));
		return;
	}
	if (w.kind == DL_WORD_NAME || w.kind >= DL_WORD_KEYWORD) {
		key = dl_tree_string(&p->tree, w.line, w.text);
		dl_parse_advance(p);
	} else
		key = parse_format(p, false);
	dl_tree_keep(&p->tree, key);
	if (w.kind >= DL_WORD_KEYWORD && p->word.kind != ':')
		dl_parse_fail_word(p);
	dl_tree_keep(&p->tree, dl_parse_accept(p, ':')
				   ? parse_value(p, true)
				   : parse_short(p, key, w.line));
}

/* After '{'.  A comma may end the list. */
static int
parse_object(struct dl_parser *p, int line)
{
	int first = p->tree.nitems, i;

	while (p->word.kind != '}') {
		parse_member(p);
		if (!dl_parse_accept(p, ','))
			break;
	}
	dl_parse_expect(p, '}');
	i = dl_parse_node(p, DL_AST_OBJECT, line, NONE, NONE);
	dl_tree_give(&p->tree, i, first);
	return i;
}

static int
parse_number(struct dl_parser *p)
{
	int i =
	    dl_tree_text(&p->tree, DL_AST_LITERAL, p->word.line, p->word.text);

	dl_parse_advance(p);
	return i;
}

static int
parse_primary(struct dl_parser *p)
{
	int line = p->word.line, i = NONE;

	switch (p->word.kind) {
	case '.':
	case DL_WORD_FIELD:
		return parse_dot(p);
	case DL_WORD_NUMBER:
		return parse_number(p);
	case DL_WORD_QUOTE:
	case DL_WORD_FORMAT:
		return parse_format(p, true);
	case DL_WORD_NAME:
		return parse_call(p);
	case '$':
		dl_parse_advance(p);
		return dl_parse_variable(p, DL_AST_VAR);
	case '(':
		dl_parse_advance(p);
		i = dl_parse_all(p);
		dl_parse_expect(p, ')');
		return i;
	case '[':
		dl_parse_advance(p);
		if (p->word.kind != ']')
			i = dl_parse_all(p);
		dl_parse_expect(p, ']');
		return dl_parse_node(p, DL_AST_ARRAY, line, i, NONE);
	case '{':
		dl_parse_advance(p);
		return parse_object(p, line);
	default:
		return dl_parse_fail_word(p);
	}
}

int
dl_parse_term(struct dl_parser *p)
{
	int term = parse_primary(p);

	while (parse_step(p, &term))
		;
	return term;
}
