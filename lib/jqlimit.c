#include "jqlimit.h"

#include "err.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)
#define ID_MAX 200 /* bytes of a record's id that are told */

/* The signal's handler looks at this, while the program runs. */
static struct {
	timer_t timer;
	bool made;
	volatile sig_atomic_t armed;
	jq_state *volatile running; /* NULL: no program with a limit is */
	volatile int64_t deadline;
	volatile sig_atomic_t halted;
	char last_line[ID_MAX + 100];
	size_t last_len;
} now;

static int64_t
clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * SECOND + t.tv_nsec;
}

static void
arm(int64_t ns)
{
	struct itimerspec when = {0};

	if (ns < 1)
		ns = 1;
	when.it_value.tv_sec = (time_t)(ns / SECOND);
	when.it_value.tv_nsec = (long)(ns % SECOND);
	now.armed = timer_settime(now.timer, 0, &when, NULL) == 0;
}

static void
give_up(void)
{
	if (write(STDERR_FILENO, now.last_line, now.last_len) < 0)
		_exit(DL_EXIT_DATA);
	_exit(DL_EXIT_DATA);
}

/*
 * Went off: in a program, or, long after it was armed, in none.  What is
 * called here is safe in a handler; jq_halt() writes three members and is
 * called once per run.
 */
static void
on_timer(int sig)
{
	int saved = errno;
	int64_t left;

	(void)sig;
	now.armed = 0;
	if (now.running != NULL) {
		left = now.deadline - clock_ns();
		if (now.halted && left <= -SECOND)
			give_up();
		if (left <= 0 && !now.halted && !jq_halted(now.running)) {
			now.halted = 1;
			jq_halt(now.running, jv_invalid(), jv_invalid());
		}
		arm(left > 0 ? left : left + SECOND);
	}
	errno = saved;
}

static bool
make_timer(void)
{
	struct sigaction sa = {0};
	struct sigevent ev = {0};

	sa.sa_handler = on_timer;
	sa.sa_flags = SA_RESTART;
	sigemptyset(&sa.sa_mask);
	ev.sigev_notify = SIGEV_SIGNAL;
	ev.sigev_signo = SIGVTALRM;
	return sigaction(SIGVTALRM, &sa, NULL) == 0 &&
	       timer_create(CLOCK_MONOTONIC, &ev, &now.timer) == 0;
}

void
dl_jqlimit_start(struct dl_jqlimit *l, int max_ms, struct dl_span id)
{
	int n;

	l->left_ns = (int64_t)max_ms * 1000000;
	l->expired = false;
	if (max_ms == 0)
		return;
	if (!now.made)
		now.made = make_timer();
	if (id.len > ID_MAX)
		id.len = ID_MAX;
	n = snprintf(now.last_line, sizeof(now.last_line),
	    "%.40s: the program would not stop after %dms, at event %.*s\n",
	    program_invocation_short_name, max_ms, DL_SPAN_ARG(id));
	now.last_len = n < 0 ? 0 : (size_t)n;
}

void
dl_jqlimit_begin(struct dl_jqlimit *l, jq_state *jq)
{
	if (l->left_ns == 0 || !now.made)
		return;
	now.halted = 0;
	now.deadline = clock_ns() + l->left_ns;
	now.running = jq;
	if (!now.armed)
		arm(l->left_ns);
}

void
dl_jqlimit_end(struct dl_jqlimit *l)
{
	if (now.running == NULL)
		return;
	now.running = NULL;
	/* It may have gone off just after an output. */
	l->expired |= now.halted != 0;
	l->left_ns = now.deadline - clock_ns();
	if (l->left_ns < 1)
		l->left_ns = 1; /* none, but still limited */
}
