/* polite: turns at a server, over processes and runs; and the limits' words. */
#include "polite.h"

#include "buf.h"
#include "clock.h"
#include "hash.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#define HOST "http://example.org"

static char dir[] = "/tmp/dl-polite-XXXXXX";
static volatile sig_atomic_t stop;

/* Each test has a home of its own. */
static int
fresh(void **state)
{
	(void)state;
	stop = 0;
	assert_int_equal(system("rm -rf home"), 0);
	return 0;
}

static struct dl_limits_spec
limits(int64_t concurrency, int64_t apart_ms)
{
	return (struct dl_limits_spec){
	    .rate = "RATE",
	    .apart_ns = apart_ms * 1000000,
	    .concurrency = concurrency,
	};
}

static void
enter(struct dl_polite *p, const char *url)
{
	struct dl_err err = {0};

	assert_int_equal(dl_polite_enter(p, url, &err), 0);
	assert_int_equal(err.status, DL_EXIT_OK);
}

static void
is_refused(struct dl_polite *p, const char *url, const char *message)
{
	struct dl_err err = {0};

	assert_int_equal(dl_polite_enter(p, url, &err), -1);
	assert_int_equal(err.status, DL_EXIT_TEMP);
	assert_string_equal(err.msg, message);
}

/* The same for a turn that is an hour away, or almost. */
static void
is_far(struct dl_polite *p, const char *rate)
{
	char first[128], last[128];
	struct dl_err err = {0};

	assert_int_equal(dl_polite_enter(p, HOST, &err), -1);
	assert_int_equal(err.status, DL_EXIT_TEMP);
	for (int m = 50; m <= 60; m += 10) {
		snprintf(m == 50 ? first : last, sizeof(first),
		    "'http://example.org:80' is asked %s at most, and the next "
		    "turn is in %dm: run it again then",
		    rate, m);
	}
	/* 60m, or 59m, or on a slow machine some minutes less. */
	if (strcmp(err.msg, last) != 0) {
		err.msg[strlen(err.msg) - strlen("9m: run it again then")] =
		    '0';
		assert_string_equal(err.msg, first);
	}
}

/* How long it takes until it is our turn. */
static int64_t
time_of(struct dl_polite *p, const char *url)
{
	int64_t start = dl_clock_ms();

	enter(p, url);
	return dl_clock_ms() - start;
}

static void
a_rate_keeps_requests_apart(void **state)
{
	struct dl_limits_spec spec = limits(0, 40);
	struct dl_polite *p =
	    dl_polite_new("home", &spec, DL_POLITE_WAIT_MS, &stop);
	int64_t start = dl_clock_ms();

	(void)state;
	for (int i = 0; i < 5; i++) {
		enter(p, HOST "/a?b");
		assert_true(dl_clock_ms() - start >= i * 40 - 1);
	}
	dl_polite_free(p);
}

static void
and_so_over_runs(void **state)
{
	struct dl_limits_spec spec = limits(1, 300);
	struct dl_polite *p;

	(void)state;
	for (int i = 0; i < 2; i++) {
		p = dl_polite_new("home", &spec, DL_POLITE_WAIT_MS, &stop);
		if (i == 0)
			enter(p, HOST);
		else
			assert_in_range(time_of(p, HOST), 200, 60000);
		dl_polite_free(p);
	}
}

/* Run fn in n processes of their own: all of them have to do well. */
static void
in_processes(int n, int (*fn)(void *arg), void *arg)
{
	int status;

	for (int i = 0; i < n; i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0)
			_exit(fn(arg));
	}
	for (int i = 0; i < n; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
}

struct shared {
	int n;            /* requests */
	int64_t at[64];   /* when each was sent */
	int inside, most; /* transfers at once */
};

static int
ask_thrice(void *arg)
{
	struct dl_limits_spec spec = limits(0, 20);
	struct dl_polite *p =
	    dl_polite_new("home", &spec, DL_POLITE_WAIT_MS, &stop);
	struct dl_err err = {0};
	struct shared *s = arg;

	for (int i = 0; i < 3; i++) {
		if (dl_polite_enter(p, HOST, &err) != 0)
			return 1;
		s->at[__atomic_fetch_add(&s->n, 1, __ATOMIC_SEQ_CST)] =
		    dl_clock_ms();
	}
	dl_polite_free(p);
	return 0;
}

