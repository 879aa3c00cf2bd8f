/* twin: how large it gets, who shares it, which it refuses to open. */
#include "twin_help.h"

#include <lmdb.h>

static void
limits_are_as_stated(void **unused)
{
	struct dl_twin *t = open_write(new_dir());
	struct dl_buf data = {0};
	struct dl_event ev = observation("c", "2018-02-07T02:26:13Z", "i", "");
	char name[DL_TWIN_KEY_MAX];
	struct dl_err err = {0};

	(void)unused;
	memset(name, 'x', sizeof(name));
	dl_buf_printf(&data, "{\"%.*s\":\"", DL_TWIN_KEY_MAX - 1, name);
	dl_buf_room(&data, DL_TWIN_VALUE_MAX);
	memset(data.p + data.len, 'v', DL_TWIN_VALUE_MAX - 2);
	data.len += DL_TWIN_VALUE_MAX - 2;
	dl_buf_adds(&data, "\"}");
	ev.data = dl_buf_as_span(&data);
	put(t, &ev);
	commit(t);
	assert_int_equal(dl_twin_count(t, &err), 1);

	data.len -= 2;
	dl_buf_adds(&data, "v\"}");
	ev.data = dl_buf_as_span(&data);
	assert_int_equal(dl_twin_put(t, &ev, &err), DL_TWIN_PUT_BAD);

	dl_buf_clear(&data);
	for (int i = 0; i < DL_TWIN_METRICS_MAX; i++)
		dl_buf_printf(&data, "%c\"%d\":0", i == 0 ? '{' : ',', i);
	dl_buf_adds(&data, "}");
	ev.data = dl_buf_as_span(&data);
	put(t, &ev);
	commit(t);
	assert_int_equal(dl_twin_count(t, &err), 1 + DL_TWIN_METRICS_MAX);
	data.len--;
	dl_buf_adds(&data, ",\"x\":0}");
	ev.data = dl_buf_as_span(&data);
	dl_err_clear(&err);
	assert_int_equal(dl_twin_put(t, &ev, &err), DL_TWIN_PUT_BAD);
	dl_buf_release(&data);
	dl_twin_close(t);
}

static int
put_one(struct dl_twin *t, const char *component, struct dl_span value)
{
	struct dl_event ev =
	    observation(component, "2018-02-07T01:00:00Z", "i", "");
	struct dl_buf data = {0};
	struct dl_err err = {0};
	int r;

	dl_buf_adds(&data, "{\"m\":");
	dl_buf_span(&data, value);
	dl_buf_addc(&data, '}');
	ev.data = dl_buf_as_span(&data);
	r = dl_twin_put(t, &ev, &err);
	dl_buf_release(&data);
	return r;
}

