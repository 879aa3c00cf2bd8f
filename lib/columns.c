#include "columns.h"

#include "json.h"

#include <stdlib.h>
#include <strings.h>

#define SHOWN_MAX 40 /* bytes of a wrong field in its message */

struct column {
	size_t key_end; /* in keys */
	enum dl_column_type type;
};

struct dl_columns {
	const struct dl_column_rules *rules;
	struct dl_buf keys; /* `{"a":`, `,"b":`, ... */
	struct column *col;
	size_t n, cap;
};

struct dl_columns *
dl_columns_new(const struct dl_column_rules *rules)
{
	struct dl_columns *c = dl_calloc(1, sizeof(*c));

	c->rules = rules;
	return c;
}

void
dl_columns_free(struct dl_columns *c)
{
	if (c == NULL)
		return;
	dl_buf_release(&c->keys);
	free(c->col);
	free(c);
}

bool
dl_columns_named(struct dl_columns *c)
{
	if (c->rules->names == NULL)
		return false;
	for (size_t i = 0; c->rules->names[i] != NULL; i++)
		dl_columns_add(c, dl_span_str(c->rules->names[i]));
	return true;
}

static enum dl_column_type
type_of(const struct dl_column_rules *rules, struct dl_span name)
{
	for (size_t i = 0; i < rules->ntypes; i++)
		if (dl_span_is(name, rules->types[i].name))
			return rules->types[i].type;
	return rules->strings ? DL_COLUMN_STRING : DL_COLUMN_AUTO;
}

void
dl_columns_add(struct dl_columns *c, struct dl_span name)
{
	if (c->n == c->cap) {
		c->cap = c->cap == 0 ? 16 : 2 * c->cap;
		c->col = dl_realloc(c->col, c->cap * sizeof(*c->col));
	}
	dl_buf_addc(&c->keys, c->n == 0 ? '{' : ',');
	dl_json_quote(&c->keys, name);
	dl_buf_addc(&c->keys, ':');
	c->col[c->n].key_end = c->keys.len;
	c->col[c->n++].type = type_of(c->rules, name);
}

size_t
dl_columns_count(const struct dl_columns *c)
{
	return c->n;
}

static inline struct dl_span
key_of(const struct dl_columns *c, size_t i)
{
	size_t from = i == 0 ? 0 : c->col[i - 1].key_end;

	return dl_span(c->keys.p + from, c->col[i].key_end - from);
}

static int
by_name(const void *a, const void *b)
{
	return dl_span_cmp(
	    *(const struct dl_span *)a, *(const struct dl_span *)b);
}

/* names: the columns', quoted as in JSON, in order. */
static int
check_types(
    const struct dl_columns *c, const struct dl_span *names, struct dl_err *err)
{
	const struct dl_column_rules *rules = c->rules;
	struct dl_buf b = {0};
	int r = 0;

	for (size_t i = 0; r == 0 && i < rules->ntypes; i++) {
		struct dl_span name;

		dl_buf_clear(&b);
		dl_json_quote(&b, dl_span_str(rules->types[i].name));
		name = dl_span(b.p + 1, b.len - 2);
		if (bsearch(&name, names, c->n, sizeof(*names), by_name) ==
		    NULL)
			r = dl_err_data(err,
			    "'types' has '%s', which is no column",
			    rules->types[i].name);
	}
	dl_buf_release(&b);
	return r;
}

int
dl_columns_check(struct dl_columns *c, struct dl_err *err)
{
	struct dl_span *names = dl_alloc((c->n + 1) * sizeof(*names));
	int r = 0;

	for (size_t i = 0; i < c->n; i++) {
		/* Without the bracket or comma, the quotes and the colon. */
		names[i] = key_of(c, i);
		names[i].p += 2;
		names[i].len -= 4;
		if (names[i].len == 0 && r == 0)
			r = dl_err_data(err, "column %zu has no name", i + 1);
	}
	qsort(names, c->n, sizeof(*names), by_name);
	for (size_t i = 1; r == 0 && i < c->n; i++)
		if (dl_span_eq(names[i - 1], names[i]))
			r = dl_err_data(err, "two columns are named '%.*s'",
			    DL_SPAN_ARG(names[i]));
	if (r == 0)
		r = check_types(c, names, err);
	free(names);
	return r;
}

