/* libcurl, set up for a scheme and for a request. */
#include "fetch_private.h"

#include "clock.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#ifndef DL_VERSION
#error "the Makefile gives DL_VERSION"
#endif

#define FILE_BUFFER (256L << 10) /* libcurl's, for reads */
#define KEEPALIVE_S 60L          /* of silence, before a peer is asked */
#define KEEPALIVE_AGAIN_S 10L    /* ... and between it and the next ones */

static const char *
protocols(const struct dl_fetch *f)
{
	switch (f->scheme) {
	case DL_FETCH_FILE:
		return "file";
	case DL_FETCH_HTTP:
		return "http,https";
	case DL_FETCH_FTP:
		return "ftp,ftps";
	default:
		return "sftp";
	}
}

static void
setup_http(struct dl_fetch *f)
{
	/* What packs a stream may keep its newest events to itself. */
	curl_easy_setopt(f->easy, CURLOPT_ACCEPT_ENCODING,
	    f->o.endless ? "identity" : DL_FETCH_ENCODINGS);
	curl_easy_setopt(f->easy, CURLOPT_USERAGENT, "dl/" DL_VERSION);
	curl_easy_setopt(
	    f->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(f->easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
	curl_easy_setopt(f->easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
}

static int
reject_unknown_host(CURL *easy, const struct curl_khkey *known,
    const struct curl_khkey *found, enum curl_khmatch match, void *arg)
{
	struct dl_fetch *f = arg;

	(void)easy;
	(void)known;
	(void)found;
	f->host_key = (int)match;
	return match == CURLKHMATCH_OK ? CURLKHSTAT_FINE : CURLKHSTAT_REJECT;
}

static char *
default_known_hosts(void)
{
	const char *home = getenv("HOME");
	struct dl_buf b = {0};
	const struct passwd *pw;
	char *path;

	if (home == NULL || *home == '\0')
		home = (pw = getpwuid(getuid())) == NULL ? "/" : pw->pw_dir;
	dl_buf_printf(&b, "%s/.ssh/known_hosts", home);
	path = dl_strdup(dl_buf_str(&b));
	dl_buf_release(&b);
	return path;
}

static void
setup_sftp(struct dl_fetch *f)
{
	f->known_hosts = f->o.known_hosts == NULL ? default_known_hosts()
	                                          : dl_strdup(f->o.known_hosts);
	curl_easy_setopt(f->easy, CURLOPT_SSH_KEYFUNCTION, reject_unknown_host);
	curl_easy_setopt(f->easy, CURLOPT_SSH_KEYDATA, f);
	curl_easy_setopt(f->easy, CURLOPT_FILETIME, 1L);
}

static void
setup_ftp(struct dl_fetch *f)
{
	curl_easy_setopt(f->easy, CURLOPT_FILETIME, 1L);
	curl_easy_setopt(
	    f->easy, CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)DL_FETCH_STALL_S);
	if (f->explicit_tls)
		curl_easy_setopt(
		    f->easy, CURLOPT_USE_SSL, (long)CURLUSESSL_ALL);
}

static void
setup_network(struct dl_fetch *f)
{
	CURL *c = f->easy;

	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(
	    c, CURLOPT_CONNECTTIMEOUT_MS, (long)DL_FETCH_CONNECT_MS);
	curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	if (f->o.endless) {
		/* Silence is no fault, but a peer that is gone is. */
		curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
		curl_easy_setopt(c, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_S);
		curl_easy_setopt(c, CURLOPT_TCP_KEEPINTVL, KEEPALIVE_AGAIN_S);
	}
	if (f->o.tls.ca != NULL) {
		/* Whom the system trusts is not meant then. */
		curl_easy_setopt(c, CURLOPT_CAINFO, f->o.tls.ca);
		curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
	}
	if (f->o.proxy != NULL)
		curl_easy_setopt(c, CURLOPT_PROXY, f->o.proxy);
	/* A proxy passes on the bytes of what isn't HTTP, no more. */
	curl_easy_setopt(
	    c, CURLOPT_HTTPPROXYTUNNEL, (long)(f->scheme != DL_FETCH_HTTP));
}

int
dl_fetch_setup(struct dl_fetch *f, struct dl_err *err)
{
	struct dl_err why = {0};
	CURL *c;

	if (f->o.proxy != NULL && dl_fetch_proxy_check(f->o.proxy, &why) < 0)
		return dl_err_conf(err, "'proxy' %s", why.msg);
	if ((f->multi = curl_multi_init()) == NULL ||
	    (f->easy = c = curl_easy_init()) == NULL)
		return dl_err_temp(err, "libcurl cannot start");
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, f->text);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, dl_fetch_run_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, f);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, protocols(f));
	if (f->scheme == DL_FETCH_FILE) {
		curl_easy_setopt(c, CURLOPT_BUFFERSIZE, FILE_BUFFER);
		return 0;
	}
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, dl_fetch_head_line);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, f);
	setup_network(f);
	if (f->scheme == DL_FETCH_HTTP)
		setup_http(f);
	else if (f->scheme == DL_FETCH_FTP)
		setup_ftp(f);
	else
		setup_sftp(f);
	return 0;
}

