/* json.h: what the validator takes and what it refuses. */
#include "json.h"
#include "json_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

/* Bytes with a NUL among them. */
#define BYTES(lit) \
	{ \
		(lit), sizeof(lit) - 1 \
	}

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

/* The other way to ask: the same answer for what comes first. */
static void
check_first(struct dl_span text, bool valid)
{
	const char *q = dl_json_check_first(text), *p;
	struct dl_err err = {0};
	bool opens = text.len > 0 && (*text.p == '{' || *text.p == '[');

	if (q == NULL) {
		assert_true(!valid || !opens);
		return;
	}
	assert_true(opens && q > text.p && q <= text.p + text.len);
	assert_int_equal(
	    dl_json_check(dl_span(text.p, (size_t)(q - text.p)), &err), 0);
	for (p = q; p < text.p + text.len && memchr(" \t\r\n", *p, 4) != NULL;)
		p++;
	assert_int_equal(valid, p == text.p + text.len);
}

static bool
accepted(struct dl_span text)
{
	struct dl_span copy = exact(text);
	struct dl_err err = {0}, again = {0};
	int r = dl_json_check(copy, &err);

	assert_int_equal(r == 0, err.status == DL_EXIT_OK);
	assert_true(r == 0 || err.msg[0] != '\0');
	check_first(copy, r == 0);
	/* What is remembered of its names makes no difference. */
	assert_int_equal(dl_json_check(copy, &again), r);
	assert_string_equal(again.msg, err.msg);
	free((char *)copy.p);
	return r == 0;
}

static void
accept(struct dl_span text)
{
	if (!accepted(text))
		fail_msg("refused: %.*s", DL_SPAN_ARG(text));
}

static void
refuse(struct dl_span text)
{
	if (accepted(text))
		fail_msg("accepted: %.*s", DL_SPAN_ARG(text));
}

#define ALL(list, each) \
	do { \
		for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++) \
			each(list[i]); \
	} while (0)

static void
structure(void **state)
{
	static const struct dl_span good[] = {
	    BYTES("{}"),
	    BYTES("[]"),
	    BYTES(" [ ] "),
	    BYTES("{ }"),
	    BYTES("[1]"),
	    BYTES("[1,2]"),
	    BYTES("[[],[[]],{}]"),
	    BYTES("{\"a\":1}"),
	    BYTES("{\"a\":{\"a\":{\"a\":[]}}}"),
	    BYTES("\t{\r\n\"a\" :\t[ 1 ,\n2 ] , \"b\":null }\r\n"),
	    BYTES("{\"\":0}"),
	    BYTES("[\"\"]"),
	    BYTES("\"\""),
	    BYTES("[{\"a\":1},{\"a\":1}]"),
	    BYTES("[1]\r\n\r\n"),
	    BYTES("{\"a\":{\"b\":1},\"b\":{\"a\":1}}"),
	};
	static const struct dl_span bad[] = {
	    BYTES(""),
	    BYTES(" "),
	    BYTES("["),
	    BYTES("]"),
	    BYTES("{"),
	    BYTES("}"),
	    BYTES("[1"),
	    BYTES("[1,"),
	    BYTES("[1,]"),
	    BYTES("[,1]"),
	    BYTES("[,]"),
	    BYTES("[1,,2]"),
	    BYTES("[1 2]"),
	    BYTES("[1}"),
	    BYTES("{]"),
	    BYTES("{\"a\"}"),
	    BYTES("{\"a\":}"),
	    BYTES("{\"a\" 1}"),
	    BYTES("{\"a\":1,}"),
	    BYTES("{,\"a\":1}"),
	    BYTES("{\"a\":1 \"b\":2}"),
	    BYTES("{a:1}"),
	    BYTES("{'a':1}"),
	    BYTES("{1:1}"),
	    BYTES("{\"a\":1]"),
	    BYTES("{\"a\":1"),
	    BYTES("{\"a\":"),
	    BYTES("{\"a\""),
	    BYTES("{\"a"),
	    BYTES("{\""),
	    BYTES("{\"a\":1}{\"b\":2}"),
	    BYTES("[][]"),
	    BYTES("1 2"),
	    BYTES("[]x"),
	    BYTES("[]]"),
	    BYTES("{}}"),
	    BYTES("{}\0"),
	    BYTES("\0"),
	    BYTES("[\0]"),
	    BYTES("[1]\0"),
	    BYTES("\v[]"),
	    BYTES("[]\f"),
	    BYTES("\xc2\xa0[]"),
	    BYTES("\xef\xbb\xbf[]"),
	    BYTES("\xef\xbb\xbf"),
	    BYTES("[1] // no"),
	    BYTES("[/**/]"),
	    BYTES("[\"a\":1]"),
	    BYTES("{\"a\":1:2}"),
	    BYTES(":"),
	    BYTES(","),
	    BYTES("{\"a\",\"b\"}"),
	    BYTES("<html>"),
	    BYTES("[\"a\",\n"),
	    BYTES("{\"a\"::1}"),
	    BYTES("{\"a\":1,,\"b\":2}"),
	    BYTES("{[]:1}"),
	};

	(void)state;
	ALL(good, accept);
	ALL(bad, refuse);
}

