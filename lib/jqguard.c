#include "jqguard.h"

#include <setjmp.h>
#include <signal.h>

static sigjmp_buf outside;
static volatile sig_atomic_t inside, caught;

/* Returning lets abort(3) go on, and end the process. */
static void
on_abort(int sig)
{
	(void)sig;
	if (!inside || caught == DL_JQGUARD_MAX)
		return;
	inside = 0;
	caught++;
	siglongjmp(outside, 1);
}

static void
install(void)
{
	static bool done;
	struct sigaction sa = {0};

	if (done)
		return;
	/* The jump does not restore the mask: the signal must not be in it. */
	sa.sa_handler = on_abort;
	sa.sa_flags = (int)SA_NODEFER;
	sigemptyset(&sa.sa_mask);
	sigaction(SIGABRT, &sa, NULL);
	done = true;
}

bool
dl_jqguard_next(jq_state *jq, jv *x)
{
	install();
	if (sigsetjmp(outside, 0) != 0)
		return false;
	inside = 1;
	*x = jq_next(jq);
	inside = 0;
	return true;
}
