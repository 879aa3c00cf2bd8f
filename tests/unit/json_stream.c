/* json_stream.h: the same elements from a document, however it is cut. */
#include "json_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define LIMIT 100 /* bytes of an element */

/* A path of up to two names. */
struct path {
	struct dl_span name[2];
	size_t n;
};

static const struct path none = {.n = 0};
static const struct path list = {{{"list", 4}}, 1};
static const struct path a_list = {{{"a", 1}, {"list", 4}}, 2};

static int
note(void *arg, struct dl_span item, size_t total, const struct dl_err *bad,
    struct dl_err *err)
{
	struct dl_buf *log = arg;

	(void)err;
	if (bad != NULL)
		dl_buf_printf(log, "%s: ", bad->msg);
	if (total != item.len)
		dl_buf_printf(log, "%zu of %zu: ", item.len, total);
	dl_buf_span(log, item.len > LIMIT ? dl_span("(long)", 6) : item);
	dl_buf_addc(log, '\n');
	return 0;
}

/* What came of the document: a line per element, then the failure, if any. */
static const char *
run(const struct path *path, struct dl_span text, size_t chunk,
    struct dl_buf *log)
{
	struct dl_json_stream *s;
	struct dl_err err = {0};
	int r = 0;

	dl_buf_clear(log);
	s = dl_json_stream_new(path->name, path->n, LIMIT, note, log);
	for (size_t i = 0, n; i < text.len && r == 0; i += n) {
		char *copy;

		n = text.len - i < chunk ? text.len - i : chunk;
		copy = dl_alloc(n);
		memcpy(copy, text.p + i, n);
		r = dl_json_stream_feed(s, copy, n, &err);
		free(copy);
	}
	if (r == 0)
		r = dl_json_stream_end(s, &err);
	assert_int_equal(r == 0, err.status == DL_EXIT_OK);
	if (r < 0)
		dl_buf_printf(log, "! %s", err.msg);
	dl_json_stream_free(s);
	return dl_buf_str(log);
}

static void
expect(const struct path *path, struct dl_span text, const char *want)
{
	struct dl_buf log = {0};

	for (size_t chunk = 1; chunk <= 64; chunk++)
		assert_string_equal(run(path, text, chunk, &log), want);
	assert_string_equal(run(path, text, text.len + 1, &log), want);
	dl_buf_release(&log);
}

#define EXPECT(path, text, want) expect(&(path), DL_SPAN(text), want)

static void
lists(void **state)
{
	(void)state;
	EXPECT(none, "[]", "");
	EXPECT(none, " [ ] \r\n", "");
	EXPECT(none, "[1]", "1\n");
	EXPECT(none, "\n[ 1 ,\"a,]\\\"b\" , {\"b\" : [1,\"}\"]},[ ],null\n] ",
	    "1\n\"a,]\\\"b\"\n{\"b\" : [1,\"}\"]}\n[ ]\nnull\n");
	EXPECT(none, "\xef\xbb\xbf[-1.5e3,true]", "-1.5e3\ntrue\n");
	EXPECT(list, "{\"list\":[1,2]}", "1\n2\n");
	EXPECT(list,
	    "{\"x\":{\"list\":[0]},\"y\":[{\"list\":[0]}],"
	    "\"list\" : [ 1 , 2 ] , \"z\":[[]]}",
	    "1\n2\n");
	EXPECT(list, "{\"l\\u0069s\\u0074\":[1]}", "1\n");
	EXPECT(list, "{\"lis\":0,\"list \":0,\"List\":0,\"list\":[1],\"\":2}",
	    "1\n");
	EXPECT(a_list,
	    "{\"list\":[0],\"a\":{\"b\":{\"list\":[0]},\"list\":"
	    "[{\"a\":1},2],\"c\":0},\"b\":{\"list\":[3]}}",
	    "{\"a\":1}\n2\n");
}

