/* dl-stream-get - print a stream's events, from a consumer's position on. */
#include "checkpoint.h"
#include "home.h"
#include "io.h"
#include "line.h"
#include "log.h"
#include "out.h"
#include "stream.h"
#include "tool.h"
#include "watch.h"
#include "when.h"

#include <stdio.h>
#include <unistd.h>

#define READ_BYTES (256 << 10)
#define CHECKPOINT_BYTES (4 << 20)
#define CHECKPOINT_MS 500
#define IDLE_MS 20  /* caught up for so long: a checkpoint */
#define LOOK_MS 250 /* a stop, and a stream's new directory, are seen */

struct get {
	char dir[PATH_MAX];
	char key[DL_STREAM_KEY_MAX]; /* empty: no consumer's, only to look */
	struct dl_stream_reader *reader;
	struct dl_stream_reader *finder; /* of --until */
	struct dl_out out;
	struct dl_counts counts;

	/* what is asked for */
	const char *since, *until;
	bool follow, read_only;
	int64_t count; /* of events still to come; -1: any */

	uint64_t pos;   /* of the next event */
	uint64_t limit; /* do not go beyond */
	bool has_until; /* limit is until an event at until_time: look for it */
	struct dl_time until_time;
	bool finished;

	uint64_t told; /* the position of the last checkpoint */
	int64_t told_ms;
};

/* Checkpoints */

static int
checkpoint(struct get *g, struct dl_err *err)
{
	char position[DL_OFFSET_LEN + 1];

	g->told = g->pos;
	g->told_ms = dl_clock_ms();
	if (g->read_only)
		return 0;
	dl_offset_print(g->pos, position);
	dl_event_checkpoint(
	    &g->out.buf, dl_span_str(g->key), dl_span_str(position));
	return dl_out_flush(&g->out, err);
}

static bool
is_due(const struct get *g)
{
	return g->pos - g->told >= CHECKPOINT_BYTES ||
	       (g->pos != g->told &&
		   dl_clock_ms() - g->told_ms >= CHECKPOINT_MS);
}

/* Retention has taken what was still to be read: say so, and count it. */
static int
tell_lost(struct get *g, uint64_t from, uint64_t missed, struct dl_err *err)
{
	uint64_t records = 0;

	if (*g->key != '\0' && dl_stream_lost(g->dir, dl_span_str(g->key), from,
				   from + missed, &records, err) < 0)
		return -1;
	g->counts.lost += records;
	g->pos = dl_stream_tell(g->reader);
	if (records > 0)
		dl_log(DL_LOG_WARN,
		    "retention has taken %llu events (%llu bytes) from offset "
		    "%020llu on: going on at the oldest, %020llu",
		    (unsigned long long)records, (unsigned long long)missed,
		    (unsigned long long)from, (unsigned long long)g->pos);
	else
		dl_log(DL_LOG_WARN,
		    "%llu bytes from offset %020llu on are gone, how many "
		    "events is not known: going on at the oldest, %020llu",
		    (unsigned long long)missed, (unsigned long long)from,
		    (unsigned long long)g->pos);
	return 0;
}

/* Where to start and to end */

static bool
is_digits(const char *text)
{
	return *text != '\0' && strspn(text, "0123456789") == strlen(text);
}

static int
parse_offset(const char *text, uint64_t *offset, struct dl_err *err)
{
	char padded[DL_OFFSET_LEN + 1] = "00000000000000000000";
	size_t n = strlen(text);

	if (n <= DL_OFFSET_LEN)
		memcpy(padded + DL_OFFSET_LEN - n, text, n);
	if (n > DL_OFFSET_LEN ||
	    !dl_offset_read(dl_span(padded, DL_OFFSET_LEN), offset))
		return dl_err_usage(err, "'%s' is not an offset", text);
	return 0;
}

