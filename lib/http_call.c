/*
 * What libmicrohttpd calls for a request: with its target, with its head, with
 * each part of its body, at its end, and when the answer has gone.
 *
 * An answer that is queued in the first call, with the head, makes libmicrohttpd
 * close the connection; so it is kept until the last one, unless a body is on
 * its way that is better not waited for.
 */
#include "http_private.h"

#include "clock.h"
#include "http_text.h"

#include <stdio.h>
#include <time.h>

static int64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* The target is kept, one byte more than allowed where it is too long. */
void *
dl_http_on_target(void *cls, const char *uri, struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct dl_http_private *p = info == NULL ? NULL : info->socket_context;
	struct dl_http *h = cls;

	if (p == NULL)
		return NULL;
	p->sent_target = uri;
	p->sent_len = strlen(uri);
	dl_buf_clear(&p->target);
	dl_buf_add(&p->target, uri,
	    p->sent_len > DL_HTTP_TARGET_MAX ? DL_HTTP_TARGET_MAX + 1
					     : p->sent_len);
	p->began_us = now_us();
	p->phase = DL_HTTP_PHASE_HEAD;
	p->begun = p->overflow = p->crowded = p->waits = p->body_comes = false;
	p->length = p->came = 0;
	p->status = 0;
	p->answer_len = 0;
	p->streamed = 0;
	p->q.path = p->q.query = p->q.method_name = (struct dl_span){0};
	p->q.body = (struct dl_span){0};
	p->q.method = DL_HTTP_OTHER;
	p->q.body_max = (size_t)h->options.max_body_bytes;
	/* Unlike any other's, and those of one connection beside each other. */
	snprintf(p->q.id, sizeof(p->q.id), "%010llx-%llu",
	    (unsigned long long)((h->boot + p->serial) & 0xffffffffff),
	    (unsigned long long)++p->requests % 10000000000000000000ull);
	if (p->requests > 1)
		atomic_store(
		    &p->deadline, dl_clock_ms() + h->options.header_timeout_ms);
	atomic_store(&p->under_way, true);
	atomic_fetch_add(&h->busy, 1);
	return p;
}

static enum dl_http_next
crowded(struct dl_http_private *p)
{
	dl_http_header(&p->q, "Retry-After", "1");
	return dl_http_problem(
	    &p->q, 503, "unavailable", "too many large requests at a time");
}

/*
 * A reader may take its time over an answer: all that it keeps meanwhile is the
 * answer, and only where that is not too much with those of all others.
 */
static void
make_room(struct dl_http_private *p)
{
	p->q.body = (struct dl_span){0};
	if (p->body.cap > DL_HTTP_KEEP)
		dl_buf_release(&p->body);
	if (p->streaming || dl_http_hold(p))
		return;
	dl_buf_release(&p->q.out);
	dl_buf_release(&p->packed);
	dl_http_drop_header(p, "Content-Encoding");
	crowded(p);
	dl_http_hold(p);
}

/* Give the answer to libmicrohttpd. */
static enum MHD_Result
send_answer(struct dl_http_private *p)
{
	struct MHD_Response *response;
	enum MHD_Result r;

	make_room(p);
	response = p->response;
	if (response == NULL)
		return MHD_NO;
	p->response = NULL;
	p->phase = DL_HTTP_PHASE_ANSWER;
	atomic_store(&p->deadline, 0);
	r = MHD_queue_response(
	    p->connection, (unsigned int)p->status, response);
	MHD_destroy_response(response);
	return r;
}

static enum dl_http_next
call(struct dl_http_private *p, dl_http_handler *handler)
{
	enum dl_http_next next;

	if (handler == NULL)
		return DL_HTTP_GO_ON;
	if (atomic_load(&p->http->stopping) == 2)
		return dl_http_problem(
		    &p->q, 503, "unavailable", "the server stops");
	dl_http_gate_open(p);
	next = handler(p->http->options.arg, &p->q);
	if (next == DL_HTTP_LATER) {
		/* However long it takes, it is not the client's fault. */
		atomic_store(&p->deadline, 0);
		dl_http_gate_sleep(p);
	} else if (next == DL_HTTP_ANSWERED && p->response == NULL) {
		return dl_http_problem(
		    &p->q, 500, "internal", "nothing was answered");
	}
	return next;
}

static enum dl_http_next
check_size(struct dl_http_private *p)
{
	if (p->length < 0 || p->length <= (int64_t)p->q.body_max)
		return DL_HTTP_GO_ON;
	return dl_http_problem(&p->q, 413, "too-large",
	    "the body is larger than %zu bytes", p->q.body_max);
}

/* The answer is there before the body is. */
static enum MHD_Result
answered_early(struct dl_http_private *p)
{
	if (p->body_comes && (p->waits || p->length > DL_HTTP_DISCARD_MAX))
		return send_answer(p);
	p->phase = DL_HTTP_PHASE_DISCARD;
	return MHD_YES;
}

static enum MHD_Result
at_head(struct dl_http_private *p, const char *method, const char *version)
{
	enum dl_http_next next = DL_HTTP_GO_ON;

	if (!p->begun) {
		p->begun = true;
		next = dl_http_begin(p, method, version);
	}
	if (next == DL_HTTP_GO_ON)
		next = call(p, p->http->options.head);
	if (next == DL_HTTP_LATER)
		return MHD_YES;
	atomic_store(&p->deadline,
	    p->body_comes ? dl_clock_ms() + p->http->options.body_timeout_ms
			  : 0);
	if (next == DL_HTTP_GO_ON)
		next = check_size(p);
	if (next != DL_HTTP_GO_ON)
		return answered_early(p);
	p->phase = DL_HTTP_PHASE_BODY;
	return MHD_YES;
}

