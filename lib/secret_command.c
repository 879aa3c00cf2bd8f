#include "secret_command.h"

#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define POLL_MS 100 /* between looks at *stop */
#define EXIT_MS 5   /* between looks for the end of what prints no more */

extern char **environ;

struct job {
	pid_t pid;
	int fd; /* what it prints */
	int64_t until_ms;
	int timeout_ms;
	const volatile sig_atomic_t *stop;
};

static int
spawn(const char *command, int out, pid_t *pid)
{
	char *argv[] = {"sh", "-c", (char *)command, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, usual;
	int r;

	sigemptyset(&none);
	sigemptyset(&usual);
	sigaddset(&usual, SIGPIPE);
	sigaddset(&usual, SIGINT);
	sigaddset(&usual, SIGTERM);
	sigaddset(&usual, SIGHUP);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &usual);
	posix_spawnattr_setflags(
	    &attr, (short)(POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
			   POSIX_SPAWN_SETSIGDEF));
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	posix_spawn_file_actions_addopen(
	    &actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	r = posix_spawn(pid, "/bin/sh", &actions, &attr, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	return r;
}

/* Is it to go on?  Otherwise err says why not. */
static int
check(const struct job *j, struct dl_err *err)
{
	if (j->stop != NULL && *j->stop)
		return dl_err_temp(err, "was ended by a signal to us");
	if (dl_clock_ms() >= j->until_ms)
		return dl_err_temp(
		    err, "has not ended after %d s", j->timeout_ms / 1000);
	return 0;
}

static int
take(const struct job *j, char *out, size_t size, size_t *len,
    struct dl_err *err)
{
	struct pollfd p = {.fd = j->fd, .events = POLLIN};
	ssize_t r;

	*len = 0;
	while (*len < size) {
		if (check(j, err) < 0)
			return -1;
		r = poll(&p, 1, POLL_MS);
		if (r == 0 || (r < 0 && errno == EINTR))
			continue;
		if (r > 0)
			r = read(j->fd, out + *len, size - *len);
		if (r == 0)
			return 0;
		if (r < 0 && errno != EINTR)
			return dl_err_errno(err, "cannot be read");
		*len += r > 0 ? (size_t)r : 0;
	}
	return 0;
}

/* Its status, once it ends of itself. */
static int
end(const struct job *j, int *status, struct dl_err *err)
{
	const struct timespec moment = {0, EXIT_MS * 1000000L};
	pid_t pid;

	while ((pid = waitpid(j->pid, status, WNOHANG)) <= 0) {
		if (pid < 0 && errno != EINTR)
			return dl_err_errno(err, "cannot be waited for");
		if (check(j, err) < 0)
			return -1;
		nanosleep(&moment, NULL);
	}
	return 0;
}

static void
end_now(const struct job *j)
{
	kill(-j->pid, SIGKILL);
	kill(j->pid, SIGKILL);
	while (waitpid(j->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

int
dl_secret_command(const char *command, int timeout_ms,
    const volatile sig_atomic_t *stop, char *out, size_t size, size_t *len,
    struct dl_err *err)
{
	struct job j = {.timeout_ms = timeout_ms, .stop = stop};
	int fd[2], r, status = 0;

	if (pipe2(fd, O_CLOEXEC) < 0)
		return dl_err_errno(err, "cannot have a pipe");
	j.fd = fd[0];
	j.until_ms = dl_clock_ms() + timeout_ms;
	errno = spawn(command, fd[1], &j.pid);
	close(fd[1]);
	if (errno != 0) {
		r = dl_err_errno(err, "cannot be run by /bin/sh");
		close(fd[0]);
		return r;
	}
	r = take(&j, out, size, len, err);
	close(fd[0]);
	/* One that prints without end need not end either. */
	if (r < 0 || *len == size || end(&j, &status, err) < 0) {
		end_now(&j);
		return r < 0 || *len < size ? -1 : 0;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status))
		return dl_err_temp(
		    err, "ended with status %d", WEXITSTATUS(status));
	return dl_err_temp(err, "was ended by signal %d (%s)", WTERMSIG(status),
	    strsignal(WTERMSIG(status)));
}
