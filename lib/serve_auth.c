/* Who asks, and may he?  RFC 6750, and how often. */
#include "clock.h"
#include "http_rate.h"
#include "log.h"
#include "serve_route.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define KEY_MAX 300   /* of the rate limit: a subject, an address */
#define SHOWN_MAX 120 /* bytes of a reason that a client is told */

/*
 * Whom the end of a key set's fetch wakes.  It outlives a request that was
 * broken off meanwhile, whose q is NULL then.
 */
struct dl_serve_waiter {
	pthread_mutex_t lock;
	struct dl_http_request *q;
	int refs;
};

static void
unref(struct dl_serve_waiter *w)
{
	int refs;

	pthread_mutex_lock(&w->lock);
	refs = --w->refs;
	pthread_mutex_unlock(&w->lock);
	if (refs > 0)
		return;
	pthread_mutex_destroy(&w->lock);
	free(w);
}

static void
wake(void *arg)
{
	struct dl_serve_waiter *w = arg;

	/* Under the lock, so that the request is not forgotten meanwhile. */
	pthread_mutex_lock(&w->lock);
	if (w->q != NULL)
		dl_http_resume(w->q);
	pthread_mutex_unlock(&w->lock);
	unref(w);
}

void
dl_serve_forget(struct dl_serve_call *call)
{
	struct dl_serve_waiter *w = call->waiter;

	dl_grant_unref(call->grant);
	call->grant = NULL;
	if (w == NULL)
		return;
	pthread_mutex_lock(&w->lock);
	w->q = NULL;
	pthread_mutex_unlock(&w->lock);
	unref(w);
	call->waiter = NULL;
}

/* One of that key's share: kind tells subjects from addresses. */
static bool
take(struct dl_serve_call *call, char kind, const char *who)
{
	struct dl_http_request *q = call->q;
	char key[KEY_MAX];
	int n, after = 1;

	if (call->s->rate == NULL)
		return true;
	n = snprintf(key, sizeof(key), "%c%s", kind, who);
	if (n >= (int)sizeof(key))
		n = (int)sizeof(key) - 1;
	if (dl_http_rate_take(call->s->rate, dl_span(key, (size_t)n), &after))
		return true;
	dl_http_header(q, "Retry-After", "%d", after);
	dl_http_problem(q, 429, "too-many-requests",
	    "more than %lld requests a second: try again in %d s",
	    (long long)call->s->conf.rate, after);
	return false;
}

/* A quoted-string's inside: RFC 6750 leaves out quotes and backslashes. */
static void
show(const char *msg, char out[SHOWN_MAX + 1])
{
	size_t n = 0;

	for (; *msg != '\0' && n < SHOWN_MAX; msg++)
		out[n++] =
		    *msg < ' ' || *msg > '~' || *msg == '"' || *msg == '\\'
			? '?'
			: *msg;
	out[n] = '\0';
}

/* 400 or 401 with an error of RFC 6750, counted to the address. */
static enum dl_http_next
refuse(
    struct dl_serve_call *call, int status, const char *error, const char *why)
{
	struct dl_http_request *q = call->q;
	char shown[SHOWN_MAX + 1];

	if (!take(call, 'a', q->client))
		return DL_HTTP_ANSWERED;
	show(why, shown);
	if (error == NULL)
		dl_http_header(q, "WWW-Authenticate", "Bearer realm=\"dl\"");
	else
		dl_http_header(q, "WWW-Authenticate",
		    "Bearer realm=\"dl\", error=\"%s\", "
		    "error_description=\"%s\"",
		    error, shown);
	return dl_http_problem(q, status,
	    status == 400 ? "bad-request" : "unauthorized", "%s", shown);
}

/* The token of the one Authorization header; p NULL where it has none. */
static struct dl_span
bearer_of(struct dl_span header)
{
	static const char scheme[] = "Bearer ";
	size_t n = sizeof(scheme) - 1;

	if (header.len <= n || strncasecmp(header.p, scheme, n) != 0)
		return dl_span(NULL, 0);
	for (; n < header.len && header.p[n] == ' ';)
		n++;
	return dl_span(header.p + n, header.len - n);
}

/* The token may be good: who asks is to keep it. */
static enum dl_http_next
not_yet(struct dl_serve_call *call, const char *why)
{
	struct dl_http_request *q = call->q;

	if (!take(call, 'a', q->client))
		return DL_HTTP_ANSWERED;
	dl_http_header(q, "Retry-After", "1");
	return dl_http_problem(q, 503, "unavailable", "%s", why);
}

