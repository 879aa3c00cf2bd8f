/*
 * JSON Web Tokens (RFC 7519) in JWS compact form (RFC 7515): taken apart and
 * their claims checked, after RFC 8725 and RFC 9068.  Signatures are not looked
 * at here: jwks.h does that.
 *
 * A token comes from anybody.  It is at most DL_JWT_MAX bytes, three parts of
 * base64url without padding, junk or stray bits; header and payload are JSON
 * objects as dl_json_check() has them, so that no name is there twice.  What its
 * header says of keys (jku, jwk, x5u, x5c) is never looked at.
 *
 * Failures are DL_EXIT_DENIED: "the token ...".
 */
#ifndef DL_JWT_H
#define DL_JWT_H

#include "buf.h"
#include "err.h"
#include "span.h"

#include <stdint.h>

#define DL_JWT_MAX 8192        /* bytes of a token */
#define DL_JWT_KID_MAX 256     /* bytes of a key's name */
#define DL_JWT_SUBJECT_MAX 255 /* bytes of sub, client_id and azp */

/* The algorithms of RFC 7518 and RFC 8037 whose verifying key is public. */
enum dl_jwt_alg {
	DL_JWT_RS256,
	DL_JWT_RS384,
	DL_JWT_RS512,
	DL_JWT_PS256,
	DL_JWT_PS384,
	DL_JWT_PS512,
	DL_JWT_ES256,
	DL_JWT_ES384,
	DL_JWT_ES512,
	DL_JWT_EDDSA,
	DL_JWT_ALGS /* how many there are */
};

/* The algorithm of that name, to the letter; false: none of them. */
bool dl_jwt_alg_of(struct dl_span name, enum dl_jwt_alg *alg);
const char *dl_jwt_alg_name(enum dl_jwt_alg alg);

/*
 * Append what part means: false if it is not base64url as RFC 7515 has it (no
 * padding, nothing between, last bits 0).
 */
bool dl_jwt_decode(struct dl_span part, struct dl_buf *b);

/* Zero-initialise it; it can be read into again, and is released at the end. */
struct dl_jwt {
	struct dl_span signed_part; /* of the token: header and payload */
	struct dl_span signature; /* of the token, in base64url, never empty */
	enum dl_jwt_alg alg;
	struct dl_span kid;     /* p NULL: it names no key */
	struct dl_span payload; /* a JSON object */
	/* The module's own: what kid and payload are in. */
	struct dl_buf header_bytes, payload_bytes, text;
};

/* Take it apart and check its header; token is borrowed. */
int dl_jwt_read(struct dl_jwt *t, struct dl_span token, struct dl_err *err);
void dl_jwt_release(struct dl_jwt *t);

struct dl_jwt_want {
	const char *issuer;           /* iss must be this */
	const char *const *audiences; /* aud must have one; NULL-ended */
	int64_t leeway_ms;            /* 0 to DL_JWT_LEEWAY_MAX_MS */
};
#define DL_JWT_LEEWAY_MAX_MS (3600 * 1000)

/*
 * Check the claims at now_ms (Unix time).  *expires_s is the first second at
 * which it is good no more, leeway included.  subject gets sub, or else
 * client_id, or azp; control characters and backslashes in it are shown as \xHH.
 */
int dl_jwt_check(const struct dl_jwt *t, const struct dl_jwt_want *want,
    int64_t now_ms, struct dl_buf *subject, int64_t *expires_s,
    struct dl_err *err);

#endif
