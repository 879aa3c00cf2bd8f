/* What a failure means. */
#include "s3_private.h"

#include "num.h"
#include "s3_xml.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* What the service's own codes mean, and what to do then. */
static const struct meaning {
	const char *code;
	enum dl_exit status;
	bool again, renew;
	const char *advice;
} meanings[] = {
    {"NoSuchBucket", DL_EXIT_CONF, false, false,
	"there is no such bucket: make it, or check its name and the endpoint"},
    {"PermanentRedirect", DL_EXIT_CONF, false, false, NULL},
    {"AuthorizationHeaderMalformed", DL_EXIT_CONF, false, false, NULL},
    {"IllegalLocationConstraintException", DL_EXIT_CONF, false, false, NULL},
    {"TemporaryRedirect", DL_EXIT_TEMP, true, false, NULL},
    {"AccessDenied", DL_EXIT_DENIED, false, false,
	"access denied: these credentials may not do it"},
    {"AllAccessDisabled", DL_EXIT_DENIED, false, false, "access denied"},
    {"AccountProblem", DL_EXIT_DENIED, false, false, "access denied"},
    {"InvalidAccessKeyId", DL_EXIT_DENIED, false, true,
	"the service does not know the access key: check the credentials"},
    {"SignatureDoesNotMatch", DL_EXIT_DENIED, false, true,
	"the signature is wrong: check the secret key"},
    {"ExpiredToken", DL_EXIT_DENIED, false, true,
	"the session's token has expired: get a new one"},
    {"TokenRefreshRequired", DL_EXIT_DENIED, false, true,
	"the session's token has expired: get a new one"},
    {"InvalidToken", DL_EXIT_DENIED, false, true,
	"the session's token is wrong: check the credentials"},
    {"RequestTimeTooSkewed", DL_EXIT_DENIED, false, false, NULL},
    {"RequestExpired", DL_EXIT_DENIED, false, false, NULL},
    {"SlowDown", DL_EXIT_TEMP, true, false, NULL},
    {"Throttling", DL_EXIT_TEMP, true, false, NULL},
    {"RequestLimitExceeded", DL_EXIT_TEMP, true, false, NULL},
    {"RequestTimeout", DL_EXIT_TEMP, true, false, NULL},
    {"InternalError", DL_EXIT_TEMP, true, false, NULL},
    {"ServiceUnavailable", DL_EXIT_TEMP, true, false, NULL},
    {"OperationAborted", DL_EXIT_TEMP, true, false, NULL},
    {"ConditionalRequestConflict", DL_EXIT_TEMP, true, false, NULL},
    {"QuotaExceeded", DL_EXIT_TEMP, true, false, "the quota is used up"},
    {"IncompleteBody", DL_EXIT_TEMP, true, false, NULL},
    {"BadDigest", DL_EXIT_TEMP, true, false,
	"the bytes that came are not those that were sent"},
    {"XAmzContentSHA256Mismatch", DL_EXIT_TEMP, true, false,
	"the bytes that came are not those that were sent"},
    {"NoSuchUpload", DL_EXIT_TEMP, false, false,
	"the upload is gone: somebody has aborted it"},
    {"NotImplemented", DL_EXIT_CONF, false, false,
	"the service does not know how to do it"},
    {"EntityTooLarge", DL_EXIT_DATA, false, false, "it is too large"},
    {"KeyTooLongError", DL_EXIT_DATA, false, false, "the key is too long"},
};

static const struct meaning *
find_meaning(const char *code)
{
	for (size_t i = 0; i < sizeof(meanings) / sizeof(*meanings); i++)
		if (strcmp(meanings[i].code, code) == 0)
			return &meanings[i];
	return NULL;
}

const char *
dl_s3_shown(const struct dl_s3 *s, const char *key, char out[DL_S3_SHOWN])
{
	if (key == NULL)
		snprintf(out, DL_S3_SHOWN, "%s", s->name);
	else
		snprintf(out, DL_S3_SHOWN, "s3://%s/%s%s", s->bucket, s->prefix,
		    key);
	return out;
}

static void
copy(char *out, size_t size, struct dl_span text)
{
	snprintf(out, size, "%.*s", (int)(text.len < size ? text.len : size),
	    text.p);
}

