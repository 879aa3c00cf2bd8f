/* Keys by URL: a thread that fetches them, when it is time and when asked. */
#include "jwks_private.h"

#include "clock.h"
#include "log.h"
#include "retry.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define FETCH_MS (10 * 1000)

static const char *const headers[] = {
    "Accept: application/jwk-set+json, application/json", NULL};

static bool
is_loopback(const char *host)
{
	struct in_addr in;

	return strcasecmp(host, "localhost") == 0 ||
	       strcmp(host, "[::1]") == 0 ||
	       (inet_pton(AF_INET, host, &in) == 1 &&
		   ntohl(in.s_addr) >> 24 == 127);
}

/* Keys that came in the clear may be anybody's. */
static bool
is_safe(const char *url)
{
	char *scheme = NULL, *host = NULL;
	CURLU *u = curl_url();
	bool safe = false;

	if (u != NULL && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK)
		safe = strcmp(scheme, "https") == 0 ||
		       (strcmp(scheme, "http") == 0 && is_loopback(host));
	curl_free(scheme);
	curl_free(host);
	curl_url_cleanup(u);
	return safe;
}

static int
take(void *arg, const struct dl_fetch_reply *reply, const char *p, size_t n,
    struct dl_err *err)
{
	struct dl_jwks *k = arg;

	(void)reply;
	(void)err;
	dl_buf_add(&k->body, p, n);
	return 0;
}

int
dl_jwks_fetch_open(struct dl_jwks *k, struct dl_err *err)
{
	const bool plain = strncasecmp(k->from, "http:", 5) == 0;
	const struct dl_fetch_options o = {
	    .url = k->from,
	    /* What is not secret on the way stays on this machine. */
	    .proxy = plain ? "" : NULL,
	    .headers = headers,
	    .tls = {.ca = k->ca},
	    .timeout_ms = FETCH_MS,
	    .max_bytes = DL_JWKS_BYTES,
	    .beside = true,
	    .here = plain,
	    .fn = take,
	    .arg = k,
	    .stop = &k->stop,
	};

	if (!is_safe(k->from))
		return dl_err_conf(err,
		    "keys come from a file, from https://, or from http:// on "
		    "the loopback");
	if (k->ca != NULL && access(k->ca, R_OK) < 0)
		return dl_err_errno(err, "cannot open '%s'", k->ca);
	k->fetch = dl_fetch_new(&o, err);
	return k->fetch == NULL ? -1 : 0;
}

/* Fetch once, and tell what has changed: 0 good, 1 bad, -1 we are to stop. */
static int
fetch_once(struct dl_jwks *k, int64_t *after_ms)
{
	const struct dl_fetch_ask ask = {0};
	struct dl_fetch_reply reply;
	struct dl_err err = {0};
	enum dl_fetch_result r;
	int bad;

	dl_buf_clear(&k->body);
	r = dl_fetch_get(k->fetch, &ask, &reply, &err);
	*after_ms = reply.after_ms;
	if (r == DL_FETCH_STOPPED)
		return -1;
	bad = r != DL_FETCH_DONE ||
	      dl_jwks_take(k, dl_buf_as_span(&k->body), &err) < 0;
	if (!bad && k->failed[0] != '\0')
		dl_log(DL_LOG_INFO, "%s: the keys are there again",
		    dl_fetch_shown(k->fetch));
	if (bad && strcmp(k->failed, err.msg) != 0)
		dl_log(DL_LOG_WARN, "no keys came%s: %s",
		    dl_jwks_ready(k) ? ", those that are there stay" : "",
		    err.msg);
	snprintf(k->failed, sizeof(k->failed), "%s", bad ? err.msg : "");
	return bad;
}

/* Wait with the lock held until there is something to do; false: stop. */
static bool
wait_for_work(struct dl_jwks *k)
{
	while (!k->stop && !k->asked && dl_clock_ms() < k->next_ms) {
		struct timespec at = {.tv_sec = k->next_ms / 1000,
		    .tv_nsec = k->next_ms % 1000 * 1000000};

		pthread_cond_timedwait(&k->changed, &k->lock, &at);
	}
	return !k->stop;
}

/* Call those who wait; the lock is held, but not while they are called. */
static void
wake_all(struct dl_jwks *k)
{
	struct dl_jwks_waiter *waiter = k->waiter;
	size_t n = k->nwaiter;

	k->waiter = NULL;
	k->nwaiter = 0;
	pthread_mutex_unlock(&k->lock);
	for (size_t i = 0; i < n; i++)
		waiter[i].wake(waiter[i].arg);
	free(waiter);
	pthread_mutex_lock(&k->lock);
}

/* When it is time for the next fetch. */
static int64_t
pause_ms(
    const struct dl_jwks *k, struct dl_retry *retry, int bad, int64_t after_ms)
{
	int64_t ms;

	if (!bad) {
		dl_retry_init(retry, INT64_MAX);
		return k->refresh_ms;
	}
	ms = dl_retry_next(retry, after_ms);
	if (ms < 0 || ms > k->refresh_ms)
		return k->refresh_ms;
	return ms < DL_RETRY_FIRST_MS ? DL_RETRY_FIRST_MS : ms;
}

void *
dl_jwks_fetch_run(void *arg)
{
	struct dl_jwks *k = arg;
	struct dl_retry retry;
	int64_t after_ms;
	int bad;

	dl_retry_init(&retry, INT64_MAX);
	pthread_mutex_lock(&k->lock);
	while (wait_for_work(k)) {
		k->asked = false;
		k->fetching = true;
		pthread_mutex_unlock(&k->lock);
		bad = fetch_once(k, &after_ms);
		pthread_mutex_lock(&k->lock);
		k->fetching = false;
		k->next_ms = dl_clock_ms() + pause_ms(k, &retry, bad, after_ms);
		wake_all(k);
	}
	wake_all(k);
	pthread_mutex_unlock(&k->lock);
	return NULL;
}
