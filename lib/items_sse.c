/*
 * Server-sent events, as the HTML standard's "event stream" has them: items
 * {"event":…,"id":…,"data":…}.
 */
#include "items_kind.h"
#include "items_lines.h"
#include "json.h"
#include "line.h"

#include <stdlib.h>

struct sse {
	const struct dl_items_options *o;
	dl_items_fn *fn;
	void *arg;
	struct dl_items_lines lines;
	/* The event at hand; id goes on to the next ones. */
	struct dl_buf event, id, data, item;
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

/* An empty line ends an event; one without data is none. */
static int
end_event(struct sse *s, struct dl_err *err)
{
	struct dl_err bad = {0};
	const char *code;
	int r = 0;

	if (s->has_data && (code = make_item(s, &bad)) == NULL) {
		r = s->fn(s->arg, dl_buf_as_span(&s->item), s->item.len, NULL,
		    NULL, err);
	} else if (s->has_data) {
		dl_err_prefix(&bad, "line %llu", (unsigned long long)s->first);
		r = s->fn(s->arg, dl_buf_as_span(&s->data), s->total, code,
		    &bad, err);
	}
	next_event(s);
	return r;
}

static void
set(struct dl_buf *b, struct dl_span text)
{
	dl_buf_clear(b);
	dl_buf_span(b, text);
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
	if (dl_items_lines_check(line, &s->wrong) < 0) {
		/* Of an event whose data are not to be trusted, as they are. */
		add_data(s, line, line.len);
		return 0;
	}
	if ((colon = memchr(line.p, ':', line.len)) != NULL) {
		name.len = (size_t)(colon - line.p);
		value = dl_span(colon + 1, line.len - name.len - 1);
		if (value.len > 0 && *value.p == ' ')
			value = dl_span(value.p + 1, value.len - 1);
	}
	if (dl_span_is(name, "data"))
		add_data(s, value, value.len);
	else if (dl_span_is(name, "event"))
		set(&s->event, value);
	else if (dl_span_is(name, "id"))
		set(&s->id, value);
	return 0;
}

/* A line that is too long makes its event so. */
static int
take_long(void *arg, struct dl_span item, size_t total, const char *code,
    const struct dl_err *bad, struct dl_err *err)
{
	struct sse *s = arg;

	(void)code, (void)bad, (void)err;
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
	return dl_items_lines_end(&((struct sse *)reader)->lines, err);
}

static void
close_sse(void *reader)
{
	struct sse *s = reader;

	dl_items_lines_release(&s->lines);
	dl_buf_release(&s->event);
	dl_buf_release(&s->id);
	dl_buf_release(&s->data);
	dl_buf_release(&s->item);
	free(s);
}

const struct dl_items_kind dl_items_kind_sse = {
    .open = open_sse,
    .start = start_sse,
    .feed = feed_sse,
    .end = end_sse,
    .close = close_sse,
};
