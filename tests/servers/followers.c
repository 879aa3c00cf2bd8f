/*
 * followers [-n N] [-r RATE] [-s SECONDS] MODE PORT - N followers of
 * dl-twin-serve's GET /v1/changes on 127.0.0.1, in one process.  MODE is
 *
 *	own    each follows a prefix of its own; RATE observations a second are
 *	       put by dl-twin-put for SECONDS, each of a new component
 *	all    each follows all, of 1,000 components
 *
 * Prints "WANTED GOT P50 P99 MAX LATE": how many changes were to
 * come, how many came, milliseconds from dl-twin-put's standard input to the
 * follower, and how long after the last put the last had all.  own: each must
 * come once; all: ids ascend, values of a component too, and the newest of each
 * must come to all.  Status 1, and why, where it is not so.
 */
#include "ask.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <time.h>

#define KEYS 1000
#define BUFFER (1 << 16)
#define BUCKETS 100000 /* of 0.1 ms */
#define PATIENCE_NS 60000000000

struct follower {
	int fd;
	bool ready;  /* its first event has come */
	bool headed; /* the answer's head has come */
	long left;   /* of this chunk; 0: a chunk's line is next; -1: its end */
	uint64_t id; /* of the last event */
	size_t got;  /* changes */
	size_t line_len, len;
	char line[32];  /* of a chunk */
	char *buf;      /* of an event, or the head */
	uint64_t *last; /* all: the value of each key; own: a byte for each */
};

static struct {
	in_port_t port;
	int n, rate, seconds;
	bool own;
} o = {.n = 1000, .rate = 10000, .seconds = 10};

static struct follower *all;
static long each; /* own: how many come to each */
static uint32_t took[BUCKETS];
static uint64_t newest[KEYS];
static size_t got;
static int nready, complete;
static _Atomic uint64_t put_ns; /* when the last was put; 0: not yet */

static _Noreturn void
wrong(const struct follower *f, const char *what, const char *text)
{
	fprintf(stderr, "followers: %td: %s, after %llu: %.300s\n", f - all,
	    what, (unsigned long long)f->id, text);
	exit(1);
}

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void
count_time(uint64_t then)
{
	uint64_t at = (now_ns() - then) / 100000;

	took[at < BUCKETS ? at : BUCKETS - 1]++;
	got++;
}

static void
take_own(struct follower *f, const char *event)
{
	const char *name = strstr(event, "\"component\":\"f");
	long who = -1, which = -1;
	uint8_t *seen = (uint8_t *)f->last;

	if (name == NULL ||
	    sscanf(name, "\"component\":\"f%ld-%ld\"", &who, &which) != 2 ||
	    who != f - all || which < 0 || which >= each)
		wrong(f, "not its own", event);
	if (seen[which]++ != 0)
		wrong(f, "twice", event);
	complete += f->got == (size_t)each;
}

static void
take_all(struct follower *f, const char *event, uint64_t value)
{
	const char *name = strstr(event, "\"component\":\"k");
	long key = name == NULL ? -1 : strtol(name + 14, NULL, 10);

	if (key < 0 || key >= KEYS)
		wrong(f, "not a key", event);
	if (value <= f->last[key])
		wrong(f, "an older value", event);
	f->last[key] = value;
}

static void
take_change(struct follower *f, const char *event, uint64_t id)
{
	const char *value = strstr(event, ",\"value\":");
	uint64_t t = value == NULL ? 0 : strtoull(value + 9, NULL, 10);

	if (id <= f->id)
		wrong(f, "not after the last", event);
	f->id = id;
	f->got++;
	count_time(t);
	if (o.own)
		take_own(f, event);
	else
		take_all(f, event, t);
}

/* An event, NUL-terminated. */
static void
take_event(struct follower *f, const char *event)
{
	const char *id = event;
	uint64_t number = f->id;
	char *end;

	if (strncmp(event, "id: ", 4) != 0)
		id = strstr(event, "\nid: ");
	if (id != NULL) {
		number = strtoull(id + (id == event ? 4 : 5), &end, 10);
		if (strncmp(end, "\ndata: {\"component", 18) == 0) {
			take_change(f, end, number);
			return;
		}
	}
	if (strstr(event, "event: ready") != NULL)
		nready++;
	if (number < f->id)
		wrong(f, "goes back", event);
	f->id = number;
}

