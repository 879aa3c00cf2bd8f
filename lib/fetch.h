/*
 * Gets documents by URL, again and again, over a connection that is kept: http,
 * https, ftp, ftps (TLS from the start), ftpes (ftp that has to become TLS),
 * sftp and file, through libcurl.
 *
 * Compressed answers (gzip, deflate) are unpacked; one that is packed otherwise
 * is an error (DL_EXIT_DATA).  At most DL_FETCH_REDIRECTS redirects are
 * followed, to http and https alone and never from https to http; credentials
 * and headers of the caller's are not sent to another scheme, host or port than
 * the first URL's.  TLS is 1.2 or later and certificates are verified; HTTP/2 is
 * used where a TLS server offers it.  SFTP servers are known by a known_hosts
 * file: one that is not in it, or has another key, is DL_EXIT_DENIED.  Proxies
 * are taken from the environment as libcurl has it, unless one is given.
 *
 * A redirect of a POST by 301, 302 or 303 becomes a GET without a body; one that
 * would take a body to another server is an error.  An answer whose headers
 * have no end, one that unpacks to more than 1100 times its size, and one of more
 * than max_bytes are errors (DL_EXIT_DATA); one that is cut off is
 * DL_FETCH_AGAIN, as is a file of ftp or sftp that was written to while it was
 * read.  Cookies and .netrc are not used.
 *
 * Messages show the URL without user, password, query and fragment, and never
 * a header's value.  The body of an answer that isn't a success is thrown away.
 */
#ifndef DL_FETCH_H
#define DL_FETCH_H

#include "buf.h"
#include "err.h"
#include "span.h"

#include <signal.h>
#include <stdint.h>

#define DL_FETCH_REDIRECTS 5
#define DL_FETCH_CONNECT_MS (10 * 1000)  /* to connect, handshakes included */
#define DL_FETCH_STALL_S 60              /* without a byte */
#define DL_FETCH_FIELD_MAX 1024          /* of a response header that we use */
#define DL_FETCH_LINK_MAX 8192           /* of the Link header */
#define DL_FETCH_HEADERS_MAX (300 << 10) /* of all headers of an answer */
#define DL_FETCH_REFUSAL_MAX 4096        /* of a failure's body, kept */
#define DL_FETCH_PROOFS 8                /* headers that prove who asks */
#define DL_FETCH_IDLE_MS 20              /* silence that idle is told of */

struct dl_fetch_reply {
	int status;       /* 2xx or 304; 200 where there is no HTTP */
	int64_t after_ms; /* what Retry-After asks for, or -1 */
	uint64_t bytes;   /* of the body, unpacked */
	char type[128];   /* Content-Type; these are "" where absent */
	char etag[DL_FETCH_FIELD_MAX + 1];
	char modified[128]; /* Last-Modified, or an ftp or sftp file's time */
	char link[DL_FETCH_LINK_MAX + 1]; /* Link headers, with ", " between */
	bool link_cut;                    /* there were more of them than fit */
};

enum dl_fetch_result {
	DL_FETCH_FAIL = -1, /* for good, or fn failed */
	DL_FETCH_DONE = 0,
	DL_FETCH_AGAIN = 1,  /* err says why; trying again may help */
	DL_FETCH_STOPPED = 2 /* *stop became true */
};

/* Who we are to a TLS server and whom we trust: paths, or NULL. */
struct dl_tls {
	const char *ca;   /* PEM; NULL: the system's */
	const char *cert; /* PEM, for mutual TLS, with key */
	const char *key;
	const char *key_password; /* a secret reference (secret_ref.h) */
};

/* A request that is about to be sent to the caller's own origin. */
struct dl_fetch_request {
	const char *method;
	const char *url;            /* whole, as it is sent */
	const char *const *headers; /* those of the caller's; NULL-ended */
	struct dl_span body;
};

/*
 * What proves who asks.  All is borrowed until the next proof; NULL: none.
 * Headers are "Name: value"; query is "name=value", escaped, and is added to the
 * URL.
 */
