/*
 * Which format a document has, where nobody says it: its content type, else the
 * end of its name (before .gz, .zst or .z), else its first bytes tell.
 */
#ifndef DL_SOURCE_GUESS_H
#define DL_SOURCE_GUESS_H

#include "items.h"

#define DL_SOURCE_GUESS_MAX (64 << 10) /* first bytes, that are enough */

/*
 * type: "application/json; charset=utf-8", or "".  name: the document's, or
 * its URL's.  items: the path to them, or NULL; where there is one, objects are
 * not lines.  head: the first bytes, all there are if ended.  1: *format is
 * set; 0: more of head is needed; -1: it can't be told.
 */
int dl_source_guess(const char *type, const char *name, const char *items,
    struct dl_span head, bool ended, enum dl_items_format *format);

#endif
