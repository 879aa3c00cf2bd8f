/*
 * The manifest of a lake: one line for every part, chained; and the file that it
 * is on a disk.
 *
 * Appended to under an flock of its own.  Each line's "prev" is the SHA-256 of
 * the line before it, without its newline (of nothing, for the first): nothing
 * in the middle can be changed unseen.  A torn last line is cut.
 */
#ifndef DL_LAKE_MANIFEST_H
#define DL_LAKE_MANIFEST_H

#include "buf.h"
#include "err.h"
#include "lake_store.h"
#include "span.h"

#include <stdint.h>

#define DL_LAKE_MANIFEST "manifest.ndjson" /* in _dl */
#define DL_LAKE_LINE_MAX (16 << 20)        /* bytes of a line */

/*
 * Append n entries, durably but for the file's name.  An entry is a JSON object
 * that is not empty; "prev" and "at" are put first in it.
 */
int dl_lake_manifest_append(const char *path, const struct dl_span *entries,
    size_t n, struct dl_err *err);

/* Tell of the whole lines; none where there is no file. */
int dl_lake_manifest_read(
    const char *path, dl_lake_line_fn *fn, void *arg, struct dl_err *err);

/* The same of the lines in the first end bytes of what fd reads from now on. */
int dl_lake_manifest_tell(int fd, const char *name, uint64_t end,
    dl_lake_line_fn *fn, void *arg, struct dl_err *err);

/*
 * Append lines, each with its newline, of n entries that follow the line prev
 * ("": there is none), as they were recorded at the time of now.
 */
void dl_lake_manifest_chain(struct dl_buf *b, struct dl_span prev,
    const struct dl_span *entries, size_t n);

#endif
