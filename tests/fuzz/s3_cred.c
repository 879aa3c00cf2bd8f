/*
 * What credentials for S3 are read from, by the first byte: a profile's files,
 * a document of JSON, an answer of STS.
 */
#include "s3_cred_private.h"
#include "seal.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const keys[] = {
    "aws_access_key_id", "s3.endpoint_url", "region", "role_arn"};

static void
read_profiles(void)
{
	struct dl_s3_setting s = {.line = 0};
	struct dl_err err = {0};
	struct dl_s3_profiles *p = dl_s3_profiles_read(&err);

	if (p == NULL) {
		if (err.status == DL_EXIT_OK)
			abort();
		return;
	}
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		if (dl_s3_profile_get(p, "default", keys[i], &s) &&
		    (*s.value == '\0' || s.line == 0))
			abort();
		dl_s3_profile_service(p, "s", keys[i], &s);
	}
	if (dl_s3_profile_has(p, "a") && dl_s3_profile_bare(p, "a") == 1)
		dl_s3_profile_in(p, DL_S3_CONFIG, "a", keys[0], &s);
	dl_s3_profiles_free(p);
}

static void
take_profiles(const uint8_t *data, size_t size)
{
	static int fd = -1;
	char path[64];

	if (fd < 0) {
		fd = memfd_create("fuzz", 0);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		setenv("AWS_SHARED_CREDENTIALS_FILE", path, 1);
		setenv("AWS_CONFIG_FILE", path, 1);
	}
	if (ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	read_profiles();
}

/* Keys that were taken can stand in a header. */
static void
check(const struct dl_s3_found *f)
{
	for (const char *p = f->access_key; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~')
			abort();
	if (*f->access_key == '\0' || *f->secret_key == '\0')
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dl_s3_found f = {.access_key = NULL};
	char code[64], message[256];
	struct dl_err err = {0};
	struct dl_span text;

	if (dl_seal_start(&err) < 0 || size == 0)
		return 0;
	text = dl_span((const char *)data + 1, size - 1);
	switch (data[0] % 3) {
	case 0:
		take_profiles(data + 1, size - 1);
		break;
	case 1:
		if (dl_s3_found_json(&f, text, data[0] % 2 == 0, &err) == 0)
			check(&f);
		break;
	default:
		if (dl_s3_sts_keys(&f, text, &err) > 0)
			check(&f);
		dl_s3_sts_failure(text, code, message);
	}
	dl_s3_found_release(&f);
	return 0;
}
