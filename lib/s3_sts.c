/* Keys of a role, from STS. */
#include "s3_cred_private.h"

#include "auth_text.h"
#include "clock.h"
#include "num.h"
#include "s3_file.h"
#include "seal.h"
#include "sigv4.h"

#include <stdio.h>
#include <unistd.h>

#define WHAT "STS"
#define TIMEOUT_MS (10 * 1000)
#define TRIES 3
#define SESSION_MAX 64

struct sts {
	struct dl_s3_cred *c;
	const char *region;
	struct dl_buf url, form; /* the form has secrets in it */
	char *token;             /* a web identity's, sealed, or NULL */
	struct dl_sigv4 *signer; /* or NULL */
};

/* It becomes part of a host's name. */
static int
find_url(struct sts *s, struct dl_err *err)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	const char *region = s->c->o.region;

	if (region == NULL)
		region = s->c->setting[DL_S3_REGION];
	s->region = region == NULL ? "us-east-1" : region;
	if (s->c->sts != NULL)
		dl_buf_adds(&s->url, s->c->sts);
	else if (region == NULL)
		dl_buf_adds(&s->url, "https://sts.amazonaws.com");
	else if (strspn(region, letters) != strlen(region))
		return dl_err_conf(err,
		    WHAT
		    ": '%s' is not a region of AWS's: $AWS_ENDPOINT_URL_STS "
		    "says where STS is elsewhere",
		    region);
	else
		dl_buf_printf(&s->url, "https://sts.%s.amazonaws.com%s", region,
		    strncmp(region, "cn-", 3) == 0 ? ".cn" : "");
	return 0;
}

static void
add(struct sts *s, const char *name, const char *value)
{
	if (value == NULL)
		return;
	dl_buf_printf(&s->form, "&%s=", name);
	dl_auth_escape(&s->form, dl_span_str(value));
}

static int
add_duration(struct sts *s, const char *text, struct dl_err *err)
{
	struct dl_err why = {0};
	int64_t n;

	if (text != NULL && (dl_num_count(dl_span_str(text), &n, &why) < 0 ||
				n < 900 || n > 43200))
		return dl_err_conf(
		    err, "'duration_seconds' is a number from 900 to 43200");
	add(s, "DurationSeconds", text);
	return 0;
}

static void
add_session(struct sts *s, const char *name)
{
	char own[SESSION_MAX];

	if (name == NULL)
		name = dl_s3_env("AWS_ROLE_SESSION_NAME");
	snprintf(own, sizeof(own), "dl-%ld", (long)getpid());
	add(s, "RoleSessionName", name == NULL ? own : name);
}

static int
read_token(struct sts *s, const char *path, struct dl_err *err)
{
	size_t len;
	int r = dl_s3_file_read(path, DL_S3_ANSWER_MAX, &s->token, &len, err);

	if (r < 0)
		return -1;
	if (r == 0)
		return dl_err_conf(err,
		    "there is no file '%s' with a web identity's token", path);
	while (len > 0 && strchr(" \t\r\n", s->token[len - 1]) != NULL)
		s->token[--len] = '\0';
	return len > 0 ? 0 : dl_err_conf(err, "'%s' is empty", path);
}

static int
make_signer(struct sts *s, const struct dl_s3_found *by, struct dl_err *err)
{
	s->signer =
	    dl_sigv4_new(&(struct dl_sigv4_credentials){.region = s->region,
			     .service = "sts",
			     .access_key = by->access_key,
			     .secret_key = by->secret_key,
			     .session_token = by->session_token},
		err);
	return s->signer == NULL ? -1 : 0;
}

static int
prepare(struct sts *s, const struct dl_s3_role *role,
    const struct dl_s3_found *by, struct dl_err *err)
{
	if (find_url(s, err) < 0)
		return -1;
	if (by == NULL ? read_token(s, role->token_file, err) < 0
		       : make_signer(s, by, err) < 0)
		return -1;
	/* Room for all of it: what grows leaves copies behind. */
	dl_buf_room(
	    &s->form, 4096 + (s->token == NULL ? 0 : 3 * strlen(s->token)));
	dl_buf_printf(&s->form, "Action=%s&Version=2011-06-15",
	    by == NULL ? "AssumeRoleWithWebIdentity" : "AssumeRole");
	add(s, "RoleArn", role->arn);
	add_session(s, role->session);
	if (by != NULL)
		add(s, "ExternalId", role->external_id);
	add(s, "WebIdentityToken", s->token);
	return add_duration(s, role->duration, err);
}

