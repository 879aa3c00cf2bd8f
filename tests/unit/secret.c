/* secret: versions in a box, and what no changed file does. */
#include "secret.h"

#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

static struct dl_seal_key master, a, b;

static void
put(struct dl_secret_box *box, const char *value, int64_t sec)
{
	struct dl_err err = {0};

	assert_int_equal(
	    dl_secret_box_add(box, dl_span_str(value), sec, &err), 0);
}

static void
versions_come_back(void **unused)
{
	struct dl_secret_box box = {.bytes = NULL}, again = {.bytes = NULL};
	struct dl_buf file = {0};
	struct dl_err err = {0};

	(void)unused;
	put(&box, "one", 100);
	put(&box, "", -5);
	put(&box, "three", 300);
	dl_secret_box_seal(&box, &a, "x", &file);
	assert_int_equal(
	    dl_secret_box_open(&again, &a, "x", dl_buf_as_span(&file), &err),
	    0);
	assert_int_equal(again.n, 3);
	assert_true(dl_span_is(dl_secret_box_find(&again, 1)->value, "one"));
	assert_true(dl_span_is(dl_secret_box_find(&again, 2)->value, ""));
	assert_int_equal(dl_secret_box_find(&again, 2)->sec, -5);
	assert_true(dl_span_is(dl_secret_box_find(&again, 0)->value, "three"));
	assert_null(dl_secret_box_find(&again, 4));
	dl_secret_box_release(&box);
	dl_secret_box_release(&again);
	dl_buf_release(&file);
}

static void
the_oldest_go(void **unused)
{
	struct dl_secret_box box = {.bytes = NULL};
	char value[32];

	(void)unused;
	for (int i = 1; i <= DL_SECRET_VERSIONS + 5; i++) {
		snprintf(value, sizeof(value), "v%d", i);
		put(&box, value, i);
	}
	assert_int_equal(box.n, DL_SECRET_VERSIONS);
	assert_null(dl_secret_box_find(&box, 5));
	assert_true(dl_span_is(dl_secret_box_find(&box, 6)->value, "v6"));
	assert_true(dl_span_is(dl_secret_box_find(&box, 0)->value, value));
	dl_secret_box_release(&box);
}

static void
the_largest_fits(void **unused)
{
	struct dl_secret_box box = {.bytes = NULL};
	char *value = calloc(1, DL_SECRET_MAX + 1);
	struct dl_buf file = {0};
	struct dl_err err = {0};

	(void)unused;
	for (int i = 0; i < DL_SECRET_VERSIONS; i++)
		assert_int_equal(dl_secret_box_add(&box,
				     dl_span(value, DL_SECRET_MAX), 0, &err),
		    0);
	dl_secret_box_seal(&box, &a, "x", &file);
	assert_in_range(file.len, 1, DL_SECRET_FILE_MAX);
	assert_int_equal(
	    dl_secret_box_open(&box, &a, "x", dl_buf_as_span(&file), &err), 0);
	assert_int_equal(box.n, DL_SECRET_VERSIONS);
	assert_int_equal(
	    dl_secret_box_add(&box, dl_span(value, DL_SECRET_MAX + 1), 0, &err),
	    -1);
	assert_int_equal(err.status, DL_EXIT_DATA);
	dl_secret_box_release(&box);
	dl_buf_release(&file);
	free(value);
}

/* Each refusal leaves an empty box. */
static void
refuse(const struct dl_seal_key *key, const char *name, struct dl_span file)
{
	struct dl_secret_box box = {.bytes = NULL};
	struct dl_err err = {0};

	assert_int_equal(dl_secret_box_open(&box, key, name, file, &err), -1);
	assert_int_equal(err.status, DL_EXIT_DATA);
	assert_null(box.bytes);
	assert_int_equal(box.n, 0);
}

static void
nothing_changed_opens(void **unused)
{
	struct dl_secret_box box = {.bytes = NULL};
	struct dl_buf file = {0};
	struct dl_seal_key elsewhere;
	struct dl_span all;

	(void)unused;
	put(&box, "hunter2", 1);
	put(&box, "hunter3", 2);
	dl_secret_box_seal(&box, &a, "x", &file);
	all = dl_buf_as_span(&file);
	refuse(&b, "x", all);
	refuse(&a, "y", all);
	refuse(&a, "", all);
	elsewhere = a;
	elsewhere.group[0] = 'b';
	refuse(&elsewhere, "x", all);
	for (size_t i = 0; i < file.len * 8; i++) {
		file.p[i / 8] = (char)(file.p[i / 8] ^ (1 << i % 8));
		refuse(&a, "x", all);
		file.p[i / 8] = (char)(file.p[i / 8] ^ (1 << i % 8));
	}
	for (size_t n = 0; n < file.len; n++)
		refuse(&a, "x", dl_span(file.p, n));
	dl_buf_addc(&file, 'x');
	refuse(&a, "x", dl_buf_as_span(&file));
	dl_secret_box_release(&box);
	dl_buf_release(&file);
}

