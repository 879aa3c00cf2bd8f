/* metric: what became of records, whose file it is, and when it is written. */
#include "metric.h"

#include "buf.h"
#include "io.h"
#include "log.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char home[64];

static int
make_home(void **state)
{
	(void)state;
	snprintf(home, sizeof(home), "/tmp/dl-metric.XXXXXX");
	setenv("DL_METRIC_MS", "100", 1);
	return mkdtemp(home) == NULL ? -1 : 0;
}

static int
remove_home(void **state)
{
	char command[128];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", home);
	return system(command);
}

static void
start(const char *instance, const struct dl_counts *counts)
{
	struct dl_err err = {0};

	assert_int_equal(dl_metric_start(home, "p", "dl-x",
			     dl_span_str(instance), counts, &err),
	    0);
}

/* Has the file this line?  NULL: is it there? */
static bool
says(const char *name, const char *line)
{
	struct dl_buf b = {0};
	struct dl_err err = {0};
	char path[256];
	bool found;

	snprintf(path, sizeof(path), "%s/metrics/%s", home, name);
	found = dl_read_file(path, 1 << 20, &b, &err) == 0 &&
	        (line == NULL || strstr(dl_buf_str(&b), line) != NULL);
	dl_buf_release(&b);
	return found;
}

static void
every_record_is_somewhere(void **state)
{
	struct dl_counts c = {0};

	(void)state;
	for (uint64_t n = 0; n < 5; n++, c.in++)
		dl_counts_became(&c, n);
	assert_int_equal(c.out, 10);
	assert_int_equal(c.dropped, 1);
	assert_int_equal(c.in + c.added, c.out + c.dropped + c.dead);
}

static void
nothing_happens_unasked(void **state)
{
	(void)state;
	assert_int_equal(dl_metric_wait_ms(), -1);
	dl_metric_tick();
	dl_metric_end(0);
	assert_false(says("", NULL));
}

static void
only_a_change_is_due(void **state)
{
	struct dl_counts c = {0};
	int wait;

	(void)state;
	start("i", &c);
	wait = dl_metric_wait_ms();
	assert_in_range(wait, 1, 100);
	dl_metric_tick();
	assert_false(says("p.dl-x.i.prom", NULL));
	/* That it began is a change; told, there is none. */
	poll(NULL, 0, 110);
	assert_int_equal(dl_metric_wait_ms(), 0);
	dl_metric_tick();
	assert_true(says("p.dl-x.i.prom",
	    "\ndl_records_in_total{pipeline=\"p\",tool=\"dl-x\","
	    "instance=\"i\"} 0\n"));
	assert_int_equal(dl_metric_wait_ms(), -1);

	c.in = 7;
	wait = dl_metric_wait_ms();
	assert_in_range(wait, 0, 100);
	poll(NULL, 0, 110);
	dl_metric_tick();
	assert_true(says("p.dl-x.i.prom", "\"i\"} 7\n"));
	assert_false(says("p.dl-x.i.prom", "exit_status"));
	assert_false(says("p.dl-x.i.prom", "lost"));

	c.may_lose = true;
	c.dead = UINT64_MAX;
	dl_metric_end(75);
	assert_true(says("p.dl-x.i.prom", "\"i\"} 18446744073709551615\n"));
	assert_true(says("p.dl-x.i.prom", "lost_total{"));
	assert_true(says("p.dl-x.i.prom", "exit_status{"));
	assert_true(says("p.dl-x.i.prom", "\"i\"} 75\n# EOF\n"));
	/* Forgotten: a change is nobody's business any more. */
	c.in = 8;
	assert_int_equal(dl_metric_wait_ms(), -1);
}

static void
instances_become_names(void **state)
{
	static const char *const pairs[][2] = {{"raw", "p.dl-x.raw.prom"},
	    {"/a/b c/", "p.dl-x.b_c.prom"}, {"x//", "p.dl-x.x.prom"},
	    {"..-._1.2-3_", "p.dl-x.1.2-3_.prom"}, {"", "p.dl-x.prom"},
	    {".", "p.dl-x.prom"}, {"/", "p.dl-x.prom"},
	    {"S\"\n{}", "p.dl-x.S____.prom"}};
	struct dl_counts c = {0};
	struct dl_err err = {0};
	char path[512], text[300];

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		start(pairs[i][0], &c);
		dl_metric_end(0);
		snprintf(
		    path, sizeof(path), "%s/metrics/%s", home, pairs[i][1]);
		assert_int_equal(unlink(path), 0);
	}
	/* The longest: a name still, and a file that can be made. */
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	start(text, &c);
	dl_metric_end(0);
	text[129] = '\0';
	snprintf(path, sizeof(path), "%s/metrics/p.dl-x.%s.prom", home, text);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(
	    dl_metric_start(home, "a/b", "dl-x", DL_SPAN("i"), &c, &err), -1);
	assert_int_equal(err.status, DL_EXIT_USAGE);
}

/* A failed write is told once, and tried again no sooner than the next. */
static void
a_failure_is_no_busy_loop(void **state)
{
	struct dl_counts c = {.in = 1};
	char path[128];

	(void)state;
	dl_log_init("test", DL_LOG_ERROR);
	snprintf(path, sizeof(path), "%s/metrics/p.dl-x.i.prom", home);
	unlink(path);
	snprintf(path, sizeof(path), "rm -rf '%s/metrics'", home);
	assert_int_equal(system(path), 0);
	snprintf(path, sizeof(path), "%s/metrics", home);
	assert_int_equal(mknod(path, S_IFREG | 0600, 0), 0);
	start("i", &c);
	poll(NULL, 0, 110);
	dl_metric_tick();
	assert_int_equal(dl_metric_wait_ms(), -1);
	c.in = 2;
	assert_true(dl_metric_wait_ms() > 0);
	unlink(path);
	poll(NULL, 0, 110);
	dl_metric_tick();
	assert_true(says("p.dl-x.i.prom", "\"i\"} 2\n"));
	dl_metric_end(0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_record_is_somewhere),
	    cmocka_unit_test(nothing_happens_unasked),
	    cmocka_unit_test(only_a_change_is_due),
	    cmocka_unit_test(instances_become_names),
	    cmocka_unit_test(a_failure_is_no_busy_loop),
	};

	return cmocka_run_group_tests(tests, make_home, remove_home);
}
