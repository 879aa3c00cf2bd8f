/*
 * The cursor of a source: how far its items go, so that the next request asks
 * for what came after that.
 *
 *	cursor: .updated
 *	cursor: {value: .updated, start: 2020-01-01T00:00:00Z, overlap: 5m}
 *	cursor: {value: .ms, time_format: ms, start: 0, overlap: 1m}
 *
 * value is a jq expression on each item.  With time_format (as the source's) it
 * gives times; without it RFC 3339 strings are times, numbers and strings of
 * them numbers, and other strings are ordered by their bytes.  The greatest is
 * kept; a time or a number is taken before other strings, and apart from that
 * the first kind to come stays (that of start, where it is given).  Anything
 * else an item may give is passed over, as is a time more than
 * DL_CURSOR_AHEAD_S ahead of now, which would hide all that comes until then.
 *
 * Numbers are exact: less than 10^20, with at most 18 decimals.
 *
 * The kept value is the state's text "cursor".  It is set at the end of an
 * acquisition that was whole, for pages come in any order, and counts once the
 * checkpoint after it is committed.
 */
#ifndef DL_SOURCE_CURSOR_H
#define DL_SOURCE_CURSOR_H

#include "conf.h"
#include "source_state.h"
#include "template.h"

#define DL_CURSOR_MAX 1024 /* bytes of a value */
#define DL_CURSOR_AHEAD_S (5 * 60)

struct dl_cursor_spec {
	const char *value;       /* NULL: there is no cursor */
	const char *start;       /* what the first request says, or NULL */
	const char *overlap;     /* a duration, for numbers a number, or NULL */
	const char *time_format; /* NULL: told by the value */
	const char *path;        /* of the specification */
	int line;                /* of value */
	unsigned int into;       /* enum dl_template_into, a bit for each */
};

/*
 * Take the node (NULL: none), which is the expression or a mapping, and check it
 * offline, the expression too.  spec borrows from c.
 */
int dl_cursor_take(const struct dl_conf *c, const struct dl_conf_node *node,
    struct dl_cursor_spec *spec, struct dl_err *err);

struct dl_cursor;

/* At work; spec was taken, has a value, and is borrowed. */
struct dl_cursor *dl_cursor_new(
    const struct dl_cursor_spec *spec, struct dl_err *err);
void dl_cursor_free(struct dl_cursor *c); /* NULL does nothing */

/* An acquisition begins: what items of an unfinished one said is forgotten. */
void dl_cursor_begin(struct dl_cursor *c, const struct dl_source_state *st);

/*
 * What the next request says: the kept value less the overlap, or start, or
 * absent.  It lives until the next begin or value.
 */
void dl_cursor_value(struct dl_cursor *c, struct dl_template_value *value);

/* Another document, or page, begins. */
void dl_cursor_page(struct dl_cursor *c);

/* A good item: valid JSON. */
void dl_cursor_item(struct dl_cursor *c, struct dl_span item);

/*
 * The acquisition was whole; or cut short after a number of pages: then the
 * value is kept only if no item was less than those of the pages before its own.
 * In any other order, what is on the pages that were not asked for would never
 * come.
 */
void dl_cursor_keep(
    struct dl_cursor *c, struct dl_source_state *st, bool cut_short);

#endif
