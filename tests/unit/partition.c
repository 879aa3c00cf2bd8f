/* partition.h: templates, and values that must not leave their place. */
#include "partition.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

static const char event[] =
    "{\"specversion\":\"1.0\",\"id\":\"i d\",\"source\":\"a/b\","
    "\"type\":\"dl.record\",\"subject\":\"..\","
    "\"time\":\"2018-02-07T01:26:13.840Z\",\"data\":{\"n\":-1.50e+3,"
    "\"s\":\"x\\u0000\\\"y\",\"t\":true,\"z\":null,\"e\":\"\",\"l\":[],"
    "\"o\":{\"p\":{\"q\":\"deep\"}},\"\\u0061b\":\"escaped\","
    "\"bad\":\"\\ud800\"}}";

static int
fill(const char *template, const char *line, struct dl_buf *path,
    struct dl_err *err)
{
	struct dl_partition *p = dl_partition_new(template, err);
	struct dl_event ev = {0};
	int r;

	assert_non_null(p);
	assert_int_equal(dl_event_parse(&ev, dl_span_str(line), err), 0);
	r = dl_partition_of(p, &ev, NULL, path, err);
	dl_event_release(&ev);
	dl_partition_free(p);
	return r;
}

static void
values(void **state)
{
#define D DL_PARTITION_DEFAULT
	static const char *const rows[][2] = {
	    {DL_PARTITION_TEMPLATE, "source=a%2Fb/dt=2018-02-07/hour=01"},
	    {"all", "all"},
	    {"a/b=c", "a/b=c"},
	    {"s={subject}", "s=.."},
	    {"i={id}-{type}", "i=i%20d-dl.record"},
	    {"m={time:%H.%M.%S}", "m=01.26.13"},
	    {"w={time:%G-W%V-%u}", "w=2018-W06-3"},
	    {"f={time:%F}/j={time:%j}", "f=2018-02-07/j=038"},
	    {"n={data.n}", "n=-1.50e%2B3"},
	    {"s={data.s}", "s=x%00%22y"},
	    {"t={data.t}", "t=true"},
	    {"z={data.z}", "z=" D},
	    {"e={data.e}", "e=" D},
	    {"q={data.o.p.q}", "q=deep"},
	    {"x={data.o.x.q}", "x=" D},
	    {"x={data.n.x}", "x=" D},
	    {"x={data.l.x}", "x=" D},
	    {"a={data.ab}", "a=escaped"},
	};
#undef D
	struct dl_buf path = {0};
	struct dl_err err = {0};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		dl_buf_clear(&path);
		assert_int_equal(fill(rows[i][0], event, &path, &err), 0);
		assert_string_equal(dl_buf_str(&path), rows[i][1]);
	}
	dl_buf_release(&path);
}

static void
failures(void **state)
{
	static const char *const templates[] = {
	    "a={data.l}", "a={data.o}", "a={data.bad}"};
	struct dl_buf path = {0};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(templates) / sizeof(templates[0]); i++) {
		struct dl_err err = {0};

		assert_int_equal(fill(templates[i], event, &path, &err), -1);
		assert_int_equal(err.status, DL_EXIT_DATA);
	}
	dl_buf_release(&path);
}

/* A value at the limit is taken, one byte more is not; components too. */
static void
limits(void **state)
{
	char line[512], text[DL_PARTITION_VALUE + 2];
	struct dl_buf path = {0};
	size_t n;

	(void)state;
	for (n = 197; n <= DL_PARTITION_VALUE + 1; n++) {
		struct dl_err err = {0};

		memset(text, 'x', n);
		text[n] = '\0';
		(void)snprintf(line, sizeof(line),
		    "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"%s\","
		    "\"type\":\"%.60s\"}",
		    text, text);
		dl_buf_clear(&path);
		assert_int_equal(fill("s={source}", line, &path, &err),
		    n <= DL_PARTITION_VALUE ? 0 : -1);
		if (n > DL_PARTITION_VALUE)
			continue;
		assert_int_equal(
		    fill("s={source}/t={source}", line, &path, &err), 0);
		assert_int_equal(fill("s={source}{type}", line, &path, &err),
		    n + 62 <= DL_PARTITION_COMPONENT ? 0 : -1);
	}
	dl_buf_release(&path);
}

