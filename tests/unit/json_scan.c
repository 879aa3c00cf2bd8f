/* json.h: what the scanner hands out, and text to and from JSON. */
#include "json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/*
 * A copy of exactly the bytes, so that a read past them is found by the
 * sanitizer.
 */
static struct dl_span
exact(struct dl_span s)
{
	char *p = dl_alloc(s.len);

	memcpy(p, s.p, s.len);
	return dl_span(p, s.len);
}

static void
value(void **state)
{
	static const char *const bad[] = {"", " ", "{", "{\"a\":1}{\"b\":2}",
	    "{\"a\":\"}", "\"a", "\"\\\"", "1 2", "[] x", "]", ",", "x", ":1",
	    "[[]", "{\"a\":\"\\\"}"};
	struct dl_span v;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(dl_json_value(dl_span_str(bad[i]), &v), -1);
	assert_int_equal(
	    dl_json_value(DL_SPAN(" \r\n{\"a\":[1,\"]\"]}\t"), &v), 0);
	assert_true(dl_span_is(v, "{\"a\":[1,\"]\"]}"));
	assert_int_equal(dl_json_value(DL_SPAN("-1.5e3 "), &v), 0);
	assert_true(dl_span_is(v, "-1.5e3"));
	assert_int_equal(dl_json_value(DL_SPAN("\"a\\\\\""), &v), 0);
	assert_true(dl_span_is(v, "\"a\\\\\""));
}

