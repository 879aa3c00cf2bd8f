/*
 * strays MODE PORT N - N clients that dl-twin-serve's GET /v1/changes on
 * 127.0.0.1 has no joy of.  MODE is
 *
 *	half   they ask for all there is, until they are let in, and never read;
 *	       until standard input ends
 *	come   one after the other comes, reads a bit or nothing, and goes
 */
#include "ask.h"

#include <signal.h>
#include <stdbool.h>

/* Looks at the answer without reading it. */
static bool
is_let_in(int fd)
{
	char text[13] = "";

	return recv(fd, text, sizeof(text), MSG_PEEK | MSG_WAITALL) ==
	           sizeof(text) &&
	       memcmp(text, "HTTP/1.1 200 ", sizeof(text)) == 0;
}

static void
half(in_port_t port, int clients)
{
	char c;
	int fd;

	for (int i = 0; i < clients; i++)
		while (!is_let_in(fd = ask(port, "?last_event_id=0"))) {
			close(fd);
			usleep(20000);
		}
	puts("asked");
	fflush(stdout);
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
}

static void
come(in_port_t port, int clients)
{
	char text[64];

	for (int i = 0; i < clients; i++) {
		int fd = ask(port, i % 2 ? "" : "?last_event_id=0");
		ssize_t n = i % 3 ? recv(fd, text, sizeof(text) - 1, 0) : 0;

		if (n > 0 && strncmp(text, "HTTP/1.1 200 ", 13) != 0) {
			text[n] = '\0';
			fprintf(stderr, "strays: %s\n", text);
			exit(1);
		}
		close(fd);
	}
}

int
main(int argc, char *argv[])
{
	in_port_t port;

	if (argc != 4)
		return 64;
	port = (in_port_t)atoi(argv[2]);
	signal(SIGPIPE, SIG_IGN);
	raise_limit();
	if (strcmp(argv[1], "half") == 0)
		half(port, atoi(argv[3]));
	else if (strcmp(argv[1], "come") == 0)
		come(port, atoi(argv[3]));
	else
		return 64;
	return 0;
}
