/* idset: members, those met, more of them, files, hashes made to be slow. */
#include "idset.h"

#include "log.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

static char dir[] = "/tmp/dl-idset-XXXXXX";

static int
make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int
remove_dir(void **state)
{
	(void)state;
	return rmdir(dir); /* which fails if a file is left */
}

static void
add(struct dl_idset *s, uint64_t hi, uint64_t lo, bool awaited)
{
	struct dl_err err = {0};

	assert_int_equal(
	    dl_idset_add(s, (struct dl_hash128){hi, lo}, awaited, &err), 0);
}

static void
seal(struct dl_idset *s)
{
	struct dl_err err = {0};

	assert_int_equal(dl_idset_seal(s, &err), 0);
}

static bool
meet(struct dl_idset *s, uint64_t hi, uint64_t lo)
{
	return dl_idset_meet(s, (struct dl_hash128){hi, lo});
}

/* A number that looks like any other, different for each i. */
static uint64_t
scatter(uint64_t i)
{
	i = (i + 1) * 0x9e3779b97f4a7c15u;
	return (i ^ i >> 29) * 0xbf58476d1ce4e5b9u;
}

static void
what_was_added_is_met_and_nothing_else(void **state)
{
	struct dl_idset s;

	(void)state;
	dl_idset_init(&s, dir);
	assert_false(meet(&s, 1, 8));
	for (uint64_t i = 0; i < 5000; i++) {
		add(&s, i, 8, true);
		add(&s, scatter(i), 8, true);
		add(&s, i, 8, true);
	}
	seal(&s);
	assert_int_equal(s.n, 10000);
	assert_int_equal(s.unmet, 10000);
	for (uint64_t i = 0; i < 5000; i += 2) {
		assert_true(meet(&s, i, 8));
		assert_true(meet(&s, i, 8));
		assert_true(meet(&s, scatter(i), 8));
		assert_false(meet(&s, i, 16));
		assert_false(meet(&s, scatter(i) + 1, 8));
	}
	assert_int_equal(s.unmet, 5000);
	assert_false(meet(&s, 5000, 8));
	assert_false(meet(&s, UINT64_MAX, 8));
	dl_idset_release(&s);
	assert_int_equal(s.n, 0);
	assert_false(meet(&s, 1, 8));
	dl_idset_release(&s);
}

static void
an_empty_one_has_nothing(void **state)
{
	struct dl_idset s;

	(void)state;
	dl_idset_init(&s, dir);
	seal(&s);
	assert_int_equal(s.unmet, 0);
	assert_false(meet(&s, 0, 0));
	dl_idset_release(&s);
}

/* Those that are not awaited answer, and that is all. */
static void
only_awaited_ones_are_unmet(void **state)
{
	struct dl_idset s;

	(void)state;
	dl_idset_init(&s, dir);
	add(&s, 1, 8, false);
	add(&s, 2, 8, false);
	add(&s, 2, 8, true);
	add(&s, 3, 8, true);
	add(&s, 3, 8, false);
	seal(&s);
	assert_int_equal(s.n, 3);
	assert_int_equal(s.unmet, 2);
	assert_true(meet(&s, 1, 8));
	assert_int_equal(s.unmet, 2);
	assert_true(meet(&s, 2, 8));
	assert_int_equal(s.unmet, 1);
	assert_true(meet(&s, 3, 8));
	assert_int_equal(s.unmet, 0);
	dl_idset_release(&s);
}

static int
files_in(const char *path)
{
	DIR *d = opendir(path);
	int n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n - 2;
}

/*
 * 10,000 ids, each three times, a thousand in memory: an id is in several
 * files, in some of them awaited.
 */
