/* URLs: relative ones, origins, what may be shown. */
#include "fetch_private.h"

#include <stdlib.h>
#include <strings.h>

#define PARSE (CURLU_NON_SUPPORT_SCHEME | CURLU_ALLOW_SPACE | CURLU_URLENCODE)

static const struct {
	const char *name;
	enum dl_fetch_scheme is;
} schemes[] = {{"file", DL_FETCH_FILE}, {"http", DL_FETCH_HTTP},
    {"https", DL_FETCH_HTTP}, {"ftp", DL_FETCH_FTP}, {"ftps", DL_FETCH_FTP},
    {"ftpes", DL_FETCH_FTP}, {"sftp", DL_FETCH_SFTP}};

char *
dl_fetch_url_part(CURLU *u, CURLUPart what, unsigned flags)
{
	char *got = NULL;

	/* CURLUE_NO_HOST and the like leave it NULL. */
	(void)curl_url_get(u, what, &got, flags);
	return got;
}

static bool
part_is(CURLU *u, CURLUPart what, const char *want)
{
	char *got = dl_fetch_url_part(u, what, CURLU_DEFAULT_PORT);
	bool same = got != NULL && strcasecmp(got, want) == 0;

	curl_free(got);
	return same;
}

static bool
same_part(CURLU *a, CURLU *b, CURLUPart what)
{
	char *want = dl_fetch_url_part(a, what, CURLU_DEFAULT_PORT);
	bool same = want != NULL && part_is(b, what, want);

	curl_free(want);
	return same;
}

bool
dl_fetch_url_own(const struct dl_fetch *f)
{
	/* A file's has neither host nor port. */
	return same_part(f->url, f->at, CURLUPART_SCHEME) &&
	       (f->scheme == DL_FETCH_FILE ||
		   (same_part(f->url, f->at, CURLUPART_HOST) &&
		       same_part(f->url, f->at, CURLUPART_PORT)));
}

static void
forget_login(CURLU *u)
{
	curl_url_set(u, CURLUPART_USER, NULL, 0);
	curl_url_set(u, CURLUPART_PASSWORD, NULL, 0);
	curl_url_set(u, CURLUPART_OPTIONS, NULL, 0);
	curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0);
}

/* The URL as it may be shown. */
static char *
show(CURLU *u)
{
	CURLU *copy = curl_url_dup(u);
	char *text, *mine;

	if (copy == NULL)
		return dl_strdup("(URL)");
	forget_login(copy);
	curl_url_set(copy, CURLUPART_QUERY, NULL, 0);
	text = dl_fetch_url_part(copy, CURLUPART_URL, 0);
	mine = dl_strdup(text == NULL ? "(URL)" : text);
	curl_free(text);
	curl_url_cleanup(copy);
	return mine;
}

/* libcurl knows ftpes, ftp that has to become secret, as an option of ftp's. */
static bool
from_ftpes(CURLU *u)
{
	return part_is(u, CURLUPART_SCHEME, "ftpes") &&
	       curl_url_set(u, CURLUPART_SCHEME, "ftp", 0) == CURLUE_OK;
}

static int
parse(CURLU *u, const char *url, struct dl_err *err)
{
	CURLUcode code;

	if (strstr(url, "://") == NULL)
		return dl_err_conf(err,
		    "the URL has no scheme: a file is written as "
		    "file:///PATH, or file://${PWD}/PATH");
	code = curl_url_set(u, CURLUPART_URL, url, PARSE);
	if (code != CURLUE_OK && strncmp(url, "file:", 5) == 0)
		return dl_err_conf(err,
		    "not a file's URL: it is written as file:///PATH, or "
		    "file://${PWD}/PATH");
	if (code != CURLUE_OK)
		return dl_err_conf(
		    err, "not a URL: %s", curl_url_strerror(code));
	return 0;
}

static int
take_scheme(struct dl_fetch *f, struct dl_err *err)
{
	for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++)
		if (part_is(f->url, CURLUPART_SCHEME, schemes[i].name)) {
			f->scheme = schemes[i].is;
			return 0;
		}
	return dl_err_conf(err,
	    "the URL's scheme is none of http, https, ftp, ftps, ftpes, sftp "
	    "and file");
}

/* Of a server's files one is asked for, not a list of them. */
static int
check_remote(CURLU *u, struct dl_err *err)
{
	char *path = dl_fetch_url_part(u, CURLUPART_PATH, 0);
	size_t n = path == NULL ? 0 : strlen(path);
	bool file = n > 0 && path[n - 1] != '/';

	curl_free(path);
	if (file)
		return 0;
	return dl_err_conf(
	    err, "the URL is a directory's: it has to name one file");
}