static void
numbers_and_literals(void **state)
{
	static const struct dl_span good[] = {
	    BYTES("0"),
	    BYTES("-0"),
	    BYTES("1"),
	    BYTES("-1"),
	    BYTES("10"),
	    BYTES("1234567"),
	    BYTES("12345678"),
	    BYTES("123456789"),
	    BYTES("1234567890123456789012345678901234567890"),
	    BYTES("0.0"),
	    BYTES("-0.5"),
	    BYTES("1.25"),
	    BYTES("1e1"),
	    BYTES("1E1"),
	    BYTES("1e+1"),
	    BYTES("1e-1"),
	    BYTES("1.5e+10"),
	    BYTES("0e0"),
	    BYTES("0E+00"),
	    BYTES("1e999999"),
	    BYTES("-1.7976931348623157e308"),
	    BYTES("0.12345678901234567890123456789"),
	    BYTES("[0 ]"),
	    BYTES("[1\n]"),
	    BYTES("true"),
	    BYTES("false"),
	    BYTES("null"),
	    BYTES(" null "),
	    BYTES("[true,false,null]"),
	};
	static const struct dl_span bad[] = {
	    BYTES("-"),
	    BYTES("+1"),
	    BYTES("01"),
	    BYTES("-01"),
	    BYTES("00"),
	    BYTES("1."),
	    BYTES(".1"),
	    BYTES("-.1"),
	    BYTES("1.e1"),
	    BYTES("1e"),
	    BYTES("1e+"),
	    BYTES("1E-"),
	    BYTES("1ee1"),
	    BYTES("1e1.5"),
	    BYTES("1.2.3"),
	    BYTES("--1"),
	    BYTES("- 1"),
	    BYTES("0x10"),
	    BYTES("1_000"),
	    BYTES("1,000"),
	    BYTES("1a"),
	    BYTES("NaN"),
	    BYTES("Infinity"),
	    BYTES("-Infinity"),
	    BYTES("inf"),
	    BYTES("True"),
	    BYTES("TRUE"),
	    BYTES("nul"),
	    BYTES("nulll"),
	    BYTES("tru"),
	    BYTES("fals"),
	    BYTES("falsee"),
	    BYTES("[tru]"),
	    BYTES("[-]"),
	    BYTES("[1e]"),
	    BYTES("[1.]"),
	    BYTES("[0123]"),
	    BYTES("1\0"),
	    BYTES("12345678/"),
	    BYTES("1234567:"),
	    BYTES("1\xb0"),
	    BYTES("[1\xef\xbc\x91]"),
	    BYTES("undefined"),
	    BYTES("-a"),
	};

	(void)state;
	ALL(good, accept);
	ALL(bad, refuse);
}

