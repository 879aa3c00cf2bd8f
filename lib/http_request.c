#include "http_private.h"

#include "http_text.h"

/* What is looked for among the headers, in one walk. */
struct walk {
	int hosts, lengths, codings;
	bool broken;
	struct dl_span length, coding;
};

static bool
is_token(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c <= 0x20 || c >= 0x7f ||
		    strchr("\"(),/:;<=>?@[\\]{}", c) != NULL)
			return false;
	}
	return n > 0;
}

static bool
is_named(const char *key, size_t n, const char *name)
{
	return n == strlen(name) && strncasecmp(key, name, n) == 0;
}

static enum MHD_Result
walk_one(void *cls, enum MHD_ValueKind kind, const char *key, size_t key_size,
    const char *value, size_t value_size)
{
	struct walk *w = cls;

	(void)kind;
	if (!is_token(key, key_size) ||
	    (value_size > 0 && (memchr(value, '\0', value_size) != NULL ||
				   memchr(value, '\r', value_size) != NULL)))
		w->broken = true;
	if (is_named(key, key_size, "Host")) {
		w->hosts++;
	} else if (is_named(key, key_size, "Content-Length")) {
		w->lengths++;
		w->length = dl_span(value, value_size);
	} else if (is_named(key, key_size, "Transfer-Encoding")) {
		w->codings++;
		w->coding = dl_span(value, value_size);
	}
	return MHD_YES;
}

/*
 * What can be read in two ways is how a request is smuggled past whoever stands
 * before us: a name with a space behind it, more than one length.  It is
 * refused, and nothing more is read from the connection.
 */
static enum dl_http_next
check_headers(struct dl_http_private *p, const struct walk *w)
{
	struct dl_http_request *q = &p->q;

	if (w->broken)
		return dl_http_problem(
		    q, 400, "bad-request", "a header that is none");
	if (w->lengths + w->codings > 1)
		return dl_http_problem(q, 400, "bad-request",
		    "more than one Content-Length or Transfer-Encoding");
	if (w->codings == 1) {
		p->length = -1;
		p->body_comes = true;
		if (!p->old && is_named(w->coding.p, w->coding.len, "chunked"))
			return DL_HTTP_GO_ON;
		return dl_http_problem(q, 400, "bad-request",
		    "a Transfer-Encoding that is not chunked");
	}
	if (w->lengths == 1 && !dl_http_length(w->length, &p->length))
		return dl_http_problem(
		    q, 400, "bad-request", "a Content-Length of no number");
	p->body_comes = p->length != 0;
	return DL_HTTP_GO_ON;
}

static enum dl_http_method
method_of(struct dl_span name)
{
	static const char *const names[] = {"GET", "HEAD", "POST", "OPTIONS"};
	int i;

	for (i = 0; i < DL_HTTP_OTHER; i++)
		if (dl_span_is(name, names[i]))
			return (enum dl_http_method)i;
	return DL_HTTP_OTHER;
}

static void
put_id(struct dl_http_private *p)
{
	struct dl_span given = dl_http_get_header(&p->q, "X-Request-Id");

	if (dl_http_good_id(given)) {
		memcpy(p->q.id, given.p, given.len);
		p->q.id[given.len] = '\0';
	}
}

static enum dl_http_next
check_target(struct dl_http_private *p, const char *version)
{
	struct dl_http_request *q = &p->q;
	bool whole;

	if (p->target.len > DL_HTTP_TARGET_MAX)
		return dl_http_problem(q, 414, "uri-too-long",
		    "the target is longer than %d bytes", DL_HTTP_TARGET_MAX);
	/* A NUL byte would hide what is between it and the version. */
	whole = *version == '\0' || version == p->sent_target + p->sent_len + 1;
	if (whole &&
	    dl_http_split(dl_buf_as_span(&p->target), &q->path, &q->query) &&
	    (!dl_span_is(q->path, "*") || q->method == DL_HTTP_OPTIONS))
		return DL_HTTP_GO_ON;
	q->path = q->query = (struct dl_span){0};
	if (dl_span_is(q->method_name, "CONNECT")) {
		q->path = dl_buf_as_span(&p->target);
		return DL_HTTP_GO_ON; /* the handler knows no such method */
	}
	return dl_http_problem(q, 400, "bad-request",
	    "the target is no path, or has bytes that no target has");
}

enum dl_http_next
dl_http_begin(
    struct dl_http_private *p, const char *method, const char *version)
{
	const union MHD_ConnectionInfo *size = MHD_get_connection_info(
	    p->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	struct dl_http_request *q = &p->q;
	enum dl_http_next next;
	struct walk w = {0};

	q->method_name = dl_span_str(method);
	q->method = method_of(q->method_name);
	p->old = strcmp(version, MHD_HTTP_VERSION_1_0) == 0;
	p->waits = dl_http_get_header(q, "Expect").p != NULL;
	put_id(p);
	MHD_get_connection_values_n(
	    p->connection, MHD_HEADER_KIND, walk_one, &w);
	if ((next = check_headers(p, &w)) != DL_HTTP_GO_ON) {
		/* Where the body ends is unknown: nothing of it is read. */
		p->length = INT64_MAX;
		p->body_comes = true;
		return next;
	}
	if ((next = check_target(p, version)) != DL_HTTP_GO_ON)
		return next;
	if (w.hosts > 1 || (w.hosts == 0 && !p->old))
		return dl_http_problem(q, 400, "bad-request", "%s",
		    w.hosts == 0 ? "no Host" : "more than one Host");
	if (size != NULL &&
	    size->header_size > (size_t)p->http->options.max_header_bytes)
		return dl_http_problem(q, 431, "header-too-large",
		    "the headers are larger than %zu bytes",
		    (size_t)p->http->options.max_header_bytes);
	if (q->method == DL_HTTP_OPTIONS &&
	    (dl_span_is(q->path, "*") || dl_http_is_preflight(q)))
		return dl_http_answer_options(p);
	return DL_HTTP_GO_ON;
}

struct dl_span
dl_http_get_header(const struct dl_http_request *q, const char *name)
{
	const char *value = NULL;
	size_t len = 0;

	if (MHD_lookup_connection_value_n(q->private->connection,
		MHD_HEADER_KIND, name, strlen(name), &value, &len) != MHD_YES ||
	    value == NULL)
		return (struct dl_span){0};
	return dl_span(value, len);
}

struct counting {
	const char *name;
	size_t len;
	int n;
};

static enum MHD_Result
count_one(void *cls, enum MHD_ValueKind kind, const char *key, size_t key_size,
    const char *value, size_t value_size)
{
	struct counting *c = cls;

	(void)kind;
	(void)value;
	(void)value_size;
	if (key_size == c->len && strncasecmp(key, c->name, c->len) == 0)
		c->n++;
	return MHD_YES;
}

int
dl_http_count_header(const struct dl_http_request *q, const char *name)
{
	struct counting c = {name, strlen(name), 0};

	MHD_get_connection_values_n(
	    q->private->connection, MHD_HEADER_KIND, count_one, &c);
	return c.n;
}

int
dl_http_param(const struct dl_http_request *q, const char *name,
    struct dl_buf *b, struct dl_err *err)
{
	return dl_http_query_param(q->query, name, b, err);
}
