/*
 * files: patterns, and what they mean; where rows end; what is remembered of a
 * file.  tests/files.t has the rest.
 */
#include "files_list.h"
#include "files_mark.h"
#include "files_rows.h"
#include "files_url.h"
#include "hash.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const volatile sig_atomic_t no_stop;
static char dir[] = "/tmp/dl-files.XXXXXX";

static int
make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int
remove_dir(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static void
path_of(char path[128], const char *name)
{
	snprintf(path, 128, "%s/%s", dir, name);
}

static void
write_file(const char *name, struct dl_span bytes)
{
	char path[128];
	FILE *f;

	path_of(path, name);
	assert_non_null(f = fopen(path, "w"));
	assert_int_equal(fwrite(bytes.p, 1, bytes.len, f), bytes.len);
	assert_int_equal(fclose(f), 0);
}

static int
open_file(const char *name)
{
	char path[128];
	int fd;

	path_of(path, name);
	assert_true((fd = open(path, O_RDONLY)) >= 0);
	return fd;
}

static void
expect_pattern(const char *url, const char *want)
{
	struct dl_err err = {0};
	char *got = dl_files_url_pattern(url, &err);

	if (want == NULL) {
		assert_null(got);
		assert_int_equal(err.status, DL_EXIT_CONF);
	} else {
		assert_string_equal(got, want);
	}
	free(got);
}

static void
urls(void **state)
{
	struct dl_buf b = {0};

	(void)state;
	expect_pattern("file:///a/*.csv", "/a/*.csv");
	expect_pattern("file://LOCALHOST/a/", "/a/");
	expect_pattern("FILE:///%2a%2A[%5b]%zz%4", "/\\*\\*[\\[]%zz%4");
	expect_pattern("file:///a?b#c", "/a?b#c");
	expect_pattern("file:///%00*", NULL);
	expect_pattern("file:///*%00", NULL);
	expect_pattern("file://host/*", NULL);
	expect_pattern("file://a*", NULL);
	dl_files_url_print(&b, "/a b/%?#\xc3\xa9\xff\n~");
	assert_string_equal(
	    dl_buf_str(&b), "file:///a%20b/%25%3F%23%C3%A9%FF%0A~");
	dl_buf_release(&b);
}

static void
expect_names(const char *pattern, const char *want)
{
	struct dl_err err = {0}, first = {0};
	struct dl_files_list l = {0};
	struct dl_buf got = {0};
	char whole[128];

	path_of(whole, pattern);
	for (int twice = 0; twice < 2; twice++) {
		assert_int_equal(dl_files_list(&l, whole, &first, &err), 0);
		assert_int_equal(first.status, DL_EXIT_OK);
		dl_buf_clear(&got);
		for (size_t i = 0; i < l.n; i++)
			dl_buf_printf(&got, "%s ",
			    dl_files_list_name(&l, i) + strlen(dir) + 1);
		assert_string_equal(dl_buf_str(&got), want);
	}
	dl_buf_release(&got);
	dl_files_list_release(&l);
}

static void
lists(void **state)
{
	struct dl_err err = {0}, first = {0};
	struct dl_files_list l = {0};
	char path[128];

	(void)state;
	path_of(path, "d");
	assert_int_equal(mkdir(path, 0777), 0);
	path_of(path, "e");
	assert_int_equal(mkdir(path, 0777), 0);
	write_file("d/b", DL_SPAN(""));
	write_file("d/a*", DL_SPAN(""));
	write_file("d/.h", DL_SPAN(""));
	write_file("e/b", DL_SPAN(""));
	write_file("f", DL_SPAN(""));
	expect_names("d/", "d/a* d/b ");
	expect_names("d/.*", "d/.h ");
	expect_names("d//a\\*", "d/a* "); /* nothing is looked at */
	expect_names("*/b", "d/b e/b f/b ");
	expect_names("*/[!b]*", "d/a* ");
	expect_names("d/../[ef]", "d/../e d/../f ");
	expect_names("x*/y*", "");
	path_of(path, "none/*");
	assert_int_equal(dl_files_list(&l, path, &first, &err), 0);
	assert_int_equal(l.n, 0);
	assert_int_equal(first.status, DL_EXIT_TEMP);
	dl_err_clear(&first);
	assert_int_equal(dl_files_list(&l, "/", &first, &err), 0);
	assert_true(l.n > 0);
	dl_files_list_release(&l);
}

/* Rows of text end at these offsets. */
static void
expect_rows(bool csv, const char *text, const char *want)
{
	struct dl_files_rows r = {.csv = csv, .delimiter = ';'};
	struct dl_buf got = {0};

	dl_files_rows_start(&r);
	for (size_t i = 0; text[i] != '\0'; i++)
		if (dl_files_rows_feed(&r, text + i, 1) > 0)
			dl_buf_printf(&got, "%zu ", i + 1);
	assert_string_equal(dl_buf_str(&got), want);
	dl_buf_release(&got);
}

static void
rows(void **state)
{
	(void)state;
	expect_rows(false, "a\n\nb\r\nc", "2 3 6 ");
	expect_rows(false, "\"a\nb\"\n", "3 6 ");
	expect_rows(true, "a;b\n\nc\rd", "4 5 7 ");
	expect_rows(true, "\"a\nb\"\n;\"\n\"\n", "6 11 ");
	expect_rows(true, "a;\"b\"\"\n\"\"\n\"\n", "12 ");
	/* A quote where none may be: the next line is a row. */
	expect_rows(true, "a\"b\n\"c\" d\n\";\"\n", "4 10 14 ");
	expect_rows(true, "\"a,\"\n", "5 ");
}

static int64_t
last_of(bool csv, struct dl_span text, int64_t from)
{
	struct dl_files_rows r = {.csv = csv, .delimiter = ','};
	struct dl_err err = {0};
	int64_t last;
	int fd;

	write_file("rows", text);
	fd = open_file("rows");
	last =
	    dl_files_rows_last(&r, fd, from, (int64_t)text.len, "rows", &err);
	close(fd);
	return last;
}

static int64_t
first_of(bool csv, struct dl_span text, int64_t max)
{
	struct dl_files_rows r = {.csv = csv, .delimiter = ','};
	struct dl_err err = {0};
	int64_t first;
	int fd;

	write_file("rows", text);
	fd = open_file("rows");
	first = dl_files_rows_first(&r, fd, max, "rows", &err);
	close(fd);
	return first;
}

static void
first_and_last_rows(void **state)
{
	struct dl_buf b = {0};

	(void)state;
	assert_int_equal(last_of(false, DL_SPAN("a\nb\nc"), 0), 4);
	assert_int_equal(last_of(false, DL_SPAN("a\nb\nc"), 4), 4);
	assert_int_equal(last_of(false, DL_SPAN("abc"), 0), 0);
	assert_int_equal(last_of(true, DL_SPAN("a\n\"b\nc"), 0), 2);
	assert_int_equal(last_of(true, DL_SPAN("a\n\"b\nc\"\nd"), 2), 8);
	assert_int_equal(
	    first_of(true, DL_SPAN("\xef\xbb\xbf\r\n\"a\nb\"\n1\n"), 99), 11);
	assert_int_equal(first_of(true, DL_SPAN("\"a\nb"), 99), 0);
	assert_int_equal(first_of(false, DL_SPAN("\"a\nb"), 99), 3);
	assert_int_equal(first_of(false, DL_SPAN(""), 99), 0);
	/* Over blocks. */
	dl_buf_adds(&b, "x\n\"");
	for (int i = 0; i < 50000; i++)
		dl_buf_adds(&b, "a\n\"\"");
	dl_buf_adds(&b, "\"");
	assert_int_equal(last_of(true, dl_buf_as_span(&b), 0), 2);
	assert_int_equal(last_of(false, dl_buf_as_span(&b), 0), b.len - 3);
	dl_buf_adds(&b, "\n");
	assert_int_equal(last_of(true, dl_buf_as_span(&b), 0), b.len);
	memmove(b.p, b.p + 2, b.len -= 2);
	assert_int_equal(first_of(true, dl_buf_as_span(&b), 300000), b.len);
	assert_int_equal(first_of(true, dl_buf_as_span(&b), 65536), 0);
	memset(b.p, 'x', b.len);
	b.p[0] = '\n';
	assert_int_equal(last_of(false, dl_buf_as_span(&b), 0), 1);
	assert_int_equal(last_of(false, dl_buf_as_span(&b), 1), 1);
	dl_buf_release(&b);
}

static void
newlines(void **state)
{
	static const char *const yes[] = {
	    "UTF-8", "ISO-8859-15", "WINDOWS-1252", "SHIFT_JIS", "GB18030"};
	static const char *const no[] = {
	    "UTF-16", "UTF-16LE", "UCS-2", "UTF-32BE", "IBM037", "nonsense"};

	(void)state;
	assert_true(dl_files_rows_newline(NULL));
	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++)
		assert_true(dl_files_rows_newline(yes[i]));
	for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++)
		assert_false(dl_files_rows_newline(no[i]));
}

