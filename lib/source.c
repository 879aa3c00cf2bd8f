#include "source.h"

#include "checkpoint.h"
#include "clock.h"
#include "dead.h"
#include "fetch.h"
#include "hash.h"
#include "io.h"
#include "json.h"
#include "log.h"
#include "out.h"
#include "retry.h"
#include "source_state.h"
#include "source_wrap.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define READ_SIZE (256 << 10)
#define NAP_MS 250 /* a signal just before a sleep is seen this late */
#define FOUND_MAX 32

struct dl_source {
	const struct dl_source_spec *spec;
	const volatile sig_atomic_t *stop;
	struct dl_source_wrap wrap;
	struct dl_items *items;
	struct dl_out out;
	struct dl_dead dead;
	bool broken; /* out or dead can't be written: no retry helps */

	/* Of a URL alone. */
	struct dl_fetch *fetch;
	struct dl_source_state *state;
	char key[80];
	int lock;
	int64_t not_before_ms; /* what a server asked for */
	bool warned;
	uint64_t fed;      /* bytes of this attempt */
	uint64_t nearlier; /* items of those before it */

	uint64_t nitems, nout, nunchanged;
};

/* How many items of this attempt have left us in one way or the other. */
static uint64_t
passed_on(const struct dl_source *s)
{
	return s->nout + s->dead.count;
}

static int
bury(struct dl_source *s, struct dl_span item, size_t total, const char *code,
    const struct dl_err *why, struct dl_err *err)
{
	if (dl_dead_put(&s->dead, &s->wrap.ev, item, total, code, why, err) ==
	    0)
		return 0;
	s->broken = s->dead.open;
	return -1;
}

/* The same for an item that can be read: where it ends the run, say which. */
static int
bury_read(struct dl_source *s, struct dl_span item, size_t total,
    const char *code, const struct dl_err *why, struct dl_err *err)
{
	if (bury(s, item, total, code, why, err) == 0)
		return 0;
	if (!s->dead.open)
		dl_err_prefix(err, "item %llu",
		    (unsigned long long)(s->nitems - s->nearlier));
	return -1;
}

static int
emit(struct dl_source *s, struct dl_err *err)
{
	struct dl_span data = s->wrap.ev.data;
	struct dl_err why = {0};
	size_t before = s->out.buf.len;
	size_t max = (size_t)s->spec->max_item;

	dl_source_wrap_name(&s->wrap);
	dl_event_write(&s->out.buf, &s->wrap.ev);
	if (s->out.buf.len - before - 1 > max) {
		dl_err_data(&why,
		    "%zu bytes with its envelope, longer than "
		    "the limit of %zu",
		    s->out.buf.len - before - 1, max);
		s->out.buf.len = before;
		return bury_read(s, data, data.len, "too-long", &why, err);
	}
	s->nout++;
	if (dl_out_spill(&s->out, err) == 0)
		return 0;
	s->broken = true;
	return -1;
}

static int
take_item(void *arg, struct dl_span item, size_t total, const char *code,
    const struct dl_err *bad, struct dl_err *err)
{
	struct dl_source *s = arg;
	struct dl_event *ev = &s->wrap.ev;
	struct dl_err why;

	s->nitems++;
	if (bad != NULL) {
		ev->id = ev->subject = ev->time = (struct dl_span){0};
		return bury(s, item, total, code, bad, err);
	}
	why.status = DL_EXIT_OK;
	if (dl_source_wrap_item(&s->wrap, item, &code, &why) < 0)
		return bury_read(s, item, total, code, &why, err);
	if (s->spec->only_changed && s->state != NULL &&
	    !dl_source_state_new(
		s->state, dl_hash64(ev->subject), dl_hash64(ev->data))) {
		s->nunchanged++;
		return 0;
	}
	return emit(s, err);
}

