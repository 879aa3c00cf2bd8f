/* Positions: stored whole, read back, held by one head. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "checkpoint.h"
#include "io.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char home[] = "/tmp/dl-unit.XXXXXX";

static int
set_up(void **state)
{
	(void)state;
	return mkdtemp(home) == NULL;
}

static int
tear_down(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", home);
	return system(command);
}

static void
keys(void **state)
{
	char longest[202];

	(void)state;
	assert_true(dl_key_ok(DL_SPAN("stream.quakes.twin")));
	assert_true(dl_key_ok(DL_SPAN("a_B-9.")));
	assert_false(dl_key_ok(DL_SPAN("")));
	assert_false(dl_key_ok(DL_SPAN(".x")));
	assert_false(dl_key_ok(DL_SPAN("a/b")));
	assert_false(dl_key_ok(DL_SPAN("a\0b")));
	assert_false(dl_key_ok(DL_SPAN("a b")));
	memset(longest, 'a', sizeof(longest));
	assert_true(dl_key_ok(dl_span(longest, 200)));
	assert_false(dl_key_ok(dl_span(longest, 201)));
}

static void
stored_and_read(void **state)
{
	struct dl_err err = {0};
	struct dl_buf b = {0};

	(void)state;
	assert_int_equal(dl_commit_read(home, DL_SPAN("k"), &b, &err), 0);
	assert_int_equal(
	    dl_commit_write(home, DL_SPAN("k"), DL_SPAN("p1"), &err), 0);
	assert_int_equal(dl_commit_read(home, DL_SPAN("k"), &b, &err), 1);
	assert_string_equal(dl_buf_str(&b), "p1");
	assert_int_equal(
	    dl_commit_write(home, DL_SPAN("k"), DL_SPAN("p0"), &err), 0);
	dl_buf_clear(&b);
	assert_int_equal(dl_commit_read(home, DL_SPAN("k"), &b, &err), 1);
	assert_string_equal(dl_buf_str(&b), "p0");
	dl_buf_release(&b);
}

static void
offsets_go_forward(void **state)
{
	struct dl_err err = {0};
	struct dl_span key = DL_SPAN("o");
	struct dl_buf b = {0};

	(void)state;
	assert_int_equal(
	    dl_commit_write(home, key, DL_SPAN("00000000000000000100"), &err),
	    0);
	assert_int_equal(
	    dl_commit_write(home, key, DL_SPAN("00000000000000000100"), &err),
	    0);
	assert_int_equal(
	    dl_commit_write(home, key, DL_SPAN("00000000000000000099"), &err),
	    0);
	assert_int_equal(dl_commit_read(home, key, &b, &err), 1);
	assert_string_equal(dl_buf_str(&b), "00000000000000000100");
	/* Unless its head is asked to go back. */
	assert_int_equal(
	    dl_commit_rewind(home, key, DL_SPAN("00000000000000000099"), &err),
	    0);
	dl_buf_clear(&b);
	assert_int_equal(dl_commit_read(home, key, &b, &err), 1);
	assert_string_equal(dl_buf_str(&b), "00000000000000000099");
	dl_buf_release(&b);
}

static void
offsets_have_20_digits(void **state)
{
	uint64_t n = 7;
	char text[DL_OFFSET_LEN + 1];

	(void)state;
	assert_false(dl_offset_read(DL_SPAN("1048576"), &n));
	assert_false(dl_offset_read(DL_SPAN("0000000000000104857x"), &n));
	assert_false(dl_offset_read(DL_SPAN("09223372036854775808"), &n));
	assert_int_equal(n, 7);
	assert_true(dl_offset_read(DL_SPAN("09223372036854775807"), &n));
	assert_int_equal(n, INT64_MAX);
	dl_offset_print(n, text);
	assert_string_equal(text, "09223372036854775807");
}

static void
refuses_junk(void **state)
{
	struct dl_err err = {0};
	struct dl_buf b = {0};
	char path[128];

	(void)state;
	assert_int_equal(
	    dl_commit_write(home, DL_SPAN("j"), DL_SPAN(""), &err), -1);
	dl_err_clear(&err);
	assert_int_equal(
	    dl_commit_write(home, DL_SPAN("j"), DL_SPAN("a\nb"), &err), -1);
	dl_err_clear(&err);
	assert_int_equal(
	    dl_commit_write(home, DL_SPAN("../j"), DL_SPAN("a"), &err), -1);
	dl_err_clear(&err);

	/* A file that holds no position is told, never guessed at. */
	snprintf(path, sizeof(path), "%s/commits/j", home);
	assert_int_equal(dl_replace_file(path, DL_SPAN(""), &err), 0);
	assert_int_equal(dl_commit_read(home, DL_SPAN("j"), &b, &err), -1);
	assert_non_null(strstr(err.msg, path));
	dl_buf_release(&b);
}

static void
one_head(void **state)
{
	struct dl_err err = {0};
	int fd;

	(void)state;
	fd = dl_head_lock(home, DL_SPAN("h"), &err);
	assert_true(fd >= 0);
	assert_int_equal(dl_head_lock(home, DL_SPAN("h"), &err), -1);
	assert_int_equal(err.status, DL_EXIT_TEMP);
	close(fd);
	dl_err_clear(&err);
	fd = dl_head_lock(home, DL_SPAN("h"), &err);
	assert_true(fd >= 0);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keys),
	    cmocka_unit_test(stored_and_read),
	    cmocka_unit_test(offsets_go_forward),
	    cmocka_unit_test(offsets_have_20_digits),
	    cmocka_unit_test(refuses_junk),
	    cmocka_unit_test(one_head),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
