/*
 * One element of XML as JSON, built while it is read.
 *
 * An element with neither attributes nor elements in it is its text, as it came,
 * or null where it has none.  Every other one is an object: attributes as
 * "@name", elements by their name, in the order of their first, several of one
 * name as an array, and text that isn't white space alone as "#text".
 *
 * Memory is a few times max_bytes; depth is at most DL_ITEMS_TREE_DEPTH.
 */
#ifndef DL_ITEMS_TREE_H
#define DL_ITEMS_TREE_H

#include "buf.h"

#include <stdint.h>

/* Objects and arrays in each other stay under DL_JSON_DEPTH. */
#define DL_ITEMS_TREE_DEPTH 250

struct dl_items_node;

struct dl_items_tree {
	size_t max_bytes;
	bool too_long, too_deep; /* what comes then is passed over */
	/* private */
	struct dl_buf text; /* names, values and text */
	struct dl_items_node *node;
	uint32_t nnode, cap;
	uint32_t open[DL_ITEMS_TREE_DEPTH];
	size_t depth; /* of open elements; counts those passed over too */
};

/* Begin an element: attrs are names and values, NULL-ended.  UTF-8. */
void dl_items_tree_open(
    struct dl_items_tree *t, const char *name, const char *const *attrs);
void dl_items_tree_text(struct dl_items_tree *t, const char *p, size_t n);
/* End an element: true if it was the first, and the tree is whole. */
bool dl_items_tree_shut(struct dl_items_tree *t);

/* Append the whole tree, unless it is too long or too deep. */
void dl_items_tree_write(const struct dl_items_tree *t, struct dl_buf *out);

/* Forget the tree. */
void dl_items_tree_clear(struct dl_items_tree *t);
void dl_items_tree_release(struct dl_items_tree *t);

#endif
