#include "extract.h"

#include "clock.h"
#include "extract_spec.h"
#include "json.h"
#include "line.h"

#include <inttypes.h>

/* What an event's extraction needs on its way. */
struct job {
	struct dl_extract *x;
	const struct extract_template *t;
	const struct dl_event *ev;
	int64_t element; /* its index in the list of `each`; -1: no list */
	struct dl_buf *out;
	size_t start;     /* out's length before the event */
	int64_t observed; /* of the list */
	bool listed;      /* it came */
	const char *code; /* of the dead letter, if it fails */
	struct dl_err *err;
};

/* "extract.yaml:7: 'mag': " goes before the message. */
static int
fail_expr(struct job *j, const struct extract_expr *e, const char *code)
{
	j->code = code;
	dl_err_prefix(
	    j->err, "%s:%d: '%s'", dl_conf_path(j->x->conf), e->line, e->key);
	return -1;
}

/* The same for what is said of the template as a whole. */
static int
fail_template(struct job *j, const char *code)
{
	j->code = code;
	dl_err_prefix(j->err, "%s:%d", dl_conf_path(j->x->conf), j->t->line);
	return -1;
}

/* The value of an expression: 1, 0 none, -1. */
static int
evaluate(struct job *j, struct dl_expr_set *set, const struct extract_expr *e,
    struct dl_span *value)
{
	int r = dl_expr_first(set, e->number, value, j->err);

	return r < 0 ? fail_expr(j, e, "program") : r;
}

static int
applies(struct job *j)
{
	enum dl_json_kind kind;
	struct dl_span v;
	int r;

	if (j->t->when.key == NULL)
		return 1;
	if ((r = evaluate(j, j->t->set, &j->t->when, &v)) <= 0)
		return r;
	kind = dl_json_kind(v);
	return kind != DL_JSON_NULL && kind != DL_JSON_FALSE;
}

/*
 * The text of a scalar: a string's, decoded; a number or boolean as it stands.
 * x->text has room for it, so that spans of it stay where they are.
 */
static int
scalar_text(struct job *j, struct dl_span v, struct dl_span *text)
{
	switch (dl_json_kind(v)) {
	case DL_JSON_STRING:
		return dl_json_string(v, &j->x->text, text);
	case DL_JSON_NUMBER:
	case DL_JSON_TRUE:
	case DL_JSON_FALSE:
		*text = v;
		return 0;
	default:
		return -1;
	}
}

/* Say what stands where another kind of value was expected. */
static int
fail_value(struct job *j, const struct extract_expr *e, const char *code, int r,
    struct dl_span v, const char *expected)
{
	if (r == 0)
		dl_err_data(j->err, "no value, expected %s", expected);
	else
		dl_err_data(j->err, "%.*s is not %s",
		    v.len > 60 ? 60 : (int)v.len, v.p, expected);
	return fail_expr(j, e, code);
}

static int
take_component(
    struct job *j, const struct extract_expr *e, struct dl_span v, int r)
{
	struct dl_span *to = &j->x->observation.subject;

	if (e->key == NULL) {
		*to = j->ev->subject;
		if (to->p != NULL)
			return 0;
		dl_err_data(j->err,
		    "the event has no subject, and template '%s' no "
		    "'component'",
		    j->t->name);
		return fail_template(j, "component");
	}
	if (r == 0 || scalar_text(j, v, to) < 0 || to->len == 0)
		return fail_value(j, e, "component", r, v,
		    "a component: a string that is not empty, a number or a "
		    "boolean");
	return 0;
}

static int
take_time(struct job *j, const struct extract_expr *e, struct dl_span v, int r,
    struct dl_time *time)
{
	struct dl_span text = j->ev->time;

	if (e->key == NULL) {
		if (text.p == NULL)
			dl_err_data(j->err,
			    "the event has no time, and template '%s' no "
			    "'time'",
			    j->t->name);
		else if (dl_time_parse(text, time, j->err) == 0)
			return 0;
		else
			dl_err_prefix(j->err,
			    "the event's time, for template '%s'", j->t->name);
		return fail_template(j, "time");
	}
	if (r == 0 || scalar_text(j, v, &text) < 0)
		return fail_value(j, e, "time", r, v, "a time");
	if (dl_time_parse_as(text, j->t->time_format, time, j->err) < 0)
		return fail_expr(j, e, "time");
	return 0;
}

/* Set the observation's subject and time. */
static int
take_key(struct job *j, char stamp[DL_TIME_MAX])
{
	const struct extract_template *t = j->t;
	struct dl_span component = {0}, when = {0};
	struct dl_time time;
	int has_component = 0, has_time = 0;

	if (t->component.key != NULL)
		has_component = evaluate(j, t->set, &t->component, &component);
	if (has_component >= 0 && t->time.key != NULL)
		has_time = evaluate(j, t->set, &t->time, &when);
	if (has_component < 0 || has_time < 0)
		return -1;
	dl_buf_clear(&j->x->text);
	dl_buf_room(&j->x->text, component.len + when.len);
	if (take_component(j, &t->component, component, has_component) < 0 ||
	    take_time(j, &t->time, when, has_time, &time) < 0)
		return -1;
	j->x->observation.time = dl_span(stamp, dl_time_print(&time, stamp));
	return 0;
}

/* ID:TEMPLATE, or ID:TEMPLATE.n */
static void
set_id(struct job *j)
{
	struct dl_buf *id = &j->x->id;

	dl_buf_clear(id);
	dl_buf_span(id, j->ev->id);
	dl_buf_addc(id, ':');
	dl_buf_adds(id, j->t->name);
	if (j->element >= 0)
		dl_buf_printf(id, ".%" PRId64, j->element);
	j->x->observation.id = dl_buf_as_span(id);
}

