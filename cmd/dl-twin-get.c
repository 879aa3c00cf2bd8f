/* dl-twin-get - print the newest values, and follow them. */
#include "fault.h"
#include "home.h"
#include "log.h"
#include "num.h"
#include "out.h"
#include "table.h"
#include "tool.h"
#include "twin.h"
#include "watch.h"

#include <stdio.h>
#include <unistd.h>

#define GATHER_MS 5  /* the writes of one commit are waited for together */
#define LOOK_MS 1000 /* and is looked after at least so often */

struct get {
	struct dl_twin *twin;
	struct dl_out out;
	struct dl_table *table; /* NULL: JSON */

	/* what is asked for */
	struct dl_span component, metric; /* metric.p == NULL: any */
	bool prefix, count;
	int64_t max_age_ms; /* -1: any */

	struct dl_time now;
	uint64_t n; /* how many there were */
};

static int64_t
age_ms(const struct get *g, const struct dl_time *t)
{
	return (g->now.sec - t->sec) * 1000 + (g->now.nsec - t->nsec) / 1000000;
}

static bool
is_asked_for(const struct get *g, const struct dl_twin_record *rec)
{
	struct dl_span component = rec->component;

	if (g->prefix && component.len > g->component.len)
		component.len = g->component.len;
	return dl_span_eq(component, g->component) &&
	       (g->metric.p == NULL || dl_span_eq(g->metric, rec->metric)) &&
	       (g->max_age_ms < 0 || age_ms(g, &rec->instant) <= g->max_age_ms);
}

static int
print(void *arg, const struct dl_twin_record *rec, struct dl_err *err)
{
	struct get *g = arg;
	char age[32];

	if (!is_asked_for(g, rec))
		return 0;
	g->n++;
	if (g->count)
		return 0;
	if (g->table != NULL) {
		dl_num_print_age(age_ms(g, &rec->instant), age);
		dl_table_row(g->table,
		    (struct dl_span[]){rec->component, rec->metric, rec->value,
			rec->time, dl_span_str(age), rec->source},
		    &g->out.buf);
	} else {
		dl_twin_print(&g->out.buf, rec);
		dl_buf_addc(&g->out.buf, '\n');
	}
	return dl_out_spill(&g->out, err);
}

static int
flush(struct get *g, struct dl_err *err)
{
	if (g->table != NULL)
		dl_table_flush(g->table, &g->out.buf);
	return dl_out_flush(&g->out, err);
}

/* Print what is there now. */
static int
list(struct get *g, struct dl_err *err)
{
	int64_t r;

	dl_now(&g->now);
	if (g->metric.p != NULL && !g->prefix)
		r = dl_twin_get(
		    g->twin, g->component, g->metric, print, g, err);
	else if (g->count && g->prefix && g->component.len == 0 &&
		 g->metric.p == NULL && g->max_age_ms < 0)
		g->n = (uint64_t)(r = dl_twin_count(g->twin, err));
	else
		r = dl_twin_list(
		    g->twin, g->component, g->prefix, print, g, err);
	if (r < 0)
		return -1;
	if (g->count)
		dl_buf_printf(&g->out.buf, "%llu\n", (unsigned long long)g->n);
	return flush(g, err);
}

/* Print what is there, then what changes, until nobody reads it any more. */
static int
follow(struct get *g, struct dl_err *err)
{
	struct dl_watch watch;
	uint64_t last;
	int r;

	dl_watch_open(&watch, dl_twin_data_path(g->twin), GATHER_MS);
	/* First the number: what changes meanwhile comes twice, not never. */
	r = dl_twin_last_change(g->twin, &last, err);
	if (r == 0)
		r = list(g, err);
	while (r == 0 && dl_watch_wait(&watch, g->out.fd, LOOK_MS)) {
		dl_now(&g->now);
		if (dl_twin_changes(g->twin, last, &last, print, g, err) < 0 ||
		    flush(g, err) < 0)
			r = -1;
	}
	dl_watch_close(&watch);
	return r;
}

static struct dl_table *
make_table(bool json, bool table)
{
	static const char *const heads[] = {
	    "COMPONENT", "METRIC", "VALUE", "TIME", "AGE", "SOURCE"};

	if (json || (!table && !isatty(STDOUT_FILENO)))
		return NULL;
	return dl_table_new(heads, 6, 2, dl_table_width(STDOUT_FILENO));
}

/* Scripts see the status; a person would see an empty screen. */
static void
say_nothing_found(const struct get *g, bool bare)
{
	if (!isatty(STDOUT_FILENO))
		return;
	dl_log(DL_LOG_INFO, "there is no %srecord%s%s", bare ? "" : "such ",
	    g->max_age_ms < 0 ? "" : " that is young enough",
	    g->prefix ? "" : " (--prefix takes a name's beginning)");
}

static int
answer(struct get *g, bool following, bool bare)
{
	struct dl_err err = {0};
	bool found;

	if ((following ? follow(g, &err) : list(g, &err)) < 0)
		dl_tool_fail(&err);
	found = g->n > 0 || following;
	if (!found && !g->count)
		say_nothing_found(g, bare);
	if (close(STDOUT_FILENO) < 0) {
		dl_err_errno(&err, "cannot close <stdout>");
		dl_tool_fail(&err);
	}
	return found || bare ? DL_EXIT_OK : DL_EXIT_NO;
}

int
main(int argc, char *argv[])
{
	struct dl_err err = {0};
	struct get g = {.max_age_ms = -1, .prefix = true};
	char dir[PATH_MAX];
	const char *address = "twin";
	bool following = false, prefix = false, json = false, table = false;
	int first, status;

	const struct dl_opt opts[] = {
	    DL_OPT_STR('t', "twin", &address, "DIR", "read the twin in DIR"),
	    DL_OPT_FLAG(
		'f', "follow", &following, "go on printing what changes"),
	    DL_OPT_DURATION('m', "max-age", &g.max_age_ms, "AGE",
		"only values that are not older than AGE"),
	    DL_OPT_FLAG(0, "prefix", &prefix,
		"all components that begin with COMPONENT"),
	    DL_OPT_FLAG(0, "count", &g.count, "print only how many there are"),
	    DL_OPT_FLAG(0, "json", &json, "print JSON, on a terminal too"),
	    DL_OPT_FLAG(0, "table", &table, "print a table, into a pipe too"),
	    DL_OPT_COMMON,
	};
	first = dl_tool_start("dl-twin-get", opts, "[COMPONENT [METRIC]]", 0, 2,
	    DL_TOOL_PLAIN, argc, argv);
	if (following && g.count)
		dl_err_usage(&err, "--follow and --count exclude each other");
	if (json && table)
		dl_err_usage(&err, "--json and --table exclude each other");
	if (err.status != DL_EXIT_OK)
		dl_tool_fail(&err);

	g.component = DL_SPAN("");
	if (first < argc) {
		g.component = dl_span_str(argv[first]);
		g.prefix = prefix;
	}
	if (first + 1 < argc)
		g.metric = dl_span_str(argv[first + 1]);
	if (dl_home_resolve(dir, dl_tool_home_option, NULL, address, &err) < 0)
		dl_tool_fail(&err);
	dl_fault_blame("dl-twin-get", dir);
	if ((g.twin = dl_twin_open_read(dir, &err)) == NULL)
		dl_tool_fail(&err);
	dl_out_init(&g.out, STDOUT_FILENO, "<stdout>");
	g.table = make_table(json, table);
	status = answer(&g, following, first == argc && g.max_age_ms < 0);
	dl_table_free(g.table);
	dl_out_release(&g.out);
	dl_twin_close(g.twin);
	return status;
}
