/* dl-twin-serve - the twin over HTTP. */
#include "fault.h"
#include "home.h"
#include "log.h"
#include "serve.h"
#include "tool.h"

#include <errno.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#define TICK_S 1
#define LATE_S 12 /* beyond the grace; http.c may take 10 of them */

/*
 * Signals are taken by this thread alone, when it waits for them: threads that
 * are started later inherit that they are blocked.
 */
static void
block_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, set, NULL);
	/* A shell lets what is in its background ignore one. */
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
}

/* Somebody who does not block them, so that they end the process. */
static void *
hear(void *arg)
{
	sigset_t set = *(const sigset_t *)arg;

	sigdelset(&set, SIGHUP);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	while (pause() < 0)
		;
	return NULL;
}

/*
 * A start may wait for long, for the lock of a process that was stopped; what
 * asks it to end meanwhile is heard at once.
 */
static struct dl_serve *
start(const struct dl_serve_conf *conf, const char *dir, sigset_t *set,
    struct dl_err *err)
{
	const char *home = conf->issue ? dl_tool_home() : NULL;
	struct dl_serve *s;
	pthread_t early;

	if ((errno = pthread_create(&early, NULL, hear, set)) != 0) {
		dl_err_errno(err, "cannot start a thread");
		return NULL;
	}
	s = dl_serve_start(conf, dir, home, err);
	pthread_cancel(early);
	pthread_join(early, NULL);
	return s;
}

static void
on_alarm(int sig)
{
	static const char late[] =
	    "dl-twin-serve: it does not end by itself: something holds it, "
	    "maybe the lock on the twin of a process that was stopped\n";
	struct pollfd p = {STDERR_FILENO, POLLOUT, 0};

	(void)sig;
	if (poll(&p, 1, 0) == 1 &&
	    write(STDERR_FILENO, late, sizeof(late) - 1) < 0)
		_exit(DL_EXIT_TEMP);
	_exit(DL_EXIT_TEMP);
}

/*
 * From now on a signal ends the process at once, and so does time: whoever
 * waits for the lock of another process can't be told to leave.
 */
static void
unblock_signals(const sigset_t *set, int64_t grace_ms)
{
	signal(SIGHUP, SIG_IGN);
	signal(SIGALRM, on_alarm);
	pthread_sigmask(SIG_UNBLOCK, set, NULL);
	alarm((unsigned)((grace_ms + 999) / 1000) + LATE_S);
}

/* Until SIGINT or SIGTERM. */
static int
run(struct dl_serve *s, const sigset_t *set, struct dl_err *err)
{
	const struct timespec tick = {TICK_S, 0};

	for (;;) {
		int sig = sigtimedwait(set, NULL, &tick);

		if (sig == SIGHUP)
			dl_serve_reload(s);
		else if (sig > 0)
			return 0;
		if (dl_serve_tick(s, err) < 0)
			return -1;
	}
}

static void
say_where(const struct dl_serve *s)
{
	struct dl_buf url = {0};

	dl_serve_url(s, &url);
	dl_log(DL_LOG_INFO, "listening on %s%s", dl_buf_str(&url),
	    s->everybody == NULL ? "" : ", open to everybody on this machine");
	dl_buf_release(&url);
}

static void
configure(struct dl_serve_conf *conf, const char *path, const char *listen,
    bool open, bool issue)
{
	struct dl_err err = {0};

	if (dl_serve_conf_load(conf, path, &err) < 0)
		dl_tool_fail(&err);
	if (listen != NULL && dl_serve_conf_listen(conf, listen, &err) < 0) {
		dl_err_prefix(&err, "--listen is");
		dl_tool_fail(&err);
	}
	conf->open = open;
	conf->issue = conf->issue || issue;
	if (dl_serve_conf_check(conf, &err) < 0)
		dl_tool_fail(&err);
}

int
main(int argc, char *argv[])
{
	struct dl_err err = {0};
	struct dl_serve_conf conf;
	struct dl_serve *s;
	const char *yaml = NULL, *listen = NULL, *address = "twin";
	char dir[PATH_MAX];
	bool open = false, issue = false;
	sigset_t set;
	int r;

	const struct dl_opt opts[] = {
	    DL_OPT_STR('c', "config", &yaml, "FILE", "serve by FILE"),
	    DL_OPT_STR('l', "listen", &listen, "ADDRESS:PORT", "listen there"),
	    DL_OPT_STR('t', "twin", &address, "DIR", "serve the twin in DIR"),
	    DL_OPT_FLAG(
		0, "open", &open, "no tokens: this machine may do everything"),
	    DL_OPT_FLAG(
		0, "issue", &issue, "take dl-token's tokens, and make some"),
	    DL_OPT_COMMON,
	};
	dl_tool_start(
	    "dl-twin-serve", opts, "", 0, 0, DL_TOOL_HEAD, argc, argv);
	configure(&conf, yaml, listen, open, issue);
	if (dl_home_resolve(dir, dl_tool_home_option, NULL, address, &err) < 0)
		dl_tool_fail(&err);
	dl_fault_blame("dl-twin-serve", dir);
	block_signals(&set);
	if ((s = start(&conf, dir, &set, &err)) == NULL)
		dl_tool_fail(&err);
	say_where(s);
	r = run(s, &set, &err);
	unblock_signals(&set, conf.grace_ms);
	dl_serve_stop(s);
	dl_serve_conf_release(&conf);
	if (r < 0)
		dl_tool_fail(&err);
	dl_log(DL_LOG_INFO, "stopped");
	return dl_tool_finish();
}
