/*
 * AWS Signature Version 4, in the headers of a request: how S3, the other
 * services of AWS and the stores that speak like S3 know who asks.
 *
 * It does no I/O and asks no clock.  A signer is for one set of credentials and
 * many requests; the key that it signs with is derived once a day.  Secrets are
 * in memory of dl_seal_alloc(); dl_seal_start() comes first.
 *
 * What is signed: the method, the path, the query, the payload's hash, Host and
 * all headers of the caller's but those that are changed on the way
 * (Connection, User-Agent, Accept-Encoding and the like).
 * Path and query are given as they are sent.  Services whose name begins with
 * "s3" have the path encoded once and take it as it stands; all others have it
 * encoded once more, without "." and ".." and empty segments.  A plus sign in
 * the query stands for a space, as servers read it: a real one is "%2B".
 */
#ifndef DL_SIGV4_H
#define DL_SIGV4_H

#include "err.h"
#include "span.h"

#include <stdint.h>

#define DL_SIGV4_HEADERS 4       /* that are added, at most */
#define DL_SIGV4_HEADERS_MAX 128 /* of the caller's */
#define DL_SIGV4_HASH 65         /* a hash in hex, with its NUL */

/* For a payload that is not hashed; S3 takes it over TLS. */
#define DL_SIGV4_UNSIGNED "UNSIGNED-PAYLOAD"

struct dl_sigv4_credentials {
	const char *region, *service;
	const char *access_key, *secret_key;
	const char *session_token; /* NULL: none */
};

struct dl_sigv4_request {
	const char *method;
	struct dl_span host;  /* with its port, unless it is the scheme's */
	struct dl_span path;  /* empty: "/" */
	struct dl_span query; /* without '?'; may be absent */
	/*
	 * "Name: value", NULL-ended, or NULL; "Name;" has no value and "Name:"
	 * is not sent, as libcurl has it.  A Host here takes host's place.
	 */
	const char *const *headers;
	const char *payload; /* its hash, or DL_SIGV4_UNSIGNED and the like */
	int64_t sec;         /* now, since 1970 */
};

struct dl_sigv4;

/* All is copied.  NULL: there is no memory for secrets. */
struct dl_sigv4 *dl_sigv4_new(
    const struct dl_sigv4_credentials *credentials, struct dl_err *err);
void dl_sigv4_free(struct dl_sigv4 *s); /* NULL does nothing */

/*
 * The headers to add to the request, NULL-ended, at most DL_SIGV4_HEADERS:
 * Authorization, x-amz-date, for S3 x-amz-content-sha256 (unless it is the
 * caller's already), and the token's.  They live until the next call.  NULL:
 * the request has one of these itself, or more headers than can be signed
 * (DL_EXIT_CONF).
 */
const char *const *dl_sigv4_sign(struct dl_sigv4 *s,
    const struct dl_sigv4_request *request, struct dl_err *err);

/* SHA-256 in hex. */
void dl_sigv4_hash(struct dl_span payload, char out[DL_SIGV4_HASH]);

#endif
