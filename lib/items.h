/*
 * Bytes of a format to items: JSON values, checked, one call for each.
 *
 * json: the elements of the list that path leads to.  A plain path of names
 * is streamed, in the memory of one item; any other jq expression is run on
 * the whole document, which is then held in memory (max_document): each of its
 * outputs is an item or, where it is an array, a list of items.  Without a
 * path the document itself is the list or, where it isn't an array, the item.
 * ndjson: one item a line; empty lines are passed over.  csv: csvin.h.
 * tsv: the same without quotes: fields are what is between tabs, in which \t,
 * \n, \r and \\ are written for what can't stand there.
 *
 * text: {"line":"..."} a line, or what a pattern's named groups (PCRE2) match in
 * it.  xml: the elements at a path like /rss/channel/item, or the root, as
 * items_tree.h says.  sse: {"event":"...","id":"...","data":...} an event, data
 * being a JSON value where its text is one (with columns.strings never).  raw:
 * the whole document in base64, a JSON string.
 *
 * Lines, and events of sse, are handed out as soon as their end has come.
 *
 * Text of another encoding is made UTF-8 first (recode.h).  A byte order mark
 * at the start is passed over.  An item that is wrong or too long is handed out
 * with the failure, and the next one is read.  What is wrong with the document
 * as a whole is the function's failure.
 */
#ifndef DL_ITEMS_H
#define DL_ITEMS_H

#include "columns.h"
#include "err.h"
#include "span.h"

#include <stdint.h>

enum dl_items_format {
	DL_ITEMS_JSON,
	DL_ITEMS_NDJSON,
	DL_ITEMS_CSV,
	DL_ITEMS_TSV,
	DL_ITEMS_TEXT,
	DL_ITEMS_XML,
	DL_ITEMS_SSE,
	DL_ITEMS_RAW,
	DL_ITEMS_AUTO /* not yet known: none of these here */
};

#define DL_ITEMS_ID_MAX 4096 /* bytes of an id of sse that is kept */

struct dl_items_options {
	enum dl_items_format format; /* not AUTO */
	const char *path;    /* json: a jq expression; xml: a path; or NULL */
	const char *where;   /* names path in messages: "quakes.yaml:4" */
	size_t max_item;     /* bytes of an item, and of a line or row */
	size_t max_document; /* bytes of a document that must be whole */
	char delimiter;      /* csv */
	struct dl_column_rules columns; /* csv, tsv, text with a pattern */
	const char *pattern;            /* text; or NULL */
	const char *pattern_where;      /* as where */
	const char *encoding;           /* NULL: UTF-8 */
	/*
	 * ndjson, text: a stream without an end of its own.  A line that it
	 * breaks off in is no item but a failure of dl_items_end(), cut off.
	 */
	bool stream;
};

/*
 * item is valid during the call.  code and bad are NULL for a good item;
 * otherwise item is the first bytes of a wrong one as it came, total how many
 * it has, code a word for a dead letter and bad the reason.  -1 stops.
 */
typedef int dl_items_fn(void *arg, struct dl_span item, size_t total,
    const char *code, const struct dl_err *bad, struct dl_err *err);

struct dl_items;

/*
 * options is copied, what it points to is borrowed.  DL_EXIT_CONF: a path, a
 * pattern or an encoding that is wrong.
 */
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

/*
 * Of sse, for the next connection to the same stream.  The id of the last
 * event that was handed out (also where only an empty line has ended it, or it
 * was wrong), as Last-Event-ID is meant: it stays over events without one, and
 * is empty where the server has taken it back.  Absent: this document has had
 * none.  One of more than DL_ITEMS_ID_MAX bytes is not told; the one before it
 * stays.  It has neither NUL nor line ends, and lives until the next feed.
 */
struct dl_span dl_items_last_id(const struct dl_items *it);

/*
 * The document that has just been started goes on after the event with this
 * id: events without one have it.  Does nothing where it is absent, nor for
 * other formats.
 */
void dl_items_resume(struct dl_items *it, struct dl_span id);

/* How long a server (of sse) asks to wait before that, at most a day; or -1. */
int64_t dl_items_retry_ms(const struct dl_items *it);

#endif
