/*
 * Numbers of 7 bits a byte, the lowest first, the top bit set in all but the
 * last: short where numbers are small.
 */
#ifndef DL_VARINT_H
#define DL_VARINT_H

#include "span.h"

#include <stdint.h>

#define DL_VARINT_MAX 10 /* bytes of the longest */

static inline size_t
dl_varint_len(uint64_t v)
{
	size_t n = 1;

	while ((v >>= 7) != 0)
		n++;
	return n;
}

/* Write v; returns the end of it. */
static inline uint8_t *
dl_varint_store(uint8_t *p, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		*p++ = (uint8_t)(v | 0x80);
	*p++ = (uint8_t)v;
	return p;
}

/* Take one off the front of *s; false: there is none, or it has over 64 bits. */
static inline bool
dl_varint_take(struct dl_span *s, uint64_t *v)
{
	*v = 0;
	for (size_t i = 0; i < s->len && i < DL_VARINT_MAX; i++) {
		uint64_t bits = (uint8_t)s->p[i] & 0x7f;

		if (i == DL_VARINT_MAX - 1 && bits > 1)
			return false;
		*v |= bits << (7 * i);
		if (((uint8_t)s->p[i] & 0x80) == 0) {
			*s = dl_span(s->p + i + 1, s->len - i - 1);
			return true;
		}
	}
	return false;
}

#endif
