#include "plain_parse.h"

#include <stdlib.h>

#define DEPTH 32 /* of parentheses and pipes inside each other */
#define INDEX_DIGITS 6
#define ROOM 64 /* more than the decoder asks for beyond what it writes */

/*
 * Every function here reads its part of the grammar at p->p and returns the
 * node it made, or -1 where the text is anything but plain.  Precedence is
 * jq's: pipe, or, and, comparison.
 *
 * base is the path of what '.' means: after ".a |" it is ".a".
 */
struct parser {
	struct dl_plain_tree *tree;
	const char *p, *end;
	int depth;
};

static int parse_pipe(struct parser *p, const struct dl_plain_path *base);

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static char
peek(const struct parser *p)
{
	return p->p < p->end ? *p->p : '\0';
}

/* White space and comments. */
static void
blank(struct parser *p)
{
	for (; p->p < p->end; p->p++) {
		if (*p->p == '#')
			while (p->p < p->end && *p->p != '\n')
				p->p++;
		else if (*p->p != ' ' && *p->p != '\t' && *p->p != '\n' &&
			 *p->p != '\r')
			return;
		if (p->p == p->end)
			return;
	}
}

static bool
accept_char(struct parser *p, char c)
{
	blank(p);
	if (peek(p) != c)
		return false;
	p->p++;
	return true;
}

/* A whole word: not the beginning of a longer name, nor of a::b. */
static bool
accept_word(struct parser *p, const char *word)
{
	size_t n = strlen(word);
	const char *q;

	blank(p);
	if ((size_t)(p->end - p->p) < n || memcmp(p->p, word, n) != 0)
		return false;
	q = p->p + n;
	if (q < p->end && (is_letter(*q) || is_digit(*q) || *q == ':'))
		return false;
	p->p = q;
	return true;
}

static int
node(struct parser *p, enum dl_plain_op op, int a, int b)
{
	struct dl_plain_tree *t = p->tree;

	if (a < 0 || b < 0 || t->nnodes == DL_PLAIN_NODES)
		return -1;
	t->nodes[t->nnodes].op = op;
	t->nodes[t->nnodes].a = a;
	t->nodes[t->nnodes].b = b;
	return t->nnodes++;
}

/* A string literal without interpolation, at its quote. */
static int
parse_string(struct parser *p, struct dl_span *text)
{
	const char *start = p->p + 1, *q;
	struct dl_buf *b = &p->tree->text;
	size_t before = b->len;

	for (q = start; q < p->end && *q != '"'; q++)
		if (*q == '\\' && ++q < p->end && *q == '(')
			return -1;
	if (q >= p->end)
		return -1;
	p->p = q + 1;
	if (!dl_utf8_valid(dl_span(start, (size_t)(q - start))) ||
	    dl_json_text(dl_span(start, (size_t)(q - start)), b, text) < 0)
		return -1;
	if (b->len == before)
		dl_buf_span(b, *text);
	*text = dl_span(b->p + before, b->len - before);
	return 0;
}

/* The number in [N], and the bracket. */
static int
parse_index(struct parser *p, struct dl_step *step)
{
	bool minus = accept_char(p, '-');
	int digits = 0;

	blank(p);
	for (; is_digit(peek(p)); p->p++, digits++)
		if (digits < INDEX_DIGITS)
			step->index = step->index * 10 + (*p->p - '0');
	if (digits == 0 || digits > INDEX_DIGITS)
		return -1;
	if (minus)
		step->index = -step->index;
	return accept_char(p, ']') ? 0 : -1;
}

static int
parse_bracket(struct parser *p, struct dl_step *step)
{
	p->p++;
	blank(p);
	if (peek(p) != '"')
		return parse_index(p, step);
	if (parse_string(p, &step->name) < 0)
		return -1;
	return accept_char(p, ']') ? 0 : -1;
}