/* libcurl takes a line as it is: a break in it would begin another one. */
static int
add_header(struct dl_fetch *f, const char *line, struct dl_err *err)
{
	if (strpbrk(line, "\r\n") != NULL)
		return dl_err_data(err,
		    "%s: a request header has a line break in it", f->label);
	f->headers = curl_slist_append(f->headers, line);
	return 0;
}

static int
add_headers(struct dl_fetch *f, const char *const *lines, struct dl_err *err)
{
	for (; lines != NULL && *lines != NULL; lines++) {
		/* They describe a body that a redirect has taken away. */
		if (f->body_dropped && strncasecmp(*lines, "Content-", 8) == 0)
			continue;
		if (add_header(f, *lines, err) < 0)
			return -1;
	}
	return 0;
}

static int
add_condition(struct dl_fetch *f, const char *name, struct dl_span value,
    struct dl_err *err)
{
	struct dl_buf b = {0};
	int r;

	if (value.p == NULL)
		return 0;
	dl_buf_printf(&b, "%s: %.*s", name, DL_SPAN_ARG(value));
	r = add_header(f, dl_buf_str(&b), err);
	dl_buf_release(&b);
	return r;
}

/* Ask the caller for what proves who we are. */
static int
prove(struct dl_fetch *f, struct dl_err *err)
{
	char *url = dl_fetch_url_part(f->at, CURLUPART_URL, 0);
	struct dl_fetch_request request = {.method = f->method,
	    .url = url == NULL ? "" : url,
	    .body = f->body};
	const char **lines;
	size_t n = 0;
	int r;

	for (struct curl_slist *h = f->headers; h != NULL; h = h->next)
		n++;
	request.headers = lines = dl_calloc(n + 1, sizeof(*lines));
	n = 0;
	for (struct curl_slist *h = f->headers; h != NULL; h = h->next)
		lines[n++] = h->data;
	r = f->o.auth.prove(f->o.auth.arg, &request, &f->proof, err);
	free(lines);
	curl_free(url);
	return r;
}

/* An option whose file can't be read, in the system's own words. */
static int
check_readable(const char *path, const char *key, struct dl_err *err)
{
	if (path == NULL || access(path, R_OK) == 0)
		return 0;
	dl_err_errno(err, "'%s': cannot open '%s'", key, path);
	return -1;
}

static int
set_identity(struct dl_fetch *f, bool own, struct dl_err *err)
{
	const struct dl_tls *tls = &f->o.tls;
	CURL *c = f->easy;

	if (check_readable(tls->ca, "tls.ca", err) < 0)
		return -1;
	if (!own) {
		curl_easy_setopt(c, CURLOPT_SSLCERT, NULL);
		curl_easy_setopt(c, CURLOPT_SSLKEY, NULL);
		curl_easy_setopt(c, CURLOPT_KEYPASSWD, NULL);
		return 0;
	}
	if (check_readable(tls->cert, "tls.cert", err) < 0 ||
	    check_readable(tls->key, "tls.key", err) < 0)
		return -1;
	curl_easy_setopt(c, CURLOPT_SSLCERT, tls->cert);
	curl_easy_setopt(c, CURLOPT_SSLKEY, tls->key);
	/* Without one OpenSSL asks whoever sits at the terminal. */
	curl_easy_setopt(c, CURLOPT_KEYPASSWD,
	    f->proof.key_password == NULL ? "" : f->proof.key_password);
	return 0;
}

static int
set_ssh_login(struct dl_fetch *f, const char *user, const char *password,
    struct dl_err *err)
{
	long types = 0;

	if (user == NULL || *user == '\0')
		return dl_err_conf(err,
		    "%s: sftp needs a user: in 'auth', or sftp://USER@HOST",
		    f->label);
	if (f->o.ssh_key != NULL)
		types |= CURLSSH_AUTH_PUBLICKEY;
	if (password != NULL)
		types |= CURLSSH_AUTH_PASSWORD | CURLSSH_AUTH_KEYBOARD;
	if (types == 0)
		return dl_err_conf(err,
		    "%s: sftp needs a password in 'auth', or an 'ssh_key'",
		    f->label);
	if (check_readable(f->o.ssh_key, "ssh_key", err) < 0)
		return -1;
	curl_easy_setopt(f->easy, CURLOPT_SSH_AUTH_TYPES, types);
	curl_easy_setopt(f->easy, CURLOPT_SSH_PRIVATE_KEYFILE, f->o.ssh_key);
	return 0;
}

