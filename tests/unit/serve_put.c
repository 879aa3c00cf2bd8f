/* serve_put: a request's body, split into events and checked one by one. */
#include "serve_put.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#define GOOD \
	"{\"specversion\":\"1.0\",\"id\":\"i\",\"source\":\"s\"," \
	"\"type\":\"dl.observation\",\"subject\":\"c\"," \
	"\"time\":\"2018-02-07T01:26:13Z\",\"data\":{\"m\":1}}"

static struct dl_rights *all;

static struct dl_serve_put *
split_span(enum dl_serve_form form, struct dl_span body, int want)
{
	struct dl_buf b = {0};
	struct dl_err err = {0};
	struct dl_serve_put *put;

	dl_buf_span(&b, body);
	put = dl_serve_put_new(&b);
	if (dl_serve_put_split(put, form, all, &err) != (want == 0 ? 0 : -1) ||
	    (want != 0 && (int)err.status != want))
		fail_msg("%.80s: status %d: %s", body.p, err.status, err.msg);
	return put;
}

static struct dl_serve_put *
split(enum dl_serve_form form, const char *body)
{
	return split_span(form, dl_span_str(body), 0);
}

/* The codes of a body's events, "-" where one is taken. */
static void
check_codes(enum dl_serve_form form, const char *body, const char *want)
{
	struct dl_serve_put *put = split(form, body);
	struct dl_buf got = {0};

	for (size_t i = 0; i < put->nevents; i++)
		dl_buf_printf(&got, "%s ",
		    put->events[i].code == NULL ? "-" : put->events[i].code);
	assert_string_equal(dl_buf_str(&got), want);
	dl_buf_release(&got);
	dl_serve_put_free(put);
}

static void
check_broken(enum dl_serve_form form, const char *body, int want)
{
	dl_serve_put_free(split_span(form, dl_span_str(body), want));
}

static void
lines_are_events(void **unused)
{
	(void)unused;
	check_codes(DL_SERVE_NDJSON, "", "");
	check_codes(DL_SERVE_NDJSON, "\n \r\n\n", "");
	check_codes(DL_SERVE_NDJSON, GOOD, "- ");
	check_codes(DL_SERVE_NDJSON, GOOD "\n" GOOD "\r\n", "- - ");
	check_codes(
	    DL_SERVE_NDJSON, GOOD "\nrubbish\n" GOOD "\n", "- invalid - ");
	check_codes(DL_SERVE_NDJSON, GOOD GOOD "\n" GOOD, "invalid - ");
}

static void
arrays_are_events(void **unused)
{
	(void)unused;
	check_codes(DL_SERVE_BATCH, " [ ] ", "");
	check_codes(DL_SERVE_BATCH, "[" GOOD ",\n" GOOD "]\n", "- - ");
	check_codes(DL_SERVE_BATCH, "[1,\"x\",null,[],{}," GOOD "]",
	    "invalid invalid invalid invalid invalid - ");
	check_broken(DL_SERVE_BATCH, "", DL_EXIT_DATA);
	check_broken(DL_SERVE_BATCH, GOOD, DL_EXIT_DATA);
	check_broken(DL_SERVE_BATCH, "[" GOOD, DL_EXIT_DATA);
	check_broken(DL_SERVE_BATCH, "[" GOOD ",]", DL_EXIT_DATA);
	check_broken(DL_SERVE_BATCH, "[" GOOD " " GOOD "]", DL_EXIT_DATA);
	check_broken(DL_SERVE_BATCH, "[" GOOD "]x", DL_EXIT_DATA);
	check_broken(DL_SERVE_BATCH, "[" GOOD "][]", DL_EXIT_DATA);
}

static void
one_is_an_event(void **unused)
{
	(void)unused;
	check_codes(DL_SERVE_SINGLE, "\n" GOOD "\n", "- ");
	check_codes(DL_SERVE_SINGLE, "", "invalid ");
	check_codes(DL_SERVE_SINGLE, "[" GOOD "]", "invalid ");
	check_codes(DL_SERVE_SINGLE, GOOD "\n" GOOD, "invalid ");
}

