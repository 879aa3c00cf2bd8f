/* Expressions: both engines give the same answers, and bytes are kept. */
#include "expr.h"

#include "buf.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* All of these are plain: the scanner takes them. */
static const char *const programs[] = {
    ".",
    ".a",
    ".a.b",
    ".a.b.c",
    ".b",
    ".a?",
    ".a.b?",
    ".a?.b",
    ".a?.b?",
    ".a.b?.c?",
    ".\"c d\"",
    ".[\"c d\"]",
    ".a[\"b\"]",
    ".a.\"b\"",
    ".\"\"",
    ".[\"\"]",
    ".\"\\u00e9\"",
    ".\"\xc3\xa9\"",
    ".\"a\\\"b\"",
    ".\"a\\\\b\"",
    ".\"\\ud83d\\ude00\"",
    ".\"\\u0000\"",
    ".longer_than_eight_bytes",
    ".longer_than_eight_bytez",
    ".[0]",
    ".[1]",
    ".[-1]",
    ".[-2]",
    ".[99]",
    ".[-99]",
    ".[0]?",
    ".[-1]?",
    ".[0][0]",
    ".[0].a",
    ".[-1].a[0]",
    ".a[0]",
    ".a[-1]",
    ".a[0]?",
    ".a[2].b",
    ".a [ 0 ] . \"b\"",
    " . ",
    "# a comment\n.a # another",
    ".a | .b",
    ".a | .b | .[0]",
    ". | .a",
    ".a? | .b",
    "(.a)",
    "((.a | .b))",
    "$event.time",
    "$event.id",
    "$event",
    "$event.data",
    "$event.data.a",
    "$event[\"data\"].a.b",
    "$event.absent",
    "$event.time.x",
    "$event.time.x?",
    "$event.n",
    ".a == 1",
    ".a != 1",
    ".a == -1",
    ".a == 1.0",
    ".a == 1e0",
    ".a == 0.1",
    ".a == 13911860366432393",
    ".a == 13911860366432392",
    ".a == 1e400",
    ".a == \"x\"",
    ".a == \"\\u00e9\"",
    ".a != \"\xc3\xa9\"",
    ".a == \"\"",
    ".a == true",
    ".a == false",
    ".a != null",
    ".a == null",
    ". == null",
    ". == 1",
    ".a < 1",
    ".a <= 1",
    ".a > 1",
    ".a >= 1",
    ".a < \"b\"",
    ".a >= \"b\"",
    ".a > null",
    ".a < false",
    ".a >= true",
    ".a? == 1",
    ".a.b? == 1",
    ".a == 1 and .b == 2",
    ".a == 1 or .b == 2",
    ".a and .b",
    ".a or .b",
    ".a or .b and .c",
    "(.a or .b) and .c",
    ".a.b and .c",
    ".a and .b.c",
    ".a == 1 | not",
    ".a | not",
    "(.a == 1 | not) and (.b | not)",
    "select(.a == 1)",
    "select(.a)",
    "select(.a) | .b",
    "select(.a.b)",
    "select(.a?)",
    "select(.a > 0 and .b < 3) | .a",
    ".a | select(.b == 1)",
    ".a | select(.b == 1) | .c",
    ".a | .b == 1",
    "(.a | .b) == 1",
    "select($event.time == \"2020-01-01T00:00:00Z\") | .a",
    "select(.a) | select(.b)",
    "select(select(.a) | .b)",
    "(select(.a)) | .b",
    "select(.a | not)",
    ".a|not|not",
};