static void
one_element(void **state)
{
	(void)state;
	EXPECT(none, "{\"a\":[1,2]}", "{\"a\":[1,2]}\n");
	EXPECT(none, " \"text\\\"\" ", "\"text\\\"\"\n");
	EXPECT(none, "12", "12\n");
	EXPECT(none, "-0.5e1\n", "-0.5e1\n");
	EXPECT(none, "null", "null\n");
	EXPECT(none, "{\"a\":1}{\"b\":2}",
	    "{\"a\":1}\n! more after the document at byte 8");
	EXPECT(
	    none, "{\"a\":01}", "expected ',' or '}' at byte 7: {\"a\":01}\n");
}

/* Elements that are wrong, but whose end is known. */
static void
bad_elements(void **state)
{
	(void)state;
	EXPECT(none, "[1,\"\\ud800\",2]",
	    "1\nelement 2, which begins at byte "
	    "4: a wrong escape in a string at byte 2: \"\\ud800\"\n2\n");
	EXPECT(none, "[\"\xff\",2]",
	    "element 1, which begins at byte 2: "
	    "invalid UTF-8 at byte 2: \"\xff\"\n2\n");
	EXPECT(list, "{\"list\":[{\"a\":1,\"a\":2},{\"a\":[}},3]}",
	    "element 1, which begins at byte 10: the name 'a' twice in one "
	    "object, at byte 8: {\"a\":1,\"a\":2}\n"
	    "element 2, which begins at byte 24: expected a value at byte 7: "
	    "{\"a\":[}}\n3\n");
	EXPECT(none, "[NaN,01,1]",
	    "element 1, which begins at byte 2: expected a value at byte 1: "
	    "NaN\nelement 2, which begins at byte 6: more after the JSON value "
	    "at byte 2: 01\n1\n");
}

/* An element of n brackets inside each other. */
static void
nest(struct dl_buf *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		dl_buf_addc(b, '[');
	for (size_t i = 0; i < n; i++)
		dl_buf_addc(b, ']');
}

static void
long_elements(void **state)
{
	static const size_t lengths[] = {
	    LIMIT - 2, LIMIT - 1, 65534, 65535, 200000};
	struct dl_buf text = {0}, want = {0};

	(void)state;
	dl_buf_addc(&text, '[');
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		size_t n = lengths[i] + 2, at = text.len + 1;

		dl_buf_addc(&text, '"');
		for (size_t k = 0; k < lengths[i]; k++)
			dl_buf_addc(&text, 'x');
		dl_buf_adds(&text, "\",");
		if (n > LIMIT)
			dl_buf_printf(&want,
			    "element %zu, which begins at byte "
			    "%zu: %zu bytes long, longer than the limit of "
			    "%d: ",
			    i + 1, at, n, LIMIT);
		if (n > 65536)
			dl_buf_printf(&want, "65536 of %zu: ", n);
		if (n > LIMIT)
			dl_buf_adds(&want, "(long)\n");
		else
			dl_buf_span(&want, dl_span(text.p + at - 1, n));
		if (n <= LIMIT)
			dl_buf_addc(&want, '\n');
	}
	dl_buf_adds(&text, "1]");
	dl_buf_adds(&want, "1\n");
	expect(&none, dl_buf_as_span(&text), dl_buf_str(&want));
	dl_buf_release(&text);
	dl_buf_release(&want);
}

/* The same limit for an element that is an array, in one chunk or in many. */
static void
long_arrays(void **state)
{
	struct dl_buf text = {0}, want = {0};

	(void)state;
	for (size_t n = LIMIT - 1; n <= LIMIT + 1; n++) {
		dl_buf_clear(&text);
		dl_buf_clear(&want);
		dl_buf_adds(&text, "[[\"");
		for (size_t i = 4; i < n; i++)
			dl_buf_addc(&text, 'x');
		dl_buf_adds(&text, "\"],{}]");
		if (n > LIMIT)
			dl_buf_printf(&want,
			    "element 1, which begins at byte 2: %zu bytes "
			    "long, longer than the limit of %d: (long)",
			    n, LIMIT);
		else
			dl_buf_add(&want, text.p + 1, n);
		dl_buf_adds(&want, "\n{}\n");
		expect(&none, dl_buf_as_span(&text), dl_buf_str(&want));
	}
	dl_buf_release(&text);
	dl_buf_release(&want);
}