static void
strings(void **state)
{
	static const struct dl_span good[] = {
	    BYTES("\"a\""),
	    BYTES("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
	    BYTES("\"\\u0000\""),
	    BYTES("\"\\u00e9\\u00E9\\uFFFF\""),
	    BYTES("\"\\ud83d\\ude00\""),
	    BYTES("\"\\uD834\\uDd1e x\""),
	    BYTES("\"\x7f\""),
	    BYTES("\"\\\\\""),
	    BYTES("\"\\\\\\\\\""),
	    BYTES("\"/*not a comment*/\""),
	    BYTES("\"{[,]}:\""),
	    BYTES("\"fifteen bytes..\""),
	    BYTES("\"sixteen bytes...\""),
	    BYTES("\"seventeen bytes..\""),
	    BYTES("\"\\ud7ff\\ue000\""),
	    BYTES("\"thirty-one bytes, and one escape\\n\""),
	};
	static const struct dl_span bad[] = {
	    BYTES("\""),
	    BYTES("\"a"),
	    BYTES("\"\\\""),
	    BYTES("\"\\"),
	    BYTES("\"\\x41\""),
	    BYTES("\"\\a\""),
	    BYTES("\"\\'\""),
	    BYTES("\"\\0\""),
	    BYTES("\"\\U0041\""),
	    BYTES("\"\\u\""),
	    BYTES("\"\\u004\""),
	    BYTES("\"\\u00g0\""),
	    BYTES("\"\\u 041\""),
	    BYTES("\"\\u+041\""),
	    BYTES("\"\\ud800\""),
	    BYTES("\"\\udc00\""),
	    BYTES("\"\\ud800\\ud800\""),
	    BYTES("\"\\udc00\\ud800\""),
	    BYTES("\"\\ud800\\n\""),
	    BYTES("\"\\ud800x\""),
	    BYTES("\"\\ud800\\u0041\""),
	    BYTES("\"\\ud800\\u\""),
	    BYTES("\"\\ud800\\ue000\""),
	    BYTES("\"\\ud800\\"),
	    BYTES("\"\n\""),
	    BYTES("\"\t\""),
	    BYTES("\"\r\""),
	    BYTES("\"\0\""),
	    BYTES("\"\x1f\""),
	    BYTES("\"more than sixteen bytes\x01\""),
	    BYTES("'a'"),
	    BYTES("\"a\"b\""),
	    BYTES("\"\\\n\""),
	    BYTES("\"\\\xe9\""),
	};

	(void)state;
	ALL(good, accept);
	ALL(bad, refuse);
}

static void
utf8(void **state)
{
	static const struct dl_span good[] = {
	    BYTES(""),
	    BYTES("a"),
	    BYTES("\x7f"),
	    BYTES("\xc2\x80"),
	    BYTES("\xdf\xbf"),
	    BYTES("\xe0\xa0\x80"),
	    BYTES("\xed\x9f\xbf"),
	    BYTES("\xee\x80\x80"),
	    BYTES("\xef\xbf\xbf"),
	    BYTES("\xf0\x90\x80\x80"),
	    BYTES("\xf4\x8f\xbf\xbf"),
	    BYTES("\xef\xbb\xbf"),
	    BYTES("a\xc3\xa9z\xe2\x82\xac\xf0\x9f\x98\x80"),
	};
	static const struct dl_span bad[] = {
	    BYTES("\x80"),
	    BYTES("\xbf"),
	    BYTES("\xc0\x80"),
	    BYTES("\xc1\xbf"),
	    BYTES("\xc2"),
	    BYTES("\xc2\x41"),
	    BYTES("\xc2\xc2"),
	    BYTES("\xe0\x9f\xbf"),
	    BYTES("\xe0\xa0"),
	    BYTES("\xe1\x80"),
	    BYTES("\xe1\x80\x41"),
	    BYTES("\xed\xa0\x80"),
	    BYTES("\xed\xbf\xbf"),
	    BYTES("\xf0\x8f\xbf\xbf"),
	    BYTES("\xf0\x90\x80"),
	    BYTES("\xf0\x90\x80\x41"),
	    BYTES("\xf1\x80"),
	    BYTES("\xf4\x90\x80\x80"),
	    BYTES("\xf5\x80\x80\x80"),
	    BYTES("\xf8\x88\x80\x80\x80"),
	    BYTES("\xfe"),
	    BYTES("\xff"),
	    BYTES("\xe2\x28\xa1"),
	    BYTES("\xed\xa0\xbd\xed\xb8\x80"),
	    BYTES("a\xe9"),
	};
	char text[256];
	struct dl_span s;

	(void)state;
	/* Each at every place around the steps of 16 and 64 bytes. */
	for (size_t at = 0; at < 130; at++) {
		memset(text, 'x', sizeof(text));
		text[0] = '"';
		for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
			s = good[i];
			memcpy(text + 1 + at, s.p, s.len);
			text[1 + at + s.len] = '"';
			accept(dl_span(text, at + s.len + 2));
			assert_true(
			    dl_utf8_valid(dl_span(text, at + s.len + 1)));
		}
		memset(text + 1, 'x', sizeof(text) - 1);
		for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
			s = exact(bad[i]);
			assert_false(dl_utf8_valid(s));
			memcpy(text + 1 + at, s.p, s.len);
			text[1 + at + s.len] = '"';
			refuse(dl_span(text, at + s.len + 2));
			assert_false(
			    dl_utf8_valid(dl_span(text, at + s.len + 1)));
			free((char *)s.p);
		}
	}
}

