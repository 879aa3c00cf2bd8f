/* jq's functions of values: finding them, and what they have in common. */
#include "expr_fn_private.h"

#include "utf8.h"

/* jq shows so many bytes of a value in a message. */
#define SHOWN 14

const struct dl_fn_entry *
dl_fn_find(struct dl_span name, int nargs)
{
	static const struct dl_fn_entry *const tables[] = {dl_fn_conversions,
	    dl_fn_texts, dl_fn_lists, dl_fn_searches, dl_fn_objects,
	    dl_fn_groups, dl_fn_numbers, dl_fn_times, dl_fn_formats};
	const struct dl_fn_entry *e;

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (e = tables[i]; e->name != NULL; e++)
			if (e->nargs == nargs && dl_span_is(name, e->name))
				return e;
	return NULL;
}

int
dl_fn_room(struct dl_fn_env *env, size_t n)
{
	if (n > DL_ARENA_MAX || env->out->len > DL_ARENA_MAX - n)
		return dl_err_data(env->err, "%s", DL_ARENA_FULL);
	return 0;
}

void *
dl_fn_alloc(struct dl_fn_env *env, size_t n, size_t size)
{
	void *p = NULL;

	if (n <= DL_ARENA_MAX / size)
		p = dl_arena_alloc(env->arena, n * size);
	if (p == NULL)
		dl_err_data(env->err, "%s", DL_ARENA_FULL);
	return p;
}

int
dl_fn_made(struct dl_fn_env *env, enum dl_json_kind kind, bool text,
    struct dl_value *result)
{
	struct dl_span s = dl_arena_copy(env->arena, dl_buf_as_span(env->out));

	if (s.p == NULL)
		return dl_err_data(env->err, "%s", DL_ARENA_FULL);
	dl_buf_clear(env->out);
	*result = text ? dl_value_text(s)
	               : (struct dl_value){kind, DL_VALUE_JSON, s, 0};
	return 1;
}

int
dl_fn_made_text(struct dl_fn_env *env, struct dl_value *result)
{
	return dl_fn_made(env, DL_JSON_STRING, true, result);
}

int
dl_fn_made_array(struct dl_fn_env *env, struct dl_value *result)
{
	dl_buf_addc(env->out, ']');
	return dl_fn_made(env, DL_JSON_ARRAY, false, result);
}

void
dl_fn_comma(struct dl_buf *out)
{
	if (out->p[out->len - 1] != '[')
		dl_buf_addc(out, ',');
}

void
dl_fn_item(struct dl_buf *out, const struct dl_value *v)
{
	dl_fn_comma(out);
	dl_value_put(out, v);
}

struct dl_span
dl_fn_c_text(struct dl_span text)
{
	return dl_span(text.p, text.len == 0 ? 0 : strnlen(text.p, text.len));
}

/* Enough of a string's beginning, as JSON. */
static int
show_string(struct dl_fn_env *env, const struct dl_value *v)
{
	struct dl_arena_mark mark = dl_arena_mark(env->arena);
	struct dl_value start;
	struct dl_span text;
	const char *p, *end;
	int r;

	if (dl_fn_text(env, v, &text) < 0)
		return -1;
	end = dl_span_end(text);
	for (p = text.p; p < end && p - text.p <= SHOWN;)
		p = dl_fn_past_char(p, end);
	start = dl_value_text(dl_span(text.p, (size_t)(p - text.p)));
	r = dl_value_print(env->arena, env->out, &start, env->err);
	dl_arena_back(env->arena, mark);
	return r;
}

/*
 * Append v as JSON up to where out is longer than limit.  Every level of it
 * appends something, so that it isn't deep.
 */
static int
show(struct dl_fn_env *env, const struct dl_value *v, size_t limit)
{
	struct dl_value name, element;
	struct dl_buf *out = env->out;
	struct dl_value_iter it;
	bool object = v->kind == DL_JSON_OBJECT;
	bool first = true;
	int r;

	if (v->kind == DL_JSON_STRING)
		return show_string(env, v);
	if (!object && v->kind != DL_JSON_ARRAY)
		return dl_value_print(env->arena, out, v, env->err);
	dl_buf_addc(out, object ? '{' : '[');
	dl_value_enter(&it, v);
	while (out->len <= limit &&
	       (r = dl_value_next(&it, &name, &element, env->err)) != 0) {
		if (r < 0)
			return -1;
		if (!first)
			dl_buf_addc(out, ',');
		first = false;
		if (object) {
			if (show_string(env, &name) < 0)
				return -1;
			dl_buf_addc(out, ':');
		}
		if (out->len <= limit && show(env, &element, limit) < 0)
			return -1;
	}
	dl_buf_addc(out, object ? '}' : ']');
	return 0;
}

/* v as jq's messages have it; a character that is cut becomes U+FFFD. */
static int
shown(struct dl_fn_env *env, const struct dl_value *v, char text[SHOWN + 8])
{
	size_t start = env->out->len, len, cut = SHOWN - 3, at = cut;
	unsigned char low, high;
	const char *p;
	int r = show(env, v, start + SHOWN);

	len = env->out->len - start;
	env->out->len = start;
	if (r < 0)
		return -1;
	p = env->out->p + start;
	if (len <= SHOWN) {
		memcpy(text, p, len);
		text[len] = '\0';
		return 0;
	}
	while (at > 0 && ((unsigned char)p[at - 1] & 0xc0) == 0x80)
		at--;
	if (at > 0 && ((unsigned char)p[at - 1] & 0x80) != 0 &&
	    (size_t)dl_utf8_lead((unsigned char)p[at - 1], &low, &high) >
		cut - at + 1)
		cut = at - 1;
	memcpy(text, p, cut);
	strcpy(text + cut, cut < SHOWN - 3 ? "\xef\xbf\xbd..." : "...");
	return 0;
}

int
dl_fn_fail1(struct dl_fn_env *env, const struct dl_value *x, const char *what)
{
	char text[SHOWN + 8];

	if (shown(env, x, text) < 0)
		return -1;
	return dl_err_data(
	    env->err, "%s (%s) %s", dl_value_type(x), text, what);
}

int
dl_fn_fail2(struct dl_fn_env *env, const struct dl_value *x,
    const struct dl_value *y, const char *what)
{
	char one[SHOWN + 8], two[SHOWN + 8];

	if (shown(env, x, one) < 0 || shown(env, y, two) < 0)
		return -1;
	return dl_err_data(env->err, "%s (%s) and %s (%s) %s", dl_value_type(x),
	    one, dl_value_type(y), two, what);
}

int
dl_fn_enter(
    struct dl_fn_env *env, const struct dl_value *v, struct dl_value_iter *it)
{
	char text[SHOWN + 8];

	if (v->kind == DL_JSON_ARRAY || v->kind == DL_JSON_OBJECT) {
		dl_value_enter(it, v);
		return 0;
	}
	if (shown(env, v, text) < 0)
		return -1;
	return dl_err_data(
	    env->err, "Cannot iterate over %s (%s)", dl_value_type(v), text);
}

int
dl_fn_fail_key(struct dl_fn_env *env, const struct dl_value *name)
{
	char text[SHOWN + 8];

	if (shown(env, name, text) < 0)
		return -1;
	return dl_err_data(env->err, "Cannot use %s (%s) as object key",
	    dl_value_type(name), text);
}
