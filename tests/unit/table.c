/* table: aligned, cut, and harmless. */
#include "table.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

static const char *const heads[] = {"A", "BB", "C"};

static void
row(struct dl_table *t, struct dl_buf *out, const char *a, const char *b,
    const char *c)
{
	dl_table_row(t,
	    (struct dl_span[]){dl_span_str(a), dl_span_str(b), dl_span_str(c)},
	    out);
}

static void
assert_table(
    size_t width, const char *a, const char *b, const char *c, const char *want)
{
	struct dl_table *t = dl_table_new(heads, 3, 1, width);
	struct dl_buf out = {0};

	row(t, &out, a, b, c);
	assert_int_equal(out.len, 0);
	dl_table_flush(t, &out);
	assert_string_equal(dl_buf_str(&out), want);
	dl_buf_release(&out);
	dl_table_free(t);
}

static void
columns_are_aligned(void **unused)
{
	(void)unused;
	assert_table(0, "xyz", "1", "c", "A    BB  C\nxyz  1   c\n");
	/* As the terminal shows them: é is 1 wide, 漢 2. */
	assert_table(0, "é", "漢字", "c", "A  BB    C\né  漢字  c\n");
}

static void
long_rows_are_cut(void **unused)
{
	(void)unused;
	/* The flexible column first, down to 8, then the end of the row. */
	assert_table(18, "aa", "0123456789abc", "cc",
	    "A   BB          C\naa  012345678…  cc\n");
	assert_table(14, "aa", "0123456789abc", "cc", "A   BB\naa  0123456…\n");
	assert_table(5, "aaaaaaaa", "b", "c", "A\naaaa…\n");
}

static void
nothing_foreign_reaches_the_terminal(void **unused)
{
	(void)unused;
	assert_table(0, "\x1b[2J", "\xff\xc3", "a\nb\xe2\x80\xae",
	    "A     BB  C\n?[2J  ??  a?b?\n");
}

/* More rows than are held back: the first of them decide the widths. */
static void
rows_come_when_widths_are_known(void **unused)
{
	struct dl_table *t = dl_table_new(heads, 3, 1, 0);
	struct dl_buf out = {0};

	(void)unused;
	for (int i = 1; i < DL_TABLE_AHEAD; i++)
		row(t, &out, "a", "b", "c");
	assert_int_equal(out.len, 0);
	row(t, &out, "a", "b", "c");
	assert_int_equal(out.len, (DL_TABLE_AHEAD + 1) * strlen("a  b   c\n"));
	dl_buf_clear(&out);
	row(t, &out, "long", "b", "c");
	assert_string_equal(dl_buf_str(&out), "…  b   c\n");
	dl_buf_release(&out);
	dl_table_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(columns_are_aligned),
	    cmocka_unit_test(long_rows_are_cut),
	    cmocka_unit_test(nothing_foreign_reaches_the_terminal),
	    cmocka_unit_test(rows_come_when_widths_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
