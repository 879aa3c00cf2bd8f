/* The environment that lib/s3's tests are in. */
#ifndef TESTS_S3_ENV_H
#define TESTS_S3_ENV_H

#include <stdlib.h>

/* What is in the environment of who runs the tests is not for them. */
static void
plain_environment(void)
{
	static const char *const names[] = {"AWS_PROFILE", "AWS_REGION",
	    "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3",
	    "AWS_CA_BUNDLE", "AWS_SESSION_TOKEN", "AWS_CONFIG_FILE",
	    "AWS_SHARED_CREDENTIALS_FILE", "http_proxy", "all_proxy"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		unsetenv(names[i]);
	setenv("HOME", "/nonexistent", 1);
	setenv("AWS_ACCESS_KEY_ID", "KEY", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "SECRET", 1);
}

#endif
