/*
 * s3proxy PORT PLAN LOG - stands before an S3 service for tests, and breaks it.
 *
 * Prints its own port, then passes what comes there on to PORT of the loopback, byte by
 * byte, Host and all, so that signatures hold.  PLAN is read anew whenever
 * it is another file (mv); it has lines of
 *
 *	METHOD MATCH WHICH ACTION [ARG...]
 *
 * METHOD is PUT, ... or *.  MATCH is a part of the path and query, !PART: what
 * does not have it, or *.  WHICH of those: N, the Nth; N-M; N-; /N, each Nth;
 * *.  The first line that says all this of a request is followed:
 *
 *	code STATUS CODE     answers like S3: 503 SlowDown
 *	skew SECONDS         refuses a clock that is so far behind its own
 *	hang                 says nothing until the client goes away
 *	hang-body N          ... after N bytes of what the client sends
 *	hang-answer N        ... after N bytes of the answer's body; 0: of all
 *	reset                before the request
 *	reset-body N         after N bytes of what the client sends
 *	reset-answer N       after N bytes of the answer's body; 0: of the answer
 *	kill FILE            kill -9 the process named in FILE, before the request
 *	kill-body FILE N     ... after N bytes of what it sends
 *	kill-answer FILE     ... when the request was done, before the answer
 *	flip N               changes byte N of what the client sends
 *	flip-answer N        ... of the answer's body
 *	pass                 does nothing
 *
 * LOG has a line of each request: METHOD, path and query, the status that the
 * client was told (0: none), and ACTION.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define HEAD_MAX 32768
#define RULES_MAX 64
#define NONE (-1LL)

enum kind {
	PASS,
	CODE,
	SKEW,
	HANG,
	HANG_BODY,
	HANG_ANSWER,
	RESET,
	RESET_BODY,
	RESET_ANSWER,
	KILL,
	KILL_BODY,
	KILL_ANSWER,
	FLIP,
	FLIP_ANSWER,
};

static const char *const kinds[] = {"pass", "code", "skew", "hang", "hang-body",
    "hang-answer", "reset", "reset-body", "reset-answer", "kill", "kill-body",
    "kill-answer", "flip", "flip-answer"};

struct rule {
	char method[16], match[256], word[256];
	long from, to, every; /* which; every 0: from to to */
	long seen;
	enum kind kind;
	long long n;
};

static struct rule rules[RULES_MAX];
static size_t n_rules;
static struct stat plan_stat;
static const char *plan_name;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int log_fd, upstream_port;

/* A connection, and what was read of it too far. */
struct in {
	int fd;
	size_t have, at;
	char buf[65536];
};

struct request {
	char head[HEAD_MAX];
	char method[16], target[4096];
	long long body;
	bool expects; /* it waits for a 100 */
	int told;     /* the status that the client was told */
	struct rule rule;
};

static void
die(const char *what)
{
	fprintf(stderr, "s3proxy: %s: %s\n", what, strerror(errno));
	exit(1);
}

