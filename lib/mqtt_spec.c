#include "mqtt_spec.h"

#include "num.h"

#include <mosquitto.h>
#include <stdio.h>
#include <strings.h>

static const char *const versions[] = {"5", "3.1.1", NULL};

#define FIELD(type, key, kind, required, member, choices) \
	{ \
		key, kind, required, offsetof(type, member), choices \
	}
static const struct dl_conf_field fields[] = {
    FIELD(struct dl_mqtt_spec, "topics", DL_CONF_LIST, false, topic_list, NULL),
    FIELD(
	struct dl_mqtt_spec, "client_id", DL_CONF_STR, false, client_id, NULL),
    FIELD(struct dl_mqtt_spec, "qos", DL_CONF_COUNT, false, qos, NULL),
    FIELD(struct dl_mqtt_spec, "version", DL_CONF_CHOICE, false, version,
	versions),
    FIELD(struct dl_mqtt_spec, "session", DL_CONF_DURATION, false, session_ms,
	NULL),
    FIELD(struct dl_mqtt_spec, "window", DL_CONF_COUNT, false, window, NULL),
    FIELD(struct dl_mqtt_spec, "keepalive", DL_CONF_DURATION, false,
	keepalive_ms, NULL),
    FIELD(struct dl_mqtt_spec, "idle", DL_CONF_DURATION, false, idle_ms, NULL),
    FIELD(struct dl_mqtt_spec, "will", DL_CONF_MAP, false, will_map, NULL),
    {NULL, DL_CONF_STR, false, 0, NULL},
};

static const struct dl_conf_field will_fields[] = {
    FIELD(struct dl_mqtt_will, "topic", DL_CONF_STR, true, topic, NULL),
    FIELD(struct dl_mqtt_will, "payload", DL_CONF_STR, false, payload, NULL),
    FIELD(struct dl_mqtt_will, "qos", DL_CONF_COUNT, false, qos, NULL),
    FIELD(struct dl_mqtt_will, "retain", DL_CONF_BOOL, false, retain, NULL),
    {NULL, DL_CONF_STR, false, 0, NULL},
};

void
dl_mqtt_spec_init(struct dl_mqtt_spec *spec)
{
	*spec = (struct dl_mqtt_spec){
	    .qos = 1,
	    .session_ms = 24 * 3600 * 1000,
	    .window = 1000,
	    .keepalive_ms = 60 * 1000,
	    .idle_ms = 1000,
	    .will.qos = 1,
	};
}

const char *
dl_mqtt_filter_fault(const char *filter)
{
	const char *rest = filter;

	if (*filter == '\0')
		return "is empty";
	if (strlen(filter) > DL_MQTT_TEXT)
		return "is longer than 1024 bytes";
	if (mosquitto_validate_utf8(filter, (int)strlen(filter)) != 0)
		return "is not UTF-8, or has control characters";
	if (strncmp(filter, "$share/", 7) == 0) {
		rest = strchr(filter + 7, '/');
		if (rest == NULL || rest == filter + 7 || rest[1] == '\0' ||
		    strcspn(filter + 7, "+#") < (size_t)(rest - filter - 7))
			return "is not $share/GROUP/FILTER";
		rest++;
	}
	if (mosquitto_sub_topic_check(rest) != MOSQ_ERR_SUCCESS)
		return "has a + or a # that is not a level of its own, or a # "
		       "that is not the last one";
	return NULL;
}

/* A group's members share what the filter behind it means. */
const char *
dl_mqtt_filter_alone(const char *filter)
{
	return strncmp(filter, "$share/", 7) == 0 ? strchr(filter + 7, '/') + 1
	                                          : filter;
}

bool
dl_mqtt_filters_overlap(const char *a, const char *b)
{
	a = dl_mqtt_filter_alone(a);
	b = dl_mqtt_filter_alone(b);
	for (;;) {
		size_t n = strcspn(a, "/"), m = strcspn(b, "/");

		if (*a == '#' || *b == '#')
			return true;
		if (*a != '+' && *b != '+' && (n != m || memcmp(a, b, n) != 0))
			return false;
		a += n;
		b += m;
		if (*a == '\0' || *b == '\0')
			break;
		a++;
		b++;
	}
	/* a/# means a, too. */
	return strcmp(a, b) == 0 || strcmp(a, "/#") == 0 ||
	       strcmp(b, "/#") == 0;
}

