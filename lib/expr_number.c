/*
 * Numbers: what their text is worth, how two of them compare, and integers.
 */
#include "expr_number.h"

#include "double.h"
#include "json_byte.h"

#include <math.h>

#define EXACT 9007199254740992.0 /* 2^53: below it, every integer is a double */
#define EXPONENT_MOST ((int64_t)1 << 40) /* more makes no difference */

/* A number as 0.DIGITS * 10^point; the digits have no 0 before them. */
struct decimal {
	const char *p, *end; /* digits and perhaps one point; p == end: zero */
	int64_t point;
	bool negative;
};

static const char *
past_digits(const char *p, const char *end)
{
	while (p < end && dl_json_is_digit(*p))
		p++;
	return p;
}

bool
dl_number_valid(struct dl_span text)
{
	const char *p = text.p, *end = dl_span_end(text), *q;

	if (p < end && *p == '-')
		p++;
	q = past_digits(p, end);
	if (q == p || (*p == '0' && q > p + 1))
		return false;
	if (q < end && *q == '.') {
		p = q + 1;
		if ((q = past_digits(p, end)) == p)
			return false;
	}
	if (q < end && (*q | 0x20) == 'e') {
		p = q + 1;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		if ((q = past_digits(p, end)) == p)
			return false;
	}
	return q == end;
}

static int64_t
exponent(const char *p, const char *end)
{
	bool negative = p < end && *p == '-';
	int64_t n = 0;

	if (p < end && (*p == '-' || *p == '+'))
		p++;
	for (; p < end && n < EXPONENT_MOST; p++)
		n = n * 10 + (*p - '0');
	return negative ? -n : n;
}

static struct decimal
decimal(struct dl_span text)
{
	const char *p = text.p, *end = dl_span_end(text), *point;
	struct decimal d = {.negative = p < end && *p == '-'};

	p += d.negative;
	for (d.end = p; d.end < end && (*d.end | 0x20) != 'e'; d.end++)
		;
	if (d.end < end)
		d.point = exponent(d.end + 1, end);
	point = memchr(p, '.', (size_t)(d.end - p));
	if (point == NULL)
		point = d.end;
	while (p < d.end && (*p == '0' || *p == '.'))
		p++;
	d.p = p;
	d.point += p <= point ? point - p : point + 1 - p;
	return d;
}

static int
next_digit(struct decimal *d)
{
	if (d->p < d->end && *d->p == '.')
		d->p++;
	return d->p < d->end ? *d->p++ : '0';
}

/* Two numbers of the same sign, not zero. */
static int
cmp_digits(struct dl_span x, struct dl_span y)
{
	struct decimal dx = decimal(x), dy = decimal(y);
	int r = (dx.point > dy.point) - (dx.point < dy.point);

	while (r == 0 && (dx.p < dx.end || dy.p < dy.end))
		r = next_digit(&dx) - next_digit(&dy);
	r = (r > 0) - (r < 0);
	return dx.negative ? -r : r;
}

/* The digits of a number that has no text are printed to a's scratch. */
static struct dl_span
text_of(struct dl_arena *a, const struct dl_value *v)
{
	if (v->form == DL_VALUE_JSON)
		return v->text;
	dl_buf_clear(&a->scratch);
	dl_value_print_double(&a->scratch, v->number);
	return dl_buf_as_span(&a->scratch);
}

int
dl_number_cmp(struct dl_arena *a, const struct dl_value *x,
    const struct dl_value *y, double dx, double dy)
{
	bool written = x->form == DL_VALUE_JSON && y->form == DL_VALUE_JSON;

	if (dx < dy || dx != dx)
		return -1;
	if (dx > dy || dy != dy)
		return 1;
	if (fabs(dx) < EXACT || (!written && isinf(dx)) ||
	    (x->form == DL_VALUE_NUMBER && y->form == DL_VALUE_NUMBER))
		return 0;
	return cmp_digits(text_of(a, x), text_of(a, y));
}

double
dl_value_double(const struct dl_value *v)
{
	return v->form == DL_VALUE_JSON ? dl_double(v->text) : v->number;
}

