#include "csvin.h"

#include "json.h"
#include "line.h"

#include <csv.h>
#include <stdint.h>
#include <stdlib.h>

enum state {
	STATE_ROW,      /* libcsv is told the row's bytes */
	STATE_LONG,     /* the row is too long: its end is looked for */
	STATE_MISPLACED /* a quote where none may be: the line's end is */
};

struct dl_csvin {
	struct csv_parser parser;
	char delimiter;
	size_t max;
	dl_csvin_fn *fn;
	void *arg;

	enum state state;
	bool row_done; /* set by libcsv's callback */
	bool odd;      /* STATE_LONG: an odd number of quotes so far */

	struct dl_buf raw; /* the row at hand, as it came */
	size_t total;      /* its length so far; raw may be its beginning */
	struct dl_buf json;
	size_t nfields;

	struct dl_columns *columns; /* without names: of the header */
	bool header_done;
	size_t ncolumns;     /* once that is done */
	struct dl_err wrong; /* a field of the row at hand is */

	uint64_t row;  /* number of the row at hand, from 1 after the header */
	uint64_t line; /* number of the line at hand, from 1 */
	uint64_t row_line;
};

/* Spaces belong to their field, so that bytes are kept. */
static int
no_space(unsigned char c)
{
	(void)c;
	return 0;
}

static void
start_parser(struct dl_csvin *c)
{
	csv_init(&c->parser, CSV_STRICT | CSV_STRICT_FINI | CSV_EMPTY_IS_NULL);
	csv_set_delim(&c->parser, (unsigned char)c->delimiter);
	csv_set_space_func(&c->parser, no_space);
	csv_set_blk_size(&c->parser, 16 << 10);
}

struct dl_csvin *
dl_csvin_new(char delimiter, const struct dl_column_rules *rules,
    size_t max_bytes, dl_csvin_fn *fn, void *arg)
{
	struct dl_csvin *c = dl_calloc(1, sizeof(*c));

	c->delimiter = delimiter;
	c->columns = dl_columns_new(rules);
	c->header_done = dl_columns_named(c->columns);
	c->row = c->header_done;
	c->ncolumns = dl_columns_count(c->columns);
	c->max = max_bytes;
	c->fn = fn;
	c->arg = arg;
	c->line = c->row_line = 1;
	start_parser(c);
	return c;
}

void
dl_csvin_free(struct dl_csvin *c)
{
	if (c == NULL)
		return;
	csv_free(&c->parser);
	dl_buf_release(&c->raw);
	dl_buf_release(&c->json);
	dl_columns_free(c->columns);
	free(c);
}

static void
take_field(void *p, size_t len, void *arg)
{
	struct dl_csvin *c = arg;

	if (!c->header_done)
		dl_columns_add(c->columns, dl_span(p == NULL ? "" : p, len));
	else if (c->nfields < c->ncolumns)
		(void)dl_columns_put(c->columns, &c->json, c->nfields,
		    dl_span(p, len), &c->wrong);
	c->nfields++;
}

static void
take_row_end(int terminator, void *arg)
{
	struct dl_csvin *c = arg;

	(void)terminator;
	c->row_done = true;
}

/* Forget the row at hand; the next one begins with the next line. */
static void
next_row(struct dl_csvin *c)
{
	dl_buf_clear(&c->raw);
	dl_buf_clear(&c->json);
	c->total = 0;
	c->nfields = 0;
	c->row_done = false;
	c->odd = false;
	c->state = STATE_ROW;
	dl_err_clear(&c->wrong);
	c->row_line = c->line;
	c->row++;
}

static struct dl_span
raw_row(const struct dl_csvin *c)
{
	struct dl_span raw = dl_buf_as_span(&c->raw);

	while (raw.len > 0 &&
	       (raw.p[raw.len - 1] == '\n' || raw.p[raw.len - 1] == '\r'))
		raw.len--;
	return raw;
}

/* The row at hand is wrong for the reason in bad. */
static int
bad_row(struct dl_csvin *c, const char *code, struct dl_err *bad,
    struct dl_err *err)
{
	struct dl_span raw = raw_row(c);
	bool cut = c->total > c->raw.len; /* raw is its beginning alone */

	if (!c->header_done)
		return dl_err_data(err, "the header of the CSV: %s", bad->msg);
	dl_err_prefix(bad, "row %llu (line %llu)", (unsigned long long)c->row,
	    (unsigned long long)c->row_line);
	if (c->fn(c->arg, raw, cut ? c->total : raw.len, code, bad, err) < 0)
		return -1;
	next_row(c);
	return 0;
}

static int
long_row(struct dl_csvin *c, struct dl_err *err)
{
	struct dl_err bad = {0};

	dl_err_data(&bad, "longer than %zu bytes", c->max);
	return bad_row(c, "too-long", &bad, err);
}

static int
misplaced_quote(struct dl_csvin *c, struct dl_err *err)
{
	struct dl_err bad = {0};

	dl_err_data(&bad,
	    "a quote stands inside a field, or text after a closing quote");
	return bad_row(c, "csv", &bad, err);
}

static int
check_bytes(struct dl_span raw, struct dl_err *bad)
{
	if (memchr(raw.p, '\0', raw.len) != NULL)
		return dl_err_data(bad, "it has a NUL byte");
	if (!dl_utf8_valid(raw))
		return dl_err_data(bad, "it isn't valid UTF-8");
	return 0;
}

