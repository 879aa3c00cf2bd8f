#include "jqval.h"

#include "double.h"
#include "json.h"

#include <stdio.h>
#include <stdlib.h>

#define SLOTS_LEAST 256
#define KEPT (1 << 16) /* of slots or scalars, after a record of more */
#define EXACT 1e15     /* integers below it are printed digit by digit */

void
dl_jqval_release(struct dl_jqval *v)
{
	free(v->scalars);
	free(v->slots);
	dl_buf_release(&v->scratch);
	*v = (struct dl_jqval){0};
}

void
dl_jqval_reset(struct dl_jqval *v)
{
	v->nscalars = 0;
	v->nused = 0;
	if (v->scalars_cap > KEPT) {
		free(v->scalars);
		v->scalars = NULL;
		v->scalars_cap = 0;
	}
	/* Where the count begins anew, old slots would look new. */
	if (++v->record == 0 || v->nslots > KEPT) {
		free(v->slots);
		v->slots = NULL;
		v->nslots = 0;
		v->record = 1;
	}
}

/* x, marked as made from text. */
static jv
mark(struct dl_jqval *v, jv x, struct dl_span text)
{
	if (v->nscalars == v->scalars_cap) {
		v->scalars_cap = v->scalars_cap * 2 + 64;
		v->scalars = dl_realloc(
		    v->scalars, v->scalars_cap * sizeof(*v->scalars));
	}
	v->scalars[v->nscalars++] = text;
	x.size = (int)v->nscalars;
	return x;
}

static struct dl_jqval_slot *
slot_of(const struct dl_jqval *v, const void *at)
{
	uint64_t h = (uint64_t)(uintptr_t)at / 16 * 0x9e3779b97f4a7c15u;
	size_t i = (size_t)(h >> 32) & (v->nslots - 1);

	while (v->slots[i].record == v->record && v->slots[i].at != at)
		i = (i + 1) & (v->nslots - 1);
	return &v->slots[i];
}

static void
slots_grow(struct dl_jqval *v)
{
	struct dl_jqval_slot *old = v->slots;
	size_t i, n = v->nslots;

	v->nslots = n == 0 ? SLOTS_LEAST : n * 2;
	v->slots = dl_calloc(v->nslots, sizeof(*v->slots));
	if (v->record == 0)
		v->record = 1;
	for (i = 0; i < n; i++)
		if (old[i].record == v->record)
			*slot_of(v, old[i].at) = old[i];
	free(old);
}

static void
remember(struct dl_jqval *v, jv x, const char *p, const char *end)
{
	if (v->nused * 2 >= v->nslots)
		slots_grow(v);
	v->nused++;
	*slot_of(v, x.u.ptr) = (struct dl_jqval_slot){
	    x.u.ptr, v->record, x.size, dl_span(p, (size_t)(end - p))};
}

static const char *
space(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
		p++;
	return p;
}

/* The string at *p, which is moved past it. */
static jv
build_string(struct dl_jqval *v, const char **p, const char *end)
{
	const char *start = *p;
	struct dl_span value, text = {"", 0};

	*p = dl_json_skip(start, end);
	value = dl_span(start, (size_t)(*p - start));
	dl_buf_clear(&v->scratch);
	dl_json_string(value, &v->scratch, &text);
	return mark(v, jv_string_sized(text.p, (int)text.len), value);
}

static jv
build_scalar(struct dl_jqval *v, const char **p, const char *end)
{
	const char *start = *p;
	struct dl_span text;

	if (*start == '"')
		return build_string(v, p, end);
	*p = dl_json_skip(start, end);
	text = dl_span(start, (size_t)(*p - start));
	switch (dl_json_kind(text)) {
	case DL_JSON_NUMBER:
		return mark(v, jv_number(dl_double(text)), text);
	case DL_JSON_TRUE:
		return jv_true();
	case DL_JSON_FALSE:
		return jv_false();
	default:
		return jv_null();
	}
}

/*
 * The value at *p, which is moved past it.  The text has been checked, so that
 * what a token must be needs no second look, and the depth is bounded.
 */
static jv
build(struct dl_jqval *v, const char **p, const char *end)
{
	bool object = **p == '{';
	const char *start = *p;
	jv x, name;

	if (!object && *start != '[')
		return build_scalar(v, p, end);
	x = object ? jv_object() : jv_array();
	*p = space(start + 1, end);
	while (**p != '}' && **p != ']') {
		if (object) {
			name = build_string(v, p, end);
			*p = space(space(*p, end) + 1, end);
			x = jv_object_set(x, name, build(v, p, end));
		} else {
			x = jv_array_append(x, build(v, p, end));
		}
		*p = space(*p, end);
		if (**p == ',')
			*p = space(*p + 1, end);
	}
	++*p;
	remember(v, x, start, *p);
	return x;
}

int
dl_jqval_build(
    struct dl_jqval *v, struct dl_span text, jv *out, struct dl_err *err)
{
	const char *p, *end = text.p + text.len;