static bool
int_of_text(struct dl_span text, int64_t *i)
{
	bool negative = text.len > 0 && text.p[0] == '-';
	uint64_t n = 0, most = (uint64_t)INT64_MAX + negative;

	/* No sum can overflow: 19 digits are below 2^64. */
	if (text.len == negative || text.len - negative > 19)
		return false;
	for (size_t k = negative; k < text.len; k++) {
		if (!dl_json_is_digit(text.p[k]))
			return false;
		n = n * 10 + (uint64_t)(text.p[k] - '0');
	}
	/* An integer has no -0, but a double has it. */
	if (n > most || (negative && n == 0))
		return false;
	*i = (int64_t)(negative ? 0 - n : n);
	return true;
}

bool
dl_value_int(const struct dl_value *v, int64_t *i)
{
	double d = v->number;

	if (v->kind != DL_JSON_NUMBER)
		return false;
	if (v->form == DL_VALUE_JSON)
		return int_of_text(v->text, i);
	if (!(fabs(d) < EXACT) || d != (double)(int64_t)d ||
	    (d == 0 && signbit(d)))
		return false;
	*i = (int64_t)d;
	return true;
}

int
dl_value_of_int(
    struct dl_arena *a, int64_t i, struct dl_value *v, struct dl_err *err)
{
	uint64_t n = i < 0 ? 0 - (uint64_t)i : (uint64_t)i;
	char digits[24], *p = digits + sizeof(digits);
	struct dl_span text;

	if (n < (uint64_t)EXACT) {
		*v = dl_value_number((double)i);
		return 0;
	}
	for (; n > 0; n /= 10)
		*--p = (char)('0' + n % 10);
	if (i < 0)
		*--p = '-';
	text =
	    dl_arena_copy(a, dl_span(p, (size_t)(digits + sizeof(digits) - p)));
	if (text.p == NULL)
		return dl_err_data(err, DL_ARENA_FULL);
	*v = (struct dl_value){DL_JSON_NUMBER, DL_VALUE_JSON, text, 0};
	return 0;
}

bool
dl_number_is_printed(struct dl_span text)
{
	size_t sign = text.p[0] == '-', zeros = 0, i = sign;

	while (i < text.len && dl_json_is_digit(text.p[i]))
		i++;
	if (i == text.len) {
		/* Up to 15 zeros at its end are written out; -0 is -0. */
		while (text.p[--i] == '0' && i > sign)
			zeros++;
		return zeros <= 15;
	}
	/* A fraction of so few digits is the shortest there is. */
	if (text.p[i] != '.' || text.len - sign > 16)
		return false;
	if (text.p[sign] == '0')
		while (text.p[i + 1 + zeros] == '0' && i + 2 + zeros < text.len)
			zeros++;
	return zeros <= 3 && text.p[text.len - 1] != '0' &&
	       past_digits(text.p + i + 1, dl_span_end(text)) ==
	           dl_span_end(text);
}

/* Is it written without fraction and exponent, and no double holds it? */
static bool
is_too_long(struct dl_arena *a, struct dl_span text, double d)
{
	struct dl_value written = {DL_JSON_NUMBER, DL_VALUE_JSON, text, 0};
	struct dl_value v = dl_value_number(d);
	const char *end = dl_span_end(text);

	if (past_digits(text.p + (text.p[0] == '-'), end) != end)
		return false;
	return isinf(d) || dl_number_cmp(a, &v, &written, d, d) != 0;
}

bool
dl_number_is_long(struct dl_arena *a, const struct dl_value *v)
{
	/* An integer of 15 digits is below 2^53. */
	return v->kind == DL_JSON_NUMBER && v->form == DL_VALUE_JSON &&
	       v->text.len > 15 && is_too_long(a, v->text, dl_value_double(v));
}

void
dl_number_print(struct dl_arena *a, struct dl_buf *b, struct dl_span text)
{
	double d;

	if (dl_number_is_printed(text)) {
		dl_buf_span(b, text);
		return;
	}
	d = dl_double(text);
	if (is_too_long(a, text, d))
		dl_buf_span(b, text);
	else
		dl_value_print_double(b, d);
}