/* What --since and --until may be: a place in the log. */
static int
place_of(struct get *g, struct dl_stream_reader *r, const char *text,
    uint64_t *offset, struct dl_err *err)
{
	struct dl_time t;
	uint64_t end;

	if (strcmp(text, "oldest") == 0)
		return dl_stream_oldest(r, offset, err);
	if (strcmp(text, "newest") == 0)
		return dl_stream_newest(r, offset, err);
	if (is_digits(text)) {
		if (parse_offset(text, offset, err) < 0 ||
		    dl_stream_newest(r, &end, err) < 0)
			return -1;
		/* A crash may still take what lies there. */
		return *offset <= end
		           ? 0
		           : dl_err_data(err, "'%s' ends before offset %s",
				 g->dir, text);
	}
	if (dl_when_parse(text, &t, err) < 0) {
		dl_err_prefix(
		    err, "--since (a time, oldest, newest or an offset)");
		return -1;
	}
	return dl_stream_find(r, g->dir, &t, offset, err);
}

/* Going back is the head's to say: dl-commit never would. */
static int
rewind_to(struct get *g, uint64_t committed, struct dl_err *err)
{
	char position[DL_OFFSET_LEN + 1];

	dl_offset_print(g->pos, position);
	dl_log(DL_LOG_INFO, "'%s' goes back from %020llu to %s", g->key,
	    (unsigned long long)committed, position);
	return dl_commit_rewind(
	    dl_tool_home(), dl_span_str(g->key), dl_span_str(position), err);
}

/* Stand where the consumer has come to, or where --since says. */
static int
find_start(struct get *g, struct dl_err *err)
{
	struct dl_buf b = {0};
	uint64_t committed = 0, missed, from;
	int known = 0, r = 0;

	if (*g->key != '\0')
		known = dl_commit_read(
		    dl_tool_home(), dl_span_str(g->key), &b, err);
	if (known > 0 && !dl_offset_read(dl_buf_as_span(&b), &committed))
		r = dl_err_data(err,
		    "'%s/commits/%s' does not hold an offset: remove it to "
		    "start at the oldest",
		    dl_tool_home(), g->key);
	dl_buf_release(&b);
	if (r < 0 || known < 0)
		return -1;
	g->pos = committed;
	if (g->since != NULL || known == 0)
		r = place_of(g, g->reader,
		    g->since == NULL ? "oldest" : g->since, &g->pos, err);
	from = g->pos;
	if (r < 0 || dl_stream_seek(g->reader, g->pos, &missed, err) < 0)
		return -1;
	if (known > 0 && g->pos < committed && !g->read_only &&
	    rewind_to(g, committed, err) < 0)
		return -1;
	if (known > 0 && g->pos > committed && g->since != NULL &&
	    !g->read_only)
		dl_log(DL_LOG_INFO,
		    "'%s' goes forward from %020llu to %020llu: what lies "
		    "between is given up",
		    g->key, (unsigned long long)committed,
		    (unsigned long long)g->pos);
	return missed > 0 ? tell_lost(g, from, missed, err) : 0;
}

/* A time of --until is looked for whenever there is more to read. */
static int
find_until(struct get *g, struct dl_err *err)
{
	bool absent;

	g->limit = UINT64_MAX;
	if (g->until == NULL)
		return 0;
	if ((g->finder = dl_stream_open_read(g->dir, &absent, err)) == NULL)
		return -1;
	if (is_digits(g->until))
		return parse_offset(g->until, &g->limit, err);
	if (strcmp(g->until, "newest") == 0)
		return dl_stream_newest(g->reader, &g->limit, err);
	if (dl_when_parse(g->until, &g->until_time, err) < 0) {
		dl_err_prefix(err, "--until (a time, newest or an offset)");
		return -1;
	}
	g->has_until = true;
	return 0;
}

/* How far to read now; what comes later is for the next look. */
static int
look(struct get *g, uint64_t *end, struct dl_err *err)
{
	uint64_t missed;

	if (dl_stream_newest(g->reader, end, err) < 0)
		return -1;
	/* After a power cut it may be older; else the log is another one. */
	if (*end < g->pos &&
	    dl_stream_seek(g->reader, g->pos, &missed, err) < 0)
		return -1;
	if (g->has_until && g->limit == UINT64_MAX && *end > g->pos) {
		uint64_t at = *end;

		if (dl_stream_find_from(
			g->finder, g->pos, *end, &g->until_time, &at, err) < 0)
			return -1;
		if (at < *end)
			g->limit = at;
	}
	if (*end < g->limit)
		return 0;
	/* An offset that somebody gave has to be the beginning of an event. */
	if (g->limit > g->pos &&
	    dl_stream_seek(g->finder, g->limit, &missed, err) < 0)
		return -1;
	*end = g->limit;
	g->finished = true;
	return 0;
}

