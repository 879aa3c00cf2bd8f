/* twin: what is put stays, as a join, in whatever order it comes. */
#include "twin_help.h"

static int
append(void *arg, const struct dl_twin_record *rec, struct dl_err *err)
{
	struct dl_buf *b = arg;

	(void)err;
	dl_twin_print(b, rec);
	dl_buf_addc(b, '\n');
	return 0;
}

static char *
list(struct dl_twin *t, const char *component, bool prefix,
    dl_twin_record_fn *fn)
{
	struct dl_buf b = {0};
	struct dl_err err = {0};

	assert_true(
	    dl_twin_list(t, dl_span_str(component), prefix, fn, &b, &err) >= 0);
	dl_buf_str(&b);
	return b.p;
}

static void
assert_list(
    struct dl_twin *t, const char *component, bool prefix, const char *want)
{
	char *got = list(t, component, prefix, append_names);

	assert_string_equal(got, want);
	free(got);
}

static void
a_record_is_printed(void **unused)
{
	struct dl_twin *t = open_write(new_dir());
	struct dl_event ev =
	    observation("pump \"1\"", "2018-02-07T02:26:13.80+01:00", "i1",
		"{\"a\\u0062\":2.0,\"c\":\"x\\n\"}");
	char *got;

	(void)unused;
	put(t, &ev);
	assert_true(dl_twin_pending(t) > 0);
	commit(t);
	assert_int_equal(dl_twin_pending(t), 0);
	got = list(t, "", true, append);
	assert_string_equal(got,
	    "{\"component\":\"pump \\\"1\\\"\",\"metric\":\"ab\",\"value\":2.0,"
	    "\"time\":\"2018-02-07T01:26:13.80Z\",\"source\":\"s\",\"id\":"
	    "\"i1\","
	    "\"recordedtime\":\"2020-01-01T00:00:00Z\"}\n"
	    "{\"component\":\"pump "
	    "\\\"1\\\"\",\"metric\":\"c\",\"value\":\"x\\n\","
	    "\"time\":\"2018-02-07T01:26:13.80Z\",\"source\":\"s\",\"id\":"
	    "\"i1\","
	    "\"recordedtime\":\"2020-01-01T00:00:00Z\"}\n");
	free(got);
	dl_twin_close(t);
}

/* Ids and recordedtimes of any form are printed as they came. */
static void
texts_are_kept(void **unused)
{
	static const char *const ids[] = {"0123456789abcdef0123456789abcdef:q",
	    "0123456789ABCDEF", "abc", "-", "ab"};
	static const char *const times[] = {"2018-02-07T01:26:13.840Z",
	    "2018-02-07T01:26:13.84+00:00", "2018-02-07T01:26:13z", "-",
	    "2016-12-31T23:59:60Z"};
	struct dl_twin *t = open_write(new_dir());
	struct dl_buf want = {0};
	char *got;

	(void)unused;
	for (int i = 0; i < 25; i++) {
		char name[32];
		struct dl_event ev;

		snprintf(name, sizeof(name), "c%02d", i);
		ev = observation(
		    name, "2018-02-07T01:00:00.10Z", ids[i / 5], "{\"m\":1}");
		ev.recordedtime = dl_span_str(times[i % 5]);
		put(t, &ev);
		dl_buf_printf(&want,
		    "{\"component\":\"%s\",\"metric\":\"m\",\"value\":1,"
		    "\"time\":\"2018-02-07T01:00:00.10Z\",\"source\":\"s\","
		    "\"id\":\"%s\",\"recordedtime\":\"%s\"}\n",
		    name, ids[i / 5], times[i % 5]);
	}
	commit(t);
	got = list(t, "", true, append);
	assert_string_equal(got, dl_buf_str(&want));
	free(got);
	dl_buf_release(&want);
	dl_twin_close(t);
}

static void
uncommitted_is_forgotten(void **unused)
{
	const char *dir = new_dir();
	struct dl_twin *t = open_write(dir);
	struct dl_event ev =
	    observation("c", "2018-02-07T02:26:13Z", "i", "{\"m\":1}");

	(void)unused;
	put(t, &ev);
	dl_twin_close(t);
	t = open_write(dir);
	assert_list(t, "", true, "");
	dl_twin_close(t);
}

