#include "fault.h"

#include "err.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Made beforehand: a handler may hardly call anything. */
static char message[DL_ERR_MAX];

static void
on_fault(int sig)
{
	ssize_t ignored = write(STDERR_FILENO, message, strlen(message));

	(void)ignored;
	(void)sig;
	_exit(DL_EXIT_DATA);
}

void
dl_fault_blame(const char *tool, const char *path)
{
	static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGABRT};
	struct sigaction sa = {
	    .sa_handler = on_fault, .sa_flags = (int)SA_RESETHAND};

	snprintf(message, sizeof(message),
	    "%s: a fault while '%s' was mapped: is it damaged, or its "
	    "disk failing?\n",
	    tool, path);
	sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaction(signals[i], &sa, NULL);
}