static const char *
digits(const char *p, const char *end)
{
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p;
}

/* Is text a number by JSON's grammar, so that its bytes can stand as one? */
static bool
is_number(struct dl_span text)
{
	const char *p = text.p, *end = p + text.len, *q;

	if (p < end && *p == '-')
		p++;
	if ((q = digits(p, end)) == p || (*p == '0' && q - p > 1))
		return false;
	p = q;
	if (p < end && *p == '.') {
		if ((q = digits(p + 1, end)) == p + 1)
			return false;
		p = q;
	}
	if (p < end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		if ((q = digits(p, end)) == p)
			return false;
		p = q;
	}
	return p == end;
}

static int
wrong_type(const struct dl_columns *c, size_t i, struct dl_span text,
    const char *type, struct dl_err *err)
{
	struct dl_span key = key_of(c, i);

	if (text.len > SHOWN_MAX) {
		text.len = SHOWN_MAX;
		/* Up to a character's first byte. */
		while (text.len > 0 &&
		       ((unsigned char)text.p[text.len] & 0xc0) == 0x80)
			text.len--;
	}
	return dl_err_data(err, "column '%.*s': '%.*s' is no %s",
	    (int)key.len - 4, key.p + 2, DL_SPAN_ARG(text), type);
}

/* A number as people write it, its sign and zeros made JSON's. */
static int
put_number(const struct dl_columns *c, struct dl_buf *row, size_t i,
    struct dl_span text, struct dl_err *err)
{
	struct dl_span rest = text;
	bool minus = text.p[0] == '-';

	if (minus || text.p[0] == '+') {
		rest.p++;
		rest.len--;
	}
	while (rest.len > 1 && rest.p[0] == '0' && rest.p[1] >= '0' &&
	       rest.p[1] <= '9') {
		rest.p++;
		rest.len--;
	}
	/* The sign was taken: another one makes it no number. */
	if (rest.len == 0 || rest.p[0] == '-' || !is_number(rest))
		return wrong_type(c, i, text, "number", err);
	if (minus)
		dl_buf_addc(row, '-');
	dl_buf_span(row, rest);
	return 0;
}

static int
put_boolean(const struct dl_columns *c, struct dl_buf *row, size_t i,
    struct dl_span text, struct dl_err *err)
{
	static const char *const words[] = {"false", "true", "0", "1"};

	for (size_t w = 0; w < 4; w++)
		if (text.len == strlen(words[w]) &&
		    strncasecmp(text.p, words[w], text.len) == 0) {
			dl_buf_adds(row, words[w % 2]);
			return 0;
		}
	return wrong_type(c, i, text, "boolean", err);
}

/* A value of a column that is not auto. */
static int
put_typed(const struct dl_columns *c, struct dl_buf *row, size_t i,
    struct dl_span text, struct dl_err *err)
{
	if (c->col[i].type == DL_COLUMN_STRING)
		dl_json_quote(row, text.p == NULL ? DL_SPAN("") : text);
	else if (text.len == 0)
		dl_buf_adds(row, "null");
	else if (c->col[i].type == DL_COLUMN_NUMBER)
		return put_number(c, row, i, text, err);
	else
		return put_boolean(c, row, i, text, err);
	return 0;
}

int
dl_columns_put(const struct dl_columns *c, struct dl_buf *row, size_t i,
    struct dl_span text, struct dl_err *err)
{
	dl_buf_span(row, key_of(c, i));
	if (c->col[i].type != DL_COLUMN_AUTO)
		return put_typed(c, row, i, text, err);
	if (text.p == NULL)
		dl_buf_span(row, DL_SPAN("null"));
	else if (is_number(text))
		dl_buf_span(row, text);
	else
		dl_json_quote(row, text);
	return 0;
}
