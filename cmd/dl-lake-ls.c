/* dl-lake-ls - list what is in lakes, and see that it is what was written. */
#include "home.h"
#include "json.h"
#include "lake_ddl.h"
#include "lake_place.h"
#include "lake_row.h"
#include "lake_stat.h"
#include "lake_verify.h"
#include "lake_where.h"
#include "log.h"
#include "out.h"
#include "progress.h"
#include "table.h"
#include "tool.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct ls {
	struct dl_lake_place place;
	struct dl_lake_query query;
	bool whole; /* the query asks for all of a lake */
	bool parts, verify, home;
	const char *ddl;
	struct dl_out out;
	struct dl_table *table; /* NULL: JSON */
	struct dl_progress progress;
	const char *name;    /* of the lake at hand, as it was given */
	enum dl_exit status; /* of the first fault, or lake that has failed */
	struct dl_lake_sum sum;
	uint64_t partitions;
};

static void
print_row(struct ls *ls, const struct dl_lake_row *row)
{
	dl_table_row(ls->table, row->cells, &ls->out.buf);
}

/* Parts */

static void
print_part(struct ls *ls, const struct dl_lake_item *item)
{
	const struct dl_lake_entry *e = dl_lake_item_entry(item);
	const struct dl_lake_entry none = {.part = item->part};
	bool known = e != NULL;
	struct dl_lake_row row = {.n = 0};

	if (ls->table == NULL) {
		dl_lake_item_json(&ls->out.buf, item);
		return;
	}
	e = known ? e : &none;
	dl_lake_row_cell(&row, dl_span_str(item->part));
	dl_lake_row_count(&row, known, e->records, "");
	dl_lake_row_size(&row, true, item->size);
	dl_lake_row_size(&row, known, e->unpacked);
	dl_lake_row_time(&row, e->timed, &e->first);
	dl_lake_row_time(&row, e->timed, &e->last);
	dl_lake_row_time(&row, known, &e->at);
	print_row(ls, &row);
}

/* Partitions */

static void
print_partition(
    struct ls *ls, struct dl_span partition, const struct dl_lake_sum *sum)
{
	struct dl_buf *b = &ls->out.buf;
	struct dl_lake_row row = {.n = 0};

	if (ls->table == NULL) {
		dl_buf_adds(b, "{\"partition\":");
		dl_json_quote(b, partition);
		dl_lake_sum_json(b, sum);
		dl_buf_adds(b, "}\n");
		return;
	}
	dl_lake_row_cell(&row, partition);
	dl_lake_row_count(&row, true, sum->parts, "");
	dl_lake_row_contents(&row, sum);
	print_row(ls, &row);
}

static int
take_partition(void *arg, struct dl_span partition,
    const struct dl_lake_item *const *items, size_t n, struct dl_err *err)
{
	struct dl_lake_sum sum = {.parts = 0};
	struct ls *ls = arg;
	size_t i;

	for (i = 0; i < n; i++) {
		dl_lake_sum_item(&sum, items[i]);
		if (ls->parts)
			print_part(ls, items[i]);
		if (dl_out_spill(&ls->out, err) < 0)
			return -1;
	}
	if (!ls->parts && !ls->home)
		print_partition(ls, partition, &sum);
	dl_lake_sum_add(&ls->sum, &sum);
	ls->partitions++;
	return dl_out_spill(&ls->out, err);
}

/* Lakes */

static void
print_lake(struct ls *ls)
{
	struct dl_buf *b = &ls->out.buf;
	struct dl_lake_row row = {.n = 0};

	if (ls->table == NULL) {
		dl_buf_adds(b, "{\"lake\":");
		dl_json_quote(b, dl_span_str(ls->name));
		dl_buf_printf(b, ",\"partitions\":%llu",
		    (unsigned long long)ls->partitions);
		dl_lake_sum_json(b, &ls->sum);
		dl_buf_adds(b, "}\n");
		return;
	}
	dl_lake_row_cell(&row, dl_span_str(ls->name));
	dl_lake_row_count(&row, true, ls->partitions, "");
	dl_lake_row_count(&row, true, ls->sum.parts, "");
	dl_lake_row_contents(&row, &ls->sum);
	print_row(ls, &row);
}

