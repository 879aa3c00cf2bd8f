/* The acquisitions of a source: once or at intervals, and their retries. */
#include "source_private.h"

#include "clock.h"
#include "io.h"
#include "log.h"
#include "retry.h"

#define NAP_MS 250 /* a signal just before a sleep is seen this late */

/* Sleep until the clock says when, a stop, or that nobody reads our output. */
static int
sleep_until(const struct dl_source *s, int64_t when, struct dl_err *err)
{
	int64_t left;

	while (!*s->stop && (left = when - dl_clock_ms()) > 0) {
		dl_metric_tick();
		if (dl_check_reader(s->out.fd,
			left < NAP_MS ? (int)left : NAP_MS, s->out.name,
			err) < 0)
			return -1;
	}
	return 0;
}

/* Wait before the next try, or say that there is none. */
static int
wait_for_retry(struct dl_source *s, struct dl_retry *retry, int64_t after_ms,
    struct dl_err *err)
{
	int64_t wait;

	if (after_ms > 0)
		s->not_before_ms = dl_clock_ms() + after_ms;
	if (after_ms > DL_RETRY_AFTER_MAX_MS) {
		char was[DL_ERR_MAX];

		memcpy(was, err->msg, sizeof(was));
		dl_err_clear(err);
		return dl_err_temp(err,
		    "%s; it asks to wait %lld s: run it "
		    "again then",
		    was, (long long)(after_ms / 1000));
	}
	if ((wait = dl_retry_next(retry, after_ms)) < 0)
		return -1;
	dl_log(DL_LOG_WARN, "%s; trying again in %lld.%03lld s", err->msg,
	    (long long)(wait / 1000), (long long)(wait % 1000));
	dl_err_clear(err);
	if (dl_source_flush(s, err) < 0)
		return -1;
	return sleep_until(s, dl_clock_ms() + wait, err);
}

/*
 * May an attempt follow at once on one whose beginning is out?  Only if all of
 * that is known when it comes again.  Items without a time of their own are
 * not: each attempt gives them new ids, so that every retry would observe them
 * once more.  Nor are dead letters, which it would write once more; dead is how
 * many there were before this acquisition.
 */
static bool
may_repeat(const struct dl_source *s, uint64_t dead)
{
	return s->remembers && s->counts->dead == dead;
}

/* One try at an acquisition. */
static enum dl_transport_result
attempt(struct dl_source *s, int64_t *after_ms, struct dl_err *err)
{
	struct dl_taker taker = dl_source_taker(s);

	enum dl_transport_result r;
	int64_t asked = -1;

	*after_ms = -1;
	if (s->remembers && dl_idset_seal(&s->sent, err) < 0)
		return DL_TRANSPORT_FAIL;
	r = s->kind->acquire(s->transport, s->state, &taker, after_ms, err);
	if (s->spec->stream && s->items != NULL)
		asked = dl_items_retry_ms(s->items);
	if (asked > *after_ms)
		*after_ms = asked;
	return r;
}

/* One acquisition, with its retries; never DL_TRANSPORT_AGAIN. */
static enum dl_transport_result
acquire(struct dl_source *s, struct dl_err *err)
{
	enum dl_transport_result r;
	struct dl_retry retry;
	uint64_t dead = s->counts->dead, before = s->wholes;
	int64_t after_ms;

	dl_source_leave(s);
	s->deadline_ms = 0;
	if (s->spec->limits.max_time_ms > 0 && !s->spec->stream &&
	    !s->kind->endless)
		s->deadline_ms = dl_clock_ms() + s->spec->limits.max_time_ms;
	dl_retry_init(&retry, s->spec->retries);
	while ((r = attempt(s, &after_ms, err)) == DL_TRANSPORT_AGAIN) {
		/* A document's beginning is out: from the start next time. */
		if (dl_source_passed_on(s) != s->whole_at &&
		    !may_repeat(s, dead))
			break;
		/* What gets somewhere is no failure that goes on. */
		if (s->wholes != before)
			dl_retry_init(&retry, s->spec->retries);
		before = s->wholes;
		if (s->deadline_ms > 0 && dl_clock_ms() > s->deadline_ms)
			break;
		if (wait_for_retry(s, &retry, after_ms, err) < 0)
			break;
		if (*s->stop)
			return DL_TRANSPORT_STOPPED;
	}
	return r == DL_TRANSPORT_AGAIN ? DL_TRANSPORT_FAIL : r;
}

/* When the next poll is due: on the grid that began at start. */
static int64_t
next_due(const struct dl_source *s, int64_t start)
{
	int64_t every = s->spec->every_ms, now = dl_clock_ms();
	int64_t due = start + ((now - start) / every + 1) * every;

	return due > s->not_before_ms ? due : s->not_before_ms;
}

/*
 * An acquisition has ended: what it brought becomes a position where all of
 * that may be one.
 */
static int
conclude(struct dl_source *s, enum dl_transport_result r, struct dl_err *err)
{
	struct dl_err late = {0};

	if (r == DL_TRANSPORT_DONE || r == DL_TRANSPORT_NOTHING)
		return dl_source_save(s, err);
	if (s->enough) {
		dl_err_clear(err);
		return dl_source_flush(s, err);
	}
	if (s->broken)
		return -1;
	if (dl_source_passed_on(s) == s->safe_at &&
	    dl_source_save(s, err->status == DL_EXIT_OK ? err : &late) < 0)
		return -1;
	return r == DL_TRANSPORT_FAIL ? -1 : 0;
}

static int
acquire_one(struct dl_source *s, struct dl_err *err)
{
	enum dl_transport_result r;

	dl_source_round_begin(s);
	r = acquire(s, err);
	if (r == DL_TRANSPORT_DONE || r == DL_TRANSPORT_NOTHING)
		dl_source_round_done(s);
	return conclude(s, r, err);
}

static int
run(struct dl_source *s, struct dl_err *err)
{
	int64_t start = dl_clock_ms();

	/*
	 * Without -f a failure ends the run, and the next one is a repeat.
	 * only_changed knows what is out by its content.  Items without a time
	 * of their own never come again under the same id; nor does what has no
	 * end, which goes on where it was.
	 */
	s->remembers = s->follow && !s->kind->endless && !s->spec->stream &&
	               !s->spec->only_changed && s->spec->time != NULL;
	if (dl_source_checkpoint(s, err) < 0)
		return -1;
	while (!*s->stop) {
		if (dl_source_round(s, acquire_one, err) < 0) {
			if (!s->follow || s->broken ||
			    err->status != DL_EXIT_TEMP)
				return dl_source_fail(s);
			dl_log(DL_LOG_ERROR, "%s", err->msg);
			dl_err_clear(err);
		}
		if (dl_source_flush(s, err) < 0)
			return -1;
		if (!s->follow)
			return 0;
		if (sleep_until(s, next_due(s, start), err) < 0)
			return -1;
	}
	return 0;
}

/* What was whole, and had no place among the positions that wait. */
static int
save_rest(struct dl_source *s, struct dl_err *err)
{
	if (s->broken || s->torn || !dl_source_state_is_unsaved(s->state) ||
	    dl_source_passed_on(s) != s->safe_at)
		return 0;
	s->ending = true;
	return dl_source_save(s, err);
}

int
dl_source_run(struct dl_source *s, struct dl_err *err)
{
	struct dl_err late = {0};
	int r = run(s, err);

	return save_rest(s, r < 0 ? &late : err) < 0 ? -1 : r;
}