/* Append the members of data; returns how many, or -1. */
static int64_t
put_metrics(struct job *j)
{
	const struct extract_template *t = j->t;
	struct dl_span v;
	int64_t n = 0;
	int r;

	for (size_t i = 0; i < t->nmetrics; i++) {
		r = evaluate(j, t->set, &t->metrics[i].expr, &v);
		if (r < 0)
			return -1;
		if (r == 0 ||
		    (!t->keep_nulls && dl_json_kind(v) == DL_JSON_NULL))
			continue;
		dl_buf_addc(j->out, n++ == 0 ? '{' : ',');
		dl_buf_span(j->out, dl_buf_as_span(&t->metrics[i].name));
		dl_buf_span(j->out, v);
	}
	return n;
}

static int
check_size(struct job *j, size_t line)
{
	if (line > DL_LINE_MAX)
		dl_err_data(j->err,
		    "an observation of template '%s' has %zu bytes, at most "
		    "%d are taken",
		    j->t->name, line, DL_LINE_MAX);
	else if (j->out->len - j->start > DL_EXTRACT_MAX)
		dl_err_data(j->err,
		    "the observations of one event have, by template '%s', "
		    "more than %d bytes",
		    j->t->name, DL_EXTRACT_MAX);
	else
		return 0;
	return fail_template(j, "too-long");
}

/* The template's one observation of '.': 1, 0 none, -1. */
static int
observe(struct job *j)
{
	size_t start = j->out->len;
	char stamp[DL_TIME_MAX];
	int64_t n;
	int r;

	if ((r = applies(j)) <= 0)
		return r;
	if (take_key(j, stamp) < 0)
		return -1;
	set_id(j);
	dl_event_head(j->out, &j->x->observation);
	if ((n = put_metrics(j)) <= 0) {
		j->out->len = start;
		return (int)n;
	}
	dl_buf_addc(j->out, '}');
	dl_event_tail(j->out);
	return check_size(j, j->out->len - start) < 0 ? -1 : 1;
}

/* One observation for each element of the list, or none of null. */
static int
observe_list(struct job *j, struct dl_span list)
{
	const struct extract_expr *e = &j->t->each;
	struct dl_event element = *j->ev;
	struct dl_json_iter it;
	int r;

	if (dl_json_kind(list) == DL_JSON_NULL)
		return 0;
	if (dl_json_kind(list) != DL_JSON_ARRAY)
		return fail_value(j, e, "each", 1, list, "a list");
	/* Without a line, $event is made of the copy: its data, the element. */
	if (j->t->wants_event)
		element.line = (struct dl_span){0};
	dl_json_enter(&it, list);
	for (j->element = 0; (r = dl_json_element(&it, &element.data)) > 0;
	     j->element++) {
		if (dl_expr_run(j->t->set, &element, j->err) < 0)
			return fail_expr(j, e, "json");
		if ((r = observe(j)) < 0)
			return -1;
		j->observed += r;
	}
	if (r < 0) {
		dl_err_data(j->err, "the JSON is broken");
		return fail_expr(j, e, "json");
	}
	return 0;
}

/* What `each` gave: nothing may follow its list, .items[] is not .items. */
static int
take_list(void *arg, struct dl_span list)
{
	struct job *j = arg;

	if (j->listed) {
		dl_err_data(j->err, "more than one value, expected one list");
		return fail_expr(j, &j->t->each, "each");
	}
	j->listed = true;
	return observe_list(j, list) < 0 ? -1 : 0;
}

/* One observation for each element of the list: how many, or -1. */
static int64_t
observe_each(struct job *j)
{
	const struct extract_expr *e = &j->t->each;

	j->observed = 0;
	j->listed = false;
	j->code = NULL;
	if (dl_expr_each(j->x->shared, e->number, take_list, j, j->err) == 0)
		return j->observed;
	return j->code != NULL ? -1 : fail_expr(j, e, "program");
}

/* dlsteps with ours: events of one source have one, so it is kept. */
static struct dl_span
steps_of(struct dl_extract *x, const struct dl_event *ev)
{
	if (x->steps.len == 0 ||
	    !dl_span_eq(ev->steps, dl_buf_as_span(&x->steps_before))) {
		dl_buf_clear(&x->steps);
		dl_buf_clear(&x->steps_before);
		dl_buf_span(&x->steps_before, ev->steps);
		dl_event_step(
		    &x->steps, ev->steps, x->step, dl_conf_bytes(x->conf));
	}
	return dl_buf_as_span(&x->steps);
}

int64_t
dl_extract_event(struct dl_extract *x, const struct dl_event *ev,
    struct dl_buf *out, const char **code, struct dl_err *err)
{
	struct job j = {
	    .x = x, .ev = ev, .out = out, .start = out->len, .err = err};
	int64_t n = 0, r;

	*code = "json";
	if (dl_expr_run(x->shared, ev, err) < 0)
		return -1;
	x->observation = *ev;
	x->observation.type = DL_SPAN(DL_TYPE_OBSERVATION);
	x->observation.steps = steps_of(x, ev);
	for (size_t i = 0; i < x->ntemplates; i++) {
		j.t = &x->templates[i];
		j.element = -1;
		r = j.t->each.key == NULL ? observe(&j) : observe_each(&j);
		if (r < 0) {
			out->len = j.start;
			*code = j.code;
			return -1;
		}
		n += r;
	}
	return n;
}
