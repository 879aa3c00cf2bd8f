#include "serve_put.h"

#include "event.h"
#include "json.h"

#include <stdlib.h>

struct dl_serve_put *
dl_serve_put_new(struct dl_buf *body)
{
	struct dl_serve_put *put = dl_calloc(1, sizeof(*put));
	struct dl_time now;

	put->body = *body;
	*body = (struct dl_buf){0};
	dl_now(&now);
	dl_time_print(&now, put->now);
	return put;
}

void
dl_serve_put_free(struct dl_serve_put *put)
{
	if (put == NULL)
		return;
	dl_buf_release(&put->body);
	dl_buf_release(&put->text);
	dl_buf_release(&put->words);
	free(put->events);
	free(put->metrics);
	free(put);
}

size_t
dl_serve_put_bytes(const struct dl_serve_put *put)
{
	return sizeof(*put) + put->body.cap + put->text.cap + put->words.cap +
	       put->events_cap * sizeof(*put->events) +
	       put->metrics_cap * sizeof(*put->metrics);
}

/* Whole characters alone, and not too many. */
void
dl_serve_put_refuse(struct dl_serve_put *put, struct dl_serve_event *e,
    const char *code, const char *why)
{
	struct dl_span s = dl_span_str(why);

	if (s.len > DL_SERVE_WHY_MAX)
		for (s.len = DL_SERVE_WHY_MAX; (s.p[s.len] & 0xc0) == 0x80;)
			s.len--;
	for (int i = 0; i < 3 && s.len > 0 && !dl_utf8_valid(s); i++)
		s.len--; /* the message was cut itself */
	if (!dl_utf8_valid(s))
		s = DL_SPAN("it has bytes that are not UTF-8");
	e->code = code;
	e->why = put->words.len;
	e->why_len = s.len;
	dl_buf_span(&put->words, s);
	put->undecided -= e->nmetrics;
	e->nmetrics = 0;
}

static struct dl_serve_event *
add_event(struct dl_serve_put *put)
{
	struct dl_serve_event *e;

	if (put->nevents == put->events_cap) {
		put->events_cap =
		    put->events_cap == 0 ? 16 : 2 * put->events_cap;
		put->events = dl_realloc(
		    put->events, put->events_cap * sizeof(*put->events));
	}
	e = &put->events[put->nevents++];
	*e = (struct dl_serve_event){.put = put, .first = put->nmetrics};
	return e;
}

static struct dl_serve_metric *
add_metric(struct dl_serve_put *put)
{
	struct dl_serve_metric *m;

	if (put->nmetrics == put->metrics_cap) {
		put->metrics_cap =
		    put->metrics_cap == 0 ? 64 : 2 * put->metrics_cap;
		put->metrics = dl_realloc(
		    put->metrics, put->metrics_cap * sizeof(*put->metrics));
	}
	m = &put->metrics[put->nmetrics++];
	*m = (struct dl_serve_metric){0};
	return m;
}

/*
 * What was decoded is the parser's only until the next event.  text has had
 * room for it from the start.
 */
static struct dl_span
keep(struct dl_serve_put *put, struct dl_span s)
{
	size_t start = put->text.len;

	if (s.p == NULL ||
	    (s.p >= put->body.p && s.p < put->body.p + put->body.len))
		return s;
	dl_buf_span(&put->text, s);
	return dl_span(put->text.p + start, s.len);
}

/* Data's members, each of which is to be written. */
static int
take_metrics(struct dl_serve_put *put, struct dl_serve_event *e,
    const struct dl_rights *rights, struct dl_err *err)
{
	struct dl_json_iter it;
	struct dl_span key, value;
	struct dl_serve_metric *m;

	dl_json_enter(&it, e->data);
	while (dl_json_member(&it, &key, &value) > 0) {
		if (e->nmetrics == DL_TWIN_METRICS_MAX)
			return dl_err_data(err,
			    "an observation of more than %d metrics",
			    DL_TWIN_METRICS_MAX);
		m = add_metric(put);
		m->value = value;
		e->nmetrics++;
		put->undecided++;
		if (dl_json_text(key, &put->text, &m->name) < 0)
			return dl_err_data(
			    err, "the name of a metric has a broken escape");
		if (!dl_rights_metric(
			rights, DL_RIGHT_WRITE, e->subject, m->name))
			return dl_err_denied(err,
			    "metric '%.*s' of '%.*s' is not yours to write",
			    DL_SPAN_ARG(m->name), DL_SPAN_ARG(e->subject));
	}
	return 0;
}

static void
take_attributes(struct dl_serve_put *put, struct dl_serve_event *e,
    const struct dl_event *ev)
{
	e->id = keep(put, ev->id);
	e->source = keep(put, ev->source);
	e->subject = keep(put, ev->subject);
	e->time = keep(put, ev->time);
	e->sequence = keep(put, ev->sequence);
	e->data = ev->data;
	e->recordedtime = ev->recordedtime.p == NULL
	                      ? dl_span_str(put->now)
	                      : keep(put, ev->recordedtime);
}

