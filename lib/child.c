#include "child.h"

#include "buf.h"
#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STEP_MS 5 /* between looks at whether it has ended */

/* Ours, with more instead of what has its name. */
static char **
environment(const char *more)
{
	size_t n = 0, name = more == NULL ? 0 : strcspn(more, "=") + 1;
	char **env, **to;

	while (environ != NULL && environ[n] != NULL)
		n++;
	to = env = dl_calloc(n + 2, sizeof(*env));
	for (size_t i = 0; i < n; i++)
		if (more == NULL || strncmp(environ[i], more, name) != 0)
			*to++ = environ[i];
	*to = (char *)more;
	return env;
}

static int
spawn(pid_t *pid, int out, const char *command, char **env)
{
	char sh[] = "sh", option[] = "-c";
	char *argv[] = {sh, option, (char *)command, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t set;
	int r;

	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP |
					    POSIX_SPAWN_SETSIGDEF |
					    POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setpgroup(&attr, 0);
	sigfillset(&set);
	posix_spawnattr_setsigdefault(&attr, &set);
	sigemptyset(&set);
	posix_spawnattr_setsigmask(&attr, &set);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	posix_spawn_file_actions_addopen(
	    &actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
	r = posix_spawn(pid, "/bin/sh", &actions, &attr, argv, env);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	return r;
}

/* Where it was left ignored to us, the kernel would keep no exit status. */
static void
heed_children(void)
{
	struct sigaction sa;

	if (sigaction(SIGCHLD, NULL, &sa) == 0 && sa.sa_handler == SIG_IGN)
		signal(SIGCHLD, SIG_DFL);
}

int
dl_child_start(struct dl_child *c, const char *command, const char *more,
    struct dl_err *err)
{
	int pipes[2];
	char **env;

	*c = (struct dl_child){0, -1};
	heed_children();
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return dl_err_errno(err, "cannot make a pipe");
	env = environment(more);
	errno = spawn(&c->pid, pipes[1], command, env);
	free(env);
	close(pipes[1]);
	if (errno != 0) {
		dl_err_temp(err, "cannot run sh: %s", strerror(errno));
		close(pipes[0]);
		c->pid = 0;
		return -1;
	}
	(void)fcntl(pipes[0], F_SETFL, O_NONBLOCK);
	c->out = pipes[0];
	return 0;
}

static void
forget(struct dl_child *c)
{
	close(c->out);
	*c = (struct dl_child){0, -1};
}

static void
nap(void)
{
	const struct timespec step = {0, STEP_MS * 1000000L};

	nanosleep(&step, NULL);
}

bool
dl_child_wait(struct dl_child *c, int64_t ms, const volatile sig_atomic_t *stop,
    int *status)
{
	int64_t since = dl_clock_ms();
	pid_t r;

	for (;;) {
		r = waitpid(c->pid, status, WNOHANG);
		if (r == c->pid)
			break;
		if (r < 0 && errno != EINTR) {
			*status = W_EXITCODE(255, 0); /* it cannot be told */
			break;
		}
		if (*stop || (ms >= 0 && dl_clock_ms() - since >= ms))
			return false;
		nap();
	}
	forget(c);
	return true;
}

/* Throw away what it prints; has its output ended? */
static bool
drain(int fd)
{
	char bytes[4096];
	ssize_t n;

	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		;
	return n == 0;
}

/* It has ended, and is not waited for yet: its number is still its own. */
static bool
has_ended(pid_t pid)
{
	siginfo_t info = {.si_pid = 0};

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) <
	           0 ||
	       info.si_pid == pid;
}

void
dl_child_kill(struct dl_child *c)
{
	int64_t since = dl_clock_ms();
	bool closed = false;

	if (c->pid == 0)
		return;
	kill(-c->pid, SIGTERM);
	kill(-c->pid, SIGCONT);
	/* Those of its group that hold its output are taken to be all. */
	while (dl_clock_ms() - since < DL_CHILD_GRACE_MS) {
		closed = closed || drain(c->out);
		if (closed && has_ended(c->pid))
			break;
		nap();
	}
	kill(-c->pid, SIGKILL);
	while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
		;
	forget(c);
}

int
dl_child_check(int status, const char *what, struct dl_err *err)
{
	int code;

	if (WIFSIGNALED(status))
		return dl_err_temp(err, "%s: ended by signal %d (%s)", what,
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	code = WEXITSTATUS(status);
	if (code == 127)
		return dl_err_conf(err,
		    "%s: exited with status 127: the shell found no such "
		    "command",
		    what);
	if (code == 126)
		return dl_err_conf(err,
		    "%s: exited with status 126: the command cannot be "
		    "executed",
		    what);
	if (code != 0)
		return dl_err_temp(
		    err, "%s: exited with status %d", what, code);
	return 0;
}
