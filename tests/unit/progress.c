/* progress: the line says how far it is, in the room that there is. */
#include "progress.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static const struct {
	size_t width;
	int64_t ms;
	uint64_t before, done, all, items;
	const char *at, *line;
} cases[] = {
    {0, 0, 0, 0, 31, 0, "", "0 of 31 windows, 0 items, 0/s"},
    {0, 10000, 0, 10, 31, 84120, "2026-01-10",
	"10 of 31 windows, 84120 items, 8412/s, 21s left, at 2026-01-10"},
    /* What was done before tells nothing about speed. */
    {0, 10000, 20, 30, 31, 100, "",
	"30 of 31 windows, 100 items, 10/s, 1s left"},
    {0, 10000, 20, 20, 31, 0, "", "20 of 31 windows, 0 items, 0/s"},
    {0, 10000, 0, 31, 31, 0, "", "31 of 31 windows, 0 items, 0/s"},
    {57, 0, 0, 0, 4, 0, "",
	"[--------------------------] "
	"0 of 4 windows, 0 items, 0/s"},
    {47, 0, 0, 2, 4, 0, "", "[########--------] 2 of 4 windows, 0 items, 0/s"},
    {40, 0, 0, 3, 4, 0, "", "[######---] 3 of 4 windows, 0 items, 0/s"},
    {40, 0, 0, 4, 4, 0, "", "[#########] 4 of 4 windows, 0 items, 0/s"},
    {32, 0, 0, 4, 4, 0, "", "4 of 4 windows, 0 items, 0/s"},
    {10, 0, 0, 4, 4, 0, "", "4 of 4 win"},
    {200, 0, 0, 0, 0, 0, "",
	"[########################################] "
	"0 of 0 windows, 0 items, 0/s"},
};

static void
the_line_fits(void **state)
{
	struct dl_buf b = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct dl_progress p = {
		    .unit = "windows", .before = cases[i].before};

		dl_buf_clear(&b);
		dl_progress_line(&b, cases[i].width, &p, cases[i].ms,
		    cases[i].done, cases[i].all, cases[i].items, cases[i].at);
		assert_string_equal(dl_buf_str(&b), cases[i].line);
	}
	dl_buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_line_fits),
	};

	return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
