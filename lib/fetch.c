#include "fetch.h"

#include "buf.h"
#include "clock.h"
#include "metric.h"
#include "retry.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef DL_VERSION
#error "the Makefile gives DL_VERSION"
#endif

#define POLL_MS 100              /* between looks at *stop */
#define REFUSED_MAX (64 << 10)   /* of a body that is thrown away */
#define FILE_BUFFER (256L << 10) /* libcurl's, for reads */

/*
 * What answers may be packed with.  libcurl may know zstd and brotli too, but
 * a sender of theirs says how much memory unpacking takes: up to 128 MiB.
 */
#define ENCODINGS "gzip, deflate"

struct dl_fetch {
	CURLM *multi;
	CURL *easy;
	CURLU *url;
	char *shown;
	bool file;
	struct curl_slist *headers;
	int64_t timeout_ms;
	const volatile sig_atomic_t *stop;

	/* Of the transfer at hand. */
	CURLU *at; /* where redirects have led */
	dl_fetch_fn *fn;
	void *arg;
	struct dl_fetch_reply *reply;
	struct dl_err *err;
	bool began;  /* the answer's headers were looked at */
	bool packed; /* ... and say that it is packed as we never asked for */
	bool failed; /* by fn: err is filled */
	uint64_t refused;
	int64_t since_ms;
	int64_t waited_ms; /* of that, for fn */
	char text[CURL_ERROR_SIZE];
};

static char *
part(CURLU *u, CURLUPart what)
{
	char *got = NULL;

	/* CURLUE_NO_HOST and the like leave it NULL. */
	(void)curl_url_get(u, what, &got, CURLU_DEFAULT_PORT);
	return got;
}

static bool
part_is(CURLU *u, CURLUPart what, const char *want)
{
	char *got = part(u, what);
	bool same = got != NULL && strcmp(got, want) == 0;

	curl_free(got);
	return same;
}

static bool
same_part(CURLU *a, CURLU *b, CURLUPart what)
{
	char *want = part(a, what);
	bool same = want != NULL && part_is(b, what, want);

	curl_free(want);
	return same;
}

static bool
same_origin(CURLU *a, CURLU *b)
{
	return same_part(a, b, CURLUPART_SCHEME) &&
	       same_part(a, b, CURLUPART_HOST) &&
	       same_part(a, b, CURLUPART_PORT);
}

/* The URL as it may be shown. */
static char *
show(CURLU *u)
{
	static const CURLUPart secret[] = {CURLUPART_USER, CURLUPART_PASSWORD,
	    CURLUPART_OPTIONS, CURLUPART_QUERY, CURLUPART_FRAGMENT};
	CURLU *copy = curl_url_dup(u);
	char *text = NULL, *mine;

	if (copy == NULL)
		return dl_strdup("(URL)");
	for (size_t i = 0; i < sizeof(secret) / sizeof(*secret); i++)
		curl_url_set(copy, secret[i], NULL, 0);
	(void)curl_url_get(copy, CURLUPART_URL, &text, 0);
	mine = dl_strdup(text == NULL ? "(URL)" : text);
	curl_free(text);
	curl_url_cleanup(copy);
	return mine;
}

static int
parse_url(struct dl_fetch *f, const char *url, struct dl_err *err)
{
	CURLUcode code;

	if (strstr(url, "://") == NULL)
		return dl_err_conf(err,
		    "the URL has no scheme: a file is written as "
		    "file:///PATH, or file://${PWD}/PATH");
	if ((f->url = curl_url()) == NULL)
		return dl_err_temp(err, "out of memory");
	code = curl_url_set(f->url, CURLUPART_URL, url,
	    CURLU_NON_SUPPORT_SCHEME | CURLU_ALLOW_SPACE | CURLU_URLENCODE);
	if (code != CURLUE_OK && strncmp(url, "file:", 5) == 0)
		return dl_err_conf(err,
		    "not a file's URL: it is written as file:///PATH, or "
		    "file://${PWD}/PATH");
	if (code != CURLUE_OK)
		return dl_err_conf(
		    err, "not a URL: %s", curl_url_strerror(code));
	f->file = part_is(f->url, CURLUPART_SCHEME, "file");
	if (!f->file && !part_is(f->url, CURLUPART_SCHEME, "http") &&
	    !part_is(f->url, CURLUPART_SCHEME, "https"))
		return dl_err_conf(
		    err, "the URL's scheme is none of http, https and file");
	return 0;
}

static size_t take_body(char *p, size_t size, size_t n, void *arg);