static int
take_element(
    void *arg, const char *path, struct dl_span text, struct dl_err *err)
{
	struct dl_s3_answer *a = arg;

	(void)err;
	if (text.p == NULL)
		return 0;
	if (strcmp(path, "Error/Code") == 0)
		copy(a->code, sizeof(a->code), text);
	else if (strcmp(path, "Error/Message") == 0)
		copy(a->text, sizeof(a->text), text);
	else if (strcmp(path, "Error/Region") == 0 && a->region[0] == '\0')
		copy(a->region, sizeof(a->region), text);
	return 0;
}

void
dl_s3_fail_take(struct dl_s3_answer *a, struct dl_span body)
{
	struct dl_err ignored = {0};

	/* What was told before it went wrong is kept. */
	dl_s3_xml_parse(body, take_element, a, &ignored);
	/* No code of S3's has anything else in it. */
	if (a->code[strspn(a->code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789."
				    "_-")] != '\0')
		a->code[0] = '\0';
}

/* Of what kind is a status without a code that says more? */
static const struct meaning *
by_status(int status)
{
	static const struct meaning
	    again = {.status = DL_EXIT_TEMP, .again = true},
	    denied = {.status = DL_EXIT_DENIED,
		.renew = true,
		.advice = "access denied: check the credentials"},
	    proxy = {.status = DL_EXIT_DENIED,
		.advice = "check the credentials for the proxy"},
	    nothing = {.status = DL_EXIT_CONF,
		.advice =
		    "there is nothing: check the bucket and the endpoint"},
	    wrong = {.status = DL_EXIT_CONF,
		.advice = "the service does not take this request"},
	    other = {.status = DL_EXIT_CONF,
		.advice = "is this the endpoint of an S3 service?"};

	switch (status) {
	case 307:
	case 408:
	case 409:
	case 425:
	case 429:
		return &again;
	case 401:
	case 403:
		return &denied;
	case 407:
		return &proxy;
	case 404:
		return &nothing;
	case 501:
	case 505:
		return &wrong;
	default:
		if (status >= 500)
			return &again;
		return status / 100 == 4 ? &wrong : &other;
	}
}

static const struct meaning *
meaning_of(const struct dl_s3_answer *a)
{
	const struct meaning *m = find_meaning(a->code);

	return m != NULL ? m : by_status(a->status);
}

bool
dl_s3_fail_renew(const struct dl_s3_request *r, const struct dl_s3_answer *a)
{
	/* A HEAD has no body, and an expired token is a 400. */
	return meaning_of(a)->renew ||
	       (a->status == 400 && strcmp(r->method, "HEAD") == 0);
}

static bool
expected(const struct dl_s3_request *r, const struct dl_s3_answer *a)
{
	const char *c = a->code;
	bool head = strcmp(r->method, "HEAD") == 0;

	if (r->expect & DL_S3_ABSENT &&
	    (strcmp(c, "NoSuchKey") == 0 || (head && a->status == 404)))
		return true;
	if (r->expect & DL_S3_PRESENT &&
	    (strcmp(c, "PreconditionFailed") == 0 || a->status == 412))
		return true;
	if (r->expect & DL_S3_NO_UPLOAD && strcmp(c, "NoSuchUpload") == 0)
		return true;
	return r->expect & DL_S3_RANGE && a->status == 416;
}

/* Whose clock is wrong, and by how much. */
static void
skewed(const char *where, const struct dl_s3_answer *a, struct dl_err *err)
{
	int64_t skew = (int64_t)time(NULL) * 1000 - a->date_ms;
	char age[32];

	if (a->date_ms < 0) {
		dl_err_denied(err,
		    "%s: this machine's clock is not the service's: set it "
		    "(%s)",
		    where, a->code);
		return;
	}
	dl_num_print_age(skew < 0 ? -skew : skew, age);
	dl_err_denied(err,
	    "%s: this machine's clock is %s %s the service's: set it (%s)",
	    where, age, skew < 0 ? "behind" : "ahead of", a->code);
}

/* The bucket is elsewhere; did somebody say where? */
static bool
elsewhere(const struct dl_s3 *s, const struct dl_s3_answer *a,
    const char *where, struct dl_err *err)
{
	bool said = a->status == 301 ||
	            strcmp(a->code, "PermanentRedirect") == 0 ||
	            strcmp(a->code, "AuthorizationHeaderMalformed") == 0 ||
	            strcmp(a->code, "IllegalLocationConstraintException") == 0;

	/* A HEAD has no body, but this header. */
	if (a->status == 400 && a->code[0] == '\0' && a->region[0] != '\0')
		said = true;
	if (!said)
		return false;
	if (a->region[0] != '\0' && strcmp(a->region, s->region) != 0)
		dl_err_conf(err,
		    "%s: the bucket is in the region '%s', not in '%s': say "
		    "that with --region, or AWS_REGION (%s)",
		    where, a->region, s->region,
		    a->code[0] == '\0' ? "redirected" : a->code);
	else
		dl_err_conf(err,
		    "%s: the bucket is not at this endpoint, or in another "
		    "region than '%s': check the endpoint and the region (%s)",
		    where, s->region,
		    a->code[0] == '\0' ? "redirected" : a->code);
	return true;
}

