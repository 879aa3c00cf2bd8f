#include "stream_stat.h"

#include "line.h"
#include "stream_dir.h"
#include "stream_index.h"

#define READ_BYTES (256 << 10)

/* Count the events from one offset to another. */
static int
count(struct dl_stream_reader *r, uint64_t from, uint64_t to, uint64_t *n,
    struct dl_err *err)
{
	struct dl_span lines;
	uint64_t missed;
	int got;

	*n = 0;
	if (from >= to)
		return 0;
	if (dl_stream_seek(r, from, &missed, err) < 0)
		return -1;
	while (
	    (got = dl_stream_read(r, to, READ_BYTES, &lines, &missed, err)) > 0)
		*n += dl_count_lines(lines.p, lines.len);
	return got;
}

/* When the event at offset was recorded: 1, 0 it doesn't say, -1. */
static int
time_at(struct dl_stream_reader *r, uint64_t offset, uint64_t end,
    struct dl_time *t, struct dl_err *err)
{
	struct dl_err ignored = {0};
	struct dl_event ev = {0};
	struct dl_span lines, line;
	uint64_t missed;
	int got;

	if (offset >= end)
		return 0;
	if (dl_stream_seek(r, offset, &missed, err) < 0)
		return -1;
	got = dl_stream_read(r, end, 1, &lines, &missed, err);
	if (got > 0)
		got = dl_stream_line(&lines, &line) &&
		      dl_event_parse(&ev, line, &ignored) == 0 &&
		      ev.recordedtime.p != NULL &&
		      dl_time_parse(ev.recordedtime, t, &ignored) == 0;
	dl_event_release(&ev);
	return got;
}

/* The latest recordedtime of the last segment that has events. */
static int
last_time(const char *dir, const struct dl_segments *s, uint64_t newest,
    struct dl_time *t, struct dl_err *err)
{
	struct dl_stream_index x = {0};
	size_t i = s->n;
	int r = 0;

	while (i > 0 && s->v[i - 1].start >= newest)
		i--;
	if (i == 0)
		return 0;
	r = dl_stream_segment_index(
	    &x, dir, s->v[i - 1].start, newest, false, err);
	if (r == 0 && x.n > 0 &&
	    dl_time_cmp(&x.v[x.n - 1].max, &dl_stream_no_time) > 0) {
		*t = x.v[x.n - 1].max;
		r = 1;
	}
	dl_stream_index_release(&x);
	return r;
}

static int
recent(struct dl_stream_reader *r, const char *dir, struct dl_stream_stat *stat,
    struct dl_err *err)
{
	struct dl_time since;
	uint64_t from;

	dl_now(&since);
	since.sec -= DL_STREAM_RATE_SECONDS;
	if (dl_stream_find(r, dir, &since, &from, err) < 0)
		return -1;
	return count(r, from, stat->newest, &stat->recent, err);
}

int
dl_stream_stat(const char *dir, struct dl_stream_stat *stat, struct dl_err *err)
{
	struct dl_stream_reader *r;
	struct dl_segments s = {0};
	bool absent;
	int got = -1, first, last;

	*stat = (struct dl_stream_stat){0};
	if ((r = dl_stream_open_read(dir, &absent, err)) == NULL)
		return -1;
	if (dl_stream_newest(r, &stat->newest, err) < 0 ||
	    dl_segments_list(&s, dir, err) < 0)
		goto out;
	stat->segments = s.n;
	stat->oldest = s.n > 0 ? s.v[0].start : stat->newest;
	first = time_at(r, stat->oldest, stat->newest, &stat->first, err);
	last = last_time(dir, &s, stat->newest, &stat->last, err);
	if (first < 0 || last < 0)
		goto out;
	stat->has_times = first > 0 && last > 0;
	got = recent(r, dir, stat, err);
out:
	dl_segments_release(&s);
	dl_stream_close_read(r);
	return got;
}

int
dl_stream_lag(const char *dir, const struct dl_stream_stat *stat,
    const struct dl_consumer *c, struct dl_stream_lag *lag, struct dl_err *err)
{
	uint64_t from = c->position < stat->oldest ? stat->oldest : c->position;
	struct dl_stream_reader *r;
	struct dl_time t, now;
	bool absent;
	int got = -1;

	*lag = (struct dl_stream_lag){.age_ms = -1};
	if ((r = dl_stream_open_read(dir, &absent, err)) == NULL)
		return -1;
	lag->bytes = from < stat->newest ? stat->newest - from : 0;
	if (dl_stream_lost(dir, dl_span_str(c->key), c->position, from,
		&lag->lost, err) < 0 ||
	    count(r, from, stat->newest, &lag->records, err) < 0 ||
	    (got = time_at(r, from, stat->newest, &t, err)) < 0)
		goto out;
	dl_now(&now);
	if (got > 0)
		lag->age_ms =
		    (now.sec - t.sec) * 1000 + (now.nsec - t.nsec) / 1000000;
	if (c->position == stat->newest)
		lag->age_ms = 0;
	got = 0;
out:
	dl_stream_close_read(r);
	return got < 0 ? -1 : 0;
}
