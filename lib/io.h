/*
 * Files as this project writes them: whole or not at all.
 */
#ifndef DL_IO_H
#define DL_IO_H

#include "buf.h"
#include "err.h"
#include "span.h"

#include <sys/types.h>

/* Write n bytes to fd, however many calls it takes; name is for the message. */
int dl_write_all(
    int fd, const void *p, size_t n, const char *name, struct dl_err *err);

/* Read a whole file of at most max bytes, appended to b. */
int dl_read_file(
    const char *path, size_t max, struct dl_buf *b, struct dl_err *err);

/*
 * Replace path by bytes, durably: a temporary beside it, fsynced, renamed over
 * it, and the directory fsynced.  After a crash path is the old or the new.
 * The temporary is .NAME.tmp, used again after a crash: the caller holds a lock
 * against others who would replace path.
 */
int dl_replace_file(const char *path, struct dl_span bytes, struct dl_err *err);

/* The same, where write_it() makes the temporary, fsynced. */
typedef int dl_write_new_fn(
    const char *path, struct dl_span bytes, struct dl_err *err);
int dl_replace_file_by(const char *path, struct dl_span bytes,
    dl_write_new_fn *write_it, struct dl_err *err);

/* Make path and what leads to it, mode 0777 less umask, each durable. */
int dl_mkdirs(const char *path, struct dl_err *err);

/* fsync a directory, so that names made or removed in it last. */
int dl_sync_dir(const char *path, struct dl_err *err);

/* fsync what leads to path: dirname(path), of which it may have none ("."). */
int dl_sync_parent(const char *path, struct dl_err *err);

/*
 * Hold path (made if absent) by an exclusive flock, without waiting.  Returns
 * the descriptor, which is the lock: close it to let go; it is closed on exec.
 * Held by another: DL_EXIT_TEMP, and the message says what is held, and by
 * which process, whose id the file's text is.
 */
int dl_lock_file(const char *path, const char *what, struct dl_err *err);

/*
 * Was the other end of fd, a pipe or a socket, closed?  Then a write would fail:
 * -1, with the error that it would have; 0 otherwise.  Waits for at most ms.
 */
int dl_check_reader(int fd, int ms, const char *name, struct dl_err *err);

/* Ask for pipes of 1 MiB; does nothing where fd isn't one. */
void dl_widen_pipe(int fd);

#endif
