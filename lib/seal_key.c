#include "seal_key.h"

#include "io.h"
#include "keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Read all of fd and take it for a key. */
static int
take(int fd, const char *what, struct dl_seal_key *key, struct dl_err *err)
{
	char *text = dl_seal_alloc(DL_SEAL_TEXT, err);
	size_t n = 0;
	ssize_t r = 1;
	int result = -1;

	if (text == NULL)
		return -1;
	while (r != 0 && n < DL_SEAL_TEXT) {
		r = read(fd, text + n, DL_SEAL_TEXT - n);
		if (r < 0 && errno != EINTR) {
			dl_err_errno(err, "cannot read %s", what);
			goto out;
		}
		n += r > 0 ? (size_t)r : 0;
	}
	result = dl_seal_key_parse(dl_span(text, n), key, err);
	if (result < 0)
		dl_err_prefix(err, "%s", what);
out:
	dl_seal_free(text);
	return result;
}

int
dl_seal_key_read(const char *path, struct dl_seal_key *key, struct dl_err *err)
{
	char what[PATH_MAX + 2];
	int fd, r;

	if ((r = dl_keyfile_open(
		 path, "a command can print the key instead", &fd, err)) <= 0)
		return r;
	snprintf(what, sizeof(what), "'%s'", path);
	r = take(fd, what, key, err) == 0 ? 1 : -1;
	close(fd);
	return r;
}

/* Write a key to a new file of mode 0600, whose name replaces tmp's XXXXXX. */
static int
write_key(char *tmp, const struct dl_seal_key *key, struct dl_err *err)
{
	char *text = dl_seal_alloc(DL_SEAL_TEXT, err);
	int fd, r;

	if (text == NULL)
		return -1;
	fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0) {
		r = dl_err_errno(err, "cannot create '%s'", tmp);
		goto out;
	}
	r = dl_write_all(fd, text, dl_seal_key_print(key, text), tmp, err);
	/* 0600 whatever the umask is. */
	if (r == 0 && (fchmod(fd, 0600) < 0 || fsync(fd) < 0))
		r = dl_err_errno(err, "cannot sync '%s'", tmp);
	close(fd);
	if (r < 0)
		unlink(tmp);
out:
	dl_seal_free(text);
	return r;
}

int
dl_seal_key_make(
    const char *path, const struct dl_seal_key *key, struct dl_err *err)
{
	char tmp[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int dir = slash == NULL ? 0 : (int)(slash + 1 - path);

	if (snprintf(tmp, sizeof(tmp), "%.*s.%s.XXXXXX", dir, path,
		path + dir) >= (int)sizeof(tmp))
		return dl_err_usage(err, "the path '%s' is too long", path);
	if (write_key(tmp, key, err) < 0)
		return -1;
	/* A link, where that is all there is, may leave two names of a key. */
	if (renameat2(AT_FDCWD, tmp, AT_FDCWD, path, RENAME_NOREPLACE) < 0 &&
	    (errno != EINVAL || link(tmp, path) < 0)) {
		dl_err_errno(err, "cannot make '%s'", path);
		unlink(tmp);
		return -1;
	}
	unlink(tmp);
	return dl_sync_parent(path, err);
}

static int
run(const char *command, int out, pid_t *pid, struct dl_err *err)
{
	char *argv[] = {"sh", "-c", (char *)command, NULL};
	posix_spawn_file_actions_t actions;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	/* The value of the secret comes from there: it is not the command's. */
	posix_spawn_file_actions_addopen(
	    &actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	errno = posix_spawn(pid, "/bin/sh", &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (errno != 0)
		return dl_err_errno(err, "cannot run the key's command");
	return 0;
}

int
dl_seal_key_command(
    const char *command, struct dl_seal_key *key, struct dl_err *err)
{
	int fd[2], r = -1, status = 0;
	pid_t pid;

	if (pipe2(fd, O_CLOEXEC) < 0)
		return dl_err_errno(err, "cannot make a pipe");
	if (run(command, fd[1], &pid, err) < 0) {
		close(fd[0]);
		close(fd[1]);
		return -1;
	}
	close(fd[1]);
	r = take(fd[0], "the key's command", key, err);
	close(fd[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return r;
	dl_err_clear(err);
	if (WIFEXITED(status))
		return dl_err_denied(err,
		    "the key's command ended with status %d",
		    WEXITSTATUS(status));
	return dl_err_denied(
	    err, "the key's command was ended by signal %d", WTERMSIG(status));
}
