/*
 * Which lines of a part must be looked at before they are handed on.
 *
 * Most need not be: what is asked for is the whole part, and its lines are
 * events as they were put.  Two kinds are not let through unseen: a flat line,
 * which becomes an event again, and one that may be a checkpoint, which no lake
 * stores: it has that word, or an escape that stands for an ASCII character,
 * by which the word may be hidden.
 */
#ifndef DL_LAKE_SCAN_H
#define DL_LAKE_SCAN_H

#include "span.h"

/*
 * The first of these lines, which each end in a newline, that must be looked
 * at, without its newline: true; or false if none must be.
 */
bool dl_lake_scan(struct dl_span lines, struct dl_span *line);

#endif