static bool
send_all(int fd, const char *p, size_t n)
{
	ssize_t sent;

	while (n > 0) {
		sent = send(fd, p, n, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return false;
		p += sent;
		n -= (size_t)sent;
	}
	return true;
}

/* The plan */

static bool
read_which(struct rule *r, const char *s)
{
	char *end;

	r->from = 1;
	r->to = -1;
	if (strcmp(s, "*") == 0)
		return true;
	if (*s == '/')
		return (r->every = strtol(s + 1, &end, 10)) > 0 && *end == '\0';
	r->from = r->to = strtol(s, &end, 10);
	if (*end == '-')
		r->to = *++end == '\0' ? -1 : strtol(end, &end, 10);
	return r->from > 0 && *end == '\0';
}

static bool
read_rule(struct rule *r, const char *line)
{
	char which[64], kind[32], a[256] = "", b[256] = "";
	size_t k = 0;

	*r = (struct rule){.n = 0};
	if (sscanf(line, "%15s %255s %63s %31s %255s %255s", r->method,
		r->match, which, kind, a, b) < 4 ||
	    !read_which(r, which))
		return false;
	while (
	    k < sizeof(kinds) / sizeof(*kinds) && strcmp(kinds[k], kind) != 0)
		k++;
	if (k == sizeof(kinds) / sizeof(*kinds))
		return false;
	r->kind = (enum kind)k;
	if (r->kind == KILL || r->kind == KILL_BODY || r->kind == KILL_ANSWER) {
		strcpy(r->word, a);
		r->n = atoll(b);
	} else {
		strcpy(r->word, b);
		r->n = atoll(a);
	}
	return true;
}

static void
read_plan(void)
{
	struct stat st;
	char line[1024];
	FILE *f;

	if (stat(plan_name, &st) < 0)
		return;
	if (st.st_ino == plan_stat.st_ino &&
	    st.st_mtim.tv_sec == plan_stat.st_mtim.tv_sec &&
	    st.st_mtim.tv_nsec == plan_stat.st_mtim.tv_nsec)
		return;
	if ((f = fopen(plan_name, "r")) == NULL)
		return;
	plan_stat = st;
	n_rules = 0;
	while (fgets(line, sizeof(line), f) != NULL) {
		if (line[0] == '#' || line[0] == '\n')
			continue;
		if (n_rules == RULES_MAX ||
		    !read_rule(&rules[n_rules++], line)) {
			fprintf(stderr, "s3proxy: no plan: %s", line);
			exit(1);
		}
	}
	fclose(f);
}

static bool
is_of(const struct rule *r, const struct request *q)
{
	if (strcmp(r->method, "*") != 0 && strcmp(r->method, q->method) != 0)
		return false;
	if (strcmp(r->match, "*") == 0)
		return true;
	if (r->match[0] == '!')
		return strstr(q->target, r->match + 1) == NULL;
	return strstr(q->target, r->match) != NULL;
}

static void
choose(struct request *q)
{
	struct rule *r;

	q->rule = (struct rule){.kind = PASS};
	pthread_mutex_lock(&lock);
	read_plan();
	for (r = rules; r < rules + n_rules; r++) {
		if (!is_of(r, q))
			continue;
		r->seen++;
		if (r->every > 0
			? r->seen % r->every != 0
			: r->seen < r->from || (r->to >= 0 && r->seen > r->to))
			continue;
		q->rule = *r;
		break;
	}
	pthread_mutex_unlock(&lock);
}

static void
tell(const struct request *q)
{
	char line[sizeof(q->target) + 128];
	int n = snprintf(line, sizeof(line), "%s %s %d %s\n", q->method,
	    q->target, q->told, kinds[q->rule.kind]);

	if (write(log_fd, line, (size_t)n) < 0)
		die("log");
}

/* Heads and bodies */

static bool
fill(struct in *i)
{
	ssize_t n;

	if (i->at < i->have)
		return true;
	do
		n = recv(i->fd, i->buf, sizeof(i->buf), 0);
	while (n < 0 && errno == EINTR);
	i->at = 0;
	i->have = n > 0 ? (size_t)n : 0;
	return n > 0;
}

/* Through its empty line; false: there is no more, or too much. */
static bool
read_head(struct in *i, char *head, size_t *len)
{
	*len = 0;
	while (*len < HEAD_MAX - 1 && fill(i)) {
		head[(*len)++] = i->buf[i->at++];
		head[*len] = '\0';
		if (*len >= 4 && memcmp(head + *len - 4, "\r\n\r\n", 4) == 0)
			return true;
	}
	return false;
}

/* A header's value, or NULL; name has its colon. */
static const char *
header(const char *head, const char *name)
{
	const char *p = head;

	while ((p = strstr(p, "\r\n")) != NULL) {
		p += 2;
		if (strncasecmp(p, name, strlen(name)) == 0) {
			p += strlen(name);
			return p + strspn(p, " ");
		}
	}
	return NULL;
}

static long long
length(const char *head, long long otherwise)
{
	const char *value = header(head, "content-length:");

	return value != NULL ? atoll(value) : otherwise;
}

/*
 * Pass n bytes on, all there are for NONE, at most until; changes byte flip.
 * True: they went.
 */
static bool
pass(struct in *from, int to, long long n, long long until, long long flip)
{
	long long done = 0;
	size_t some;

	if (until != NONE && (n == NONE || until < n))
		n = until;
	while (n == NONE || done < n) {
		if (!fill(from))
			return n == NONE;
		some = from->have - from->at;
		if (n != NONE && (long long)some > n - done)
			some = (size_t)(n - done);
		if (flip >= done && flip < done + (long long)some)
			from->buf[from->at + (size_t)(flip - done)] ^= 1;
		if (!send_all(to, from->buf + from->at, some))
			return false;
		from->at += some;
		done += (long long)some;
	}
	return true;
}

/* A chunked body, until its last chunk has gone. */
static bool
pass_chunks(struct in *from, int to, long long until)
{
	char line[256];
	long long n, done = 0;
	size_t len;

	do {
		for (len = 0; len < sizeof(line) - 1 && fill(from);) {
			line[len++] = from->buf[from->at++];
			if (line[len - 1] == '\n')
				break;
		}
		line[len] = '\0';
		if (len < 2 || !send_all(to, line, len))
			return false;
		n = strtoll(line, NULL, 16);
		if (until != NONE && done + n > until)
			return pass(from, to, until - done, NONE, NONE);
		if (!pass(from, to, n + 2, NONE, NONE))
			return false;
		done += n;
	} while (n > 0);
	return true;
}

/* Ends */

static void
wait_for_end(struct in *i)
{
	while (fill(i))
		i->at = i->have;
}

static void
reset(int fd, bool sent)
{
	const struct linger now = {.l_onoff = 1, .l_linger = 0};

	/* What was sent must have come before the reset throws it away. */
	if (sent)
		usleep(100 * 1000);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

static void
kill_it(const char *file)
{
	FILE *f = fopen(file, "r");
	int pid;

	if (f == NULL)
		return;
	if (fscanf(f, "%d", &pid) == 1 && pid > 1)
		kill(pid, SIGKILL);
	fclose(f);
}

/* The rule has its way with the client; the connection is to be closed. */
static bool
breaks(struct in *client, const struct request *q)
{
	switch (q->rule.kind) {
	case HANG:
	case HANG_BODY:
	case HANG_ANSWER:
		wait_for_end(client);
		break;
	case KILL:
	case KILL_BODY:
	case KILL_ANSWER:
		kill_it(q->rule.word);
		/* FALLTHROUGH */
	default:
		reset(client->fd, q->told != 0);
	}
	return false;
}

/* The service's own words */

static bool
answer(struct in *client, struct request *q)
{
	char body[1024], head[512], date[64];
	time_t now = time(NULL);
	struct tm tm;
	const char *code = q->rule.word;
	long skew = 0;
	int n;

	q->told = (int)q->rule.n;
	if (q->rule.kind == SKEW) {
		skew = (long)q->rule.n;
		q->told = 403;
		code = "RequestTimeTooSkewed";
	}
	now += skew;
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT",
	    gmtime_r(&now, &tm));
	n = snprintf(body, sizeof(body),
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	    "<Error><Code>%s</Code><Message>the plan says so</Message>"
	    "<RequestId>plan</RequestId></Error>",
	    code);
	snprintf(head, sizeof(head),
	    "HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Type: application/xml\r\n"
	    "Content-Length: %d\r\n%s\r\n",
	    q->told, code, date, n, q->expects ? "Connection: close\r\n" : "");
	if (!q->expects) {
		struct in *i = client;

		for (long long left = q->body; left > 0; left--, i->at++)
			if (!fill(i))
				return false;
	}
	return send_all(client->fd, head, strlen(head)) &&
	       (strcmp(q->method, "HEAD") == 0 ||
		   send_all(client->fd, body, (size_t)n)) &&
	       !q->expects;
}

/* Passing on */

static bool
pass_answer(
    struct in *up, struct in *client, struct request *q, char *head, size_t len)
{
	const char *coding = header(head, "transfer-encoding:");
	enum kind kind = q->rule.kind;
	long long n = length(head, NONE), until = NONE, flip = NONE;
	bool whole;

	if (kind == HANG_ANSWER || kind == RESET_ANSWER)
		until = q->rule.n;
	if (kind == FLIP_ANSWER)
		flip = q->rule.n;
	if (until == 0 || kind == KILL_ANSWER)
		return breaks(client, q);
	q->told = atoi(head + strlen("HTTP/1.1 "));
	if (!send_all(client->fd, head, len))
		return false;
	if (strcmp(q->method, "HEAD") == 0 || q->told == 204 || q->told == 304)
		return true;
	if (coding != NULL && strncasecmp(coding, "chunked", 7) == 0)
		whole = pass_chunks(up, client->fd, until);
	else
		whole = pass(up, client->fd, n, until, flip) && n != NONE;
	return until != NONE ? breaks(client, q) : whole;
}

/* The next head of the answer, which may be a 100 that the client waits for. */
static bool
read_answer(
    struct in *up, struct in *client, char *head, size_t *len, bool *goes_on)
{
	while (read_head(up, head, len)) {
		*goes_on = strncmp(head, "HTTP/1.1 100", 12) == 0;
		if (!*goes_on)
			return true;
		if (!send_all(client->fd, head, *len))
			return false;
		return true;
	}
	return false;
}

static bool
pass_on(struct in *up, struct in *client, struct request *q, size_t len)
{
	enum kind kind = q->rule.kind;
	long long until = NONE;
	bool goes_on = false;
	char head[HEAD_MAX];

	if (!send_all(up->fd, q->head, len))
		return breaks(client, q);
	if (q->expects) {
		if (!read_answer(up, client, head, &len, &goes_on))
			return breaks(client, q);
		if (!goes_on) {
			pass_answer(up, client, q, head, len);
			return false;
		}
	}
	if (kind == HANG_BODY || kind == RESET_BODY || kind == KILL_BODY)
		until = q->rule.n;
	if (!pass(client, up->fd, q->body, until,
		kind == FLIP ? q->rule.n : NONE))
		return breaks(client, q);
	if (until != NONE)
		return breaks(client, q);
	do
		if (!read_answer(up, client, head, &len, &goes_on))
			return breaks(client, q);
	while (goes_on);
	return pass_answer(up, client, q, head, len);
}

static void
no_delay(int fd)
{
	const int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* A connection of its own for each request: none is ever found closed. */
static bool
hand_on(struct in *client, struct request *q, size_t len)
{
	struct sockaddr_in at = {
	    .sin_family = AF_INET, .sin_port = htons((uint16_t)upstream_port)};
	struct in *up = calloc(1, sizeof(*up));
	bool kept;

	if (up == NULL || (up->fd = socket(AF_INET, SOCK_STREAM, 0)) < 0)
		die("socket");
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	no_delay(up->fd);
	if (connect(up->fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		kept = breaks(client, q);
	else
		kept = pass_on(up, client, q, len);
	close(up->fd);
	free(up);
	return kept;
}

/* One request; true: the connection is good for another. */
static bool
serve(struct in *client, struct request *q)
{
	size_t len;
	bool kept;

	if (!read_head(client, q->head, &len) ||
	    sscanf(q->head, "%15s %4095s", q->method, q->target) != 2)
		return false;
	q->body = length(q->head, 0);
	q->expects = header(q->head, "expect:") != NULL;
	q->told = 0;
	choose(q);
	switch (q->rule.kind) {
	case CODE:
	case SKEW:
		kept = answer(client, q);
		break;
	case HANG:
	case RESET:
	case KILL:
		kept = breaks(client, q);
		break;
	default:
		kept = hand_on(client, q, len);
	}
	tell(q);
	return kept;
}

static void *
run(void *arg)
{
	struct in *client = arg;
	struct request *q = malloc(sizeof(*q));

	if (q == NULL)
		die("memory");
	while (serve(client, q))
		;
	close(client->fd);
	free(q);
	free(client);
	return NULL;
}

int
main(int argc, char *argv[])
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t len = sizeof(at);
	int s = socket(AF_INET, SOCK_STREAM, 0), fd;
	struct in *client;
	pthread_t t;

	if (argc != 4)
		return 64;
	upstream_port = atoi(argv[1]);
	plan_name = argv[2];
	log_fd = open(argv[3], O_WRONLY | O_CREAT | O_APPEND, 0666);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (log_fd < 0 || s < 0 ||
	    bind(s, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(s, 128) < 0 ||
	    getsockname(s, (struct sockaddr *)&at, &len) < 0)
		die("start");
	printf("%d\n", ntohs(at.sin_port));
	fflush(stdout);
	while ((fd = accept(s, NULL, NULL)) >= 0) {
		if ((client = calloc(1, sizeof(*client))) == NULL)
			die("memory");
		client->fd = fd;
		no_delay(fd);
		if (pthread_create(&t, NULL, run, client) != 0)
			die("thread");
		pthread_detach(t);
	}
	return 0;
}
