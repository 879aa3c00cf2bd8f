/* The scanner: it goes over JSON text without taking it apart. */
#include "json.h"

#include "json_block.h"
#include "json_byte.h"

/* Longer strings than so many steps are left to the kernel. */
#define NEAR_STEPS 4

enum state {
	ITER_FIRST_MEMBER,
	ITER_NEXT_MEMBER,
	ITER_FIRST_ELEMENT,
	ITER_NEXT_ELEMENT,
	ITER_ENDED,
	ITER_BROKEN
};

/* The same as a kernel's string(), a byte at a time. */
static const char *
skip_string_end(const char *p, const char *end)
{
	for (; p < end; p++) {
		if (*p == '"')
			return p + 1;
		if (*p == '\\' && ++p == end)
			break;
	}
	return NULL;
}

/* p is inside a string: past its closing quote, or NULL. */
static inline const char *
skip_string(const char *p, const char *end)
{
	size_t i;

	for (int steps = 0; end - p >= DL_STEP + 1; steps++) {
		if (steps == NEAR_STEPS)
			return dl_json_kernel->string(p, end);
		if ((i = dl_step_quote(p)) == DL_STEP) {
			p += DL_STEP;
			continue;
		}
		p += i;
		if (*p == '"')
			return p + 1;
		p += 2;
	}
	return skip_string_end(p, end);
}

static inline const char *
skip_value(const char *p, const char *end)
{
	struct dl_json_nest nest = {1, 0, 0};
	const char *q;

	if (p == end)
		return NULL;
	if (*p == '"')
		return skip_string(p + 1, end);
	if (*p == '{' || *p == '[')
		return dl_json_kernel->nested(&nest, p + 1, end);
	q = dl_json_past_scalar(p, end);
	return q == p ? NULL : q;
}

const char *
dl_json_skip(const char *p, const char *end)
{
	return skip_value(p, end);
}

enum dl_json_kind
dl_json_kind(struct dl_span v)
{
	if (v.len == 0)
		return DL_JSON_INVALID;
	switch (v.p[0]) {
	case '{':
		return DL_JSON_OBJECT;
	case '[':
		return DL_JSON_ARRAY;
	case '"':
		return DL_JSON_STRING;
	case 't':
		return DL_JSON_TRUE;
	case 'f':
		return DL_JSON_FALSE;
	case 'n':
		return DL_JSON_NULL;
	default:
		return v.p[0] == '-' || dl_json_is_digit(v.p[0])
		           ? DL_JSON_NUMBER
		           : DL_JSON_INVALID;
	}
}

int
dl_json_value(struct dl_span text, struct dl_span *value)
{
	const char *end = dl_span_end(text);
	const char *p = dl_json_past_space(text.p, end);
	const char *q = skip_value(p, end);

	if (q == NULL || dl_json_past_space(q, end) != end)
		return -1;
	*value = dl_span(p, (size_t)(q - p));
	return dl_json_kind(*value) == DL_JSON_INVALID ? -1 : 0;
}

void
dl_json_enter(struct dl_json_iter *it, struct dl_span container)
{
	it->p = container.p;
	it->end = dl_span_end(container);
	it->state = ITER_BROKEN;
	if (container.len == 0)
		return;
	if (container.p[0] == '{')
		it->state = ITER_FIRST_MEMBER;
	else if (container.p[0] == '[')
		it->state = ITER_FIRST_ELEMENT;
	it->p++;
}

static int
broken(struct dl_json_iter *it)
{
	it->state = ITER_BROKEN;
	return -1;
}

/*
 * Go to the next member or element: 1 if it.p is at its first byte, as far as
 * commas tell; 0 and -1 as the walk returns them.
 */
static inline int
advance(struct dl_json_iter *it, int first, char close)
{
	const char *p = it->p;

	if (it->state != first && it->state != first + 1)
		return it->state == ITER_ENDED ? 0 : broken(it);
	p = dl_json_past_space(p, it->end);
	if (p < it->end && *p == close) {
		it->p = p + 1;
		it->state = ITER_ENDED;
		return 0;
	}
	if (it->state == first + 1) {
		if (p == it->end || *p != ',')
			return broken(it);
		p = dl_json_past_space(p + 1, it->end);
	}
	it->p = p;
	it->state = first + 1;
	return 1;
}

/* The value at p, and the walk past it. */
static inline int
take(struct dl_json_iter *it, const char *p, struct dl_span *value)
{
	const char *q = skip_value(p, it->end);

	if (q == NULL)
		return broken(it);
	*value = dl_span(p, (size_t)(q - p));
	it->p = q;
	return 1;
}

int
dl_json_member(
    struct dl_json_iter *it, struct dl_span *key, struct dl_span *value)
{
	int r = advance(it, ITER_FIRST_MEMBER, '}');
	const char *p = it->p, *q;

	if (r <= 0)
		return r;
	if (p == it->end || *p != '"')
		return broken(it);
	if ((q = skip_string(p + 1, it->end)) == NULL)
		return broken(it);
	*key = dl_span(p + 1, (size_t)(q - p) - 2);
	q = dl_json_past_space(q, it->end);
	if (q == it->end || *q != ':')
		return broken(it);
	return take(it, dl_json_past_space(q + 1, it->end), value);
}

int
dl_json_element(struct dl_json_iter *it, struct dl_span *value)
{
	int r = advance(it, ITER_FIRST_ELEMENT, ']');

	return r <= 0 ? r : take(it, it->p, value);
}

/* As dl_json_past_text(), but the last bytes are looked at in one step too. */
static inline const char *
past_text(const char *p, const char *end)
{
	size_t i;

	if (end - p < DL_STEP)
		return dl_json_past_text(p, end);
	for (;;) {
		if ((i = dl_step_text(p)) < DL_STEP)
			return p + i;
		p += DL_STEP;
		if (p == end)
			return p;
		if (end - p < DL_STEP)
			p = end - DL_STEP;
	}
}

const char *
dl_json_special(const char *p, const char *end)
{
	if (end - p <= NEAR_STEPS * DL_STEP) {
		p = past_text(p, end);
		if (p == end || (*p & 0x80) == 0)
			return p;
	}
	return dl_json_kernel->special(p, end);
}
