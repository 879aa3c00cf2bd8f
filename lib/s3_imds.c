/*
 * Keys of the instance's metadata service (IMDSv2).
 *
 * Most machines have none, and must be told so soon: a try is given a second.
 */
#include "s3_cred_private.h"

#include "auth_text.h"
#include "seal.h"

#include <stdio.h>
#include <strings.h>

#define TIMEOUT_MS 1000
#define TRIES 2
#define WHAT "the instance's metadata service"
#define ROLES "/latest/meta-data/iam/security-credentials/"
#define TOKEN_HEADER "X-aws-ec2-metadata-token: "
#define ROLE_MAX 128

struct imds {
	struct dl_s3_cred *c;
	struct dl_buf url; /* scratch */
	size_t endpoint;   /* bytes of it in url */
	char *token;       /* its header, sealed */
};

static void
find_endpoint(struct imds *m)
{
	const char *given = dl_s3_env("AWS_EC2_METADATA_SERVICE_ENDPOINT");
	const char *mode = dl_s3_env("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
	size_t n;

	if (given == NULL && mode != NULL && strcasecmp(mode, "ipv6") == 0)
		given = "http://[fd00:ec2::254]";
	if (given == NULL)
		given = "http://169.254.169.254";
	n = strlen(given);
	while (n > 0 && given[n - 1] == '/')
		n--;
	dl_buf_add(&m->url, given, n);
	m->endpoint = n;
}

static int
ask(struct imds *m, const char *method, const char *path, const char *last,
    const char *header, struct dl_s3_answer *answer, struct dl_err *err)
{
	const char *const headers[] = {header, NULL};

	m->url.len = m->endpoint;
	dl_buf_printf(&m->url, "%s%s", path, last);
	return dl_s3_ask(
	    &(struct dl_s3_ask){.what = WHAT,
		.url = dl_buf_str(&m->url),
		.method = method,
		.headers = headers,
		.body = method == NULL ? (struct dl_span){0} : DL_SPAN(""),
		.ca = m->c->setting[DL_S3_CA],
		.direct = true,
		.timeout_ms = TIMEOUT_MS,
		.tries = TRIES,
		.stop = m->c->stop},
	    answer, err);
}

static int
refused(int status, struct dl_err *err)
{
	return dl_s3_ask_refused(
	    &(struct dl_s3_ask){.what = WHAT}, status, err);
}

/* There is none, or it does not speak to us: why goes to c->looked. */
static int
nobody(struct imds *m, const char *why)
{
	dl_buf_printf(&m->c->looked, WHAT ": %s; ", why);
	return 0;
}

static int
take_token(
    struct imds *m, const struct dl_s3_answer *answer, struct dl_err *err)
{
	struct dl_span value = dl_span(answer->bytes, answer->len);

	if (value.len == 0 || !dl_auth_plain(value))
		return dl_err_conf(err, WHAT ": its token is none");
	m->token = dl_auth_join(
	    (struct dl_span[]){DL_SPAN(TOKEN_HEADER), value, {NULL, 0}}, err);
	return m->token == NULL ? -1 : 1;
}

static int
get_token(struct imds *m, struct dl_err *err)
{
	struct dl_s3_answer answer;
	struct dl_err its = {0};
	char why[64];
	int r = ask(m, "PUT", "/latest/api/token", "",
	    "X-aws-ec2-metadata-token-ttl-seconds: 300", &answer, &its);

	if (r > 0)
		r = take_token(m, &answer, err);
	else if (r == 0 && answer.status < 500) {
		snprintf(why, sizeof(why), "HTTP status %d", answer.status);
		r = nobody(m, why);
	} else if (r == 0)
		r = refused(answer.status, err);
	else if (its.status == DL_EXIT_TEMP && !*m->c->stop)
		r = nobody(m, "does not answer");
	else
		*err = its;
	dl_s3_answer_release(&answer);
	return r;
}

/* Names of IAM's: nothing that would lead to another path. */
static int
take_role(const struct dl_s3_answer *answer, char role[ROLE_MAX + 1],
    struct dl_err *err)
{
	static const char letters[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	    "0123456789_+=,.@-";
	size_t n = strcspn(answer->bytes, "\r\n");

	if (n == 0 || n > ROLE_MAX || strspn(answer->bytes, letters) < n ||
	    answer->bytes[0] == '.')
		return dl_err_conf(err, WHAT ": the role's name is none");
	snprintf(role, ROLE_MAX + 1, "%.*s", (int)n, answer->bytes);
	return 1;
}

static int
get_role(struct imds *m, char role[ROLE_MAX + 1], struct dl_err *err)
{
	struct dl_s3_answer answer;
	int r = ask(m, NULL, ROLES, "", m->token, &answer, err);

	if (r > 0)
		r = take_role(&answer, role, err);
	else if (r == 0 && answer.status == 404)
		r = nobody(m, "the instance has no role");
	else if (r == 0)
		r = refused(answer.status, err);
	dl_s3_answer_release(&answer);
	return r;
}

static int
get_keys(
    struct imds *m, const char *role, struct dl_s3_found *f, struct dl_err *err)
{
	struct dl_s3_answer answer;
	int r = ask(m, NULL, ROLES, role, m->token, &answer, err);

	if (r == 0)
		r = refused(answer.status, err);
	else if (r > 0 && dl_s3_found_json(f, dl_span(answer.bytes, answer.len),
			      false, err) < 0) {
		dl_err_prefix(err, WHAT ": role '%s'", role);
		r = -1;
	}
	dl_s3_answer_release(&answer);
	snprintf(f->from, sizeof(f->from), WHAT ", role '%s'", role);
	return r;
}

int
dl_s3_imds(struct dl_s3_cred *c, struct dl_s3_found *f, struct dl_err *err)
{
	struct imds m = {.c = c};
	char role[ROLE_MAX + 1];
	int r;

	if (dl_s3_env_true("AWS_EC2_METADATA_DISABLED"))
		return nobody(&m, "not asked ($AWS_EC2_METADATA_DISABLED)");
	find_endpoint(&m);
	r = get_token(&m, err);
	if (r > 0)
		r = get_role(&m, role, err);
	if (r > 0)
		r = get_keys(&m, role, f, err);
	dl_seal_free(m.token);
	dl_buf_release(&m.url);
	return r;
}
