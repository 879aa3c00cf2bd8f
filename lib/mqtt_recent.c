#include "mqtt_recent.h"

#include "hash.h"

#include <endian.h>
#include <stdlib.h>

#define ENTRY (sizeof(uint16_t) + sizeof(uint64_t))

void
dl_mqtt_recent_init(struct dl_mqtt_recent *r, size_t max)
{
	*r = (struct dl_mqtt_recent){.max = max};
	r->hash = dl_calloc(max, sizeof(*r->hash));
	r->mid = dl_calloc(max, sizeof(*r->mid));
}

void
dl_mqtt_recent_release(struct dl_mqtt_recent *r)
{
	free(r->hash);
	free(r->mid);
	*r = (struct dl_mqtt_recent){0};
}

void
dl_mqtt_recent_clear(struct dl_mqtt_recent *r)
{
	r->n = r->next = 0;
}

/* A topic has no NUL, so that the two can't be cut apart otherwise. */
uint64_t
dl_mqtt_recent_hash(struct dl_span topic, struct dl_span payload)
{
	struct dl_hash128 h = dl_hash_pair(topic, payload);

	return h.hi ^ h.lo;
}

void
dl_mqtt_recent_add(struct dl_mqtt_recent *r, uint16_t mid, uint64_t hash)
{
	r->mid[r->next] = mid;
	r->hash[r->next] = hash;
	r->next = (r->next + 1) % r->max;
	if (r->n < r->max)
		r->n++;
}

bool
dl_mqtt_recent_has(const struct dl_mqtt_recent *r, uint16_t mid, uint64_t hash)
{
	/* Under one identifier only the last one can come again. */
	for (size_t i = 1; i <= r->n; i++) {
		size_t at = (r->next + r->max - i) % r->max;

		if (r->mid[at] == mid)
			return r->hash[at] == hash;
	}
	return false;
}

bool
dl_mqtt_recent_has_hash(const struct dl_mqtt_recent *r, uint64_t hash)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->hash[i] == hash)
			return true;
	return false;
}

void
dl_mqtt_recent_print(const struct dl_mqtt_recent *r, struct dl_buf *b)
{
	size_t first = r->n < r->max ? 0 : r->next;

	for (size_t i = 0; i < r->n; i++) {
		size_t at = (first + i) % r->max;
		uint16_t mid = htole16(r->mid[at]);
		uint64_t hash = htole64(r->hash[at]);

		dl_buf_add(b, &mid, sizeof(mid));
		dl_buf_add(b, &hash, sizeof(hash));
	}
}

void
dl_mqtt_recent_read(struct dl_mqtt_recent *r, struct dl_span bytes)
{
	dl_mqtt_recent_clear(r);
	if (bytes.len % ENTRY != 0)
		return;
	for (size_t i = 0; i < bytes.len; i += ENTRY) {
		uint16_t mid;
		uint64_t hash;

		memcpy(&mid, bytes.p + i, sizeof(mid));
		memcpy(&hash, bytes.p + i + sizeof(mid), sizeof(hash));
		dl_mqtt_recent_add(r, le16toh(mid), le64toh(hash));
	}
}