/* n of one string, then m of another. */
static struct dl_span
repeat(
    struct dl_buf *b, const char *open, size_t n, const char *close, size_t m)
{
	dl_buf_clear(b);
	for (size_t i = 0; i < n; i++)
		dl_buf_adds(b, open);
	for (size_t i = 0; i < m; i++)
		dl_buf_adds(b, close);
	return dl_buf_as_span(b);
}

static void
depth(void **state)
{
	struct dl_buf b = {0};
	struct dl_span s;

	(void)state;
	accept(repeat(&b, "[", 512, "]", 512));
	refuse(repeat(&b, "[", 513, "]", 513));
	repeat(&b, "{\"a\":", 511, "", 0);
	dl_buf_adds(&b, "{}");
	for (int i = 0; i < 511; i++)
		dl_buf_addc(&b, '}');
	accept(dl_buf_as_span(&b));
	repeat(&b, "{\"a\":", 512, "", 0);
	dl_buf_adds(&b, "[]");
	for (int i = 0; i < 512; i++)
		dl_buf_addc(&b, '}');
	refuse(dl_buf_as_span(&b));
	refuse(repeat(&b, "[", 100000, "]", 0));
	refuse(repeat(&b, "[", 100000, "]", 100000));
	refuse(repeat(&b, "{\"a\":", 100000, "", 0));
	/* The scanner does not mind: it keeps a count only. */
	s = repeat(&b, "[", 100000, "]", 100000);
	assert_ptr_equal(dl_json_skip(s.p, s.p + s.len), s.p + s.len);
	assert_null(dl_json_skip(s.p, s.p + s.len - 1));
	dl_buf_release(&b);
}

static void
names_twice(void **state)
{
	static const struct dl_span bad[] = {
	    BYTES("{\"a\":1,\"a\":2}"),
	    BYTES("{\"\":1,\"\":1}"),
	    BYTES("{\"a\":1,\"b\":2,\"a\":3}"),
	    BYTES("{\"a\":1,\"\\u0061\":2}"),
	    BYTES("{\"\\u0061\":1,\"a\":2}"),
	    BYTES("{\"\\u0061\":1,\"\\u0061\":2}"),
	    BYTES("{\"\xc3\xa9\":1,\"\\u00e9\":2}"),
	    BYTES("{\"/\":1,\"\\/\":2}"),
	    BYTES("{\"\xf0\x9f\x98\x80\":1,\"\\uD83D\\ude00\":2}"),
	    BYTES("[{\"x\":{\"a\":1,\"a\":2}}]"),
	    BYTES("{\"a\":{\"b\":1},\"c\":[{\"b\":1}],\"a\":0}"),
	    BYTES("{\"a longer name than eight bytes\":1,\"b\":{},"
		  "\"a longer name than eight bytes\":2}"),
	};
	static const struct dl_span good[] = {
	    BYTES("{\"a\":1,\"A\":2}"),
	    BYTES("{\"a\":1,\"a \":2}"),
	    BYTES("{\"a\":1,\"aa\":2,\"aaa\":3}"),
	    BYTES("{\"\\u0000\":1,\"\":2}"),
	    BYTES("{\"a\\u0000\":1,\"a\":2}"),
	    BYTES("{\"\\\\u0061\":1,\"a\":2}"),
	    /* The same at both ends and in the middle. */
	    BYTES("{\"12345678ab00000000ab12345678\":1,"
		  "\"12345678cd00000000cd12345678\":2}"),
	};

	(void)state;
	ALL(bad, refuse);
	ALL(good, accept);
}

