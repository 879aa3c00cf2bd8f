/* The twin over HTTP: started, reloaded, stopped. */
#include "serve.h"

#include "http_rate.h"
#include "log.h"
#include "serve_keys.h"
#include "serve_readers.h"

#include <stdlib.h>

#define BURST_S 2 /* seconds of the rate, where no burst is given */

/* All that needs the twin begins with it. */
static int
take_twin(
    struct dl_serve *s, struct dl_twin *twin, bool writing, struct dl_err *err)
{
	s->twin = twin;
	if (writing && (s->writer = dl_serve_writer_start(s, err)) == NULL)
		return -1;
	if ((s->feed = dl_serve_feed_start(s, err)) == NULL)
		return -1;
	atomic_store_explicit(&s->ready, true, memory_order_release);
	return 0;
}

/* Where there is none yet, and who asks may not make one: try again later. */
static int
open_twin(struct dl_serve *s, bool first, struct dl_err *err)
{
	bool writing = s->policy == NULL || dl_policy_writes(s->policy);
	struct dl_err why = {0};
	struct dl_twin *twin;

	twin = writing ? dl_twin_open_write(s->dir, &why)
	               : dl_twin_open_read(s->dir, &why);
	if (twin != NULL) {
		if (!first)
			dl_log(DL_LOG_INFO, "twin '%s' is there", s->dir);
		return take_twin(s, twin, writing, err);
	}
	if (writing || why.status != DL_EXIT_TEMP) {
		*err = why;
		return -1;
	}
	if (first)
		dl_log(DL_LOG_WARN, "%s: waiting for it", why.msg);
	return 0;
}

static int
listen_http(struct dl_serve *s, struct dl_err *err)
{
	const struct dl_serve_conf *c = &s->conf;
	struct dl_http_options options = {
	    .address = c->address,
	    .port = c->port,
	    .cert = c->cert,
	    .key = c->key,
	    .max_connections = c->connections,
	    .max_client_connections = c->client_connections,
	    .max_header_bytes = c->header,
	    .max_body_bytes = c->body,
	    .max_held_bytes = c->memory,
	    .header_timeout_ms = c->header_timeout_ms,
	    .body_timeout_ms = c->body_timeout_ms,
	    .idle_timeout_ms = c->idle_ms,
	    .cors_origins = (const char *const *)c->cors,
	    .access_log = c->access_log,
	    .head = dl_serve_head,
	    .handle = dl_serve_handle,
	    .arg = s,
	};

	s->http = dl_http_start(&options, err);
	return s->http == NULL ? -1 : 0;
}

struct dl_serve *
dl_serve_start(const struct dl_serve_conf *conf, const char *dir,
    const char *home, struct dl_err *err)
{
	struct dl_serve *s = dl_calloc(1, sizeof(*s));
	int64_t rate = conf->rate;
	int64_t burst = conf->burst > 0 ? conf->burst : BURST_S * rate;

	s->conf = *conf;
	s->dir = dl_strdup(dir);
	s->home = home == NULL ? NULL : dl_strdup(home);
	s->readers = dl_serve_readers_new();
	pthread_mutex_init(&s->lock, NULL);
	dl_now(&s->started);
	if (rate > 0)
		s->rate = dl_http_rate_new((double)rate, (double)burst);
	if (dl_serve_keys_open(s, err) == 0 && open_twin(s, true, err) == 0 &&
	    listen_http(s, err) == 0)
		return s;
	dl_serve_stop(s);
	return NULL;
}

int
dl_serve_tick(struct dl_serve *s, struct dl_err *err)
{
	struct dl_err failed;

	pthread_mutex_lock(&s->lock);
	failed = s->failed;
	pthread_mutex_unlock(&s->lock);
	if (failed.status != DL_EXIT_OK) {
		*err = failed;
		return -1;
	}
	return s->twin != NULL ? 0 : open_twin(s, false, err);
}

void
dl_serve_fail(struct dl_serve *s, const struct dl_err *err)
{
	pthread_mutex_lock(&s->lock);
	if (s->failed.status == DL_EXIT_OK)
		s->failed = *err;
	pthread_mutex_unlock(&s->lock);
}

static void
reload_keys(struct dl_serve *s)
{
	uint64_t before;

	if (s->bearer == NULL)
		return;
	before = dl_bearer_generation(s->bearer);
	dl_serve_keys_reload(s);
	/* Who follows by what was granted before is to ask again. */
	if (s->feed != NULL && dl_bearer_generation(s->bearer) != before)
		dl_serve_feed_end_all(s->feed);
}

void
dl_serve_reload(struct dl_serve *s)
{
	struct dl_err err = {0}, log_err = {0};

	if (s->conf.cert != NULL) {
		if (dl_http_reload(s->http, &err) < 0)
			dl_log(DL_LOG_ERROR, "the old certificate stays: %s",
			    err.msg);
		else
			dl_log(DL_LOG_INFO, "certificate read again: '%s'",
			    s->conf.cert);
	}
	reload_keys(s);
	if (dl_http_reopen_log(s->http, &log_err) < 0)
		dl_log(DL_LOG_ERROR, "the access log is not opened again: %s",
		    log_err.msg);
}

void
dl_serve_stop(struct dl_serve *s)
{
	if (s == NULL)
		return;
	if (s->feed != NULL)
		dl_serve_feed_end_all(s->feed);
	if (s->http != NULL)
		dl_http_stop(s->http, s->conf.grace_ms);
	if (s->feed != NULL)
		dl_serve_feed_stop(s->feed);
	if (s->writer != NULL)
		dl_serve_writer_stop(s->writer);
	dl_serve_readers_free(s->readers);
	dl_twin_close(s->twin);
	dl_serve_keys_close(s);
	dl_http_rate_free(s->rate);
	pthread_mutex_destroy(&s->lock);
	free(s->dir);
	free(s->home);
	free(s);
}

void
dl_serve_url(const struct dl_serve *s, struct dl_buf *url)
{
	bool six = strchr(s->conf.address, ':') != NULL;

	dl_buf_printf(url, "http%s://%s%s%s:%u",
	    s->conf.cert == NULL ? "" : "s", six ? "[" : "", s->conf.address,
	    six ? "]" : "", (unsigned)dl_http_port(s->http));
}

enum dl_http_next
dl_serve_failed(struct dl_serve_call *call, const struct dl_err *err)
{
	struct dl_http_request *q = call->q;

	dl_log(DL_LOG_ERROR, "request %s: %s", q->id, err->msg);
	dl_buf_clear(&q->out);
	if (err->status != DL_EXIT_TEMP)
		return dl_http_problem(q, 500, "internal",
		    "the server's log says why, beside this request's id");
	dl_http_header(q, "Retry-After", "1");
	return dl_http_problem(
	    q, 503, "unavailable", "the twin can't be read now");
}