static int
set_login(struct dl_fetch *f, bool own, struct dl_err *err)
{
	const char *user = own ? f->user : NULL;
	const char *password = own ? f->password : NULL;

	if (own && f->proof.user != NULL) {
		user = f->proof.user;
		password = f->proof.password;
	} else if (own && password == NULL)
		password = f->proof.password;
	curl_easy_setopt(f->easy, CURLOPT_USERNAME, user);
	curl_easy_setopt(f->easy, CURLOPT_PASSWORD, password);
	return f->scheme == DL_FETCH_SFTP
	           ? set_ssh_login(f, user, password, err)
	           : 0;
}

static void
set_method(struct dl_fetch *f)
{
	const char *natural = f->body.p == NULL ? "GET" : "POST";
	bool head = strcmp(f->method, "HEAD") == 0 && f->body.p == NULL;
	CURL *c = f->easy;

	curl_easy_setopt(c, CURLOPT_NOBODY, (long)head);
	curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, NULL);
	if (head)
		return;
	curl_easy_setopt(c, CURLOPT_HTTPGET, 1L);
	if (f->body.p != NULL) {
		curl_easy_setopt(
		    c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)f->body.len);
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, f->body.p);
	}
	if (strcmp(f->method, natural) != 0)
		curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, f->method);
}

/* How f->look is said to libcurl. */
static void
set_look(struct dl_fetch *f)
{
	char range[64];

	curl_easy_setopt(
	    f->easy, CURLOPT_NOBODY, (long)(f->look == DL_FETCH_STAT));
	snprintf(range, sizeof(range), "%llu-%llu",
	    (unsigned long long)f->look_size, (unsigned long long)f->look_size);
	curl_easy_setopt(
	    f->easy, CURLOPT_RANGE, f->look == DL_FETCH_PAST ? range : NULL);
}

static int
set_url(struct dl_fetch *f, struct dl_err *err)
{
	if ((f->sent = curl_url_dup(f->at)) == NULL ||
	    (f->proof.query != NULL &&
		curl_url_set(f->sent, CURLUPART_QUERY, f->proof.query,
		    CURLU_APPENDQUERY) != CURLUE_OK))
		return dl_err_temp(err, "out of memory");
	curl_easy_setopt(f->easy, CURLOPT_CURLU, f->sent);
	return 0;
}

static int
set_http(struct dl_fetch *f, bool own, struct dl_err *err)
{
	if (add_condition(f, "If-None-Match", f->ask->etag, err) < 0 ||
	    add_condition(f, "If-Modified-Since", f->ask->modified, err) < 0 ||
	    (own && add_headers(f, f->proof.headers, err) < 0))
		return -1;
	/* No wait for a server's consent to a body. */
	f->headers = curl_slist_append(f->headers, "Expect:");
	curl_easy_setopt(f->easy, CURLOPT_HTTPHEADER, f->headers);
	set_method(f);
	return 0;
}

static int
setup_request(struct dl_fetch *f, struct dl_err *err)
{
	/* What is the caller's goes to the caller's server alone. */
	bool own = dl_fetch_url_own(f);
	bool http = f->scheme == DL_FETCH_HTTP;

	if (own && http &&
	    (add_headers(f, f->o.headers, err) < 0 ||
		add_headers(f, f->ask->headers, err) < 0))
		return -1;
	if (own && f->o.auth.prove != NULL && prove(f, err) < 0)
		return -1;
	if (set_url(f, err) < 0 || set_identity(f, own, err) < 0 ||
	    set_login(f, own, err) < 0)
		return -1;
	if (http)
		return set_http(f, own, err);
	set_look(f);
	return 0;
}

enum dl_fetch_result
dl_fetch_setup_request(struct dl_fetch *f, struct dl_err *err)
{
	int64_t before = dl_clock_ms();
	int r = 0;

	f->headers = NULL;
	f->sent = NULL;
	f->proof = (struct dl_fetch_proof){0};
	if (f->scheme == DL_FETCH_FILE)
		r = set_url(f, err);
	else
		r = setup_request(f, err);
	f->waited_ms += dl_clock_ms() - before;
	if (dl_fetch_stopped(f))
		return DL_FETCH_STOPPED;
	return r < 0 ? dl_fetch_fail_as(err) : DL_FETCH_DONE;
}

void
dl_fetch_setup_end(struct dl_fetch *f)
{
	CURL *c = f->easy;

	curl_easy_setopt(c, CURLOPT_HTTPHEADER, NULL);
	curl_easy_setopt(c, CURLOPT_USERNAME, NULL);
	curl_easy_setopt(c, CURLOPT_PASSWORD, NULL);
	curl_easy_setopt(c, CURLOPT_KEYPASSWD, NULL);
	curl_easy_setopt(c, CURLOPT_POSTFIELDS, NULL);
	curl_easy_setopt(c, CURLOPT_CURLU, NULL);
	curl_slist_free_all(f->headers);
	curl_url_cleanup(f->sent);
	f->headers = NULL;
	f->sent = NULL;
}
