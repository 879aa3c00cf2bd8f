/* dl-lake-read - print a lake's events. */
#include "io.h"
#include "lake.h"
#include "lake_place.h"
#include "lake_where.h"
#include "out.h"
#include "tool.h"

#include <stdlib.h>
#include <unistd.h>

/* What is long goes out from where it lies. */
static int
print(void *arg, struct dl_span lines, struct dl_err *err)
{
	struct dl_out *out = arg;

	if (lines.len < DL_OUT_SIZE) {
		dl_buf_span(&out->buf, lines);
		return dl_out_spill(out, err);
	}
	if (dl_out_flush(out, err) < 0)
		return -1;
	return dl_write_all(out->fd, lines.p, lines.len, out->name, err);
}

int
main(int argc, char *argv[])
{
	struct dl_err err = {0};
	struct dl_lake_query q = {0};
	struct dl_lake_conditions where = {.n = 0};
	const char *since = NULL, *until = NULL, *as_of = NULL;
	int64_t count = -1;
	struct dl_out out;
	struct dl_lake_place place = {.home = NULL};
	struct dl_lake_store *store;
	int first;

	const struct dl_opt opts[] = {
	    DL_OPT_STR('s', "since", &since, "TIME",
		"only what happened at TIME or later"),
	    DL_OPT_STR(
		'u', "until", &until, "TIME", "only what happened before TIME"),
	    DL_OPT_CALL('w', "where", dl_lake_condition_add, &where,
		"KEY=VALUE",
		"only this partition, source, subject, type or id"),
	    DL_OPT_STR(0, "as-of", &as_of, "TIME",
		"only what was in the lake at TIME"),
	    DL_OPT_COUNT(
		'c', "count", &count, "COUNT", "end after so many events"),
	    DL_LAKE_OPTIONS(place),
	    DL_OPT_COMMON,
	};
	first = dl_tool_start(
	    "dl-lake-read", opts, "LAKE", 1, 1, DL_TOOL_PLAIN, argc, argv);

	if (dl_lake_moment(since, &q.has_since, &q.since, &err) < 0 ||
	    dl_lake_moment(until, &q.has_until, &q.until, &err) < 0 ||
	    dl_lake_moment(as_of, &q.has_as_of, &q.as_of, &err) < 0)
		dl_tool_fail(&err);
	place.home = dl_tool_home_option;
	store = dl_lake_place_open(&place, argv[first], DL_LAKE_READING, &err);
	if (store == NULL)
		dl_tool_fail(&err);
	q.where = where.all;
	q.nwhere = where.n;
	q.has_limit = count >= 0;
	q.limit = q.has_limit ? (uint64_t)count : 0;
	dl_out_init(&out, STDOUT_FILENO, "<stdout>");
	if (dl_lake_read(store, &q, print, &out, &err) < 0) {
		/* What was read before it is good, and people want to see it. */
		struct dl_err ignored = {0};

		(void)dl_out_flush(&out, &ignored);
		dl_tool_fail(&err);
	}
	if (dl_out_flush(&out, &err) < 0)
		dl_tool_fail(&err);
	dl_out_release(&out);
	store->ops->close(store);
	if (close(STDOUT_FILENO) < 0) {
		dl_err_errno(&err, "cannot close <stdout>");
		dl_tool_fail(&err);
	}
	return DL_EXIT_OK;
}
