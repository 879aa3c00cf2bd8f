/* What a profile says: its keys, or a role and by whose keys it is taken. */
#include "s3_cred_private.h"

#include "secret_command.h"
#include "seal.h"

#include <stdio.h>

#define PROFILES_MAX 5 /* by source_profile, one after the other */
#define COMMAND_MS (60 * 1000)

/* A profile that is looked at, and whose source it is. */
struct look {
	struct dl_s3_cred *c;
	const char *name;
	int depth;
};

static bool
get(const struct look *l, const char *key, struct dl_s3_setting *s)
{
	return dl_s3_profile_get(l->c->profiles, l->name, key, s);
}

static const char *
value(const struct look *l, const char *key)
{
	struct dl_s3_setting s;

	return get(l, key, &s) ? s.value : NULL;
}

static void
at(struct dl_err *err, const struct dl_s3_setting *s)
{
	dl_err_prefix(err, "%s:%u", s->path, s->line);
}

/* Both keys are of one file: those of two may be of two accounts. */
static int
by_keys_in(const struct look *l, enum dl_s3_profile_file file,
    struct dl_s3_found *f, struct dl_err *err)
{
	const struct dl_s3_profiles *p = l->c->profiles;
	struct dl_s3_setting key, secret, token = {.value = NULL};

	if (!dl_s3_profile_in(p, file, l->name, "aws_access_key_id", &key))
		return 0;
	if (!dl_s3_profile_in(
		p, file, l->name, "aws_secret_access_key", &secret))
		return dl_err_conf(err,
		    "%s:%u: profile '%s' has no 'aws_secret_access_key' beside "
		    "its 'aws_access_key_id'",
		    key.path, key.line, l->name);
	dl_s3_profile_in(p, file, l->name, "aws_session_token", &token);
	if (dl_s3_found_set(f, dl_span_str(key.value),
		dl_span_str(secret.value), dl_span_str(token.value), err) < 0) {
		at(err, &key);
		return -1;
	}
	snprintf(f->from, sizeof(f->from), "%s:%u", key.path, key.line);
	return 1;
}

static int
by_keys(const struct look *l, struct dl_s3_found *f, struct dl_err *err)
{
	int r = by_keys_in(l, DL_S3_CREDENTIALS, f, err);

	return r != 0 ? r : by_keys_in(l, DL_S3_CONFIG, f, err);
}

static int
by_command(const struct look *l, struct dl_s3_found *f, struct dl_err *err)
{
	struct dl_s3_setting s;
	size_t len = 0;
	char *out;
	int r = -1;

	if (!get(l, "credential_process", &s))
		return 0;
	if ((out = dl_seal_alloc(DL_S3_ANSWER_MAX, err)) == NULL)
		return -1;
	if (dl_secret_command(s.value, COMMAND_MS, l->c->stop, out,
		DL_S3_ANSWER_MAX, &len, err) == 0 &&
	    dl_s3_found_json(f, dl_span(out, len), true, err) == 0)
		r = 1;
	dl_seal_free(out);
	if (r < 0)
		dl_err_prefix(
		    err, "%s:%u: 'credential_process'", s.path, s.line);
	snprintf(f->from, sizeof(f->from), "%s:%u", s.path, s.line);
	return r;
}

static int
refuse_sso(const struct look *l, struct dl_err *err)
{
	struct dl_s3_setting s;

	if (!get(l, "sso_session", &s) && !get(l, "sso_start_url", &s))
		return 0;
	return dl_err_conf(err,
	    "%s:%u: a login by SSO is not supported; in a profile of its own "
	    "'credential_process = aws configure export-credentials --profile "
	    "%s' gives its keys",
	    s.path, s.line, l->name);
}

static int by_profile(
    const struct look *l, struct dl_s3_found *f, struct dl_err *err);

/* The keys of another profile, by which a role is taken. */
static int
by_source(const struct look *l, const struct dl_s3_setting *s,
    struct dl_s3_found *f, struct dl_err *err)
{
	const struct look next = {
	    .c = l->c, .name = s->value, .depth = l->depth + 1};
	int r;

