/*
 * A list's pages: how long one is, where it begins, what leads to the next.
 *
 * A cursor is opaque: base64url of a version byte and the last name that was
 * answered, which is one that the caller may see.
 */
#ifndef DL_SERVE_PAGING_H
#define DL_SERVE_PAGING_H

#include "serve.h"

struct dl_serve_paging {
	struct dl_buf
	    after; /* the name to go on behind; empty: from the first */
	size_t limit;
};

/* From `after` and `limit` (1 to most); -1: DL_EXIT_DATA, for a 400. */
int dl_serve_paging(struct dl_serve_paging *p, const struct dl_http_request *q,
    size_t usual, size_t most, struct dl_err *err);
void dl_serve_paging_release(struct dl_serve_paging *p);

/*
 * End the page in q->out: ],"next":CURSOR} where there is more behind last (p
 * NULL: there isn't), and a Link header: the request's own target with that
 * cursor.
 */
void dl_serve_paging_end(struct dl_http_request *q, struct dl_span last);

/* Append, and take, the cursor of a name.  -1: it is none. */
void dl_serve_cursor_put(struct dl_buf *b, struct dl_span name);
int dl_serve_cursor_take(struct dl_span cursor, struct dl_buf *name);

#endif
