/* issue: what /oauth2/token answers, and how often it may be asked. */
#include "clock.h"
#include "issue_private.h"
#include "json.h"
#include "seal.h"

#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#define GRANT "grant_type=client_credentials"

static char home[] = "/tmp/dl-unit-issue.XXXXXX";
static char secret[DL_TOKEN_CLIENT_SECRET]; /* of the client "web" */
static struct dl_issue *issue;

/* Somebody who waits for an answer. */
struct waiter {
	pthread_mutex_t lock;
	pthread_cond_t woken;
	int times;
};

static void
init(struct waiter *w)
{
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->woken, NULL);
	w->times = 0;
}

static void
wake(void *arg)
{
	struct waiter *w = arg;

	pthread_mutex_lock(&w->lock);
	w->times++;
	pthread_cond_signal(&w->woken);
	pthread_mutex_unlock(&w->lock);
}

static int
times(struct waiter *w)
{
	int n;

	pthread_mutex_lock(&w->lock);
	n = w->times;
	pthread_mutex_unlock(&w->lock);
	return n;
}

/* "Basic " and what stands for it. */
static const char *
basic(const char *pair)
{
	static __thread char text[512];

	strcpy(text, "Basic ");
	sodium_bin2base64(text + 6, sizeof(text) - 6,
	    (const unsigned char *)pair, strlen(pair),
	    sodium_base64_VARIANT_ORIGINAL);
	return text;
}

/* Ask and wait; json is the caller's to release; the status. */
static int
ask_from(const char *address, const char *authorization, const char *form,
    struct dl_buf *json, int *retry_s)
{
	struct dl_issue_ask ask = {
	    dl_span_str(authorization), dl_span_str(form), address};
	const struct dl_issue_answer *a;
	struct dl_issue_job *job;
	struct waiter w;
	int status;

	init(&w);
	job = dl_issue_begin(issue, &ask, wake, &w, &a);
	if (a == NULL) {
		pthread_mutex_lock(&w.lock);
		while (w.times == 0)
			pthread_cond_wait(&w.woken, &w.lock);
		pthread_mutex_unlock(&w.lock);
		a = dl_issue_answer(job);
		assert_int_equal(w.times, 1);
	} else {
		assert_ptr_equal(dl_issue_answer(job), a);
	}
	assert_non_null(a);
	status = a->status;
	*retry_s = a->retry_after_s;
	assert_int_equal(a->challenge != NULL, status == 401);
	assert_int_equal(*a->client != '\0', status == 200);
	dl_buf_span(json, dl_buf_as_span(&a->json));
	dl_issue_drop(job);
	assert_int_equal(w.times <= 1, 1);
	return status;
}

static int
ask(const char *authorization, const char *form, struct dl_buf *json)
{
	int retry_s;

	dl_buf_clear(json);
	return ask_from("127.0.0.1", authorization, form, json, &retry_s);
}

/* A member of an object, as it stands there. */
static struct dl_span
member(const struct dl_buf *json, const char *name)
{
	struct dl_span whole, key, value, found = {"", 0};
	struct dl_json_iter it;
	struct dl_err err = {0};

	assert_int_equal(dl_json_check(dl_buf_as_span(json), &err), 0);
	assert_int_equal(dl_json_value(dl_buf_as_span(json), &whole), 0);
	dl_json_enter(&it, whole);
	while (dl_json_member(&it, &key, &value) > 0)
		if (dl_span_is(key, name))
			found = value;
	return found;
}

static void
is_member(const struct dl_buf *json, const char *name, const char *want)
{
	struct dl_span value = member(json, name);
	char text[512];

	snprintf(text, sizeof(text), "%.*s", DL_SPAN_ARG(value));
	assert_string_equal(text, want);
}

static const char *
good(void)
{
	static __thread char pair[128];

	snprintf(pair, sizeof(pair), "web:%s", secret);
	return basic(pair);
}

/* The claims of the token in an answer. */
static void
claims(const struct dl_buf *json, struct dl_buf *out)
{
	struct dl_span token = member(json, "access_token");
	const char *first = memchr(token.p, '.', token.len);
	const char *second = strchr(first + 1, '.');
	size_t n;

	dl_buf_clear(out);
	dl_buf_room(out, token.len);
	assert_int_equal(sodium_base642bin((unsigned char *)out->p, out->cap,
			     first + 1, (size_t)(second - first - 1), NULL, &n,
			     NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING),
	    0);
	out->len = n;
}

