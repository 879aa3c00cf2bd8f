/*
 * Making access tokens: JWTs of RFC 9068, signed by Ed25519 (RFC 8037), in JWS
 * compact form.
 */
#ifndef DL_TOKEN_H
#define DL_TOKEN_H

#include "token_keys.h"

#include <stdint.h>

#define DL_TOKEN_MAX 8192        /* bytes of a token: servers take no more */
#define DL_TOKEN_SUBJECT_MAX 255 /* ... than this either */
#define DL_TOKEN_TTL_S (60 * 60) /* unless it is said */
#define DL_TOKEN_TTL_MAX_S (365 * 86400)
#define DL_TOKEN_ISSUER "dl"    /* unless it is said */
#define DL_TOKEN_SCOPE_MAX 1024 /* bytes of a scope */

/* What a token says.  All is borrowed. */
struct dl_token_claims {
	const char *issuer, *subject, *audience; /* required */
	struct dl_span scope;                    /* empty: without */
	int64_t ttl_s;                           /* 1 to DL_TOKEN_TTL_MAX_S */
	/* Members of JSON that follow the others, each with a comma before it. */
	struct dl_span more;
};

/*
 * Append a token that is issued now, without a newline.  DL_EXIT_USAGE: a text
 * is no UTF-8, the scope is none, it would live too long or be too long.
 */
int dl_token_mint(const struct dl_token_keys *keys,
    const struct dl_token_claims *claims, struct dl_buf *b, struct dl_err *err);

/* Append the JWS of any header and payload: BASE64URL "." ... of RFC 7515. */
void dl_token_sign(const struct dl_token_key *key, struct dl_span header,
    struct dl_span payload, struct dl_buf *b);

/*
 * Append ,"name":value as dl_token_claims.more has it.  DL_EXIT_USAGE: the name
 * is one that mint sets itself, or is there already; the value is not valid.
 */
int dl_token_claim_text(struct dl_buf *more, struct dl_span name,
    struct dl_span value, struct dl_err *err);
int dl_token_claim_json(struct dl_buf *more, struct dl_span name,
    struct dl_span json, struct dl_err *err);

/*
 * Scopes of RFC 6749 section 3.3: visible characters but '"' and '\', with a
 * space between two; the empty text is none of them.
 */
bool dl_token_scope_ok(struct dl_span scope);

/* Is each of asked one of granted?  Both are ok or empty. */
bool dl_token_scope_within(struct dl_span asked, struct dl_span granted);

#endif
