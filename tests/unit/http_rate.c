/* http_rate: so many a second and no more, each client for itself. */
#include "http_rate.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <pthread.h>
#include <cmocka.h>

static int
take(struct dl_http_rate *r, const char *key, int64_t now, int n)
{
	int taken = 0, wait = 0;

	while (n-- > 0)
		taken += dl_http_rate_take_at(r, dl_span_str(key), now, &wait);
	return taken;
}

static void
a_burst_then_so_many_a_second(void **state)
{
	struct dl_http_rate *r = dl_http_rate_new(10, 5);
	int64_t t;
	int sum = 0;

	(void)state;
	assert_int_equal(take(r, "a", 1000, 100), 5);
	assert_int_equal(take(r, "a", 1099, 100), 0);
	assert_int_equal(take(r, "a", 1100, 100), 1);
	for (t = 1100; t < 11100; t += 7)
		sum += take(r, "a", t, 3);
	assert_in_range(sum, 98, 100);
	/* However long it was idle, a burst is all there is. */
	assert_int_equal(take(r, "a", 1000000, 100), 5);
	assert_int_equal(take(r, "b", 1000000, 100), 5);
	/* A clock that seems to go back, between threads, gives nothing. */
	assert_int_equal(take(r, "a", 900000, 100), 0);
	dl_http_rate_free(r);
}

static void
when_to_come_again(void **state)
{
	struct dl_http_rate *r = dl_http_rate_new(0.1, 1);
	int wait = 0;

	(void)state;
	assert_true(dl_http_rate_take_at(r, DL_SPAN("a"), 1000, &wait));
	assert_false(dl_http_rate_take_at(r, DL_SPAN("a"), 1000, &wait));
	assert_in_range(wait, 10, 11);
	assert_false(dl_http_rate_take_at(r, DL_SPAN("a"), 9500, &wait));
	assert_in_range(wait, 1, 2);
	assert_true(
	    dl_http_rate_take_at(r, DL_SPAN("a"), 9500 + wait * 1000, &wait));
	dl_http_rate_free(r);
	r = dl_http_rate_new(1e-9, 0);
	assert_true(dl_http_rate_take_at(r, DL_SPAN("a"), 1, &wait));
	assert_false(dl_http_rate_take_at(r, DL_SPAN("a"), 1, &wait));
	assert_int_equal(wait, 86400);
	dl_http_rate_free(r);
}

static void
a_million_clients_take_no_more_memory(void **state)
{
	struct dl_http_rate *r = dl_http_rate_new(1, 2);
	char key[32];
	int i, taken = 0;

	(void)state;
	take(r, "busy", 1, 2);
	for (i = 0; i < 1000000; i++) {
		snprintf(key, sizeof(key), "%d", i);
		assert_int_equal(take(r, key, 1 + i / 1000, 1), 1);
		/* Who keeps asking is not forgotten for those who don't. */
		if (i % 100 == 0)
			taken += take(r, "busy", 1 + i / 1000, 1);
	}
	assert_int_equal(taken, 0);
	dl_http_rate_free(r);
}

#define EACH 20000

static void *
take_many(void *arg)
{
	struct dl_http_rate *r = arg;

	return (void *)(intptr_t)take(r, "a", 1, EACH);
}

static void
threads_share_a_bucket(void **state)
{
	struct dl_http_rate *r = dl_http_rate_new(1, EACH);
	pthread_t threads[4];
	intptr_t sum = 0;
	void *taken;
	int i;

	(void)state;
	for (i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, take_many, r);
	for (i = 0; i < 4; i++) {
		pthread_join(threads[i], &taken);
		sum += (intptr_t)taken;
	}
	assert_int_equal(sum, EACH);
	dl_http_rate_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_burst_then_so_many_a_second),
	    cmocka_unit_test(when_to_come_again),
	    cmocka_unit_test(a_million_clients_take_no_more_memory),
	    cmocka_unit_test(threads_share_a_bucket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
