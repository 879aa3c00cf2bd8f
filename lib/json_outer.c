/* A JSON text in chunks, a state machine over its bytes. */
#include "json_outer.h"

#include "json_byte.h"
#include "json_escape.h"
#include "utf8.h"

enum state {
	WANT_VALUE,
	WANT_FIRST_ELEMENT, /* or ']' */
	WANT_FIRST_NAME,    /* or '}' */
	WANT_NAME,
	WANT_COLON,
	WANT_NEXT, /* ',' or a closing bracket */
	IN_STRING,
	IN_NUMBER,
	IN_LITERAL,
	DONE
};

enum text {
	TEXT_PLAIN,
	TEXT_ESCAPE, /* after a backslash */
	TEXT_HEX,    /* digits of \u */
	TEXT_PAIR,   /* a surrogate's other half must begin */
	TEXT_PAIR_U, /* ... with the 'u' of its escape */
	TEXT_WIDE    /* more bytes of a character */
};

enum number {
	NUMBER_SIGN, /* after '-' */
	NUMBER_ZERO,
	NUMBER_INT,
	NUMBER_POINT,
	NUMBER_FRACTION,
	NUMBER_E,
	NUMBER_E_SIGN,
	NUMBER_EXPONENT
};

static int
fail(const struct dl_json_outer *o, const char *p, struct dl_err *err,
    const char *what)
{
	return dl_err_data(err, "%s at byte %zu", what, dl_json_outer_at(o, p));
}

void
dl_json_outer_init(
    struct dl_json_outer *o, const struct dl_span *path, size_t npath)
{
	*o = (struct dl_json_outer){.path = path, .npath = npath, .hit = true};
	o->state = WANT_VALUE;
}

void
dl_json_outer_resume(struct dl_json_outer *o)
{
	o->state = o->depth == 0 ? DONE : WANT_NEXT;
}

bool
dl_json_outer_done(const struct dl_json_outer *o)
{
	return o->state == DONE;
}

static bool
in_object(const struct dl_json_outer *o)
{
	size_t i = o->depth - 1;

	return (o->objects[i / 64] >> i % 64 & 1) != 0;
}

static int
push(struct dl_json_outer *o, const char *p, struct dl_err *err)
{
	size_t i = o->depth;

	if (i == DL_JSON_DEPTH)
		return dl_err_data(err,
		    "more than %d containers inside each other at byte %zu",
		    DL_JSON_DEPTH, dl_json_outer_at(o, p));
	o->objects[i / 64] &= ~((uint64_t)1 << i % 64);
	o->objects[i / 64] |= (uint64_t)(*p == '{') << i % 64;
	o->state = *p == '{' ? WANT_FIRST_NAME : WANT_FIRST_ELEMENT;
	o->depth++;
	return 0;
}

static void
pop(struct dl_json_outer *o)
{
	if (--o->depth < o->on_path)
		o->on_path = o->depth;
	dl_json_outer_resume(o);
}

/* The next n decoded bytes of a name: are they those of the path's? */
static void
name_bytes(struct dl_json_outer *o, const char *p, size_t n)
{
	struct dl_span want;

	if (o->differs)
		return;
	want = o->path[o->on_path - 1];
	o->differs =
	    want.len - o->same < n || memcmp(want.p + o->same, p, n) != 0;
	o->same += n;
}

static void
start_string(struct dl_json_outer *o, const char *p, bool is_name)
{
	o->quote = dl_json_outer_at(o, p);
	o->state = IN_STRING;
	o->text = TEXT_PLAIN;
	o->is_name = is_name;
	o->same = 0;
	o->differs = !is_name || o->on_path == 0 || o->depth != o->on_path;
}

static int
end_string(struct dl_json_outer *o, struct dl_err *err)
{
	if (!o->is_name) {
		dl_json_outer_resume(o);
		return 0;
	}
	o->state = WANT_COLON;
	if (o->differs || o->same != o->path[o->on_path - 1].len)
		return 0;
	if (o->matched >= o->on_path)
		return dl_err_data(err,
		    "the name '%.*s' twice in one object, at byte %zu",
		    DL_SPAN_ARG(o->path[o->on_path - 1]), o->quote);
	o->matched = o->on_path;
	o->hit = true;
	return 0;
}

static int
end_escape(struct dl_json_outer *o, const char *p, struct dl_err *err)
{
	char wide[DL_UTF8_MAX];
	uint32_t code = o->unit;
	bool is_low = (code & 0xfc00) == 0xdc00;

	if (is_low != (o->pair != 0))
		return fail(o, p, err, "a wrong escape in a string");
	if ((code & 0xfc00) == 0xd800) {
		o->pair = code;
		o->text = TEXT_PAIR;
		return 0;
	}
	if (is_low)
		code = 0x10000 + ((o->pair & 0x3ff) << 10) + (code & 0x3ff);
	name_bytes(o, wide, dl_utf8_put(wide, code));
	o->text = TEXT_PLAIN;
	return 0;
}

