/* child: what a command is given, how it ends, how it is ended. */
#include "child.h"

#include "clock.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t stop;

static struct dl_child
start(const char *command)
{
	struct dl_child c;
	struct dl_err err = {0};

	stop = 0;
	assert_int_equal(dl_child_start(&c, command, "DL_X=new", &err), 0);
	return c;
}

/* What it prints, to its end. */
static void
read_all(const struct dl_child *c, char *out, size_t size)
{
	struct pollfd p = {.fd = c->out, .events = POLLIN};
	size_t n = 0;
	ssize_t got;

	while (n < size - 1) {
		got = read(c->out, out + n, size - 1 - n);
		if (got == 0)
			break;
		if (got > 0)
			n += (size_t)got;
		else
			poll(&p, 1, 1000);
	}
	out[n] = '\0';
}

static void
expect_output(const char *command, const char *want)
{
	struct dl_child c = start(command);
	char out[4096];
	int status;

	read_all(&c, out, sizeof(out));
	assert_string_equal(out, want);
	assert_true(dl_child_wait(&c, -1, &stop, &status));
	assert_int_equal(status, 0);
	assert_int_equal(c.pid, 0);
}

static void
gives(void **state)
{
	(void)state;
	setenv("DL_X", "old", 1);
	setenv("DL_XY", "kept", 1);
	expect_output(
	    "echo $DL_X $DL_XY; env | grep -c ^DL_X=", "new kept\n1\n");
	expect_output("cat", "");
}

static void
expect_end(const char *command, enum dl_exit want, const char *text)
{
	struct dl_child c = start(command);
	struct dl_err err = {0};
	int status;

	assert_true(dl_child_wait(&c, -1, &stop, &status));
	assert_int_equal(
	    dl_child_check(status, "it", &err), want == DL_EXIT_OK ? 0 : -1);
	assert_int_equal(err.status, want);
	if (want != DL_EXIT_OK)
		assert_non_null(strstr(err.msg, text));
}

static void
ends(void **state)
{
	(void)state;
	/* Neither is passed on, and no exit status lost. */
	assert_true(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	assert_true(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
	expect_end("kill -PIPE $$", DL_EXIT_TEMP, "ended by signal 13");
	expect_end(":", DL_EXIT_OK, "");
	expect_end("exit 1", DL_EXIT_TEMP, "it: exited with status 1");
	expect_end("exit 126", DL_EXIT_CONF, "cannot be executed");
	expect_end("/nowhere 2>/dev/null", DL_EXIT_CONF, "no such command");
	expect_end("kill -TERM $$", DL_EXIT_TEMP, "ended by signal 15");
}

/* No process of the group is left; a zombie would be. */
static void
expect_gone(pid_t group)
{
	assert_int_equal(kill(-group, 0), -1);
	assert_int_equal(errno, ESRCH);
}

static void
waits(void **state)
{
	struct dl_child c = start("exec sleep 100");
	int64_t since = dl_clock_ms();
	pid_t pid = c.pid;
	int status;

	(void)state;
	assert_false(dl_child_wait(&c, 30, &stop, &status));
	assert_true(dl_clock_ms() - since >= 30);
	stop = 1;
	assert_false(dl_child_wait(&c, -1, &stop, &status));
	dl_child_kill(&c);
	assert_true(dl_clock_ms() - since < DL_CHILD_GRACE_MS);
	assert_int_equal(c.pid, 0);
	expect_gone(pid);
	dl_child_kill(&c); /* does nothing */
}

/* Does it run?  One that only nobody has waited for does not. */
static bool
runs(int pid)
{
	char path[64], state = 'X';
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if ((f = fopen(path, "r")) == NULL)
		return false;
	if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		state = 'X';
	fclose(f);
	return strchr("ZX", state) == NULL;
}

static void
kills(void **state)
{
	struct dl_child c =
	    start("trap '' TERM; (trap '' TERM; sh -c 'echo $PPID'; "
		  "exec sleep 100 >&-) & while :; do sleep 0.01; done");
	int64_t since = dl_clock_ms();
	struct pollfd p = {.fd = c.out, .events = POLLIN};
	char line[32] = "";
	int pid;

	(void)state;
	assert_int_equal(poll(&p, 1, 60000), 1);
	assert_true(read(c.out, line, sizeof(line) - 1) > 1);
	assert_true((pid = atoi(line)) > 0);
	assert_true(runs(pid));
	dl_child_kill(&c);
	assert_true(dl_clock_ms() - since >= DL_CHILD_GRACE_MS);
	for (int i = 0; i < 1000 && runs(pid); i++)
		poll(NULL, 0, 10);
	assert_false(runs(pid));
}

/* Time to end well: what it says then is thrown away. */
static void
lets_end(void **state)
{
	char path[] = "/tmp/dl-child.XXXXXX", command[256];
	struct dl_child c;
	struct pollfd p = {.events = POLLIN};
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	snprintf(command, sizeof(command),
	    "trap 'seq 100000; echo well >%s; exit' TERM; echo x; "
	    "while :; do sleep 0.01; done",
	    path);
	c = start(command);
	p.fd = c.out;
	assert_int_equal(poll(&p, 1, 60000), 1);
	dl_child_kill(&c);
	assert_int_equal(lseek(fd, 0, SEEK_END), 5);
	close(fd);
	unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(gives),
	    cmocka_unit_test(ends),
	    cmocka_unit_test(waits),
	    cmocka_unit_test(kills),
	    cmocka_unit_test(lets_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
