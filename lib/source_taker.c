/* What transports hand their bytes to, and when a position is made of it. */
#include "source_private.h"

#include "checkpoint.h"
#include "clock.h"
#include "io.h"
#include "log.h"

#include <stdio.h>

#define SAVE_EVERY_MS 1000 /* positions of what has no end */
#define LOOK_MS 2          /* between looks at what was committed */
#define TELL_MS 10000      /* ... until it is told that none comes */
#define STOP_MS 5000       /* ... after a stop */

int
dl_source_flush(struct dl_source *s, struct dl_err *err)
{
	if (dl_out_flush(&s->out, err) == 0)
		return 0;
	s->broken = true;
	return -1;
}

int
dl_source_checkpoint(struct dl_source *s, struct dl_err *err)
{
	if (!s->look)
		dl_event_checkpoint(&s->out.buf, dl_span_str(s->key),
		    dl_source_state_position(s->state));
	return dl_source_flush(s, err);
}

static void
tell_waiting(struct dl_source *s)
{
	if (s->warned ||
	    dl_source_state_waiting(s->state) < DL_SOURCE_WAITING_MAX)
		return;
	s->warned = true;
	dl_log(DL_LOG_WARN,
	    "%d checkpoints wait to be committed, no more are written until "
	    "then: does the pipe end in dl-commit?",
	    DL_SOURCE_WAITING_MAX);
}

void
dl_source_note(struct dl_source *s)
{
	struct dl_span id = {0};

	if (s->spec->stream && s->items != NULL)
		id = dl_items_last_id(s->items);
	if (id.p != NULL)
		dl_source_state_set_text(s->state, DL_SOURCE_LAST_ID, id);
}

void
dl_source_leave(struct dl_source *s)
{
	if (dl_source_passed_on(s) != s->whole_at)
		s->torn = true;
	s->whole_at = dl_source_passed_on(s);
}

int
dl_source_save(struct dl_source *s, struct dl_err *err)
{
	int r;

	s->torn = false;
	/* What is out comes again by the source's will alone, or not at all. */
	dl_idset_release(&s->sent);
	dl_source_note(s);
	s->settled_ms = dl_clock_ms();
	s->safe_at = s->whole_at = dl_source_passed_on(s);
	if (s->counts->out != s->saved_at)
		dl_source_state_touch(s->state);
	if (dl_dead_sync(&s->dead, err) < 0 ||
	    (r = s->ending ? dl_source_state_save_last(s->state, err)
	                   : dl_source_state_save(s->state, err)) < 0) {
		s->broken = true;
		return -1;
	}
	if (r == 0) {
		tell_waiting(s);
		return dl_source_flush(s, err);
	}
	s->saved_at = s->counts->out;
	return dl_source_checkpoint(s, err);
}

int
dl_source_fail(struct dl_source *s)
{
	struct dl_err ignored = {0};

	if (s->broken)
		return -1;
	(void)dl_dead_sync(&s->dead, &ignored);
	(void)dl_source_flush(s, &ignored);
	return -1;
}

/* Does the acquisition take longer than it may? */
static int
check_time(const struct dl_source *s, struct dl_err *err)
{
	if (s->deadline_ms == 0 || dl_clock_ms() <= s->deadline_ms)
		return 0;
	return dl_err_temp(err, "%s: not finished after 'max_time', %lld ms",
	    s->kind->shown(s->transport),
	    (long long)s->spec->limits.max_time_ms);
}

static int
begin(void *arg, const char *shown, const char *type, struct dl_err *err)
{
	struct dl_source *s = arg;

	if (check_time(s, err) < 0)
		return -1;
	dl_source_leave(s);
	dl_source_feed_start(s, shown, type);
	s->wrap.ev.origin = dl_buf_as_span(&s->shown);
	if (s->cursor != NULL)
		dl_cursor_page(s->cursor);
	return 0;
}

static int
bytes(void *arg, const char *p, size_t n, struct dl_err *err)
{
	if (check_time(arg, err) < 0)
		return -1;
	return dl_source_feed(arg, p, n, err);
}

static int
end(void *arg, bool *cut_off, struct dl_err *err)
{
	struct dl_source *s = arg;

	if (dl_source_feed_end(s, cut_off, err) < 0)
		return -1;
	s->wholes++;
	s->whole_at = dl_source_passed_on(s);
	dl_source_round_tell(s);
	return 0;
}

static int
pause_here(void *arg, struct dl_err *err)
{
	struct dl_source *s = arg;

	s->whole_at = dl_source_passed_on(s);
	if (s->counts->in != s->paused_at)
		s->wholes++;
	s->paused_at = s->counts->in;
	if (!s->torn) {
		s->safe_at = s->whole_at;
		dl_idset_release(&s->sent);
	}
	dl_source_note(s);
	dl_metric_tick();
	/* In silence nothing is written that would tell it. */
	if (dl_check_reader(s->out.fd, 0, s->out.name, err) < 0) {
		s->broken = true;
		return -1;
	}
	if (!s->torn && dl_clock_ms() - s->settled_ms >= SAVE_EVERY_MS)
		return dl_source_save(s, err);
	if (s->dead.out.buf.len > 0 && dl_dead_sync(&s->dead, err) < 0) {
		s->broken = true;
		return -1;
	}
	return dl_source_flush(s, err);
}

/* Is all that was handed over a position, and that committed?  1, 0, -1. */
static int
is_committed(struct dl_source *s, struct dl_buf *b, struct dl_err *err)
{
	struct dl_span now;
	int r;

	/* It had no place among those that waited. */
	if (dl_source_state_is_unsaved(s->state) && dl_source_save(s, err) < 0)
		return -1;
	if (dl_source_state_is_unsaved(s->state))
		return 0;
	now = dl_source_state_position(s->state);
	if (dl_span_is(now, DL_SOURCE_START))
		return 1;
	dl_buf_clear(b);
	r = dl_commit_read(s->home, dl_span_str(s->key), b, err);
	if (r <= 0)
		return r;
	return dl_span_cmp(dl_buf_as_span(b), now) >= 0;
}

static void
tell_commit(struct dl_source *s)
{
	if (s->told)
		return;
	s->told = true;
	dl_log(DL_LOG_WARN,
	    "nothing was committed for %d s, and no more is acknowledged "
	    "until then: does the pipe end in dl-commit? (a lake commits at "
	    "its --max-age, a stream at once)",
	    TELL_MS / 1000);
}

static int
settle(void *arg, struct dl_err *err)
{
	struct dl_source *s = arg;
	int64_t since = dl_clock_ms(), stopped = -1, now;
	struct dl_buf b = {0};
	int r;

	if (dl_source_save(s, err) < 0)
		return -1;
	if (s->look)
		return 0;
	while ((r = is_committed(s, &b, err)) == 0) {
		now = dl_clock_ms();
		if (*s->stop && stopped < 0)
			stopped = now;
		if (stopped >= 0 && now - stopped > STOP_MS)
			break;
		if (now - since > TELL_MS)
			tell_commit(s);
		dl_metric_tick();
		if ((r = dl_check_reader(
			 s->out.fd, LOOK_MS, s->out.name, err)) < 0) {
			s->broken = true;
			break;
		}
	}
	dl_buf_release(&b);
	return r;
}

struct dl_taker
dl_source_taker(struct dl_source *s)
{
	return (struct dl_taker){.begin = begin,
	    .bytes = bytes,
	    .end = end,
	    .pause = pause_here,
	    .settle = settle,
	    .items = &s->counts->in,
	    .cut_short = &s->cut_short,
	    .arg = s};
}
