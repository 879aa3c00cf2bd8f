/*
 * Server-sent events, as the HTML standard's "event stream" has them: items
 * {"event":…,"id":…,"data":…}.
 */
#include "items_kind.h"
#include "items_lines.h"
#include "json.h"
#include "line.h"

#include <stdlib.h>

#define RETRY_MAX_MS (24 * 60 * 60 * 1000) /* what a server asks for at most */

struct sse {
	const struct dl_items_options *o;
	dl_items_fn *fn;
	void *arg;
	struct dl_items_lines lines;
	/* The event at hand; id goes on to the next ones. */
	struct dl_buf event, id, data, item;
	bool has_id;        /* of this stream or the one that it goes on with */
	struct dl_buf last; /* id, as of the last empty line */
	bool has_last;
	int64_t retry_ms;
	bool has_data;
	size_t total;   /* of data; more than max_item: data is its beginning */
	uint64_t first; /* line */
	struct dl_err wrong;
};

static void
next_event(struct sse *s)
{
	dl_buf_clear(&s->event);
	dl_buf_clear(&s->data);
	s->has_data = false;
	s->total = 0;
	s->first = 0;
	dl_err_clear(&s->wrong);
}

static void
add_data(struct sse *s, struct dl_span text, size_t total)
{
	size_t keep = s->o->max_item;

	s->total += total + s->has_data;
	if (s->total > s->o->max_item)
		keep = DL_LINE_KEEP;
	if (s->has_data && s->data.len < keep)
		dl_buf_addc(&s->data, '\n');
	s->has_data = true;
	if (s->data.len > keep)
		s->data.len = keep;
	if (text.len > keep - s->data.len)
		text.len = keep - s->data.len;
	dl_buf_span(&s->data, text);
}

/* Data that are a JSON value are that value, unless strings are wanted. */
static void
put_data(struct sse *s)
{
	struct dl_span data = dl_buf_as_span(&s->data), value;
	struct dl_err ignored = {0};

	if (!s->o->columns.strings && dl_json_check(data, &ignored) == 0 &&
	    dl_json_value(data, &value) == 0)
		dl_buf_span(&s->item, value);
	else
		dl_json_quote(&s->item, data);
}

/* NULL, or the code of what is wrong with the event. */
static const char *
make_item(struct sse *s, struct dl_err *bad)
{
	if (s->total > s->o->max_item)
		goto too_long;
	if (s->wrong.status != DL_EXIT_OK) {
		*bad = s->wrong;
		return "sse";
	}
	dl_buf_clear(&s->item);
	dl_buf_adds(&s->item, "{\"event\":");
	dl_json_quote(&s->item,
	    s->event.len == 0 ? DL_SPAN("message") : dl_buf_as_span(&s->event));
	if (s->id.len > 0) {
		dl_buf_adds(&s->item, ",\"id\":");
		dl_json_quote(&s->item, dl_buf_as_span(&s->id));
	}
	dl_buf_adds(&s->item, ",\"data\":");
	put_data(s);
	dl_buf_addc(&s->item, '}');
	if (s->item.len <= s->o->max_item)
		return NULL;
too_long:
	dl_err_data(bad, "an event of %zu bytes, longer than the limit of %zu",
	    s->total, s->o->max_item);
	return "too-long";
}

static void
set(struct dl_buf *b, struct dl_span text)
{
	dl_buf_clear(b);
	dl_buf_span(b, text);
}

/* Of one that is too long for a header the one before it stays. */
static void
keep_id(struct sse *s)
{
	if (!s->has_id || s->id.len > DL_ITEMS_ID_MAX)
		return;
	set(&s->last, dl_buf_as_span(&s->id));
	s->has_last = true;
}

/* An empty line ends an event; one without data is none, but has an id. */
static int
end_event(struct sse *s, struct dl_err *err)
{
	struct dl_err bad = {0};
	const char *code = NULL;
	int r = 0;

	if (s->has_data && (code = make_item(s, &bad)) == NULL) {
		r = s->fn(s->arg, dl_buf_as_span(&s->item), s->item.len, NULL,
		    NULL, err);
	} else if (s->has_data) {
		dl_err_prefix(&bad, "line %llu", (unsigned long long)s->first);
		r = s->fn(s->arg, dl_buf_as_span(&s->data), s->total, code,
		    &bad, err);
	}
	if (r == 0)
		keep_id(s);
	next_event(s);
	return r;
}

