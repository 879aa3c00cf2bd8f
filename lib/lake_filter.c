#include "lake_filter.h"

#include "lake_flat.h"
#include "lake_prune.h"
#include "lake_scan.h"
#include "line.h"

void
dl_lake_filter_release(struct dl_lake_filter *f)
{
	dl_event_release(&f->ev);
	dl_buf_release(&f->data);
	dl_buf_release(&f->line);
}

/* Conditions */

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

	if (!dl_lake_prune_timed(q))
		return true;
	if (ev->time.p == NULL || dl_time_parse(ev->time, &t, &ignored) < 0)
		return false;
	return (!q->has_since || dl_time_cmp(&t, &q->since) >= 0) &&
	       (!q->has_until || dl_time_cmp(&t, &q->until) < 0);
}

static bool
matches(const struct dl_lake_filter *f, const struct dl_event *ev)
{
	const struct dl_lake_query *q = f->query;
	struct dl_span value = {0};
	size_t i;

	for (i = 0; i < q->nwhere; i++)
		if ((f->met & 1u << i) == 0 &&
		    (!attribute(ev, q->where[i].key, &value) ||
			!dl_span_eq(value, q->where[i].value)))
			return false;
	return in_time(q, ev);
}

/* Is there anything to ask of the records of this part? */
static bool
filters(const struct dl_lake_filter *f)
{
	uint32_t all = (uint32_t)((UINT64_C(1) << f->query->nwhere) - 1);

	return f->met != all || dl_lake_prune_timed(f->query);
}

int
dl_lake_filter_part(struct dl_lake_filter *f, const char *part, uint32_t met,
    struct dl_err *err)
{
	const struct dl_lake_query *q = f->query;
	struct dl_event none = {0};
	struct dl_span ignored;
	size_t i;

	f->met = met;
	for (i = 0; i < q->nwhere; i++)
		if ((met & 1u << i) == 0 &&
		    !attribute(&none, q->where[i].key, &ignored))
			return dl_err_usage(err,
			    "'%.*s' is no key of the partition of '%s', nor "
			    "source, subject, type or id",
			    DL_SPAN_ARG(q->where[i].key), part);
	return 0;
}

/* Lines */

static bool
enough(const struct dl_lake_filter *f)
{
	return f->query->has_limit && f->told >= f->query->limit;
}

/* No more of the lines than are wanted. */
static struct dl_span
cut(struct dl_lake_filter *f, struct dl_span lines)
{
	const char *p = lines.p, *end = dl_span_end(lines);

	if (!f->query->has_limit)
		return lines;
	for (; p < end && !enough(f); f->told++)
		p = (const char *)memchr(p, '\n', (size_t)(end - p)) + 1;
	return dl_span(lines.p, (size_t)(p - lines.p));
}

static int
hand_on(struct dl_lake_filter *f, struct dl_span lines, struct dl_err *err)
{
	lines = cut(f, lines);
	return lines.len == 0 ? 0 : f->fn(f->arg, lines, err);
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
take_line(struct dl_lake_filter *f, struct dl_span *run, struct dl_span line,
    bool filter, struct dl_err *err)
{
	bool flat = dl_lake_is_flat(line);

	if ((flat ? dl_lake_unflatten(&f->ev, line, &f->data, err)
		  : dl_event_parse(&f->ev, line, err)) < 0)
		return -1;
	if (refuse_checkpoint(&f->ev, err) < 0)
		return -1;
	if (!flat && (!filter || matches(f, &f->ev))) {
		run->len += line.len + 1;
		return 0;
	}
	if (hand_on(f, *run, err) < 0)
		return -1;
	*run = dl_span(line.p + line.len + 1, 0);
	if (filter && !matches(f, &f->ev))
		return 0;
	dl_buf_clear(&f->line);
	dl_event_write(&f->line, &f->ev);
	return hand_on(f, dl_buf_as_span(&f->line), err);
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

int
dl_lake_filter_lines(struct dl_lake_filter *f, struct dl_span lines, size_t *at,
    struct dl_err *err)
{
	struct dl_span line, run = dl_span(lines.p, 0), rest = lines;
	struct dl_err why = {0};
	bool filter = filters(f);

	while (!enough(f) && next_line(rest, filter, &line)) {
		run.len = (size_t)(line.p - run.p);
		*at = (size_t)(line.p - lines.p);
		if (take_line(f, &run, line, filter, &why) < 0) {
			/* What came before it is good. */
			if (why.status == DL_EXIT_DATA &&
			    hand_on(f, run, &why) == 0 && enough(f))
				return 1;
			*err = why;
			return -1;
		}
		rest.p = line.p + line.len + 1;
		rest.len = (size_t)(lines.p + lines.len - rest.p);
	}
	*at = lines.len;
	if (!enough(f)) {
		run.len = (size_t)(lines.p + lines.len - run.p);
		if (hand_on(f, run, err) < 0)
			return -1;
	}
	return enough(f);
}
