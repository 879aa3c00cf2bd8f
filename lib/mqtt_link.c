#include "mqtt_link.h"

#include "buf.h"
#include "clock.h"
#include "mqtt_fail.h"
#include "mqtt_setup.h"

#include <errno.h>
#include <fcntl.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define NAP_MS 250

struct dl_mqtt_link {
	const struct dl_mqtt_link_options *o;
	struct mosquitto *m;
	int qos;
	bool v4;             /* the second try, see fall_back */
	bool reached;        /* the broker's machine has answered */
	bool taken;          /* and the broker: CONNACK */
	bool ready;          /* SUBACK */
	bool failed;         /* in a callback: err says how */
	int64_t deadline_ms; /* until taken, then until ready */
	int mid;             /* of our SUBSCRIBE */
	int nsubs;
	size_t owed; /* messages whose acknowledgements wait in the queue */
	struct {
		int mid;
		bool dup;
	} log; /* what its log says of the message that comes next */
	size_t log_start_len;
	char log_start[DL_MQTT_CLIENT_ID + 40];
	char said[200]; /* the first error that it logged */
	struct dl_err err, first;
};

void
dl_mqtt_topics_print(const char *const *topics, int64_t qos, struct dl_buf *b)
{
	for (; *topics != NULL; topics++)
		dl_buf_printf(b, "%d %s\n", (int)qos, *topics);
}

/*
 * The mark of a message that is delivered again is nowhere but in the log: a
 * line that isn't understood counts as a message that comes first.
 */
static void
on_log(struct mosquitto *m, void *arg, int level, const char *text)
{
	struct dl_mqtt_link *l = arg;
	int dup, qos, retain, mid;

	(void)m;
	if (level == MOSQ_LOG_ERR && l->said[0] == '\0')
		snprintf(l->said, sizeof(l->said), "%s", text);
	if (level != MOSQ_LOG_DEBUG ||
	    strncmp(text, l->log_start, l->log_start_len) != 0 ||
	    sscanf(text + l->log_start_len, "d%d, q%d, r%d, m%d,", &dup, &qos,
		&retain, &mid) != 4)
		return;
	l->log.mid = mid;
	l->log.dup = dup == 1;
	/* Such a one is kept in memory until a PUBREL, which may never come. */
	if (qos > 1 && !l->failed) {
		l->failed = true;
		dl_err_temp(&l->err, "the broker sends with QoS %d", qos);
	}
}

/* Is topic, with our QoS, among what the session is subscribed to? */
static bool
is_subscribed(const struct dl_mqtt_link *l, const char *topic)
{
	const char *one[] = {topic, NULL};
	struct dl_buf line = {0};
	bool found;

	dl_mqtt_topics_print(one, l->qos, &line);
	found = l->o->subscribed.len >= line.len &&
	        memmem(l->o->subscribed.p, l->o->subscribed.len, line.p,
		    line.len) != NULL;
	dl_buf_release(&line);
	return found;
}

/* What the session is subscribed to and we want no more. */
static int
unsubscribe(struct dl_mqtt_link *l)
{
	struct dl_span rest = l->o->subscribed;
	int rc = MOSQ_ERR_SUCCESS;

	while (rc == MOSQ_ERR_SUCCESS && rest.len > 0) {
		const char *end = memchr(rest.p, '\n', rest.len);
		bool wanted = false;
		char *topic;

		if (end == NULL || end - rest.p < 3)
			break;
		topic =
		    dl_strndup(dl_span(rest.p + 2, (size_t)(end - rest.p) - 2));
		for (const char *const *t = l->o->topics; *t != NULL; t++)
			wanted = wanted || strcmp(*t, topic) == 0;
		if (!wanted)
			rc = mosquitto_unsubscribe(l->m, NULL, topic);
		free(topic);
		rest = dl_span(end + 1, (size_t)(dl_span_end(rest) - end) - 1);
	}
	return rc;
}

/*
 * In a session that goes on, nothing that was retained is to come again: MQTT 5
 * can say so, 3.1.1 can't, and is told new topics alone.
 */
