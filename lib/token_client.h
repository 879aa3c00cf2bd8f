/*
 * The clients of /oauth2/token: HOME/keys/clients/NAME.json, a file each, 0600,
 * with the Argon2id hash of its secret (never the secret), what it may ask for,
 * and how long its tokens live.  Names are names (see home.h).
 */
#ifndef DL_TOKEN_CLIENT_H
#define DL_TOKEN_CLIENT_H

#include "token.h"

#define DL_TOKEN_CLIENT_NAME 65   /* with its NUL */
#define DL_TOKEN_CLIENT_HASH 128  /* crypto_pwhash_STRBYTES */
#define DL_TOKEN_CLIENT_SECRET 44 /* 32 random bytes, base64url, and a NUL */
#define DL_TOKEN_CLIENT_SECRET_MAX 256 /* bytes of what is taken for one */

struct dl_token_client {
	char name[DL_TOKEN_CLIENT_NAME];
	char hash[DL_TOKEN_CLIENT_HASH];
	char scope[DL_TOKEN_SCOPE_MAX + 1];
	int64_t ttl_s;
	int64_t made_s; /* when: Unix time */
};

/*
 * Make a client of name, scope and ttl_s, durably, and its secret: 1; 0: there
 * is one of that name; -1.  Takes a tenth of a second and 64 MiB.
 */
int dl_token_client_add(const char *home, struct dl_token_client *client,
    char secret[DL_TOKEN_CLIENT_SECRET], struct dl_err *err);

/* 1; 0 there is none; -1: DL_EXIT_DATA where it was changed. */
int dl_token_client_read(const char *home, const char *name,
    struct dl_token_client *client, struct dl_err *err);

/* 1; 0 there is none; -1. */
int dl_token_client_remove(
    const char *home, const char *name, struct dl_err *err);

/* Each by name, in the order of their bytes; fn returns -1 with err to stop. */
typedef int dl_token_client_fn(void *arg, const char *name, struct dl_err *err);
int dl_token_client_each(
    const char *home, dl_token_client_fn *fn, void *arg, struct dl_err *err);

/*
 * Is it the client's secret?  Takes the same time for the client of
 * dl_token_client_nobody(), whose secret nobody has.  -1: there is no memory.
 */
int dl_token_client_verify(const struct dl_token_client *client,
    struct dl_span secret, struct dl_err *err);
int dl_token_client_nobody(struct dl_token_client *client, struct dl_err *err);

#endif