static const char *const documents[] = {
    "null",
    "true",
    "false",
    "0",
    "1",
    "-0",
    "1.0",
    "2.50",
    "1e2",
    "13911860366432393",
    "123456789012345678901234567890",
    "\"\"",
    "\"x\"",
    "\"\\u0078\"",
    "[]",
    "{}",
    "[1]",
    "[null]",
    "[1,2,3]",
    "[[1],[2]]",
    "[[],[[]],{}]",
    "[{\"a\":1},{\"a\":[5]}]",
    "[[{\"a\":[1,2]}],{\"a\":[3,4]}]",
    "{\"a\":1}",
    "{\"a\":1.0,\"b\":2}",
    "{\"b\":2,\"a\":1}",
    "{\"a\":0.1}",
    "{\"a\":0.1000}",
    "{\"a\":-1,\"b\":-2.0}",
    "{\"a\":13911860366432393}",
    "{\"a\":13911860366432392}",
    "{\"a\":1e400}",
    "{\"a\":1E-400}",
    "{\"a\":null,\"b\":1}",
    "{\"a\":true,\"b\":false}",
    "{\"a\":false,\"b\":true,\"c\":null}",
    "{\"a\":\"x\"}",
    "{\"a\":\"\\u0078\"}",
    "{\"a\":\"\\u00e9\"}",
    "{\"a\":\"\xc3\xa9\"}",
    "{\"a\":\"\"}",
    "{\"a\":\"b\"}",
    "{\"a\":\"bc\\u0000\"}",
    "{\"a\":\"\\ud83d\\ude00\"}",
    "{\"\\u0061\":{\"\\u0062\":1}}",
    "{\"a\":{}}",
    "{\"a\":{\"b\":null}}",
    "{\"a\":{\"b\":1,\"c\":2}}",
    "{\"a\":{\"b\":2,\"c\":2}}",
    "{\"a\":{\"b\":{\"c\":3}},\"b\":1,\"c\":1}",
    "{\"a\":{\"b\":[10,20]}}",
    "{\"a\":{\"b\":\"str\"}}",
    "{\"a\":[1,2,{\"b\":3}]}",
    "{\"a\":[]}",
    "{\"a\":[{\"b\":1}],\"c d\":4}",
    "{\"\":5,\"c d\":6}",
    "{\"\\u00e9\":7}",
    "{\"\xc3\xa9\":8}",
    "{\"a\\\"b\":9,\"a\\\\b\":10}",
    "{\"\\ud83d\\ude00\":11}",
    "{\"\xf0\x9f\x98\x80\":12}",
    "{\"\\u0000\":13}",
    "{\"longer_than_eight_bytez\":18}",
    "{\"longer_than_eight_bytes\":14,\"longer_than_eight_byte\":15}",
    "{\"x\":[{\"a\":1},\"}\",\"]\",\"\\\"\",\"\\\\\"],\"a\":16}",
    "{\"x\":{\"a\":{\"b\":1}},\"y\":\"a\",\"a\":{\"x\":\"b\",\"b\":17}}",
    "[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]",
    "{\"a\":{\"a\":{\"a\":{\"a\":{\"b\":1}}}}}",
    "[\"a\",\"b\"]",
};

static struct dl_event
event_of(struct dl_buf *line, const char *data)
{
	struct dl_event ev = {0};
	struct dl_err err = {0};

	dl_buf_clear(line);
	dl_buf_adds(line,
	    "{\"specversion\":\"1.0\",\"id\":\"i\",\"source\":\"s\","
	    "\"type\":\"dl.record\",\"time\":\"2020-01-01T00:00:00Z\","
	    "\"n\":1.50,\"data\":");
	dl_buf_adds(line, data);
	dl_buf_addc(line, '}');
	assert_int_equal(dl_event_parse(&ev, dl_buf_as_span(line), &err), 0);
	return ev;
}

/* All outputs of expression n, a line each, and its error. */
static void
outputs(struct dl_expr_set *s, int n, struct dl_buf *b)
{
	struct dl_err err = {0};
	struct dl_span value;
	int r;

	dl_buf_clear(b);
	while ((r = dl_expr_next(s, n, &value, &err)) > 0) {
		dl_buf_span(b, value);
		dl_buf_addc(b, '\n');
	}
	if (r < 0)
		dl_buf_printf(b, "error: %s\n", err.msg);
	assert_int_equal(dl_expr_next(s, n, &value, &err), 0);
}

/* What one program makes of one document. */
static const char *
answer(const char *program, const char *data,
    const struct dl_expr_options *options)
{
	static struct dl_buf line, out;
	struct dl_event ev = event_of(&line, data);
	struct dl_expr_set *s = dl_expr_set_new();
	struct dl_err err = {0};

	dl_buf_clear(&out);
	if (dl_expr_add(s, program, options, &err) < 0)
		dl_buf_printf(&out, "compile: %s\n", err.msg);
	else if (dl_expr_run(s, &ev, &err) < 0)
		dl_buf_printf(&out, "run: %s\n", err.msg);
	else
		outputs(s, 0, &out);
	dl_expr_set_free(s);
	dl_event_release(&ev);
	return dl_buf_str(&out);
}

