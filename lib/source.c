#include "source_private.h"

#include "checkpoint.h"
#include "clock.h"
#include "io.h"
#include "log.h"
#include "retry.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define READ_SIZE (256 << 10)
#define NAP_MS 250 /* a signal just before a sleep is seen this late */

/* How many items of this attempt have left us in one way or the other. */
static uint64_t
passed_on(const struct dl_source *s)
{
	return s->counts->out + s->counts->dead;
}

static int
open_url(struct dl_source *s, struct dl_err *err)
{
	const struct dl_source_spec *spec = s->spec;

	s->fetch = dl_fetch_new(
	    spec->url, spec->headers, spec->timeout_ms, s->stop, err);
	if (s->fetch != NULL)
		return 0;
	if (spec->conf != NULL && err->status == DL_EXIT_CONF)
		dl_err_prefix(err, "%s:%d: 'url'", spec->path,
		    dl_conf_line_of(dl_conf_root(spec->conf), "url"));
	return -1;
}

static int
open_state(struct dl_source *s, const char *home, struct dl_err *err)
{
	const char *name = s->spec->name;

	snprintf(s->key, sizeof(s->key), "source.%s", name);
	s->lock = dl_head_lock(home, dl_span_str(s->key), err);
	if (s->lock < 0)
		return -1;
	s->state = dl_source_state_open(home, dl_span_str(name), err);
	if (s->state == NULL)
		return -1;
	/* It is there now, and its path not too long. */
	snprintf(s->dir, sizeof(s->dir), "%s/sources/%s", home, name);
	dl_idset_init(&s->sent, s->dir);
	return 0;
}

static void
release(struct dl_source *s)
{
	dl_source_state_close(s->state);
	dl_idset_release(&s->sent);
	dl_fetch_free(s->fetch);
	dl_source_feed_close(s);
	dl_source_wrap_release(&s->wrap);
	dl_out_release(&s->out);
	if (s->lock >= 0)
		close(s->lock);
	free(s);
}

struct dl_source *
dl_source_open(const struct dl_source_spec *spec, const char *home,
    const char *dead, struct dl_counts *counts,
    const volatile sig_atomic_t *stop, struct dl_err *err)
{
	struct dl_source *s = dl_calloc(1, sizeof(*s));
	const char *origin = NULL;

	s->spec = spec;
	s->stop = stop;
	s->counts = counts;
	s->lock = -1;
	dl_out_init(&s->out, STDOUT_FILENO, "<stdout>");
	/* What is wrong with the spec is told before anything is written. */
	if (home != NULL && open_url(s, err) < 0)
		goto fail;
	if (home != NULL)
		origin = dl_fetch_shown(s->fetch);
	if (dl_source_wrap_init(&s->wrap, spec, origin, err) < 0 ||
	    dl_source_feed_open(s, origin == NULL ? "<stdin>" : origin, err) <
		0 ||
	    (home != NULL && open_state(s, home, err) < 0) ||
	    dl_dead_open(
		&s->dead, dead, "dl-source", dl_span_str(spec->name), err) < 0)
		goto fail;
	s->dead.counted = "item";
	return s;
fail:
	release(s);
	return NULL;
}

static int
flush(struct dl_source *s, struct dl_err *err)
{
	if (dl_out_flush(&s->out, err) == 0)
		return 0;
	s->broken = true;
	return -1;
}

static int
checkpoint(struct dl_source *s, struct dl_err *err)
{
	dl_event_checkpoint(&s->out.buf, dl_span_str(s->key),
	    dl_source_state_position(s->state));
	return flush(s, err);
}

static int
take_bytes(void *arg, const struct dl_fetch_reply *reply, const char *p,
    size_t n, struct dl_err *err)
{
	return dl_source_feed(arg, reply->type, p, n, err);
}

/* One try at an acquisition. */
static enum dl_fetch_result
attempt(struct dl_source *s, struct dl_fetch_reply *reply, struct dl_err *err)
{
	uint64_t spec = dl_source_spec_hash(s->spec);
	struct dl_span etag, modified;
	enum dl_fetch_result r;
	bool cut_off;

	if (s->remembers && dl_idset_seal(&s->sent, err) < 0)
		return DL_FETCH_FAIL;
	s->earlier = s->counts->in;
	dl_source_feed_start(s);
	dl_source_wrap_now(&s->wrap);
	dl_source_state_validators(s->state, spec, &etag, &modified);
	r = dl_fetch_get(s->fetch, etag, modified, take_bytes, s, reply, err);
	if (r != DL_FETCH_DONE || reply->status == 304 || reply->status == 204)
		return r;
	if (dl_source_feed_end(s, reply->type, &cut_off, err) < 0) {
		if (!cut_off || dl_fetch_is_file(s->fetch) ||
		    err->status != DL_EXIT_DATA)
			return DL_FETCH_FAIL;
		/* An answer without a length was cut off on its way. */
		err->status = DL_EXIT_TEMP;
		return DL_FETCH_AGAIN;
	}
	dl_source_state_set_validators(s->state, spec, dl_span_str(reply->etag),
	    dl_span_str(reply->modified));
	return DL_FETCH_DONE;
}

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
	if (flush(s, err) < 0)
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

