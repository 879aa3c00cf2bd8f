/* POST /v1/events: observations, put by serve_writer.c. */
#include "expand.h"
#include "serve_writer.h"

#include <stdlib.h>
#include <strings.h>

struct unpacking {
	struct dl_buf *to;
	size_t most;
	bool too_large;
};

static int
take_plain(void *arg, const char *p, size_t n, struct dl_err *err)
{
	struct unpacking *u = arg;

	if (n > u->most - u->to->len) {
		u->too_large = true;
		return dl_err_data(
		    err, "the body unfolds to more than %zu bytes", u->most);
	}
	dl_buf_add(u->to, p, n);
	return 0;
}

static int
unpack(struct unpacking *u, struct dl_span packed, struct dl_err *err)
{
	struct dl_expand *x = dl_expand_new(DL_EXPAND_GZIP, take_plain, u);
	int r = dl_expand_feed(x, packed.p, packed.len, err);

	if (r == 0)
		r = dl_expand_end(x, err);
	dl_expand_free(x);
	return r;
}

static bool
is_word(struct dl_span s, const char *word)
{
	return s.len == strlen(word) && strncasecmp(s.p, word, s.len) == 0;
}

/* GO_ON with the body, as it was before it was packed. */
static enum dl_http_next
take_body(struct dl_http_request *q, struct dl_buf *body)
{
	struct dl_span coding = dl_http_get_header(q, "Content-Encoding");
	struct unpacking u = {body, q->body_max, false};
	struct dl_err err = {0};

	if (coding.p == NULL || is_word(coding, "identity")) {
		dl_buf_span(body, q->body);
		return DL_HTTP_GO_ON;
	}
	if (!is_word(coding, "gzip") && !is_word(coding, "x-gzip")) {
		dl_http_header(q, "Accept-Encoding", "gzip");
		return dl_http_problem(q, 415, "media-type",
		    "a Content-Encoding that is not gzip");
	}
	if (unpack(&u, q->body, &err) == 0)
		return DL_HTTP_GO_ON;
	return u.too_large
	           ? dl_http_problem(q, 413, "too-large", "%s", err.msg)
	           : dl_http_problem(q, 400, "bad-request", "%s", err.msg);
}

static struct dl_span
trim(struct dl_span s)
{
	while (s.len > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = dl_span(s.p + 1, s.len - 1);
	while (s.len > 0 && (s.p[s.len - 1] == ' ' || s.p[s.len - 1] == '\t'))
		s.len--;
	return s;
}

/* All that may follow the type is that it is UTF-8, as JSON is anyway. */
static bool
is_utf8(struct dl_span parameters)
{
	struct dl_span p = trim(parameters);

	return p.len == 0 || is_word(p, "charset=utf-8") ||
	       is_word(p, "charset=\"utf-8\"");
}

static bool
find_form(struct dl_span type, enum dl_serve_form *form)
{
	static const char *const types[] = {
	    [DL_SERVE_NDJSON] = "application/x-ndjson",
	    [DL_SERVE_BATCH] = "application/cloudevents-batch+json",
	    [DL_SERVE_SINGLE] = "application/cloudevents+json"};
	const char *semicolon;

	if (type.p == NULL)
		return false;
	semicolon = memchr(type.p, ';', type.len);
	if (semicolon != NULL) {
		size_t n = (size_t)(semicolon - type.p);

		if (!is_utf8(dl_span(semicolon + 1, type.len - n - 1)))
			return false;
		type.len = n;
	}
	type = trim(type);
	for (int i = DL_SERVE_NDJSON; i <= DL_SERVE_SINGLE; i++)
		if (is_word(type, types[i])) {
			*form = (enum dl_serve_form)i;
			return true;
		}
	return false;
}

/* What call->state is; the writer it is to be taken back from. */
struct putting {
	struct dl_serve_writer *writer;
	struct dl_serve_put *put;
};

static void
release(void *state)
{
	struct putting *p = state;

	dl_serve_writer_leave(p->writer, p->put);
	free(p);
}

static void
wake(void *arg)
{
	dl_http_resume(arg);
}

static enum dl_http_next
unavailable(struct dl_http_request *q, int after_s, const char *why)
{
	dl_http_header(q, "Retry-After", "%d", after_s);
	return dl_http_problem(q, 503, "unavailable", "%s", why);
}

/* Hand what was split to the writer. */
static enum dl_http_next
submit(struct dl_serve_call *call, struct dl_serve_put *put)
{
	struct putting *p = dl_alloc(sizeof(*p));

	*p = (struct putting){call->s->writer, put};
	call->state = p;
	call->release = release;
	if (dl_serve_writer_take(p->writer, put, wake, call->q))
		return DL_HTTP_LATER;
	return unavailable(call->q, 1, "too many events are being written");
}

static enum dl_http_next
begin(struct dl_serve_call *call)
{
	struct dl_http_request *q = call->q;
	enum dl_serve_form form;
	enum dl_http_next next;
	struct dl_serve_put *put;
	struct dl_buf body = {0};
	struct dl_err err = {0};

	if (!find_form(dl_http_get_header(q, "Content-Type"), &form)) {
		dl_http_header(q, "Accept-Post",
		    "application/x-ndjson, application/cloudevents+json, "
		    "application/cloudevents-batch+json");
		return dl_http_problem(q, 415, "media-type",
		    "events are application/x-ndjson, "
		    "application/cloudevents+json or "
		    "application/cloudevents-batch+json");
	}
	if ((next = take_body(q, &body)) != DL_HTTP_GO_ON) {
		dl_buf_release(&body);
		return next;
	}
	put = dl_serve_put_new(&body);
	if (dl_serve_put_split(put, form, call->grant->rights, &err) == 0)
		return submit(call, put);
	dl_serve_put_free(put);
	return err.status == DL_EXIT_USAGE
	           ? dl_http_problem(q, 413, "too-large", "%s", err.msg)
	           : dl_http_problem(q, 400, "bad-request", "%s", err.msg);
}

enum dl_http_next
dl_serve_events(struct dl_serve_call *call)
{
	struct dl_http_request *q = call->q;
	struct putting *p = call->state;

	if (call->s->writer == NULL)
		return unavailable(q, 60, "this server does not write");
	if (p == NULL)
		return begin(call);
	switch (dl_serve_writer_done(p->writer, p->put)) {
	case 0:
		return DL_HTTP_LATER; /* it was woken for something else */
	case 1:
		dl_serve_put_print(p->put, &q->out);
		/* Who reads slowly keeps no more than the answer. */
		call->release(p);
		call->release = NULL;
		call->state = NULL;
		return dl_http_answer(q, 200, "application/json", true);
	default:
		return unavailable(q, 5,
		    "the twin can't be written now: "
		    "send the events again, which is safe");
	}
}
