/* twin: its log of changes, compacted, from any number on. */
#include "twin_help.h"

static void
changes_are_compacted(void **unused)
{
	struct dl_twin *t = open_write(new_dir());
	struct dl_event ev = observation(
	    "c", "2018-02-07T01:00:00Z", "a", "{\"x\":1,\"y\":1,\"z\":1}");
	struct dl_buf b = {0};
	struct dl_err err = {0};
	uint64_t last;

	(void)unused;
	put(t, &ev);
	commit(t);
	assert_int_equal(
	    dl_twin_changes(t, 0, &last, append_names, &b, &err), 3);
	assert_int_equal(last, 3);
	ev.time = S("2018-02-07T02:00:00Z");
	ev.data = S("{\"x\":2}");
	put(t, &ev);
	ev.data = S("{\"y\":2}");
	put(t, &ev);
	commit(t);
	dl_buf_clear(&b);
	assert_int_equal(
	    dl_twin_changes(t, 3, &last, append_names, &b, &err), 2);
	assert_string_equal(dl_buf_str(&b), "c.x=2 c.y=2 ");
	assert_int_equal(last, 5);
	dl_buf_clear(&b);
	assert_int_equal(
	    dl_twin_changes(t, 0, &last, append_names, &b, &err), 3);
	assert_string_equal(dl_buf_str(&b), "c.z=1 c.x=2 c.y=2 ");
	put(t, &ev);
	commit(t);
	assert_int_equal(dl_twin_last_change(t, &last, &err), 0);
	assert_int_equal(last, 5);
	assert_int_equal(
	    dl_twin_changes(t, 5, &last, append_names, &b, &err), 0);
	assert_int_equal(last, 5);
	dl_buf_release(&b);
	dl_twin_close(t);
}

#define NKEYS 2000

static int
append_key(void *arg, const struct dl_twin_record *rec, struct dl_err *err)
{
	(void)err;
	dl_buf_printf(arg, "%llu %.*s\n", (unsigned long long)rec->change,
	    DL_SPAN_ARG(rec->component));
	return 0;
}

/*
 * The log of keys of all lengths, changed in parts large and small, is always
 * the keys in the order of their last change: beside a plain array of them.
 */
static void
the_change_log_is_exact(void **unused)
{
	struct dl_twin *t = open_write(new_dir());
	static char names[NKEYS][DL_TWIN_KEY_MAX];
	static uint64_t changed[NKEYS];
	static int at[20 * NKEYS];
	struct dl_buf got = {0}, want = {0};
	struct dl_err err = {0};
	uint64_t number = 0, last, since;

	(void)unused;
	for (int i = 0; i < NKEYS; i++)
		snprintf(names[i], sizeof(names[i]), "%04d%0*d", i,
		    below(20) == 0 ? (int)below(450) : 1 + (int)below(9),
		    (int)below(10));
	for (int round = 0; round < 30; round++) {
		uint32_t one_in = (uint32_t[]){1, 2, 10, 100}[below(4)];

		for (int i = 0; i < NKEYS; i++) {
			struct dl_event ev;
			char time[40];

			if (below(one_in) != 0 || number >= 20 * NKEYS - 1)
				continue;
			snprintf(time, sizeof(time), "2018-02-07T01:00:%02dZ",
			    round);
			ev = observation(names[i], time, "i", "{\"m\":1}");
			put(t, &ev);
			changed[i] = ++number;
			at[number] = i;
		}
		commit(t);
		since = below(3) == 0 ? 0 : below((uint32_t)number + 2);
		dl_buf_clear(&got);
		dl_buf_clear(&want);
		for (uint64_t n = since + 1; n <= number; n++)
			if (changed[at[n]] == n)
				dl_buf_printf(&want, "%llu %s\n",
				    (unsigned long long)n, names[at[n]]);
		assert_true(dl_twin_changes(
				t, since, &last, append_key, &got, &err) >= 0);
		assert_string_equal(dl_buf_str(&got), dl_buf_str(&want));
		assert_int_equal(last, since > number ? since : number);
		assert_int_equal(dl_twin_last_change(t, &last, &err), 0);
		assert_int_equal(last, number);
	}
	dl_buf_release(&got);
	dl_buf_release(&want);
	dl_twin_close(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(changes_are_compacted),
	    cmocka_unit_test(the_change_log_is_exact),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