static void
lists_and_gets(void **unused)
{
	struct dl_twin *t = open_write(new_dir());
	static const char *const names[] = {"a", "ab", "b", "a.b", "\xc3\xa9"};
	struct dl_buf b = {0};
	struct dl_err err = {0};

	(void)unused;
	for (size_t i = 0; i < 5; i++) {
		struct dl_event ev = observation(names[i],
		    "2018-02-07T02:26:13Z", "i", "{\"n\":9,\"m\":2,\"n\":3}");
		put(t, &ev);
	}
	commit(t);
	assert_list(t, "a", false, "a.m=2 a.n=3 ");
	assert_list(t, "a", true, "a.m=2 a.n=3 a.b.m=2 a.b.n=3 ab.m=2 ab.n=3 ");
	assert_list(t, "zz", false, "");
	assert_list(t, "\xc3", true, "\xc3\xa9.m=2 \xc3\xa9.n=3 ");
	assert_int_equal(dl_twin_count(t, &err), 10);
	assert_int_equal(
	    dl_twin_get(t, S("ab"), S("n"), append_names, &b, &err), 1);
	assert_string_equal(dl_buf_str(&b), "ab.n=3 ");
	assert_int_equal(
	    dl_twin_get(t, S("ab"), S("x"), append_names, &b, &err), 0);
	dl_buf_release(&b);
	dl_twin_close(t);
}

/* What is wrong in any part of an event keeps all of it out. */
static void
bad_events(void **unused)
{
	struct dl_twin *t = open_write(new_dir());
	char name[DL_TWIN_KEY_MAX + 2], data[DL_TWIN_KEY_MAX + 32];
	struct dl_event good = observation(
			    "c", "2018-02-07T02:26:13Z", "i", "{\"m\":1}"),
			ev[16];
	size_t n = 0;

	(void)unused;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	snprintf(data, sizeof(data), "{\"%.*s\":1}", DL_TWIN_KEY_MAX, name);
	for (size_t i = 0; i < 16; i++)
		ev[i] = good;
	ev[n++].type = S(DL_TYPE_RECORD);
	ev[n++].type = S("x");
	ev[n++].subject = (struct dl_span){NULL, 0};
	ev[n++].time = (struct dl_span){NULL, 0};
	ev[n++].time = S("yesterday");
	ev[n++].data = (struct dl_span){NULL, 0};
	ev[n++].data = S("[1]");
	ev[n++].data = S("{\"a\":1,\"b\":}");
	ev[n++].data = S("{\"a\":1,\"\":2}");
	ev[n++].data = S("{\"a\":1,\"x\\u0000y\":2}");
	ev[n++].data = S("{\"a\":1,\"x\":nul}");
	ev[n++].data = S("{\"a\":1,\"x\":2");
	ev[n++].data = dl_span_str(data);
	ev[n++].subject = S("\xff");
	ev[n++].subject = S("a\tb");
	ev[n++].subject = dl_span_str(name);
	for (size_t i = 0; i < n; i++) {
		struct dl_err err = {0};

		assert_int_equal(dl_twin_put(t, &ev[i], &err), DL_TWIN_PUT_BAD);
		assert_int_equal(err.status, DL_EXIT_DATA);
		assert_int_equal(dl_twin_pending(t), 0);
	}
	put(t, &good);
	commit(t);
	assert_list(t, "", true, "c.m=1 ");
	dl_twin_close(t);
}

static int
append_verdict(void *arg, const struct dl_twin_record *rec,
    enum dl_twin_verdict verdict, struct dl_err *err)
{
	(void)err;
	dl_buf_printf(arg, "%.*s:%s ", DL_SPAN_ARG(rec->id),
	    dl_twin_verdict_name(verdict));
	return 0;
}

static void
assert_verdicts(struct dl_twin *t, struct dl_buf *b, const char *want)
{
	commit(t);
	assert_string_equal(dl_buf_str(b), want);
	dl_buf_clear(b);
}

