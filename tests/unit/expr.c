/* Expressions: both engines give the same answers, and bytes are kept. */
#include "expr.h"

#include "buf.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

const char *__lsan_default_suppressions(void);

/* libjq 1.6 loses some of what it fails to compile. */
const char *
__lsan_default_suppressions(void)
{
	return "leak:libjq";
}

/* The scanner takes all of these: paths and conditions… */
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
    /* …and the rest of the language, each thing once. */
    ".a, .b",
    ".[]?",
    ".a[]?",
    ".a == .b",
    "1 == .a",
    ".a as $x | [$x, $x]",
    ".a? // 1",
    ".[1:]?",
    ".[\"a\", \"b\"]?",
    "[.[]?]",
    "{a: 1, \"b\": .}",
    "{(\"x\", \"y\"): (1, 2)}",
    "{a: 1, \"a\": 2, b: 3, (\"a\"): 4}",
    "{a: .a?, b: [.b?, {c: .}]}",
    "{(.): 1}",
    "\"a\\(.)b\\(1, 2)\"",
    "@json \"x\\(.)\"",
    "@base64 \"\\(.)=\"",
    "@text",
    "if . then 1 else 2 end",
    "if .a? then .a elif .b? then .b else \"none\" end",
    "if (true, false) then 1, 2 else 3 end",
    "(1, 2) + (10, 20)",
    "[(1, null, 2) // 3]",
    "[(null, false) // (3, 4)]",
    "(true, false) and (true, false)",
    "(true, false) or (true, false)",
    ".a + 1",
    "-(.a)",
    "[.[]? | -. ?]",
    "try error catch .",
    "try error(\"x\") catch [.]",
    "(1)? | error(\"caught\")",
    ".a? | error(\"not caught\")",
    "1, error(null), 2",
    "[.[]? | type]",
    "length",
    "keys",
    "map(.a?)",
    "map(select(. != null)) | length",
    "select(type == \"object\") | to_entries",
    "with_entries(.value |= [.])",
    "[limit(2; .[]?)]",
    "first(.[]?)",
    "[first(range(10; 0; -3))]",
    "[range(0, 1; 3, 4)]",
    "[range(3)] | any(. > 1), all(. > 1)",
    "last(.[]?)",
    "isempty(.[]?)",
    "sort_by(.a?)",
    "group_by(.a)",
    "[.[]? | numbers, strings]",
    "def f: .a?; def g(h): [h, h]; g(f)",
    "def f($x; y): [$x, y]; f(1, 2; 3)",
    "def f(x): x | x; 1 | f(. + 1)",
    "def f: def g: 3; g; [f, f]",
    ". as $x | [1, 2] | map([., $x])",
    "$event.data as $d | [.a?, $d]",
    "[.[]? as $x | $x | . == $x]",
    ".a = 1",
    ".a |= 1",
    ".a.b |= [.]",
    ".a += 1",
    ".a //= 1",
    ".a[0]? = 1",
    ".[1] = 1",
    ".[-1] = 1",
    ".[]? |= [.]",
    "(.a, .b) = (1, 2)",
    "(.a | select(.)) = 1",
    ".a |= empty",
    "map_values([.])",
    "del(.a)",
    "del(.a, .b)",
    "del(.a.b?)",
    "del(.[0])?",
    "del(.[]? | select(. == 1))",
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

static int
put_line(void *arg, struct dl_span value)
{
	dl_buf_span(arg, value);
	dl_buf_addc(arg, '\n');
	return 0;
}

/* All outputs of expression n, a line each, and its error. */
static void
outputs(struct dl_expr_set *s, int n, struct dl_buf *b)
{
	struct dl_err err = {0};

	dl_buf_clear(b);
	if (dl_expr_each(s, n, put_line, b, &err) < 0)
		dl_buf_printf(b, "error: %s\n", err.msg);
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
	for (i = 0; i < COUNT(programs) && !jq; i++)
		if (dl_expr_why(s, (int)i) != NULL)
			fail_msg("%s: %s", programs[i], dl_expr_why(s, (int)i));
	assert_int_equal(dl_expr_set_uses_jq(s), jq);
	return s;
}

/* Digits that libjq rounds, and a program that may look at them. */
static bool
is_beyond_jq(const char *program, const char *document)
{
	return (strpbrk(program, "=<>+-(@\\") != NULL ||
		   strstr(program, "length") != NULL) &&
	       strspn(document + strcspn(document, "0123456789"),
		   "0123456789") > 15;
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
			if (is_beyond_jq(programs[i], documents[d]))
				continue;
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
	    {"{b: .a, \"c\": \"x\\(.a)\"}", "{\"a\":2.0}",
		"{\"b\":2.0,\"c\":\"x2\"}\n"},
	    {".a == 13911860366432392", "{\"a\":13911860366432393}", "false\n"},
	    {"[.[] | . + 1]", "[13911860366432393]", "[13911860366432394]\n"},
	    {".a.b = 1", "{\"x\":1.0,\"a\":{\"c\":[ 2.0 ]}}",
		"{\"x\":1.0,\"a\":{\"c\":[ 2.0 ],\"b\":1}}\n"},
	    {"del(.a.b) | .c += 1", "{\"a\":{\"b\":1},\"c\":2}",
		"{\"a\":{},\"c\":3}\n"},
	    {".. | 1", "[2]", "1\n1\n"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++)
		assert_string_equal(
		    answer(rows[i].program, rows[i].data, NULL), rows[i].want);
}

