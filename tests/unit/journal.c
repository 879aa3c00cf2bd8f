/* journal.h: which parts matter to a run, whatever happened to the last. */
#include "journal_help.h"

static void
lines(void **state)
{
	struct test *t = *state;

	run(t, "0");
	parts_are(t, "");
	stored(t);
	checkpoint(t, "10");
	append(t, "a");
	file_is(
	    t, "{\"positions\":[\"0\"],\"next\":\"10\",\"parts\":[\"a\"]}\n");
	stored(t);
	checkpoint(t, "20");
	stored(t);
	append(t, "b");
	file_is(t, "{\"positions\":[\"0\"],\"next\":\"10\",\"parts\":[\"a\"]}\n"
		   "{\"positions\":[\"10\",\"20\"],\"parts\":[\"b\"]}\n");
	matters(t, "0", "a b ");
	matters(t, "10", "b ");
	run(t, "20");
	parts_are(t, "b ");
	file_is(t, "{\"positions\":[\"20\"],\"parts\":[\"b\"]}\n");
	run(t, "20");
	file_is(t, "{\"positions\":[\"20\"],\"parts\":[\"b\"]}\n");
}

/* A position that no line has: all may hold events that come after it. */
static void
unlisted(void **state)
{
	struct test *t = *state;

	run(t, "0");
	stored(t);
	append(t, "a");
	stored(t);
	append(t, "b");
	run(t, "15");
	parts_are(t, "a b ");
}

/* After a clean end nothing matters to a run from the last position. */
static void
ends(void **state)
{
	struct test *t = *state;

	run(t, "0");
	assert_int_equal(dl_journal_end(t->j, &t->err), 0);
	file_is(t, "");
	stored(t);
	append(t, "a");
	checkpoint(t, "10");
	assert_int_equal(dl_journal_end(t->j, &t->err), 0);
	matters(t, "0", "a ");
	run(t, "10");
	parts_are(t, "");
	file_is(t, "");
}

/* What is not there is told of once, and then no more. */
static void
gone(void **state)
{
	struct test *t = *state;

	run(t, "0");
	stored(t);
	append(t, "a");
	append(t, "b");
	t->gone = "a";
	run(t, "0");
	parts_are(t, "a b ");
	file_is(t, "{\"positions\":[\"0\"],\"parts\":[\"b\"]}\n");
	t->gone = "b";
	run(t, "0");
	parts_are(t, "b ");
	file_is(t, "");
}

static void
torn(void **state)
{
	struct test *t = *state;
	FILE *f;

	run(t, "0");
	stored(t);
	append(t, "a");
	dl_journal_close(t->j);
	t->j = NULL;
	f = fopen(t->path, "a");
	assert_non_null(f);
	fputs("{\"positions\":[\"0\"],\"parts\":[\"b", f);
	fclose(f);
	run(t, "0");
	parts_are(t, "a ");
	stored(t);
	append(t, "c");
	run(t, "0");
	parts_are(t, "a c ");
}

#define GOOD "{\"positions\":[],\"parts\":[\"a\"]}\n"

/* What a power cut leaves of lines that were written and not fsynced. */
static void
power_cut(void **state)
{
#define ZEROS "\0\0\0\0"
	static const struct {
		struct dl_span bytes;
		const char *want;
	} cut[] = {
	    {DL_SPAN(ZEROS), ""},
	    {DL_SPAN(GOOD ZEROS ZEROS), GOOD},
	    {DL_SPAN(GOOD "{\"positions\":[" ZEROS "\n"), GOOD},
	    {DL_SPAN(GOOD ZEROS "\":[\"b\"]}\n{\"pos"), GOOD},
	    {DL_SPAN(GOOD "x\n{\"y\n"), GOOD},
	    {DL_SPAN(GOOD ZEROS "]}\n" GOOD), GOOD GOOD},
	    {DL_SPAN(GOOD ZEROS GOOD ZEROS "\n" GOOD GOOD "{"), GOOD GOOD GOOD},
	};
	struct test *t = *state;
	size_t i;

	run(t, "0");
	for (i = 0; i < sizeof(cut) / sizeof(cut[0]); i++) {
		write_file(t, cut[i].bytes.p, cut[i].bytes.len);
		t->j = dl_journal_open(&t->kind, t->dir, DL_SPAN("k"), &t->err);
		assert_non_null(t->j);
		file_is(t, cut[i].want);
	}
	run(t, "0");
	parts_are(t, "a a a ");
	stored(t);
	append(t, "c");
	matters(t, "0", "a a a c ");
}

static void
corrupt(void **state)
{
	static const char *const bad[] = {"x\n" GOOD, "{}\n", "\n" GOOD,
	    "{\"positions\":1,\"parts\":[]}\n", "{\"positions\":[]}\n",
	    "{\"positions\":[],\"parts\":[1]}\n",
	    "{\"positions\":[],\"parts\":[\"\\u0000\"]}\n",
	    "{\"positions\":[],\"parts\":[\"a\",}\n" GOOD};
	struct test *t = *state;
	size_t i;

	run(t, "0");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct dl_err err = {0};

		write_file(t, bad[i], strlen(bad[i]));
		t->j = dl_journal_open(&t->kind, t->dir, DL_SPAN("k"), &err);
		assert_non_null(t->j);
		assert_int_equal(
		    dl_journal_start(t->j, DL_SPAN("9"), take_part, t, &err),
		    -1);
		assert_int_equal(err.status, DL_EXIT_DATA);
		assert_non_null(strstr(err.msg, ":1: "));
		file_is(t, bad[i]);
	}
}