static void
values_are_json(void **unused)
{
	static const char *const good[] = {"0", "-0", "10", "0.0", "-1.50",
	    "1e5", "1.5E-3", "123456789012345678901234567890", "true", "null",
	    "\"x\"", "[1]", "{}"};
	static const char *const bad[] = {"-", "01", "-01", "00.1", "1.", ".5",
	    "-.5", "1.5.2", "+1", "1e", "1.e5", "0x1", "1-", "tru", "\"\x01\"",
	    "\"\xff\"", "[1", "{\"a\":1,\"a\":2}"};
	struct dl_twin *t = open_write(new_dir());

	(void)unused;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		if (put_one(t, "c", dl_span_str(good[i])) != DL_TWIN_PUT_OK)
			fail_msg("refused: %s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (put_one(t, "c", dl_span_str(bad[i])) != DL_TWIN_PUT_BAD)
			fail_msg("taken: %s", bad[i]);
	dl_twin_close(t);
}

/* A byte that must not be in a name, at every place of it. */
static void
names_are_text(void **unused)
{
	static const char odd[] = "\x01\x1f\x7f\x80\xff";
	struct dl_twin *t = open_write(new_dir());

	(void)unused;
	for (size_t len = 1; len <= 20; len++)
		for (size_t at = 0; at < len; at++)
			for (size_t i = 0; i < sizeof(odd); i++) {
				char name[32] = "~ abcdefghijklmnopqrst";
				int want = i + 1 < sizeof(odd) ? DL_TWIN_PUT_BAD
				                               : DL_TWIN_PUT_OK;

				name[len] = '\0';
				if (i + 1 < sizeof(odd))
					name[at] = odd[i];
				assert_int_equal(
				    put_one(t, name, S("1")), want);
			}
	assert_int_equal(put_one(t, "\xc3\xbc", S("1")), DL_TWIN_PUT_OK);
	assert_int_equal(
	    put_one(t, "12345678\xc3\xbc", S("1")), DL_TWIN_PUT_OK);
	dl_twin_close(t);
}

/* From 1 MiB to 64 MiB and more, read by another environment all the while. */
static void
the_map_grows_under_a_reader(void **unused)
{
	const char *dir = new_dir();
	struct dl_twin *t = open_write(dir), *reader;
	struct dl_err err = {0};
	struct dl_buf data = {0}, names = {0};
	uint64_t last = 0;
	int64_t seen = 0, n;

	(void)unused;
	commit(t);
	reader = dl_twin_open_read(dir, &err);
	assert_non_null(reader);
	dl_buf_adds(&data, "{\"m\":\"");
	dl_buf_room(&data, 2000);
	memset(data.p + data.len, 'v', 1500);
	data.len += 1500;
	dl_buf_adds(&data, "\"}");
	for (int i = 0; i < 30000; i++) {
		char name[32];
		struct dl_event ev;

		snprintf(name, sizeof(name), "c%u.%d", below(1000), i);
		ev = observation(name, "2018-02-07T01:00:00Z", "i", "");
		ev.data = dl_buf_as_span(&data);
		put(t, &ev);
		if (i % 3000 != 2999)
			continue;
		commit(t);
		names.len = 0;
		n = dl_twin_changes(
		    reader, last, &last, append_names, &names, &err);
		if (n < 0)
			fail_msg("%s", err.msg);
		seen += n;
		assert_int_equal(seen, i + 1);
		assert_int_equal(dl_twin_count(reader, &err), i + 1);
	}
	names.len = 0;
	assert_int_equal(
	    dl_twin_list(reader, S(""), true, append_names, &names, &err),
	    30000);
	dl_buf_release(&data);
	dl_buf_release(&names);
	dl_twin_close(reader);
	dl_twin_close(t);
}

/* Two writers with environments of their own, taking turns while it grows. */
static void
two_writers(void **unused)
{
	const char *dir = new_dir();
	struct dl_twin *t[2] = {open_write(dir), NULL};
	struct dl_err err = {0};

	(void)unused;
	t[1] = open_write(dir);
	for (int i = 0; i < 20000; i++) {
		char name[32], data[200];
		struct dl_event ev;

		snprintf(name, sizeof(name), "c%d", i);
		snprintf(data, sizeof(data), "{\"m\":%0100d}", 0);
		data[5] = '1';
		ev = observation(name, "2018-02-07T01:00:00Z", "i", data);
		put(t[i % 2], &ev);
		if (i % 2000 == 1999) {
			commit(t[0]);
			commit(t[1]);
		}
	}
	assert_int_equal(dl_twin_count(t[0], &err), 20000);
	assert_int_equal(dl_twin_count(t[1], &err), 20000);
	dl_twin_close(t[0]);
	dl_twin_close(t[1]);
}

/* As a program of another version leaves it. */
static void
write_version(const char *dir, char version)
{
	char value[64] = {version};
	MDB_val k = {3, "c\0m"}, v = {sizeof(value), value};
	struct dl_twin *t = open_write(dir);
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;

	dl_twin_close(t);
	assert_int_equal(mdb_env_create(&env), 0);
	assert_int_equal(mdb_env_set_maxdbs(env, 2), 0);
	assert_int_equal(mdb_env_open(env, dir, 0, 0666), 0);
	assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
	assert_int_equal(mdb_dbi_open(txn, "records", 0, &dbi), 0);
	assert_int_equal(mdb_put(txn, dbi, &k, &v, 0), 0);
	assert_int_equal(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
}

static void
another_version_is_refused(void **unused)
{
	const char *dir = new_dir();
	struct dl_err err = {0};

	(void)unused;
	write_version(dir, 1);
	assert_null(dl_twin_open_read(dir, &err));
	assert_int_equal(err.status, DL_EXIT_DATA);
	assert_non_null(strstr(err.msg, dir));
	assert_non_null(strstr(err.msg, "a record of version 1"));
	dl_err_clear(&err);
	assert_null(dl_twin_open_write(dir, &err));
	assert_non_null(strstr(err.msg, "a record of version 1"));
}

static void
no_twin_yet(void **unused)
{
	struct dl_err err = {0};

	(void)unused;
	assert_null(dl_twin_open_read(new_dir(), &err));
	assert_int_equal(err.status, DL_EXIT_TEMP);
	assert_non_null(strstr(err.msg, "no twin"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(limits_are_as_stated),
	    cmocka_unit_test(values_are_json),
	    cmocka_unit_test(names_are_text),
	    cmocka_unit_test(the_map_grows_under_a_reader),
	    cmocka_unit_test(two_writers),
	    cmocka_unit_test(another_version_is_refused),
	    cmocka_unit_test(no_twin_yet),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