static enum dl_http_next
check(struct dl_serve_call *call, struct dl_span token)
{
	struct dl_serve_waiter *w = call->waiter;
	struct dl_err err = {0};

	if (w == NULL) {
		w = call->waiter = dl_calloc(1, sizeof(*w));
		pthread_mutex_init(&w->lock, NULL);
		w->q = call->q;
		w->refs = 1;
	}
	pthread_mutex_lock(&w->lock);
	w->refs++;
	pthread_mutex_unlock(&w->lock);
	switch (dl_bearer_check(call->s->bearer, token, call->waited, wake, w,
	    &call->grant, &err)) {
	case DL_BEARER_OK:
		unref(w);
		return DL_HTTP_GO_ON;
	case DL_BEARER_WAIT:
		call->waited = true;
		return DL_HTTP_LATER;
	default:
		unref(w);
		dl_log(DL_LOG_DEBUG, "request %s: token refused: %s",
		    call->q->id, err.msg);
		if (err.status == DL_EXIT_TEMP)
			return not_yet(call, err.msg);
		return refuse(call, 401, "invalid_token", err.msg);
	}
}

/* Set call->grant by the request's token. */
static enum dl_http_next
identify(struct dl_serve_call *call)
{
	struct dl_http_request *q = call->q;
	struct dl_span header, token;

	if (call->s->everybody != NULL) {
		call->grant = dl_grant_ref(call->s->everybody);
		return dl_serve_keep_out(call);
	}
	header = dl_http_get_header(q, "Authorization");
	if (header.p == NULL)
		return refuse(call, 401, NULL,
		    "a token is needed: Authorization: Bearer TOKEN");
	if (dl_http_count_header(q, "Authorization") > 1)
		return refuse(call, 400, "invalid_request",
		    "there is more than one Authorization header");
	token = bearer_of(header);
	if (token.len == 0)
		return refuse(call, 401, NULL,
		    "Authorization is not of the scheme Bearer");
	return check(call, token);
}

/*
 * A client on this machine.  A proxy on it speaks for others, and says so, and
 * a page from elsewhere that a browser shows has another Host, or an Origin: they
 * don't count.
 */
static bool
is_near(const struct dl_http_request *q)
{
	const char *a = q->address;

	return (strncmp(a, "127.", 4) == 0 || strcmp(a, "::1") == 0 ||
		   strncmp(a, "::ffff:127.", 11) == 0) &&
	       dl_serve_host_is_local(q) &&
	       dl_http_get_header(q, "Origin").p == NULL &&
	       dl_http_get_header(q, "Forwarded").p == NULL &&
	       dl_http_get_header(q, "X-Forwarded-For").p == NULL;
}

enum dl_http_next
dl_serve_allow(struct dl_serve_call *call)
{
	const struct dl_serve_route *r = call->route;
	struct dl_http_request *q = call->q;
	bool open = call->s->everybody != NULL;
	enum dl_http_next next;

	if (r->door == DL_SERVE_PUBLIC)
		return DL_HTTP_GO_ON;
	if (r->door == DL_SERVE_COUNTED)
		return take(call, 'a', q->client) ? DL_HTTP_GO_ON
		                                  : DL_HTTP_ANSWERED;
	if (r->door == DL_SERVE_NEAR && is_near(q))
		return DL_HTTP_GO_ON;
	if ((next = identify(call)) != DL_HTTP_GO_ON)
		return next;
	q->who = open ? NULL : call->grant->subject;
	if (!take(call, open ? 'a' : 's',
		open ? q->client : call->grant->subject))
		return DL_HTTP_ANSWERED;
	if (r->door == DL_SERVE_TOKEN &&
	    !dl_rights_any(call->grant->rights, r->right)) {
		dl_http_header(q, "WWW-Authenticate",
		    "Bearer realm=\"dl\", error=\"insufficient_scope\"");
		return dl_http_problem(q, 403, "forbidden",
		    "the token gives no right to %s",
		    r->right == DL_RIGHT_WRITE ? "write" : "read");
	}
	return DL_HTTP_GO_ON;
}

enum dl_http_next
dl_serve_allow_still(struct dl_serve_call *call)
{
	const struct dl_bearer *b = call->s->bearer;
	struct dl_grant *g = call->grant;
	struct dl_time now;

	if (b == NULL || g == NULL)
		return DL_HTTP_GO_ON;
	dl_now(&now);
	if (g->generation == dl_bearer_generation(b) && now.sec < g->expires_s)
		return DL_HTTP_GO_ON;
	call->q->who = NULL;
	call->grant = NULL;
	dl_grant_unref(g);
	/* A key that is not there now is not waited for. */
	call->waited = true;
	return dl_serve_allow(call);
}
