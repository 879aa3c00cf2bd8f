/*
 * The validator, where a value's end is not known yet: one pass tells the end
 * and whether it is valid.
 */
#ifndef DL_JSON_CHECK_H
#define DL_JSON_CHECK_H

#include "span.h"

/*
 * Past the object or array that text begins with (no white space before it), if
 * it is there whole and what dl_json_check takes; NULL if it is not.  What
 * follows it is not looked at, and nothing past DL_JSON_MAX bytes is.
 */
const char *dl_json_check_first(struct dl_span text);

#endif
