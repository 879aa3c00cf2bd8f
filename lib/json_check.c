/*
 * The validator: one pass, a loop with its own stack of containers.
 *
 * The names of all open objects stand in one array, those of the innermost
 * last; when an object closes, its own are the end of the array, are compared
 * and taken off (json_names.c).
 */
#include "json.h"

#include "json_check.h"

#include "json_byte.h"
#include "json_escape.h"
#include "json_memo.h"
#include "json_names.h"
#include "utf8.h"

struct check {
	const char *start, *end;
	struct dl_err *err;
	struct dl_json_names names;
	size_t depth;
	size_t first[DL_JSON_DEPTH]; /* name of an object; ARRAY: an array */
};

/* It lasts from one text to the next: a list's elements are mostly alike. */
static _Thread_local struct dl_json_memo memo;

#define ARRAY SIZE_MAX
#define NAME_SHOWN 64 /* bytes of a name in a message */

static const char *
fail(struct check *c, const char *p, const char *what)
{
	if (p >= c->end)
		dl_err_data(c->err,
		    "the JSON text ends too early (after %zu bytes)",
		    (size_t)(c->end - c->start));
	else
		dl_err_data(
		    c->err, "%s at byte %zu", what, (size_t)(p - c->start) + 1);
	return NULL;
}

/* p is at what dl_json_past_text stopped at, not a quote: past it. */
static const char *
odd_text(struct check *c, const char *p)
{
	const char *q;
	uint32_t code;

	if (p == c->end)
		return fail(c, p, "");
	if (*p == '\\') {
		q = dl_json_escape(p, c->end, &code);
		return q != NULL ? q : fail(c, p, "a wrong escape in a string");
	}
	if ((unsigned char)*p < 0x20)
		return fail(c, p, "a control character in a string");
	do {
		if ((q = dl_utf8_wide(p, c->end)) == NULL)
			return fail(c, p, "invalid UTF-8");
		p = q;
	} while (p < c->end && (*p & 0x80) != 0);
	return p;
}

/* p is past the opening quote: past the closing one. */
static inline const char *
string(struct check *c, const char *p, bool *escaped)
{
	for (;;) {
		p = dl_json_past_text(p, c->end);
		if (p < c->end && *p == '"')
			return p + 1;
		if (p < c->end && *p == '\\')
			*escaped = true;
		if ((p = odd_text(c, p)) == NULL)
			return NULL;
	}
}

/* Past digits.  Most numbers are short: eight digits cost no loop. */
static inline const char *
digits(const char *p, const char *end)
{
	uint64_t w, other;

	while (end - p >= 8) {
		w = dl_word_load(p);
		/*
		 * The high bit of a byte that is not a digit: adding carries
		 * into it, or subtracting borrows from it.  Both can reach the
		 * bytes after it, never those before.
		 */
		other =
		    (w + DL_WORD_LOW * (0x7f - '9')) | (w - DL_WORD_LOW * '0');
		if ((other &= DL_WORD_HIGH) != 0)
			return p + __builtin_ctzll(other) / 8;
		p += 8;
	}
	while (p < end && dl_json_is_digit(*p))
		p++;
	return p;
}

static inline const char *
number(struct check *c, const char *p)
{
	const char *end = c->end, *q;

	if (*p == '-' && ++p == end)
		return fail(c, p, "");
	if (*p == '0')
		p++;
	else if ((q = digits(p, end)) != p)
		p = q;
	else
		return fail(c, p, "expected a digit");
	if (p < end && *p == '.') {
		p++;
		if ((q = digits(p, end)) == p)
			return fail(c, p, "expected a digit");
		p = q;
	}
	if (p < end && (*p | 0x20) == 'e') {
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		if ((q = digits(p, end)) == p)
			return fail(c, p, "expected a digit");
		p = q;
	}
	return p;
}

static const char *
literal(struct check *c, const char *p, const char *word)
{
	for (; *word != '\0'; p++, word++)
		if (p == c->end || *p != *word)
			return fail(c, p, "expected a value");
	return p;
}

/* Past a value that is not a container. */
static inline const char *
scalar(struct check *c, const char *p)
{
	bool escaped;

	switch (*p) {
	case '"':
		return string(c, p + 1, &escaped);
	case 't':
		return literal(c, p, "true");
	case 'f':
		return literal(c, p, "false");
	case 'n':
		return literal(c, p, "null");
	default:
		if (*p == '-' || dl_json_is_digit(*p))
			return number(c, p);
		return fail(c, p, "expected a value");
	}
}

/* p is at the quote of a name that nobody expected: past its end. */
static inline const char *
new_name(struct check *c, const char *p)
{
	bool escaped = false;
	const char *q = string(c, p + 1, &escaped);
	size_t len;
	uint32_t hash;

	if (q == NULL)
		return NULL;
	len = (size_t)(q - p) - 2;
	hash = dl_json_names_add(
	    &c->names, (size_t)(p + 1 - c->start), len, escaped);
	if (!escaped && c->end - p > DL_JSON_MEMO_READ)
		dl_json_memo_learn(&memo, p + 1, len, hash);
	return q;
}