/* Even who has the key makes nothing that leads out of bounds. */
static void
wrong_contents_are_refused(void **unused)
{
	static const struct {
		const char *p;
		size_t n;
	} wrong[] = {{"", 0}, {"\0", 1},
	    /* longer than there is */
	    {"\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\1", 20},
	    {"\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\377\377\377\377x", 21},
	    /* version 0 */
	    {"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20},
	    /* 2, where 1 is said to be the newest */
	    {"\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\0\0\0\0\0", 20},
	    /* 1 after 1 */
	    {"\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0"
	     "\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0",
		40},
	    /* the year 10000 */
	    {"\0\0\0\0\0\0\0\1\0\0\0\72\377\364\101\200\0\0\0\0", 20},
	    /* a rest */
	    {"\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0", 21}};

	(void)unused;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct dl_secret_box box = {.bytes = NULL};
		struct dl_buf file = {0};
		struct dl_err err = {0};

		box.bytes = dl_seal_alloc(wrong[i].n + 1, &err);
		memcpy(box.bytes, wrong[i].p, wrong[i].n);
		box.len = wrong[i].n;
		box.n = 1;
		box.v[0].number = 1;
		dl_secret_box_seal(&box, &a, "x", &file);
		refuse(&a, "x", dl_buf_as_span(&file));
		dl_secret_box_release(&box);
		dl_buf_release(&file);
	}
}

static int
count(void *arg, const char *group, const char *name, struct dl_err *err)
{
	(void)group;
	(void)name;
	(void)err;
	++*(int *)arg;
	return 0;
}

static void
the_store(void **state)
{
	struct dl_err err = {0};
	struct dl_secrets *s = dl_secrets_open(*state, NULL, NULL, &err);
	struct dl_secret_box box = {.bytes = NULL};
	struct dl_span value = DL_SPAN("hunter2");
	int n = 0;

	assert_non_null(s);
	assert_int_equal(dl_secret_read(s, "g", "x", &box, &err), 0);
	assert_int_equal(dl_secret_remove(s, "g", "x", &err), 0);
	assert_int_equal(dl_secret_put(s, "g", "x", value, &err), 1);
	assert_int_equal(dl_secret_put(s, "g", "x", value, &err), 0);
	assert_int_equal(dl_secret_put(s, "h", "y", value, &err), 1);
	assert_int_equal(dl_secret_rotate(s, &err), 0);
	assert_int_equal(dl_secret_read(s, "g", "x", &box, &err), 1);
	assert_true(dl_span_eq(dl_secret_box_find(&box, 0)->value, value));
	assert_int_equal(dl_secret_each(s, NULL, count, &n, &err), 0);
	assert_int_equal(n, 2);
	assert_int_equal(dl_secret_put(s, "..", "x", value, &err), -1);
	assert_int_equal(err.status, DL_EXIT_USAGE);
	dl_err_clear(&err);
	assert_int_equal(dl_secret_read(s, "g", "../h/y", &box, &err), -1);
	assert_int_equal(err.status, DL_EXIT_USAGE);
	dl_err_clear(&err);
	assert_int_equal(dl_secret_remove(s, "g", "x", &err), 1);
	assert_int_equal(dl_secret_remove(s, "g", "x", &err), 0);
	dl_secret_box_release(&box);
	dl_secrets_close(s);
}

static int
start(void **state)
{
	static char dir[] = "/tmp/dl-unit.XXXXXX";
	struct dl_err err = {0};

	if (dl_seal_start(&err) < 0 || (*state = mkdtemp(dir)) == NULL)
		return -1;
	dl_seal_key_new(&master);
	dl_seal_key_derive(&master, "a", &a, &err);
	return dl_seal_key_derive(&master, "b", &b, &err);
}

static int
end(void **state)
{
	char command[PATH_MAX + 16];

	snprintf(command, sizeof(command), "rm -rf '%s'", (char *)*state);
	return system(command);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(versions_come_back),
	    cmocka_unit_test(the_oldest_go),
	    cmocka_unit_test(the_largest_fits),
	    cmocka_unit_test(nothing_changed_opens),
	    cmocka_unit_test(wrong_contents_are_refused),
	    cmocka_unit_test(the_store),
	};

	return cmocka_run_group_tests_name("secret", tests, start, end);
}
