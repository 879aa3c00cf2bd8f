#include "polite.h"

#include "buf.h"
#include "clock.h"
#include "hash.h"
#include "io.h"
#include "metric.h"
#include "num.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define NAP_MS 20 /* between two looks at what others hold */
#define NS_PER_MS ((int64_t)1000000)
#define DIGITS 20
#define TURN_LEN (2 * (DIGITS + 1)) /* "CLOCK NEXT\n" */

struct dl_polite {
	const char *home;
	const struct dl_limits_spec *spec;
	int64_t wait_ms;
	const volatile sig_atomic_t *stop;
	struct dl_buf origin; /* "https://example.org:443" */
	char hash[17];        /* of origin */
	int slot;             /* the lock that is held, or -1 */
};

struct dl_polite *
dl_polite_new(const char *home, const struct dl_limits_spec *spec,
    int64_t wait_ms, const volatile sig_atomic_t *stop)
{
	struct dl_polite *p = dl_calloc(1, sizeof(*p));

	p->home = home;
	p->spec = spec;
	p->wait_ms = wait_ms;
	p->stop = stop;
	p->slot = -1;
	return p;
}

void
dl_polite_leave(struct dl_polite *p)
{
	if (p->slot >= 0)
		close(p->slot);
	p->slot = -1;
}

void
dl_polite_free(struct dl_polite *p)
{
	if (p == NULL)
		return;
	dl_polite_leave(p);
	dl_buf_release(&p->origin);
	free(p);
}

/* Add a part of a URL in lower case: true if it has one that isn't empty. */
static bool
add_part(struct dl_buf *b, CURLU *u, CURLUPart part)
{
	char *text = NULL;
	bool has;

	if (curl_url_get(u, part, &text, CURLU_DEFAULT_PORT) != CURLUE_OK)
		return false;
	has = *text != '\0';
	for (const char *t = text; *t != '\0'; t++)
		dl_buf_addc(b, *t >= 'A' && *t <= 'Z' ? *t - 'A' + 'a' : *t);
	curl_free(text);
	return has;
}

/* Whom url asks: 1, and p->origin and its hash are set; 0 it has no host. */
static int
find_origin(struct dl_polite *p, const char *url, struct dl_err *err)
{
	CURLU *u = curl_url();
	int r = 0;

	if (u == NULL)
		return dl_err_temp(err, "no memory for a URL");
	dl_buf_clear(&p->origin);
	/* What fetch.h takes. */
	if (curl_url_set(u, CURLUPART_URL, url,
		CURLU_NON_SUPPORT_SCHEME | CURLU_ALLOW_SPACE |
		    CURLU_URLENCODE) != CURLUE_OK) {
		r = dl_err_conf(err, "a URL of no known form");
	} else if (add_part(&p->origin, u, CURLUPART_SCHEME)) {
		dl_buf_adds(&p->origin, "://");
		r = add_part(&p->origin, u, CURLUPART_HOST);
		dl_buf_addc(&p->origin, ':');
		add_part(&p->origin, u, CURLUPART_PORT);
		dl_hash_hex(dl_buf_as_span(&p->origin), p->hash, 16);
	}
	curl_url_cleanup(u);
	return r;
}

/* Let time pass, but no more than is left: 1 a stop, 0. */
static int
nap(const struct dl_polite *p, int64_t until)
{
	int64_t left = until - dl_clock_ms();

	dl_metric_tick();
	if (left > 0)
		(void)poll(NULL, 0, left < NAP_MS ? (int)left : NAP_MS);
	return *p->stop != 0;
}

static int
open_lock(const struct dl_polite *p, const char *ending, struct dl_err *err)
{
	char path[PATH_MAX];
	int fd;

	if (snprintf(path, sizeof(path), "%s/locks/host.%s.%s", p->home,
		p->hash, ending) >= PATH_MAX)
		return dl_err_usage(err, "the path '%s' is too long", p->home);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (fd < 0)
		return dl_err_errno(err, "cannot open '%s'", path);
	return fd;
}

static int
make_dir(const struct dl_polite *p, struct dl_err *err)
{
	char dir[PATH_MAX];

	if (snprintf(dir, sizeof(dir), "%s/locks", p->home) >= PATH_MAX)
		return dl_err_usage(err, "the path '%s' is too long", p->home);
	return dl_mkdirs(dir, err);
}

/* Lock fd if nobody holds it: 1 it is ours, 0, -1. */
static int
try_lock(int fd, const char *what, struct dl_err *err)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 1;
	if (errno == EWOULDBLOCK || errno == EINTR)
		return 0;
	return dl_err_errno(err, "cannot lock %s", what);
}

/* Look for a slot once: 1 one is ours, 0 all are held, -1. */
static int
try_slots(struct dl_polite *p, struct dl_err *err)
{
	char ending[24];
	int fd, r;

	for (int64_t i = p->spec->concurrency; i-- > 0;) {
		snprintf(ending, sizeof(ending), "%lld", (long long)i);
		if ((fd = open_lock(p, ending, err)) < 0)
			return -1;
		if ((r = try_lock(fd, "a slot of a host", err)) > 0) {
			p->slot = fd;
			return 1;
		}
		close(fd);
		if (r < 0)
			return -1;
	}
	return 0;
}

