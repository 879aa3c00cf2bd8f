/*
 * What we tell people, on standard error: a line of text on a terminal or in a
 * plain pipe, a JSON object a line with DL_LOG=json in the environment:
 * {"time":…,"level":…,"tool":…,"msg":…}.
 */
#ifndef DL_LOG_H
#define DL_LOG_H

#include "err.h"

#include <stdbool.h>

enum dl_log_level { DL_LOG_ERROR, DL_LOG_WARN, DL_LOG_INFO, DL_LOG_DEBUG };

/* tool is kept, not copied.  -q shows errors alone, -v adds DL_LOG_DEBUG. */
void dl_log_init(const char *tool, enum dl_log_level most);

/* A line stands on the terminal, with the cursor at its start: wipe it first. */
void dl_log_over(bool line);

void dl_log(enum dl_log_level level, const char *fmt, ...) DL_PRINTF(2, 3);

#endif