	if (dl_json_check(text, err) < 0)
		return -1;
	p = space(text.p, end);
	*out = build(v, &p, end);
	return 0;
}

/* As jq writes a string: DEL is escaped too, what is beyond ASCII is not. */
static void
print_string(struct dl_buf *b, jv x)
{
	static const char shorts[] = "\bb\tt\nn\ff\rr\"\"\\\\";
	const char *p = jv_string_value(x), *q, *s;
	const char *end = p + jv_string_length_bytes(jv_copy(x));

	dl_buf_addc(b, '"');
	for (q = p; q < end; q++) {
		unsigned char c = (unsigned char)*q;

		if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
			continue;
		dl_buf_add(b, p, (size_t)(q - p));
		p = q + 1;
		for (s = shorts; *s != '\0' && (unsigned char)*s != c; s += 2)
			;
		if (*s != '\0')
			dl_buf_add(b, (char[]){'\\', s[1]}, 2);
		else
			dl_buf_printf(b, "\\u%04x", c);
	}
	dl_buf_add(b, p, (size_t)(end - p));
	dl_buf_addc(b, '"');
}

static void
print_number(struct dl_buf *b, double d)
{
	char digits[32];
	jv text;

	if (d > -EXACT && d < EXACT && d == (double)(int64_t)d &&
	    (d != 0 || 1 / d > 0)) {
		dl_buf_add(b, digits,
		    (size_t)snprintf(
			digits, sizeof(digits), "%lld", (long long)d));
		return;
	}
	text = jv_dump_string(jv_number(d), 0);
	dl_buf_adds(b, jv_string_value(text));
	jv_free(text);
}

static int print(struct dl_jqval *v, jv x, struct dl_buf *b, int depth);

static int
print_object(struct dl_jqval *v, jv x, struct dl_buf *b, int depth)
{
	const char *between = "{";
	int i = jv_object_iter(x);

	for (; jv_object_iter_valid(x, i); i = jv_object_iter_next(x, i)) {
		dl_buf_adds(b, between);
		between = ",";
		print(v, jv_object_iter_key(x, i), b, depth);
		dl_buf_addc(b, ':');
		if (print(v, jv_object_iter_value(x, i), b, depth + 1) < 0)
			return -1;
	}
	dl_buf_adds(b, *between == '{' ? "{}" : "}");
	return 0;
}

static int
print_array(struct dl_jqval *v, jv x, struct dl_buf *b, int depth)
{
	int i, n = jv_array_length(jv_copy(x));

	dl_buf_addc(b, '[');
	for (i = 0; i < n; i++) {
		if (i > 0)
			dl_buf_addc(b, ',');
		if (print(v, jv_array_get(jv_copy(x), i), b, depth + 1) < 0)
			return -1;
	}
	dl_buf_addc(b, ']');
	return 0;
}

/* The bytes that x was built from; p == NULL: a program made it. */
static struct dl_span
source(const struct dl_jqval *v, jv x)
{
	const struct dl_jqval_slot *s;

	switch (jv_get_kind(x)) {
	case JV_KIND_NUMBER:
	case JV_KIND_STRING:
		if (x.size > 0 && (size_t)x.size <= v->nscalars)
			return v->scalars[x.size - 1];
		break;
	case JV_KIND_ARRAY: /* a slice has its address too, but not its size */
	case JV_KIND_OBJECT:
		if (v->nused == 0)
			break;
		s = slot_of(v, x.u.ptr);
		if (s->record == v->record && x.size == s->size)
			return s->text;
		break;
	default:
		break;
	}
	return dl_span(NULL, 0);
}

/* x is consumed.  depth is bounded by DL_JSON_DEPTH. */
static int
print(struct dl_jqval *v, jv x, struct dl_buf *b, int depth)
{
	struct dl_span text = source(v, x);
	int r = 0;

	if (depth > DL_JSON_DEPTH)
		r = -1;
	else if (text.p != NULL)
		dl_buf_span(b, text);
	else if (jv_get_kind(x) == JV_KIND_OBJECT)
		r = print_object(v, x, b, depth);
	else if (jv_get_kind(x) == JV_KIND_ARRAY)
		r = print_array(v, x, b, depth);
	else if (jv_get_kind(x) == JV_KIND_STRING)
		print_string(b, x);
	else if (jv_get_kind(x) == JV_KIND_NUMBER)
		print_number(b, jv_number_value(x));
	else if (jv_get_kind(x) == JV_KIND_TRUE)
		dl_buf_adds(b, "true");
	else
		dl_buf_adds(
		    b, jv_get_kind(x) == JV_KIND_FALSE ? "false" : "null");
	jv_free(x);
	return r;
}

int
dl_jqval_print(struct dl_jqval *v, jv x, struct dl_buf *b, struct dl_err *err)
{
	if (print(v, x, b, 1) < 0)
		return dl_err_data(err,
		    "the program's result is nested deeper than %d",
		    DL_JSON_DEPTH);
	return 0;
}
