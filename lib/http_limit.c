/*
 * The connections: a list of all, how many each client has, and the janitor, who
 * cuts those whose time is over and calls streams that have been quiet.
 *
 * libmicrohttpd's own timeout is for silence alone: a byte now and then would
 * hold a connection for ever.
 */
#include "http_private.h"

#include "clock.h"
#include "hash.h"
#include "log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#define TICK_MS 200
#define TICKS 5 /* until each connection is looked after */
#define PLACES 1024
#define WAKE_MAX 256

struct client {
	struct client *next;
	unsigned char address[16];
	int64_t n;
};

struct dl_http_clients {
	struct client *at[PLACES];
};

static struct client **
client_place(struct dl_http *h, const unsigned char address[16])
{
	uint64_t hash = dl_hash64(dl_span((const char *)address, 16));
	struct client **c = &h->clients->at[dl_hash_place(hash) % PLACES];

	while (*c != NULL && memcmp((*c)->address, address, 16) != 0)
		c = &(*c)->next;
	return c;
}

static int64_t
client_add(struct dl_http *h, const unsigned char address[16])
{
	struct client **c = client_place(h, address);

	if (*c == NULL) {
		*c = dl_calloc(1, sizeof(**c));
		memcpy((*c)->address, address, 16);
	}
	return ++(*c)->n;
}

static void
client_drop(struct dl_http *h, const unsigned char address[16])
{
	struct client **c = client_place(h, address), *gone = *c;

	if (gone == NULL || --gone->n > 0)
		return;
	*c = gone->next;
	free(gone);
}

void
dl_http_clients_free(struct dl_http *h)
{
	size_t i;

	for (i = 0; h->clients != NULL && i < PLACES; i++)
		while (h->clients->at[i] != NULL) {
			struct client *c = h->clients->at[i];

			h->clients->at[i] = c->next;
			free(c);
		}
	free(h->clients);
}

bool
dl_http_hold(struct dl_http_private *p)
{
	size_t n = p->body.cap + p->packed.cap + p->q.out.cap;
	int64_t more = (int64_t)n - (int64_t)p->held, all;

	if (n <= DL_HTTP_KEEP) {
		dl_http_let_go(p);
		return true;
	}
	if (more == 0)
		return true;
	all = atomic_fetch_add(&p->http->held, more) + more;
	p->held = n;
	return more < 0 || all <= p->http->options.max_held_bytes ||
	       all == (int64_t)n;
}

void
dl_http_let_go(struct dl_http_private *p)
{
	if (p->held > 0)
		atomic_fetch_sub(&p->http->held, (int64_t)p->held);
	p->held = 0;
}

