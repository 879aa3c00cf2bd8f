/*
 * cutter FILE - an HTTP server for tests, that breaks off.
 *
 * Prints its port, then answers each connection once with FILE, as the path
 * says, and closes it:
 *
 *	/whole     all of it
 *	/length    half of it, after a Content-Length of all
 *	/chunked   half of it in chunks, without the last one
 *	/close     half of it, without saying how long it is
 *	/empty     the connection closes before any answer
 *	/once-*    as the rest of the name says, but only for the first request
 *	/hang      a few bytes of it, then nothing until the client goes away
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

#define FILE_MAX (1 << 20)

static char body[FILE_MAX];
static size_t body_len;

static void
die(const char *what)
{
	fprintf(stderr, "cutter: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void
send_all(int fd, const char *p, size_t n)
{
	ssize_t sent;

	while (n > 0 && (sent = send(fd, p, n, MSG_NOSIGNAL)) > 0) {
		p += sent;
		n -= (size_t)sent;
	}
}

/* Read the request's head; its path goes to path. */
static bool
read_request(int fd, char *path, size_t size)
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
	return size == 32 && sscanf(head, "GET /%31[a-z-]", path) == 1;
}

static void
send_head(int fd, const char *more)
{
	char head[256];
	int n = snprintf(head, sizeof(head),
	    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	    "Connection: close\r\n%s\r\n",
	    more);

	send_all(fd, head, (size_t)n);
}

static void
answer(int fd, const char *mode)
{
	char more[64];
	size_t half = body_len / 2;

	snprintf(more, sizeof(more), "Content-Length: %zu\r\n", body_len);
	if (strcmp(mode, "whole") == 0) {
		send_head(fd, more);
		send_all(fd, body, body_len);
	} else if (strcmp(mode, "length") == 0) {
		send_head(fd, more);
		send_all(fd, body, half);
	} else if (strcmp(mode, "chunked") == 0) {
		send_head(fd, "Transfer-Encoding: chunked\r\n");
		snprintf(more, sizeof(more), "%zx\r\n", half);
		send_all(fd, more, strlen(more));
		send_all(fd, body, half);
		send_all(fd, "\r\n", 2);
	} else if (strcmp(mode, "close") == 0) {
		send_head(fd, "");
		send_all(fd, body, half);
	} else if (strcmp(mode, "hang") == 0) {
		send_head(fd, more);
		send_all(fd, body, 10);
		(void)recv(fd, more, 1, 0);
	}
}

static void
load(const char *path)
{
	FILE *f = fopen(path, "r");

	if (f == NULL)
		die(path);
	body_len = fread(body, 1, sizeof(body), f);
	fclose(f);
}

int
main(int argc, char *argv[])
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t len = sizeof(at);
	int s = socket(AF_INET, SOCK_STREAM, 0), fd;
	bool first = true;
	char path[32];

	if (argc != 2)
		return 64;
	load(argv[1]);
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
			const char *mode = path;

			close(s);
			if (!read_request(fd, path, sizeof(path)))
				return 0;
			if (strncmp(path, "once-", 5) == 0)
				mode = first ? path + 5 : "whole";
			answer(fd, mode);
			return 0;
		}
		close(fd);
		first = false;
	}
	return 0;
}