static void
take_events(struct follower *f)
{
	char *p = f->buf, *end = f->buf + f->len, *stop;

	while ((stop = memmem(p, (size_t)(end - p), "\n\n", 2)) != NULL) {
		*stop = '\0';
		take_event(f, p);
		p = stop + 2;
	}
	f->len = (size_t)(end - p);
	memmove(f->buf, p, f->len);
}

/* The line between chunks: "\r\nHEX\r\n". */
static void
take_line(struct follower *f, char c)
{
	if (f->line_len == sizeof(f->line) - 1)
		wrong(f, "not a chunk", f->line);
	f->line[f->line_len++] = c;
	f->line[f->line_len] = '\0';
	if (c != '\n' || f->line_len <= 2)
		return;
	f->left = strtol(f->line, NULL, 16);
	if (f->left == 0)
		wrong(f, "the stream has ended", f->line);
	f->line_len = 0;
}

/* The answer's head, up to its empty line. */
static void
take_head(struct follower *f)
{
	if (f->len < 4 || memcmp(f->buf + f->len - 4, "\r\n\r\n", 4) != 0)
		return;
	f->buf[f->len] = '\0';
	if (strncmp(f->buf, "HTTP/1.1 200 ", 13) != 0)
		wrong(f, "refused", f->buf);
	f->headed = true;
	f->len = 0;
}

static void
take_bytes(struct follower *f, const char *p, size_t n)
{
	size_t some;

	for (; n > 0; p += some, n -= some) {
		some = 1;
		if (f->headed && f->left == 0) {
			take_line(f, *p);
			continue;
		}
		if (f->headed)
			some = n < (size_t)f->left ? n : (size_t)f->left;
		if (some >= BUFFER - f->len)
			wrong(f, "too large", f->buf);
		memcpy(f->buf + f->len, p, some);
		f->len += some;
		if (!f->headed) {
			take_head(f);
			continue;
		}
		f->left -= (long)some;
		take_events(f);
	}
}

static void
read_some(struct follower *f)
{
	static char bytes[BUFFER / 2];
	ssize_t n = recv(f->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		wrong(f, "the connection has ended",
		    n < 0 ? strerror(errno) : "");
	take_bytes(f, bytes, (size_t)n);
}

static int
start_all(void)
{
	int ep = epoll_create1(EPOLL_CLOEXEC);
	char query[64] = "";

	if (ep < 0)
		die("epoll");
	all = calloc((size_t)o.n, sizeof(*all));
	for (int i = 0; i < o.n; i++) {
		struct epoll_event ev = {
		    .events = EPOLLIN, .data.u32 = (uint32_t)i};

		if (o.own)
			snprintf(query, sizeof(query), "?prefix=f%04d-", i);
		all[i].buf = malloc(BUFFER);
		all[i].last = calloc(
		    o.own ? (size_t)each / 8 + 1 : KEYS, sizeof(uint64_t));
		all[i].fd = ask(o.port, query);
		if (epoll_ctl(ep, EPOLL_CTL_ADD, all[i].fd, &ev) < 0)
			die("epoll");
	}
	return ep;
}

/* What each observation is of. */
static void
print_line(FILE *out, long i)
{
	struct timespec ts;
	struct tm tm;
	char time[32];
	uint64_t t = now_ns();

	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	strftime(time, sizeof(time), "%Y-%m-%dT%H:%M:%S", &tm);
	fprintf(out,
	    "{\"specversion\":\"1.0\",\"id\":\"%ld\","
	    "\"source\":\"followers\",\"type\":\"dl.observation\",",
	    i);
	if (o.own)
		fprintf(out, "\"subject\":\"f%04ld-%06ld\"", i % o.n, i / o.n);
	else
		fprintf(out, "\"subject\":\"k%03ld\"", i % KEYS);
	fprintf(out, ",\"time\":\"%s.%09ldZ\",\"data\":{\"t\":%llu}}\n", time,
	    ts.tv_nsec, (unsigned long long)t);
	if (!o.own)
		newest[i % KEYS] = t;
}

static pid_t
start_put(FILE **out)
{
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0 || (pid = fork()) < 0)
		die("dl-twin-put");
	if (pid == 0) {
		dup2(fds[0], STDIN_FILENO);
		if (freopen("/dev/null", "w", stdout) == NULL)
			_exit(1);
		execlp("dl-twin-put", "dl-twin-put", "-q", (char *)NULL);
		die("dl-twin-put");
	}
	close(fds[0]);
	*out = fdopen(fds[1], "w");
	return pid;
}