int
dl_fetch_url_open(struct dl_fetch *f, struct dl_err *err)
{
	char *user, *password;

	if ((f->url = curl_url()) == NULL)
		return dl_err_temp(err, "out of memory");
	if (parse(f->url, f->o.url, err) < 0 || take_scheme(f, err) < 0)
		return -1;
	if ((f->scheme == DL_FETCH_FTP || f->scheme == DL_FETCH_SFTP) &&
	    check_remote(f->url, err) < 0)
		return -1;
	f->shown = show(f->url);
	f->explicit_tls = from_ftpes(f->url);
	user = dl_fetch_url_part(f->url, CURLUPART_USER, CURLU_URLDECODE);
	password =
	    dl_fetch_url_part(f->url, CURLUPART_PASSWORD, CURLU_URLDECODE);
	f->user = user == NULL ? NULL : dl_strdup(user);
	f->password = password == NULL ? NULL : dl_strdup(password);
	curl_free(user);
	curl_free(password);
	forget_login(f->url);
	return 0;
}

static int
start_at(struct dl_fetch *f, struct dl_err *err)
{
	curl_url_cleanup(f->at);
	if ((f->at = curl_url_dup(f->url)) == NULL)
		return dl_err_temp(err, "out of memory");
	return 0;
}

/* May a URL that may have come from a server lead from where we are there? */
static bool
allowed(struct dl_fetch *f, bool secure)
{
	switch (f->scheme) {
	case DL_FETCH_HTTP:
		return part_is(f->at, CURLUPART_SCHEME, "https") ||
		       (!secure && part_is(f->at, CURLUPART_SCHEME, "http"));
	default:
		return dl_fetch_url_own(f);
	}
}

int
dl_fetch_url_ask(struct dl_fetch *f, const char *url, struct dl_err *err)
{
	bool secure = part_is(f->url, CURLUPART_SCHEME, "https");
	CURLUcode code;

	free(f->label);
	f->label = dl_strdup(f->shown);
	if (start_at(f, err) < 0)
		return -1;
	if (url == NULL)
		return 0;
	code = curl_url_set(f->at, CURLUPART_URL, url, PARSE);
	if (code != CURLUE_OK)
		return dl_err_conf(err, "%s: what it leads to is not a URL: %s",
		    f->label, curl_url_strerror(code));
	from_ftpes(f->at);
	forget_login(f->at);
	if (!allowed(f, secure))
		return dl_err_conf(err,
		    f->scheme == DL_FETCH_HTTP
			? "%s: leads from %s to another scheme"
			: "%s: leads to another server or scheme",
		    f->label, secure ? "https" : "http");
	free(f->label);
	f->label = show(f->at);
	if (f->scheme == DL_FETCH_FTP || f->scheme == DL_FETCH_SFTP)
		return check_remote(f->at, err);
	return 0;
}

int
dl_fetch_url_redirect(struct dl_fetch *f, const char *to, struct dl_err *err)
{
	bool secure = part_is(f->at, CURLUPART_SCHEME, "https");

	if (to == NULL ||
	    curl_url_set(f->at, CURLUPART_URL, to, PARSE) != CURLUE_OK)
		return dl_err_conf(
		    err, "%s: redirected to what isn't a URL", f->label);
	forget_login(f->at);
	if (!allowed(f, secure))
		return dl_err_conf(err,
		    "%s: redirected from %s to another scheme: check 'url'",
		    f->label, secure ? "https" : "http");
	if (f->o.here && !dl_fetch_url_own(f))
		return dl_err_conf(
		    err, "%s: redirected to another server", f->label);
	return 0;
}

int
dl_fetch_proxy_check(const char *url, struct dl_err *err)
{
	static const char *const known[] = {
	    "http", "https", "socks5", "socks5h"};
	CURLU *u = curl_url();
	bool good = *url == '\0';

	if (!good && u != NULL &&
	    curl_url_set(u, CURLUPART_URL, url,
		CURLU_NON_SUPPORT_SCHEME | CURLU_GUESS_SCHEME) == CURLUE_OK)
		for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
			good |= part_is(u, CURLUPART_SCHEME, known[i]);
	curl_url_cleanup(u);
	if (good)
		return 0;
	return dl_err_conf(err,
	    "is not the URL of a proxy: write http://HOST:PORT, or https, "
	    "socks5 or socks5h instead of http");
}
