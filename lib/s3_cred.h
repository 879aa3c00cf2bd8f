/*
 * Credentials for S3, from where AWS's own tools look for them, in their order:
 *
 *	1. a secret reference (secret_ref.h) that the caller gives
 *	2. AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN (not where
 *	   a profile was asked for by option)
 *	3. web identity: AWS_WEB_IDENTITY_TOKEN_FILE with AWS_ROLE_ARN (STS)
 *	4. the profile in the shared credentials file and the config file: a role
 *	   (by web_identity_token_file, source_profile or credential_source),
 *	   static keys, credential_process
 *	5. a container's (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, _FULL_URI)
 *	6. the instance's metadata service (IMDSv2 alone), unless
 *	   AWS_EC2_METADATA_DISABLED
 *
 * Files: AWS_SHARED_CREDENTIALS_FILE (~/.aws/credentials), AWS_CONFIG_FILE
 * (~/.aws/config), see s3_profile.h.  The first place that has keys, or is
 * configured and fails, decides.
 *
 * Keys are in memory of dl_seal_alloc(), and in no message.  secret:NAME is in
 * the group "s3".  By reference, keys may also be what a credential_process
 * prints, with an expiry.
 */
#ifndef DL_S3_CRED_H
#define DL_S3_CRED_H

#include "err.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct dl_s3_keys {
	const char *access_key, *secret_key;
	const char *session_token; /* NULL: none */
	int64_t expires;           /* since 1970; INT64_MAX: they don't */
};

struct dl_s3_cred_options {
	const char *reference; /* or NULL */
	const char *profile;   /* or NULL */
	const char *home;      /* for secret: references */
	const char *region;    /* for STS; NULL: as below */
	const char *ca;
	const volatile sig_atomic_t *stop;
};

struct dl_s3_cred;

/* Reads environment and files; sends nothing yet.  Options are borrowed. */
struct dl_s3_cred *dl_s3_cred_new(
    const struct dl_s3_cred_options *options, struct dl_err *err);
void dl_s3_cred_free(struct dl_s3_cred *c);

/*
 * The keys of now, found anew where they expire within 5 minutes; valid until
 * the next get or renew.  Where they can't be found anew, those that have not
 * expired yet go on, with a warning; keys that are found expired are given all
 * the same: who decides is the service.  Not thread-safe, and it takes some
 * seconds where a service is asked, a minute where a command hangs: the caller
 * lets nobody wait who has keys.  *generation is a number that changes when
 * they do.
 *
 * DL_EXIT_CONF: there are none anywhere (the message says where was looked), or
 * what configures them is wrong; DL_EXIT_DENIED: refused; DL_EXIT_TEMP.
 */
int dl_s3_cred_get(struct dl_s3_cred *c, struct dl_s3_keys *keys,
    uint64_t *generation, struct dl_err *err);

/*
 * The service refused keys of this generation as expired or unknown: find them
 * anew.  Are they others now?  Keys of the environment never are.  True, too,
 * where that could not be found out for now: the next get tries again.  Somebody
 * whose new keys are refused time and again is told that they are new each time:
 * the caller asks once a request.
 */
bool dl_s3_cred_renew(struct dl_s3_cred *c, uint64_t generation);

/*
 * What the environment and the profile configure; NULL where they don't.
 * "region", "endpoint_url" (AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, the
 * profile's services, the profile), "ca_bundle" (the option's ca comes first),
 * "addressing_style" (of the profile's s3).  Lives as long as c.
 */
const char *dl_s3_cred_setting(struct dl_s3_cred *c, const char *name);

#endif
