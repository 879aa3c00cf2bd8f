/*
 * Conditional requests, RFC 9110 sections 8.8 and 13, and the dates of HTTP.
 */
#ifndef DL_SERVE_IF_H
#define DL_SERVE_IF_H

#include "http.h"

#define DL_SERVE_DATE 32 /* "Sun, 06 Nov 1994 08:49:37 GMT" and its NUL */
#define DL_SERVE_ETAG 35 /* 32 hex digits, in quotes, and a NUL */

/* Unix time as an IMF-fixdate; years 0 to 9999. */
void dl_serve_date(int64_t sec, char out[DL_SERVE_DATE]);

/*
 * Any of the three forms of a date; of years with two digits the one that is at
 * most 50 years after now.  false: it is none of them.
 */
bool dl_serve_date_take(struct dl_span text, int64_t now, int64_t *sec);

/*
 * Has the client what is there?  By If-None-Match; without one by
 * If-Modified-Since and modified, which is INT64_MIN where it isn't known.  The
 * date is to be the same one: a record that comes late has a time before that
 * of the client's last request, and is new all the same.
 */
bool dl_serve_unchanged(
    const struct dl_http_request *q, const char *etag, int64_t modified);

/*
 * Does it want only what isn't there any more (412)?  By If-Match; without one
 * by If-Unmodified-Since.
 */
bool dl_serve_refused(
    const struct dl_http_request *q, const char *etag, int64_t modified);

#endif
