/*
 * What the files of s3_cred.h share.
 *
 *	s3_cred.c        when keys are found anew
 *	s3_cred_chain.c  where they are looked for, in which order
 *	s3_cred_role.c   what a profile says: its keys, or a role
 *	s3_settings.c    what else environment and profile configure
 *	s3_found.c       keys that were found, and the JSON that has them
 *	s3_ask.c         a small document of a service
 *	s3_container.c   ... of a container's service
 *	s3_imds.c        ... of the instance's metadata service
 *	s3_sts.c         ... of STS, for a role
 *	s3_sts_xml.c     what STS answers
 *	s3_profile.h     AWS's files
 *	s3_file.h        files with secrets in them
 *
 * dl_s3_cred_new() has called dl_seal_start().
 *
 * Each place where keys may be is a function that returns 1 with found set, 0
 * where there are none (and says so in c->looked), or -1: DL_EXIT_CONF, what
 * configures it is wrong; DL_EXIT_DENIED, it refuses; DL_EXIT_TEMP, it may give
 * some later.
 */
#ifndef DL_S3_CRED_PRIVATE_H
#define DL_S3_CRED_PRIVATE_H

#include "buf.h"
#include "fetch.h"
#include "s3_cred.h"
#include "s3_profile.h"
#include "secret_ref.h"

#include <stdbool.h>

#define DL_S3_ANSWER_MAX (64 << 10) /* bytes of a document with keys */
#define DL_S3_NEVER INT64_MAX

/* Keys, in memory for secrets; zero-initialised. */
struct dl_s3_found {
	char *access_key, *secret_key;
	char *session_token; /* or NULL */
	int64_t expires;     /* seconds since 1970, or DL_S3_NEVER */
	char from[512];      /* where they are from, for messages */
};

enum dl_s3_where { DL_S3_REGION, DL_S3_ENDPOINT, DL_S3_CA, DL_S3_ADDRESSING };

struct dl_s3_cred {
	struct dl_s3_cred_options o;
	const volatile sig_atomic_t *stop; /* not NULL */
	struct dl_secret_refs *refs;
	struct dl_s3_profiles *profiles;
	const char *profile;
	char *setting[4];     /* by enum dl_s3_where; NULL: not configured */
	char *sts;            /* STS's URL, where one is configured, or NULL */
	bool chosen;          /* the profile was, by whom makes us look there */
	struct dl_buf looked; /* where keys were looked for in vain */

	struct dl_s3_found found;
	bool have;
	bool refused;        /* the service does not take them any more */
	int64_t again_ms;    /* of dl_clock_ms(): not found anew before */
	uint64_t generation; /* of found */
};

/* s3_found.c */

/*
 * Take keys; token may be absent.  DL_EXIT_CONF: they have characters that a
 * header can't have, or none at all.
 */
int dl_s3_found_set(struct dl_s3_found *f, struct dl_span access,
    struct dl_span secret, struct dl_span token, struct dl_err *err);

/* Take a document of AWS's: a command's with its Version, or a service's. */
int dl_s3_found_json(struct dl_s3_found *f, struct dl_span document,
    bool command, struct dl_err *err);

/* "Expiration", RFC 3339. */
int dl_s3_found_expires(
    struct dl_s3_found *f, struct dl_span text, struct dl_err *err);

bool dl_s3_found_same(const struct dl_s3_found *a, const struct dl_s3_found *b);
void dl_s3_found_release(struct dl_s3_found *f);

/* s3_ask.c */

struct dl_s3_ask {
	const char *what; /* is asked, for messages */
	const char *url;
	const char *method; /* NULL: GET, or POST where there is a body */
	const char *const *headers; /* NULL-ended, or NULL */
	struct dl_span body;
	const char *ca;
	bool direct; /* no proxy stands between */
	int64_t timeout_ms;
	int tries;
	struct dl_fetch_auth auth;
	const volatile sig_atomic_t *stop;
};

struct dl_s3_answer {
	int status;  /* of HTTP; 0: none came */
	char *bytes; /* in memory for secrets, NUL-terminated, or NULL */
	size_t len;
	struct dl_buf refusal; /* what came where status is not 2xx */
};

/*
 * 1: an answer of 2xx.  0: one of another status.  -1: none.  Release answer in
 * any case; it is zeroed first.
 */
int dl_s3_ask(const struct dl_s3_ask *ask, struct dl_s3_answer *answer,
    struct dl_err *err);
void dl_s3_answer_release(struct dl_s3_answer *answer);

/* What a status that is not 2xx says; always -1. */
int dl_s3_ask_refused(
    const struct dl_s3_ask *ask, int status, struct dl_err *err);

/* s3_settings.c: fill c->setting and c->sts. */
void dl_s3_settings(struct dl_s3_cred *c);

/* A variable of the environment that is not empty, or NULL. */
const char *dl_s3_env(const char *name);
bool dl_s3_env_true(const char *name);

/* s3_cred_chain.c: keys by the order of s3_cred.h: 1, 0 none anywhere, -1. */
int dl_s3_chain(
    struct dl_s3_cred *c, struct dl_s3_found *f, struct dl_err *err);
int dl_s3_chain_environment(
    struct dl_s3_cred *c, struct dl_s3_found *f, struct dl_err *err);

/* s3_cred_role.c: by c->profile. */
int dl_s3_role_profile(
    struct dl_s3_cred *c, struct dl_s3_found *f, struct dl_err *err);

/* s3_container.c, s3_imds.c */
int dl_s3_container(
    struct dl_s3_cred *c, struct dl_s3_found *f, struct dl_err *err);
int dl_s3_imds(struct dl_s3_cred *c, struct dl_s3_found *f, struct dl_err *err);

/* s3_sts.c */

struct dl_s3_role {
	const char *arn;
	const char *session;     /* its name, or NULL */
	const char *external_id; /* or NULL */
	const char *duration;    /* seconds, or NULL */
	const char *token_file;  /* of a web identity, or NULL */
};

/* Become the role, by its token's file or by keys of somebody else's. */
int dl_s3_sts(struct dl_s3_cred *c, const struct dl_s3_role *role,
    const struct dl_s3_found *by, struct dl_s3_found *f, struct dl_err *err);

/* s3_sts_xml.c */

/* The keys in an answer. */
int dl_s3_sts_keys(
    struct dl_s3_found *f, struct dl_span answer, struct dl_err *err);

/* Code and message of a failure; "" where it has none. */
void dl_s3_sts_failure(struct dl_span answer, char code[64], char message[256]);

#endif
