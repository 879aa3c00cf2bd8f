/*
 * Doubles in decimal, as jq 1.6 prints them: the shortest digits that mean the
 * same double.  What is common is done here, the rest by libjq.
 */
#include "expr_value.h"

#include <jv.h>
#include <math.h>

#define EXACT 9007199254740992.0 /* 2^53 */
#define LEAST 1e-7               /* what is smaller is rare */
#define ZEROS_LEAST 4 /* behind the point: from then on, an exponent */
#define SHORT 15      /* digits of which a double holds all */
#define DIGITS_MOST 20

static const double tens[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9,
    1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21};

/* The digits of n, before end. */
static char *
digits_before(char *end, uint64_t n)
{
	for (; n >= 100; n /= 100) {
		unsigned two = (unsigned)(n % 100);

		*--end = (char)('0' + two % 10);
		*--end = (char)('0' + two / 10);
	}
	if (n >= 10) {
		*--end = (char)('0' + n % 10);
		n /= 10;
	}
	*--end = (char)('0' + n);
	return end;
}

static void
put_integer(struct dl_buf *b, bool negative, uint64_t n)
{
	char digits[DIGITS_MOST + 1], *end = digits + sizeof(digits);
	char *p = digits_before(end, n);

	if (negative)
		*--p = '-';
	dl_buf_add(b, p, (size_t)(end - p));
}

/* 0.DIGITS / 10^zeros, as jq has what is small; there is room before p. */
static void
put_small(struct dl_buf *b, bool negative, char *p, char *end, int zeros)
{
	char exponent[] = {'e', '-', '0', (char)('1' + zeros)};

	if (end - p > 1) {
		p[-1] = *p;
		*p-- = '.';
	}
	if (negative)
		*--p = '-';
	dl_buf_add(b, p, (size_t)(end - p));
	dl_buf_add(b, exponent, sizeof(exponent));
}

/* m / 10^k, which is no integer. */
static void
put_decimal(struct dl_buf *b, bool negative, uint64_t m, int k)
{
	char digits[2 * DIGITS_MOST + 3], *end = digits + sizeof(digits), *p;

	for (; m % 1000 == 0; k -= 3)
		m /= 1000;
	for (; m % 10 == 0; k--)
		m /= 10;
	p = digits_before(end, m);
	if (k - (end - p) >= ZEROS_LEAST) {
		put_small(b, negative, p, end, (int)(k - (end - p)));
		return;
	}
	while (end - p <= k)
		*--p = '0';
	p--;
	memmove(p, p + 1, (size_t)(end - p - 1 - k));
	end[-k - 1] = '.';
	if (negative)
		*--p = '-';
	dl_buf_add(b, p, (size_t)(end - p));
}

/* How many digits d has before the point; minus the zeros right behind it. */
static int
whole_digits(double d)
{
	static const double parts[] = {1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6};
	int n = 0;

	while (n > -6 && d < parts[-n])
		n--;
	while (n >= 0 && d >= tens[n])
		n++;
	return n;
}

/*
 * i and rest (parts of 2^shift) are d in units of 17 digits; half is half of
 * the distance to the next double.  16 digits, as a multiple of ten units, if
 * the nearest such is d too, otherwise the nearest unit.  (A number halfway
 * between two doubles has more digits, so it is never met.)
 */
static uint64_t
nearest(uint64_t i, uint64_t rest, int shift, uint64_t half)
{
	uint64_t ten = (uint64_t)10 << shift, one = (uint64_t)1 << shift;
	uint64_t past = (i % 10 << shift) | rest;
	bool up = past > ten / 2 || (past == ten / 2 && i / 10 % 2 == 1);

	if ((up ? ten - past : past) < half)
		return (i / 10 + up) * 10;
	up = rest > one / 2 || (rest == one / 2 && i % 2 == 1);
	return i + up;
}

/*
 * 16 or 17 digits.  d is m * 2^e, so d * 10^k is m * 5^k * 2^(e+k), and all of
 * that, and half of the distance to the next double, is exact in 128 bits.
 */
static void
put_long(struct dl_buf *b, bool negative, double d, int whole)
{
	int e, k = 17 - whole, shift;
	uint64_t m = (uint64_t)ldexp(frexp(d, &e), 53), half = 1, rest;
	unsigned __int128 v;

	for (int n = 0; n < k; n++)
		half *= 5;
	v = (unsigned __int128)(2 * m) * half;
	shift = 1 - (e - 53) - k;
	rest = (uint64_t)v & (((uint64_t)1 << shift) - 1);
	put_decimal(
	    b, negative, nearest((uint64_t)(v >> shift), rest, shift, half), k);
}

static void
put_rare(struct dl_buf *b, double d)
{
	jv text = jv_dump_string(jv_number(d), 0);

	dl_buf_adds(b, jv_string_value(text));
	jv_free(text);
}

void
dl_value_print_double(struct dl_buf *b, double d)
{
	bool negative = signbit(d);
	double size = fabs(d);
	uint64_t m;
	int whole, k;

	if (!(size < EXACT) || (size < LEAST && (size != 0 || negative))) {
		put_rare(b, d);
		return;
	}
	if (size == (double)(int64_t)size) {
		put_integer(b, negative, (uint64_t)size);
		return;
	}
	whole = whole_digits(size);
	k = SHORT - whole;
	if (k > 0) {
		/*
		 * Both m and the power are exact, so that their quotient is
		 * the double that the decimal means.
		 */
		m = (uint64_t)(size * tens[k] + 0.5);
		if ((double)m / tens[k] == size) {
			put_decimal(b, negative, m, k);
			return;
		}
	}
	put_long(b, negative, size, whole);
}
