/* What the tests of journal.h share: a journal that runs start, and look at. */
#ifndef JOURNAL_HELP_H
#define JOURNAL_HELP_H

#include "journal.h"
#include "buf.h"
#include "io.h"
#include "log.h"

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
	struct dl_journal_kind kind;
	char dir[64], path[128];
	struct dl_journal *j;
	struct dl_buf parts; /* told by the last start, each with a space */
	const char *gone;    /* a part that is not there */
	bool quick;          /* lines are not made durable */
	struct dl_err err;
};

static inline int
group_setup(void **state)
{
	(void)state;
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static inline int
group_teardown(void **state)
{
	char command[128];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

static inline int
setup(void **state)
{
	struct test *t = dl_calloc(1, sizeof(*t));

	t->kind = (struct dl_journal_kind){"journal", "the lake", NULL};
	(void)snprintf(t->dir, sizeof(t->dir), "%s/%d", dir, ++made);
	(void)snprintf(t->path, sizeof(t->path), "%s/journal/k", t->dir);
	*state = t;
	return 0;
}

static inline int
teardown(void **state)
{
	struct test *t = *state;

	dl_journal_close(t->j);
	dl_buf_release(&t->parts);
	free(t);
	return 0;
}

static inline int
take_part(void *arg, struct dl_span part, struct dl_err *err)
{
	struct test *t = arg;

	(void)err;
	dl_buf_span(&t->parts, part);
	dl_buf_addc(&t->parts, ' ');
	return t->gone == NULL || !dl_span_is(part, t->gone);
}

static inline void
checkpoint(struct test *t, const char *position)
{
	dl_journal_position(t->j, dl_span_str(position));
}

static inline void
start(struct test *t, const char *position)
{
	dl_journal_close(t->j);
	t->j = dl_journal_open(&t->kind, t->dir, DL_SPAN("k"), &t->err);
	assert_non_null(t->j);
	dl_buf_clear(&t->parts);
	assert_int_equal(dl_journal_start(t->j, dl_span_str(position),
			     take_part, t, &t->err),
	    0);
}

/* A run begins: open, start, and take its first checkpoint. */
static inline void
run(struct test *t, const char *position)
{
	start(t, position);
	checkpoint(t, position);
}

/* The same, and there is something that it waits for. */
static inline void
run_held(struct test *t, const char *position)
{
	start(t, position);
	dl_journal_hold(t->j, true);
	checkpoint(t, position);
}

static inline void
settled(struct test *t)
{
	assert_int_equal(dl_journal_settled(t->j, &t->err), 0);
}

static inline void
stored(struct test *t)
{
	dl_journal_stored(t->j);
}

static inline void
append(struct test *t, const char *part)
{
	struct dl_span s = dl_span_str(part);

	assert_int_equal(dl_journal_append(t->j, &s, 1, !t->quick, &t->err), 0);
}

static inline void
parts_are(struct test *t, const char *want)
{
	assert_string_equal(dl_buf_str(&t->parts), want);
}

static inline void
file_is(struct test *t, const char *want)
{
	struct dl_buf b = {0};

	assert_int_equal(dl_read_file(t->path, 1 << 20, &b, &t->err), 0);
	assert_string_equal(dl_buf_str(&b), want);
	dl_buf_release(&b);
}

/* What matters to a run from position, if the journal is as it is now. */
static inline void
matters(struct test *t, const char *position, const char *want)
{
	struct dl_buf b = {0};

	assert_int_equal(dl_read_file(t->path, 1 << 24, &b, &t->err), 0);
	run(t, position);
	parts_are(t, want);
	dl_journal_close(t->j);
	t->j = NULL;
	assert_int_equal(
	    dl_replace_file(t->path, dl_buf_as_span(&b), &t->err), 0);
	dl_buf_release(&b);
}

static inline void
write_file(struct test *t, const char *bytes, size_t n)
{
	dl_journal_close(t->j);
	t->j = NULL;
	assert_int_equal(
	    dl_replace_file(t->path, dl_span(bytes, n), &t->err), 0);
}

static inline size_t
count(const struct dl_buf *b, char c)
{
	size_t i, n = 0;

	for (i = 0; i < b->len; i++)
		n += b->p[i] == c;
	return n;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
