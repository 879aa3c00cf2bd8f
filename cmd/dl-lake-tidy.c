/* dl-lake-tidy - make a lake's small parts few, and remove what is old. */
#include "io.h"
#include "lake_expire.h"
#include "lake_lifecycle.h"
#include "lake_parquet.h"
#include "lake_place.h"
#include "lake_tidy.h"
#include "log.h"
#include "num.h"
#include "tool.h"

#include <stdio.h>
#include <unistd.h>

struct tidy {
	struct dl_lake_place place;
	struct dl_lake_keeps keeps;
	struct dl_lake_tidy_options options;
	const char *lake; /* at hand */
	enum dl_exit status;
};

/* To whom it may be of use: always if it is all that is done. */
static void
say(const struct tidy *t, const struct dl_buf *b, bool person)
{
	if (t->options.dry_run || person)
		printf("%.*s\n", DL_SPAN_ARG(dl_buf_as_span(b)));
	else
		dl_log(DL_LOG_DEBUG, "%.*s", DL_SPAN_ARG(dl_buf_as_span(b)));
}

static void
tell(void *arg, const char *partition, const struct dl_lake_tidied *what)
{
	const struct tidy *t = arg;
	struct dl_buf b = {0};

	dl_buf_printf(&b, "%s/%s: ", t->lake, partition);
	dl_lake_tidied_print(&b, what, t->options.dry_run);
	say(t, &b, false);
	dl_buf_release(&b);
}

static void
summarize(const struct tidy *t, const struct dl_lake_tidied *sum)
{
	struct dl_buf b = {0};

	dl_buf_printf(&b, "%s: ", t->lake);
	dl_lake_tidied_print(&b, sum, t->options.dry_run);
	say(t, &b, isatty(STDOUT_FILENO) && !dl_tool_quiet);
	dl_buf_release(&b);
}

static void
set_expiry(struct tidy *t)
{
	struct dl_lake_tidy_options *o = &t->options;
	int64_t ms;

	o->expire = dl_lake_keeps_find(&t->keeps, t->lake, &ms);
	if (!o->expire)
		return;
	dl_now(&o->before);
	o->before.sec -= ms / 1000;
	o->before.nsec -= (int32_t)(ms % 1000) * 1000000;
	if (o->before.nsec < 0) {
		o->before.nsec += 1000000000;
		o->before.sec--;
	}
}

static int
tidy_lake(struct tidy *t, struct dl_err *err)
{
	struct dl_lake_tidied sum = {0};
	struct dl_lake_store *store = dl_lake_place_open(&t->place, t->lake,
	    t->options.dry_run ? DL_LAKE_READING : DL_LAKE_TIDYING, err);
	int r;

	if (store == NULL)
		return -1;
	set_expiry(t);
	r = dl_lake_tidy(store, &t->options, &sum, err);
	store->ops->close(store);
	summarize(t, &sum);
	if (sum.corrupt > 0 && t->status == DL_EXIT_OK)
		t->status = DL_EXIT_DATA;
	return r;
}

/* One that fails does not keep the others from being tidied. */
static void
tidy_lakes(struct tidy *t, char **lakes, int n)
{
	struct dl_err err;
	int i;

	for (i = 0; i < n; i++) {
		dl_err_clear(&err);
		t->lake = lakes[i];
		if (dl_tool_stop != 0)
			dl_err_temp(&err,
			    "stopped before '%s'; run it again for the rest",
			    t->lake);
		else if (tidy_lake(t, &err) == 0)
			continue;
		dl_log(DL_LOG_ERROR, "%s", err.msg);
		if (t->status == DL_EXIT_OK || t->status == DL_EXIT_DATA)
			t->status = err.status;
		if (dl_tool_stop != 0)
			return;
	}
}

/* Each zone that is named has to be one of the lakes. */
static int
check_zones(struct tidy *t, char **lakes, int n, struct dl_err *err)
{
	int64_t ignored;
	int i;

	for (i = 0; i < n; i++)
		(void)dl_lake_keeps_find(&t->keeps, lakes[i], &ignored);
	return dl_lake_keeps_check(&t->keeps, err);
}

static int
add_lifecycle(struct tidy *t, struct dl_lake_lifecycle *l, const char *lake,
    struct dl_err *err)
{
	struct dl_lake_store *store;
	int64_t ms = 0;
	int r;

	(void)dl_lake_keeps_find(&t->keeps, lake, &ms);
	store = dl_lake_place_open(&t->place, lake, DL_LAKE_READING, err);
	if (store == NULL)
		return -1;
	r = dl_lake_lifecycle_add(l, store, lake, ms, err);
	store->ops->close(store);
	return r;
}

static int
print_lifecycle(struct tidy *t, char **lakes, int n, struct dl_err *err)
{
	struct dl_lake_lifecycle l = {.rules = 0};
	int i, r = 0;

	for (i = 0; r == 0 && i < n; i++)
		r = add_lifecycle(t, &l, lakes[i], err);
	if (r == 0) {
		dl_lake_lifecycle_end(&l);
		r = dl_write_all(
		    STDOUT_FILENO, l.xml.p, l.xml.len, "<stdout>", err);
	}
	dl_lake_lifecycle_release(&l);
	return r;
}

/* Parquet */

