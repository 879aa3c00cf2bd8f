#include "lake_prune.h"

#include "partition.h"

void
dl_lake_prune_release(struct dl_lake_prune *p)
{
	dl_buf_release(&p->value);
}

bool
dl_lake_prune_timed(const struct dl_lake_query *q)
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
time_may_match(
    struct dl_lake_prune *p, struct dl_span key, struct dl_span value)
{
	bool dt = dl_span_is(key, "dt");
	int hour;

	if (!dt && !dl_span_is(key, "hour"))
		return true;
	if (dl_span_is(value, DL_PARTITION_DEFAULT))
		return !dl_lake_prune_timed(p->query);
	if (dt) {
		p->has_dt = parse_day(value, &p->dt);
		return !p->has_dt || may_overlap(p->query, p->dt.sec, 86400);
	}
	if (!p->has_dt || !parse_hour(value, &hour))
		return true;
	return may_overlap(p->query, p->dt.sec + hour * 3600, 3600);
}

static bool
where_may_match(
    struct dl_lake_prune *p, struct dl_span key, struct dl_span value)
{
	const struct dl_lake_where *where = p->query->where;
	size_t i;

	for (i = 0; i < p->query->nwhere; i++) {
		if (!dl_span_eq(where[i].key, key))
			continue;
		dl_buf_clear(&p->value);
		dl_partition_decode(&p->value, value);
		if (!dl_span_eq(where[i].value, dl_buf_as_span(&p->value)))
			return false;
		p->met |= 1u << i;
	}
	return true;
}

/* Must this component of a path be read? */
static bool
component_may_match(struct dl_lake_prune *p, struct dl_span name)
{
	const char *eq = memchr(name.p, '=', name.len);
	struct dl_span key, value;

	if (eq == NULL)
		return true;
	key = dl_span(name.p, (size_t)(eq - name.p));
	value = dl_span(eq + 1, name.len - key.len - 1);
	return where_may_match(p, key, value) && time_may_match(p, key, value);
}

bool
dl_lake_prune_dir(struct dl_lake_prune *p, const char *dir)
{
	const char *end;

	p->has_dt = false;
	p->met = 0;
	for (;; dir = end + 1) {
		end = strchrnul(dir, '/');
		if (!component_may_match(p, dl_span(dir, (size_t)(end - dir))))
			return false;
		if (*end == '\0')
			return true;
	}
}

bool
dl_lake_prune_entry(
    const struct dl_lake_query *q, const struct dl_lake_entry *e, uint64_t size)
{
	if (e == NULL || !e->timed || e->bytes != size)
		return true;
	if (q->has_since && dl_time_cmp(&e->last, &q->since) < 0)
		return false;
	return !q->has_until || dl_time_cmp(&e->first, &q->until) < 0;
}
