/*
 * Moments as people give them: --since, --until.
 */
#ifndef DL_WHEN_H
#define DL_WHEN_H

#include "clock.h"

/*
 * RFC 3339, also without its seconds (2026-11-01T00:00Z) or as a day alone,
 * which begins at midnight UTC; or how long ago: "2h", "90m", "1h30m".
 * Anything else is DL_EXIT_USAGE.
 */
int dl_when_parse(const char *text, struct dl_time *t, struct dl_err *err);

#endif
