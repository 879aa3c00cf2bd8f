/* journal.h: which parts matter to a run, whatever happened to the last. */
#include "journal.h"
#include "buf.h"
#include "io.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/dl-journal-XXXXXX";
static int made;

struct test {
	char dir[64], path[128];
	struct dl_journal *j;
	struct dl_buf parts; /* told by the last start, each with a space */
	struct dl_err err;
};

static int
group_setup(void **state)
{
	(void)state;
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int
group_teardown(void **state)
{
	char command[128];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

static int
setup(void **state)
{
	struct test *t = dl_calloc(1, sizeof(*t));

	(void)snprintf(t->dir, sizeof(t->dir), "%s/%d", dir, ++made);
	(void)snprintf(t->path, sizeof(t->path), "%s/journal/k", t->dir);
	*state = t;
	return 0;
}

static int
teardown(void **state)
{
	struct test *t = *state;

	dl_journal_close(t->j);
	dl_buf_release(&t->parts);
	free(t);
	return 0;
}

static int
take_part(void *arg, struct dl_span part, struct dl_err *err)
{
	struct test *t = arg;

	(void)err;
	dl_buf_span(&t->parts, part);
	dl_buf_addc(&t->parts, ' ');
	return 0;
}

/* A run begins: open, start, and take its first checkpoint. */
static void
run(struct test *t, const char *position)
{
	dl_journal_close(t->j);
	t->j = dl_journal_open(t->dir, DL_SPAN("k"), &t->err);
	assert_non_null(t->j);
	dl_buf_clear(&t->parts);
	assert_int_equal(dl_journal_start(t->j, dl_span_str(position),
			     take_part, t, &t->err),
	    0);
	dl_journal_position(t->j, dl_span_str(position));
}

static void
checkpoint(struct test *t, const char *position)
{
	dl_journal_position(t->j, dl_span_str(position));
}

static void
stored(struct test *t)
{
	dl_journal_stored(t->j);
}

static void
append(struct test *t, const char *part)
{
	struct dl_span s = dl_span_str(part);

	assert_int_equal(dl_journal_append(t->j, &s, 1, &t->err), 0);
}

static void
parts_are(struct test *t, const char *want)
{
	assert_string_equal(dl_buf_str(&t->parts), want);
}

static void
file_is(struct test *t, const char *want)
{
	struct dl_buf b = {0};

	assert_int_equal(dl_read_file(t->path, 1 << 20, &b, &t->err), 0);
	assert_string_equal(dl_buf_str(&b), want);
	dl_buf_release(&b);
}

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
	run(t, "0");
	parts_are(t, "a b ");
	run(t, "10");
	parts_are(t, "b ");
	run(t, "20");
	parts_are(t, "b ");
	file_is(t, "{\"positions\":[\"10\",\"20\"],\"parts\":[\"b\"]}\n");
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
	run(t, "0");
	parts_are(t, "a ");
	run(t, "10");
	parts_are(t, "");
	file_is(t, "");
}

/*
 * A repeated run lists no position while events of the earlier one may still
 * come: they would be stored again by a run that starts from it.
 */
static void
held(void **state)
{
	struct test *t = *state;

	run(t, "0");
	stored(t);
	append(t, "a");
	run(t, "0");
	dl_journal_hold(t->j, true);
	checkpoint(t, "5");
	stored(t);
	append(t, "b");
	checkpoint(t, "6");
	dl_journal_hold(t->j, false);
	checkpoint(t, "7");
	stored(t);
	append(t, "c");
	run(t, "5");
	parts_are(t, "a b c ");
	run(t, "6");
	parts_are(t, "a b c ");
	run(t, "7");
	parts_are(t, "c ");
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

static void
corrupt(void **state)
{
	static const char *const bad[] = {"x\n", "{}\n", "\n",
	    "{\"positions\":1,\"parts\":[]}\n", "{\"positions\":[]}\n",
	    "{\"positions\":[],\"parts\":[1]}\n",
	    "{\"positions\":[],\"parts\":[\"a\",}\n"};
	struct test *t = *state;
	size_t i;

	run(t, "0");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct dl_err err = {0};

		dl_journal_close(t->j);
		assert_int_equal(
		    dl_replace_file(t->path, dl_span_str(bad[i]), &err), 0);
		t->j = dl_journal_open(t->dir, DL_SPAN("k"), &err);
		assert_non_null(t->j);
		assert_int_equal(
		    dl_journal_start(t->j, DL_SPAN("9"), take_part, t, &err),
		    -1);
		assert_int_equal(err.status, DL_EXIT_DATA);
		assert_non_null(strstr(err.msg, ":1: "));
	}
}

static void
locked(void **state)
{
	struct test *t = *state;
	struct dl_err err = {0};

	run(t, "0");
	assert_null(dl_journal_open(t->dir, DL_SPAN("k"), &err));
	assert_int_equal(err.status, DL_EXIT_TEMP);
	dl_err_clear(&err);
	assert_null(dl_journal_open(t->dir, DL_SPAN("../k"), &err));
	assert_int_equal(err.status, DL_EXIT_DATA);
}

/* Many lines become few, and no part is forgotten. */
static void
folds(void **state)
{
	struct test *t = *state;
	struct dl_buf b = {0};
	size_t i, n = 0;
	char text[32];

	run(t, "p0");
	for (i = 1; i <= 5000; i++) {
		(void)snprintf(text, sizeof(text), "part-%zu", i);
		stored(t);
		append(t, text);
		(void)snprintf(text, sizeof(text), "p%zu", i);
		checkpoint(t, text);
	}
	assert_int_equal(dl_read_file(t->path, 1 << 24, &b, &t->err), 0);
	for (i = 0; i < b.len; i++)
		n += b.p[i] == '\n';
	assert_in_range(n, DL_JOURNAL_LINES, 2 * DL_JOURNAL_LINES + 1);
	dl_buf_release(&b);
	/* A folded position: all; the last: its own; the first: all. */
	run(t, "p100");
	assert_memory_equal(t->parts.p, "part-1 part-2 ", 14);
	run(t, "p0");
	for (i = n = 0; i < t->parts.len; i++)
		n += t->parts.p[i] == ' ';
	assert_int_equal(n, 5000);
	run(t, "p4999");
	parts_are(t, "part-5000 ");
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

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(lines),
	    TEST(unlisted),
	    TEST(ends),
	    TEST(held),
	    TEST(torn),
	    TEST(corrupt),
	    TEST(locked),
	    TEST(folds),
	    TEST(many_positions),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
