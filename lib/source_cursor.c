#include "source_cursor.h"

#include "expr.h"
#include "fixed.h"
#include "hash.h"
#include "json.h"
#include "log.h"
#include "num.h"

#include <stdlib.h>

#define TEXT "cursor" /* the state's name for it */
#define TAG 16        /* bytes of it that say by which spec it was made */

enum kind { NONE, STRING, NUMBER, TIME };

struct mark {
	enum kind kind;
	struct dl_buf text; /* as it came */
	struct dl_time time;
	__int128 number; /* fixed.h */
};

struct dl_cursor {
	const struct dl_cursor_spec *spec;
	struct dl_expr_set *set;
	char tag[TAG + 1];
	enum kind wanted;   /* NONE: the first to come */
	int64_t overlap_ms; /* of times */
	__int128 overlap;   /* of numbers */
	struct mark best;   /* of what was kept and of all items so far */
	struct mark other;  /* what is being looked at */
	bool fresh;         /* best is not what was kept */
	struct mark high;   /* of the items since begin */
	struct mark floor;  /* of those before the document at hand */
	bool ordered;       /* no item was less than those of pages before */
	struct dl_buf scratch, asked;
	struct dl_template_value value; /* of the request; may be in asked */
	uint64_t items, values;         /* since begin */
	bool said_ahead, said_unfit, said_nothing;
};

/* What text is; false: nothing that can be a cursor. */
static bool
read_mark(const char *time_format, struct dl_span text, struct mark *m)
{
	struct dl_err ignored = {0};

	m->kind = NONE;
	if (text.len == 0 || text.len > DL_CURSOR_MAX)
		return false;
	if (time_format != NULL) {
		if (dl_time_parse_as(text, time_format, &m->time, &ignored) < 0)
			return false;
		m->kind = TIME;
	} else if (dl_fixed_is_number(text)) {
		if (!dl_fixed_parse(text, &m->number))
			return false;
		m->kind = NUMBER;
	} else {
		m->kind = dl_time_parse(text, &m->time, &ignored) == 0 ? TIME
		                                                       : STRING;
	}
	dl_buf_clear(&m->text);
	dl_buf_span(&m->text, text);
	return true;
}

static int
cmp_marks(const struct mark *a, const struct mark *b)
{
	switch (a->kind) {
	case NUMBER:
		return (a->number > b->number) - (a->number < b->number);
	case TIME:
		return dl_time_cmp(&a->time, &b->time);
	default:
		return dl_span_cmp(
		    dl_buf_as_span(&a->text), dl_buf_as_span(&b->text));
	}
}

static int
fail_key(const struct dl_conf *c, const struct dl_conf_node *node,
    const char *key, struct dl_err *err, const char *why)
{
	int line = dl_conf_line_of(node, key);

	return dl_conf_fail(
	    c, line > 0 ? line : dl_conf_line(node), err, "'%s' %s", key, why);
}

/* The kind that an overlap is for. */
static enum kind
read_overlap(const char *text, int64_t *ms, __int128 *number)
{
	struct dl_span s = dl_span_str(text);
	struct dl_err ignored = {0};

	if (dl_fixed_is_number(s) && *text != '-' && dl_fixed_parse(s, number))
		return NUMBER;
	return dl_num_duration(s, ms, &ignored) == 0 ? TIME : NONE;
}

/* The kind that the items' values have to have; NONE: that is open. */
static enum kind
wanted_kind(const struct dl_cursor_spec *spec)
{
	struct mark m = {.kind = NONE};
	__int128 number;
	int64_t ms;

	if (spec->time_format != NULL)
		return TIME;
	if (spec->start != NULL)
		(void)read_mark(NULL, dl_span_str(spec->start), &m);
	dl_buf_release(&m.text);
	if (m.kind == NONE && spec->overlap != NULL)
		return read_overlap(spec->overlap, &ms, &number);
	return m.kind;
}