static int
subscribe(struct dl_mqtt_link *l, bool resumed)
{
	const char *subs[DL_MQTT_TOPICS + 1];
	bool v5 = l->o->spec->version == 0;
	int rc;

	for (const char *const *t = l->o->topics; *t != NULL; t++)
		if (!resumed || v5 || !is_subscribed(l, *t))
			subs[l->nsubs++] = *t;
	if (l->nsubs == 0) {
		l->ready = true;
		return MOSQ_ERR_SUCCESS;
	}
	rc = mosquitto_subscribe_multiple(l->m, &l->mid, l->nsubs,
	    (char *const *)(uintptr_t)subs, l->qos,
	    v5 && resumed ? MQTT_SUB_OPT_SEND_RETAIN_NEW : 0, NULL);
	return rc;
}

static void
on_connect(struct mosquitto *m, void *arg, int code, int flags,
    const mosquitto_property *props)
{
	struct dl_mqtt_link *l = arg;
	bool resumed = (flags & 1) != 0;
	int rc;

	(void)m, (void)props;
	if (l->failed)
		return;
	if (code != 0) {
		l->failed = true;
		dl_mqtt_fail_connect(code, l->o->spec->version == 0, &l->err);
		return;
	}
	if (l->taken)
		return;
	l->taken = true;
	l->deadline_ms = dl_clock_ms() + DL_MQTT_SUBSCRIBE_MS;
	l->o->began(l->o->arg, resumed);
	rc = resumed ? unsubscribe(l) : MOSQ_ERR_SUCCESS;
	if (rc == MOSQ_ERR_SUCCESS)
		rc = subscribe(l, resumed);
	if (rc != MOSQ_ERR_SUCCESS) {
		l->failed = true;
		dl_err_conf(
		    &l->err, "cannot subscribe: %s", mosquitto_strerror(rc));
	}
}

static void
on_subscribe(struct mosquitto *m, void *arg, int mid, int n, const int *granted)
{
	struct dl_mqtt_link *l = arg;

	(void)m;
	if (l->failed || mid != l->mid || l->nsubs == 0)
		return;
	if (n != l->nsubs) {
		l->failed = true;
		dl_err_temp(&l->err, "the broker answers for %d of %d topics",
		    n, l->nsubs);
	}
	for (int i = 0; i < n && !l->failed; i++)
		l->failed =
		    dl_mqtt_fail_subscribe(granted[i], l->qos, &l->err) < 0;
	l->ready = !l->failed;
}

static void
on_disconnect(
    struct mosquitto *m, void *arg, int code, const mosquitto_property *props)
{
	struct dl_mqtt_link *l = arg;

	(void)m, (void)props;
	/* Lower ones are libmosquitto's own, and are returned to us. */
	if (l->failed || code < 0x80)
		return;
	l->failed = true;
	dl_mqtt_fail_disconnect(code, &l->err);
}

static void
on_message(struct mosquitto *m, void *arg, const struct mosquitto_message *got,
    const mosquitto_property *props)
{
	struct dl_mqtt_link *l = arg;
	char *type = NULL;
	struct dl_mqtt_message x = {
	    .topic = dl_span_str(got->topic),
	    .payload = dl_span("", 0),
	    .type = "",
	    .mid = got->qos == 0 ? 0 : (uint16_t)got->mid,
	    .again = got->qos > 0 && l->log.dup && l->log.mid == got->mid,
	};

	(void)m;
	l->log.dup = false;
	if (got->qos > 0)
		l->owed++;
	if (l->failed)
		return;
	if (got->payloadlen > 0)
		x.payload = dl_span(got->payload, (size_t)got->payloadlen);
	if (props != NULL && mosquitto_property_read_string(props,
				 MQTT_PROP_CONTENT_TYPE, &type, false) != NULL)
		x.type = type;
	l->failed = l->o->take(l->o->arg, &x, &l->err) < 0;
	free(type);
	/* What it finds here it takes for its own reading's. */
	errno = 0;
}

