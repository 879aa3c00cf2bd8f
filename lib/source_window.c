#include "source_window.h"

#include "log.h"
#include "num.h"
#include "when.h"

#include <stdio.h>
#include <stdlib.h>

#define POLLED "window" /* the state's names for them */
#define FILLED "backfill"
#define SIZE_MIN_MS 1000
#define SIZE_MAX_MS ((int64_t)3660 * 24 * 3600 * 1000)
#define LATE_MS (10 * 60 * 1000)
#define NO_START INT64_MIN
#define YEAR_0_MS (-62167219200000)
#define YEAR_9999_MS 253402300799000

struct dl_windows {
	const struct dl_window_spec *spec;
	const char *from, *to; /* of a backfill, as they were given; or NULL */
	int64_t first_ms, end_ms; /* of a backfill */
	int64_t from_ms, to_ms;   /* the window at hand */
	int64_t next_ms;          /* where the next one begins */
	int64_t done_ms;          /* all before this is done */
	int64_t now_ms;
	bool unbroken; /* all windows since begin were done */
	bool open;     /* ... but for the one at hand */
	bool said;     /* that the clock is wrong */
};

static int64_t
time_ms(const struct dl_time *t)
{
	return t->sec * 1000 + t->nsec / 1000000;
}

static struct dl_time
ms_time(int64_t ms)
{
	int64_t sec = ms / 1000 - (ms % 1000 < 0);

	return (struct dl_time){.sec = sec,
	    .nsec = (int32_t)(ms - sec * 1000) * 1000000,
	    .digits = ms % 1000 != 0 ? 3 : 0};
}

static int
fail_key(const struct dl_conf *c, const struct dl_conf_node *node,
    const char *key, struct dl_err *err, const char *why)
{
	int line = dl_conf_line_of(node, key);

	return dl_conf_fail(
	    c, line > 0 ? line : dl_conf_line(node), err, "'%s' %s", key, why);
}

/* A moment, as --from and --to have it, but no span of time ago. */
static bool
parse_start(const char *text, int64_t *ms)
{
	struct dl_err ignored = {0};
	struct dl_time t;

	/* A year of four digits and its hyphen: no duration has one. */
	if (strlen(text) < 5 || text[4] != '-' ||
	    dl_when_parse(text, &t, &ignored) < 0)
		return false;
	*ms = time_ms(&t);
	return true;
}

int
dl_window_take(const struct dl_conf *c, const struct dl_conf_node *node,
    struct dl_window_spec *spec, struct dl_err *err)
{
	static const struct dl_conf_field fields[] = {
	    {"size", DL_CONF_DURATION, true,
		offsetof(struct dl_window_spec, size_ms), NULL},
	    {"late", DL_CONF_DURATION, false,
		offsetof(struct dl_window_spec, late_ms), NULL},
	    {"start", DL_CONF_STR, false,
		offsetof(struct dl_window_spec, start), NULL},
	    {NULL, DL_CONF_STR, false, 0, NULL},
	};
	struct dl_err why = {0};
	const char *size;

	*spec =
	    (struct dl_window_spec){.late_ms = LATE_MS, .start_ms = NO_START};
	if (node == NULL)
		return 0;
	size = dl_conf_text(node);
	if (size != NULL &&
	    dl_num_duration(dl_span_str(size), &spec->size_ms, &why) < 0)
		return dl_conf_fail(c, dl_conf_line(node), err,
		    "'window' is a duration such as 1d, or a mapping");
	if (size == NULL &&
	    dl_conf_take(c, node, "a window", fields, spec, err) < 0)
		return -1;
	if (spec->size_ms < SIZE_MIN_MS || spec->size_ms > SIZE_MAX_MS ||
	    spec->size_ms % 1000 != 0)
		return fail_key(c, node, size != NULL ? "window" : "size", err,
		    "is whole seconds, from 1s to 3660d");
	if (spec->late_ms > SIZE_MAX_MS)
		return fail_key(c, node, "late", err, "is at most 3660d");
	if (spec->start != NULL && !parse_start(spec->start, &spec->start_ms))
		return fail_key(c, node, "start", err,
		    "is a time (2026-01-01 or 2026-01-01T00:00:00Z)");
	return 0;
}