static int
prepare(struct dl_fetch *f, struct dl_err *err)
{
	CURL *c;

	if ((f->multi = curl_multi_init()) == NULL ||
	    (f->easy = c = curl_easy_init()) == NULL)
		return dl_err_temp(err, "libcurl cannot start");
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, f->text);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, f);
	curl_easy_setopt(
	    c, CURLOPT_PROTOCOLS_STR, f->file ? "file" : "http,https");
	if (f->file) {
		curl_easy_setopt(c, CURLOPT_BUFFERSIZE, FILE_BUFFER);
		return 0;
	}
	curl_easy_setopt(c, CURLOPT_ACCEPT_ENCODING, ENCODINGS);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "dl/" DL_VERSION);
	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(
	    c, CURLOPT_CONNECTTIMEOUT_MS, (long)DL_FETCH_CONNECT_MS);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)DL_FETCH_STALL_S);
	return 0;
}

struct dl_fetch *
dl_fetch_new(const char *url, const char *const *headers, int64_t timeout_ms,
    const volatile sig_atomic_t *stop, struct dl_err *err)
{
	struct dl_fetch *f = dl_calloc(1, sizeof(*f));

	f->timeout_ms = timeout_ms;
	f->stop = stop;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		dl_err_temp(err, "libcurl cannot start");
		goto fail;
	}
	if (parse_url(f, url, err) < 0 || prepare(f, err) < 0)
		goto fail;
	f->shown = show(f->url);
	for (; headers != NULL && *headers != NULL; headers++)
		f->headers = curl_slist_append(f->headers, *headers);
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
	curl_slist_free_all(f->headers);
	free(f->shown);
	free(f);
}

const char *
dl_fetch_shown(const struct dl_fetch *f)
{
	return f->shown;
}

bool
dl_fetch_is_file(const struct dl_fetch *f)
{
	return f->file;
}

/* Copy a header's value to out, or "" if there is none or it is too long. */
static void
copy_header(struct dl_fetch *f, const char *name, char *out, size_t size)
{
	struct curl_header *h;

	out[0] = '\0';
	if (curl_easy_header(f->easy, name, 0, CURLH_HEADER, -1, &h) ==
		CURLHE_OK &&
	    strlen(h->value) < size)
		memcpy(out, h->value, strlen(h->value) + 1);
}

static bool
encoding_known(const char *value)
{
	static const char *const known[] = {
	    "gzip", "x-gzip", "deflate", "identity"};
	size_t n, i;

	for (; *value != '\0'; value += n) {
		value += strspn(value, ", \t");
		n = strcspn(value, ", \t");
		for (i = 0; n > 0 && i < 4; i++)
			if (strlen(known[i]) == n &&
			    strncasecmp(value, known[i], n) == 0)
				break;
		if (n > 0 && i == 4)
			return false;
	}
	return true;
}

/* libcurl unpacks whatever it knows, asked for or not. */
static bool
packed_otherwise(struct dl_fetch *f)
{
	struct curl_header *h;

	for (size_t i = 0; curl_easy_header(f->easy, "Content-Encoding", i,
			       CURLH_HEADER, -1, &h) == CURLHE_OK;
	     i++)
		if (!encoding_known(h->value))
			return true;
	return false;
}

/* Take the answer's status and headers, once they are there. */
static void
take_head(struct dl_fetch *f)
{
	struct dl_fetch_reply *reply = f->reply;
	struct dl_time now;
	char after[128];
	long status = 0;

	if (f->began)
		return;
	f->began = true;
	curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
	reply->status = f->file ? 200 : (int)status;
	if (f->file)
		return;
	copy_header(f, "Content-Type", reply->type, sizeof(reply->type));
	copy_header(f, "ETag", reply->etag, sizeof(reply->etag));
	copy_header(
	    f, "Last-Modified", reply->modified, sizeof(reply->modified));
	copy_header(f, "Retry-After", after, sizeof(after));
	dl_now(&now);
	reply->after_ms = dl_retry_after(dl_span_str(after), &now);
	f->packed = packed_otherwise(f);
}

static size_t
take_body(char *p, size_t size, size_t n, void *arg)
{
	struct dl_fetch *f = arg;
	int64_t before;

	n *= size;
	take_head(f);
	if (*f->stop)
		return 0;
	if (f->reply->status / 100 != 2) {
		/* Read, so that the connection can be used again. */
		f->refused += n;
		return f->refused > REFUSED_MAX ? 0 : n;
	}
	if (f->packed) {
		dl_err_data(f->err,
		    "%s: the answer's Content-Encoding was not asked for: "
		    "only " ENCODINGS " were",
		    f->shown);
		f->failed = true;
		return 0;
	}
	f->reply->bytes += n;
	before = dl_clock_ms();
	if (f->fn(f->arg, f->reply, p, n, f->err) < 0) {
		f->failed = true;
		return 0;
	}
	f->waited_ms += dl_clock_ms() - before;
	return n;
}