static void
deep_documents(void **state)
{
	struct dl_buf text = {0}, log = {0};

	(void)state;
	/* Before the list, its own object is one of the 512. */
	dl_buf_adds(&text, "{\"x\":");
	nest(&text, DL_JSON_DEPTH - 1);
	dl_buf_adds(&text, ",\"list\":[1]}");
	expect(&list, dl_buf_as_span(&text), "1\n");
	dl_buf_clear(&text);
	dl_buf_adds(&text, "{\"x\":");
	nest(&text, DL_JSON_DEPTH);
	dl_buf_adds(&text, ",\"list\":[1]}");
	expect(&list, dl_buf_as_span(&text),
	    "! more than 512 containers inside "
	    "each other at byte 517");
	/* An element has a depth of its own. */
	dl_buf_clear(&text);
	dl_buf_addc(&text, '[');
	nest(&text, 100000);
	dl_buf_adds(&text, ",1]");
	assert_string_equal(run(&none, dl_buf_as_span(&text), 4096, &log),
	    "element 1, which begins at byte 2: 200000 bytes long, longer than "
	    "the limit of 100: 65536 of 200000: (long)\n1\n");
	dl_buf_release(&text);
	dl_buf_release(&log);
}

static void
wrong_paths(void **state)
{
	(void)state;
	EXPECT(list, "{\"list\":\"x\"}",
	    "! '.list' is a string, expected an array");
	EXPECT(list, "{\"list\":{\"list\":[]}}",
	    "! '.list' is an object, expected an array");
	EXPECT(
	    list, "{\"list\": null}", "! '.list' is null, expected an array");
	EXPECT(list, "{\"List\":[1]}", "! no '.list' in the document");
	EXPECT(list, "{}", "! no '.list' in the document");
	EXPECT(list, "[1]", "! the document is an array, expected an object");
	EXPECT(list, "\"x\"", "! the document is a string, expected an object");
	EXPECT(list, "12", "! the document is a number, expected an object");
	EXPECT(list, "true ", "! the document is true, expected an object");
	EXPECT(a_list, "{\"list\":[1]}", "! no '.a' in the document");
	EXPECT(a_list, "{\"a\":{},\"b\":{\"list\":[]}}",
	    "! no '.a.list' in the document");
	EXPECT(a_list, "{\"a\":[{\"list\":[]}]}",
	    "! '.a' is an array, expected an object");
	EXPECT(list, "{\"list\":[1],\"x\":{\"list\":2},\"l\\u0069st\":3}",
	    "1\n! the name 'list' twice in one object, at byte 28");
	EXPECT(a_list, "{\"a\":{\"list\":[1]},\"a\":{\"list\":[2]}}",
	    "1\n! the name 'a' twice in one object, at byte 19");
}

static void
not_json(void **state)
{
	(void)state;
	EXPECT(none, "", "! the document is empty");
	EXPECT(none, " \n", "! the document is empty");
	EXPECT(none, "\xef\xbb\xbf", "! the document is empty");
	EXPECT(none, "\xef\xbb",
	    "! expected JSON, found '?"
	    "?'");
	EXPECT(list, "<!DOCTYPE html><html><head><title>Moved",
	    "! expected JSON, found '<!DOCTYPE html><html><head><titl…'");
	EXPECT(list, " <html>", "! expected JSON, found '<html>'");
	EXPECT(none, "not found", "! expected JSON, found 'not found'");
	EXPECT(list, "not found\n", "! expected JSON, found 'not found?'");
	EXPECT(none, "404", "404\n");
	EXPECT(none, "404 page not found",
	    "404\n! more after the document at byte 5");
	EXPECT(none, "'single' quotes and more than that: \xc3\xa9",
	    "! expected JSON, found ''single' quotes and more than th…'");
	EXPECT(none,
	    "=\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
	    "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
	    "\xc3\xa9",
	    "! expected JSON, found '=\xc3\xa9\xc3\xa9\xc3\xa9"
	    "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
	    "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9…'");
	EXPECT(none, "\x1f\x8b\x08\xff",
	    "! expected JSON, found '?"
	    "?"
	    "?"
	    "?'");
	EXPECT(none, "]", "! expected JSON, found ']'");
}

