/*
 * What the files of s3.h share.
 *
 *	s3.c          a client: its options, its idle connections
 *	s3_url.c      addresses, endpoints, URLs: what is signed and sent
 *	s3_link.c     one transfer by libcurl
 *	s3_request.c  a signed request, until it is answered
 *	s3_fail.c     what a failure means
 *	s3_put.c      put an object
 *	s3_multi.c    ... in pieces
 *	s3_get.c      look at an object, fetch it, remove it
 *	s3_list.c     lists of objects, and of uploads
 */
#ifndef DL_S3_PRIVATE_H
#define DL_S3_PRIVATE_H

#include "retry.h"
#include "s3.h"
#include "s3_cred.h"
#include "sigv4.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>

#define DL_S3_SHA256_META "x-amz-meta-dl-sha256"
#define DL_S3_REFUSAL_MAX (64 << 10) /* of a failure's body */
#define DL_S3_JOBS 4                 /* pieces of an upload at a time */
#define DL_S3_JOBS_MAX 64
#define DL_S3_BASE64 45 /* a sha256, with its NUL */

struct dl_s3_link;

struct dl_s3 {
	struct dl_s3_options o;
	char *bucket;
	char *prefix; /* "" or "a/b/" */
	char *name;
	char *endpoint;
	char *
	    host; /* of the requests, with its port unless it is the scheme's */
	char *base;  /* what goes before a key: scheme, host, and the bucket
		       where it is not in host */
	size_t root; /* how much of base is scheme and host */
	char *region;
	char *ca; /* or NULL */

	pthread_mutex_t lock;    /* of all below; held for moments only */
	struct dl_s3_cred *cred; /* of who has set finding */
	bool finding;            /* keys are looked for */
	bool stale;              /* signer's are known to be refused */
	struct dl_sigv4 *signer; /* for the keys of that generation, or NULL */
	uint64_t generation;
	int64_t expires;         /* these keys: seconds since 1970 */
	struct dl_s3_link *idle; /* connections */
};

/* s3_url.c */

/* Fill bucket, prefix and name.  DL_EXIT_USAGE. */
int dl_s3_url_address(struct dl_s3 *s, const char *address, struct dl_err *err);

/*
 * Fill endpoint, host and base: of the URL endpoint, or NULL: of AWS's for
 * s->region.  DL_EXIT_CONF.
 */
int dl_s3_url_endpoint(struct dl_s3 *s, const char *endpoint,
    enum dl_s3_style style, struct dl_err *err);

/* Escaped as S3 signs it; '/' too, unless it is a path. */
void dl_s3_url_escape(struct dl_buf *b, struct dl_span text, bool path);

/*
 * The URL of an object (a key relative to the prefix) or of the bucket (NULL),
 * in b; *path is where its path lies in it.
 */
void dl_s3_url_make(const struct dl_s3 *s, const char *key, const char *query,
    struct dl_buf *b, struct dl_span *path);

/* What is written as name=value, after what is there. */
void dl_s3_url_query(struct dl_buf *b, const char *name, struct dl_span value);

/* Undo the escaping; a plus sign is a space.  What is no escape stays. */
void dl_s3_url_unescape(struct dl_buf *b, struct dl_span text);

/* s3_link.c, s3_request.c */

enum dl_s3_result {
	DL_S3_FAIL = -1, /* for good */
	DL_S3_DONE = 0,
	DL_S3_AGAIN = 1 /* err says why; trying again may help */
};

/* What is no failure to whom it is told. */
enum dl_s3_expect {
	DL_S3_ABSENT = 1,    /* 404 NoSuchKey */
	DL_S3_PRESENT = 2,   /* 412 */
	DL_S3_NO_UPLOAD = 4, /* 404 NoSuchUpload */
	DL_S3_RANGE = 8      /* 416 */
};

struct dl_s3_answer {
	int status;
	bool lost;       /* an earlier try may have been carried out */
	char code[64];   /* of a failure, or "" */
	char text[256];  /* what the service says of it */
	char region[64]; /* that the bucket is said to be in, or "" */
	char etag[80];   /* without quotes */
	char sha256[65];
	int64_t length; /* of the body, -1 unknown */
	int64_t from;   /* where a 206 begins; -1 unknown */
	int64_t total;  /* of the object, of a 206; -1 unknown */
	int64_t modified_ms, date_ms;
	int64_t after_ms;
};

/* Some bytes of a success's body; -1 (with err) ends the transfer. */
typedef int dl_s3_take_fn(void *arg, const struct dl_s3_answer *a,
    const char *p, size_t n, struct dl_err *err);

/* Headers, "Name: value"; zeroed: none. */
struct dl_s3_lines {
	char **v; /* NULL-ended, or NULL */
	size_t n;
};
void dl_s3_lines_add(struct dl_s3_lines *l, const char *fmt, ...)
    DL_PRINTF(2, 3);
void dl_s3_lines_release(struct dl_s3_lines *l);

