#include "source_wrap.h"

#include "json.h"

static int
compile(struct dl_source_wrap *w, const char *program, const char *where,
    struct dl_err *err)
{
	struct dl_expr_options options = {.name = where};

	if (program == NULL)
		return -1;
	if (w->set == NULL)
		w->set = dl_expr_set_new();
	return dl_expr_add(w->set, program, &options, err);
}

int
dl_source_wrap_init(struct dl_source_wrap *w, const struct dl_source_spec *spec,
    struct dl_err *err)
{
	*w = (struct dl_source_wrap){.spec = spec};
	w->ev.source = dl_span_str(spec->name);
	w->ev.type = DL_SPAN(DL_TYPE_RECORD);
	w->subject = compile(w, spec->subject, spec->subject_where, err);
	if (w->subject < 0 && spec->subject != NULL)
		return -1;
	w->time = compile(w, spec->time, spec->time_where, err);
	if (w->time < 0 && spec->time != NULL)
		return -1;
	dl_source_wrap_now(w);
	return 0;
}

void
dl_source_wrap_release(struct dl_source_wrap *w)
{
	dl_expr_set_free(w->set);
	dl_event_release(&w->ev);
	dl_buf_release(&w->subject_text);
	dl_buf_release(&w->time_text);
	dl_buf_release(&w->data);
	dl_buf_release(&w->content_type);
	dl_buf_release(&w->base64);
	*w = (struct dl_source_wrap){0};
}

void
dl_source_wrap_now(struct dl_source_wrap *w)
{
	size_t len;

	dl_now(&w->now);
	len = dl_time_print(&w->now, w->at);
	w->ev.recordedtime = dl_span(w->at, len);
}

void
dl_source_wrap_time(struct dl_source_wrap *w, const struct dl_time *t, bool is)
{
	w->named = dl_span(w->named_text, dl_time_print(t, w->named_text));
	if (is)
		w->ev.time = w->named;
}

/*
 * The text of expression n: a string's, decoded into scratch, or a number's
 * bytes.  1, 0 for null or nothing, -1; *code is set where it is the program
 * that failed.
 */
static int
text_of(struct dl_source_wrap *w, int n, const char *where,
    struct dl_buf *scratch, struct dl_span *text, const char **code,
    struct dl_err *err)
{
	struct dl_span value;
	int r = dl_expr_first(w->set, n, &value, err);

	if (r < 0) {
		*code = "program";
		dl_err_prefix(err, "%s", where);
	}
	if (r <= 0)
		return r;
	switch (dl_json_kind(value)) {
	case DL_JSON_NULL:
		return 0;
	case DL_JSON_NUMBER:
		*text = value;
		return 1;
	case DL_JSON_STRING:
		dl_buf_clear(scratch);
		if (dl_json_string(value, scratch, text) == 0)
			return 1;
		/* FALLTHROUGH */
	default:
		return dl_err_data(
		    err, "%s gives neither a string nor a number", where);
	}
}

static int
find_subject(struct dl_source_wrap *w, const char **code, struct dl_err *err)
{
	struct dl_span text;
	int r;

	*code = "subject";
	r = text_of(w, w->subject, w->spec->subject_where, &w->subject_text,
	    &text, code, err);
	if (r < 0)
		return -1;
	if (r == 0 || text.len == 0) {
		if (w->spec->only_changed)
			return dl_err_data(err,
			    "%s gives nothing, and only_changed tells items "
			    "apart by it",
			    w->spec->subject_where);
		return 0;
	}
	if (text.len > DL_SOURCE_SUBJECT_MAX)
		return dl_err_data(err, "%s gives more than %d bytes",
		    w->spec->subject_where, DL_SOURCE_SUBJECT_MAX);
	w->ev.subject = text;
	return 0;
}

static int
find_time(struct dl_source_wrap *w, const char **code, struct dl_err *err)
{
	struct dl_span text;
	struct dl_time t;
	int r;

	*code = "time";
	r = text_of(
	    w, w->time, w->spec->time_where, &w->time_text, &text, code, err);
	if (r < 0)
		return -1;
	if (r == 0)
		return dl_err_data(
		    err, "%s gives nothing", w->spec->time_where);
	if (dl_time_parse_as(text, w->spec->time_format, &t, err) < 0) {
		dl_err_prefix(err, "%s", w->spec->time_where);
		return -1;
	}
	w->ev.time = dl_span(w->when, dl_time_print(&t, w->when));
	return 0;
}

void
dl_source_wrap_type(struct dl_source_wrap *w, const char *type)
{
	struct dl_span text = dl_span_str(type);

	if (text.len == 0 || !dl_utf8_valid(text))
		text = DL_SPAN("application/octet-stream");
	dl_buf_clear(&w->content_type);
	dl_buf_adds(&w->content_type, "\"datacontenttype\":");
	dl_json_quote(&w->content_type, text);
}

/* CloudEvents has bytes that are not JSON in a member of their own. */
static void
wrap_raw(struct dl_source_wrap *w, struct dl_span item)
{
	struct dl_event *ev = &w->ev;

	dl_buf_clear(&w->base64);
	dl_buf_adds(&w->base64, "\"data_base64\":");
	dl_buf_span(&w->base64, item);
	ev->data = (struct dl_span){0};
	ev->extra[0] = dl_buf_as_span(&w->content_type);
	ev->extra[1] = dl_buf_as_span(&w->base64);
	ev->nextra = 2;
}

int
dl_source_wrap_item(struct dl_source_wrap *w, struct dl_span item,
    const char **code, struct dl_err *err)
{
	struct dl_event *ev = &w->ev;

	ev->id = ev->subject = w->named = (struct dl_span){0};
	ev->time = ev->recordedtime;
	if (w->spec->format == DL_ITEMS_RAW) {
		wrap_raw(w, item);
		return 0;
	}
	if (!dl_json_is_compact(item)) {
		dl_buf_clear(&w->data);
		dl_json_compact(&w->data, item);
		item = dl_buf_as_span(&w->data);
	}
	ev->data = item;
	if (w->set == NULL)
		return 0;
	*code = "json";
	if (dl_expr_run(w->set, ev, err) < 0 ||
	    (w->subject >= 0 && find_subject(w, code, err) < 0) ||
	    (w->time >= 0 && find_time(w, code, err) < 0))
		return -1;
	return 0;
}

void
dl_source_wrap_name(struct dl_source_wrap *w)
{
	struct dl_span data = w->ev.data, time = w->ev.time;

	/* What tells a raw document from others of its time. */
	if (w->spec->format == DL_ITEMS_RAW)
		w->ev.data = dl_buf_as_span(&w->base64);
	if (w->named.p != NULL)
		w->ev.time = w->named;
	dl_event_id(w->id, &w->ev);
	w->ev.data = data;
	w->ev.time = time;
	w->ev.id = dl_span(w->id, DL_ID_LEN);
}
