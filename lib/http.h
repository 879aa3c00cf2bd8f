/*
 * An HTTP/1.1 server on libmicrohttpd: epoll, a pool of threads, TLS by GnuTLS.
 *
 * Each request is a struct dl_http_request, which the server owns from the
 * moment its first line is there until the answer is sent or broken off.  All
 * calls for one request come from one thread at a time.  The target is handed
 * out as it was sent: nothing is decoded but by dl_http_decode(), once.
 *
 * The answer of a failure is a problem of RFC 9457.  Limits that are passed are
 * answered by the server itself, in the same form where HTTP still lets it.
 */
#ifndef DL_HTTP_H
#define DL_HTTP_H

#include "buf.h"
#include "err.h"
#include "span.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define DL_HTTP_TARGET_MAX 8192 /* bytes of a request's target */
#define DL_HTTP_ID 33           /* a request's id with its NUL */

enum dl_http_method {
	DL_HTTP_GET,
	DL_HTTP_HEAD,
	DL_HTTP_POST,
	DL_HTTP_OPTIONS,
	DL_HTTP_OTHER
};

/* What a handler has decided. */
enum dl_http_next {
	DL_HTTP_GO_ON,    /* head alone: take the body, then handle */
	DL_HTTP_ANSWERED, /* an answer was made */
	DL_HTTP_LATER     /* call it again after dl_http_resume() */
};

struct dl_http;
struct dl_http_private;

struct dl_http_request {
	enum dl_http_method method;
	struct dl_span method_name; /* as it was sent */
	struct dl_span path, query; /* raw; query without its '?' */
	struct dl_span body;        /* whole, in handle */
	size_t body_max;            /* head may lower or raise it */
	char id[DL_HTTP_ID]; /* the client's X-Request-Id, or a new one */
	char address[64];    /* of the client, without port */
	char client[64];     /* the same, or its IPv6 network: for limits */
	struct dl_buf out;   /* the answer's body is written here */
	void *state;         /* the handler's own; NULL at first */
	void (*release)(void *state); /* called at the end, where not NULL */
	const char
	    *who; /* for the access log: the token's subject; may be NULL */
	struct dl_http_private *private; /* the server's own */
};

/*
 * Who was answered LATER may be resumed until release was called, which is also
 * how a stop that has waited long enough ends it: take your own lock there.
 *
 * head: the headers are there; GO_ON, ANSWERED or LATER.  A request that is
 * refused here costs no body.  handle: the whole request is there; ANSWERED
 * or LATER.  After LATER the same one is called again once dl_http_resume()
 * was; that may come from any thread, before the handler has returned too.
 */
typedef enum dl_http_next dl_http_handler(void *arg, struct dl_http_request *q);

struct dl_http_options {     /* strings are kept, not copied, but for origins */
	const char *address; /* "127.0.0.1", "::1", "0.0.0.0" */
	uint16_t port;       /* 0: any free one, see dl_http_port() */
	const char *cert, *key; /* paths, PEM; both NULL: no TLS */
	int threads;            /* 0: one for each processor */
	/* Limits; 0: the default, in brackets */
	int64_t max_connections;        /* [4096] of all clients */
	int64_t max_client_connections; /* [1024] of one address */
	int64_t max_header_bytes;       /* [16 KiB] first line and headers */
	int64_t max_body_bytes;         /* [1 MiB] */
	int64_t max_held_bytes; /* [256 MiB] bodies and answers of all */
	int64_t
	    header_timeout_ms; /* [10 s] to send the head, from its first byte or the connection's begin */
	int64_t body_timeout_ms; /* [60 s] to send the body */
	int64_t
	    idle_timeout_ms; /* [60 s] between requests, and for a reader that takes nothing */
	const char *const *cors_origins; /* NULL-ended; "*": any; NULL: none */
	const char *access_log; /* a path, "-" for standard error, NULL: none */
	dl_http_handler *head, *handle;
	void *arg;
};

/* Listen and serve, in threads of its own, until dl_http_stop(). */
struct dl_http *dl_http_start(
    const struct dl_http_options *options, struct dl_err *err);
uint16_t dl_http_port(const struct dl_http *h);

/* Read certificate and key again: for connections from now on. */
int dl_http_reload(struct dl_http *h, struct dl_err *err);

