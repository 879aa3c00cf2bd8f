/*
 * The messages that came last, by their packet identifier and what is in them,
 * so that one that is delivered again is known.
 *
 * A broker delivers again what it has no acknowledgement of, marked as such and
 * under its old identifier.  There are at most as many of those as it sends
 * ahead, and they are the last ones that it sent.  An identifier is used again
 * for other messages, and then what it stood for is never sent again; only
 * together with the mark and the content it says that this very message was
 * here.
 */
#ifndef DL_MQTT_RECENT_H
#define DL_MQTT_RECENT_H

#include "buf.h"
#include "span.h"

#include <stdint.h>

struct dl_mqtt_recent {
	uint64_t *hash;
	uint16_t *mid;
	size_t max, n, next; /* a ring */
};

void dl_mqtt_recent_init(struct dl_mqtt_recent *r, size_t max);
void dl_mqtt_recent_release(struct dl_mqtt_recent *r);

/* Forget all. */
void dl_mqtt_recent_clear(struct dl_mqtt_recent *r);

/* A hash of what a message says. */
uint64_t dl_mqtt_recent_hash(struct dl_span topic, struct dl_span payload);

void dl_mqtt_recent_add(struct dl_mqtt_recent *r, uint16_t mid, uint64_t hash);
bool dl_mqtt_recent_has(
    const struct dl_mqtt_recent *r, uint16_t mid, uint64_t hash);

/* Under any identifier? */
bool dl_mqtt_recent_has_hash(const struct dl_mqtt_recent *r, uint64_t hash);

/*
 * As bytes, oldest first, appended to b; and back, where bytes that are none
 * of ours leave it empty.  At most max entries, the newest.
 */
void dl_mqtt_recent_print(const struct dl_mqtt_recent *r, struct dl_buf *b);
void dl_mqtt_recent_read(struct dl_mqtt_recent *r, struct dl_span bytes);

#endif
