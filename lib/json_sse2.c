/* The kernel for every x86-64: a block is four vectors of 16 bytes. */
#include "json_block.h"

#ifdef __SSE2__

#include <emmintrin.h>

#define KERNEL dl_json_kernel_sse2
#define KERNEL_NAME "sse2"
#define TARGET

struct block {
	__m128i v[4];
};

static inline struct block
block_load(const char *p)
{
	struct block b;

#pragma GCC unroll 4
	for (size_t i = 0; i < 4; i++)
		b.v[i] = _mm_loadu_si128((const void *)(p + 16 * i));
	return b;
}

static inline uint64_t
gather(const __m128i v[4])
{
	uint64_t m = 0;

#pragma GCC unroll 4
	for (size_t i = 0; i < 4; i++)
		m |= (uint64_t)(unsigned)_mm_movemask_epi8(v[i]) << 16 * i;
	return m;
}

static inline uint64_t
block_eq(struct block b, char c)
{
#pragma GCC unroll 4
	for (size_t i = 0; i < 4; i++)
		b.v[i] = _mm_cmpeq_epi8(b.v[i], _mm_set1_epi8(c));
	return gather(b.v);
}

static inline uint64_t
block_fold_eq(struct block b, char c)
{
#pragma GCC unroll 4
	for (size_t i = 0; i < 4; i++)
		b.v[i] = _mm_or_si128(b.v[i], _mm_set1_epi8(0x20));
	return block_eq(b, c);
}

static inline uint64_t
block_below(struct block b, unsigned char c)
{
	const __m128i most = _mm_set1_epi8((char)(c - 1));

#pragma GCC unroll 4
	for (size_t i = 0; i < 4; i++)
		b.v[i] = _mm_cmpeq_epi8(_mm_max_epu8(b.v[i], most), most);
	return gather(b.v);
}

static inline uint64_t
block_high(struct block b)
{
	return gather(b.v);
}

static inline uint64_t
prefix_xor(uint64_t m)
{
	for (int shift = 1; shift < 64; shift *= 2)
		m ^= m << shift;
	return m;
}

#include "json_kernel.h"

#endif
