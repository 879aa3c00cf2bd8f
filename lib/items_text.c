/*
 * Lines of text, taken apart by a pattern's named groups, or whole.
 *
 * A pattern that backtracks too much on a line fails.  What PCRE2 does not
 * count, scans that never go back, is at most quadratic in the line (max_item).
 */
#include "columns.h"
#include "items_kind.h"
#include "items_lines.h"
#include "json.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

#define TRIES_MAX 100000000u /* of a line, shared by where a match may start */
#define TRIES_MIN 1000u      /* from each of them */
#define HEAP_MAX_KIB (64u << 10)

struct text {
	const struct dl_items_options *o;
	struct dl_items_lines lines;
	struct dl_buf row;

	/* Of a pattern alone. */
	pcre2_code *code;
	pcre2_match_data *match;
	pcre2_match_context *context;
	struct dl_columns *columns;
	uint32_t *group; /* of each column, its number */
};

static void
close_text(void *reader)
{
	struct text *t = reader;

	dl_items_lines_release(&t->lines);
	dl_buf_release(&t->row);
	pcre2_match_data_free(t->match);
	pcre2_match_context_free(t->context);
	pcre2_code_free(t->code);
	dl_columns_free(t->columns);
	free(t->group);
	free(t);
}

/* Named groups become columns, in the order in which they are opened. */
static int
name_columns(struct text *t, struct dl_err *err)
{
	uint32_t count = 0, size = 0, groups = 0;
	PCRE2_SPTR table;
	size_t n = 0;

	pcre2_pattern_info(t->code, PCRE2_INFO_NAMECOUNT, &count);
	pcre2_pattern_info(t->code, PCRE2_INFO_NAMEENTRYSIZE, &size);
	pcre2_pattern_info(t->code, PCRE2_INFO_NAMETABLE, &table);
	pcre2_pattern_info(t->code, PCRE2_INFO_CAPTURECOUNT, &groups);
	if (count == 0)
		return dl_err_conf(
		    err, "it has no named group, like (?<host>\\S+)");
	t->columns = dl_columns_new(&t->o->columns);
	t->group = dl_calloc(count, sizeof(*t->group));
	for (uint32_t g = 1; g <= groups; g++)
		for (uint32_t i = 0; i < count && n < count; i++) {
			PCRE2_SPTR p = table + i * size;

			if ((uint32_t)(p[0] << 8 | p[1]) != g)
				continue;
			dl_columns_add(
			    t->columns, dl_span_str((const char *)p + 2));
			t->group[n++] = g;
		}
	if (dl_columns_check(t->columns, err) == 0)
		return 0;
	err->status = DL_EXIT_CONF;
	return -1;
}

static int
compile(struct text *t, struct dl_err *err)
{
	PCRE2_UCHAR why[256];
	PCRE2_SIZE at;
	int code;

	t->code =
	    pcre2_compile((PCRE2_SPTR)t->o->pattern, PCRE2_ZERO_TERMINATED,
		PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C, &code, &at, NULL);
	if (t->code == NULL) {
		pcre2_get_error_message(code, why, sizeof(why));
		return dl_err_conf(err, "at byte %zu: %s", at + 1, why);
	}
	/* Without it, it is only slower. */
	(void)pcre2_jit_compile(t->code, PCRE2_JIT_COMPLETE);
	t->match = pcre2_match_data_create_from_pattern(t->code, NULL);
	t->context = pcre2_match_context_create(NULL);
	if (t->match == NULL || t->context == NULL)
		return dl_err_temp(err, "out of memory");
	pcre2_set_heap_limit(t->context, HEAP_MAX_KIB);
	return name_columns(t, err);
}

/* How many groups matched, or PCRE2's error. */
static int
match(struct text *t, struct dl_span line)
{
	uint32_t tries = TRIES_MAX / (uint32_t)(line.len + 1);
	PCRE2_SPTR p = (PCRE2_SPTR)line.p;
	int r;

	pcre2_set_match_limit(
	    t->context, tries > TRIES_MIN ? tries : TRIES_MIN);
	r = pcre2_match(
	    t->code, p, line.len, 0, PCRE2_NO_UTF_CHECK, t->match, t->context);
	if (r == PCRE2_ERROR_JIT_STACKLIMIT)
		r = pcre2_match(t->code, p, line.len, 0,
		    PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, t->match, t->context);
	return r;
}