static int
take_topics(
    const struct dl_conf *c, struct dl_mqtt_spec *spec, struct dl_err *err)
{
	const struct dl_conf_node *node;
	const char *text, *fault;

	if (spec->topic_list == NULL)
		return 0;
	for (size_t i = 0;
	     (node = dl_conf_child(spec->topic_list, i, NULL)) != NULL; i++) {
		if (i == DL_MQTT_TOPICS)
			return dl_conf_fail(c, dl_conf_line(node), err,
			    "more than %d topics", DL_MQTT_TOPICS);
		if ((text = dl_conf_text(node)) == NULL)
			return dl_conf_fail(
			    c, dl_conf_line(node), err, "a topic is a text");
		if ((fault = dl_mqtt_filter_fault(text)) != NULL)
			return dl_conf_fail(c, dl_conf_line(node), err,
			    "the topic '%.100s' %s", text, fault);
		spec->topics[i] = text;
	}
	return 0;
}

static int
take_will(
    const struct dl_conf *c, struct dl_mqtt_spec *spec, struct dl_err *err)
{
	struct dl_mqtt_will *will = &spec->will;
	int line;

	if (spec->will_map == NULL)
		return 0;
	if (dl_conf_take(c, spec->will_map, "a will", will_fields, will, err) <
	    0)
		return -1;
	line = dl_conf_line(spec->will_map);
	if (dl_mqtt_filter_fault(will->topic) != NULL ||
	    mosquitto_pub_topic_check(will->topic) != MOSQ_ERR_SUCCESS)
		return dl_conf_fail(c, line, err,
		    "the will's 'topic' is a topic of at most 1024 bytes, "
		    "without + and #");
	if (will->qos > 2)
		return dl_conf_fail(
		    c, line, err, "the will's 'qos' is 0, 1 or 2");
	if (will->payload != NULL && strlen(will->payload) > UINT16_MAX)
		return dl_conf_fail(
		    c, line, err, "the will's 'payload' is at most 64 KiB");
	return 0;
}

/* "the value of KEY IS-WRONG" at the line of key. */
static int
fail_key(const struct dl_conf *c, const struct dl_conf_node *node,
    const char *key, const char *why, struct dl_err *err)
{
	return dl_conf_fail(
	    c, dl_conf_line_of(node, key), err, "'%s' %s", key, why);
}

static int
check(const struct dl_conf *c, const struct dl_conf_node *node,
    const struct dl_mqtt_spec *s, struct dl_err *err)
{
	const char *id = s->client_id;

	if (id != NULL &&
	    (*id == '\0' || strlen(id) > DL_MQTT_CLIENT_ID ||
		mosquitto_validate_utf8(id, (int)strlen(id)) != 0))
		return fail_key(
		    c, node, "client_id", "is 1 to 128 bytes of text", err);
	if (s->qos > 1)
		return fail_key(c, node, "qos",
		    "is 1, or 0: what was published with 2 comes with 1", err);
	if (s->session_ms > (int64_t)UINT32_MAX * 1000)
		return fail_key(c, node, "session", "is at most 49710d", err);
	if (s->window < 1 || s->window > DL_MQTT_WINDOW)
		return fail_key(c, node, "window", "is from 1 to 5000", err);
	if (s->keepalive_ms != 0 &&
	    (s->keepalive_ms < 5000 || s->keepalive_ms > UINT16_MAX * 1000))
		return fail_key(
		    c, node, "keepalive", "is from 5s to 65535s, or 0s", err);
	if (s->idle_ms < 1 || s->idle_ms > INT32_MAX)
		return fail_key(c, node, "idle", "is from 1ms to 24d", err);
	return 0;
}

