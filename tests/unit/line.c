/* Lines from a descriptor: whole ones, torn ones, endless ones. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "line.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static void
open_on(struct dl_line *l, const char *bytes, size_t n)
{
	int fd = memfd_create("line", 0);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), (ssize_t)n);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	dl_line_init(l, fd, "<test>");
}

static void
close_on(struct dl_line *l)
{
	close(l->fd);
	dl_line_release(l);
}

static void
whole_lines(void **state)
{
	static const char text[] = "one\n\ntwo\0x\nthree\n";
	static const char *const want[] = {"one", "", "two", "three"};
	static const size_t lengths[] = {3, 0, 5, 5};
	struct dl_err err = {0};
	struct dl_line l;
	struct dl_span rec;

	(void)state;
	open_on(&l, text, sizeof(text) - 1);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(
		    dl_line_next(&l, -1, &rec, &err), DL_LINE_RECORD);
		assert_int_equal(rec.len, lengths[i]);
		assert_memory_equal(rec.p, want[i], strlen(want[i]));
		assert_int_equal(l.number, i + 1);
	}
	assert_int_equal(dl_line_next(&l, -1, &rec, &err), DL_LINE_END);
	assert_int_equal(dl_line_next(&l, -1, &rec, &err), DL_LINE_END);
	close_on(&l);
}

static void
torn_last_line(void **state)
{
	struct dl_err err = {0};
	struct dl_line l;
	struct dl_span rec;

	(void)state;
	open_on(&l, "a\nbc", 4);
	assert_int_equal(dl_line_next(&l, -1, &rec, &err), DL_LINE_RECORD);
	assert_int_equal(dl_line_next(&l, -1, &rec, &err), DL_LINE_FAIL);
	assert_int_equal(err.status, DL_EXIT_DATA);
	assert_non_null(strstr(err.msg, "line 2"));
	close_on(&l);

	dl_err_clear(&err);
	open_on(&l, "a\nbc", 4);
	l.torn_ok = true;
	assert_int_equal(dl_line_next(&l, -1, &rec, &err), DL_LINE_RECORD);
	assert_int_equal(dl_line_next(&l, -1, &rec, &err), DL_LINE_RECORD);
	assert_int_equal(rec.len, 2);
	assert_int_equal(dl_line_next(&l, -1, &rec, &err), DL_LINE_END);
	close_on(&l);
}

/* A long line is told with its length and its beginning, and passed over. */
static void
long_lines(void **state)
{
	static const size_t sizes[] = {100001, 200000, 300000, 5000000};
	struct dl_err err = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct dl_line l;
		struct dl_span rec;
		char *text = malloc(sizes[i] + 8);

		memset(text, 'x', sizes[i]);
		memcpy(text + sizes[i], "\nnext\n", 6);
		text[0] = '{';
		open_on(&l, text, sizes[i] + 6);
		l.max = 100000;
		assert_int_equal(
		    dl_line_next(&l, -1, &rec, &err), DL_LINE_LONG);
		assert_int_equal(l.long_bytes, sizes[i]);
		assert_int_equal(rec.len, DL_LINE_KEEP);
		assert_int_equal(rec.p[0], '{');
		assert_int_equal(
		    dl_line_next(&l, -1, &rec, &err), DL_LINE_RECORD);
		assert_int_equal(rec.len, 4);
		assert_int_equal(dl_line_next(&l, -1, &rec, &err), DL_LINE_END);
		assert_true(l.buf.cap < 2 << 20);
		close_on(&l);
		free(text);
	}
}

static void
exactly_max(void **state)
{
	struct dl_err err = {0};
	struct dl_line l;
	struct dl_span rec;

	(void)state;
	open_on(&l, "12345\n123456\n", 13);
	l.max = 5;
	assert_int_equal(dl_line_next(&l, -1, &rec, &err), DL_LINE_RECORD);
	assert_int_equal(dl_line_next(&l, -1, &rec, &err), DL_LINE_LONG);
	assert_int_equal(l.long_bytes, 6);
	assert_int_equal(dl_line_next(&l, -1, &rec, &err), DL_LINE_END);
	close_on(&l);
}

static void
tells_idle(void **state)
{
	struct dl_err err = {0};
	struct dl_line l;
	struct dl_span rec;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	dl_line_init(&l, fds[0], "<pipe>");
	assert_int_equal(dl_line_next(&l, 0, &rec, &err), DL_LINE_IDLE);
	assert_int_equal(write(fds[1], "ab", 2), 2);
	assert_int_equal(dl_line_next(&l, 0, &rec, &err), DL_LINE_IDLE);
	assert_int_equal(write(fds[1], "c\nd", 3), 3);
	assert_int_equal(dl_line_next(&l, 0, &rec, &err), DL_LINE_RECORD);
	assert_int_equal(rec.len, 3);
	close(fds[1]);
	assert_int_equal(dl_line_next(&l, 0, &rec, &err), DL_LINE_FAIL);
	close_on(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(whole_lines),
	    cmocka_unit_test(torn_last_line),
	    cmocka_unit_test(long_lines),
	    cmocka_unit_test(exactly_max),
	    cmocka_unit_test(tells_idle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
