#include "json.h"
#include "twin_private.h"

/* Eight bytes of printable ASCII, and nothing else? */
static inline bool
is_plain_word(const char *p)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t w;

	memcpy(&w, p, sizeof(w));
	return (((w - ones * 0x20) | (w + ones)) & ones * 0x80) == 0;
}

/* The same of a text; most are. */
static inline bool
is_plain(struct dl_span s)
{
	size_t i = 0;

	if (s.len >= 8) {
		for (; i + 8 < s.len; i += 8)
			if (!is_plain_word(s.p + i))
				return false;
		return is_plain_word(s.p + s.len - 8);
	}
	while (i < s.len && s.p[i] >= 0x20 && s.p[i] < 0x7f)
		i++;
	return i == s.len;
}

static int
bad_name(struct dl_err *err, const char *what, struct dl_span name)
{
	const unsigned char *p = (const unsigned char *)name.p;

	if (name.len == 0)
		return dl_err_data(err, "the name of %s is empty", what);
	if (name.len > DL_TWIN_KEY_MAX)
		return dl_err_data(err,
		    "the name of %s has %zu bytes; "
		    "component and metric have at most %d together",
		    what, name.len, DL_TWIN_KEY_MAX);
	if (is_plain(name))
		return 0;
	for (size_t i = 0; i < name.len; i++)
		if (p[i] < 0x20 || p[i] == 0x7f)
			return dl_err_data(err,
			    "the name of %s has a control "
			    "character: '%.*s'",
			    what, DL_SPAN_ARG(name));
	if (!dl_utf8_valid(name))
		return dl_err_data(
		    err, "the name of %s is not valid UTF-8", what);
	return 0;
}

static int
bad_text(struct dl_err *err, const char *what, struct dl_span text)
{
	if (text.len > DL_TWIN_TEXT_MAX)
		return dl_err_data(err, "%s has %zu bytes, at most %d are kept",
		    what, text.len, DL_TWIN_TEXT_MAX);
	if (!is_plain(text) && !dl_utf8_valid(text))
		return dl_err_data(err, "%s is not valid UTF-8", what);
	return 0;
}

/* Find out o's recordedtime; most are that of the one before. */
static void
take_recordedtime(struct dl_twin *t, struct dl_twin_obs *o)
{
	struct dl_span text = o->recordedtime;

	if (text.len == 0 || text.len >= sizeof(t->recorded_text))
		return;
	if (!dl_span_eq(text, dl_span(t->recorded_text, t->recorded_len))) {
		t->recorded_len = 0;
		if (!dl_twin_printed_time(text, &t->recorded))
			return;
		memcpy(t->recorded_text, text.p, text.len);
		t->recorded_len = text.len;
	}
	o->is_instant = true;
	o->recorded = t->recorded;
}

int
dl_twin_observation(
    const struct dl_event *ev, struct dl_time *time, struct dl_err *err)
{
	if (dl_event_is(ev, DL_TYPE_RECORD))
		return dl_err_data(err,
		    "a dl.record is not an observation: "
		    "dl-extract makes observations of records");
	if (!dl_event_is(ev, DL_TYPE_OBSERVATION))
		return dl_err_data(err, "type '%.*s' is not dl.observation",
		    DL_SPAN_ARG(ev->type));
	if (ev->subject.p == NULL)
		return dl_err_data(err, "an observation without a subject, "
					"which is its component");
	if (ev->time.p == NULL)
		return dl_err_data(err, "an observation without a time");
	if (ev->data.p == NULL || dl_json_kind(ev->data) != DL_JSON_OBJECT)
		return dl_err_data(err, "an observation's data must be an "
					"object of metrics");
	if (dl_time_parse(ev->time, time, err) < 0)
		return -1;
	if (!dl_twin_time_ok(time))
		return dl_err_data(err,
		    "time '%.*s' is not in the years 0 to "
		    "9999",
		    DL_SPAN_ARG(ev->time));
	return 0;
}

/* What is the same for all metrics of ev. */
static int
check_event(struct dl_twin *t, const struct dl_event *ev, struct dl_twin_obs *o,
    struct dl_err *err)
{
	*o = (struct dl_twin_obs){.sequence = ev->sequence,
	    .id = ev->id,
	    .source = ev->source,
	    .recordedtime = ev->recordedtime};
	if (dl_twin_observation(ev, &o->time, err) < 0)
		return -1;
	if (bad_name(err, "a component", ev->subject) < 0 ||
	    bad_text(err, "id", o->id) < 0 ||
	    bad_text(err, "source", o->source) < 0 ||
	    bad_text(err, "sequence", o->sequence) < 0 ||
	    bad_text(err, "recordedtime", o->recordedtime) < 0)
		return -1;
	take_recordedtime(t, o);
	return 0;
}

/* A number without an exponent, as most values are? */
static bool
is_plain_number(struct dl_span s)
{
	const char *p = s.p, *end = s.p + s.len, *first;

	if (p < end && *p == '-')
		p++;
	for (first = p; p < end && *p >= '0' && *p <= '9';)
		p++;
	if (p == first || (*first == '0' && p - first > 1))
		return false;
	if (p == end)
		return true;
	if (*p != '.')
		return false;
	for (first = ++p; p < end && *p >= '0' && *p <= '9';)
		p++;
	return p == end && p > first;
}

