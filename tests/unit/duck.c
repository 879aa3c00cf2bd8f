/*
 * Unit tests of duck.h where no DuckDB is: what is said then.  What it answers
 * is for engines.t.
 */
#include "duck.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void
refused(const char *library, const char *want)
{
	struct dl_duck_options o = {.library = library};
	struct dl_err err = {0};

	assert_null(dl_duck_open(&o, &err));
	assert_int_equal(err.status, DL_EXIT_CONF);
	assert_non_null(strstr(err.msg, want));
}

static void
test_missing(void **state)
{
	(void)state;
	refused("/nowhere/libduckdb.so",
	    "this needs DuckDB's library, and it can't be loaded: "
	    "/nowhere/libduckdb.so: cannot open");
	setenv("DL_DUCKDB", "/nowhere/else.so", 1);
	refused(NULL, "/nowhere/else.so: cannot open");
	unsetenv("DL_DUCKDB");
}

/* A library without its functions is an error, and no crash. */
static void
test_other(void **state)
{
	(void)state;
	refused("libm.so.6", "'libm.so.6' is no library of DuckDB that can be "
			     "used: it has no duckdb_");
}

static void
test_quote(void **state)
{
	struct dl_buf b = {0};

	(void)state;
	dl_duck_quote(&b, DL_SPAN("it's \"a\""));
	dl_duck_name(&b, DL_SPAN("it's \"a\""));
	dl_duck_glob(&b, DL_SPAN("/a[1]*?{x}"));
	assert_string_equal(
	    dl_buf_str(&b), "'it''s \"a\"'\"it's \"\"a\"\"\"/a[[]1][*][?]{x}");
	dl_buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_missing),
	    cmocka_unit_test(test_other),
	    cmocka_unit_test(test_quote),
	};

	return cmocka_run_group_tests_name("duck", tests, NULL, NULL);
}