/* .name or ."name" */
static int
parse_name(struct parser *p, struct dl_step *step)
{
	const char *start = ++p->p;
	struct dl_buf *b = &p->tree->text;

	if (!is_letter(peek(p))) {
		blank(p);
		return peek(p) == '"' ? parse_string(p, &step->name) : -1;
	}
	while (is_letter(peek(p)) || is_digit(peek(p)))
		p->p++;
	step->name = dl_span(b->p + b->len, (size_t)(p->p - start));
	dl_buf_add(b, start, step->name.len);
	return peek(p) == ':' ? -1 : 0;
}

/*
 * The steps after '.' or $event.  dot: '.' has just been read, so that [0] may
 * follow, and a name without a dot of its own.
 */
static int
parse_steps(struct parser *p, struct dl_plain_path *path)
{
	for (;;) {
		struct dl_step step = {0};
		int r;

		blank(p);
		if (peek(p) == '.')
			r = parse_name(p, &step);
		else if (peek(p) == '[')
			r = parse_bracket(p, &step);
		else
			return 0;
		if (r < 0 || path->nsteps == DL_PATH_STEPS)
			return -1;
		step.optional = accept_char(p, '?');
		path->steps[path->nsteps++] = step;
	}
}

static int
parse_path(struct parser *p, const struct dl_plain_path *base)
{
	int i = node(p, DL_PLAIN_PATH, 0, 0);
	struct dl_plain_path *path;
	const char *dot = p->p;

	if (i < 0)
		return -1;
	path = &p->tree->nodes[i].path;
	if (accept_word(p, "$event")) {
		/* What comes before a pipe would be run in vain by jq. */
		if (base->nsteps > 0)
			return -1;
		path->from_event = true;
		return parse_steps(p, path) < 0 ? -1 : i;
	}
	*path = *base;
	if (peek(p) != '.')
		return -1;
	p->p++;
	blank(p);
	/* '.' alone, or with brackets; otherwise it is a name's own dot. */
	if (peek(p) == '"' || is_letter(peek(p)))
		p->p = dot;
	if (p->p - dot == 1 && peek(p) == '.')
		return -1;
	return parse_steps(p, path) < 0 ? -1 : i;
}

static int
parse_number(struct parser *p, struct dl_plain_node *n)
{
	const char *start = p->p;
	struct dl_buf *b = &p->tree->text;

	if (peek(p) == '-')
		p->p++;
	if (!is_digit(peek(p)))
		return -1;
	while (is_digit(peek(p)) || peek(p) == '.')
		p->p++;
	if (peek(p) == 'e' || peek(p) == 'E') {
		p->p++;
		if (peek(p) == '-' || peek(p) == '+')
			p->p++;
		if (!is_digit(peek(p)))
			return -1;
		while (is_digit(peek(p)))
			p->p++;
	}
	n->kind = DL_JSON_NUMBER;
	n->literal = dl_span(b->p + b->len, (size_t)(p->p - start));
	dl_buf_add(b, start, n->literal.len);
	if (is_letter(peek(p)) || peek(p) == '.')
		return -1;
	/* "1.2.3", "1." and "01" are for jq to judge. */
	return dl_json_check(n->literal, &(struct dl_err){0});
}

static int
parse_literal(struct parser *p, struct dl_plain_node *n)
{
	blank(p);
	if (peek(p) == '"') {
		n->kind = DL_JSON_STRING;
		return parse_string(p, &n->literal);
	}
	if (accept_word(p, "null"))
		n->kind = DL_JSON_NULL;
	else if (accept_word(p, "true"))
		n->kind = DL_JSON_TRUE;
	else if (accept_word(p, "false"))
		n->kind = DL_JSON_FALSE;
	else
		return parse_number(p, n);
	return 0;
}

static int
parse_select(struct parser *p, const struct dl_plain_path *base)
{
	int cond, dot;

	if (!accept_char(p, '(') || (cond = parse_pipe(p, base)) < 0 ||
	    !accept_char(p, ')') || (dot = node(p, DL_PLAIN_PATH, 0, 0)) < 0)
		return -1;
	p->tree->nodes[dot].path = *base;
	return node(p, DL_PLAIN_SELECT, cond, dot);
}

