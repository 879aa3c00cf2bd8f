/*
 * faulty - an HTTP server for tests, that does wrong.
 *
 * Prints its port, then answers each connection once, as the path says, and
 * closes it:
 *
 *	/mute      not at all, until the client goes away
 *	/stall     a whole line, then nothing until the client goes away
 *	/reset     a line and a half of many, then a reset
 *	/extra     two lines, after a Content-Length of the first
 *	/headers   headers without an end
 *	/header    one header without an end
 *	/cut       half of a header
 *	/garbage   what is not HTTP
 *	/big       lines of JSON, 10 GiB of them
 *	/endless   the same in chunks, without an end
 */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BIG (10LL << 30)
#define LINE "{\"n\":1234567,\"at\":\"somewhere in the middle of it\"}\n"
#define LINES 1024
#define HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n"

static void
die(const char *what)
{
	fprintf(stderr, "faulty: %s: %s\n", what, strerror(errno));
	exit(1);
}

static bool
send_all(int fd, const char *p, size_t n)
{
	ssize_t sent;

	while (n > 0 && (sent = send(fd, p, n, MSG_NOSIGNAL)) > 0) {
		p += sent;
		n -= (size_t)sent;
	}
	return n == 0;
}

static bool
say(int fd, const char *text)
{
	return send_all(fd, text, strlen(text));
}

static void
wait_for_end(int fd)
{
	char byte;

	while (recv(fd, &byte, 1, 0) > 0)
		;
}

static void
send_big(int fd, bool chunked)
{
	static char many[LINES * (sizeof(LINE) - 1)];
	char head[256];

	for (size_t i = 0; i < LINES; i++)
		memcpy(many + i * (sizeof(LINE) - 1), LINE, sizeof(LINE) - 1);
	if (chunked) {
		say(fd, HEAD "Transfer-Encoding: chunked\r\n\r\n");
		snprintf(head, sizeof(head), "%zx\r\n", sizeof(many));
		while (say(fd, head) && send_all(fd, many, sizeof(many)) &&
		       say(fd, "\r\n"))
			;
		return;
	}
	snprintf(head, sizeof(head), HEAD "Content-Length: %lld\r\n\r\n", BIG);
	say(fd, head);
	for (long long left = BIG; left > (long long)sizeof(many);
	     left -= (long long)sizeof(many))
		if (!send_all(fd, many, sizeof(many)))
			return;
}

static void
reset(int fd)
{
	const struct linger now = {.l_onoff = 1, .l_linger = 0};

	say(fd, HEAD "Content-Length: 1000000\r\n\r\n" LINE "{\"n\":");
	/* What was sent must have come before the reset throws it away. */
	usleep(200 * 1000);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

static void
answer(int fd, const char *mode)
{
	char head[256];

	if (strcmp(mode, "stall") == 0) {
		say(fd, HEAD "Content-Length: 1000\r\n\r\n" LINE);
		wait_for_end(fd);
	} else if (strcmp(mode, "mute") == 0) {
		wait_for_end(fd);
	} else if (strcmp(mode, "reset") == 0) {
		reset(fd);
	} else if (strcmp(mode, "extra") == 0) {
		snprintf(head, sizeof(head), HEAD "Content-Length: %zu\r\n\r\n",
		    sizeof(LINE) - 1);
		say(fd, head);
		say(fd, LINE LINE);
	} else if (strcmp(mode, "headers") == 0) {
		say(fd, HEAD);
		while (say(fd, "X-More: and more, and more, and more\r\n"))
			;
	} else if (strcmp(mode, "header") == 0) {
		say(fd, HEAD "X-More: ");
		while (say(fd, "and more, and more, and more"))
			;
	} else if (strcmp(mode, "cut") == 0) {
		say(fd, HEAD "Content-Len");
	} else if (strcmp(mode, "garbage") == 0) {
		say(fd, "\x16\x03\x03 no HTTP, whatever it is\r\n\r\n");
	} else if (strcmp(mode, "big") == 0) {
		send_big(fd, false);
	} else if (strcmp(mode, "endless") == 0) {
		send_big(fd, true);
	}
}

static bool
read_request(int fd, char path[32])
{
	char head[8192];
	size_t len = 0;
	ssize_t n;

	do {
		n = recv(fd, head + len, sizeof(head) - 1 - len, 0);
		if (n <= 0)
			return false;
		len += (size_t)n;
		head[len] = '\0';
	} while (strstr(head, "\r\n\r\n") == NULL && len < sizeof(head) - 1);
	return sscanf(head, "GET /%31[a-z]", path) == 1;
}

int
main(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t len = sizeof(at);
	int s = socket(AF_INET, SOCK_STREAM, 0), fd;
	char path[32];

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (s < 0 || bind(s, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(s, 16) < 0 ||
	    getsockname(s, (struct sockaddr *)&at, &len) < 0)
		die("socket");
	signal(SIGCHLD, SIG_IGN);
	printf("%d\n", ntohs(at.sin_port));
	fflush(stdout);
	while ((fd = accept(s, NULL, NULL)) >= 0) {
		if (fork() == 0) {
			close(s);
			if (read_request(fd, path))
				answer(fd, path);
			close(fd);
			return 0;
		}
		close(fd);
	}
	return 0;
}