struct dl_windows *
dl_windows_new(const struct dl_window_spec *spec)
{
	struct dl_windows *w = dl_calloc(1, sizeof(*w));

	w->spec = spec;
	return w;
}

void
dl_windows_free(struct dl_windows *w)
{
	free(w);
}

int
dl_windows_backfill(
    struct dl_windows *w, const char *from, const char *to, struct dl_err *err)
{
	struct dl_time t;

	if (dl_when_parse(from, &t, err) < 0) {
		dl_err_prefix(err, "--from");
		return -1;
	}
	w->first_ms = time_ms(&t);
	dl_now(&t);
	if (to != NULL && dl_when_parse(to, &t, err) < 0) {
		dl_err_prefix(err, "--to");
		return -1;
	}
	w->end_ms = time_ms(&t);
	if (w->first_ms >= w->end_ms)
		return dl_err_usage(err, "--from is not before --to");
	w->from = from;
	w->to = to == NULL ? "" : to;
	return 0;
}

/* Where the grid's window that has ms in it begins. */
static int64_t
grid_floor(const struct dl_window_spec *spec, int64_t ms)
{
	int64_t base = spec->start_ms == NO_START ? 0 : spec->start_ms;
	int64_t past = (ms - base) % spec->size_ms;

	return ms - past - (past < 0 ? spec->size_ms : 0);
}

/* A word of text up to c, as a time. */
static bool
take_time(struct dl_span *text, char c, int64_t *ms)
{
	const char *end = memchr(text->p, c, text->len);
	struct dl_err ignored = {0};
	struct dl_time t;

	if (end == NULL ||
	    dl_time_parse(
		dl_span(text->p, (size_t)(end - text->p)), &t, &ignored) < 0)
		return false;
	*text = dl_span(end + 1, (size_t)(dl_span_end(*text) - end - 1));
	*ms = time_ms(&t);
	return true;
}

static void
add_time(struct dl_buf *b, int64_t ms, char c)
{
	struct dl_time t = ms_time(ms);
	char out[DL_TIME_MAX];

	dl_buf_add(b, out, dl_time_print(&t, out));
	dl_buf_addc(b, c);
}

/*
 * What the state remembers of a backfill: its beginning, its end and its place,
 * each a line, and then the words of --from and --to.
 */
static bool
recall_backfill(struct dl_windows *w, const struct dl_source_state *st)
{
	struct dl_span text = dl_source_state_text(st, FILLED);
	struct dl_buf words = {0};
	int64_t first, end, at;
	bool same;

	if (text.p == NULL || !take_time(&text, '\n', &first) ||
	    !take_time(&text, '\n', &end) || !take_time(&text, '\n', &at))
		return false;
	dl_buf_printf(&words, "%s\n%s", w->from, w->to);
	same =
	    dl_span_eq(text, dl_buf_as_span(&words)) && first <= at && at < end;
	dl_buf_release(&words);
	if (!same)
		return false;
	w->first_ms = first;
	w->end_ms = end;
	w->next_ms = at;
	return true;
}

static bool
begin_backfill(struct dl_windows *w, const struct dl_source_state *st)
{
	bool again = recall_backfill(w, st);

	if (!again)
		w->next_ms = w->first_ms;
	w->from_ms = w->done_ms = w->next_ms;
	return again;
}

static void
keep_poll(const struct dl_windows *w, struct dl_source_state *st)
{
	struct dl_span old = dl_source_state_text(st, POLLED);
	struct dl_buf b = {0};

	add_time(&b, w->done_ms, '\n');
	if (old.p == NULL || !dl_span_eq(old, dl_buf_as_span(&b)))
		dl_source_state_set_text(st, POLLED, dl_buf_as_span(&b));
	dl_buf_release(&b);
}

/* A window that an earlier poll began with has been: was the clock wrong? */
static void
check_clock(struct dl_windows *w, const struct dl_time *now)
{
	struct dl_time next = ms_time(w->next_ms);
	char is[DL_TIME_MAX], at[DL_TIME_MAX];

	if (w->next_ms <= w->now_ms || w->said)
		return;
	w->said = true;
	dl_time_print(now, is);
	dl_time_print(&next, at);
	dl_log(DL_LOG_WARN,
	    "it is %s, and earlier polls left windows from %s on: until then "
	    "none is got; is the clock right?",
	    is, at);
}

