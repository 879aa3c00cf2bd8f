#include "lake_flat.h"

#include "json.h"

#define NTEXTS 5

static const char *const names[NTEXTS] = {
    "_id", "_source", "_subject", "_time", "_recordedtime"};

static int
name_index(struct dl_span key)
{
	int i;

	if (key.len == 0 || key.p[0] != '_')
		return -1;
	for (i = 0; i < NTEXTS; i++)
		if (dl_span_is(key, names[i]))
			return i;
	return -1;
}

/* A name with escapes may be one of ours in disguise. */
static int
reserved(struct dl_span key, struct dl_buf *scratch)
{
	struct dl_span text;
	size_t len = scratch->len;
	int r;

	if (memchr(key.p, '\\', key.len) == NULL)
		return name_index(key);
	r = dl_json_text(key, scratch, &text) < 0 ? -1 : name_index(text);
	scratch->len = len;
	return r;
}

static int
add_members(struct dl_buf *b, struct dl_span data, struct dl_err *err)
{
	struct dl_json_iter it;
	struct dl_span key, value;
	int r, i;

	dl_json_enter(&it, data);
	while ((r = dl_json_member(&it, &key, &value)) > 0) {
		/* What is decoded stands for a moment at the end of b. */
		if ((i = reserved(key, b)) >= 0)
			return dl_err_data(err,
			    "the data has a member '%s', which the flat layout "
			    "needs",
			    names[i]);
		dl_buf_adds(b, ",\"");
		dl_buf_span(b, key);
		dl_buf_adds(b, "\":");
		dl_buf_span(b, value);
	}
	return r < 0 ? dl_err_data(err, "the data is not valid JSON") : 0;
}

int
dl_lake_flatten(struct dl_buf *b, const struct dl_event *ev, struct dl_err *err)
{
	const struct dl_span texts[NTEXTS] = {
	    ev->id, ev->source, ev->subject, ev->time, ev->recordedtime};
	size_t start = b->len;
	int i;

	for (i = 0; i < NTEXTS; i++) {
		if (texts[i].p == NULL)
			continue;
		dl_buf_printf(b, "%s\"%s\":", i == 0 ? "{" : ",", names[i]);
		dl_json_quote(b, texts[i]);
	}
	if (ev->data.p != NULL && dl_json_kind(ev->data) != DL_JSON_OBJECT) {
		dl_buf_adds(b, ",\"value\":");
		dl_buf_span(b, ev->data);
	} else if (ev->data.p != NULL && add_members(b, ev->data, err) < 0) {
		b->len = start;
		return -1;
	}
	dl_buf_adds(b, "}\n");
	return 0;
}

bool
dl_lake_is_flat(struct dl_span line)
{
	static const char begin[] = "{\"_id\":";

	return line.len >= sizeof(begin) - 1 &&
	       memcmp(line.p, begin, sizeof(begin) - 1) == 0;
}

/* Where the texts of ev are, in the order of names. */
static void
places(struct dl_event *ev, struct dl_span *texts[NTEXTS])
{
	texts[0] = &ev->id;
	texts[1] = &ev->source;
	texts[2] = &ev->subject;
	texts[3] = &ev->time;
	texts[4] = &ev->recordedtime;
}

/*
 * Room for all that may be decoded: it never grows after the first span of it
 * is taken.
 */
static void
begin(struct dl_event *ev, struct dl_span line, struct dl_buf *data)
{
	struct dl_buf scratch = ev->scratch;

	memset(ev, 0, sizeof(*ev));
	ev->scratch = scratch;
	ev->line = line;
	dl_buf_clear(&ev->scratch);
	dl_buf_room(&ev->scratch, line.len);
	dl_buf_clear(data);
	dl_buf_addc(data, '{');
}

int
dl_lake_unflatten(struct dl_event *ev, struct dl_span line, struct dl_buf *data,
    struct dl_err *err)
{
	struct dl_span *texts[NTEXTS], key, value;
	struct dl_json_iter it;
	int r, i;

	begin(ev, line, data);
	places(ev, texts);
	dl_json_enter(&it, line);
	while ((r = dl_json_member(&it, &key, &value)) > 0) {
		if ((i = name_index(key)) >= 0) {
			if (dl_json_string(value, &ev->scratch, texts[i]) < 0)
				return dl_err_data(
				    err, "expected a string as '%s'", names[i]);
			continue;
		}
		dl_buf_adds(data, data->len > 1 ? ",\"" : "\"");
		dl_buf_span(data, key);
		dl_buf_adds(data, "\":");
		dl_buf_span(data, value);
	}
	dl_buf_addc(data, '}');
	if (r < 0 || ev->id.p == NULL || ev->source.p == NULL)
		return dl_err_data(err,
		    "expected a flat line, an object with _id and _source");
	ev->type = DL_SPAN(DL_TYPE_RECORD);
	ev->data = dl_buf_as_span(data);
	return 0;
}
