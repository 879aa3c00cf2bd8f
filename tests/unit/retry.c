/* retry: waits stay under their ceilings, and Retry-After is understood. */
#include "retry.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static void
waits_are_drawn_below_a_doubling_ceiling(void **state)
{
	int64_t ceiling = DL_RETRY_FIRST_MS, wait, least = INT64_MAX, most = -1;
	struct dl_retry r;

	(void)state;
	for (int run = 0; run < 200; run++) {
		dl_retry_init(&r, 10);
		ceiling = DL_RETRY_FIRST_MS;
		for (int i = 0; i < 10; i++) {
			wait = dl_retry_next(&r, -1);
			assert_in_range(wait, 0, ceiling);
			if (i == 0) {
				least = wait < least ? wait : least;
				most = wait > most ? wait : most;
			}
			ceiling *= 2;
			if (ceiling > DL_RETRY_CAP_MS)
				ceiling = DL_RETRY_CAP_MS;
		}
		assert_int_equal(dl_retry_next(&r, -1), -1);
	}
	/* 200 first waits of 0 to 1000 ms are spread over it. */
	assert_true(least < 200);
	assert_true(most > 800);
}

static void
two_clients_do_not_wait_alike(void **state)
{
	struct dl_retry a, b;
	int same = 0;

	(void)state;
	dl_retry_init(&a, 10);
	dl_retry_init(&b, 10);
	for (int i = 0; i < 10; i++)
		same += dl_retry_next(&a, -1) == dl_retry_next(&b, -1);
	assert_true(same < 10);
}

static void
what_the_server_asks_for_is_the_least(void **state)
{
	struct dl_retry r;

	(void)state;
	dl_retry_init(&r, 3);
	assert_int_equal(dl_retry_next(&r, 90000), 90000);
	assert_true(dl_retry_next(&r, 1500) >= 1500);
	assert_true(dl_retry_next(&r, 0) >= 0);
	dl_retry_init(&r, 0);
	assert_int_equal(dl_retry_next(&r, 5), -1);
}

static int64_t
after(const char *value)
{
	/* 1994-11-06T08:49:37.5Z */
	struct dl_time now = {784111777, 500000000, 1};

	return dl_retry_after(dl_span_str(value), &now);
}

static void
retry_after_is_seconds_or_a_date(void **state)
{
	(void)state;
	assert_int_equal(after("0"), 0);
	assert_int_equal(after("120"), 120000);
	assert_int_equal(after(" 7\t"), 7000);
	assert_int_equal(after("Sun, 06 Nov 1994 08:50:37 GMT"), 59500);
	assert_int_equal(after("Sunday, 06-Nov-94 08:50:37 GMT"), 59500);
	assert_int_equal(after("Sun Nov  6 08:50:37 1994"), 59500);
	assert_int_equal(after("Sun, 06 Nov 1994 08:49:00 GMT"), 0);
	/* Never more than a day. */
	assert_int_equal(after("86399"), 86399000);
	assert_int_equal(after("86401"), 86400000);
	assert_int_equal(after("99999999999999999999999999"), 86400000);
	assert_int_equal(after("Fri, 31 Dec 9999 23:59:59 GMT"), 86400000);
}

static void
anything_else_is_nothing(void **state)
{
	static const char *const wrong[] = {"", " ", "soon", "-1", "1.5", "1 2",
	    "Sun, 06 Nov 1994", "Sun, 06 Nov 1994 08:50:37 GMT x", "0x10"};

	char longest[100] = "";

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_int_equal(after(wrong[i]), -1);
	memset(longest, '1', sizeof(longest) - 1);
	assert_int_equal(after(longest), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(waits_are_drawn_below_a_doubling_ceiling),
	    cmocka_unit_test(two_clients_do_not_wait_alike),
	    cmocka_unit_test(what_the_server_asks_for_is_the_least),
	    cmocka_unit_test(retry_after_is_seconds_or_a_date),
	    cmocka_unit_test(anything_else_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
