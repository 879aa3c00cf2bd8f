/*
 * The parts of a key set: for lib/jwks*.c alone.
 */
#ifndef DL_JWKS_PRIVATE_H
#define DL_JWKS_PRIVATE_H

#include "buf.h"
#include "fetch.h"
#include "jwks.h"
#include "jwt.h"

#include <gnutls/abstract.h>
#include <pthread.h>
#include <signal.h>

#define DL_JWKS_KEYS 100 /* of a set */
#define DL_JWKS_BYTES (1 << 20)
#define DL_JWKS_TRIES 8 /* keys that are tried for one token */
#define DL_JWKS_SPARES 8

/* One key: constant, but for what is imported of it. */
struct dl_jwks_key {
	struct dl_span kid; /* p NULL: it has no name */
	int alg;            /* the one that it is for alone, or -1 */
	unsigned algs;      /* bits of those that it fits */
	gnutls_datum_t der; /* a SubjectPublicKeyInfo */

	/* GnuTLS's objects are for one thread at a time. */
	pthread_mutex_t lock;
	gnutls_pubkey_t spare[DL_JWKS_SPARES];
	int nspare;
};

/* A JWK (an object of JSON that was checked); NULL: err says why not. */
struct dl_jwks_key *dl_jwks_key_new(struct dl_span jwk, struct dl_err *err);
void dl_jwks_key_free(struct dl_jwks_key *key);

bool dl_jwks_key_fits(const struct dl_jwks_key *key, enum dl_jwt_alg alg);
bool dl_jwks_key_same(const struct dl_jwks_key *a, const struct dl_jwks_key *b);

/* Is signature that of text, by alg, which the key fits? */
bool dl_jwks_key_verify(struct dl_jwks_key *key, enum dl_jwt_alg alg,
    struct dl_span text, struct dl_span signature);

/* The keys of a document, counted. */
struct dl_jwks_set {
	int refs;
	size_t n;
	struct dl_jwks_key *key[];
};

/*
 * Read a document; name it in what is logged.  Keys that can't be used are left
 * out, and logged where loud.  A set without any is an error.
 */
struct dl_jwks_set *dl_jwks_set_new(
    struct dl_span text, const char *name, bool loud, struct dl_err *err);
struct dl_jwks_set *dl_jwks_set_ref(struct dl_jwks_set *s);
void dl_jwks_set_unref(struct dl_jwks_set *s); /* NULL does nothing */

/* Is each key of old in s, as it was? */
bool dl_jwks_set_keeps(
    const struct dl_jwks_set *s, const struct dl_jwks_set *old);

/* As dl_jwks_verify(); signature is decoded. */
int dl_jwks_set_verify(const struct dl_jwks_set *s, struct dl_span signed_part,
    struct dl_span signature, struct dl_span kid, enum dl_jwt_alg alg);

/* Who waits for a fetch to end. */
struct dl_jwks_waiter {
	void (*wake)(void *);
	void *arg;
};

struct dl_jwks {
	char *from, *ca;
	struct dl_fetch *fetch; /* NULL: from is a file, or it was given */
	bool given;
	int64_t refresh_ms;

	/* The thread's own. */
	pthread_t thread;
	struct dl_buf body;
	char failed[DL_ERR_MAX]; /* what was logged last, or "" */
	volatile sig_atomic_t stop;

	uint64_t generation; /* atomic */

	/* Guards all that follows; nobody is called while it is held. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct dl_jwks_set *set; /* NULL: there never was one */
	uint64_t told;           /* the document that was logged about */
	bool asked, fetching;
	int64_t next_ms;   /* the fetch that comes of itself */
	int64_t wanted_ms; /* of the last fetch for an unknown key */
	struct dl_jwks_waiter *waiter;
	size_t nwaiter;
};

/*
 * Take a document in place of what is there; where it is no good err says why,
 * and all stays as it is.
 */
int dl_jwks_take(struct dl_jwks *k, struct dl_span text, struct dl_err *err);

/* jwks_fetch.c: is it a URL that keys may be fetched from?  -1: it is not one. */
int dl_jwks_fetch_open(struct dl_jwks *k, struct dl_err *err);

/* Until k->stop. */
void *dl_jwks_fetch_run(void *k);

#endif
