#include "serve_route.h"

#include <stdlib.h>

#define STRANGE_MAX ((size_t)32 << 10) /* twice what a form may have */

const struct dl_serve_route dl_serve_routes[] = {
    {.path = "/v1/components",
	.params = "prefix after limit ",
	.twin = true,
	.door = DL_SERVE_TOKEN,
	.fn = dl_serve_components},
    {.path = "/v1/components/{c}",
	.params = "metrics after limit ",
	.twin = true,
	.door = DL_SERVE_TOKEN,
	.fn = dl_serve_component},
    {.path = "/v1/components/{c}/metrics/{m}",
	.params = "max_age ",
	.twin = true,
	.door = DL_SERVE_TOKEN,
	.fn = dl_serve_metric},
    {.path = "/v1/query",
	.params = "",
	.post = true,
	.twin = true,
	.door = DL_SERVE_TOKEN,
	.fn = dl_serve_query},
    {.path = "/v1/changes",
	.params = "prefix metric last_event_id ",
	.twin = true,
	.door = DL_SERVE_TOKEN,
	.fn = dl_serve_changes},
    {.path = "/v1/events",
	.params = "",
	.post = true,
	.twin = true,
	.door = DL_SERVE_TOKEN,
	.right = DL_RIGHT_WRITE,
	.fn = dl_serve_events},
    {.path = "/metrics",
	.params = "",
	.door = DL_SERVE_NEAR,
	.fn = dl_serve_prometheus},
    {.path = "/healthz", .params = "", .fn = dl_serve_healthz},
    {.path = "/readyz", .params = "", .fn = dl_serve_readyz},
    {.path = "/openapi.json",
	.params = "",
	.door = DL_SERVE_COUNTED,
	.fn = dl_serve_openapi},
    {.path = "/", .params = "", .door = DL_SERVE_COUNTED, .fn = dl_serve_page},
    {.path = "/page.js",
	.params = "",
	.door = DL_SERVE_COUNTED,
	.fn = dl_serve_page},
    {.path = "/page.css",
	.params = "",
	.door = DL_SERVE_COUNTED,
	.fn = dl_serve_page},
    {.path = "/favicon.ico",
	.params = "",
	.door = DL_SERVE_COUNTED,
	.fn = dl_serve_page},
    {.path = "/oauth2/token",
	.params = "",
	.post = true,
	.issue = true,
	.door = DL_SERVE_COUNTED,
	.fn = dl_serve_token},
    {.path = "/oauth2/jwks",
	.params = "",
	.issue = true,
	.door = DL_SERVE_COUNTED,
	.fn = dl_serve_jwks},
    {.path = NULL},
};

/* The segment at the front of *path, which begins with a slash; taken off. */
static struct dl_span
take_segment(struct dl_span *path)
{
	const char *p = path->p + 1, *end = dl_span_end(*path);
	const char *slash = memchr(p, '/', (size_t)(end - p));

	if (slash == NULL)
		slash = end;
	*path = dl_span(slash, (size_t)(end - slash));
	return dl_span(p, (size_t)(slash - p));
}

static bool
matches(const char *pattern, struct dl_span path, struct dl_span args[2])
{
	struct dl_span want = dl_span_str(pattern);
	size_t n = 0;

	while (want.len > 0 && path.len > 0) {
		struct dl_span w = take_segment(&want), s = take_segment(&path);

		if (w.len == 0 || w.p[0] != '{') {
			if (!dl_span_eq(w, s))
				return false;
		} else if (s.len == 0) {
			return false;
		} else {
			args[n++] = s;
		}
	}
	return want.len == 0 && path.len == 0;
}

const struct dl_serve_route *
dl_serve_route(struct dl_span path, struct dl_span args[2])
{
	args[0] = args[1] = dl_span(NULL, 0);
	if (path.len == 0 || path.p[0] != '/')
		return NULL;
	for (const struct dl_serve_route *r = dl_serve_routes; r->path != NULL;
	     r++)
		if (matches(r->path, path, args))
			return r;
	return NULL;
}

static bool
is_listed(struct dl_span name, const char *names)
{
	if (memchr(name.p, ' ', name.len) != NULL)
		return false;
	for (; *names != '\0'; names = strchr(names, ' ') + 1)
		if (strncmp(names, name.p, name.len) == 0 &&
		    names[name.len] == ' ')
			return true;
	return false;
}

struct dl_span
dl_serve_stray_param(struct dl_span query, const char *params)
{
	const char *p = query.p, *end = dl_span_end(query);

	for (const char *next; p < end; p = next + 1) {
		const char *equals;

		if ((next = memchr(p, '&', (size_t)(end - p))) == NULL)
			next = end;
		if ((equals = memchr(p, '=', (size_t)(next - p))) == NULL)
			equals = next;
		if (equals > p &&
		    !is_listed(dl_span(p, (size_t)(equals - p)), params))
			return dl_span(p, (size_t)(equals - p));
	}
	return dl_span(NULL, 0);
}