static int
make_row(struct text *t, struct dl_span line, struct dl_err *bad)
{
	size_t n = dl_columns_count(t->columns);
	PCRE2_SIZE *at = pcre2_get_ovector_pointer(t->match);

	for (size_t i = 0; i < n; i++) {
		PCRE2_SIZE from = at[2 * t->group[i]];
		PCRE2_SIZE to = at[2 * t->group[i] + 1];
		struct dl_span text = {0};

		/* \K inside of a lookahead ends before it begins. */
		if (from != PCRE2_UNSET && from <= to)
			text = dl_span(line.p + from, to - from);
		if (dl_columns_put(t->columns, &t->row, i, text, bad) < 0)
			return -1;
	}
	dl_buf_addc(&t->row, '}');
	return 0;
}

/* Make the item: NULL, or the code of what is wrong with the line. */
static const char *
make_item(struct text *t, struct dl_span line, struct dl_err *bad)
{
	PCRE2_UCHAR why[256];
	int r;

	if (dl_items_lines_check(line, bad) < 0)
		return "text";
	dl_buf_clear(&t->row);
	if (t->code == NULL) {
		dl_buf_adds(&t->row, "{\"line\":");
		dl_json_quote(&t->row, line);
		dl_buf_addc(&t->row, '}');
	} else if ((r = match(t, line)) == PCRE2_ERROR_NOMATCH) {
		dl_err_data(bad, "it does not match 'pattern'");
		return "pattern";
	} else if (r < 0) {
		pcre2_get_error_message(r, why, sizeof(why));
		dl_err_data(bad, "'pattern': %s", why);
		return "pattern";
	} else if (make_row(t, line, bad) < 0) {
		return "type";
	}
	if (t->row.len <= t->o->max_item)
		return NULL;
	dl_err_data(bad, "longer than %zu bytes", t->o->max_item);
	return "too-long";
}

static int
take_line(void *arg, struct dl_span line, struct dl_err *err)
{
	struct text *t = arg;
	struct dl_err bad;
	const char *code;

	if (line.len > 0 && line.p[line.len - 1] == '\r')
		line.len--;
	if (line.len == 0)
		return 0;
	bad.status = DL_EXIT_OK;
	if ((code = make_item(t, line, &bad)) != NULL)
		return dl_items_lines_bad(&t->lines, line, code, &bad, err);
	return t->lines.fn(
	    t->lines.arg, dl_buf_as_span(&t->row), t->row.len, NULL, NULL, err);
}

static void *
open_text(const struct dl_items_options *o, dl_items_fn *fn, void *arg,
    struct dl_err *err)
{
	struct text *t = dl_calloc(1, sizeof(*t));

	t->o = o;
	t->lines = (struct dl_items_lines){
	    .max = o->max_item,
	    .stream = o->stream,
	    .line_fn = take_line,
	    .line_arg = t,
	    .fn = fn,
	    .arg = arg,
	};
	if (o->pattern == NULL || compile(t, err) == 0)
		return t;
	dl_err_prefix(err, "%s", o->pattern_where);
	close_text(t);
	return NULL;
}

static void
start_text(void *reader)
{
	dl_items_lines_start(&((struct text *)reader)->lines);
}

static int
feed_text(void *reader, const char *p, size_t n, struct dl_err *err)
{
	return dl_items_lines_feed(&((struct text *)reader)->lines, p, n, err);
}

static int
end_text(void *reader, struct dl_err *err)
{
	return dl_items_lines_end(&((struct text *)reader)->lines, err);
}

static bool
cut_off(const void *reader)
{
	return dl_items_lines_cut_off(&((const struct text *)reader)->lines);
}

const struct dl_items_kind dl_items_kind_text = {
    .open = open_text,
    .start = start_text,
    .feed = feed_text,
    .end = end_text,
    .cut_off = cut_off,
    .close = close_text,
};
