#include "items.h"

#include "buf.h"
#include "csvin.h"
#include "expr.h"
#include "json.h"
#include "json_stream.h"
#include "line.h"

#include <stdlib.h>

struct dl_items {
	struct dl_items_options o;
	dl_items_fn *fn;
	void *arg;
	size_t bom; /* bytes of a byte order mark seen; 3: past it */
	bool cut_off;

	/* json */
	struct dl_buf names; /* of a plain path, each ended by a NUL */
	int nnames;          /* -1: path is an expression, in set */
	struct dl_expr_set *set;
	struct dl_json_stream *stream;

	struct dl_csvin *csv;

	struct dl_buf held; /* a part of a line, or a whole document */
	uint64_t line;      /* ndjson: number of the line at hand */
	size_t total;       /* ndjson: bytes of a line that is too long, or 0 */
};

static int
compile_path(struct dl_items *it, struct dl_err *err)
{
	struct dl_expr_options options = {.name = it->o.where};

	if (it->o.path == NULL)
		return 0;
	it->nnames = dl_expr_names(it->o.path, &it->names);
	if (it->nnames >= 0)
		return 0;
	it->set = dl_expr_set_new();
	return dl_expr_add(it->set, it->o.path, &options, err) < 0 ? -1 : 0;
}

struct dl_items *
dl_items_new(const struct dl_items_options *options, dl_items_fn *fn, void *arg,
    struct dl_err *err)
{
	struct dl_items *it = dl_calloc(1, sizeof(*it));

	it->o = *options;
	it->fn = fn;
	it->arg = arg;
	if (compile_path(it, err) < 0) {
		dl_items_free(it);
		return NULL;
	}
	dl_items_start(it);
	return it;
}

void
dl_items_free(struct dl_items *it)
{
	if (it == NULL)
		return;
	dl_json_stream_free(it->stream);
	dl_expr_set_free(it->set);
	dl_csvin_free(it->csv);
	dl_buf_release(&it->names);
	dl_buf_release(&it->held);
	free(it);
}

/* An element of a streamed list, or of an expression's output. */
static int
take_element(void *arg, struct dl_span item, size_t total,
    const struct dl_err *bad, struct dl_err *err)
{
	struct dl_items *it = arg;
	const char *code = NULL;

	if (bad != NULL)
		code = total > it->o.max_item ? "too-long" : "json";
	return it->fn(it->arg, item, total, code, bad, err);
}

static struct dl_json_stream *
new_stream(struct dl_items *it)
{
	size_t n = it->nnames < 0 ? 0 : (size_t)it->nnames;
	struct dl_span *path = dl_calloc(n + 1, sizeof(*path));
	struct dl_json_stream *stream;
	const char *p = it->names.p;

	for (size_t i = 0; i < n; i++) {
		path[i] = dl_span_str(p);
		p += path[i].len + 1;
	}
	stream = dl_json_stream_new(path, n, it->o.max_item, take_element, it);
	free(path);
	return stream;
}

void
dl_items_start(struct dl_items *it)
{
	it->bom = 0;
	it->cut_off = false;
	it->line = 1;
	it->total = 0;
	dl_buf_clear(&it->held);
	dl_json_stream_free(it->stream);
	it->stream = NULL;
	dl_csvin_free(it->csv);
	it->csv = NULL;
	if (it->o.format == DL_ITEMS_CSV)
		it->csv = dl_csvin_new(it->o.delimiter, it->o.csv_strings,
		    it->o.max_item, it->fn, it->arg);
	else if (it->o.format == DL_ITEMS_JSON && it->set == NULL)
		it->stream = new_stream(it);
}

static int
long_line(struct dl_items *it, struct dl_err *err)
{
	struct dl_span head = dl_buf_as_span(&it->held);
	struct dl_err bad = {0};
	size_t total = it->total;

	dl_err_data(&bad, "line %llu: %zu bytes, longer than the limit of %zu",
	    (unsigned long long)it->line, total, it->o.max_item);
	it->total = 0;
	if (head.len > DL_LINE_KEEP)
		head.len = DL_LINE_KEEP;
	return it->fn(it->arg, head, total, "too-long", &bad, err);
}

/* A whole line, without its newline. */
static int
take_line(struct dl_items *it, struct dl_span line, struct dl_err *err)
{
	struct dl_span item = line;
	struct dl_err bad;

	while (item.len > 0 && strchr(" \t\r", *item.p) != NULL &&
	       *item.p != '\0') {
		item.p++;
		item.len--;
	}
	if (item.len == 0)
		return 0;
	while (item.p[item.len - 1] == ' ' || item.p[item.len - 1] == '\t' ||
	       item.p[item.len - 1] == '\r')
		item.len--;
	bad.status = DL_EXIT_OK;
	if (dl_json_check(item, &bad) == 0)
		return it->fn(it->arg, item, item.len, NULL, NULL, err);
	dl_err_prefix(&bad, "line %llu", (unsigned long long)it->line);
	return it->fn(it->arg, line, line.len, "json", &bad, err);
}

