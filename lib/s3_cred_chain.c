/* Where keys are looked for, in the order of s3_cred.h. */
#include "s3_cred_private.h"

#include <stdio.h>

#define KEY_ID "AWS_ACCESS_KEY_ID"
#define SECRET "AWS_SECRET_ACCESS_KEY"
#define IDENTITY "AWS_WEB_IDENTITY_TOKEN_FILE"
#define ROLE "AWS_ROLE_ARN"

/* KEY:SECRET, KEY:SECRET:TOKEN, or what a credential_process prints. */
static int
take_reference(struct dl_s3_found *f, struct dl_span value, struct dl_err *err)
{
	const char *end = dl_span_end(value), *colon, *second;
	struct dl_span secret, token = {NULL, 0};

	if (value.len > 0 && *value.p == '{')
		return dl_s3_found_json(f, value, true, err);
	if ((colon = memchr(value.p, ':', value.len)) == NULL)
		return dl_err_conf(
		    err, "is not KEY:SECRET, nor KEY:SECRET:TOKEN");
	secret = dl_span(colon + 1, (size_t)(end - colon - 1));
	second = memchr(secret.p, ':', secret.len);
	if (second != NULL) {
		secret.len = (size_t)(second - secret.p);
		token = dl_span(second + 1, (size_t)(end - second - 1));
	}
	return dl_s3_found_set(
	    f, dl_span(value.p, (size_t)(colon - value.p)), secret, token, err);
}

static int
by_reference(struct dl_s3_cred *c, struct dl_s3_found *f, struct dl_err *err)
{
	struct dl_span value;

	if (c->have)
		dl_secret_ref_forget(c->refs, c->o.reference);
	if (dl_secret_ref_get(c->refs, c->o.reference, &value, err) < 0)
		return -1;
	if (take_reference(f, value, err) < 0) {
		dl_err_prefix(err, "the credentials by reference");
		return -1;
	}
	snprintf(f->from, sizeof(f->from), "the reference");
	return 1;
}

int
dl_s3_chain_environment(
    struct dl_s3_cred *c, struct dl_s3_found *f, struct dl_err *err)
{
	const char *key = dl_s3_env(KEY_ID), *secret = dl_s3_env(SECRET);
	const char *token = dl_s3_env("AWS_SESSION_TOKEN");

	if (key == NULL && secret == NULL) {
		dl_buf_adds(&c->looked, "no $" KEY_ID "; ");
		return 0;
	}
	if (key == NULL || secret == NULL)
		return dl_err_conf(err, "$%s is set, but $%s is not",
		    key == NULL ? SECRET : KEY_ID,
		    key == NULL ? KEY_ID : SECRET);
	if (dl_s3_found_set(f, dl_span_str(key), dl_span_str(secret),
		dl_span_str(token), err) < 0) {
		dl_err_prefix(
		    err, "$" KEY_ID ", $" SECRET ", $AWS_SESSION_TOKEN");
		return -1;
	}
	snprintf(f->from, sizeof(f->from), "the environment");
	return 1;
}

static int
by_identity(struct dl_s3_cred *c, struct dl_s3_found *f, struct dl_err *err)
{
	const struct dl_s3_role role = {
	    .arn = dl_s3_env(ROLE), .token_file = dl_s3_env(IDENTITY)};

	if (role.token_file == NULL) {
		dl_buf_adds(&c->looked, "no $" IDENTITY "; ");
		return 0;
	}
	if (role.arn == NULL)
		return dl_err_conf(
		    err, "$" IDENTITY " is set, but $" ROLE " is not");
	return dl_s3_sts(c, &role, NULL, f, err);
}

/* What is in files may be another now. */
static int
read_again(struct dl_s3_cred *c, struct dl_err *err)
{
	struct dl_s3_profiles *p = dl_s3_profiles_read(err);

	if (p == NULL)
		return -1;
	dl_s3_profiles_free(c->profiles);
	c->profiles = p;
	return 0;
}

int
dl_s3_chain(struct dl_s3_cred *c, struct dl_s3_found *f, struct dl_err *err)
{
	bool environment = c->o.profile == NULL;
	int r;

	dl_buf_clear(&c->looked);
	if (c->o.reference != NULL)
		return by_reference(c, f, err);
	if (c->have && read_again(c, err) < 0)
		return -1;
	r = environment ? dl_s3_chain_environment(c, f, err) : 0;
	if (r == 0 && environment)
		r = by_identity(c, f, err);
	if (r == 0)
		r = dl_s3_role_profile(c, f, err);
	if (r == 0)
		r = dl_s3_container(c, f, err);
	return r == 0 ? dl_s3_imds(c, f, err) : r;
}