static void
good_ones(void **unused)
{
	struct dl_buf json = {0}, token = {0};
	char form[256];

	(void)unused;
	assert_int_equal(ask(good(), GRANT, &json), 200);
	is_member(&json, "token_type", "\"Bearer\"");
	is_member(&json, "expires_in", "90");
	is_member(&json, "scope", "\"twin:read twin:write\"");
	dl_buf_addc(&json, '\0');
	json.len--;
	claims(&json, &token);
	is_member(&token, "iss", "\"here\"");
	is_member(&token, "aud", "\"twin\"");
	is_member(&token, "sub", "\"web\"");
	is_member(&token, "client_id", "\"web\"");
	is_member(&token, "scope", "\"twin:read twin:write\"");
	is_member(&token, "iat", "1767225600");
	is_member(&token, "exp", "1767225690");

	assert_int_equal(ask(good(), GRANT "&scope=twin%3Aread", &json), 200);
	is_member(&json, "scope", "\"twin:read\"");
	assert_int_equal(
	    ask(good(), "scope=twin:write+twin:read&" GRANT, &json), 200);
	is_member(&json, "scope", "\"twin:write twin:read\"");
	assert_int_equal(
	    ask(good(), GRANT "&scope=&client_id=web&x=y", &json), 200);
	is_member(&json, "scope", "\"twin:read twin:write\"");
	snprintf(form, sizeof(form), GRANT "&client_id=w%%65b&client_secret=%s",
	    secret);
	assert_int_equal(ask(NULL, form, &json), 200);
	dl_buf_release(&json);
	dl_buf_release(&token);
}

/* A secret that is encoded as RFC 6749 section 2.3.1 wants it. */
static void
encoded_basic(void **unused)
{
	struct dl_buf json = {0};
	char pair[256];
	size_t n;

	(void)unused;
	n = (size_t)snprintf(pair, sizeof(pair), "%%77eb:");
	for (const char *p = secret; *p != '\0'; p++)
		n += (size_t)snprintf(
		    pair + n, sizeof(pair) - n, "%%%02x", (unsigned)*p);
	assert_int_equal(ask(basic(pair), GRANT, &json), 200);
	dl_buf_release(&json);
}

static void
bad_ones(void **unused)
{
	static char large[DL_ISSUE_FORM_MAX + 64];
	char two[256];
	const struct {
		const char *authorization, *form;
		int status;
		const char *error;
	} bad[] = {
	    {NULL, "", 400, "\"invalid_request\""},
	    {NULL, "grant_type=", 400, "\"invalid_request\""},
	    {NULL, "&&=&grant_type", 400, "\"invalid_request\""},
	    {NULL, "grant_type=password", 400, "\"unsupported_grant_type\""},
	    {NULL, GRANT "&" GRANT, 400, "\"invalid_request\""},
	    {NULL, GRANT "&%zz=1", 400, "\"invalid_request\""},
	    {NULL, GRANT "&x%", 400, "\"invalid_request\""},
	    {NULL, "grant_type=client_credentials%00", 400,
		"\"invalid_request\""},
	    {good(), GRANT "&scope=a++b", 400, "\"invalid_scope\""},
	    {good(), GRANT "&scope=a&scope=b", 400, "\"invalid_request\""},
	    {good(), GRANT "&scope=twin:all", 400, "\"invalid_scope\""},
	    {good(), two, 400, "\"invalid_request\""},
	    {good(), GRANT "&client_id=other", 400, "\"invalid_request\""},
	    {NULL, GRANT, 401, "\"invalid_client\""},
	    {NULL, GRANT "&client_id=web", 401, "\"invalid_client\""},
	    {NULL, GRANT "&client_secret=x", 401, "\"invalid_client\""},
	    {"", GRANT, 401, "\"invalid_client\""},
	    {"Basic", GRANT, 401, "\"invalid_client\""},
	    {"Basic ", GRANT, 401, "\"invalid_client\""},
	    {"Basic !!!", GRANT, 401, "\"invalid_client\""},
	    {"Basic d2Vi", GRANT, 401, "\"invalid_client\""},
	    {"Bearer d2ViOng=", GRANT, 401, "\"invalid_client\""},
	    {NULL, large, 400, "\"invalid_request\""},
	};
	struct dl_buf json = {0};

	(void)unused;
	snprintf(
	    two, sizeof(two), GRANT "&client_id=web&client_secret=%s", secret);
	memset(large, 'x', sizeof(large) - 1);
	memcpy(large, GRANT "&x=", sizeof(GRANT) + 2);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(ask(bad[i].authorization, bad[i].form, &json),
		    bad[i].status);
		is_member(&json, "error", bad[i].error);
		assert_null(memmem(json.p, json.len, secret, strlen(secret)));
	}
	dl_buf_release(&json);
}

