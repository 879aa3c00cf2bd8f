/* A get: its requests, one after the other. */
#include "fetch_private.h"

#include "clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

struct dl_fetch *
dl_fetch_new(const struct dl_fetch_options *options, struct dl_err *err)
{
	struct dl_fetch *f = dl_calloc(1, sizeof(*f));
	const char *method = options->method;

	f->o = *options;
	f->hosts_fd = -1;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		dl_err_temp(err, "libcurl cannot start");
		goto fail;
	}
	if (method != NULL &&
	    (*method == '\0' || strlen(method) > DL_FETCH_METHOD_MAX ||
		method[strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")] != '\0')) {
		dl_err_conf(err, "'%s' is not a method", method);
		goto fail;
	}
	if (dl_fetch_url_open(f, err) < 0 || dl_fetch_setup(f, err) < 0)
		goto fail;
	return f;
fail:
	dl_fetch_free(f);
	return NULL;
}

void
dl_fetch_free(struct dl_fetch *f)
{
	if (f == NULL)
		return;
	curl_easy_cleanup(f->easy);
	curl_multi_cleanup(f->multi);
	curl_url_cleanup(f->at);
	curl_url_cleanup(f->url);
	if (f->password != NULL)
		explicit_bzero(f->password, strlen(f->password));
	free(f->password);
	free(f->user);
	free(f->known_hosts);
	if (f->hosts_fd >= 0)
		close(f->hosts_fd);
	free(f->label);
	free(f->shown);
	free(f);
}

const char *
dl_fetch_shown(const struct dl_fetch *f)
{
	return f->shown;
}

const char *
dl_fetch_asked(const struct dl_fetch *f)
{
	return f->label == NULL ? f->shown : f->label;
}

bool
dl_fetch_is_file(const struct dl_fetch *f)
{
	return f->scheme == DL_FETCH_FILE;
}

/*
 * A file that can't be read, in the system's own words: libcurl's have no
 * reason, and take a directory for an empty file.
 */
static int
check_file(const struct dl_fetch *f, struct dl_err *err)
{
	char *path = dl_fetch_url_part(f->at, CURLUPART_PATH, CURLU_URLDECODE);
	struct stat st;

	if (path == NULL)
		return 0;
	/* Not opened: the writer of a named pipe would take it for its end. */
	if (access(path, R_OK) < 0)
		dl_err_errno(err, "cannot open '%s'", path);
	else if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		dl_err_conf(
		    err, "'%s' is a directory: 'url' names one file", path);
	curl_free(path);
	return err->status == DL_EXIT_OK ? 0 : -1;
}

enum dl_fetch_result
dl_fetch_request(struct dl_fetch *f, struct dl_err *err)
{
	enum dl_fetch_result r;
	curl_off_t length = -1;

	*f->reply = (struct dl_fetch_reply){.after_ms = -1};
	f->code = CURLE_OK;
	if (f->scheme == DL_FETCH_FILE && check_file(f, err) < 0)
		return DL_FETCH_FAIL;
	r = dl_fetch_setup_request(f, err);
	if (r == DL_FETCH_DONE)
		r = dl_fetch_run(f, err);
	dl_fetch_setup_end(f);
	if (r != DL_FETCH_DONE || f->scheme != DL_FETCH_FILE)
		return r;
	/*
	 * libcurl takes a failing read of a file for its end; a named pipe has
	 * no length.
	 */
	curl_easy_getinfo(f->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	if (length <= 0 || f->reply->bytes == (uint64_t)length)
		return DL_FETCH_DONE;
	dl_err_temp(err, "%s: cannot be read to its end", f->label);
	return DL_FETCH_FAIL;
}

static bool
has_condition(const char *const *headers)
{
	for (; headers != NULL && *headers != NULL; headers++)
		if (strncasecmp(*headers, "If-", 3) == 0)
			return true;
	return false;
}

/* Was the caller's URL asked whether it has changed? */
static bool
asked_for_change(const struct dl_fetch *f)
{
	return f->ask->etag.p != NULL || f->ask->modified.p != NULL ||
	       has_condition(f->o.headers) || has_condition(f->ask->headers);
}

/* What the request becomes where this status sends it elsewhere. */
static void
change_method(struct dl_fetch *f, int status)
{
	bool post = strcmp(f->method, "POST") == 0;

	if ((status == 303 && strcmp(f->method, "HEAD") != 0) ||
	    ((status == 301 || status == 302) && post)) {
		strcpy(f->method, "GET");
		f->body = (struct dl_span){0};
		f->body_dropped = true;
	}
}

static int
redirect(struct dl_fetch *f, struct dl_err *err)
{
	char *to = NULL;

	curl_easy_getinfo(f->easy, CURLINFO_REDIRECT_URL, &to);
	if (dl_fetch_url_redirect(f, to, err) < 0)
		return -1;
	change_method(f, f->reply->status);
	/* A body may hold a secret, as a token's request does. */
	if (f->body.p != NULL && !dl_fetch_url_own(f))
		return dl_err_conf(err,
		    "%s: redirected to another server with what was to be "
		    "sent: check 'url'",
		    f->label);
	return 0;
}

/* Once in a get, a server that doesn't know us is shown a newer proof. */
static bool
renews(struct dl_fetch *f, bool *renewed)
{
	const struct dl_fetch_auth *auth = &f->o.auth;

	if (f->reply->status != 401 || *renewed || auth->renew == NULL ||
	    !dl_fetch_url_own(f))
		return false;
	*renewed = true;
	return auth->renew(auth->arg);
}

static enum dl_fetch_result
get_http(struct dl_fetch *f, struct dl_err *err)
{
	struct dl_fetch_reply *reply = f->reply;
	enum dl_fetch_result r;
	bool renewed = false;

	for (int i = 0; i <= DL_FETCH_REDIRECTS; i++) {
		r = dl_fetch_request(f, err);
		if (r == DL_FETCH_DONE && renews(f, &renewed))
			r = dl_fetch_request(f, err);
		if (r != DL_FETCH_DONE)
			return r;
		if (reply->status / 100 == 2 ||
		    (reply->status == 304 && asked_for_change(f)))
			return DL_FETCH_DONE;
		if (reply->status / 100 != 3 || reply->status == 304)
			return dl_fetch_fail_status(f, reply->status, err);
		if (redirect(f, err) < 0)
			return DL_FETCH_FAIL;
	}
	dl_err_conf(
	    err, "%s: more than %d redirects", f->label, DL_FETCH_REDIRECTS);
	return DL_FETCH_FAIL;
}

enum dl_fetch_result
dl_fetch_get(struct dl_fetch *f, const struct dl_fetch_ask *ask,
    struct dl_fetch_reply *reply, struct dl_err *err)
{
	f->ask = ask;
	f->reply = reply;
	f->err = err;
	f->since_ms = dl_clock_ms();
	f->waited_ms = 0;
	f->look = DL_FETCH_WHOLE;
	f->body = ask->body;
	f->body_dropped = false;
	*reply = (struct dl_fetch_reply){.after_ms = -1};
	snprintf(f->method, sizeof(f->method), "%s",
	    f->o.method != NULL   ? f->o.method
	    : ask->body.p == NULL ? "GET"
				  : "POST");
	if (dl_fetch_url_ask(f, ask->url, err) < 0)
		return dl_fetch_fail_as(err);
	switch (f->scheme) {
	case DL_FETCH_FILE:
		return dl_fetch_request(f, err);
	case DL_FETCH_HTTP:
		return get_http(f, err);
	default:
		return dl_fetch_remote(f, err);
	}
}
