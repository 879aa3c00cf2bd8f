/* One transfer by libcurl, over a connection that is kept. */
#include "s3_private.h"

#include "clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifndef DL_VERSION
#error "the Makefile gives DL_VERSION"
#endif

#define CONNECT_MS (10 * 1000) /* handshakes included */
#define STALL_MS (60 * 1000)   /* without a byte */
#define POLL_MS 100            /* between looks at *stop */
#define HEADERS_MAX (64 << 10) /* of all headers of an answer */
#define UPLOAD_BUFFER (256L << 10)

struct dl_s3_link {
	struct dl_s3_link *next; /* of the idle ones */
	struct dl_s3 *s;
	CURLM *multi;
	CURL *easy;
	char text[CURL_ERROR_SIZE];

	/* Of the transfer at hand. */
	const struct dl_s3_request *r;
	struct dl_s3_answer *a;
	struct dl_buf *refusal;
	struct dl_err *err;
	uint64_t sent; /* where in the body it is */
	size_t head_bytes;
	size_t moved_into; /* the caller's buffer */
	bool headed;       /* the answer's head has come whole */
	bool began;        /* ... and was looked at */
	bool failed;       /* by us: err is filled */
	bool overflown;    /* by a body of which the start is enough */
	int times;         /* that it was sent: libcurl does it again itself */
	curl_off_t moved;
	int64_t moved_ms; /* when something moved last */
};

struct dl_s3_link **
dl_s3_link_next(struct dl_s3_link *l)
{
	return &l->next;
}

static size_t
fail(struct dl_s3_link *l)
{
	l->failed = true;
	return 0;
}

/* A header's value to out, or "" if there is none or it is too long. */
static void
copy_header(struct dl_s3_link *l, const char *name, char *out, size_t size)
{
	struct curl_header *h;

	out[0] = '\0';
	if (curl_easy_header(l->easy, name, 0, CURLH_HEADER, -1, &h) ==
		CURLHE_OK &&
	    strlen(h->value) < size)
		memcpy(out, h->value, strlen(h->value) + 1);
}

static int64_t
number(const char **p)
{
	int64_t n = 0;

	if (**p < '0' || **p > '9')
		return -1;
	for (; **p >= '0' && **p <= '9'; (*p)++)
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, **p - '0', &n))
			return -1;
	return n;
}

/* "bytes FROM-TO/TOTAL" */
static void
take_range(struct dl_s3_answer *a, const char *text)
{
	if (strncmp(text, "bytes ", 6) != 0)
		return;
	text += 6;
	a->from = number(&text);
	if (*text++ != '-' || number(&text) < 0 || *text++ != '/')
		a->from = -1;
	else
		a->total = number(&text);
}

static int64_t
take_date(struct dl_s3_link *l, const char *name)
{
	char text[128];
	time_t t;

	copy_header(l, name, text, sizeof(text));
	t = *text == '\0' ? -1 : curl_getdate(text, NULL);
	return t < 0 ? -1 : (int64_t)t * 1000;
}

/* A hash in lower-case hex, or "". */
static void
take_sha256(struct dl_s3_link *l, char out[65])
{
	copy_header(l, DL_S3_SHA256_META, out, 65);
	if (strspn(out, "0123456789abcdef") != 64)
		out[0] = '\0';
}

static void
take_etag(struct dl_s3_link *l, char *out, size_t size)
{
	size_t n;

	copy_header(l, "ETag", out, size);
	n = strlen(out);
	if (n >= 2 && out[0] == '"' && out[n - 1] == '"') {
		memmove(out, out + 1, n - 2);
		out[n - 2] = '\0';
	}
}

