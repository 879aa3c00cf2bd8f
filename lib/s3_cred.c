/* When keys are found anew. */
#include "s3_cred_private.h"

#include "clock.h"
#include "log.h"
#include "seal.h"

#include <stdlib.h>

#define GROUP "s3"            /* of secret:NAME */
#define EARLY_S (5 * 60)      /* before they expire */
#define AGAIN_MS (10 * 1000)  /* where new ones expire as soon */
#define FAILED_MS (30 * 1000) /* where there are none now */

static int
check_profile(const struct dl_s3_cred *c, struct dl_err *err)
{
	const char *config = dl_s3_profiles_path(c->profiles, DL_S3_CONFIG);
	unsigned line = dl_s3_profile_bare(c->profiles, c->profile);

	if (!c->chosen || dl_s3_profile_has(c->profiles, c->profile))
		return 0;
	if (line > 0)
		return dl_err_conf(err,
		    "%s:%u: expected [profile %s]: in this file [%s] is no "
		    "profile",
		    config, line, c->profile, c->profile);
	return dl_err_conf(err, "there is no profile '%s' in '%s' or '%s'",
	    c->profile, dl_s3_profiles_path(c->profiles, DL_S3_CREDENTIALS),
	    config);
}

static void
choose_profile(struct dl_s3_cred *c)
{
	c->profile =
	    c->o.profile != NULL ? c->o.profile : dl_s3_env("AWS_PROFILE");
	if (c->profile == NULL)
		c->profile = dl_s3_env("AWS_DEFAULT_PROFILE");
	c->chosen = c->profile != NULL;
	if (c->profile == NULL)
		c->profile = "default";
}

struct dl_s3_cred *
dl_s3_cred_new(const struct dl_s3_cred_options *options, struct dl_err *err)
{
	static const volatile sig_atomic_t never = 0;
	struct dl_s3_cred *c = dl_calloc(1, sizeof(*c));

	c->o = *options;
	c->stop = options->stop != NULL ? options->stop : &never;
	choose_profile(c);
	if (dl_seal_start(err) < 0)
		goto fail;
	if (c->o.reference != NULL &&
	    dl_secret_ref_check(c->o.reference, err) < 0) {
		dl_err_prefix(err, "the credentials' reference");
		goto fail;
	}
	c->refs = dl_secret_refs_new(c->o.home, GROUP, c->stop);
	if ((c->profiles = dl_s3_profiles_read(err)) == NULL ||
	    check_profile(c, err) < 0)
		goto fail;
	dl_s3_settings(c);
	return c;
fail:
	dl_s3_cred_free(c);
	return NULL;
}

void
dl_s3_cred_free(struct dl_s3_cred *c)
{
	if (c == NULL)
		return;
	dl_s3_found_release(&c->found);
	dl_secret_refs_free(c->refs);
	dl_s3_profiles_free(c->profiles);
	for (size_t i = 0; i < sizeof(c->setting) / sizeof(*c->setting); i++)
		free(c->setting[i]);
	free(c->sts);
	dl_buf_release(&c->looked);
	free(c);
}

/* None anywhere: where there were some before, there may be again. */
static int
none(struct dl_s3_cred *c, struct dl_err *err)
{
	struct dl_buf *b = &c->looked;

	if (b->len >= 2)
		b->len -= 2;
	if (c->have)
		return dl_err_temp(err,
		    "there are no credentials for S3 now: %s", dl_buf_str(b));
	return dl_err_conf(
	    err, "there are no credentials for S3: %s", dl_buf_str(b));
}

/* Seconds until they expire. */
static int64_t
left(const struct dl_s3_cred *c)
{
	struct dl_time now;

	if (c->found.expires == DL_S3_NEVER)
		return DL_S3_NEVER;
	dl_now(&now);
	return c->found.expires - now.sec;
}

/* Not again for so long, but when they expire. */
static void
pause_for(struct dl_s3_cred *c, int64_t ms)
{
	int64_t s = left(c);

	if (s > 0 && s < ms / 1000)
		ms = s * 1000;
	c->again_ms = dl_clock_ms() + ms;
}

/* Keys of now: 1 others than before, 0 the same ones, -1. */
static int
find(struct dl_s3_cred *c, struct dl_err *err)
{
	struct dl_s3_found f = {.access_key = NULL};
	int r = dl_s3_chain(c, &f, err);

	if (r <= 0) {
		dl_s3_found_release(&f);
		return r < 0 ? -1 : none(c, err);
	}
	r = !c->have || !dl_s3_found_same(&f, &c->found);
	dl_s3_found_release(&c->found);
	c->found = f;
	c->generation += (uint64_t)r;
	c->have = true;
	c->refused = false;
	c->again_ms = 0;
	if (left(c) <= EARLY_S)
		pause_for(c, AGAIN_MS);
	return r;
}

static bool
due(const struct dl_s3_cred *c)
{
	if (!c->have || c->refused)
		return true;
	return left(c) <= EARLY_S && dl_clock_ms() >= c->again_ms;
}

int
dl_s3_cred_get(struct dl_s3_cred *c, struct dl_s3_keys *keys,
    uint64_t *generation, struct dl_err *err)
{
	struct dl_err its = {0};

	if (due(c) && find(c, &its) < 0) {
		if (!c->have || c->refused || left(c) <= 0) {
			*err = its;
			return -1;
		}
		dl_log(DL_LOG_WARN,
		    "S3's credentials from %s expire in %lld s, and could not "
		    "be found anew: %s",
		    c->found.from, (long long)left(c), its.msg);
		pause_for(c, FAILED_MS);
	}
	*keys = (struct dl_s3_keys){.access_key = c->found.access_key,
	    .secret_key = c->found.secret_key,
	    .session_token = c->found.session_token,
	    .expires = c->found.expires};
	*generation = c->generation;
	return 0;
}

bool
dl_s3_cred_renew(struct dl_s3_cred *c, uint64_t generation)
{
	struct dl_err err = {0};
	int r;

	if (generation != c->generation || !c->have)
		return true;
	if ((r = find(c, &err)) < 0 && err.status == DL_EXIT_TEMP) {
		/* The next get says why, if it is still so. */
		c->refused = true;
		return true;
	}
	return r > 0;
}
