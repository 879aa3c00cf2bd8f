#include "metric.h"

#include "buf.h"
#include "clock.h"
#include "home.h"
#include "io.h"
#include "log.h"
#include "num.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define INSTANCE_MAX 129 /* two names and a dot: STREAM.CONSUMER */
#define EVERY_MOST_MS (24 * 3600 * 1000)

/* One for the process, like its log. */
static struct metric {
	const struct dl_counts *counts; /* NULL: nobody asked for metrics */
	struct dl_counts told;          /* as they were written last */
	bool begun;                     /* ... if they ever were */
	bool warned;
	int held; /* the lock, as long as counts are told */
	int64_t every_ms, start_ms, due_ms;
	struct dl_time start;
	struct dl_buf labels; /* {pipeline="…",tool="…",instance="…"} */
	char dir[PATH_MAX], path[PATH_MAX], tmp[PATH_MAX], lock[PATH_MAX];
} metric;

void
dl_counts_log(const struct dl_counts *c)
{
	struct dl_buf b = {0};

	dl_buf_printf(&b, "%llu in, ", (unsigned long long)c->in);
	if (c->added > 0)
		dl_buf_printf(&b, "%llu added, ", (unsigned long long)c->added);
	dl_buf_printf(&b, "%llu out, %llu dropped, %llu dead",
	    (unsigned long long)c->out, (unsigned long long)c->dropped,
	    (unsigned long long)c->dead);
	if (c->lost > 0)
		dl_buf_printf(&b, ", %llu lost", (unsigned long long)c->lost);
	dl_log(DL_LOG_DEBUG, "%s", dl_buf_str(&b));
	dl_buf_release(&b);
}

/* A tick is looked at for every record: 4 ms are exact enough, and cheaper. */
static int64_t
coarse_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int64_t
interval(void)
{
	const char *text = getenv("DL_METRIC_MS");
	struct dl_err ignored = {0};
	int64_t ms;

	if (text != NULL &&
	    dl_num_count(dl_span_str(text), &ms, &ignored) == 0 && ms >= 1 &&
	    ms <= EVERY_MOST_MS)
		return ms;
	return DL_METRIC_EVERY_MS;
}

/* The last name of a path, as one that can stand in a file's name. */
static void
take_instance(char out[INSTANCE_MAX + 1], struct dl_span s)
{
	size_t from, n = 0;

	while (s.len > 0 && s.p[s.len - 1] == '/')
		s.len--;
	for (from = s.len; from > 0 && s.p[from - 1] != '/';)
		from--;
	for (; from < s.len && n < INSTANCE_MAX; from++) {
		char c = s.p[from];
		bool alnum = dl_name_ok(dl_span(&c, 1));

		if (alnum || n > 0)
			out[n++] = alnum || c == '.' || c == '-' ? c : '_';
	}
	out[n] = '\0';
}

static int
set_paths(const char *home, const char *name, struct dl_err *err)
{
	int n;

	snprintf(metric.dir, PATH_MAX, "%s/metrics", home);
	snprintf(metric.path, PATH_MAX, "%s/metrics/%s.prom", home, name);
	snprintf(metric.lock, PATH_MAX, "%s/metrics/.%s.lock", home, name);
	n = snprintf(metric.tmp, PATH_MAX, "%s/metrics/.%s.tmp", home, name);
	if (n >= PATH_MAX)
		return dl_err_usage(err, "the path '%s…' is too long", home);
	return 0;
}

/*
 * A run that overlaps another, as cron starts them, must not write over what
 * that one tells: the first has the file until it ends.
 */
