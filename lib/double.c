#include "double.h"

#include "buf.h"

#include <stdint.h>
#include <stdlib.h>

#define EXACT_DIGITS 15 /* a double holds every integer of so many */
#define ON_STACK 128

/*
 * Few digits and no exponent: both the digits and the power of ten are exact
 * doubles, so their quotient is rounded once, and correctly.
 */
static bool
simple(struct dl_span text, double *d)
{
	static const double tens[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7,
	    1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
	size_t i = text.len > 0 && text.p[0] == '-', first = i, point = 0;
	uint64_t digits = 0;

	if (text.len > EXACT_DIGITS)
		return false;
	for (; i < text.len; i++) {
		unsigned c = (unsigned char)text.p[i];

		if (c == '.' && point == 0)
			point = i + 1;
		else if (c >= '0' && c <= '9')
			digits = digits * 10 + (c - '0');
		else
			return false;
	}
	*d = (double)digits;
	if (point != 0)
		*d /= tens[text.len - point];
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
