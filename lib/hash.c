#include "hash.h"

#include "clock.h"

#include <endian.h>
#include <sys/random.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

struct dl_hash128
dl_hash128(struct dl_span s)
{
	XXH128_hash_t h = XXH3_128bits(s.p, s.len);

	return (struct dl_hash128){h.high64, h.low64};
}

struct dl_hash128
dl_hash_pair(struct dl_span source, struct dl_span id)
{
	uint64_t seed = XXH3_64bits(source.p, source.len);
	XXH128_hash_t h = XXH3_128bits_withSeed(id.p, id.len, seed);

	return (struct dl_hash128){h.high64, h.low64};
}

uint64_t
dl_hash64(struct dl_span s)
{
	return XXH3_64bits(s.p, s.len);
}

uint64_t
dl_hash_place(uint64_t h)
{
	static uint64_t salt, odd;
	struct dl_time now;

	if (odd == 0) {
		if (getrandom(&salt, sizeof(salt), GRND_NONBLOCK) < 0 ||
		    getrandom(&odd, sizeof(odd), GRND_NONBLOCK) < 0) {
			dl_now(&now);
			salt = odd =
			    (uint64_t)now.sec << 30 ^ (uint64_t)now.nsec;
		}
		odd |= 1;
	}
	/* Twice, so that every bit of h has a say in the lowest ones. */
	h = (h ^ salt) * odd;
	h = (h ^ h >> 32) * odd;
	return h ^ h >> 32;
}

/* Eight hex digits, all at once: each half byte gets a byte of its own. */
static void
print_half(uint32_t half, char out[8])
{
	const uint64_t ones = 0x0101010101010101u;
	uint64_t n = half, letters;

	n = (n << 16 | n) & 0x0000ffff0000ffffu;
	n = (n << 8 | n) & 0x00ff00ff00ff00ffu;
	n = (n << 4 | n) & 0x0f0f0f0f0f0f0f0fu;
	letters = (n + 6 * ones) >> 4 & ones;
	n = htobe64(n + '0' * ones + ('a' - '9' - 1) * letters);
	memcpy(out, &n, 8);
}

void
dl_hash_print(uint64_t h, char out[16])
{
	print_half((uint32_t)(h >> 32), out);
	print_half((uint32_t)h, out + 8);
}

void
dl_hash_hex(struct dl_span s, char *out, size_t n)
{
	char hex[16];

	dl_hash_print(dl_hash64(s), hex);
	if (n > 16)
		n = 16;
	memcpy(out, hex, n);
	out[n] = '\0';
}

struct ulid {
	uint64_t ms;
	uint64_t hi; /* 16 bits */
	uint64_t lo; /* 64 bits */
};

static void
ulid_random(struct ulid *u)
{
	uint64_t r[2] = {0, 0};
	struct dl_time now;

	/* Without a random source the clock and the next number must do. */
	if (getrandom(r, sizeof(r), GRND_NONBLOCK) != (ssize_t)sizeof(r)) {
		dl_now(&now);
		r[1] = dl_hash64(dl_span((const char *)&now, sizeof(now)));
	}
	u->hi = r[0] & 0xffff;
	u->lo = r[1];
}

void
dl_ulid(char out[DL_ULID_LEN + 1])
{
	static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	static struct ulid last;
	struct dl_time now;
	unsigned __int128 v;
	uint64_t ms;

	dl_now(&now);
	ms = (uint64_t)(now.sec < 0 ? 0 : now.sec) * 1000 +
	     (uint64_t)now.nsec / 1000000;
	if (ms > last.ms) {
		ulid_random(&last);
		last.ms = ms;
	} else if (++last.lo == 0 && (++last.hi & 0x10000) != 0) {
		last.hi = 0;
		last.ms++;
	}
	v = (unsigned __int128)(last.ms << 16 | (last.hi & 0xffff)) << 64 |
	    last.lo;
	for (int i = DL_ULID_LEN - 1; i >= 0; i--, v >>= 5)
		out[i] = digits[v & 31];
	out[DL_ULID_LEN] = '\0';
}