/* Of the partitions, or parts, of a table. */
static void
print_total(struct ls *ls)
{
	uint64_t n = ls->parts ? ls->sum.parts : ls->partitions;
	struct dl_lake_row row = {.n = 0};
	char title[64];

	(void)snprintf(title, sizeof(title), "%llu %s%s", (unsigned long long)n,
	    ls->parts ? "part" : "partition", n == 1 ? "" : "s");
	dl_lake_row_cell(&row, dl_span_str(title));
	if (!ls->parts)
		dl_lake_row_count(&row, true, ls->sum.parts, "");
	dl_lake_row_contents(&row, &ls->sum);
	if (ls->parts)
		dl_lake_row_cell(&row, DL_SPAN(""));
	print_row(ls, &row);
}

/* By what partitions do not have, parts cannot be told apart. */
static int
check_keys(
    const struct ls *ls, const struct dl_lake_listing *l, struct dl_err *err)
{
	const struct dl_lake_query *q = &ls->query;
	size_t i, k;

	for (i = 0; i < l->n; i++)
		for (k = 0; k < q->nwhere; k++)
			if ((l->items[i].met & 1u << k) == 0)
				return dl_err_usage(err,
				    "'%.*s' is no key of the partition of "
				    "'%s' in '%s'",
				    DL_SPAN_ARG(q->where[k].key),
				    l->items[i].part, ls->name);
	return 0;
}

static void
say_absent(const struct ls *ls, const struct dl_lake_listing *l)
{
	if (ls->whole)
		dl_log(DL_LOG_DEBUG,
		    "'%s': parts that the manifest names and that are not "
		    "there (never published): %llu; that are there still, and "
		    "were merged into others: %zu",
		    ls->name, (unsigned long long)dl_lake_count_absent(l),
		    l->nsuperseded);
}

static int
list_parts(struct ls *ls, const struct dl_lake_listing *l, struct dl_err *err)
{
	ls->sum = (struct dl_lake_sum){.parts = 0};
	ls->partitions = 0;
	if (dl_lake_partitions(l, take_partition, ls, err) < 0)
		return -1;
	if (ls->home)
		print_lake(ls);
	else if (ls->table != NULL)
		print_total(ls);
	say_absent(ls, l);
	return 0;
}

/* Verifying */

/* The beginning of a sha256 does for people. */
static struct dl_span
for_people(const char *text)
{
	size_t len = strlen(text);

	return dl_span(text, len == 64 ? 12 : len);
}

static void
tell_fault(void *arg, const struct dl_lake_fault *fault)
{
	struct ls *ls = arg;
	char line[64];

	if (ls->status == DL_EXIT_OK)
		ls->status = DL_EXIT_DATA;
	if (ls->table == NULL) {
		dl_lake_fault_json(&ls->out.buf, ls->name, fault);
		return;
	}
	(void)snprintf(line, sizeof(line), "line %llu of the manifest",
	    (unsigned long long)fault->line);
	dl_table_row(ls->table,
	    (struct dl_span[]){dl_span_str(ls->name),
		dl_span_str(fault->part == NULL ? line : fault->part),
		dl_span_str(fault->what), for_people(fault->expected),
		for_people(fault->found)},
	    &ls->out.buf);
}

static void
show_progress(void *arg, uint64_t done, uint64_t all,
    const struct dl_lake_verified *so_far, const char *part)
{
	struct ls *ls = arg;

	dl_progress_show(&ls->progress, done, all, so_far->records, part);
}

static void
print_verified(struct ls *ls, const struct dl_lake_verified *v)
{
	if (ls->table == NULL) {
		dl_lake_verified_json(&ls->out.buf, ls->name, v);
		return;
	}
	dl_log(DL_LOG_INFO,
	    "'%s': %llu parts with %llu records, %llu lines of the manifest, "
	    "%llu faults; %llu parts that the manifest does not know",
	    ls->name, (unsigned long long)v->parts,
	    (unsigned long long)v->records, (unsigned long long)v->lines,
	    (unsigned long long)v->faults, (unsigned long long)v->unknown);
}

