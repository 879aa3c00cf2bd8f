/* jq's functions of strings. */
#include "expr_fn_private.h"

#include "utf8.h"

#include <math.h>

#define REPLACEMENT 0xfffd

const char *
dl_fn_past_char(const char *p, const char *end)
{
	const char *q = (*p & 0x80) != 0 ? dl_utf8_wide(p, end) : NULL;

	return q == NULL ? p + 1 : q;
}

/* in's text and args[0]'s; 0: one of them is no string, 1, -1. */
static int
two_texts(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_span *x, struct dl_span *y)
{
	if (in->kind != DL_JSON_STRING || args[0].kind != DL_JSON_STRING)
		return 0;
	if (dl_fn_text(env, in, x) < 0 || dl_fn_text(env, &args[0], y) < 0)
		return -1;
	return 1;
}

static bool
begins(struct dl_span x, struct dl_span y)
{
	return x.len >= y.len && memcmp(x.p, y.p, y.len) == 0;
}

static bool
ends(struct dl_span x, struct dl_span y)
{
	return x.len >= y.len && memcmp(x.p + (x.len - y.len), y.p, y.len) == 0;
}

static int
startswith(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	struct dl_span x, y;
	int r = two_texts(env, in, args, &x, &y);

	if (r == 0)
		return dl_err_data(
		    env->err, "startswith() requires string inputs");
	return r < 0 ? -1 : dl_fn_give(result, dl_value_bool(begins(x, y)));
}

static int
endswith(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	struct dl_span x, y;
	int r = two_texts(env, in, args, &x, &y);

	if (r == 0)
		return dl_err_data(
		    env->err, "endswith() requires string inputs");
	return r < 0 ? -1 : dl_fn_give(result, dl_value_bool(ends(x, y)));
}

static int
ltrimstr(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	struct dl_span x, y;
	int r = two_texts(env, in, args, &x, &y);

	if (r < 0)
		return -1;
	if (r == 0 || !begins(x, y))
		return dl_fn_give(result, *in);
	return dl_fn_give(
	    result, dl_value_text(dl_span(x.p + y.len, x.len - y.len)));
}

static int
rtrimstr(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	struct dl_span x, y;
	int r = two_texts(env, in, args, &x, &y);

	if (r < 0)
		return -1;
	if (r == 0 || !ends(x, y))
		return dl_fn_give(result, *in);
	return dl_fn_give(result, dl_value_text(dl_span(x.p, x.len - y.len)));
}

/* The text with the letters from first on, 26 of them, turned over. */
static int
turn_case(struct dl_fn_env *env, const struct dl_value *in, char first,
    struct dl_value *result)
{
	struct dl_span text;
	char *p;

	if (in->kind != DL_JSON_STRING)
		return dl_err_data(env->err, "explode input must be a string");
	if (dl_fn_text(env, in, &text) < 0 ||
	    (p = dl_fn_alloc(env, text.len, 1)) == NULL)
		return -1;
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.p[i];

		p[i] = (char)(c ^ (c - (unsigned)first < 26 ? 0x20 : 0));
	}
	return dl_fn_give(result, dl_value_text(dl_span(p, text.len)));
}

static int
ascii_downcase(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	(void)args;
	return turn_case(env, in, 'A', result);
}

static int
ascii_upcase(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	(void)args;
	return turn_case(env, in, 'a', result);
}

static int
utf8bytelength(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	struct dl_span text;

	(void)args;
	if (in->kind != DL_JSON_STRING)
		return dl_fn_fail1(
		    env, in, "only strings have UTF-8 byte length");
	if (dl_fn_text(env, in, &text) < 0)
		return -1;
	return dl_fn_give(result, dl_value_number((double)text.len));
}

/* The character from p to end, or U+FFFD for a byte that is none. */
static uint32_t
decode(const char *p, const char *end)
{
	static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t code;

	if (end - p == 1 && (*p & 0x80) != 0)
		return REPLACEMENT;
	code = (unsigned char)*p & masks[end - p];
	while (++p < end)
		code = code << 6 | ((unsigned char)*p & 0x3f);
	return code;
}

static int
explode(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	struct dl_span text;
	struct dl_value v;
	const char *p, *q, *end;

	(void)args;
	if (in->kind != DL_JSON_STRING)
		return dl_err_data(env->err, "explode input must be a string");
	if (dl_fn_text(env, in, &text) < 0)
		return -1;
	end = dl_span_end(text);
	dl_buf_addc(env->out, '[');
	for (p = text.p; p < end; p = q) {
		q = dl_fn_past_char(p, end);
		v = dl_value_number(decode(p, q));
		dl_fn_item(env->out, &v);
		if (dl_fn_room(env, 0) < 0)
			return -1;
	}
	return dl_fn_made_array(env, result);
}