static int
open_items(struct dl_source *s, struct dl_err *err)
{
	const struct dl_source_spec *spec = s->spec;
	struct dl_items_options o = {
	    .format = (enum dl_items_format)spec->format,
	    .path = spec->items,
	    .where = spec->items_where,
	    .max_item = (size_t)spec->max_item,
	    .max_document = (size_t)spec->max_document,
	    .delimiter = *spec->delimiter,
	    .csv_strings = spec->csv_types == 1,
	};

	s->items = dl_items_new(&o, take_item, s, err);
	return s->items == NULL ? -1 : 0;
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
	return s->state == NULL ? -1 : 0;
}

static void
release(struct dl_source *s)
{
	dl_source_state_close(s->state);
	dl_fetch_free(s->fetch);
	dl_items_free(s->items);
	dl_source_wrap_release(&s->wrap);
	dl_out_release(&s->out);
	if (s->lock >= 0)
		close(s->lock);
	free(s);
}

struct dl_source *
dl_source_open(const struct dl_source_spec *spec, const char *home,
    const char *dead, const volatile sig_atomic_t *stop, struct dl_err *err)
{
	struct dl_source *s = dl_calloc(1, sizeof(*s));
	const char *origin = NULL;

	s->spec = spec;
	s->stop = stop;
	s->lock = -1;
	dl_out_init(&s->out, STDOUT_FILENO, "<stdout>");
	/* What is wrong with the spec is told before anything is written. */
	if (home != NULL && open_url(s, err) < 0)
		goto fail;
	if (home != NULL)
		origin = dl_fetch_shown(s->fetch);
	if (dl_source_wrap_init(&s->wrap, spec, origin, err) < 0 ||
	    open_items(s, err) < 0 ||
	    (home != NULL && open_state(s, home, err) < 0) ||
	    dl_dead_open(
		&s->dead, dead, "dl-source", dl_span_str(spec->name), err) < 0)
		goto fail;
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

/*
 * A page for people where records were expected: JSON's reader says so of
 * itself, and a CSV header may begin with anything.
 */
static int
refuse_page(struct dl_source *s, const char *type, const char *p, size_t n,
    struct dl_err *err)
{
	static const char *const names[] = {"JSON", "NDJSON", "CSV"};
	size_t i = 0;

	while (i < n && strchr(" \t\r\n", p[i]) != NULL && p[i] != '\0')
		i++;
	if (i == n || p[i] != '<' || s->spec->format == DL_ITEMS_JSON ||
	    (s->spec->format == DL_ITEMS_CSV && strstr(type, "html") == NULL))
		return 0;
	n = n - i < FOUND_MAX ? n - i : FOUND_MAX;
	while (n > 0 && !dl_utf8_valid(dl_span(p + i, n)))
		n--;
	return dl_err_data(err, "expected %s, found '%.*s…'",
	    names[s->spec->format], (int)n, p + i);
}

/* Name the document in an error of its bytes. */
static int
fail_data(const char *shown, const char *type, struct dl_err *err)
{
	if (err->status == DL_EXIT_DATA && type[0] != '\0')
		dl_err_prefix(err, "%s (%s)", shown, type);
	else if (err->status == DL_EXIT_DATA)
		dl_err_prefix(err, "%s", shown);
	return -1;
}

static int
take_bytes(void *arg, const struct dl_fetch_reply *reply, const char *p,
    size_t n, struct dl_err *err)
{
	struct dl_source *s = arg;

	if ((s->fed == 0 && refuse_page(s, reply->type, p, n, err) < 0) ||
	    dl_items_feed(s->items, p, n, err) < 0)
		return fail_data(dl_fetch_shown(s->fetch), reply->type, err);
	s->fed += n;
	return 0;
}

/* One try at an acquisition. */
static enum dl_fetch_result
attempt(struct dl_source *s, struct dl_fetch_reply *reply, struct dl_err *err)
{
	uint64_t spec = dl_source_spec_hash(s->spec);
	struct dl_span etag, modified;
	enum dl_fetch_result r;

	s->fed = 0;
	s->nearlier = s->nitems;
	dl_items_start(s->items);
	dl_source_wrap_now(&s->wrap);
	dl_source_state_validators(s->state, spec, &etag, &modified);
	r = dl_fetch_get(s->fetch, etag, modified, take_bytes, s, reply, err);
	if (r != DL_FETCH_DONE || reply->status == 304 || reply->status == 204)
		return r;
	if (dl_items_end(s->items, err) < 0) {
		fail_data(dl_fetch_shown(s->fetch), reply->type, err);
		if (!dl_items_cut_off(s->items) || s->fed == 0 ||
		    dl_fetch_is_file(s->fetch) || err->status != DL_EXIT_DATA)
			return DL_FETCH_FAIL;
		/* An answer without a length was cut off on its way. */
		err->status = DL_EXIT_TEMP;
		return DL_FETCH_AGAIN;
	}
	dl_source_state_set_validators(s->state, spec, dl_span_str(reply->etag),
	    dl_span_str(reply->modified));
	return DL_FETCH_DONE;
}

/* Sleep until the clock of dl_clock_ms() says when, or a stop. */
static void
sleep_until(const struct dl_source *s, int64_t when)
{
	int64_t left;

	while (!*s->stop && (left = when - dl_clock_ms()) > 0)
		poll(NULL, 0, left < NAP_MS ? (int)left : NAP_MS);
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
	sleep_until(s, dl_clock_ms() + wait);
	return 0;
}

/* One acquisition, with its retries; never DL_FETCH_AGAIN. */
static enum dl_fetch_result
acquire(struct dl_source *s, struct dl_err *err)
{
	struct dl_fetch_reply reply;
	struct dl_retry retry;
	enum dl_fetch_result r;
	uint64_t before = passed_on(s), nout = s->nout;

	dl_retry_init(&retry, s->spec->retries);
	while ((r = attempt(s, &reply, err)) == DL_FETCH_AGAIN) {
		/* Its beginning is out already: from the start next time. */
		if (passed_on(s) != before)
			break;
		if (wait_for_retry(s, &retry, reply.after_ms, err) < 0)
			break;
		if (*s->stop)
			return DL_FETCH_STOPPED;
	}
	if (s->nout != nout)
		dl_source_state_touch(s->state);
	return r == DL_FETCH_AGAIN ? DL_FETCH_FAIL : r;
}

/* An acquisition is whole: make it a position, and say so. */
static int
settle(struct dl_source *s, struct dl_err *err)
{
	int r;

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
		sleep_until(s, next_due(s, start));
	}
	return 0;
}

