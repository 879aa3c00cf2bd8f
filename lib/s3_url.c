/* Addresses, endpoints, URLs: what is signed is what is sent. */
#include "s3_private.h"

#include <stdlib.h>
#include <strings.h>

#define ADDRESS "s3://"
#define BUCKET_MIN 3
#define BUCKET_MAX 63
#define PREFIX_MAX 512

bool
dl_s3_is(const char *address)
{
	return strncmp(address, ADDRESS, strlen(ADDRESS)) == 0;
}

static bool
alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9');
}

static bool
bucket_ok(struct dl_span b)
{
	if (b.len < BUCKET_MIN || b.len > BUCKET_MAX || !alnum(b.p[0]))
		return false;
	for (size_t i = 0; i < b.len; i++)
		if (!alnum(b.p[i]) && strchr(".-_", b.p[i]) == NULL)
			return false;
	return true;
}

/* Segments that servers, and what stands before them, don't all take alike. */
static bool
prefix_ok(struct dl_span p)
{
	size_t from = 0, n;

	if (p.len > PREFIX_MAX)
		return false;
	for (size_t i = 0; i <= p.len; i++) {
		if (i < p.len && ((unsigned char)p.p[i] < ' ' || p.p[i] == 127))
			return false;
		if (i < p.len && p.p[i] != '/')
			continue;
		n = i - from;
		if (n == 0 || (n == 1 && p.p[from] == '.') ||
		    (n == 2 && memcmp(p.p + from, "..", 2) == 0))
			return false;
		from = i + 1;
	}
	return true;
}

int
dl_s3_url_address(struct dl_s3 *s, const char *address, struct dl_err *err)
{
	struct dl_span bucket, prefix;
	struct dl_buf b = {0};

	if (!dl_s3_is(address))
		return dl_err_usage(err,
		    "'%s' is no address of S3: it is written as "
		    "s3://BUCKET/PREFIX",
		    address);
	address += strlen(ADDRESS);
	bucket = dl_span(address, strcspn(address, "/"));
	prefix = dl_span_str(address + bucket.len);
	if (prefix.len > 0) {
		prefix.p++;
		prefix.len--;
	}
	if (prefix.len > 1 && prefix.p[prefix.len - 1] == '/')
		prefix.len--;
	if (!bucket_ok(bucket))
		return dl_err_usage(err,
		    ADDRESS "%s: '%.*s' is no name of a bucket: %d to %d "
			    "letters, digits, '-', '.' and '_'",
		    address, DL_SPAN_ARG(bucket), BUCKET_MIN, BUCKET_MAX);
	if (prefix.len > 0 && !prefix_ok(prefix))
		return dl_err_usage(err,
		    ADDRESS "%s: the prefix has to be names with one '/' "
			    "between them, none of them '.' or '..', of at "
			    "most %d bytes",
		    address, PREFIX_MAX);
	s->bucket = dl_strndup(bucket);
	dl_buf_span(&b, prefix);
	if (prefix.len > 0)
		dl_buf_addc(&b, '/');
	s->prefix = dl_strdup(dl_buf_str(&b));
	dl_buf_clear(&b);
	dl_buf_printf(&b, ADDRESS "%s", s->bucket);
	if (prefix.len > 0)
		dl_buf_printf(&b, "/%.*s", DL_SPAN_ARG(prefix));
	s->name = dl_strdup(dl_buf_str(&b));
	dl_buf_release(&b);
	return 0;
}

static char *
part(CURLU *u, CURLUPart what, unsigned flags)
{
	char *got = NULL;

	(void)curl_url_get(u, what, &got, flags);
	return got;
}

static bool
has(CURLU *u, CURLUPart what)
{
	char *got = part(u, what, 0);
	bool there = got != NULL && *got != '\0' && strcmp(got, "/") != 0;

	curl_free(got);
	return there;
}

/*
 * What is no plain endpoint is not repeated in the message: there may be a
 * password in it.
 */
