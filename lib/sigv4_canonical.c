#include "sigv4_canonical.h"

#include <stdlib.h>
#include <strings.h>

/* A header and where it came, so that those of one name keep their order. */
struct header {
	struct dl_span name, value;
};

static bool
unreserved(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
	       c == '~';
}

static void
encode(struct dl_buf *b, char c)
{
	static const char hex[] = "0123456789ABCDEF";
	unsigned char u = (unsigned char)c;

	if (unreserved(c)) {
		dl_buf_addc(b, c);
		return;
	}
	dl_buf_addc(b, '%');
	dl_buf_addc(b, hex[u >> 4]);
	dl_buf_addc(b, hex[u & 15]);
}

static int
digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that is written at s.p[*i], of which *i is the last one then. */
static char
decode(struct dl_span s, size_t *i)
{
	int high, low;

	if (s.p[*i] != '%' || s.len - *i < 3)
		return s.p[*i];
	high = digit(s.p[*i + 1]);
	low = digit(s.p[*i + 2]);
	if (high < 0 || low < 0)
		return '%';
	*i += 2;
	return (char)(high * 16 + low);
}

static void
path_once(struct dl_buf *b, struct dl_span path)
{
	char c;

	for (size_t i = 0; i < path.len; i++) {
		c = decode(path, &i);
		if (c == '/')
			dl_buf_addc(b, c);
		else
			encode(b, c);
	}
}

/* Take the last segment back, down to the '/' at start. */
static void
pop(struct dl_buf *b, size_t start)
{
	while (b->len > start && b->p[--b->len] != '/')
		;
}

static void
path_twice(struct dl_buf *b, struct dl_span path)
{
	size_t start = b->len, from = 0, n;

	for (size_t i = 0; i <= path.len; i++) {
		if (i < path.len && path.p[i] != '/')
			continue;
		n = i - from;
		if (n == 2 && memcmp(path.p + from, "..", 2) == 0) {
			pop(b, start);
		} else if (n > 0 && (n != 1 || path.p[from] != '.')) {
			dl_buf_addc(b, '/');
			for (size_t j = from; j < i; j++)
				encode(b, path.p[j]);
		}
		from = i + 1;
	}
	if (b->len == start || path.p[path.len - 1] == '/')
		dl_buf_addc(b, '/');
}

void
dl_sigv4_path(struct dl_buf *b, struct dl_span path, bool once)
{
	if (path.len == 0) {
		dl_buf_addc(b, '/');
		return;
	}
	if (!once) {
		path_twice(b, path);
		return;
	}
	if (path.p[0] != '/')
		dl_buf_addc(b, '/');
	path_once(b, path);
}

/* A name or a value, anew. */
static struct dl_span
recode(struct dl_buf *b, struct dl_span s)
{
	size_t start = b->len;

	for (size_t i = 0; i < s.len; i++)
		encode(b, s.p[i] == '+' ? ' ' : decode(s, &i));
	return dl_span(b->p + start, b->len - start);
}

static int
by_name(const void *a, const void *b)
{
	const struct header *x = a, *y = b;
	int r = dl_span_cmp(x->name, y->name);

	return r != 0 ? r : dl_span_cmp(x->value, y->value);
}

/* Cut s at c: what is after it, or an empty one. */
static struct dl_span
cut(struct dl_span *s, char c)
{
	const char *at = s->len == 0 ? NULL : memchr(s->p, c, s->len);
	struct dl_span rest = {"", 0};

	if (at == NULL)
		return rest;
	rest = dl_span(at + 1, s->len - (size_t)(at - s->p) - 1);
	s->len = (size_t)(at - s->p);
	return rest;
}

void
dl_sigv4_query(struct dl_buf *b, struct dl_span query)
{
	struct dl_buf text = {0};
	struct dl_span rest, value;
	struct header *v;
	size_t n = 1;

	if (query.len == 0)
		return;
	for (size_t i = 0; i < query.len; i++)
		n += query.p[i] == '&';
	v = dl_calloc(n, sizeof(*v));
	/* Reserved at once: spans of it must stay where they are. */
	dl_buf_grow(&text, 3 * query.len);
	for (n = 0; query.len > 0; query = rest) {
		rest = cut(&query, '&');
		if (query.len == 0)
			continue;
		value = cut(&query, '=');
		v[n].name = recode(&text, query);
		v[n++].value = recode(&text, value);
	}
	qsort(v, n, sizeof(*v), by_name);
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			dl_buf_addc(b, '&');
		dl_buf_span(b, v[i].name);
		dl_buf_addc(b, '=');
		dl_buf_span(b, v[i].value);
	}
	free(v);
	dl_buf_release(&text);
}

