/*
 * What is remembered of a file that was read: how far, and what was there.
 *
 * A file is known by its inode and when that was made (where the file system
 * does not tell, by its device), so that one that is renamed stays the same, and
 * one that takes another's name or inode is new.  How much of it was read is
 * believed only if what was read is there still, by a hash of its beginning.
 *
 * A mark is two numbers of the source's state, see source_state.h.
 */
#ifndef DL_FILES_MARK_H
#define DL_FILES_MARK_H

#include "err.h"
#include "source_state.h"

#include <signal.h>
#include <stdint.h>
#include <sys/types.h>

#define DL_FILES_SIZE_MAX ((int64_t)1 << 47) /* longer ones aren't read */
#define DL_FILES_SAME_MAX (16 << 20)         /* of a growing file, compared */
#define DL_FILES_BITS 40                     /* of the hashes that are kept */

struct dl_files_status {
	bool regular;
	uint64_t key;
	uint64_t print; /* of size and times: another one, and it has changed */
	int64_t size;
	int64_t quiet_ms; /* since its bytes changed */
};

/*
 * Look at a file by its name, following links, or at an open one (name is for
 * the message then): 1; 0, there is none; -1.
 */
int dl_files_status(
    struct dl_files_status *s, int fd, const char *name, struct dl_err *err);

struct dl_files_mark {
	int64_t read;   /* how many bytes */
	uint64_t print; /* of the status then */
	uint64_t same;  /* the hash of what was read */
};

/* No file has it: of one that has changed, or is not read to its end. */
#define DL_FILES_NO_PRINT UINT64_C(0)

bool dl_files_mark_get(
    const struct dl_source_state *st, uint64_t key, struct dl_files_mark *m);
void dl_files_mark_set(
    struct dl_source_state *st, uint64_t key, const struct dl_files_mark *m);

/* The hash of a file's beginning, as it is read. */
struct dl_files_hash;

struct dl_files_hash *dl_files_hash_new(const volatile sig_atomic_t *stop);
void dl_files_hash_free(struct dl_files_hash *h); /* NULL does nothing */

/* Of the first most bytes; what comes after them does not count. */
void dl_files_hash_start(struct dl_files_hash *h, int64_t most);
void dl_files_hash_add(struct dl_files_hash *h, const char *p, size_t n);
uint64_t dl_files_hash_value(const struct dl_files_hash *h);

/*
 * Add the first n bytes of a file: -1, it cannot be read; 0, it is shorter, or
 * a stop came.
 */
int dl_files_hash_file(struct dl_files_hash *h, int fd, int64_t n,
    const char *name, struct dl_err *err);

#endif