static int
escape_byte(struct dl_json_outer *o, const char *p, struct dl_err *err)
{
	int digit, c = dl_json_escape_short(*p);
	char plain = (char)c;

	if (o->text == TEXT_HEX && (digit = dl_json_hex(*p)) >= 0) {
		o->unit = o->unit << 4 | (uint32_t)digit;
		return --o->left > 0 ? 0 : end_escape(o, p, err);
	}
	if (o->text == TEXT_PAIR && *p == '\\') {
		o->text = TEXT_PAIR_U;
		return 0;
	}
	if (*p == 'u' && (o->text == TEXT_ESCAPE || o->text == TEXT_PAIR_U)) {
		if (o->text == TEXT_ESCAPE)
			o->pair = 0;
		o->unit = 0;
		o->left = 4;
		o->text = TEXT_HEX;
		return 0;
	}
	if (o->text != TEXT_ESCAPE || c < 0)
		return fail(o, p, err, "a wrong escape in a string");
	name_bytes(o, &plain, 1);
	o->text = TEXT_PLAIN;
	return 0;
}

static int
wide_byte(struct dl_json_outer *o, const char *p, struct dl_err *err)
{
	unsigned char c = (unsigned char)*p;

	if (o->text == TEXT_PLAIN) {
		o->left = dl_utf8_lead(c, &o->low, &o->high);
		o->text = TEXT_WIDE;
	} else if (c < o->low || c > o->high) {
		o->left = 0;
	} else {
		o->low = 0x80;
		o->high = 0xbf;
	}
	if (o->left == 0)
		return fail(o, p, err, "invalid UTF-8");
	if (--o->left == 0)
		o->text = TEXT_PLAIN;
	name_bytes(o, p, 1);
	return 0;
}

static const char *
string(
    struct dl_json_outer *o, const char *p, const char *end, struct dl_err *err)
{
	const char *q;
	int r;

	for (; p < end && o->state == IN_STRING; p++) {
		if (o->text == TEXT_PLAIN) {
			q = dl_json_past_text(p, end);
			name_bytes(o, p, (size_t)(q - p));
			if ((p = q) == end)
				break;
		}
		r = 0;
		if (o->text == TEXT_WIDE ||
		    (o->text == TEXT_PLAIN && (*p & 0x80) != 0))
			r = wide_byte(o, p, err);
		else if (o->text != TEXT_PLAIN)
			r = escape_byte(o, p, err);
		else if (*p == '"')
			r = end_string(o, err);
		else if (*p == '\\')
			o->text = TEXT_ESCAPE;
		else
			r = fail(o, p, err, "a control character in a string");
		if (r < 0)
			return NULL;
	}
	return p;
}

/* The state after c, or -1 if c is not of the number. */
static int
after_digit_or_sign(int state, char c)
{
	bool digit = dl_json_is_digit(c), e = c == 'e' || c == 'E';

	switch (state) {
	case NUMBER_SIGN:
		return c == '0' ? NUMBER_ZERO : digit ? NUMBER_INT : -1;
	case NUMBER_INT:
		if (digit)
			return NUMBER_INT;
		/* FALLTHROUGH */
	case NUMBER_ZERO:
		return c == '.' ? NUMBER_POINT : e ? NUMBER_E : -1;
	case NUMBER_POINT:
		return digit ? NUMBER_FRACTION : -1;
	case NUMBER_FRACTION:
		return digit ? NUMBER_FRACTION : e ? NUMBER_E : -1;
	case NUMBER_E:
		if (c == '+' || c == '-')
			return NUMBER_E_SIGN;
		/* FALLTHROUGH */
	default:
		return digit ? NUMBER_EXPONENT : -1;
	}
}

static const char *
number(
    struct dl_json_outer *o, const char *p, const char *end, struct dl_err *err)
{
	int next;

	for (; p < end; p++) {
		next = after_digit_or_sign(o->number, *p);
		if (next >= 0) {
			o->number = next;
			continue;
		}
		if (o->number != NUMBER_ZERO && o->number != NUMBER_INT &&
		    o->number != NUMBER_FRACTION &&
		    o->number != NUMBER_EXPONENT) {
			fail(o, p, err, "expected a digit");
			return NULL;
		}
		dl_json_outer_resume(o);
		break;
	}
	return p;
}