/* 0 one is ours, or none is needed; 1 a stop; -1. */
static int
take_slot(struct dl_polite *p, struct dl_err *err)
{
	int64_t until = dl_clock_ms() + p->wait_ms;
	char age[32];
	int r;

	if (p->spec->concurrency == 0)
		return 0;
	while ((r = try_slots(p, err)) == 0) {
		if (dl_clock_ms() >= until) {
			dl_num_print_age(p->wait_ms, age);
			return dl_err_temp(err,
			    "'%s' is busy: for %s others had all of its "
			    "transfers (concurrency: %lld)",
			    dl_buf_str(&p->origin), age,
			    (long long)p->spec->concurrency);
		}
		if (nap(p, until) > 0)
			return 1;
	}
	return r < 0 ? -1 : 0;
}

/* The time of day.  It may be set back; a clock of one boot would not last. */
static int64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 * NS_PER_MS + ts.tv_nsec;
}

/* What a rate's file says. */
struct turn {
	int64_t clock; /* when it was written */
	int64_t next;  /* when the next request may be sent */
};

static bool
read_digits(const char *text, int64_t *n)
{
	*n = 0;
	for (int i = 0; i < DIGITS; i++) {
		if (text[i] < '0' || text[i] > '9' || *n > (INT64_MAX - 9) / 10)
			return false;
		*n = *n * 10 + (text[i] - '0');
	}
	return true;
}

/*
 * When the next request may be sent, by the clock that says now.  What can't
 * have been written by us, or not whole, is as if it weren't there.
 */
static int64_t
next_turn(const struct dl_polite *p, int fd, int64_t now)
{
	char text[TURN_LEN];
	struct turn t;

	if (pread(fd, text, sizeof(text), 0) != (ssize_t)sizeof(text) ||
	    !read_digits(text, &t.clock) || text[DIGITS] != ' ' ||
	    !read_digits(text + DIGITS + 1, &t.next) ||
	    text[TURN_LEN - 1] != '\n')
		return now;
	if (t.next < t.clock ||
	    t.next - t.clock >
		DL_POLITE_WAIT_MS * NS_PER_MS + p->spec->apart_ns)
		return now;
	/* The clock was set back: what was to be waited for then, is now. */
	if (now < t.clock)
		t.next = now + (t.next - t.clock);
	return t.next > now ? t.next : now;
}

static int
write_turn(int fd, int64_t now, int64_t next, struct dl_err *err)
{
	char text[TURN_LEN + 1];
	ssize_t n;

	snprintf(text, sizeof(text), "%020lld %020lld\n", (long long)now,
	    (long long)next);
	n = pwrite(fd, text, TURN_LEN, 0);
	if (n == TURN_LEN)
		return 0;
	if (n >= 0)
		errno = ENOSPC;
	return dl_err_errno(err, "cannot write the rate of a host");
}

/* Take the next turn: how long to wait for it, in milliseconds; -1. */
static int64_t
reserve(const struct dl_polite *p, int fd, struct dl_err *err)
{
	int64_t now = now_ns(), next = next_turn(p, fd, now);
	int64_t wait_ms = (next - now + NS_PER_MS - 1) / NS_PER_MS;
	char age[32];

	if (wait_ms > p->wait_ms) {
		dl_num_print_age(wait_ms, age);
		return dl_err_temp(err,
		    "'%.*s' is asked %s at most, and the next turn is in %s: "
		    "run it again then",
		    DL_SPAN_ARG(dl_buf_as_span(&p->origin)), p->spec->rate,
		    age);
	}
	if (write_turn(fd, now, next + p->spec->apart_ns, err) < 0)
		return -1;
	return wait_ms;
}

/* 0 it is our turn; 1 a stop; -1. */
static int
take_turn(struct dl_polite *p, struct dl_err *err)
{
	int64_t until = dl_clock_ms() + p->wait_ms, wait_ms;
	char ending[40];
	int fd, r;

	if (p->spec->apart_ns == 0)
		return 0;
	snprintf(
	    ending, sizeof(ending), "%lld.rate", (long long)p->spec->apart_ns);
	if ((fd = open_lock(p, ending, err)) < 0)
		return -1;
	/* Others hold it for a moment; one that was stopped then, for long. */
	while ((r = try_lock(fd, "the rate of a host", err)) == 0) {
		if (nap(p, until) > 0) {
			close(fd);
			return 1;
		}
		if (dl_clock_ms() >= until) {
			r = dl_err_temp(err,
			    "the rate of '%s' is locked by another process",
			    dl_buf_str(&p->origin));
			break;
		}
	}
	wait_ms = r < 0 ? -1 : reserve(p, fd, err);
	close(fd);
	if (wait_ms < 0)
		return -1;
	for (until = dl_clock_ms() + wait_ms; dl_clock_ms() < until;)
		if (nap(p, until) > 0)
			return 1;
	return 0;
}

int
dl_polite_enter(struct dl_polite *p, const char *url, struct dl_err *err)
{
	int r;

	dl_polite_leave(p);
	if (p->spec->concurrency == 0 && p->spec->apart_ns == 0)
		return 0;
	if ((r = find_origin(p, url, err)) <= 0)
		return r;
	if (make_dir(p, err) < 0)
		return -1;
	/* The slot first: a turn that waits for one would be late. */
	if ((r = take_slot(p, err)) != 0)
		return r;
	if ((r = take_turn(p, err)) != 0)
		dl_polite_leave(p);
	return r;
}
