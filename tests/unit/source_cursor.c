/* source_cursor: the greatest value is kept, and the next request begins there. */
#include "source_cursor.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char home[] = "/tmp/dl-cursor-XXXXXX";
static struct dl_err err;
static struct dl_conf *conf;
static struct dl_cursor_spec spec;
static struct dl_source_state *st;

static const struct dl_conf_node *
node_of(struct dl_conf *c)
{
	const char *key;

	return dl_conf_child(dl_conf_root(c), 0, &key);
}

/* Take `cursor: yaml` into spec. */
static int
take(const char *yaml)
{
	FILE *f = fopen("c.yaml", "w");

	fprintf(f, "cursor: %s\n", yaml);
	fclose(f);
	dl_conf_free(conf);
	err = (struct dl_err){0};
	conf = dl_conf_load("c.yaml", &err);
	assert_non_null(conf);
	return dl_cursor_take(conf, node_of(conf), &spec, &err);
}

static struct dl_cursor *
open_cursor(const char *yaml)
{
	struct dl_cursor *c;

	if (take(yaml) < 0 || (c = dl_cursor_new(&spec, &err)) == NULL)
		fail_msg("%s: %s", yaml, err.msg);
	return c;
}

/* An acquisition of items, one a line, that was whole. */
static void
acquire(struct dl_cursor *c, const char *items)
{
	dl_cursor_begin(c, st);
	while (*items != '\0') {
		size_t n = strcspn(items, "\n");

		dl_cursor_item(c, dl_span(items, n));
		items += n + (items[n] == '\n');
	}
	dl_cursor_keep(c, st, false);
}

static void
asks(struct dl_cursor *c, const char *want)
{
	struct dl_template_value v;

	dl_cursor_begin(c, st);
	dl_cursor_value(c, &v);
	if (want == NULL) {
		assert_null(v.text.p);
		return;
	}
	assert_non_null(v.text.p);
	if (!dl_span_is(v.text, want))
		fail_msg("asks %.*s, want %s", DL_SPAN_ARG(v.text), want);
}

static int
fresh(void **state)
{
	(void)state;
	dl_source_state_close(st);
	assert_int_equal(system("rm -rf sources"), 0);
	st = dl_source_state_open(home, DL_SPAN("s"), &err);
	return st == NULL ? -1 : 0;
}

