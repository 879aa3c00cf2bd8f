/*
 * Secrets by reference: what a specification may say instead of a secret.
 *
 *	secret:NAME         dl-secret's, in the group of the source's name
 *	secret:GROUP/NAME   ... in another group
 *	file:PATH           a file's bytes (a relative path: from the working
 *	                    directory); refused where others may use the file
 *	cmd:COMMAND         what `sh -c COMMAND` prints, in at most 60 s
 *	env:NAME            a variable of the environment
 *	cred:NAME           the file NAME in $CREDENTIALS_DIRECTORY (systemd)
 *
 * One newline at the end is not part of it (secret: has none taken).  Values
 * are 1 to 64 KiB, without NUL; they are kept in memory of dl_seal_alloc(),
 * until the references are freed, and from the first one on the process leaves
 * no core (dl_seal_start).  Messages say the reference (of a command its first
 * word), never the value, nor what a wrong reference says where it may be a
 * secret itself.
 */
#ifndef DL_SECRET_REF_H
#define DL_SECRET_REF_H

#include "err.h"
#include "span.h"

#include <signal.h>

#define DL_SECRET_REF_MAX (64 << 10) /* bytes of a value */

struct dl_secret_refs;

/*
 * Touches nothing.  home and group (the source's name) are borrowed; home NULL:
 * that of the tools.  The key of dl-secret is found as dl_secrets_open() finds
 * it.  When *stop becomes true (stop may be NULL) a command that runs is ended.
 */
struct dl_secret_refs *dl_secret_refs_new(
    const char *home, const char *group, const volatile sig_atomic_t *stop);
void dl_secret_refs_free(struct dl_secret_refs *r); /* NULL does nothing */

/* Has text the form of a reference: does one of the prefixes begin it? */
bool dl_secret_ref_is(const char *text);

/*
 * Check a reference, offline.  DL_EXIT_CONF: "is a secret written out: write
 * secret:NAME, file:PATH, ... instead", which does not repeat it.
 */
int dl_secret_ref_check(const char *text, struct dl_err *err);

/*
 * The value, NUL-terminated; it lives until the next forget or renew of the
 * same reference, or r's end.  Found once, and then remembered.  DL_EXIT_CONF:
 * not there, or no value that could be one; DL_EXIT_DENIED: not allowed;
 * DL_EXIT_TEMP: a command failed.
 */
int dl_secret_ref_get(struct dl_secret_refs *r, const char *text,
    struct dl_span *value, struct dl_err *err);

/* Find it anew the next time: a server has refused it. */
void dl_secret_ref_forget(struct dl_secret_refs *r, const char *text);

/*
 * Find it anew at once: is it another one than the value that was refused?  It
 * stays as it is where it can't be found, or was never asked for.
 */
bool dl_secret_ref_renew(struct dl_secret_refs *r, const char *text);

#endif
