/*
 * A set of public keys, JWKS of RFC 7517: from a file, or from an https URL
 * (http only to loopback, and not redirected from there), fetched in a thread of
 * its own at the start, every refresh_ms, and when a key is asked for that is
 * not in it, at most once a minute.  What was had is kept, in memory, while the
 * provider is away or answers what is no key set (one without a key that can be
 * used is none).
 *
 * Keys that are symmetric or private, for encryption or an algorithm that is not
 * used, of RSA below 2048 or above 8192 bits, and such as cannot be read are left
 * out (said once in the log).  At most 100 keys, 1 MiB.
 *
 * Thread-safe.  GnuTLS takes an object for one thread at a time: a key is
 * imported once for each thread that uses it at the same time.
 */
#ifndef DL_JWKS_H
#define DL_JWKS_H

#include "err.h"
#include "span.h"

#include <stdbool.h>
#include <stdint.h>

/* The least time between two fetches for unknown keys. */
#define DL_JWKS_AGAIN_MS (60 * 1000)

struct dl_jwks;

/*
 * A file is read at once, and must be good; a URL is fetched in the background:
 * what fails is logged (once, until it fails otherwise) and tried again with
 * backoff.  ca is a file in PEM of whom to trust for https, or NULL.  refresh_ms
 * is 1 s at least; 0: 5 minutes.
 */
struct dl_jwks *dl_jwks_open(
    const char *from, const char *ca, int64_t refresh_ms, struct dl_err *err);

/* Who still waits is woken.  A fetch that is under way is broken off. */
void dl_jwks_close(struct dl_jwks *k); /* NULL does nothing */

/*
 * SIGHUP: read the file again (a bad one is an error, and the old keys stay), or
 * begin to fetch.
 */
int dl_jwks_reload(struct dl_jwks *k, struct dl_err *err);

/*
 * A set that is given as text, and never fetched; another in its place (a bad one
 * is an error, and the old keys stay).
 */
struct dl_jwks *dl_jwks_from_text(struct dl_span text, struct dl_err *err);
int dl_jwks_set_text(
    struct dl_jwks *k, struct dl_span text, struct dl_err *err);

/* Where the keys come from, without what is secret; lives as long as k. */
const char *dl_jwks_shown(const struct dl_jwks *k);

/* Was there ever a key set?  For /readyz. */
bool dl_jwks_ready(struct dl_jwks *k);

/* Rises when a key went away or changed. */
uint64_t dl_jwks_generation(const struct dl_jwks *k);

/*
 * Verify a JWS in compact form whose header names kid (p NULL: none, then every
 * key of the algorithm is tried, at most 8) and alg: 1 good, 0 no key of it matches,
 * -1 the signature is wrong, or alg is none of jwt.h's.  The key's own alg, use,
 * key_ops, kty and crv must suit alg.
 */
int dl_jwks_verify(struct dl_jwks *k, struct dl_span token, struct dl_span kid,
    struct dl_span alg);

/*
 * A key was unknown: may a fetch help?  true: one is under way or begun, and
 * wake(arg) will be called once when it has ended, from another thread, after at
 * most 10 s.
 */
bool dl_jwks_want(struct dl_jwks *k, void (*wake)(void *), void *arg);

#endif
