#include "http_private.h"

#include "clock.h"
#include "log.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PRIORITIES \
	"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE"
#define POOL_MIN ((size_t)36 << 10)
#define STOP_MS 10000 /* until a stop believes that nothing ends any more */

static int64_t
or_else(int64_t n, int64_t other)
{
	return n > 0 ? n : other;
}

static void
fill_in(struct dl_http_options *o)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (o->threads <= 0)
		o->threads = cpus > 0 && cpus < 1024 ? (int)cpus : 1;
	o->max_connections = or_else(o->max_connections, 4096);
	o->max_client_connections = or_else(o->max_client_connections, 1024);
	o->max_header_bytes = or_else(o->max_header_bytes, 16 << 10);
	o->max_body_bytes = or_else(o->max_body_bytes, 1 << 20);
	o->max_held_bytes = or_else(o->max_held_bytes, 256 << 20);
	o->header_timeout_ms = or_else(o->header_timeout_ms, 10000);
	o->body_timeout_ms = or_else(o->body_timeout_ms, 60000);
	o->idle_timeout_ms = or_else(o->idle_timeout_ms, 60000);
	dl_http_descriptors(o);
}

static void
set_origins(struct dl_http *h)
{
	const char *const *from = h->options.cors_origins;
	size_t n = 0, i;

	if (from == NULL)
		return;
	while (from[n] != NULL)
		n++;
	h->origins = dl_calloc(n + 1, sizeof(*h->origins));
	for (i = 0; i < n; i++) {
		h->origins[i] = dl_strdup(from[i]);
		if (strcmp(from[i], "*") == 0)
			h->any_origin = true;
	}
}

/* libmicrohttpd's own messages. */
static void __attribute__((format(printf, 2, 0)))
on_message(void *cls, const char *fmt, va_list ap)
{
	char text[512];
	char *s;

	(void)cls;
	vsnprintf(text, sizeof(text), fmt, ap);
	for (s = text; *s != '\0'; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = ' ';
	dl_log(DL_LOG_DEBUG, "http: %s", text);
}

/* Nothing is decoded but by who knows what it is. */
static size_t
on_unescape(void *cls, struct MHD_Connection *c, char *s)
{
	(void)cls;
	(void)c;
	return strlen(s);
}

/*
 * Of one connection.  Above 32 KiB libmicrohttpd maps its memory, which goes
 * back to the system with the connection; less would stay with the heap.
 */
static size_t
pool_size(const struct dl_http_options *o)
{
	size_t n = (size_t)o->max_header_bytes + DL_HTTP_BLOCK;

	return n > POOL_MIN ? n : POOL_MIN;
}

static int
start_daemon(struct dl_http *h, struct dl_err *err)
{
	const struct dl_http_options *o = &h->options;
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD |
	                 MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC |
	                 MHD_USE_ERROR_LOG;
	struct MHD_OptionItem more[4], *m = more;

	if (strchr(o->address, ':') != NULL)
		flags |= MHD_USE_IPv6;
	if (o->threads > 1)
		*m++ = (struct MHD_OptionItem){
		    MHD_OPTION_THREAD_POOL_SIZE, o->threads, NULL};
	if (h->tls != NULL) {
		flags |= MHD_USE_TLS;
		*m++ = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0,
		    (void *)(uintptr_t)PRIORITIES};
		*m++ = (struct MHD_OptionItem){MHD_OPTION_HTTPS_CERT_CALLBACK,
		    0, (void *)dl_http_tls_callback()};
	}
	*m = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
	/* One thread alone may get them all, and those refused for a moment. */
	h->daemon = MHD_start_daemon(flags, 0, NULL, NULL, dl_http_on_request,
	    h, MHD_OPTION_EXTERNAL_LOGGER, on_message, NULL,
	    MHD_OPTION_LISTEN_SOCKET, h->listener, MHD_OPTION_CONNECTION_LIMIT,
	    (unsigned)(o->max_connections + 32) * (unsigned)o->threads,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, pool_size(o),
	    MHD_OPTION_CONNECTION_TIMEOUT,
	    (unsigned)((o->idle_timeout_ms + 999) / 1000),
	    MHD_OPTION_URI_LOG_CALLBACK, dl_http_on_target, h,
	    MHD_OPTION_UNESCAPE_CALLBACK, on_unescape, NULL,
	    MHD_OPTION_NOTIFY_COMPLETED, dl_http_on_completed, h,
	    MHD_OPTION_NOTIFY_CONNECTION, dl_http_on_connection, h,
	    MHD_OPTION_ARRAY, more, MHD_OPTION_END);
	if (h->daemon == NULL)
		return dl_err_temp(err, "cannot start the server's threads");
	return 0;
}

