/*
 * A bound for what expat holds: it keeps each name of elements and attributes,
 * and each declaration, as long as a document lasts.
 */
#ifndef DL_ITEMS_HEAP_H
#define DL_ITEMS_HEAP_H

#include <stdbool.h>
#include <stddef.h>

#include <expat.h>

struct dl_items_heap {
	size_t max; /* bytes */
	size_t held;
	bool full; /* more was asked for, and refused */
};

/* What this thread's parsers of that suite take and free counts for h now. */
void dl_items_heap_use(struct dl_items_heap *h);

extern const XML_Memory_Handling_Suite dl_items_heap_suite;

#endif
