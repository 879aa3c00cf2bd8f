/*
 * stream-latency EVENTS PAUSE_US - how long an event takes from the standard
 * input of dl-stream-put to the standard output of a dl-stream-get that
 * follows: EVENTS of them, PAUSE_US apart.  Prints milliseconds: the median,
 * the 99th of a hundred, the longest.
 */
#include "buf.h"
#include "line.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void
give_up(const char *what)
{
	perror(what);
	exit(1);
}

/* Start a tool with one end of a pipe; returns the other. */
static int
start(char *const *argv, int its, pid_t *pid)
{
	int fds[2];

	if (pipe(fds) < 0 || (*pid = fork()) < 0)
		give_up(argv[0]);
	if (*pid == 0) {
		dup2(fds[its], its);
		close(fds[0]);
		close(fds[1]);
		execvp(argv[0], argv);
		give_up(argv[0]);
	}
	close(fds[its]);
	return fds[1 - its];
}

static void
put(int fd, int n)
{
	char line[256];
	int len = snprintf(line, sizeof(line),
	    "{\"specversion\":\"1.0\",\"id\":\"%d\",\"source\":\"bench\","
	    "\"type\":\"dl.record\",\"data\":{\"speed\":81.5}}\n",
	    n);

	if (write(fd, line, (size_t)len) != len)
		give_up("write");
}

/* The next event; checkpoints come between. */
static void
get(struct dl_line *in)
{
	struct dl_err err = {0};
	struct dl_span line;

	do
		if (dl_line_next(in, -1, &line, &err) != DL_LINE_RECORD)
			give_up("read");
	while (memmem(line.p, line.len, "\"data\":", 7) == NULL);
}

static int
by_size(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int
main(int argc, char *argv[])
{
	static char *const putter[] = {"dl-stream-put", "latency", NULL};
	static char *const getter[] = {
	    "dl-stream-get", "-q", "-f", "latency", "bench", NULL};
	int n = argc > 1 ? atoi(argv[1]) : 0, in, out;
	useconds_t pause = argc > 2 ? (useconds_t)atoi(argv[2]) : 0;
	int64_t *took;
	struct dl_line line;
	pid_t one, other;

	if (n < 100)
		return 64;
	took = dl_calloc((size_t)n, sizeof(*took));
	out = start(putter, STDIN_FILENO, &one);
	in = start(getter, STDOUT_FILENO, &other);
	dl_line_init(&line, in, "<dl-stream-get>");
	put(out, -1); /* both are up when it has come through */
	get(&line);
	for (int i = 0; i < n; i++) {
		usleep(pause);
		took[i] = now_ns();
		put(out, i);
		get(&line);
		took[i] = now_ns() - took[i];
	}
	close(out);
	kill(other, SIGTERM);
	waitpid(one, NULL, 0);
	waitpid(other, NULL, 0);
	qsort(took, (size_t)n, sizeof(*took), by_size);
	printf("%.2f %.2f %.2f\n", (double)took[n / 2] / 1e6,
	    (double)took[n - 1 - n / 100] / 1e6, (double)took[n - 1] / 1e6);
	free(took);
	return 0;
}
