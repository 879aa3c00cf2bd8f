/* csvin: rows to objects, whatever the chunks; wrong rows one by one. */
#include "csvin.h"

#include "json.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

/* What was handed out: a line for a row, "!CODE TOTAL RAW: WHY" for bad. */
struct got {
	struct dl_buf text;
	size_t rows, bad;
};

static int
take(void *arg, struct dl_span item, size_t total, const char *code,
    const struct dl_err *bad, struct dl_err *err)
{
	struct got *g = arg;

	if (bad == NULL) {
		assert_null(code);
		assert_int_equal(dl_json_check(item, err), 0);
		g->rows++;
		dl_buf_span(&g->text, item);
	} else {
		g->bad++;
		dl_buf_printf(&g->text, "!%s %zu ", code, total);
		for (size_t i = 0; i < item.len && i < 40; i++)
			dl_buf_addc(
			    &g->text, item.p[i] == '\0' ? '~' : item.p[i]);
		dl_buf_printf(&g->text, ": %s", bad->msg);
	}
	dl_buf_addc(&g->text, '\n');
	return 0;
}

static int
run(struct got *g, const char *p, size_t n, size_t chunk, char delimiter,
    bool strings, struct dl_err *err)
{
	struct dl_column_rules rules = {.strings = strings};
	struct dl_csvin *c = dl_csvin_new(delimiter, &rules, 1000, take, g);
	int r = 0;

	*err = (struct dl_err){0};
	for (size_t i = 0; r == 0 && i < n; i += chunk) {
		size_t len = n - i < chunk ? n - i : chunk;
		char *copy = dl_alloc(len); /* so that ASan sees its end */

		memcpy(copy, p + i, len);
		r = dl_csvin_feed(c, copy, len, err);
		free(copy);
	}
	if (r == 0)
		r = dl_csvin_end(c, err);
	dl_csvin_free(c);
	return r;
}

/* The same in chunks of every small size and at once. */
static void
expect_n(
    const char *p, size_t n, char delimiter, bool strings, const char *want)
{
	static const size_t chunks[] = {1, 2, 3, 7, 16, 100000};

	for (size_t i = 0; i < sizeof(chunks) / sizeof(*chunks); i++) {
		struct got g = {0};
		struct dl_err err;
		int r = run(&g, p, n, chunks[i], delimiter, strings, &err);

		if (r < 0)
			dl_buf_printf(&g.text, "error: %s\n", err.msg);
		assert_string_equal(dl_buf_str(&g.text), want);
		assert_int_equal(err.status, r < 0 ? DL_EXIT_DATA : 0);
		dl_buf_release(&g.text);
	}
}

static void
expect(const char *csv, const char *want)
{
	expect_n(csv, strlen(csv), ',', false, want);
}

static void
rows_become_objects(void **state)
{
	(void)state;
	expect("a,b\n1,x\n2,y\n", "{\"a\":1,\"b\":\"x\"}\n"
				  "{\"a\":2,\"b\":\"y\"}\n");
	expect("a\n1", "{\"a\":1}\n"); /* no newline at the end */
	expect("a,b\r\n1,x\r\n\r\n2,y\r\n", "{\"a\":1,\"b\":\"x\"}\n"
					    "{\"a\":2,\"b\":\"y\"}\n");
	expect("a,b\r1,x\r2,y", "{\"a\":1,\"b\":\"x\"}\n"
				"{\"a\":2,\"b\":\"y\"}\n");
	expect("a,b\n\n\n", "");
	expect("\"a \"\"q\"\"\",b\n1,2\n", "{\"a \\\"q\\\"\":1,\"b\":2}\n");
}

static void
quotes_hold_delimiters_and_newlines(void **state)
{
	(void)state;
	expect("a,b\n\"x,\ny\",\"say \"\"hi\"\"\"\n\"\r\n\",z\n",
	    "{\"a\":\"x,\\ny\",\"b\":\"say \\\"hi\\\"\"}\n"
	    "{\"a\":\"\\r\\n\",\"b\":\"z\"}\n");
	expect_n("a;b\n1,5;\"x;y\"\n", 14, ';', false,
	    "{\"a\":\"1,5\",\"b\":\"x;y\"}\n");
	expect_n(
	    "a\tb\n x \t2\n", 10, '\t', false, "{\"a\":\" x \",\"b\":2}\n");
}

static void
only_json_numbers_are_numbers(void **state)
{
	(void)state;
	expect("n\n0\n-0\n1.50\n1E5\n-2.5e-10\n13911860366432393\n",
	    "{\"n\":0}\n{\"n\":-0}\n{\"n\":1.50}\n{\"n\":1E5}\n"
	    "{\"n\":-2.5e-10}\n{\"n\":13911860366432393}\n");
	expect("n\n007\n+1\n.5\n1.\n1e\n-\n0x1\nNaN\n 1\n1 \n--1\n1.e5\n",
	    "{\"n\":\"007\"}\n{\"n\":\"+1\"}\n{\"n\":\".5\"}\n{\"n\":\"1.\"}\n"
	    "{\"n\":\"1e\"}\n{\"n\":\"-\"}\n{\"n\":\"0x1\"}\n"
	    "{\"n\":\"NaN\"}\n{\"n\":\" 1\"}\n{\"n\":\"1 \"}\n"
	    "{\"n\":\"--1\"}\n{\"n\":\"1.e5\"}\n");
	expect(
	    "a,b,c\n,\"\",true\n", "{\"a\":null,\"b\":\"\",\"c\":\"true\"}\n");
	expect_n("a,b\n1,\n", 7, ',', true, "{\"a\":\"1\",\"b\":\"\"}\n");
}