static int
password_of_key(char *to, int size, int rwflag, void *userdata)
{
	const struct dl_mqtt_link *l = mosquitto_userdata(userdata);
	const char *password = l->o->key_password;

	(void)rwflag;
	if (password == NULL || strlen(password) >= (size_t)size)
		return 0;
	memcpy(to, password, strlen(password) + 1);
	return (int)strlen(password);
}

/* A new client on its way to the broker. */
static int
start(struct dl_mqtt_link *l, struct dl_err *err)
{
	const struct dl_mqtt_link_options *o = l->o;
	int rc, fd;

	l->deadline_ms = dl_clock_ms() + DL_FETCH_CONNECT_MS;
	l->m = mosquitto_new(o->client_id, dl_mqtt_setup_clean(o), l);
	if (l->m == NULL)
		return dl_err_temp(err, "no MQTT client: %s", strerror(errno));
	mosquitto_threaded_set(l->m, true);
	mosquitto_log_callback_set(l->m, on_log);
	mosquitto_connect_v5_callback_set(l->m, on_connect);
	mosquitto_subscribe_callback_set(l->m, on_subscribe);
	mosquitto_message_v5_callback_set(l->m, on_message);
	mosquitto_disconnect_v5_callback_set(l->m, on_disconnect);
	if (dl_mqtt_setup(l->m, o, password_of_key, err) < 0)
		return -1;
	if (l->v4)
		mosquitto_string_option(l->m, MOSQ_OPT_BIND_ADDRESS, "0.0.0.0");
	rc = mosquitto_connect_async(l->m, o->url->host, o->url->port,
	    (int)(o->spec->keepalive_ms / 1000));
	if (rc == MOSQ_ERR_EAI)
		return dl_err_temp(err, "cannot find '%s': %s", o->url->host,
		    gai_strerror(errno));
	if (rc == MOSQ_ERR_ERRNO)
		return dl_err_temp(err, "cannot connect: %s", strerror(errno));
	if (rc != MOSQ_ERR_SUCCESS)
		return dl_mqtt_fail_client(rc, l->said, false, err);
	/* No program that is run for a secret is to inherit it. */
	if ((fd = mosquitto_socket(l->m)) >= 0)
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	return 0;
}

struct dl_mqtt_link *
dl_mqtt_link_open(const struct dl_mqtt_link_options *o, struct dl_err *err)
{
	struct dl_mqtt_link *l = dl_calloc(1, sizeof(*l));
	int n;

	/* Counted, and never undone: OpenSSL is not ours alone. */
	mosquitto_lib_init();
	l->o = o;
	l->qos = o->glance ? 0 : (int)o->spec->qos;
	n = snprintf(l->log_start, sizeof(l->log_start),
	    "Client %s received PUBLISH (", o->client_id);
	l->log_start_len = (size_t)n;
	if (start(l, err) == 0)
		return l;
	dl_mqtt_link_close(l);
	return NULL;
}

/* The connection is of no use any more. */
static int
fail(struct dl_mqtt_link *l, int rc, struct dl_err *err)
{
	if (!l->failed)
		dl_mqtt_fail_client(rc, l->said, l->taken, &l->err);
	l->failed = true;
	*err = l->err;
	return -1;
}

/*
 * A name may stand for an address that nobody answers at, like localhost's of
 * IPv6, and libmosquitto tries the first one alone: once more, by IPv4.  If that
 * is no better, what was wrong with the first one is told.
 */
static int
fall_back(struct dl_mqtt_link *l, const char *why, struct dl_err *err)
{
	struct dl_err ignored = {0};

	if (!l->v4) {
		dl_err_temp(&l->first, "cannot connect: %s", why);
		mosquitto_destroy(l->m);
		l->v4 = true;
		l->said[0] = '\0';
		if (start(l, &ignored) == 0)
			return 0;
	}
	l->failed = true;
	*err = l->first;
	return -1;
}

