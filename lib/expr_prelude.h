/*
 * The functions of jq 1.6 that are programs themselves, in jq's language.
 */
#ifndef DL_EXPR_PRELUDE_H
#define DL_EXPR_PRELUDE_H

#include "span.h"

/* Its definition, `def name(params): body; .`, or NULL. */
const char *dl_prelude_find(struct dl_span name, int nparams);

#endif