static int
check_texts(const struct dl_conf *c, const struct dl_conf_node *node,
    struct dl_cursor_spec *spec, struct dl_err *err)
{
	struct dl_err why = {0};
	struct mark m = {.kind = NONE};
	enum kind overlap = NONE;
	__int128 number;
	int64_t ms;
	bool ok;

	if (dl_time_format_check(spec->time_format, &why) < 0)
		return fail_key(c, node, "time_format", err, why.msg);
	if (spec->start != NULL && *spec->start == '\0')
		spec->start = NULL;
	if (spec->start != NULL) {
		ok = read_mark(spec->time_format, dl_span_str(spec->start), &m);
		dl_buf_release(&m.text);
		if (!ok)
			return fail_key(c, node, "start", err,
			    spec->time_format != NULL
				? "is not a time as 'time_format' has it"
				: "is a time, a number or a text of at most "
				  "1024 bytes");
	}
	if (spec->overlap == NULL)
		return 0;
	overlap = read_overlap(spec->overlap, &ms, &number);
	if (overlap == NONE)
		return fail_key(c, node, "overlap", err,
		    "is a duration such as 5m or, for numbers, a number");
	if (overlap != wanted_kind(spec))
		return fail_key(c, node, "overlap", err,
		    overlap == NUMBER
			? "is a number, and the cursor is none: a time needs "
			  "a duration such as 5m"
			: "is a duration, and the cursor is no time: say its "
			  "'time_format' (s, ms ...), or give a number");
	return 0;
}

int
dl_cursor_take(const struct dl_conf *c, const struct dl_conf_node *node,
    struct dl_cursor_spec *spec, struct dl_err *err)
{
#define FIELD(key, required) \
	{ \
#key, DL_CONF_STR, required, \
		    offsetof(struct dl_cursor_spec, key), NULL \
	}
	static const struct dl_conf_field fields[] = {
	    FIELD(value, true),
	    FIELD(start, false),
	    FIELD(overlap, false),
	    FIELD(time_format, false),
	    {NULL, DL_CONF_STR, false, 0, NULL},
	};
#undef FIELD
	struct dl_cursor *cursor;

	*spec = (struct dl_cursor_spec){.path = dl_conf_path(c)};
	if (node == NULL)
		return 0;
	spec->line = dl_conf_line(node);
	if ((spec->value = dl_conf_text(node)) == NULL) {
		if (dl_conf_take(c, node, "a cursor", fields, spec, err) < 0 ||
		    check_texts(c, node, spec, err) < 0)
			return -1;
		spec->line = dl_conf_line_of(node, "value");
	}
	if ((cursor = dl_cursor_new(spec, err)) == NULL)
		return -1;
	dl_cursor_free(cursor);
	return 0;
}

struct dl_cursor *
dl_cursor_new(const struct dl_cursor_spec *spec, struct dl_err *err)
{
	struct dl_cursor *c = dl_calloc(1, sizeof(*c));
	struct dl_buf b = {0};
	struct dl_expr_options options = {0};

	c->spec = spec;
	c->wanted = wanted_kind(spec);
	if (spec->overlap != NULL)
		(void)read_overlap(spec->overlap, &c->overlap_ms, &c->overlap);
	dl_buf_printf(&b, "%s%c%s", spec->value, '\0',
	    spec->time_format == NULL ? "" : spec->time_format);
	dl_hash_hex(dl_buf_as_span(&b), c->tag, TAG);
	dl_buf_clear(&b);
	dl_buf_printf(&b, "%s:%d: 'cursor'", spec->path, spec->line);
	options.name = dl_buf_str(&b);
	c->set = dl_expr_set_new();
	if (dl_expr_add(c->set, spec->value, &options, err) < 0) {
		dl_cursor_free(c);
		c = NULL;
	}
	dl_buf_release(&b);
	return c;
}