static void
take_head(struct dl_s3_link *l)
{
	struct dl_s3_answer *a = l->a;
	curl_off_t length = -1;
	struct dl_time now;
	char text[128];
	long status = 0;

	if (l->began)
		return;
	l->began = true;
	curl_easy_getinfo(l->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(l->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	a->status = (int)status;
	a->length = length;
	copy_header(l, "x-amz-bucket-region", a->region, sizeof(a->region));
	take_etag(l, a->etag, sizeof(a->etag));
	take_sha256(l, a->sha256);
	a->modified_ms = take_date(l, "Last-Modified");
	a->date_ms = take_date(l, "Date");
	copy_header(l, "Content-Range", text, sizeof(text));
	take_range(a, text);
	copy_header(l, "Retry-After", text, sizeof(text));
	dl_now(&now);
	a->after_ms = dl_retry_after(dl_span_str(text), &now);
}

static size_t
take_line(char *p, size_t size, size_t n, void *arg)
{
	struct dl_s3_link *l = arg;
	char shown[DL_S3_SHOWN];
	long status = 0;

	n *= size;
	l->head_bytes += n;
	if (l->head_bytes > HEADERS_MAX) {
		dl_err_temp(l->err,
		    "%s: the answer's headers are longer than %d bytes",
		    dl_s3_shown(l->s, l->r->key, shown), HEADERS_MAX);
		return fail(l);
	}
	if (n <= 2 && (n == 0 || p[0] == '\r' || p[0] == '\n')) {
		curl_easy_getinfo(l->easy, CURLINFO_RESPONSE_CODE, &status);
		l->headed = status / 100 != 1;
	}
	return n;
}

/* What the caller wants of it, or what says why it failed. */
static size_t
take_body(char *p, size_t size, size_t n, void *arg)
{
	struct dl_s3_link *l = arg;
	const struct dl_s3_request *r = l->r;
	char shown[DL_S3_SHOWN];

	n *= size;
	take_head(l);
	if (l->a->status / 100 != 2) {
		/* Read, so that the connection can be used again. */
		if (n > DL_S3_REFUSAL_MAX - l->refusal->len) {
			l->overflown = true;
			return 0;
		}
		dl_buf_add(l->refusal, p, n);
		return n;
	}
	if (r->take != NULL)
		return r->take(r->arg, l->a, p, n, l->err) < 0 ? fail(l) : n;
	if (r->into == NULL) {
		/* Nobody wants it; read as a refusal is. */
		l->moved_into += n;
		l->overflown = l->moved_into > DL_S3_REFUSAL_MAX;
		return l->overflown ? 0 : n;
	}
	if (n > r->max - l->moved_into) {
		dl_err_data(l->err, "%s: longer than the limit of %zu bytes",
		    dl_s3_shown(l->s, r->key, shown), r->max);
		return fail(l);
	}
	dl_buf_add(r->into, p, n);
	l->moved_into += n;
	return n;
}

static size_t
read_file(struct dl_s3_link *l, char *p, size_t n)
{
	const struct dl_s3_request *r = l->r;
	char shown[DL_S3_SHOWN];
	ssize_t got;

	do
		got = pread(r->fd, p, n, (off_t)(r->from + l->sent));
	while (got < 0 && errno == EINTR);
	if (got > 0)
		return (size_t)got;
	if (got < 0)
		dl_err_errno(l->err, "%s: cannot read '%s'",
		    dl_s3_shown(l->s, r->key, shown), r->file);
	else
		dl_err_data(l->err, "%s: '%s' is shorter than it was",
		    dl_s3_shown(l->s, r->key, shown), r->file);
	fail(l);
	return CURL_READFUNC_ABORT;
}

static size_t
give_body(char *p, size_t size, size_t n, void *arg)
{
	struct dl_s3_link *l = arg;
	const struct dl_s3_request *r = l->r;

	n *= size;
	if (n > r->size - l->sent)
		n = (size_t)(r->size - l->sent);
	if (n == 0)
		return 0;
	if (r->bytes.p != NULL)
		memcpy(p, r->bytes.p + l->sent, n);
	else if ((n = read_file(l, p, n)) == CURL_READFUNC_ABORT)
		return n;
	l->sent += n;
	return n;
}

/* The request goes now. */
static int
count_times(void *arg, char *to, char *from, int to_port, int from_port)
{
	struct dl_s3_link *l = arg;

	(void)to, (void)from, (void)to_port, (void)from_port;
	l->times++;
	return CURL_PREREQFUNC_OK;
}

/* libcurl sends it anew, over another connection. */
static int
seek_body(void *arg, curl_off_t to, int from)
{
	struct dl_s3_link *l = arg;

	if (from != SEEK_SET || to < 0 || (uint64_t)to > l->r->size)
		return CURL_SEEKFUNC_FAIL;
	l->sent = (uint64_t)to;
	return CURL_SEEKFUNC_OK;
}

struct dl_s3_link *
dl_s3_link_new(struct dl_s3 *s, struct dl_err *err)
{
	struct dl_s3_link *l = dl_calloc(1, sizeof(*l));
	CURL *c;

	l->s = s;
	if ((l->multi = curl_multi_init()) == NULL ||
	    (l->easy = c = curl_easy_init()) == NULL) {
		dl_err_temp(err, "libcurl cannot start");
		dl_s3_link_free(l);
		return NULL;
	}
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, l->text);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_USERAGENT, "dl/" DL_VERSION);
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(c, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BUFFER);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take_line);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, l);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, l);
	curl_easy_setopt(c, CURLOPT_READFUNCTION, give_body);
	curl_easy_setopt(c, CURLOPT_READDATA, l);
	curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, seek_body);
	curl_easy_setopt(c, CURLOPT_SEEKDATA, l);
	curl_easy_setopt(c, CURLOPT_PREREQFUNCTION, count_times);
	curl_easy_setopt(c, CURLOPT_PREREQDATA, l);
	if (s->ca != NULL) {
		/* Whom the system trusts is not meant then. */
		curl_easy_setopt(c, CURLOPT_CAINFO, s->ca);
		curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
	}
	return l;
}