static void
verdicts(void **unused)
{
	struct dl_twin *t = open_write(new_dir());
	struct dl_buf b = {0};
	struct dl_err err = {0};
	const char *t1 = "2018-02-07T01:00:00Z", *t2 = "2018-02-07T02:00:00Z";
	struct dl_event a = observation("c", t1, "a", "{\"m\":1}");
	struct dl_event c = observation("c", t2, "c", "{\"m\":2}");
	struct dl_event d = observation("c", t2, "d", "{\"m\":2}");
	struct dl_event f =
	    observation("c", "2099-01-01T00:00:00Z", "f", "{\"m\":2}");

	(void)unused;
	dl_twin_set_verdicts(t, append_verdict, &b);
	put(t, &c);
	assert_verdicts(t, &b, "c:applied ");
	put(t, &a);
	assert_verdicts(t, &b, "a:stale ");
	put(t, &c);
	assert_verdicts(t, &b, "c:duplicate ");
	put(t, &d);
	assert_verdicts(t, &b, "d:unchanged ");
	/* In one batch, those that lose are told after what stays. */
	put(t, &a);
	put(t, &d);
	put(t, &d);
	put(t, &c);
	assert_verdicts(t, &b, "d:duplicate c:stale d:duplicate a:stale ");
	put(t, &a);
	put(t, &a);
	assert_verdicts(t, &b, "a:stale a:duplicate ");
	assert_int_equal(dl_twin_put(t, &f, &err), DL_TWIN_PUT_REFUSED);
	assert_int_equal(err.status, DL_EXIT_DATA);
	assert_verdicts(t, &b, "f:future ");
	assert_int_equal(dl_twin_counts(t)[DL_TWIN_APPLIED], 1);
	assert_int_equal(dl_twin_counts(t)[DL_TWIN_STALE], 4);
	assert_int_equal(dl_twin_counts(t)[DL_TWIN_DUPLICATE], 4);
	assert_int_equal(dl_twin_counts(t)[DL_TWIN_UNCHANGED], 1);
	assert_int_equal(dl_twin_counts(t)[DL_TWIN_FUTURE], 1);

	/* Counted alike where nobody asks. */
	dl_twin_set_verdicts(t, NULL, NULL);
	put(t, &a);
	put(t, &d);
	put(t, &d);
	commit(t);
	put(t, &a);
	put(t, &a);
	commit(t);
	assert_int_equal(dl_twin_counts(t)[DL_TWIN_STALE], 6);
	assert_int_equal(dl_twin_counts(t)[DL_TWIN_DUPLICATE], 7);
	dl_buf_release(&b);
	dl_twin_close(t);
}

static void
max_future_is_exact(void **unused)
{
	struct dl_twin *t = open_write(new_dir());
	struct dl_event at = observation(
			    "c", "2020-01-01T00:00:01.5Z", "i", "{\"m\":1}"),
			after = at;
	struct dl_err err = {0};

	(void)unused;
	after.time = S("2020-01-01T00:00:01.500000001Z");
	dl_twin_set_max_future(t, 1500);
	assert_int_equal(dl_twin_put(t, &at, &err), DL_TWIN_PUT_OK);
	assert_int_equal(dl_twin_put(t, &after, &err), DL_TWIN_PUT_REFUSED);
	dl_twin_close(t);
}

#define NEVENTS 400

/* Few of everything, so that all ties happen. */
static void
random_events(struct dl_event *ev, char data[][64])
{
	static const char *const components[] = {"a", "ab", "b"};
	static const char *const times[] = {"2018-02-07T01:00:00Z",
	    "2018-02-07T01:00:00.0Z", "2018-02-07T02:00:00+01:00",
	    "2018-02-07T01:00:00.000000001Z"};
	static const char *const sequences[] = {
	    NULL, "9", "10", "09", "1a", "x"};
	static const char *const texts[] = {"x", "y", "xx"};

	for (int i = 0; i < NEVENTS; i++) {
		snprintf(data[i], sizeof(data[i]), "{\"m%u\":%u,\"n\":%u}",
		    below(3), below(3), below(2));
		ev[i] = observation(components[below(3)], times[below(4)],
		    texts[below(3)], data[i]);
		ev[i].sequence = dl_span_str(sequences[below(6)]);
		ev[i].source = dl_span_str(texts[below(3)]);
		ev[i].recordedtime = below(4) == 0
		                         ? (struct dl_span){NULL, 0}
		                         : dl_span_str(times[below(4)]);
	}
}

static int
count_verdict(void *arg, const struct dl_twin_record *rec,
    enum dl_twin_verdict verdict, struct dl_err *err)
{
	(void)rec;
	(void)verdict;
	(void)err;
	++*(int *)arg;
	return 0;
}