static int
by_time(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static struct shared *
share(void)
{
	struct shared *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(s, MAP_FAILED);
	return s;
}

static void
and_over_processes(void **state)
{
	struct shared *s = share();
	int64_t start = dl_clock_ms();

	(void)state;
	in_processes(4, ask_thrice, s);
	assert_int_equal(s->n, 12);
	qsort(s->at, 12, sizeof(*s->at), by_time);
	/* One may be late, which makes none of the others early. */
	for (int i = 0; i < 12; i++)
		assert_true(s->at[i] - start >= i * 20 - 1);
	munmap(s, sizeof(*s));
}

static void
each_keeps_to_its_own_rate(void **state)
{
	struct dl_limits_spec slow = limits(0, 3600 * 1000),
			      fast = limits(0, 1),
			      other = limits(0, 3600 * 1000);
	struct dl_polite *s =
	    dl_polite_new("home", &slow, DL_POLITE_WAIT_MS, &stop);
	struct dl_polite *f =
	    dl_polite_new("home", &fast, DL_POLITE_WAIT_MS, &stop);
	struct dl_polite *o =
	    dl_polite_new("home", &other, DL_POLITE_WAIT_MS, &stop);

	(void)state;
	slow.rate = "1/h";
	other.rate = "24/d";
	enter(s, HOST);
	for (int i = 0; i < 5; i++)
		enter(f, HOST);
	/* One that is the same in other words is shared. */
	is_far(o, "24/d");
	dl_polite_free(s);
	dl_polite_free(f);
	dl_polite_free(o);
}

static void
a_turn_that_is_far_is_not_waited_for(void **state)
{
	struct dl_limits_spec spec = limits(1, 3600 * 1000);
	struct dl_polite *p =
	    dl_polite_new("home", &spec, DL_POLITE_WAIT_MS, &stop);
	struct dl_polite *q =
	    dl_polite_new("home", &spec, DL_POLITE_WAIT_MS, &stop);

	(void)state;
	spec.rate = "1/h";
	enter(p, HOST);
	dl_polite_leave(p);
	/* Nor taken: it does not move away, and the slot is free. */
	for (int i = 0; i < 3; i++)
		is_far(i == 1 ? q : p, "1/h");
	dl_polite_free(p);
	dl_polite_free(q);
}

/* Write the file of a rate of 50 ms at HOST. */
static void
write_rate(const char *bytes, size_t n)
{
	char path[128], hash[17];
	FILE *f;

	assert_int_equal(system("mkdir -p home/locks"), 0);
	dl_hash_hex(DL_SPAN("http://example.org:80"), hash, 16);
	snprintf(path, sizeof(path), "home/locks/host.%s.50000000.rate", hash);
	assert_non_null(f = fopen(path, "w"));
	assert_int_equal(fwrite(bytes, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static int64_t
time_after(const char *bytes, size_t n)
{
	struct dl_limits_spec spec = limits(0, 50);
	struct dl_polite *p =
	    dl_polite_new("home", &spec, DL_POLITE_WAIT_MS, &stop);
	int64_t first, second;

	write_rate(bytes, n);
	first = time_of(p, HOST);
	second = time_of(p, HOST);
	dl_polite_free(p);
	/* From then on all is as ever. */
	assert_true(second >= 30);
	return first;
}

static void
a_clock_that_was_set_back_delays_nobody(void **state)
{
	char text[64];
	int64_t year = (int64_t)(time(NULL) + 365 * 86400) * 1000000000;

	(void)state;
	/* 100 ms of turns were taken when the clock said so. */
	snprintf(text, sizeof(text), "%020lld %020lld\n", (long long)year,
	    (long long)(year + 100 * 1000000));
	assert_in_range(time_after(text, strlen(text)), 99, 60000);
}

static void
what_is_no_rate_is_none(void **state)
{
	static const char *const texts[] = {"", "\n", "x",
	    "00000000000000000001 99999999999999999999\n",
	    "99999999999999999999 99999999999999999999\n",
	    "00000000000000000001 09000000000000000000\n",
	    "09000000000000000000 00000000000000000001\n",
	    "0000000000000000000a 00000000000000000001\n",
	    "00000000000000000001x09223372036854775807\n",
	    "00000000000000000001 0922337203685477580",
	    "-0000000000000000001 -0000000000000000001\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_in_range(
		    time_after(texts[i], strlen(texts[i])), 0, 30000);
}

static void
as_many_at_once_as_are_allowed(void **state)
{
	struct dl_limits_spec spec = limits(2, 0);
	struct dl_polite *p[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		p[i] = dl_polite_new("home", &spec, 50, &stop);
	enter(p[0], HOST "/x");
	enter(p[1], HOST "/y");
	is_refused(p[2], HOST "/z",
	    "'http://example.org:80' is busy: for 50ms others had all of its "
	    "transfers (concurrency: 2)");
	enter(p[2], "http://example.org:8080/z");
	dl_polite_leave(p[0]);
	enter(p[3], HOST);
	dl_polite_leave(p[0]);
	/* Who enters again leaves first. */
	enter(p[3], HOST);
	for (int i = 0; i < 4; i++)
		dl_polite_free(p[i]);
	dl_polite_free(NULL);
}

static int
count_inside(void *arg)
{
	struct dl_limits_spec spec = limits(2, 0);
	struct dl_polite *p =
	    dl_polite_new("home", &spec, DL_POLITE_WAIT_MS, &stop);
	struct dl_err err = {0};
	struct shared *s = arg;
	int inside;

	for (int i = 0; i < 4; i++) {
		if (dl_polite_enter(p, HOST, &err) != 0)
			return 1;
		inside = __atomic_add_fetch(&s->inside, 1, __ATOMIC_SEQ_CST);
		usleep(2000);
		__atomic_sub_fetch(&s->inside, 1, __ATOMIC_SEQ_CST);
		dl_polite_leave(p);
		if (inside > 2)
			return 2;
	}
	dl_polite_free(p);
	return 0;
}

static void
nor_more_of_many_processes(void **state)
{
	struct shared *s = share();

	(void)state;
	in_processes(5, count_inside, s);
	assert_int_equal(s->inside, 0);
	munmap(s, sizeof(*s));
}

static void
who_may_less_finds_room(void **state)
{
	struct dl_limits_spec many = limits(5, 0), few = limits(2, 0);
	struct dl_polite *p[5];

	(void)state;
	for (int i = 0; i < 5; i++) {
		p[i] = dl_polite_new(
		    "home", i < 3 ? &many : &few, DL_POLITE_WAIT_MS, &stop);
		enter(p[i], HOST);
	}
	for (int i = 0; i < 5; i++)
		dl_polite_free(p[i]);
}

static void
a_killed_process_frees_its_slot(void **state)
{
	struct dl_limits_spec spec = limits(1, 0);
	struct dl_polite *p = dl_polite_new("home", &spec, 50, &stop);
	struct dl_err err = {0};
	int ready[2], status;
	pid_t pid;
	char c;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	assert_true((pid = fork()) >= 0);
	if (pid == 0) {
		c = dl_polite_enter(p, HOST, &err) == 0 ? 'y' : 'n';
		if (write(ready[1], &c, 1) == 1)
			pause();
		_exit(0);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_int_equal(c, 'y');
	assert_int_equal(dl_polite_enter(p, HOST, &err), -1);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	enter(p, HOST);
	dl_polite_free(p);
	close(ready[0]);
	close(ready[1]);
}

static void
on_alarm(int sig)
{
	(void)sig;
	stop = 1;
}

/* A stop that comes while one waits, for a slot or for a turn. */
static void
a_stop_ends_the_wait(void **state)
{
	struct dl_limits_spec slot = limits(1, 0), rate = limits(1, 300 * 1000);
	struct dl_polite *a = dl_polite_new("home", &slot, 1 << 30, &stop);
	struct dl_polite *b = dl_polite_new("home", &slot, 1 << 30, &stop);
	struct dl_polite *c =
	    dl_polite_new("home", &rate, DL_POLITE_WAIT_MS, &stop);
	struct dl_err err = {0};
	int64_t start = dl_clock_ms();

	(void)state;
	signal(SIGALRM, on_alarm);
	enter(a, HOST);
	alarm(1);
	assert_int_equal(dl_polite_enter(b, HOST, &err), 1);
	dl_polite_leave(a);
	stop = 0;
	enter(c, HOST);
	alarm(1);
	assert_int_equal(dl_polite_enter(c, HOST, &err), 1);
	assert_true(dl_clock_ms() - start < 100 * 1000);
	assert_int_equal(err.status, DL_EXIT_OK);
	stop = 0;
	/* It has let go of its slot. */
	enter(a, HOST);
	dl_polite_free(a);
	dl_polite_free(b);
	dl_polite_free(c);
}

static void
a_server_is_scheme_host_and_port(void **state)
{
	static const char *const same[] = {"https://example.org",
	    "https://example.org:443/x?y#z", "HTTPS://Example.ORG/",
	    "https://user:pass@example.org/"};
	static const char *const others[] = {"http://example.org",
	    "https://example.org:444", "https://www.example.org",
	    "sftp://example.org/x", "mqtt://example.org/x", "https://[::1]/",
	    "https://[::1]:8443/"};
	struct dl_limits_spec spec = limits(1, 0);
	struct dl_polite *p = dl_polite_new("home", &spec, 0, &stop), *q;
	struct dl_err err = {0};

	(void)state;
	q = dl_polite_new("home", &spec, 0, &stop);
	enter(p, same[0]);
	for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++)
		is_refused(q, same[i],
		    "'https://example.org:443' is busy: for 0ms others had all "
		    "of its "
		    "transfers (concurrency: 1)");
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		enter(q, others[i]);
	/* Without a host there is no limit. */
	enter(p, "file:///etc/passwd");
	enter(q, "file:///etc/passwd");
	assert_int_equal(dl_polite_enter(p, "no url", &err), -1);
	assert_int_equal(err.status, DL_EXIT_CONF);
	dl_polite_free(p);
	dl_polite_free(q);
}

/* What libcurl sends escaped is a URL here, too. */
static void
a_url_may_have_spaces(void **state)
{
	struct dl_limits_spec spec = limits(1, 0);
	struct dl_polite *p = dl_polite_new("home", &spec, 1000, &stop);

	(void)state;
	enter(p, HOST "/a b?\xc3\xa4= c");
	dl_polite_free(p);
}

/* Who put it there would have us write into another file. */
static void
a_link_is_not_followed(void **state)
{
	struct dl_limits_spec spec = limits(0, 50);
	struct dl_polite *p = dl_polite_new("home", &spec, 1000, &stop);
	struct dl_err err = {0};

	(void)state;
	enter(p, HOST);
	assert_int_equal(system("cd home/locks && set -- *.rate && "
				"echo mine >../mine && ln -sf ../mine \"$1\""),
	    0);
	assert_int_equal(dl_polite_enter(p, HOST, &err), -1);
	assert_int_equal(system("test \"$(cat home/mine)\" = mine"), 0);
	dl_polite_free(p);
}

static void
without_limits_nothing_is_touched(void **state)
{
	struct dl_limits_spec spec = {.max_bytes = 1};
	struct dl_polite *p = dl_polite_new("home", &spec, 0, &stop);

	(void)state;
	enter(p, HOST);
	assert_int_equal(access("home", F_OK), -1);
	dl_polite_free(p);
}

static void
a_home_that_is_none_is_told(void **state)
{
	struct dl_limits_spec spec = limits(1, 1);
	struct dl_polite *p = dl_polite_new("home", &spec, 0, &stop);
	struct dl_err err = {0};

	(void)state;
	assert_int_equal(system("touch home"), 0);
	assert_int_equal(dl_polite_enter(p, HOST, &err), -1);
	assert_int_not_equal(err.status, DL_EXIT_OK);
	dl_polite_free(p);
}

/* Take the limits of a specification that begins with them. */
static int
take(const char *yaml, struct dl_limits_spec *spec, struct dl_err *err)
{
	const struct dl_conf_node *node;
	struct dl_conf *c;
	FILE *f = fopen("t.yaml", "w");
	int r;

	*err = (struct dl_err){0};
	assert_non_null(f);
	fprintf(f, "limits: %s\n", yaml);
	assert_int_equal(fclose(f), 0);
	c = dl_conf_load("t.yaml", err);
	assert_non_null(c);
	node = dl_conf_child(dl_conf_root(c), 0, NULL);
	r = dl_limits_take(c, node, spec, err);
	spec->rate = NULL;
	dl_conf_free(c);
	return r;
}

static void
limits_are_read(void **state)
{
	struct dl_limits_spec spec;
	struct dl_err err;

	(void)state;
	assert_int_equal(take("{rate: 10/s, concurrency: 2, max_bytes: 1G, "
			      "max_time: 10m}",
			     &spec, &err),
	    0);
	assert_int_equal(spec.apart_ns, 100000000);
	assert_int_equal(spec.concurrency, 2);
	assert_int_equal(spec.max_bytes, 1 << 30);
	assert_int_equal(spec.max_time_ms, 600000);
	assert_int_equal(take("{rate: 100/m}", &spec, &err), 0);
	assert_int_equal(spec.apart_ns, 600000000);
	assert_int_equal(spec.concurrency, 0);
	assert_int_equal(take("{rate: 1000/h}", &spec, &err), 0);
	assert_int_equal(spec.apart_ns, 3600000000);
	assert_int_equal(take("{rate: 3/d}", &spec, &err), 0);
	assert_int_equal(spec.apart_ns, 28800000000000);
	/* Not one more in a second than is said. */
	assert_int_equal(take("{rate: 3/s}", &spec, &err), 0);
	assert_int_equal(spec.apart_ns, 333333334);
	assert_int_equal(take("{}", &spec, &err), 0);
	assert_int_equal(spec.apart_ns + spec.concurrency + spec.max_bytes +
			     spec.max_time_ms,
	    0);
	assert_int_equal(dl_limits_take(NULL, NULL, &spec, &err), 0);
}

static void
wrong_limits_are_told(void **state)
{
	static const char rate[] = "is a count of requests by s, m, h or d, "
				   "like 100/m: 1 to 1000000 of them";
	const struct {
		const char *yaml, *key, *why;
	} cases[] = {{"{rate: 10}", "rate", rate}, {"{rate: /s}", "rate", rate},
	    {"{rate: 10/}", "rate", rate}, {"{rate: 10/w}", "rate", rate},
	    {"{rate: 10/ss}", "rate", rate}, {"{rate: 0/s}", "rate", rate},
	    {"{rate: -1/s}", "rate", rate}, {"{rate: 1.5/s}", "rate", rate},
	    {"{rate: 1000001/s}", "rate", rate},
	    {"{rate: 9223372036854775808/s}", "rate", rate},
	    {"{concurrency: 0}", "concurrency", "is from 1 to 64"},
	    {"{concurrency: 65}", "concurrency", "is from 1 to 64"},
	    {"{max_bytes: 0}", "max_bytes", "is at least 1"},
	    {"{max_time: 0s}", "max_time", "is from 1ms to 30d"},
	    {"{max_time: 31d}", "max_time", "is from 1ms to 30d"}};
	struct dl_limits_spec spec;
	struct dl_buf want = {0};
	struct dl_err err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(take(cases[i].yaml, &spec, &err), -1);
		assert_int_equal(err.status, DL_EXIT_CONF);
		dl_buf_clear(&want);
		dl_buf_printf(
		    &want, "t.yaml:1: '%s' %s", cases[i].key, cases[i].why);
		assert_string_equal(err.msg, dl_buf_str(&want));
	}
	assert_int_equal(take("{rat: 10/s}", &spec, &err), -1);
	assert_string_equal(err.msg, "t.yaml:1: 'rat' is not a key of limits "
				     "(did you mean 'rate'?)");
	dl_buf_release(&want);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(a_rate_keeps_requests_apart, fresh),
	    cmocka_unit_test_setup(and_so_over_runs, fresh),
	    cmocka_unit_test_setup(and_over_processes, fresh),
	    cmocka_unit_test_setup(each_keeps_to_its_own_rate, fresh),
	    cmocka_unit_test_setup(a_turn_that_is_far_is_not_waited_for, fresh),
	    cmocka_unit_test_setup(
		a_clock_that_was_set_back_delays_nobody, fresh),
	    cmocka_unit_test_setup(what_is_no_rate_is_none, fresh),
	    cmocka_unit_test_setup(as_many_at_once_as_are_allowed, fresh),
	    cmocka_unit_test_setup(nor_more_of_many_processes, fresh),
	    cmocka_unit_test_setup(who_may_less_finds_room, fresh),
	    cmocka_unit_test_setup(a_killed_process_frees_its_slot, fresh),
	    cmocka_unit_test_setup(a_stop_ends_the_wait, fresh),
	    cmocka_unit_test_setup(a_server_is_scheme_host_and_port, fresh),
	    cmocka_unit_test_setup(a_url_may_have_spaces, fresh),
	    cmocka_unit_test_setup(a_link_is_not_followed, fresh),
	    cmocka_unit_test_setup(without_limits_nothing_is_touched, fresh),
	    cmocka_unit_test_setup(a_home_that_is_none_is_told, fresh),
	    cmocka_unit_test(limits_are_read),
	    cmocka_unit_test(wrong_limits_are_told),
	};
	char command[64];
	int r;

	if (mkdtemp(dir) == NULL || chdir(dir) < 0)
		return 1;
	r = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	if (system(command) != 0)
		return 1;
	return r;
}
