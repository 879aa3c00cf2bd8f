/*
 * measure - how long a command takes, and the most memory of its own that it
 * has at once.
 *
 * usage: measure [-c CPU] -o FILE COMMAND [ARGUMENT...]
 *
 * Writes "SECONDS KIB" to FILE: wall time, and the peak of what the command and
 * its children hold that is no file (RssAnon of each, and the largest RssShmem,
 * which they share), looked at every few milliseconds; LMDB's map is a file, and
 * is not in it.  -c: on that processor only; measure itself stays off it where
 * there is another.  Ends with the command's status.
 */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EVERY_NS 5000000
#define CHILDREN 64 /* of one process, that are looked at */
#define DEPTH 4     /* generations */

struct peak {
	long anon, shared;
};

static double
seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
add_process(pid_t pid, struct peak *sum)
{
	char path[64], line[256];
	long kib;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if ((f = fopen(path, "re")) == NULL)
		return;
	while (fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "RssAnon: %ld", &kib) == 1)
			sum->anon += kib;
		else if (sscanf(line, "RssShmem: %ld", &kib) == 1 &&
			 kib > sum->shared)
			sum->shared = kib;
	}
	fclose(f);
}

static void
add_tree(pid_t pid, int depth, struct peak *sum)
{
	char path[64];
	int child, n = 0;
	FILE *f;

	add_process(pid, sum);
	if (depth == 0)
		return;
	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children",
	    (int)pid, (int)pid);
	if ((f = fopen(path, "re")) == NULL)
		return;
	while (n++ < CHILDREN && fscanf(f, "%d", &child) == 1)
		add_tree((pid_t)child, depth - 1, sum);
	fclose(f);
}

/* Stay on processor cpu, or off it. */
static void
pin(long cpu, int on)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	if (on) {
		CPU_SET((size_t)cpu, &set);
	} else {
		if (sched_getaffinity(0, sizeof(set), &set) < 0)
			return;
		CPU_CLR((size_t)cpu, &set);
		if (CPU_COUNT(&set) == 0)
			return;
	}
	if (sched_setaffinity(0, sizeof(set), &set) < 0 && on) {
		perror("measure: sched_setaffinity");
		_exit(70);
	}
}

static pid_t
start(char *const *argv, long cpu)
{
	sigset_t none;
	pid_t pid = fork();

	if (pid == 0) {
		if (cpu >= 0)
			pin(cpu, 1);
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		execvp(argv[0], argv);
		perror(argv[0]);
		_exit(127);
	}
	if (pid > 0 && cpu >= 0)
		pin(cpu, 0);
	return pid;
}

int
main(int argc, char *argv[])
{
	struct timespec every = {0, EVERY_NS};
	struct peak most = {0, 0}, sum;
	sigset_t chld;
	const char *to = NULL;
	double begin, end;
	long cpu = -1;
	int opt, status;
	pid_t pid;
	FILE *f;

	while ((opt = getopt(argc, argv, "+c:o:")) != -1) {
		if (opt == 'c')
			cpu = strtol(optarg, NULL, 10);
		else if (opt == 'o')
			to = optarg;
		else
			return 64;
	}
	if (to == NULL || optind == argc || cpu >= CPU_SETSIZE) {
		fprintf(stderr,
		    "usage: measure [-c CPU] -o FILE COMMAND [ARGUMENT...]\n");
		return 64;
	}
	/* Told of the end at once, and not when the next look is due. */
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, NULL);
	begin = seconds();
	if ((pid = start(argv + optind, cpu)) < 0) {
		perror("measure: fork");
		return 75;
	}
	while (waitpid(pid, &status, WNOHANG) == 0) {
		sum = (struct peak){0, 0};
		add_tree(pid, DEPTH, &sum);
		if (sum.anon + sum.shared > most.anon + most.shared)
			most = sum;
		(void)sigtimedwait(&chld, NULL, &every);
	}
	end = seconds();
	if ((f = fopen(to, "we")) == NULL ||
	    fprintf(f, "%.6f %ld\n", end - begin, most.anon + most.shared) <
		0 ||
	    fclose(f) != 0) {
		perror(to);
		return 75;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