static void
a_wrong_row_is_one_dead_letter(void **state)
{
	static const char nul[] = "a,b\n1,x\0y\n2,3\n";

	(void)state;
	expect("a,b\n1\n2,3\n4,5,6\n7,8\n",
	    "!csv 1 1: row 1 (line 2): 1 field where the header has 2\n"
	    "{\"a\":2,\"b\":3}\n"
	    "!csv 5 4,5,6: row 3 (line 4): 3 fields where the header has 2\n"
	    "{\"a\":7,\"b\":8}\n");
	expect("a,b\n5\" pipe,x\n\"y\" z,1\n2,3\n",
	    "!csv 9 5\" pipe,x: row 1 (line 2): a quote stands inside a "
	    "field, or text after a closing quote\n"
	    "!csv 7 \"y\" z,1: row 2 (line 3): a quote stands inside a field, "
	    "or text after a closing quote\n"
	    "{\"a\":2,\"b\":3}\n");
	expect("a,b\n\xff,1\n2,3\n",
	    "!csv 3 \xff,1: row 1 (line 2): it isn't valid UTF-8\n"
	    "{\"a\":2,\"b\":3}\n");
	expect("a,b\n1,2\n\"3\n4,5\n",
	    "{\"a\":1,\"b\":2}\n!csv 6 \"3\n4,5: row 2 (line 3): its last "
	    "quote is not closed\n");
	expect("a\n\"\n\n\"\nx\"y\n",
	    "{\"a\":\"\\n\\n\"}\n!csv 3 x\"y: row 2 (line 5): a quote stands "
	    "inside a field, or text after a closing quote\n");
	expect_n(nul, sizeof(nul) - 1, ',', false,
	    "!csv 5 1,x~y: row 1 (line 2): it has a NUL byte\n"
	    "{\"a\":2,\"b\":3}\n");
}

static void
a_row_that_is_too_long_is_passed_over(void **state)
{
	struct dl_buf b = {0}, want = {0};

	(void)state;
	/* Plain, and with quoted newlines that don't end it. */
	dl_buf_adds(&b, "a,b\n1,2\n3,");
	for (int i = 0; i < 5000; i++)
		dl_buf_addc(&b, 'x');
	dl_buf_adds(&b, "\n4,5\n6,\"");
	for (int i = 0; i < 500; i++)
		dl_buf_adds(&b, "y\n\"\"z");
	dl_buf_adds(&b, "\"\n7,8\n");
	dl_buf_adds(&want,
	    "{\"a\":1,\"b\":2}\n"
	    "!too-long 5002 3,xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: "
	    "row 2 (line 3): longer than 1000 bytes\n"
	    "{\"a\":4,\"b\":5}\n"
	    "!too-long 2504 "
	    "6,\"y\n\"\"zy\n\"\"zy\n\"\"zy\n\"\"zy\n\"\"zy\n\"\"zy"
	    "\n\"\"zy\n: row 4 (line 5): longer than 1000 bytes\n"
	    "{\"a\":7,\"b\":8}\n");
	expect_n(b.p, b.len, ',', false, dl_buf_str(&want));
	dl_buf_release(&b);
	dl_buf_release(&want);
}

static void
without_a_good_header_nothing_can_be_told(void **state)
{
	(void)state;
	expect("", "error: there is no CSV: a header row was expected\n");
	expect("\n\r\n", "error: there is no CSV: a header row was expected\n");
	expect("a,,b\n1,2,3\n",
	    "error: the header of the CSV: column 2 has no name\n");
	expect("a,b,a\n1,2,3\n",
	    "error: the header of the CSV: two columns are named 'a'\n");
	expect("a,\xff\n1,2\n",
	    "error: the header of the CSV: it isn't valid UTF-8\n");
	expect("a,b\"\n1,2\n",
	    "error: the header of the CSV: a quote stands "
	    "inside a field, or text after a closing quote\n");
	expect("a,\"b\n1,2\n",
	    "error: the header of the CSV: its last quote is not closed\n");
}

static int
stop(void *arg, struct dl_span item, size_t total, const char *code,
    const struct dl_err *bad, struct dl_err *err)
{
	(void)arg, (void)item, (void)total, (void)code, (void)bad;
	return dl_err_temp(err, "enough");
}

static void
the_caller_can_stop(void **state)
{
	struct dl_column_rules rules = {.strings = false};
	struct dl_csvin *c = dl_csvin_new(',', &rules, 1000, stop, NULL);
	struct dl_err err = {0};

	(void)state;
	assert_int_equal(dl_csvin_feed(c, "a\n1\n2\n", 6, &err), -1);
	assert_string_equal(err.msg, "enough");
	dl_csvin_free(c);
	dl_csvin_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rows_become_objects),
	    cmocka_unit_test(quotes_hold_delimiters_and_newlines),
	    cmocka_unit_test(only_json_numbers_are_numbers),
	    cmocka_unit_test(a_wrong_row_is_one_dead_letter),
	    cmocka_unit_test(a_row_that_is_too_long_is_passed_over),
	    cmocka_unit_test(without_a_good_header_nothing_can_be_told),
	    cmocka_unit_test(the_caller_can_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
