#include "clock.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

struct row {
	const char *text;
	const char *printed; /* NULL: an error */
};

static void
check(const char *format, const struct row *rows)
{
	struct dl_err err;
	struct dl_time t;
	char out[DL_TIME_MAX];
	size_t len;

	for (; rows->text != NULL; rows++) {
		err = (struct dl_err){0};
		if (dl_time_parse_as(
			dl_span_str(rows->text), format, &t, &err) < 0) {
			assert_int_equal(err.status, DL_EXIT_DATA);
			if (rows->printed != NULL)
				fail_msg("%s", err.msg);
			continue;
		}
		len = dl_time_print(&t, out);
		assert_int_equal(len, strlen(out));
		if (rows->printed == NULL)
			fail_msg("\"%s\" gave %s", rows->text, out);
		assert_string_equal(out, rows->printed);
	}
}

static void
rfc3339(void **state)
{
	static const struct row rows[] = {
	    {"2018-02-07T01:26:13.840Z", "2018-02-07T01:26:13.840Z"},
	    {"2018-02-07t01:26:13z", "2018-02-07T01:26:13Z"},
	    {"2018-02-07 01:26:13.5+00:00", "2018-02-07T01:26:13.5Z"},
	    {"2018-02-07T01:26:13+05:30", "2018-02-06T19:56:13Z"},
	    {"2018-12-31T23:26:13-00:45", "2019-01-01T00:11:13Z"},
	    {"2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"},
	    {"2016-12-31T23:59:60.25Z", "2017-01-01T00:00:00.25Z"},
	    {"2020-02-29T00:00:00Z", "2020-02-29T00:00:00Z"},
	    {"2000-02-29T00:00:00Z", "2000-02-29T00:00:00Z"},
	    {"0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"},
	    {"9999-12-31T23:59:59.999999999Z",
		"9999-12-31T23:59:59.999999999Z"},
	    {"1969-12-31T23:59:59.000000001Z",
		"1969-12-31T23:59:59.000000001Z"},
	    {"1900-02-29T00:00:00Z", NULL},
	    {"2019-02-29T00:00:00Z", NULL},
	    {"2018-00-07T01:26:13Z", NULL},
	    {"2018-13-07T01:26:13Z", NULL},
	    {"2018-02-00T01:26:13Z", NULL},
	    {"2018-04-31T01:26:13Z", NULL},
	    {"2018-02-07T24:00:00Z", NULL},
	    {"2018-02-07T01:60:00Z", NULL},
	    {"2018-02-07T01:26:61Z", NULL},
	    {"0000-01-01T00:00:00+00:01", NULL},
	    {"9999-12-31T23:59:59-00:01", NULL},
	    {"9999-12-31T23:59:60Z", NULL},
	    {"2018-02-07T01:26:13", NULL},
	    {"2018-02-07T01:26:13.Z", NULL},
	    {"2018-02-07T01:26:13.0123456789Z", NULL},
	    {"2018-02-07T01:26:13.5", NULL},
	    {"2018-02-07T01:26:13+0530", NULL},
	    {"2018-02-07T01:26:13+24:00", NULL},
	    {"2018-02-07T01:26:13+05:60", NULL},
	    {"2018-02-07T01:26:13Z ", NULL},
	    {" 2018-02-07T01:26:13Z", NULL},
	    {"2018-02-07x01:26:13Z", NULL},
	    {"2018-02-07", NULL},
	    {"2o18-02-07T01:26:13Z", NULL},
	    {"-018-02-07T01:26:13Z", NULL},
	    {"", NULL},
	    {NULL, NULL},
	};

	(void)state;
	check(NULL, rows);
	check("rfc3339", rows);
}

/* No digit passes through a double, and none is lost. */
static void
epoch(void **state)
{
	static const struct row s[] = {
	    {"0", "1970-01-01T00:00:00Z"},
	    {"-0", "1970-01-01T00:00:00Z"},
	    {"-1", "1969-12-31T23:59:59Z"},
	    {"-0.25", "1969-12-31T23:59:59.75Z"},
	    {"+1", "1970-01-01T00:00:01Z"},
	    {"1517966773.840", "2018-02-07T01:26:13.840Z"},
	    {"999999999999999999", NULL},
	    {"1.51796677384e9", "2018-02-07T01:26:13.84Z"},
	    {"151796677384E-2", "2018-02-07T01:26:13.84Z"},
	    {"15e8", "2017-07-14T02:40:00Z"},
	    {"1517966773.123456789", "2018-02-07T01:26:13.123456789Z"},
	    {"1517966773.1234567890", "2018-02-07T01:26:13.123456789Z"},
	    {"1517966773.1234567891", NULL},
	    {"253402300799", "9999-12-31T23:59:59Z"},
	    {"253402300800", NULL},
	    {"-62167219200", "0000-01-01T00:00:00Z"},
	    {"-62167219200.1", NULL},
	    {"0e999999999999", "1970-01-01T00:00:00Z"},
	    {"1e999999999999", NULL},
	    {"1e-999999999999", NULL},
	    {"99999999999999999999999999999999999999999999999", NULL},
	    {"", NULL},
	    {"-", NULL},
	    {".5", NULL},
	    {"1.", NULL},
	    {"1e", NULL},
	    {"1e+", NULL},
	    {"1e1.5", NULL},
	    {"1 ", NULL},
	    {"0x10", NULL},
	    {"nan", NULL},
	    {NULL, NULL},
	};
	static const struct row ms[] = {
	    {"1517966773840", "2018-02-07T01:26:13.840Z"},
	    {"1517966773000", "2018-02-07T01:26:13.000Z"},
	    {"1517966773840.5", "2018-02-07T01:26:13.8405Z"},
	    {"-1", "1969-12-31T23:59:59.999Z"},
	    {"0", "1970-01-01T00:00:00.000Z"},
	    {"007", "1970-01-01T00:00:00.007Z"},
	    {"253402300799999", "9999-12-31T23:59:59.999Z"},
	    {"253402300800000", NULL},
	    {"999999999999999999", NULL},
	    {"1517966773840 ", NULL},
	    {"15179667738x0", NULL},
	    {"", NULL},
	    {NULL, NULL},
	};
	static const struct row us[] = {
	    {"1517966773840001", "2018-02-07T01:26:13.840001Z"},
	    {"253402300799999999", "9999-12-31T23:59:59.999999Z"},
	    {"253402300800000000", NULL},
	    {NULL, NULL},
	};
	static const struct row ns[] = {
	    {"1", "1970-01-01T00:00:00.000000001Z"},
	    {"999999999999999999", "2001-09-09T01:46:39.999999999Z"},
	    {"1517966773840000001", "2018-02-07T01:26:13.840000001Z"},
	    {"253402300799999999999", "9999-12-31T23:59:59.999999999Z"},
	    {"253402300800000000000", NULL},
	    {"1.5", NULL},
	    {NULL, NULL},
	};

	(void)state;
	check("s", s);
	check("ms", ms);
	check("us", us);
	check("ns", ns);
}