static struct dl_files_status
status_of(const char *name, int fd)
{
	struct dl_files_status s;
	struct dl_err err = {0};
	char path[128];

	path_of(path, name);
	assert_int_equal(dl_files_status(&s, fd, path, &err), 1);
	return s;
}

static void
statuses(void **state)
{
	const struct timespec old[2] = {{1000, 5}, {1000, 5}};
	struct dl_files_status a, b;
	struct timespec ahead[2];
	struct dl_err err = {0};
	char path[128], other[128];
	int fd;

	(void)state;
	write_file("s", DL_SPAN("abc"));
	path_of(path, "s");
	path_of(other, "t");
	a = status_of("s", -1);
	fd = open_file("s");
	b = status_of("s", fd);
	assert_true(
	    a.regular && a.size == 3 && a.quiet_ms >= 0 && a.quiet_ms < 60000);
	assert_true(a.key == b.key && a.print == b.print);
	assert_int_equal(rename(path, other), 0);
	assert_true(status_of("t", -1).key == a.key);
	assert_int_equal(utimensat(AT_FDCWD, other, old, 0), 0);
	b = status_of("t", -1);
	assert_true(b.key == a.key && b.print != a.print);
	assert_true(b.quiet_ms > INT64_C(1000000000000));
	clock_gettime(CLOCK_REALTIME, &ahead[0]);
	ahead[0].tv_sec += 3600;
	ahead[1] = ahead[0];
	assert_int_equal(utimensat(AT_FDCWD, other, ahead, 0), 0);
	assert_true(status_of("t", -1).quiet_ms == INT64_MAX);
	write_file("s", DL_SPAN("abc"));
	assert_true(status_of("s", -1).key != a.key);
	assert_false(status_of(".", -1).regular);
	assert_int_equal(dl_files_status(&a, -1, "/nowhere/x", &err), 0);
	close(fd);
}