#define HEAD "{\"specversion\":\"1.0\",\"id\":\"i\",\"source\":\"s\","
#define OBS HEAD "\"type\":\"dl.observation\","
#define AT "\"subject\":\"c\",\"time\":\"2018-02-07T01:26:13Z\","

static void
what_is_wrong_is_told(void **unused)
{
	static const struct {
		const char *event, *code, *why;
	} cases[] = {
	    {OBS AT "\"data\":{\"m\":1,\"m\":2}}", "invalid", "twice"},
	    {OBS AT "\"data\":{\"m\":1,\"\\u006d\":2}}", "invalid", "twice"},
	    {OBS AT "\"data\":{\"m\":\xff}}", "invalid", "byte"},
	    {OBS AT "\"data\":{\"m\":\"\xc3\"}}", "invalid", "UTF-8"},
	    {OBS AT "\"data\":{\"m\":01}}", "invalid", "byte"},
	    {"{\"specversion\":\"1.0\",\"source\":\"s\",\"type\":\"t\"}",
		"invalid", "no id"},
	    {"{\"specversion\":\"1.0\",\"id\":\"i\",\"type\":\"t\"}", "invalid",
		"no source"},
	    {"{\"specversion\":\"0.3\",\"id\":\"i\",\"source\":\"s\","
	     "\"type\":\"t\"}",
		"invalid", "specversion is not \"1.0\""},
	    {"{\"id\":\"i\",\"source\":\"s\",\"type\":\"t\"}", "invalid",
		"no specversion"},
	    {HEAD "\"type\":\"dl.record\"}", "observation",
		"dl-extract makes observations of records"},
	    {HEAD "\"type\":\"t\"}", "observation",
		"type 't' is not dl.observation"},
	    {OBS "\"time\":\"2018-02-07T01:26:13Z\",\"data\":{}}",
		"observation", "without a subject"},
	    {OBS "\"subject\":\"c\",\"data\":{}}", "observation",
		"without a time"},
	    {OBS "\"subject\":\"c\",\"time\":\"soon\",\"data\":{}}",
		"observation", "soon"},
	    {OBS AT "\"data\":[1]}", "observation", "object of metrics"},
	    {OBS AT "\"data\":null}", "observation", "object of metrics"},
	    {OBS AT "\"x\":1}", "observation", "object of metrics"},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct dl_serve_put *put =
		    split(DL_SERVE_SINGLE, cases[i].event);
		struct dl_serve_event *e = &put->events[0];

		if (e->code == NULL || strcmp(e->code, cases[i].code) != 0 ||
		    memmem(put->words.p + e->why, e->why_len, cases[i].why,
			strlen(cases[i].why)) == NULL)
			fail_msg("%s: %s: %.*s", cases[i].event, e->code,
			    (int)e->why_len, put->words.p + e->why);
		assert_int_equal(put->undecided, 0);
		dl_serve_put_free(put);
	}
}

