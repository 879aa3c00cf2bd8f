/* bearer: who a token's bearer is, for how long, and what is remembered. */
#include "bearer.h"

#include "bearer_cache.h"
#include "jwt_help.h"
#include "log.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <setjmp.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define TO_COME "4102444800" /* 2100 */
#define CLAIMS "\"iss\":\"me\",\"aud\":\"dl\",\"sub\":\"bob\""
#define GOOD "{" CLAIMS ",\"exp\":" TO_COME ",\"scope\":\"twin:read\"}"

static struct signer es, ed;
static char dir[] = "/tmp/dl-bearer.XXXXXX";
static char path[64];

static struct {
	struct dl_jwks *keys;
	struct dl_policy *policy;
	struct dl_bearer *bearer;
} t;

static const char *const audiences[] = {"dl", NULL};

static void
write_keys(bool with_ed)
{
	struct dl_buf b = {0};
	FILE *f;

	dl_buf_adds(&b, "{\"keys\":[");
	signer_jwk(&es, "", &b);
	if (with_ed) {
		dl_buf_addc(&b, ',');
		signer_jwk(&ed, "", &b);
	}
	dl_buf_adds(&b, "]}");
	f = fopen(path, "w");
	must(f != NULL && fwrite(b.p, 1, b.len, f) == b.len && fclose(f) == 0);
	dl_buf_release(&b);
}

static int
group_setup(void **state)
{
	(void)state;
	dl_log_init("bearer", DL_LOG_ERROR);
	must(mkdtemp(dir) != NULL);
	snprintf(path, sizeof(path), "%s/jwks.json", dir);
	signer_init(&es, "ES256", "es");
	signer_init(&ed, "EdDSA", "ed");
	return 0;
}

static int
group_teardown(void **state)
{
	(void)state;
	signer_release(&es);
	signer_release(&ed);
	unlink(path);
	return rmdir(dir);
}

static void
open_with(const struct dl_bearer_options *o)
{
	struct dl_err err = {0};

	write_keys(true);
	t.keys = dl_jwks_open(path, NULL, 0, &err);
	t.policy = dl_policy_default();
	must(t.keys != NULL);
	t.bearer = dl_bearer_new(o, t.keys, t.policy, &err);
	if (t.bearer == NULL)
		fail_msg("%s", err.msg);
}

static int
setup(void **state)
{
	const struct dl_bearer_options o = {
	    .issuer = "me", .audiences = audiences, .leeway_ms = 60000};

	(void)state;
	open_with(&o);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	dl_bearer_free(t.bearer);
	dl_jwks_close(t.keys);
	dl_policy_free(t.policy);
	memset(&t, 0, sizeof(t));
	return 0;
}

/* err is what was said of it; "" and the grant where it is good. */
static struct dl_grant *
ask(struct dl_span token, struct dl_err *err)
{
	enum dl_bearer_result r;
	struct dl_grant *g;

	dl_err_clear(err);
	r = dl_bearer_check(t.bearer, token, false, NULL, NULL, &g, err);
	assert_int_equal(r == DL_BEARER_OK, g != NULL);
	assert_int_equal(r == DL_BEARER_OK, err->status == DL_EXIT_OK);
	return g;
}

static bool
is_good(const struct dl_buf *token)
{
	struct dl_err err = {0};
	struct dl_grant *g = ask(dl_buf_as_span(token), &err);

	dl_grant_unref(g);
	return g != NULL;
}

static struct dl_bearer_counts
counts(void)
{
	struct dl_bearer_counts c;

	dl_bearer_counts(t.bearer, &c);
	return c;
}

static void
a_good_token_is_verified_once(void **state)
{
	struct dl_buf token = {0};
	struct dl_grant *g, *again;
	struct dl_err err = {0};

	(void)state;
	make_token(&es, NULL, GOOD, &token);
	g = ask(dl_buf_as_span(&token), &err);
	assert_non_null(g);
	assert_string_equal(g->subject, "bob");
	assert_int_equal(g->expires_s, 4102444800 + 60);
	assert_int_equal(g->generation, dl_bearer_generation(t.bearer));
	assert_true(dl_rights_every(g->rights, DL_RIGHT_READ));
	assert_false(dl_rights_any(g->rights, DL_RIGHT_WRITE));
	again = ask(dl_buf_as_span(&token), &err);
	assert_ptr_equal(again, g);
	assert_int_equal(counts().hits, 1);
	assert_int_equal(counts().verified, 1);
	assert_int_equal(counts().refused, 0);
	dl_grant_unref(g);
	dl_grant_unref(again);
	/* Another token of the same claims is another token. */
	make_token(&ed, NULL, GOOD, &token);
	assert_true(is_good(&token));
	assert_int_equal(counts().verified, 2);
	dl_buf_release(&token);
}

