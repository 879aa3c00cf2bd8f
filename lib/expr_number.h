/*
 * Numbers of JSON text, for the values of expressions (expr_value.h).
 */
#ifndef DL_EXPR_NUMBER_H
#define DL_EXPR_NUMBER_H

#include "expr_value.h"

/* Is text a number as JSON's grammar has it, and nothing else? */
bool dl_number_valid(struct dl_span text);

/*
 * jq's order of two numbers: by their doubles, NaN before all.  Where these
 * are equal and 2^53 or more, by all digits; of a double that has no text they
 * are the ones that it is printed with.
 */
int dl_number_cmp(struct dl_arena *a, const struct dl_value *x,
    const struct dl_value *y, double dx, double dy);

/*
 * Does the double of this valid number print as the very same text, or is it
 * an integer with more digits than a double holds?  False may also mean that
 * this can't be seen at a glance.
 */
bool dl_number_is_printed(struct dl_span text);

/* Is it an integer in JSON text, without exponent, that no double holds? */
bool dl_number_is_long(struct dl_arena *a, const struct dl_value *v);

/* Append a valid number as tojson does (dl_value_print). */
void dl_number_print(struct dl_arena *a, struct dl_buf *b, struct dl_span text);

#endif
