/*
 * Where lines, or rows of CSV, end: so that of a file that is being written
 * only whole ones are taken.
 *
 * Rows of CSV are found as csvin.h finds them: a newline in a quoted field does
 * not end one.
 */
#ifndef DL_FILES_ROWS_H
#define DL_FILES_ROWS_H

#include "err.h"
#include "span.h"

#include <signal.h>
#include <stdint.h>

struct dl_files_rows {
	bool csv;
	char delimiter;                    /* of csv */
	const volatile sig_atomic_t *stop; /* ends a search early; or NULL */
	/* private */
	int state;
};

/* Is the byte \n, and nothing else, a newline in encoding (NULL: UTF-8)? */
bool dl_files_rows_newline(const char *encoding);

/* Forget what was fed: a row begins. */
void dl_files_rows_start(struct dl_files_rows *r);

/*
 * n bytes more: how many of them there are up to the end of the last row that
 * ends in them; 0: none does.
 */
size_t dl_files_rows_feed(struct dl_files_rows *r, const char *p, size_t n);

/*
 * Where, in the file fd, of which from is the beginning of a row, the last row
 * ends that ends before size; from: none does, or a stop came.  -1: it cannot be
 * read.
 */
int64_t dl_files_rows_last(struct dl_files_rows *r, int fd, int64_t from,
    int64_t size, const char *name, struct dl_err *err);

/*
 * The length of the file's first row that isn't empty, with what is before it;
 * 0: there is none in max bytes.
 */
int64_t dl_files_rows_first(struct dl_files_rows *r, int fd, int64_t max,
    const char *name, struct dl_err *err);

#endif
