/*
 * What http_*.c share.  http.c starts and stops, http_call.c is called by
 * libmicrohttpd and calls the handlers, http_request.c checks what came,
 * http_answer.c makes answers, http_stream.c those without an end, http_gate.c
 * puts connections to sleep and wakes them, http_limit.c keeps the list of
 * connections and cuts those that take too long.
 *
 * One record for each connection, used for its requests one after the other.
 * All of it belongs to the connection's thread, but for what is atomic, and for
 * the links of the list, which are under the list's lock.
 */
#ifndef DL_HTTP_PRIVATE_H
#define DL_HTTP_PRIVATE_H

#include "http.h"
#include "http_log.h"

#include <gnutls/abstract.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#define DL_HTTP_BLOCK ((size_t)16 << 10) /* of a stream */
#define DL_HTTP_KEEP ((size_t)64 << 10)  /* buffers kept for the next request */
/* What is taken and thrown away, so that the answer is read. */
#define DL_HTTP_DISCARD_MAX ((int64_t)8 << 20)

enum dl_http_phase {
	DL_HTTP_PHASE_IDLE,    /* no request */
	DL_HTTP_PHASE_HEAD,    /* its headers come, or head was put off */
	DL_HTTP_PHASE_BODY,    /* its body comes, or handle was put off */
	DL_HTTP_PHASE_DISCARD, /* its answer is made, its body still comes */
	DL_HTTP_PHASE_ANSWER   /* its answer is being sent */
};

/* Whether the connection sleeps, and whether somebody woke it. */
enum dl_http_gate { DL_HTTP_AWAKE, DL_HTTP_WOKEN, DL_HTTP_ASLEEP };

struct dl_http_private {
	struct dl_http *http;
	struct MHD_Connection *connection;
	struct dl_http_private *prev, *next;
	int fd;
	unsigned char client[16]; /* its address, as limits see it */
	uint64_t serial, requests;
	_Atomic int64_t
	    deadline;         /* of dl_clock_ms(), to be cut then; 0: none */
	_Atomic int64_t beat; /* when a stream is called again; 0: no stream */
	_Atomic int gate;
	_Atomic bool under_way;
	_Atomic bool left; /* a stream's reader has */

	enum dl_http_phase phase;
	const char *sent_target; /* where it lies in libmicrohttpd's memory */
	size_t sent_len;
	bool begun;      /* the head was checked */
	bool old;        /* HTTP/1.0 */
	bool body_comes; /* there is one */
	bool waits;      /* Expect: 100-continue */
	bool overflow;   /* it was longer than it may be */
	bool crowded;    /* there was no memory for it */
	int64_t length;  /* of the body, as announced; -1: chunked */
	int64_t came;    /* of it */
	struct dl_buf target, headers, body, packed;
	size_t held; /* bytes of buffers that are counted in http->held */

	struct MHD_Response *response;
	int status;
	size_t answer_len; /* of the body that is sent */
	bool streaming;
	struct dl_http_stream stream;
	uint64_t streamed;
	int64_t began_us;

	struct dl_http_request q;
};

struct dl_http_tls;
struct dl_http_clients;
struct dl_http_static;
struct dl_http_packer;

struct dl_http {
	struct dl_http_options options; /* its defaults put in */
	struct MHD_Daemon *daemon;
	int listener;
	uint16_t port;
	uint64_t boot; /* of this start, for ids */
	char **origins;
	bool any_origin;
	struct dl_http_tls *tls;
	struct dl_http_log *log;
	_Atomic int stopping; /* 1: streams end; 2: everything does */

	pthread_mutex_t list_lock;
	struct dl_http_private *list;
	struct dl_http_clients *clients; /* under list_lock */
	uint64_t serials;                /* under list_lock */

	pthread_mutex_t janitor_lock;
	pthread_cond_t janitor_wake;
	bool janitor_ends;
	pthread_t janitor;

	pthread_mutex_t packers_lock;
	struct dl_http_packer *packers;
	pthread_mutex_t statics_lock;
	struct dl_http_static *statics;

