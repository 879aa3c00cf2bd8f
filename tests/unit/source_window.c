/* source_window: windows follow each other without gaps, and none is lost. */
#include "source_window.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char home[] = "/tmp/dl-window-XXXXXX";
static struct dl_err err;
static struct dl_conf *conf;
static struct dl_window_spec spec;
static struct dl_source_state *st;

static int
take(const char *yaml)
{
	FILE *f = fopen("w.yaml", "w");
	const char *key;

	fprintf(f, "window: %s\n", yaml);
	fclose(f);
	dl_conf_free(conf);
	err = (struct dl_err){0};
	conf = dl_conf_load("w.yaml", &err);
	assert_non_null(conf);
	return dl_window_take(
	    conf, dl_conf_child(dl_conf_root(conf), 0, &key), &spec, &err);
}

static struct dl_windows *
windows(const char *yaml)
{
	if (take(yaml) < 0)
		fail_msg("%s: %s", yaml, err.msg);
	return dl_windows_new(&spec);
}

static struct dl_windows *
backfill(const char *yaml, const char *from, const char *to)
{
	struct dl_windows *w = windows(yaml);

	if (dl_windows_backfill(w, from, to, &err) < 0)
		fail_msg("%s", err.msg);
	return w;
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

static void
add(struct dl_buf *b, const struct dl_template_value *v)
{
	char out[DL_TIME_MAX];

	assert_true(v->is_time);
	assert_null(v->text.p);
	dl_time_print(&v->time, out);
	dl_buf_adds(b, out);
}

/*
 * A poll at now (NULL: none, as in a backfill): "FROM/TO FROM/TO ..." of up to
 * most windows, of which all but number skip are done.
 */
static char *
poll(struct dl_windows *w, int most, int skip)
{
	struct dl_template_values v = {0};
	struct dl_buf b = {0};
	char *text;

	dl_windows_begin(w, st);
	for (int i = 0; i < most && dl_windows_next(w, &v); i++) {
		if (i > 0)
			dl_buf_addc(&b, ' ');
		add(&b, &v.of[DL_TEMPLATE_FROM]);
		dl_buf_addc(&b, '/');
		add(&b, &v.of[DL_TEMPLATE_TO]);
		if (i != skip)
			dl_windows_done(w, st);
	}
	text = dl_strdup(dl_buf_str(&b));
	dl_buf_release(&b);
	return text;
}

static void
gives(struct dl_windows *w, int most, int skip, const char *want)
{
	char *got = poll(w, most, skip);

	assert_string_equal(got, want);
	free(got);
}

/* The clock stands still at 2026-06-01T12:30:00Z: see main. */

static void
the_first_poll_is_of_the_window_of_now(void **state)
{
	struct dl_windows *w = windows("1h");

	/* It has not ended: it comes again. */
	gives(w, 9, -1, "2026-06-01T12:00:00Z/2026-06-01T13:00:00Z");
	gives(w, 9, -1, "2026-06-01T12:00:00Z/2026-06-01T13:00:00Z");
	dl_windows_free(w);
	/* Where the first poll began is where the next one does. */
	assert_true(dl_span_is(
	    dl_source_state_text(st, "window"), "2026-06-01T12:00:00Z\n"));
	fresh(state);
	w = windows("1d");
	gives(w, 9, -1, "2026-06-01T00:00:00Z/2026-06-02T00:00:00Z");
	dl_windows_free(w);
}

static void
a_start_is_where_it_begins(void **state)
{
	struct dl_windows *w =
	    windows("{size: 1h, start: 2026-06-01T10:00:00Z}");

	(void)state;
	gives(w, 9, -1,
	    "2026-06-01T10:00:00Z/2026-06-01T11:00:00Z "
	    "2026-06-01T11:00:00Z/2026-06-01T12:00:00Z "
	    "2026-06-01T12:00:00Z/2026-06-01T13:00:00Z");
	/* Both that ended are done. */
	gives(w, 9, -1, "2026-06-01T12:00:00Z/2026-06-01T13:00:00Z");
	dl_windows_free(w);
	/* Windows that are cut anew go on where the old ones ended. */
	w = windows("{size: 40m, start: 2026-06-01T10:00:00Z}");
	gives(w, 9, -1, "2026-06-01T12:00:00Z/2026-06-01T12:40:00Z");
	dl_windows_free(w);
	w = windows("{size: 25m, start: 2026-06-01T10:00:00Z}");
	gives(w, 9, -1,
	    "2026-06-01T12:00:00Z/2026-06-01T12:05:00Z "
	    "2026-06-01T12:05:00Z/2026-06-01T12:30:00Z "
	    "2026-06-01T12:30:00Z/2026-06-01T12:55:00Z");
	dl_windows_free(w);
}

/* So a window that can't be got need not stay in the way. */
static void
a_later_start_passes_over(void **state)
{
	struct dl_windows *w =
	    windows("{size: 1h, start: 2026-06-01T08:00:00Z}");
	char *got = poll(w, 9, 1);

	(void)state;
	free(got);
	dl_windows_free(w);
	w = windows("{size: 1h, start: 2026-06-01T08:00:00Z}");
	gives(w, 1, 0, "2026-06-01T09:00:00Z/2026-06-01T10:00:00Z");
	dl_windows_free(w);
	w = windows("{size: 1h, start: 2026-06-01T11:00:00Z}");
	gives(w, 1, -1, "2026-06-01T11:00:00Z/2026-06-01T12:00:00Z");
	dl_windows_free(w);
	/* An earlier one takes nothing back. */
	w = windows("{size: 1h, start: 2026-06-01T08:00:00Z}");
	gives(w, 9, -1, "2026-06-01T12:00:00Z/2026-06-01T13:00:00Z");
	dl_windows_free(w);
}

static void
what_may_come_late_is_waited_for(void **state)
{
	struct dl_windows *w =
	    windows("{size: 10m, late: 25m, start: 2026-06-01T12:00:00Z}");

	(void)state;
	/* Of 12:00 to 12:10 nothing is late at 12:30 but until 12:35. */
	gives(w, 9, -1,
	    "2026-06-01T12:00:00Z/2026-06-01T12:10:00Z "
	    "2026-06-01T12:10:00Z/2026-06-01T12:20:00Z "
	    "2026-06-01T12:20:00Z/2026-06-01T12:30:00Z "
	    "2026-06-01T12:30:00Z/2026-06-01T12:40:00Z");
	gives(w, 1, -1, "2026-06-01T12:00:00Z/2026-06-01T12:10:00Z");
	dl_windows_free(w);
	w = windows("{size: 10m, late: 20m, start: 2026-06-01T12:00:00Z}");
	gives(w, 1, -1, "2026-06-01T12:00:00Z/2026-06-01T12:10:00Z");
	gives(w, 1, -1, "2026-06-01T12:10:00Z/2026-06-01T12:20:00Z");
	gives(w, 1, -1, "2026-06-01T12:10:00Z/2026-06-01T12:20:00Z");
	dl_windows_free(w);
}

static void
a_window_that_failed_comes_again(void **state)
{
	struct dl_windows *w =
	    windows("{size: 1h, start: 2026-06-01T09:00:00Z}");
	char *got = poll(w, 9, 1);

	(void)state;
	free(got);
	gives(w, 1, -1, "2026-06-01T10:00:00Z/2026-06-01T11:00:00Z");
	dl_windows_free(w);
}

static void
a_start_in_the_future_waits(void **state)
{
	struct dl_windows *w = windows("{size: 1d, start: 2026-07-01}");

	(void)state;
	gives(w, 9, -1, "");
	dl_windows_free(w);
}

static void
days_are_of_24_hours_in_every_zone(void **state)
{
	struct dl_windows *w;

	(void)state;
	/* Clocks in Berlin went forward on 29 March, 2026. */
	setenv("TZ", "Europe/Berlin", 1);
	w = backfill("1d", "2026-03-28", "2026-03-31");
	gives(w, 9, -1,
	    "2026-03-28T00:00:00Z/2026-03-29T00:00:00Z "
	    "2026-03-29T00:00:00Z/2026-03-30T00:00:00Z "
	    "2026-03-30T00:00:00Z/2026-03-31T00:00:00Z");
	unsetenv("TZ");
	dl_windows_free(w);
}

static void
leap_days_and_months_ends_are_there(void **state)
{
	struct dl_windows *w = backfill("1d", "2024-02-28", "2024-03-02");

	(void)state;
	gives(w, 9, -1,
	    "2024-02-28T00:00:00Z/2024-02-29T00:00:00Z "
	    "2024-02-29T00:00:00Z/2024-03-01T00:00:00Z "
	    "2024-03-01T00:00:00Z/2024-03-02T00:00:00Z");
	dl_windows_free(w);
	w = backfill("1d", "2100-02-28", "2100-03-02");
	gives(w, 9, -1,
	    "2100-02-28T00:00:00Z/2100-03-01T00:00:00Z "
	    "2100-03-01T00:00:00Z/2100-03-02T00:00:00Z");
	dl_windows_free(w);
	w = backfill("1d", "1969-12-31", "1970-01-02");
	gives(w, 9, -1,
	    "1969-12-31T00:00:00Z/1970-01-01T00:00:00Z "
	    "1970-01-01T00:00:00Z/1970-01-02T00:00:00Z");
	dl_windows_free(w);
}

static void
a_backfill_ends_at_its_end(void **state)
{
	struct dl_windows *w =
	    backfill("7h", "2026-01-01T05:00:00Z", "2026-01-01T20:30:00Z");
	uint64_t done, all;
	struct dl_time at;

	(void)state;
	gives(w, 9, -1,
	    "2026-01-01T05:00:00Z/2026-01-01T12:00:00Z "
	    "2026-01-01T12:00:00Z/2026-01-01T19:00:00Z "
	    "2026-01-01T19:00:00Z/2026-01-01T20:30:00Z");
	dl_windows_progress(w, &done, &all, &at);
	assert_int_equal(done, 3);
	assert_int_equal(all, 3);
	/* It was finished: the same again walks it again. */
	gives(w, 1, -1, "2026-01-01T05:00:00Z/2026-01-01T12:00:00Z");
	dl_windows_progress(w, &done, &all, &at);
	assert_int_equal(done, 1);
	dl_windows_free(w);
}

static void
a_backfill_goes_on(void **state)
{
	struct dl_windows *w = backfill("1d", "2026-01-01", "2026-01-05");
	struct dl_template_values v = {0};
	uint64_t done, all;
	struct dl_time at;

	(void)state;
	gives(w, 2, -1,
	    "2026-01-01T00:00:00Z/2026-01-02T00:00:00Z "
	    "2026-01-02T00:00:00Z/2026-01-03T00:00:00Z");
	dl_windows_free(w);
	w = backfill("1d", "2026-01-01", "2026-01-05");
	assert_true(dl_windows_begin(w, st));
	dl_windows_progress(w, &done, &all, &at);
	assert_int_equal(done, 2);
	assert_int_equal(all, 4);
	assert_true(dl_windows_next(w, &v));
	gives(w, 1, 0, "2026-01-03T00:00:00Z/2026-01-04T00:00:00Z");
	dl_windows_free(w);
	/* Other words are another one; so is a place out of its bounds. */
	w = backfill("1d", "2026-01-01", "2026-01-06");
	assert_false(dl_windows_begin(w, st));
	dl_windows_free(w);
	dl_source_state_set_text(st, "backfill",
	    DL_SPAN("2026-01-01T00:00:00Z\n2026-01-05T00:00:00Z\n"
		    "2026-01-05T00:00:00Z\n2026-01-01\n2026-01-05"));
	w = backfill("1d", "2026-01-01", "2026-01-05");
	assert_false(dl_windows_begin(w, st));
	dl_source_state_set_text(st, "backfill", DL_SPAN("\n\n\n"));
	assert_false(dl_windows_begin(w, st));
	dl_source_state_set_text(st, "backfill", DL_SPAN("x"));
	assert_false(dl_windows_begin(w, st));
	dl_windows_free(w);
}

/* "30d" ago is another moment an hour later, and the same backfill. */
static void
a_backfill_of_spans_goes_on_too(void **state)
{
	struct dl_windows *w = backfill("1d", "3d", NULL);

	(void)state;
	gives(w, 1, -1, "2026-05-29T12:30:00Z/2026-05-30T12:30:00Z");
	dl_windows_free(w);
	dl_source_state_set_text(st, "backfill",
	    DL_SPAN("2026-05-29T11:00:00Z\n2026-06-01T11:00:00Z\n"
		    "2026-05-30T11:00:00Z\n3d\n"));
	w = backfill("1d", "3d", NULL);
	gives(w, 9, -1,
	    "2026-05-30T11:00:00Z/2026-05-31T11:00:00Z "
	    "2026-05-31T11:00:00Z/2026-06-01T11:00:00Z");
	dl_windows_free(w);
}

/* Polls and backfills do not know of each other. */
static void
a_backfill_leaves_the_polls_alone(void **state)
{
	struct dl_windows *w =
	    windows("{size: 1h, start: 2026-06-01T11:00:00Z}");
	struct dl_windows *b;

	(void)state;
	gives(w, 1, -1, "2026-06-01T11:00:00Z/2026-06-01T12:00:00Z");
	b = dl_windows_new(&spec);
	assert_int_equal(dl_windows_backfill(b, "2026-01-01T00:00:00Z",
			     "2026-01-01T01:00:00Z", &err),
	    0);
	gives(b, 9, -1, "2026-01-01T00:00:00Z/2026-01-01T01:00:00Z");
	gives(w, 9, -1, "2026-06-01T12:00:00Z/2026-06-01T13:00:00Z");
	dl_windows_free(b);
	dl_windows_free(w);
}

static void
wrong_spans_are_usage(void **state)
{
	struct dl_windows *w = windows("1d");

	(void)state;
	assert_int_equal(
	    dl_windows_backfill(w, "2026-01-02", "2026-01-02", &err), -1);
	assert_int_equal(err.status, DL_EXIT_USAGE);
	err = (struct dl_err){0};
	assert_int_equal(dl_windows_backfill(w, "x", "2026-01-02", &err), -1);
	assert_int_equal(err.status, DL_EXIT_USAGE);
	assert_int_equal(strncmp(err.msg, "--from: ", 8), 0);
	err = (struct dl_err){0};
	assert_int_equal(dl_windows_backfill(w, "2026-01-02", "y", &err), -1);
	assert_int_equal(strncmp(err.msg, "--to: ", 6), 0);
	err = (struct dl_err){0};
	dl_windows_free(w);
}

static const struct {
	const char *yaml, *message;
} wrong[] = {
    {"500ms", "'window' is whole seconds"},
    {"1s500ms", "'window' is whole seconds"},
    {"9999d", "'window' is whole seconds"},
    {"day", "'window' is a duration such as 1d, or a mapping"},
    {"{late: 1h}", "a window needs 'size'"},
    {"{size: 1d, late: 9999d}", "'late' is at most"},
    {"{size: 1d, start: 3d}", "'start' is a time"},
    {"{size: 1d, start: 2026-13-01}", "'start' is a time"},
    {"{size: 1d, strat: 2026-01-01}", "(did you mean 'start'?)"},
    {"[1d]", "window"},
};

static void
what_is_wrong_is_told_offline(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		if (take(wrong[i].yaml) == 0)
			fail_msg("taken: %s", wrong[i].yaml);
		assert_int_equal(err.status, DL_EXIT_CONF);
		if (strncmp(err.msg, "w.yaml:1: ", 10) != 0 ||
		    strstr(err.msg, wrong[i].message) == NULL)
			fail_msg("%s: %s", wrong[i].yaml, err.msg);
	}
	err = (struct dl_err){0};
	assert_int_equal(dl_window_take(conf, NULL, &spec, &err), 0);
	assert_int_equal(spec.size_ms, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(
		the_first_poll_is_of_the_window_of_now, fresh),
	    cmocka_unit_test_setup(a_start_is_where_it_begins, fresh),
	    cmocka_unit_test_setup(a_later_start_passes_over, fresh),
	    cmocka_unit_test_setup(what_may_come_late_is_waited_for, fresh),
	    cmocka_unit_test_setup(a_window_that_failed_comes_again, fresh),
	    cmocka_unit_test_setup(a_start_in_the_future_waits, fresh),
	    cmocka_unit_test_setup(days_are_of_24_hours_in_every_zone, fresh),
	    cmocka_unit_test_setup(leap_days_and_months_ends_are_there, fresh),
	    cmocka_unit_test_setup(a_backfill_ends_at_its_end, fresh),
	    cmocka_unit_test_setup(a_backfill_goes_on, fresh),
	    cmocka_unit_test_setup(a_backfill_of_spans_goes_on_too, fresh),
	    cmocka_unit_test_setup(a_backfill_leaves_the_polls_alone, fresh),
	    cmocka_unit_test(wrong_spans_are_usage),
	    cmocka_unit_test(what_is_wrong_is_told_offline),
	};
	int failed;

	setenv("DL_NOW", "2026-06-01T12:30:00Z", 1);
	if (mkdtemp(home) == NULL || chdir(home) < 0)
		return 1;
	failed =
	    cmocka_run_group_tests_name("source_window", tests, NULL, NULL);
	dl_source_state_close(st);
	dl_conf_free(conf);
	return system("rm -rf \"$PWD\"") != 0 ? 1 : failed;
}
