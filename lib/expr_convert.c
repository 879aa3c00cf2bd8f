/* jq's functions between types: type, not, tostring, tonumber, from JSON. */
#include "expr_fn_private.h"

#include "double.h"

#include <jv.h>
#include <limits.h>

#define JQ_DEPTH 256    /* what libjq parses */
#define SHORT_NUMBER 15 /* digits, and all, that a double surely keeps */

static int
type(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	(void)env;
	(void)args;
	return dl_fn_give(
	    result, dl_value_text(dl_span_str(dl_value_type(in))));
}

static int not(struct dl_fn_env * env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	(void)env;
	(void)args;
	return dl_fn_give(result, dl_value_bool(!dl_value_is_true(in)));
}

int
dl_fn_put_text(struct dl_fn_env *env, const struct dl_value *v)
{
	struct dl_span text;

	if (v->kind != DL_JSON_STRING)
		return dl_value_print(env->arena, env->out, v, env->err);
	if (dl_fn_text(env, v, &text) < 0)
		return -1;
	dl_buf_span(env->out, text);
	return 0;
}

int
dl_fn_tostring(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	(void)args;
	if (in->kind == DL_JSON_STRING)
		return dl_fn_give(result, *in);
	if (dl_fn_put_text(env, in) < 0)
		return -1;
	return dl_fn_made_text(env, result);
}

int
dl_fn_tojson(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	(void)args;
	if (dl_value_print(env->arena, env->out, in, env->err) < 0)
		return -1;
	return dl_fn_made_text(env, result);
}

/* Would libjq parse what is JSON, and is so deep? */
static bool
depth_ok(struct dl_span text)
{
	const char *p = text.p, *end = dl_span_end(text);
	int depth = 0;

	while (p < end) {
		if (*p == '"') {
			if ((p = dl_json_skip(p, end)) == NULL)
				return false;
			continue;
		}
		if ((*p == '[' || *p == '{') && ++depth > JQ_DEPTH)
			return false;
		depth -= *p == ']' || *p == '}';
		p++;
	}
	return true;
}

/* libjq's x as a value of our own; x is consumed. */
static int
from_jv(struct dl_fn_env *env, jv x, struct dl_value *result)
{
	struct dl_value v;
	jv text;
	int r;

	if (jv_get_kind(x) == JV_KIND_NUMBER) {
		*result = dl_value_number(jv_number_value(x));
		jv_free(x);
		return 1;
	}
	text = jv_dump_string(x, 0);
	dl_buf_adds(env->out, jv_string_value(text));
	jv_free(text);
	if (dl_value_json(dl_buf_as_span(env->out), &v, env->err) < 0)
		return -1;
	r = dl_fn_made(env, v.kind, false, result);
	return r;
}

/* What is no JSON but that libjq takes, or its message. */
static int
parse_odd(struct dl_fn_env *env, struct dl_span text, struct dl_value *result)
{
	jv x, msg;

	if (text.len > INT_MAX)
		return dl_err_data(env->err, "%s", DL_ARENA_FULL);
	x = jv_parse_sized(text.p, (int)text.len);
	if (jv_is_valid(x))
		return from_jv(env, x, result);
	msg = jv_invalid_get_msg(x);
	if (jv_get_kind(msg) == JV_KIND_STRING)
		dl_err_data(env->err, "%s", jv_string_value(msg));
	else
		dl_err_data(env->err, "the text is not JSON");
	jv_free(msg);
	return -1;
}

static int
parse(struct dl_fn_env *env, struct dl_span text, struct dl_value *result)
{
	struct dl_err ignored = {0};
	struct dl_span value;
	struct dl_value v;

	if (dl_json_value(text, &value) < 0 ||
	    dl_value_json(value, &v, &ignored) < 0 ||
	    (v.kind > DL_JSON_NUMBER &&
		(dl_json_check(value, &ignored) < 0 || !depth_ok(value))))
		return parse_odd(env, text, result);
	if (v.kind == DL_JSON_NUMBER && value.len <= SHORT_NUMBER)
		return dl_fn_give(result, dl_value_number(dl_double(value)));
	if (dl_value_print(env->arena, env->out, &v, env->err) < 0)
		return -1;
	return dl_fn_made(env, v.kind, false, result);
}

static int
fromjson(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	struct dl_span text;

	(void)args;
	if (in->kind != DL_JSON_STRING)
		return dl_fn_fail1(env, in, "only strings can be parsed");
	if (dl_fn_text(env, in, &text) < 0)
		return -1;
	return parse(env, text, result);
}

static int
tonumber(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	struct dl_span text;

	(void)args;
	if (in->kind == DL_JSON_NUMBER)
		return dl_fn_give(result, *in);
	if (in->kind == DL_JSON_STRING) {
		if (dl_fn_text(env, in, &text) < 0 ||
		    parse(env, dl_fn_c_text(text), result) < 0)
			return -1;
		if (result->kind == DL_JSON_NUMBER)
			return 1;
	}
	return dl_fn_fail1(env, in, "cannot be parsed as a number");
}

const struct dl_fn_entry dl_fn_conversions[] = {
    {"type", 0, type},
    {"not", 0, not },
    {"tostring", 0, dl_fn_tostring},
    {"tojson", 0, dl_fn_tojson},
    {"fromjson", 0, fromjson},
    {"tonumber", 0, tonumber},
    {NULL, 0, NULL},
};
