/* GET /v1/changes: what changes, as server-sent events. */
#include "serve_feed.h"
#include "serve_names.h"

#define AGAIN "5" /* s; others may have gone by then */

/* What a request asks for. */
struct ask {
	struct dl_buf prefix, last;
	struct dl_serve_names metrics;
	bool resumes;
	uint64_t since;
};

/* Digits; more than a number holds are as the greatest. */
static int
take_since(struct ask *a, struct dl_span text, struct dl_err *err)
{
	a->resumes = text.len > 0;
	for (size_t i = 0; i < text.len; i++) {
		unsigned digit = (unsigned char)text.p[i] - (unsigned)'0';

		if (digit > 9)
			return dl_err_data(
			    err, "Last-Event-ID is not a number");
		a->since = a->since > (UINT64_MAX - digit) / 10
		               ? UINT64_MAX
		               : a->since * 10 + digit;
	}
	return 0;
}

static int
take_ask(struct ask *a, const struct dl_http_request *q, struct dl_err *err)
{
	/* A client that comes again has the URL it began with. */
	struct dl_span header = dl_http_get_header(q, "Last-Event-ID");

	if (dl_http_param(q, "prefix", &a->prefix, err) < 0 ||
	    dl_http_param(q, "last_event_id", &a->last, err) < 0)
		return -1;
	if (header.len == 0)
		header = dl_buf_as_span(&a->last);
	if (take_since(a, header, err) < 0)
		return -1;
	return dl_serve_names(
	    &a->metrics, q->query, "metric", DL_SERVE_WISH_METRICS, err);
}

static void
wake(void *arg)
{
	dl_http_wake(arg);
}

static enum dl_http_next
full(struct dl_http_request *q)
{
	dl_http_header(q, "Retry-After", AGAIN);
	return dl_http_problem(q, 503, "unavailable",
	    "there are as many followers of changes as there may be");
}

static enum dl_http_next
begin(struct dl_serve_call *call, const struct ask *a)
{
	struct dl_serve *s = call->s;
	struct dl_serve_join join = {
	    .wish = {.prefix = dl_buf_as_span(&a->prefix),
		.metrics = a->metrics.name,
		.nmetrics = a->metrics.n},
	    .grant = call->grant,
	    .resumes = a->resumes,
	    .since = a->since,
	    .wake = wake,
	    .arg = call->q};
	struct dl_serve_follower *w;
	struct dl_err err = {0};
	enum dl_serve_joined joined;

	join.reader = dl_serve_reader(s);
	joined = dl_serve_feed_join(s->feed, &join, &w, &err);
	if (joined == DL_SERVE_JOIN_FAIL)
		return dl_serve_failed(call, &err);
	if (joined == DL_SERVE_FULL)
		return full(call->q);
	return dl_http_stream(
	    call->q, &(struct dl_http_stream){.type = "text/event-stream",
			 .beat_ms = DL_SERVE_BEAT_MS,
			 .fill = dl_serve_follower_fill,
			 .done = dl_serve_follower_done,
			 .arg = w});
}

enum dl_http_next
dl_serve_changes(struct dl_serve_call *call)
{
	struct ask a = {0};
	struct dl_err err = {0};
	enum dl_http_next next;

	if (take_ask(&a, call->q, &err) < 0) {
		next = dl_serve_bad(call, &err);
		goto out;
	}
	/* nginx, if one stands before us, is to hand on each event at once. */
	dl_http_header(call->q, "X-Accel-Buffering", "no");
	dl_http_header(call->q, "Cache-Control", "no-store");
	if (call->q->method == DL_HTTP_HEAD)
		next = dl_http_answer(call->q, 200, "text/event-stream", false);
	else
		next = begin(call, &a);
out:
	dl_buf_release(&a.prefix);
	dl_serve_names_release(&a.metrics);
	dl_buf_release(&a.last);
	return next;
}