/* A thread: put them evenly, those of a millisecond at once. */
static void *
put_all(void *unused)
{
	struct timespec tick = {0, 1000000};
	uint64_t start = now_ns();
	long total = (long)o.rate * o.seconds, due, i = 0;
	FILE *out;
	pid_t pid = start_put(&out);
	int status;

	(void)unused;
	while (i < total) {
		due = (long)((double)(now_ns() - start) / 1e9 * o.rate);
		for (; i < total && i <= due; i++)
			print_line(out, i);
		if (fflush(out) != 0)
			die("dl-twin-put");
		nanosleep(&tick, NULL);
	}
	fclose(out);
	if (waitpid(pid, &status, 0) != pid || status != 0) {
		fprintf(stderr, "followers: dl-twin-put failed\n");
		exit(1);
	}
	put_ns = now_ns();
	return NULL;
}

static bool
has_newest(const struct follower *f)
{
	return memcmp(f->last, newest, sizeof(newest)) == 0;
}

static bool
is_done(void)
{
	if (put_ns == 0)
		return false;
	if (o.own)
		return complete == o.n;
	while (complete < o.n && has_newest(&all[complete]))
		complete++;
	return complete == o.n;
}

/* Until it is so. */
static void
run_until(int ep, bool (*so)(void), uint64_t *patient)
{
	struct epoll_event evs[256];
	int n;

	while (!so()) {
		n = epoll_wait(ep, evs, 256, 10);
		for (int i = 0; i < n; i++)
			read_some(&all[evs[i].data.u32]);
		if (*patient != 0 && now_ns() - *patient > PATIENCE_NS) {
			fprintf(stderr, "followers: %d of %d have all\n",
			    complete, o.n);
			exit(1);
		}
		if (*patient == 0)
			*patient = put_ns;
	}
}

static bool
all_ready(void)
{
	return nready == o.n;
}

static double
percentile(double part)
{
	size_t rank = (size_t)((double)got * part), sum = 0;
	int i = 0;

	while (i < BUCKETS - 1 && (sum += took[i]) <= rank)
		i++;
	return (i + 1) / 10.0;
}

static void
follow(void)
{
	long total = (long)o.rate * o.seconds;
	uint64_t patient = now_ns();
	pthread_t putter;
	int ep, last = BUCKETS - 1;

	each = total / o.n;
	if (total % o.n != 0) {
		fprintf(stderr, "followers: N does not divide the changes\n");
		exit(64);
	}
	ep = start_all();
	run_until(ep, all_ready, &patient);
	if (pthread_create(&putter, NULL, put_all, NULL) != 0)
		die("thread");
	patient = 0;
	run_until(ep, is_done, &patient);
	pthread_join(putter, NULL);
	while (last > 0 && took[last] == 0)
		last--;
	printf("%ld %zu %.1f %.1f %.1f %.1f\n", o.own ? total : total * o.n,
	    got, percentile(0.5), percentile(0.99), (last + 1) / 10.0,
	    (double)(now_ns() - put_ns) / 1e6);
}

int
main(int argc, char *argv[])
{
	int c;

	while ((c = getopt(argc, argv, "n:r:s:")) != -1)
		if (c == 'n')
			o.n = atoi(optarg);
		else if (c == 'r')
			o.rate = atoi(optarg);
		else if (c == 's')
			o.seconds = atoi(optarg);
		else
			return 64;
	if (argc - optind != 2 || o.n < 1 || o.rate < 1 || o.seconds < 1)
		return 64;
	o.own = strcmp(argv[optind], "own") == 0;
	if (!o.own && strcmp(argv[optind], "all") != 0)
		return 64;
	o.port = (in_port_t)atoi(argv[optind + 1]);
	signal(SIGPIPE, SIG_IGN);
	raise_limit();
	follow();
	return 0;
}
