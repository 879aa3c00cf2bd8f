/*
 * OAuth 2.0 client credentials (RFC 6749, section 4.4): a token is asked for
 * when it is needed, kept in memory, and asked for anew a little before it
 * expires: 30 s, or a fifth of its life where that is less.  A token without a
 * life is taken to live 5 minutes.
 *
 * Where the server refuses the client, its secret is found anew, and if it has
 * become another one the server is asked once more.  Messages say the error
 * code that the server gave, never what was sent, nor its description, which
 * may repeat that.
 */
#ifndef DL_AUTH_OAUTH_H
#define DL_AUTH_OAUTH_H

#include "auth.h"

#include <stdint.h>

#define DL_AUTH_OAUTH_ANSWER (64 << 10) /* bytes of a token's answer */
#define DL_AUTH_OAUTH_CODE 64           /* of an error code, with its NUL */

struct dl_auth_oauth;

/* All is borrowed, as in dl_auth_new(). */
struct dl_auth_oauth *dl_auth_oauth_new(const struct dl_auth_spec *spec,
    struct dl_secret_refs *refs, const struct dl_tls *tls, const char *proxy,
    const volatile sig_atomic_t *stop);
void dl_auth_oauth_free(struct dl_auth_oauth *o); /* NULL does nothing */

/*
 * The token, which lives until the next call; NULL: see err.  DL_EXIT_DENIED:
 * the client is refused; DL_EXIT_CONF: the request is; DL_EXIT_DATA: the answer
 * is none; DL_EXIT_TEMP: trying again may help.
 */
const char *dl_auth_oauth_token(struct dl_auth_oauth *o, struct dl_err *err);

/* It was refused: get another one the next time. */
void dl_auth_oauth_forget(struct dl_auth_oauth *o);

/*
 * Read the answer of a token's server: the token into out, which has room for
 * DL_AUTH_OAUTH_ANSWER bytes and a NUL, and how long it lives.
 */
int dl_auth_oauth_parse(
    struct dl_span answer, char *out, int64_t *seconds, struct dl_err *err);

/* The error code in an answer that refuses, or false. */
bool dl_auth_oauth_code(struct dl_span answer, char out[DL_AUTH_OAUTH_CODE]);

#endif