static int
sign(void *arg, const struct dl_fetch_request *request,
    struct dl_fetch_proof *proof, struct dl_err *err)
{
	struct sts *s = arg;
	struct dl_auth_url url = {.host = NULL};
	const char *const *got = NULL;
	char hash[DL_SIGV4_HASH];
	struct dl_time now;

	if (s->signer == NULL)
		return 0;
	dl_now(&now);
	dl_sigv4_hash(request->body, hash);
	if (dl_auth_url_parse(request->url, &url, err) == 0)
		got = dl_sigv4_sign(s->signer,
		    &(struct dl_sigv4_request){.method = request->method,
			.host = dl_span_str(url.host),
			.path = dl_span_str(url.path),
			.query = dl_span_str(url.query),
			.headers = request->headers,
			.payload = hash,
			.sec = now.sec},
		    err);
	dl_auth_url_release(&url);
	for (size_t i = 0; got != NULL && got[i] != NULL; i++)
		proof->headers[i] = got[i];
	return got == NULL ? -1 : 0;
}

/* A code that will be another later, or that says what is configured wrong. */
static enum dl_exit
kind_of(const char *code, int status)
{
	static const struct {
		const char *code;
		enum dl_exit kind;
	} known[] = {{"IDPCommunicationError", DL_EXIT_TEMP},
	    {"Throttling", DL_EXIT_TEMP}, {"ThrottlingException", DL_EXIT_TEMP},
	    {"RequestTimeout", DL_EXIT_TEMP},
	    {"ServiceUnavailable", DL_EXIT_TEMP},
	    {"InternalFailure", DL_EXIT_TEMP},
	    {"ValidationError", DL_EXIT_CONF},
	    {"InvalidParameterValue", DL_EXIT_CONF},
	    {"RegionDisabledException", DL_EXIT_CONF}};

	if (status >= 500 || status == 429)
		return DL_EXIT_TEMP;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strcmp(known[i].code, code) == 0)
			return known[i].kind;
	return DL_EXIT_DENIED;
}

/* STS's own words, unless a secret of ours is among them. */
static int
refused(const struct sts *s, const struct dl_s3_ask *ask, const char *arn,
    const struct dl_s3_answer *answer, struct dl_err *err)
{
	char code[64], message[256];

	dl_s3_sts_failure(dl_buf_as_span(&answer->refusal), code, message);
	if (code[0] == '\0')
		return dl_s3_ask_refused(ask, answer->status, err);
	if (s->token != NULL && strstr(message, s->token) != NULL)
		message[0] = '\0';
	dl_err_denied(err, "%s: role '%s': %s%s%s", ask->what, arn, code,
	    message[0] == '\0' ? "" : ": ", message);
	err->status = kind_of(code, answer->status);
	return -1;
}

static int
request(
    struct sts *s, const char *arn, struct dl_s3_found *f, struct dl_err *err)
{
	static const char *const headers[] = {
	    "Content-Type: application/x-www-form-urlencoded", NULL};
	const struct dl_s3_ask ask = {.what = WHAT,
	    .url = dl_buf_str(&s->url),
	    .headers = headers,
	    .body = dl_buf_as_span(&s->form),
	    .ca = s->c->setting[DL_S3_CA],
	    .timeout_ms = TIMEOUT_MS,
	    .tries = TRIES,
	    .auth = {.prove = sign, .arg = s},
	    .stop = s->c->stop};
	struct dl_s3_answer answer;
	int r = dl_s3_ask(&ask, &answer, err);

	if (r == 0)
		r = refused(s, &ask, arn, &answer, err);
	else if (r > 0 && dl_s3_sts_keys(
			      f, dl_span(answer.bytes, answer.len), err) < 0) {
		dl_err_prefix(err, WHAT);
		r = -1;
	}
	dl_s3_answer_release(&answer);
	return r;
}

int
dl_s3_sts(struct dl_s3_cred *c, const struct dl_s3_role *role,
    const struct dl_s3_found *by, struct dl_s3_found *f, struct dl_err *err)
{
	struct sts s = {.c = c};
	int r = prepare(&s, role, by, err);

	if (r == 0)
		r = request(&s, role->arn, f, err);
	snprintf(f->from, sizeof(f->from), WHAT ", role '%s'", role->arn);
	dl_sigv4_free(s.signer);
	dl_seal_free(s.token);
	dl_auth_wipe(&s.form);
	dl_buf_release(&s.url);
	return r;
}
