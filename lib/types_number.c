#include "types_number.h"

#include "double.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define FAR 100000 /* an exponent that nothing here holds */

/* Put a digit; zeros wait until one follows that is none. */
static void
put_digit(struct dl_number *x, char digit, int *zeros)
{
	if (digit == '0') {
		if (x->n > 0 && *zeros < FAR)
			(*zeros)++;
		return;
	}
	while (*zeros > 0 && x->n < DL_NUMBER_DIGITS) {
		x->digits[x->n++] = '0';
		(*zeros)--;
	}
	if (*zeros > 0 || x->n >= DL_NUMBER_DIGITS)
		x->n = DL_NUMBER_DIGITS + 1;
	else
		x->digits[x->n++] = digit;
}

static int
read_exponent(const char *p, const char *end)
{
	bool negative = p < end && *p == '-';
	int e = 0;

	if (p < end && (*p == '-' || *p == '+'))
		p++;
	for (; p < end && *p >= '0' && *p <= '9'; p++)
		if (e < FAR)
			e = e * 10 + (*p - '0');
	return negative ? -e : e;
}

void
dl_number_read(struct dl_number *x, struct dl_span text)
{
	const char *p = text.p, *end = dl_span_end(text);
	bool after = false;
	int zeros = 0;

	*x = (struct dl_number){.integer = true};
	if (p < end && *p == '-') {
		x->negative = true;
		p++;
	}
	for (; p < end && *p != 'e' && *p != 'E'; p++) {
		if (*p == '.') {
			after = true;
			x->integer = false;
			continue;
		}
		put_digit(x, *p, &zeros);
		/* The point is where the digits before it end. */
		if (!after && x->n > 0 && x->point < FAR)
			x->point++;
		else if (after && x->n == 0 && x->point > -FAR)
			x->point--;
	}
	if (p < end) {
		x->integer = false;
		x->point += read_exponent(p + 1, end);
	}
	if (x->n == 0) {
		x->point = 0;
		x->integer = x->integer && !x->negative;
	}
}

bool
dl_number_is_bigint(const struct dl_number *x, struct dl_span text)
{
	char copy[24];

	if (!x->integer || text.len >= sizeof(copy))
		return false;
	memcpy(copy, text.p, text.len);
	copy[text.len] = '\0';
	errno = 0;
	(void)strtoll(copy, NULL, 10);
	return errno == 0;
}

/* Are the digits of d, printed with so many, those of x? */
static bool
same_digits(const struct dl_number *x, double d, int precision)
{
	struct dl_number y;
	char text[40];

	(void)snprintf(text, sizeof(text), "%.*e", precision - 1, d);
	dl_number_read(&y, dl_span_str(text));
	return x->negative == y.negative && x->n == y.n &&
	       x->point == y.point &&
	       memcmp(x->digits, y.digits, (size_t)x->n) == 0;
}

bool
dl_number_is_double(const struct dl_number *x, struct dl_span text)
{
	char shortest[40];
	double d;
	int precision;

	if (x->n == 0 || (x->n <= 15 && x->point > -290 && x->point < 290))
		return true;
	d = dl_double(text);
	if (x->n > 17 || isinf(d) || d == 0)
		return false;
	for (precision = 1; precision < 17; precision++) {
		(void)snprintf(
		    shortest, sizeof(shortest), "%.*e", precision - 1, d);
		if (strtod(shortest, NULL) == d)
			break;
	}
	return same_digits(x, d, precision);
}

int
dl_number_whole(const struct dl_number *x)
{
	return x->point > 0 ? x->point : 0;
}

int
dl_number_decimals(const struct dl_number *x)
{
	return x->n > x->point ? x->n - x->point : 0;
}

void
dl_number_print_plain(const struct dl_number *x, struct dl_buf *b)
{
	int i;

	if (x->negative && x->n > 0)
		dl_buf_addc(b, '-');
	if (x->point <= 0)
		dl_buf_addc(b, '0');
	for (i = 0; i < x->point; i++)
		dl_buf_addc(b, i < x->n ? x->digits[i] : '0');
	if (x->n <= x->point)
		return;
	dl_buf_addc(b, '.');
	for (i = x->point; i < 0; i++)
		dl_buf_addc(b, '0');
	for (i = x->point > 0 ? x->point : 0; i < x->n; i++)
		dl_buf_addc(b, x->digits[i]);
}