/* What in a program makes it one for libjq. */
static void
the_rest_is_for_jq(void **state)
{
	static const struct {
		const char *program, *why;
	} rows[] = {
	    {"..", "'..' (line 1)"},
	    {".a |\n test(\"x\")", "'test', a regular expression (line 2)"},
	    {"reduce .[] as $x (0; . + $x)", "'reduce' (line 1)"},
	    {"def f: f; f", "'f', which calls itself (line 1)"},
	    {"input", "'input/0' (line 1)"},
	    {"$ENV", "$ENV (line 1)"},
	    {"env", "'env/0' (line 1)"},
	    {"path(.a)", "'path/1' (line 1)"},
	    {"[first(.[] | tonumber?)]", "a 'try' that is left early (line 1)"},
	    {".a |= (tonumber? // 0)",
		"a 'try' that '|=' leaves early (line 1)"},
	    {".[] |= empty", "'|=' with what may have no output (line 1)"},
	    {"(.a, .a.b) = 1", "',' in a path that is assigned to (line 1)"},
	    {"def f: 1; 2", "'f', which is not used (line 1)"},
	};
	struct dl_expr_set *s = dl_expr_set_new();
	struct dl_err err = {0};
	size_t i;
	int n;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		n = dl_expr_add(s, rows[i].program, NULL, &err);
		if (n < 0)
			fail_msg("%s: %s", rows[i].program, err.msg);
		assert_non_null(dl_expr_why(s, n));
		assert_string_equal(dl_expr_why(s, n), rows[i].why);
		assert_false(dl_expr_is_single(s, n));
	}
	assert_true(dl_expr_set_uses_jq(s));
	dl_expr_set_free(s);
}

/* What jq refuses is refused, and in its words. */
static void
no_program_of_jq(void **state)
{
	static const char *const wrong[] = {"not_there", "$not_there",
	    "def f(g): 1; f(not_there)", "{(1): 2}", "{(1 | .): 2}", "1 / 0",
	    "1 / (0 | .)", "(.a", ".a)", ".a ==", "select", "map(.a; .b)",
	    ".a.[0]", ". as $x | $y", ".a == 1 == 2", "$event::x"};
	struct dl_expr_set *s;
	struct dl_err err = {0};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(wrong); i++) {
		s = dl_expr_set_new();
		if (dl_expr_add(s, wrong[i], NULL, &err) >= 0)
			fail_msg("%s was taken", wrong[i]);
		assert_int_equal(err.status, DL_EXIT_CONF);
		dl_err_clear(&err);
		dl_expr_set_free(s);
	}
}

/* $NAME of --arg: its numbers are doubles, as jq's, but integers exact. */
static void
arguments_are_variables(void **state)
{
	const struct dl_expr_options o = {
	    .args_json = "{\"s\":\"\\u0041\",\"n\":[1.50,9007199254740993]}"};
	struct dl_expr_options event = {.args_json = "{\"event\":1}"};
	struct dl_expr_set *s = dl_expr_set_new();
	struct dl_err err = {0};

	(void)state;
	assert_string_equal(answer("[$s, $n, $ARGS.named.s]", "1", &o),
	    "[\"A\",[1.5,9007199254740993],\"A\"]\n");
	assert_int_equal(dl_expr_add(s, "$n[0] + 1", &o, &err), 0);
	assert_null(dl_expr_why(s, 0));
	assert_int_equal(dl_expr_add(s, ".", &event, &err), -1);
	dl_expr_set_free(s);
}

/* A program that would not end, or would take all memory, is ended. */
static void
programs_end(void **state)
{
	const struct dl_expr_options o = {.max_time_ms = 50};

	(void)state;
	assert_string_equal(answer("last(range(1e18))", "1", &o),
	    "error: the program ran longer than 50ms\n");
	assert_string_equal(answer("[try last(range(1e18)) catch 1]", "1", &o),
	    "error: the program ran longer than 50ms\n");
	assert_string_equal(answer("[range(0; \"a\"; 1)] | length", "1", &o),
	    "error: the program ran longer than 50ms\n");
	assert_string_equal(answer("[range(1e9) | \"0123456789012345678901234"
				   "5678901234567890123456789\"] | length",
				"1", NULL),
	    "error: the program needs too much memory for this record\n");
}