static int
check_value(const struct dl_twin_metric *m, struct dl_err *err)
{
	struct dl_err why;

	dl_err_clear(&why);
	if (dl_json_check(m->value, &why) == 0)
		return 0;
	return dl_err_data(
	    err, "metric '%.*s': %s", DL_SPAN_ARG(m->name), why.msg);
}

static int
check_metric(struct dl_span component, const struct dl_twin_metric *m,
    struct dl_err *err)
{
	if (bad_name(err, "a metric", m->name) < 0)
		return -1;
	if (component.len + m->name.len > DL_TWIN_KEY_MAX)
		return dl_err_data(err,
		    "component and metric have %zu bytes "
		    "together, at most %d are allowed: '%.*s'",
		    component.len + m->name.len, DL_TWIN_KEY_MAX,
		    DL_SPAN_ARG(m->name));
	if (m->value.len > DL_TWIN_VALUE_MAX)
		return dl_err_data(err,
		    "metric '%.*s': its value has %zu "
		    "bytes, at most %d are kept",
		    DL_SPAN_ARG(m->name), m->value.len, DL_TWIN_VALUE_MAX);
	return is_plain_number(m->value) ? 0 : check_value(m, err);
}

/* Take data's members into t->metrics; returns how many, or -1. */
static int
collect(struct dl_twin *t, const struct dl_event *ev, struct dl_err *err)
{
	struct dl_json_iter it;
	struct dl_span key, value;
	int n = 0, r;

	if (t->metrics == NULL)
		t->metrics =
		    dl_calloc(DL_TWIN_METRICS_MAX, sizeof(*t->metrics));
	/* Decoded names take no more room, so that spans of them stay. */
	dl_buf_clear(&t->names);
	dl_buf_room(&t->names, ev->data.len);
	dl_json_enter(&it, ev->data);
	while ((r = dl_json_member(&it, &key, &value)) > 0) {
		struct dl_twin_metric *m = &t->metrics[n];

		if (n++ == DL_TWIN_METRICS_MAX)
			return dl_err_data(err,
			    "an observation of more than "
			    "%d metrics",
			    DL_TWIN_METRICS_MAX);
		m->value = value;
		if (dl_json_text(key, &t->names, &m->name) < 0)
			return dl_err_data(err,
			    "the name of a metric has a "
			    "broken escape: '%.*s'",
			    DL_SPAN_ARG(key));
		if (check_metric(ev->subject, m, err) < 0)
			return -1;
	}
	if (r < 0)
		return dl_err_data(err, "an observation's data is not a valid "
					"object");
	return n;
}

/* t->now is read again only when a time is ahead of it. */
static bool
is_future(struct dl_twin *t, const struct dl_time *time)
{
	int64_t sec = t->max_future_ms / 1000;
	int32_t nsec = (int32_t)(t->max_future_ms % 1000) * 1000000;

	for (int again = 0; again < 2; again++) {
		struct dl_time most = {t->now.sec, t->now.nsec + nsec, 0};

		if (most.nsec >= 1000000000) {
			most.nsec -= 1000000000;
			most.sec++;
		}
		if (__builtin_add_overflow(most.sec, sec, &most.sec) ||
		    dl_time_cmp(time, &most) <= 0)
			return false;
		if (again == 0)
			dl_now(&t->now);
	}
	return true;
}

static enum dl_twin_put
refuse(struct dl_twin *t, const struct dl_event *ev,
    const struct dl_twin_obs *o, int n, struct dl_err *err)
{
	char time[DL_TIME_MAX];
	struct dl_twin_record rec = {.component = ev->subject,
	    .time = dl_span(time, dl_time_print(&o->time, time)),
	    .instant = o->time,
	    .sequence = ev->sequence,
	    .source = ev->source,
	    .id = ev->id,
	    .recordedtime = ev->recordedtime};

	t->counts[DL_TWIN_FUTURE] += (uint64_t)n;
	for (int i = 0; i < n && t->verdict != NULL; i++) {
		rec.metric = t->metrics[i].name;
		rec.value = t->metrics[i].value;
		if (t->verdict(t->verdict_arg, &rec, DL_TWIN_FUTURE, err) < 0)
			return DL_TWIN_PUT_FAIL;
	}
	dl_err_data(err, "time %.*s is more than %lld ms ahead of the clock",
	    DL_SPAN_ARG(rec.time), (long long)t->max_future_ms);
	return DL_TWIN_PUT_REFUSED;
}

enum dl_twin_put
dl_twin_put(struct dl_twin *t, const struct dl_event *ev, struct dl_err *err)
{
	struct dl_twin_obs o;
	int n;

	if (check_event(t, ev, &o, err) < 0 || (n = collect(t, ev, err)) < 0)
		return DL_TWIN_PUT_BAD;
	if (is_future(t, &o.time))
		return refuse(t, ev, &o, n, err);
	if (dl_twin_batch_full(&t->batch) && dl_twin_commit(t, err) < 0)
		return DL_TWIN_PUT_FAIL;
	t->sorted = false;
	dl_twin_batch_begin(&t->batch, &o, (size_t)n);
	/* From the last on: of two of one name the last counts. */
	for (int i = n; i-- > 0;)
		dl_twin_batch_add(&t->batch, ev->subject, t->metrics[i].name,
		    t->metrics[i].value);
	return DL_TWIN_PUT_OK;
}

size_t
dl_twin_pending(const struct dl_twin *t)
{
	return t->batch.arena.len + t->batch.nstaged * sizeof(*t->batch.staged);
}
