/*
 * source_state: what a source remembers, over runs that were committed, were
 * not, and were cut off at each instant.
 */
#include "source_state.h"

#include "checkpoint.h"
#include "hash.h"
#include "io.h"
#include "seen.h"
#include "source_spec.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <endian.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define KEY DL_SPAN("source.s")

static char home[] = "/tmp/dl-source-state.XXXXXX";
static struct dl_err err;

/* Run a shell command that knows home as $H and arg as $A. */
static int
in_home(const char *command, const char *arg)
{
	setenv("H", home, 1);
	setenv("A", arg == NULL ? "" : arg, 1);
	return system(command);
}

static int
fresh(void **state)
{
	(void)state;
	err = (struct dl_err){0};
	return in_home("rm -rf $H/*", NULL);
}

static struct dl_source_state *
open_state(void)
{
	struct dl_source_state *s;

	s = dl_source_state_open(home, DL_SPAN("s"), &err);
	if (s == NULL)
		fail_msg("%s", err.msg);
	return s;
}

static char *
position(const struct dl_source_state *s)
{
	return dl_strndup(dl_source_state_position(s));
}

/* See each subject of text with that content; a save. */
static char *
emit(struct dl_source_state *s, const char *subjects, uint64_t content)
{
	for (; *subjects != '\0'; subjects++)
		if (dl_source_state_new(s, (uint64_t)*subjects, content))
			dl_source_state_touch(s);
	assert_int_equal(dl_source_state_save(s, &err), 1);
	return position(s);
}

static void
commit(const char *token)
{
	assert_int_equal(
	    dl_commit_write(home, KEY, dl_span_str(token), &err), 0);
}

/* The subjects of "abcdef" that are not new with that content. */
static void
expect_seen(struct dl_source_state *s, uint64_t content, const char *want)
{
	char got[8] = "";
	size_t n = 0;

	for (const char *p = "abcdef"; *p != '\0'; p++)
		if (!dl_source_state_new(s, (uint64_t)*p, content))
			got[n++] = *p;
	assert_string_equal(got, want);
}