static int64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* The least of a few times that a refusal takes. */
static int64_t
cost(const char *pair, struct dl_buf *json)
{
	int64_t least = INT64_MAX, took;

	for (int i = 0; i < 3; i++) {
		took = now_us();
		assert_int_equal(ask(basic(pair), GRANT, json), 401);
		took = now_us() - took;
		least = took < least ? took : least;
	}
	return least;
}

/* Words and time of who is not there are those of a wrong secret. */
static void
nobody_is_told(void **unused)
{
	struct dl_buf wrong = {0}, unknown = {0}, never = {0};
	int64_t known, other;

	(void)unused;
	known = cost("web:wrong", &wrong);
	other = cost("nobody:wrong", &unknown);
	cost("no/name:wrong", &never);
	assert_true(
	    dl_span_eq(dl_buf_as_span(&wrong), dl_buf_as_span(&unknown)));
	assert_true(dl_span_eq(dl_buf_as_span(&wrong), dl_buf_as_span(&never)));
	is_member(&wrong, "error", "\"invalid_client\"");
	assert_true(other * 4 > known);
	dl_buf_release(&wrong);
	dl_buf_release(&unknown);
	dl_buf_release(&never);
}

/* Each failure costs more, of that client from that address alone. */
static void
failures(void **unused)
{
	struct dl_buf json = {0};
	int retry_s, status;

	(void)unused;
	for (int i = 0; i < DL_ISSUE_FAILURES; i++)
		assert_int_equal(ask_from("10.0.0.1", basic("web:no"), GRANT,
				     &json, &retry_s),
		    401);
	dl_buf_clear(&json);
	assert_int_equal(
	    ask_from("10.0.0.1", good(), GRANT, &json, &retry_s), 429);
	assert_int_equal(retry_s, 1);
	is_member(&json, "error", "\"temporarily_unavailable\"");
	assert_int_equal(
	    ask_from("10.0.0.2", good(), GRANT, &json, &retry_s), 200);
	assert_int_equal(
	    ask_from("10.0.0.1", basic("other:no"), GRANT, &json, &retry_s),
	    401);
	/* After a second it may prove itself, and all is forgotten. */
	do {
		usleep(20000);
		status = ask_from("10.0.0.1", good(), GRANT, &json, &retry_s);
	} while (status == 429);
	assert_int_equal(status, 200);
	assert_int_equal(
	    ask_from("10.0.0.1", basic("web:no"), GRANT, &json, &retry_s), 401);
	assert_int_equal(
	    ask_from("10.0.0.1", good(), GRANT, &json, &retry_s), 200);
	dl_buf_release(&json);
}

/* The same without waiting. */
static void
delays(void **unused)
{
	static const int want[] = {0, 0, 0, 0, 1, 2, 4, 8, 16, 30, 30, 30};
	static struct dl_issue_slow slow;
	uint64_t who = dl_issue_who("a", "b"), other = dl_issue_who("ab", "");
	int64_t now = 1000000;

	(void)unused;
	assert_int_not_equal(who, other);
	for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++) {
		assert_int_equal(dl_issue_slow_wait(&slow, who, now), 0);
		dl_issue_slow_failed(&slow, who, now);
		assert_int_equal(dl_issue_slow_wait(&slow, who, now), want[i]);
		assert_int_equal(dl_issue_slow_wait(&slow, other, now), 0);
		now += want[i] * 1000;
	}
	dl_issue_slow_failed(&slow, who, now);
	assert_int_equal(dl_issue_slow_wait(&slow, who, now + 29999), 1);
	dl_issue_slow_good(&slow, who);
	assert_int_equal(dl_issue_slow_wait(&slow, who, now), 0);
}

