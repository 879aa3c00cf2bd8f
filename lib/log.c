#include "log.h"

#include "clock.h"
#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *log_tool = "dl";
static enum dl_log_level log_most = DL_LOG_INFO;
static bool log_json;
static bool log_over;

void
dl_log_init(const char *tool, enum dl_log_level most)
{
	const char *form = getenv("DL_LOG");

	log_tool = tool;
	log_most = most;
	log_json = form != NULL && strcmp(form, "json") == 0;
}

void
dl_log_over(bool line)
{
	log_over = line;
}

static void
as_json(struct dl_buf *b, enum dl_log_level level, const char *msg)
{
	static const char *const names[] = {"error", "warn", "info", "debug"};
	char stamp[DL_TIME_MAX];
	struct dl_time now;

	dl_now(&now);
	dl_time_print(&now, stamp);
	dl_buf_printf(b,
	    "{\"time\":\"%s\",\"level\":\"%s\",\"tool\":\"%s\","
	    "\"msg\":",
	    stamp, names[level], log_tool);
	dl_json_quote(b, dl_span_str(msg));
	dl_buf_adds(b, "}\n");
}

void
dl_log(enum dl_log_level level, const char *fmt, ...)
{
	struct dl_buf b = {0};
	char msg[2 * DL_ERR_MAX];
	va_list ap;

	if (level > log_most)
		return;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	if (log_over)
		dl_buf_adds(&b, "\033[K");
	if (log_json)
		as_json(&b, level, msg);
	else
		dl_buf_printf(&b, "%s: %s\n", log_tool, msg);
	/* One write a line, so that the lines of a pipe's tools don't mix. */
	if (write(STDERR_FILENO, b.p, b.len) < 0)
		(void)0; /* nobody is listening, and there is nobody to tell */
	dl_buf_release(&b);
}
