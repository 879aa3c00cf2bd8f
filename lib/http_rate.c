/*
 * Sets of eight places; a key's set follows from its hash, and in a full set the
 * place that was not asked for longest goes to the new key.  So memory is what
 * it is from the begin, and nothing is searched.
 */
#include "http_rate.h"

#include "buf.h"
#include "clock.h"
#include "hash.h"

#include <pthread.h>
#include <stdlib.h>

#define WAYS 8
#define SETS (DL_HTTP_RATE_KEYS / WAYS)
#define LOCKS 64

struct place {
	struct dl_hash128 key;
	double left;
	int64_t at_ms; /* 0: free */
};

struct dl_http_rate {
	double per_ms, burst;
	pthread_mutex_t locks[LOCKS]; /* of sets, by their number */
	struct place places[SETS][WAYS];
};

struct dl_http_rate *
dl_http_rate_new(double per_second, double burst)
{
	struct dl_http_rate *r = dl_calloc(1, sizeof(*r));
	size_t i;

	r->per_ms = per_second / 1000;
	r->burst = burst > 0 ? burst : per_second;
	if (r->burst < 1)
		r->burst = 1;
	for (i = 0; i < LOCKS; i++)
		pthread_mutex_init(&r->locks[i], NULL);
	return r;
}

void
dl_http_rate_free(struct dl_http_rate *r)
{
	size_t i;

	if (r == NULL)
		return;
	for (i = 0; i < LOCKS; i++)
		pthread_mutex_destroy(&r->locks[i]);
	free(r);
}

static struct place *
find(const struct dl_http_rate *r, struct place *set, struct dl_hash128 key,
    int64_t now_ms)
{
	struct place *oldest = set;
	size_t i;

	for (i = 0; i < WAYS; i++) {
		if (set[i].at_ms != 0 && set[i].key.hi == key.hi &&
		    set[i].key.lo == key.lo)
			return &set[i];
		if (set[i].at_ms < oldest->at_ms)
			oldest = &set[i];
	}
	*oldest = (struct place){key, r->burst, now_ms};
	return oldest;
}

static bool
take(struct dl_http_rate *r, struct place *p, int64_t now_ms, int *wait_s)
{
	double seconds;

	if (now_ms > p->at_ms) {
		p->left += (double)(now_ms - p->at_ms) * r->per_ms;
		if (p->left > r->burst)
			p->left = r->burst;
		p->at_ms = now_ms;
	}
	if (p->left >= 1) {
		p->left -= 1;
		return true;
	}
	seconds = (1 - p->left) / r->per_ms / 1000;
	*wait_s = seconds >= 86400 ? 86400 : (int)seconds + 1;
	return false;
}

bool
dl_http_rate_take_at(struct dl_http_rate *r, struct dl_span key, int64_t now_ms,
    int *retry_after_s)
{
	struct dl_hash128 hash = dl_hash128(key);
	size_t set = dl_hash_place(hash.lo) % SETS;
	pthread_mutex_t *lock = &r->locks[set % LOCKS];
	bool may;

	if (now_ms < 1)
		now_ms = 1;
	pthread_mutex_lock(lock);
	may = take(
	    r, find(r, r->places[set], hash, now_ms), now_ms, retry_after_s);
	pthread_mutex_unlock(lock);
	return may;
}

bool
dl_http_rate_take(
    struct dl_http_rate *r, struct dl_span key, int *retry_after_s)
{
	return dl_http_rate_take_at(r, key, dl_clock_ms(), retry_after_s);
}