/* An object of n names, name twice being that of name first. */
static struct dl_span
many_names(struct dl_buf *b, const char *fmt, int n, int first, int twice)
{
	dl_buf_clear(b);
	dl_buf_addc(b, '{');
	for (int i = 0; i < n; i++) {
		dl_buf_adds(b, i == 0 ? "\"" : ",\"");
		dl_buf_printf(b, "%s%d", fmt, i == twice ? first : i);
		dl_buf_adds(b, i % 3 == 0 ? "\\u0020\":0" : " \":{\"x\":1}");
	}
	dl_buf_addc(b, '}');
	return dl_buf_as_span(b);
}

static void
names_twice_among_many(void **state)
{
	static const int counts[] = {
	    2, 3, 5, 31, 63, 64, 65, 66, 255, 256, 257, 1000, 50000};
	struct dl_buf b = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		int n = counts[i];

		accept(many_names(&b, "name", n, 0, -1));
		accept(many_names(&b, "", n, 0, -1));
		refuse(many_names(&b, "name", n, 0, n - 1));
		refuse(many_names(
		    &b, "a name that is rather long: ", n, n - 2, n - 1));
		refuse(many_names(&b, "", n, n / 2 - 1, n - 1));
	}
	/* Whichever way they are compared, for all pairs of places. */
	for (int n = 2; n < 70; n++)
		for (int i = 0; i + 1 < n; i++) {
			refuse(many_names(&b, "n", n, i, n - 1));
			refuse(many_names(&b, "n", n, 0, i + 1));
		}
	accept(many_names(&b, "", 500000, 0, -1));
	dl_buf_release(&b);
}

/* {"x…":0,"y…":1} with names of len and len2 bytes, and blanks after it. */
static struct dl_span
two_names(struct dl_buf *b, size_t len, size_t len2, char last, size_t blanks)
{
	dl_buf_clear(b);
	dl_buf_adds(b, "{\"");
	for (size_t i = 0; i < len; i++)
		dl_buf_addc(b, 'x');
	dl_buf_adds(b, "\":0,\"");
	for (size_t i = 0; i < len2; i++)
		dl_buf_addc(b, i + 1 < len2 ? 'x' : last);
	dl_buf_adds(b, "\":1}");
	for (size_t i = 0; i < blanks; i++)
		dl_buf_addc(b, ' ');
	return dl_buf_as_span(b);
}

/*
 * Names are guessed from those that came before: one that is the beginning of
 * the guess, that goes on after it, that differs in a byte or is the same, at
 * all distances from the end.
 */
