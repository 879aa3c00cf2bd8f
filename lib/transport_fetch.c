/* Documents and endless streams by URL: http, https, ftp, ftps, sftp, file. */
#include "transport.h"

#include "auth.h"
#include "auth_text.h"
#include "buf.h"
#include "clock.h"
#include "fetch.h"
#include "link.h"
#include "log.h"
#include "polite.h"
#include "transport_request.h"

#include <stdlib.h>

struct transport {
	struct dl_transport_context c;
	struct dl_auth *auth;
	struct dl_fetch *fetch;
	struct dl_polite *polite;
	struct dl_request *request;
	struct dl_pages *pages; /* or NULL */
	struct dl_buf last_id;  /* a header, and room for its end */
	uint64_t round;         /* of the walk over pages at hand */

	/* Of the acquisition at hand. */
	const struct dl_taker *taker;
	bool began;
	int64_t paused_ms; /* when pause was called last */
};

static int
idle(void *arg, struct dl_err *err)
{
	struct transport *t = arg;

	t->paused_ms = dl_clock_ms();
	return t->taker->pause(t->taker->arg, err);
}

static int
take(void *arg, const struct dl_fetch_reply *reply, const char *p, size_t n,
    struct dl_err *err)
{
	struct transport *t = arg;
	const struct dl_taker *to = t->taker;

	if (t->pages != NULL)
		return dl_pages_bytes(t->pages, p, n, err);
	if (!t->began) {
		t->began = true;
		if (to->begin(to->arg, dl_fetch_asked(t->fetch), reply->type,
			err) < 0)
			return -1;
	}
	if (to->bytes(to->arg, p, n, err) < 0)
		return -1;
	/* A stream that is never silent is to have positions, too. */
	if (t->c.spec->stream &&
	    dl_clock_ms() - t->paused_ms >= DL_FETCH_IDLE_MS)
		return idle(t, err);
	return 0;
}

static void
transport_close(void *arg)
{
	struct transport *t = arg;

	dl_fetch_free(t->fetch);
	dl_auth_free(t->auth);
	dl_polite_free(t->polite);
	dl_request_free(t->request);
	dl_pages_free(t->pages);
	dl_buf_release(&t->last_id);
	free(t);
}

/* Whoever stands between reads it: said once, for it may be meant so. */
static void
warn_if_in_the_clear(const struct dl_source_spec *s)
{
	bool shows = s->nref_headers > 0 || (s->auth.kind != DL_AUTH_NONE &&
						s->auth.kind != DL_AUTH_SIGV4);
	struct dl_auth_url url = {.host = NULL};
	struct dl_err ignored = {0};

	if (shows && dl_auth_url_parse(s->url, &url, &ignored) == 0 &&
	    !url.https && !url.loopback)
		dl_log(DL_LOG_WARN,
		    "%s:%d: 'url' is http: the secret goes over the net in the "
		    "clear",
		    s->path, dl_conf_line_of(dl_conf_root(s->conf), "url"));
	dl_auth_url_release(&url);
}

static int64_t
timeout(const struct dl_source_spec *spec)
{
	int64_t most = spec->limits.max_time_ms;

	return most > 0 && most < spec->timeout_ms ? most : spec->timeout_ms;
}

static void *
transport_open(const struct dl_transport_context *c, struct dl_err *err)
{
	const struct dl_source_spec *spec = c->spec;
	struct transport *t = dl_calloc(1, sizeof(*t));
	struct dl_fetch_options o = {.url = spec->url,
	    .method = spec->method,
	    .tls = spec->tls,
	    .proxy = spec->proxy,
	    .known_hosts = spec->known_hosts,
	    .ssh_key = spec->ssh_key,
	    .timeout_ms = timeout(spec),
	    .max_bytes = spec->limits.max_bytes,
	    .endless = spec->stream,
	    .listen_ms = c->follow ? 0 : timeout(spec),
	    .idle = spec->stream ? idle : NULL,
	    .fn = take,
	    .arg = t,
	    .stop = c->stop};

	t->c = *c;
	t->request = dl_request_new(spec);
	o.headers = dl_request_headers(t->request);
	if (spec->pages.by != DL_PAGES_NONE) {
		t->pages =
		    dl_pages_new(&spec->pages, (size_t)spec->max_document, err);
		if (t->pages == NULL)
			goto fail;
	}
	t->polite =
	    dl_polite_new(c->home, &spec->limits, DL_POLITE_WAIT_MS, c->stop);
	t->auth = dl_auth_new(
	    &spec->auth, c->secrets, &spec->tls, spec->proxy, c->stop, err);
	if (t->auth != NULL) {
		o.auth = dl_auth_hooks(t->auth);
		t->fetch = dl_fetch_new(&o, err);
	}
	if (t->fetch != NULL) {
		warn_if_in_the_clear(spec);
		return t;
	}
fail:
	transport_close(t);
	return NULL;
}

