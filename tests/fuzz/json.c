/*
 * Any bytes, through the validator and the scanner.  What the validator accepts
 * the scanner walks to the last value, and compacting it gives the same value
 * in a form that stays; every kernel gives the same answers.
 */
#include "json.h"
#include "json_block.h"
#include "json_check.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(cond) \
	do { \
		if (!(cond)) \
			abort(); \
	} while (0)

/* All of v, whatever it is; how many values, or -1 where a walk breaks off. */
static long
walk(struct dl_span v, struct dl_buf *scratch, int depth)
{
	struct dl_json_iter it;
	struct dl_span key, in, text;
	long n = 1, more;
	int r = 0;

	if (depth > DL_JSON_DEPTH)
		return -1;
	dl_buf_clear(scratch);
	if (dl_json_kind(v) == DL_JSON_STRING)
		return dl_json_string(v, scratch, &text) < 0 ? -1 : 1;
	if (dl_json_kind(v) != DL_JSON_OBJECT &&
	    dl_json_kind(v) != DL_JSON_ARRAY)
		return 1;
	dl_json_enter(&it, v);
	for (;;) {
		r = *v.p == '{' ? dl_json_member(&it, &key, &in)
		                : dl_json_element(&it, &in);
		if (r <= 0)
			break;
		REQUIRE(in.p > v.p && in.p + in.len <= v.p + v.len);
		dl_buf_clear(scratch);
		if (*v.p == '{' && dl_json_text(key, scratch, &text) < 0)
			return -1;
		if ((more = walk(in, scratch, depth + 1)) < 0)
			return -1;
		n += more;
	}
	return r == 0 && it.p == v.p + v.len ? n : -1;
}

static void
check_kernels(struct dl_span text)
{
	const char *p = text.p, *end = p + text.len;
	const struct dl_json_kernel *first = dl_json_kernel_nth(0), *k;
	struct dl_json_nest a = {1, 0, 0}, b;
	const char *past = first->nested(&a, p, end);

	for (size_t i = 1; (k = dl_json_kernel_nth(i)) != NULL; i++) {
		b = (struct dl_json_nest){1, 0, 0};
		REQUIRE(k->special(p, end) == first->special(p, end));
		REQUIRE(k->high(p, end) == first->high(p, end));
		REQUIRE(k->string(p, end) == first->string(p, end));
		REQUIRE(k->space(p, end) == first->space(p, end));
		REQUIRE(k->nested(&b, p, end) == past);
		REQUIRE(a.depth == b.depth && a.in_string == b.in_string &&
			a.escaped == b.escaped);
	}
}

/* The validator that stops at the end of a value takes what the other takes. */
static void
check_first(struct dl_span text, bool valid)
{
	const char *q = dl_json_check_first(text);
	struct dl_err err = {0};
	struct dl_span v, first;

	if (valid && (*text.p == '{' || *text.p == '['))
		REQUIRE(dl_json_value(text, &v) == 0 && q == v.p + v.len);
	if (q == NULL)
		return;
	first = dl_span(text.p, (size_t)(q - text.p));
	REQUIRE(q <= text.p + text.len && dl_json_check(first, &err) == 0);
	REQUIRE(dl_json_skip(text.p, text.p + text.len) == q);
}

static void
check_valid(struct dl_span text)
{
	struct dl_buf b = {0}, again = {0}, scratch = {0};
	struct dl_err err = {0};
	struct dl_span v;
	long n;

	REQUIRE(dl_utf8_valid(text));
	REQUIRE(dl_json_value(text, &v) == 0);
	REQUIRE((n = walk(v, &scratch, 0)) > 0);
	dl_json_compact(&b, v);
	REQUIRE(dl_json_is_compact(dl_buf_as_span(&b)));
	REQUIRE(dl_json_check(dl_buf_as_span(&b), &err) == 0);
	REQUIRE(walk(dl_buf_as_span(&b), &scratch, 0) == n);
	dl_json_compact(&again, dl_buf_as_span(&b));
	REQUIRE(dl_span_eq(dl_buf_as_span(&b), dl_buf_as_span(&again)));
	REQUIRE(dl_json_is_compact(v) == (b.len == v.len));
	dl_buf_release(&b);
	dl_buf_release(&again);
	dl_buf_release(&scratch);
}

/* What is quoted is valid where it is UTF-8, and reads as it was. */
static void
check_quote(struct dl_span text)
{
	struct dl_buf b = {0}, scratch = {0};
	struct dl_err err = {0};
	struct dl_span back;

	dl_json_quote(&b, text);
	REQUIRE((dl_json_check(dl_buf_as_span(&b), &err) == 0) ==
		dl_utf8_valid(text));
	REQUIRE(dl_json_string(dl_buf_as_span(&b), &scratch, &back) == 0);
	REQUIRE(dl_span_eq(back, text));
	dl_buf_release(&b);
	dl_buf_release(&scratch);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dl_span text = dl_span((const char *)data, size), v;
	struct dl_buf scratch = {0}, b = {0};
	struct dl_err err = {0}, again = {0};

	if (size == 0)
		return 0;
	check_first(text, dl_json_check(text, &err) == 0);
	/* What it remembers of names makes no difference. */
	(void)dl_json_check(text, &again);
	REQUIRE(again.status == err.status && strcmp(again.msg, err.msg) == 0);
	if (err.status == DL_EXIT_OK)
		check_valid(text);
	else
		REQUIRE(err.status == DL_EXIT_DATA && err.msg[0] != '\0');
	if (dl_json_value(text, &v) == 0)
		(void)walk(v, &scratch, 0);
	(void)walk(text, &scratch, 0);
	dl_json_compact(&b, text);
	dl_buf_clear(&b);
	(void)dl_json_text(text, &b, &v);
	check_kernels(text);
	check_quote(text);
	dl_buf_release(&scratch);
	dl_buf_release(&b);
	return 0;
}
