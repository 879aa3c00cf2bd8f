/* journal.h: events that do not come, while positions move on. */
#include "journal_help.h"

/*
 * 1 to 10 are stored after P.  A repeat meets some of them, stores others, and
 * comes further: whoever starts from there must know all of both.  Once it has
 * met the rest, the base is of no more concern.
 */
static void
carries(void **state)
{
	struct test *t = *state;

	run(t, "P");
	stored(t);
	append(t, "1-5");
	checkpoint(t, "old");
	stored(t);
	append(t, "6-10");
	run_held(t, "P");
	checkpoint(t, "Q");
	stored(t);
	append(t, "11");
	checkpoint(t, "R");
	stored(t);
	append(t, "12");
	checkpoint(t, "S");
	dl_journal_hold(t->j, false);
	checkpoint(t, "T");
	stored(t);
	checkpoint(t, "U");
	append(t, "13");
	stored(t);
	append(t, "14");
	file_is(t, "{\"positions\":[\"P\"],\"parts\":[\"1-5\",\"6-10\"]}\n"
		   "{\"positions\":[\"P\",\"Q\"],\"carry\":true,"
		   "\"parts\":[\"11\"]}\n"
		   "{\"positions\":[\"R\"],\"carry\":true,"
		   "\"parts\":[\"12\"]}\n"
		   "{\"positions\":[\"T\"],\"next\":\"U\","
		   "\"parts\":[\"13\"]}\n"
		   "{\"positions\":[\"U\"],\"parts\":[\"14\"]}\n");
	matters(t, "P", "1-5 6-10 11 12 13 14 ");
	matters(t, "old", "1-5 6-10 11 12 13 14 ");
	matters(t, "Q", "1-5 6-10 11 12 13 14 ");
	matters(t, "S", "1-5 6-10 11 12 13 14 "); /* it stands nowhere */
	matters(t, "U", "14 ");
	run(t, "R");
	parts_are(t, "1-5 6-10 12 13 14 ");
	file_is(t, "{\"positions\":[\"R\"],"
		   "\"parts\":[\"1-5\",\"6-10\",\"12\",\"13\",\"14\"]}\n");
	stored(t);
	append(t, "15");
	stored(t);
	checkpoint(t, "V");
	append(t, "16");
	stored(t);
	append(t, "17");
	matters(t, "V", "17 ");
}

/* A repeat that ends while events may still come: they are in the base. */
static void
ends_held(void **state)
{
	struct test *t = *state;

	run(t, "0");
	stored(t);
	append(t, "a");
	run_held(t, "0");
	stored(t);
	append(t, "b");
	checkpoint(t, "10");
	assert_int_equal(dl_journal_end(t->j, &t->err), 0);
	assert_int_equal(dl_journal_end(t->j, &t->err), 0);
	file_is(t, "{\"positions\":[\"0\"],\"parts\":[\"a\"]}\n"
		   "{\"positions\":[\"0\"],\"carry\":true,\"parts\":[\"b\"]}\n"
		   "{\"positions\":[],\"next\":\"10\",\"carry\":true,"
		   "\"parts\":[]}\n");
	matters(t, "0", "a b ");
	matters(t, "10", "a ");
}

/* A checkpoint after all was published is as good as the end of the input. */
static void
settles(void **state)
{
	struct test *t = *state;

	run(t, "0");
	settled(t);
	checkpoint(t, "1");
	settled(t);
	file_is(t, "");
	stored(t);
	append(t, "a");
	checkpoint(t, "2");
	checkpoint(t, "3");
	settled(t);
	settled(t);
	checkpoint(t, "3");
	settled(t);
	file_is(t, "{\"positions\":[\"0\",\"1\"],\"parts\":[\"a\"]}\n"
		   "{\"positions\":[],\"next\":\"3\",\"parts\":[]}\n");
	stored(t);
	append(t, "b");
	matters(t, "1", "a b ");
	matters(t, "3", "b ");
	/* The run that met nothing yet has nothing to say. */
	run_held(t, "3");
	settled(t);
	file_is(t, "{\"positions\":[\"3\"],\"parts\":[\"b\"]}\n");
	checkpoint(t, "4");
	settled(t);
	matters(t, "4", "b ");
}

/* The same position again, when it is no longer held: what was met between? */
static void
same_again(void **state)
{
	struct test *t = *state;

	run(t, "0");
	stored(t);
	append(t, "a");
	run_held(t, "0");
	checkpoint(t, "1");
	append(t, "b");
	dl_journal_hold(t->j, false);
	checkpoint(t, "1");
	stored(t);
	append(t, "c");
	matters(t, "1", "a c ");
}

/* An event that never comes: whatever happens, the file does not grow. */
static void
held_for_long(void **state)
{
	struct test *t = *state;
	char text[32], position[32] = "0";
	struct dl_buf b = {0};

	t->quick = true;
	run(t, "0");
	stored(t);
	append(t, "first");
	for (size_t i = 1; i <= 10000; i++) {
		if (i % 1500 == 1) {
			run_held(t, position);
		}
		(void)snprintf(text, sizeof(text), "part-%zu", i);
		stored(t);
		append(t, text);
		(void)snprintf(position, sizeof(position), "p%zu", i);
		checkpoint(t, position);
		settled(t);
	}
	assert_int_equal(dl_read_file(t->path, 1 << 20, &b, &t->err), 0);
	assert_in_range(count(&b, '\n'), 2, 2 * DL_JOURNAL_LINES + 1);
	assert_in_range(b.len, 1000, 200000);
	dl_buf_release(&b);
	matters(t, "p9999", "first part-10000 ");
	matters(t, "p10000", "first ");
}

/* As earlier versions wrote it: positions left out while it was held. */
static void
old_form(void **state)
{
	static const char old[] =
	    "{\"positions\":[\"0\"],\"next\":\"1\",\"parts\":[\"a\"]}\n"
	    "{\"positions\":[],\"parts\":[\"b\"]}\n"
	    "{\"positions\":[\"7\"],\"next\":\"8\",\"parts\":[\"c\"]}\n"
	    "{\"positions\":[\"8\"],\"parts\":[\"d\"]}\n";
	struct test *t = *state;

	run(t, "0");
	write_file(t, old, sizeof(old) - 1);
	matters(t, "0", "a b c d ");
	matters(t, "1", "b c d ");
	matters(t, "6", "a b c d ");
	matters(t, "7", "c d ");
	matters(t, "8", "d ");
}

/* An offset far beyond all that was known: the base has been passed. */
static void
reaches(void **state)
{
	struct test *t = *state;

	run(t, "00000000000000000100");
	stored(t);
	append(t, "1");
	checkpoint(t, "00000000000000000500");
	stored(t);
	append(t, "2");
	run_held(t, "00000000000000000100");
	file_is(t, "{\"positions\":[\"00000000000000000100\"],"
		   "\"reach\":\"00000000000000000500\","
		   "\"parts\":[\"1\",\"2\"]}\n");
	stored(t);
	append(t, "3");
	checkpoint(t, "00000000000067109363"); /* one byte short */
	stored(t);
	append(t, "4");
	matters(t, "00000000000067109363", "1 2 4 ");
	run_held(t, "00000000000000000100");
	checkpoint(t, "00000000000134218227"); /* reach has grown */
	stored(t);
	append(t, "5");
	matters(t, "00000000000134218227", "5 ");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(carries),
	    TEST(ends_held),
	    TEST(settles),
	    TEST(same_again),
	    TEST(held_for_long),
	    TEST(reaches),
	    TEST(old_form),
	};

	dl_log_init("journal", DL_LOG_ERROR);
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