/* One acquisition, with its retries; never DL_FETCH_AGAIN. */
static enum dl_fetch_result
acquire(struct dl_source *s, struct dl_err *err)
{
	struct dl_fetch_reply reply;
	struct dl_retry retry;
	enum dl_fetch_result r;
	uint64_t before = passed_on(s);
	uint64_t out = s->counts->out, dead = s->counts->dead;

	dl_retry_init(&retry, s->spec->retries);
	while ((r = attempt(s, &reply, err)) == DL_FETCH_AGAIN) {
		/* Its beginning is out already: from the start next time. */
		if (passed_on(s) != before && !may_repeat(s, dead))
			break;
		if (wait_for_retry(s, &retry, reply.after_ms, err) < 0)
			break;
		if (*s->stop)
			return DL_FETCH_STOPPED;
	}
	if (s->counts->out != out)
		dl_source_state_touch(s->state);
	return r == DL_FETCH_AGAIN ? DL_FETCH_FAIL : r;
}

/* An acquisition is whole: make it a position, and say so. */
static int
settle(struct dl_source *s, struct dl_err *err)
{
	int r;

	/* What comes again from now on does so by the source's will. */
	dl_idset_release(&s->sent);
	if (dl_dead_sync(&s->dead, err) < 0 ||
	    (r = dl_source_state_save(s->state, err)) < 0) {
		s->broken = true;
		return -1;
	}
	if (r > 0)
		return checkpoint(s, err);
	if (dl_source_state_waiting(s->state) >= DL_SOURCE_WAITING_MAX &&
	    !s->warned) {
		s->warned = true;
		dl_log(DL_LOG_WARN,
		    "%d checkpoints wait to be committed, no "
		    "more are written until then: does the pipe end in "
		    "dl-commit?",
		    DL_SOURCE_WAITING_MAX);
	}
	return flush(s, err);
}

/* When the next acquisition is due: on the grid that began at start. */
static int64_t
next_due(const struct dl_source *s, int64_t start)
{
	int64_t every = s->spec->every_ms, now = dl_clock_ms();
	int64_t due = start + ((now - start) / every + 1) * every;

	return due > s->not_before_ms ? due : s->not_before_ms;
}

/* Something failed: what was made before it is whole, and is written. */
static int
fail_after_flush(struct dl_source *s)
{
	struct dl_err ignored = {0};

	if (s->broken)
		return -1;
	(void)dl_dead_sync(&s->dead, &ignored);
	(void)dl_out_flush(&s->out, &ignored);
	return -1;
}

int
dl_source_run(struct dl_source *s, bool follow, struct dl_err *err)
{
	int64_t start = dl_clock_ms();
	enum dl_fetch_result r;

	/*
	 * Without -f a failure ends the run, and the next one is a repeat.
	 * only_changed knows what is out by its content.  Items without a time
	 * of their own never come again under the same id.
	 */
	s->remembers =
	    follow && !s->spec->only_changed && s->spec->time != NULL;
	if (checkpoint(s, err) < 0)
		return -1;
	while (!*s->stop) {
		r = acquire(s, err);
		if (r == DL_FETCH_DONE && settle(s, err) < 0)
			return -1;
		if (r == DL_FETCH_FAIL) {
			if (!follow || s->broken || err->status != DL_EXIT_TEMP)
				return fail_after_flush(s);
			dl_log(DL_LOG_ERROR, "%s", err->msg);
			dl_err_clear(err);
		}
		if (flush(s, err) < 0)
			return -1;
		if (!follow)
			return 0;
		if (sleep_until(s, next_due(s, start), err) < 0)
			return -1;
	}
	return 0;
}

/* Before a read that would wait: write what is ready, the metric when due. */
static int
wait_read(struct dl_source *s, int fd, struct dl_err *err)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	for (;;) {
		bool ready = s->out.buf.len > 0 || s->dead.out.buf.len > 0;
		int due = dl_metric_wait_ms(), n;

		if (!ready && due < 0)
			return 0;
		n = poll(&p, 1, ready ? 0 : due);
		if (n > 0 || (n < 0 && errno != EINTR))
			return 0;
		if (ready &&
		    (dl_dead_sync(&s->dead, err) < 0 || flush(s, err) < 0))
			return -1;
		dl_metric_tick();
	}
}

int
dl_source_read(struct dl_source *s, int fd, struct dl_err *err)
{
	char *bytes = dl_alloc(READ_SIZE);
	bool cut_off;
	ssize_t n;
	int r = -1;

	dl_widen_pipe(fd);
	for (;;) {
		if (wait_read(s, fd, err) < 0)
			goto out;
		if ((n = read(fd, bytes, READ_SIZE)) == 0)
			break;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			dl_err_errno(err, "cannot read <stdin>");
			goto out;
		}
		dl_source_wrap_now(&s->wrap);
		if (dl_source_feed(s, "", bytes, (size_t)n, err) < 0)
			goto out;
	}
	r = dl_source_feed_end(s, "", &cut_off, err);
out:
	free(bytes);
	return r < 0 ? fail_after_flush(s) : 0;
}

int
dl_source_close(struct dl_source *s, struct dl_err *err)
{
	int r = dl_dead_close(&s->dead, err);

	if (r == 0)
		r = flush(s, err);
	if (r == 0)
		dl_counts_log(s->counts);
	release(s);
	return r;
}