static void
kinds(void **state)
{
	static const struct {
		const char *text;
		enum dl_json_kind kind;
	} cases[] = {{"", DL_JSON_INVALID}, {"x", DL_JSON_INVALID},
	    {"null", DL_JSON_NULL}, {"false", DL_JSON_FALSE},
	    {"true", DL_JSON_TRUE}, {"-1", DL_JSON_NUMBER},
	    {"0", DL_JSON_NUMBER}, {"9", DL_JSON_NUMBER},
	    {"\"\"", DL_JSON_STRING}, {"[]", DL_JSON_ARRAY},
	    {"{}", DL_JSON_OBJECT}, {"/", DL_JSON_INVALID},
	    {":", DL_JSON_INVALID}, {"+1", DL_JSON_INVALID}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(
		    dl_json_kind(dl_span_str(cases[i].text)), cases[i].kind);
}

static void
members(void **state)
{
	const struct dl_span text = DL_SPAN(
	    "{ \"a\" : 1,\"b\\\"\":[{},\"]\"] , "
	    "\"long name, of more than 16 bytes\":\"long value, of more than "
	    "sixty-four bytes, so that it is left to the kernel, \\\" too\"\n,"
	    "\"\":{\"}\":null}} rest");
	static const char long_value[] =
	    "\"long value, of more than sixty-four bytes, so that it is left "
	    "to the kernel, \\\" too\"";
	static const char *const want[] = {"a", "1", "b\\\"", "[{},\"]\"]",
	    "long name, of more than 16 bytes", long_value, "", "{\"}\":null}"};
	struct dl_span key, v;
	struct dl_json_iter it;
	size_t i = 0;
	int r;

	(void)state;
	dl_json_enter(&it, text);
	while ((r = dl_json_member(&it, &key, &v)) > 0) {
		assert_true(i + 1 < sizeof(want) / sizeof(*want));
		assert_true(dl_span_is(key, want[i++]));
		assert_true(dl_span_is(v, want[i++]));
		assert_true(v.p > text.p && v.p + v.len < text.p + text.len);
	}
	assert_int_equal(r, 0);
	assert_int_equal(i, sizeof(want) / sizeof(*want));
	assert_true(
	    dl_span_is(dl_span(it.p, (size_t)(it.end - it.p)), " rest"));
	assert_int_equal(dl_json_member(&it, &key, &v), 0);
}

static void
elements(void **state)
{
	static const char *const want[] = {"1", "\"a\"", "[]", "{}", "null"};
	struct dl_json_iter it;
	struct dl_span v, key;
	size_t i = 0;
	int r;

	(void)state;
	dl_json_enter(&it, DL_SPAN("[1,\"a\" , [],\n{},null]"));
	while ((r = dl_json_element(&it, &v)) > 0)
		assert_true(dl_span_is(v, want[i++]));
	assert_int_equal(r, 0);
	assert_int_equal(i, 5);
	dl_json_enter(&it, DL_SPAN("[ ]"));
	assert_int_equal(dl_json_element(&it, &v), 0);
	dl_json_enter(&it, DL_SPAN("{ }"));
	assert_int_equal(dl_json_member(&it, &key, &v), 0);
}

/* Each stops with -1, after some members or at once, and stays there. */
static void
broken_containers(void **state)
{
	static const char *const objects[] = {"", "{", "[1]", "1", "{\"a\"",
	    "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{,}", "{a:1}",
	    "{\"a\" 1}", "{\"a\":\"", "{\"a\":[", "{\"a\":1 \"b\":2}", "{\"a",
	    "{\"a\\", "{\"a\":}", "{\"a\":1]"};
	static const char *const arrays[] = {"", "[", "{}", "[1", "[1,", "[,]",
	    "[1,]", "[1 2]", "[\"", "[\"\\", "[[", "[1}", "[:]", "x"};
	struct dl_json_iter it;
	struct dl_span v, key;
	int r;

	(void)state;
	for (size_t i = 0; i < sizeof(objects) / sizeof(*objects); i++) {
		struct dl_span s = exact(dl_span_str(objects[i]));

		dl_json_enter(&it, s);
		while ((r = dl_json_member(&it, &key, &v)) > 0)
			;
		assert_int_equal(r, -1);
		assert_int_equal(dl_json_member(&it, &key, &v), -1);
		free((char *)s.p);
	}
	for (size_t i = 0; i < sizeof(arrays) / sizeof(*arrays); i++) {
		struct dl_span s = exact(dl_span_str(arrays[i]));

		dl_json_enter(&it, s);
		while ((r = dl_json_element(&it, &v)) > 0)
			;
		assert_int_equal(r, -1);
		assert_int_equal(dl_json_element(&it, &v), -1);
		free((char *)s.p);
	}
}

static void
text(void **state)
{
	static const char *const bad[] = {"\\", "\\x", "\\u12", "\\ud800",
	    "\\udc00", "a\\ud800b", "\\ud800\\ud800", "ab\\u00"};
	struct dl_buf b = {0};
	struct dl_span s, in = DL_SPAN("plain");

	(void)state;
	assert_int_equal(dl_json_text(in, &b, &s), 0);
	assert_ptr_equal(s.p, in.p);
	assert_int_equal(b.len, 0);
	dl_buf_adds(&b, "kept");
	assert_int_equal(
	    dl_json_text(DL_SPAN("\\\"\\\\\\/\\b\\f\\n\\r\\t \\u0041\\u00e9"
				 "\\u20AC\\ud83d\\ude00 end"),
		&b, &s),
	    0);
	assert_true(dl_span_is(
	    s, "\"\\/\b\f\n\r\t A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80 end"));
	assert_memory_equal(b.p, "kept", 4);
	assert_int_equal(dl_json_text(DL_SPAN("\\u0000"), &b, &s), 0);
	assert_true(s.len == 1 && s.p[0] == '\0');
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		dl_buf_clear(&b);
		assert_int_equal(dl_json_text(dl_span_str(bad[i]), &b, &s), -1);
		assert_int_equal(b.len, 0);
	}
	assert_int_equal(dl_json_string(DL_SPAN("\"a\\n\""), &b, &s), 0);
	assert_true(dl_span_is(s, "a\n"));
	assert_int_equal(dl_json_string(DL_SPAN("\"\""), &b, &s), 0);
	assert_true(s.len == 0 && s.p != NULL);
	assert_int_equal(dl_json_string(DL_SPAN("\""), &b, &s), -1);
	assert_int_equal(dl_json_string(DL_SPAN("1"), &b, &s), -1);
	assert_int_equal(dl_json_string(DL_SPAN("\"a"), &b, &s), -1);
	dl_buf_release(&b);
}

