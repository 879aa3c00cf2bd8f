/* jq's formats: @csv and the like. */
#include "expr_fn_private.h"

#include <jv.h>
#include <math.h>

struct format {
	const char *name;
	dl_fn *fn;
};

/* Append text, each byte as escape() has it. */
static int
put_escaped(struct dl_fn_env *env, struct dl_span text,
    const char *(*escape)(unsigned char))
{
	const char *p = text.p, *end = dl_span_end(text), *q, *instead = NULL;

	for (; p < end; p = q + 1) {
		for (q = p; q < end; q++)
			if ((instead = escape((unsigned char)*q)) != NULL)
				break;
		dl_buf_add(env->out, p, (size_t)(q - p));
		if (q == end)
			break;
		dl_buf_adds(env->out, instead);
	}
	return dl_fn_room(env, 0);
}

static const char *
html(unsigned char c)
{
	switch (c) {
	case '\0':
		return "\\0";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '&':
		return "&amp;";
	case '\'':
		return "&apos;";
	case '"':
		return "&quot;";
	default:
		return NULL;
	}
}

static const char *
tsv(unsigned char c)
{
	switch (c) {
	case '\0':
		return "\\0";
	case '\t':
		return "\\t";
	case '\n':
		return "\\n";
	case '\r':
		return "\\r";
	case '\\':
		return "\\\\";
	default:
		return NULL;
	}
}

static const char *
csv(unsigned char c)
{
	return c == '\0' ? "\\0" : c == '"' ? "\"\"" : NULL;
}

static const char *
shell(unsigned char c)
{
	return c == '\0' ? "\\0" : c == '\'' ? "'\\''" : NULL;
}

/* in as a string: itself, or as tojson has it. */
static int
text_of(struct dl_fn_env *env, const struct dl_value *in, struct dl_span *text)
{
	struct dl_value v;

	if (in->kind == DL_JSON_STRING)
		return dl_fn_text(env, in, text);
	if (dl_fn_put_text(env, in) < 0 || dl_fn_made_text(env, &v) < 0)
		return -1;
	*text = v.text;
	return 0;
}

static int
format_html(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	struct dl_span text;

	(void)args;
	if (text_of(env, in, &text) < 0 || put_escaped(env, text, html) < 0)
		return -1;
	return dl_fn_made_text(env, result);
}

/* A field between quotes that are quote. */
static int
put_quoted(struct dl_fn_env *env, const struct dl_value *v, char quote,
    const char *(*escape)(unsigned char))
{
	struct dl_span text;

	if (dl_fn_text(env, v, &text) < 0)
		return -1;
	if (quote != '\0')
		dl_buf_addc(env->out, quote);
	if (put_escaped(env, text, escape) < 0)
		return -1;
	if (quote != '\0')
		dl_buf_addc(env->out, quote);
	return 0;
}

static int
put_field(struct dl_fn_env *env, const struct dl_value *v, char quote,
    const char *(*escape)(unsigned char))
{
	switch (v->kind) {
	case DL_JSON_NULL:
		return 0;
	case DL_JSON_NUMBER:
		if (isnan(dl_value_double(v)))
			return 0;
		return dl_fn_put_text(env, v);
	case DL_JSON_TRUE:
	case DL_JSON_FALSE:
		return dl_fn_put_text(env, v);
	case DL_JSON_STRING:
		return put_quoted(env, v, quote, escape);
	default:
		return dl_fn_fail1(env, v, "is not valid in a csv row");
	}
}

static int
put_row(struct dl_fn_env *env, const struct dl_value *in, char between,
    char quote, const char *(*escape)(unsigned char))
{
	struct dl_value_iter it;
	struct dl_value element;
	bool first = true;
	int r;

	dl_value_enter(&it, in);
	while ((r = dl_value_next(&it, NULL, &element, env->err)) > 0) {
		if (!first)
			dl_buf_addc(env->out, between);
		first = false;
		if (put_field(env, &element, quote, escape) < 0)
			return -1;
	}
	return r;
}

static int
format_csv(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	(void)args;
	if (in->kind != DL_JSON_ARRAY)
		return dl_fn_fail1(
		    env, in, "cannot be csv-formatted, only array");
	if (put_row(env, in, ',', '"', csv) < 0)
		return -1;
	return dl_fn_made_text(env, result);
}

static int
format_tsv(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	(void)args;
	if (in->kind != DL_JSON_ARRAY)
		return dl_fn_fail1(
		    env, in, "cannot be tsv-formatted, only array");
	if (put_row(env, in, '\t', '\0', tsv) < 0)
		return -1;
	return dl_fn_made_text(env, result);
}

static int
put_word(struct dl_fn_env *env, const struct dl_value *v)
{
	if (v->kind >= DL_JSON_ARRAY)
		return dl_fn_fail1(env, v, "can not be escaped for shell");
	if (v->kind == DL_JSON_STRING)
		return put_quoted(env, v, '\'', shell);
	return dl_fn_put_text(env, v);
}

