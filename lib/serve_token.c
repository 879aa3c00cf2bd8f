/* POST /oauth2/token and GET /oauth2/jwks, where the server issues tokens. */
#include "issue.h"
#include "serve.h"

#include <strings.h>

static void
wake(void *q)
{
	dl_http_resume(q);
}

static void
drop(void *job)
{
	dl_issue_drop(job);
}

static enum dl_http_next
answer(struct dl_http_request *q, const struct dl_issue_answer *a)
{
	if (a->challenge != NULL)
		dl_http_header(q, "WWW-Authenticate", "%s", a->challenge);
	if (a->retry_after_s > 0)
		dl_http_header(q, "Retry-After", "%d", a->retry_after_s);
	dl_http_header(q, "Cache-Control", "no-store");
	dl_http_header(q, "Pragma", "no-cache");
	if (*a->client != '\0')
		q->who = a->client;
	dl_buf_span(&q->out, dl_buf_as_span(&a->json));
	return dl_http_answer(q, a->status, "application/json", false);
}

static bool
is_form(const struct dl_http_request *q)
{
	static const char form[] = "application/x-www-form-urlencoded";
	struct dl_span type = dl_http_get_header(q, "Content-Type");
	size_t n = sizeof(form) - 1;

	return type.p != NULL && type.len >= n &&
	       strncasecmp(type.p, form, n) == 0 &&
	       (type.len == n || type.p[n] == ';' || type.p[n] == ' ');
}

/* Errors before it is a request of RFC 6749 have that form too. */
static enum dl_http_next
refuse(struct dl_http_request *q, const char *why)
{
	struct dl_issue_answer a = {.status = 400};
	enum dl_http_next next;

	dl_buf_printf(&a.json,
	    "{\"error\":\"invalid_request\",\"error_description\":\"%s\"}",
	    why);
	next = answer(q, &a);
	dl_buf_release(&a.json);
	return next;
}

enum dl_http_next
dl_serve_token(struct dl_serve_call *call)
{
	struct dl_http_request *q = call->q;
	const struct dl_issue_answer *a;
	struct dl_issue_ask ask = {.form = q->body, .address = q->client};

	if (call->state != NULL) {
		a = dl_issue_answer(call->state);
		return a == NULL ? DL_HTTP_LATER : answer(q, a);
	}
	if (!is_form(q))
		return refuse(q, "the body is not urlencoded");
	if (dl_http_count_header(q, "Authorization") > 1)
		return refuse(q, "there are several Authorization headers");
	ask.authorization = dl_http_get_header(q, "Authorization");
	call->state = dl_issue_begin(call->s->issue, &ask, wake, q, &a);
	call->release = drop;
	return a == NULL ? DL_HTTP_LATER : answer(q, a);
}

enum dl_http_next
dl_serve_jwks(struct dl_serve_call *call)
{
	struct dl_http_request *q = call->q;

	dl_issue_jwks(call->s->issue, &q->out);
	dl_http_header(q, "Cache-Control", "public, max-age=60");
	return dl_http_answer(q, 200, "application/json", false);
}