static void
quote(void **state)
{
	struct dl_buf b = {0}, scratch = {0};
	struct dl_span s;
	char all[256];

	(void)state;
	dl_json_quote(&b, DL_SPAN("a\"\\/\b\f\n\r\t\x01\x1f\x7f\0\xc3\xa9"));
	assert_true(dl_span_eq(dl_buf_as_span(&b),
	    DL_SPAN("\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\\u0000"
		    "\xc3\xa9\"")));
	dl_buf_clear(&b);
	dl_json_quote(&b, DL_SPAN(""));
	assert_true(dl_span_is(dl_buf_as_span(&b), "\"\""));
	for (int i = 0; i < 256; i++)
		all[i] = (char)i;
	dl_buf_clear(&b);
	dl_json_quote(&b, dl_span(all, 256));
	assert_int_equal(dl_json_string(dl_buf_as_span(&b), &scratch, &s), 0);
	assert_true(dl_span_eq(s, dl_span(all, 256)));
	dl_buf_release(&b);
	dl_buf_release(&scratch);
}

static void
compact(void **state)
{
	const struct dl_span loose =
	    DL_SPAN("{ \"a b\" : [ 1 ,\t2 ],\r\n"
		    "  \"c\\\" d\" : \"e  \\\\\" , \"f\" : { }\n}");
	const char *tight = "{\"a b\":[1,2],\"c\\\" d\":\"e  \\\\\",\"f\":{}}";
	struct dl_buf b = {0};

	(void)state;
	assert_false(dl_json_is_compact(loose));
	dl_json_compact(&b, loose);
	assert_true(dl_span_is(dl_buf_as_span(&b), tight));
	assert_true(dl_json_is_compact(dl_buf_as_span(&b)));
	assert_true(dl_json_is_compact(DL_SPAN("\"a b\"")));
	assert_false(dl_json_is_compact(DL_SPAN("1\n")));
	dl_buf_clear(&b);
	dl_json_compact(&b, DL_SPAN("[1,2]"));
	assert_true(dl_span_is(dl_buf_as_span(&b), "[1,2]"));
	dl_buf_release(&b);
}

/* An absent span is taken for an empty one. */
static void
absent(void **state)
{
	struct dl_span none = {NULL, 0}, s, key;
	struct dl_json_iter it;
	struct dl_buf b = {0};
	struct dl_err err = {0};

	(void)state;
	assert_int_equal(dl_json_check(none, &err), -1);
	assert_int_equal(dl_json_value(none, &s), -1);
	assert_null(dl_json_skip(NULL, NULL));
	assert_int_equal(dl_json_kind(none), DL_JSON_INVALID);
	dl_json_enter(&it, none);
	assert_int_equal(dl_json_member(&it, &key, &s), -1);
	assert_int_equal(dl_json_text(none, &b, &s), 0);
	assert_int_equal(dl_json_string(none, &b, &s), -1);
	dl_json_compact(&b, none);
	assert_int_equal(b.len, 0);
	assert_true(dl_json_is_compact(none));
	assert_true(dl_utf8_valid(none));
	assert_null(dl_json_special(NULL, NULL));
	dl_json_quote(&b, none);
	assert_true(dl_span_is(dl_buf_as_span(&b), "\"\""));
	dl_buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(value),
	    cmocka_unit_test(kinds),
	    cmocka_unit_test(members),
	    cmocka_unit_test(elements),
	    cmocka_unit_test(broken_containers),
	    cmocka_unit_test(text),
	    cmocka_unit_test(quote),
	    cmocka_unit_test(compact),
	    cmocka_unit_test(absent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