	_Atomic int64_t held; /* bytes of large bodies and answers */
	_Atomic uint64_t connections, streams, busy;
	_Atomic uint64_t refused, timeouts;
	_Atomic uint64_t requests, by_class[6], bytes_out, micros, le[12];
};

/* Of http_call.c: what libmicrohttpd calls. */
void *dl_http_on_target(void *cls, const char *uri, struct MHD_Connection *c);
enum MHD_Result dl_http_on_request(void *cls, struct MHD_Connection *c,
    const char *url, const char *method, const char *version,
    const char *upload, size_t *upload_size, void **con_cls);
void dl_http_on_completed(void *cls, struct MHD_Connection *c, void **con_cls,
    enum MHD_RequestTerminationCode how);

/* Of http_request.c: check the head; GO_ON or, where it is bad, ANSWERED. */
enum dl_http_next dl_http_begin(
    struct dl_http_private *p, const char *method, const char *version);

/* Of http_answer.c: with these bytes, which last until they are sent. */
enum dl_http_next dl_http_respond(struct dl_http_private *p, int status,
    const char *type, struct dl_span body);
/* Headers of every answer, onto p->response. */
void dl_http_common_headers(struct dl_http_private *p);
/* Is there a header of the answer with this name?  Its value, or NULL. */
char *dl_http_answer_header(struct dl_http_private *p, const char *name);
void dl_http_drop_header(struct dl_http_private *p, const char *name);
/* A browser's question whether a page may ask: no handler's matter. */
bool dl_http_is_preflight(const struct dl_http_request *q);
/* That, or OPTIONS *, answered. */
enum dl_http_next dl_http_answer_options(struct dl_http_private *p);
/* Of http_problem.c: as its bytes, for answers that bypass libmicrohttpd. */
void dl_http_problem_text(struct dl_buf *b, int status, const char *name,
    const char *id, const char *detail);

/* Of http_static.c */
void dl_http_statics_free(struct dl_http *h);

/* Of http_gzip.c: pack body onto b; false where it can't be. */
bool dl_http_pack(struct dl_http *h, struct dl_span body, struct dl_buf *b);
void dl_http_packers_free(struct dl_http *h);

/* Of http_stream.c: done is called, where it wasn't. */
void dl_http_stream_end(struct dl_http_private *p);

/*
 * Of http_gate.c.  Before each call of a handler or of fill: nobody has woken
 * it.  After one that has nothing: sleep until somebody does.  Awake, from any
 * thread, is never lost; true where it must be resumed by the caller.
 */
void dl_http_gate_open(struct dl_http_private *p);
void dl_http_gate_sleep(struct dl_http_private *p);
void dl_http_gate_wake(struct dl_http_private *p);
bool dl_http_gate_take(struct dl_http_private *p);

/* Of http_limit.c */
/*
 * Count its body and answer, where they are large, among those of all; false:
 * they are too much.  One alone never is.
 */
bool dl_http_hold(struct dl_http_private *p);
void dl_http_let_go(struct dl_http_private *p);
void dl_http_on_connection(void *cls, struct MHD_Connection *c, void **context,
    enum MHD_ConnectionNotificationCode what);
int dl_http_janitor_start(struct dl_http *h, struct dl_err *err);
void dl_http_janitor_stop(struct dl_http *h);
/* Once for each connection, at a stop: 1 gently, 2 not. */
void dl_http_sweep(struct dl_http *h, int how);
void dl_http_clients_free(struct dl_http *h);

/* Of http_listen.c */
int dl_http_listen(struct dl_http *h, struct dl_err *err);
/* Raise the limit of descriptors, and cut max_connections to it. */
void dl_http_descriptors(struct dl_http_options *o);

/* Of http_tls.c */
struct dl_http_tls *dl_http_tls_new(
    const struct dl_http_options *o, struct dl_err *err);
int dl_http_tls_load(struct dl_http_tls *t, struct dl_err *err);
void dl_http_tls_tidy(struct dl_http_tls *t, int64_t now_ms);
void dl_http_tls_free(struct dl_http_tls *t);
/* Which certificate a handshake is given. */
gnutls_certificate_retrieve_function2 *dl_http_tls_callback(void);

#endif
