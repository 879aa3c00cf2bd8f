#include "event.h"

#include "json.h"
#include "json_byte.h"

#include <stdlib.h>

/* Our attributes, in the order in which they are written. */
static const struct attr {
	const char *name;
	size_t len;
	size_t offset;    /* of the span in struct dl_event */
	const char *lead; /* what is before its text in a line of ours */
	size_t lead_len;  /* 9 to 17, but for the first */
} attrs[] = {
#define ATTR(name, field) \
	{ \
		name, sizeof(name) - 1, offsetof(struct dl_event, field), \
		    ",\"" name "\":\"", sizeof(name) + 4 \
	}
    ATTR("id", id),
    ATTR("source", source),
    ATTR("type", type),
    ATTR("subject", subject),
    ATTR("time", time),
    ATTR("recordedtime", recordedtime),
    ATTR("sequence", sequence),
    ATTR("dlorigin", origin),
    ATTR("dlsteps", steps),
    ATTR("causationid", causationid),
#undef ATTR
};
#define NATTRS (sizeof(attrs) / sizeof(attrs[0]))

static struct dl_span *
slot(const struct dl_event *ev, const struct attr *a)
{
	return (struct dl_span *)((char *)(uintptr_t)ev + a->offset);
}

void
dl_event_release(struct dl_event *ev)
{
	dl_buf_release(&ev->scratch);
}

/*
 * The attribute of that name.  Lines of ours have them in the order of the
 * table, so the search begins where the last one was found.
 */
static const struct attr *
find(struct dl_span name, size_t *from)
{
	for (size_t i = 0; i < NATTRS; i++) {
		size_t at = *from + i < NATTRS ? *from + i : *from + i - NATTRS;

		if (attrs[at].len == name.len &&
		    memcmp(attrs[at].name, name.p, name.len) == 0) {
			*from = at + 1 < NATTRS ? at + 1 : 0;
			return &attrs[at];
		}
	}
	return NULL;
}

static int
bad(struct dl_err *err, const char *what)
{
	return dl_err_data(err, "not an event: %s", what);
}

static int
take_attr(struct dl_event *ev, const struct attr *a, struct dl_span value,
    struct dl_err *err)
{
	struct dl_span *to = slot(ev, a);

	if (to->p != NULL)
		return dl_err_data(err, "not an event: '%s' twice", a->name);
	if (dl_json_kind(value) == DL_JSON_NULL)
		return 0;
	if (dl_json_string(value, &ev->scratch, to) < 0)
		return dl_err_data(
		    err, "not an event: '%s' is not a string", a->name);
	if (to->len == 0)
		*to = (struct dl_span){0};
	return 0;
}

static int
take_extra(struct dl_event *ev, struct dl_span key, struct dl_span value,
    struct dl_err *err)
{
	if (ev->nextra == DL_EVENT_EXTRA)
		return dl_err_data(err,
		    "not an event: more than %d attributes that are not known",
		    DL_EVENT_EXTRA);
	/* From the name's opening quote to the value's last byte. */
	ev->extra[ev->nextra++] =
	    dl_span(key.p - 1, (size_t)(value.p + value.len - (key.p - 1)));
	return 0;
}

static int
take(struct dl_event *ev, struct dl_span key, struct dl_span value,
    size_t *from, bool *version, struct dl_err *err)
{
	struct dl_span name, text;
	const struct attr *a;

	if (dl_json_text(key, &ev->scratch, &name) < 0)
		return bad(err, "a name with a broken escape");
	if (dl_span_eq(name, DL_SPAN("data"))) {
		if (ev->data.p != NULL)
			return bad(err, "'data' twice");
		ev->data = value;
		return 0;
	}
	if ((a = find(name, from)) != NULL)
		return take_attr(ev, a, value, err);
	if (!dl_span_eq(name, DL_SPAN("specversion")))
		return take_extra(ev, key, value, err);
	if (dl_json_string(value, &ev->scratch, &text) < 0 ||
	    !dl_span_eq(text, DL_SPAN("1.0")))
		return bad(err, "specversion is not \"1.0\"");
	*version = true;
	return 0;
}

static void
reset(struct dl_event *ev, struct dl_span line)
{
	for (size_t i = 0; i < NATTRS; i++)
		*slot(ev, &attrs[i]) = (struct dl_span){0};
	ev->line = line;
	ev->data = (struct dl_span){0};
	ev->nextra = 0;
	dl_buf_clear(&ev->scratch);
}

/*
 * Decoding never makes text longer, so with this room the buffer stays where it
 * is and the spans into it stay good.
 */
static void
make_room(struct dl_event *ev)
{
	if (memchr(ev->line.p, '\\', ev->line.len) != NULL)
		dl_buf_room(&ev->scratch, ev->line.len);
}

/* Past the string without escapes whose text begins at p, or NULL. */
static inline const char *
past_plain(const char *p, const char *end)
{
	size_t i;

	while (end - p >= DL_STEP) {
		i = dl_step_quote(p);
		p += i;
		if (i < DL_STEP)
			return *p == '"' ? p + 1 : NULL;
	}
	for (; p < end && *p != '\\'; p++)
		if (*p == '"')
			return p + 1;
	return NULL;
}

static inline const char *
past_scalar(const char *p, const char *end)
{
	size_t i;

	while (end - p >= DL_STEP) {
		i = dl_step_scalar(p);
		p += i;
		if (i < DL_STEP)
			return p;
	}
	while (p < end && !dl_json_ends_scalar(*p))
		p++;
	return p;
}