static int
verify(struct ls *ls, struct dl_lake_store *store,
    const struct dl_lake_listing *l, struct dl_err *err)
{
	const struct dl_lake_verify how = {tell_fault, show_progress, ls};
	struct dl_lake_verified v;
	int r;

	dl_progress_begin(&ls->progress, "parts", 0, dl_tool_quiet);
	r = dl_lake_verify_all(store, l, &how, &v, err);
	dl_progress_end(&ls->progress, v.parts, l->n, v.records, "");
	if (r < 0)
		return -1;
	print_verified(ls, &v);
	say_absent(ls, l);
	return 0;
}

/* All */

/* What an engine calls the table: the last component of where the lake is. */
static const char *
table_name(const char *location)
{
	const char *slash = strrchr(location, '/');

	return slash == NULL || slash[1] == '\0' ? location : slash + 1;
}

static int
print_ddl(struct ls *ls, struct dl_lake_store *store, struct dl_err *err)
{
	enum dl_lake_dialect dialect = DL_LAKE_DDL_DUCKDB;
	char *path = NULL;
	const char *location = store->name;
	int r;

	if (strcmp(ls->ddl, "athena") == 0)
		dialect = DL_LAKE_DDL_ATHENA;
	if (!store->far && (path = realpath(store->name, NULL)) != NULL)
		location = path;
	r = dl_lake_ddl(
	    store, location, table_name(location), dialect, &ls->out.buf, err);
	free(path);
	return r;
}

static int
look_at(struct ls *ls, struct dl_lake_store *store, struct dl_err *err)
{
	struct dl_lake_listing l = {.parquet = true};
	int r;

	if (ls->ddl != NULL)
		return print_ddl(ls, store, err);
	r = dl_lake_list(store, &ls->query, &l, err);
	if (r == 0)
		r = check_keys(ls, &l, err);
	if (r == 0)
		r = ls->verify ? verify(ls, store, &l, err)
		               : list_parts(ls, &l, err);
	dl_lake_listing_release(&l);
	return r;
}

/* One that is broken does not hide the others. */
static void
look_at_lake(struct ls *ls, const char *address)
{
	struct dl_err err = {0};
	struct dl_lake_store *store;
	int r = -1;

	ls->name = address;
	store = dl_lake_place_open(&ls->place, address, DL_LAKE_READING, &err);
	if (store != NULL) {
		r = look_at(ls, store, &err);
		store->ops->close(store);
	}
	if (r == 0)
		return;
	dl_log(DL_LOG_ERROR, "%s", err.msg);
	if (ls->status == DL_EXIT_OK || ls->status == DL_EXIT_DATA)
		ls->status = err.status;
}

static int
is_zone(const struct dirent *e)
{
	return dl_name_ok(dl_span_str(e->d_name));
}

