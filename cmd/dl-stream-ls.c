/* dl-stream-ls - list streams, and how far their consumers have come. */
#include "home.h"
#include "json.h"
#include "log.h"
#include "num.h"
#include "out.h"
#include "stream_stat.h"
#include "table.h"
#include "tool.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define STREAMS_MAX 100000

struct ls {
	struct dl_out out;
	struct dl_table *streams, *consumers; /* NULL: JSON */
	struct dl_buf consumer_rows;          /* printed after all streams */
	enum dl_exit status; /* of the first that could not be listed */
	size_t listed;
};

/* Cells */

static const char *
size_cell(uint64_t bytes, char out[32])
{
	dl_num_print_size((int64_t)bytes, out);
	return out;
}

static const char *
count_cell(uint64_t n, char out[32])
{
	snprintf(out, 32, "%llu", (unsigned long long)n);
	return out;
}

static const char *
rate_cell(uint64_t recent, char out[32])
{
	snprintf(out, 32, "%.1f/s", (double)recent / DL_STREAM_RATE_SECONDS);
	return out;
}

static const char *
age_cell(int64_t ms, char out[32])
{
	if (ms < 0)
		return "-";
	dl_num_print_age(ms, out);
	return out;
}

static const char *
time_cell(bool known, const struct dl_time *t, char out[DL_TIME_MAX])
{
	struct dl_time whole = *t;

	if (!known)
		return "-";
	whole.digits = 0;
	dl_time_print(&whole, out);
	return out;
}

/* A stream */

static void
table_stream(struct ls *ls, const char *name, const struct dl_stream_stat *s)
{
	char size[32], segments[32], rate[32];
	char first[DL_TIME_MAX], last[DL_TIME_MAX];

	dl_table_row(ls->streams,
	    (struct dl_span[]){dl_span_str(name),
		dl_span_str(size_cell(s->newest - s->oldest, size)),
		dl_span_str(count_cell(s->segments, segments)),
		dl_span_str(time_cell(s->has_times, &s->first, first)),
		dl_span_str(time_cell(s->has_times, &s->last, last)),
		dl_span_str(rate_cell(s->recent, rate))},
	    &ls->out.buf);
}

static void
table_consumer(struct ls *ls, const char *name, const struct dl_consumer *c,
    const struct dl_stream_lag *lag)
{
	char position[DL_OFFSET_LEN + 1], bytes[32], records[32], age[32];
	char lost[32];

	dl_offset_print(c->position, position);
	dl_table_row(ls->consumers,
	    (struct dl_span[]){dl_span_str(name), dl_span_str(c->name),
		dl_span_str(position),
		dl_span_str(size_cell(lag->bytes, bytes)),
		dl_span_str(count_cell(lag->records, records)),
		dl_span_str(age_cell(lag->age_ms, age)),
		dl_span_str(count_cell(lag->lost, lost))},
	    &ls->consumer_rows);
}

static void
json_stream(struct ls *ls, const char *name, const struct dl_stream_stat *s)
{
	struct dl_buf *b = &ls->out.buf;
	char oldest[DL_OFFSET_LEN + 1], newest[DL_OFFSET_LEN + 1];
	char first[DL_TIME_MAX], last[DL_TIME_MAX];

	dl_offset_print(s->oldest, oldest);
	dl_offset_print(s->newest, newest);
	dl_buf_adds(b, "{\"stream\":");
	dl_json_quote(b, dl_span_str(name));
	dl_buf_printf(b,
	    ",\"bytes\":%llu,\"segments\":%zu,\"oldest_offset\":\"%s\","
	    "\"end_offset\":\"%s\",",
	    (unsigned long long)(s->newest - s->oldest), s->segments, oldest,
	    newest);
	if (s->has_times) {
		struct dl_time latest = s->last;

		latest.digits = s->first.digits;
		dl_time_print(&s->first, first);
		dl_time_print(&latest, last);
		dl_buf_printf(b,
		    "\"oldest_time\":\"%s\",\"newest_time\":\"%s\",", first,
		    last);
	}
	dl_buf_printf(b, "\"events_per_second\":%.3f,\"consumers\":[",
	    (double)s->recent / DL_STREAM_RATE_SECONDS);
}

static void
json_consumer(struct ls *ls, bool first, const struct dl_consumer *c,
    const struct dl_stream_lag *lag)
{
	struct dl_buf *b = &ls->out.buf;
	char position[DL_OFFSET_LEN + 1];

	dl_offset_print(c->position, position);
	dl_buf_printf(b,
	    "%s{\"consumer\":\"%s\",\"position\":\"%s\",\"lag_bytes\":%llu,"
	    "\"lag_events\":%llu,\"lag_seconds\":",
	    first ? "" : ",", c->name, position, (unsigned long long)lag->bytes,
	    (unsigned long long)lag->records);
	if (lag->age_ms < 0)
		dl_buf_adds(b, "null");
	else
		dl_buf_printf(b, "%.3f", (double)lag->age_ms / 1000);
	dl_buf_printf(
	    b, ",\"lost_events\":%llu}", (unsigned long long)lag->lost);
}

