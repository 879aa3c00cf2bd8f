/*
 * Bearer tokens: JWTs of RFC 7519 and RFC 9068 in JWS compact form, checked
 * after RFC 8725 (jwt.h), against a key set (jwks.h).  What was verified is
 * remembered by the token's SHA-256 until it expires, or until keys or policy
 * change; at most DL_BEARER_CACHE tokens, the oldest goes.  No token is kept.
 *
 * Thread-safe.
 */
#ifndef DL_BEARER_H
#define DL_BEARER_H

#include "jwks.h"
#include "jwt.h"
#include "policy.h"

#include <stdint.h>

#define DL_BEARER_MAX DL_JWT_MAX /* bytes of a token */
#define DL_BEARER_CACHE 16384

struct dl_bearer_options {
	const char *issuer;           /* iss must be this; required */
	const char *const *audiences; /* aud must have one of these; required,
	                               * NULL-ended */
	int64_t leeway_ms; /* of exp, nbf, iat; 0: none, at most an hour */
	const char *const *algorithms; /* NULL-ended; NULL: RS256 RS384 RS512
	                                * PS256 PS384 PS512 ES256 ES384 ES512
	                                * EdDSA */
};

/* Who asks, and what it may.  Counted, thread-safe. */
struct dl_grant {
	struct dl_rights *rights;
	char *subject;       /* for logs and rate limits: sub or client id */
	int64_t expires_s;   /* Unix time, leeway included; INT64_MAX: never */
	uint64_t generation; /* of dl_bearer_generation() when it was made */
	/* the module's own */
	int refs;
};
struct dl_grant *dl_grant_ref(struct dl_grant *g);
void dl_grant_unref(struct dl_grant *g); /* NULL does nothing */

/* One that never expires; rights are taken over, subject is copied. */
struct dl_grant *dl_grant_new(struct dl_rights *rights, const char *subject);

enum dl_bearer_result {
	DL_BEARER_OK,
	DL_BEARER_REFUSED, /* err says why: for the log, and shortened to the
	                    * client.  DL_EXIT_TEMP: there are no keys yet */
	DL_BEARER_WAIT     /* the key is unknown and the key set is being
	                    * fetched: ask again when woken */
};

struct dl_bearer;

/*
 * options are copied; keys and policy are borrowed (policy until replaced).
 * DL_EXIT_CONF: an option is missing, or no algorithm of a public key.
 */
struct dl_bearer *dl_bearer_new(const struct dl_bearer_options *options,
    struct dl_jwks *keys, const struct dl_policy *policy, struct dl_err *err);
void dl_bearer_free(struct dl_bearer *b); /* NULL does nothing */

/*
 * Check a token.  *grant is the caller's to unref.  With DL_BEARER_WAIT wake(arg)
 * is called once, from another thread, when the fetch has ended (10 s at most);
 * waited is to be true when asking again, which then never gives WAIT.
 */
enum dl_bearer_result dl_bearer_check(struct dl_bearer *b, struct dl_span token,
    bool waited, void (*wake)(void *), void *arg, struct dl_grant **grant,
    struct dl_err *err);

/*
 * Another policy: what was granted before is granted no more.  The one before is
 * no longer used when this returns.
 */
void dl_bearer_set_policy(struct dl_bearer *b, const struct dl_policy *policy);

/* Rises whenever grants made before are void: keys or policy replaced. */
uint64_t dl_bearer_generation(const struct dl_bearer *b);

/* Hits of the cache, verifications, refusals: for /metrics. */
struct dl_bearer_counts {
	uint64_t hits, verified, refused;
};
void dl_bearer_counts(struct dl_bearer *b, struct dl_bearer_counts *c);

#endif