static struct dl_expr_set *
set_of_all(bool jq, bool whole_event)
{
	struct dl_expr_set *s = dl_expr_set_new();
	struct dl_expr_options o = {.name = "test"};
	struct dl_err err = {0};
	size_t i;

	o.whole_event = whole_event;
	dl_expr_force_jq(jq);
	for (i = 0; i < COUNT(programs); i++)
		if (dl_expr_add(s, programs[i], &o, &err) != (int)i)
			fail_msg("%s: %s", programs[i], err.msg);
	dl_expr_force_jq(false);
	assert_int_equal(dl_expr_set_uses_jq(s), jq);
	return s;
}

static void
compare_sets(bool whole_event)
{
	struct dl_expr_set *plain = set_of_all(false, whole_event);
	struct dl_expr_set *jq = set_of_all(true, whole_event);
	struct dl_buf line = {0}, a = {0}, b = {0};
	struct dl_err err = {0};
	size_t i, d;

	for (d = 0; d < COUNT(documents); d++) {
		struct dl_event ev = event_of(&line, documents[d]);

		assert_int_equal(dl_expr_run(plain, &ev, &err), 0);
		assert_int_equal(dl_expr_run(jq, &ev, &err), 0);
		for (i = 0; i < COUNT(programs); i++) {
			outputs(plain, (int)i, &a);
			outputs(jq, (int)i, &b);
			if (strcmp(dl_buf_str(&a), dl_buf_str(&b)) != 0)
				fail_msg("%s on %s: scanner %s, jq %s",
				    programs[i], documents[d], a.p, b.p);
		}
		dl_event_release(&ev);
	}
	dl_expr_set_free(plain);
	dl_expr_set_free(jq);
	dl_buf_release(&line);
	dl_buf_release(&a);
	dl_buf_release(&b);
}

static void
engines_agree_on_data(void **state)
{
	(void)state;
	assert_true(COUNT(programs) >= 60 && COUNT(documents) >= 40);
	compare_sets(false);
}

static void
engines_agree_on_events(void **state)
{
	(void)state;
	compare_sets(true);
}

/* The tables above could agree on nonsense: some answers by hand. */
static void
answers_are_right(void **state)
{
	static const struct {
		const char *program, *data, *want;
	} rows[] = {
	    {".a.b[0].\"c d\"", "{\"a\":{\"b\":[{\"c d\":2.0}]}}", "2.0\n"},
	    {".a", "{\"a\":1,\"a\":{\"b\":2}}", "{\"b\":2}\n"},
	    {".a.b", "{\"a\":{\"b\":1},\"a\":{\"c\":2}}", "null\n"},
	    {".a[0]", "{\"a\":[1],\"\\u0061\":[]}", "null\n"},
	    {".a", "{ \"a\" : [ 1 , 2 ] }", "[ 1 , 2 ]\n"},
	    {".[-1]", "[1, 2 , \"\\u00e9\"]", "\"\\u00e9\"\n"},
	    {".a.b", "{\"a\":1}",
		"error: Cannot index number with string \"b\"\n"},
	    {".[0]", "{}", "error: Cannot index object with number\n"},
	    {".a.b?", "{\"a\":1}", ""},
	    {"$event.time", "0", "\"2020-01-01T00:00:00Z\"\n"},
	    {"$event.data.a", "{\"a\":5.0}", "5.0\n"},
	    {".a >= 2.5", "{\"a\":2.50}", "true\n"},
	    {".a == \"\\u0078\"", "{\"a\":\"x\"}", "true\n"},
	    {"select(.a == 1) | .b", "{\"a\":1,\"b\":[]}", "[]\n"},
	    {"select(.a == 1) | .b", "{\"a\":2,\"b\":[]}", ""},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++)
		assert_string_equal(
		    answer(rows[i].program, rows[i].data, NULL), rows[i].want);
}

/* Programs that look plain and aren't run on jq, or are its errors. */
static void
the_rest_is_for_jq(void **state)
{
	static const char *const others[] = {".a, .b", ".[]", ".a[]",
	    ".a == .b", "1 == .a", ".a + 1 == 2", ".a as $x | $x", ".a // 1",
	    "..", ".[1:]", ".[.a]", ".a == 1 == 2", ". a", ".a.[0]", "not",
	    ".a | $event.id", ".a == \"\\(1)\"", ".a?? ", "", "select(.a, .b)",
	    "def f: .a; f", ".[1.5]", ".a == 1 | .b", ".a | keys | not",
	    "$event::x", ".a == 01x", "select", "(.a", ".a)", ".a =="};
	struct dl_expr_set *s;
	struct dl_err err = {0};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(others); i++) {
		s = dl_expr_set_new();
		if (dl_expr_add(s, others[i], NULL, &err) >= 0)
			assert_true(dl_expr_set_uses_jq(s));
		else
			assert_int_equal(err.status, DL_EXIT_CONF);
		dl_err_clear(&err);
		dl_expr_set_free(s);
	}
}

