/* Values: what they are, and what is in them. */
#include "expr_value.h"

#include "expr_number.h"
#include "json_escape.h"
#include "json_names.h"
#include "json_word.h"

#define NOT_JSON "the data is not JSON"

const struct dl_value dl_value_null = {
    DL_JSON_NULL, DL_VALUE_JSON, {"null", 4}, 0};
const struct dl_value dl_value_true = {
    DL_JSON_TRUE, DL_VALUE_JSON, {"true", 4}, 0};
const struct dl_value dl_value_false = {
    DL_JSON_FALSE, DL_VALUE_JSON, {"false", 5}, 0};

/* Is text, by its ends alone for what can be long, a value of this kind? */
static inline bool
begins_and_ends(struct dl_span text, enum dl_json_kind kind)
{
	char last = text.p[text.len - 1];

	switch (kind) {
	case DL_JSON_NULL:
		return text.len == 4 && memcmp(text.p, "null", 4) == 0;
	case DL_JSON_FALSE:
		return text.len == 5 && memcmp(text.p, "false", 5) == 0;
	case DL_JSON_TRUE:
		return text.len == 4 && memcmp(text.p, "true", 4) == 0;
	case DL_JSON_NUMBER:
		return dl_number_valid(text);
	case DL_JSON_STRING:
		return text.len > 1 && last == '"';
	case DL_JSON_ARRAY:
		return text.len > 1 && last == ']';
	default:
		return text.len > 1 && last == '}';
	}
}

int
dl_value_json(struct dl_span text, struct dl_value *v, struct dl_err *err)
{
	enum dl_json_kind kind = dl_json_kind(text);

	if (kind == DL_JSON_INVALID || !begins_and_ends(text, kind))
		return dl_err_data(err, NOT_JSON);
	*v = (struct dl_value){kind, DL_VALUE_JSON, text, 0};
	return 0;
}

struct dl_value
dl_value_text(struct dl_span decoded)
{
	return (struct dl_value){DL_JSON_STRING, DL_VALUE_TEXT, decoded, 0};
}

struct dl_value
dl_value_number(double d)
{
	return (struct dl_value){DL_JSON_NUMBER, DL_VALUE_NUMBER, {NULL, 0}, d};
}

const char *
dl_value_type(const struct dl_value *v)
{
	static const char *const names[] = {[DL_JSON_INVALID] = "invalid",
	    [DL_JSON_NULL] = "null",
	    [DL_JSON_FALSE] = "boolean",
	    [DL_JSON_TRUE] = "boolean",
	    [DL_JSON_NUMBER] = "number",
	    [DL_JSON_STRING] = "string",
	    [DL_JSON_ARRAY] = "array",
	    [DL_JSON_OBJECT] = "object"};

	return names[v->kind];
}

int
dl_value_string(struct dl_arena *a, const struct dl_value *v,
    struct dl_span *text, struct dl_err *err)
{
	*text = v->text;
	if (v->form == DL_VALUE_TEXT)
		return 0;
	dl_buf_clear(&a->scratch);
	if (dl_json_string(v->text, &a->scratch, text) < 0)
		return dl_err_data(err, NOT_JSON);
	if (a->scratch.len == 0)
		return 0;
	*text = dl_arena_copy(a, *text);
	if (text->p == NULL)
		return dl_err_data(err, DL_ARENA_FULL);
	return 0;
}

int
dl_value_member(struct dl_arena *a, const struct dl_value *object,
    struct dl_span name, struct dl_value *out, struct dl_err *err)
{
	struct dl_span key, value, found = {NULL, 0};
	struct dl_json_iter it;
	int r;

	*out = dl_value_null;
	dl_json_enter(&it, object->text);
	while ((r = dl_json_member(&it, &key, &value)) > 0) {
		/* No character is longer when it is decoded. */
		if (key.len < name.len)
			continue;
		if (memchr(key.p, '\\', key.len) != NULL) {
			dl_buf_clear(&a->scratch);
			if (dl_json_text(key, &a->scratch, &key) < 0)
				return dl_err_data(err, NOT_JSON);
		}
		if (dl_span_eq(key, name))
			found = value;
	}
	if (r < 0)
		return dl_err_data(err, NOT_JSON);
	if (found.p == NULL)
		return 0;
	return dl_value_json(found, out, err) < 0 ? -1 : 1;
}

/* How many elements there are, or -1. */
static int64_t
count(struct dl_span array)
{
	struct dl_json_iter it;
	struct dl_span element;
	int64_t n = 0;
	int r;

	dl_json_enter(&it, array);
	while ((r = dl_json_element(&it, &element)) > 0)
		n++;
	return r < 0 ? -1 : n;
}

int
dl_value_element(const struct dl_value *array, int64_t i, struct dl_value *out,
    struct dl_err *err)
{
	struct dl_json_iter it;
	struct dl_span element;
	int64_t n;
	int r;

	*out = dl_value_null;
	if (i < 0) {
		if ((n = count(array->text)) < 0)
			return dl_err_data(err, NOT_JSON);
		if (i < -n)
			return 0;
		i += n;
	}
	dl_json_enter(&it, array->text);
	while ((r = dl_json_element(&it, &element)) > 0)
		if (i-- == 0)
			return dl_value_json(element, out, err) < 0 ? -1 : 1;
	return r < 0 ? dl_err_data(err, NOT_JSON) : 0;
}