void
dl_s3_link_free(struct dl_s3_link *l)
{
	if (l == NULL)
		return;
	curl_easy_cleanup(l->easy);
	curl_multi_cleanup(l->multi);
	free(l);
}

static void
set_method(struct dl_s3_link *l)
{
	const struct dl_s3_request *r = l->r;
	bool head = strcmp(r->method, "HEAD") == 0;
	bool body =
	    strcmp(r->method, "PUT") == 0 || strcmp(r->method, "POST") == 0;
	CURL *c = l->easy;

	curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, NULL);
	curl_easy_setopt(c, CURLOPT_UPLOAD, 0L);
	curl_easy_setopt(c, CURLOPT_NOBODY, (long)head);
	if (head)
		return;
	curl_easy_setopt(c, CURLOPT_HTTPGET, 1L);
	if (body) {
		curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(
		    c, CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->size);
	}
	if (strcmp(r->method, body ? "PUT" : "GET") != 0)
		curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, r->method);
}

/* How much has gone and come. */
static curl_off_t
count(struct dl_s3_link *l)
{
	curl_off_t up = 0, down = 0;

	curl_easy_getinfo(l->easy, CURLINFO_SIZE_UPLOAD_T, &up);
	curl_easy_getinfo(l->easy, CURLINFO_SIZE_DOWNLOAD_T, &down);
	return up + down + (curl_off_t)l->head_bytes;
}

/* Whoever gives up soon does not wait for a minute. */
static int64_t
stall_ms(const struct dl_s3_link *l)
{
	int64_t patience = l->s->o.give_up_ms;

	if (patience > STALL_MS)
		return STALL_MS;
	return patience < 1000 ? 1000 : patience;
}

static bool
stalls(struct dl_s3_link *l)
{
	curl_off_t moved = count(l);
	int64_t now = dl_clock_ms();

	if (moved != l->moved) {
		l->moved = moved;
		l->moved_ms = now;
	}
	return now - l->moved_ms > stall_ms(l);
}

bool
dl_s3_stopped(const struct dl_s3 *s, const struct dl_s3_request *r)
{
	return (s->o.stop != NULL && *s->o.stop) ||
	       (r->halted != NULL && atomic_load(r->halted));
}

