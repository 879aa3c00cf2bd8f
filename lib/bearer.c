#include "bearer_cache.h"

#include "clock.h"

#include <gnutls/crypto.h>
#include <pthread.h>
#include <stdlib.h>

#define AUDIENCES 64

struct dl_bearer {
	char *issuer;
	char **audiences; /* NULL-ended */
	struct dl_jwt_want want;
	bool allowed[DL_JWT_ALGS];
	struct dl_jwks *keys;
	struct dl_bearer_cache *cache;

	pthread_rwlock_t lock; /* of policy */
	const struct dl_policy *policy;

	/* Atomic. */
	uint64_t policies; /* that were replaced */
	uint64_t verified, refused;
};

struct dl_grant *
dl_grant_new(struct dl_rights *rights, const char *subject)
{
	struct dl_grant *g = dl_calloc(1, sizeof(*g));

	g->refs = 1;
	g->rights = rights;
	g->subject = dl_strdup(subject);
	g->expires_s = INT64_MAX;
	return g;
}

struct dl_grant *
dl_grant_ref(struct dl_grant *g)
{
	__atomic_add_fetch(&g->refs, 1, __ATOMIC_RELAXED);
	return g;
}

void
dl_grant_unref(struct dl_grant *g)
{
	if (g == NULL || __atomic_sub_fetch(&g->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	dl_rights_unref(g->rights);
	free(g->subject);
	free(g);
}

static int
take_algorithms(
    struct dl_bearer *b, const char *const *algorithms, struct dl_err *err)
{
	enum dl_jwt_alg alg;

	if (algorithms == NULL) {
		memset(b->allowed, true, sizeof(b->allowed));
		return 0;
	}
	if (*algorithms == NULL)
		return dl_err_conf(err, "no algorithm is allowed");
	for (; *algorithms != NULL; algorithms++) {
		if (!dl_jwt_alg_of(dl_span_str(*algorithms), &alg))
			return dl_err_conf(err,
			    "'%s' is not an algorithm of a public key: RS256, "
			    "RS384, RS512, PS256, PS384, PS512, ES256, ES384, "
			    "ES512, EdDSA",
			    *algorithms);
		b->allowed[alg] = true;
	}
	return 0;
}

static int
take_options(
    struct dl_bearer *b, const struct dl_bearer_options *o, struct dl_err *err)
{
	size_t n = 0;

	if (o->issuer == NULL || *o->issuer == '\0')
		return dl_err_conf(err, "tokens need an 'issuer'");
	while (o->audiences != NULL && o->audiences[n] != NULL)
		if (*o->audiences[n++] == '\0' || n > AUDIENCES)
			return dl_err_conf(err,
			    "an 'audience' is empty, or there are more than %d",
			    AUDIENCES);
	if (n == 0)
		return dl_err_conf(err, "tokens need an 'audience'");
	if (o->leeway_ms < 0 || o->leeway_ms > DL_JWT_LEEWAY_MAX_MS)
		return dl_err_conf(err, "'leeway' is at most an hour");
	b->issuer = dl_strdup(o->issuer);
	b->audiences = dl_calloc(n + 1, sizeof(*b->audiences));
	for (size_t i = 0; i < n; i++)
		b->audiences[i] = dl_strdup(o->audiences[i]);
	b->want = (struct dl_jwt_want){.issuer = b->issuer,
	    .audiences = (const char *const *)b->audiences,
	    .leeway_ms = o->leeway_ms};
	return take_algorithms(b, o->algorithms, err);
}

struct dl_bearer *
dl_bearer_new(const struct dl_bearer_options *options, struct dl_jwks *keys,
    const struct dl_policy *policy, struct dl_err *err)
{
	struct dl_bearer *b = dl_calloc(1, sizeof(*b));
	struct dl_time now;

	/* What it looks up once is looked up before there are threads. */
	dl_now(&now);
	pthread_rwlock_init(&b->lock, NULL);
	b->keys = keys;
	b->policy = policy;
	if (take_options(b, options, err) < 0) {
		dl_bearer_free(b);
		return NULL;
	}
	b->cache = dl_bearer_cache_new();
	return b;
}

void
dl_bearer_free(struct dl_bearer *b)
{
	if (b == NULL)
		return;
	dl_bearer_cache_free(b->cache);
	for (char **a = b->audiences; a != NULL && *a != NULL; a++)
		free(*a);
	free(b->audiences);
	free(b->issuer);
	pthread_rwlock_destroy(&b->lock);
	free(b);
}

/*
 * Is it signed by one of our keys?  A key that is not known may be new: then
 * what is fetched decides.
 */
static enum dl_bearer_result
verify(struct dl_bearer *b, struct dl_span token, const struct dl_jwt *t,
    bool waited, void (*wake)(void *), void *arg, struct dl_err *err)
{
	struct dl_span alg = dl_span_str(dl_jwt_alg_name(t->alg));
	int r = dl_jwks_verify(b->keys, token, t->kid, alg);

	if (r == 0 && !waited) {
		if (dl_jwks_want(b->keys, wake, arg))
			return DL_BEARER_WAIT;
		/* It may have come in between. */
		r = dl_jwks_verify(b->keys, token, t->kid, alg);
	}
	if (r > 0)
		return DL_BEARER_OK;
	if (r < 0)
		dl_err_denied(err, "the token's signature is wrong");
	else if (!dl_jwks_ready(b->keys))
		dl_err_temp(err, "there are no keys yet to check tokens by");
	else
		dl_err_denied(err, "the token's key is not known");
	return DL_BEARER_REFUSED;
}

static struct dl_grant *
make_grant(struct dl_bearer *b, const struct dl_jwt *t, const char *subject)
{
	struct dl_rights *rights;

	pthread_rwlock_rdlock(&b->lock);
	rights = dl_policy_rights(b->policy, t->payload);
	pthread_rwlock_unlock(&b->lock);
	return dl_grant_new(rights, subject);
}

static enum dl_bearer_result
check(struct dl_bearer *b, struct dl_span token, const struct dl_time *now,
    bool waited, void (*wake)(void *), void *arg, struct dl_grant **grant,
    struct dl_err *err)
{
	enum dl_bearer_result r = DL_BEARER_REFUSED;
	struct dl_buf subject = {0};
	struct dl_jwt t = {0};
	int64_t expires_s;

	if (dl_jwt_read(&t, token, err) < 0)
		goto out;
	if (!b->allowed[t.alg]) {
		dl_err_denied(err, "the token's algorithm is not allowed");
		goto out;
	}
	/* Before the signature, which costs more, and may cost a fetch. */
	if (dl_jwt_check(&t, &b->want, now->sec * 1000 + now->nsec / 1000000,
		&subject, &expires_s, err) < 0)
		goto out;
	r = verify(b, token, &t, waited, wake, arg, err);
	if (r == DL_BEARER_OK) {
		*grant = make_grant(b, &t, dl_buf_str(&subject));
		(*grant)->expires_s = expires_s;
	}
out:
	dl_jwt_release(&t);
	dl_buf_release(&subject);
	return r;
}

enum dl_bearer_result
dl_bearer_check(struct dl_bearer *b, struct dl_span token, bool waited,
    void (*wake)(void *), void *arg, struct dl_grant **grant,
    struct dl_err *err)
{
	/* Before keys and policy are looked at: a change makes it void. */
	uint64_t generation = dl_bearer_generation(b);
	struct dl_bearer_name name;
	enum dl_bearer_result r;
	struct dl_time now;
	bool named;

	*grant = NULL;
	dl_now(&now);
	/* GnuTLS's is several times as fast as libsodium's. */
	named = token.len > 0 && token.len <= DL_BEARER_MAX &&
	        gnutls_hash_fast(
		    GNUTLS_DIG_SHA256, token.p, token.len, name.hash) == 0;
	if (named)
		*grant =
		    dl_bearer_cache_find(b->cache, &name, generation, now.sec);
	if (*grant != NULL)
		return DL_BEARER_OK;
	r = check(b, token, &now, waited, wake, arg, grant, err);
	if (r == DL_BEARER_OK) {
		(*grant)->generation = generation;
		if (named)
			dl_bearer_cache_put(b->cache, &name, *grant);
		__atomic_add_fetch(&b->verified, 1, __ATOMIC_RELAXED);
	} else if (r == DL_BEARER_REFUSED)
		__atomic_add_fetch(&b->refused, 1, __ATOMIC_RELAXED);
	return r;
}

void
dl_bearer_set_policy(struct dl_bearer *b, const struct dl_policy *policy)
{
	pthread_rwlock_wrlock(&b->lock);
	b->policy = policy;
	pthread_rwlock_unlock(&b->lock);
	__atomic_add_fetch(&b->policies, 1, __ATOMIC_ACQ_REL);
}

uint64_t
dl_bearer_generation(const struct dl_bearer *b)
{
	return __atomic_load_n(&b->policies, __ATOMIC_ACQUIRE) +
	       dl_jwks_generation(b->keys);
}

void
dl_bearer_counts(struct dl_bearer *b, struct dl_bearer_counts *c)
{
	c->hits = dl_bearer_cache_hits(b->cache);
	c->verified = __atomic_load_n(&b->verified, __ATOMIC_RELAXED);
	c->refused = __atomic_load_n(&b->refused, __ATOMIC_RELAXED);
}