/* Has the broker's machine answered?  1, or 0: not yet. */
static int
reach(struct dl_mqtt_link *l, int wait_ms, struct dl_err *err)
{
	struct pollfd p = {.fd = mosquitto_socket(l->m), .events = POLLOUT};
	int error = 0, n = poll(&p, 1, wait_ms), rc;
	socklen_t size = sizeof(error);

	if (n <= 0 && dl_clock_ms() < l->deadline_ms)
		return 0;
	if (n <= 0)
		return fall_back(l, "no answer", err);
	if (getsockopt(p.fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		error = errno;
	/* Of TLS, a part was said already. */
	if (error == ECONNRESET)
		return fail(l, MOSQ_ERR_CONN_LOST, err);
	if (error != 0)
		return fall_back(l, strerror(error), err);
	l->reached = true;
	rc = l->o->url->tls ? mosquitto_loop_read(l->m, 1) : MOSQ_ERR_SUCCESS;
	return rc == MOSQ_ERR_SUCCESS ? 1 : fail(l, rc, err);
}

/* What may be sent, as far as it goes without waiting. */
static int
send_some(struct dl_mqtt_link *l)
{
	int rc = MOSQ_ERR_SUCCESS;

	if (l->owed > 0)
		return rc;
	if (l->taken)
		rc = mosquitto_loop_misc(l->m);
	if (rc == MOSQ_ERR_SUCCESS && mosquitto_want_write(l->m))
		rc = mosquitto_loop_write(l->m, 1);
	return rc;
}

int
dl_mqtt_link_step(struct dl_mqtt_link *l, int wait_ms, struct dl_err *err)
{
	struct pollfd p = {.events = POLLIN};
	int n, rc = MOSQ_ERR_SUCCESS;

	if (!l->reached)
		return reach(l, wait_ms, err);
	if ((p.fd = mosquitto_socket(l->m)) < 0)
		return fail(l, MOSQ_ERR_CONN_LOST, err);
	if (l->owed == 0 && mosquitto_want_write(l->m))
		p.events |= POLLOUT;
	n = poll(&p, 1, wait_ms);
	if (n > 0 && (p.revents & ~POLLOUT) != 0) {
		rc = mosquitto_loop_read(l->m, 1);
		if (rc == MOSQ_ERR_SUCCESS && !l->taken &&
		    (p.revents & (POLLERR | POLLHUP)) != 0)
			rc = MOSQ_ERR_CONN_LOST;
	}
	if (rc == MOSQ_ERR_SUCCESS && !l->failed)
		rc = send_some(l);
	if (rc != MOSQ_ERR_SUCCESS || l->failed)
		return fail(l, rc, err);
	if (!l->ready && dl_clock_ms() >= l->deadline_ms)
		return fail(l, MOSQ_ERR_TIMEOUT, err);
	return n > 0;
}

bool
dl_mqtt_link_ready(const struct dl_mqtt_link *l)
{
	return l->ready;
}

int
dl_mqtt_link_acknowledge(struct dl_mqtt_link *l, struct dl_err *err)
{
	int64_t end = dl_clock_ms() + DL_MQTT_WRITE_MS;
	struct pollfd p = {.events = POLLOUT};
	int rc = MOSQ_ERR_SUCCESS;

	l->owed = 0;
	while (rc == MOSQ_ERR_SUCCESS) {
		rc = mosquitto_loop_write(l->m, 1);
		if (rc != MOSQ_ERR_SUCCESS || *l->o->stop ||
		    !mosquitto_want_write(l->m))
			break;
		/* Nothing more is read until it has taken them. */
		p.fd = mosquitto_socket(l->m);
		if (dl_clock_ms() >= end || p.fd < 0)
			rc = MOSQ_ERR_TIMEOUT;
		else
			(void)poll(&p, 1, NAP_MS);
	}
	return rc == MOSQ_ERR_SUCCESS ? 0 : fail(l, rc, err);
}

void
dl_mqtt_link_close(struct dl_mqtt_link *l)
{
	if (l == NULL)
		return;
	/* With a farewell the acknowledgements that are queued would leave. */
	if (l->taken && !l->failed && l->owed == 0 &&
	    mosquitto_disconnect(l->m) == MOSQ_ERR_SUCCESS)
		(void)mosquitto_loop_write(l->m, 1);
	mosquitto_destroy(l->m);
	free(l);
}
