/*
 * The access log: a line of JSON for each request, gathered in memory and
 * written by a thread of its own each second, or sooner when 64 KiB are there.
 *
 * {"time":…,"id":…,"client":…,"who":…,"method":…,"path":…,"status":…,"bytes":…,
 * "ms":…}, and "broken":true where the answer was not sent to its end.  Queries
 * are not in it.  Where the disk is full, or slower than the requests, lines are
 * left out, which is said once, and how many when it works again.
 */
#ifndef DL_HTTP_LOG_H
#define DL_HTTP_LOG_H

#include "err.h"
#include "span.h"

#include <stdint.h>

#define DL_HTTP_LOG_MAX ((size_t)4 << 20) /* bytes that wait to be written */
#define DL_HTTP_LOG_PATH 1024             /* bytes of a path that are shown */

struct dl_http_log_line {
	const char *id, *client, *who; /* who may be NULL */
	struct dl_span method, path;   /* any bytes; may be absent */
	int status;                    /* 0: none was sent */
	uint64_t bytes;
	int64_t us;
	bool broken;
};

struct dl_http_log;

/* path is kept, not copied; "-" is standard error. */
struct dl_http_log *dl_http_log_open(const char *path, struct dl_err *err);

/* From any thread. */
void dl_http_log_add(
    struct dl_http_log *log, const struct dl_http_log_line *line);

/* Open path again; on failure what is open stays. */
int dl_http_log_reopen(struct dl_http_log *log, struct dl_err *err);

/* Write what is there, and end; NULL does nothing. */
void dl_http_log_close(struct dl_http_log *log);

#endif