static int
list_stream(struct ls *ls, const char *address, struct dl_err *err)
{
	struct dl_consumers consumers = {0};
	struct dl_stream_stat stat;
	struct dl_stream_lag lag;
	char dir[PATH_MAX], prefix[DL_STREAM_KEY_MAX];
	int r = -1;

	if (dl_home_resolve(dir, dl_tool_home_option, "streams", address, err) <
		0 ||
	    dl_stream_prefix(prefix, dir, dl_tool_home(), err) < 0 ||
	    dl_stream_stat(dir, &stat, err) < 0 ||
	    dl_consumers_list(&consumers, dl_tool_home(), prefix, err) < 0)
		goto out;
	if (ls->streams != NULL)
		table_stream(ls, address, &stat);
	else
		json_stream(ls, address, &stat);
	for (size_t i = 0; i < consumers.n; i++) {
		if (dl_stream_lag(dir, &stat, &consumers.v[i], &lag, err) < 0)
			goto out;
		if (ls->streams != NULL)
			table_consumer(ls, address, &consumers.v[i], &lag);
		else
			json_consumer(ls, i == 0, &consumers.v[i], &lag);
	}
	if (ls->streams == NULL)
		dl_buf_adds(&ls->out.buf, "]}\n");
	r = 0;
out:
	dl_consumers_release(&consumers);
	return r;
}

/* One that is broken does not hide the others. */
static void
list_one(struct ls *ls, const char *address)
{
	struct dl_err err = {0};
	size_t before = ls->out.buf.len;

	if (list_stream(ls, address, &err) == 0) {
		ls->listed++;
		return;
	}
	if (ls->streams == NULL)
		ls->out.buf.len = before; /* half a line of JSON */
	dl_log(DL_LOG_ERROR, "%s", err.msg);
	if (ls->status == DL_EXIT_OK)
		ls->status = err.status;
}

/* Home's streams */

static int
is_stream(const struct dirent *e)
{
	return dl_name_ok(dl_span_str(e->d_name));
}

static int
list_home(struct ls *ls, struct dl_err *err)
{
	struct dirent **names;
	char dir[PATH_MAX], end[PATH_MAX];
	int n;

	if (snprintf(dir, sizeof(dir), "%s/streams", dl_tool_home()) >=
	    PATH_MAX)
		return dl_err_usage(err, "the path of home is too long");
	if ((n = scandir(dir, &names, is_stream, alphasort)) < 0)
		return errno == ENOENT
		           ? 0
		           : dl_err_errno(err, "cannot list '%s'", dir);
	for (int i = 0; i < n; i++) {
		if (snprintf(end, sizeof(end), "%s/%s/end", dir,
			names[i]->d_name) < PATH_MAX &&
		    access(end, F_OK) == 0)
			list_one(ls, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	return 0;
}

static void
make_tables(struct ls *ls)
{
	static const char *const streams[] = {
	    "STREAM", "SIZE", "SEGMENTS", "OLDEST", "NEWEST", "RATE"};
	static const char *const consumers[] = {"STREAM", "CONSUMER",
	    "POSITION", "BEHIND", "EVENTS", "AGE", "LOST"};
	size_t width = dl_table_width(STDOUT_FILENO);

	ls->streams = dl_table_new(streams, 6, 0, width);
	ls->consumers = dl_table_new(consumers, 7, 0, width);
}

static int
finish(struct ls *ls, struct dl_err *err)
{
	if (ls->streams != NULL) {
		dl_table_flush(ls->streams, &ls->out.buf);
		dl_table_flush(ls->consumers, &ls->consumer_rows);
		if (ls->consumer_rows.len > 0 && ls->out.buf.len > 0)
			dl_buf_addc(&ls->out.buf, '\n');
		dl_buf_span(&ls->out.buf, dl_buf_as_span(&ls->consumer_rows));
	}
	if (dl_out_flush(&ls->out, err) < 0)
		return -1;
	dl_table_free(ls->streams);
	dl_table_free(ls->consumers);
	dl_buf_release(&ls->consumer_rows);
	dl_out_release(&ls->out);
	if (close(STDOUT_FILENO) < 0)
		return dl_err_errno(err, "cannot close <stdout>");
	return 0;
}

int
main(int argc, char *argv[])
{
	struct dl_err err = {0};
	struct ls ls = {.streams = NULL};
	bool json = false, table = false;
	int first, r = 0;

	const struct dl_opt opts[] = {
	    DL_OPT_FLAG(0, "json", &json, "print JSON, on a terminal too"),
	    DL_OPT_FLAG(0, "table", &table, "print a table, into a pipe too"),
	    DL_OPT_COMMON,
	};
	first = dl_tool_start("dl-stream-ls", opts, "[STREAM ...]", 0,
	    STREAMS_MAX, DL_TOOL_PLAIN, argc, argv);
	if (json && table) {
		dl_err_usage(&err, "--json and --table exclude each other");
		dl_tool_fail(&err);
	}
	dl_out_init(&ls.out, STDOUT_FILENO, "<stdout>");
	if (table || (!json && isatty(STDOUT_FILENO)))
		make_tables(&ls);
	if (first == argc)
		r = list_home(&ls, &err);
	for (int i = first; i < argc; i++)
		list_one(&ls, argv[i]);
	if (r == 0 && ls.listed == 0 && first == argc && isatty(STDOUT_FILENO))
		dl_log(DL_LOG_INFO, "there is no stream in '%s/streams'",
		    dl_tool_home());
	if (r < 0 || finish(&ls, &err) < 0)
		dl_tool_fail(&err);
	return (int)ls.status;
}
