/*
 * Files that hold keys: a regular file, no symbolic link, of mode 0600 or 0400,
 * that belongs to us or to root; anything else is DL_EXIT_DENIED.  What was
 * checked is what was opened.
 */
#ifndef DL_KEYFILE_H
#define DL_KEYFILE_H

#include "err.h"
#include "span.h"

/*
 * 1: *fd is open for reading, the caller's to close; 0: there is no such file;
 * -1.  hint (or NULL) is said where it is no regular file: what to do instead.
 */
int dl_keyfile_open(
    const char *path, const char *hint, int *fd, struct dl_err *err);

/*
 * Read it into room bytes of the caller's: 1 and *len, 0 there is none, -1.
 * DL_EXIT_DATA: it is longer.
 */
int dl_keyfile_read(
    const char *path, char *into, size_t room, size_t *len, struct dl_err *err);

/*
 * Make path hold bytes, durably, mode 0600, whether it is there or not.  After
 * a crash path is what it was or what it becomes, and .NAME.tmp beside it may
 * be left, until this is called again.  The caller holds a lock against others
 * who write it.
 */
int dl_keyfile_replace(
    const char *path, struct dl_span bytes, struct dl_err *err);

#endif
