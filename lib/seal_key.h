/*
 * Where keys come from: a file that its owner alone can read, or a command.
 *
 * A key file that others may use is DL_EXIT_DENIED (keyfile.h).
 */
#ifndef DL_SEAL_KEY_H
#define DL_SEAL_KEY_H

#include "seal.h"

/* 1: read, 0: there is no such file, -1: failure. */
int dl_seal_key_read(
    const char *path, struct dl_seal_key *key, struct dl_err *err);

/*
 * Make path hold key, durably, mode 0600.  Never replaces a key: where there is
 * one, that is a failure.  After a crash path is absent or whole; .KEY.XXXXXX
 * beside it may be left, a key that nothing was sealed by.
 */
int dl_seal_key_make(
    const char *path, const struct dl_seal_key *key, struct dl_err *err);

/* The key that a command of the shell prints on its standard output. */
int dl_seal_key_command(
    const char *command, struct dl_seal_key *key, struct dl_err *err);

#endif
