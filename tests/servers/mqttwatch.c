/*
 * mqttwatch PORT [eat|cut] - stands between MQTT clients and a broker.
 *
 * Prints its own port, then passes on what is said on one connection after
 * another with 127.0.0.1:PORT, and prints a line for each packet:
 *
 *	< PUBLISH 7 dup		from the broker: its identifier, and the mark
 *	> PUBACK 7		from the client
 *	> PINGREQ, ...		any other
 *	closed
 *
 * eat: no PUBACK reaches the broker.  cut: the connection ends at the first one,
 * which doesn't reach it either; the next connections are left alone.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PACKET_MAX (1 << 20)

static const char *const names[16] = {"0", "CONNECT", "CONNACK", "PUBLISH",
    "PUBACK", "PUBREC", "PUBREL", "PUBCOMP", "SUBSCRIBE", "SUBACK",
    "UNSUBSCRIBE", "UNSUBACK", "PINGREQ", "PINGRESP", "DISCONNECT", "AUTH"};

/* What came from one side and was not passed on yet. */
struct side {
	int fd;
	char mark;
	size_t len;
	unsigned char bytes[PACKET_MAX];
};

static struct side client = {.mark = '>'}, broker = {.mark = '<'};
static bool eat, cut;

static void
die(const char *what)
{
	fprintf(stderr, "mqttwatch: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* How long the first packet is, and its head; 0: it isn't whole yet. */
static size_t
packet(const struct side *s, size_t *head)
{
	size_t n = 0;

	for (size_t i = 1; i < 5 && i < s->len; i++) {
		n |= (size_t)(s->bytes[i] & 127) << (7 * (i - 1));
		if (s->bytes[i] & 128)
			continue;
		*head = i + 1;
		return s->len >= n + i + 1 ? n + i + 1 : 0;
	}
	return 0;
}

static void
tell(const struct side *s, size_t head)
{
	const unsigned char *p = s->bytes + head;
	int type = s->bytes[0] >> 4;
	size_t at = 0;

	printf("%c %s", s->mark, names[type]);
	if (type == 3)
		at = 2 + (size_t)(p[0] << 8 | p[1]);
	if (type == 4 || (type == 3 && (s->bytes[0] & 6) != 0))
		printf(" %d", p[at] << 8 | p[at + 1]);
	printf("%s\n", type == 3 && (s->bytes[0] & 8) ? " dup" : "");
	fflush(stdout);
}

/* Pass on the packets that are whole: false ends the connection. */
static bool
pass_on(struct side *s, const struct side *to)
{
	size_t head, n;

	while ((n = packet(s, &head)) > 0) {
		bool ack = s->bytes[0] >> 4 == 4;

		tell(s, head);
		if (ack && cut)
			return cut = false;
		if (!(ack && eat) &&
		    send(to->fd, s->bytes, n, MSG_NOSIGNAL) != (ssize_t)n)
			return false;
		memmove(s->bytes, s->bytes + n, s->len - n);
		s->len -= n;
	}
	return s->len < PACKET_MAX;
}

static bool
read_some(struct side *s)
{
	ssize_t n = recv(s->fd, s->bytes + s->len, PACKET_MAX - s->len, 0);

	if (n > 0)
		s->len += (size_t)n;
	return n > 0;
}

static void
relay(void)
{
	struct pollfd p[2] = {{.fd = client.fd, .events = POLLIN},
	    {.fd = broker.fd, .events = POLLIN}};

	client.len = broker.len = 0;
	while (poll(p, 2, -1) > 0) {
		if (p[0].revents &&
		    (!read_some(&client) || !pass_on(&client, &broker)))
			break;
		if (p[1].revents &&
		    (!read_some(&broker) || !pass_on(&broker, &client)))
			break;
	}
	close(client.fd);
	close(broker.fd);
	printf("closed\n");
	fflush(stdout);
}

int
main(int argc, char *argv[])
{
	struct sockaddr_in at = {.sin_family = AF_INET}, to = at;
	socklen_t len = sizeof(at);
	int s = socket(AF_INET, SOCK_STREAM, 0);

	if (argc < 2)
		return 64;
	eat = argc > 2 && strcmp(argv[2], "eat") == 0;
	cut = argc > 2 && strcmp(argv[2], "cut") == 0;
	at.sin_addr.s_addr = to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = htons((unsigned short)atoi(argv[1]));
	if (s < 0 || bind(s, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(s, 16) < 0 ||
	    getsockname(s, (struct sockaddr *)&at, &len) < 0)
		die("socket");
	printf("%d\n", ntohs(at.sin_port));
	fflush(stdout);
	while ((client.fd = accept(s, NULL, NULL)) >= 0) {
		broker.fd = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(broker.fd, (struct sockaddr *)&to, sizeof(to)) <
		    0) {
			close(client.fd);
			close(broker.fd);
			continue;
		}
		relay();
	}
	return 0;
}