/* A document that ends at any byte of it is never taken for a whole one. */
static void
cut_documents(void **state)
{
	const struct dl_span text = DL_SPAN(
	    "{\"x\":[1.5e-1,\"\\u00e9\\ud83d"
	    "\\ude00 \xc3\xa9\xf0\x9f\x98\x80\",true,null,{}],\"list\":[1,"
	    "\"\\\\\",{\"a\":[]},[]],\"y\":false}");
	struct dl_buf log = {0}, want = {0};
	const char *got;

	(void)state;
	expect(&list, text, "1\n\"\\\\\"\n{\"a\":[]}\n[]\n");
	for (size_t n = 1; n < text.len; n++) {
		dl_buf_clear(&want);
		dl_buf_printf(&want,
		    "! the document ends in the middle (after "
		    "%zu bytes)",
		    n);
		for (size_t chunk = 1; chunk < 8; chunk++) {
			got = run(&list, dl_span(text.p, n), chunk, &log);
			assert_non_null(strstr(got, dl_buf_str(&want)));
		}
	}
	dl_buf_release(&log);
	dl_buf_release(&want);
}

/* What is around the list is as strict as the validator. */
static void
wrong_surroundings(void **state)
{
	(void)state;
	EXPECT(none, "[1 2]", "1\n! expected ',' or ']' at byte 4");
	EXPECT(none, "[1,]", "1\n! expected a value at byte 4");
	EXPECT(none, "[,1]", "! expected a value at byte 2");
	EXPECT(none, "[1}", "1\n! expected ',' or ']' at byte 3");
	EXPECT(none, "[1]]", "1\n! more after the document at byte 4");
	EXPECT(none, "[{}x,1]", "{}\n! expected ',' or ']' at byte 4");
	EXPECT(list, "{\"list\":[1]]", "1\n! expected ',' or '}' at byte 12");
	EXPECT(list, "{\"list\":[1],}",
	    "1\n! expected a name in quotes at byte 13");
	EXPECT(list, "{\"list\"=[1]}", "! expected ':' at byte 8");
	EXPECT(list, "{\"x\":01}", "! expected ',' or '}' at byte 7");
	EXPECT(list, "{\"x\":-}", "! expected a digit at byte 7");
	EXPECT(list, "{\"x\":1.}", "! expected a digit at byte 8");
	EXPECT(list, "{\"x\":1e}", "! expected a digit at byte 8");
	EXPECT(list, "{\"x\":1e+}", "! expected a digit at byte 9");
	EXPECT(list, "{\"x\":nul}", "! expected a value at byte 9");
	EXPECT(list, "{\"x\":NaN}", "! expected a value at byte 6");
	EXPECT(list, "{\"x\":\"a\nb\"}",
	    "! a control character in a string at byte 8");
	EXPECT(
	    list, "{\"x\":\"\\x\"}", "! a wrong escape in a string at byte 8");
	EXPECT(list, "{\"x\":\"\\u00g0\"}",
	    "! a wrong escape in a string at byte 11");
	EXPECT(list, "{\"x\":\"\\udc00\"}",
	    "! a wrong escape in a string at byte 12");
	EXPECT(list, "{\"x\":\"\\ud800\\u0041\"}",
	    "! a wrong escape in a string at byte 18");
	EXPECT(list, "{\"x\":\"\\ud800 \"}",
	    "! a wrong escape in a string at byte 13");
	EXPECT(list, "{\"x\":\"\\ud800\\n\"}",
	    "! a wrong escape in a string at byte 14");
	EXPECT(list, "{\"x\":\"\xed\xa0\x80\"}", "! invalid UTF-8 at byte 8");
	EXPECT(list, "{\"x\":\"\xc3\"}", "! invalid UTF-8 at byte 8");
	EXPECT(list, "{\"x\":\"\x80\"}", "! invalid UTF-8 at byte 7");
	EXPECT(list, "{\"x\":[1}", "! expected ',' or ']' at byte 8");
}

