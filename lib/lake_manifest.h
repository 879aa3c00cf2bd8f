/*
 * The manifest of a lake on a disk: one line for every part, chained.
 *
 * Appended to under an flock of its own.  Each line's "prev" is the SHA-256 of
 * the line before it, without its newline (of nothing, for the first): nothing
 * in the middle can be changed unseen.  A torn last line is cut.
 */
#ifndef DL_LAKE_MANIFEST_H
#define DL_LAKE_MANIFEST_H

#include "err.h"
#include "span.h"

/*
 * Append n entries, durably but for the file's name.  An entry is a JSON object
 * that is not empty; "prev" is put first in it.
 */
int dl_lake_manifest_append(const char *path, const struct dl_span *entries,
    size_t n, struct dl_err *err);

#endif
