/*
 * The keys that tokens are signed by: HOME/keys/token.json, a JWK set (RFC
 * 7517) of Ed25519 keys (RFC 8037), its first key with the private part, the
 * others without: those were rotated out, and still verify.  A key's id is its
 * thumbprint (RFC 7638), which never begins with '-', so that it can be an
 * operand.
 *
 * Every change of the file is one rename, under the lock HOME/keys/.token.lock:
 * whatever is killed, the file is the old or the new one.  Where another
 * process holds the lock: DL_EXIT_TEMP.  A rotated key's private part is gone
 * for good. dl_seal_start() comes before all of this.
 */
#ifndef DL_TOKEN_KEYS_H
#define DL_TOKEN_KEYS_H

#include "buf.h"
#include "err.h"
#include "span.h"

#define DL_TOKEN_KEYS 8  /* in a set */
#define DL_TOKEN_KID 44  /* bytes of an id, NUL included */
#define DL_TOKEN_SEED 32 /* of a private key as it is written */
#define DL_TOKEN_PUBLIC 32
#define DL_TOKEN_SECRET 64 /* as libsodium has it: seed, then public key */

struct dl_token_key {
	unsigned char
	    secret[DL_TOKEN_SECRET]; /* zeros where it only verifies */
	unsigned char x[DL_TOKEN_PUBLIC];
	char kid[DL_TOKEN_KID];
	bool signs;
};

/* In memory of dl_seal_alloc(). */
struct dl_token_keys {
	struct dl_token_key key[DL_TOKEN_KEYS]; /* the first one signs */
	size_t n;
};

/* The key of that seed; a new one. */
void dl_token_key_seed(
    struct dl_token_key *key, const unsigned char seed[DL_TOKEN_SEED]);
void dl_token_key_new(struct dl_token_key *key);

/*
 * Read home's keys; NULL: see err.  DL_EXIT_CONF: there are none, dl-token new
 * makes them.  DL_EXIT_DATA: the file was changed.  Free by dl_seal_free().
 */
struct dl_token_keys *dl_token_keys_read(const char *home, struct dl_err *err);

/* Take the text of the file; false: it is none. */
bool dl_token_keys_parse(struct dl_span text, struct dl_token_keys *keys);

/* Append the public set, compact JSON without a newline. */
void dl_token_keys_print(const struct dl_token_keys *keys, struct dl_buf *b);

/* The same from the file: what verifies home's tokens, for jwks.h. */
int dl_token_jwks(const char *home, struct dl_buf *b, struct dl_err *err);

/*
 * Make the first key: 1, and *made is it without its secret; 0: there is one
 * already, which is *made; -1.  rotate: a further one, which signs from now on
 * (without a first one DL_EXIT_CONF; with DL_TOKEN_KEYS of them
 * DL_EXIT_DENIED).
 */
int dl_token_keys_make(const char *home, bool rotate, struct dl_token_key *made,
    struct dl_err *err);

/*
 * Take the key kid out of the set: what it signed is not good any more.  1; 0
 * there is none of that id; -1.  The one that signs: DL_EXIT_DENIED.
 */
int dl_token_keys_retire(const char *home, const char *kid, struct dl_err *err);

/* Hold home's keys directory, made if absent, against other writers: fd, -1. */
int dl_token_lock(const char *home, struct dl_err *err);

#endif
