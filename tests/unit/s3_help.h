/*
 * A service of lib/s3's tests, in a thread, that answers by a script: each
 * connection is one request, kept in service.asked, and the next answer; after
 * one that says KEEP there may be more requests.
 */
#ifndef TESTS_S3_HELP_H
#define TESTS_S3_HELP_H

#include "buf.h"
#include "s3.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define ASKED 32
#define SILENT_S 3 /* until the service has enough of it */
#define LOST ""    /* no answer: the connection ends */
#define RESET "\1" /* ... by a reset */
#define KEEP "Connection: keep-alive\r\n"
#define AS(status, headers, body) \
	"HTTP/1.1 " status "\r\nConnection: close\r\n" headers "\r\n" body
#define XML(body) AS("200 OK", "", body)
#define OK AS("200 OK", "ETag: \"e\"\r\nContent-Length: 0\r\n", "")
#define ERROR(status, code) \
	AS(status, "", "<Error><Code>" code "</Code></Error>")
#define SLOW ERROR("503 No", "SlowDown")
#define GONE ERROR("404 No", "NoSuchUpload")
#define NONE ERROR("404 No", "NoSuchKey")
#define NONE_HEAD AS("404 No", "", "")

static struct {
	int socket;
	pthread_t thread;
	const char *const *script; /* NULL-ended; its last is for all more */
	char asked[ASKED][4096];   /* the start of each request */
	volatile int n;
	void (*before)(int n); /* the nth answer */
	volatile int early;    /* this one does not wait for the body */
	volatile bool cut;     /* not all of the last one was taken */
} service;

static void
send_all(int fd, const char *p, size_t n)
{
	ssize_t sent;

	while (n > 0 && (sent = send(fd, p, n, MSG_NOSIGNAL)) > 0) {
		p += sent;
		n -= (size_t)sent;
	}
	service.cut = n > 0;
}

/* Take a request whole; keep its start. */
static void
read_request(int fd, char *text, size_t size, bool early)
{
	static char more[1 << 16];
	size_t len = 0, total = 0, want = SIZE_MAX;
	char *end, *field;
	ssize_t n;

	while (total < want && (n = recv(fd, more, sizeof(more), 0)) > 0) {
		total += (size_t)n;
		if ((size_t)n > size - 1 - len)
			n = (ssize_t)(size - 1 - len);
		memcpy(text + len, more, (size_t)n);
		text[len += (size_t)n] = '\0';
		if (want < SIZE_MAX || (end = strstr(text, "\r\n\r\n")) == NULL)
			continue;
		field = strstr(text, "Content-Length: ");
		want = (size_t)(end - text) + 4 +
		       (field == NULL || field > end || early
			       ? 0
			       : strtoul(field + 16, NULL, 10));
		if (strstr(text, "Expect: 100-continue") != NULL && !early)
			send_all(fd, "HTTP/1.1 100 Continue\r\n\r\n", 25);
	}
}

static void
end_connection(int fd, bool reset)
{
	struct linger now = {1, 0};
	struct timeval wait = {.tv_sec = SILENT_S};
	char more[256];

	if (reset) {
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	} else {
		/* Closed before the other is, bytes could be lost. */
		shutdown(fd, SHUT_WR);
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
		while (recv(fd, more, sizeof(more), 0) > 0)
			;
	}
	close(fd);
}

static void *
serve(void *arg)
{
	const char *answer;
	bool kept = false, reset;
	int fd = -1, n;

	(void)arg;
	for (;;) {
		if (!kept)
			fd = accept(service.socket, NULL, NULL);
		if (fd < 0)
			return NULL;
		n = service.n < ASKED ? service.n : ASKED - 1;
		service.asked[n][0] = '\0';
		read_request(fd, service.asked[n], sizeof(service.asked[n]),
		    n == service.early);
		if (service.before != NULL)
			service.before(n);
		service.n = n + 1;
		answer = *service.script == NULL ? LOST : *service.script;
		if (*service.script != NULL && service.script[1] != NULL)
			service.script++;
		/* It is the test's, who may be done with it once it is sent. */
		kept = strstr(answer, KEEP) != NULL;
		reset = strcmp(answer, RESET) == 0;
		if (!reset)
			send_all(fd, answer, strlen(answer));
		if (!kept)
			end_connection(fd, reset);
	}
}

static struct {
	struct dl_s3 *s3;
	struct dl_s3_options o;
	volatile sig_atomic_t stop;
	struct dl_err err;
	char endpoint[64];
} t;

static int
start(void **state)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t len = sizeof(at);

	(void)state;
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	service.socket = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(service.socket, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(service.socket, 16) < 0 ||
	    getsockname(service.socket, (struct sockaddr *)&at, &len) < 0)
		return -1;
	snprintf(t.endpoint, sizeof(t.endpoint), "http://127.0.0.1:%d",
	    ntohs(at.sin_port));
	return pthread_create(&service.thread, NULL, serve, NULL);
}

static int
end(void **state)
{
	(void)state;
	dl_s3_free(t.s3);
	shutdown(service.socket, SHUT_RDWR);
	pthread_join(service.thread, NULL);
	return close(service.socket);
}

/* By the options as they are now. */
static void
open_s3(void)
{
	dl_s3_free(t.s3);
	t.s3 = dl_s3_new("s3://bucket/p", &t.o, &t.err);
	assert_non_null(t.s3);
}

/* The answers of a test, from now on. */
static void
script(const char *const *answers)
{
	memset(service.asked, 0, sizeof(service.asked));
	service.script = answers;
	service.n = 0;
	service.before = NULL;
	service.early = -1;
	t.stop = 0;
	dl_err_clear(&t.err);
	t.o = (struct dl_s3_options){
	    .endpoint = t.endpoint, .give_up_ms = 20 * 1000, .stop = &t.stop};
	open_s3();
}
#define SCRIPT(...) script((const char *const[]){__VA_ARGS__, NULL})

static void
asked(int n, const char *what)
{
	if (strstr(service.asked[n], what) != NULL)
		return;
	print_message("'%s' is not in:\n%s\n", what, service.asked[n]);
	fail();
}

static void
failed(enum dl_exit status, const char *says)
{
	if (t.err.status == status && strstr(t.err.msg, says) != NULL)
		return;
	print_message("%d: %s\n", t.err.status, t.err.msg);
	fail();
}

#endif
