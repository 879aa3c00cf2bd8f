#include "serve_keys.h"

#include "issue.h"
#include "log.h"

#include <stdlib.h>

static const char *const own_audience[] = {"dl", NULL};

static struct dl_grant *
everybody(void)
{
	struct dl_grant *g = dl_calloc(1, sizeof(*g));

	g->rights = dl_rights_all();
	g->subject = dl_strdup("everybody");
	g->expires_s = INT64_MAX;
	g->refs = 1;
	return g;
}

static struct dl_policy *
read_policy(const struct dl_serve_conf *c, struct dl_err *err)
{
	return c->policy == NULL ? dl_policy_default()
	                         : dl_policy_load(c->policy, err);
}

/* The keys of our own tokens; they are no secret. */
static struct dl_jwks *
own_keys(struct dl_serve *s, struct dl_err *err)
{
	struct dl_buf set = {0};
	struct dl_jwks *keys;

	dl_issue_jwks(s->issue, &set);
	keys = dl_jwks_from_text(dl_buf_as_span(&set), err);
	dl_buf_release(&set);
	return keys;
}

static int
open_keys(struct dl_serve *s, const struct dl_bearer_options *options,
    struct dl_err *err)
{
	const struct dl_serve_conf *c = &s->conf;

	if (!c->issue) {
		s->jwks = dl_jwks_open(c->jwks, c->jwks_ca, 0, err);
		return s->jwks == NULL ? -1 : 0;
	}
	s->issue =
	    dl_issue_open(s->home, options->issuer, options->audiences[0], err);
	if (s->issue == NULL || (s->jwks = own_keys(s, err)) == NULL)
		return -1;
	return 0;
}

int
dl_serve_keys_open(struct dl_serve *s, struct dl_err *err)
{
	const struct dl_serve_conf *c = &s->conf;
	struct dl_bearer_options options = {
	    .issuer = c->issuer != NULL ? c->issuer : "dl",
	    .audiences = c->audiences != NULL
	                     ? (const char *const *)c->audiences
	                     : own_audience,
	    .leeway_ms = c->leeway_ms,
	};

	if (c->open) {
		s->everybody = everybody();
		return 0;
	}
	if ((s->policy = read_policy(c, err)) == NULL ||
	    open_keys(s, &options, err) < 0)
		return -1;
	s->bearer = dl_bearer_new(&options, s->jwks, s->policy, err);
	return s->bearer == NULL ? -1 : 0;
}

void
dl_serve_keys_close(struct dl_serve *s)
{
	dl_grant_unref(s->everybody);
	dl_bearer_free(s->bearer);
	dl_jwks_close(s->jwks);
	dl_issue_close(s->issue);
	dl_policy_free(s->policy);
}

static void
reload_policy(struct dl_serve *s)
{
	struct dl_err err = {0};
	struct dl_policy *policy, *old = s->policy;

	if (s->conf.policy == NULL)
		return;
	if ((policy = read_policy(&s->conf, &err)) == NULL) {
		dl_log(DL_LOG_ERROR, "the old policy stays: %s", err.msg);
		return;
	}
	dl_bearer_set_policy(s->bearer, policy);
	s->policy = policy;
	dl_policy_free(old);
	dl_log(DL_LOG_INFO, "policy read again: '%s'", s->conf.policy);
	if (dl_policy_writes(policy) && s->twin != NULL && s->writer == NULL)
		dl_log(DL_LOG_WARN,
		    "the policy now lets somebody write, but the twin was "
		    "opened for reading: start the server again");
}

static int
verify_by(void *arg, struct dl_span jwks, struct dl_err *err)
{
	struct dl_serve *s = arg;

	return dl_jwks_set_text(s->jwks, jwks, err);
}

static void
reload_keys(struct dl_serve *s)
{
	struct dl_err err = {0};
	int r = s->issue != NULL ? dl_issue_reload(s->issue, verify_by, s, &err)
	                         : dl_jwks_reload(s->jwks, &err);

	if (r < 0)
		dl_log(DL_LOG_ERROR, "the old keys stay: %s", err.msg);
	else if (s->issue != NULL || strstr(s->conf.jwks, "://") == NULL)
		dl_log(DL_LOG_INFO, "keys read again: '%s'",
		    s->issue != NULL ? s->home : s->conf.jwks);
	else
		dl_log(DL_LOG_INFO, "keys are fetched again: '%s'",
		    dl_jwks_shown(s->jwks));
}

void
dl_serve_keys_reload(struct dl_serve *s)
{
	reload_policy(s);
	reload_keys(s);
}
