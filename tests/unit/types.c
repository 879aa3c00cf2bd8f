/* Unit tests of types.h: what columns hold which values, unchanged. */
#include "types.h"
#include "types_number.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct dl_types *
fed(const char *const *values, size_t n)
{
	struct dl_types *t = dl_types_new();
	size_t i;

	for (i = 0; i < n; i++)
		dl_types_feed(t, dl_span_str(values[i]));
	return t;
}

/* The type of values with '|' between them. */
static void
expect(const char *values, enum dl_types_dialect dialect, const char *want)
{
	struct dl_types *t = dl_types_new();
	struct dl_buf b = {0};
	char *copy = dl_strdup(values), *rest = copy, *value;

	while ((value = strsep(&rest, "|")) != NULL)
		dl_types_feed(t, dl_span_str(value));
	dl_types_print(&b, dl_types_settle(t, dialect, false), dialect);
	assert_string_equal(dl_buf_str(&b), want);
	dl_buf_release(&b);
	dl_types_free(t);
	free(copy);
}

static void
test_kinds(void **state)
{
	static const char *const cases[][3] = {
	    /* values, DuckDB, Hive */
	    {"null", "JSON", "string"},
	    {"true|false|null", "BOOLEAN", "boolean"},
	    {"\"a\"", "VARCHAR", "string"},
	    {"\"a\"|1", "JSON", "string"},
	    {"true|1", "JSON", "string"},
	    {"[]", "JSON[]", "array<string>"},
	    {"[1]|[2.5,null]|[]", "DOUBLE[]", "array<double>"},
	    {"[1]|[\"a\"]", "JSON[]", "array<string>"},
	    {"[[1],[]]", "BIGINT[][]", "array<array<bigint>>"},
	    {"[1]|{}", "JSON", "string"},
	    {"{}", "JSON", "string"},
	    {"{\"b\":1}|{\"a\":\"x\"}|{}|null",
		"STRUCT(\"a\" VARCHAR, \"b\" BIGINT)",
		"struct<a:string,b:bigint>"},
	    {"[{\"a\":{\"b\":[true]}}]",
		"STRUCT(\"a\" STRUCT(\"b\" BOOLEAN[]))[]",
		"array<struct<a:struct<b:array<boolean>>>>"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		expect(cases[i][0], DL_TYPES_DUCKDB, cases[i][1]);
		expect(cases[i][0], DL_TYPES_HIVE, cases[i][2]);
	}
}

static void
test_numbers(void **state)
{
	(void)state;
	expect("0|-1|42", DL_TYPES_DUCKDB, "BIGINT");
	expect("9223372036854775807|-9223372036854775808", DL_TYPES_DUCKDB,
	    "BIGINT");
	expect("9223372036854775808", DL_TYPES_DUCKDB, "DECIMAL(38,0)");
	expect("9223372036854775808", DL_TYPES_HIVE, "string");
	expect("18446744073709551615|-9223372036854775809", DL_TYPES_VIEW,
	    "DECIMAL(38,0)");
	/* Of 38 digits, and of one more. */
	expect("99999999999999999999999999999999999999", DL_TYPES_DUCKDB,
	    "DECIMAL(38,0)");
	expect(
	    "100000000000000000000000000000000000000", DL_TYPES_DUCKDB, "JSON");
	/* Doubles are what a double prints. */
	expect("1|2.50|1e3|-0|-0.0", DL_TYPES_DUCKDB, "DOUBLE");
	expect("0.30000000000000004|5e-324|1.7976931348623157e308",
	    DL_TYPES_DUCKDB, "DOUBLE");
	expect("9007199254740993", DL_TYPES_DUCKDB, "BIGINT");
	expect("9007199254740992|0.5", DL_TYPES_DUCKDB, "DOUBLE");
	expect("9007199254740993|0.5", DL_TYPES_DUCKDB, "DECIMAL(38,1)");
	expect("9007199254740993|0.5", DL_TYPES_VIEW, "DOUBLE");
	expect("9007199254740993|0.5", DL_TYPES_HIVE, "double");
	expect("0.10000000000000001", DL_TYPES_DUCKDB, "DECIMAL(38,17)");
	expect("1234567890.12345678901", DL_TYPES_DUCKDB, "DECIMAL(38,11)");
	/* More digits than a decimal has; beyond every double. */
	expect("9007199254740993|1e-30", DL_TYPES_DUCKDB, "JSON");
	expect("1e400", DL_TYPES_DUCKDB, "JSON");
	expect("1e99999999999999999999", DL_TYPES_DUCKDB, "JSON");
	expect("1e-99999999999999999999", DL_TYPES_DUCKDB, "JSON");
	expect("0e99999999999999999999", DL_TYPES_DUCKDB, "DOUBLE");
}

static void
test_names(void **state)
{
	(void)state;
	expect("{\"a\\\"b\":1}", DL_TYPES_DUCKDB, "STRUCT(\"a\"\"b\" BIGINT)");
	expect("{\"a`b\":1}", DL_TYPES_HIVE, "string");
	expect("{\"a b\":1}", DL_TYPES_HIVE, "string");
	expect("{\"\xc3\xa4\":1}", DL_TYPES_HIVE, "string");
	expect(
	    "{\"\xc3\xa4\":1}", DL_TYPES_DUCKDB, "STRUCT(\"\xc3\xa4\" BIGINT)");
	expect("{\"Mag\":1}", DL_TYPES_HIVE, "struct<Mag:bigint>");
	expect("{\"time\":1,\"_x\":2}", DL_TYPES_HIVE,
	    "struct<`_x`:bigint,`time`:bigint>");
	/* Only the object that has such names is text. */
	expect(
	    "{\"x\":{\"a\":1,\"A\":2}}", DL_TYPES_DUCKDB, "STRUCT(\"x\" JSON)");
	expect("{\"x\":{\"a\":1}}|{\"x\":{\"A\":1}}", DL_TYPES_HIVE,
	    "struct<x:string>");
	expect("{\"x\":{\"\":1}}", DL_TYPES_DUCKDB, "STRUCT(\"x\" JSON)");
	expect(
	    "{\"x\":{\"a\\u0000\":1}}", DL_TYPES_DUCKDB, "STRUCT(\"x\" JSON)");
	expect(
	    "{\"x\":{\"\\ud800\":1}}", DL_TYPES_DUCKDB, "STRUCT(\"x\" JSON)");
	expect("{\"x\":{\"\xff\":1}}", DL_TYPES_DUCKDB, "STRUCT(\"x\" JSON)");
	/* An escaped name is the name. */
	expect("{\"\\u0061\":1}|{\"a\":2.5}", DL_TYPES_DUCKDB,
	    "STRUCT(\"a\" DOUBLE)");
}

/* Broken bytes, deep and wide ones end, and are JSON text. */
static void
test_bounds(void **state)
{
	struct dl_types *t;
	struct dl_buf b = {0};
	int i;

	(void)state;
	expect("", DL_TYPES_DUCKDB, "JSON");
	expect("nonsense", DL_TYPES_DUCKDB, "JSON");
	expect("{\"a\":", DL_TYPES_DUCKDB, "JSON");
	for (i = 0; i < 100; i++)
		dl_buf_addc(&b, '[');
	for (i = 0; i < 100; i++)
		dl_buf_addc(&b, ']');
	expect(dl_buf_str(&b), DL_TYPES_DUCKDB,
	    "JSON[][][][][][][][][][][][][][][][]");
	dl_buf_clear(&b);
	for (i = 0; i < 501; i++)
		dl_buf_printf(&b, "%c\"k%d\":1", i == 0 ? '{' : ',', i);
	dl_buf_addc(&b, '}');
	expect(dl_buf_str(&b), DL_TYPES_DUCKDB, "JSON");
	/* 20 objects of 499 names: that is all; one more name is too much. */
	t = dl_types_new();
	for (i = 0; i < 20 * 499; i++) {
		dl_buf_clear(&b);
		dl_buf_printf(&b, "{\"o%d\":{\"k%d\":1}}", i / 499, i % 499);
		dl_types_feed(t, dl_buf_as_span(&b));
	}
	assert_int_equal(
	    dl_types_settle(t, DL_TYPES_DUCKDB, false)->nmembers, 20);
	dl_types_feed(t, DL_SPAN("{\"o20\":1}"));
	assert_int_equal(
	    dl_types_settle(t, DL_TYPES_DUCKDB, false)->kind, DL_TYPES_JSON);
	dl_types_free(t);
	dl_buf_release(&b);
}

static void
test_put(void **state)
{
	static const char *const values[] = {
	    "{\"d\":9007199254740993,\"j\":1,\"l\":[1,null],\"f\":2.50}",
	    "{\"d\":-0.05,\"j\":\"x\",\"n\":null,\"f\":1e2}",
	    "{\"d\":12e2,\"j\":{\"a\": [1.10]},\"l\":[],\"\\u0066\":null}",
	};
	static const char *const want[] = {
	    "{\"d\":\"9007199254740993\",\"j\":\"1\",\"l\":[1,null],\"f\":2."
	    "50}",
	    "{\"d\":\"-0.05\",\"j\":\"\\\"x\\\"\",\"n\":null,\"f\":1e2}",
	    "{\"d\":\"1200\",\"j\":\"{\\\"a\\\": "
	    "[1.10]}\",\"l\":[],\"\\u0066\":null}",
	};
	struct dl_types *t = fed(values, 3);
	const struct dl_type *type = dl_types_settle(t, DL_TYPES_DUCKDB, false);
	struct dl_buf b = {0};
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		dl_buf_clear(&b);
		assert_int_equal(
		    dl_types_put(&b, type, dl_span_str(values[i])), 0);
		assert_string_equal(dl_buf_str(&b), want[i]);
	}
	/* What the types were not found from does not fit. */
	assert_int_equal(dl_types_put(&b, type, DL_SPAN("{\"z\":1}")), -1);
	assert_int_equal(dl_types_put(&b, type, DL_SPAN("{\"d\":0.001}")), -1);
	assert_int_equal(dl_types_put(&b, type, DL_SPAN("{\"d\":\"1\"}")), -1);
	assert_int_equal(dl_types_put(&b, type, DL_SPAN("{\"n\":1}")), -1);
	assert_int_equal(dl_types_put(&b, type, DL_SPAN("{\"l\":[1")), -1);
	dl_buf_release(&b);
	dl_types_free(t);
}

