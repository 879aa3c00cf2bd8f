/*
 * The twin over HTTP: what serve_*.c share.
 *
 * serve.c starts, reloads and stops it, serve_conf.c reads serve.yaml,
 * serve_route.c finds who answers, serve_auth.c asks whether the caller may, and
 * each of the others answers some targets.  Answerers run in the threads of
 * http.h; each reads the twin by the handle of its thread, dl_serve_reader().
 *
 * What a caller may not see is answered as what is not there, byte for byte.
 */
#ifndef DL_SERVE_H
#define DL_SERVE_H

#include "bearer.h"
#include "http.h"
#include "serve_conf.h"
#include "twin.h"

#include <pthread.h>
#include <stdatomic.h>

/* Answers are kept in memory whole: a page ends, or a query is refused. */
#define DL_SERVE_PAGE_BYTES ((size_t)8 << 20)
#define DL_SERVE_ANSWER_BYTES ((size_t)16 << 20)

struct dl_http_rate;
struct dl_issue;
struct dl_serve_feed;
struct dl_serve_writer;
struct dl_serve_readers;
struct dl_serve_route;
struct dl_serve_waiter;

struct dl_serve {
	struct dl_serve_conf conf; /* its texts are the starter's */

	/*
	 * The twin; NULL until ready is true.  It stays the same, as do feed and
	 * writer, until the server is stopped.
	 */
	_Atomic bool ready;
	struct dl_twin *twin;
	struct dl_serve_feed *feed;     /* of serve_feed.c */
	struct dl_serve_writer *writer; /* NULL: nobody may write */

	/* NULL until listening has begun: the first requests may be earlier. */
	struct dl_http *_Atomic http;
	struct dl_http_rate *rate; /* NULL: no limit */

	/* With --open everybody is who asks, and the others are NULL. */
	struct dl_grant *everybody;
	struct dl_bearer *bearer;
	struct dl_jwks *jwks;
	struct dl_policy *policy;
	struct dl_issue *issue; /* NULL too where no tokens are issued */

	struct dl_serve_readers *readers;
	struct dl_time started;
	char *dir, *home;

	pthread_mutex_t lock; /* of failed */
	struct dl_err failed; /* the first that dl_serve_fail() was told */
};

/* A request that somebody may make, on its way to who answers it. */
struct dl_serve_call {
	struct dl_serve *s;
	struct dl_http_request *q;
	const struct dl_serve_route *route;
	struct dl_grant *grant; /* NULL only where the route asks for none */
	struct dl_span
	    args[2]; /* {c} and {m}, decoded; names a twin may have */
	void *state; /* the answerer's own, kept over LATER */
	void (*release)(void *state);

	/* serve_route.c's and serve_auth.c's own */
	struct dl_buf names;
	struct dl_serve_waiter *waiter;
	bool waited;
};

typedef enum dl_http_next dl_serve_fn(struct dl_serve_call *call);

/*
 * Start all of it; conf is borrowed and checked.  dir is the twin's directory,
 * home that of dl-token's keys (NULL without `issue`).  Without a twin that can be made (nobody may
 * write) it starts all the same, and dl_serve_tick() opens it when it is there.
 */
struct dl_serve *dl_serve_start(const struct dl_serve_conf *conf,
    const char *dir, const char *home, struct dl_err *err);

/* To be called about each second.  -1: it can't go on, see err. */
int dl_serve_tick(struct dl_serve *s, struct dl_err *err);

/*
 * SIGHUP: certificate, keys, policy are read again, the access log is opened
 * again.  What is wrong with one is logged, and the old one stays.
 */
void dl_serve_reload(struct dl_serve *s);

/* Let what is under way end (conf's grace), stop, release.  NULL is nothing. */
void dl_serve_stop(struct dl_serve *s);

/* From any thread: it can't go on.  dl_serve_tick() hands the first on. */
void dl_serve_fail(struct dl_serve *s, const struct dl_err *err);

/* "https://127.0.0.1:8443", as it listens. */
void dl_serve_url(const struct dl_serve *s, struct dl_buf *url);

/*
 * A reader of the twin for this thread alone, kept for it until the server
 * stops; not before ready.
 */
struct dl_twin *dl_serve_reader(struct dl_serve *s);

/* Where the twin failed: 503 or 500, and err into the log with the request. */
enum dl_http_next dl_serve_failed(
    struct dl_serve_call *call, const struct dl_err *err);

/* 404, in the same words for what is absent and what may not be seen. */
enum dl_http_next dl_serve_absent(struct dl_serve_call *call);

/* 400, with err's message. */
enum dl_http_next dl_serve_bad(
    struct dl_serve_call *call, const struct dl_err *err);

/* The handlers of http.h; arg is the server.  serve_route.c */
dl_http_handler dl_serve_head, dl_serve_handle;

/*
 * serve_auth.c: who asks, and may he?  GO_ON with call->grant set where the
 * route needs one; ANSWERED with 400, 401, 403, 429 or 503; LATER while keys are
 * fetched.
 */
enum dl_http_next dl_serve_allow(struct dl_serve_call *call);
/* The same when the body is there: rights may be gone since.  Never LATER. */
enum dl_http_next dl_serve_allow_still(struct dl_serve_call *call);
void dl_serve_forget(struct dl_serve_call *call);

/*
 * serve_local.c: without tokens a page of another origin, which a browser on
 * this machine shows, is answered 403.  Is the Host localhost, 127.0.0.1 or
 * [::1], or is there none?
 */
enum dl_http_next dl_serve_keep_out(struct dl_serve_call *call);
bool dl_serve_host_is_local(const struct dl_http_request *q);

/* serve_read.c, serve_metric.c, serve_query.c */
dl_serve_fn dl_serve_components, dl_serve_component, dl_serve_metric,
    dl_serve_query;
/* serve_changes.c, serve_events.c, serve_page.c */
dl_serve_fn dl_serve_changes, dl_serve_events, dl_serve_page;
/* serve_meta.c, serve_metrics.c, serve_openapi.c */
dl_serve_fn dl_serve_healthz, dl_serve_readyz, dl_serve_prometheus,
    dl_serve_openapi;
/* What /openapi.json says, for as long as the program runs. */
struct dl_span dl_serve_openapi_text(void);
/* serve_token.c: with `issue` */
dl_serve_fn dl_serve_token, dl_serve_jwks;

/* serve_feed.c: the changes, read once for all followers. */
struct dl_serve_feed *dl_serve_feed_start(
    struct dl_serve *s, struct dl_err *err);
/* Every stream ends at its next chance (policy changed, stop). */
void dl_serve_feed_end_all(struct dl_serve_feed *f);
void dl_serve_feed_stop(struct dl_serve_feed *f);

/* serve_writer.c: a thread that commits what requests bring, together. */
struct dl_serve_writer *dl_serve_writer_start(
    struct dl_serve *s, struct dl_err *err);
void dl_serve_writer_stop(struct dl_serve_writer *w);

#endif
