#include "retry.h"

#include <sys/random.h>

static uint64_t
seed(void)
{
	uint64_t s;

	/* No entropy yet, early at boot, is no reason to wait for it. */
	if (getrandom(&s, sizeof(s), GRND_NONBLOCK) != (ssize_t)sizeof(s))
		s = (uint64_t)dl_clock_ms();
	return s;
}

/* splitmix64: one addition and a mix, good enough to spread clients. */
static uint64_t
draw(struct dl_retry *r)
{
	uint64_t z = (r->random += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

void
dl_retry_init(struct dl_retry *r, int64_t retries)
{
	r->left = retries;
	r->ceiling_ms = DL_RETRY_FIRST_MS;
	r->random = seed();
}

int64_t
dl_retry_next(struct dl_retry *r, int64_t after_ms)
{
	int64_t wait;

	if (r->left <= 0)
		return -1;
	r->left--;
	wait = (int64_t)(draw(r) % (uint64_t)(r->ceiling_ms + 1));
	r->ceiling_ms *= 2;
	if (r->ceiling_ms > DL_RETRY_CAP_MS)
		r->ceiling_ms = DL_RETRY_CAP_MS;
	return wait > after_ms ? wait : after_ms;
}

static int64_t
parse_seconds(struct dl_span v)
{
	int64_t n = 0;

	for (size_t i = 0; i < v.len; i++) {
		if (v.p[i] < '0' || v.p[i] > '9')
			return -1;
		n = n * 10 + (v.p[i] - '0');
		if (n > INT32_MAX)
			n = INT32_MAX;
	}
	return n * 1000;
}

static int64_t
parse_date(struct dl_span v, const struct dl_time *now)
{
	static const char *const formats[] = {
	    "%a, %d %b %Y %H:%M:%S GMT", /* the one in use */
	    "%A, %d-%b-%y %H:%M:%S GMT", /* RFC 850 */
	    "%a %b %e %H:%M:%S %Y",      /* asctime */
	};
	struct dl_err err;
	struct dl_time t;
	int64_t ms;

	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
		dl_err_clear(&err);
		if (dl_time_parse_as(v, formats[i], &t, &err) < 0)
			continue;
		ms = (t.sec - now->sec) * 1000 - now->nsec / 1000000;
		return ms < 0 ? 0 : ms;
	}
	return -1;
}

int64_t
dl_retry_after(struct dl_span v, const struct dl_time *now)
{
	int64_t ms;

	while (v.len > 0 && (*v.p == ' ' || *v.p == '\t')) {
		v.p++;
		v.len--;
	}
	while (v.len > 0 && (v.p[v.len - 1] == ' ' || v.p[v.len - 1] == '\t'))
		v.len--;
	if (v.len == 0 || v.len > 64)
		return -1;
	ms = *v.p >= '0' && *v.p <= '9' ? parse_seconds(v) : parse_date(v, now);
	/* A slip of the server's must not silence a source for years. */
	return ms > DL_RETRY_AFTER_DAY_MS ? DL_RETRY_AFTER_DAY_MS : ms;
}
