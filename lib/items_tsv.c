/* Rows of fields with tabs between them: no quotes, \t, \n, \r and \\. */
#include "columns.h"
#include "items_kind.h"
#include "items_lines.h"

#include <stdlib.h>

struct tsv {
	const struct dl_items_options *o;
	dl_items_fn *fn;
	void *arg;
	struct dl_items_lines lines;
	struct dl_columns *columns;
	bool header_done;
	struct dl_buf row, text;
};

/* The text of a field; what it is without a backslash is itself. */
static struct dl_span
unescape(struct tsv *t, struct dl_span field)
{
	static const char from[] = "tnr\\", to[] = "\t\n\r\\";
	const char *end = field.p + field.len, *hit;

	if (field.len == 0 || memchr(field.p, '\\', field.len) == NULL)
		return field;
	dl_buf_clear(&t->text);
	for (const char *p = field.p; p < end; p++) {
		hit = NULL;
		if (*p == '\\' && p + 1 < end && p[1] != '\0')
			hit = strchr(from, p[1]);
		dl_buf_addc(&t->text, hit == NULL ? *p : to[hit - from]);
		p += hit != NULL;
	}
	return dl_buf_as_span(&t->text);
}

/* Take the next field off *line; *line.p is NULL after the last. */
static struct dl_span
next_field(struct dl_span *line)
{
	const char *tab =
	    line->len == 0 ? NULL : memchr(line->p, '\t', line->len);
	struct dl_span field = *line;

	if (tab == NULL) {
		line->p = NULL;
		return field;
	}
	field.len = (size_t)(tab - line->p);
	line->p = tab + 1;
	line->len -= field.len + 1;
	return field;
}

static int
take_header(struct tsv *t, struct dl_span line, struct dl_err *err)
{
	struct dl_err bad = {0};

	if (dl_items_lines_check(line, &bad) < 0)
		return dl_err_data(err, "the header of the TSV: %s", bad.msg);
	while (line.p != NULL)
		dl_columns_add(t->columns, unescape(t, next_field(&line)));
	t->header_done = true;
	if (dl_columns_check(t->columns, err) == 0)
		return 0;
	dl_err_prefix(err, "the header of the TSV");
	return -1;
}

/* Make the row: NULL, or the code of what is wrong with it. */
static const char *
make_row(struct tsv *t, struct dl_span line, struct dl_err *bad)
{
	size_t n = 0, ncolumns = dl_columns_count(t->columns);

	if (dl_items_lines_check(line, bad) < 0)
		return "tsv";
	dl_buf_clear(&t->row);
	for (; line.p != NULL; n++) {
		struct dl_span text = unescape(t, next_field(&line));

		if (text.len == 0) /* as one of csv without quotes */
			text.p = NULL;
		if (n < ncolumns)
			(void)dl_columns_put(t->columns, &t->row, n, text, bad);
	}
	dl_buf_addc(&t->row, '}');
	if (n != ncolumns) {
		dl_err_clear(bad);
		dl_err_data(bad, "%zu %s where the header has %zu", n,
		    n == 1 ? "field" : "fields", ncolumns);
		return "tsv";
	}
	if (bad->status != DL_EXIT_OK)
		return "type";
	if (t->row.len <= t->o->max_item)
		return NULL;
	dl_err_data(bad, "longer than %zu bytes", t->o->max_item);
	return "too-long";
}

static int
take_line(void *arg, struct dl_span line, struct dl_err *err)
{
	struct tsv *t = arg;
	struct dl_err bad;
	const char *code;

	if (line.len > 0 && line.p[line.len - 1] == '\r')
		line.len--;
	if (line.len == 0)
		return 0;
	if (!t->header_done)
		return take_header(t, line, err);
	bad.status = DL_EXIT_OK;
	if ((code = make_row(t, line, &bad)) != NULL)
		return dl_items_lines_bad(&t->lines, line, code, &bad, err);
	return t->fn(
	    t->arg, dl_buf_as_span(&t->row), t->row.len, NULL, NULL, err);
}

/* What the lines find wrong: without its header no row could be told. */
static int
take_wrong(void *arg, struct dl_span item, size_t total, const char *code,
    const struct dl_err *bad, struct dl_err *err)
{
	struct tsv *t = arg;

	if (!t->header_done)
		return dl_err_data(err, "the header of the TSV: %s", bad->msg);
	return t->fn(t->arg, item, total, code, bad, err);
}

static void *
open_tsv(const struct dl_items_options *o, dl_items_fn *fn, void *arg,
    struct dl_err *err)
{
	struct tsv *t = dl_calloc(1, sizeof(*t));

	(void)err;
	t->o = o;
	t->lines.max = o->max_item;
	t->lines.line_fn = take_line;
	t->lines.line_arg = t;
	t->lines.fn = take_wrong;
	t->lines.arg = t;
	t->fn = fn;
	t->arg = arg;
	return t;
}

static void
start_tsv(void *reader)
{
	struct tsv *t = reader;

	dl_items_lines_start(&t->lines);
	dl_columns_free(t->columns);
	t->columns = dl_columns_new(&t->o->columns);
	t->header_done = dl_columns_named(t->columns);
}

static int
feed_tsv(void *reader, const char *p, size_t n, struct dl_err *err)
{
	return dl_items_lines_feed(&((struct tsv *)reader)->lines, p, n, err);
}

static int
end_tsv(void *reader, struct dl_err *err)
{
	struct tsv *t = reader;

	if (dl_items_lines_end(&t->lines, err) < 0)
		return -1;
	if (!t->header_done)
		return dl_err_data(
		    err, "there is no TSV: a header row was expected");
	return 0;
}

static void
close_tsv(void *reader)
{
	struct tsv *t = reader;

	dl_items_lines_release(&t->lines);
	dl_columns_free(t->columns);
	dl_buf_release(&t->row);
	dl_buf_release(&t->text);
	free(t);
}

const struct dl_items_kind dl_items_kind_tsv = {
    .open = open_tsv,
    .start = start_tsv,
    .feed = feed_tsv,
    .end = end_tsv,
    .close = close_tsv,
};
