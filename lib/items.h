/*
 * Bytes of a format to items: JSON values, checked, one call for each.
 *
 * json: the elements of the list that path leads to.  A plain path of names
 * is streamed, in the memory of one item; any other jq expression is run on
 * the whole document, which is then held in memory (max_document): each of its
 * outputs is an item or, where it is an array, a list of items.  Without a
 * path the document itself is the list or, where it isn't an array, the item.
 * ndjson: one item a line; empty lines are passed over.  csv: csvin.h.
 *
 * A byte order mark at the start is passed over.  An item that is wrong or
 * too long is handed out with the failure, and the next one is read.  What is
 * wrong with the document as a whole is the function's failure.
 */
#ifndef DL_ITEMS_H
#define DL_ITEMS_H

#include "err.h"
#include "span.h"

#include <stdint.h>

enum dl_items_format { DL_ITEMS_JSON, DL_ITEMS_NDJSON, DL_ITEMS_CSV };

struct dl_items_options {
	enum dl_items_format format;
	const char *path;    /* json: a jq expression, or NULL */
	const char *where;   /* names path in messages: "quakes.yaml:4" */
	size_t max_item;     /* bytes of an item, and of a line or row */
	size_t max_document; /* bytes of a document that must be whole */
	char delimiter;      /* csv */
	bool csv_strings;    /* csv: every value is a string */
};

/*
 * item is valid during the call.  code and bad are NULL for a good item;
 * otherwise item is the first bytes of a wrong one as it came, total how many
 * it has, code a word for a dead letter and bad the reason.  -1 stops.
 */
typedef int dl_items_fn(void *arg, struct dl_span item, size_t total,
    const char *code, const struct dl_err *bad, struct dl_err *err);

struct dl_items;

/* options is copied, its strings are borrowed.  DL_EXIT_CONF: a bad path. */
struct dl_items *dl_items_new(const struct dl_items_options *options,
    dl_items_fn *fn, void *arg, struct dl_err *err);
void dl_items_free(struct dl_items *it); /* NULL does nothing */

/* Begin a document, forgetting what was left of another. */
void dl_items_start(struct dl_items *it);

int dl_items_feed(
    struct dl_items *it, const char *p, size_t n, struct dl_err *err);

/* The document has ended. */
int dl_items_end(struct dl_items *it, struct dl_err *err);

/* After dl_items_end() failed: did the document end in the middle? */
bool dl_items_cut_off(const struct dl_items *it);

#endif