int
dl_mqtt_take(const struct dl_conf *c, const struct dl_conf_node *node,
    struct dl_mqtt_spec *spec, struct dl_err *err)
{
	dl_mqtt_spec_init(spec);
	if (node == NULL)
		return 0;
	if (dl_conf_take(c, node, "mqtt", fields, spec, err) < 0 ||
	    check(c, node, spec, err) < 0 || take_topics(c, spec, err) < 0)
		return -1;
	return take_will(c, spec, err);
}

static int
hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *d = strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c);

	return c == '\0' || d == NULL ? -1 : (int)(d - digits);
}

/* The filter: all after the host's slash; NULs and half escapes are none. */
static bool
take_filter(const char *p, char out[DL_MQTT_TEXT + 1])
{
	size_t n = 0;

	for (; *p != '\0'; p++) {
		char c = *p;

		if (c == '%') {
			int high = hex_digit(p[1]);
			int low = high < 0 ? -1 : hex_digit(p[2]);

			if (low < 0 || (c = (char)(high * 16 + low)) == '\0')
				return false;
			p += 2;
		}
		if (n == DL_MQTT_TEXT)
			return false;
		out[n++] = c;
	}
	out[n] = '\0';
	return true;
}

/* HOST, HOST:PORT, [ADDRESS] or [ADDRESS]:PORT */
static bool
take_host(struct dl_span at, struct dl_mqtt_url *out)
{
	struct dl_span host = at, port = {0};
	const char *end;
	struct dl_err ignored = {0};
	int64_t n = out->tls ? 8883 : 1883;

	if (at.len > 0 && at.p[0] == '[') {
		end = memchr(at.p, ']', at.len);
		if (end == NULL)
			return false;
		host = dl_span(at.p + 1, (size_t)(end - at.p) - 1);
		end++;
		if (end < dl_span_end(at) && *end != ':')
			return false;
	} else {
		end = memchr(at.p, ':', at.len);
		if (end == NULL)
			end = dl_span_end(at);
		host.len = (size_t)(end - at.p);
	}
	if (end < dl_span_end(at))
		port = dl_span(end + 1, (size_t)(dl_span_end(at) - end) - 1);
	if (port.p != NULL &&
	    (dl_num_count(port, &n, &ignored) < 0 || n < 1 || n > UINT16_MAX))
		return false;
	for (size_t i = 0; i < host.len; i++)
		if ((unsigned char)host.p[i] <= ' ' || host.p[i] == 0x7f)
			return false;
	if (host.len == 0 || host.len >= sizeof(out->host))
		return false;
	snprintf(out->host, sizeof(out->host), "%.*s", DL_SPAN_ARG(host));
	out->port = (int)n;
	return true;
}

int
dl_mqtt_url_parse(const char *url, struct dl_mqtt_url *out, struct dl_err *err)
{
	const char *fault, *at, *slash;

	*out =
	    (struct dl_mqtt_url){.tls = strncasecmp(url, "mqtts://", 8) == 0};
	if (!out->tls && strncasecmp(url, "mqtt://", 7) != 0)
		return dl_err_conf(err, "it is no mqtt or mqtts URL");
	at = strchr(url, ':') + 3;
	slash = at + strcspn(at, "/");
	if (memchr(at, '@', (size_t)(slash - at)) != NULL)
		return dl_err_conf(err,
		    "there is a user in it: write auth: {basic: {user: NAME, "
		    "password: REF}} instead");
	if (!take_host(dl_span(at, (size_t)(slash - at)), out))
		return dl_err_conf(
		    err, "it is not mqtt://HOST[:PORT][/TOPIC/FILTER]");
	if (*slash == '/' && !take_filter(slash + 1, out->filter))
		return dl_err_conf(err,
		    "the topic filter is longer than 1024 bytes or wrongly "
		    "escaped");
	if (out->filter[0] != '\0' &&
	    (fault = dl_mqtt_filter_fault(out->filter)) != NULL)
		return dl_err_conf(err, "the topic filter %s", fault);
	return 0;
}