/*
 * The machine around the list takes just what the validator takes: every text
 * goes through both, as the value of a name that is not on the path.
 */
static void
same_as_check(void **state)
{
	static const char bytes[] = "[]{},:\"\\u0ed8 1-+.etrufalsn\xc3\xa9\x01";
	uint32_t x = 1;
	struct dl_buf text = {0}, log = {0};
	struct dl_err err;
	size_t good = 0, at;
	const char *got;

	(void)state;
	for (int round = 0; round < 100000; round++) {
		dl_buf_clear(&text);
		dl_buf_adds(&text, "{\"x\":{\"k\":[-10.5e+3,\"\\ud83d\\ude00\\n"
				   "\xc3\xa9\",true,null,[],{}]},\"list\":[]}");
		for (int i = 0; i < 2; i++) {
			x = x * 1664525 + 1013904223;
			at = 5 + (x >> 8) % (text.len - 17);
			if (round % 4 != 0 || i == 0)
				text.p[at] = bytes[x % (sizeof(bytes) - 1)];
		}
		err = (struct dl_err){0};
		dl_json_check(dl_buf_as_span(&text), &err);
		good += err.status == DL_EXIT_OK;
		got = run(&list, dl_buf_as_span(&text), 1 + x % 7, &log);
		if ((*got == '\0') != (err.status == DL_EXIT_OK))
			fail_msg("%s: %s: %s", dl_buf_str(&text), err.msg, got);
	}
	assert_true(good > 1000);
	dl_buf_release(&text);
	dl_buf_release(&log);
}

static int
refuse_second(void *arg, struct dl_span item, size_t total,
    const struct dl_err *bad, struct dl_err *err)
{
	int *n = arg;

	(void)item;
	(void)total;
	assert_null(bad);
	return ++*n == 2 ? dl_err_temp(err, "full") : 0;
}

static void
caller_stops(void **state)
{
	struct dl_json_stream *s;
	struct dl_err err = {0};
	int n = 0;

	(void)state;
	s = dl_json_stream_new(NULL, 0, LIMIT, refuse_second, &n);
	assert_int_equal(dl_json_stream_feed(s, "[1,2,3]", 7, &err), -1);
	assert_string_equal(err.msg, "full");
	assert_int_equal(err.status, DL_EXIT_TEMP);
	assert_int_equal(n, 2);
	/* It stays stopped. */
	err = (struct dl_err){0};
	assert_int_equal(dl_json_stream_feed(s, "[1]", 3, &err), -1);
	assert_int_equal(dl_json_stream_end(s, &err), -1);
	assert_int_equal(n, 2);
	dl_json_stream_free(s);
	dl_json_stream_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lists),
	    cmocka_unit_test(one_element),
	    cmocka_unit_test(bad_elements),
	    cmocka_unit_test(long_elements),
	    cmocka_unit_test(long_arrays),
	    cmocka_unit_test(deep_documents),
	    cmocka_unit_test(wrong_paths),
	    cmocka_unit_test(not_json),
	    cmocka_unit_test(cut_documents),
	    cmocka_unit_test(wrong_surroundings),
	    cmocka_unit_test(same_as_check),
	    cmocka_unit_test(caller_stops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
