/* Keys of the service that a container's surroundings (ECS, EKS) name. */
#include "s3_cred_private.h"

#include "auth_text.h"
#include "s3_file.h"
#include "seal.h"

#include <stdio.h>

#define RELATIVE "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
#define FULL "AWS_CONTAINER_CREDENTIALS_FULL_URI"
#define TOKEN "AWS_CONTAINER_AUTHORIZATION_TOKEN"
#define TOKEN_FILE "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
#define HOST "http://169.254.170.2"
#define TIMEOUT_MS 2000
#define TRIES 3

/* Without TLS, only what never leaves this machine. */
static int
check_url(const char *text, struct dl_err *err)
{
	static const char *const near[] = {
	    "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"};
	struct dl_auth_url url = {.host = NULL};
	struct dl_err why = {0};
	bool fine = dl_auth_url_parse(text, &url, &why) == 0;
	size_t n;

	if (fine)
		fine = url.https || url.loopback;
	for (size_t i = 0; url.host != NULL && i < 3; i++) {
		n = strlen(near[i]);
		fine = fine || (strncmp(url.host, near[i], n) == 0 &&
				   (url.host[n] == '\0' || url.host[n] == ':'));
	}
	dl_auth_url_release(&url);
	return fine ? 0
	            : dl_err_conf(err,
			  "$" FULL ": expected a URL of https, or of http at "
			  "this machine, 169.254.170.2 or 169.254.170.23");
}

/* The header that proves who asks, sealed; NULL with err clear: none. */
static char *
authorization(struct dl_err *err)
{
	const char *path = dl_s3_env(TOKEN_FILE), *token = dl_s3_env(TOKEN);
	char *text = NULL, *line = NULL;
	struct dl_span value;
	size_t len;
	int r = 0;

	if (path != NULL)
		r = dl_s3_file_read(path, DL_S3_ANSWER_MAX, &text, &len, err);
	if (path != NULL && r == 0)
		dl_err_conf(
		    err, "$" TOKEN_FILE ": there is no file '%s'", path);
	if (path != NULL && r <= 0)
		return NULL;
	value = dl_span_str(text != NULL ? text : token);
	while (value.len > 0 && strchr("\r\n", value.p[value.len - 1]) != NULL)
		value.len--;
	if (value.len > 0 && !dl_auth_plain(value))
		dl_err_conf(err,
		    "$%s: has a line break or another control character in it",
		    path != NULL ? TOKEN_FILE : TOKEN);
	else if (value.len > 0)
		line =
		    dl_auth_join((struct dl_span[]){DL_SPAN("Authorization: "),
				     value, {NULL, 0}},
			err);
	dl_seal_free(text);
	return line;
}

static int
ask(struct dl_s3_cred *c, const char *url, struct dl_s3_found *f,
    struct dl_err *err)
{
	char *line = authorization(err);
	const char *const headers[] = {line, NULL};
	const struct dl_s3_ask a = {.what = "the container's credentials",
	    .url = url,
	    .headers = headers,
	    .ca = c->setting[DL_S3_CA],
	    .direct = true,
	    .timeout_ms = TIMEOUT_MS,
	    .tries = TRIES,
	    .stop = c->stop};
	struct dl_s3_answer answer = {.status = 0};
	int r = -1;

	if (err->status == DL_EXIT_OK) {
		r = dl_s3_ask(&a, &answer, err);
		if (r == 0)
			r = dl_s3_ask_refused(&a, answer.status, err);
		else if (r > 0 &&
			 dl_s3_found_json(f, dl_span(answer.bytes, answer.len),
			     false, err) < 0) {
			dl_err_prefix(err, "%s", a.what);
			r = -1;
		}
	}
	dl_s3_answer_release(&answer);
	dl_seal_free(line);
	return r;
}

int
dl_s3_container(struct dl_s3_cred *c, struct dl_s3_found *f, struct dl_err *err)
{
	const char *relative = dl_s3_env(RELATIVE), *full = dl_s3_env(FULL);
	struct dl_buf url = {0};
	int r = -1;

	if (relative == NULL && full == NULL) {
		dl_buf_adds(&c->looked, "no container's ($" FULL "); ");
		return 0;
	}
	snprintf(f->from, sizeof(f->from), "the container");
	if (relative != NULL)
		dl_buf_printf(
		    &url, HOST "%s%s", *relative == '/' ? "" : "/", relative);
	else
		dl_buf_adds(&url, full);
	if (relative != NULL || check_url(full, err) == 0)
		r = ask(c, dl_buf_str(&url), f, err);
	dl_buf_release(&url);
	return r;
}