/* Put all of ev in a random order, some twice, by two writers in batches. */
static char *
state_of(const struct dl_event *ev, bool with_verdicts)
{
	const char *dir = new_dir();
	struct dl_twin *t = open_write(dir);
	bool done[NEVENTS] = {false};
	int left = NEVENTS, told = 0, puts = 0;
	char *state_now;

	while (left > 0) {
		uint32_t i = below(NEVENTS);

		left -= !done[i];
		done[i] = true;
		if (with_verdicts)
			dl_twin_set_verdicts(t, count_verdict, &told);
		put(t, &ev[i]);
		puts++;
		if (below(20) == 0)
			commit(t);
		if (below(100) == 0) { /* another one takes over */
			commit(t);
			dl_twin_close(t);
			t = open_write(dir);
		}
	}
	commit(t);
	/* Nothing is hidden by coalescing; m and n are two metrics. */
	if (with_verdicts)
		assert_int_equal(told, 2 * puts);
	state_now = list(t, "", true, append);
	dl_twin_close(t);
	return state_now;
}

static void
order_does_not_matter(void **unused)
{
	static struct dl_event ev[NEVENTS];
	static char data[NEVENTS][64];

	(void)unused;
	for (int set = 0; set < 4; set++) {
		char *first, *other;

		random_events(ev, data);
		first = state_of(ev, false);
		for (int i = 0; i < 6; i++) {
			other = state_of(ev, i % 2 == 0);
			assert_string_equal(other, first);
			free(other);
		}
		free(first);
	}
}

/* What does not decide which is newer still decides what stays. */
static void
full_ties_are_settled(void **unused)
{
	struct dl_event ev[4];
	char *first = NULL;

	(void)unused;
	for (size_t i = 0; i < 4; i++)
		ev[i] =
		    observation("c", "2018-02-07T01:00:00Z", "i", "{\"m\":1}");
	ev[1].time = S("2018-02-07T01:00:00.0Z");
	ev[2].source = S("r");
	ev[3].source = S("r");
	ev[3].recordedtime = S("2019-01-01T00:00:00Z");
	for (size_t from = 0; from < 4; from++)
		for (size_t step = 1; step < 4; step += 2)
			for (int each = 0; each < 2; each++) {
				struct dl_twin *t = open_write(new_dir());
				char *got;

				for (size_t i = 0; i < 4; i++) {
					put(t, &ev[(from + i * step) % 4]);
					if (each)
						commit(t);
				}
				commit(t);
				got = list(t, "", true, append);
				dl_twin_close(t);
				if (first != NULL)
					assert_string_equal(got, first);
				free(first);
				first = got;
			}
	assert_non_null(strstr(first, "\"source\":\"r\""));
	assert_non_null(strstr(first, "2019-01-01"));
	free(first);
}

static void
of_equal_times_more_decimals_stay(void **unused)
{
	struct dl_event a = observation(
			    "c", "2018-02-07T01:00:00Z", "i", "{\"m\":1}"),
			b = a;

	(void)unused;
	b.time = S("2018-02-07T01:00:00.0Z");
	for (int turn = 0; turn < 2; turn++) {
		struct dl_twin *t = open_write(new_dir());
		char *got;

		put(t, turn ? &a : &b);
		put(t, turn ? &b : &a);
		commit(t);
		put(t, turn ? &a : &b);
		commit(t);
		got = list(t, "", true, append);
		assert_non_null(strstr(got, "01:00:00.0Z"));
		free(got);
		dl_twin_close(t);
	}
}

/* A name twice in one observation is one value, whatever else there is. */
static void
the_last_of_one_name_counts(void **unused)
{
	struct dl_event twice = observation(
	    "c", "2018-02-07T01:00:00Z", "i", "{\"n\":9,\"m\":2,\"n\":1}");
	struct dl_event other =
	    observation("c", "2018-02-07T01:00:00Z", "i", "{\"n\":5}");

	(void)unused;
	for (int turn = 0; turn < 3; turn++) {
		struct dl_twin *t = open_write(new_dir());

		put(t, &twice);
		if (turn == 0)
			commit(t);
		if (turn == 0)
			assert_list(t, "", true, "c.m=2 c.n=1 ");
		put(t, &other);
		if (turn == 2)
			put(t, &twice);
		commit(t);
		assert_list(t, "", true, "c.m=2 c.n=5 ");
		dl_twin_close(t);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_record_is_printed),
	    cmocka_unit_test(texts_are_kept),
	    cmocka_unit_test(uncommitted_is_forgotten),
	    cmocka_unit_test(lists_and_gets),
	    cmocka_unit_test(bad_events),
	    cmocka_unit_test(verdicts),
	    cmocka_unit_test(max_future_is_exact),
	    cmocka_unit_test(order_does_not_matter),
	    cmocka_unit_test(full_ties_are_settled),
	    cmocka_unit_test(of_equal_times_more_decimals_stay),
	    cmocka_unit_test(the_last_of_one_name_counts),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