/* What a sequence of acquisitions leaves to ask for. */
static const struct {
	const char *spec, *first, *items, *then;
} cases[] = {
    /* Times, as times: over offsets and decimals. */
    {".t", NULL,
	"{\"t\":\"2026-01-01T00:00:00Z\"}\n"
	"{\"t\":\"2026-01-01T01:30:00+02:00\"}\n"
	"{\"t\":\"2025-12-31T23:59:59.999Z\"}",
	"2026-01-01T00:00:00Z"},
    {".t", NULL,
	"{\"t\":\"2026-01-01T00:00:00Z\"}\n"
	"{\"t\":\"2025-12-31T23:30:00-02:00\"}",
	"2025-12-31T23:30:00-02:00"},
    {"{value: .t, start: 2026-01-01T00:00:00Z, overlap: 5m}",
	"2026-01-01T00:00:00Z", "{\"t\":\"2026-01-01T00:10:00.250Z\"}",
	"2026-01-01T00:05:00.250Z"},
    {"{value: .t, start: 2026-01-01T00:00:00Z, overlap: 5m}",
	"2026-01-01T00:00:00Z", "{\"t\":\"2025-01-01T00:00:00Z\"}",
	"2026-01-01T00:00:00Z"},
    {"{value: .t, start: 2026-01-01T00:00:00Z}", "2026-01-01T00:00:00Z",
	"{\"t\":\"2026-01-01T02:00:00+02:00\"}\n"
	"{\"t\":17}\n{\"t\":\"z\"}\n{\"t\":null}\n{\"t\":[1]}\n{}\n[]",
	"2026-01-01T00:00:00Z"},
    /* Numbers, exactly. */
    {".n", NULL, "{\"n\":9}\n{\"n\":10}\n{\"n\":\"9.5\"}", "10"},
    {".n", NULL, "{\"n\":9007199254740993}\n{\"n\":9007199254740992}",
	"9007199254740993"},
    {".n", NULL, "{\"n\":-5}\n{\"n\":-4.5}\n{\"n\":-4.50000000000000001}",
	"-4.5"},
    {".n", NULL, "{\"n\":\"00123\"}\n{\"n\":\"9\"}", "9"},
    {"{value: .n, start: 0, overlap: 10}", "0", "{\"n\":105}", "95"},
    {"{value: .n, start: 0, overlap: 0.5}", "0", "{\"n\":105.25}", "104.75"},
    {"{value: .n, start: 0}", "0", "{\"n\":1e30}\n{\"n\":1e2}", "1e2"},
    /* Texts, by their bytes. */
    {".s", NULL, "{\"s\":\"a10\"}\n{\"s\":\"a9\"}\n{\"s\":\"Z\"}", "a9"},
    {".s", NULL, "{\"s\":\"a\\u00e9 \\\"b\"}", "a\xc3\xa9 \"b"},
    {"{value: .s, start: m}", "m", "{\"s\":\"a\"}\n{\"s\":\"7\"}", "m"},
    /* A number is taken before other texts, and no time after a number. */
    {".s", NULL, "{\"s\":\"n/a\"}\n{\"s\":3}\n{\"s\":\"zzz\"}", "3"},
    {".s", NULL, "{\"s\":3}\n{\"s\":\"2020-01-01T00:00:00Z\"}", "3"},
    /* Numbers of time, and times of another form. */
    {"{value: .n, time_format: ms, start: 0, overlap: 1m}", "0",
	"{\"n\":1517966773840}\n{\"n\":\"1517966773841\"}\n{\"n\":\"x\"}",
	"1517966713841"},
    {"{value: .n, time_format: s, start: 0, overlap: 500ms}", "0",
	"{\"n\":1517966773.250}", "1517966772.750"},
    {"{value: .d, time_format: '%d.%m.%Y', overlap: 1d}", NULL,
	"{\"d\":\"01.03.2024\"}\n{\"d\":\"29.02.2024\"}\n{\"d\":\"x\"}",
	"29.02.2024"},
    {"{value: .d, time_format: '%d.%m.%Y'}", NULL,
	"{\"d\":\"02.02.2024\"}\n{\"d\":\"01.03.2024\"}", "01.03.2024"},
    /* Nothing, and programs that fail, leave all as it was. */
    {".s", NULL, "{\"s\":\"\"}\n{\"s\":{}}\n{}", NULL},
    {"{value: '.a.b', start: 5}", "5", "{\"a\":1}\n{\"a\":{\"b\":6}}", "6"},
    {"{value: .s, start: ''}", NULL, "", NULL},
};

static void
the_greatest_is_kept(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct dl_cursor *c;

		fresh(state);
		c = open_cursor(cases[i].spec);
		asks(c, cases[i].first);
		acquire(c, cases[i].items);
		asks(c, cases[i].then);
		/* What comes again changes nothing, nor does nothing. */
		acquire(c, cases[i].items);
		asks(c, cases[i].then);
		acquire(c, "");
		asks(c, cases[i].then);
		dl_cursor_free(c);
	}
}

static void
an_unfinished_acquisition_counts_for_nothing(void **state)
{
	struct dl_cursor *c = open_cursor("{value: .n, start: 1}");

	(void)state;
	acquire(c, "{\"n\":5}");
	dl_cursor_begin(c, st);
	dl_cursor_item(c, DL_SPAN("{\"n\":9}"));
	asks(c, "5");
	acquire(c, "{\"n\":7}");
	asks(c, "7");
	dl_cursor_free(c);
}

/* The value of a request stays while its items come. */
static void
the_request_stays(void **state)
{
	struct dl_cursor *c = open_cursor("{value: .n, start: 1}");
	struct dl_template_value v;

	(void)state;
	dl_cursor_begin(c, st);
	dl_cursor_item(c, DL_SPAN("{\"n\":9}"));
	dl_cursor_item(c, DL_SPAN("{\"n\":10}"));
	dl_cursor_value(c, &v);
	assert_true(dl_span_is(v.text, "1"));
	dl_cursor_free(c);
}

