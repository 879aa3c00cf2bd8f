/*
 * A client of S3 (AWS's, and the services that speak like it): objects of one
 * bucket below one prefix.
 *
 * It may be used from any number of threads at once; each call borrows an idle
 * connection.  Requests are signed (sigv4.h) with credentials from s3_cred.h,
 * which are found anew shortly before they expire and when the service says
 * that they have.  Keys given here and told of are relative to the prefix.
 *
 * What may pass (5xx, 429, SlowDown, RequestTimeout, resets, timeouts, no
 * connection, a name that does not resolve) is tried again with backoff until
 * give_up_ms have gone by since it first failed; then it is DL_EXIT_TEMP.  What
 * won't pass fails at once: no such bucket DL_EXIT_CONF, access denied, a wrong
 * signature, a wrong clock (the message has the skew) and unknown keys
 * DL_EXIT_DENIED.  Messages name s3://bucket/key and the service's own code,
 * never a secret.
 */
#ifndef DL_S3_H
#define DL_S3_H

#include "buf.h"
#include "err.h"
#include "span.h"

#include <signal.h>
#include <stdint.h>

#define DL_S3_PIECE (8 << 20) /* of a multipart upload, at least */
#define DL_S3_PIECES 10000    /* of one upload, at most: S3's limit */
#define DL_S3_KEY_MAX 1024    /* bytes of a key: S3's limit */
#define DL_S3_GIVE_UP_MS (60 * 1000)

enum dl_s3_style { DL_S3_STYLE_AUTO, DL_S3_STYLE_PATH, DL_S3_STYLE_VIRTUAL };

/* All borrowed until dl_s3_free; zeroed: the defaults. */
struct dl_s3_options {
	/*
	 * endpoint: a URL; NULL: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, the
	 * profile's, or AWS's for the region.  region: NULL: AWS_REGION,
	 * AWS_DEFAULT_REGION, the profile's, or us-east-1.
	 */
	const char *endpoint;
	const char *region;
	const char *profile;     /* NULL: AWS_PROFILE, or "default" */
	const char *credentials; /* a secret reference (secret_ref.h) to
				    "KEY:SECRET" or "KEY:SECRET:TOKEN"; NULL: as
				    s3_cred.h finds them */
	const char *home;        /* for secret: references */
	enum dl_s3_style style;  /* AUTO: path where there is an endpoint */
	const char *ca;          /* PEM; NULL: AWS_CA_BUNDLE, or the system's */
	const char *sse;         /* "AES256", "aws:kms", or NULL */
	const char *sse_key_id;  /* with aws:kms, or NULL */
	const char *storage_class;         /* or NULL */
	const char *tags;                  /* "k=v&k=v", escaped, or NULL */
	int64_t give_up_ms;                /* 0: DL_S3_GIVE_UP_MS */
	const volatile sig_atomic_t *stop; /* true: give up now; or NULL */
};

struct dl_s3;

/* Is it an address of this kind: does it begin with "s3://"? */
bool dl_s3_is(const char *address);

/*
 * Prepare, without a request; address: s3://bucket or s3://bucket/prefix (a
 * slash at its end does not matter).  DL_EXIT_USAGE: it is none.
 * DL_EXIT_CONF: what configures it is wrong.
 */
struct dl_s3 *dl_s3_new(const char *address,
    const struct dl_s3_options *options, struct dl_err *err);
void dl_s3_free(struct dl_s3 *s); /* NULL does nothing; no call is under way */

/* s3://bucket/prefix, without a slash at its end; lives as long as s. */
const char *dl_s3_name(const struct dl_s3 *s);

/* The endpoint in use, "https://HOST[:PORT]"; lives as long as s. */
const char *dl_s3_endpoint(const struct dl_s3 *s);

/* What is put: bytes in memory, or where bytes.p is NULL size bytes of fd. */
struct dl_s3_body {
	struct dl_span bytes;
	int fd; /* read by pread from 0 */
	uint64_t size;
	const char *name; /* of the file, for messages */
};

struct dl_s3_put {
	const char *type;        /* Content-Type, or NULL */
	const char *sha256;      /* of the whole body, hex; NULL: found out */
	const char *const *meta; /* "x-amz-meta-NAME: VALUE", NULL-ended, or
				      NULL; ASCII, all together at most 2 KB */
	bool create;             /* If-None-Match: * */
	bool standard;           /* not of the options' storage class */
	int jobs;                /* pieces of one upload at a time; 0: 4 */
};

/*
 * Put an object: 0; 1: create, and another object has the key; -1.  One that is
 * known by its sha256 to be this one, put by a try of this call whose answer
 * was lost, is no other: 0.  It is there whole and durable when this returns 0,
 * and was never seen in part.  After -1 it may be there as well: who puts it
 * again, and is told 1, asks dl_s3_head() whose it is.
 *
 * A body of more than two pieces is put in pieces (multipart), jobs at a time,
 * in threads of their own; a failure aborts the upload.  Memory does not grow
 * with the body.  All bodies go with their sha256, signed, and as a checksum
 * for the service to keep.
 */
int dl_s3_put(struct dl_s3 *s, const char *key, const struct dl_s3_body *body,
    const struct dl_s3_put *how, struct dl_err *err);

struct dl_s3_object {
	const char *key; /* relative; of a listing: valid during the call */
	uint64_t size;
	int64_t modified_ms; /* since 1970; -1 unknown */
	char etag[80];       /* without quotes */
	char sha256[65];     /* what x-amz-meta-dl-sha256 says; "" unknown, and
				in listings */
};

/* 1 it is there, 0 it isn't, -1. */
int dl_s3_head(struct dl_s3 *s, const char *key, struct dl_s3_object *o,
    struct dl_err *err);

/*
 * Fetch an object to fd, a file, which is then as long as it: 1, 0 it isn't
 * there, -1.  A transfer that breaks off goes on where it was, if the object is
 * still the same one.
 */
int dl_s3_get(struct dl_s3 *s, const char *key, int fd, const char *fd_name,
    struct dl_s3_object *o, struct dl_err *err);

/* The same into memory, at most max bytes (more: DL_EXIT_DATA), appended. */
int dl_s3_read(struct dl_s3 *s, const char *key, size_t max, struct dl_buf *b,
    struct dl_err *err);

/* Told of an object: -1 stop with err; 0 go on; 1 go on after *skip. */
typedef int dl_s3_list_fn(void *arg, const struct dl_s3_object *o,
    struct dl_buf *skip, struct dl_err *err);

/*
 * List what is below (a key's beginning, "" for all) after the key after (NULL:
 * from the first), in the order of the keys' bytes.  Where fn returns 1 with a
 * key in *skip, keys up to and including it are passed over, without fetching
 * pages of nothing else.  What is in a directory "D/" lies before "D0".
 */
int dl_s3_list(struct dl_s3 *s, const char *below, const char *after,
    dl_s3_list_fn *fn, void *arg, struct dl_err *err);

/* Remove it; that it isn't there is no failure. */
int dl_s3_remove(struct dl_s3 *s, const char *key, struct dl_err *err);

/* Told of an upload that was begun and not ended; -1 to stop with err. */
typedef int dl_s3_upload_fn(void *arg, const char *key, const char *id,
    int64_t begun_ms, struct dl_err *err);
int dl_s3_uploads(struct dl_s3 *s, const char *below, dl_s3_upload_fn *fn,
    void *arg, struct dl_err *err);
int dl_s3_abort(
    struct dl_s3 *s, const char *key, const char *id, struct dl_err *err);

#endif