static int
format_sh(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	struct dl_value_iter it;
	struct dl_value element;
	int r = 0;

	(void)args;
	if (in->kind != DL_JSON_ARRAY) {
		if (put_word(env, in) < 0)
			return -1;
		return dl_fn_made_text(env, result);
	}
	dl_value_enter(&it, in);
	for (int i = 0; (r = dl_value_next(&it, NULL, &element, env->err)) > 0;
	     i = 1) {
		if (i > 0)
			dl_buf_addc(env->out, ' ');
		if (put_word(env, &element) < 0)
			return -1;
	}
	return r < 0 ? -1 : dl_fn_made_text(env, result);
}

static int
format_uri(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	static const char hex[] = "0123456789ABCDEF";
	struct dl_span text;

	(void)args;
	if (text_of(env, in, &text) < 0 || dl_fn_room(env, text.len) < 0)
		return -1;
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if ((c >= '0' && c <= '9') ||
		    ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
		    (c != '\0' && strchr("-_.!~*'()", c) != NULL))
			dl_buf_addc(env->out, (char)c);
		else
			dl_buf_add(env->out,
			    (char[]){'%', hex[c >> 4], hex[c & 15]}, 3);
	}
	return dl_fn_made_text(env, result);
}

static const char digits64[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int
format_base64(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	const unsigned char *p, *end;
	struct dl_span text;
	uint32_t bits;

	(void)args;
	if (text_of(env, in, &text) < 0 || dl_fn_room(env, text.len) < 0)
		return -1;
	p = (const unsigned char *)text.p;
	dl_buf_room(env->out, text.len / 3 * 4 + 4);
	for (end = p + text.len; p < end; p += 3) {
		bits = (uint32_t)p[0] << 16;
		if (end - p > 1)
			bits |= (uint32_t)p[1] << 8;
		if (end - p > 2)
			bits |= p[2];
		dl_buf_add(env->out,
		    (char[]){digits64[bits >> 18], digits64[bits >> 12 & 63],
			end - p > 1 ? digits64[bits >> 6 & 63] : '=',
			end - p > 2 ? digits64[bits & 63] : '='},
		    4);
		if (end - p < 3)
			break;
	}
	return dl_fn_made_text(env, result);
}

/* Decode up to the first '='; the digits left over, or -1 for another byte. */
static int
decode64(struct dl_buf *out, struct dl_span text)
{
	uint32_t bits = 0;
	int n = 0;

	for (size_t i = 0; i < text.len && text.p[i] != '='; i++) {
		const char *d =
		    text.p[i] == '\0' ? NULL : strchr(digits64, text.p[i]);

		if (d == NULL)
			return -1;
		bits = bits << 6 | (uint32_t)(d - digits64);
		if (++n == 4) {
			dl_buf_add(out,
			    (char[]){(char)(bits >> 16), (char)(bits >> 8),
				(char)bits},
			    3);
			n = 0;
		}
	}
	if (n == 3)
		dl_buf_add(
		    out, (char[]){(char)(bits >> 10), (char)(bits >> 2)}, 2);
	if (n == 2)
		dl_buf_addc(out, (char)(bits >> 4));
	return n;
}

static int
format_base64d(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	struct dl_value string;
	struct dl_span text;
	jv tidy;
	int n;

	(void)args;
	if (text_of(env, in, &text) < 0)
		return -1;
	string = dl_value_text(text);
	if ((n = decode64(env->out, text)) == 1)
		return dl_fn_fail1(env, &string, "trailing base64 byte found");
	if (n < 0)
		return dl_fn_fail1(env, &string, "is not valid base64 data");
	if (!dl_utf8_valid(dl_buf_as_span(env->out))) {
		/* What is no UTF-8 becomes U+FFFD, where libjq sees one. */
		tidy = jv_string_sized(env->out->p, (int)env->out->len);
		dl_buf_clear(env->out);
		dl_buf_add(env->out, jv_string_value(tidy),
		    (size_t)jv_string_length_bytes(jv_copy(tidy)));
		jv_free(tidy);
	}
	return dl_fn_made_text(env, result);
}

static const struct format formats[] = {
    {"text", dl_fn_tostring},
    {"json", dl_fn_tojson},
    {"csv", format_csv},
    {"tsv", format_tsv},
    {"html", format_html},
    {"uri", format_uri},
    {"sh", format_sh},
    {"base64", format_base64},
    {"base64d", format_base64d},
};

static dl_fn *
format_named(struct dl_span name)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (dl_span_is(name, formats[i].name))
			return formats[i].fn;
	return NULL;
}

dl_fn *
dl_fn_format(struct dl_span name)
{
	if (name.len == 0 || name.p[0] != '@')
		return NULL;
	return format_named(dl_span(name.p + 1, name.len - 1));
}

static int
format_by(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	struct dl_span all, name;
	dl_fn *fn;

	if (args[0].kind != DL_JSON_STRING)
		return dl_fn_fail1(env, args, "is not a valid format");
	if (dl_fn_text(env, args, &all) < 0)
		return -1;
	name = dl_fn_c_text(all);
	if ((fn = format_named(name)) != NULL)
		return fn(env, in, NULL, result);
	if (name.len > DL_ERR_MAX)
		all.len = name.len = DL_ERR_MAX;
	/* In jq too the message ends at a NUL. */
	return dl_err_data(env->err, "%.*s%s", DL_SPAN_ARG(name),
	    name.len < all.len ? "" : " is not a valid format");
}

const struct dl_fn_entry dl_fn_formats[] = {
    {"format", 1, format_by},
    {NULL, 0, NULL},
};
