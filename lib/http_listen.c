#include "http_private.h"

#include "log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 4096
#define OWN_DESCRIPTORS 64 /* that are no connections */
#define CONNECTIONS_MAX 1000000

union address {
	struct sockaddr any;
	struct sockaddr_in four;
	struct sockaddr_in6 six;
};

static socklen_t
parse(const char *text, uint16_t port, union address *a)
{
	memset(a, 0, sizeof(*a));
	if (inet_pton(AF_INET, text, &a->four.sin_addr) == 1) {
		a->four.sin_family = AF_INET;
		a->four.sin_port = htons(port);
		return sizeof(a->four);
	}
	if (inet_pton(AF_INET6, text, &a->six.sin6_addr) == 1) {
		a->six.sin6_family = AF_INET6;
		a->six.sin6_port = htons(port);
		return sizeof(a->six);
	}
	return 0;
}

static int
set_options(int fd, const union address *a, const struct dl_http_options *o)
{
	unsigned ms = (unsigned)o->idle_timeout_ms;
	int yes = 1, no = 0;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0)
		return -1;
	/* Inherited: a client that has vanished holds nothing for longer. */
	if (setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms)) < 0)
		return -1;
	/* "::" is everybody, those of IPv4 too. */
	if (a->any.sa_family == AF_INET6)
		return setsockopt(
		    fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no));
	return 0;
}

int
dl_http_listen(struct dl_http *h, struct dl_err *err)
{
	const char *text = h->options.address;
	bool six = strchr(text, ':') != NULL;
	union address a;
	socklen_t len = parse(text, h->options.port, &a);
	int fd;

	if (len == 0)
		return dl_err_conf(
		    err, "cannot listen on '%s': it is no address", text);
	fd = socket(
	    a.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || set_options(fd, &a, &h->options) < 0 ||
	    bind(fd, &a.any, len) < 0 || listen(fd, BACKLOG) < 0 ||
	    getsockname(fd, &a.any, &len) < 0) {
		dl_err_errno(err, "cannot listen on %s%s%s:%u", six ? "[" : "",
		    text, six ? "]" : "", h->options.port);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	h->listener = fd;
	h->port = ntohs(six ? a.six.sin6_port : a.four.sin_port);
	return 0;
}

void
dl_http_descriptors(struct dl_http_options *o)
{
	struct rlimit r;
	int64_t most;

	if (o->max_connections > CONNECTIONS_MAX)
		o->max_connections = CONNECTIONS_MAX;
	if (getrlimit(RLIMIT_NOFILE, &r) < 0)
		return;
	if (r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
		getrlimit(RLIMIT_NOFILE, &r);
	}
	if (r.rlim_cur == RLIM_INFINITY || r.rlim_cur > INT32_MAX)
		return;
	most = (int64_t)r.rlim_cur - OWN_DESCRIPTORS;
	if (most < 8)
		most = 8;
	if (o->max_connections <= most)
		return;
	dl_log(DL_LOG_WARN,
	    "at most %lld connections, since only %lld files may be open "
	    "(ulimit -n)",
	    (long long)most, (long long)r.rlim_cur);
	o->max_connections = most;
}
