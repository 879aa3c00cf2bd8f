/*
 * swarm - many clients at a time, most of them rude.
 *
 *	swarm -p PORT -n CLIENTS [-f FILE] [-e MS] [-s STEP] [-q] [-t S]
 *
 * Each connects to 127.0.0.1:PORT and sends FILE: all at once, or with -e a byte
 * every MS milliseconds, each beginning with the file's next STEP bytes.  What
 * comes back is read and thrown away, or with -q left unread in a small buffer.
 * When all have connected, "up CONNECTED" is printed; at the end of standard
 * input, when the server has closed all of them, or after S seconds (60), "end
 * CONNECTED CLOSED ANSWERED": CLOSED were closed by the server by then, ANSWERED
 * had a byte of it.
 */
#include "buf.h"
#include "clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECEIVE 4096 /* of one that leaves it unread */

struct client {
	int fd; /* -1: closed */
	size_t sent;
	bool connected, answered;
};

static struct {
	struct client *clients;
	size_t n, connected, closed, answered, open;
	struct dl_buf bytes;
	int port, every_ms, seconds, epoll;
	size_t step;
	bool quiet;
} swarm = {.seconds = 60};

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static void
read_file(const char *path)
{
	FILE *f = fopen(path, "r");
	int c;

	if (f == NULL)
		die(path);
	while ((c = getc(f)) != EOF)
		dl_buf_addc(&swarm.bytes, (char)c);
	fclose(f);
}

static void
shut(struct client *c)
{
	close(c->fd);
	c->fd = -1;
	swarm.open--;
	if (c->connected)
		swarm.closed++;
}

static void
begin(struct client *c)
{
	const struct sockaddr_in to = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)swarm.port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct epoll_event ev = {
	    .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP, .data.ptr = c};
	int small = RECEIVE;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		die("socket");
	if (swarm.quiet)
		setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	swarm.open++;
	if (connect(c->fd, (const struct sockaddr *)&to, sizeof(to)) < 0 &&
	    errno != EINPROGRESS) {
		shut(c);
		return;
	}
	epoll_ctl(swarm.epoll, EPOLL_CTL_ADD, c->fd, &ev);
}

/* As much as may go now; at is how much may have gone by now. */
static void
send_some(struct client *c, size_t at)
{
	size_t most = at < swarm.bytes.len ? at : swarm.bytes.len;
	ssize_t n;

	while (c->sent < most) {
		n = send(c->fd, swarm.bytes.p + c->sent, most - c->sent,
		    MSG_NOSIGNAL);
		if (n <= 0)
			return;
		c->sent += (size_t)n;
	}
}

static size_t
due(const struct client *c, int64_t ms)
{
	size_t first = swarm.step * (size_t)(c - swarm.clients);

	if (swarm.every_ms == 0)
		return swarm.bytes.len;
	first %= swarm.bytes.len == 0 ? 1 : swarm.bytes.len;
	return first + (size_t)(ms / swarm.every_ms);
}

static void
take_some(struct client *c)
{
	char bytes[65536];
	ssize_t n;

	if (swarm.quiet)
		return;
	while ((n = recv(c->fd, bytes, sizeof(bytes), 0)) > 0)
		if (!c->answered) {
			c->answered = true;
			swarm.answered++;
		}
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		shut(c);
}

static void
look(struct client *c, uint32_t events, int64_t ms)
{
	if (!c->connected && (events & EPOLLOUT) != 0 &&
	    (events & (EPOLLERR | EPOLLHUP)) == 0) {
		struct epoll_event ev = {
		    .events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.ptr = c};

		c->connected = true;
		swarm.connected++;
		if (swarm.every_ms == 0)
			ev.events |= EPOLLOUT;
		epoll_ctl(swarm.epoll, EPOLL_CTL_MOD, c->fd, &ev);
	}
	if (c->connected)
		send_some(c, due(c, ms));
	if ((events & EPOLLIN) != 0)
		take_some(c);
	if (c->fd >= 0 && (events & (EPOLLERR | EPOLLHUP)) != 0)
		shut(c);
	else if (c->fd >= 0 && swarm.quiet && (events & EPOLLRDHUP) != 0)
		shut(c);
}

static bool
is_over(int64_t ms)
{
	char c;

	if (swarm.open == 0 || ms > (int64_t)swarm.seconds * 1000)
		return true;
	return read(STDIN_FILENO, &c, 1) == 0;
}

static void
run(void)
{
	struct epoll_event events[256];
	int64_t start = dl_clock_ms(), ms = 0, dripped = 0;
	size_t begun = 0;
	bool up = false;

	while (begun < swarm.n || !is_over(ms)) {
		/* Not more at a time than wait to be accepted anywhere. */
		while (begun < swarm.n &&
		       swarm.open + swarm.closed - swarm.connected < 64)
			begin(&swarm.clients[begun++]);
		int n = epoll_wait(swarm.epoll, events, 256, 20);

		ms = dl_clock_ms() - start;
		for (int i = 0; i < n; i++)
			look(events[i].data.ptr, events[i].events, ms);
		if (!up && begun == swarm.n &&
		    swarm.connected == swarm.open + swarm.closed) {
			up = true;
			printf("up %zu\n", swarm.connected);
			fflush(stdout);
		}
		if (swarm.every_ms > 0 && ms - dripped >= swarm.every_ms) {
			dripped = ms;
			for (size_t i = 0; i < begun; i++)
				if (swarm.clients[i].fd >= 0 &&
				    swarm.clients[i].connected)
					send_some(&swarm.clients[i],
					    due(&swarm.clients[i], ms));
		}
	}
	printf(
	    "end %zu %zu %zu\n", swarm.connected, swarm.closed, swarm.answered);
}

static void
raise_limit(void)
{
	struct rlimit most;

	getrlimit(RLIMIT_NOFILE, &most);
	most.rlim_cur = most.rlim_max;
	setrlimit(RLIMIT_NOFILE, &most);
}

int
main(int argc, char *argv[])
{
	int opt;

	while ((opt = getopt(argc, argv, "p:n:f:e:s:t:q")) != -1)
		switch (opt) {
		case 'p':
			swarm.port = atoi(optarg);
			break;
		case 'n':
			swarm.n = (size_t)atoi(optarg);
			break;
		case 'f':
			read_file(optarg);
			break;
		case 'e':
			swarm.every_ms = atoi(optarg);
			break;
		case 's':
			swarm.step = (size_t)atoi(optarg);
			break;
		case 't':
			swarm.seconds = atoi(optarg);
			break;
		case 'q':
			swarm.quiet = true;
			break;
		default:
			return 64;
		}
	raise_limit();
	swarm.clients = dl_calloc(swarm.n, sizeof(*swarm.clients));
	if ((swarm.epoll = epoll_create1(0)) < 0)
		die("epoll");
	fcntl(STDIN_FILENO, F_SETFL, fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK);
	run();
	return 0;
}