static enum MHD_Result
at_body(struct dl_http_private *p, const char *bytes, size_t n)
{
	p->came += (int64_t)n;
	if (p->phase == DL_HTTP_PHASE_BODY && !p->overflow &&
	    n <= p->q.body_max - p->body.len) {
		dl_buf_add(&p->body, bytes, n);
		if (dl_http_hold(p))
			return MHD_YES;
		p->crowded = true;
	}
	p->overflow = true;
	dl_buf_release(&p->body);
	dl_http_hold(p);
	return p->came > DL_HTTP_DISCARD_MAX + (int64_t)p->q.body_max ? MHD_NO
	                                                              : MHD_YES;
}

static enum MHD_Result
at_end(struct dl_http_private *p)
{
	enum dl_http_next next;

	atomic_store(&p->deadline, 0);
	if (p->crowded) {
		next = crowded(p);
	} else if (p->overflow) {
		next = dl_http_problem(&p->q, 413, "too-large",
		    "the body is larger than %zu bytes", p->q.body_max);
	} else {
		p->q.body = dl_buf_as_span(&p->body);
		next = call(p, p->http->options.handle);
	}
	if (next == DL_HTTP_LATER)
		return MHD_YES;
	if (next == DL_HTTP_GO_ON)
		dl_http_problem(&p->q, 500, "internal", "nothing was answered");
	return send_answer(p);
}

enum MHD_Result
dl_http_on_request(void *cls, struct MHD_Connection *c, const char *url,
    const char *method, const char *version, const char *upload,
    size_t *upload_size, void **con_cls)
{
	struct dl_http_private *p = *con_cls;
	size_t n = *upload_size;

	(void)cls;
	(void)c;
	(void)url;
	if (p == NULL)
		return MHD_NO;
	if (n > 0) {
		*upload_size = 0;
		return at_body(p, upload, n);
	}
	switch (p->phase) {
	case DL_HTTP_PHASE_HEAD:
		return at_head(p, method, version);
	case DL_HTTP_PHASE_BODY:
		return at_end(p);
	case DL_HTTP_PHASE_DISCARD:
		return send_answer(p);
	default:
		return MHD_YES;
	}
}

const double dl_http_bounds[11] = {
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 10};

static void
count(struct dl_http_private *p, int status, bool whole, int64_t us)
{
	struct dl_http *h = p->http;
	int class = whole && status >= 100 && status < 600 ? status / 100 : 0;
	int i;

	atomic_fetch_add_explicit(&h->requests, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&h->by_class[class], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&h->bytes_out,
	    p->streamed + (whole ? p->answer_len : 0), memory_order_relaxed);
	if (p->stream.fill != NULL)
		return; /* it lasts as long as somebody listens */
	for (i = 0; i < 11 && (double)us > dl_http_bounds[i] * 1e6; i++)
		;
	atomic_fetch_add_explicit(&h->le[i], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(
	    &h->micros, (uint64_t)us, memory_order_relaxed);
}

static void
log_request(struct dl_http_private *p, int status, bool whole, int64_t us)
{
	struct dl_http_log_line line = {
	    .id = p->q.id,
	    .client = p->q.address,
	    .who = p->q.who,
	    .method = p->q.method_name,
	    .path = p->q.path,
	    .status = status,
	    .bytes = p->streamed + (whole ? p->answer_len : 0),
	    .us = us,
	    .broken = !whole,
	};

	if (p->http->log != NULL)
		dl_http_log_add(p->http->log, &line);
}

static void
keep_small(struct dl_buf *b)
{
	if (b->cap > DL_HTTP_KEEP)
		dl_buf_release(b);
	else
		dl_buf_clear(b);
}

void
dl_http_on_completed(void *cls, struct MHD_Connection *c, void **con_cls,
    enum MHD_RequestTerminationCode how)
{
	struct dl_http_private *p = *con_cls;
	struct dl_http *h = cls;
	const union MHD_ConnectionInfo *info;
	int64_t us;
	bool whole, own;

	*con_cls = NULL;
	if (p == NULL || p->phase == DL_HTTP_PHASE_IDLE)
		return;
	us = now_us() - p->began_us;
	info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_HTTP_STATUS);
	own = p->status == 0 && info != NULL && info->http_status != 0;
	if (own)
		p->status = (int)info->http_status; /* its own complaint */
	/* A stream's end is when its reader goes. */
	whole = how == MHD_REQUEST_TERMINATED_COMPLETED_OK || own ||
	        (p->stream.fill != NULL && p->phase == DL_HTTP_PHASE_ANSWER);
	if (how == MHD_REQUEST_TERMINATED_TIMEOUT_REACHED)
		atomic_fetch_add(&h->timeouts, 1);
	dl_http_stream_end(p);
	log_request(p, p->status, whole, us);
	count(p, p->status, whole, us);
	if (p->response != NULL)
		MHD_destroy_response(p->response);
	p->response = NULL;
	if (p->q.release != NULL)
		p->q.release(p->q.state);
	p->q.state = NULL;
	p->q.release = NULL;
	p->q.who = NULL;
	p->stream = (struct dl_http_stream){0};
	dl_buf_clear(&p->headers);
	dl_http_let_go(p);
	keep_small(&p->body);
	keep_small(&p->packed);
	keep_small(&p->q.out);
	p->phase = DL_HTTP_PHASE_IDLE;
	atomic_store(&p->deadline, dl_clock_ms() + h->options.idle_timeout_ms +
				       h->options.header_timeout_ms);
	atomic_store(&p->under_way, false);
	atomic_fetch_sub(&h->busy, 1);
}