/* Write what is ready before a read that would wait. */
static int
flush_if_idle(struct dl_source *s, int fd, struct dl_err *err)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	if (s->out.buf.len == 0 && s->dead.out.buf.len == 0)
		return 0;
	if (poll(&p, 1, 0) != 0)
		return 0;
	return dl_dead_sync(&s->dead, err) < 0 ? -1 : flush(s, err);
}

int
dl_source_read(struct dl_source *s, int fd, struct dl_err *err)
{
	char *bytes = dl_alloc(READ_SIZE);
	ssize_t n;
	int r = -1;

	dl_widen_pipe(fd);
	for (;;) {
		if (flush_if_idle(s, fd, err) < 0)
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
		if (dl_items_feed(s->items, bytes, (size_t)n, err) < 0) {
			fail_data("<stdin>", "", err);
			goto out;
		}
	}
	if ((r = dl_items_end(s->items, err)) < 0)
		fail_data("<stdin>", "", err);
out:
	free(bytes);
	return r < 0 ? fail_after_flush(s) : 0;
}

int
dl_source_close(struct dl_source *s, struct dl_err *err)
{
	uint64_t dead = s->dead.count;
	int r = dl_dead_close(&s->dead, err);

	if (r == 0)
		r = flush(s, err);
	if (r == 0)
		dl_log(DL_LOG_DEBUG,
		    "%llu items: %llu passed on, %llu "
		    "unchanged, %llu dead letters",
		    (unsigned long long)s->nitems, (unsigned long long)s->nout,
		    (unsigned long long)s->nunchanged,
		    (unsigned long long)dead);
	release(s);
	return r;
}
