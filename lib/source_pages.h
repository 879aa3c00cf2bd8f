/*
 * The pages of an answer that comes in several: how the next one is asked for,
 * and when there is none.
 *
 *	pages: {by: next, next: .links.next}
 *	pages: {by: link}
 *	pages: {by: page, param: page, start: 1}
 *	pages: {by: offset, param: offset, size: 100, size_param: limit}
 *	pages: {by: cursor, next: .meta.cursor, param: cursor}
 *
 * next: the jq expression, on the whole page, gives the next URL, absolute or
 * relative to the page's.  link: the Link header's rel="next" does.  page and
 * offset count; they end with a page without items or, where size is given, with
 * fewer than that.  cursor: the expression gives a token, which is put into
 * param.  null, "" or nothing ends next, link and cursor.  Where the URL, the
 * body or a header has {page}, the number or token stands there, and no param is
 * needed.
 *
 * A page is held in memory until it is whole (max_document), so that one that
 * breaks off, or repeats an earlier one, leaves no items behind.  A walk ends
 * with a warning after max pages, and with a page that has been there: by its
 * bytes, its URL or its token.
 */
#ifndef DL_SOURCE_PAGES_H
#define DL_SOURCE_PAGES_H

#include "buf.h"
#include "conf.h"
#include "err.h"
#include "template.h"

#include <stdint.h>

#define DL_PAGES_MAX 1000        /* pages of a walk, unless max is given */
#define DL_PAGES_MOST 100000     /* what max may be */
#define DL_PAGES_PLACE_MAX 16384 /* bytes of a URL or a token */
#define DL_PAGES_MS 10000        /* for the expression, on one page */

enum dl_pages_by {
	DL_PAGES_NONE,
	DL_PAGES_NEXT,
	DL_PAGES_LINK,
	DL_PAGES_PAGE,
	DL_PAGES_OFFSET,
	DL_PAGES_CURSOR
};

struct dl_pages_spec {
	enum dl_pages_by by;
	const char *next;               /* next, cursor: the expression */
	const char *param, *size_param; /* names in a query, or NULL */
	int64_t start, size, max;       /* size 0: not given */
	const char *path;               /* of the specification */
	int line;                       /* of next, or of pages */
	int by_index;                   /* private */
};

/*
 * Take the node (NULL: one page is all) and check it offline, the expression
 * too.  placed: {page} stands somewhere, so that param is not needed; whole:
 * pages are JSON documents, as next and cursor need.
 */
int dl_pages_take(const struct dl_conf *c, const struct dl_conf_node *node,
    bool placed, bool whole, struct dl_pages_spec *spec, struct dl_err *err);

struct dl_pages;

/* spec was taken, is not NONE, and is borrowed. */
struct dl_pages *dl_pages_new(
    const struct dl_pages_spec *spec, size_t max_document, struct dl_err *err);
void dl_pages_free(struct dl_pages *p); /* NULL does nothing */

/* A walk begins. */
void dl_pages_begin(struct dl_pages *p);

/* What {page} stands for; it lives until the next page. */
struct dl_span dl_pages_token(const struct dl_pages *p);

/*
 * The URL of the page at hand; base is the source's, with its names filled.  It
 * lives until the next call.
 */
const char *dl_pages_url(struct dl_pages *p, const char *base);

/* Its bytes: begin (again), and more of them.  DL_EXIT_DATA: too many. */
void dl_pages_page(struct dl_pages *p);
int dl_pages_bytes(
    struct dl_pages *p, const char *bytes, size_t n, struct dl_err *err);
struct dl_span dl_pages_body(const struct dl_pages *p);

/*
 * The page is whole: has this walk had the same bytes?  Then that is said, and
 * the walk has ended: nothing of it is to be handed on.
 */
bool dl_pages_repeats(struct dl_pages *p);

/* Is it the beginning of a JSON document, without its end? */
bool dl_pages_cut_off(const struct dl_pages *p);

/*
 * On to the next page: 1; 0: that was the last; -1.  link: the page's Link
 * header; items: how many it had.
 */
int dl_pages_next(struct dl_pages *p, struct dl_span link, uint64_t items,
    struct dl_err *err);

/* Has 'max' ended the walk, before a page that is there? */
bool dl_pages_left_out(const struct dl_pages *p);

#endif