struct dl_fetch_proof {
	const char *user, *password; /* Basic, or a login of ftp and sftp */
	const char *headers[DL_FETCH_PROOFS + 1];
	const char *query;
	const char *key_password; /* of tls.key, or of ssh_key */
};

struct dl_fetch_auth {
	/* Before each request to the caller's origin; proof is zeroed. */
	int (*prove)(void *arg, const struct dl_fetch_request *request,
	    struct dl_fetch_proof *proof, struct dl_err *err);

	/* The server said 401: may a new proof do better?  Asked once a get. */
	bool (*renew)(void *arg);
	void *arg;
};

/* Some bytes of a successful body.  -1 (with err filled) ends the transfer. */
typedef int dl_fetch_fn(void *arg, const struct dl_fetch_reply *reply,
    const char *p, size_t n, struct dl_err *err);

struct dl_fetch_options {
	const char *url;
	const char *method; /* NULL: GET, or POST where there is a body */
	const char *const *headers; /* "Name: value", NULL-ended, or NULL */
	struct dl_tls tls;
	const char *proxy;         /* URL; "": none; NULL: the environment's */
	const char *known_hosts;   /* sftp; NULL: ~/.ssh/known_hosts */
	const char *ssh_key;       /* sftp; a private key's path, or NULL */
	struct dl_fetch_auth auth; /* prove may be NULL */
	/*
	 * For a whole transfer, without the time that fn takes.  Files have
	 * none, and endless ones only until the head of a success has come.
	 */
	int64_t timeout_ms;
	long stall_s;      /* without a byte; 0: DL_FETCH_STALL_S */
	int64_t max_bytes; /* of a body, as it is handed out; 0: no limit */
	bool endless;      /* a body without end: silence is no fault */
	int64_t listen_ms; /* ... that has ended after so long; 0: never */
	/*
	 * Called when nothing has come for DL_FETCH_IDLE_MS, once for each
	 * silence, after what was handed out; NULL: nobody wants to know.
	 */
	int (*idle)(void *arg, struct dl_err *err);
	/*
	 * Gets the first DL_FETCH_REFUSAL_MAX bytes of the body of an answer
	 * that is no success; NULL: nobody wants them.
	 */
	struct dl_buf *refusal;
	bool beside; /* in a thread beside the one that tells metrics */
	bool here;   /* a redirect to another scheme, host or port is refused */
	dl_fetch_fn *fn;
	void *arg; /* of fn and idle */
	/* Set by a signal's handler, or atomically by another thread. */
	const volatile sig_atomic_t *stop;
};

/* Is it a proxy's URL, as the options take it?  DL_EXIT_CONF: "is not ...". */
int dl_fetch_proxy_check(const char *url, struct dl_err *err);

struct dl_fetch;

/*
 * Prepare, offline; what options points to is borrowed.  When *stop becomes
 * true, what goes on ends at once.  DL_EXIT_CONF: not a URL of a known scheme.
 */
struct dl_fetch *dl_fetch_new(
    const struct dl_fetch_options *options, struct dl_err *err);
void dl_fetch_free(struct dl_fetch *f); /* NULL does nothing */

/* The URL without user, password, query and fragment; lives as long as f. */
const char *dl_fetch_shown(const struct dl_fetch *f);

/* The same of what was asked for last; it lives until the next get. */
const char *dl_fetch_asked(const struct dl_fetch *f);

/* Is it a file's? */
bool dl_fetch_is_file(const struct dl_fetch *f);

/* What is asked for: all of it is borrowed during the call. */
struct dl_fetch_ask {
	const char *url; /* NULL: that of the options; may be relative to it */
	struct dl_span body; /* absent: no body */
	/* Make it conditional, where they are not absent. */
	struct dl_span etag, modified;
	const char *const *headers; /* more of them, or NULL */
};

/*
 * Get it.  Where it was conditional, reply->status is 304 if nothing has
 * changed.  A 304 to what was not asked (nor by a header of the caller's) is
 * refused like any other failure.
 */
enum dl_fetch_result dl_fetch_get(struct dl_fetch *f,
    const struct dl_fetch_ask *ask, struct dl_fetch_reply *reply,
    struct dl_err *err);

#endif