	if (next.depth == PROFILES_MAX) {
		dl_err_conf(err,
		    "'source_profile': more than %d profiles, one by the other",
		    PROFILES_MAX);
		r = -1;
	} else if (strcmp(s->value, l->name) == 0)
		r = by_keys(l, f, err);
	else if (!dl_s3_profile_has(l->c->profiles, s->value))
		r = dl_err_conf(err,
		    "'source_profile': there is no profile '%s'", s->value);
	else
		return by_profile(&next, f, err);
	if (r < 0)
		at(err, s);
	return r;
}

/* The keys of what this machine is, by which a role is taken. */
static int
by_place(const struct look *l, const struct dl_s3_setting *s,
    struct dl_s3_found *f, struct dl_err *err)
{
	if (strcmp(s->value, "Environment") == 0)
		return dl_s3_chain_environment(l->c, f, err);
	if (strcmp(s->value, "EcsContainer") == 0)
		return dl_s3_container(l->c, f, err);
	if (strcmp(s->value, "Ec2InstanceMetadata") == 0)
		return dl_s3_imds(l->c, f, err);
	dl_err_conf(err, "'credential_source' is Environment, EcsContainer or "
			 "Ec2InstanceMetadata");
	at(err, s);
	return -1;
}

static int
assume(const struct look *l, const struct dl_s3_role *role,
    const struct dl_s3_setting *arn, struct dl_s3_found *f, struct dl_err *err)
{
	struct dl_s3_found by = {.access_key = NULL};
	struct dl_s3_setting s;
	int r;

	if (get(l, "mfa_serial", &s))
		return dl_err_conf(err,
		    "%s:%u: 'mfa_serial': a role that asks for a code is not "
		    "supported; 'credential_process' may give its keys",
		    s.path, s.line);
	if (get(l, "source_profile", &s))
		r = by_source(l, &s, &by, err);
	else if (get(l, "credential_source", &s))
		r = by_place(l, &s, &by, err);
	else
		return dl_err_conf(err,
		    "%s:%u: 'role_arn' needs 'source_profile', "
		    "'credential_source' or 'web_identity_token_file' beside "
		    "it",
		    arn->path, arn->line);
	if (r == 0)
		r = dl_err_conf(err, "%s:%u: there are no keys in '%s'", s.path,
		    s.line, s.value);
	else if (r > 0 && (r = dl_s3_sts(l->c, role, &by, f, err)) < 0)
		at(err, arn);
	dl_s3_found_release(&by);
	return r;
}

static int
by_role(const struct look *l, const struct dl_s3_setting *arn,
    struct dl_s3_found *f, struct dl_err *err)
{
	const struct dl_s3_role role = {.arn = arn->value,
	    .session = value(l, "role_session_name"),
	    .external_id = value(l, "external_id"),
	    .duration = value(l, "duration_seconds"),
	    .token_file = value(l, "web_identity_token_file")};
	int r;

	if (role.token_file == NULL)
		return assume(l, &role, arn, f, err);
	if ((r = dl_s3_sts(l->c, &role, NULL, f, err)) < 0)
		at(err, arn);
	return r;
}

static int
by_profile(const struct look *l, struct dl_s3_found *f, struct dl_err *err)
{
	struct dl_s3_setting arn;
	int r = 0;

	/* A source's own keys come before its role. */
	if (l->depth > 0)
		r = by_keys(l, f, err);
	if (r == 0 && get(l, "role_arn", &arn))
		return by_role(l, &arn, f, err);
	if (r == 0 && l->depth == 0)
		r = by_keys(l, f, err);
	if (r == 0)
		r = by_command(l, f, err);
	return r == 0 ? refuse_sso(l, err) : r;
}

int
dl_s3_role_profile(
    struct dl_s3_cred *c, struct dl_s3_found *f, struct dl_err *err)
{
	const struct look l = {.c = c, .name = c->profile};
	int r = by_profile(&l, f, err);

	if (r == 0)
		dl_buf_printf(&c->looked,
		    "no keys in profile '%s' of '%s' and '%s'; ", c->profile,
		    dl_s3_profiles_path(c->profiles, DL_S3_CREDENTIALS),
		    dl_s3_profiles_path(c->profiles, DL_S3_CONFIG));
	return r;
}
