/* A signed request, until it is answered. */
#include "s3_private.h"

#include "clock.h"
#include "log.h"
#include "s3_xml.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define FIRST_MS 100 /* ceiling of the first wait, as AWS's own clients have */
#define TOKEN_START 16 /* bytes by which a token is known */
#define SLICE_MS 50    /* of a wait, between looks at *stop */
#define FINDING_MS 10  /* of one until somebody has found keys */
#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

void
dl_s3_lines_add(struct dl_s3_lines *l, const char *fmt, ...)
{
	char *line = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	line = dl_alloc((size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(line, (size_t)n + 1, fmt, ap);
	va_end(ap);
	l->v = dl_realloc(l->v, (l->n + 2) * sizeof(*l->v));
	l->v[l->n++] = line;
	l->v[l->n] = NULL;
}

void
dl_s3_lines_release(struct dl_s3_lines *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	*l = (struct dl_s3_lines){0};
}

int
dl_s3_check_key(const struct dl_s3 *s, const char *key, struct dl_err *err)
{
	char shown[DL_S3_SHOWN];
	size_t n = strlen(s->prefix) + strlen(key);

	if (*key != '\0' && n <= DL_S3_KEY_MAX)
		return 0;
	return dl_err_data(err,
	    "%s: a key of %zu bytes: S3 takes 1 to %d of them",
	    dl_s3_shown(s, key, shown), n, DL_S3_KEY_MAX);
}

static struct dl_s3_link *
borrow(struct dl_s3 *s, struct dl_err *err)
{
	struct dl_s3_link *l;

	pthread_mutex_lock(&s->lock);
	if ((l = s->idle) != NULL)
		s->idle = *dl_s3_link_next(l);
	pthread_mutex_unlock(&s->lock);
	return l != NULL ? l : dl_s3_link_new(s, err);
}

static void
give_back(struct dl_s3 *s, struct dl_s3_link *l)
{
	pthread_mutex_lock(&s->lock);
	*dl_s3_link_next(l) = s->idle;
	s->idle = l;
	pthread_mutex_unlock(&s->lock);
}

/*
 * Become the one who looks for keys, with s->lock held, which is let go
 * meanwhile: 1; 0: another one does, but there are keys that will do (where
 * some will); -1: it is to end.
 */
static int
begin_finding(struct dl_s3 *s, const struct dl_s3_request *r, bool some,
    struct dl_err *err)
{
	char shown[DL_S3_SHOWN];
	struct dl_time now;

	for (; s->finding; pthread_mutex_lock(&s->lock)) {
		dl_now(&now);
		if (some && s->signer != NULL && !s->stale &&
		    now.sec < s->expires)
			return 0;
		pthread_mutex_unlock(&s->lock);
		if (!dl_s3_stopped(s, r)) {
			poll(NULL, 0, FINDING_MS);
			continue;
		}
		pthread_mutex_lock(&s->lock);
		return dl_err_temp(
		    err, "%s: interrupted", dl_s3_shown(s, r->key, shown));
	}
	s->finding = true;
	pthread_mutex_unlock(&s->lock);
	return 1;
}

static void
end_finding(struct dl_s3 *s)
{
	pthread_mutex_lock(&s->lock);
	s->finding = false;
}

/* A signer for the keys of now.  s->lock is held, but not all the time. */
static int
make_signer(struct dl_s3 *s, const struct dl_s3_request *r, struct dl_err *err)
{
	struct dl_sigv4_credentials c = {.region = s->region, .service = "s3"};
	struct dl_sigv4 *signer = NULL;
	struct dl_s3_keys keys;
	uint64_t generation;
	int found = begin_finding(s, r, true, err);

	if (found <= 0)
		return found;
	found = dl_s3_cred_get(s->cred, &keys, &generation, err);
	if (found == 0 && (s->signer == NULL || s->generation != generation)) {
		c.access_key = keys.access_key;
		c.secret_key = keys.secret_key;
		c.session_token = keys.session_token;
		signer = dl_sigv4_new(&c, err);
		found = signer == NULL ? -1 : 0;
	}
	end_finding(s);
	if (found < 0)
		return -1;
	if (signer != NULL) {
		dl_sigv4_free(s->signer);
		s->signer = signer;
		s->generation = generation;
	}
	s->expires = keys.expires;
	s->stale = false;
	return 0;
}

/* libcurl takes a line as it is: a break in it would begin another one. */
static int
add_lines(struct curl_slist **to, const char *const *lines, struct dl_err *err)
{
	struct curl_slist *more;

	for (; lines != NULL && *lines != NULL; lines++) {
		if (strpbrk(*lines, "\r\n") != NULL)
			return dl_err_data(
			    err, "a request header has a line break in it");
		if ((more = curl_slist_append(*to, *lines)) == NULL)
			return dl_err_temp(err, "out of memory");
		*to = more;
	}
	return 0;
}

static int
sign(struct dl_s3 *s, const struct dl_s3_request *r, struct dl_span path,
    struct curl_slist **headers, uint64_t *generation, struct dl_err *err)
{
	const char *const *lines =
	    r->headers == NULL ? NULL : (const char *const *)r->headers->v;
	const struct dl_sigv4_request request = {.method = r->method,
	    .host = dl_span_str(s->host),
	    .path = path,
	    .query = dl_span_str(r->query),
	    .headers = lines,
	    .payload = r->payload == NULL ? EMPTY : r->payload,
	    /* Not DL_NOW: who checks it has a clock of its own. */
	    .sec = time(NULL)};
	const char *const *signature;
	int done = -1;

	pthread_mutex_lock(&s->lock);
	if (make_signer(s, r, err) == 0 &&
	    (signature = dl_sigv4_sign(s->signer, &request, err)) != NULL &&
	    add_lines(headers, lines, err) == 0)
		done = add_lines(headers, signature, err);
	*generation = s->generation;
	pthread_mutex_unlock(&s->lock);
	return done;
}

/* No service should repeat a session's token, but nobody is to see it. */
static void
hush(struct dl_s3_answer *a, const struct curl_slist *headers)
{
	static const char name[] = "x-amz-security-token: ";
	char start[TOKEN_START + 1];

	for (; headers != NULL; headers = headers->next) {
		if (strncmp(headers->data, name, strlen(name)) != 0)
			continue;
		snprintf(
		    start, sizeof(start), "%s", headers->data + strlen(name));
		if (strstr(a->text, start) != NULL)
			a->text[0] = '\0';
	}
}

struct root {
	const char *name;
	bool found;
};

static int
take_root(void *arg, const char *path, struct dl_span text, struct dl_err *err)
{
	struct root *r = arg;

	(void)text, (void)err;
	if (strcmp(path, r->name) == 0)
		r->found = true;
	return 0;
}

/*
 * Some successes are failures that were found later, and what does not tell
 * its length may break off unnoticed, or be somebody else's answer.
 */
static int
check_xml(const struct dl_s3 *s, const struct dl_s3_request *r, size_t before,
    struct dl_s3_answer *a, struct dl_err *err)
{
	struct dl_span body = dl_buf_as_span(r->into);
	struct root root = {.name = r->xml};
	char shown[DL_S3_SHOWN];
	struct dl_err why = {0};

	body.p += before;
	body.len -= before;
	if (dl_s3_xml_parse(body, take_root, &root, &why) == 0 && root.found)
		return 0;
	dl_s3_fail_take(a, body);
	if (a->code[0] != '\0') {
		a->status = 500;
		return 0;
	}
	return dl_err_temp(err,
	    "%s: the answer is not whole, or not of an S3 service (%s)",
	    dl_s3_shown(s, r->key, shown),
	    why.status == DL_EXIT_OK ? "another element" : why.msg);
}

/* May other keys help, and are there others? */
static bool
renew(struct dl_s3 *s, const struct dl_s3_request *r,
    const struct dl_s3_answer *a, uint64_t generation)
{
	struct dl_err ignored = {0};
	bool other, stale;

	if (!dl_s3_fail_renew(r, a))
		return false;
	pthread_mutex_lock(&s->lock);
	stale = s->stale;
	s->stale = stale || s->generation == generation;
	if (begin_finding(s, r, false, &ignored) < 0) {
		pthread_mutex_unlock(&s->lock);
		return false;
	}
	/* Another thread may have found them already. */
	other = s->generation != generation ||
	        dl_s3_cred_renew(s->cred, generation);
	end_finding(s);
	if (!other)
		s->stale = stale;
	pthread_mutex_unlock(&s->lock);
	return other;
}

/* A portal, or a server of another kind, takes anything. */
static int
check_etag(const struct dl_s3 *s, const struct dl_s3_request *r,
    const struct dl_s3_answer *a, struct dl_err *err)
{
	char shown[DL_S3_SHOWN];

	if (a->etag[0] != '\0')
		return 0;
	return dl_err_temp(err,
	    "%s: the answer has no ETag: is %s the endpoint of an S3 service?",
	    dl_s3_shown(s, r->key, shown), s->endpoint);
}

static enum dl_s3_result
as_result(const struct dl_err *err)
{
	return err->status == DL_EXIT_TEMP ? DL_S3_AGAIN : DL_S3_FAIL;
}

static enum dl_s3_result
try_with(struct dl_s3 *s, struct dl_s3_link *l, const struct dl_s3_request *r,
    struct dl_s3_answer *a, uint64_t *generation, struct dl_err *err)
{
	size_t before = r->into == NULL ? 0 : r->into->len;
	struct curl_slist *headers = NULL;
	struct dl_buf url = {0}, refusal = {0};
	enum dl_s3_result done;
	struct dl_span path;

	*a = (struct dl_s3_answer){0};
	dl_s3_url_make(s, r->key, r->query, &url, &path);
	if (sign(s, r, path, &headers, generation, err) < 0) {
		done = as_result(err);
	} else {
		done = dl_s3_link_run(
		    l, dl_buf_str(&url), headers, r, a, &refusal, err);
		if (done == DL_S3_DONE && a->status / 100 != 2)
			dl_s3_fail_take(a, dl_buf_as_span(&refusal));
		else if (done == DL_S3_DONE && r->xml != NULL &&
			 check_xml(s, r, before, a, err) < 0)
			done = DL_S3_AGAIN;
		else if (done == DL_S3_DONE && r->etag &&
			 check_etag(s, r, a, err) < 0)
			done = DL_S3_AGAIN;
		hush(a, headers);
	}
	/* Of what was not whole nothing stays. */
	if (r->into != NULL && (done != DL_S3_DONE || a->status / 100 != 2))
		r->into->len = before;
	curl_slist_free_all(headers);
	dl_buf_release(&url);
	dl_buf_release(&refusal);
	return done;
}

void
dl_s3_patience_init(struct dl_s3_patience *p, const struct dl_s3 *s,
    const struct dl_s3_request *r)
{
	*p = (struct dl_s3_patience){0};
	p->give_up_ms = r->give_up_ms > 0 ? r->give_up_ms : s->o.give_up_ms;
	dl_s3_patience_renew(p);
}

void
dl_s3_patience_renew(struct dl_s3_patience *p)
{
	p->failing_ms = -1;
	dl_retry_init(&p->retry, INT64_MAX);
	p->retry.ceiling_ms = FIRST_MS;
}

enum dl_s3_result
dl_s3_try(struct dl_s3 *s, const struct dl_s3_request *r,
    struct dl_s3_answer *a, struct dl_s3_patience *p, struct dl_err *err)
{
	struct dl_s3_link *l = borrow(s, err);
	enum dl_s3_result done;
	uint64_t generation;

	*a = (struct dl_s3_answer){.after_ms = -1};
	if (l == NULL)
		return DL_S3_FAIL;
	done = try_with(s, l, r, a, &generation, err);
	if (done == DL_S3_DONE && a->status / 100 != 2) {
		p->lost = p->lost || a->lost;
		if (renew(s, r, a, generation))
			done = try_with(s, l, r, a, &generation, err);
		if (done == DL_S3_DONE && a->status / 100 != 2)
			done = dl_s3_fail_answer(s, r, a, err);
	}
	give_back(s, l);
	a->lost = a->lost || p->lost;
	if (done == DL_S3_AGAIN)
		p->lost = true;
	return done;
}

/* The message of err, and that it was given up. */
static int
give_up(const struct dl_s3_patience *p, int64_t now, struct dl_err *err)
{
	const struct dl_err last = *err;

	if (now <= p->failing_ms)
		return -1;
	dl_err_clear(err);
	return dl_err_temp(err, "%.900s (given up after %lld s of it)",
	    last.msg, (long long)(now - p->failing_ms + 500) / 1000);
}

int
dl_s3_wait(struct dl_s3 *s, const struct dl_s3_request *r,
    const struct dl_s3_answer *a, struct dl_s3_patience *p, struct dl_err *err)
{
	int64_t now = dl_clock_ms(), end, until;

	if (p->failing_ms < 0)
		p->failing_ms = now;
	end = p->failing_ms + p->give_up_ms;
	if (now >= end)
		return give_up(p, now, err);
	until = now + dl_retry_next(&p->retry, a->after_ms);
	if (until > end)
		until = end;
	dl_log(DL_LOG_DEBUG, "%s (tried again in %lld ms)", err->msg,
	    (long long)(until - now));
	for (; now < until; now = dl_clock_ms()) {
		if (dl_s3_stopped(s, r))
			return -1;
		poll(NULL, 0,
		    until - now < SLICE_MS ? (int)(until - now) : SLICE_MS);
	}
	dl_err_clear(err);
	return 0;
}

int
dl_s3_send(struct dl_s3 *s, const struct dl_s3_request *r,
    struct dl_s3_answer *a, struct dl_err *err)
{
	struct dl_s3_patience p;
	enum dl_s3_result done;

	dl_s3_patience_init(&p, s, r);
	while ((done = dl_s3_try(s, r, a, &p, err)) == DL_S3_AGAIN)
		if (dl_s3_wait(s, r, a, &p, err) < 0)
			return -1;
	return done == DL_S3_DONE ? 0 : -1;
}
