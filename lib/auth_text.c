#include "auth_text.h"

#include "seal.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <strings.h>

void
dl_auth_escape(struct dl_buf *b, struct dl_span text)
{
	static const char hex[] = "0123456789ABCDEF";
	unsigned char c;

	for (size_t i = 0; i < text.len; i++) {
		c = (unsigned char)text.p[i];
		if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		    (c >= '0' && c <= '9') || c == '-' || c == '.' ||
		    c == '_' || c == '~') {
			dl_buf_addc(b, (char)c);
			continue;
		}
		dl_buf_addc(b, '%');
		dl_buf_addc(b, hex[c >> 4]);
		dl_buf_addc(b, hex[c & 15]);
	}
}

bool
dl_auth_plain(struct dl_span text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.p[i] < ' ' || text.p[i] == 0x7f)
			return false;
	return true;
}

char *
dl_auth_join(const struct dl_span *parts, struct dl_err *err)
{
	size_t n = 1;
	char *p, *to;

	for (const struct dl_span *s = parts; s->p != NULL; s++)
		n += s->len;
	if ((p = to = dl_seal_alloc(n, err)) == NULL)
		return NULL;
	for (const struct dl_span *s = parts; s->p != NULL; s++) {
		memcpy(to, s->p, s->len);
		to += s->len;
	}
	return p;
}

void
dl_auth_wipe(struct dl_buf *b)
{
	if (b->p != NULL)
		dl_seal_wipe(b->p, b->cap);
	dl_buf_release(b);
}

static char *
part(CURLU *u, CURLUPart what, unsigned flags)
{
	char *got = NULL, *mine;

	if (curl_url_get(u, what, &got, flags) != CURLUE_OK)
		return NULL;
	mine = dl_strdup(got);
	curl_free(got);
	return mine;
}

static bool
is_loopback(const char *host)
{
	struct in_addr a;

	if (strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
		return true;
	return inet_pton(AF_INET, host, &a) == 1 &&
	       ntohl(a.s_addr) >> 24 == 127;
}

static void
take_host(CURLU *u, struct dl_auth_url *url)
{
	char *host = part(u, CURLUPART_HOST, 0);
	char *port = part(u, CURLUPART_PORT, CURLU_NO_DEFAULT_PORT);
	struct dl_buf b = {0};

	dl_buf_printf(&b, "%s%s%s", host == NULL ? "" : host,
	    port == NULL ? "" : ":", port == NULL ? "" : port);
	url->host = dl_strdup(dl_buf_str(&b));
	url->loopback = host != NULL && is_loopback(host);
	dl_buf_release(&b);
	free(host);
	free(port);
}

int
dl_auth_url_parse(const char *text, struct dl_auth_url *url, struct dl_err *err)
{
	CURLU *u = curl_url();
	char *scheme = NULL, *user, *password;
	int r = -1;

	if (u == NULL)
		return dl_err_temp(err, "out of memory");
	if (curl_url_set(u, CURLUPART_URL, text,
		CURLU_NON_SUPPORT_SCHEME | CURLU_ALLOW_SPACE | CURLU_URLENCODE |
		    CURLU_PATH_AS_IS) != CURLUE_OK ||
	    (scheme = part(u, CURLUPART_SCHEME, 0)) == NULL) {
		dl_err_conf(err, "is not a URL");
		goto out;
	}
	url->https = strcmp(scheme, "https") == 0;
	if (!url->https && strcmp(scheme, "http") != 0) {
		dl_err_conf(err, "is not a URL of http or https");
		goto out;
	}
	take_host(u, url);
	url->path = part(u, CURLUPART_PATH, 0);
	url->query = part(u, CURLUPART_QUERY, 0);
	user = part(u, CURLUPART_USER, 0);
	password = part(u, CURLUPART_PASSWORD, 0);
	url->login = user != NULL || password != NULL;
	free(user);
	free(password);
	r = 0;
out:
	free(scheme);
	curl_url_cleanup(u);
	return r;
}

void
dl_auth_url_release(struct dl_auth_url *url)
{
	free(url->host);
	free(url->path);
	free(url->query);
	*url = (struct dl_auth_url){0};
}
