/*
 * What a source of MQTT is: the `mqtt` of a specification, and its URL.
 *
 *	url: mqtt://HOST[:1883][/FILTER]	mqtts://HOST[:8883][/FILTER]
 *	mqtt: {topics: [FILTER, ...], client_id: ID, qos: 1, version: 5|3.1.1,
 *	       session: 1d, window: 1000, keepalive: 60s, idle: 1s,
 *	       will: {topic: T, payload: TEXT, qos: 1, retain: false}}
 *
 * A filter is MQTT's own, with + and #, and may begin with $share/GROUP/.  In a
 * URL it may be escaped by %XX, and need not be.
 */
#ifndef DL_MQTT_SPEC_H
#define DL_MQTT_SPEC_H

#include "conf.h"
#include "err.h"

#include <stdbool.h>
#include <stdint.h>

#define DL_MQTT_TOPICS 64
#define DL_MQTT_WINDOW 5000   /* messages between two acknowledgements */
#define DL_MQTT_TEXT 1024     /* bytes of a filter, or a will's topic */
#define DL_MQTT_CLIENT_ID 128 /* bytes */

struct dl_mqtt_will {
	const char *topic; /* NULL: no will */
	const char *payload;
	int64_t qos;
	bool retain;
};

struct dl_mqtt_spec {
	const char *topics[DL_MQTT_TOPICS + 1]; /* NULL-ended; may be empty */
	const char *client_id;                  /* NULL: one of its own */
	int64_t qos;
	int version;        /* 0: 5; 1: 3.1.1 */
	int64_t session_ms; /* that the broker keeps what it has for us */
	int64_t window;
	int64_t keepalive_ms; /* 0: none */
	int64_t idle_ms;
	struct dl_mqtt_will will;

	/* private */
	const struct dl_conf_node *topic_list, *will_map;
};

/* The defaults: no topic, everything else as above. */
void dl_mqtt_spec_init(struct dl_mqtt_spec *spec);

/*
 * Take the mapping node (NULL: the defaults) into spec, which borrows from c,
 * and check it.
 */
int dl_mqtt_take(const struct dl_conf *c, const struct dl_conf_node *node,
    struct dl_mqtt_spec *spec, struct dl_err *err);

/* A broker, and the filter in its URL. */
struct dl_mqtt_url {
	bool tls;
	int port;
	char host[256];                /* an IPv6 address without brackets */
	char filter[DL_MQTT_TEXT + 1]; /* "": none */
};

/* Take url apart: DL_EXIT_CONF, with nothing of it. */
int dl_mqtt_url_parse(
    const char *url, struct dl_mqtt_url *out, struct dl_err *err);

/* A filter without the group of a shared subscription. */
const char *dl_mqtt_filter_alone(const char *filter);

/* Are there topics that both filters mean?  Each would bring the message. */
bool dl_mqtt_filters_overlap(const char *a, const char *b);

/* What is wrong with a filter; NULL: nothing. */
const char *dl_mqtt_filter_fault(const char *filter);

#endif
