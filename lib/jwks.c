#include "jwks_private.h"

#include "clock.h"
#include "hash.h"
#include "io.h"

#include <stdlib.h>

#define REFRESH_MS (5 * 60 * 1000)
#define REFRESH_MIN_MS 1000
#define WAITERS 4096

/* What is there now, the caller's to unref; NULL: nothing yet. */
static struct dl_jwks_set *
current(struct dl_jwks *k)
{
	struct dl_jwks_set *s;

	pthread_mutex_lock(&k->lock);
	s = k->set == NULL ? NULL : dl_jwks_set_ref(k->set);
	pthread_mutex_unlock(&k->lock);
	return s;
}

const char *
dl_jwks_shown(const struct dl_jwks *k)
{
	return k->fetch == NULL ? k->from : dl_fetch_shown(k->fetch);
}

int
dl_jwks_take(struct dl_jwks *k, struct dl_span text, struct dl_err *err)
{
	const char *name = dl_jwks_shown(k);
	uint64_t hash = dl_hash64(text);
	struct dl_jwks_set *s, *old;
	bool loud;

	pthread_mutex_lock(&k->lock);
	loud = k->told != hash || k->set == NULL;
	k->told = hash;
	pthread_mutex_unlock(&k->lock);
	if ((s = dl_jwks_set_new(text, name, loud, err)) == NULL)
		return -1;
	pthread_mutex_lock(&k->lock);
	old = k->set;
	k->set = s;
	/* After the set: who sees the number sees the keys. */
	if (old != NULL && !dl_jwks_set_keeps(s, old))
		__atomic_add_fetch(&k->generation, 1, __ATOMIC_ACQ_REL);
	pthread_mutex_unlock(&k->lock);
	dl_jwks_set_unref(old);
	return 0;
}

static int
read_file(struct dl_jwks *k, struct dl_err *err)
{
	struct dl_buf b = {0};
	int r;

	r = dl_read_file(k->from, DL_JWKS_BYTES, &b, err);
	if (r == 0)
		r = dl_jwks_take(k, dl_buf_as_span(&b), err);
	dl_buf_release(&b);
	return r;
}

static int
start(struct dl_jwks *k, struct dl_err *err)
{
	k->asked = true;
	if (pthread_create(&k->thread, NULL, dl_jwks_fetch_run, k) == 0)
		return 0;
	dl_fetch_free(k->fetch);
	k->fetch = NULL;
	return dl_err_temp(err, "cannot start a thread");
}

static struct dl_jwks *
new_jwks(const char *from)
{
	struct dl_jwks *k = dl_calloc(1, sizeof(*k));
	pthread_condattr_t attr;

	k->from = dl_strdup(from);
	k->wanted_ms = INT64_MIN;
	pthread_mutex_init(&k->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&k->changed, &attr);
	pthread_condattr_destroy(&attr);
	return k;
}

struct dl_jwks *
dl_jwks_open(
    const char *from, const char *ca, int64_t refresh_ms, struct dl_err *err)
{
	struct dl_jwks *k = new_jwks(from);
	int r;

	k->ca = ca == NULL ? NULL : dl_strdup(ca);
	k->refresh_ms = refresh_ms == 0               ? REFRESH_MS
	                : refresh_ms < REFRESH_MIN_MS ? REFRESH_MIN_MS
	                                              : refresh_ms;
	if (strstr(from, "://") == NULL)
		r = read_file(k, err);
	else if ((r = dl_jwks_fetch_open(k, err)) == 0)
		r = start(k, err);
	if (r == 0)
		return k;
	dl_jwks_close(k);
	return NULL;
}

struct dl_jwks *
dl_jwks_from_text(struct dl_span text, struct dl_err *err)
{
	struct dl_jwks *k = new_jwks("the key set");

	k->given = true;
	if (dl_jwks_take(k, text, err) == 0)
		return k;
	dl_jwks_close(k);
	return NULL;
}

int
dl_jwks_set_text(struct dl_jwks *k, struct dl_span text, struct dl_err *err)
{
	return dl_jwks_take(k, text, err);
}

void
dl_jwks_close(struct dl_jwks *k)
{
	if (k == NULL)
		return;
	if (k->fetch != NULL) {
		pthread_mutex_lock(&k->lock);
		__atomic_store_n(&k->stop, 1, __ATOMIC_RELAXED);
		pthread_cond_signal(&k->changed);
		pthread_mutex_unlock(&k->lock);
		pthread_join(k->thread, NULL);
		dl_fetch_free(k->fetch);
	}
	dl_jwks_set_unref(k->set);
	dl_buf_release(&k->body);
	pthread_cond_destroy(&k->changed);
	pthread_mutex_destroy(&k->lock);
	free(k->waiter);
	free(k->ca);
	free(k->from);
	free(k);
}

int
dl_jwks_reload(struct dl_jwks *k, struct dl_err *err)
{
	if (k->given)
		return 0;
	if (k->fetch == NULL)
		return read_file(k, err);
	pthread_mutex_lock(&k->lock);
	k->asked = true;
	pthread_cond_signal(&k->changed);
	pthread_mutex_unlock(&k->lock);
	return 0;
}

bool
dl_jwks_ready(struct dl_jwks *k)
{
	bool ready;

	pthread_mutex_lock(&k->lock);
	ready = k->set != NULL;
	pthread_mutex_unlock(&k->lock);
	return ready;
}

uint64_t
dl_jwks_generation(const struct dl_jwks *k)
{
	return __atomic_load_n(&k->generation, __ATOMIC_ACQUIRE);
}

int
dl_jwks_verify(struct dl_jwks *k, struct dl_span token, struct dl_span kid,
    struct dl_span alg)
{
	const char *dot =
	    token.len == 0 ? NULL : memrchr(token.p, '.', token.len);
	struct dl_buf signature = {0};
	struct dl_jwks_set *s;
	enum dl_jwt_alg is;
	int r = -1;

	if (dot == NULL || token.len > DL_JWT_MAX || !dl_jwt_alg_of(alg, &is))
		return -1;
	if ((s = current(k)) == NULL)
		return 0;
	if (dl_jwt_decode(
		dl_span(dot + 1, (size_t)(dl_span_end(token) - dot - 1)),
		&signature))
		r = dl_jwks_set_verify(s,
		    dl_span(token.p, (size_t)(dot - token.p)),
		    dl_buf_as_span(&signature), kid, is);
	dl_jwks_set_unref(s);
	dl_buf_release(&signature);
	return r;
}

bool
dl_jwks_want(struct dl_jwks *k, void (*wake)(void *), void *arg)
{
	int64_t now = dl_clock_ms();
	bool comes;

	if (k->fetch == NULL)
		return false;
	pthread_mutex_lock(&k->lock);
	comes = k->asked || k->fetching;
	if (!comes && !k->stop &&
	    (k->wanted_ms == INT64_MIN ||
		now - k->wanted_ms >= DL_JWKS_AGAIN_MS)) {
		k->wanted_ms = now;
		k->asked = comes = true;
		pthread_cond_signal(&k->changed);
	}
	comes = comes && !k->stop && k->nwaiter < WAITERS;
	if (comes) {
		if ((k->nwaiter & (k->nwaiter - 1)) == 0)
			k->waiter = dl_realloc(
			    k->waiter, (k->nwaiter == 0 ? 1 : 2 * k->nwaiter) *
					   sizeof(*k->waiter));
		k->waiter[k->nwaiter++] = (struct dl_jwks_waiter){wake, arg};
	}
	pthread_mutex_unlock(&k->lock);
	return comes;
}
