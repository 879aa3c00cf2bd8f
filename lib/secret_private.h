/*
 * What the files of the store share: secret.c has what is done with one secret,
 * secret_keys.c the keys and the lock, secret_rotate.c what is done with all.
 */
#ifndef DL_SECRET_PRIVATE_H
#define DL_SECRET_PRIVATE_H

#include "secret.h"

#include <limits.h>

struct dl_secrets {
	char dir[PATH_MAX];
	char key[PATH_MAX];
	char next[PATH_MAX];      /* the new key while keys are rotated */
	const char *command;      /* NULL: key is a file */
	struct dl_seal_key *keys; /* room for three: nkeys of them, oldest
	                             first, then the one of a group */
	size_t nkeys;
};

#define DL_SECRET_KEYS 2

/* Wait for the lock, making the store if it isn't there: fd, or -1. */
int dl_secrets_lock(struct dl_secrets *s, struct dl_err *err);

/* Read the keys anew, but a command's once: 1, 0 there is none, -1. */
int dl_secrets_load(struct dl_secrets *s, struct dl_err *err);

/* As load, but no key is a failure, told as such. */
int dl_secrets_need(struct dl_secrets *s, struct dl_err *err);

/*
 * As load, but where there is neither key nor secret, a key is made.  The names
 * of key files are durable then.
 */
int dl_secrets_need_or_make(struct dl_secrets *s, struct dl_err *err);

/*
 * The group's key by the ith of keys; NULL: see err.  It is valid until the
 * next call of this or of dl_secrets_find().
 */
const struct dl_seal_key *dl_secrets_group(
    struct dl_secrets *s, size_t i, const char *group, struct dl_err *err);

/* The group's key of that id: 1 (in *key), 0 it is none of ours, -1. */
int dl_secrets_find(struct dl_secrets *s, const char *group,
    const unsigned char id[DL_SEAL_ID], const struct dl_seal_key **key,
    struct dl_err *err);

/* The path of a secret; wrong names are DL_EXIT_USAGE. */
int dl_secrets_path(const struct dl_secrets *s, const char *group,
    const char *name, char out[PATH_MAX], struct dl_err *err);

/* Seal box into the secret's file, durably. */
int dl_secrets_write(struct dl_secrets *s, const struct dl_seal_key *key,
    const char *name, const struct dl_secret_box *box, struct dl_err *err);

#endif
