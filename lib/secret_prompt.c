#include "secret_prompt.h"

#include "seal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
#define ENDS (sizeof(ends) / sizeof(*ends))

/* A terminal cuts a line after 4095 bytes, and does not tell. */
#define TYPED_MAX 4094

static volatile sig_atomic_t caught;

static void
on_signal(int sig)
{
	caught = sig;
}

struct held {
	struct sigaction actions[ENDS];
	sigset_t mask;
	struct termios term;
};

/* Signals come only while we wait: none is missed between two waits. */
static void
hold_signals(struct held *held)
{
	struct sigaction sa = {.sa_handler = on_signal};
	sigset_t set;

	caught = 0;
	sigemptyset(&sa.sa_mask);
	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	for (size_t i = 0; i < ENDS; i++)
		sigaddset(&set, ends[i]);
	sigprocmask(SIG_BLOCK, &set, &held->mask);
	for (size_t i = 0; i < ENDS; i++) {
		sigaction(ends[i], NULL, &held->actions[i]);
		/* What does nothing, as after nohup, goes on doing nothing. */
		if (held->actions[i].sa_handler != SIG_IGN)
			sigaction(ends[i], &sa, NULL);
	}
}

static void
let_signals(const struct held *held)
{
	for (size_t i = 0; i < ENDS; i++)
		sigaction(ends[i], &held->actions[i], NULL);
	if (caught != 0)
		raise(caught);
	sigprocmask(SIG_SETMASK, &held->mask, NULL);
}

/* A line: 1 whole, 0 the end of input, -1. */
static int
line(int fd, const sigset_t *waiting, char *out, size_t n, size_t *len,
    struct dl_err *err)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	ssize_t r;

	for (*len = 0; *len < n && *len <= TYPED_MAX; *len += (size_t)r) {
		if (ppoll(&p, 1, NULL, waiting) < 0 && errno != EINTR)
			return dl_err_errno(err, "cannot wait for <stdin>");
		if (caught != 0)
			return dl_err_temp(err, "ended by a signal");
		/* A byte at a time: the next line is for the next question. */
		r = p.revents == 0 ? 0 : read(fd, out + *len, 1);
		if (p.revents != 0 && r == 0)
			return 0;
		if (r < 0 && errno != EINTR)
			return dl_err_errno(err, "cannot read <stdin>");
		if (r > 0 && out[*len] == '\n')
			return 1;
		r = r < 0 ? 0 : r;
		p.revents = 0;
	}
	return dl_err_data(
	    err, "a line that is typed has at most %d bytes", TYPED_MAX);
}

static int
ask(int fd, const sigset_t *mask, const char *what, char *out, size_t n,
    size_t *len, struct dl_err *err)
{
	sigset_t waiting = *mask;
	int r;

	sigaddset(&waiting, SIGTSTP);
	fprintf(stderr, "%s: ", what);
	fflush(stderr);
	if ((r = line(fd, &waiting, out, n, len, err)) == 0)
		return dl_err_data(err, "nothing was typed");
	return r < 0 ? -1 : 0;
}

int
dl_secret_prompt(int fd, const char *what, char *out, size_t n, size_t *len,
    struct dl_err *err)
{
	struct held held;
	struct termios quiet;
	char *again = dl_seal_alloc(n, err);
	size_t again_len;
	int r = -1;

	if (again == NULL)
		return -1;
	hold_signals(&held);
	if (tcgetattr(fd, &held.term) < 0) {
		dl_err_errno(err, "cannot ask the terminal");
		goto out;
	}
	quiet = held.term;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	quiet.c_lflag |= ECHONL;
	/* What was typed before the question was seen, and is thrown away. */
	if (tcsetattr(fd, TCSAFLUSH, &quiet) < 0) {
		dl_err_errno(err, "cannot ask the terminal");
		goto out;
	}
	if (ask(fd, &held.mask, what, out, n, len, err) == 0 &&
	    ask(fd, &held.mask, "again", again, n, &again_len, err) == 0)
		r = dl_span_eq(dl_span(out, *len), dl_span(again, again_len))
		        ? 0
		        : dl_err_data(err, "the two are not the same");
	tcsetattr(fd, TCSAFLUSH, &held.term);
out:
	dl_seal_free(again);
	let_signals(&held);
	return r;
}