/* Escapes are decoded into room that doesn't move. */
static void
escapes_are_decoded(void **unused)
{
	struct dl_buf body = {0};
	struct dl_serve_put *put;

	(void)unused;
	for (int i = 0; i < 500; i++)
		dl_buf_printf(&body,
		    "{\"specversion\":\"1.0\",\"id\":\"\\u0041%d\","
		    "\"source\":\"\\u00e9\\/\",\"type\":\"dl\\u002e"
		    "observation\",\"subject\":\"c\\\"%d\",\"sequence\":"
		    "\"\\t\","
		    "\"time\":\"2018-02-07T01:26:13\\u005a\","
		    "\"data\":{\"\\u006d\":\"\\n\",\"\xc3\xa9\":%d}}\n",
		    i, i, i);
	put = split_span(DL_SERVE_NDJSON, dl_buf_as_span(&body), 0);
	assert_int_equal(put->nevents, 500);
	assert_int_equal(put->undecided, 1000);
	for (size_t i = 0; i < put->nevents; i++) {
		struct dl_serve_event *e = &put->events[i];
		char id[32], subject[32];

		snprintf(id, sizeof(id), "A%zu", i);
		snprintf(subject, sizeof(subject), "c\"%zu", i);
		assert_null(e->code);
		assert_true(dl_span_is(e->id, id));
		assert_true(dl_span_is(e->subject, subject));
		assert_true(dl_span_is(e->source, "\xc3\xa9/"));
		assert_true(dl_span_is(e->sequence, "\t"));
		assert_true(dl_span_is(e->time, "2018-02-07T01:26:13Z"));
		assert_int_equal(e->nmetrics, 2);
		assert_true(dl_span_is(put->metrics[e->first].name, "m"));
		assert_true(
		    dl_span_is(put->metrics[e->first].value, "\"\\n\""));
		assert_true(
		    dl_span_is(put->metrics[e->first + 1].name, "\xc3\xa9"));
	}
	dl_serve_put_free(put);
	dl_buf_release(&body);
}

static void
now_is_recorded(void **unused)
{
	struct dl_serve_put *put;

	(void)unused;
	put = split(DL_SERVE_NDJSON,
	    GOOD "\n" OBS AT
		 "\"recordedtime\":\"2019-01-01T00:00:00Z\",\"data\":{}}");
	assert_true(
	    dl_span_is(put->events[0].recordedtime, "2020-01-01T00:00:00Z"));
	assert_true(
	    dl_span_is(put->events[1].recordedtime, "2019-01-01T00:00:00Z"));
	dl_serve_put_free(put);
}

static void
there_are_limits(void **unused)
{
	struct dl_buf body = {0};
	struct dl_serve_put *put;

	(void)unused;
	for (int i = 0; i < DL_SERVE_EVENTS_MAX; i++)
		dl_buf_adds(&body, "{}\n");
	put = split_span(DL_SERVE_NDJSON, dl_buf_as_span(&body), 0);
	assert_int_equal(put->nevents, DL_SERVE_EVENTS_MAX);
	dl_serve_put_free(put);
	dl_buf_adds(&body, "{}\n");
	dl_serve_put_free(
	    split_span(DL_SERVE_NDJSON, dl_buf_as_span(&body), DL_EXIT_USAGE));

	dl_buf_clear(&body);
	for (int i = 0; i <= DL_SERVE_EVENTS_MAX; i++)
		dl_buf_adds(&body, i == 0 ? "[0" : ",0");
	dl_buf_adds(&body, "]");
	dl_serve_put_free(
	    split_span(DL_SERVE_BATCH, dl_buf_as_span(&body), DL_EXIT_USAGE));

	dl_buf_clear(&body);
	dl_buf_adds(&body, OBS AT "\"data\":{");
	for (int i = 0; i <= DL_TWIN_METRICS_MAX; i++)
		dl_buf_printf(&body, "%s\"%d\":0", i == 0 ? "" : ",", i);
	dl_buf_adds(&body, "}}\n" GOOD);
	check_codes(DL_SERVE_NDJSON, dl_buf_str(&body), "observation - ");
	dl_buf_release(&body);
}

/* One that may write a metric of it may not write another. */
static void
rights_are_asked_for(void **unused)
{
	static const char policy[] =
	    "rules:\n  - when: {scope: w}\n    write:\n"
	    "      - {components: 'c*', metrics: [m, n]}\n";
	char path[] = "/tmp/dl-policy-XXXXXX";
	struct dl_err err = {0};
	struct dl_policy *p;
	struct dl_rights *before = all;
	int fd = mkstemp(path);

	(void)unused;
	assert_int_equal(
	    write(fd, policy, sizeof(policy) - 1), sizeof(policy) - 1);
	close(fd);
	if ((p = dl_policy_load(path, &err)) == NULL)
		fail_msg("%s", err.msg);
	unlink(path);
	all = dl_policy_rights(p, DL_SPAN("{\"scope\":\"w\"}"));
	check_codes(DL_SERVE_NDJSON,
	    OBS AT "\"data\":{\"m\":1,\"n\":1}}\n" OBS AT
		   "\"data\":{\"m\":1,\"o\":1}}\n" OBS AT
		   "\"data\":{\"\\u006d\":1}}\n" OBS
		   "\"subject\":\"d\",\"time\":\"2018-02-07T01:26:13Z\","
		   "\"data\":{\"m\":1}}\n" OBS AT "\"data\":{}}",
	    "- forbidden - forbidden - ");
	dl_rights_unref(all);
	all = before;
	dl_policy_free(p);
}