static bool
late(const struct dl_fetch *f)
{
	return !f->file &&
	       dl_clock_ms() - f->since_ms - f->waited_ms > f->timeout_ms;
}

/* Run the transfer that is prepared; *code is how libcurl says it ended. */
static enum dl_fetch_result
run(struct dl_fetch *f, CURLcode *code, struct dl_err *err)
{
	CURLMsg *msg;
	int running = 1, left;

	while (running > 0) {
		if (curl_multi_perform(f->multi, &running) != CURLM_OK) {
			dl_err_temp(err, "%s: libcurl failed", f->shown);
			return DL_FETCH_FAIL;
		}
		if (*f->stop)
			return DL_FETCH_STOPPED;
		if (running > 0 && late(f)) {
			dl_err_temp(err, "%s: not finished after %lld ms",
			    f->shown, (long long)f->timeout_ms);
			return DL_FETCH_AGAIN;
		}
		dl_metric_tick();
		if (running > 0)
			curl_multi_poll(f->multi, NULL, 0, POLL_MS, NULL);
	}
	*code = CURLE_FAILED_INIT;
	while ((msg = curl_multi_info_read(f->multi, &left)) != NULL)
		if (msg->msg == CURLMSG_DONE)
			*code = msg->data.result;
	return DL_FETCH_DONE;
}

/* What a failure of libcurl's means for us. */
static enum dl_fetch_result
fail_transfer(struct dl_fetch *f, CURLcode code, struct dl_err *err)
{
	const char *why =
	    f->text[0] != '\0' ? f->text : curl_easy_strerror(code);

	switch (code) {
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		dl_err_conf(err, "%s: %s", f->shown, why);
		return DL_FETCH_FAIL;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
		dl_err_denied(err, "%s: not trusted: %s", f->shown, why);
		return DL_FETCH_FAIL;
	case CURLE_FILE_COULDNT_READ_FILE:
		dl_err_temp(err, "%s: %s", f->shown, why);
		return DL_FETCH_FAIL;
	default:
		dl_err_temp(err, "%s: %s", f->shown, why);
		return DL_FETCH_AGAIN;
	}
}

/* What an answer that is neither a success nor a redirect means for us. */
static enum dl_fetch_result
refuse(struct dl_fetch *f, int status, struct dl_err *err)
{
	switch (status) {
	case 408:
	case 425:
	case 429:
	case 500:
	case 502:
	case 503:
	case 504:
		dl_err_temp(err, "%s: HTTP status %d", f->shown, status);
		return DL_FETCH_AGAIN;
	case 401:
	case 403:
	case 407:
		dl_err_denied(err,
		    "%s: HTTP status %d: check the credentials in 'headers' "
		    "or in the URL",
		    f->shown, status);
		return DL_FETCH_FAIL;
	case 404:
	case 410:
		dl_err_conf(err,
		    "%s: HTTP status %d: there is nothing at "
		    "this URL",
		    f->shown, status);
		return DL_FETCH_FAIL;
	default:
		if (status >= 500)
			dl_err_temp(
			    err, "%s: HTTP status %d", f->shown, status);
		else
			dl_err_conf(err,
			    "%s: HTTP status %d: check 'url' and 'headers'",
			    f->shown, status);
		return DL_FETCH_FAIL;
	}
}

/* Point f->at where the redirect leads. */
static int
redirect(struct dl_fetch *f, struct dl_err *err)
{
	bool secure = part_is(f->at, CURLUPART_SCHEME, "https");
	char *to = NULL;

	curl_easy_getinfo(f->easy, CURLINFO_REDIRECT_URL, &to);
	if (to == NULL || curl_url_set(f->at, CURLUPART_URL, to, 0) != 0)
		return dl_err_conf(
		    err, "%s: redirected to what isn't a URL", f->shown);
	if (!part_is(f->at, CURLUPART_SCHEME, "https") &&
	    (secure || !part_is(f->at, CURLUPART_SCHEME, "http")))
		return dl_err_conf(err,
		    "%s: redirected from %s to another scheme: check 'url'",
		    f->shown, secure ? "https" : "http");
	return 0;
}

