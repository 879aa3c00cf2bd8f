/* Dates of HTTP, cursors, and lists of names. */
#include "serve_if.h"
#include "serve_names.h"
#include "serve_paging.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <time.h>

#define NOW 1795000000 /* in 2026 */

static void
date(const char *text, int64_t want)
{
	int64_t sec = INT64_MIN;
	bool ok = dl_serve_date_take(dl_span_str(text), NOW, &sec);

	if (ok != (want != INT64_MIN) || sec != want)
		fail_msg("'%s': %d %lld", text, ok, (long long)sec);
}

static void
dates(void **state)
{
	(void)state;
	date("Sun, 06 Nov 1994 08:49:37 GMT", 784111777);
	date("Sunday, 06-Nov-94 08:49:37 GMT", 784111777);
	date("Sun Nov  6 08:49:37 1994", 784111777);
	date("Wed Nov 16 08:49:37 1994", 784975777);
	date("Thu, 01 Jan 1970 00:00:00 GMT", 0);
	date("Thursday, 01-Jan-70 00:00:00 GMT", 3155760000); /* of 2070 */
	date("Friday, 01-Jan-77 00:00:00 GMT", 220924800);    /* of 1977 */
	date("Sat, 29 Feb 2020 00:00:00 GMT", 1582934400);
}

static void
no_dates(void **state)
{
	static const char *const none[] = {"", "0", "Sun",
	    "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 GMT ",
	    "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 6 Nov 1994 08:49:37 GMT",
	    "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 31 Feb 1994 08:49:37 GMT",
	    "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov -994 08:49:37 GMT",
	    "Sun, 29 Feb 2021 00:00:00 GMT", "1994-11-06T08:49:37Z",
	    "Sun, 06 Nov 1994 08:49:37 GMTx", "Sun, 06 Nov 19",
	    "Xun, 06 Nov 1994 08:49:37 GMT", NULL};

	(void)state;
	for (size_t i = 0; none[i] != NULL; i++)
		date(none[i], INT64_MIN);
}

/* Printed as the C library does, and taken back. */
static void
printed(void **state)
{
	char got[DL_SERVE_DATE], want[64];
	struct tm tm;

	(void)state;
	for (int64_t t = -5000000000; t < 9000000000; t += 12345679) {
		time_t sec = t;

		gmtime_r(&sec, &tm);
		strftime(want, sizeof(want), "%a, %d %b %Y %H:%M:%S GMT", &tm);
		dl_serve_date(t, got);
		assert_string_equal(got, want);
		date(got, t);
	}
}

static void
cursors(void **state)
{
	static const char *const names[] = {
	    "a", "wagon 7/\xc3\xbc", "?>?>?>", NULL};
	static const char *const none[] = {"", "A", "AQ", "AQ==", "AWE=", "AmE",
	    "AW E", "AWE\n", "AQBh", "!", "AW-_x", NULL};
	char longest[DL_TWIN_KEY_MAX];
	struct dl_buf cursor = {0}, name = {0};

	(void)state;
	memset(longest, '~', sizeof(longest));
	dl_serve_cursor_put(&cursor, dl_span(longest, sizeof(longest)));
	assert_int_equal(
	    dl_serve_cursor_take(dl_buf_as_span(&cursor), &name), 0);
	assert_int_equal(name.len, sizeof(longest));
	for (size_t i = 0; names[i] != NULL; i++) {
		dl_buf_clear(&cursor);
		dl_buf_clear(&name);
		dl_serve_cursor_put(&cursor, dl_span_str(names[i]));
		assert_null(strpbrk(dl_buf_str(&cursor), "+/=&%"));
		assert_int_equal(
		    dl_serve_cursor_take(dl_buf_as_span(&cursor), &name), 0);
		assert_string_equal(dl_buf_str(&name), names[i]);
	}
	dl_buf_clear(&cursor);
	for (int i = 0; i < 2000; i++)
		dl_buf_addc(&cursor, 'A');
	dl_buf_clear(&name);
	assert_int_equal(
	    dl_serve_cursor_take(dl_buf_as_span(&cursor), &name), -1);
	for (size_t i = 0; none[i] != NULL; i++)
		if (dl_serve_cursor_take(dl_span_str(none[i]), &name) == 0)
			fail_msg("'%s' is a cursor", none[i]);
	assert_int_equal(name.len, 0);
	dl_buf_release(&cursor);
	dl_buf_release(&name);
}

/* want: the names, a bar after each; NULL: an error. */
static void
list(const char *query, size_t most, const char *want)
{
	struct dl_serve_names names;
	struct dl_err err = {0};
	struct dl_buf got = {0};
	int r;

	r = dl_serve_names(&names, dl_span_str(query), "metrics", most, &err);
	if ((r == 0) != (want != NULL))
		fail_msg("'%s': %d %s", query, r, err.msg);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		dl_buf_span(&got, names.name[i]);
		dl_buf_addc(&got, '|');
		assert_true(dl_serve_names_has(&names, names.name[i]));
	}
	if (r == 0) {
		assert_string_equal(dl_buf_str(&got), want);
		assert_false(dl_serve_names_has(&names, DL_SPAN("nowhere")));
	}
	dl_buf_release(&got);
	dl_serve_names_release(&names);
}

static void
names(void **state)
{
	(void)state;
	list("", 3, "");
	list("metric=a&xmetrics=b", 3, "");
	list("metrics=a", 3, "a|");
	list("after=x&metrics=b,a,b&limit=1", 3, "a|b|");
	list("metrics=a%2Cb,c%252C", 3, "a,b|c%2C|");
	list("metrics=a+b,%C3%BC", 3, "a+b|\xc3\xbc|");
	list("metrics=a,b,c", 3, "a|b|c|");
	list("metrics=a,b,c,d", 3, NULL);
	list("metrics=", 3, NULL);
	list("metrics", 3, NULL);
	list("metrics&limit=1", 3, NULL);
	list("metrics&metrics=a", 3, NULL);
	list("metrics=a,", 3, NULL);
	list("metrics=,a", 3, NULL);
	list("metrics=a,,b", 3, NULL);
	list("metrics=%GG", 3, NULL);
	list("metrics=%00", 3, NULL);
	list("metrics=%ff", 3, NULL);
	list("metrics=a%2", 3, NULL);
	list("metrics=a&metrics=b", 3, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(dates),
	    cmocka_unit_test(no_dates),
	    cmocka_unit_test(printed),
	    cmocka_unit_test(cursors),
	    cmocka_unit_test(names),
	};

	return cmocka_run_group_tests_name("serve_if", tests, NULL, NULL);
}