/* What is said of an event is short, and whole characters. */
static void
reasons_are_text(void **unused)
{
	struct dl_buf body = {0}, out = {0};
	struct dl_serve_put *put;

	(void)unused;
	for (int shift = 0; shift < 4; shift++) {
		dl_buf_clear(&body);
		dl_buf_adds(&body, HEAD "\"type\":\"");
		dl_buf_add(&body, "xxxx", (size_t)shift);
		for (int i = 0; i < 1000; i++)
			dl_buf_adds(&body, "\xf0\x9f\x9a\x82");
		dl_buf_adds(&body, "\"}");
		put = split_span(DL_SERVE_SINGLE, dl_buf_as_span(&body), 0);
		assert_in_range(put->events[0].why_len, DL_SERVE_WHY_MAX - 3,
		    DL_SERVE_WHY_MAX);
		dl_buf_clear(&out);
		dl_serve_put_print(put, &out);
		assert_true(out.len < 400);
		dl_serve_put_free(put);
	}
	dl_buf_release(&body);
	dl_buf_release(&out);
}

static void
answers_are_printed(void **unused)
{
	struct dl_buf out = {0};
	struct dl_serve_put *put;

	(void)unused;
	put =
	    split(DL_SERVE_BATCH, "[" OBS AT "\"data\":{\"a\\\"\":1,\"b\":2}},"
				  "0," OBS AT "\"data\":{}}]");
	assert_int_equal(put->undecided, 2);
	put->metrics[0].verdict = DL_TWIN_STALE;
	put->metrics[1].verdict = DL_TWIN_APPLIED;
	dl_serve_put_refuse(put, &put->events[2], "future", "too soon");
	dl_serve_put_print(put, &out);
	assert_string_equal(dl_buf_str(&out),
	    "{\"verdicts\":[{\"id\":\"i\",\"source\":\"s\","
	    "\"verdict\":\"accepted\","
	    "\"metrics\":{\"a\\\"\":\"stale\",\"b\":\"applied\"}},"
	    "{\"verdict\":\"refused\",\"code\":\"invalid\",\"error\":"
	    "\"not an event: expected one JSON object on the line\"},"
	    "{\"id\":\"i\",\"source\":\"s\",\"verdict\":\"refused\","
	    "\"code\":\"future\",\"error\":\"too soon\"}]}\n");
	dl_buf_release(&out);
	dl_serve_put_free(put);
}

static int
get_rights(void **unused)
{
	(void)unused;
	setenv("DL_NOW", "2020-01-01T00:00:00Z", 1);
	all = dl_rights_all();
	return all == NULL;
}

static int
drop_rights(void **unused)
{
	(void)unused;
	dl_rights_unref(all);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines_are_events),
	    cmocka_unit_test(arrays_are_events),
	    cmocka_unit_test(one_is_an_event),
	    cmocka_unit_test(what_is_wrong_is_told),
	    cmocka_unit_test(escapes_are_decoded),
	    cmocka_unit_test(now_is_recorded),
	    cmocka_unit_test(there_are_limits),
	    cmocka_unit_test(rights_are_asked_for),
	    cmocka_unit_test(reasons_are_text),
	    cmocka_unit_test(answers_are_printed),
	};

	return cmocka_run_group_tests(tests, get_rights, drop_rights);
}
