/*
 * The texts of HTTP that come from outside, read by pure functions: targets,
 * queries, and the lists in headers.
 */
#ifndef DL_HTTP_TEXT_H
#define DL_HTTP_TEXT_H

#include "buf.h"
#include "err.h"
#include "span.h"

#include <stdint.h>

/*
 * Percent-decode once onto b, "+" stays: false for %GG, a cut escape, %00, or
 * what isn't UTF-8 then; b is as it was.
 */
bool dl_http_decode(struct dl_span raw, struct dl_buf *b);

/*
 * The decoded value of name in a query "a=1&b=2", onto b: 1, 0 absent, -1
 * (badly encoded, or there twice).  "name" alone is empty.
 */
int dl_http_query_param(struct dl_span query, const char *name,
    struct dl_buf *b, struct dl_err *err);

/*
 * Split a target into path and query (without its '?'; absent where there is
 * no '?').  "http://host/path" is "/path".  false: it has control bytes, spaces
 * or a fragment, or is no path; "*" alone is one.
 */
bool dl_http_split(
    struct dl_span target, struct dl_span *path, struct dl_span *query);

/* Does this Accept-Encoding allow gzip? */
bool dl_http_takes_gzip(struct dl_span accept);

/* Does this If-None-Match name the tag ("\"abc\""), compared weakly? */
bool dl_http_tag_listed(struct dl_span header, struct dl_span tag);

/* May this be a request's id: 1 to 32 of A-Z a-z 0-9 . _ - ? */
bool dl_http_good_id(struct dl_span id);

/* A Content-Length: digits alone; false for anything else and past 2^62. */
bool dl_http_length(struct dl_span value, int64_t *length);

#endif