/* [TEXT0,TEXT1,…]; to be freed. */
static char *
list_of(const char *text, int n)
{
	struct dl_buf b = {0};
	int i;

	for (i = 0; i < n; i++)
		dl_buf_printf(&b, "%c\"%s%d\"", i == 0 ? '[' : ',', text, i);
	dl_buf_addc(&b, ']');
	dl_buf_str(&b);
	return b.p;
}

/* Also where all the time goes by in functions: of much data, a few calls. */
static void
functions_end(void **state)
{
	static const char *const slow[] = {
	    "contains(reverse)",
	    "contains(reverse)?",
	    ". as $x | try ($x | contains($x | reverse)) catch 1",
	    "map({(.): 1}) | add | contains(.)",
	    "map(0) | indices(.[0:(length / 2 | floor)])",
	    "map(0) | .[.[0:(length / 2 | floor)]]?",
	    ". as $x | [range(0; length) | $x[.]] | length",
	    ". as $x | [range(0; length) | $x[.:.+1]?] | length",
	    ". as $x | [range(0; length) | $x[-1:], 1] | length",
	    ". as $x | [range(0; length) | $x == $x] | length",
	    ". as $x | [range(0; length) | $x | length] | length",
	    ". as $x | [range(0; length) | {a: $x} | .a | length] | length",
	    ". as $x | last(range(0; length) | $x)",
	    ". as $x | [.[] | . as $y | $x | index($y)] | length",
	    "map({(.): 1}) | add | . as $o | keys | map($o[.]) | length",
	    "map({(.): 1}) | add | . as $o | [.[] | $o | has(\"x\")]",
	    "tojson | . as $s | [range(0; length) | $s[.:.+1]] | length",
	    "tojson | . as $s | [range(0; length) | $s | @html] | length",
	};
	const struct dl_expr_options o = {.max_time_ms = 50};
	char *data = list_of("x", 40000);
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(slow); i++)
		if (strcmp(answer(slow[i], data, &o),
			"error: the program ran longer than 50ms\n") != 0)
			fail_msg(
			    "%s: %.100s", slow[i], answer(slow[i], data, &o));
	free(data);
}

static long
most_megabytes(void)
{
	struct rusage use;

	getrusage(RUSAGE_SELF, &use);
	return use.ru_maxrss >> 10;
}

/* What a program makes of little more than the record's own bytes. */
static void
much_is_never_held(void **state)
{
	static const char full[] =
	    "error: the program needs too much memory for this record\n";
	struct dl_buf program = {0};
	char *data = list_of("x", 500000), *few = list_of("\\u0041", 4000);
	int i;

	(void)state;
	dl_buf_adds(&program, "tojson as $x | \"");
	for (i = 0; i < 300; i++)
		dl_buf_adds(&program, "\\($x | ltrimstr(\"\"))");
	dl_buf_adds(&program, "\"");
	assert_string_equal(answer(dl_buf_str(&program), data, NULL), full);
	dl_buf_clear(&program);
	dl_buf_adds(&program, ". as $x | {");
	for (i = 0; i < 300; i++)
		dl_buf_printf(&program, "(.[%d]): $x,", i);
	dl_buf_adds(&program, "(\"a\" + .[0]): 1}");
	assert_string_equal(answer(dl_buf_str(&program), data, NULL), full);
	assert_string_equal(answer(". as $i | null | .[$i][$i][$i][$i][$i][$i]"
				   "[$i][$i][$i][$i] = 1",
				"50000000", NULL),
	    full);
	assert_true(most_megabytes() < 1600);
	/* What is looked at again and again needs no new memory. */
	assert_string_equal(answer("contains(reverse)", few, NULL), "true\n");
	dl_buf_clear(&program);
	dl_buf_adds(&program, "{a: .} | del(.a0");
	for (i = 1; i < 60; i++)
		dl_buf_printf(&program, ", .a%d", i);
	dl_buf_adds(&program, ") | .a | length");
	assert_string_equal(
	    answer(dl_buf_str(&program), data, NULL), "500000\n");
	assert_string_equal(answer("last(range(0; 3000; 1) as $i | tojson"
				   " | length)",
				few, NULL),
	    "30891\n");
	dl_buf_release(&program);
	free(data);
	free(few);
}

