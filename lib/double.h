/*
 * The double that a JSON number means: correctly rounded, as strtod(3) and jq
 * have it; too large a number is an infinity.
 */
#ifndef DL_DOUBLE_H
#define DL_DOUBLE_H

#include "span.h"

/* text is a JSON number; of anything else the result means nothing. */
double dl_double(struct dl_span text);

#endif
