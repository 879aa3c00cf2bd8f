/*
 * Any bytes as values: "X\nY".
 *
 * Both are printed, compared, measured, listed and sorted.  Of valid text the
 * printed form prints as itself and compares as equal, an order is the same
 * both ways round, and all ways to the elements lead to the same ones.
 */
#include "expr_value.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(cond) \
	do { \
		if (!(cond)) \
			abort(); \
	} while (0)

static struct dl_arena arena;

/* A copy that stands alone, so that a read past it is found. */
static char *
alone(const uint8_t *data, size_t size)
{
	char *p = dl_alloc(size);

	if (size > 0)
		memcpy(p, data, size);
	return p;
}

static void
sort(struct dl_value *elements, size_t n)
{
	uint32_t *order = dl_arena_alloc(&arena, n * sizeof(*order));
	struct dl_err err = {0};
	int r;

	for (size_t i = 0; i < n; i++)
		order[i] = (uint32_t)i;
	if (dl_value_sort(&arena, elements, order, n, &err) < 0)
		return;
	for (size_t i = 1; i < n; i++) {
		if (dl_value_cmp(&arena, &elements[order[i - 1]],
			&elements[order[i]], &r, &err) < 0)
			return;
		REQUIRE(r < 0 || (r == 0 && order[i - 1] < order[i]));
	}
}

static void
parts(const struct dl_value *v, bool valid)
{
	struct dl_value *names, *elements, out;
	struct dl_err err = {0};
	struct dl_span text;
	int64_t length;
	size_t n;
	int r;

	r = dl_value_length(&arena, v, &length, &err);
	REQUIRE(!valid || r == 0 || v->kind < DL_JSON_STRING);
	r = dl_value_string(&arena, v, &text, &err);
	REQUIRE(!valid || r == 0 || v->kind != DL_JSON_STRING);
	if (dl_value_all(&arena, v, &names, &elements, &n, &err) < 0) {
		REQUIRE(!valid || v->kind < DL_JSON_ARRAY);
		return;
	}
	REQUIRE((int64_t)n == length);
	sort(elements, n);
	for (size_t i = 0; i < n && i < 8; i++) {
		struct dl_value want =
		    elements[v->kind == DL_JSON_ARRAY ? n - 1 - i : i];

		r = v->kind == DL_JSON_ARRAY
		        ? dl_value_element(v, -(int64_t)i - 1, &out, &err)
		        : dl_value_string(&arena, &names[i], &text, &err);
		if (r == 0 && v->kind == DL_JSON_OBJECT)
			r = dl_value_member(&arena, v, text, &out, &err);
		REQUIRE(r == 1 && out.text.p == want.text.p);
	}
}

static void
print(const struct dl_value *v, bool valid)
{
	struct dl_buf once = {0}, again = {0};
	struct dl_value w;
	struct dl_err err = {0};
	int r;

	r = dl_value_print(&arena, &once, v, &err);
	REQUIRE((r == 0) == valid);
	if (r == 0) {
		REQUIRE(dl_json_check(dl_buf_as_span(&once), &err) == 0);
		REQUIRE(dl_value_json(dl_buf_as_span(&once), &w, &err) == 0);
		REQUIRE(dl_value_print(&arena, &again, &w, &err) == 0);
		REQUIRE(
		    dl_span_eq(dl_buf_as_span(&once), dl_buf_as_span(&again)));
	}
	dl_buf_release(&once);
	dl_buf_release(&again);
}

static void
compare(const struct dl_value *x, const struct dl_value *y, bool valid)
{
	struct dl_err err = {0};
	int r, s;

	r = dl_value_cmp(&arena, x, x, &s, &err);
	REQUIRE(!valid || (r == 0 && s == 0));
	if (dl_value_cmp(&arena, x, y, &r, &err) < 0) {
		REQUIRE(!valid);
		return;
	}
	if (dl_value_cmp(&arena, y, x, &s, &err) == 0)
		REQUIRE(r == -s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nl = size == 0 ? NULL : memchr(data, '\n', size);
	size_t n = nl == NULL ? size : (size_t)(nl - data);
	size_t rest = nl == NULL ? 0 : size - n - 1;
	char *tx = alone(data, n), *ty = alone(data + size - rest, rest);
	struct dl_err err = {0};
	struct dl_value x, y = dl_value_text(dl_span(ty, rest));
	struct dl_buf b = {0};
	bool valid, both;
	double d = 0;

	dl_value_put(&b, &y);
	if (rest >= sizeof(d))
		memcpy(&d, ty, sizeof(d));
	dl_value_print_double(&b, d);
	if (dl_value_json(dl_span(tx, n), &x, &err) == 0) {
		valid = dl_json_check(x.text, &err) == 0;
		parts(&x, valid);
		print(&x, valid);
		compare(&x, &y, valid && x.kind != DL_JSON_STRING);
		y = dl_value_number(d);
		compare(&x, &y, valid);
		if (dl_value_json(dl_span(ty, rest), &y, &err) == 0) {
			both = valid && dl_json_check(y.text, &err) == 0;
			compare(&x, &y, both);
		}
	}
	dl_arena_reset(&arena);
	dl_buf_release(&b);
	free(tx);
	free(ty);
	return 0;
}
