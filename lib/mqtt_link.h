/*
 * A connection to an MQTT broker whose acknowledgements leave when they are
 * told to, through libmosquitto.
 *
 * libmosquitto makes a message's PUBACK before it shows the message.  Told that
 * others run its threads (mosquitto_threaded_set) it only queues what it makes;
 * nothing but mosquitto_loop_write() sends it, and that is called here alone,
 * while no message of QoS 1 came since the last acknowledge.  A connection is
 * made once: after a failure it is closed, with all that it had queued, and
 * another one is opened.
 *
 * libmosquitto 2.0.11 ends the process (abort) over a property that MQTT 5 does
 * not have; as after any other death nothing is lost.
 */
#ifndef DL_MQTT_LINK_H
#define DL_MQTT_LINK_H

#include "err.h"
#include "fetch.h"
#include "mqtt_spec.h"
#include "span.h"

#include <signal.h>
#include <stdint.h>

#define DL_MQTT_SUBSCRIBE_MS (30 * 1000) /* for the answer to it */
#define DL_MQTT_WRITE_MS (10 * 1000)     /* to take our acknowledgements */

struct dl_mqtt_message {
	struct dl_span topic, payload;
	const char *type; /* MQTT 5's content type, or "" */
	uint16_t mid;     /* 0: of QoS 0 */
	bool again; /* the broker says that it may have been sent before */
};

struct dl_mqtt_link_options {
	const struct dl_mqtt_spec *spec;
	const struct dl_mqtt_url *url;
	const struct dl_tls *tls;                   /* may be NULL */
	const char *user, *password, *key_password; /* or NULL */
	const char *client_id;
	const char *const *topics; /* NULL-ended, one at least */
	/*
	 * What the session was subscribed to when it was left, as
	 * dl_mqtt_topics_print() has it; absent: not known.
	 */
	struct dl_span subscribed;
	bool glance; /* a clean session, QoS 0, no will: nobody notices */

	/* The broker has taken us: with the session that it had, or a new one.
	 */
	void (*began)(void *arg, bool resumed);
	/* A message; -1 (with err filled) ends the connection. */
	int (*take)(
	    void *arg, const struct dl_mqtt_message *m, struct dl_err *err);
	void *arg;
	const volatile sig_atomic_t *stop;
};

struct dl_mqtt_link;

/* What a session is subscribed to, as text, appended to b. */
struct dl_buf;
void dl_mqtt_topics_print(
    const char *const *topics, int64_t qos, struct dl_buf *b);

/* Begin to connect; all of options is borrowed. */
struct dl_mqtt_link *dl_mqtt_link_open(
    const struct dl_mqtt_link_options *options, struct dl_err *err);

/*
 * Go on: wait at most wait_ms until there is something to do, and do it: 1
 * something was done, 0 there was nothing, or a signal, -1.
 */
int dl_mqtt_link_step(struct dl_mqtt_link *l, int wait_ms, struct dl_err *err);

/* Is it subscribed to all topics? */
bool dl_mqtt_link_ready(const struct dl_mqtt_link *l);

/* Acknowledge all messages that came. */
int dl_mqtt_link_acknowledge(struct dl_mqtt_link *l, struct dl_err *err);

/*
 * Leave: with a farewell, so that there is no will, unless messages came that
 * weren't acknowledged, or the connection is broken.  NULL does nothing.
 */
void dl_mqtt_link_close(struct dl_mqtt_link *l);

#endif
