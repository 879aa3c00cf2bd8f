/*
 * What the files of fetch.h share.
 *
 *	fetch.c         a get: its requests, one after the other
 *	fetch_url.c     URLs: relative ones, origins, what may be shown
 *	fetch_setup.c   libcurl, set up for a scheme and for a request
 *	fetch_hosts.c   the servers of sftp that are known
 *	fetch_head.c    the head of an answer
 *	fetch_run.c     a transfer, until it has ended
 *	fetch_fail.c    what a failure means
 *	fetch_remote.c  files of ftp and sftp: have they changed?
 */
#ifndef DL_FETCH_PRIVATE_H
#define DL_FETCH_PRIVATE_H

#include "buf.h"
#include "fetch.h"

#include <curl/curl.h>

/*
 * What answers may be packed with.  libcurl may know zstd and brotli too, but
 * a sender of theirs says how much memory unpacking takes: up to 128 MiB.
 */
#define DL_FETCH_ENCODINGS "gzip, deflate"

#define DL_FETCH_REFUSED_MAX (64 << 10) /* of a body that is thrown away */
#define DL_FETCH_METHOD_MAX 31

enum dl_fetch_scheme {
	DL_FETCH_FILE,
	DL_FETCH_HTTP, /* and https */
	DL_FETCH_FTP,  /* and ftps, ftpes */
	DL_FETCH_SFTP
};

/* What is asked of a file of ftp or sftp, instead of its bytes. */
enum dl_fetch_look {
	DL_FETCH_WHOLE, /* nothing: its bytes are wanted */
	DL_FETCH_STAT,  /* ftp: size and time */
	DL_FETCH_PAST   /* sftp: the byte at look_size, and the time */
};

struct dl_fetch {
	struct dl_fetch_options o;
	CURLM *multi;
	CURL *easy;
	CURLU *url; /* the options', without user and password */
	enum dl_fetch_scheme scheme;
	bool explicit_tls;     /* ftpes */
	char *user, *password; /* of the options' URL, or NULL */
	char *shown;
	char *known_hosts;
	int hosts_fd; /* a copy of it in memory, or -1 */

	/* Of the get at hand. */
	const struct dl_fetch_ask *ask;
	struct dl_fetch_reply *reply;
	struct dl_err *err;
	CURLU *at;   /* where redirects have led */
	char *label; /* the URL that was asked for, as it may be shown */
	char method[DL_FETCH_METHOD_MAX + 1];
	struct dl_span body;
	bool body_dropped; /* by a redirect */
	int64_t since_ms;
	int64_t waited_ms; /* of that, for the caller */

	/* Of the request at hand. */
	enum dl_fetch_look look;
	uint64_t look_size;
	struct dl_fetch_proof proof;
	CURLU *sent; /* with what the proof adds */
	struct curl_slist *headers;
	char text[CURL_ERROR_SIZE];
	int64_t came_ms;  /* when something came last */
	int64_t heard_ms; /* when something was handed out last */
	bool untold;      /* ... of which idle knows nothing yet */
	bool headed;      /* a head of HTTP's has come whole */
	bool flowing;     /* ... and it was of a success */
	bool listened;    /* an endless one was for long enough */
	bool began;       /* the answer's head was looked at */
	bool packed;      /* ... and says that it is packed otherwise */
	bool failed;      /* by the caller, or a limit: err is filled */
	size_t head_bytes;
	uint64_t refused;
	CURLcode code; /* how libcurl says that it ended */
	int host_key;  /* enum curl_khmatch, or -1: not seen */
};

/* fetch_url.c */

/* Fill url, scheme, explicit_tls, user, password and shown from o.url. */
int dl_fetch_url_open(struct dl_fetch *f, struct dl_err *err);

/* Point f->at, and f->label, at what is asked for. */
int dl_fetch_url_ask(struct dl_fetch *f, const char *url, struct dl_err *err);

/* Point f->at where a redirect leads to. */
int dl_fetch_url_redirect(
    struct dl_fetch *f, const char *to, struct dl_err *err);

/* Is f->at at the scheme, host and port of the options' URL? */
bool dl_fetch_url_own(const struct dl_fetch *f);

/* A part of u, or NULL; curl_free() it. */
char *dl_fetch_url_part(CURLU *u, CURLUPart what, unsigned flags);

/* fetch_setup.c */

/* What stays the same for all requests. */
int dl_fetch_setup(struct dl_fetch *f, struct dl_err *err);

/* For the request at hand; dl_fetch_setup_end() after it, in any case. */
enum dl_fetch_result dl_fetch_setup_request(
    struct dl_fetch *f, struct dl_err *err);
void dl_fetch_setup_end(struct dl_fetch *f);

/*
 * fetch_hosts.c: read the known_hosts file, for the requests that follow.  At
 * most 16 MiB; a key that is revoked costs a look from each line.
 */
int dl_fetch_hosts(struct dl_fetch *f, struct dl_err *err);

/* fetch_head.c: callbacks of libcurl's, and f->reply from the head. */
size_t dl_fetch_head_line(char *p, size_t size, size_t n, void *arg);
void dl_fetch_head_take(struct dl_fetch *f);

/* A signal or another thread may say so. */
static inline bool
dl_fetch_stopped(const struct dl_fetch *f)
{
	return __atomic_load_n(f->o.stop, __ATOMIC_RELAXED) != 0;
}

/* fetch_run.c */
size_t dl_fetch_run_body(char *p, size_t size, size_t n, void *arg);

/*
 * The transfer that is set up.  DL_FETCH_DONE: there is an answer, of whatever
 * status.
 */
enum dl_fetch_result dl_fetch_run(struct dl_fetch *f, struct dl_err *err);

/* fetch_fail.c */

/* How a failure with err goes on: whether trying again may help. */
enum dl_fetch_result dl_fetch_fail_as(const struct dl_err *err);

/* libcurl says that it failed. */
enum dl_fetch_result dl_fetch_fail_transfer(
    struct dl_fetch *f, struct dl_err *err);

/* The server has answered, but not with what was asked for. */
enum dl_fetch_result dl_fetch_fail_status(
    struct dl_fetch *f, int status, struct dl_err *err);

/* fetch.c */

/* One request to f->at, in the way that f->look says. */
enum dl_fetch_result dl_fetch_request(struct dl_fetch *f, struct dl_err *err);

/*
 * fetch_remote.c: as dl_fetch_get(), for a file of ftp or sftp.  What is kept
 * as `modified` is its time and its size.
 */
enum dl_fetch_result dl_fetch_remote(struct dl_fetch *f, struct dl_err *err);

#endif
