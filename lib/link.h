/*
 * The Link header of HTTP (RFC 8288): several links in one line, parameters in
 * quotes, relation types in a list, commas in URLs.
 *
 * Any bytes at all are taken: what is malformed ends the links, as the RFC's
 * own algorithm (appendix B.2) has it.
 */
#ifndef DL_LINK_H
#define DL_LINK_H

#include "span.h"

/*
 * Set *target to the URL, as it stands in header, of the first link with the
 * relation type rel ("next"; letters of either case).  Links that say what they
 * are about by `anchor` are about something else, and passed over.  A link's
 * first `rel` counts alone.
 */
bool dl_link_find(
    struct dl_span header, const char *rel, struct dl_span *target);

#endif
