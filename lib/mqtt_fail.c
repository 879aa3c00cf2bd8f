#include "mqtt_fail.h"

#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <string.h>

/* 3.1.1 has five codes, for which MQTT 5 has other numbers. */
static int
code_of_v5(int code)
{
	static const int codes[] = {0, MQTT_RC_UNSUPPORTED_PROTOCOL_VERSION,
	    MQTT_RC_CLIENTID_NOT_VALID, MQTT_RC_SERVER_UNAVAILABLE,
	    MQTT_RC_BAD_USERNAME_OR_PASSWORD, MQTT_RC_NOT_AUTHORIZED};

	return code > 0 && code < 6 ? codes[code] : MQTT_RC_UNSPECIFIED;
}

int
dl_mqtt_fail_connect(int code, bool v5, struct dl_err *err)
{
	const char *why = mosquitto_reason_string(v5 ? code : code_of_v5(code));

	switch (v5 ? code : code_of_v5(code)) {
	case MQTT_RC_BAD_USERNAME_OR_PASSWORD:
	case MQTT_RC_NOT_AUTHORIZED:
	case MQTT_RC_BANNED:
	case MQTT_RC_BAD_AUTHENTICATION_METHOD:
		return dl_err_denied(
		    err, "the broker refuses us: %s (look at 'auth')", why);
	case MQTT_RC_UNSUPPORTED_PROTOCOL_VERSION:
		return dl_err_conf(err,
		    "the broker does not speak this version of MQTT: set "
		    "mqtt.version to %s",
		    v5 ? "3.1.1" : "5");
	case MQTT_RC_CLIENTID_NOT_VALID:
		return dl_err_conf(err,
		    "the broker does not accept our client id: set "
		    "mqtt.client_id");
	case MQTT_RC_TOPIC_NAME_INVALID:
	case MQTT_RC_RETAIN_NOT_SUPPORTED:
	case MQTT_RC_QOS_NOT_SUPPORTED:
		return dl_err_conf(
		    err, "the broker does not accept mqtt.will: %s", why);
	case MQTT_RC_USE_ANOTHER_SERVER:
	case MQTT_RC_SERVER_MOVED:
		return dl_err_conf(err, "the broker refuses us: %s", why);
	default:
		return dl_err_temp(err, "the broker refuses us: %s", why);
	}
}

int
dl_mqtt_fail_subscribe(int code, int qos, struct dl_err *err)
{
	const char *why = mosquitto_reason_string(code);

	if (code == qos)
		return 0;
	if (code < qos)
		return dl_err_conf(err,
		    "the broker grants QoS %d where mqtt.qos is %d: set it to "
		    "that, if messages may be lost",
		    code, qos);
	switch (code) {
	case MQTT_RC_TOPIC_FILTER_INVALID:
	case MQTT_RC_SHARED_SUBS_NOT_SUPPORTED:
	case MQTT_RC_WILDCARD_SUBS_NOT_SUPPORTED:
		return dl_err_conf(err, "the broker refuses a topic: %s", why);
	case MQTT_RC_NOT_AUTHORIZED:
	case MQTT_RC_UNSPECIFIED: /* all that 3.1.1 can say */
		return dl_err_denied(
		    err, "the broker refuses a topic: %s", why);
	default:
		return dl_err_temp(err, "the broker refuses a topic: %s", why);
	}
}

int
dl_mqtt_fail_disconnect(int code, struct dl_err *err)
{
	if (code == MQTT_RC_SESSION_TAKEN_OVER)
		return dl_err_temp(err,
		    "another client with our id has taken the session over: is "
		    "there a copy of this source (mqtt.client_id)?");
	if (code == MQTT_RC_NOT_AUTHORIZED)
		return dl_err_denied(err, "the broker ends the connection: %s",
		    mosquitto_reason_string(code));
	return dl_err_temp(err, "the broker ends the connection: %s",
	    mosquitto_reason_string(code));
}

/* Of "OpenSSL Error[0]: error:0A000086:SSL routines::certificate ..." the end. */
static const char *
last_part(const char *said)
{
	const char *colon = strrchr(said, ':');

	if (strncmp(said, "OpenSSL", 7) == 0 && colon != NULL)
		return colon + 1;
	return strncmp(said, "Error: ", 7) == 0 ? said + 7 : said;
}

static int
fail_tls(const char *said, struct dl_err *err)
{
	if (strstr(said, "certificate") != NULL ||
	    strstr(said, "host name") != NULL ||
	    strstr(said, "unknown ca") != NULL)
		return dl_err_denied(err, "TLS: %s", last_part(said));
	if (strstr(said, "Unable to load") != NULL ||
	    strstr(said, "inconsistent") != NULL)
		return dl_err_conf(err, "TLS: %s", last_part(said));
	return dl_err_temp(
	    err, "TLS: %s", *said == '\0' ? "it failed" : last_part(said));
}

int
dl_mqtt_fail_client(int rc, const char *said, bool taken, struct dl_err *err)
{
	switch (rc) {
	case MOSQ_ERR_TLS:
	case MOSQ_ERR_TLS_HANDSHAKE:
		return fail_tls(said, err);
	case MOSQ_ERR_TIMEOUT:
	case MOSQ_ERR_KEEPALIVE:
		return dl_err_temp(err, "the broker does not answer");
	case MOSQ_ERR_CONN_LOST:
	case MOSQ_ERR_NO_CONN:
	case MOSQ_ERR_ERRNO:
	case MOSQ_ERR_SUCCESS:
		if (strncmp(said, "OpenSSL", 7) == 0)
			return fail_tls(said, err);
		if (taken)
			return dl_err_temp(err, "the connection is lost");
		return dl_err_temp(err,
		    "the broker closes the connection without an answer: is it "
		    "TLS, or does it want a certificate?");
	case MOSQ_ERR_PROTOCOL:
	case MOSQ_ERR_MALFORMED_PACKET:
	case MOSQ_ERR_MALFORMED_UTF8:
		if (!taken)
			return dl_err_data(
			    err, "what answers there is no MQTT broker");
		return dl_err_temp(err, "the broker sends what is no MQTT");
	default:
		return dl_err_temp(err, "%s", mosquitto_strerror(rc));
	}
}
