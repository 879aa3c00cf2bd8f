/*
 * events FILE [PORT], events -d BYTES - an HTTP server for tests, of streams that do not end.
 *
 * Each line of FILE is an event, numbered from 1; what is appended is sent at
 * once.  Prints its port, then a line for each request: its path and its
 * Last-Event-ID or "-".  The path says what it does:
 *
 *	/sse[/OPTION...]      server-sent events, after the one of Last-Event-ID
 *	/ndjson[/OPTION...]   the lines, from the first one
 *	/document/BYTES       JSON of that length or a little more, with features;
 *	                      then a line "features N" is printed
 *
 *	die=N      after N events half of the next one, and the connection ends
 *	reset=N    ... and it is reset
 *	end=N      after N events the answer ends, whole
 *	once       the above only for the first request
 *	retry=MS   asks for that between connections
 *	slow=MS    a pause in the middle of each event
 *	bytes      each byte in a packet of its own
 *	plain      no chunks: the connection's end is the answer's
 *	other      nothing: another URL
 *	gone       204 to a request that has a Last-Event-ID
 *
 * -d writes such a document to standard output, and its N to standard error.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 8192
#define BLOCK (1 << 20)
#define LOOK_NS 2000000 /* between looks at FILE */

struct answer {
	int fd;
	bool sse, once, bytes, plain, gone;
	long die, reset, end, retry, slow, size; /* -1: not asked for */
	char last_id[64];
	long sent;
};

