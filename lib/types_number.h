/*
 * A number of JSON by its digits: what types can hold it unchanged.
 *
 * Changed means: another number.  2.50 and 2.5, 1e2 and 100 are the same, as
 * they are for every engine.
 */
#ifndef DL_TYPES_NUMBER_H
#define DL_TYPES_NUMBER_H

#include "buf.h"
#include "span.h"

#define DL_NUMBER_DIGITS 38 /* that a DECIMAL has, at most */

struct dl_number {
	bool negative;
	bool
	    integer; /* written as one: digits, no point and no exponent; not -0 */
	int n;       /* significant digits; more than the most: one more */
	int point;                         /* it is 0.DIGITS times 10 to this */
	char digits[DL_NUMBER_DIGITS + 1]; /* without zeros at either end */
};

/* text is a JSON number; of anything else the result means nothing. */
void dl_number_read(struct dl_number *x, struct dl_span text);

/* Is it an integer of 64 bits? */
bool dl_number_is_bigint(const struct dl_number *x, struct dl_span text);

/* Is the double that it means, printed as short as it can be, this number? */
bool dl_number_is_double(const struct dl_number *x, struct dl_span text);

/* Digits before and after the point, when it is written without an exponent. */
int dl_number_whole(const struct dl_number *x);
int dl_number_decimals(const struct dl_number *x);

/* Append it without an exponent; for n and point within DL_NUMBER_DIGITS. */
void dl_number_print_plain(const struct dl_number *x, struct dl_buf *b);

#endif