/* Digits alone, or nothing is meant. */
static void
take_retry(struct sse *s, struct dl_span digits)
{
	int64_t ms = 0;

	for (size_t i = 0; i < digits.len; i++) {
		if (digits.p[i] < '0' || digits.p[i] > '9')
			return;
		if (ms < RETRY_MAX_MS)
			ms = ms * 10 + (digits.p[i] - '0');
	}
	if (digits.len > 0)
		s->retry_ms = ms < RETRY_MAX_MS ? ms : RETRY_MAX_MS;
}

/* A field whose text counts: of a wrong one the event shows the whole line. */
static void
take_field(struct sse *s, struct dl_span name, struct dl_span value,
    struct dl_span line)
{
	if (dl_items_lines_check(value, &s->wrong) < 0) {
		add_data(s, line, line.len);
	} else if (dl_span_is(name, "data")) {
		add_data(s, value, value.len);
	} else if (dl_span_is(name, "event")) {
		set(&s->event, value);
	} else {
		set(&s->id, value);
		s->has_id = true;
	}
}

static bool
has_nul(struct dl_span text)
{
	return text.len > 0 && memchr(text.p, '\0', text.len) != NULL;
}

static int
take_line(void *arg, struct dl_span line, struct dl_err *err)
{
	struct sse *s = arg;
	struct dl_span name = line, value = {"", 0};
	const char *colon;

	if (line.len == 0)
		return end_event(s, err);
	if (s->first == 0)
		s->first = s->lines.number;
	if ((colon = memchr(line.p, ':', line.len)) != NULL) {
		name.len = (size_t)(colon - line.p);
		value = dl_span(colon + 1, line.len - name.len - 1);
		if (value.len > 0 && *value.p == ' ')
			value = dl_span(value.p + 1, value.len - 1);
	}
	if (dl_span_is(name, "data") || dl_span_is(name, "event"))
		take_field(s, name, value, line);
	else if (dl_span_is(name, "id") && !has_nul(value))
		take_field(s, name, value, line);
	else if (dl_span_is(name, "retry"))
		take_retry(s, value);
	return 0;
}

/* A line that is too long makes its event so. */
static int
take_long(void *arg, struct dl_span item, size_t total, const char *code,
    const struct dl_err *bad, struct dl_err *err)
{
	struct sse *s = arg;

	(void)code, (void)bad, (void)err;
	if (item.len > 0 && *item.p == ':') /* a comment */
		return 0;
	if (s->first == 0)
		s->first = s->lines.number;
	add_data(s, item, total);
	return 0;
}

static void *
open_sse(const struct dl_items_options *o, dl_items_fn *fn, void *arg,
    struct dl_err *err)
{
	struct sse *s = dl_calloc(1, sizeof(*s));

	(void)err;
	s->o = o;
	s->fn = fn;
	s->arg = arg;
	s->retry_ms = -1;
	s->lines = (struct dl_items_lines){
	    .max = o->max_item,
	    .cr = true,
	    .line_fn = take_line,
	    .line_arg = s,
	    .fn = take_long,
	    .arg = s,
	};
	return s;
}

static void
start_sse(void *reader)
{
	struct sse *s = reader;

	dl_items_lines_start(&s->lines);
	dl_buf_clear(&s->id);
	dl_buf_clear(&s->last);
	s->has_id = s->has_last = false;
	next_event(s);
}

static int
feed_sse(void *reader, const char *p, size_t n, struct dl_err *err)
{
	return dl_items_lines_feed(&((struct sse *)reader)->lines, p, n, err);
}

/* What no empty line has ended is no event. */
static int
end_sse(void *reader, struct dl_err *err)
{
	(void)reader, (void)err;
	return 0;
}

static struct dl_span
last_id(const void *reader)
{
	const struct sse *s = reader;

	return s->has_last ? dl_buf_as_span(&s->last) : (struct dl_span){0};
}

static void
resume_sse(void *reader, struct dl_span id)
{
	struct sse *s = reader;

	set(&s->id, id);
	s->has_id = true;
	keep_id(s);
}

static int64_t
retry_ms(const void *reader)
{
	return ((const struct sse *)reader)->retry_ms;
}

static void
close_sse(void *reader)
{
	struct sse *s = reader;

	dl_items_lines_release(&s->lines);
	dl_buf_release(&s->event);
	dl_buf_release(&s->id);
	dl_buf_release(&s->last);
	dl_buf_release(&s->data);
	dl_buf_release(&s->item);
	free(s);
}

const struct dl_items_kind dl_items_kind_sse = {
    .open = open_sse,
    .start = start_sse,
    .feed = feed_sse,
    .end = end_sse,
    .last_id = last_id,
    .resume = resume_sse,
    .retry_ms = retry_ms,
    .close = close_sse,
};