/* All is borrowed. */
struct dl_s3_request {
	const char *method;
	const char *key;                   /* relative; NULL: the bucket */
	const char *query;                 /* escaped, or NULL */
	const struct dl_s3_lines *headers; /* or NULL */
	/* A body: bytes of memory, or of a file where it has no bytes. */
	struct dl_span bytes;
	int fd;
	uint64_t from, size;
	const char *file;    /* its name */
	const char *payload; /* sha256 in hex; NULL: of no bytes at all */
	int expect;          /* of enum dl_s3_expect */
	bool etag;           /* a success without one is none of S3's */
	/* Where a success's body goes: into (at most max bytes), or take. */
	struct dl_buf *into;
	size_t max;
	const char *xml; /* into: the element that a success is, or NULL */
	dl_s3_take_fn *take;
	void *arg;
	int64_t give_up_ms;        /* 0: the options' */
	const atomic_bool *halted; /* stop as well when it is true; or NULL */
};

/* A connection of its own; NULL: libcurl can't start. */
struct dl_s3_link *dl_s3_link_new(struct dl_s3 *s, struct dl_err *err);
void dl_s3_link_free(struct dl_s3_link *l); /* NULL does nothing */
struct dl_s3_link **dl_s3_link_next(struct dl_s3_link *l);

/* Is it to end at once? */
bool dl_s3_stopped(const struct dl_s3 *s, const struct dl_s3_request *r);

/*
 * One transfer.  DL_S3_DONE: there is an answer, of whatever status; refusal
 * has the body of one that is no success.
 */
enum dl_s3_result dl_s3_link_run(struct dl_s3_link *l, const char *url,
    struct curl_slist *headers, const struct dl_s3_request *r,
    struct dl_s3_answer *a, struct dl_buf *refusal, struct dl_err *err);

/* How it has gone so far. */
struct dl_s3_patience {
	struct dl_retry retry;
	int64_t give_up_ms;
	int64_t failing_ms; /* since then; -1: it isn't */
	bool lost;          /* a try may have been carried out */
};

void dl_s3_patience_init(struct dl_s3_patience *p, const struct dl_s3 *s,
    const struct dl_s3_request *r);
void dl_s3_patience_renew(struct dl_s3_patience *p); /* it gets on */

/* One try, signed, over an idle connection. */
enum dl_s3_result dl_s3_try(struct dl_s3 *s, const struct dl_s3_request *r,
    struct dl_s3_answer *a, struct dl_s3_patience *p, struct dl_err *err);

/*
 * It failed, and may be tried again: wait until then.  0, and err is cleared;
 * -1: it is given up, and err says so.
 */
int dl_s3_wait(struct dl_s3 *s, const struct dl_s3_request *r,
    const struct dl_s3_answer *a, struct dl_s3_patience *p, struct dl_err *err);

/* Try until it is answered: 0 a success, or what was expected; -1. */
int dl_s3_send(struct dl_s3 *s, const struct dl_s3_request *r,
    struct dl_s3_answer *a, struct dl_err *err);

/* DL_EXIT_DATA where the whole key is none that S3 takes. */
int dl_s3_check_key(const struct dl_s3 *s, const char *key, struct dl_err *err);

/* s3_fail.c */

/* "s3://bucket/key", of what is asked for; at most DL_S3_SHOWN bytes of it. */
#define DL_S3_SHOWN 300
const char *dl_s3_shown(
    const struct dl_s3 *s, const char *key, char out[DL_S3_SHOWN]);

/* Fill a's code, text and region from a failure's body. */
void dl_s3_fail_take(struct dl_s3_answer *a, struct dl_span body);

/* The service has answered; is it what was asked for or expected? */
enum dl_s3_result dl_s3_fail_answer(const struct dl_s3 *s,
    const struct dl_s3_request *r, const struct dl_s3_answer *a,
    struct dl_err *err);

/* May new keys help? */
bool dl_s3_fail_renew(
    const struct dl_s3_request *r, const struct dl_s3_answer *a);

/* libcurl says that it failed; text is its own, or "". */
enum dl_s3_result dl_s3_fail_transfer(const struct dl_s3 *s,
    const struct dl_s3_request *r, CURLcode code, const char *text,
    long proxy_status, struct dl_err *err);

/* s3_put.c */

/* The headers that an object gets, whole or in pieces. */
void dl_s3_put_headers(const struct dl_s3 *s, const struct dl_s3_put *how,
    const char *sha256, struct dl_s3_lines *lines);

/* SHA-256 of size bytes of body from from on, in hex and in base 64. */
int dl_s3_put_hash(const struct dl_s3_body *body, uint64_t from, uint64_t size,
    char hex[DL_SIGV4_HASH], char base64[DL_S3_BASE64], struct dl_err *err);

/* Is the object at key the one with that sha256: 1 yes, 0 no, -1. */
int dl_s3_put_mine(
    struct dl_s3 *s, const char *key, const char *sha256, struct dl_err *err);

/* s3_multi.c: as dl_s3_put(), in pieces; sha256 is the body's. */
int dl_s3_multi(struct dl_s3 *s, const char *key, const struct dl_s3_body *body,
    const struct dl_s3_put *how, const char *sha256, struct dl_err *err);

#endif