static const char *
transport_shown(const void *arg)
{
	const struct transport *t = arg;

	return dl_fetch_shown(t->fetch);
}

/* One request, when it is our turn. */
static enum dl_fetch_result
get(struct transport *t, const struct dl_fetch_ask *ask,
    struct dl_fetch_reply *reply, struct dl_err *err)
{
	enum dl_fetch_result r;
	const char *url = ask->url != NULL ? ask->url : t->c.spec->url;
	int turn = dl_polite_enter(t->polite, url, err);

	*reply = (struct dl_fetch_reply){.after_ms = -1};
	if (turn != 0)
		return turn > 0 ? DL_FETCH_STOPPED : DL_FETCH_FAIL;
	r = dl_fetch_get(t->fetch, ask, reply, err);
	dl_polite_leave(t->polite);
	return r;
}

/*
 * Endless: all that came whole is a position, however it ended.  What was in its
 * middle comes again, or is lost with those that came while nobody listened.
 */
static enum dl_transport_result
end_stream(struct transport *t, enum dl_fetch_result r, struct dl_err *err)
{
	const struct dl_taker *to = t->taker;
	struct dl_err late = {0};
	bool cut_off;

	if (r == DL_FETCH_FAIL)
		return DL_TRANSPORT_FAIL;
	if (t->began && to->end(to->arg, &cut_off, &late) < 0 && !cut_off) {
		*err = late;
		return DL_TRANSPORT_FAIL;
	}
	dl_err_clear(&late);
	if (to->pause(to->arg, &late) < 0) {
		*err = late;
		return DL_TRANSPORT_FAIL;
	}
	if (r == DL_FETCH_STOPPED)
		return DL_TRANSPORT_STOPPED;
	if (r == DL_FETCH_DONE && !t->c.follow)
		return DL_TRANSPORT_DONE;
	if (r == DL_FETCH_DONE)
		dl_err_temp(
		    err, "%s: the stream has ended", dl_fetch_shown(t->fetch));
	return DL_TRANSPORT_AGAIN;
}

static enum dl_transport_result
acquire_stream(struct transport *t, struct dl_source_state *st,
    int64_t *after_ms, struct dl_err *err)
{
	struct dl_span id = dl_source_state_text(st, DL_SOURCE_LAST_ID);
	const char *headers[2] = {NULL, NULL};
	struct dl_fetch_ask ask = {.headers = headers};
	struct dl_fetch_reply reply;
	enum dl_fetch_result r;

	if (t->c.spec->body != NULL)
		ask.body = dl_span_str(t->c.spec->body);
	if (id.len > 0) {
		dl_buf_clear(&t->last_id);
		dl_buf_printf(
		    &t->last_id, "Last-Event-ID: %.*s", DL_SPAN_ARG(id));
		headers[0] = dl_buf_str(&t->last_id);
	}
	r = get(t, &ask, &reply, err);
	*after_ms = reply.after_ms;
	/* What a server says that has no more of it. */
	if (r == DL_FETCH_DONE && reply.status == 204)
		return DL_TRANSPORT_NOTHING;
	return end_stream(t, r, err);
}

/* All of a document has come. */
static enum dl_transport_result
end_document(struct transport *t, struct dl_err *err)
{
	const struct dl_taker *to = t->taker;
	bool cut_off;

	if (to->end(to->arg, &cut_off, err) == 0)
		return DL_TRANSPORT_DONE;
	if (!cut_off || dl_fetch_is_file(t->fetch) ||
	    err->status != DL_EXIT_DATA)
		return DL_TRANSPORT_FAIL;
	/* An answer without a length was cut off on its way. */
	err->status = DL_EXIT_TEMP;
	return DL_TRANSPORT_AGAIN;
}