/* The scanner stops at what isn't JSON, and libjq never sees it. */
static void
broken_data_is_an_error(void **state)
{
	static const char *const broken[] = {"{\"a\":}", "{\"a\" 1}",
	    "{\"a\":1,}", "{\"a\":1 \"b\":2}", "{a:1}"};
	struct dl_event ev = {0};
	struct dl_err err = {0};
	struct dl_expr_set *s;
	struct dl_span value;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(broken); i++) {
		ev.data = ev.line = dl_span_str(broken[i]);
		s = dl_expr_set_new();
		assert_int_equal(dl_expr_add(s, ".a.b", NULL, &err), 0);
		assert_int_equal(dl_expr_run(s, &ev, &err), -1);
		assert_int_equal(err.status, DL_EXIT_DATA);
		dl_expr_set_free(s);

		s = dl_expr_set_new();
		dl_err_clear(&err);
		assert_int_equal(dl_expr_add(s, ".a|keys", NULL, &err), 0);
		assert_int_equal(dl_expr_run(s, &ev, &err), 0);
		assert_int_equal(dl_expr_next(s, 0, &value, &err), -1);
		assert_int_equal(err.status, DL_EXIT_DATA);
		dl_err_clear(&err);
		assert_int_equal(dl_expr_next(s, 0, &value, &err), 0);
		dl_expr_set_free(s);
	}
}

/* One set may mix both engines; an event may have no data, and no line. */
static void
sets_mix_engines(void **state)
{
	struct dl_expr_set *s = dl_expr_set_new();
	struct dl_event ev = {0};
	struct dl_err err = {0};
	struct dl_span v;

	(void)state;
	assert_int_equal(dl_expr_add(s, ".a", NULL, &err), 0);
	assert_int_equal(dl_expr_add(s, "[.a]", NULL, &err), 1);
	assert_int_equal(dl_expr_add(s, "$event.subject", NULL, &err), 2);
	assert_int_equal(dl_expr_add(s, "[$event.subject]", NULL, &err), 3);
	ev.id = ev.source = ev.type = ev.subject = DL_SPAN("x");
	assert_int_equal(dl_expr_run(s, &ev, &err), 0);
	assert_int_equal(dl_expr_first(s, 0, &v, &err), 1);
	assert_true(dl_span_is(v, "null"));
	assert_int_equal(dl_expr_first(s, 1, &v, &err), 1);
	assert_true(dl_span_is(v, "[null]"));
	assert_int_equal(dl_expr_first(s, 2, &v, &err), 1);
	assert_true(dl_span_is(v, "\"x\""));
	assert_int_equal(dl_expr_first(s, 3, &v, &err), 1);
	assert_true(dl_span_is(v, "[\"x\"]"));
	assert_int_equal(dl_expr_next(s, 3, &v, &err), 0);
	dl_expr_set_free(s);
}

static void
names_of_plain_paths(void **state)
{
	struct dl_buf b = {0};

	(void)state;
	assert_int_equal(dl_expr_names(".a.b.\"c d\"", &b), 3);
	assert_int_equal(b.len, 8);
	assert_memory_equal(b.p, "a\0b\0c d", 8);
	assert_int_equal(dl_expr_names(".[\"\\u0061\"]", &b), 1);
	assert_memory_equal(b.p + 8, "a", 2);
	assert_int_equal(dl_expr_names(".", &b), 0);
	assert_int_equal(dl_expr_names(".a[0]", &b), -1);
	assert_int_equal(dl_expr_names(".a?", &b), -1);
	assert_int_equal(dl_expr_names(".a[]", &b), -1);
	assert_int_equal(dl_expr_names("$event.a", &b), -1);
	assert_int_equal(dl_expr_names(".a == 1", &b), -1);
	assert_int_equal(b.len, 10);
	dl_buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(engines_agree_on_data),
	    cmocka_unit_test(engines_agree_on_events),
	    cmocka_unit_test(answers_are_right),
	    cmocka_unit_test(the_rest_is_for_jq),
	    cmocka_unit_test(broken_data_is_an_error),
	    cmocka_unit_test(sets_mix_engines),
	    cmocka_unit_test(names_of_plain_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