/* A name, its colon and white space: to the first byte of the value. */
static inline const char *
name(struct check *c, const char *p)
{
	const struct dl_json_guess *g = NULL;

	if (p == c->end || *p != '"')
		return fail(c, p, "expected a name in quotes");
	if (c->end - p > DL_JSON_MEMO_READ)
		g = dl_json_memo_guess(&memo, p + 1);
	if (g != NULL) {
		dl_json_names_put(
		    &c->names, (size_t)(p + 1 - c->start), g->len, g->hash);
		p += g->len + 2;
	} else if ((p = new_name(c, p)) == NULL) {
		return NULL;
	}
	p = dl_json_past_space(p, c->end);
	if (p == c->end || *p != ':')
		return fail(c, p, "expected ':'");
	return dl_json_past_space(p + 1, c->end);
}

static inline bool
in_object(const struct check *c)
{
	return c->depth > 0 && c->first[c->depth - 1] != ARRAY;
}

/* p is past an opening bracket. */
static inline int
push(struct check *c, const char *p, size_t first)
{
	if (c->depth == DL_JSON_DEPTH) {
		return dl_err_data(c->err,
		    "more than %d containers inside each other at byte %zu",
		    DL_JSON_DEPTH, (size_t)(p - c->start));
	}
	c->first[c->depth++] = first;
	return 0;
}

static void
fail_twice(struct check *c, size_t twice)
{
	struct dl_span n = dl_json_names_raw(&c->names, twice);
	size_t len = n.len > NAME_SHOWN ? NAME_SHOWN : n.len;

	while (len < n.len && len > 0 && (n.p[len] & 0xc0) == 0x80)
		len--; /* no half of a character */
	dl_err_data(c->err, "the name '%.*s' twice in one object, at byte %zu",
	    (int)len, n.p, (size_t)(n.p - c->start));
}

/* p is at the bracket that closes the innermost container: past it. */
static inline const char *
pop(struct check *c, const char *p)
{
	size_t first = c->first[--c->depth], twice;

	if (first != ARRAY && dl_json_names_pop(&c->names, first, &twice) < 0) {
		fail_twice(c, twice);
		return NULL;
	}
	return p + 1;
}

/*
 * p is at an opening bracket: to the first name or element, or past an empty
 * pair.
 */
static inline const char *
open_container(struct check *c, const char *p, bool *empty)
{
	bool object = *p == '{';

	if (push(c, p + 1, object ? c->names.n : ARRAY) < 0)
		return NULL;
	p = dl_json_past_space(p + 1, c->end);
	*empty = p < c->end && *p == (object ? '}' : ']');
	return *empty ? pop(c, p) : p;
}

/*
 * p is past a value: close what closes there.  Past the outermost value, with
 * c->depth 0, or at the beginning of the next name or element.
 */
static inline const char *
next(struct check *c, const char *p)
{
	bool object;

	for (; p != NULL && c->depth > 0; p = pop(c, p)) {
		object = in_object(c);
		p = dl_json_past_space(p, c->end);
		if (p < c->end && *p == ',')
			return dl_json_past_space(p + 1, c->end);
		if (p == c->end || *p != (object ? '}' : ']'))
			return fail(c, p,
			    object ? "expected ',' or '}'"
				   : "expected ',' or ']'");
	}
	return p;
}

/* Past the value at p, with all that is in it. */
static const char *
value(struct check *c, const char *p)
{
	bool whole;

	do {
		if (in_object(c) && (p = name(c, p)) == NULL)
			return NULL;
		if (p == c->end)
			return fail(c, p, "");
		whole = true;
		if (*p == '{' || *p == '[')
			p = open_container(c, p, &whole);
		else
			p = scalar(c, p);
		if (p != NULL && whole)
			p = next(c, p);
	} while (p != NULL && c->depth > 0);
	return p;
}

static const char *
check_value(struct check *c, struct dl_span text, const char *p)
{
	c->start = text.p;
	c->end = dl_span_end(text);
	c->depth = 0;
	memo.last = 0;
	dl_json_names_init(&c->names, text);
	p = value(c, p);
	dl_json_names_release(&c->names);
	return p;
}

const char *
dl_json_check_first(struct dl_span text)
{
	struct dl_err ignored;
	struct check c;

	if (text.len > DL_JSON_MAX)
		text.len = DL_JSON_MAX;
	if (text.len == 0 || (text.p[0] != '{' && text.p[0] != '['))
		return NULL;
	ignored.status = DL_EXIT_OK;
	c.err = &ignored;
	return check_value(&c, text, text.p);
}

int
dl_json_check(struct dl_span text, struct dl_err *err)
{
	struct check c;
	const char *p, *end = dl_span_end(text);

	if (text.len > DL_JSON_MAX)
		return dl_err_data(err,
		    "a JSON text of %zu bytes; at most %zu can be checked",
		    text.len, DL_JSON_MAX);
	p = dl_json_past_space(text.p, end);
	if (p == end)
		return dl_err_data(err, "expected a JSON value, found nothing");
	c.err = err;
	if ((p = check_value(&c, text, p)) == NULL)
		return -1;
	p = dl_json_past_space(p, end);
	if (p == end)
		return 0;
	fail(&c, p, "more after the JSON value");
	return -1;
}
