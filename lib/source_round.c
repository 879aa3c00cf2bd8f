/* The acquisitions of a poll, or of a backfill, and what each of them asks. */
#include "source_private.h"

#include "log.h"

int
dl_source_round_open(
    struct dl_source *s, const struct dl_source_options *o, struct dl_err *err)
{
	const struct dl_source_spec *spec = s->spec;

	if (o->from != NULL && spec->window.size_ms == 0)
		return dl_err_usage(err,
		    "--from goes over windows, and %s has no 'window'",
		    spec->path);
	if (spec->window.size_ms > 0)
		s->windows = dl_windows_new(&spec->window);
	s->filling = o->from != NULL;
	if (s->filling &&
	    dl_windows_backfill(s->windows, o->from, o->to, err) < 0)
		return -1;
	if (spec->cursor.value == NULL)
		return 0;
	s->cursor = dl_cursor_new(&spec->cursor, err);
	return s->cursor == NULL ? -1 : 0;
}

void
dl_source_round_close(struct dl_source *s)
{
	dl_windows_free(s->windows);
	dl_cursor_free(s->cursor);
}

void
dl_source_round_begin(struct dl_source *s)
{
	s->round.number++;
	s->cut_short = false;
	if (s->cursor == NULL)
		return;
	dl_cursor_begin(s->cursor, s->state);
	dl_cursor_value(s->cursor, &s->round.values.of[DL_TEMPLATE_CURSOR]);
}

void
dl_source_round_done(struct dl_source *s)
{
	if (s->cursor != NULL)
		dl_cursor_keep(s->cursor, s->state, s->cut_short);
	if (s->windows != NULL && !s->cut_short)
		dl_windows_done(s->windows, s->state);
}

/* How far a backfill is: windows, of all, and where it is. */
static void
look(const struct dl_source *s, uint64_t *done, uint64_t *all,
    char at[DL_TIME_MAX])
{
	struct dl_time t;

	dl_windows_progress(s->windows, done, all, &t);
	dl_time_print(&t, at);
}

void
dl_source_round_tell(struct dl_source *s)
{
	uint64_t done, all;
	char at[DL_TIME_MAX];

	if (!s->filling)
		return;
	look(s, &done, &all, at);
	dl_progress_show(&s->progress, done, all, s->counts->in, at);
}

static void
begin_backfill(struct dl_source *s, bool again)
{
	uint64_t done, all;
	char at[DL_TIME_MAX];

	look(s, &done, &all, at);
	if (again)
		dl_log(DL_LOG_INFO,
		    "the backfill goes on at %s: %llu of %llu windows are done",
		    at, (unsigned long long)done, (unsigned long long)all);
	dl_progress_begin(&s->progress, "windows", done, s->quiet);
}

/* What a signal has stopped, or pages.max cut short, ends well, and isn't done. */
static void
end_backfill(struct dl_source *s, bool failed)
{
	uint64_t done, all;
	char at[DL_TIME_MAX];

	look(s, &done, &all, at);
	dl_progress_end(&s->progress, done, all, s->counts->in, at);
	if (*s->stop && done < all)
		dl_log(DL_LOG_INFO,
		    "stopped: %llu of %llu windows are done, the same again "
		    "goes on",
		    (unsigned long long)done, (unsigned long long)all);
	else if (!failed && !s->enough && done < all)
		dl_log(DL_LOG_WARN,
		    "not all pages came: %llu of %llu windows are done, the "
		    "same again goes on",
		    (unsigned long long)done, (unsigned long long)all);
}

/* The URL that is shown need not say which it was. */
static void
name_window(const struct dl_source *s, struct dl_err *err)
{
	char from[DL_TIME_MAX], to[DL_TIME_MAX];

	if (s->broken)
		return;
	dl_windows_show(s->windows, from, to);
	dl_err_prefix(err, "the window from %s to %s", from, to);
}

static int
walk(struct dl_source *s, dl_source_acquire_fn *acquire, struct dl_err *err)
{
	int r = 0;

	while (r == 0 && !*s->stop && !s->enough &&
	       dl_windows_next(s->windows, &s->round.values)) {
		r = acquire(s, err);
		if (r < 0)
			name_window(s, err);
		dl_source_round_tell(s);
	}
	return r;
}

int
dl_source_round(
    struct dl_source *s, dl_source_acquire_fn *acquire, struct dl_err *err)
{
	bool again;
	int r;

	if (s->windows == NULL)
		return acquire(s, err);
	again = dl_windows_begin(s->windows, s->state);
	if (!s->filling)
		return walk(s, acquire, err);
	begin_backfill(s, again);
	r = walk(s, acquire, err);
	end_backfill(s, r < 0);
	return r;
}