static void
begin_poll(struct dl_windows *w, struct dl_source_state *st)
{
	struct dl_span text = dl_source_state_text(st, POLLED);
	struct dl_time now;

	dl_now(&now);
	w->now_ms = time_ms(&now);
	if (text.p != NULL && take_time(&text, '\n', &w->next_ms)) {
		check_clock(w, &now);
		/* Without a start that is least of all. */
		if (w->next_ms < w->spec->start_ms)
			w->next_ms = w->spec->start_ms;
	} else if (w->spec->start_ms != NO_START)
		w->next_ms = w->spec->start_ms;
	else
		w->next_ms = grid_floor(w->spec, w->now_ms);
	w->done_ms = w->next_ms;
	/* Where the first poll begins the next one does, if this one fails. */
	keep_poll(w, st);
}

bool
dl_windows_begin(struct dl_windows *w, struct dl_source_state *st)
{
	w->unbroken = true;
	w->open = false;
	if (w->from != NULL)
		return begin_backfill(w, st);
	begin_poll(w, st);
	return false;
}

/* Where the window that begins at ms ends: a backfill's grid is its own. */
static int64_t
window_end(const struct dl_windows *w, int64_t ms)
{
	int64_t end;

	if (w->from == NULL)
		return grid_floor(w->spec, ms) + w->spec->size_ms;
	end = w->first_ms +
	      ((ms - w->first_ms) / w->spec->size_ms + 1) * w->spec->size_ms;
	return end < w->end_ms ? end : w->end_ms;
}

bool
dl_windows_next(struct dl_windows *w, struct dl_template_values *values)
{
	int64_t limit = w->from != NULL ? w->end_ms : w->now_ms + 1;

	if (w->open)
		w->unbroken = false;
	if (w->next_ms >= limit)
		return false;
	w->from_ms = w->next_ms;
	w->to_ms = w->next_ms = window_end(w, w->from_ms);
	/* No calendar that we print has what is beyond. */
	if (w->from_ms < YEAR_0_MS || w->to_ms > YEAR_9999_MS)
		return false;
	w->open = true;
	values->of[DL_TEMPLATE_FROM] = (struct dl_template_value){
	    .is_time = true, .time = ms_time(w->from_ms)};
	values->of[DL_TEMPLATE_TO] = (struct dl_template_value){
	    .is_time = true, .time = ms_time(w->to_ms)};
	return true;
}

static void
keep_backfill(const struct dl_windows *w, struct dl_source_state *st)
{
	struct dl_buf b = {0};

	if (w->done_ms < w->end_ms) {
		add_time(&b, w->first_ms, '\n');
		add_time(&b, w->end_ms, '\n');
		add_time(&b, w->done_ms, '\n');
		dl_buf_printf(&b, "%s\n%s", w->from, w->to);
	}
	dl_source_state_set_text(st, FILLED, dl_buf_as_span(&b));
	dl_buf_release(&b);
}

void
dl_windows_done(struct dl_windows *w, struct dl_source_state *st)
{
	w->open = false;
	if (w->from == NULL && w->to_ms + w->spec->late_ms > w->now_ms)
		w->unbroken = false;
	if (!w->unbroken)
		return;
	w->done_ms = w->to_ms;
	if (w->from == NULL)
		keep_poll(w, st);
	else
		keep_backfill(w, st);
}

void
dl_windows_show(
    const struct dl_windows *w, char from[DL_TIME_MAX], char to[DL_TIME_MAX])
{
	struct dl_time t = ms_time(w->from_ms);

	dl_time_print(&t, from);
	t = ms_time(w->to_ms);
	dl_time_print(&t, to);
}

void
dl_windows_progress(const struct dl_windows *w, uint64_t *done, uint64_t *all,
    struct dl_time *at)
{
	int64_t size = w->spec->size_ms;

	*done = (uint64_t)((w->done_ms - w->first_ms + size - 1) / size);
	*all = (uint64_t)((w->end_ms - w->first_ms + size - 1) / size);
	*at = ms_time(w->from_ms);
}
