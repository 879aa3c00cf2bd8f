/*
 * What a broker's refusals and libmosquitto's failures mean for a person, and
 * for whoever might try again: the status of each.  All return -1, but for
 * those that say otherwise.
 */
#ifndef DL_MQTT_FAIL_H
#define DL_MQTT_FAIL_H

#include "err.h"

#include <stdbool.h>

/* The code of a CONNACK, of MQTT 5 or 3.1.1. */
int dl_mqtt_fail_connect(int code, bool v5, struct dl_err *err);

/* That of one topic in a SUBACK: 0 if it is the QoS that was asked for. */
int dl_mqtt_fail_subscribe(int code, int qos, struct dl_err *err);

/* That of a broker's DISCONNECT. */
int dl_mqtt_fail_disconnect(int code, struct dl_err *err);

/*
 * libmosquitto's own, with what it logged; taken: the broker had accepted us.
 */
int dl_mqtt_fail_client(
    int rc, const char *said, bool taken, struct dl_err *err);

#endif