void
dl_cursor_free(struct dl_cursor *c)
{
	if (c == NULL)
		return;
	dl_expr_set_free(c->set);
	dl_buf_release(&c->best.text);
	dl_buf_release(&c->other.text);
	dl_buf_release(&c->high.text);
	dl_buf_release(&c->floor.text);
	dl_buf_release(&c->scratch);
	dl_buf_release(&c->asked);
	free(c);
}

/* The value that was kept by this very spec, into best. */
static bool
recall(struct dl_cursor *c, const struct dl_source_state *st)
{
	struct dl_span text = dl_source_state_text(st, TEXT);

	if (text.len <= TAG)
		return false;
	if (memcmp(text.p, c->tag, TAG) == 0 &&
	    read_mark(c->spec->time_format,
		dl_span(text.p + TAG, text.len - TAG), &c->best) &&
	    (c->wanted == NONE || c->best.kind == c->wanted))
		return true;
	dl_log(DL_LOG_WARN,
	    "%s:%d: 'cursor' is not the one that the last value was kept by: "
	    "it begins anew",
	    c->spec->path, c->spec->line);
	return false;
}

static void
step_back(struct dl_time *t, int64_t ms)
{
	const int64_t least = -62167219200; /* the year 0 */

	t->sec -= ms / 1000;
	t->nsec -= (int32_t)(ms % 1000) * 1000000;
	if (t->nsec < 0) {
		t->nsec += 1000000000;
		t->sec--;
	}
	if (t->sec < least)
		*t = (struct dl_time){.sec = least, .digits = t->digits};
}

/* The kept value less the overlap, written as it came. */
static void
print_asked(struct dl_cursor *c)
{
	const struct mark *m = &c->best;
	struct dl_time t = m->time;

	if (m->kind == TIME && c->overlap_ms > 0) {
		step_back(&t, c->overlap_ms);
		c->value.time = t;
		dl_template_time(&c->asked, c->spec->time_format, &t);
	} else if (m->kind == NUMBER && c->overlap > 0) {
		dl_fixed_print(&c->asked, m->number - c->overlap);
	} else {
		dl_buf_span(&c->asked, dl_buf_as_span(&m->text));
	}
}

void
dl_cursor_begin(struct dl_cursor *c, const struct dl_source_state *st)
{
	struct mark *m = &c->best;

	c->items = c->values = 0;
	c->fresh = false;
	c->ordered = true;
	c->high.kind = c->floor.kind = NONE;
	c->value = (struct dl_template_value){.is_time = false};
	dl_buf_clear(&c->asked);
	if (recall(c, st)) {
		c->value.time = m->time;
		print_asked(c);
	} else {
		m->kind = NONE;
		if (c->spec->start != NULL) {
			(void)read_mark(c->spec->time_format,
			    dl_span_str(c->spec->start), m);
			c->value.time = m->time;
			dl_buf_adds(&c->asked, c->spec->start);
		}
	}
	c->value.is_time = m->kind == TIME;
	if (m->kind != NONE)
		c->value.text = dl_buf_as_span(&c->asked);
}

void
dl_cursor_value(struct dl_cursor *c, struct dl_template_value *value)
{
	*value = c->value;
}

/* Is a time so far ahead that whoever wrote it was wrong? */
static bool
is_ahead(struct dl_cursor *c, const struct dl_time *t)
{
	struct dl_time now;
	char text[DL_TIME_MAX];

	dl_now(&now);
	now.sec += DL_CURSOR_AHEAD_S;
	if (dl_time_cmp(t, &now) <= 0)
		return false;
	if (!c->said_ahead) {
		c->said_ahead = true;
		dl_time_print(t, text);
		dl_log(DL_LOG_WARN,
		    "%s:%d: 'cursor' gives %s, which is yet to come: "
		    "such values are not kept",
		    c->spec->path, c->spec->line, text);
	}
	return true;
}

