/*
 * What every main shares: options, home, signals, and how a process ends.
 *
 * This is the one place in lib/ that ends the process, for cmd/ alone.
 */
#ifndef DL_TOOL_H
#define DL_TOOL_H

#include "err.h"
#include "metric.h"
#include "opt.h"

#include <signal.h>

/*
 * Every tool's last options: -H, -q, -v, -h, -V.
 */
#define DL_OPT_COMMON \
	DL_OPT_STR( \
	    'H', "home", &dl_tool_home_option, "DIR", "keep state in DIR"), \
	    DL_OPT_FLAG('q', "quiet", &dl_tool_quiet, "say only errors"), \
	    DL_OPT_FLAG('v', "verbose", &dl_tool_verbose, "say more"), \
	    {DL_OPT_KIND_HELP, 'h', "help", NULL, NULL, "print this and exit", \
		NULL}, \
	    {DL_OPT_KIND_VERSION, 'V', "version", NULL, NULL, \
		"print the version and exit", NULL}, \
	    DL_OPT_END

extern const char *dl_tool_home_option;
extern bool dl_tool_quiet, dl_tool_verbose;

/* How the first SIGINT or SIGTERM is taken (the second always ends). */
enum dl_tool_signals {
	DL_TOOL_PLAIN, /* ends the process; SIGPIPE too: for readers by hand */
	DL_TOOL_DRAIN, /* ignored: filters and sinks drain to end of input */
	DL_TOOL_HEAD   /* dl_tool_stop is set, and system calls interrupted */
};

extern volatile sig_atomic_t dl_tool_stop;

/*
 * Parse options (help, version and wrong usage end the process here), check
 * that there are least to most operands, set up logs and signals.  args is the
 * synopsis of the operands: "STREAM [CONSUMER]".  Returns the first operand's
 * index.
 */
int dl_tool_start(const char *name, const struct dl_opt *opts, const char *args,
    int least, int most, enum dl_tool_signals signals, int argc, char *argv[]);

/* The home directory; ends the process where there can be none. */
const char *dl_tool_home(void);

/*
 * With DL_PIPELINE set, tell counts as this tool's metric until the process
 * ends: see dl_metric_start().  To be called when the options are in order and
 * before what can fail; wrong usage is no run.  counts is zeroed before.
 */
void dl_tool_metric(struct dl_span instance, const struct dl_counts *counts);

/*
 * Say what failed, write the metric, and end with its status.  Without a message
 * it has been said already, by a process of this tool.
 */
void dl_tool_fail(const struct dl_err *err) __attribute__((noreturn));

/* All went well: write the metric.  Returns what main returns. */
int dl_tool_finish(void);

#endif