static const char *
literal(
    struct dl_json_outer *o, const char *p, const char *end, struct dl_err *err)
{
	for (; p < end && *o->word != '\0'; p++, o->word++) {
		if (*p != *o->word) {
			fail(o, p, err, "expected a value");
			return NULL;
		}
	}
	if (*o->word == '\0')
		dl_json_outer_resume(o);
	return p;
}

/* p is at the first byte of a value: 1 if it is the caller's. */
static int
start_value(struct dl_json_outer *o, const char *p, struct dl_err *err)
{
	struct dl_buf where = {0};

	if (o->hit && o->matched == o->npath) {
		o->hit = false;
		return 1;
	}
	if (o->hit && *p != '{') {
		dl_json_outer_path(o, o->matched, &where);
		dl_err_data(err, "%s is %s, expected an object",
		    dl_buf_str(&where), dl_json_kind_name(*p));
		dl_buf_release(&where);
		return -1;
	}
	if (*p == '{' || *p == '[') {
		if (push(o, p, err) < 0)
			return -1;
		if (o->hit)
			o->on_path = o->depth;
		o->hit = false;
		return 0;
	}
	if (*p == '"') {
		start_string(o, p, false);
		return 0;
	}
	o->word = *p == 't' ? "rue" : *p == 'f' ? "alse" : "ull";
	o->state = IN_LITERAL;
	if (*p == 't' || *p == 'f' || *p == 'n')
		return 0;
	o->state = IN_NUMBER;
	o->number = *p == '-'   ? NUMBER_SIGN
	            : *p == '0' ? NUMBER_ZERO
	                        : NUMBER_INT;
	return *p == '-' || dl_json_is_digit(*p)
	           ? 0
	           : fail(o, p, err, "expected a value");
}

/* The byte at p stands between tokens and is not white space. */
static int
structure(struct dl_json_outer *o, const char *p, struct dl_err *err)
{
	bool object;

	switch (o->state) {
	case WANT_FIRST_ELEMENT:
		if (*p == ']') {
			pop(o);
			return 0;
		}
		/* FALLTHROUGH */
	case WANT_VALUE:
		return start_value(o, p, err);
	case WANT_FIRST_NAME:
		if (*p == '}') {
			pop(o);
			return 0;
		}
		/* FALLTHROUGH */
	case WANT_NAME:
		if (*p != '"')
			return fail(o, p, err, "expected a name in quotes");
		start_string(o, p, true);
		return 0;
	case WANT_COLON:
		o->state = WANT_VALUE;
		return *p == ':' ? 0 : fail(o, p, err, "expected ':'");
	case WANT_NEXT:
		object = in_object(o);
		if (*p == ',')
			o->state = object ? WANT_NAME : WANT_VALUE;
		else if (*p == (object ? '}' : ']'))
			pop(o);
		else
			return fail(o, p, err,
			    object ? "expected ',' or '}'"
				   : "expected ',' or ']'");
		return 0;
	default:
		return fail(o, p, err, "more after the document");
	}
}

int
dl_json_outer_feed(struct dl_json_outer *o, const char **pp, const char *end,
    struct dl_err *err)
{
	const char *p = *pp;
	int r;

	while (p != NULL && p < end) {
		if (o->state == IN_STRING)
			p = string(o, p, end, err);
		else if (o->state == IN_NUMBER)
			p = number(o, p, end, err);
		else if (o->state == IN_LITERAL)
			p = literal(o, p, end, err);
		else if (dl_json_is_space(*p))
			p++;
		else if ((r = structure(o, p, err)) == 0)
			p++;
		else {
			*pp = p;
			return r;
		}
	}
	*pp = p;
	return p == NULL ? -1 : 0;
}

static bool
is_word(struct dl_span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] != '_' && !dl_json_is_digit(s.p[i]) &&
		    ((s.p[i] | 0x20) < 'a' || (s.p[i] | 0x20) > 'z'))
			return false;
	return s.len > 0;
}

void
dl_json_outer_path(const struct dl_json_outer *o, size_t n, struct dl_buf *b)
{
	if (n == 0)
		dl_buf_adds(b, "the document");
	else
		dl_buf_addc(b, '\'');
	for (size_t i = 0; i < n; i++) {
		dl_buf_addc(b, '.');
		if (is_word(o->path[i]))
			dl_buf_span(b, o->path[i]);
		else
			dl_json_quote(b, o->path[i]);
	}
	if (n > 0)
		dl_buf_addc(b, '\'');
}

const char *
dl_json_kind_name(char c)
{
	static const char *const names[] = {"not JSON", "null", "false", "true",
	    "a number", "a string", "an array", "an object"};

	return names[dl_json_kind(dl_span(&c, 1))];
}
