/*
 * The files that a pattern means, sorted by the bytes of their paths.
 *
 * A pattern is a whole path whose parts are as in glob(7): * ? [...], of which
 * none means a '/' or a '.' at the beginning of a name, and \ takes a
 * character's meaning away.  A '/' at its end means all files of that directory
 * alone.  What a name is (a directory, a link to nothing) is not looked at.
 *
 * At most DL_FILES_MOST names and DL_FILES_BYTES of them are held.
 */
#ifndef DL_FILES_LIST_H
#define DL_FILES_LIST_H

#include "buf.h"
#include "err.h"

#define DL_FILES_MOST 100000
#define DL_FILES_BYTES (16 << 20)

struct dl_files_list {
	struct dl_buf text; /* the paths, NUL after each */
	uint32_t *at;       /* where they begin: n of them */
	size_t n, cap;
};

/*
 * Fill l, which is zeroed before the first time, anew.  first: the first
 * directory that could not be read, if its status is DL_EXIT_OK before; the
 * others are read all the same.  -1, DL_EXIT_CONF: there are too many.
 */
int dl_files_list(struct dl_files_list *l, const char *pattern,
    struct dl_err *first, struct dl_err *err);

/* Valid until l is filled again. */
static inline const char *
dl_files_list_name(const struct dl_files_list *l, size_t i)
{
	return l->text.p + l->at[i];
}

void dl_files_list_release(struct dl_files_list *l);

#endif