/* Times of one hour share what was formatted; the next hour's do not. */
static void
times(void **state)
{
	static const char *const rows[][2] = {
	    {"2018-02-07T23:59:59.999Z", "t=2018-02-07-23"},
	    {"2018-02-08T00:00:00Z", "t=2018-02-08-00"},
	    {"2018-02-08T00:59:59Z", "t=2018-02-08-00"},
	    {"2018-02-07T23:00:00Z", "t=2018-02-07-23"},
	    {"2018-02-08T01:30:00+02:00", "t=2018-02-07-23"},
	    {"1969-12-31T23:59:59Z", "t=1969-12-31-23"},
	    {"1970-01-01T00:00:00Z", "t=1970-01-01-00"},
	    {"9999-12-31T23:00:00Z", "t=9999-12-31-23"},
	};
	struct dl_err err = {0};
	struct dl_partition *p = dl_partition_new("t={time:%Y-%m-%d-%H}", &err);
	struct dl_event ev = {.id = DL_SPAN("i")};
	struct dl_buf path = {0};
	size_t i;

	(void)state;
	assert_non_null(p);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ev.time = dl_span_str(rows[i][0]);
		dl_buf_clear(&path);
		assert_int_equal(dl_partition_of(p, &ev, NULL, &path, &err), 0);
		assert_string_equal(dl_buf_str(&path), rows[i][1]);
	}
	ev.time = DL_SPAN("2018-02-30T00:00:00Z");
	assert_int_equal(dl_partition_of(p, &ev, NULL, &path, &err), -1);
	dl_buf_release(&path);
	dl_partition_free(p);
}

static void
templates(void **state)
{
	static const struct {
		const char *text, *at;
	} rows[] = {
	    {"", "byte 1:"},
	    {"a//b", "byte 3:"},
	    {"a/", "byte 3:"},
	    {"a=1/../b", "byte 5:"},
	    {"_a", "byte 1:"},
	    {"a={sauce}", "byte 3:"},
	    {"a=1{source", "byte 4:"},
	    {"a={data.x", "byte 3:"},
	    {"a={data..x}", "byte 3:"},
	    {"a=\n", "byte 3:"},
	    {"a={time:%s}", "byte 3:"},
	    {"a={time:%Ey}", "byte 3:"},
	    {"a={time:%Y:%m}", "byte 3:"},
	    {"x{source}=1", "byte 2:"},
	    {"a=1/b=2/a=3", "byte 10:"},
	    {"dt={time:%Y}", "byte 4:"},
	    {"a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a", "16 components"},
	    {"a={id}{id}{id}{id}{id}{id}{id}{id}{id}{id}{id}{id}{id}{id}{id}"
	     "{id}{id}{id}{id}{id}{id}{id}{id}{id}{id}{id}{id}{id}{id}{id}{id}"
	     "{id}{id}{id}{id}{id}{id}{id}{id}{id}{id}{id}{id}{id}{id}{id}{id}"
	     "{id}{id}{id}{id}{id}{id}{id}{id}{id}{id}{id}{id}{id}{id}{id}{id}"
	     "{id}{id}{id}",
		"too many pieces"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dl_err err = {0};

		assert_null(dl_partition_new(rows[i].text, &err));
		assert_int_equal(err.status, DL_EXIT_USAGE);
		assert_non_null(strstr(err.msg, rows[i].at));
	}
}

static void
decoding(void **state)
{
	static const char *const rows[][2] = {
	    {"a%2Fb", "a/b"},
	    {"%c3%A9", "\xc3\xa9"},
	    {"100%", "100%"},
	    {"%2", "%2"},
	    {"%zz%41", "%zzA"},
	    {"", ""},
	};
	struct dl_buf b = {0};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		dl_buf_clear(&b);
		dl_partition_decode(&b, dl_span_str(rows[i][0]));
		assert_string_equal(dl_buf_str(&b), rows[i][1]);
	}
	dl_buf_release(&b);
}

/* Times in no order, of which texts are kept for some: each has its own. */
static void
many_times(void **state)
{
	struct dl_err err = {0};
	struct dl_partition *p = dl_partition_new(
	    "dt={time:%Y-%m-%d}/hour={time:%H}/s={time:%S}", &err);
	struct dl_buf path = {0};
	unsigned int seed = 1;
	char want[128];
	int i;

	(void)state;
	assert_non_null(p);
	for (i = 0; i < 20000; i++) {
		/* From 1969 on; hours that come again, and many that do not. */
		struct dl_time t = {
		    .sec = (rand_r(&seed) % 300 - 100) * (i % 2 ? 1800 : 7) +
		           rand_r(&seed) % 2};
		struct dl_event ev = {.time = DL_SPAN("read already")};
		time_t sec = (time_t)t.sec;
		struct tm tm;

		dl_buf_clear(&path);
		assert_int_equal(dl_partition_of(p, &ev, &t, &path, &err), 0);
		gmtime_r(&sec, &tm);
		strftime(want, sizeof(want), "dt=%Y-%m-%d/hour=%H/s=%S", &tm);
		assert_string_equal(dl_buf_str(&path), want);
	}
	dl_buf_release(&path);
	dl_partition_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(values),
	    cmocka_unit_test(failures),
	    cmocka_unit_test(limits),
	    cmocka_unit_test(times),
	    cmocka_unit_test(templates),
	    cmocka_unit_test(decoding),
	    cmocka_unit_test(many_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