static enum dl_transport_result
acquire_document(struct transport *t, struct dl_source_state *st,
    int64_t *after_ms, struct dl_err *err)
{
	const struct dl_taker *to = t->taker;
	struct dl_fetch_ask ask;
	struct dl_fetch_reply reply;
	enum dl_transport_result result;
	enum dl_fetch_result r;
	uint64_t hash;

	if (dl_request_fill(t->request, &t->c.round->values, NULL, &ask, err) <
	    0)
		return DL_TRANSPORT_FAIL;
	hash = dl_request_hash(t->request);
	dl_source_state_validators(st, hash, &ask.etag, &ask.modified);
	r = get(t, &ask, &reply, err);
	*after_ms = reply.after_ms;
	if (r != DL_FETCH_DONE)
		return (enum dl_transport_result)r;
	if (reply.status == 304 || reply.status == 204)
		return DL_TRANSPORT_NOTHING;
	if (!t->began &&
	    to->begin(to->arg, dl_fetch_asked(t->fetch), reply.type, err) < 0)
		return DL_TRANSPORT_FAIL;
	if ((result = end_document(t, err)) != DL_TRANSPORT_DONE)
		return result;
	dl_source_state_set_validators(
	    st, hash, dl_span_str(reply.etag), dl_span_str(reply.modified));
	return DL_TRANSPORT_DONE;
}

/* A page that is whole is handed over. */
static enum dl_transport_result
hand_over(
    struct transport *t, const struct dl_fetch_reply *reply, struct dl_err *err)
{
	const struct dl_taker *to = t->taker;
	struct dl_span body = dl_pages_body(t->pages);

	if (to->begin(to->arg, dl_fetch_asked(t->fetch), reply->type, err) <
		0 ||
	    to->bytes(to->arg, body.p, body.len, err) < 0)
		return DL_TRANSPORT_FAIL;
	return end_document(t, err);
}

/* The page at hand; *more: another one follows it. */
static enum dl_transport_result
acquire_page(
    struct transport *t, int64_t *after_ms, bool *more, struct dl_err *err)
{
	struct dl_fetch_reply reply;
	struct dl_fetch_ask ask;
	struct dl_span link, next;
	enum dl_transport_result r;
	uint64_t before = *t->taker->items;
	int on;

	*more = false;
	if (dl_request_fill(
		t->request, &t->c.round->values, t->pages, &ask, err) < 0)
		return DL_TRANSPORT_FAIL;
	dl_pages_page(t->pages);
	r = (enum dl_transport_result)get(t, &ask, &reply, err);
	*after_ms = reply.after_ms;
	if (r != DL_TRANSPORT_DONE || dl_pages_repeats(t->pages))
		return r;
	if (t->c.spec->format == DL_ITEMS_JSON && dl_pages_cut_off(t->pages)) {
		dl_err_temp(
		    err, "%s: the page breaks off", dl_fetch_asked(t->fetch));
		return DL_TRANSPORT_AGAIN;
	}
	if (reply.status != 204 &&
	    (r = hand_over(t, &reply, err)) != DL_TRANSPORT_DONE)
		return r;
	link = dl_span_str(reply.link);
	if (reply.link_cut && t->c.spec->pages.by == DL_PAGES_LINK &&
	    !dl_link_find(link, "next", &next)) {
		dl_err_data(err, "%s: the Link header is longer than %d bytes",
		    dl_fetch_asked(t->fetch), DL_FETCH_LINK_MAX);
		return DL_TRANSPORT_FAIL;
	}
	on = dl_pages_next(t->pages, link, *t->taker->items - before, err);
	*more = on > 0;
	return on < 0 ? DL_TRANSPORT_FAIL : DL_TRANSPORT_DONE;
}

/*
 * A walk over pages; another try goes on with the page that failed.  There are
 * no validators: what is new may be on another page than the first.
 */
static enum dl_transport_result
acquire_pages(struct transport *t, int64_t *after_ms, struct dl_err *err)
{
	enum dl_transport_result r;
	bool more;

	if (t->round != t->c.round->number) {
		t->round = t->c.round->number;
		dl_pages_begin(t->pages);
	}
	do {
		if (*t->c.stop)
			return DL_TRANSPORT_STOPPED;
		r = acquire_page(t, after_ms, &more, err);
	} while (r == DL_TRANSPORT_DONE && more);
	*t->taker->cut_short = dl_pages_left_out(t->pages);
	return r;
}

static enum dl_transport_result
transport_acquire(void *arg, struct dl_source_state *st,
    const struct dl_taker *taker, int64_t *after_ms, struct dl_err *err)
{
	struct transport *t = arg;

	t->taker = taker;
	t->began = false;
	if (t->c.spec->stream)
		return acquire_stream(t, st, after_ms, err);
	if (t->pages != NULL)
		return acquire_pages(t, after_ms, err);
	return acquire_document(t, st, after_ms, err);
}

const struct dl_transport_kind dl_transport_fetch = {
    .name = "URL",
    .open = transport_open,
    .acquire = transport_acquire,
    .shown = transport_shown,
    .close = transport_close,
};