/*
 * Decode the names into call->names.  One that is badly encoded, or could not
 * be in a twin, is not there: false.
 */
static bool
decode_args(struct dl_serve_call *call, const struct dl_span raw[2])
{
	size_t at[3] = {0, 0, 0};

	for (int i = 0; i < 2 && raw[i].p != NULL; i++) {
		if (!dl_http_decode(raw[i], &call->names))
			return false;
		at[i + 1] = call->names.len;
	}
	for (int i = 0; i < 2 && raw[i].p != NULL; i++)
		call->args[i] =
		    dl_span(call->names.p + at[i], at[i + 1] - at[i]);
	return true;
}

static void
release(void *state)
{
	struct dl_serve_call *call = state;

	if (call->release != NULL)
		call->release(call->state);
	dl_serve_forget(call);
	dl_buf_release(&call->names);
	free(call);
}

static enum dl_http_next
wrong_method(struct dl_http_request *q, const char *allowed)
{
	dl_http_header(q, "Allow", "%s", allowed);
	if (q->method == DL_HTTP_OPTIONS)
		return dl_http_answer(q, 204, NULL, false);
	return dl_http_problem(q, 405, "method-not-allowed",
	    "'%.*s' is not for this: %s are",
	    (int)(q->method_name.len < 20 ? q->method_name.len : 20),
	    q->method_name.p, allowed);
}

/* All that can be said before it is known who asks. */
static enum dl_http_next
look(struct dl_serve_call *call, const struct dl_span raw[2])
{
	const struct dl_serve_route *r = call->route;
	struct dl_http_request *q = call->q;
	struct dl_span stray;

	if (r->post ? q->method != DL_HTTP_POST
		    : q->method != DL_HTTP_GET && q->method != DL_HTTP_HEAD)
		return wrong_method(
		    q, r->post ? "POST, OPTIONS" : "GET, HEAD, OPTIONS");
	if (q->query.len > 0) {
		stray = dl_serve_stray_param(q->query, r->params);
		if (stray.p != NULL)
			return dl_http_problem(q, 400, "bad-request",
			    "'%.*s' is not a parameter of this",
			    (int)(stray.len < 60 ? stray.len : 60), stray.p);
	}
	if (raw[0].p != NULL && !decode_args(call, raw))
		return dl_serve_absent(call);
	return DL_HTTP_GO_ON;
}

static enum dl_http_next
begin(struct dl_serve *s, struct dl_http_request *q)
{
	const struct dl_serve_route *r;
	struct dl_serve_call *call;
	struct dl_span raw[2];

	r = dl_serve_route(q->path, raw);
	if (r == NULL || (r->issue && s->issue == NULL))
		return dl_http_problem(
		    q, 404, "not-found", "there is nothing at this path");
	call = dl_calloc(1, sizeof(*call));
	call->s = s;
	call->q = q;
	call->route = r;
	q->state = call;
	q->release = release;
	return look(call, raw);
}

enum dl_http_next
dl_serve_head(void *arg, struct dl_http_request *q)
{
	struct dl_serve *s = arg;
	enum dl_http_next next;
	struct dl_serve_call *call;

	if (q->state == NULL && (next = begin(s, q)) != DL_HTTP_GO_ON)
		return next;
	call = q->state;
	if ((next = dl_serve_allow(call)) != DL_HTTP_GO_ON)
		return next;
	if (call->route->twin &&
	    !atomic_load_explicit(&s->ready, memory_order_acquire)) {
		dl_http_header(q, "Retry-After", "1");
		return dl_http_problem(
		    q, 503, "unavailable", "there is no twin yet");
	}
	/* Bodies are kept in memory: not for who has shown no token. */
	if (call->route->door != DL_SERVE_TOKEN && q->body_max > STRANGE_MAX)
		q->body_max = STRANGE_MAX;
	return DL_HTTP_GO_ON;
}

enum dl_http_next
dl_serve_handle(void *arg, struct dl_http_request *q)
{
	struct dl_serve_call *call = q->state;
	enum dl_http_next next;

	(void)arg;
	/* What it has begun by its rights it ends. */
	if (call->state == NULL &&
	    (next = dl_serve_allow_still(call)) != DL_HTTP_GO_ON)
		return next;
	return call->route->fn(call);
}

enum dl_http_next
dl_serve_absent(struct dl_serve_call *call)
{
	return dl_http_problem(call->q, 404, "not-found",
	    "there is no such thing, or it may not be seen");
}

enum dl_http_next
dl_serve_bad(struct dl_serve_call *call, const struct dl_err *err)
{
	return dl_http_problem(call->q, 400, "bad-request", "%s", err->msg);
}
