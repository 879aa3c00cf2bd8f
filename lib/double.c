#include "double.h"

#include "buf.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#define DIGITS_MOST 19 /* any so many are below 2^64 */
#define EXACT_MOST \
	((uint64_t)1 << 53) /* a double holds all integers up to it */
#define ON_STACK 128

/*
 * digits / ten, rounded once.  The quotient has 63 bits at least; that there
 * is more behind them is said by its last one.
 */
static double
quotient(uint64_t digits, uint64_t ten)
{
	int shift = 64 + __builtin_clzll(digits);
	unsigned __int128 all = (unsigned __int128)digits << shift;
	unsigned __int128 q = all / ten;

	return ldexp((double)(q | (q * ten != all)), -shift);
}

/* Few digits and no exponent. */
static bool
simple(struct dl_span text, double *d)
{
	static const uint64_t tens[] = {1, 10, 100, 1000, 10000, 100000,
	    1000000, 10000000, 100000000, 1000000000, 10000000000, 100000000000,
	    1000000000000, 10000000000000, 100000000000000, 1000000000000000,
	    10000000000000000, 100000000000000000, 1000000000000000000,
	    10000000000000000000u};
	size_t first = text.len > 0 && text.p[0] == '-', point = 0;
	uint64_t digits = 0;

	if (text.len - first > DIGITS_MOST + 1)
		return false;
	for (size_t i = first; i < text.len; i++) {
		unsigned c = (unsigned char)text.p[i];

		if (c == '.' && point == 0)
			point = i + 1;
		else if (c >= '0' && c <= '9')
			digits = digits * 10 + (c - '0');
		else
			return false;
	}
	if (point == 0 && text.len - first > DIGITS_MOST)
		return false;
	/* A conversion rounds once, and so does the quotient of exact ones. */
	if (point == 0)
		*d = (double)digits;
	else if (digits <= EXACT_MOST)
		*d = (double)digits / (double)tens[text.len - point];
	else
		*d = quotient(digits, tens[text.len - point]);
	if (first == 1)
		*d = -*d;
	return true;
}

double
dl_double(struct dl_span text)
{
	char small[ON_STACK], *copy = small;
	double d;

	if (simple(text, &d))
		return d;
	if (text.len >= sizeof(small))
		copy = dl_alloc(text.len + 1);
	memcpy(copy, text.p, text.len);
	copy[text.len] = '\0';
	d = strtod(copy, NULL);
	if (copy != small)
		free(copy);
	return d;
}
