/*
 * Patterns of names: '*' is any bytes, '?' one character; the rest stands for
 * itself.  The time to match is at most the product of both lengths.
 */
#ifndef DL_POLICY_PATTERN_H
#define DL_POLICY_PATTERN_H

#include "span.h"

#define DL_POLICY_PATTERN_MAX 256 /* bytes of one */

/* Does it match whatever there is? */
bool dl_policy_pattern_any(struct dl_span pattern);

bool dl_policy_pattern_match(struct dl_span pattern, struct dl_span name);

#endif