static void
a_bad_token_is_not_remembered(void **state)
{
	struct dl_buf token = {0};
	struct dl_err err = {0};

	(void)state;
	make_token(&es, NULL, GOOD, &token);
	assert_true(is_good(&token));
	/* One of the same claims, but for its signature. */
	token.p[token.len - 10] = token.p[token.len - 10] == 'A' ? 'B' : 'A';
	for (int i = 0; i < 2; i++) {
		assert_null(ask(dl_buf_as_span(&token), &err));
		assert_string_equal(err.msg, "the token's signature is wrong");
		assert_int_equal(err.status, DL_EXIT_DENIED);
	}
	make_token(&es, "{\"alg\":\"EdDSA\",\"kid\":\"es\"}", GOOD, &token);
	assert_null(ask(dl_buf_as_span(&token), &err));
	assert_string_equal(err.msg, "the token's key is not known");
	make_token(&es, NULL, "{}", &token);
	assert_null(ask(dl_buf_as_span(&token), &err));
	assert_null(ask((struct dl_span){0}, &err));
	assert_int_equal(counts().refused, 5);
	assert_int_equal(counts().verified, 1);
	assert_int_equal(counts().hits, 0);
	dl_buf_release(&token);
}

/* What is remembered is not good for longer than its token: a second or two. */
static void
a_token_expires(void **state)
{
	const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
	struct dl_buf token = {0};
	struct dl_err err = {0};
	struct dl_grant *g;
	char claims[128];
	int64_t left_s = 60;

	(void)state;
	/* A machine that sleeps for so long gets another try. */
	do {
		snprintf(claims, sizeof(claims), "{" CLAIMS ",\"exp\":%lld}",
		    (long long)time(NULL) - --left_s);
		make_token(&es, NULL, claims, &token);
	} while (!is_good(&token) && left_s > 0);
	left_s = 0;
	while ((g = ask(dl_buf_as_span(&token), &err)) != NULL) {
		left_s = g->expires_s - time(NULL);
		assert_true(left_s < 60);
		dl_grant_unref(g);
		nanosleep(&pause, NULL);
	}
	assert_string_equal(err.msg, "the token has expired");
	assert_true(counts().hits > 0);
	assert_int_equal(counts().refused >= 1, true);
	dl_buf_release(&token);
}

static void
a_policy_replaces_what_was_granted(void **state)
{
	struct dl_buf token = {0};
	struct dl_policy *other;
	struct dl_grant *old, *g;
	struct dl_err err = {0};
	char file[80];
	FILE *f;

	(void)state;
	make_token(&es, NULL, GOOD, &token);
	old = ask(dl_buf_as_span(&token), &err);
	snprintf(file, sizeof(file), "%s/policy.yaml", dir);
	f = fopen(file, "w");
	must(f != NULL &&
	     fputs("rules: [{when: {sub: bob}, write: all}]\n", f) >= 0 &&
	     fclose(f) == 0);
	must((other = dl_policy_load(file, &err)) != NULL);
	unlink(file);
	dl_bearer_set_policy(t.bearer, other);
	dl_policy_free(t.policy);
	t.policy = other;
	assert_true(dl_bearer_generation(t.bearer) > old->generation);
	g = ask(dl_buf_as_span(&token), &err);
	assert_ptr_not_equal(g, old);
	assert_false(dl_rights_any(g->rights, DL_RIGHT_READ));
	assert_true(dl_rights_every(g->rights, DL_RIGHT_WRITE));
	/* Who has the old one may still look at it. */
	assert_true(dl_rights_every(old->rights, DL_RIGHT_READ));
	dl_grant_unref(old);
	dl_grant_unref(g);
	dl_buf_release(&token);
}

static void
a_key_that_is_gone_takes_its_tokens_along(void **state)
{
	uint64_t before = dl_bearer_generation(t.bearer);
	struct dl_buf one = {0}, two = {0};
	struct dl_err err = {0};

	(void)state;
	make_token(&es, NULL, GOOD, &one);
	make_token(&ed, NULL, GOOD, &two);
	assert_true(is_good(&one));
	assert_true(is_good(&two));
	write_keys(false);
	assert_int_equal(dl_jwks_reload(t.keys, &err), 0);
	assert_true(dl_bearer_generation(t.bearer) > before);
	assert_true(is_good(&one));
	assert_false(is_good(&two));
	assert_int_equal(counts().hits, 0);
	assert_true(is_good(&one));
	assert_int_equal(counts().hits, 1);
	dl_buf_release(&one);
	dl_buf_release(&two);
}

