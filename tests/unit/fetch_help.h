/*
 * A server of lib/fetch's tests, in a thread: each connection is one request,
 * kept in server.asked, and the answer of its path.
 */
#ifndef TESTS_FETCH_HELP_H
#define TESTS_FETCH_HELP_H

#include "buf.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define ASKED 8
#define SILENT_S 3 /* until the server has enough of it */
#define OK "HTTP/1.1 200 OK\r\n"
#define NONE "Connection: close\r\nContent-Length: 0\r\n\r\n"
#define HERE OK "Connection: close\r\nContent-Length: 4\r\n\r\nbody"

/* ^ is the port. */
static const struct {
	const char *path, *answer;
} answers[] = {
    {"/", HERE},
    {"/a", HERE},
    {"/b/c", HERE},
    {"/same", "HTTP/1.1 302 Found\r\nLocation: /a\r\n" NONE},
    {"/user", "HTTP/1.1 302 Found\r\n"
	      "Location: http://evil:word@127.0.0.1:^/a\r\n" NONE},
    {"/away", "HTTP/1.1 302 Found\r\nLocation: http://localhost:^/a\r\n" NONE},
    {"/see", "HTTP/1.1 303 See Other\r\nLocation: a\r\n" NONE},
    {"/keep", "HTTP/1.1 307 Keep\r\nLocation: a\r\n" NONE},
    {"/keepaway",
	"HTTP/1.1 308 Keep\r\nLocation: http://localhost:^/a\r\n" NONE},
    {"/tofile", "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n" NONE},
    {"/toftp", "HTTP/1.1 302 Found\r\nLocation: ftp://localhost:^/a\r\n" NONE},
    {"/nowhere", "HTTP/1.1 302 Found\r\n" NONE},
    {"/denied", "HTTP/1.1 401 No\r\n" NONE},
    {"/unchanged", "HTTP/1.1 304 Same\r\n\r\n"},
    {"/links", OK "Link: <a>; rel=prev\r\nlink: <b,c>; rel=\"next\"\r\n" NONE},
    {"/events", OK "\r\none"},
    {"/nothing", ""},
    {"/headless", OK "Content-Le"},
    {"/cookie", OK "Set-Cookie: a=b; Path=/\r\n" NONE},
    {"/garbage", "\x16\x03\x01 what is this\r\n\r\n"},
    {"/short", OK "Content-Length: 10\r\n\r\nbody"},
    {"/long", OK "Content-Length: 4\r\n\r\nbody and more"},
    {"/head", OK "Content-Length: 1000\r\n\r\n"},
};

static struct {
	int socket;
	char port[8];
	pthread_t thread;
	char asked[ASKED][4096];
	volatile int n;
	volatile bool hold; /* the connection open, until the client ends it */
} server;

static void
send_all(int fd, const char *p, size_t n)
{
	ssize_t sent;

	while (n > 0 && (sent = send(fd, p, n, MSG_NOSIGNAL)) > 0) {
		p += sent;
		n -= (size_t)sent;
	}
}

/* At once, so that it comes at once. */
static void
send_text(int fd, const char *text)
{
	struct dl_buf b = {0};

	for (; *text != '\0'; text++)
		if (*text == '^')
			dl_buf_adds(&b, server.port);
		else
			dl_buf_addc(&b, *text);
	send_all(fd, b.p, b.len);
	dl_buf_release(&b);
}

/* Headers without an end: many, one, of interim answers, or links. */
static bool
send_endless(int fd, const char *path)
{
	static const struct {
		const char *path, *first, *more;
		int times;
	} all[] = {
	    {"/headers", OK, "X-More: abcdefghijklmnopqrstuvwxyz\r\n", 20000},
	    {"/header", OK "X-Long: ", "abcdefghijklmnopqrstuvwxyz", 40000},
	    {"/interim", "", "HTTP/1.1 100 Continue\r\n\r\n", 50000},
	    {"/manylinks", OK, "Link: <abcdefghijklmnopqrstuvwxyz>\r\n", 400},
	};
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		if (strcmp(path, all[i].path) != 0)
			continue;
		send_all(fd, all[i].first, strlen(all[i].first));
		for (int k = 0; k < all[i].times; k++)
			send_all(fd, all[i].more, strlen(all[i].more));
		send_all(fd, NONE, strlen(NONE));
		return true;
	}
	return false;
}

static void
answer(int fd, const char *path)
{
	if (send_endless(fd, path))
		return;
	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++)
		if (strcmp(path, answers[i].path) == 0)
			send_text(fd, answers[i].answer);
}

static void
read_request(int fd, char *text, size_t size)
{
	size_t len = 0, want = SIZE_MAX;
	char *end, *field;
	ssize_t n;

	while (len < want && len < size - 1 &&
	       (n = recv(fd, text + len, size - 1 - len, 0)) > 0) {
		len += (size_t)n;
		text[len] = '\0';
		if ((end = strstr(text, "\r\n\r\n")) == NULL)
			continue;
		field = strstr(text, "Content-Length: ");
		want = (size_t)(end - text) + 4 +
		       (field == NULL ? 0 : strtoul(field + 16, NULL, 10));
	}
}

/* Until the other goes away: closed before, bytes could be lost. */
static void
drain(int fd)
{
	struct timeval wait = {.tv_sec = SILENT_S};
	char more[256];

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	while (recv(fd, more, sizeof(more), 0) > 0)
		;
}

static void *
serve(void *arg)
{
	char path[256];
	int fd;

	(void)arg;
	while ((fd = accept(server.socket, NULL, NULL)) >= 0) {
		char *text = server.asked[server.n];

		text[0] = '\0';
		read_request(fd, text, sizeof(server.asked[0]));
		server.n = (server.n + 1) % ASKED;
		if (sscanf(text, "%*s %255[^ ?]", path) == 1)
			answer(fd, path);
		if (!server.hold)
			shutdown(fd, SHUT_WR);
		drain(fd);
		close(fd);
	}
	return NULL;
}

static int
start(void **state)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t len = sizeof(at);

	(void)state;
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server.socket = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(server.socket, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(server.socket, 16) < 0 ||
	    getsockname(server.socket, (struct sockaddr *)&at, &len) < 0)
		return -1;
	snprintf(server.port, sizeof(server.port), "%d", ntohs(at.sin_port));
	return pthread_create(&server.thread, NULL, serve, NULL);
}

static int
end(void **state)
{
	(void)state;
	shutdown(server.socket, SHUT_RDWR);
	pthread_join(server.thread, NULL);
	return close(server.socket);
}

#endif