/* As libcurl sends it: false where it does not. */
static bool
take(const char *line, struct header *h)
{
	size_t n = strcspn(line, ":;");

	h->name = dl_span(line, n);
	if (line[n] == '\0')
		return false;
	h->value = dl_span_str(line + n + 1);
	if (line[n] == ';')
		return h->value.len == 0;
	return strspn(h->value.p, " \t") < h->value.len;
}

static bool
same_name(struct dl_span a, struct dl_span b)
{
	return a.len == b.len && strncasecmp(a.p, b.p, a.len) == 0;
}

static bool
listed(struct dl_span name, const char *const *list)
{
	for (; *list != NULL; list++)
		if (same_name(name, dl_span_str(*list)))
			return true;
	return false;
}

bool
dl_sigv4_has(const struct dl_sigv4_request *request, const char *name)
{
	struct header h;

	if (request->headers == NULL)
		return false;
	for (const char *const *p = request->headers; *p != NULL; p++)
		if (take(*p, &h) && same_name(h.name, dl_span_str(name)))
			return true;
	return false;
}

static bool
white(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The value without white space around it, and one space for what is in it. */
static void
add_value(struct dl_buf *b, struct dl_span value)
{
	bool any = false, gap = false;

	for (size_t i = 0; i < value.len; i++) {
		if (white(value.p[i])) {
			gap = true;
			continue;
		}
		if (any && gap)
			dl_buf_addc(b, ' ');
		dl_buf_addc(b, value.p[i]);
		any = true;
		gap = false;
	}
}

static void
add_name(struct dl_buf *b, struct dl_span name)
{
	for (size_t i = 0; i < name.len; i++)
		dl_buf_addc(b, name.p[i] >= 'A' && name.p[i] <= 'Z'
				   ? (char)(name.p[i] + ('a' - 'A'))
				   : name.p[i]);
}

/* Put h behind all whose name is not greater. */
static void
insert(struct header *v, size_t n, const struct header *h)
{
	size_t least;
	int r;

	for (; n > 0; n--) {
		least = h->name.len < v[n - 1].name.len ? h->name.len
		                                        : v[n - 1].name.len;
		r = strncasecmp(h->name.p, v[n - 1].name.p, least);
		if (r > 0 || (r == 0 && h->name.len >= v[n - 1].name.len))
			break;
		v[n] = v[n - 1];
	}
	v[n] = *h;
}

static int
collect(struct header *v, size_t *n, const struct dl_sigv4_request *request,
    struct dl_err *err)
{
	/* Proxies and servers change these, or libcurl itself says them. */
	static const char *const passed[] = {"connection", "user-agent",
	    "accept-encoding", "expect", "te", "transfer-encoding", "upgrade",
	    "keep-alive", "proxy-authorization", "x-amzn-trace-id", NULL};
	static const char *const ours[] = {
	    "authorization", "x-amz-date", "x-amz-security-token", NULL};
	struct header h;

	for (const char *const *p = request->headers; p != NULL && *p != NULL;
	     p++) {
		if (!take(*p, &h) || listed(h.name, passed))
			continue;
		if (listed(h.name, ours))
			return dl_err_conf(err,
			    "the header '%.*s' is made by the signature",
			    DL_SPAN_ARG(h.name));
		if (*n == DL_SIGV4_HEADERS_MAX)
			return dl_err_conf(err,
			    "more than %d headers can't be signed",
			    DL_SIGV4_HEADERS_MAX);
		insert(v, (*n)++, &h);
	}
	return 0;
}

int
dl_sigv4_headers(struct dl_buf *b, const struct dl_sigv4_request *request,
    const char *const *mine, size_t *names, struct dl_err *err)
{
	struct header v[DL_SIGV4_HEADERS_MAX + DL_SIGV4_HEADERS + 1];
	struct header h = {DL_SPAN("host"), request->host};
	size_t n = 0;

	if (collect(v, &n, request, err) < 0)
		return -1;
	if (!dl_sigv4_has(request, "host"))
		insert(v, n++, &h);
	for (; *mine != NULL; mine++)
		if (take(*mine, &h))
			insert(v, n++, &h);
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && same_name(v[i].name, v[i - 1].name)) {
			b->p[b->len - 1] = ','; /* was its newline */
		} else {
			add_name(b, v[i].name);
			dl_buf_addc(b, ':');
		}
		add_value(b, v[i].value);
		dl_buf_addc(b, '\n');
	}
	dl_buf_addc(b, '\n');
	*names = b->len;
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && same_name(v[i].name, v[i - 1].name))
			continue;
		if (i > 0)
			dl_buf_addc(b, ';');
		add_name(b, v[i].name);
	}
	return 0;
}