static int
finish_header(struct dl_csvin *c, struct dl_err *err)
{
	struct dl_err bad = {0};

	if (check_bytes(raw_row(c), &bad) < 0)
		return bad_row(c, "csv", &bad, err);
	if (dl_columns_check(c->columns, err) < 0) {
		dl_err_prefix(err, "the header of the CSV");
		return -1;
	}
	c->header_done = true;
	c->ncolumns = dl_columns_count(c->columns);
	next_row(c);
	return 0;
}

/* libcsv has told all fields of the row at hand. */
static int
finish_row(struct dl_csvin *c, struct dl_err *err)
{
	struct dl_err bad = {0};

	if (!c->header_done)
		return finish_header(c, err);
	if (check_bytes(raw_row(c), &bad) < 0)
		return bad_row(c, "csv", &bad, err);
	if (c->nfields != c->ncolumns) {
		dl_err_data(&bad, "%zu %s where the header has %zu", c->nfields,
		    c->nfields == 1 ? "field" : "fields", c->ncolumns);
		return bad_row(c, "csv", &bad, err);
	}
	if (c->wrong.status != DL_EXIT_OK)
		return bad_row(c, "type", &c->wrong, err);
	dl_buf_addc(&c->json, '}');
	if (c->json.len > c->max)
		return long_row(c, err);
	if (c->fn(c->arg, dl_buf_as_span(&c->json), c->json.len, NULL, NULL,
		err) < 0)
		return -1;
	next_row(c);
	return 0;
}

static bool
odd_quotes(const char *p, size_t n)
{
	const char *end;
	bool odd = false;

	if (n == 0) /* nothing was kept yet, and p may be NULL */
		return false;
	end = p + n;
	while ((p = memchr(p, '"', (size_t)(end - p))) != NULL) {
		odd = !odd;
		p++;
	}
	return odd;
}

static void
restart_parser(struct dl_csvin *c)
{
	csv_free(&c->parser);
	start_parser(c);
}

/* Keep a row's bytes; of one that is too long, its beginning. */
static void
keep(struct dl_csvin *c, const char *p, size_t n, bool too_long)
{
	if (too_long && c->raw.len > DL_LINE_KEEP)
		c->raw.len = DL_LINE_KEEP;
	if (too_long && n > DL_LINE_KEEP - c->raw.len)
		n = DL_LINE_KEEP - c->raw.len;
	dl_buf_add(&c->raw, p, n);
}

/*
 * A piece of a row that is too long: its end is found by the number of quotes,
 * which is odd inside a quoted field and even outside.
 */
static int
take_long(
    struct dl_csvin *c, const char *p, size_t n, bool eol, struct dl_err *err)
{
	c->odd = c->odd != odd_quotes(p, n);
	keep(c, p, n, true);
	if (!eol || c->odd)
		return 0;
	c->total--; /* the line's end is not the row's */
	return long_row(c, err);
}

/*
 * Take a piece of text that has at most one line end, as its last byte (eol).
 * What is wrong with a row is decided by its first max bytes, and so doesn't
 * depend on the pieces.
 */
static int
take_piece(
    struct dl_csvin *c, const char *p, size_t n, bool eol, struct dl_err *err)
{
	size_t told = n, before = c->total;
	bool too_long;

	c->total += n;
	too_long = c->total > c->max + eol;
	if (c->state == STATE_LONG)
		return take_long(c, p, n, eol, err);
	if (c->state == STATE_ROW) {
		if (too_long)
			told = before < c->max ? c->max - before : 0;
		if (csv_parse(&c->parser, p, told, take_field, take_row_end,
			c) != told)
			c->state = STATE_MISPLACED;
		else if (too_long)
			c->state = STATE_LONG;
		if (c->state != STATE_ROW)
			restart_parser(c);
	}
	if (c->state == STATE_LONG) {
		c->odd = odd_quotes(c->raw.p, c->raw.len);
		return take_long(c, p, n, eol, err);
	}
	keep(c, p, n, too_long);
	if (c->state == STATE_ROW)
		return c->row_done ? finish_row(c, err) : 0;
	if (!eol)
		return 0;
	c->total--;
	return misplaced_quote(c, err);
}

int
dl_csvin_feed(struct dl_csvin *c, const char *p, size_t n, struct dl_err *err)
{
	const char *end = p + n, *lf = NULL, *stop, *cr;
	bool eol;

	while (p < end) {
		/* lf is kept over CRs, so that no byte is looked at often. */
		if (lf == NULL || lf < p) {
			lf = memchr(p, '\n', (size_t)(end - p));
			lf = lf == NULL ? end : lf;
		}
		cr = memchr(p, '\r', (size_t)(lf - p));
		stop = cr != NULL ? cr : lf;
		eol = stop < end;
		if (eol)
			stop++;
		/* An empty line, or the LF of a CRLF, is nothing. */
		if ((c->raw.len > 0 || !eol || stop - p > 1) &&
		    take_piece(c, p, (size_t)(stop - p), eol, err) < 0)
			return -1;
		if (eol && stop[-1] == '\n')
			c->line++;
		if (c->raw.len == 0)
			c->row_line = c->line;
		p = stop;
	}
	return 0;
}

int
dl_csvin_end(struct dl_csvin *c, struct dl_err *err)
{
	struct dl_err bad = {0};

	if (c->state == STATE_LONG)
		return long_row(c, err);
	if (c->state == STATE_MISPLACED)
		return misplaced_quote(c, err);
	if (csv_fini(&c->parser, take_field, take_row_end, c) < 0) {
		dl_err_data(&bad, "its last quote is not closed");
		restart_parser(c);
		return bad_row(c, "csv", &bad, err);
	}
	if (c->row_done && finish_row(c, err) < 0)
		return -1;
	if (!c->header_done)
		return dl_err_data(
		    err, "there is no CSV: a header row was expected");
	return 0;
}