/* So many wait, half of them of one address; who goes away waits no more. */
static void
a_queue(void **unused)
{
	enum { ALL = DL_ISSUE_QUEUE + 40 };
	struct dl_issue_job *job[ALL];
	const struct dl_issue_answer *a;
	struct waiter w[ALL];
	char address[32];
	int waiting = 0, same = 0, woken = 0;

	(void)unused;
	for (int i = 0; i < ALL; i++) {
		bool one = i < DL_ISSUE_QUEUE / 2 + 20;
		struct dl_issue_ask ask = {dl_span_str(good()), DL_SPAN(GRANT),
		    one ? "10.1.1.1" : address};

		snprintf(address, sizeof(address), "10.2.0.%d", i);
		init(&w[i]);
		job[i] = dl_issue_begin(issue, &ask, wake, &w[i], &a);
		waiting += a == NULL;
		same += a == NULL && one;
		if (a != NULL) {
			assert_int_equal(a->status, 503);
			assert_int_equal(a->retry_after_s, 1);
		}
	}
	/* A few may have been answered meanwhile. */
	assert_in_range(same, DL_ISSUE_QUEUE / 2, DL_ISSUE_QUEUE / 2 + 10);
	assert_in_range(waiting, DL_ISSUE_QUEUE, DL_ISSUE_QUEUE + 20);
	for (int i = 0; i < ALL; i++)
		dl_issue_drop(job[i]);
	for (int i = 0; i < ALL; i++) {
		assert_in_range(times(&w[i]), 0, 1);
		woken += times(&w[i]);
	}
	assert_in_range(woken, 0, 20);
}

/* Who verifies: what it was told, and what was signed by then. */
struct verifier {
	struct dl_buf told, signs;
	int answer;
};

static int
publish(void *arg, struct dl_span jwks, struct dl_err *err)
{
	struct verifier *v = arg;

	dl_buf_clear(&v->told);
	dl_buf_add(&v->told, jwks.p, jwks.len);
	dl_buf_clear(&v->signs);
	dl_issue_jwks(issue, &v->signs);
	return v->answer < 0 ? dl_err_conf(err, "not these") : 0;
}

static void *
one_of_many(void *arg)
{
	struct dl_buf json = {0};
	int *failed = arg, retry_s;
	char address[32];

	for (int i = 0; i < 3; i++) {
		snprintf(address, sizeof(address), "%p", arg);
		*failed +=
		    ask_from(address, good(), GRANT, &json, &retry_s) != 200;
	}
	dl_buf_release(&json);
	return NULL;
}

static void
many_at_a_time(void **unused)
{
	int failed[4] = {0};
	struct dl_buf set = {0};
	struct verifier v = {0};
	struct dl_err err = {0};
	pthread_t thread[4];

	(void)unused;
	for (int i = 0; i < 4; i++)
		pthread_create(&thread[i], NULL, one_of_many, &failed[i]);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(dl_issue_reload(issue, publish, &v, &err), 0);
		dl_issue_jwks(issue, &set);
		usleep(10000);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(thread[i], NULL);
		assert_int_equal(failed[i], 0);
	}
	dl_buf_release(&set);
	dl_buf_release(&v.told);
	dl_buf_release(&v.signs);
}