static void
what_is_yet_to_come_is_not_kept(void **state)
{
	struct dl_cursor *c = open_cursor("{value: .t, start: "
					  "2020-01-01T00:00:00Z}");

	(void)state;
	/* DL_NOW is 2026-06-01T00:00:00Z. */
	acquire(c, "{\"t\":\"2026-06-01T00:05:00Z\"}\n"
		   "{\"t\":\"2026-06-01T00:05:01Z\"}\n"
		   "{\"t\":\"9999-01-01T00:00:00Z\"}");
	asks(c, "2026-06-01T00:05:00Z");
	dl_cursor_free(c);
}

static void
another_expression_begins_anew(void **state)
{
	struct dl_cursor *c = open_cursor("{value: .n, start: 1}");

	(void)state;
	acquire(c, "{\"n\":5}");
	dl_cursor_free(c);
	c = open_cursor("{value: .m, start: 2}");
	asks(c, "2");
	dl_cursor_free(c);
	/* Its overlap may change. */
	c = open_cursor("{value: .n, start: 1, overlap: 2}");
	asks(c, "3");
	dl_cursor_free(c);
	/* A text of the state that is no value is none. */
	dl_source_state_set_text(st, "cursor", DL_SPAN("\xff"));
	c = open_cursor("{value: .n, start: 1}");
	asks(c, "1");
	dl_cursor_free(c);
}

static const struct {
	const char *yaml, *message;
} wrong[] = {
    {"{start: 1}", "a cursor needs 'value'"},
    {"'.['", "c.yaml:1: 'cursor'"},
    {"{value: .a, start: 1, overlap: 5m}",
	"'overlap' is a duration, and the cursor is no time"},
    {"{value: .a, start: 2026-01-01T00:00:00Z, overlap: 5}",
	"'overlap' is a number"},
    {"{value: .a, start: abc, overlap: 5}", "'overlap' is a number"},
    {"{value: .a, overlap: x}", "'overlap' is a duration such as 5m or"},
    {"{value: .a, overlap: -5}", "'overlap' is a duration such as 5m or"},
    {"{value: .a, time_format: ms, overlap: 5}", "'overlap' is a number"},
    {"{value: .a, time_format: ms, start: x}",
	"'start' is not a time as 'time_format' has it"},
    {"{value: .a, time_format: huh}", "'time_format' \"huh\" is not a time"},
    {"{value: .a, stat: x}", "(did you mean 'start'?)"},
    {"[.a]", "cursor"},
};

static void
what_is_wrong_is_told_offline(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		if (take(wrong[i].yaml) == 0)
			fail_msg("taken: %s", wrong[i].yaml);
		assert_int_equal(err.status, DL_EXIT_CONF);
		if (strncmp(err.msg, "c.yaml:1: ", 10) != 0 ||
		    strstr(err.msg, wrong[i].message) == NULL)
			fail_msg("%s: %s", wrong[i].yaml, err.msg);
	}
}

static void
no_cursor_is_none(void **state)
{
	(void)state;
	take(".a");
	assert_int_equal(dl_cursor_take(conf, NULL, &spec, &err), 0);
	assert_null(spec.value);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_greatest_is_kept),
	    cmocka_unit_test_setup(
		an_unfinished_acquisition_counts_for_nothing, fresh),
	    cmocka_unit_test_setup(the_request_stays, fresh),
	    cmocka_unit_test_setup(what_is_yet_to_come_is_not_kept, fresh),
	    cmocka_unit_test_setup(another_expression_begins_anew, fresh),
	    cmocka_unit_test(what_is_wrong_is_told_offline),
	    cmocka_unit_test(no_cursor_is_none),
	};
	int failed;

	setenv("DL_NOW", "2026-06-01T00:00:00Z", 1);
	if (mkdtemp(home) == NULL || chdir(home) < 0)
		return 1;
	failed =
	    cmocka_run_group_tests_name("source_cursor", tests, NULL, NULL);
	dl_source_state_close(st);
	dl_conf_free(conf);
	if (system("rm -rf \"$PWD\"") != 0)
		return 1;
	return failed;
}