static size_t
pending(void)
{
	char path[PATH_MAX];
	struct dirent *e;
	size_t n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "%s/sources/s/pending", home);
	assert_non_null(d = opendir(path));
	while ((e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static void
what_was_committed_is_remembered(void **state)
{
	struct dl_source_state *s = open_state();
	char *one, *two, *three, *at;

	(void)state;
	at = position(s);
	assert_string_equal(at, DL_SOURCE_START);
	free(at);
	one = emit(s, "ab", 1);
	two = emit(s, "c", 1);
	three = emit(s, "de", 1);
	assert_true(strcmp(DL_SOURCE_START, one) < 0);
	assert_true(strcmp(one, two) < 0 && strcmp(two, three) < 0);
	assert_int_equal(pending(), 3);
	dl_source_state_close(s);

	commit(two);
	s = open_state();
	at = position(s);
	assert_string_equal(at, two);
	assert_int_equal(pending(), 0);
	expect_seen(s, 1, "abc");
	dl_source_state_close(s);
	free(at);

	/* Again: nothing of what was only seen was kept. */
	s = open_state();
	expect_seen(s, 1, "abc");
	expect_seen(s, 2, "");
	dl_source_state_close(s);
	free(one), free(two), free(three);
}

static void
without_a_commit_all_is_new_again(void **state)
{
	struct dl_source_state *s = open_state();
	char *one = emit(s, "abc", 1), *two, *at;

	(void)state;
	dl_source_state_close(s);
	s = open_state();
	at = position(s);
	assert_string_equal(at, DL_SOURCE_START);
	assert_int_equal(pending(), 0);
	two = emit(s, "abc", 1);
	assert_true(strcmp(one, two) < 0);
	dl_source_state_close(s);

	/* The first run is committed late: its change is gone, so it repeats. */
	commit(one);
	s = open_state();
	free(at);
	at = position(s);
	assert_string_equal(at, DL_SOURCE_START);
	expect_seen(s, 1, "");
	dl_source_state_close(s);
	free(one), free(two), free(at);
}

static void
a_save_without_change_is_no_position(void **state)
{
	struct dl_source_state *s = open_state();
	char *one;

	(void)state;
	assert_int_equal(dl_source_state_save(s, &err), 0);
	one = emit(s, "a", 1);
	assert_false(dl_source_state_new(s, 'a', 1));
	assert_int_equal(dl_source_state_save(s, &err), 0);
	assert_true(dl_source_state_new(s, 'a', 2));
	dl_source_state_close(s);
	free(one);
}

static void
validators_belong_to_a_spec_and_a_commit(void **state)
{
	struct dl_source_state *s = open_state();
	struct dl_span etag, modified;
	char *one;

	(void)state;
	dl_source_state_set_validators(s, 7, DL_SPAN("\"x\""), DL_SPAN("Sun"));
	one = emit(s, "", 0);
	/* Used in this run, though not yet committed. */
	dl_source_state_validators(s, 7, &etag, &modified);
	assert_true(dl_span_is(etag, "\"x\"") && dl_span_is(modified, "Sun"));
	dl_source_state_validators(s, 8, &etag, &modified);
	assert_true(etag.p == NULL && modified.p == NULL);
	dl_source_state_close(s);

	s = open_state();
	dl_source_state_validators(s, 7, &etag, &modified);
	assert_true(etag.p == NULL && modified.p == NULL);
	dl_source_state_set_validators(s, 7, DL_SPAN("\"y\""), DL_SPAN(""));
	free(one);
	one = emit(s, "", 0);
	dl_source_state_close(s);
	commit(one);
	s = open_state();
	dl_source_state_validators(s, 7, &etag, &modified);
	assert_true(dl_span_is(etag, "\"y\"") && modified.p == NULL);
	/* The same again is no change; one that can't be kept is none. */
	dl_source_state_set_validators(s, 7, DL_SPAN("\"y\""), DL_SPAN(""));
	assert_int_equal(dl_source_state_save(s, &err), 0);
	dl_source_state_set_validators(s, 7, DL_SPAN("a\nb"), DL_SPAN(""));
	dl_source_state_validators(s, 7, &etag, &modified);
	assert_true(etag.p == NULL);
	dl_source_state_close(s);
	free(one);
}

/*
 * A power cut while the state is settled: after each step of it, what is on
 * disk leads to the same state.
 */
static void
settling_can_be_cut_off_anywhere(void **state)
{
	struct dl_source_state *s = open_state();
	char *one = emit(s, "ab", 1), *two = emit(s, "c", 1),
	     *three = emit(s, "d", 1);

	(void)state;
	dl_source_state_close(s);
	commit(two);
	in_home("mkdir $H/keep && cp -r $H/sources/s/pending $H/keep/", NULL);
	/* Half of a file that was being written. */
	in_home("echo half > $H/sources/s/pending/$A.tmp1", three);
	in_home("echo half > $H/sources/s/state.tmp1", NULL);
	s = open_state();
	expect_seen(s, 1, "abc");
	dl_source_state_close(s);
	assert_int_equal(pending(), 0);

	/* The new state is there, and every pending change still is too. */
	in_home("cp $H/keep/pending/* $H/sources/s/pending/", NULL);
	s = open_state();
	expect_seen(s, 1, "abc");
	dl_source_state_close(s);
	assert_int_equal(pending(), 0);

	/* Only some were removed, the last one stayed; then it is committed. */
	in_home("cp $H/keep/pending/$A $H/sources/s/pending/", three);
	commit(three);
	s = open_state();
	expect_seen(s, 1, "abcd");
	dl_source_state_close(s);
	free(one), free(two), free(three);
}

static void
a_change_whose_base_is_missing_is_not_applied(void **state)
{
	struct dl_source_state *s = open_state();
	char *one = emit(s, "ab", 1), *two = emit(s, "c", 1), *at;

	(void)state;
	dl_source_state_close(s);
	commit(two);
	in_home("rm $H/sources/s/pending/$A", one);
	s = open_state();
	at = position(s);
	assert_string_equal(at, DL_SOURCE_START);
	expect_seen(s, 1, "");
	free(at);
	/* Whatever comes now is later than all that was. */
	dl_source_state_touch(s);
	at = emit(s, "", 0);
	assert_true(strcmp(at, two) > 0);
	dl_source_state_close(s);
	free(one), free(two), free(at);
}

static void
tokens_grow_when_the_clock_goes_back(void **state)
{
	struct dl_source_state *s;
	char *at;

	(void)state;
	/* The year 10889; the next one has to carry over the last digits. */
	commit("7ZZZZZZZZZ00000000000000ZZ");
	s = open_state();
	dl_source_state_touch(s);
	assert_int_equal(dl_source_state_save(s, &err), 1);
	at = position(s);
	assert_string_equal(at, "7ZZZZZZZZZ0000000000000100");
	dl_source_state_close(s);
	free(at);
}

static void
broken_files_are_told(void **state)
{
	struct dl_source_state *s = open_state();
	char *one = emit(s, "abc", 1);

	(void)state;
	dl_source_state_close(s);
	commit(one);
	in_home("printf x | dd of=$H/sources/s/pending/$A bs=1 seek=150 "
		"conv=notrunc 2>/dev/null",
	    one);
	assert_null(dl_source_state_open(home, DL_SPAN("s"), &err));
	assert_int_equal(err.status, DL_EXIT_DATA);
	assert_non_null(strstr(err.msg, one));
	assert_non_null(strstr(err.msg, "move it away"));

	err = (struct dl_err){0};
	in_home("rm $H/sources/s/pending/*", NULL);
	in_home("echo dl-source-state 1 > $H/sources/s/state", NULL);
	assert_null(dl_source_state_open(home, DL_SPAN("s"), &err));
	assert_non_null(strstr(err.msg, "/sources/s/state' is broken"));

	err = (struct dl_err){0};
	in_home("rm $H/sources/s/state", NULL);
	in_home("echo 00000000000000001234 > $H/commits/source.s", NULL);
	assert_null(dl_source_state_open(home, DL_SPAN("s"), &err));
	assert_non_null(strstr(err.msg, "not a position of a source"));
	free(one);
}

/* A run that goes on for long: what was committed is merged on the way. */
static void
a_long_run_keeps_few_changes(void **state)
{
	struct dl_source_state *s = open_state();
	char *last = NULL;

	(void)state;
	for (uint64_t i = 0; i < 300; i++) {
		free(last);
		last = emit(s, "abcdef", i + 1);
		if (i % 10 == 9)
			commit(last);
		assert_true(pending() <= 80);
		assert_int_equal(dl_source_state_waiting(s), pending());
	}
	dl_source_state_close(s);
	commit(last);
	s = open_state();
	expect_seen(s, 300, "abcdef");
	dl_source_state_close(s);
	free(last);
}

static void
uncommitted_changes_are_held_back_at_a_limit(void **state)
{
	struct dl_source_state *s = open_state();
	char *first = NULL, *last = NULL, *at;
	uint64_t i;

	(void)state;
	for (i = 0; i < DL_SOURCE_WAITING_MAX; i++) {
		free(last);
		last = emit(s, "a", i + 1);
		if (first == NULL)
			first = position(s);
	}
	assert_true(dl_source_state_new(s, 'b', 1));
	dl_source_state_touch(s);
	assert_int_equal(dl_source_state_save(s, &err), 0);
	at = position(s);
	assert_string_equal(at, last);
	assert_int_equal(pending(), DL_SOURCE_WAITING_MAX);
	free(at);

	/* One commit, and what was held back goes on. */
	commit(first);
	assert_int_equal(dl_source_state_save(s, &err), 1);
	at = position(s);
	assert_true(strcmp(at, last) > 0);
	dl_source_state_close(s);
	commit(at);
	s = open_state();
	assert_false(dl_source_state_new(s, 'a', DL_SOURCE_WAITING_MAX));
	assert_false(dl_source_state_new(s, 'b', 1));
	dl_source_state_close(s);
	free(first), free(last), free(at);
}

static void
the_oldest_subjects_are_forgotten(void **state)
{
	struct dl_seen seen = {.limit = 1000};
	size_t known = 0;

	(void)state;
	for (uint64_t i = 0; i < 100000; i++) {
		assert_true(dl_seen_put(&seen, i * 0x9e3779b97f4a7c15u, i));
		assert_false(dl_seen_put(&seen, i * 0x9e3779b97f4a7c15u, i));
		assert_true(seen.n <= 1000);
	}
	for (size_t i = 0; i < seen.n; i++)
		known += seen.entry[i].content >= 100000 - 1000;
	assert_int_equal(known, seen.n);
	assert_true(seen.n >= 740);
	assert_int_equal(dl_seen_changed(&seen), seen.n);
	dl_seen_clean(&seen);
	assert_int_equal(dl_seen_changed(&seen), 0);
	assert_true(dl_seen_put(&seen, seen.entry[3].subject, 1));
	assert_int_equal(dl_seen_changed(&seen), 1);
	dl_seen_release(&seen);
	assert_int_equal(seen.n, 0);
}

/* Who chooses the subjects knows their hashes, but not where they go. */
static void
subjects_can_not_be_made_to_collide(void **state)
{
	struct dl_seen seen = {0};
	clock_t start = clock();

	(void)state;
	for (uint64_t i = 0; i < 200000; i++)
		assert_true(dl_seen_put(&seen, i << 32, i));
	/* A walk over all that came before takes a minute. */
	assert_true(clock() - start < 3 * CLOCKS_PER_SEC);
	dl_seen_release(&seen);
}

/* A type of one column is not the name of another. */
static void
specs_differ(void **state)
{
	static const struct dl_column_rule rule = {"a", DL_COLUMN_STRING};
	static const char *const one[] = {"a", NULL};
	static const char *const two[] = {"a", "1a", NULL};
	struct dl_source_spec s, t;

	(void)state;
	dl_source_spec_init(&s);
	t = s;
	s.columns = (struct dl_column_rules){one, &rule, 1, false};
	t.columns = (struct dl_column_rules){two, NULL, 0, false};
	assert_int_not_equal(dl_source_spec_hash(&s), dl_source_spec_hash(&t));
	s.columns = t.columns = (struct dl_column_rules){0};
	/* Another request, and another who asks, may have another answer. */
	assert_int_equal(dl_source_spec_hash(&s), dl_source_spec_hash(&t));
	s.body = "a";
	assert_int_not_equal(dl_source_spec_hash(&s), dl_source_spec_hash(&t));
	t.method = "a";
	assert_int_not_equal(dl_source_spec_hash(&s), dl_source_spec_hash(&t));
	s.body = t.method = NULL;
	s.headers = (const char *[]){"X: 1", NULL};
	t.headers = (const char *[]){"X: 2", NULL};
	assert_int_not_equal(dl_source_spec_hash(&s), dl_source_spec_hash(&t));
	s.headers = t.headers = NULL;
	s.auth.bearer = "env:A";
	assert_int_not_equal(dl_source_spec_hash(&s), dl_source_spec_hash(&t));
	dl_source_spec_release(&s);
}

static void
expect_text(const struct dl_source_state *s, const char *name, struct dl_span v)
{
	assert_true(dl_span_eq(dl_source_state_text(s, name), v));
}

/* A place: texts of any bytes and marks, as of the position committed. */
static void
a_place_is_remembered(void **state)
{
	static char big[DL_SOURCE_TEXT_MAX + 1];
	struct dl_source_state *s = open_state();
	struct dl_span any = dl_span("\0\n\xff bytes 3\n", 12);
	uint64_t value = 0;
	char *one, *two;

	(void)state;
	assert_null(dl_source_state_text(s, "cursor").p);
	assert_false(dl_source_state_mark(s, 7, &value));
	assert_false(dl_source_state_is_unsaved(s));
	dl_source_state_set_text(s, "cursor", any);
	dl_source_state_set_text(s, "empty", DL_SPAN(""));
	dl_source_state_set_text(s, "big", dl_span(big, sizeof(big) - 1));
	dl_source_state_set_mark(s, 7, 70);
	dl_source_state_set_mark(s, 8, UINT64_MAX);
	assert_true(dl_source_state_is_unsaved(s));
	assert_int_equal(dl_source_state_save(s, &err), 1);
	one = position(s);
	/* What is as it was is no change. */
	dl_source_state_set_text(s, "cursor", any);
	dl_source_state_set_mark(s, 7, 70);
	assert_int_equal(dl_source_state_save(s, &err), 0);
	dl_source_state_set_text(s, "cursor", DL_SPAN("later"));
	dl_source_state_set_text(s, "big", dl_span(big, sizeof(big)));
	dl_source_state_set_mark(s, 7, 71);
	assert_int_equal(dl_source_state_save(s, &err), 1);
	two = position(s);
	dl_source_state_close(s);

	/* A look changes nothing, and saves nothing. */
	commit(one);
	for (int i = 0; i < 2; i++) {
		s = i == 0 ? dl_source_state_look(home, DL_SPAN("s"), &err)
		           : open_state();
		assert_non_null(s);
		assert_int_equal(pending(), i == 0 ? 2 : 0);
		expect_text(s, "cursor", any);
		expect_text(s, "big", dl_span(big, sizeof(big) - 1));
		assert_true(dl_source_state_mark(s, 7, &value));
		assert_int_equal(value, 70);
		assert_true(dl_source_state_mark(s, 8, &value));
		assert_true(value == UINT64_MAX);
		dl_source_state_set_text(s, "cursor", DL_SPAN("later"));
		dl_source_state_set_text(s, "big", dl_span(big, sizeof(big)));
		dl_source_state_set_mark(s, 7, 71);
		assert_int_equal(dl_source_state_save(s, &err), i);
		if (i == 1) {
			free(two);
			two = position(s);
		}
		dl_source_state_close(s);
	}
	commit(two);
	s = open_state();
	expect_text(s, "cursor", DL_SPAN("later"));
	expect_text(s, "big", DL_SPAN(""));
	assert_true(dl_source_state_mark(s, 7, &value));
	assert_int_equal(value, 71);
	dl_source_state_close(s);
	free(one);
	free(two);
}

/* Emit content of subject at second sec: the second by which it is named. */
static int64_t
named(struct dl_source_state *s, char subject, uint64_t content, int64_t sec,
    int again)
{
	struct dl_time t = {.sec = sec, .nsec = 123456000, .digits = 6};

	assert_true(dl_source_state_new(s, (uint64_t)subject, content));
	dl_source_state_touch(s);
	assert_int_equal(dl_source_state_time(s, &t, &err), again);
	assert_int_equal(t.nsec, 123456000);
	assert_int_equal(t.digits, 6);
	return t.sec;
}

static struct dl_source_state *
reopen(struct dl_source_state *s)
{
	dl_source_state_close(s);
	return open_state();
}

static void
what_was_never_committed_has_its_name_again(void **state)
{
	struct dl_source_state *s = open_state();

	(void)state;
	assert_int_equal(named(s, 'a', 1, 100, 0), 100);
	assert_int_equal(named(s, 'b', 1, 101, 0), 100);
	assert_int_equal(dl_source_state_save(s, &err), 1);
	assert_int_equal(named(s, 'b', 2, 200, 0), 200);
	assert_int_equal(dl_source_state_save(s, &err), 1);
	/* It is so however often the run is killed, and wherever. */
	for (int i = 0; i < 3; i++) {
		s = reopen(s);
		assert_int_equal(named(s, 'b', 2, 300 + i, 1), 200);
		assert_int_equal(named(s, 'a', 1, 300 + i, 1), 100);
		if (i == 1)
			assert_int_equal(dl_source_state_save(s, &err), 1);
	}
	s = reopen(s);
	/* What is not the same is a name of its own. */
	assert_int_equal(named(s, 'a', 2, 400, 0), 400);
	assert_int_equal(named(s, 'c', 1, 401, 0), 400);
	dl_source_state_close(s);
}

static void
nor_what_was_never_saved(void **state)
{
	struct dl_source_state *s = open_state();

	(void)state;
	assert_int_equal(named(s, 'a', 1, 100, 0), 100);
	for (int i = 0; i < 3; i++) {
		s = reopen(s);
		assert_int_equal(named(s, 'b', 1, 200, 0), 100);
	}
	assert_int_equal(dl_source_state_save(s, &err), 1);
	assert_int_equal(named(s, 'c', 1, 300, 0), 300);
	s = reopen(s);
	assert_int_equal(named(s, 'c', 1, 400, 0), 300);
	assert_int_equal(named(s, 'b', 1, 400, 1), 100);
	dl_source_state_close(s);
}

static void
what_went_back_is_a_change(void **state)
{
	struct dl_source_state *s = open_state();
	char *one = emit(s, "ab", 1);

	(void)state;
	commit(one);
	s = reopen(s);
	free(emit(s, "a", 2));
	for (int i = 0; i < 2; i++) {
		s = reopen(s);
		assert_true(dl_source_state_new(s, 'a', 1));
		assert_false(dl_source_state_new(s, 'a', 1));
		assert_false(dl_source_state_new(s, 'b', 1));
		dl_source_state_touch(s);
		free(one);
		assert_int_equal(dl_source_state_save(s, &err), 1);
		one = position(s);
	}
	commit(one);
	s = reopen(s);
	expect_seen(s, 1, "ab");
	assert_int_equal(in_home("test ! -e $H/sources/s/lost", NULL), 0);
	dl_source_state_close(s);
	free(one);
}

static void
what_was_committed_gets_a_new_name(void **state)
{
	struct dl_source_state *s = open_state();
	char *one;

	(void)state;
	assert_int_equal(named(s, 'a', 1, 100, 0), 100);
	assert_int_equal(dl_source_state_save(s, &err), 1);
	one = position(s);
	commit(one);
	s = reopen(s);
	assert_false(dl_source_state_new(s, 'a', 1));
	assert_int_equal(named(s, 'a', 2, 200, 0), 200);
	dl_source_state_close(s);
	free(one);
}

static void
a_broken_beginning_is_none(void **state)
{
	static const char *const texts[] = {"", "0", "0 \n", "0 x\n", "x 1\n",
	    "0 1", "0 99999999999999999999\n", "0 18446744073709551615\n",
	    "0 -1\n", "0 1\n1\n", "00000000000000000000000000000000000 1\n"};
	struct dl_source_state *s;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		s = open_state();
		dl_source_state_close(s);
		assert_int_equal(
		    in_home("printf \"$A\" >$H/sources/s/begun", texts[i]), 0);
		s = open_state();
		assert_int_equal(named(s, 'a', 1, 100, 0), 100);
		dl_source_state_close(s);
		assert_int_equal(in_home("rm -rf $H/*", NULL), 0);
	}
}

static void
a_broken_loss_is_told(void **state)
{
	struct dl_source_state *s = open_state();

	(void)state;
	free(emit(s, "a", 1));
	s = reopen(s);
	dl_source_state_close(s);
	assert_int_equal(in_home("echo x >>$H/sources/s/lost", NULL), 0);
	assert_null(dl_source_state_open(home, DL_SPAN("s"), &err));
	assert_int_equal(err.status, DL_EXIT_DATA);
	assert_non_null(strstr(err.msg, "/sources/s/lost' is broken"));
}

/* What the version before wrote, without texts and marks, is still known. */
static void
an_older_state_is_read(void **state)
{
	static const char token[] = "01KAPQ0000000000000000000A";
	uint64_t pair[2] = {htole64('a'), htole64(1)}, sum;
	struct dl_source_state *s = open_state();
	struct dl_buf b = {0};
	char path[PATH_MAX], *at;

	(void)state;
	dl_source_state_close(s);
	dl_buf_printf(&b,
	    "dl-source-state 1\ntoken %s\nbase 0\nspec %016x\netag \"e\"\n"
	    "modified \nentries 1\n",
	    token, 7);
	dl_buf_add(&b, pair, sizeof(pair));
	sum = htole64(dl_hash64(dl_buf_as_span(&b)));
	dl_buf_add(&b, &sum, sizeof(sum));
	snprintf(path, sizeof(path), "%s/sources/s/state", home);
	assert_int_equal(dl_replace_file(path, dl_buf_as_span(&b), &err), 0);
	dl_buf_release(&b);
	commit(token);
	s = open_state();
	at = position(s);
	assert_string_equal(at, token);
	expect_seen(s, 1, "a");
	dl_source_state_close(s);
	free(at);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup(name, fresh)
	    T(a_place_is_remembered),
	    T(an_older_state_is_read),
	    T(specs_differ),
	    T(what_was_committed_is_remembered),
	    T(without_a_commit_all_is_new_again),
	    T(a_save_without_change_is_no_position),
	    T(validators_belong_to_a_spec_and_a_commit),
	    T(settling_can_be_cut_off_anywhere),
	    T(a_change_whose_base_is_missing_is_not_applied),
	    T(tokens_grow_when_the_clock_goes_back),
	    T(broken_files_are_told),
	    T(a_long_run_keeps_few_changes),
	    T(uncommitted_changes_are_held_back_at_a_limit),
	    T(the_oldest_subjects_are_forgotten),
	    T(subjects_can_not_be_made_to_collide),
	    T(what_was_never_committed_has_its_name_again),
	    T(nor_what_was_never_saved),
	    T(what_went_back_is_a_change),
	    T(what_was_committed_gets_a_new_name),
	    T(a_broken_beginning_is_none),
	    T(a_broken_loss_is_told),
#undef T
	};
	int r;

	if (mkdtemp(home) == NULL)
		return 1;
	r = cmocka_run_group_tests(tests, NULL, NULL);
	in_home("rm -rf $H", NULL);
	return r;
}
