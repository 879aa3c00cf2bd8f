#include "http_private.h"

#include "http_text.h"
#include "json.h"

#include <stdio.h>

#define PACK_MIN 1400 /* what goes into one packet anyway is not packed */
#define METHODS "GET, HEAD, POST, OPTIONS"

/*
 * The answer's own headers wait as "name\0value\0" until there is a response to
 * put them into.  No byte of a value may end the line.
 */
void
dl_http_header(
    struct dl_http_request *q, const char *name, const char *fmt, ...)
{
	struct dl_buf *b = &q->private->headers;
	size_t from;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	dl_buf_adds(b, name);
	dl_buf_addc(b, '\0');
	from = b->len;
	dl_buf_room(b, (size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(b->p + from, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n + 1;
	for (; from < b->len - 1; from++)
		if ((unsigned char)b->p[from] < 0x20 || b->p[from] == 0x7f)
			b->p[from] = ' ';
}

char *
dl_http_answer_header(struct dl_http_private *p, const char *name)
{
	char *s = p->headers.p, *end = s == NULL ? s : s + p->headers.len;

	while (s < end) {
		char *value = s + strlen(s) + 1;

		if (strcasecmp(s, name) == 0)
			return value;
		s = value + strlen(value) + 1;
	}
	return NULL;
}

void
dl_http_drop_header(struct dl_http_private *p, const char *name)
{
	struct dl_buf *b = &p->headers;
	char *value = dl_http_answer_header(p, name), *from, *to;

	if (value == NULL)
		return;
	from = value - strlen(name) - 1;
	to = value + strlen(value) + 1;
	memmove(from, to, (size_t)(b->p + b->len - to));
	b->len -= (size_t)(to - from);
}

/* May a page of this origin read what we answer? */
static bool
origin_allowed(const struct dl_http *h, struct dl_span origin)
{
	char **o;

	if (origin.p == NULL)
		return false;
	if (h->any_origin)
		return true;
	for (o = h->origins; *o != NULL; o++)
		if (dl_span_is(origin, *o))
			return true;
	return false;
}

bool
dl_http_is_preflight(const struct dl_http_request *q)
{
	return q->method == DL_HTTP_OPTIONS &&
	       dl_http_get_header(q, "Access-Control-Request-Method").p != NULL;
}

static void
cors_headers(struct dl_http_private *p)
{
	struct dl_span origin = dl_http_get_header(&p->q, "Origin");

	MHD_add_response_header(p->response, "Vary", "Origin");
	if (!origin_allowed(p->http, origin) || origin.len > 256)
		return;
	/* Its value in libmicrohttpd's memory ends in NUL. */
	MHD_add_response_header(
	    p->response, "Access-Control-Allow-Origin", origin.p);
	MHD_add_response_header(p->response, "Access-Control-Expose-Headers",
	    "ETag, Link, X-Request-Id, Retry-After");
	if (!dl_http_is_preflight(&p->q))
		return;
	MHD_add_response_header(
	    p->response, "Access-Control-Allow-Methods", METHODS);
	MHD_add_response_header(p->response, "Access-Control-Allow-Headers",
	    "Authorization, Content-Type, Last-Event-ID, If-None-Match");
	MHD_add_response_header(p->response, "Access-Control-Max-Age", "600");
}

void
dl_http_common_headers(struct dl_http_private *p)
{
	char *s = p->headers.p, *end = s == NULL ? s : s + p->headers.len;

	while (s < end) {
		char *value = s + strlen(s) + 1;

		MHD_add_response_header(p->response, s, value);
		s = value + strlen(value) + 1;
	}
	MHD_add_response_header(p->response, "X-Request-Id", p->q.id);
	MHD_add_response_header(
	    p->response, "X-Content-Type-Options", "nosniff");
	if (p->http->any_origin || p->http->origins != NULL)
		cors_headers(p);
	if (atomic_load(&p->http->stopping) != 0)
		MHD_add_response_header(p->response, "Connection", "close");
}

enum dl_http_next
dl_http_respond(struct dl_http_private *p, int status, const char *type,
    struct dl_span body)
{
	bool none = status == 204 || status == 304;

	if (p->response != NULL)
		MHD_destroy_response(p->response);
	dl_http_stream_end(p);
	p->stream = (struct dl_http_stream){0};
	p->status = status;
	/*
	 * libmicrohttpd can't leave out the length of a 304; the one that a 200
	 * would have makes Node's fetch wait for that many bytes.
	 */
	if (none)
		body = DL_SPAN("");
	p->answer_len = p->q.method == DL_HTTP_HEAD ? 0 : body.len;
	p->response = MHD_create_response_from_buffer(body.len,
	    body.len == 0 ? NULL : (void *)(uintptr_t)body.p,
	    MHD_RESPMEM_PERSISTENT);
	if (p->response == NULL)
		return DL_HTTP_ANSWERED; /* send_answer() breaks off */
	if (type != NULL && status != 304)
		MHD_add_response_header(p->response, "Content-Type", type);
	dl_http_common_headers(p);
	return DL_HTTP_ANSWERED;
}

/* What is packed is not the same bytes: its tag can't be strong. */
static void
weaken(struct dl_http_private *p)
{
	char *tag = dl_http_answer_header(p, "ETag");
	struct dl_buf *b = &p->headers;
	size_t at;

	if (tag == NULL || tag[0] != '"')
		return;
	at = (size_t)(tag - b->p);
	dl_buf_room(b, 2);
	memmove(b->p + at + 2, b->p + at, b->len - at);
	memcpy(b->p + at, "W/", 2);
	b->len += 2;
}

enum dl_http_next
dl_http_answer(
    struct dl_http_request *q, int status, const char *type, bool packing)
{
	struct dl_http_private *p = q->private;
	struct dl_span body = dl_buf_as_span(&q->out);

	if (!packing || body.len < PACK_MIN)
		return dl_http_respond(p, status, type, body);
	dl_http_header(q, "Vary", "Accept-Encoding");
	dl_buf_clear(&p->packed);
	if (!dl_http_takes_gzip(dl_http_get_header(q, "Accept-Encoding")) ||
	    !dl_http_pack(p->http, body, &p->packed))
		return dl_http_respond(p, status, type, body);
	if (q->out.cap > DL_HTTP_KEEP)
		dl_buf_release(&q->out);
	weaken(p);
	if (status != 304)
		dl_http_header(q, "Content-Encoding", "gzip");
	return dl_http_respond(p, status, type, dl_buf_as_span(&p->packed));
}

enum dl_http_next
dl_http_answer_options(struct dl_http_private *p)
{
	dl_buf_clear(&p->headers);
	dl_http_header(&p->q, "Allow", METHODS);
	dl_buf_clear(&p->q.out);
	return dl_http_answer(&p->q, 204, NULL, false);
}

bool
dl_http_matches(const struct dl_http_request *q, const char *tag)
{
	struct dl_span listed = dl_http_get_header(q, "If-None-Match");

	return listed.p != NULL && dl_http_tag_listed(listed, dl_span_str(tag));
}