/* One event, whole: JSON first, so that all that is said of it is text. */
static void
take_event(struct dl_serve_put *put, struct dl_event *ev, struct dl_span text,
    const struct dl_rights *rights)
{
	struct dl_serve_event *e = add_event(put);
	struct dl_err why;

	dl_err_clear(&why);
	if (text.len > DL_SERVE_EVENT_MAX)
		dl_err_data(&why, "an event of %zu bytes, at most %d are taken",
		    text.len, DL_SERVE_EVENT_MAX);
	if (why.status != DL_EXIT_OK || dl_json_check(text, &why) < 0 ||
	    dl_event_parse(ev, text, &why) < 0) {
		dl_serve_put_refuse(put, e, "invalid", why.msg);
		return;
	}
	take_attributes(put, e, ev);
	if (dl_twin_observation(ev, &e->instant, &why) < 0 ||
	    take_metrics(put, e, rights, &why) < 0)
		dl_serve_put_refuse(put, e,
		    why.status == DL_EXIT_DENIED ? "forbidden" : "observation",
		    why.msg);
}

static int
too_many(struct dl_err *err)
{
	return dl_err_usage(
	    err, "more than %d events in one request", DL_SERVE_EVENTS_MAX);
}

static bool
is_blank(struct dl_span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] != ' ' && s.p[i] != '\t' && s.p[i] != '\r')
			return false;
	return true;
}

static int
split_lines(struct dl_serve_put *put, struct dl_event *ev,
    const struct dl_rights *rights, struct dl_err *err)
{
	const char *p = put->body.p,
		   *end = dl_span_end(dl_span(p, put->body.len));

	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		struct dl_span line;

		line = dl_span(p, (size_t)((nl == NULL ? end : nl) - p));
		p = nl == NULL ? end : nl + 1;
		if (is_blank(line))
			continue;
		if (put->nevents == DL_SERVE_EVENTS_MAX)
			return too_many(err);
		take_event(put, ev, line, rights);
	}
	return 0;
}

static int
split_array(struct dl_serve_put *put, struct dl_event *ev,
    const struct dl_rights *rights, struct dl_err *err)
{
	struct dl_json_iter it;
	struct dl_span whole, element;
	int r;

	if (dl_json_value(dl_buf_as_span(&put->body), &whole) < 0 ||
	    dl_json_kind(whole) != DL_JSON_ARRAY)
		return dl_err_data(err, "expected one JSON array of events");
	dl_json_enter(&it, whole);
	while ((r = dl_json_element(&it, &element)) > 0) {
		if (put->nevents == DL_SERVE_EVENTS_MAX)
			return too_many(err);
		take_event(put, ev, element, rights);
	}
	return r < 0 ? dl_err_data(err,
			   "the array's JSON is broken after %zu "
			   "events",
			   put->nevents)
	             : 0;
}

int
dl_serve_put_split(struct dl_serve_put *put, enum dl_serve_form form,
    const struct dl_rights *rights, struct dl_err *err)
{
	struct dl_event ev = {0};
	int r = 0;

	if (put->body.len > 0 &&
	    memchr(put->body.p, '\\', put->body.len) != NULL)
		dl_buf_room(&put->text, put->body.len);
	switch (form) {
	case DL_SERVE_NDJSON:
		r = split_lines(put, &ev, rights, err);
		break;
	case DL_SERVE_BATCH:
		r = split_array(put, &ev, rights, err);
		break;
	case DL_SERVE_SINGLE:
		take_event(put, &ev, dl_buf_as_span(&put->body), rights);
		break;
	}
	dl_event_release(&ev);
	return r;
}

static void
print_metrics(const struct dl_serve_put *put, const struct dl_serve_event *e,
    struct dl_buf *b)
{
	dl_buf_adds(b, "\"verdict\":\"accepted\",\"metrics\":{");
	for (size_t i = 0; i < e->nmetrics; i++) {
		const struct dl_serve_metric *m = &put->metrics[e->first + i];

		if (i > 0)
			dl_buf_addc(b, ',');
		dl_json_quote(b, m->name);
		dl_buf_addc(b, ':');
		dl_json_quote(b, dl_span_str(dl_twin_verdict_name(m->verdict)));
	}
	dl_buf_addc(b, '}');
}

static void
print_event(const struct dl_serve_put *put, const struct dl_serve_event *e,
    struct dl_buf *b)
{
	dl_buf_addc(b, '{');
	if (e->id.p != NULL) {
		dl_buf_adds(b, "\"id\":");
		dl_json_quote(b, e->id);
		dl_buf_adds(b, ",\"source\":");
		dl_json_quote(b, e->source);
		dl_buf_addc(b, ',');
	}
	if (e->code == NULL) {
		print_metrics(put, e, b);
	} else {
		dl_buf_printf(b,
		    "\"verdict\":\"refused\",\"code\":\"%s\",\"error\":",
		    e->code);
		dl_json_quote(b, dl_span(put->words.p + e->why, e->why_len));
	}
	dl_buf_addc(b, '}');
}

void
dl_serve_put_print(const struct dl_serve_put *put, struct dl_buf *b)
{
	dl_buf_adds(b, "{\"verdicts\":[");
	for (size_t i = 0; i < put->nevents; i++) {
		if (i > 0)
			dl_buf_addc(b, ',');
		print_event(put, &put->events[i], b);
	}
	dl_buf_adds(b, "]}\n");
}
