#include "expr_lex.h"

#include "json.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *text;
	int kind;
} keywords[] = {
    {"__loc__", DL_WORD_KEYWORD},
    {"and", DL_WORD_AND},
    {"as", DL_WORD_AS},
    {"break", DL_WORD_KEYWORD},
    {"catch", DL_WORD_CATCH},
    {"def", DL_WORD_DEF},
    {"elif", DL_WORD_ELIF},
    {"else", DL_WORD_ELSE},
    {"end", DL_WORD_STOP},
    {"foreach", DL_WORD_KEYWORD},
    {"if", DL_WORD_IF},
    {"import", DL_WORD_KEYWORD},
    {"include", DL_WORD_KEYWORD},
    {"label", DL_WORD_KEYWORD},
    {"module", DL_WORD_KEYWORD},
    {"or", DL_WORD_OR},
    {"reduce", DL_WORD_KEYWORD},
    {"then", DL_WORD_THEN},
    {"try", DL_WORD_TRY},
};

/* The longer ones first. */
static const struct {
	const char *text;
	int kind;
} signs[] = {
    {"//=", DL_WORD_SET_ALT},
    {"?//", DL_WORD_OTHER},
    {"!=", DL_WORD_NE},
    {"%=", DL_WORD_SET_MOD},
    {"*=", DL_WORD_SET_MUL},
    {"+=", DL_WORD_SET_ADD},
    {"-=", DL_WORD_SET_SUB},
    {"//", DL_WORD_ALT},
    {"/=", DL_WORD_SET_DIV},
    {"<=", DL_WORD_LE},
    {"==", DL_WORD_EQ},
    {">=", DL_WORD_GE},
    {"|=", DL_WORD_SET_PIPE},
};

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

static bool
starts(const char *p, const char *end, const char *with)
{
	size_t n = strlen(with);

	return (size_t)(end - p) >= n && memcmp(p, with, n) == 0;
}

/* Past the letters and digits at p. */
static const char *
skip_name(const char *p, const char *end)
{
	while (p < end && (is_letter(*p) || is_digit(*p)))
		p++;
	return p;
}

/* Past all that jq takes for one number, right or wrong. */
static const char *
skip_number(const char *p, const char *end)
{
	const char *e;

	while (p < end && (is_digit(*p) || *p == '.'))
		p++;
	if (p == end || (*p != 'e' && *p != 'E'))
		return p;
	e = p + 1;
	if (e < end && (*e == '+' || *e == '-'))
		e++;
	if (e == end || !is_digit(*e))
		return p;
	while (e < end && is_digit(*e))
		e++;
	return e;
}

/* White space and comments.  A carriage return is neither to jq. */
static void
skip_blank(struct dl_lex *l)
{
	for (; l->p < l->end; l->p++) {
		if (*l->p == '#')
			while (l->p + 1 < l->end && l->p[1] != '\n' &&
			       l->p[1] != '\r')
				l->p++;
		else if (*l->p == '\n')
			l->line++;
		else if (*l->p != ' ' && *l->p != '\t')
			return;
	}
}

static void
take(struct dl_lex *l, struct dl_word *w, int kind, const char *end)
{
	w->kind = kind;
	w->text = dl_span(l->p, (size_t)(end - l->p));
	l->p = end;
}

static void
refuse(struct dl_lex *l, struct dl_word *w, const char *why)
{
	w->kind = DL_WORD_BAD;
	w->text = dl_span(l->p, 0);
	l->why = why;
	l->p = l->end;
}

static void
take_name(struct dl_lex *l, struct dl_word *w)
{
	const char *end = skip_name(l->p, l->end);
	size_t i;

	if (end + 2 < l->end && end[0] == ':' && end[1] == ':' &&
	    is_letter(end[2])) {
		refuse(l, w, "'::'");
		return;
	}
	take(l, w, DL_WORD_NAME, end);
	for (i = 0; i < COUNT(keywords); i++)
		if (dl_span_is(w->text, keywords[i].text))
			w->kind = keywords[i].kind;
}

/* What begins with a dot or a digit: `.`, `..`, .name, or a number. */
static void
take_dotted(struct dl_lex *l, struct dl_word *w)
{
	const char *number = skip_number(l->p, l->end), *name = l->p;
	struct dl_err err = {0};

	if (*l->p == '.' && l->p + 1 < l->end && is_letter(l->p[1]))
		name = skip_name(l->p + 1, l->end);
	if (name > number) {
		l->p++;
		take(l, w, DL_WORD_FIELD, name);
		return;
	}
	take(l, w, DL_WORD_NUMBER, number);
	if (dl_span_is(w->text, "."))
		w->kind = '.';
	else if (dl_span_is(w->text, ".."))
		w->kind = DL_WORD_OTHER;
	else if (dl_json_check(w->text, &err) < 0)
		refuse(l, w, "a number that is not one of JSON");
}

static void
take_sign(struct dl_lex *l, struct dl_word *w)
{
	size_t i;

	for (i = 0; i < COUNT(signs); i++)
		if (starts(l->p, l->end, signs[i].text)) {
			take(l, w, signs[i].kind, l->p + strlen(signs[i].text));
			return;
		}
	if (memchr("?=;,:|+-*/%$<>[{()}]", *l->p, 20) != NULL)
		take(l, w, *l->p, l->p + 1);
	else
		refuse(l, w, "a byte that is not of jq");
}

void
dl_lex_start(struct dl_lex *l, struct dl_span program)
{
	l->p = program.p;
	l->end = dl_span_end(program);
	l->line = 1;
	l->why = NULL;
}

void
dl_lex_next(struct dl_lex *l, struct dl_word *w)
{
	skip_blank(l);
	w->line = l->line;
	if (l->p == l->end)
		take(l, w, DL_WORD_END, l->p);
	else if (is_letter(*l->p))
		take_name(l, w);
	else if (*l->p == '.' || is_digit(*l->p))
		take_dotted(l, w);
	else if (*l->p == '"')
		take(l, w, DL_WORD_QUOTE, l->p + 1);
	else if (*l->p == '@' && skip_name(l->p + 1, l->end) > l->p + 1)
		take(l, w, DL_WORD_FORMAT, skip_name(l->p + 1, l->end));
	else
		take_sign(l, w);
}

int
dl_lex_string(struct dl_lex *l, struct dl_buf *text)
{
	const char *start = l->p, *q = start;
	size_t before = text->len;
	struct dl_span plain;
	bool more = false;

	while (q < l->end && *q != '"' && !more) {
		if (*q == '\n')
			l->line++;
		if (*q++ == '\\' && q < l->end)
			more = *q++ == '(';
	}
	if (q == l->end && !more) {
		l->why = "a string without an end";
		return -1;
	}
	l->p = more ? q : q + 1;
	if (dl_json_text(dl_span(start, (size_t)(q - start) - (more ? 2 : 0)),
		text, &plain) < 0) {
		l->why = "an escape that is not one of JSON";
		return -1;
	}
	if (text->len == before)
		dl_buf_span(text, plain);
	return more;
}