/* A new key signs after a reload, not before: others must know it too. */
static void
another_key(void **unused)
{
	struct dl_buf before = {0}, after = {0};
	struct verifier v = {.answer = -1};
	struct dl_token_key made;
	struct dl_err err = {0};
	char path[128], away[128];

	(void)unused;
	dl_issue_jwks(issue, &before);
	assert_int_equal(dl_token_keys_make(home, true, &made, &err), 1);
	dl_issue_jwks(issue, &after);
	assert_true(
	    dl_span_eq(dl_buf_as_span(&before), dl_buf_as_span(&after)));
	/* Whom nobody would believe signs nothing. */
	assert_int_equal(dl_issue_reload(issue, publish, &v, &err), -1);
	dl_buf_clear(&after);
	dl_issue_jwks(issue, &after);
	assert_true(
	    dl_span_eq(dl_buf_as_span(&before), dl_buf_as_span(&after)));
	v.answer = 0;
	err = (struct dl_err){0};
	assert_int_equal(dl_issue_reload(issue, publish, &v, &err), 0);
	assert_non_null(strstr(dl_buf_str(&v.told), made.kid));
	assert_null(strstr(dl_buf_str(&v.signs), made.kid));
	dl_buf_clear(&after);
	dl_issue_jwks(issue, &after);
	assert_non_null(strstr(dl_buf_str(&after), made.kid));
	/* What can't be read leaves the old ones. */
	snprintf(path, sizeof(path), "%s/keys/token.json", home);
	snprintf(away, sizeof(away), "%s/keys/away", home);
	assert_int_equal(rename(path, away), 0);
	dl_buf_clear(&v.told);
	assert_int_equal(dl_issue_reload(issue, publish, &v, &err), -1);
	assert_int_equal(err.status, DL_EXIT_CONF);
	assert_int_equal(v.told.len, 0);
	assert_int_equal(rename(away, path), 0);
	dl_buf_clear(&before);
	dl_issue_jwks(issue, &before);
	assert_true(
	    dl_span_eq(dl_buf_as_span(&before), dl_buf_as_span(&after)));
	dl_buf_release(&v.told);
	dl_buf_release(&v.signs);
	dl_buf_release(&before);
	dl_buf_release(&after);
}

/* What dl-token client does holds at once. */
static void
clients_come_and_go(void **unused)
{
	struct dl_token_client c = {.name = "x", .scope = "", .ttl_s = 5};
	char its[DL_TOKEN_CLIENT_SECRET], pair[64];
	struct dl_buf json = {0}, token = {0};
	struct dl_err err = {0};

	(void)unused;
	assert_int_equal(dl_token_client_add(home, &c, its, &err), 1);
	snprintf(pair, sizeof(pair), "x:%s", its);
	assert_int_equal(ask(basic(pair), GRANT, &json), 200);
	is_member(&json, "scope", "");
	dl_buf_addc(&json, '\0');
	json.len--;
	claims(&json, &token);
	is_member(&token, "scope", "");
	assert_int_equal(ask(basic(pair), GRANT "&scope=a", &json), 400);
	assert_int_equal(dl_token_client_remove(home, "x", &err), 1);
	assert_int_equal(ask(basic(pair), GRANT, &json), 401);
	dl_buf_release(&json);
	dl_buf_release(&token);
}

static int
start(void **unused)
{
	struct dl_token_client web = {
	    .name = "web", .scope = "twin:read twin:write", .ttl_s = 90};
	struct dl_token_key made;
	struct dl_err err = {0};

	(void)unused;
	if (dl_seal_start(&err) < 0 || mkdtemp(home) == NULL ||
	    dl_issue_open(home, "here", "twin", &err) != NULL ||
	    err.status != DL_EXIT_CONF)
		return -1;
	dl_err_clear(&err);
	if (dl_token_keys_make(home, false, &made, &err) != 1 ||
	    dl_token_client_add(home, &web, secret, &err) != 1)
		return -1;
	issue = dl_issue_open(home, "here", "twin", &err);
	return issue == NULL ? -1 : 0;
}

static int
end(void **unused)
{
	static const char *const left[] = {"/keys/clients/web.json",
	    "/keys/clients", "/keys/token.json", "/keys/.token.lock", "/keys",
	    ""};
	char path[128];

	(void)unused;
	dl_issue_close(issue);
	dl_issue_close(NULL);
	for (size_t i = 0; i < sizeof(left) / sizeof(*left); i++) {
		snprintf(path, sizeof(path), "%s%s", home, left[i]);
		if (remove(path) < 0)
			return -1;
	}
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(good_ones),
	    cmocka_unit_test(encoded_basic),
	    cmocka_unit_test(bad_ones),
	    cmocka_unit_test(nobody_is_told),
	    cmocka_unit_test(failures),
	    cmocka_unit_test(delays),
	    cmocka_unit_test(a_queue),
	    cmocka_unit_test(many_at_a_time),
	    cmocka_unit_test(another_key),
	    cmocka_unit_test(clients_come_and_go),
	};

	setenv("DL_NOW", "2026-01-01T00:00:00Z", 1);
	return cmocka_run_group_tests(tests, start, end);
}
