/*
 * The store of secrets: HOME/secrets/GROUP/NAME, a file each (secret_box.h),
 * sealed by the key of its group.
 *
 * The key is a file (HOME/keys/master unless told), or what a command prints:
 * the master's, which opens every group, or that of one group.  The first put
 * makes the master key, unless there are secrets already: those would be lost.
 *
 * Who writes holds HOME/secrets/.lock, and waits for it for at most 30 s; who
 * reads waits for nobody.  Every file is replaced whole and durably.
 *
 * While keys are rotated, and after a crash meanwhile, the new key is in a file
 * beside the old one, KEY.next: it is durable before anything is sealed by it,
 * and takes the old one's place only when everything is.  So at every moment
 * the two of them open everything, and the next rotation ends what this one
 * began.  Groups and names are names (see home.h); anything else is
 * DL_EXIT_USAGE.
 */
#ifndef DL_SECRET_H
#define DL_SECRET_H

#include "secret_box.h"

struct dl_secrets;

/*
 * Touches no file.  key and command may be NULL; with both, DL_EXIT_USAGE.
 * Without both, $DL_SECRET_KEY and $DL_SECRET_KEY_COMMAND stand for them.
 * The strings are kept, not copied, but for home's and key's.
 */
struct dl_secrets *dl_secrets_open(
    const char *home, const char *key, const char *command, struct dl_err *err);
void dl_secrets_close(struct dl_secrets *s);

/* 1: box holds the secret, 0: there is none, -1: failure. */
int dl_secret_read(struct dl_secrets *s, const char *group, const char *name,
    struct dl_secret_box *box, struct dl_err *err);

/* A new version of the secret: 1; 0 where its newest is this value already. */
int dl_secret_put(struct dl_secrets *s, const char *group, const char *name,
    struct dl_span value, struct dl_err *err);

/* Remove a secret with all its versions: 1; 0 where there is none. */
int dl_secret_remove(struct dl_secrets *s, const char *group, const char *name,
    struct dl_err *err);

/* Returns -1 with err to stop. */
typedef int dl_secret_fn(
    void *arg, const char *group, const char *name, struct dl_err *err);

/*
 * Call fn for each secret, by group and name in the order of their bytes; group
 * NULL means all that the key is for.
 */
int dl_secret_each(struct dl_secrets *s, const char *group, dl_secret_fn *fn,
    void *arg, struct dl_err *err);

/* The key of a group, into memory of the caller's from dl_seal_alloc(). */
int dl_secret_group_key(struct dl_secrets *s, const char *group,
    struct dl_seal_key *key, struct dl_err *err);

/*
 * A new master key, and every secret sealed by it; or the end of a rotation
 * that was broken off.  Needs a key file.  Keys of groups that were given away
 * open nothing any more.
 */
int dl_secret_rotate(struct dl_secrets *s, struct dl_err *err);

#endif
