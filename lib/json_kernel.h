/*
 * The functions of a kernel, written once over a block of 64 bytes.
 *
 * Not a header of its own: json_plain.c, json_sse2.c, json_avx2.c and
 * json_neon.c include it after they have defined
 *
 *	KERNEL              the kernel's variable
 *	KERNEL_NAME         its name
 *	TARGET              the attribute that permits its instructions
 *	struct block        64 bytes
 *	block_load(p)       ... read from memory
 *	block_eq(b, c)      one bit for every byte that equals c, lowest first
 *	block_fold_eq(b, c) the same, with bit 0x20 set in every byte
 *	block_below(b, c)   ... that is below c, c being 0x21 at most
 *	block_high(b)       ... that is 0x80 or above
 *	prefix_xor(m)       each bit the exclusive or of it and all below it
 */
#include "json_block.h"

#include <string.h>

#define BLOCK 64

/* Called from two places, a big function would else become a real one. */
#define INLINE TARGET static inline __attribute__((always_inline))

/*
 * The last bytes of a span.  The padding is a byte that no mask asks for, so
 * that it needs no masking out.
 */
INLINE struct block
block_tail(const char *p, const char *end)
{
	char pad[BLOCK];

	memset(pad, '0', sizeof(pad));
	memcpy(pad, p, (size_t)(end - p));
	return block_load(pad);
}

INLINE uint64_t
block_special(struct block b)
{
	return block_eq(b, '"') | block_eq(b, '\\') | block_below(b, 0x20);
}

/*
 * The bytes that a backslash escapes.  *carry is whether the first one is, and
 * becomes whether the one after the block is.  Backslashes are rare: this walks
 * over them one by one, so no run of them needs to be thought about.
 */
INLINE uint64_t
escaped_bytes(uint64_t backslash, uint64_t *carry)
{
	uint64_t escaped = *carry, bit;

	*carry = 0;
	for (backslash &= ~escaped; backslash != 0;
	     backslash &= ~(bit | bit << 1)) {
		bit = backslash & -backslash;
		escaped |= bit << 1;
		*carry = bit >> 63;
	}
	return escaped;
}

TARGET static const char *
kernel_special(const char *p, const char *end)
{
	uint64_t found;

	for (; end - p >= BLOCK; p += BLOCK)
		if ((found = block_special(block_load(p))) != 0)
			return p + __builtin_ctzll(found);
	if (p < end && (found = block_special(block_tail(p, end))) != 0)
		return p + __builtin_ctzll(found);
	return end;
}

TARGET static const char *
kernel_high(const char *p, const char *end)
{
	uint64_t found;

	for (; end - p >= BLOCK; p += BLOCK)
		if ((found = block_high(block_load(p))) != 0)
			return p + __builtin_ctzll(found);
	if (p < end && (found = block_high(block_tail(p, end))) != 0)
		return p + __builtin_ctzll(found);
	return end;
}

TARGET static const char *
kernel_string(const char *p, const char *end)
{
	uint64_t carry = 0, quotes;
	struct block b;

	for (; p < end; p += BLOCK) {
		bool whole = end - p >= BLOCK;

		b = whole ? block_load(p) : block_tail(p, end);
		quotes = block_eq(b, '"');
		quotes &= ~escaped_bytes(block_eq(b, '\\'), &carry);
		if (quotes != 0)
			return p + __builtin_ctzll(quotes) + 1;
		if (!whole)
			break;
	}
	return NULL;
}

/*
 * The bytes of b that are in a string, its opening quote counted in and its
 * closing one out; len is how many bytes of b are real.
 */
INLINE uint64_t
block_strings(struct dl_json_nest *n, struct block b, size_t len)
{
	uint64_t carry = n->escaped;
	uint64_t escaped = escaped_bytes(block_eq(b, '\\'), &carry);
	uint64_t in = prefix_xor(block_eq(b, '"') & ~escaped) ^ n->in_string;

	n->escaped = len == BLOCK ? carry : escaped >> len & 1;
	n->in_string = -(in >> 63);
	return in;
}

/* Where in b the last open bracket closes; BLOCK if it doesn't. */
INLINE size_t
block_nested(struct dl_json_nest *n, struct block b, size_t len)
{
	uint64_t out = ~block_strings(n, b, len);
	uint64_t opens = block_fold_eq(b, '{') & out;
	uint64_t closes = block_fold_eq(b, '}') & out;
	size_t nopens, ncloses, closed = 0, at, before;

	if ((opens | closes) == 0)
		return BLOCK;
	nopens = (size_t)__builtin_popcountll(opens);
	ncloses = (size_t)__builtin_popcountll(closes);
	if (ncloses >= n->depth) {
		for (; closes != 0; closes &= closes - 1) {
			at = (size_t)__builtin_ctzll(closes);
			before = (size_t)__builtin_popcountll(
			    opens & (((uint64_t)1 << at) - 1));
			if (n->depth + before == ++closed)
				return at;
		}
	}
	n->depth += nopens - ncloses;
	return BLOCK;
}

TARGET static const char *
kernel_nested(struct dl_json_nest *n, const char *p, const char *end)
{
	struct dl_json_nest here = *n;
	size_t at, left;

	for (; end - p >= BLOCK; p += BLOCK)
		if ((at = block_nested(&here, block_load(p), BLOCK)) != BLOCK)
			return p + at + 1;
	if (p < end) {
		left = (size_t)(end - p);
		at = block_nested(&here, block_tail(p, end), left);
		if (at != BLOCK)
			return p + at + 1;
	}
	*n = here;
	return NULL;
}

/* Control characters are rare: most blocks are told from one comparison. */
INLINE uint64_t
block_space(struct dl_json_nest *n, struct block b)
{
	uint64_t space = block_below(b, 0x21) & ~block_strings(n, b, BLOCK);

	if (space == 0)
		return 0;
	return space & (block_eq(b, ' ') | block_eq(b, '\n') |
			   block_eq(b, '\r') | block_eq(b, '\t'));
}

TARGET static const char *
kernel_space(const char *p, const char *end)
{
	struct dl_json_nest here = {1, 0, 0};
	uint64_t found;

	for (; end - p >= BLOCK; p += BLOCK)
		if ((found = block_space(&here, block_load(p))) != 0)
			return p + __builtin_ctzll(found);
	if (p < end && (found = block_space(&here, block_tail(p, end))) != 0)
		return p + __builtin_ctzll(found);
	return end;
}

const struct dl_json_kernel KERNEL = {KERNEL_NAME, kernel_special, kernel_high,
    kernel_string, kernel_nested, kernel_space};
