/* The reading half of lake.h. */
#include "lake.h"

#include "lake_flat.h"
#include "lake_scan.h"
#include "lake_store.h"
#include "line.h"
#include "partition.h"

#include <stdlib.h>
#include <unistd.h>

struct reader {
	struct dl_lake_store *store;
	const struct dl_lake_query *query;
	dl_lake_lines_fn *fn;
	void *arg;
	struct dl_buf path; /* of the part at hand */
	uint32_t met;       /* bit i: the path satisfies query->where[i] */
	bool has_dt;        /* the path has a dt that was understood: */
	struct dl_time dt;  /* the start of that day */
	struct dl_event ev;
	struct dl_buf data, line, value;
};

/* Pruning */

static bool
has_times(const struct dl_lake_query *q)
{
	return q->has_since || q->has_until;
}

/* Can an event from sec to before sec + length be in the interval? */
static bool
may_overlap(const struct dl_lake_query *q, int64_t sec, int64_t length)
{
	struct dl_time first = {.sec = sec}, after = {.sec = sec + length};

	if (q->has_since && dl_time_cmp(&after, &q->since) <= 0)
		return false;
	return !q->has_until || dl_time_cmp(&first, &q->until) < 0;
}

static bool
parse_day(struct dl_span value, struct dl_time *t)
{
	struct dl_err ignored = {0};
	char text[32];

	if (value.len != 10)
		return false;
	memcpy(text, value.p, 10);
	memcpy(text + 10, "T00:00:00Z", 10);
	return dl_time_parse(dl_span(text, 20), t, &ignored) == 0;
}

static bool
parse_hour(struct dl_span value, int *hour)
{
	if (value.len != 2 || value.p[0] < '0' || value.p[0] > '2' ||
	    value.p[1] < '0' || value.p[1] > '9')
		return false;
	*hour = (value.p[0] - '0') * 10 + (value.p[1] - '0');
	return *hour < 24;
}

/* Must dt=VALUE or hour=VALUE be read?  What is not understood must. */
static bool
time_may_match(struct reader *r, struct dl_span key, struct dl_span value)
{
	bool dt = dl_span_is(key, "dt");
	int hour;

	if (!dt && !dl_span_is(key, "hour"))
		return true;
	if (dl_span_is(value, DL_PARTITION_DEFAULT))
		return !has_times(r->query);
	if (dt) {
		r->has_dt = parse_day(value, &r->dt);
		return !r->has_dt || may_overlap(r->query, r->dt.sec, 86400);
	}
	if (!r->has_dt || !parse_hour(value, &hour))
		return true;
	return may_overlap(r->query, r->dt.sec + hour * 3600, 3600);
}

static bool
where_may_match(struct reader *r, struct dl_span key, struct dl_span value)
{
	const struct dl_lake_where *where = r->query->where;
	size_t i;

	for (i = 0; i < r->query->nwhere; i++) {
		if (!dl_span_eq(where[i].key, key))
			continue;
		dl_buf_clear(&r->value);
		dl_partition_decode(&r->value, value);
		if (!dl_span_eq(where[i].value, dl_buf_as_span(&r->value)))
			return false;
		r->met |= 1u << i;
	}
	return true;
}

/* Must this component of a path be read? */
static bool
component_may_match(struct reader *r, struct dl_span name)
{
	const char *eq = memchr(name.p, '=', name.len);
	struct dl_span key, value;

	if (eq == NULL)
		return true;
	key = dl_span(name.p, (size_t)(eq - name.p));
	value = dl_span(eq + 1, name.len - key.len - 1);
	return where_may_match(r, key, value) && time_may_match(r, key, value);
}

/* Must what is in this directory be read? */
static bool
may_match(void *arg, const char *dir)
{
	struct reader *r = arg;
	const char *end;

	r->has_dt = false;
	r->met = 0;
	for (;; dir = end + 1) {
		end = strchrnul(dir, '/');
		if (!component_may_match(r, dl_span(dir, (size_t)(end - dir))))
			return false;
		if (*end == '\0')
			return true;
	}
}

/* Records */

static bool
attribute(const struct dl_event *ev, struct dl_span key, struct dl_span *value)
{
	if (dl_span_is(key, "source"))
		*value = ev->source;
	else if (dl_span_is(key, "subject"))
		*value = ev->subject;
	else if (dl_span_is(key, "type"))
		*value = ev->type;
	else if (dl_span_is(key, "id"))
		*value = ev->id;
	else
		return false;
	return true;
}