static void
names_as_before(void **state)
{
	struct dl_buf b = {0};

	(void)state;
	for (size_t len = 0; len < 20; len++)
		for (size_t more = 1; more < 20; more++)
			for (size_t n = 0; n < 20; n += 3) {
				size_t len2 = (len + more) % 20;

				accept(two_names(&b, len, len2, 'x', n));
				accept(two_names(&b, len2, len, 'x', n));
				refuse(two_names(&b, len, len, 'x', n));
				if (len > 0)
					accept(two_names(&b, len, len, 'y', n));
			}
	for (int i = 0; i < 3; i++) {
		accept(DL_SPAN("{\"name\":1,\"names\":2}           "));
		refuse(DL_SPAN("{\"name\":1,\"name\\\":2}           "));
		refuse(DL_SPAN("{\"name\":1,\"name:2}           "));
		refuse(DL_SPAN("{\"name\":1,\"na\\u006de\":2}           "));
		refuse(DL_SPAN("{\"name\":1,'names\":2}           "));
		refuse(DL_SPAN("{\"name\":1,\"name\"\"s\":2}           "));
		refuse(DL_SPAN("{\"name\":1,\"name\xff\":2}           "));
		refuse(DL_SPAN("{\"name\":1,\"names\" 2}           "));
	}
	dl_buf_release(&b);
}

/* Names of which nothing that is hashed differs: one for each number. */
static void
add_one_hash(struct dl_buf *b, const char *before, int i)
{
	dl_buf_printf(
	    b, "%s\"12345678%08d--------%08d12345678\":0", before, i, i);
}

/*
 * Neither one object with a great many of them nor a great many objects with a
 * few may take time that is not in proportion to their length.  It is far less
 * than a second; were it quadratic, it would be a minute or more.
 */
static void
names_of_one_hash(void **state)
{
	struct dl_buf b = {0};
	clock_t start = clock();

	(void)state;
	for (int i = 0; i < 200000; i++)
		add_one_hash(&b, i == 0 ? "{" : ",", i);
	dl_buf_addc(&b, '}');
	accept(dl_buf_as_span(&b));
	dl_buf_clear(&b);
	for (int i = 0; i < 200000; i++) {
		add_one_hash(&b, i == 0 ? "[{" : "},{", 1);
		add_one_hash(&b, ",", 2);
	}
	dl_buf_adds(&b, "}]");
	accept(dl_buf_as_span(&b));
	assert_true(clock() - start < 10 * CLOCKS_PER_SEC);
	/* And of those, the same one twice, with another between them. */
	dl_buf_clear(&b);
	add_one_hash(&b, "{", 1);
	add_one_hash(&b, ",", 2);
	add_one_hash(&b, ",", 1);
	dl_buf_addc(&b, '}');
	refuse(dl_buf_as_span(&b));
	dl_buf_release(&b);
}

/* What is said, and where. */
static void
messages(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
	    {"", "expected a JSON value, found nothing"},
	    {"[1,x]", "expected a value at byte 4"},
	    {"[1 2]", "expected ',' or ']' at byte 4"},
	    {"{\"a\":1,}", "expected a name in quotes at byte 8"},
	    {"{\"a\" 1}", "expected ':' at byte 6"},
	    {"\"a\nb\"", "a control character in a string at byte 3"},
	    {"\"\\ud800\"", "a wrong escape in a string at byte 2"},
	    {"\"ab\xff\"", "invalid UTF-8 at byte 4"},
	    {"[1.]", "expected a digit at byte 4"},
	    {"[[]", "the JSON text ends too early (after 3 bytes)"},
	    {"[] []", "more after the JSON value at byte 4"},
	    {"{\"a\":1,\"a\":2}",
		"the name 'a' twice in one object, at byte 8"},
	    {"{\"a\":1,\"b\":0,\"c\":{},\"b\":1,\"a\":2}",
		"the name 'b' twice in one object, at byte 21"},
	};
	struct dl_err err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		err = (struct dl_err){0};
		assert_int_equal(
		    dl_json_check(dl_span_str(cases[i].text), &err), -1);
		assert_int_equal(err.status, DL_EXIT_DATA);
		assert_string_equal(err.msg, cases[i].want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(structure),
	    cmocka_unit_test(numbers_and_literals),
	    cmocka_unit_test(strings),
	    cmocka_unit_test(utf8),
	    cmocka_unit_test(depth),
	    cmocka_unit_test(names_twice),
	    cmocka_unit_test(names_twice_among_many),
	    cmocka_unit_test(names_of_one_hash),
	    cmocka_unit_test(names_as_before),
	    cmocka_unit_test(messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
