/*
 * Authentication of requests: the `auth` of a specification.
 *
 *	auth: {basic: {user: NAME, password: REF}}      also ftp's, sftp's, MQTT's
 *	auth: {bearer: REF}
 *	auth: {header: {name: X-Api-Key, value: REF}}
 *	auth: {query: {name: key, value: REF}}
 *	auth: {oauth2: {token_url: URL, client_id: ID, client_secret: REF,
 *	                scope: "a b", audience: URL, style: basic|body}}
 *	auth: {sigv4: {region: R, service: S, access_key: REF, secret_key: REF,
 *	               session_token: REF}}
 *
 * Every REF is a reference (secret_ref.h); a secret written out is refused with
 * what to write instead.  OAuth 2.0 is the client credentials grant of RFC 6749
 * section 4.4; its token is kept in memory until shortly before it expires, and
 * got anew after a 401.  SigV4 is sigv4.h.  After a 401 every other value is
 * found anew too, and the request repeated where it has become another one.
 *
 * What is sent as a header has no control characters, as those would begin a
 * header of their own: a value that has some is DL_EXIT_CONF.
 */
#ifndef DL_AUTH_H
#define DL_AUTH_H

#include "conf.h"
#include "fetch.h"
#include "secret_ref.h"

/* Headers by reference, so many that those of SigV4 have room beside them. */
#define DL_AUTH_REF_HEADERS 4

enum dl_auth_kind {
	DL_AUTH_NONE,
	DL_AUTH_BASIC,
	DL_AUTH_BEARER,
	DL_AUTH_HEADER,
	DL_AUTH_QUERY,
	DL_AUTH_OAUTH2,
	DL_AUTH_SIGV4
};

/* Where the client and its secret are: in a header, or in the body. */
enum { DL_AUTH_OAUTH_BASIC, DL_AUTH_OAUTH_BODY };

struct dl_auth_spec {
	enum dl_auth_kind kind;
	const char *user, *password; /* basic */
	const char *bearer;
	const char *name, *value; /* header, query */
	const char *token_url, *client_id, *client_secret, *scope, *audience;
	int style; /* of oauth2: DL_AUTH_OAUTH_BASIC or _BODY */
	const char *region, *service, *access_key, *secret_key, *session_token;
	/* Headers whose values are references, "Name: REF"; or NULL. */
	const char *const *ref_headers;
};

/*
 * Take the mapping node (NULL: no authentication) into spec, which borrows from
 * c, and check it offline.  ref_headers is left as it is.
 */
int dl_auth_take(const struct dl_conf *c, const struct dl_conf_node *node,
    struct dl_auth_spec *spec, struct dl_err *err);

struct dl_auth;

/*
 * At work.  spec, refs, tls (or NULL; also the token's server's), proxy and stop
 * are borrowed.  Nothing is asked before the first request.  DL_EXIT_CONF: more
 * than DL_AUTH_REF_HEADERS headers are references.
 */
struct dl_auth *dl_auth_new(const struct dl_auth_spec *spec,
    struct dl_secret_refs *refs, const struct dl_tls *tls, const char *proxy,
    const volatile sig_atomic_t *stop, struct dl_err *err);
void dl_auth_free(struct dl_auth *a); /* NULL does nothing */

/*
 * What fetch.h asks; zeroed where there is nothing to prove: no authentication,
 * no headers by reference and no password of a TLS key.  What a proof points to
 * lives until the next proof or renewal.
 */
struct dl_fetch_auth dl_auth_hooks(struct dl_auth *a);

/* User and password for a login that is not HTTP's; both NULL where none. */
int dl_auth_login(struct dl_auth *a, const char **user, const char **password,
    struct dl_err *err);

#endif