/* Reading */

/* No more than --count of the lines. */
static void
cut_count(struct get *g, struct dl_span *lines, uint64_t *n)
{
	struct dl_span rest = *lines, line;

	if (g->count < 0 || *n <= (uint64_t)g->count)
		return;
	for (*n = 0; *n < (uint64_t)g->count; (*n)++)
		(void)dl_stream_line(&rest, &line);
	lines->len -= rest.len;
	g->finished = true;
}

static int
deliver(struct get *g, uint64_t end, struct dl_err *err)
{
	struct dl_span lines;
	uint64_t missed, n, from = g->pos;
	int r;

	while (!dl_tool_stop && g->count != 0 &&
	       (r = dl_stream_read(
		    g->reader, end, READ_BYTES, &lines, &missed, err)) != 0) {
		if (r < 0 ||
		    (missed > 0 && tell_lost(g, from, missed, err) < 0))
			return -1;
		n = dl_count_lines(lines.p, lines.len);
		cut_count(g, &lines, &n);
		if (dl_write_all(
			g->out.fd, lines.p, lines.len, g->out.name, err) < 0)
			return -1;
		g->pos += lines.len;
		from = g->pos;
		g->counts.in += n;
		g->counts.out += n;
		if (g->count >= 0)
			g->count -= (int64_t)n;
		if (is_due(g) && checkpoint(g, err) < 0)
			return -1;
		dl_metric_tick();
	}
	if (g->count == 0)
		g->finished = true;
	return 0;
}

/* --until has passed, and nothing more has come. */
static bool
is_over(const struct get *g)
{
	struct dl_time now;

	if (!g->has_until)
		return false;
	dl_now(&now);
	return dl_time_cmp(&now, &g->until_time) >= 0;
}

static int
wait_ms(const struct get *g)
{
	int64_t left, due = dl_metric_wait_ms();
	int ms = LOOK_MS;

	if (g->pos != g->told) {
		left = g->told_ms + CHECKPOINT_MS - dl_clock_ms();
		ms = left < 0 ? 0 : left < IDLE_MS ? (int)left : IDLE_MS;
	}
	return due >= 0 && due < ms ? (int)due : ms;
}

static int
follow(struct get *g, struct dl_err *err)
{
	struct dl_watch watch;
	uint64_t end, before;
	int r = 0;

	dl_watch_open(&watch, dl_stream_end_path(g->reader), 0);
	while (r == 0 && !dl_tool_stop && !g->finished) {
		before = g->pos;
		r = look(g, &end, err);
		if (r == 0)
			r = deliver(g, end, err);
		if (r < 0 || g->finished || g->pos != before)
			continue;
		if (is_over(g))
			break;
		if (!dl_watch_wait(&watch, g->out.fd, wait_ms(g)))
			r = dl_check_reader(g->out.fd, 0, g->out.name, err);
		dl_metric_tick();
		/* Nothing more within that time: it is idle. */
		if (r == 0 && g->pos != g->told)
			r = dl_stream_newest(g->reader, &end, err);
		if (r == 0 && g->pos != g->told && end <= g->pos)
			r = checkpoint(g, err);
	}
	dl_watch_close(&watch);
	return r;
}

static int
run(struct get *g, struct dl_err *err)
{
	uint64_t end;

	if (find_start(g, err) < 0 || find_until(g, err) < 0 ||
	    checkpoint(g, err) < 0)
		return -1;
	if (g->follow) {
		if (follow(g, err) < 0)
			return -1;
	} else if (look(g, &end, err) < 0 || deliver(g, end, err) < 0) {
		return -1;
	}
	return g->pos != g->told ? checkpoint(g, err) : 0;
}

/* Opening */