static int
look_at_home(struct ls *ls, struct dl_err *err)
{
	struct dirent **names;
	char dir[PATH_MAX];
	int i, n;

	if (snprintf(dir, sizeof(dir), "%s/lake", dl_tool_home()) >= PATH_MAX)
		return dl_err_usage(err, "the path of home is too long");
	n = scandir(dir, &names, is_zone, alphasort);
	if (n < 0 && errno != ENOENT)
		return dl_err_errno(err, "cannot list '%s'", dir);
	for (i = 0; i < n; i++) {
		look_at_lake(ls, names[i]->d_name);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	if (n <= 0 && isatty(STDOUT_FILENO))
		dl_log(DL_LOG_INFO, "there is no lake in '%s'", dir);
	return 0;
}

static struct dl_table *
make_table(const struct ls *ls)
{
	static const char *const zones[] = {"LAKE", "PARTITIONS", "PARTS",
	    "RECORDS", "SIZE", "UNPACKED", "FIRST", "LAST"};
	static const char *const partitions[] = {"PARTITION", "PARTS",
	    "RECORDS", "SIZE", "UNPACKED", "FIRST", "LAST"};
	static const char *const parts[] = {
	    "PART", "RECORDS", "SIZE", "UNPACKED", "FIRST", "LAST", "RECORDED"};
	static const char *const faults[] = {
	    "LAKE", "WHERE", "FAULT", "EXPECTED", "FOUND"};
	size_t width = dl_table_width(STDOUT_FILENO);

	if (ls->verify)
		return dl_table_new(faults, 5, 1, width);
	if (ls->home)
		return dl_table_new(zones, 8, 0, width);
	return dl_table_new(ls->parts ? parts : partitions, 7, 0, width);
}

static int
finish(struct ls *ls, struct dl_err *err)
{
	/* No fault is no table. */
	if (ls->table != NULL &&
	    (!ls->verify || ls->status != DL_EXIT_OK || ls->out.buf.len > 0))
		dl_table_flush(ls->table, &ls->out.buf);
	if (dl_out_flush(&ls->out, err) < 0)
		return -1;
	dl_table_free(ls->table);
	dl_out_release(&ls->out);
	if (close(STDOUT_FILENO) < 0)
		return dl_err_errno(err, "cannot close <stdout>");
	return 0;
}

static int
check_options(const struct ls *ls, bool json, bool table, struct dl_err *err)
{
	if (json && table)
		return dl_err_usage(
		    err, "--json and --table exclude each other");
	if (ls->parts + ls->verify + (ls->ddl != NULL) > 1)
		return dl_err_usage(
		    err, "--parts, --verify and --ddl exclude each other");
	if (ls->home && (ls->parts || ls->ddl != NULL))
		return dl_err_usage(
		    err, "%s is of one LAKE", ls->parts ? "--parts" : "--ddl");
	if (ls->ddl != NULL && strcmp(ls->ddl, "athena") != 0 &&
	    strcmp(ls->ddl, "duckdb") != 0)
		return dl_err_usage(
		    err, "--ddl is athena or duckdb, not '%s'", ls->ddl);
	return 0;
}

int
main(int argc, char *argv[])
{
	struct dl_err err = {0};
	static struct ls ls;
	static struct dl_lake_conditions where;
	bool json = false, table = false;
	const char *since = NULL, *until = NULL;
	int first;

	const struct dl_opt opts[] = {
	    DL_OPT_FLAG('l', "parts", &ls.parts, "list each part"),
	    DL_OPT_FLAG(
		0, "verify", &ls.verify, "see that all is as it was written"),
	    DL_OPT_STR(
		0, "ddl", &ls.ddl, "ENGINE", "print the definition of a table"),
	    DL_OPT_STR('s', "since", &since, "TIME",
		"only parts that may have events of TIME or later"),
	    DL_OPT_STR('u', "until", &until, "TIME",
		"only parts that may have events before TIME"),
	    DL_OPT_CALL('w', "where", dl_lake_condition_add, &where,
		"KEY=VALUE", "only partitions whose KEY is VALUE"),
	    DL_OPT_FLAG(0, "json", &json, "print JSON, on a terminal too"),
	    DL_OPT_FLAG(0, "table", &table, "print a table, into a pipe too"),
	    DL_LAKE_OPTIONS(ls.place),
	    DL_OPT_COMMON,
	};
	first = dl_tool_start(
	    "dl-lake-ls", opts, "[LAKE]", 0, 1, DL_TOOL_PLAIN, argc, argv);
	ls.home = first == argc;
	if (check_options(&ls, json, table, &err) < 0 ||
	    dl_lake_moment(since, &ls.query.has_since, &ls.query.since, &err) <
		0 ||
	    dl_lake_moment(until, &ls.query.has_until, &ls.query.until, &err) <
		0)
		dl_tool_fail(&err);
	ls.query.where = where.all;
	ls.query.nwhere = where.n;
	ls.whole = where.n == 0 && since == NULL && until == NULL;
	ls.place.home = dl_tool_home_option;
	dl_out_init(&ls.out, STDOUT_FILENO, "<stdout>");
	if (ls.ddl == NULL && (table || (!json && isatty(STDOUT_FILENO))))
		ls.table = make_table(&ls);
	if (!ls.home)
		look_at_lake(&ls, argv[first]);
	else if (look_at_home(&ls, &err) < 0)
		dl_tool_fail(&err);
	if (finish(&ls, &err) < 0)
		dl_tool_fail(&err);
	return (int)ls.status;
}
