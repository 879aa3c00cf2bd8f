/* The kernel for arm64, where NEON always is: four vectors of 16 bytes. */
#include "json_block.h"

#ifdef __aarch64__

#include <arm_neon.h>

#define KERNEL dl_json_kernel_neon
#define KERNEL_NAME "neon"
#define TARGET

struct block {
	uint8x16_t v[4];
};

static inline struct block
block_load(const char *p)
{
	struct block b;

#pragma GCC unroll 4
	for (size_t i = 0; i < 4; i++)
		b.v[i] = vld1q_u8((const uint8_t *)p + 16 * i);
	return b;
}

/*
 * One bit of every byte, each byte being all ones or 0: keep bit i % 8 of byte
 * i, then add neighbours until eight bytes have become one, three times over.
 */
static inline uint64_t
gather(const uint8x16_t v[4])
{
	static const uint8_t bits[16] = {
	    1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
	const uint8x16_t bit = vld1q_u8(bits);
	uint8x16_t low, high;

	low = vpaddq_u8(vandq_u8(v[0], bit), vandq_u8(v[1], bit));
	high = vpaddq_u8(vandq_u8(v[2], bit), vandq_u8(v[3], bit));
	low = vpaddq_u8(low, high);
	low = vpaddq_u8(low, low);
	return vgetq_lane_u64(vreinterpretq_u64_u8(low), 0);
}

static inline uint64_t
block_eq(struct block b, char c)
{
#pragma GCC unroll 4
	for (size_t i = 0; i < 4; i++)
		b.v[i] = vceqq_u8(b.v[i], vdupq_n_u8((uint8_t)c));
	return gather(b.v);
}

static inline uint64_t
block_fold_eq(struct block b, char c)
{
#pragma GCC unroll 4
	for (size_t i = 0; i < 4; i++)
		b.v[i] = vorrq_u8(b.v[i], vdupq_n_u8(0x20));
	return block_eq(b, c);
}

static inline uint64_t
block_below(struct block b, unsigned char c)
{
#pragma GCC unroll 4
	for (size_t i = 0; i < 4; i++)
		b.v[i] = vcltq_u8(b.v[i], vdupq_n_u8(c));
	return gather(b.v);
}

static inline uint64_t
block_high(struct block b)
{
#pragma GCC unroll 4
	for (size_t i = 0; i < 4; i++)
		b.v[i] = vcgeq_u8(b.v[i], vdupq_n_u8(0x80));
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