/* All bytes but those that go on with a character. */
static int64_t
count_characters(struct dl_span text)
{
	size_t i = 0, others = 0;
	uint64_t w;

	for (; text.len - i >= 8; i += 8) {
		w = dl_word_load(text.p + i);
		w &= ~(w << 1) & DL_WORD_HIGH;
		others += (size_t)__builtin_popcountll(w);
	}
	for (; i < text.len; i++)
		others += ((unsigned char)text.p[i] & 0xc0) == 0x80;
	return (int64_t)(text.len - others);
}

/* The inside of a string that has a backslash: can it be decoded? */
static bool
escapes_valid(struct dl_span inside)
{
	const char *p = inside.p, *end = dl_span_end(inside);
	uint32_t code;

	while ((p = memchr(p, '\\', (size_t)(end - p))) != NULL)
		if ((p = dl_json_escape(p, end, &code)) == NULL)
			return false;
	return true;
}

/* Count the members; -1 where a name is there twice, or the object is broken. */
static int
count_members(struct dl_span object, size_t *n, struct dl_err *err)
{
	struct dl_json_names names;
	struct dl_span name, value;
	struct dl_json_iter it;
	size_t twice;
	int r;

	if (object.len > DL_JSON_MAX)
		return dl_err_data(err, "an object is too large");
	dl_json_names_init(&names, object);
	dl_json_enter(&it, object);
	while ((r = dl_json_member(&it, &name, &value)) > 0) {
		bool escaped = memchr(name.p, '\\', name.len) != NULL;

		if (escaped && !escapes_valid(name)) {
			r = -1;
			break;
		}
		dl_json_names_add(
		    &names, (size_t)(name.p - object.p), name.len, escaped);
	}
	*n = names.n;
	if (r < 0) {
		dl_err_data(err, NOT_JSON);
	} else if (dl_json_names_pop(&names, 0, &twice) < 0) {
		name = dl_json_names_raw(&names, twice);
		if (name.len > 64)
			name.len = 64;
		r = dl_err_data(err, "the name \"%.*s\" is in an object twice",
		    DL_SPAN_ARG(name));
	}
	dl_json_names_release(&names);
	return r;
}

int
dl_value_length(struct dl_arena *a, const struct dl_value *v, int64_t *n,
    struct dl_err *err)
{
	struct dl_span text = v->text;
	size_t members;

	*n = 0;
	if (v->kind == DL_JSON_STRING) {
		dl_buf_clear(&a->scratch);
		if (v->form == DL_VALUE_JSON &&
		    dl_json_string(text, &a->scratch, &text) < 0)
			return dl_err_data(err, NOT_JSON);
		*n = count_characters(text);
		return 0;
	}
	if (v->kind == DL_JSON_OBJECT) {
		if (count_members(text, &members, err) < 0)
			return -1;
		*n = (int64_t)members;
		return 0;
	}
	if ((*n = count(text)) < 0)
		return dl_err_data(err, NOT_JSON);
	return 0;
}

void
dl_value_enter(struct dl_value_iter *it, const struct dl_value *v)
{
	it->object = v->kind == DL_JSON_OBJECT;
	it->text = v->text;
	it->checked = !it->object;
	if (!it->object && v->kind != DL_JSON_ARRAY)
		it->text = dl_span(NULL, 0);
	dl_json_enter(&it->json, it->text);
}

int
dl_value_next(struct dl_value_iter *it, struct dl_value *name,
    struct dl_value *element, struct dl_err *err)
{
	struct dl_span key = {NULL, 0}, value;
	size_t n;
	int r;

	if (!it->checked && count_members(it->text, &n, err) < 0)
		return -1;
	it->checked = true;
	r = it->object ? dl_json_member(&it->json, &key, &value)
	               : dl_json_element(&it->json, &value);
	if (r < 0)
		return dl_err_data(err, NOT_JSON);
	if (r == 0)
		return 0;
	if (it->object)
		*name = (struct dl_value){
		    DL_JSON_STRING, DL_VALUE_JSON, {key.p - 1, key.len + 2}, 0};
	return dl_value_json(value, element, err) < 0 ? -1 : 1;
}

int
dl_value_all(struct dl_arena *a, const struct dl_value *v,
    struct dl_value **names, struct dl_value **elements, size_t *n,
    struct dl_err *err)
{
	struct dl_value name = dl_value_null, *room = NULL;
	struct dl_value_iter it;
	int64_t most;
	int r;

	*n = 0;
	if (dl_value_length(a, v, &most, err) < 0)
		return -1;
	dl_value_enter(&it, v);
	it.checked = true;
	*elements = dl_arena_alloc(a, (size_t)most * sizeof(**elements));
	if (names != NULL && it.object)
		room = dl_arena_alloc(a, (size_t)most * sizeof(*room));
	if (*elements == NULL || (names != NULL && it.object && room == NULL))
		return dl_err_data(err, DL_ARENA_FULL);
	if (names != NULL)
		*names = room;
	while ((r = dl_value_next(&it, &name, *elements + *n, err)) > 0) {
		if (room != NULL)
			room[*n] = name;
		++*n;
	}
	return r;
}