/* A line, or the rest of one, that ends here. */
static int
end_line(struct dl_items *it, const char *p, size_t n, struct dl_err *err)
{
	struct dl_span line = {p, n};
	int r;

	if (it->total > 0 || it->held.len + n > it->o.max_item) {
		if (it->total == 0)
			it->total = it->held.len;
		it->total += n;
		if (it->held.len < DL_LINE_KEEP)
			dl_buf_add(
			    &it->held, p, n < DL_LINE_KEEP ? n : DL_LINE_KEEP);
		r = long_line(it, err);
	} else {
		if (it->held.len > 0) {
			dl_buf_add(&it->held, p, n);
			line = dl_buf_as_span(&it->held);
		}
		r = take_line(it, line, err);
	}
	dl_buf_clear(&it->held);
	it->line++;
	return r;
}

/* Keep the beginning of a line until the rest of it comes. */
static void
hold_line(struct dl_items *it, const char *p, size_t n)
{
	if (it->total > 0) {
		it->total += n;
		return;
	}
	if (it->held.len + n > it->o.max_item) {
		it->total = it->held.len + n;
		if (n > DL_LINE_KEEP)
			n = DL_LINE_KEEP;
	}
	dl_buf_add(&it->held, p, n);
}

static int
feed_lines(struct dl_items *it, const char *p, size_t n, struct dl_err *err)
{
	const char *end = p + n, *nl;

	while ((nl = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		if (end_line(it, p, (size_t)(nl - p), err) < 0)
			return -1;
		p = nl + 1;
	}
	hold_line(it, p, (size_t)(end - p));
	return 0;
}

static int
feed_document(struct dl_items *it, const char *p, size_t n, struct dl_err *err)
{
	if (n > it->o.max_document - it->held.len)
		return dl_err_data(err,
		    "the document is longer than max_document (%zu bytes), "
		    "and '%s' needs it whole",
		    it->o.max_document, it->o.path);
	dl_buf_add(&it->held, p, n);
	return 0;
}

static int
feed(struct dl_items *it, const char *p, size_t n, struct dl_err *err)
{
	if (it->csv != NULL)
		return dl_csvin_feed(it->csv, p, n, err);
	if (it->stream != NULL)
		return dl_json_stream_feed(it->stream, p, n, err);
	if (it->o.format == DL_ITEMS_NDJSON)
		return feed_lines(it, p, n, err);
	return feed_document(it, p, n, err);
}

int
dl_items_feed(struct dl_items *it, const char *p, size_t n, struct dl_err *err)
{
	static const char mark[] = "\xef\xbb\xbf";
	size_t seen = it->bom;

	if (seen == 3 || it->stream != NULL) /* that one looks for itself */
		return feed(it, p, n, err);
	while (n > 0 && seen < 3 && *p == mark[seen]) {
		seen++;
		p++;
		n--;
	}
	it->bom = seen;
	if (seen == 3 || n == 0)
		return n == 0 ? 0 : feed(it, p, n, err);
	it->bom = 3; /* it wasn't one: give back what looked like it */
	if (seen > 0 && feed(it, mark, seen, err) < 0)
		return -1;
	return feed(it, p, n, err);
}

struct taker {
	struct dl_items *it;
	struct dl_err *err;
	bool failed;
};

/* One output of the expression. */
static int
take_output(void *arg, struct dl_span value)
{
	struct taker *t = arg;
	struct dl_json_stream *list;
	int r;

	list =
	    dl_json_stream_new(NULL, 0, t->it->o.max_item, take_element, t->it);
	r = dl_json_stream_feed(list, value.p, value.len, t->err);
	if (r == 0)
		r = dl_json_stream_end(list, t->err);
	dl_json_stream_free(list);
	t->failed = r < 0;
	return r;
}

static int
end_document(struct dl_items *it, struct dl_err *err)
{
	struct dl_event ev = {.data = dl_buf_as_span(&it->held)};
	struct taker taker = {it, err, false};
	struct dl_span value;

	if (ev.data.len == 0)
		return dl_err_data(err, "the document is empty");
	if (dl_json_check(ev.data, err) < 0) {
		it->cut_off = dl_json_value(ev.data, &value) < 0;
		dl_err_prefix(err, "the document is not JSON");
		return -1;
	}
	/* It was checked: this only takes the white space around it away. */
	(void)dl_json_value(ev.data, &ev.data);
	if (dl_expr_run(it->set, &ev, err) < 0)
		return -1;
	if (dl_expr_each(it->set, 0, take_output, &taker, err) == 0)
		return 0;
	if (!taker.failed)
		dl_err_prefix(err, "%s: items", it->o.where);
	return -1;
}

int
dl_items_end(struct dl_items *it, struct dl_err *err)
{
	int r;

	if (it->bom < 3 && it->stream == NULL) {
		size_t seen = it->bom;

		it->bom = 3;
		if (feed(it, "\xef\xbb\xbf", seen, err) < 0)
			return -1;
	}
	if (it->csv != NULL)
		return dl_csvin_end(it->csv, err);
	if (it->stream != NULL) {
		r = dl_json_stream_end(it->stream, err);
		it->cut_off = !dl_json_stream_whole(it->stream);
		return r;
	}
	if (it->o.format == DL_ITEMS_NDJSON)
		return end_line(it, "", 0, err);
	return end_document(it, err);
}

bool
dl_items_cut_off(const struct dl_items *it)
{
	return it->cut_off;
}
