/* What environment and profile configure besides keys. */
#include "s3_cred_private.h"

#include <stdlib.h>
#include <strings.h>

const char *
dl_s3_env(const char *name)
{
	const char *value = getenv(name);

	return value == NULL || *value == '\0' ? NULL : value;
}

bool
dl_s3_env_true(const char *name)
{
	const char *value = dl_s3_env(name);

	return value != NULL && strcasecmp(value, "true") == 0;
}

static const char *
profile_has(const struct dl_s3_cred *c, const char *key)
{
	struct dl_s3_setting s;

	return dl_s3_profile_get(c->profiles, c->profile, key, &s) ? s.value
	                                                           : NULL;
}

/* By AWS's order: what is of the service alone comes first. */
static const char *
endpoint(const struct dl_s3_cred *c, const char *variable, const char *key)
{
	const char *services = profile_has(c, "services"), *value;
	const char *ignore = profile_has(c, "ignore_configured_endpoint_urls");
	struct dl_s3_setting s;

	if (dl_s3_env_true("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") ||
	    (ignore != NULL && strcasecmp(ignore, "true") == 0))
		return NULL;
	if ((value = dl_s3_env(variable)) != NULL ||
	    (value = dl_s3_env("AWS_ENDPOINT_URL")) != NULL)
		return value;
	if (services != NULL &&
	    dl_s3_profile_service(c->profiles, services, key, &s))
		return s.value;
	return profile_has(c, "endpoint_url");
}

static char *
copy(const char *first, const char *second, const char *third)
{
	const char *value = first != NULL    ? first
	                    : second != NULL ? second
	                                     : third;

	return value == NULL ? NULL : dl_strdup(value);
}

void
dl_s3_settings(struct dl_s3_cred *c)
{
	c->setting[DL_S3_REGION] = copy(dl_s3_env("AWS_REGION"),
	    dl_s3_env("AWS_DEFAULT_REGION"), profile_has(c, "region"));
	c->setting[DL_S3_ENDPOINT] = copy(
	    endpoint(c, "AWS_ENDPOINT_URL_S3", "s3.endpoint_url"), NULL, NULL);
	c->setting[DL_S3_CA] = copy(
	    c->o.ca, dl_s3_env("AWS_CA_BUNDLE"), profile_has(c, "ca_bundle"));
	c->setting[DL_S3_ADDRESSING] =
	    copy(profile_has(c, "s3.addressing_style"), NULL, NULL);
	c->sts = copy(endpoint(c, "AWS_ENDPOINT_URL_STS", "sts.endpoint_url"),
	    NULL, NULL);
}

const char *
dl_s3_cred_setting(struct dl_s3_cred *c, const char *name)
{
	static const char *const names[] = {[DL_S3_REGION] = "region",
	    [DL_S3_ENDPOINT] = "endpoint_url",
	    [DL_S3_CA] = "ca_bundle",
	    [DL_S3_ADDRESSING] = "addressing_style"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(names[i], name) == 0)
			return c->setting[i];
	return NULL;
}