static void
options_are_checked(void **state)
{
	static const char *const none[] = {NULL}, *const empty[] = {"", NULL},
				 *const hs[] = {"ES256", "HS256", NULL},
				 *const no[] = {"none", NULL},
				 *const odd[] = {"es256", NULL};
	const struct {
		struct dl_bearer_options o;
		const char *why;
	} bad[] = {
	    {{.audiences = audiences}, "issuer"},
	    {{.issuer = "", .audiences = audiences}, "issuer"},
	    {{.issuer = "me"}, "audience"},
	    {{.issuer = "me", .audiences = none}, "audience"},
	    {{.issuer = "me", .audiences = empty}, "audience"},
	    {{.issuer = "me", .audiences = audiences, .leeway_ms = -1},
		"leeway"},
	    {{.issuer = "me", .audiences = audiences, .leeway_ms = 3600001},
		"leeway"},
	    {{.issuer = "me", .audiences = audiences, .algorithms = none},
		"no algorithm"},
	    {{.issuer = "me", .audiences = audiences, .algorithms = hs},
		"'HS256' is not an algorithm of a public key"},
	    {{.issuer = "me", .audiences = audiences, .algorithms = no},
		"'none' is not"},
	    {{.issuer = "me", .audiences = audiences, .algorithms = odd},
		"'es256' is not"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct dl_err err = {0};

		assert_null(dl_bearer_new(&bad[i].o, t.keys, t.policy, &err));
		assert_int_equal(err.status, DL_EXIT_CONF);
		assert_non_null(strstr(err.msg, bad[i].why));
	}
}

static void
algorithms_may_be_fewer(void **state)
{
	static const char *const only[] = {"EdDSA", "PS256", NULL};
	const struct dl_bearer_options o = {
	    .issuer = "me", .audiences = audiences, .algorithms = only};
	struct dl_buf token = {0};

	teardown(state);
	open_with(&o);
	make_token(&es, NULL, GOOD, &token);
	assert_false(is_good(&token));
	make_token(&ed, NULL, GOOD, &token);
	assert_true(is_good(&token));
	dl_buf_release(&token);
}

static void
wake(void *arg)
{
	sem_post(arg);
}

static void
who_waits_is_woken_and_told(void **state)
{
	const struct dl_bearer_options o = {
	    .issuer = "me", .audiences = audiences};
	struct dl_jwks *away;
	struct dl_buf token = {0};
	struct dl_grant *g;
	struct dl_err err = {0};
	struct timespec at;
	struct dl_bearer *b;
	sem_t s;

	(void)state;
	sem_init(&s, 0, 0);
	/* Nobody is there. */
	away = dl_jwks_open("http://127.0.0.1:1/jwks", NULL, 0, &err);
	must(away != NULL);
	must((b = dl_bearer_new(&o, away, t.policy, &err)) != NULL);
	make_token(&es, NULL, GOOD, &token);
	assert_int_equal(dl_bearer_check(b, dl_buf_as_span(&token), false, wake,
			     &s, &g, &err),
	    DL_BEARER_WAIT);
	clock_gettime(CLOCK_REALTIME, &at);
	at.tv_sec += 20;
	assert_int_equal(sem_timedwait(&s, &at), 0);
	assert_int_equal(dl_bearer_check(b, dl_buf_as_span(&token), true, wake,
			     &s, &g, &err),
	    DL_BEARER_REFUSED);
	/* It is not the token's fault. */
	assert_int_equal(err.status, DL_EXIT_TEMP);
	/* What is wrong with it anyway waits for nothing. */
	dl_err_clear(&err);
	make_token(&es, NULL, "{" CLAIMS ",\"exp\":1}", &token);
	assert_int_equal(dl_bearer_check(b, dl_buf_as_span(&token), false, wake,
			     &s, &g, &err),
	    DL_BEARER_REFUSED);
	assert_int_equal(sem_trywait(&s), -1);
	dl_bearer_free(b);
	dl_jwks_close(away);
	dl_buf_release(&token);
	sem_destroy(&s);
}

static void
name_of(struct dl_bearer_name *name, uint32_t i)
{
	crypto_hash_sha256(name->hash, (const unsigned char *)&i, sizeof(i));
}

static void
the_oldest_is_forgotten(void **state)
{
	enum { MANY = 5 * DL_BEARER_CACHE };
	struct dl_bearer_cache *c = dl_bearer_cache_new();
	struct dl_grant *g = dl_grant_new(dl_rights_all(), "bob"), *found;
	struct dl_bearer_name name;
	uint32_t kept = 0;

	(void)state;
	for (uint32_t i = 0; i < MANY; i++) {
		name_of(&name, i);
		dl_bearer_cache_put(c, &name, g);
		/* The same again is no other entry. */
		if (i % 3 == 0)
			dl_bearer_cache_put(c, &name, g);
	}
	for (uint32_t i = 0; i < MANY; i++) {
		name_of(&name, i);
		found = dl_bearer_cache_find(c, &name, 0, 0);
		dl_grant_unref(found);
		if (found == NULL)
			continue;
		kept++;
		assert_true(i > MANY - 2 * DL_BEARER_CACHE);
	}
	assert_in_range(kept, DL_BEARER_CACHE / 2, DL_BEARER_CACHE);
	assert_int_equal(dl_bearer_cache_hits(c), kept);
	/* The newest: not by another generation, nor after its time. */
	g->expires_s = 100;
	found = dl_bearer_cache_find(c, &name, 0, 99);
	assert_ptr_equal(found, g);
	dl_grant_unref(found);
	assert_null(dl_bearer_cache_find(c, &name, 1, 99));
	assert_null(dl_bearer_cache_find(c, &name, 0, 99));
	dl_bearer_cache_put(c, &name, g);
	assert_null(dl_bearer_cache_find(c, &name, 0, 100));
	dl_bearer_cache_free(c);
	assert_int_equal(g->refs, 1);
	dl_grant_unref(g);
}

static struct {
	struct dl_buf token[8];
	int stop;
	uint64_t good, bad;
} h;

static void *
hammer(void *arg)
{
	uint64_t good = 0, bad = 0;
	struct dl_grant *g;
	struct dl_err err;

	for (int i = 0; !__atomic_load_n(&h.stop, __ATOMIC_RELAXED); i++) {
		err = (struct dl_err){0};
		if (dl_bearer_check(t.bearer, dl_buf_as_span(&h.token[i % 8]),
			false, NULL, NULL, &g, &err) == DL_BEARER_OK) {
			good += dl_rights_metric(g->rights, DL_RIGHT_READ,
			    DL_SPAN("a"), DL_SPAN("b"));
			dl_grant_unref(g);
		} else
			bad++;
	}
	__atomic_add_fetch(&h.good, good, __ATOMIC_RELAXED);
	__atomic_add_fetch(&h.bad, bad, __ATOMIC_RELAXED);
	return arg;
}

/* Keys and policy change under those who are asking. */
static void
many_threads_ask_at_once(void **state)
{
	struct dl_policy *policy;
	struct dl_err err = {0};
	pthread_t thread[4];
	char claims[256];

	(void)state;
	for (int i = 0; i < 8; i++) {
		snprintf(claims, sizeof(claims),
		    "{" CLAIMS ",\"exp\":%s,\"scope\":\"twin:read\",\"n\":%d}",
		    i == 7 ? "1" : TO_COME, i);
		make_token(i < 4 ? &es : &ed, NULL, claims, &h.token[i]);
	}
	for (int i = 0; i < 4; i++)
		must(pthread_create(&thread[i], NULL, hammer, NULL) == 0);
	for (int i = 0; i < 100; i++) {
		policy = dl_policy_default();
		dl_bearer_set_policy(t.bearer, policy);
		dl_policy_free(t.policy);
		t.policy = policy;
		write_keys(i % 2 == 0);
		assert_int_equal(dl_jwks_reload(t.keys, &err), 0);
		(void)counts();
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	__atomic_store_n(&h.stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	for (int i = 0; i < 8; i++)
		dl_buf_release(&h.token[i]);
	assert_true(h.good > 0);
	assert_true(h.bad > 0);
	assert_int_equal(counts().hits + counts().verified, h.good);
	assert_int_equal(counts().refused, h.bad);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_good_token_is_verified_once),
	    TEST(a_bad_token_is_not_remembered),
	    TEST(a_token_expires),
	    TEST(a_policy_replaces_what_was_granted),
	    TEST(a_key_that_is_gone_takes_its_tokens_along),
	    TEST(options_are_checked),
	    TEST(algorithms_may_be_fewer),
	    TEST(who_waits_is_woken_and_told),
	    TEST(many_threads_ask_at_once),
	    cmocka_unit_test(the_oldest_is_forgotten),
	};

	return cmocka_run_group_tests_name(
	    "bearer", tests, group_setup, group_teardown);
}