static bool
is_first(void)
{
	struct dl_err ignored = {0};

	metric.held = -1;
	if (dl_mkdirs(metric.dir, &ignored) < 0)
		return true; /* writing will say why it can't */
	metric.held = open(metric.lock, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (metric.held < 0 || flock(metric.held, LOCK_EX | LOCK_NB) == 0 ||
	    errno != EWOULDBLOCK)
		return true;
	close(metric.held);
	dl_log(DL_LOG_DEBUG, "another run keeps '%s'", metric.path);
	return false;
}

int
dl_metric_start(const char *home, const char *pipeline, const char *tool,
    struct dl_span instance, const struct dl_counts *counts, struct dl_err *err)
{
	char which[INSTANCE_MAX + 1];
	struct dl_buf name = {0};
	int r;

	if (!dl_name_ok(dl_span_str(pipeline)))
		return dl_err_usage(err,
		    "DL_PIPELINE is '%.80s': it is a name of 1 to 64 letters, "
		    "digits, '.', '_' and '-', the first a letter or a digit",
		    pipeline);
	take_instance(which, instance);
	dl_buf_clear(&metric.labels);
	dl_buf_printf(
	    &metric.labels, "{pipeline=\"%s\",tool=\"%s\"", pipeline, tool);
	dl_buf_printf(&name, "%s.%s", pipeline, tool);
	if (*which != '\0') {
		dl_buf_printf(&metric.labels, ",instance=\"%s\"", which);
		dl_buf_printf(&name, ".%s", which);
	}
	dl_buf_addc(&metric.labels, '}');
	r = set_paths(home, dl_buf_str(&name), err);
	dl_buf_release(&name);
	if (r < 0)
		return -1;
	if (!is_first())
		return 0;
	dl_now(&metric.start);
	metric.every_ms = interval();
	metric.start_ms = coarse_ms();
	metric.due_ms = metric.start_ms + metric.every_ms;
	metric.begun = metric.warned = false;
	metric.counts = counts;
	return 0;
}

/* The metadata of a family, and its sample up to the value. */
static void
put_family(struct dl_buf *b, const char *name, const char *type,
    const char *unit, const char *help)
{
	dl_buf_printf(b, "# TYPE %s %s\n", name, type);
	if (unit != NULL)
		dl_buf_printf(b, "# UNIT %s %s\n", name, unit);
	dl_buf_printf(b, "# HELP %s %s\n", name, help);
	dl_buf_printf(b, "%s%s%s ", name, *type == 'c' ? "_total" : "",
	    dl_buf_str(&metric.labels));
}

static void
put_counter(
    struct dl_buf *b, const char *name, const char *help, uint64_t value)
{
	put_family(b, name, "counter", NULL, help);
	dl_buf_printf(b, "%llu\n", (unsigned long long)value);
}

static void
put_counts(struct dl_buf *b, const struct dl_counts *c)
{
	put_counter(b, "dl_records_in", "Records that came in.", c->in);
	put_counter(b, "dl_records_added",
	    "Records made beyond one of each that came in.", c->added);
	put_counter(b, "dl_records_out",
	    "Records that went out or were stored.", c->out);
	put_counter(b, "dl_records_dropped",
	    "Records left out by the program's will, or stored already.",
	    c->dropped);
	put_counter(
	    b, "dl_records_dead", "Records kept as dead letters.", c->dead);
	if (c->may_lose || c->lost > 0)
		put_counter(b, "dl_records_lost",
		    "Records that retention took before they were read.",
		    c->lost);
}

/* status -1: the run goes on. */
static void
put_exposition(struct dl_buf *b, int status)
{
	double start =
	    (double)metric.start.sec + (double)metric.start.nsec / 1e9;
	int64_t ms = coarse_ms() - metric.start_ms;

	put_counts(b, metric.counts);
	put_family(b, "dl_run_start_time_seconds", "gauge", "seconds",
	    "When the run began, in Unix time.");
	dl_buf_printf(b, "%.6f\n", start);
	put_family(b, "dl_run_duration_seconds", "gauge", "seconds",
	    "How long the run took, or takes so far.");
	dl_buf_printf(
	    b, "%lld.%03lld\n", (long long)ms / 1000, (long long)ms % 1000);
	if (status >= 0) {
		put_family(b, "dl_run_exit_status", "gauge", NULL,
		    "Exit status of the run; absent while it goes on.");
		dl_buf_printf(b, "%d\n", status);
	}
	dl_buf_adds(b, "# EOF\n");
}

static int
replace(struct dl_span bytes, struct dl_err *err)
{
	int fd, r;

	if (access(metric.dir, F_OK) < 0 && dl_mkdirs(metric.dir, err) < 0)
		return -1;
	fd = open(metric.tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		return dl_err_errno(err, "cannot create '%s'", metric.tmp);
	r = dl_write_all(fd, bytes.p, bytes.len, metric.tmp, err);
	if (close(fd) < 0 && r == 0)
		r = dl_err_errno(err, "cannot close '%s'", metric.tmp);
	if (r == 0 && rename(metric.tmp, metric.path) < 0)
		r = dl_err_errno(
		    err, "cannot rename '%s' to '%s'", metric.tmp, metric.path);
	if (r < 0)
		unlink(metric.tmp);
	return r;
}

static void
write_now(int status)
{
	struct dl_err err = {0};
	struct dl_buf b = {0};

	metric.told = *metric.counts;
	metric.begun = true;
	put_exposition(&b, status);
	if (replace(dl_buf_as_span(&b), &err) == 0) {
		metric.warned = false;
	} else if (!metric.warned) {
		metric.warned = true;
		dl_log(DL_LOG_WARN, "metrics are not kept: %s", err.msg);
	}
	dl_buf_release(&b);
	metric.due_ms = coarse_ms() + metric.every_ms;
}

static bool
has_changed(void)
{
	const struct dl_counts *a = metric.counts, *b = &metric.told;

	return !metric.begun || a->in != b->in || a->added != b->added ||
	       a->out != b->out || a->dropped != b->dropped ||
	       a->dead != b->dead || a->lost != b->lost;
}

int
dl_metric_wait_ms(void)
{
	int64_t left;

	if (metric.counts == NULL || !has_changed())
		return -1;
	left = metric.due_ms - coarse_ms();
	return left > 0 ? (int)left : 0;
}

void
dl_metric_tick(void)
{
	if (metric.counts != NULL && coarse_ms() >= metric.due_ms &&
	    has_changed())
		write_now(-1);
}

void
dl_metric_end(int status)
{
	if (metric.counts == NULL)
		return;
	write_now(status);
	if (metric.held >= 0)
		close(metric.held);
	metric.counts = NULL;
	dl_buf_release(&metric.labels);
}