static int
check_consumer(const struct get *g, const char *consumer, struct dl_err *err)
{
	if (consumer == NULL)
		return g->read_only
		           ? 0
		           : dl_err_usage(err,
				 "too few operands: expected STREAM CONSUMER "
				 "(or --read-only)");
	if (!dl_consumer_ok(dl_span_str(consumer)))
		return dl_err_usage(err,
		    "'%s' is not a consumer's name: a letter or digit, then up "
		    "to 63 of [A-Za-z0-9_-]",
		    consumer);
	return 0;
}

/* Whose position it is; the stream is there, and its path is known. */
static int
take_key(struct get *g, const char *consumer, struct dl_err *err)
{
	char prefix[DL_STREAM_KEY_MAX];

	if (consumer == NULL)
		return 0;
	if (dl_stream_prefix(prefix, g->dir, dl_tool_home(), err) < 0)
		return -1;
	if (snprintf(g->key, sizeof(g->key), "%s%s", prefix, consumer) >=
	    (int)sizeof(g->key))
		return dl_err_usage(err, "'%s' is too long", consumer);
	if (g->read_only)
		return 0;
	return dl_head_lock(dl_tool_home(), dl_span_str(g->key), err) < 0 ? -1
	                                                                  : 0;
}

/* Who follows may be there before the first writer. */
static int
open_stream(struct get *g, struct dl_err *err)
{
	bool absent, told = false;

	while (
	    (g->reader = dl_stream_open_read(g->dir, &absent, err)) == NULL) {
		if (!absent || !g->follow)
			return -1;
		if (!told)
			dl_log(DL_LOG_INFO, "%s: waiting for it", err->msg);
		told = true;
		dl_err_clear(err);
		if (dl_tool_stop)
			return 0;
		if (dl_check_reader(g->out.fd, LOOK_MS, g->out.name, err) < 0)
			return -1;
	}
	return 0;
}

static void
set_instance(struct get *g, const char *consumer)
{
	struct dl_buf b = {0};
	const char *slash = strrchr(g->dir, '/');

	dl_buf_adds(&b, slash == NULL ? g->dir : slash + 1);
	if (consumer != NULL)
		dl_buf_printf(&b, ".%s", consumer);
	g->counts.may_lose = true;
	dl_tool_metric(dl_buf_as_span(&b), &g->counts);
	dl_buf_release(&b);
}

int
main(int argc, char *argv[])
{
	static struct get g = {.count = -1};
	struct dl_err err = {0};
	const char *consumer = NULL;
	int first;

	const struct dl_opt opts[] = {
	    DL_OPT_FLAG('f', "follow", &g.follow, "go on with what comes"),
	    DL_OPT_STR('s', "since", &g.since, "SINCE",
		"start at a time, 2h ago, oldest, newest, OFFSET"),
	    DL_OPT_STR('u', "until", &g.until, "UNTIL",
		"end before a time, newest or an OFFSET"),
	    DL_OPT_COUNT(
		'c', "count", &g.count, "COUNT", "end after so many events"),
	    DL_OPT_FLAG(0, "read-only", &g.read_only,
		"take no lock, write no checkpoints"),
	    DL_OPT_COMMON,
	};
	first = dl_tool_start("dl-stream-get", opts, "STREAM [CONSUMER]", 1, 2,
	    DL_TOOL_HEAD, argc, argv);

	if (first + 1 < argc)
		consumer = argv[first + 1];
	if (dl_home_resolve(
		g.dir, dl_tool_home_option, "streams", argv[first], &err) < 0 ||
	    check_consumer(&g, consumer, &err) < 0)
		dl_tool_fail(&err);
	set_instance(&g, consumer);
	dl_out_init(&g.out, STDOUT_FILENO, "<stdout>");
	if (open_stream(&g, &err) < 0 ||
	    (g.reader != NULL &&
		(take_key(&g, consumer, &err) < 0 || run(&g, &err) < 0)))
		dl_tool_fail(&err);
	dl_stream_close_read(g.reader);
	dl_stream_close_read(g.finder);
	dl_out_release(&g.out);
	dl_counts_log(&g.counts);
	if (close(STDOUT_FILENO) < 0) {
		dl_err_errno(&err, "cannot close <stdout>");
		dl_tool_fail(&err);
	}
	return dl_tool_finish();
}