/* The character of that number, as jq takes it from a double. */
static uint32_t
code_of(double d)
{
	if (!(d > -1 && d < 0x110000) || (d >= 0xd800 && d < 0xe000))
		return REPLACEMENT;
	return (uint32_t)(int)d;
}

static int
implode(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	struct dl_value_iter it;
	struct dl_value element;
	char wide[DL_UTF8_MAX];
	double d;
	int r;

	(void)args;
	if (in->kind != DL_JSON_ARRAY)
		return dl_err_data(env->err, "implode input must be an array");
	dl_value_enter(&it, in);
	while ((r = dl_value_next(&it, NULL, &element, env->err)) > 0) {
		d = element.kind == DL_JSON_NUMBER ? dl_value_double(&element)
		                                   : NAN;
		if (isnan(d))
			return dl_fn_fail1(env, &element,
			    "can't be imploded, unicode codepoint needs to be "
			    "numeric");
		dl_buf_add(env->out, wide, dl_utf8_put(wide, code_of(d)));
	}
	return r < 0 ? -1 : dl_fn_made_text(env, result);
}

int
dl_fn_split(struct dl_fn_env *env, struct dl_span text, struct dl_span sep,
    struct dl_value *result)
{
	const char *p = text.p, *end = dl_span_end(text), *q;
	struct dl_value part;

	dl_buf_addc(env->out, '[');
	while (text.len > 0) {
		if (sep.len == 0)
			q = dl_fn_past_char(p, end);
		else
			q = memmem(p, (size_t)(end - p), sep.p, sep.len);
		part = dl_value_text(
		    dl_span(p, (size_t)((q == NULL ? end : q) - p)));
		dl_fn_comma(env->out);
		if (dl_value_print(env->arena, env->out, &part, env->err) < 0 ||
		    dl_fn_room(env, 0) < 0)
			return -1;
		if (q == NULL || (sep.len == 0 && q == end))
			break;
		p = q + sep.len;
	}
	return dl_fn_made_array(env, result);
}

static int
split(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	struct dl_span text, sep;
	int r = two_texts(env, in, args, &text, &sep);

	if (r == 0)
		return dl_err_data(
		    env->err, "split input and separator must be strings");
	return r < 0 ? -1 : dl_fn_split(env, text, sep, result);
}

/* What jq says of the text so far + v. */
static int
join_fail(struct dl_fn_env *env, const struct dl_value *v)
{
	struct dl_value sum;

	if (dl_fn_made_text(env, &sum) < 0)
		return -1;
	return dl_fn_fail2(env, &sum, v, "cannot be added");
}

/* One more element of a join. */
static int
join_item(struct dl_fn_env *env, const struct dl_value *v)
{
	if (v->kind == DL_JSON_NULL)
		return 0;
	if (v->kind == DL_JSON_ARRAY || v->kind == DL_JSON_OBJECT)
		return join_fail(env, v);
	return dl_fn_put_text(env, v);
}

static int
join(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	struct dl_span sep = {"", 0};
	struct dl_value name, element;
	struct dl_value_iter it;
	bool first = true;
	int r;

	if (dl_fn_enter(env, in, &it) < 0 ||
	    (args[0].kind == DL_JSON_STRING &&
		dl_fn_text(env, &args[0], &sep) < 0))
		return -1;
	while ((r = dl_value_next(&it, &name, &element, env->err)) > 0) {
		if (!first && args[0].kind != DL_JSON_STRING &&
		    args[0].kind != DL_JSON_NULL)
			return join_fail(env, &args[0]);
		if (!first)
			dl_buf_span(env->out, sep);
		first = false;
		if (join_item(env, &element) < 0 || dl_fn_room(env, 0) < 0)
			return -1;
	}
	return r < 0 ? -1 : dl_fn_made_text(env, result);
}

const struct dl_fn_entry dl_fn_texts[] = {
    {"startswith", 1, startswith},
    {"endswith", 1, endswith},
    {"ltrimstr", 1, ltrimstr},
    {"rtrimstr", 1, rtrimstr},
    {"ascii_downcase", 0, ascii_downcase},
    {"ascii_upcase", 0, ascii_upcase},
    {"utf8bytelength", 0, utf8bytelength},
    {"explode", 0, explode},
    {"implode", 0, implode},
    {"split", 1, split},
    {"join", 1, join},
    {NULL, 0, NULL},
};
