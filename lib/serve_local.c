/*
 * What keeps the web out of a server that asks for no tokens.  A browser on this
 * machine reaches the loopback for any page that it shows: a page whose own name
 * was made to mean 127.0.0.1 is told by its Host, any other by its Origin.
 */
#include "serve.h"

#include <arpa/inet.h>
#include <strings.h>

static bool
is_word(struct dl_span s, const char *word)
{
	return s.len == strlen(word) && strncasecmp(s.p, word, s.len) == 0;
}

/* The name of NAME, NAME:PORT or [ADDRESS]:PORT; len 0 where it is none. */
static struct dl_span
name_of(struct dl_span host)
{
	const char *end = dl_span_end(host), *at;

	if (host.len > 0 && host.p[0] == '[') {
		at = memchr(host.p, ']', host.len);
		at = at == NULL ? host.p : at + 1;
	} else {
		at = memchr(host.p, ':', host.len);
		at = at == NULL ? end : at;
	}
	return dl_span(
	    host.p, at == end || *at == ':' ? (size_t)(at - host.p) : 0);
}

bool
dl_serve_host_is_local(const struct dl_http_request *q)
{
	struct dl_span host = dl_http_get_header(q, "Host"), name;
	char text[INET_ADDRSTRLEN];
	struct in_addr in;

	/* Every browser has one. */
	if (host.p == NULL)
		return true;
	name = host.len == 0 ? host : name_of(host);
	if (is_word(name, "localhost") || is_word(name, "[::1]"))
		return true;
	if (name.len == 0 || name.len >= sizeof(text))
		return false;
	memcpy(text, name.p, name.len);
	text[name.len] = '\0';
	return inet_pton(AF_INET, text, &in) == 1 &&
	       ntohl(in.s_addr) >> 24 == 127;
}

/* Our own page, or one that serve.yaml names. */
static bool
is_our_origin(const struct dl_serve *s, const struct dl_http_request *q)
{
	struct dl_span origin = dl_http_get_header(q, "Origin");
	struct dl_span host = dl_http_get_header(q, "Host");
	const char *scheme = s->conf.cert == NULL ? "http://" : "https://";
	size_t n = strlen(scheme);

	if (origin.p == NULL)
		return true;
	for (const char **o = s->conf.cors; o != NULL && *o != NULL; o++)
		if (dl_span_is(origin, *o))
			return true;
	return host.p != NULL && origin.len == n + host.len &&
	       strncasecmp(origin.p, scheme, n) == 0 &&
	       strncasecmp(origin.p + n, host.p, host.len) == 0;
}

enum dl_http_next
dl_serve_keep_out(struct dl_serve_call *call)
{
	if (!dl_serve_host_is_local(call->q))
		return dl_http_problem(call->q, 403, "forbidden",
		    "without tokens the Host must be localhost, 127.0.0.1 or "
		    "[::1]");
	if (!is_our_origin(call->s, call->q))
		return dl_http_problem(call->q, 403, "forbidden",
		    "without tokens no page of another origin may ask, but "
		    "those of 'cors'");
	return DL_HTTP_GO_ON;
}
