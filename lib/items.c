#include "items.h"

#include "buf.h"
#include "expr.h"
#include "items_kind.h"
#include "json.h"
#include "json_stream.h"
#include "recode.h"

#include <stdlib.h>

struct dl_items {
	struct dl_items_options o;
	dl_items_fn *fn;
	void *arg;
	size_t bom; /* bytes of a byte order mark seen; 3: past it */
	bool cut_off;
	struct dl_recode *recode; /* NULL: it is UTF-8 */

	/* json */
	struct dl_buf names; /* of a plain path, each ended by a NUL */
	int nnames;          /* -1: path is an expression, in set */
	struct dl_expr_set *set;
	struct dl_json_stream *stream;

	struct dl_buf held; /* a whole document */

	/* Every other format. */
	const struct dl_items_kind *kind;
	void *reader;
};

static const struct dl_items_kind *const kinds[] = {
    [DL_ITEMS_JSON] = NULL, /* here */
    [DL_ITEMS_NDJSON] = &dl_items_kind_ndjson,
    [DL_ITEMS_CSV] = &dl_items_kind_csv,
    [DL_ITEMS_TSV] = &dl_items_kind_tsv,
    [DL_ITEMS_TEXT] = &dl_items_kind_text,
    [DL_ITEMS_XML] = &dl_items_kind_xml,
    [DL_ITEMS_SSE] = &dl_items_kind_sse,
    [DL_ITEMS_RAW] = &dl_items_kind_raw,
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

static int take_utf8(void *arg, const char *p, size_t n, struct dl_err *err);

static int
open_reader(struct dl_items *it, struct dl_err *err)
{
	if (it->o.encoding != NULL &&
	    (it->recode = dl_recode_new(it->o.encoding, take_utf8, it, err)) ==
		NULL)
		return -1;
	if (it->kind == NULL)
		return compile_path(it, err);
	it->reader = it->kind->open(&it->o, it->fn, it->arg, err);
	return it->reader == NULL ? -1 : 0;
}

struct dl_items *
dl_items_new(const struct dl_items_options *options, dl_items_fn *fn, void *arg,
    struct dl_err *err)
{
	struct dl_items *it = dl_calloc(1, sizeof(*it));

	it->o = *options;
	it->fn = fn;
	it->arg = arg;
	it->kind = kinds[options->format];
	if (open_reader(it, err) < 0) {
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
	if (it->reader != NULL)
		it->kind->close(it->reader);
	dl_recode_free(it->recode);
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
	it->bom = it->o.format == DL_ITEMS_RAW ? 3 : 0; /* all its bytes */
	it->cut_off = false;
	dl_buf_clear(&it->held);
	dl_json_stream_free(it->stream);
	it->stream = NULL;
	if (it->recode != NULL)
		dl_recode_start(it->recode);
	if (it->kind != NULL)
		it->kind->start(it->reader);
	else if (it->set == NULL)
		it->stream = new_stream(it);
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
	if (it->kind != NULL)
		return it->kind->feed(it->reader, p, n, err);
	if (it->stream != NULL)
		return dl_json_stream_feed(it->stream, p, n, err);
	return feed_document(it, p, n, err);
}

/* Some text in UTF-8, at its very start a byte order mark or not. */
static int
take_utf8(void *arg, const char *p, size_t n, struct dl_err *err)
{
	struct dl_items *it = arg;
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

int
dl_items_feed(struct dl_items *it, const char *p, size_t n, struct dl_err *err)
{
	if (it->recode != NULL)
		return dl_recode_feed(it->recode, p, n, err);
	return take_utf8(it, p, n, err);
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

	if (it->recode != NULL && dl_recode_end(it->recode, err) < 0)
		return -1;
	if (it->bom < 3 && it->stream == NULL) {
		size_t seen = it->bom;

		it->bom = 3;
		if (feed(it, "\xef\xbb\xbf", seen, err) < 0)
			return -1;
	}
	if (it->kind != NULL) {
		r = it->kind->end(it->reader, err);
		it->cut_off =
		    it->kind->cut_off != NULL && it->kind->cut_off(it->reader);
		return r;
	}
	if (it->stream != NULL) {
		r = dl_json_stream_end(it->stream, err);
		it->cut_off = !dl_json_stream_whole(it->stream);
		return r;
	}
	return end_document(it, err);
}

bool
dl_items_cut_off(const struct dl_items *it)
{
	return it->cut_off;
}

struct dl_span
dl_items_last_id(const struct dl_items *it)
{
	if (it->kind == NULL || it->kind->last_id == NULL)
		return (struct dl_span){0};
	return it->kind->last_id(it->reader);
}

void
dl_items_resume(struct dl_items *it, struct dl_span id)
{
	if (id.p != NULL && it->kind != NULL && it->kind->resume != NULL)
		it->kind->resume(it->reader, id);
}

int64_t
dl_items_retry_ms(const struct dl_items *it)
{
	if (it->kind == NULL || it->kind->retry_ms == NULL)
		return -1;
	return it->kind->retry_ms(it->reader);
}