static bool
in_time(const struct dl_lake_query *q, const struct dl_event *ev)
{
	struct dl_err ignored = {0};
	struct dl_time t;

	if (!has_times(q))
		return true;
	if (ev->time.p == NULL || dl_time_parse(ev->time, &t, &ignored) < 0)
		return false;
	return (!q->has_since || dl_time_cmp(&t, &q->since) >= 0) &&
	       (!q->has_until || dl_time_cmp(&t, &q->until) < 0);
}

static bool
matches(const struct reader *r, const struct dl_event *ev)
{
	const struct dl_lake_query *q = r->query;
	struct dl_span value = {0};
	size_t i;

	for (i = 0; i < q->nwhere; i++)
		if ((r->met & 1u << i) == 0 &&
		    (!attribute(ev, q->where[i].key, &value) ||
			!dl_span_eq(value, q->where[i].value)))
			return false;
	return in_time(q, ev);
}

/* Is there anything to ask of the records of this part? */
static bool
filters(const struct reader *r)
{
	uint32_t all = (uint32_t)((UINT64_C(1) << r->query->nwhere) - 1);

	return r->met != all || has_times(r->query);
}

static int
hand_on(struct reader *r, struct dl_span lines, struct dl_err *err)
{
	return lines.len == 0 ? 0 : r->fn(r->arg, lines, err);
}

/*
 * A lake has no checkpoints.  One that somebody put there would tell the pipe
 * that reads it that positions of a stream or a source are safe.
 */
static int
refuse_checkpoint(const struct dl_event *ev, struct dl_err *err)
{
	if (!dl_event_is(ev, DL_TYPE_CHECKPOINT))
		return 0;
	return dl_err_data(err, "a checkpoint, which no lake stores");
}

/*
 * Look at one line.  It is handed on where it lies, in *run, which ends before
 * it; or made again, or left out, and then the run is handed on first, and
 * begins anew after it.
 */
static int
take_line(struct reader *r, struct dl_span *run, struct dl_span line,
    bool filter, struct dl_err *err)
{
	bool flat = dl_lake_is_flat(line);

	if ((flat ? dl_lake_unflatten(&r->ev, line, &r->data, err)
		  : dl_event_parse(&r->ev, line, err)) < 0)
		return -1;
	if (refuse_checkpoint(&r->ev, err) < 0)
		return -1;
	if (!flat && (!filter || matches(r, &r->ev))) {
		run->len += line.len + 1;
		return 0;
	}
	if (hand_on(r, *run, err) < 0)
		return -1;
	*run = dl_span(line.p + line.len + 1, 0);
	if (filter && !matches(r, &r->ev))
		return 0;
	dl_buf_clear(&r->line);
	dl_event_write(&r->line, &r->ev);
	return hand_on(r, dl_buf_as_span(&r->line), err);
}

/* The next line that must be looked at. */
static bool
next_line(struct dl_span lines, bool filter, struct dl_span *line)
{
	const char *nl;

	if (!filter)
		return dl_lake_scan(lines, line);
	if (lines.len == 0)
		return false;
	nl = memchr(lines.p, '\n', lines.len);
	*line = dl_span(lines.p, (size_t)(nl - lines.p));
	return true;
}

/*
 * Hand on what is wanted of these lines, as many at a time as lie together.
 * *at: how many of their bytes are done with; on failure, before the line that
 * is at fault.
 */
static int
take_lines(struct reader *r, struct dl_span lines, bool filter, size_t *at,
    struct dl_err *err)
{
	struct dl_span line, run = dl_span(lines.p, 0), rest = lines;
	struct dl_err why = {0};

	while (next_line(rest, filter, &line)) {
		run.len = (size_t)(line.p - run.p);
		*at = (size_t)(line.p - lines.p);
		if (take_line(r, &run, line, filter, &why) < 0) {
			/* What came before it is good. */
			if (why.status == DL_EXIT_DATA)
				(void)hand_on(r, run, &why);
			*err = why;
			return -1;
		}
		rest.p = line.p + line.len + 1;
		rest.len = (size_t)(lines.p + lines.len - rest.p);
	}
	run.len = (size_t)(lines.p + lines.len - run.p);
	*at = lines.len;
	return hand_on(r, run, err);
}

