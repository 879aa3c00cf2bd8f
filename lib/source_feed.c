/* From bytes as they come to items: unpacked, looked at, read. */
#include "source_private.h"

#include "json.h"
#include "source_guess.h"

#include <strings.h>

#define FOUND_MAX 32

/*
 * A page for people where records were expected: JSON's reader says so of
 * itself, and a CSV header may begin with anything.
 */
static int
refuse_page(struct dl_source *s, const char *p, size_t n, struct dl_err *err)
{
	static const char *const names[] = {
	    [DL_ITEMS_NDJSON] = "NDJSON",
	    [DL_ITEMS_CSV] = "CSV",
	    [DL_ITEMS_TSV] = "TSV",
	    [DL_ITEMS_TEXT] = "text",
	    [DL_ITEMS_SSE] = "server-sent events",
	};
	size_t i = 0, format = (size_t)s->format;

	if (format >= sizeof(names) / sizeof(*names) || names[format] == NULL)
		return 0;
	/* White space, and a byte order mark, tell nothing yet. */
	while (i < n && memchr(" \t\r\n\xef\xbb\xbf", p[i], 7) != NULL)
		i++;
	if (i == n)
		return 0;
	s->looked = true;
	if (p[i] != '<' || (format != DL_ITEMS_NDJSON &&
			       strstr(dl_buf_str(&s->type), "html") == NULL))
		return 0;
	n = n - i < FOUND_MAX ? n - i : FOUND_MAX;
	while (n > 0 && !dl_utf8_valid(dl_span(p + i, n)))
		n--;
	return dl_err_data(
	    err, "expected %s, found '%.*s…'", names[format], (int)n, p + i);
}

/* Of a stream: go on where the last connection has come to. */
static void
resume(struct dl_source *s)
{
	if (s->spec->stream && s->state != NULL)
		dl_items_resume(s->items,
		    dl_source_state_text(s->state, DL_SOURCE_LAST_ID));
}

/* A reader of s->format, at the start of a document. */
static int
open_items(struct dl_source *s, struct dl_err *err)
{
	const struct dl_source_spec *spec = s->spec;
	struct dl_items_options o = {
	    .format = s->format,
	    .path = spec->items,
	    .where = spec->items_where,
	    .max_item = (size_t)spec->max_item,
	    .max_document = (size_t)spec->max_document,
	    .delimiter = *spec->delimiter,
	    .columns = spec->columns,
	    .pattern = spec->pattern,
	    .pattern_where = spec->pattern_where,
	    .encoding = spec->encoding,
	    .stream = spec->stream,
	};

	s->items = dl_items_new(&o, dl_source_take, s, err);
	return s->items == NULL ? -1 : 0;
}

/* More of a document whose format isn't told yet: 1 once it is, 0, -1. */
static int
guess(struct dl_source *s, const char *p, size_t n, bool ended,
    struct dl_err *err)
{
	int r;

	dl_buf_add(&s->head, p, n);
	r = dl_source_guess(dl_buf_str(&s->type), dl_buf_str(&s->shown),
	    s->spec->items, dl_buf_as_span(&s->head), ended, &s->format);
	if (r < 0)
		return dl_err_data(
		    err, "it does not tell its format: set 'format'");
	if (r == 0)
		return 0;
	if (open_items(s, err) < 0)
		return -1;
	resume(s);
	return 1;
}

/* The rest of a document, or all of it. */
static int
take_known(struct dl_source *s, const char *p, size_t n, struct dl_err *err)
{
	if (!s->looked && refuse_page(s, p, n, err) < 0)
		return -1;
	s->fed += n;
	return dl_items_feed(s->items, p, n, err);
}

static int
take_unpacked(void *arg, const char *p, size_t n, struct dl_err *err)
{
	struct dl_source *s = arg;
	int r;

	if (s->items != NULL)
		return take_known(s, p, n, err);
	if ((r = guess(s, p, n, false, err)) <= 0)
		return r;
	return take_known(s, s->head.p, s->head.len, err);
}

int
dl_source_feed_open(struct dl_source *s, struct dl_err *err)
{
	enum dl_expand_kind unpack = (enum dl_expand_kind)s->spec->unpack;

	s->format = (enum dl_items_format)s->spec->format;
	/* Raw is as it came, unless it is said otherwise. */
	if (unpack == DL_EXPAND_AUTO && s->format == DL_ITEMS_RAW)
		unpack = DL_EXPAND_NONE;
	s->expand = dl_expand_new(unpack, take_unpacked, s);
	return s->format == DL_ITEMS_AUTO ? 0 : open_items(s, err);
}

void
dl_source_feed_close(struct dl_source *s)
{
	dl_expand_free(s->expand);
	dl_items_free(s->items);
	dl_buf_release(&s->head);
	dl_buf_release(&s->shown);
	dl_buf_release(&s->type);
}

void
dl_source_feed_start(struct dl_source *s, const char *shown, const char *type)
{
	s->fed = 0;
	s->looked = false;
	s->earlier = s->counts->in;
	dl_buf_clear(&s->shown);
	dl_buf_adds(&s->shown, shown);
	dl_buf_clear(&s->type);
	dl_buf_adds(&s->type, type);
	dl_source_wrap_now(&s->wrap);
	dl_source_wrap_type(&s->wrap, type);
	dl_expand_start(s->expand);
	if (s->spec->format == DL_ITEMS_AUTO) {
		dl_items_free(s->items);
		s->items = NULL;
		dl_buf_clear(&s->head);
	} else {
		dl_items_start(s->items);
		resume(s);
	}
}

/* Name the document in an error of its bytes. */
static int
fail_data(struct dl_source *s, struct dl_err *err)
{
	if (err->status == DL_EXIT_DATA && s->type.len > 0)
		dl_err_prefix(err, "%s (%s)", dl_buf_str(&s->shown),
		    dl_buf_str(&s->type));
	else if (err->status == DL_EXIT_DATA)
		dl_err_prefix(err, "%s", dl_buf_str(&s->shown));
	return -1;
}

int
dl_source_feed(struct dl_source *s, const char *p, size_t n, struct dl_err *err)
{
	/* A document is acquired at once, a stream as it comes. */
	if (s->spec->stream)
		dl_source_wrap_now(&s->wrap);
	if (dl_expand_feed(s->expand, p, n, err) < 0)
		return fail_data(s, err);
	return 0;
}

/* The document ended before it told its format. */
static int
end_unknown(struct dl_source *s, struct dl_err *err)
{
	if (guess(s, "", 0, true, err) < 0)
		return -1;
	return s->head.len == 0 ? 0
	                        : take_known(s, s->head.p, s->head.len, err);
}

int
dl_source_feed_end(struct dl_source *s, bool *cut_off, struct dl_err *err)
{
	*cut_off = false;
	/* Of what is packed, much may come before any of it comes out. */
	if (dl_expand_end(s->expand, err) < 0)
		*cut_off = dl_expand_cut_off(s->expand);
	else if (s->items == NULL && end_unknown(s, err) < 0)
		;
	else if (dl_items_end(s->items, err) < 0)
		*cut_off = dl_items_cut_off(s->items) && s->fed > 0;
	else
		return 0;
	return fail_data(s, err);
}