static void
die(const char *what)
{
	fprintf(stderr, "events: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void
pause_ns(long ns)
{
	struct timespec t = {ns / 1000000000, ns % 1000000000};

	nanosleep(&t, NULL);
}

/* The client may be gone: then so is this process. */
static void
send_all(const struct answer *a, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t sent = write(a->fd, p, a->bytes ? 1 : n);

		if (sent <= 0)
			exit(0);
		p += sent;
		n -= (size_t)sent;
	}
}

static void
send_chunk(const struct answer *a, const char *p, size_t n)
{
	char size[32];
	int len = snprintf(size, sizeof(size), "%zx\r\n", n);

	if (n == 0)
		return;
	if (!a->plain)
		send_all(a, size, (size_t)len);
	send_all(a, p, n);
	if (!a->plain)
		send_all(a, "\r\n", 2);
}

/* Read the request's head and take it apart. */
static bool
read_request(struct answer *a, char path[256])
{
	char head[8192], *id;
	size_t len = 0;
	ssize_t n;

	do {
		n = recv(a->fd, head + len, sizeof(head) - 1 - len, 0);
		if (n <= 0)
			return false;
		len += (size_t)n;
		head[len] = '\0';
	} while (strstr(head, "\r\n\r\n") == NULL && len < sizeof(head) - 1);
	id = strcasestr(head, "\nLast-Event-ID:");
	if (id == NULL || sscanf(id + 15, " %63[^\r\n]", a->last_id) != 1)
		strcpy(a->last_id, "-");
	return sscanf(head, "GET %255s", path) == 1;
}

static bool
number(const char *word, const char *name, long *value)
{
	size_t n = strlen(name);

	if (strncmp(word, name, n) != 0 || word[n] != '=')
		return false;
	*value = strtol(word + n + 1, NULL, 10);
	return true;
}

static bool
take_options(struct answer *a, char *path)
{
	char *save, *word = strtok_r(path, "/", &save);

	if (word == NULL)
		return false;
	a->sse = strcmp(word, "sse") == 0;
	if (strcmp(word, "document") == 0) {
		word = strtok_r(NULL, "/", &save);
		a->size = word == NULL ? 0 : strtol(word, NULL, 10);
		return true;
	}
	if (!a->sse && strcmp(word, "ndjson") != 0)
		return false;
	while ((word = strtok_r(NULL, "/", &save)) != NULL) {
		if (strcmp(word, "once") == 0)
			a->once = true;
		else if (strcmp(word, "bytes") == 0)
			a->bytes = true;
		else if (strcmp(word, "plain") == 0)
			a->plain = true;
		else if (strcmp(word, "gone") == 0)
			a->gone = true;
		else if (strcmp(word, "other") == 0)
			continue;
		else if (!number(word, "die", &a->die) &&
			 !number(word, "reset", &a->reset) &&
			 !number(word, "end", &a->end) &&
			 !number(word, "retry", &a->retry) &&
			 !number(word, "slow", &a->slow))
			return false;
	}
	return true;
}

static void
send_head(const struct answer *a, const char *status, const char *type)
{
	char head[256];
	int n = snprintf(head, sizeof(head),
	    "HTTP/1.1 %s\r\nContent-Type: %s\r\nConnection: close\r\n%s\r\n",
	    status, type, a->plain ? "" : "Transfer-Encoding: chunked\r\n");

	send_all(a, head, (size_t)n);
}

/* The next whole line, without its newline, as soon as there is one. */
static void
next_line(const struct answer *a, FILE *f, char line[LINE_MAX_BYTES])
{
	char byte;
	long at = ftell(f);

	for (;;) {
		if (fgets(line, LINE_MAX_BYTES, f) != NULL &&
		    strchr(line, '\n') != NULL)
			break;
		if (recv(a->fd, &byte, 1, MSG_DONTWAIT) == 0)
			exit(0); /* the client is gone */
		pause_ns(LOOK_NS);
		clearerr(f);
		fseek(f, at, SEEK_SET);
	}
	line[strcspn(line, "\n")] = '\0';
}

static size_t
write_event(
    const struct answer *a, long n, const char *line, char *out, size_t size)
{
	if (!a->sse)
		return (size_t)snprintf(out, size, "%s\n", line);
	return (size_t)snprintf(
	    out, size, "id: %ld\nevent: row\ndata: %s\n\n", n, line);
}

/* The connection ends as the options say. */
static void
break_off(const struct answer *a, const char *event, size_t n)
{
	struct linger now = {1, 0};

	if (a->end >= 0) {
		if (!a->plain)
			send_all(a, "0\r\n\r\n", 5);
		exit(0);
	}
	send_chunk(a, event, n / 2);
	if (a->reset >= 0) {
		/* What was sent is to arrive before that. */
		pause_ns(50000000);
		setsockopt(a->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	}
	exit(0);
}

static void
send_stream(struct answer *a, const char *path)
{
	char line[LINE_MAX_BYTES], event[LINE_MAX_BYTES + 64];
	FILE *f = fopen(path, "r");
	long skip = a->sse ? strtol(a->last_id, NULL, 10) : 0;
	size_t n, half;

	if (f == NULL)
		die(path);
	if (a->retry >= 0) {
		n = (size_t)snprintf(
		    event, sizeof(event), "retry: %ld\n\n", a->retry);
		send_chunk(a, event, n);
	}
	for (long i = 1;; i++) {
		bool now = a->sent == a->end || a->sent == a->die ||
		           a->sent == a->reset;

		if (now && a->sent == a->end)
			break_off(a, "", 0);
		next_line(a, f, line);
		if (i <= skip)
			continue;
		n = write_event(a, i, line, event, sizeof(event));
		if (now)
			break_off(a, event, n);
		half = a->slow >= 0 ? n / 2 : 0;
		send_chunk(a, event, half);
		if (a->slow >= 0)
			pause_ns(a->slow * 1000000);
		send_chunk(a, event + half, n - half);
		a->sent++;
	}
}

/* A feature of some 800 bytes; the first has no comma before it. */
static size_t
write_feature(char *out, size_t size, long i)
{
	static const char text[] =
	    "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do "
	    "eiusmod tempor incididunt ut labore et dolore magna aliqua. Ut "
	    "enim ad minim veniam, quis nostrud exercitation ullamco laboris "
	    "nisi ut aliquip ex ea commodo consequat. \\u00dc \xe2\x82\xac";

	return (size_t)snprintf(out, size,
	    "%s{\"type\":\"Feature\",\"id\":\"e%ld\",\"properties\":"
	    "{\"mag\":%ld.50,\"time\":%ld,\"felt\":null,\"detail\":\"%s\","
	    "\"more\":[\"%s\",true,{\"nst\":%ld}]},\"geometry\":{\"type\":"
	    "\"Point\",\"coordinates\":[-118.%ld,34.4945,26.49]}}",
	    i == 0 ? "" : ",", i, i % 9, 1500000000000 + i, text, text, i % 100,
	    i % 10000);
}

/* {"features":[...]}: how many. */
static long
send_document(const struct answer *a)
{
	char *block = malloc(BLOCK + 4096);
	long done = 0, i = 0;
	size_t n;

	send_chunk(a, "{\"features\":[", 13);
	while (block != NULL && done < a->size) {
		for (n = 0; n < BLOCK; i++)
			n += write_feature(block + n, 4096, i);
		send_chunk(a, block, n);
		done += (long)n;
	}
	send_chunk(a, "]}", 2);
	if (!a->plain)
		send_all(a, "0\r\n\r\n", 5);
	free(block);
	return i;
}

static void
answer(int fd, bool first, const char *file)
{
	struct answer a = {.fd = fd,
	    .die = -1,
	    .reset = -1,
	    .end = -1,
	    .retry = -1,
	    .slow = -1};
	int one = 1;
	char path[256];

	a.size = -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (!read_request(&a, path))
		return;
	printf("%s %s\n", path, a.last_id);
	fflush(stdout);
	if (!take_options(&a, path)) {
		send_head(&a, "404 Not Found", "text/plain");
		send_all(&a, "0\r\n\r\n", 5);
		return;
	}
	if (a.once && !first)
		a.die = a.reset = a.end = -1;
	if (a.gone && a.last_id[0] != '-') {
		a.plain = true;
		send_head(&a, "204 No Content", "text/plain");
	} else if (a.size >= 0) {
		send_head(&a, "200 OK", "application/json");
		printf("features %ld\n", send_document(&a));
		fflush(stdout);
	} else {
		send_head(&a, "200 OK",
		    a.sse ? "text/event-stream" : "application/x-ndjson");
		send_stream(&a, file);
	}
}

static int
listen_here(const char *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t len = sizeof(at);
	int s = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (port != NULL)
		at.sin_port = htons((uint16_t)strtol(port, NULL, 10));
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (s < 0 || bind(s, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(s, 16) < 0 ||
	    getsockname(s, (struct sockaddr *)&at, &len) < 0)
		die("socket");
	printf("%d\n", ntohs(at.sin_port));
	fflush(stdout);
	return s;
}

int
main(int argc, char *argv[])
{
	bool first = true;
	int s, fd;

	if (argc < 2)
		return 64;
	signal(SIGPIPE, SIG_IGN);
	if (strcmp(argv[1], "-d") == 0 && argc > 2) {
		struct answer a = {.fd = STDOUT_FILENO, .plain = true};

		a.size = strtol(argv[2], NULL, 10);
		fprintf(stderr, "features %ld\n", send_document(&a));
		return 0;
	}
	signal(SIGCHLD, SIG_IGN);
	s = listen_here(argc > 2 ? argv[2] : NULL);
	while ((fd = accept(s, NULL, NULL)) >= 0) {
		if (fork() == 0) {
			/* With the server its connections end. */
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			close(s);
			answer(fd, first, argv[1]);
			return 0;
		}
		close(fd);
		first = false;
	}
	return 0;
}
