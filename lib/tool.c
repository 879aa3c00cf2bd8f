#include "tool.h"

#include "home.h"
#include "io.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#ifndef DL_VERSION
#error "the Makefile gives DL_VERSION"
#endif

const char *dl_tool_home_option;
bool dl_tool_quiet, dl_tool_verbose;
volatile sig_atomic_t dl_tool_stop;

static const char *tool_name = "dl";

static void
on_stop(int sig)
{
	/* SA_RESETHAND has put the default back: a second one ends us. */
	dl_tool_stop = sig;
}

static void
handle(int sig, void (*handler)(int), int flags)
{
	struct sigaction sa = {.sa_handler = handler, .sa_flags = flags};

	sigemptyset(&sa.sa_mask);
	sigaction(sig, &sa, NULL);
}

static void
set_signals(enum dl_tool_signals how)
{
	int flags = (int)SA_RESETHAND;

	/* A file-size limit is a full disk: a failed write, and told as one. */
	handle(SIGXFSZ, SIG_IGN, 0);
	if (how == DL_TOOL_PLAIN) {
		handle(SIGPIPE, SIG_DFL, 0);
		return;
	}
	/* A reader that went away is a failed write, and told as one. */
	handle(SIGPIPE, SIG_IGN, 0);
	if (how == DL_TOOL_DRAIN)
		flags |= SA_RESTART;
	handle(SIGINT, on_stop, flags);
	handle(SIGTERM, on_stop, flags);
}

/*
 * With descriptor 0, 1 or 2 closed, the next file opened would take its number
 * and be written to by whoever means the standard streams.
 */
static void
hold_standard_fds(void)
{
	static const int modes[] = {O_WRONLY, O_RDONLY, O_RDONLY};

	/* A mode that can't do what the stream is for: using it is an error. */
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
		    open("/dev/null", modes[fd]) < 0)
			_exit(DL_EXIT_TEMP);
}

static void
print(struct dl_buf *b)
{
	struct dl_err err = {0};

	if (dl_write_all(STDOUT_FILENO, b->p, b->len, "<stdout>", &err) < 0)
		dl_tool_fail(&err);
	dl_buf_release(b);
	exit(DL_EXIT_OK);
}

static void
answer(enum dl_opt_kind asked, const struct dl_opt *opts, const char *args)
{
	struct dl_buf b = {0};

	if (asked == DL_OPT_KIND_END)
		return;
	if (asked == DL_OPT_KIND_HELP)
		dl_opt_help(&b, tool_name, opts, args);
	else
		dl_buf_printf(&b, "%s %s\n", tool_name, DL_VERSION);
	print(&b);
}

int
dl_tool_start(const char *name, const struct dl_opt *opts, const char *args,
    int least, int most, enum dl_tool_signals signals, int argc, char *argv[])
{
	struct dl_err err = {0};
	enum dl_opt_kind asked;
	int first;

	tool_name = name;
	hold_standard_fds();
	dl_log_init(name, DL_LOG_INFO);
	if ((first = dl_opt_parse(opts, argc, argv, &asked, &err)) < 0)
		dl_tool_fail(&err);
	answer(asked, opts, args);
	if (dl_tool_quiet || dl_tool_verbose)
		dl_log_init(name, dl_tool_quiet ? DL_LOG_ERROR : DL_LOG_DEBUG);
	if (argc - first < least)
		dl_err_usage(&err, "too few operands: expected %s", args);
	if (argc - first > most)
		dl_err_usage(&err, "'%s' is one operand too many: at most %d",
		    argv[first + most], most);
	if (err.status != DL_EXIT_OK)
		dl_tool_fail(&err);
	set_signals(signals);
	return first;
}

const char *
dl_tool_home(void)
{
	static char home[PATH_MAX];
	struct dl_err err = {0};

	if (home[0] == '\0' && dl_home(home, dl_tool_home_option, &err) < 0)
		dl_tool_fail(&err);
	return home;
}

void
dl_tool_metric(struct dl_span instance, const struct dl_counts *counts)
{
	const char *pipeline = getenv("DL_PIPELINE");
	struct dl_err err = {0};

	if (pipeline == NULL || *pipeline == '\0')
		return;
	if (dl_metric_start(dl_tool_home(), pipeline, tool_name, instance,
		counts, &err) < 0)
		dl_tool_fail(&err);
}

void
dl_tool_fail(const struct dl_err *err)
{
	int status = err->status == DL_EXIT_OK ? DL_EXIT_BUG : (int)err->status;

	if (err->status == DL_EXIT_USAGE)
		dl_log(DL_LOG_ERROR, "%s ('%s --help' lists the options)",
		    err->msg, tool_name);
	else if (err->msg[0] != '\0')
		dl_log(DL_LOG_ERROR, "%s", err->msg);
	dl_metric_end(status);
	exit(status);
}

int
dl_tool_finish(void)
{
	dl_metric_end(DL_EXIT_OK);
	return DL_EXIT_OK;
}