static void
release(struct dl_http *h)
{
	char **o;

	if (h->listener >= 0)
		close(h->listener);
	dl_http_log_close(h->log);
	dl_http_tls_free(h->tls);
	dl_http_clients_free(h);
	dl_http_packers_free(h);
	dl_http_statics_free(h);
	for (o = h->origins; o != NULL && *o != NULL; o++)
		free(*o);
	free(h->origins);
	pthread_mutex_destroy(&h->list_lock);
	pthread_mutex_destroy(&h->packers_lock);
	pthread_mutex_destroy(&h->statics_lock);
	free(h);
}

static int
start_all(struct dl_http *h, struct dl_err *err)
{
	const struct dl_http_options *o = &h->options;

	if (o->cert != NULL && (h->tls = dl_http_tls_new(o, err)) == NULL)
		return -1;
	if (dl_http_listen(h, err) < 0)
		return -1;
	if (o->access_log != NULL &&
	    (h->log = dl_http_log_open(o->access_log, err)) == NULL)
		return -1;
	if (dl_http_janitor_start(h, err) < 0)
		return -1;
	if (start_daemon(h, err) == 0)
		return 0;
	dl_http_janitor_stop(h);
	return -1;
}

struct dl_http *
dl_http_start(const struct dl_http_options *options, struct dl_err *err)
{
	struct dl_http *h = dl_calloc(1, sizeof(*h));
	sigset_t all, before;
	int r;

	h->options = *options;
	h->listener = -1;
	fill_in(&h->options);
	set_origins(h);
	pthread_mutex_init(&h->list_lock, NULL);
	pthread_mutex_init(&h->packers_lock, NULL);
	pthread_mutex_init(&h->statics_lock, NULL);
	if (getrandom(&h->boot, sizeof(h->boot), 0) < 0)
		h->boot = (uint64_t)time(NULL);
	/* Signals are for the caller's threads. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = start_all(h, err);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r == 0)
		return h;
	release(h);
	return NULL;
}

uint16_t
dl_http_port(const struct dl_http *h)
{
	return h->port;
}

int
dl_http_reload(struct dl_http *h, struct dl_err *err)
{
	return h->tls == NULL ? 0 : dl_http_tls_load(h->tls, err);
}

int
dl_http_reopen_log(struct dl_http *h, struct dl_err *err)
{
	return h->log == NULL ? 0 : dl_http_log_reopen(h->log, err);
}

static void
nap(void)
{
	struct timespec t = {.tv_nsec = 5000000};

	nanosleep(&t, NULL);
}

void
dl_http_stop(struct dl_http *h, int64_t grace_ms)
{
	int64_t now = dl_clock_ms(), until = now + grace_ms;

	/* Whoever comes now is refused, and tries elsewhere or again. */
	MHD_quiesce_daemon(h->daemon);
	shutdown(h->listener, SHUT_RDWR);
	atomic_store(&h->stopping, 1);
	while (dl_clock_ms() < until && atomic_load(&h->connections) > 0) {
		dl_http_sweep(h, 1);
		nap();
	}
	atomic_store(&h->stopping, 2);
	until = dl_clock_ms() + STOP_MS;
	while (dl_clock_ms() < until && atomic_load(&h->connections) > 0) {
		dl_http_sweep(h, 2);
		nap();
	}
	dl_http_janitor_stop(h);
	MHD_stop_daemon(h->daemon);
	release(h);
}

void
dl_http_counts(const struct dl_http *h, struct dl_http_counts *c)
{
	size_t i;

	c->requests = atomic_load(&h->requests);
	for (i = 0; i < 6; i++)
		c->by_class[i] = atomic_load(&h->by_class[i]);
	for (i = 0; i < 12; i++)
		c->seconds_le[i] = atomic_load(&h->le[i]);
	c->bytes_out = atomic_load(&h->bytes_out);
	c->micros = atomic_load(&h->micros);
	c->refused_connections = atomic_load(&h->refused);
	c->timeouts = atomic_load(&h->timeouts);
	c->connections = atomic_load(&h->connections);
	c->streams = atomic_load(&h->streams);
}
