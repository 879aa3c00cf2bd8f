/* lake_scan.h: every line that must be looked at is, and few others. */
#include "lake_scan.h"
#include "buf.h"
#include "event.h"
#include "lake_flat.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

/* The same, a byte at a time. */
static bool
must_look(struct dl_span line)
{
	size_t i;

	if (dl_lake_is_flat(line) ||
	    memmem(line.p, line.len, DL_TYPE_CHECKPOINT,
		sizeof(DL_TYPE_CHECKPOINT) - 1) != NULL)
		return true;
	for (i = 0; i + 5 <= line.len; i++)
		if (memcmp(line.p + i, "\\u00", 4) == 0 && line.p[i + 4] <= '7')
			return true;
	return false;
}

/* A line is found if it must be, and only then. */
static void
check(struct dl_span text)
{
	/* Exactly the bytes, so that a read past them is found. */
	char *copy = dl_alloc(text.len);
	struct dl_span rest = dl_span(copy, text.len), found, line;
	const char *nl;
	bool more;

	memcpy(copy, text.p, text.len);
	more = dl_lake_scan(rest, &found);
	while (rest.len > 0) {
		nl = memchr(rest.p, '\n', rest.len);
		line = dl_span(rest.p, (size_t)(nl - rest.p));
		rest.p = nl + 1;
		rest.len -= line.len + 1;
		if (!must_look(line)) {
			if (more)
				assert_ptr_not_equal(found.p, line.p);
			continue;
		}
		assert_true(more);
		assert_ptr_equal(found.p, line.p);
		assert_int_equal(found.len, line.len);
		more = dl_lake_scan(rest, &found);
	}
	assert_false(more);
	free(copy);
}

static void
words(void **state)
{
	static const struct {
		const char *text;
		bool look;
	} rows[] = {
	    {"", false},
	    {"{\"type\":\"dl.record\"}", false},
	    {"{\"type\":\"dl.checkpoint\"}", true},
	    {"dl.checkpoint", true},
	    {"dl.checkpoin", false},
	    {"l.checkpoint", false},
	    {"{\"_id\":1}", true},
	    {" {\"_id\":1}", false},
	    {"{\"_id\"", false},
	    {"dl\\u002echeckpoint", true},
	    {"dl.chec\\u006Bpoint", true},
	    {"\\u007a", true},
	    {"\\u00e9", false},
	    {"\\u2014", false},
	    {"\\u00", false},
	    {"\\\\n", false},
	};
	size_t i, before, after;

	(void)state;
	/* Wherever it stands, among lines that are of no interest. */
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (before = 0; before < 600; before += before < 5 ? 1 : 31)
			for (after = 0; after < 600; after += 119) {
				struct dl_buf b = {0};
				struct dl_span line;
				size_t n;

				for (n = 0; n < before; n++)
					dl_buf_addc(
					    &b, n + 1 == before ? '\n' : 'x');
				dl_buf_adds(&b, rows[i].text);
				dl_buf_addc(&b, '\n');
				for (n = 0; n < after; n++)
					dl_buf_addc(
					    &b, n + 1 == after ? '\n' : 'y');
				assert_int_equal(
				    dl_lake_scan(dl_buf_as_span(&b), &line),
				    rows[i].look);
				check(dl_buf_as_span(&b));
				dl_buf_release(&b);
			}
}

/* Lines of pieces of what is looked for. */
static void
random_lines(void **state)
{
	static const char *const pieces[] = {"dl.checkpoint", "{\"_id\":", "\n",
	    "\n", "\\u00", "\\u002e", "kp", "k", "p", "\\", "0", "_", "{\"",
	    "dl.chec", "kpoint", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
	    "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"};
	unsigned int seed = 1;
	int round, i;

	(void)state;
	for (round = 0; round < 20000; round++) {
		struct dl_buf b = {0};

		for (i = rand_r(&seed) % 40; i > 0; i--)
			dl_buf_adds(
			    &b, pieces[(size_t)rand_r(&seed) %
				       (sizeof(pieces) / sizeof(pieces[0]))]);
		dl_buf_addc(&b, '\n');
		check(dl_buf_as_span(&b));
		dl_buf_release(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(words),
	    cmocka_unit_test(random_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
