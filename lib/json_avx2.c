/*
 * The kernel for an x86-64 with AVX2: a block is two vectors of 32 bytes.  Only
 * these functions are compiled for it; whether they may run is found out first.
 */
#include "json_block.h"

#ifdef __x86_64__

#include <immintrin.h>

#define KERNEL dl_json_kernel_avx2
#define KERNEL_NAME "avx2"
#define TARGET __attribute__((target("avx2,pclmul,popcnt,bmi")))

struct block {
	__m256i low, high;
};

bool
dl_json_avx2_usable(void)
{
	__builtin_cpu_init();
	return __builtin_cpu_supports("avx2") &&
	       __builtin_cpu_supports("pclmul") &&
	       __builtin_cpu_supports("popcnt") &&
	       __builtin_cpu_supports("bmi");
}

TARGET static inline struct block
block_load(const char *p)
{
	struct block b;

	b.low = _mm256_loadu_si256((const void *)p);
	b.high = _mm256_loadu_si256((const void *)(p + 32));
	return b;
}

TARGET static inline uint64_t
block_high(struct block b)
{
	unsigned low = (unsigned)_mm256_movemask_epi8(b.low);
	unsigned high = (unsigned)_mm256_movemask_epi8(b.high);

	return (uint64_t)high << 32 | low;
}

TARGET static inline uint64_t
block_eq(struct block b, char c)
{
	const __m256i all = _mm256_set1_epi8(c);

	b.low = _mm256_cmpeq_epi8(b.low, all);
	b.high = _mm256_cmpeq_epi8(b.high, all);
	return block_high(b);
}

TARGET static inline uint64_t
block_fold_eq(struct block b, char c)
{
	const __m256i bit = _mm256_set1_epi8(0x20);

	b.low = _mm256_or_si256(b.low, bit);
	b.high = _mm256_or_si256(b.high, bit);
	return block_eq(b, c);
}

TARGET static inline uint64_t
block_below(struct block b, unsigned char c)
{
	const __m256i most = _mm256_set1_epi8((char)(c - 1));

	b.low = _mm256_cmpeq_epi8(_mm256_max_epu8(b.low, most), most);
	b.high = _mm256_cmpeq_epi8(_mm256_max_epu8(b.high, most), most);
	return block_high(b);
}

/* A product without carries by all ones is just that. */
TARGET static inline uint64_t
prefix_xor(uint64_t m)
{
	__m128i all = _mm_set1_epi8((char)0xff);
	__m128i one = _mm_set_epi64x(0, (long long)m);

	return (uint64_t)_mm_cvtsi128_si64(_mm_clmulepi64_si128(one, all, 0));
}

#include "json_kernel.h"

#endif