static void
by_strptime(void **state)
{
	static const struct row date[] = {
	    {"2012/01/15", "2012-01-15T00:00:00Z"},
	    {"2012/02/29", "2012-02-29T00:00:00Z"},
	    {"2011/02/29", NULL},
	    {"2012/01/15 x", NULL},
	    {"", NULL},
	    {NULL, NULL},
	};
	static const struct row zone[] = {
	    {"15.01.2012 12:30:00 +0200", "2012-01-15T10:30:00Z"},
	    {"15.01.2012 12:30:60 +0000", "2012-01-15T12:31:00Z"},
	    {"15.01.2012 12:30:61 +0000", NULL},
	    {NULL, NULL},
	};
	struct dl_err err = {0};
	char text[1000];
	struct dl_time t;

	(void)state;
	setenv("TZ", "Asia/Tokyo", 1);
	tzset();
	check("%Y/%m/%d", date);
	check("%d.%m.%Y %H:%M:%S %z", zone);
	memset(text, ' ', sizeof(text));
	assert_int_equal(
	    dl_time_parse_as(dl_span(text, sizeof(text)), " %Y", &t, &err), -1);
}

static void
format_check(void **state)
{
	static const char *const good[] = {
	    NULL, "rfc3339", "s", "ms", "us", "ns", "%Y", "100%% %d"};
	static const char *const bad[] = {
	    "", "m", "RFC3339", "iso", "%", "%Y%", "%s", "%%%s"};
	struct dl_err err = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(dl_time_format_check(good[i], &err), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err = (struct dl_err){0};
		assert_int_equal(dl_time_format_check(bad[i], &err), -1);
		assert_int_equal(err.status, DL_EXIT_CONF);
	}
}

/* The C library is the oracle, for a time in each of many days. */
static void
against_gmtime(void **state)
{
	struct dl_time t = {0}, back;
	struct dl_err err = {0};
	char out[DL_TIME_MAX], want[64];
	struct tm tm;
	time_t sec;

	(void)state;
	for (t.sec = -62167219200; t.sec <= 253402300799;
	     t.sec += 86400 * 7 + 11) {
		sec = (time_t)t.sec;
		assert_non_null(gmtime_r(&sec, &tm));
		snprintf(want, sizeof(want), "%04d-%02d-%02dT%02d:%02d:%02dZ",
		    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
		    tm.tm_min, tm.tm_sec);
		assert_int_equal(dl_time_print(&t, out), 20);
		assert_string_equal(out, want);
		assert_int_equal(
		    dl_time_parse(dl_span_str(out), &back, &err), 0);
		assert_true(back.sec == t.sec);
	}
}

static void
compare(void **state)
{
	struct dl_time a = {5, 1, 9}, b = {5, 1, 0}, c = {5, 2, 0},
		       d = {-6, 900, 0};

	(void)state;
	assert_true(dl_time_cmp(&a, &b) == 0);
	assert_true(dl_time_cmp(&a, &c) < 0);
	assert_true(dl_time_cmp(&c, &a) > 0);
	assert_true(dl_time_cmp(&d, &a) < 0);
}

/* The environment is read once, so each case has a process of its own. */
static int
year_of_now(const char *dl_now_value)
{
	struct dl_time t;
	struct dl_date d;
	int status = 0;
	pid_t pid;

	if ((pid = fork()) == 0) {
		setenv("DL_NOW", dl_now_value, 1);
		dl_now(&t);
		dl_time_date(&t, &d);
		_exit(d.year == 2018 ? 18 : d.year >= 2024 ? 24 : 0);
	}
	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
	return WEXITSTATUS(status);
}

static void
now(void **state)
{
	int64_t ms = dl_clock_ms();

	(void)state;
	assert_int_equal(year_of_now("2018-02-07T01:26:13.840Z"), 18);
	assert_int_equal(year_of_now("yesterday"), 24);
	assert_true(dl_clock_ms() >= ms);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rfc3339),
	    cmocka_unit_test(epoch),
	    cmocka_unit_test(by_strptime),
	    cmocka_unit_test(format_check),
	    cmocka_unit_test(against_gmtime),
	    cmocka_unit_test(compare),
	    cmocka_unit_test(now),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
