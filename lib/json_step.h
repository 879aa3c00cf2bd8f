/*
 * One look at the next few bytes, for short strings and numbers: the call of a
 * kernel would cost more than they do.
 *
 * Each function reads DL_STEP bytes at p and returns the index of the first one
 * it looks for, or DL_STEP.  This one is chosen when compiling, by what every
 * processor of the architecture has; DL_JSON_PLAIN takes the plain one, so that
 * it is tested too.
 */
#ifndef DL_JSON_STEP_H
#define DL_JSON_STEP_H

#include "json_word.h"

#include <stddef.h>

#if defined(__SSE2__) && !defined(DL_JSON_PLAIN)

#include <emmintrin.h>

#define DL_STEP 16

static inline __m128i
dl_step_load(const char *p)
{
	return _mm_loadu_si128((const void *)p);
}

static inline __m128i
dl_step_eq(__m128i v, char c)
{
	return _mm_cmpeq_epi8(v, _mm_set1_epi8(c));
}

static inline size_t
dl_step_first(__m128i v)
{
	unsigned m = (unsigned)_mm_movemask_epi8(v);

	return (size_t)__builtin_ctz(m | 1u << DL_STEP);
}

/* '"' or a backslash. */
static inline size_t
dl_step_quote(const char *p)
{
	__m128i v = dl_step_load(p);

	return dl_step_first(
	    _mm_or_si128(dl_step_eq(v, '"'), dl_step_eq(v, '\\')));
}

/* '"', a backslash, below 0x20, or (negative, in this comparison) not ASCII. */
static inline size_t
dl_step_text(const char *p)
{
	__m128i v = dl_step_load(p);
	__m128i odd = _mm_cmplt_epi8(v, _mm_set1_epi8(0x20));

	odd = _mm_or_si128(odd, dl_step_eq(v, '"'));
	return dl_step_first(_mm_or_si128(odd, dl_step_eq(v, '\\')));
}

/* What cannot be in a number or a literal: see dl_json_ends_scalar(). */
static inline size_t
dl_step_scalar(const char *p)
{
	__m128i v = dl_step_load(p);
	__m128i folded = _mm_or_si128(v, _mm_set1_epi8(0x20));
	__m128i most = _mm_set1_epi8('"');
	__m128i odd = _mm_cmpeq_epi8(_mm_max_epu8(v, most), most);

	odd = _mm_or_si128(odd, dl_step_eq(v, ','));
	odd = _mm_or_si128(odd, dl_step_eq(v, ':'));
	odd = _mm_or_si128(odd, dl_step_eq(folded, '{'));
	return dl_step_first(_mm_or_si128(odd, dl_step_eq(folded, '}')));
}

#elif defined(__aarch64__) && !defined(DL_JSON_PLAIN)

#include <arm_neon.h>

#define DL_STEP 16

static inline uint8x16_t
dl_step_load(const char *p)
{
	return vld1q_u8((const uint8_t *)p);
}

static inline uint8x16_t
dl_step_eq(uint8x16_t v, char c)
{
	return vceqq_u8(v, vdupq_n_u8((uint8_t)c));
}

/* Narrowing leaves four bits of every byte. */
static inline size_t
dl_step_first(uint8x16_t v)
{
	uint8x8_t n = vshrn_n_u16(vreinterpretq_u16_u8(v), 4);
	uint64_t m = vget_lane_u64(vreinterpret_u64_u8(n), 0);

	return m == 0 ? DL_STEP : (size_t)__builtin_ctzll(m) / 4;
}

static inline size_t
dl_step_quote(const char *p)
{
	uint8x16_t v = dl_step_load(p);

	return dl_step_first(vorrq_u8(dl_step_eq(v, '"'), dl_step_eq(v, '\\')));
}

static inline size_t
dl_step_text(const char *p)
{
	uint8x16_t v = dl_step_load(p);
	uint8x16_t odd = vcltq_s8(vreinterpretq_s8_u8(v), vdupq_n_s8(0x20));

	odd = vorrq_u8(odd, dl_step_eq(v, '"'));
	return dl_step_first(vorrq_u8(odd, dl_step_eq(v, '\\')));
}

static inline size_t
dl_step_scalar(const char *p)
{
	uint8x16_t v = dl_step_load(p);
	uint8x16_t folded = vorrq_u8(v, vdupq_n_u8(0x20));
	uint8x16_t odd = vcleq_u8(v, vdupq_n_u8('"'));

	odd = vorrq_u8(odd, dl_step_eq(v, ','));
	odd = vorrq_u8(odd, dl_step_eq(v, ':'));
	odd = vorrq_u8(odd, dl_step_eq(folded, '{'));
	return dl_step_first(vorrq_u8(odd, dl_step_eq(folded, '}')));
}

#else

#define DL_STEP 8

static inline size_t
dl_step_first(uint64_t high)
{
	return high == 0 ? DL_STEP : (size_t)__builtin_ctzll(high) / 8;
}

static inline size_t
dl_step_quote(const char *p)
{
	uint64_t w = dl_word_load(p);

	return dl_step_first(dl_word_eq(w, '"') | dl_word_eq(w, '\\'));
}

static inline size_t
dl_step_text(const char *p)
{
	uint64_t w = dl_word_load(p);

	return dl_step_first(dl_word_eq(w, '"') | dl_word_eq(w, '\\') |
			     dl_word_below(w, 0x20) | (w & DL_WORD_HIGH));
}

static inline size_t
dl_step_scalar(const char *p)
{
	uint64_t w = dl_word_load(p);
	uint64_t folded = w | DL_WORD_LOW * 0x20;

	return dl_step_first(dl_word_below(w, '"' + 1) | dl_word_eq(w, ',') |
			     dl_word_eq(w, ':') | dl_word_eq(folded, '{') |
			     dl_word_eq(folded, '}'));
}

#endif

#endif