/* Saved and loaded into another tree, it is as if that had seen the values. */
static void
test_save(void **state)
{
	static const char *const some[] = {
	    "{\"a\":1,\"b\":[{\"c\":0.5}],\"x\\n\":null}", "{\"o\":1}"};
	static const char *const others[] = {
	    "{\"a\":9007199254740993.5,\"b\":[],\"y\":{}}", "{\"o\":\"\"}"};
	const char *const all[] = {some[0], some[1], others[0], others[1]};
	struct dl_types *one = fed(some, 2), *two = fed(others, 2),
			*both = fed(all, 4), *loaded = dl_types_new();
	struct dl_buf b = {0}, c = {0};
	size_t i;

	(void)state;
	dl_types_save(&b, one);
	assert_int_equal(dl_types_load(two, dl_buf_as_span(&b)), 0);
	dl_buf_clear(&b);
	dl_types_save(&b, two);
	dl_types_save(&c, both);
	assert_string_equal(dl_buf_str(&b), dl_buf_str(&c));
	/* Whatever is cut off it ends, and never well. */
	for (i = 0; i < b.len; i++)
		assert_int_equal(dl_types_load(loaded, dl_span(b.p, i)), -1);
	assert_int_equal(dl_types_load(loaded, DL_SPAN("{\"s\":-1}")), -1);
	assert_int_equal(dl_types_load(loaded, DL_SPAN("[]")), -1);
	dl_types_free(one);
	dl_types_free(two);
	dl_types_free(both);
	dl_types_free(loaded);
	dl_buf_release(&b);
	dl_buf_release(&c);
}

/* Random bytes: within bounds, and it ends. */
static void
test_random(void **state)
{
	static const char alphabet[] = "[]{}\",:\\0123456789.eE-+ntufa\xc3\xa4";
	struct dl_types *t = dl_types_new();
	struct dl_buf b = {0};
	char text[64];
	size_t i, k, len;

	(void)state;
	srandom(1);
	for (i = 0; i < 200000; i++) {
		len = (size_t)random() % sizeof(text);
		for (k = 0; k < len; k++)
			text[k] =
			    alphabet[(size_t)random() % (sizeof(alphabet) - 1)];
		dl_types_feed(t, dl_span(text, len));
		dl_buf_clear(&b);
		(void)dl_types_put(&b,
		    dl_types_settle(t, DL_TYPES_DUCKDB, true),
		    dl_span(text, len));
		if (i % 16 == 0) {
			dl_types_free(t);
			t = dl_types_new();
		}
	}
	dl_types_free(t);
	dl_buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_kinds),
	    cmocka_unit_test(test_numbers),
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_bounds),
	    cmocka_unit_test(test_put),
	    cmocka_unit_test(test_save),
	    cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests_name("types", tests, NULL, NULL);
}