static void
spilled_ones_are_as_those_in_memory(void **state)
{
	struct dl_idset s;
	int fds = files_in("/proc/self/fd");

	(void)state;
	dl_idset_init(&s, dir);
	s.most = 1000;
	for (uint64_t i = 0; i < 30000; i++)
		add(&s, scatter(i * 7 % 10000), 8, i % 3 == 0 && i % 2 == 0);
	assert_int_equal(s.nruns, 29);
	assert_true(s.cap < 2048);
	seal(&s);
	assert_int_equal(s.nruns, 0);
	assert_int_equal(files_in(dir), 0);
	assert_int_equal(files_in("/proc/self/fd"), fds);
	assert_int_equal(s.n, 10000);
	/* i, i + 10000, i + 20000 are one id; if i is even 6 divides one. */
	assert_int_equal(s.unmet, 5000);
	for (uint64_t i = 0; i < 10000; i++) {
		assert_true(meet(&s, scatter(i), 8));
		assert_true(meet(&s, scatter(i), 8));
		assert_false(meet(&s, scatter(i), 4));
		assert_false(meet(&s, scatter(i + 10000), 8));
	}
	assert_int_equal(s.unmet, 0);
	dl_idset_release(&s);
	assert_int_equal(files_in(dir), 0);
}

/* What was added is exactly most: nothing is spilled. */
static void
as_many_as_fit_stay_in_memory(void **state)
{
	struct dl_idset s;

	(void)state;
	dl_idset_init(&s, dir);
	s.most = 1000;
	for (uint64_t i = 0; i < 1000; i++)
		add(&s, i, 8, true);
	seal(&s);
	assert_false(s.mapped);
	dl_idset_release(&s);
	s.most = 1000;
	for (uint64_t i = 0; i < 1001; i++)
		add(&s, i, 8, true);
	seal(&s);
	assert_true(s.mapped);
	assert_int_equal(s.unmet, 1001);
	dl_idset_release(&s);
}

/* The first so many are members, and those after them aren't. */
static void
meets(struct dl_idset *s, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		assert_true(meet(s, scatter(i), 8));
	for (uint64_t i = n; i < n + 1000; i++)
		assert_false(meet(s, scatter(i), 8));
}

static void
a_sealed_one_takes_more(void **state)
{
	struct dl_idset s;

	(void)state;
	dl_idset_init(&s, dir);
	for (uint64_t i = 0; i < 1000; i++)
		add(&s, scatter(i), 8, i < 100);
	seal(&s);
	meets(&s, 1000);
	assert_int_equal(s.unmet, 0);
	/* 500 of them are members already, 200 of these newly awaited. */
	for (uint64_t i = 500; i < 3000; i++)
		add(&s, scatter(i), 8, i < 700);
	meets(&s, 1000);
	seal(&s);
	assert_int_equal(s.n, 3000);
	assert_int_equal(s.unmet, 300);
	assert_false(s.mapped);
	meets(&s, 3000);
	assert_int_equal(s.unmet, 0);
	seal(&s);
	assert_int_equal(s.n, 3000);
	assert_int_equal(s.unmet, 300);
	meets(&s, 3000);
	dl_idset_release(&s);
	assert_false(meet(&s, scatter(1), 8));
}

/* From memory to a file, from a file to a file, by few and by many. */
static void
a_sealed_one_takes_more_than_fits(void **state)
{
	static const uint64_t upto[] = {600, 1200, 1201, 1201, 6000, 8000};
	uint64_t i = 0;
	struct dl_idset s;
	int fds = files_in("/proc/self/fd");

	(void)state;
	dl_idset_init(&s, dir);
	s.most = 1000;
	for (size_t k = 0; k < 6; k++) {
		uint64_t had = i;

		/* Some come once more. */
		for (i -= i / 3; i < upto[k]; i++)
			add(&s, scatter(i), 8, true);
		assert_true(s.cap < 2048);
		meets(&s, had);
		seal(&s);
		assert_int_equal(s.mapped, k > 0);
		assert_int_equal(s.nruns, 0);
		assert_int_equal(s.n, i);
		assert_int_equal(s.unmet, i);
		meets(&s, i);
		assert_int_equal(s.unmet, 0);
	}
	assert_int_equal(files_in("/proc/self/fd"), fds);
	dl_idset_release(&s);
	assert_int_equal(files_in(dir), 0);
}