static void
locked(void **state)
{
	struct test *t = *state;
	struct dl_err err = {0};

	run(t, "0");
	assert_null(dl_journal_open(&t->kind, t->dir, DL_SPAN("k"), &err));
	assert_int_equal(err.status, DL_EXIT_TEMP);
	assert_non_null(strstr(err.msg,
	    "' as the sink of 'k' is in use by another process (pid "));
	dl_err_clear(&err);
	assert_null(dl_journal_open(&t->kind, t->dir, DL_SPAN("../k"), &err));
	assert_int_equal(err.status, DL_EXIT_DATA);
}

/* Many lines become few, and no part is forgotten. */
static void
folds(void **state)
{
	struct test *t = *state;
	struct dl_buf b = {0};
	char text[32];
	size_t i;

	t->quick = true;
	run(t, "p0");
	for (i = 1; i <= 5000; i++) {
		(void)snprintf(text, sizeof(text), "part-%zu", i);
		stored(t);
		append(t, text);
		(void)snprintf(text, sizeof(text), "p%zu", i);
		checkpoint(t, text);
	}
	assert_int_equal(dl_read_file(t->path, 1 << 24, &b, &t->err), 0);
	assert_in_range(
	    count(&b, '\n'), DL_JOURNAL_LINES, 2 * DL_JOURNAL_LINES + 1);
	dl_buf_release(&b);
	matters(t, "p4999", "part-5000 ");
	/* A folded position: all; the first one of them, and that of the base. */
	for (i = 0; i < 3; i++) {
		run(t, i == 0 ? "p100" : i == 1 ? "p1" : "p0");
		assert_memory_equal(t->parts.p, "part-1 part-2 ", 14);
		assert_int_equal(count(&t->parts, ' '), 5000);
	}
}

/* Parts "FROM-TO", of a log that others write to as well. */
static bool
join(struct dl_span a, struct dl_span b, bool far, struct dl_buf *out)
{
	const char *dash = memchr(a.p, '-', a.len);
	const char *second = memchr(b.p, '-', b.len);
	struct dl_span end =
	    dl_span(dash + 1, a.len - (size_t)(dash + 1 - a.p));
	struct dl_span start = dl_span(b.p, (size_t)(second - b.p));

	if (!far && !dl_span_eq(end, start))
		return false;
	dl_buf_add(out, a.p, (size_t)(dash + 1 - a.p));
	dl_buf_add(out, second + 1, b.len - (size_t)(second + 1 - b.p));
	return true;
}

/* Neighbours become one in the base, and what is apart stays apart. */
static void
joins(void **state)
{
	struct test *t = *state;

	t->kind.join = join;
	run(t, "0");
	stored(t);
	append(t, "0-5");
	append(t, "5-7");
	append(t, "8-9");
	append(t, "9-12");
	run(t, "0");
	parts_are(t, "0-5 5-7 8-9 9-12 ");
	file_is(t, "{\"positions\":[\"0\"],\"parts\":[\"0-7\",\"8-12\"]}\n");
	/* A hole in the middle is not bridged. */
	stored(t);
	append(t, "12-13");
	append(t, "13-20");
	append(t, "20-30");
	t->gone = "13-20";
	run(t, "0");
	file_is(t, "{\"positions\":[\"0\"],"
		   "\"parts\":[\"0-7\",\"8-13\",\"20-30\"]}\n");
}

/* However long a run is: where others come between, they are taken in. */
static void
joins_far(void **state)
{
	struct test *t = *state;
	struct stat st;
	off_t most = 0;
	char part[64], first[32];
	size_t i;

	t->kind.join = join;
	t->quick = true;
	run(t, "0");
	stored(t);
	append(t, "0-1");
	for (i = 1; i <= 60000; i++) {
		(void)snprintf(
		    part, sizeof(part), "%020zu-%020zu", i * 10, i * 10 + 5);
		stored(t);
		append(t, part);
		assert_int_equal(stat(t->path, &st), 0);
		most = st.st_size > most ? st.st_size : most;
	}
	assert_int_equal(dl_journal_sync(t->j, &t->err), 0);
	assert_in_range(most, 100000, 1500000);
	run(t, "nowhere");
	(void)snprintf(first, sizeof(first), "0-1 %020d-", 10);
	assert_memory_equal(t->parts.p, first, strlen(first));
	assert_memory_equal(t->parts.p + t->parts.len - 21, part + 21, 20);
}

/* Of many positions in one line the first and the last are kept. */
static void
many_positions(void **state)
{
	struct test *t = *state;
	struct stat st;
	char text[32];
	size_t i;

	run(t, "p0");
	for (i = 1; i <= 100000; i++) {
		(void)snprintf(text, sizeof(text), "p%zu", i);
		checkpoint(t, text);
		stored(t);
	}
	append(t, "a");
	assert_int_equal(stat(t->path, &st), 0);
	assert_in_range(st.st_size, 1000, 64 << 10);
	stored(t);
	append(t, "b");
	run(t, "p0");
	parts_are(t, "a b ");
	run(t, "p5000");
	parts_are(t, "a b ");
	run(t, "p99999");
	parts_are(t, "a b ");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(lines),
	    TEST(unlisted),
	    TEST(ends),
	    TEST(gone),
	    TEST(torn),
	    TEST(power_cut),
	    TEST(corrupt),
	    TEST(locked),
	    TEST(folds),
	    TEST(joins),
	    TEST(joins_far),
	    TEST(many_positions),
	};

	dl_log_init("journal", DL_LOG_ERROR);
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
