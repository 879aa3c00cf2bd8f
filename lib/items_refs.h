/*
 * Which entities of an XML document are known, and where others are referred
 * to.
 *
 * A document may have declarations elsewhere, which are not read.  From then on
 * expat takes an entity that it does not know for one of those: in text it says
 * so, in attributes it leaves it out.  This finds it there, by the bytes as
 * they stand in the document.  Beyond ASCII, names in encodings other than
 * UTF-8 are not known here, nor are more than DL_ITEMS_REFS_MAX.
 */
#ifndef DL_ITEMS_REFS_H
#define DL_ITEMS_REFS_H

#include "span.h"

#include <stdint.h>

#define DL_ITEMS_REFS_MAX 4096
#define DL_ITEMS_REFS_NAME 64 /* bytes of a name that are shown */

/* Zeroed at first. */
struct dl_items_refs {
	uint64_t *known; /* hashes of names, in order */
	size_t n;
	char unknown[DL_ITEMS_REFS_NAME + 1]; /* what a check has found */
};

void dl_items_refs_clear(struct dl_items_refs *r);
void dl_items_refs_release(struct dl_items_refs *r);

/*
 * The document declares name; value is in UTF-8, with its references.  It is
 * known if all of those are, by now.
 */
void dl_items_refs_declare(
    struct dl_items_refs *r, struct dl_span name, struct dl_span value);

/*
 * Are all entities known that text, of UTF-16 or an encoding like ASCII, refers
 * to?  quoted: it begins with a quote, and counts up to the next such.
 */
bool dl_items_refs_known(
    struct dl_items_refs *r, struct dl_span text, bool quoted);

#endif