/* The client's address for people, and for limits: an IPv6 network is one. */
static void
set_address(struct dl_http_private *p, const struct sockaddr *a)
{
	static const unsigned char mapped[12] = {
	    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	unsigned char six[16];
	char *text = p->q.address;

	memset(six, 0, sizeof(six));
	if (a != NULL && a->sa_family == AF_INET) {
		memcpy(six, mapped, 12);
		memcpy(six + 12,
		    &((const struct sockaddr_in *)(const void *)a)->sin_addr,
		    4);
	} else if (a != NULL && a->sa_family == AF_INET6) {
		memcpy(six,
		    &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr,
		    16);
	}
	if (memcmp(six, mapped, 12) == 0) {
		inet_ntop(AF_INET, six + 12, text, sizeof(p->q.address));
		memcpy(p->client, six, 16);
		strcpy(p->q.client, text);
	} else {
		inet_ntop(AF_INET6, six, text, sizeof(p->q.address));
		memcpy(p->client, six, 8);
		inet_ntop(
		    AF_INET6, p->client, p->q.client, sizeof(p->q.client));
	}
}

/* Without libmicrohttpd: it has none to send, and is not sending. */
static void
say(struct dl_http_private *p, int status, const char *reason, const char *name,
    const char *id, const char *detail)
{
	struct dl_buf body = {0}, b = {0};

	if (p->http->tls != NULL)
		return;
	dl_http_problem_text(&body, status, name, id, detail);
	dl_buf_printf(&b,
	    "HTTP/1.1 %d %s\r\nContent-Type: application/problem+json\r\n"
	    "Cache-Control: no-store\r\nConnection: close\r\n"
	    "Retry-After: 1\r\nContent-Length: %zu\r\n\r\n",
	    status, reason, body.len);
	dl_buf_span(&b, dl_buf_as_span(&body));
	if (send(p->fd, b.p, b.len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		(void)0; /* whoever doesn't read gets no word */
	dl_buf_release(&b);
	dl_buf_release(&body);
}

static void
connected(struct dl_http *h, struct MHD_Connection *c, void **context)
{
	const union MHD_ConnectionInfo *info;
	struct dl_http_private *p = dl_calloc(1, sizeof(*p));
	const char *many = NULL;

	p->http = h;
	p->connection = c;
	p->q.private = p;
	info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
	p->fd = info == NULL ? -1 : info->connect_fd;
	info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	set_address(p, info == NULL ? NULL : info->client_addr);
	atomic_store(
	    &p->deadline, dl_clock_ms() + h->options.header_timeout_ms);
	*context = p;
	pthread_mutex_lock(&h->list_lock);
	p->serial = ++h->serials;
	if ((p->next = h->list) != NULL)
		p->next->prev = p;
	h->list = p;
	if (client_add(h, p->client) > h->options.max_client_connections)
		many = "this client has too many connections";
	if ((int64_t)atomic_fetch_add(&h->connections, 1) >=
	    h->options.max_connections)
		many = "there are too many connections";
	pthread_mutex_unlock(&h->list_lock);
	if (many == NULL)
		return;
	atomic_fetch_add(&h->refused, 1);
	say(p, 503, "Service Unavailable", "too-many-connections", NULL, many);
	shutdown(p->fd, SHUT_RDWR);
}

static void
disconnected(struct dl_http *h, struct dl_http_private *p)
{
	pthread_mutex_lock(&h->list_lock);
	if (p->prev != NULL)
		p->prev->next = p->next;
	else
		h->list = p->next;
	if (p->next != NULL)
		p->next->prev = p->prev;
	client_drop(h, p->client);
	pthread_mutex_unlock(&h->list_lock);
	dl_buf_release(&p->target);
	dl_buf_release(&p->headers);
	dl_buf_release(&p->body);
	dl_buf_release(&p->packed);
	dl_buf_release(&p->q.out);
	free(p);
	atomic_fetch_sub(&h->connections, 1);
}

void
dl_http_on_connection(void *cls, struct MHD_Connection *c, void **context,
    enum MHD_ConnectionNotificationCode what)
{
	if (what == MHD_CONNECTION_NOTIFY_STARTED)
		connected(cls, c, context);
	else if (*context != NULL)
		disconnected(cls, *context);
}

/*
 * Its time is over.  While a head or a body comes, nothing is being sent, so a
 * word can be; to somebody who never began a request none is.
 */
static void
cut(struct dl_http_private *p)
{
	struct dl_http *h = p->http;

	if (atomic_load(&p->under_way)) {
		atomic_fetch_add(&h->timeouts, 1);
		say(p, 408, "Request Timeout", "timeout", NULL,
		    "the request did not come in time");
	}
	shutdown(p->fd, SHUT_RDWR);
}

/* The connections to resume, found under the lock and resumed without it. */
struct waking {
	struct MHD_Connection *at[WAKE_MAX];
	size_t n;
};

/* Has the client closed its side, and is everything read that it sent? */
static bool
has_left(const struct dl_http_private *p)
{
	char byte;

	return recv(p->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/*
 * libmicrohttpd misses an end that comes together with bytes, and does not look
 * at who sleeps.  To shut the side that is closed anyway tells it again; a
 * stream's reader that has left is given no more.
 */
static void
look_after(struct dl_http_private *p)
{
	bool stream = atomic_load(&p->beat) != 0;

	if ((!stream && atomic_load(&p->deadline) == 0) || !has_left(p))
		return;
	shutdown(p->fd, SHUT_RD);
	atomic_store(&p->left, stream);
}

static void
look_at(struct dl_http_private *p, int64_t now, struct waking *w)
{
	int64_t at = atomic_load(&p->deadline);

	if (at != 0 && now >= at &&
	    atomic_compare_exchange_strong(&p->deadline, &at, 0))
		cut(p);
	at = atomic_load(&p->beat);
	if (at != 0 && atomic_load(&p->left))
		at = now;
	/* One that sleeps can't end: nobody but who wakes it can let it. */
	if (at != 0 && now >= at && w->n < WAKE_MAX && dl_http_gate_take(p))
		w->at[w->n++] = p->connection;
}

static void
sweep_one(struct dl_http_private *p, int how, struct waking *w)
{
	bool stream = atomic_load(&p->beat) != 0;

	if (!atomic_load(&p->under_way))
		shutdown(p->fd, SHUT_RD);
	else if (how == 2)
		shutdown(p->fd, SHUT_RDWR);
	if ((stream || how == 2) && w->n < WAKE_MAX && dl_http_gate_take(p))
		w->at[w->n++] = p->connection;
}

static void
wake_all(struct waking *w)
{
	while (w->n > 0)
		MHD_resume_connection(w->at[--w->n]);
}

void
dl_http_sweep(struct dl_http *h, int how)
{
	struct waking w = {.n = 0};
	struct dl_http_private *p;

	pthread_mutex_lock(&h->list_lock);
	for (p = h->list; p != NULL; p = p->next)
		sweep_one(p, how, &w);
	pthread_mutex_unlock(&h->list_lock);
	wake_all(&w);
}

static void
round_of(struct dl_http *h, uint64_t tick)
{
	int64_t now = dl_clock_ms();
	struct waking w = {.n = 0};
	struct dl_http_private *p;
	bool full;

	do {
		pthread_mutex_lock(&h->list_lock);
		for (p = h->list; p != NULL; p = p->next) {
			if (p->serial % TICKS == tick % TICKS)
				look_after(p);
			look_at(p, now, &w);
		}
		pthread_mutex_unlock(&h->list_lock);
		full = w.n == WAKE_MAX;
		wake_all(&w);
	} while (full);
	if (h->tls != NULL)
		dl_http_tls_tidy(h->tls, now);
}

static void *
janitor_run(void *arg)
{
	struct dl_http *h = arg;
	struct timespec until;
	uint64_t tick = 0;

	pthread_mutex_lock(&h->janitor_lock);
	while (!h->janitor_ends) {
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += TICK_MS * 1000000L;
		if (until.tv_nsec >= 1000000000L) {
			until.tv_nsec -= 1000000000L;
			until.tv_sec++;
		}
		pthread_cond_timedwait(
		    &h->janitor_wake, &h->janitor_lock, &until);
		pthread_mutex_unlock(&h->janitor_lock);
		round_of(h, tick++);
		pthread_mutex_lock(&h->janitor_lock);
	}
	pthread_mutex_unlock(&h->janitor_lock);
	return NULL;
}

int
dl_http_janitor_start(struct dl_http *h, struct dl_err *err)
{
	pthread_condattr_t attr;

	h->clients = dl_calloc(1, sizeof(*h->clients));
	pthread_mutex_init(&h->janitor_lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&h->janitor_wake, &attr);
	pthread_condattr_destroy(&attr);
	errno = pthread_create(&h->janitor, NULL, janitor_run, h);
	return errno == 0 ? 0 : dl_err_errno(err, "cannot start a thread");
}

void
dl_http_janitor_stop(struct dl_http *h)
{
	pthread_mutex_lock(&h->janitor_lock);
	h->janitor_ends = true;
	pthread_mutex_unlock(&h->janitor_lock);
	pthread_cond_signal(&h->janitor_wake);
	pthread_join(h->janitor, NULL);
	pthread_mutex_destroy(&h->janitor_lock);
	pthread_cond_destroy(&h->janitor_wake);
}