static enum dl_s3_result
loop(struct dl_s3_link *l)
{
	char shown[DL_S3_SHOWN];
	int running = 1;

	dl_s3_shown(l->s, l->r->key, shown);
	for (;;) {
		if (curl_multi_perform(l->multi, &running) != CURLM_OK) {
			dl_err_temp(l->err, "%s: libcurl failed", shown);
			return DL_S3_FAIL;
		}
		if (running == 0)
			return DL_S3_DONE;
		if (dl_s3_stopped(l->s, l->r)) {
			dl_err_temp(l->err, "%s: interrupted", shown);
			return DL_S3_FAIL;
		}
		if (stalls(l)) {
			dl_err_temp(l->err, "%s: %s: nothing moved for %d s",
			    shown, l->s->endpoint, (int)(stall_ms(l) / 1000));
			return DL_S3_AGAIN;
		}
		curl_multi_poll(l->multi, NULL, 0, POLL_MS, NULL);
	}
}

static CURLcode
how_it_ended(struct dl_s3_link *l)
{
	CURLcode code = CURLE_FAILED_INIT;
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(l->multi, &left)) != NULL)
		if (msg->msg == CURLMSG_DONE)
			code = msg->data.result;
	return code;
}

static enum dl_s3_result
run(struct dl_s3_link *l)
{
	char shown[DL_S3_SHOWN];
	enum dl_s3_result r;
	long proxy = 0;
	CURLcode code;

	curl_multi_add_handle(l->multi, l->easy);
	r = loop(l);
	code = how_it_ended(l);
	if (r == DL_S3_DONE && !l->failed && l->headed)
		take_head(l);
	curl_multi_remove_handle(l->multi, l->easy);
	if (l->failed)
		return DL_S3_FAIL;
	if (r != DL_S3_DONE)
		return r;
	if (l->a->status / 100 == 2 && l->sent < l->r->size) {
		dl_err_temp(l->err,
		    "%s: %s: it was answered before all of it was sent",
		    dl_s3_shown(l->s, l->r->key, shown), l->s->endpoint);
		return DL_S3_AGAIN;
	}
	if (l->overflown)
		return DL_S3_DONE;
	if (code != CURLE_OK) {
		curl_easy_getinfo(l->easy, CURLINFO_HTTP_CONNECTCODE, &proxy);
		return dl_s3_fail_transfer(
		    l->s, l->r, code, l->text, proxy, l->err);
	}
	if (l->headed)
		return DL_S3_DONE;
	/* For libcurl that is a whole answer, of nothing. */
	dl_err_temp(l->err, "%s: %s: the answer ends in its headers",
	    dl_s3_shown(l->s, l->r->key, shown), l->s->endpoint);
	return DL_S3_AGAIN;
}

enum dl_s3_result
dl_s3_link_run(struct dl_s3_link *l, const char *url,
    struct curl_slist *headers, const struct dl_s3_request *r,
    struct dl_s3_answer *a, struct dl_buf *refusal, struct dl_err *err)
{
	enum dl_s3_result done;

	*a = (struct dl_s3_answer){.length = -1,
	    .from = -1,
	    .total = -1,
	    .modified_ms = -1,
	    .date_ms = -1,
	    .after_ms = -1};
	l->r = r;
	l->a = a;
	l->refusal = refusal;
	l->err = err;
	l->sent = 0;
	l->head_bytes = l->moved_into = 0;
	l->headed = l->began = l->failed = l->overflown = false;
	l->text[0] = '\0';
	l->times = 0;
	l->moved = 0;
	l->moved_ms = dl_clock_ms();
	dl_buf_clear(refusal);
	curl_easy_setopt(l->easy, CURLOPT_URL, url);
	curl_easy_setopt(l->easy, CURLOPT_HTTPHEADER, headers);
	set_method(l);
	done = run(l);
	a->lost = l->times > 1;
	curl_easy_setopt(l->easy, CURLOPT_HTTPHEADER, NULL);
	return done;
}