/* A key that neither the part's path nor an event has is a mistake. */
static int
check_keys(const struct reader *r, struct dl_err *err)
{
	const struct dl_lake_query *q = r->query;
	struct dl_event none = {0};
	struct dl_span ignored;
	size_t i;

	for (i = 0; i < q->nwhere; i++)
		if ((r->met & 1u << i) == 0 &&
		    !attribute(&none, q->where[i].key, &ignored))
			return dl_err_usage(err,
			    "'%.*s' is no key of the partition of '%s', nor "
			    "source, subject, type or id",
			    DL_SPAN_ARG(q->where[i].key), r->path.p);
	return 0;
}

/*
 * Which line of a part begins after so many of its bytes?  Lines are not
 * counted until somebody is told: then the part is read again.  0: cannot tell.
 */
static uint64_t
line_number(
    const struct reader *r, int fd, enum dl_codec_kind kind, uint64_t bytes)
{
	struct dl_err ignored = {0};
	struct dl_unpack *u;
	struct dl_span lines;
	uint64_t number = 1;

	if (lseek(fd, 0, SEEK_SET) < 0 ||
	    (u = dl_unpack_new(fd, r->path.p, kind, &ignored)) == NULL)
		return 0;
	while (bytes > 0) {
		if (dl_unpack_lines(u, &lines, &ignored) <= 0) {
			number = 0;
			break;
		}
		if (lines.len > bytes)
			lines.len = (size_t)bytes;
		number += dl_count_lines(lines.p, lines.len);
		bytes -= lines.len;
	}
	dl_unpack_free(u);
	return number;
}

/* Say in which part, and in which line of it, the record at fault is. */
static void
say_where(const struct reader *r, int fd, enum dl_codec_kind kind,
    uint64_t bytes, struct dl_err *err)
{
	uint64_t number = line_number(r, fd, kind, bytes);

	if (number == 0)
		dl_err_prefix(err, "%s", r->path.p);
	else
		dl_err_prefix(
		    err, "%s:%llu", r->path.p, (unsigned long long)number);
}

static int
read_part(struct reader *r, enum dl_codec_kind kind, struct dl_err *err)
{
	struct dl_unpack *u;
	struct dl_span lines;
	bool filter = filters(r);
	uint64_t before = 0;
	size_t at;
	int fd, n;

	if (check_keys(r, err) < 0)
		return -1;
	/* A part that has just been tidied away is none. */
	if ((n = r->store->ops->open(r->store, r->path.p, &fd, err)) <= 0)
		return n;
	if ((u = dl_unpack_new(fd, r->path.p, kind, err)) == NULL) {
		close(fd);
		return -1;
	}
	while ((n = dl_unpack_lines(u, &lines, err)) > 0) {
		n = take_lines(r, lines, filter, &at, err);
		if (n < 0 && err->status == DL_EXIT_DATA)
			say_where(r, fd, kind, before + at, err);
		if (n < 0)
			break;
		before += lines.len;
	}
	dl_unpack_free(u);
	close(fd);
	return n;
}

static int
take_file(void *arg, const char *path, uint64_t size, struct dl_err *err)
{
	struct reader *r = arg;
	const char *name = strrchr(path, '/');
	enum dl_codec_kind kind;

	(void)size;
	if (!dl_codec_of_name(dl_span_str(path), &kind))
		return 0;
	dl_buf_clear(&r->path);
	r->met = 0;
	if (name != NULL) {
		dl_buf_add(&r->path, path, (size_t)(name - path));
		(void)may_match(r, dl_buf_str(&r->path));
		dl_buf_clear(&r->path);
	}
	dl_buf_adds(&r->path, path);
	(void)dl_buf_str(&r->path);
	return read_part(r, kind, err);
}

int
dl_lake_read(struct dl_lake_store *store, const struct dl_lake_query *q,
    dl_lake_lines_fn *fn, void *arg, struct dl_err *err)
{
	struct reader r = {.store = store, .query = q, .fn = fn, .arg = arg};
	const struct dl_lake_walk walk = {may_match, take_file, &r};
	int n;

	if (q->nwhere > DL_LAKE_WHERE)
		return dl_err_usage(
		    err, "more than %d conditions", DL_LAKE_WHERE);
	n = store->ops->walk(store, &walk, err);
	dl_event_release(&r.ev);
	dl_buf_release(&r.path);
	dl_buf_release(&r.data);
	dl_buf_release(&r.line);
	dl_buf_release(&r.value);
	return n;
}