/*
 * Past the object at p of strings and scalars, written without white space and
 * escapes, or NULL.
 */
static const char *
past_flat(const char *p, const char *end)
{
	const char *q;

	if (end - p >= 2 && p[1] == '}')
		return p + 2;
	do {
		if (end - ++p < 2 || *p != '"' ||
		    (p = past_plain(p + 1, end)) == NULL || end - p < 2 ||
		    *p++ != ':')
			return NULL;
		q = *p == '"' ? past_plain(p + 1, end) : past_scalar(p, end);
		if (q == NULL || q == p || q == end)
			return NULL;
		p = q;
	} while (*p == ',');
	return *p == '}' ? p + 1 : NULL;
}

/* Does p begin with what is before a's text?  That has 9 to 17 bytes. */
static inline bool
leads(const struct attr *a, const char *p, const char *end)
{
	size_t last = a->lead_len - 8;

	return (size_t)(end - p) >= a->lead_len && memcmp(p, a->lead, 8) == 0 &&
	       p[8] == a->lead[8] && memcmp(p + last, a->lead + last, 8) == 0;
}

/*
 * A line as dl_event_write() makes it, its attributes without escapes and all
 * of them known, its data the last: most are, and need one look at each byte.
 * False: it is none, or not an event at all.
 */
static bool
parse_plain(struct dl_event *ev, struct dl_span line)
{
	static const char start[] = "{\"specversion\":\"1.0\",\"id\":\"";
	const size_t skip = sizeof(start) - 1;
	const char *p = line.p + skip, *end = line.p + line.len, *q;

	if (line.len < skip || memcmp(line.p, start, skip) != 0)
		return false;
	for (size_t i = 0; i < NATTRS; i++) {
		if (i > 0 && !leads(&attrs[i], p, end))
			continue;
		p += i > 0 ? attrs[i].lead_len : 0;
		if ((q = past_plain(p, end)) == NULL)
			return false;
		if (q - p > 1)
			*slot(ev, &attrs[i]) = dl_span(p, (size_t)(q - p) - 1);
		p = q;
	}
	if (end - p < 10 || memcmp(p, ",\"data\":", 8) != 0)
		return false;
	p += 8;
	q = *p == '{' ? past_flat(p, end) : NULL;
	if (q == NULL && (q = dl_json_skip(p, end)) == NULL)
		return false;
	ev->data = dl_span(p, (size_t)(q - p));
	return end - q == 1 && *q == '}' && ev->id.p != NULL &&
	       ev->source.p != NULL && ev->type.p != NULL;
}

int
dl_event_parse(struct dl_event *ev, struct dl_span line, struct dl_err *err)
{
	struct dl_json_iter it;
	struct dl_span key, value, whole;
	bool version = false;
	size_t from = 0;
	int r;

	if (line.p == NULL)
		line.p = "";
	reset(ev, line);
	if (parse_plain(ev, line))
		return 0;
	reset(ev, line);
	make_room(ev);
	if (dl_json_value(line, &whole) < 0 ||
	    dl_json_kind(whole) != DL_JSON_OBJECT)
		return bad(err, "expected one JSON object on the line");
	dl_json_enter(&it, whole);
	while ((r = dl_json_member(&it, &key, &value)) > 0)
		if (take(ev, key, value, &from, &version, err) < 0)
			return -1;
	if (r < 0)
		return bad(err, "the JSON is broken");
	if (!version)
		return bad(err, "no specversion");
	if (ev->id.p == NULL || ev->source.p == NULL || ev->type.p == NULL)
		return bad(err, ev->id.p == NULL       ? "no id"
				: ev->source.p == NULL ? "no source"
						       : "no type");
	return 0;
}

static void
put_attr(struct dl_buf *b, const char *name, struct dl_span text)
{
	if (text.p == NULL)
		return;
	dl_buf_adds(b, ",\"");
	dl_buf_adds(b, name);
	dl_buf_add(b, "\":", 2);
	dl_json_quote(b, text);
}

static void
put_envelope(struct dl_buf *b, const struct dl_event *ev)
{
	dl_buf_adds(b, "{\"specversion\":\"1.0\"");
	for (size_t i = 0; i < NATTRS; i++)
		put_attr(b, attrs[i].name, *slot(ev, &attrs[i]));
	for (size_t i = 0; i < ev->nextra; i++) {
		dl_buf_addc(b, ',');
		dl_buf_span(b, ev->extra[i]);
	}
}

void
dl_event_head(struct dl_buf *b, const struct dl_event *ev)
{
	put_envelope(b, ev);
	dl_buf_adds(b, ",\"data\":");
}

void
dl_event_tail(struct dl_buf *b)
{
	dl_buf_add(b, "}\n", 2);
}

void
dl_event_write(struct dl_buf *b, const struct dl_event *ev)
{
	if (ev->data.p == NULL) {
		put_envelope(b, ev);
	} else {
		dl_event_head(b, ev);
		dl_buf_span(b, ev->data);
	}
	dl_event_tail(b);
}

void
dl_event_checkpoint(
    struct dl_buf *b, struct dl_span key, struct dl_span position)
{
	const struct dl_event ev = {
	    .id = position, .source = key, .type = DL_SPAN(DL_TYPE_CHECKPOINT)};

	dl_event_write(b, &ev);
}
