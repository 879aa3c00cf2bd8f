/* Keys that were found, and the JSON that has them. */
#include "s3_cred_private.h"

#include "auth_text.h"
#include "clock.h"
#include "json.h"
#include "seal.h"

static char *
keep(struct dl_span text, struct dl_err *err)
{
	return dl_auth_join((struct dl_span[]){text, {NULL, 0}}, err);
}

/* A header has them in it, and a signature as they stand: visible ASCII. */
static bool
is_visible(struct dl_span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.p[i] <= ' ' || text.p[i] > '~')
			return false;
	return true;
}

static int
check(struct dl_span text, const char *what, struct dl_err *err)
{
	if (text.len == 0)
		return dl_err_conf(err, "%s is empty", what);
	if (!is_visible(text))
		return dl_err_conf(err,
		    "%s has a blank, or another character that none can have",
		    what);
	return 0;
}

int
dl_s3_found_set(struct dl_s3_found *f, struct dl_span access,
    struct dl_span secret, struct dl_span token, struct dl_err *err)
{
	if (check(access, "the access key", err) < 0 ||
	    check(secret, "the secret key", err) < 0 ||
	    (token.p != NULL && check(token, "the session's token", err) < 0))
		return -1;
	dl_s3_found_release(f);
	if ((f->access_key = keep(access, err)) == NULL ||
	    (f->secret_key = keep(secret, err)) == NULL ||
	    (token.p != NULL && (f->session_token = keep(token, err)) == NULL))
		return -1;
	f->expires = DL_S3_NEVER;
	return 0;
}

int
dl_s3_found_expires(
    struct dl_s3_found *f, struct dl_span text, struct dl_err *err)
{
	struct dl_err why = {0};
	struct dl_time t;

	if (dl_time_parse(text, &t, &why) < 0)
		return dl_err_conf(err, "'Expiration' is not a time");
	f->expires = t.sec;
	return 0;
}

/* The members of a document, their escapes taken away. */
struct document {
	struct dl_span access, secret, token, expires, code;
	bool version; /* it is the one that we know */
};

static struct dl_span *
member_of(struct document *d, struct dl_span key)
{
	if (dl_span_is(key, "AccessKeyId"))
		return &d->access;
	if (dl_span_is(key, "SecretAccessKey"))
		return &d->secret;
	if (dl_span_is(key, "Token") || dl_span_is(key, "SessionToken"))
		return &d->token;
	if (dl_span_is(key, "Expiration"))
		return &d->expires;
	return dl_span_is(key, "Code") ? &d->code : NULL;
}

/* scratch has room for all of them, so that spans of it stay. */
static int
take_members(struct document *d, struct dl_span object, struct dl_buf *scratch,
    struct dl_err *err)
{
	struct dl_span key, value, *to;
	struct dl_json_iter it;

	dl_json_enter(&it, object);
	while (dl_json_member(&it, &key, &value) > 0) {
		if (dl_span_is(key, "Version"))
			d->version = dl_span_is(value, "1");
		to = member_of(d, key);
		if (to == NULL || dl_json_kind(value) == DL_JSON_NULL)
			continue;
		if (dl_json_string(value, scratch, to) < 0)
			return dl_err_conf(
			    err, "'%.*s' is not a text", DL_SPAN_ARG(key));
	}
	return 0;
}

static int
take_document(
    struct dl_s3_found *f, struct document *d, bool command, struct dl_err *err)
{
	if (d->token.len == 0)
		d->token.p = NULL;
	if (command && !d->version)
		return dl_err_conf(err, "'Version' is not 1");
	if (d->code.len > 0 && !dl_span_is(d->code, "Success"))
		return dl_err_denied(err, "it says '%.*s'",
		    (int)(d->code.len < 64 ? d->code.len : 64), d->code.p);
	if (d->access.p == NULL || d->secret.p == NULL)
		return dl_err_conf(
		    err, "there is no 'AccessKeyId' with a 'SecretAccessKey'");
	if (dl_s3_found_set(f, d->access, d->secret, d->token, err) < 0)
		return -1;
	return d->expires.len == 0 ? 0
	                           : dl_s3_found_expires(f, d->expires, err);
}

int
dl_s3_found_json(struct dl_s3_found *f, struct dl_span document, bool command,
    struct dl_err *err)
{
	struct document d = {.version = false};
	struct dl_buf scratch = {0};
	struct dl_err why = {0};
	struct dl_span value;
	int r;

	/* What is wrong where is not told: a secret may be there. */
	if (dl_json_check(document, &why) < 0 ||
	    dl_json_value(document, &value) < 0 ||
	    dl_json_kind(value) != DL_JSON_OBJECT)
		return dl_err_conf(err, "is not an object of JSON");
	dl_buf_room(&scratch, document.len);
	r = take_members(&d, value, &scratch, err);
	if (r == 0)
		r = take_document(f, &d, command, err);
	dl_auth_wipe(&scratch);
	return r;
}

static bool
same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool
dl_s3_found_same(const struct dl_s3_found *a, const struct dl_s3_found *b)
{
	return same(a->access_key, b->access_key) &&
	       same(a->secret_key, b->secret_key) &&
	       same(a->session_token, b->session_token);
}

void
dl_s3_found_release(struct dl_s3_found *f)
{
	dl_seal_free(f->access_key);
	dl_seal_free(f->secret_key);
	dl_seal_free(f->session_token);
	f->access_key = f->secret_key = f->session_token = NULL;
}