static int
parse_primary(struct parser *p, const struct dl_plain_path *base)
{
	int i;

	if (accept_word(p, "select"))
		return parse_select(p, base);
	if (!accept_char(p, '('))
		return parse_path(p, base);
	i = parse_pipe(p, base);
	return i >= 0 && accept_char(p, ')') ? i : -1;
}

static bool
accept_compare(struct parser *p, enum dl_plain_compare *how)
{
	static const char *const ops[] = {"==", "!=", "<=", ">=", "<", ">"};
	static const enum dl_plain_compare hows[] = {DL_PLAIN_EQ, DL_PLAIN_NE,
	    DL_PLAIN_LE, DL_PLAIN_GE, DL_PLAIN_LT, DL_PLAIN_GT};
	size_t i, n;

	blank(p);
	for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		n = strlen(ops[i]);
		if ((size_t)(p->end - p->p) < n || memcmp(p->p, ops[i], n) != 0)
			continue;
		p->p += n;
		*how = hows[i];
		return true;
	}
	return false;
}

static int
parse_compare(struct parser *p, const struct dl_plain_path *base)
{
	int a = parse_primary(p, base), i;
	enum dl_plain_compare how;

	if (a < 0 || !accept_compare(p, &how))
		return a;
	if ((i = node(p, DL_PLAIN_COMPARE, a, 0)) < 0)
		return -1;
	p->tree->nodes[i].compare = how;
	return parse_literal(p, &p->tree->nodes[i]) < 0 ? -1 : i;
}

static int
parse_and(struct parser *p, const struct dl_plain_path *base)
{
	int i = parse_compare(p, base);

	while (i >= 0 && accept_word(p, "and"))
		i = node(p, DL_PLAIN_AND, i, parse_compare(p, base));
	return i;
}

static int
parse_or(struct parser *p, const struct dl_plain_path *base)
{
	int i = parse_and(p, base);

	while (i >= 0 && accept_word(p, "or"))
		i = node(p, DL_PLAIN_OR, i, parse_and(p, base));
	return i;
}

/* What follows a pipe after node i. */
static int
parse_stage(struct parser *p, int i)
{
	struct dl_plain_tree *t = p->tree;
	int from = i;

	if (t->nodes[i].op == DL_PLAIN_SELECT)
		from = t->nodes[i].b;
	if (t->nodes[from].op != DL_PLAIN_PATH ||
	    t->nodes[from].path.from_event)
		return -1;
	if ((from = parse_pipe(p, &t->nodes[from].path)) < 0)
		return -1;
	if (t->nodes[i].op != DL_PLAIN_SELECT)
		return from;
	t->nodes[i].b = from;
	return i;
}

static int
parse_pipe(struct parser *p, const struct dl_plain_path *base)
{
	int i;

	if (++p->depth > DEPTH)
		return -1;
	i = parse_or(p, base);
	while (i >= 0 && accept_char(p, '|'))
		i = accept_word(p, "not") ? node(p, DL_PLAIN_NOT, i, 0)
		                          : parse_stage(p, i);
	p->depth--;
	return i;
}

int
dl_plain_parse(struct dl_plain_tree *tree, const char *program)
{
	struct parser p = {tree, program, program + strlen(program), 0};
	static const struct dl_plain_path dot;

	/* Decoded text is never longer than its source: this stays in place. */
	dl_buf_room(&tree->text, (size_t)(p.end - p.p) + ROOM);
	tree->nodes = dl_calloc(DL_PLAIN_NODES, sizeof(*tree->nodes));
	tree->root = parse_pipe(&p, &dot);
	blank(&p);
	if (tree->root < 0 || p.p != p.end)
		return -1;
	tree->nodes = dl_realloc(
	    tree->nodes, (size_t)tree->nnodes * sizeof(*tree->nodes));
	return 0;
}

void
dl_plain_tree_release(struct dl_plain_tree *tree)
{
	free(tree->nodes);
	tree->nodes = NULL;
	dl_buf_release(&tree->text);
}