static int
check_endpoint(CURLU *u, const char *endpoint, struct dl_err *err)
{
	char *scheme;
	bool known;

	if (strstr(endpoint, "://") == NULL ||
	    curl_url_set(u, CURLUPART_URL, endpoint,
		CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
		return dl_err_conf(err,
		    "the endpoint of S3 is no URL: it is written as "
		    "https://HOST or http://HOST:PORT");
	scheme = part(u, CURLUPART_SCHEME, 0);
	known = scheme != NULL && (strcasecmp(scheme, "https") == 0 ||
				      strcasecmp(scheme, "http") == 0);
	curl_free(scheme);
	if (!known)
		return dl_err_conf(
		    err, "the endpoint of S3 is no URL of https or http");
	if (has(u, CURLUPART_USER) || has(u, CURLUPART_PASSWORD) ||
	    has(u, CURLUPART_PATH) || has(u, CURLUPART_QUERY) ||
	    has(u, CURLUPART_FRAGMENT))
		return dl_err_conf(err,
		    "the endpoint of S3 has more than a host and a port: it is "
		    "written as https://HOST or http://HOST:PORT");
	return 0;
}

/* Where the bucket's name would not be of a host, or of its certificate. */
static bool
bucket_is_label(const char *bucket)
{
	for (; *bucket != '\0'; bucket++)
		if (*bucket == '.' || *bucket == '_' ||
		    (*bucket >= 'A' && *bucket <= 'Z'))
			return false;
	return true;
}

static void
compose(struct dl_s3 *s, CURLU *u, bool virtual)
{
	char *scheme = part(u, CURLUPART_SCHEME, 0);
	char *host = part(u, CURLUPART_HOST, 0);
	char *port = part(u, CURLUPART_PORT, CURLU_NO_DEFAULT_PORT);
	const char *colon = port == NULL ? "" : ":";
	struct dl_buf b = {0};

	dl_buf_printf(
	    &b, "%s://%s%s%s", scheme, host, colon, port == NULL ? "" : port);
	s->endpoint = dl_strdup(dl_buf_str(&b));
	dl_buf_clear(&b);
	dl_buf_printf(&b, "%s%s%s%s%s", virtual ? s->bucket : "",
	    virtual ? "." : "", host, colon, port == NULL ? "" : port);
	s->host = dl_strdup(dl_buf_str(&b));
	dl_buf_clear(&b);
	dl_buf_printf(&b, "%s://%s", scheme, s->host);
	s->root = b.len;
	if (!virtual)
		dl_buf_printf(&b, "/%s", s->bucket);
	s->base = dl_strdup(dl_buf_str(&b));
	dl_buf_release(&b);
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
}

static bool
region_ok(const char *region)
{
	for (const char *p = region; *p != '\0'; p++)
		if (!alnum(*p) && *p != '-')
			return false;
	return *region != '\0' && strlen(region) < 64;
}

int
dl_s3_url_endpoint(struct dl_s3 *s, const char *endpoint,
    enum dl_s3_style style, struct dl_err *err)
{
	struct dl_buf b = {0};
	bool virtual = style == DL_S3_STYLE_VIRTUAL;
	CURLU *u = curl_url();
	int r = -1;

	if (u == NULL) {
		dl_err_temp(err, "libcurl cannot start");
	} else if (!region_ok(s->region)) {
		dl_err_conf(err,
		    "'%.64s' is no name of a region such as us-east-1",
		    s->region);
	} else {
		if (style == DL_S3_STYLE_AUTO)
			virtual = endpoint == NULL &&
			          bucket_is_label(s->bucket);
		if (endpoint == NULL)
			dl_buf_printf(&b, "https://s3.%s.amazonaws.com%s",
			    s->region,
			    strncmp(s->region, "cn-", 3) == 0 ? ".cn" : "");
		else
			dl_buf_adds(&b, endpoint);
		r = check_endpoint(u, dl_buf_str(&b), err);
	}
	if (r == 0)
		compose(s, u, virtual);
	curl_url_cleanup(u);
	dl_buf_release(&b);
	return r;
}

void
dl_s3_url_escape(struct dl_buf *b, struct dl_span text, bool path)
{
	static const char hex[] = "0123456789ABCDEF";
	unsigned char u;

	for (size_t i = 0; i < text.len; i++) {
		u = (unsigned char)text.p[i];
		if (alnum(text.p[i]) || (u != 0 && strchr("-._~", u) != NULL) ||
		    (path && u == '/')) {
			dl_buf_addc(b, text.p[i]);
			continue;
		}
		dl_buf_addc(b, '%');
		dl_buf_addc(b, hex[u >> 4]);
		dl_buf_addc(b, hex[u & 15]);
	}
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

void
dl_s3_url_unescape(struct dl_buf *b, struct dl_span text)
{
	int high, low;

	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] == '%' && text.len - i >= 3 &&
		    (high = digit(text.p[i + 1])) >= 0 &&
		    (low = digit(text.p[i + 2])) >= 0) {
			dl_buf_addc(b, (char)(high * 16 + low));
			i += 2;
		} else {
			dl_buf_addc(b, text.p[i] == '+' ? ' ' : text.p[i]);
		}
	}
}

void
dl_s3_url_query(struct dl_buf *b, const char *name, struct dl_span value)
{
	if (b->len > 0)
		dl_buf_addc(b, '&');
	dl_buf_printf(b, "%s=", name);
	dl_s3_url_escape(b, value, false);
}

void
dl_s3_url_make(const struct dl_s3 *s, const char *key, const char *query,
    struct dl_buf *b, struct dl_span *path)
{
	size_t end;

	dl_buf_clear(b);
	dl_buf_adds(b, s->base);
	if (key != NULL || s->base[s->root] == '\0')
		dl_buf_addc(b, '/');
	if (key != NULL) {
		dl_s3_url_escape(b, dl_span_str(s->prefix), true);
		dl_s3_url_escape(b, dl_span_str(key), true);
	}
	end = b->len;
	if (query != NULL)
		dl_buf_printf(b, "?%s", query);
	dl_buf_str(b);
	*path = dl_span(b->p + s->root, end - s->root);
}