static size_t
allocated(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

/* One large record, and then a small one: its memory is given back. */
static void
memory_is_given_back(void **state)
{
	size_t before = allocated(), i;
	char *data = list_of("x", 1000000);
	struct dl_expr_set *s = dl_expr_set_new();
	struct dl_buf line = {0}, out = {0};
	struct dl_err err = {0};
	const char *docs[] = {data, "[\"x\"]"};

	(void)state;
	assert_int_equal(
	    dl_expr_add(s, "[[.[] | [.]] | .[]] | map(.[0])", NULL, &err), 0);
	for (i = 0; i < COUNT(docs); i++) {
		struct dl_event ev = event_of(&line, docs[i]);

		assert_int_equal(dl_expr_run(s, &ev, &err), 0);
		outputs(s, 0, &out);
		dl_event_release(&ev);
		assert_true(out.len == strlen(docs[i]) + 1);
		dl_buf_release(&line);
		dl_buf_release(&out);
	}
	free(data);
	assert_true(allocated() < before + ((size_t)2 << 20));
	dl_expr_set_free(s);
}

static int
stop_at_two(void *arg, struct dl_span value)
{
	int *n = arg;

	(void)value;
	return ++*n == 2 ? -1 : 0;
}

/* Who takes the outputs may stop: no try of the program catches that. */
static void
outputs_may_be_left(void **state)
{
	static const char *const texts[] = {
	    "range(10)", "try range(10) catch 7", "(range(10))?, 8", ".. | 1"};
	struct dl_expr_set *s = dl_expr_set_new();
	struct dl_buf line = {0};
	struct dl_event ev = event_of(&line, "[1,2]");
	struct dl_err err = {0};
	size_t i;
	int n;

	(void)state;
	for (i = 0; i < COUNT(texts); i++)
		assert_int_equal(dl_expr_add(s, texts[i], NULL, &err), i);
	assert_int_equal(dl_expr_run(s, &ev, &err), 0);
	for (i = 0; i < COUNT(texts); i++) {
		n = 0;
		assert_int_equal(
		    dl_expr_each(s, (int)i, stop_at_two, &n, &err), -1);
		assert_int_equal(n, 2);
		assert_int_equal(err.status, DL_EXIT_OK);
	}
	dl_expr_set_free(s);
	dl_event_release(&ev);
	dl_buf_release(&line);
}

static void
single_outputs_are_known(void **state)
{
	static const struct {
		const char *program;
		bool single;
	} rows[] = {{".", true}, {".a.b?", true}, {"select(.a) | {a}", true},
	    {"[.[]]", true}, {".a // 1", true}, {".a = 1", true},
	    {"\"x\\(.a)\"", true}, {".[]", false}, {".a, .b", false},
	    {"(.a)?", false}, {"{a: .[]}", false}, {".a = (1, 2)", false}};
	struct dl_expr_set *s = dl_expr_set_new();
	struct dl_err err = {0};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		assert_int_equal(
		    dl_expr_add(s, rows[i].program, NULL, &err), i);
		assert_int_equal(dl_expr_is_single(s, (int)i), rows[i].single);
	}
	dl_expr_set_free(s);
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
		assert_int_equal(dl_expr_add(s, ".. | 1", NULL, &err), 0);
		assert_int_equal(dl_expr_run(s, &ev, &err), 0);
		assert_int_equal(dl_expr_first(s, 0, &value, &err), -1);
		assert_int_equal(err.status, DL_EXIT_DATA);
		dl_err_clear(&err);
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
	assert_int_equal(
	    dl_expr_add(s, "[.a] | tojson | test(\"x\")", NULL, &err), 1);
	assert_int_equal(dl_expr_add(s, "$event.subject", NULL, &err), 2);
	assert_int_equal(
	    dl_expr_add(s, "[$event.subject | splits(\"y\")]", NULL, &err), 3);
	ev.id = ev.source = ev.type = ev.subject = DL_SPAN("x");
	assert_int_equal(dl_expr_run(s, &ev, &err), 0);
	assert_int_equal(dl_expr_first(s, 0, &v, &err), 1);
	assert_true(dl_span_is(v, "null"));
	assert_int_equal(dl_expr_first(s, 1, &v, &err), 1);
	assert_true(dl_span_is(v, "false"));
	assert_int_equal(dl_expr_first(s, 2, &v, &err), 1);
	assert_true(dl_span_is(v, "\"x\""));
	assert_int_equal(dl_expr_first(s, 3, &v, &err), 1);
	assert_true(dl_span_is(v, "[\"x\"]"));
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
	assert_int_equal(dl_expr_names(". | .\"\"", &b), 1);
	b.len--;
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
	    cmocka_unit_test(no_program_of_jq),
	    cmocka_unit_test(arguments_are_variables),
	    cmocka_unit_test(programs_end),
	    cmocka_unit_test(functions_end),
	    cmocka_unit_test(much_is_never_held),
	    cmocka_unit_test(memory_is_given_back),
	    cmocka_unit_test(outputs_may_be_left),
	    cmocka_unit_test(single_outputs_are_known),
	    cmocka_unit_test(broken_data_is_an_error),
	    cmocka_unit_test(sets_mix_engines),
	    cmocka_unit_test(names_of_plain_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
