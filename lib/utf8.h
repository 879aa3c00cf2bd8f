/*
 * UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing past U+10FFFF.
 */
#ifndef DL_UTF8_H
#define DL_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* The bytes of the longest character. */
#define DL_UTF8_MAX 4

/*
 * The bytes of the character of two or more that c begins, or 0 if c begins
 * none; the second byte is between *low and *high, the others between 0x80 and
 * 0xbf.
 */
static inline int
dl_utf8_lead(unsigned char c, unsigned char *low, unsigned char *high)
{
	*low = 0x80;
	*high = 0xbf;
	if (c < 0xc2 || c > 0xf4)
		return 0;
	/* Some first bytes leave less room to the second one. */
	if (c == 0xe0)
		*low = 0xa0; /* shorter forms end there */
	else if (c == 0xed)
		*high = 0x9f; /* surrogates begin there */
	else if (c == 0xf0)
		*low = 0x90;
	else if (c == 0xf4)
		*high = 0x8f; /* U+10FFFF */
	return c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/* Past the character of two or more bytes at p < end, or NULL if none is. */
static inline const char *
dl_utf8_wide(const char *p, const char *end)
{
	const unsigned char *u = (const unsigned char *)p;
	unsigned char low, high;
	int n = dl_utf8_lead(u[0], &low, &high);

	if (n == 0 || end - p < n || u[1] < low || u[1] > high)
		return NULL;
	if (n > 2 && (u[2] & 0xc0) != 0x80)
		return NULL;
	if (n > 3 && (u[3] & 0xc0) != 0x80)
		return NULL;
	return p + n;
}

/* Write the character of this code, which is one, to p; how many bytes. */
size_t dl_utf8_put(char p[DL_UTF8_MAX], uint32_t code);

#endif
