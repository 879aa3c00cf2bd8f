/* when: moments as people give them. */
#include "when.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#define NOON 1793534400 /* 2026-11-01T12:00:00Z */

static int
fix_clock(void **state)
{
	(void)state;
	return setenv("DL_NOW", "2026-11-01T12:00:00.250Z", 1);
}

static void
is(const char *text, int64_t sec, int32_t nsec)
{
	struct dl_err err = {0};
	struct dl_time t;

	if (dl_when_parse(text, &t, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
	if (t.sec != sec || t.nsec != nsec)
		fail_msg("%s: %lld.%09d", text, (long long)t.sec, (int)t.nsec);
}

static void
test_times(void **state)
{
	(void)state;
	is("2026-11-01T12:00:00Z", NOON, 0);
	is("2026-11-01T12:00:00.5Z", NOON, 500000000);
	is("2026-11-01T13:00:00+01:00", NOON, 0);
	is("2026-11-01T12:00Z", NOON, 0);
	is("2026-11-01T13:00+01:00", NOON, 0);
	is("2026-11-01", NOON - 12 * 3600, 0);
	is("1970-01-01", 0, 0);
	is("1969-12-31T23:59Z", -60, 0);
}

static void
test_ago(void **state)
{
	(void)state;
	is("0s", NOON, 250000000);
	is("2h", NOON - 7200, 250000000);
	is("90m", NOON - 5400, 250000000);
	is("1h30m", NOON - 5400, 250000000);
	is("250ms", NOON, 0);
	is("251ms", NOON - 1, 999000000);
	is("1500ms", NOON - 2, 750000000);
	is("99999999ms", NOON - 100000, 251000000); /* as long as a day is */
	is("365d", NOON - 365 * 86400, 250000000);
	is("99999999999d", NOON - 99999999999 * 86400, 250000000);
}

static void
test_wrong(void **state)
{
	static const char *const wrong[] = {"", " ", "2", "h", "-2h", "2h ",
	    "yesterday", "2026", "2026-11", "2026-13-01", "2026-02-29",
	    "2026-11-01 ", "2026-11-01T", "2026-11-01T12", "2026-11-01T12Z",
	    "2026-11-01T12:00", "2026-11-01T25:00Z", "2026-11-01T12:60Z",
	    "2026-11-01T12:00:00", "2026-11-01T12:00:", "99999999999999999d",
	    "2026-11-01T12:00:00.00000000000000000000000000000000000000000Z"};
	struct dl_time t;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct dl_err err = {0};

		if (dl_when_parse(wrong[i], &t, &err) != -1)
			fail_msg("'%s' was taken", wrong[i]);
		assert_int_equal(err.status, DL_EXIT_USAGE);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_times),
	    cmocka_unit_test(test_ago),
	    cmocka_unit_test(test_wrong),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, fix_clock, NULL);
}
