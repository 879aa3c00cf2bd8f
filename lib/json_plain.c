/* The kernel for any processor: a block is eight words of eight bytes. */
#include "json_block.h"
#include "json_word.h"

#define KERNEL dl_json_kernel_plain
#define KERNEL_NAME "plain"
#define TARGET

struct block {
	uint64_t word[8];
};

static inline struct block
block_load(const char *p)
{
	struct block b;

#pragma GCC unroll 8
	for (size_t i = 0; i < 8; i++)
		b.word[i] = dl_word_load(p + 8 * i);
	return b;
}

/*
 * The high bits of a word's bytes, side by side.  The product brings the bit of
 * byte i, which is bit 8 * i of high >> 7, to bit 56 + i; no two of its terms
 * meet, so nothing is carried.
 */
static inline uint64_t
gather(uint64_t high)
{
	return (high >> 7) * 0x0102040810204080u >> 56;
}

static inline uint64_t
block_eq(struct block b, char c)
{
	uint64_t m = 0;

#pragma GCC unroll 8
	for (size_t i = 0; i < 8; i++)
		m |= gather(dl_word_eq(b.word[i], c)) << 8 * i;
	return m;
}

static inline uint64_t
block_fold_eq(struct block b, char c)
{
#pragma GCC unroll 8
	for (size_t i = 0; i < 8; i++)
		b.word[i] |= DL_WORD_LOW * 0x20;
	return block_eq(b, c);
}

static inline uint64_t
block_below(struct block b, unsigned char c)
{
	uint64_t m = 0;

#pragma GCC unroll 8
	for (size_t i = 0; i < 8; i++)
		m |= gather(dl_word_below(b.word[i], c)) << 8 * i;
	return m;
}

static inline uint64_t
block_high(struct block b)
{
	uint64_t m = 0;

#pragma GCC unroll 8
	for (size_t i = 0; i < 8; i++)
		m |= gather(b.word[i] & DL_WORD_HIGH) << 8 * i;
	return m;
}

static inline uint64_t
prefix_xor(uint64_t m)
{
	for (int shift = 1; shift < 64; shift *= 2)
		m ^= m << shift;
	return m;
}

#include "json_kernel.h"