static struct curl_slist *
add_condition(struct curl_slist *list, const char *name, struct dl_span value)
{
	struct dl_buf b = {0};

	if (value.p == NULL)
		return list;
	dl_buf_printf(&b, "%s: %.*s", name, DL_SPAN_ARG(value));
	list = curl_slist_append(list, dl_buf_str(&b));
	dl_buf_release(&b);
	return list;
}

/*
 * A file that can't be read, in the system's own words: libcurl's have no
 * reason, and take a directory for an empty file.
 */
static int
check_file(const struct dl_fetch *f, struct dl_err *err)
{
	char *path = NULL;
	struct stat st;

	if (curl_url_get(f->url, CURLUPART_PATH, &path, CURLU_URLDECODE) != 0)
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

/* One request to f->at. */
static enum dl_fetch_result
request(struct dl_fetch *f, struct dl_span etag, struct dl_span modified,
    struct dl_err *err)
{
	struct curl_slist *headers = NULL;
	CURLcode code = CURLE_OK;
	enum dl_fetch_result r;
	curl_off_t length = -1;

	*f->reply = (struct dl_fetch_reply){.after_ms = -1};
	if (f->file && check_file(f, err) < 0)
		return DL_FETCH_FAIL;
	f->began = f->failed = f->packed = false;
	f->refused = 0;
	f->text[0] = '\0';
	/* What is the caller's goes to the caller's server alone. */
	if (same_origin(f->url, f->at))
		for (struct curl_slist *h = f->headers; h != NULL; h = h->next)
			headers = curl_slist_append(headers, h->data);
	headers = add_condition(headers, "If-None-Match", etag);
	headers = add_condition(headers, "If-Modified-Since", modified);
	curl_easy_setopt(f->easy, CURLOPT_CURLU, f->at);
	curl_easy_setopt(f->easy, CURLOPT_HTTPHEADER, headers);
	curl_multi_add_handle(f->multi, f->easy);
	r = run(f, &code, err);
	if (r == DL_FETCH_DONE)
		take_head(f);
	curl_easy_getinfo(f->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	curl_multi_remove_handle(f->multi, f->easy);
	curl_easy_setopt(f->easy, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(headers);
	if (f->failed)
		return DL_FETCH_FAIL;
	if (r != DL_FETCH_DONE || f->refused > REFUSED_MAX)
		return r;
	if (code != CURLE_OK)
		return fail_transfer(f, code, err);
	/* libcurl takes a failing read of a file for its end. */
	if (f->file && length >= 0 && f->reply->bytes != (uint64_t)length) {
		dl_err_temp(err, "%s: cannot be read to its end", f->shown);
		return DL_FETCH_FAIL;
	}
	return DL_FETCH_DONE;
}

/* Was the caller's URL asked whether it has changed? */
static bool
asked_for_change(
    const struct dl_fetch *f, struct dl_span etag, struct dl_span modified)
{
	if (etag.p != NULL || modified.p != NULL)
		return true;
	for (const struct curl_slist *h = f->headers; h != NULL; h = h->next)
		if (strncasecmp(h->data, "If-", 3) == 0)
			return true;
	return false;
}

enum dl_fetch_result
dl_fetch_get(struct dl_fetch *f, struct dl_span etag, struct dl_span modified,
    dl_fetch_fn *fn, void *arg, struct dl_fetch_reply *reply,
    struct dl_err *err)
{
	enum dl_fetch_result r;

	f->fn = fn;
	f->arg = arg;
	f->reply = reply;
	f->err = err;
	f->since_ms = dl_clock_ms();
	f->waited_ms = 0;
	curl_url_cleanup(f->at);
	if ((f->at = curl_url_dup(f->url)) == NULL) {
		dl_err_temp(err, "out of memory");
		return DL_FETCH_FAIL;
	}
	for (int i = 0; i <= DL_FETCH_REDIRECTS; i++) {
		r = request(f, etag, modified, err);
		if (r != DL_FETCH_DONE)
			return r;
		if (reply->status / 100 == 2 ||
		    (reply->status == 304 &&
			asked_for_change(f, etag, modified)))
			return DL_FETCH_DONE;
		if (reply->status / 100 != 3 || reply->status == 304)
			return refuse(f, reply->status, err);
		if (redirect(f, err) < 0)
			return DL_FETCH_FAIL;
	}
	dl_err_conf(
	    err, "%s: more than %d redirects", f->shown, DL_FETCH_REDIRECTS);
	return DL_FETCH_FAIL;
}
