#include "mqtt_setup.h"

#include <errno.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <unistd.h>

bool
dl_mqtt_setup_clean(const struct dl_mqtt_link_options *o)
{
	return o->glance || o->spec->session_ms == 0;
}

static int
set_tls(struct mosquitto *m, const struct dl_mqtt_link_options *o,
    dl_mqtt_key_fn *key, struct dl_err *err)
{
	static const struct dl_tls system_ca;
	const struct dl_tls *tls = o->tls == NULL ? &system_ca : o->tls;
	const char *const files[][2] = {
	    {"ca", tls->ca}, {"cert", tls->cert}, {"key", tls->key}};
	int rc;

	for (size_t i = 0; i < 3; i++)
		if (files[i][1] != NULL && access(files[i][1], R_OK) < 0)
			return dl_err_conf(err, "cannot read tls.%s '%s': %s",
			    files[i][0], files[i][1], strerror(errno));
	/* It takes no certificate of ours without a word on theirs. */
	rc =
	    mosquitto_int_option(m, MOSQ_OPT_TLS_USE_OS_CERTS, tls->ca == NULL);
	if (rc == MOSQ_ERR_SUCCESS)
		rc = mosquitto_tls_set(m, tls->ca,
		    tls->ca == NULL ? "/etc/ssl/certs" : NULL, tls->cert,
		    tls->key, key);
	if (rc == MOSQ_ERR_SUCCESS)
		rc = mosquitto_tls_opts_set(m, 1, NULL, NULL);
	if (rc != MOSQ_ERR_SUCCESS)
		return dl_err_conf(
		    err, "cannot use 'tls': %s", mosquitto_strerror(rc));
	return 0;
}

static int
set_will(struct mosquitto *m, const struct dl_mqtt_link_options *o)
{
	const struct dl_mqtt_will *w = &o->spec->will;
	size_t n = w->payload == NULL ? 0 : strlen(w->payload);

	if (w->topic == NULL || o->glance)
		return MOSQ_ERR_SUCCESS;
	return mosquitto_will_set(
	    m, w->topic, (int)n, w->payload, (int)w->qos, w->retain);
}

/*
 * Nothing connects without waiting and takes MQTT 5's properties.  Without a
 * host this fails, but only after it has kept them for the one that does.
 */
static int
set_session(struct mosquitto *m, const struct dl_mqtt_link_options *o)
{
	int64_t s = (o->spec->session_ms + 999) / 1000;
	mosquitto_property *props = NULL;
	int rc;

	if (o->spec->version != 0 || dl_mqtt_setup_clean(o))
		return MOSQ_ERR_SUCCESS;
	rc = mosquitto_property_add_int32(
	    &props, MQTT_PROP_SESSION_EXPIRY_INTERVAL, (uint32_t)s);
	if (rc == MOSQ_ERR_SUCCESS)
		rc = mosquitto_connect_bind_v5(m, NULL, 0, 0, NULL, props);
	mosquitto_property_free_all(&props);
	return rc == MOSQ_ERR_INVAL ? MOSQ_ERR_SUCCESS : rc;
}

int
dl_mqtt_setup(struct mosquitto *m, const struct dl_mqtt_link_options *o,
    dl_mqtt_key_fn *key, struct dl_err *err)
{
	const struct dl_mqtt_spec *spec = o->spec;
	int rc;

	rc = mosquitto_int_option(m, MOSQ_OPT_PROTOCOL_VERSION,
	    spec->version == 0 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311);
	if (rc == MOSQ_ERR_SUCCESS)
		rc = mosquitto_int_option(
		    m, MOSQ_OPT_RECEIVE_MAXIMUM, (int)spec->window);
	if (rc == MOSQ_ERR_SUCCESS)
		rc = mosquitto_int_option(m, MOSQ_OPT_TCP_NODELAY, 1);
	if (rc == MOSQ_ERR_SUCCESS)
		rc = mosquitto_username_pw_set(m, o->user, o->password);
	if (rc == MOSQ_ERR_SUCCESS)
		rc = set_will(m, o);
	if (rc == MOSQ_ERR_SUCCESS)
		rc = set_session(m, o);
	if (rc != MOSQ_ERR_SUCCESS)
		return dl_err_conf(
		    err, "cannot be used: %s", mosquitto_strerror(rc));
	return o->url->tls ? set_tls(m, o, key, err) : 0;
}