/* Reopen the access log by its path (it was rotated). */
int dl_http_reopen_log(struct dl_http *h, struct dl_err *err);

/*
 * Accept no more, end streams, let requests under way end for at most
 * grace_ms, stop all threads, release.
 */
void dl_http_stop(struct dl_http *h, int64_t grace_ms);

struct dl_http_counts {                 /* since the start, but for the last */
	uint64_t requests, by_class[6]; /* [4]: of 4xx; [0] broken off */
	uint64_t bytes_out;
	uint64_t refused_connections, timeouts;
	/*
	 * How long requests took, streams left out: [i] are those that took at
	 * most dl_http_bounds[i] and more than the bound before; and their sum.
	 */
	uint64_t seconds_le[12], micros;
	uint64_t connections, streams; /* open now */
};
extern const double dl_http_bounds[11]; /* seconds; the last bucket is +Inf */
void dl_http_counts(const struct dl_http *h, struct dl_http_counts *c);

/* The first header of that name, or a span with p NULL. */
struct dl_span dl_http_get_header(
    const struct dl_http_request *q, const char *name);

/* Of several headers of one name (Cookie, Authorization): how many. */
int dl_http_count_header(const struct dl_http_request *q, const char *name);

/*
 * The decoded value of a query's parameter, in *b: 1, 0 absent, -1 (badly
 * encoded, not UTF-8, NUL, or there twice: err says so, for a 400).
 */
int dl_http_param(const struct dl_http_request *q, const char *name,
    struct dl_buf *b, struct dl_err *err);

/* Percent-decode once, "+" stays: false for %GG, a cut escape, %00, bad UTF-8. */
bool dl_http_decode(struct dl_span raw, struct dl_buf *b);

/* Does If-None-Match name this tag ("\"abc\""), or any? */
bool dl_http_matches(const struct dl_http_request *q, const char *tag);

/* A header of the answer; name is a literal, the value is copied. */
void dl_http_header(struct dl_http_request *q, const char *name,
    const char *fmt, ...) DL_PRINTF(3, 4);

/*
 * Answer with q->out, of the media type (NULL where it is empty).  It is packed
 * with gzip where it is large, the client takes that, and packing is true.
 * 304 and HEAD send no body, but the headers of what they stand for (a 304 not
 * its length).  Returns DL_HTTP_ANSWERED.
 */
enum dl_http_next dl_http_answer(
    struct dl_http_request *q, int status, const char *type, bool packing);

/*
 * The same from memory that lives as long as the server (the page), with a tag and
 * packed bytes that are made once, 304 where the client has it, and "no-cache"
 * unless there is a Cache-Control.
 */
enum dl_http_next dl_http_answer_static(struct dl_http_request *q, int status,
    const char *type, struct dl_span body);

/*
 * A problem: {"type":"urn:dl:problem:NAME","title":…,"status":…,"detail":…,
 * "instance":"urn:dl:request:ID"} as application/problem+json.  name is
 * stable and lower case ("not-found", "stale"); the title follows from it.
 * Headers that were of another answer (Cache-Control, ETag, Last-Modified, Link)
 * are taken back.  Returns DL_HTTP_ANSWERED.
 */
enum dl_http_next dl_http_problem(struct dl_http_request *q, int status,
    const char *name, const char *fmt, ...) DL_PRINTF(4, 5);

/* After DL_HTTP_LATER, from any thread: call the handler again. */
void dl_http_resume(struct dl_http_request *q);

/*
 * Answer 200 with a stream.  fill writes at most max bytes: how many; 0:
 * nothing now (it is called again after dl_http_wake(), which may come at any
 * time from any thread until done was called, and is never lost, or after
 * beat_ms without a wake); -1: the end.  A reader that is slow is one whose fill is
 * called seldom: nothing is buffered beyond a block of 16 KiB.  done is called
 * once, when the stream has ended however it did; after it arg is not used, and
 * after it dl_http_wake(q) must not be called (take your own lock in done).
 */
struct dl_http_stream {
	const char *type;
	int64_t beat_ms;
	ssize_t (*fill)(void *arg, char *p, size_t max);
	void (*done)(void *arg);
	void *arg;
};
enum dl_http_next dl_http_stream(
    struct dl_http_request *q, const struct dl_http_stream *stream);
void dl_http_wake(struct dl_http_request *q);

#endif
