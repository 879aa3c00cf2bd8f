/*
 * Gets one URL, again and again, over a connection that is kept: http, https
 * and file, through libcurl.
 *
 * Compressed answers (gzip, deflate) are unpacked; one that is packed otherwise
 * is an error (DL_EXIT_DATA).  At most DL_FETCH_REDIRECTS redirects are followed, to http and
 * https alone and never from https to http; credentials in the URL and headers
 * of the caller's are not sent to another scheme, host or port.  TLS is 1.2 or
 * later and certificates are verified.  Proxies are taken from the environment
 * as libcurl has it.
 *
 * Messages show the URL without user, password, query and fragment, and never
 * a header's value.  The body of an answer that isn't a success is thrown away.
 */
#ifndef DL_FETCH_H
#define DL_FETCH_H

#include "err.h"
#include "span.h"

#include <signal.h>
#include <stdint.h>

#define DL_FETCH_REDIRECTS 5
#define DL_FETCH_CONNECT_MS (10 * 1000) /* to connect, handshakes included */
#define DL_FETCH_STALL_S 60             /* without a byte */
#define DL_FETCH_FIELD_MAX 1024         /* of a response header that we use */

struct dl_fetch_reply {
	int status;       /* 2xx or 304; 200 for a file */
	int64_t after_ms; /* what Retry-After asks for, or -1 */
	uint64_t bytes;   /* of the body, unpacked */
	char type[128];   /* Content-Type; these are "" where absent */
	char etag[DL_FETCH_FIELD_MAX + 1];
	char modified[128]; /* Last-Modified */
};

enum dl_fetch_result {
	DL_FETCH_FAIL = -1, /* for good, or fn failed */
	DL_FETCH_DONE = 0,
	DL_FETCH_AGAIN = 1,  /* err says why; trying again may help */
	DL_FETCH_STOPPED = 2 /* *stop became true */
};

/* Some bytes of a successful body.  -1 (with err filled) ends the transfer. */
typedef int dl_fetch_fn(void *arg, const struct dl_fetch_reply *reply,
    const char *p, size_t n, struct dl_err *err);

struct dl_fetch;

/*
 * Prepare to get url, with headers ("Name: value", NULL-ended, or NULL),
 * copied.  timeout_ms is for a whole transfer, without the time that fn takes;
 * files have none.  When *stop becomes true, what goes on ends at once.
 * DL_EXIT_CONF: not a URL of a known scheme.
 */
struct dl_fetch *dl_fetch_new(const char *url, const char *const *headers,
    int64_t timeout_ms, const volatile sig_atomic_t *stop, struct dl_err *err);
void dl_fetch_free(struct dl_fetch *f); /* NULL does nothing */

/* The URL without user, password, query and fragment; lives as long as f. */
const char *dl_fetch_shown(const struct dl_fetch *f);

/* Is it a file's? */
bool dl_fetch_is_file(const struct dl_fetch *f);

/*
 * Get it.  etag and modified, where not absent, make the request conditional:
 * reply->status is then 304 if nothing has changed.  A 304 to what was not asked
 * (nor by a header of the caller's) is refused like any other failure.
 */
enum dl_fetch_result dl_fetch_get(struct dl_fetch *f, struct dl_span etag,
    struct dl_span modified, dl_fetch_fn *fn, void *arg,
    struct dl_fetch_reply *reply, struct dl_err *err);

#endif