/* In memory, and where the members are in a file. */
static void
what_cannot_be_sealed_waits(void **state)
{
	struct dl_err err = {0};
	struct dl_idset s;
	uint64_t i = 0;

	(void)state;
	dl_idset_init(&s, dir);
	s.most = 1000;
	for (uint64_t end = 900; end < 5000; end += 900) {
		for (; i < end; i++)
			add(&s, scatter(i), 8, true);
		if (end > 900) {
			s.dir = "/dl-idset/is/not/there";
			assert_int_equal(dl_idset_seal(&s, &err), -1);
			assert_non_null(strstr(err.msg, s.dir));
			dl_err_clear(&err);
			meets(&s, end - 900);
			s.dir = dir;
		}
		seal(&s);
		meets(&s, end);
	}
	dl_idset_release(&s);
}

static void
a_full_disk_is_told(void **state)
{
	struct rlimit old, limit;
	struct dl_err err = {0};
	struct dl_idset s;
	int r = 0;

	(void)state;
	dl_idset_init(&s, dir);
	s.most = 1000;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	limit = old;
	limit.rlim_cur = 10000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	for (uint64_t i = 0; r == 0 && i < 2000; i++)
		r = dl_idset_add(&s, (struct dl_hash128){i, 8}, true, &err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(r, -1);
	assert_int_equal(err.status, DL_EXIT_TEMP);
	assert_non_null(strstr(err.msg, dir));
	dl_idset_release(&s);

	dl_err_clear(&err);
	s.dir = "/dl-idset/is/not/there";
	s.most = 10;
	r = 0;
	for (uint64_t i = 0; r == 0 && i < 20; i++)
		r = dl_idset_add(&s, (struct dl_hash128){i, 8}, true, &err);
	assert_int_equal(r, -1);
	assert_non_null(strstr(err.msg, s.dir));
	dl_idset_release(&s);
}

/*
 * Who chooses the ids knows their hashes: all alike but in their last bits, or
 * each of them half as large as the one before it.
 */
static void
chosen_hashes_are_not_slow(void **state)
{
	struct dl_idset s;
	clock_t start = clock();
	uint64_t i, n = 200000;

	(void)state;
	dl_idset_init(&s, dir);
	for (i = 0; i < n; i++) {
		add(&s, i << 32, i * 2, true);
		add(&s, 5, i * 2, true);
		add(&s, UINT64_MAX >> i % 64, i * 2, true);
	}
	seal(&s);
	for (i = 0; i < n; i++) {
		assert_true(meet(&s, i << 32, i * 2));
		assert_true(meet(&s, 5, i * 2));
		assert_true(meet(&s, UINT64_MAX >> i % 64, i * 2));
		assert_false(meet(&s, 5, (n + i) * 2));
	}
	assert_int_equal(s.unmet, 0);
	/* A walk over all that came before takes a minute. */
	assert_true(clock() - start < 3 * CLOCKS_PER_SEC);
	dl_idset_release(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_added_is_met_and_nothing_else),
	    cmocka_unit_test(an_empty_one_has_nothing),
	    cmocka_unit_test(only_awaited_ones_are_unmet),
	    cmocka_unit_test(spilled_ones_are_as_those_in_memory),
	    cmocka_unit_test(as_many_as_fit_stay_in_memory),
	    cmocka_unit_test(a_sealed_one_takes_more),
	    cmocka_unit_test(a_sealed_one_takes_more_than_fits),
	    cmocka_unit_test(what_cannot_be_sealed_waits),
	    cmocka_unit_test(a_full_disk_is_told),
	    cmocka_unit_test(chosen_hashes_are_not_slow),
	};

	dl_log_init("idset", DL_LOG_ERROR);
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
