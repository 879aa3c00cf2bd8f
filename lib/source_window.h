/*
 * The windows of a source whose request names a time span, {from} and {to}.
 *
 *	window: 1d
 *	window: {size: 1h, start: 2026-01-01T00:00:00Z, late: 10m}
 *
 * A window is half-open, and begins a multiple of size after start or, without
 * one, after 1970-01-01T00:00:00Z; all is UTC, where every day has 24 hours.
 *
 * A poll goes over the windows from the first that is not done up to the one
 * of now, which ends in the future.  A window is done once it was acquired
 * whole at `late` after its end or later; those that are not are acquired again
 * by the next poll.  Without start the first poll begins at the window of now; a
 * start that is later than what is done passes over what is before it.
 * The state's text "window" says from where on windows are not done.
 *
 * A backfill goes over the windows of a given span once.  Its place, the state's
 * text "backfill", is that of the same words of --from and --to; other words
 * begin anew, and one that is finished is forgotten.
 */
#ifndef DL_SOURCE_WINDOW_H
#define DL_SOURCE_WINDOW_H

#include "clock.h"
#include "conf.h"
#include "source_state.h"
#include "template.h"

struct dl_window_spec {
	int64_t size_ms; /* 0: there are no windows; whole seconds */
	int64_t late_ms;
	int64_t start_ms; /* since 1970, or INT64_MIN */
	const char *start;
};

/* Take the node (NULL: none), which is the size or a mapping; checked offline. */
int dl_window_take(const struct dl_conf *c, const struct dl_conf_node *node,
    struct dl_window_spec *spec, struct dl_err *err);

struct dl_windows;

/* spec has windows, and is borrowed. */
struct dl_windows *dl_windows_new(const struct dl_window_spec *spec);
void dl_windows_free(struct dl_windows *w); /* NULL does nothing */

/*
 * Make it a backfill of --from and --to, as dl_when_parse() has them; to may be
 * NULL, which is now.  The texts are borrowed.  DL_EXIT_USAGE.
 */
int dl_windows_backfill(
    struct dl_windows *w, const char *from, const char *to, struct dl_err *err);

/*
 * A poll begins, or the backfill.  Of a backfill that went on at an earlier
 * place, true.
 */
bool dl_windows_begin(struct dl_windows *w, struct dl_source_state *st);

/* The next window into values; false: that was the last one for now. */
bool dl_windows_next(struct dl_windows *w, struct dl_template_values *values);

/* The window at hand was acquired whole. */
void dl_windows_done(struct dl_windows *w, struct dl_source_state *st);

/* The window at hand, as text. */
void dl_windows_show(
    const struct dl_windows *w, char from[DL_TIME_MAX], char to[DL_TIME_MAX]);

/* How far a backfill is: windows done, of all; and where the one at hand begins. */
void dl_windows_progress(const struct dl_windows *w, uint64_t *done,
    uint64_t *all, struct dl_time *at);

#endif