static void
tell_parquet(void *arg, const struct dl_lake_parquet_step *step)
{
	const struct tidy *t = arg;
	struct dl_buf b = {0};
	char size[32];

	if (step->what != DL_LAKE_PARQUET_WRITTEN &&
	    step->what != DL_LAKE_PARQUET_REMOVED)
		return;
	dl_buf_printf(&b, "%s/%s: ", t->lake, step->partition);
	if (step->what == DL_LAKE_PARQUET_REMOVED) {
		dl_buf_adds(
		    &b, t->options.dry_run ? "would be removed" : "removed");
	} else if (t->options.dry_run) {
		dl_buf_adds(&b, "would be written");
	} else {
		dl_num_print_size((int64_t)step->bytes, size);
		dl_buf_printf(&b, "%llu events written (%s)",
		    (unsigned long long)step->records, size);
	}
	say(t, &b, false);
	dl_buf_release(&b);
}

static void
summarize_parquet(const struct tidy *t, const char *zone,
    const struct dl_lake_parquet_counts *n)
{
	struct dl_buf b = {0};
	char size[32];

	dl_num_print_size((int64_t)n->bytes, size);
	dl_buf_printf(&b, "%s: %zu partitions %s", zone, n->written,
	    t->options.dry_run ? "would be written" : "written");
	if (n->written > 0 && !t->options.dry_run)
		dl_buf_printf(&b, " (%llu events, %s)",
		    (unsigned long long)n->records, size);
	dl_buf_printf(&b, ", %zu as before, %zu removed", n->kept, n->removed);
	say(t, &b, isatty(STDOUT_FILENO) && !dl_tool_quiet);
	dl_buf_release(&b);
}

/* Rewrite a lake as the Parquet of another. */
static int
rewrite(struct tidy *t, const char *zone, struct dl_err *err)
{
	struct dl_lake_place there = t->place;
	const struct dl_lake_parquet_options options = {
	    .threads = (int)t->options.jobs,
	    .dry_run = t->options.dry_run,
	    .stop = t->options.stop,
	    .told = tell_parquet,
	    .arg = t};
	struct dl_lake_parquet_counts counts = {0};
	struct dl_lake_store *from, *to = NULL;
	int r = -1;

	from = dl_lake_place_open(&t->place, t->lake, DL_LAKE_READING, err);
	if (from != NULL)
		to = dl_lake_place_open(&there, zone, DL_LAKE_WRITING, err);
	if (to != NULL)
		r = dl_lake_parquet(from, t->lake, to, &options, &counts, err);
	if (to != NULL)
		to->ops->close(to);
	if (from != NULL)
		from->ops->close(from);
	if (r == 0)
		summarize_parquet(t, zone, &counts);
	if (r == 0 && counts.stopped)
		r = dl_err_temp(err, "stopped; run it again for the rest");
	return r;
}

static int
check_options(const struct dl_lake_tidy_options *o, struct dl_err *err)
{
	if (o->target < 1)
		return dl_err_usage(err, "--target is at least 1");
	if (o->jobs < 0 || o->jobs > 16)
		return dl_err_usage(err, "--jobs is from 0 to 16");
	return 0;
}

int
main(int argc, char *argv[])
{
	struct dl_err err = {0};
	struct tidy t = {.options = {.target = DL_LAKE_TARGET}};
	const char *expire = NULL, *parquet = NULL;
	bool lifecycle = false;
	int first, n, r = 0;

	const struct dl_opt opts[] = {
	    DL_OPT_SIZE(0, "target", &t.options.target, "SIZE",
		"merge parts into ones of at most SIZE (128M)"),
	    DL_OPT_FLAG(0, "dedupe", &t.options.dedupe,
		"leave out events that are there twice"),
	    DL_OPT_STR(0, "expire", &expire, "RULES",
		"remove what is older: 90d; raw: 90d, clean: 2y"),
	    DL_OPT_FLAG(0, "lifecycle", &lifecycle,
		"print an S3 bucket's rules, change nothing"),
	    DL_OPT_STR(0, "parquet", &parquet, "ZONE",
		"rewrite LAKE as Parquet, in the lake ZONE"),
	    DL_OPT_FLAG(0, "dry-run", &t.options.dry_run,
		"say what would be done, and change nothing"),
	    DL_OPT_COUNT('j', "jobs", &t.options.jobs, "N",
		"pack in N threads (one a processor, at most 4)"),
	    DL_LAKE_OPTIONS(t.place),
	    DL_LAKE_WRITE_OPTIONS(t.place),
	    DL_OPT_COMMON,
	};
	first = dl_tool_start(
	    "dl-lake-tidy", opts, "LAKE...", 1, 1000, DL_TOOL_HEAD, argc, argv);

	n = argc - first;
	if (parquet != NULL &&
	    (lifecycle || expire != NULL || n > 1 || t.options.dedupe))
		dl_err_usage(
		    &err, "--parquet is for one lake, and does nothing else");
	if (err.status != DL_EXIT_OK || check_options(&t.options, &err) < 0 ||
	    (expire != NULL &&
		dl_lake_keeps_parse(expire, &t.keeps, &err) < 0) ||
	    check_zones(&t, argv + first, n, &err) < 0)
		dl_tool_fail(&err);
	t.place.home = dl_tool_home_option;
	t.options.quiet = dl_tool_quiet;
	t.options.stop = &dl_tool_stop;
	t.options.tell = tell;
	t.options.arg = &t;
	t.lake = argv[first];
	if (lifecycle)
		r = print_lifecycle(&t, argv + first, n, &err);
	else if (parquet != NULL)
		r = rewrite(&t, parquet, &err);
	else
		tidy_lakes(&t, argv + first, n);
	if (r < 0)
		dl_tool_fail(&err);
	if (fclose(stdout) != 0) {
		dl_err_errno(&err, "cannot write <stdout>");
		dl_tool_fail(&err);
	}
	return (int)t.status;
}
