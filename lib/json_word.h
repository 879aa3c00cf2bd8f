/*
 * Eight bytes in one word, the first one lowest: for what has no vectors.
 */
#ifndef DL_JSON_WORD_H
#define DL_JSON_WORD_H

#include <stdint.h>
#include <string.h>

#define DL_WORD_LOW 0x0101010101010101u  /* the lowest bit of each byte */
#define DL_WORD_HIGH 0x8080808080808080u /* the highest */

static inline uint64_t
dl_word_load(const char *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof(w));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	w = __builtin_bswap64(w);
#endif
	return w;
}

/* The highest bit of every byte that is 0. */
static inline uint64_t
dl_word_zeros(uint64_t w)
{
	return ~(((w & ~DL_WORD_HIGH) + ~DL_WORD_HIGH) | w) & DL_WORD_HIGH;
}

static inline uint64_t
dl_word_eq(uint64_t w, char c)
{
	return dl_word_zeros(w ^ DL_WORD_LOW * (unsigned char)c);
}

/* ... of every byte that is below c, which is at most 0x80. */
static inline uint64_t
dl_word_below(uint64_t w, unsigned char c)
{
	uint64_t low = (w & ~DL_WORD_HIGH) + DL_WORD_LOW * (0x80u - c);

	return ~(low | w) & DL_WORD_HIGH;
}

#endif