/* Could the next request not say it?  Kept, it would end all of them. */
static bool
is_unfit(struct dl_cursor *c, struct dl_span text)
{
	bool fits = true;

	for (unsigned int into = 0; c->spec->into >> into != 0; into++)
		if ((c->spec->into >> into & 1) != 0)
			fits = fits && dl_template_fits(
					   text, (enum dl_template_into)into);
	if (!fits && !c->said_unfit) {
		c->said_unfit = true;
		dl_log(DL_LOG_WARN,
		    "%s:%d: 'cursor' gives what can't be put into the request "
		    "(dl-source(5) says what can): such values are not kept",
		    c->spec->path, c->spec->line);
	}
	return !fits;
}

static void
copy_mark(struct mark *to, const struct mark *from)
{
	struct dl_buf text = to->text;

	dl_buf_clear(&text);
	dl_buf_span(&text, dl_buf_as_span(&from->text));
	*to = *from;
	to->text = text;
}

/* Is what was read less than something of a page before? */
static void
look_at_order(struct dl_cursor *c)
{
	const struct mark *m = &c->other;

	if (c->floor.kind != NONE &&
	    (m->kind != c->floor.kind || cmp_marks(m, &c->floor) < 0))
		c->ordered = false;
	if (c->ordered &&
	    (m->kind != c->high.kind || cmp_marks(m, &c->high) > 0))
		copy_mark(&c->high, m);
}

/* Does the mark that was read replace the best one? */
static bool
is_better(struct dl_cursor *c)
{
	const struct mark *m = &c->other, *best = &c->best;

	if (c->wanted != NONE && m->kind != c->wanted)
		return false;
	if (m->kind == TIME && is_ahead(c, &m->time))
		return false;
	if (m->kind == STRING && is_unfit(c, dl_buf_as_span(&m->text)))
		return false;
	c->values++;
	look_at_order(c);
	if (best->kind == NONE)
		return true;
	if (m->kind == best->kind)
		return cmp_marks(m, best) > 0;
	return best->kind == STRING;
}

void
dl_cursor_item(struct dl_cursor *c, struct dl_span item)
{
	struct dl_event ev = {.data = item};
	struct dl_err ignored = {0};
	struct dl_span value;
	struct mark best;

	c->items++;
	if (dl_expr_run(c->set, &ev, &ignored) < 0 ||
	    dl_expr_first(c->set, 0, &value, &ignored) <= 0)
		return;
	dl_buf_clear(&c->scratch);
	if (dl_json_kind(value) == DL_JSON_STRING) {
		if (dl_json_string(value, &c->scratch, &value) < 0)
			return;
	} else if (dl_json_kind(value) != DL_JSON_NUMBER) {
		return;
	}
	if (!read_mark(c->spec->time_format, value, &c->other) || !is_better(c))
		return;
	best = c->best;
	c->best = c->other;
	c->other = best;
	c->fresh = true;
}

void
dl_cursor_page(struct dl_cursor *c)
{
	copy_mark(&c->floor, &c->high);
}

void
dl_cursor_keep(struct dl_cursor *c, struct dl_source_state *st, bool cut_short)
{
	struct dl_buf b = {0};

	if (c->items > 0 && c->values == 0 && !c->said_nothing) {
		c->said_nothing = true;
		dl_log(DL_LOG_WARN,
		    "%s:%d: 'cursor' gives no value for any of %llu items, "
		    "and stays where it is",
		    c->spec->path, c->spec->line, (unsigned long long)c->items);
	}
	if (!c->fresh)
		return;
	if (cut_short && !c->ordered) {
		dl_log(DL_LOG_WARN,
		    "%s:%d: 'cursor' stays where it is: what it would leave "
		    "behind may be on the pages that 'max' leaves out",
		    c->spec->path, c->spec->line);
		return;
	}
	dl_buf_adds(&b, c->tag);
	dl_buf_span(&b, dl_buf_as_span(&c->best.text));
	dl_source_state_set_text(st, TEXT, dl_buf_as_span(&b));
	dl_buf_release(&b);
	c->fresh = false;
}
