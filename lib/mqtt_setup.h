/*
 * A client of libmosquitto, set up as the options of a link say: version, window,
 * user, will, session, TLS.  Only mqtt_link.c uses it.
 */
#ifndef DL_MQTT_SETUP_H
#define DL_MQTT_SETUP_H

#include "mqtt_link.h"

struct mosquitto;

/* Asked for the password of a key: its length, or 0 (there is none). */
typedef int dl_mqtt_key_fn(char *to, int size, int rwflag, void *client);

/* Does it begin with an empty session, and leave none? */
bool dl_mqtt_setup_clean(const struct dl_mqtt_link_options *o);

/* Before it connects.  DL_EXIT_CONF. */
int dl_mqtt_setup(struct mosquitto *m, const struct dl_mqtt_link_options *o,
    dl_mqtt_key_fn *key, struct dl_err *err);

#endif