static void
fill(struct dl_err *err, enum dl_exit status, const char *msg)
{
	switch (status) {
	case DL_EXIT_TEMP:
		dl_err_temp(err, "%s", msg);
		break;
	case DL_EXIT_DENIED:
		dl_err_denied(err, "%s", msg);
		break;
	case DL_EXIT_DATA:
		dl_err_data(err, "%s", msg);
		break;
	default:
		dl_err_conf(err, "%s", msg);
	}
}

enum dl_s3_result
dl_s3_fail_answer(const struct dl_s3 *s, const struct dl_s3_request *r,
    const struct dl_s3_answer *a, struct dl_err *err)
{
	const struct meaning *m = meaning_of(a);
	char shown[DL_S3_SHOWN], code[sizeof(a->code) + 16];
	struct dl_buf b = {0};

	if (expected(r, a))
		return DL_S3_DONE;
	dl_s3_shown(s, r->key, shown);
	if (a->code[0] == '\0')
		snprintf(code, sizeof(code), "HTTP status %d", a->status);
	else
		snprintf(code, sizeof(code), "%s", a->code);
	if (strcmp(a->code, "RequestTimeTooSkewed") == 0 ||
	    strcmp(a->code, "RequestExpired") == 0) {
		skewed(shown, a, err);
	} else if (!elsewhere(s, a, shown, err)) {
		dl_buf_printf(&b, "%s: ", shown);
		if (m->advice == NULL)
			dl_buf_adds(&b, code);
		else
			dl_buf_printf(&b, "%s (%s)", m->advice, code);
		if (a->text[0] != '\0')
			dl_buf_printf(&b, ": %s", a->text);
		fill(err, m->status, dl_buf_str(&b));
		dl_buf_release(&b);
	}
	return m->again ? DL_S3_AGAIN : DL_S3_FAIL;
}

static enum dl_s3_result
no_identity(const struct dl_s3 *s, const char *where, CURLcode code,
    const char *why, struct dl_err *err)
{
	bool issuer =
	    strstr(why, "issuer") != NULL || strstr(why, "self-signed") != NULL;

	if (code == CURLE_PEER_FAILED_VERIFICATION)
		dl_err_denied(err, "%s: %s is not trusted: %s%s", where,
		    s->endpoint, why,
		    issuer ? ": if it is yours, AWS_CA_BUNDLE is the file of "
			     "who signed it"
			   : "");
	else if (s->ca == NULL)
		dl_err_conf(err,
		    "%s: this system trusts nobody (Debian's package "
		    "ca-certificates is not installed), and no CA is given: %s",
		    where, why);
	else
		dl_err_conf(
		    err, "%s: the CA's file '%s': %s", where, s->ca, why);
	return DL_S3_FAIL;
}

enum dl_s3_result
dl_s3_fail_transfer(const struct dl_s3 *s, const struct dl_s3_request *r,
    CURLcode code, const char *text, long proxy_status, struct dl_err *err)
{
	const char *why = *text != '\0' ? text : curl_easy_strerror(code);
	char where[DL_S3_SHOWN];

	dl_s3_shown(s, r->key, where);
	/* libcurl repeats it, and a password may be in it. */
	if (strstr(why, "nsupported proxy") != NULL) {
		dl_err_conf(err,
		    "%s: the proxy that the environment says (http_proxy, "
		    "https_proxy, all_proxy) is no URL that can be used",
		    where);
		return DL_S3_FAIL;
	}
	if (proxy_status == 407 || proxy_status == 403) {
		dl_err_denied(err,
		    "%s: check the credentials for the proxy: %s", where, why);
		return DL_S3_FAIL;
	}
	switch (code) {
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
		return no_identity(s, where, code, why, err);
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		dl_err_conf(err, "%s: %s does not answer in HTTP: %s", where,
		    s->endpoint, why);
		return DL_S3_FAIL;
	default:
		dl_err_temp(err, "%s: %s: %s", where, s->endpoint, why);
		return DL_S3_AGAIN;
	}
}