/* An inode that is used again makes no old file of a new one. */
static void
inodes(void **state)
{
	struct dl_files_status a, b;
	struct statx was, is;
	char path[128];

	(void)state;
	path_of(path, "i");
	for (int i = 0; i < 20; i++) {
		write_file("i", DL_SPAN("abc"));
		a = status_of("i", -1);
		assert_int_equal(
		    statx(AT_FDCWD, path, 0, STATX_BTIME, &was), 0);
		unlink(path);
		usleep(20000);
		write_file("i", DL_SPAN("abc"));
		b = status_of("i", -1);
		assert_int_equal(statx(AT_FDCWD, path, 0, STATX_BTIME, &is), 0);
		if ((is.stx_mask & STATX_BTIME) != 0)
			assert_true(a.key != b.key);
		if (was.stx_ino == is.stx_ino)
			break;
	}
}

static uint64_t
hash_of_file(int fd, int64_t n, int64_t most, int want)
{
	struct dl_files_hash *h = dl_files_hash_new(&no_stop);
	struct dl_err err = {0};
	uint64_t value;

	dl_files_hash_start(h, most);
	assert_int_equal(dl_files_hash_file(h, fd, n, "h", &err), want);
	value = dl_files_hash_value(h);
	dl_files_hash_free(h);
	return value;
}

static void
hashes(void **state)
{
	const uint64_t mask = (UINT64_C(1) << DL_FILES_BITS) - 1;
	size_t n = 700000;
	char *p = dl_alloc(n);
	struct dl_files_hash *h = dl_files_hash_new(&no_stop);
	int fd;

	(void)state;
	for (size_t i = 0; i < n; i++)
		p[i] = (char)(i * 7 ^ i >> 9);
	write_file("h", dl_span(p, n));
	fd = open_file("h");
	for (size_t cut = 1; cut < n; cut = cut * 3 + 1) {
		dl_files_hash_start(h, INT64_MAX);
		dl_files_hash_add(h, p, cut);
		assert_true(dl_files_hash_value(h) ==
			    (dl_hash64(dl_span(p, cut)) & mask));
		assert_true(dl_files_hash_value(h) ==
			    hash_of_file(fd, (int64_t)cut, INT64_MAX, 1));
		dl_files_hash_add(h, p + cut, n - cut);
		assert_true(dl_files_hash_value(h) ==
			    (dl_hash64(dl_span(p, n)) & mask));
		/* What comes after the most does not count. */
		assert_true(hash_of_file(fd, (int64_t)n, (int64_t)cut, 1) ==
			    (dl_hash64(dl_span(p, cut)) & mask));
	}
	hash_of_file(fd, (int64_t)n + 1, INT64_MAX, 0);
	close(fd);
	dl_files_hash_free(h);
	free(p);
}

static void
marks(void **state)
{
	const uint64_t most = (UINT64_C(1) << DL_FILES_BITS) - 1;
	const struct dl_files_mark in[] = {
	    {0, DL_FILES_NO_PRINT, 0},
	    {1, 1, 1},
	    {DL_FILES_SIZE_MAX, most, most},
	    {DL_FILES_SIZE_MAX - 1, most - 1, 0},
	    {12345678901, 0x123456789a, 0xfedcba9876},
	};
	struct dl_source_state *st;
	struct dl_err err = {0};
	struct dl_files_mark m;

	(void)state;
	st = dl_source_state_open(dir, DL_SPAN("s"), &err);
	assert_non_null(st);
	assert_false(dl_files_mark_get(st, 7, &m));
	for (size_t i = 0; i < sizeof(in) / sizeof(*in); i++)
		dl_files_mark_set(st, i, &in[i]);
	for (size_t i = 0; i < sizeof(in) / sizeof(*in); i++) {
		assert_true(dl_files_mark_get(st, i, &m));
		assert_true(m.read == in[i].read && m.print == in[i].print &&
			    m.same == in[i].same);
	}
	dl_source_state_close(st);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(urls),
	    cmocka_unit_test(lists),
	    cmocka_unit_test(rows),
	    cmocka_unit_test(first_and_last_rows),
	    cmocka_unit_test(newlines),
	    cmocka_unit_test(statuses),
	    cmocka_unit_test(inodes),
	    cmocka_unit_test(hashes),
	    cmocka_unit_test(marks),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
