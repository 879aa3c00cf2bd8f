/* jwks: keys by which signatures are checked, from files and over HTTP. */
#include "jwks.h"

#include "clock.h"
#include "io.h"
#include "jwt_help.h"
#include "log.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <setjmp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { RSA, ES256, ES384, ES512, EDDSA, OTHER, SIGNERS };

static struct signer signers[SIGNERS];
static char dir[] = "/tmp/dl-jwks.XXXXXX";
static char path[64];

/* The provider: answers what it is told to, and counts. */
static struct {
	int socket;
	char url[64];
	pthread_t thread;
	pthread_mutex_t lock;
	const char *status;
	struct dl_buf body;
	int asked;
	sem_t *hold; /* waited for before an answer */
} server = {.lock = PTHREAD_MUTEX_INITIALIZER, .status = "200 OK"};

static void
answer(int fd)
{
	struct dl_buf b = {0};
	sem_t *hold;

	pthread_mutex_lock(&server.lock);
	server.asked++;
	hold = server.hold;
	pthread_mutex_unlock(&server.lock);
	if (hold != NULL)
		sem_wait(hold);
	pthread_mutex_lock(&server.lock);
	dl_buf_printf(&b,
	    "HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n",
	    server.status, server.body.len);
	dl_buf_span(&b, dl_buf_as_span(&server.body));
	pthread_mutex_unlock(&server.lock);
	must(send(fd, b.p, b.len, MSG_NOSIGNAL) != 0);
	dl_buf_release(&b);
}

static void *
serve(void *arg)
{
	struct timeval wait = {.tv_sec = 3};
	char text[4096];
	ssize_t n;
	int fd;

	while ((fd = accept(server.socket, NULL, NULL)) >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
		n = recv(fd, text, sizeof(text) - 1, 0);
		text[n > 0 ? n : 0] = '\0';
		if (strstr(text, "\r\n\r\n") != NULL)
			answer(fd);
		shutdown(fd, SHUT_WR);
		while (recv(fd, text, sizeof(text), 0) > 0)
			;
		close(fd);
	}
	return arg;
}

static int
asked(void)
{
	int n;

	pthread_mutex_lock(&server.lock);
	n = server.asked;
	pthread_mutex_unlock(&server.lock);
	return n;
}

static void
start_server(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t len = sizeof(at);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server.socket = socket(AF_INET, SOCK_STREAM, 0);
	must(bind(server.socket, (struct sockaddr *)&at, sizeof(at)) == 0);
	must(listen(server.socket, 16) == 0);
	must(getsockname(server.socket, (struct sockaddr *)&at, &len) == 0);
	snprintf(server.url, sizeof(server.url), "http://127.0.0.1:%d/jwks",
	    ntohs(at.sin_port));
	must(pthread_create(&server.thread, NULL, serve, NULL) == 0);
}

static int
setup(void **state)
{
	static const struct {
		const char *alg, *kid;
	} all[SIGNERS] = {[RSA] = {"RS256", "rsa"},
	    [ES256] = {"ES256", "e2"},
	    [ES384] = {"ES384", "e3"},
	    [ES512] = {"ES512", "e5"},
	    [EDDSA] = {"EdDSA", "ed"},
	    [OTHER] = {"ES256", "other"}};

	(void)state;
	dl_log_init("jwks", DL_LOG_ERROR);
	/* Nobody: the loopback is asked without a proxy. */
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	unsetenv("no_proxy");
	must(mkdtemp(dir) != NULL);
	snprintf(path, sizeof(path), "%s/jwks.json", dir);
	for (int i = 0; i < SIGNERS; i++)
		signer_init(&signers[i], all[i].alg, all[i].kid);
	start_server();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	shutdown(server.socket, SHUT_RDWR);
	pthread_join(server.thread, NULL);
	close(server.socket);
	dl_buf_release(&server.body);
	for (int i = 0; i < SIGNERS; i++)
		signer_release(&signers[i]);
	unlink(path);
	rmdir(dir);
	return 0;
}

/* A set of these keys; more is put after the first. */
static void
add_set(struct dl_buf *b, unsigned bits, const char *more)
{
	bool first = true;

	dl_buf_clear(b);
	dl_buf_adds(b, "{\"keys\":[");
	for (int i = 0; i < SIGNERS; i++) {
		if ((bits & 1u << i) == 0)
			continue;
		dl_buf_adds(b, first ? "" : ",");
		signer_jwk(&signers[i], "", b);
		dl_buf_adds(b, first ? more : "");
		first = false;
	}
	dl_buf_adds(b, "]}");
}

static void
write_text(const char *text)
{
	FILE *f = fopen(path, "w");

	must(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0);
}

static void
write_set(unsigned bits, const char *more)
{
	struct dl_buf b = {0};

	add_set(&b, bits, more);
	write_text(dl_buf_str(&b));
	dl_buf_release(&b);
}

static void
publish(const char *status, unsigned bits, const char *text)
{
	pthread_mutex_lock(&server.lock);
	server.status = status;
	if (text == NULL)
		add_set(&server.body, bits, "");
	else {
		dl_buf_clear(&server.body);
		dl_buf_adds(&server.body, text);
	}
	pthread_mutex_unlock(&server.lock);
}

static int
verify(
    struct dl_jwks *k, const struct signer *s, const char *alg, const char *kid)
{
	struct dl_buf b = {0};
	int r;

	make_token(s, NULL, "{}", &b);
	r = dl_jwks_verify(
	    k, dl_buf_as_span(&b), dl_span_str(kid), dl_span_str(alg));
	dl_buf_release(&b);
	return r;
}

static int
knows(struct dl_jwks *k, int i)
{
	return verify(k, &signers[i], signers[i].alg, signers[i].kid);
}

static struct dl_jwks *
open_file(void)
{
	struct dl_err err = {0};
	struct dl_jwks *k = dl_jwks_open(path, NULL, 0, &err);

	if (k == NULL)
		fail_msg("%s", err.msg);
	return k;
}

static void
signatures_of_every_algorithm(void **state)
{
	static const char *const rsa[] = {
	    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"};
	struct dl_jwks *k;

	(void)state;
	write_set((1u << SIGNERS) - 1, "");
	k = open_file();
	assert_true(dl_jwks_ready(k));
	for (int i = 0; i < SIGNERS; i++)
		assert_int_equal(knows(k, i), 1);
	for (size_t i = 0; i < 6; i++) {
		struct signer s = signers[RSA];

		s.alg = rsa[i];
		for (size_t n = 0; n < 6; n++)
			assert_int_equal(
			    verify(k, &s, rsa[n], "rsa"), n == i ? 1 : -1);
	}
	dl_jwks_close(k);
}

/* An algorithm is not what the token says, but what the key is for. */
static void
a_key_is_for_its_algorithm(void **state)
{
	struct dl_jwks *k;

	(void)state;
	write_set((1u << SIGNERS) - 1, "");
	k = open_file();
	assert_int_equal(verify(k, &signers[ES256], "ES256", "rsa"), 0);
	assert_int_equal(verify(k, &signers[RSA], "RS256", "e2"), 0);
	assert_int_equal(verify(k, &signers[ES256], "ES384", "e2"), 0);
	assert_int_equal(verify(k, &signers[EDDSA], "EdDSA", "e2"), 0);
	assert_int_equal(verify(k, &signers[ES256], "ES256", "e3"), 0);
	assert_int_equal(verify(k, &signers[ES256], "ES256", "E2"), 0);
	assert_int_equal(verify(k, &signers[ES256], "ES256", ""), 0);
	assert_int_equal(verify(k, &signers[ES256], "none", "e2"), -1);
	assert_int_equal(verify(k, &signers[ES256], "HS256", "e2"), -1);
	assert_int_equal(verify(k, &signers[OTHER], "ES256", "e2"), -1);
	/* Without a name every key of the algorithm is tried. */
	assert_int_equal(verify(k, &signers[OTHER], "ES256", NULL), 1);
	assert_int_equal(verify(k, &signers[EDDSA], "ES256", NULL), -1);
	dl_jwks_close(k);
	write_set(1u << RSA, "");
	k = open_file();
	assert_int_equal(verify(k, &signers[ES256], "ES256", NULL), 0);
	dl_jwks_close(k);
}

/* Of a signature nothing may be changed, left out or added. */
static void
a_signature_is_whole(void **state)
{
	struct dl_buf token = {0}, raw = {0}, bent = {0};
	struct dl_jwks *k;

	(void)state;
	write_set((1u << SIGNERS) - 1, "");
	k = open_file();
	for (int i = 0; i < OTHER; i++) {
		const struct signer *s = &signers[i];
		const char *dot;
		size_t size;

		make_token(s, NULL, "{\"a\":1}", &token);
		dot = memrchr(token.p, '.', token.len);
		size = (size_t)(dot - token.p) + 1;
		dl_buf_clear(&raw);
		dl_buf_room(&raw, token.len);
		must(sodium_base642bin((unsigned char *)raw.p, raw.cap, dot + 1,
			 token.len - size, NULL, &raw.len, NULL,
			 sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0);
		for (int how = 0; how < 6; how++) {
			static const char zeros[1024];
			int want = how == 0 ? 1 : -1, got;

			dl_buf_clear(&bent);
			dl_buf_add(&bent, token.p, size);
			if (how == 0)
				add_base64url(&bent, raw.p, raw.len);
			else if (how == 1)
				add_base64url(&bent, raw.p, raw.len - 1);
			else if (how == 2)
				add_base64url(&bent, zeros, raw.len);
			else if (how == 3)
				add_base64url(&bent, raw.p, raw.len / 2);
			else if (how == 4) {
				dl_buf_addc(&raw, 0);
				add_base64url(&bent, raw.p, raw.len);
				raw.len--;
			} else {
				raw.p[raw.len - 1] ^= 1;
				add_base64url(&bent, raw.p, raw.len);
				raw.p[raw.len - 1] ^= 1;
			}
			got = dl_jwks_verify(k, dl_buf_as_span(&bent),
			    dl_span_str(s->kid), dl_span_str(s->alg));
			if (got != want)
				fail_msg("%s, %d: %d", s->alg, how, got);
		}
	}
	assert_int_equal(dl_jwks_verify(k, (struct dl_span){0},
			     (struct dl_span){0}, DL_SPAN("ES256")),
	    -1);
	assert_int_equal(dl_jwks_verify(k, DL_SPAN("a.b.%%"),
			     (struct dl_span){0}, DL_SPAN("ES256")),
	    -1);
	dl_jwks_close(k);
	dl_buf_release(&token);
	dl_buf_release(&raw);
	dl_buf_release(&bent);
}

/* What is left out, and spoils nothing. */
static const char *const useless[] = {
    "7",
    "null",
    "\"key\"",
    "[]",
    "{}",
    "{\"kty\":\"oct\",\"k\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
    "{\"kty\":\"RSA\"}",
    "{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}",
    "{\"kty\":\"RSA\",\"n\":7,\"e\":\"AQAB\"}",
    "{\"kty\":\"RSA\",\"n\":\"\",\"e\":\"\"}",
    "{\"kty\":\"EC\",\"crv\":\"P-256\"}",
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AQAB\",\"y\":\"AQAB\"}",
    "{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"AQAB\",\"y\":\"AQAB\"}",
    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AQAB\"}",
    "{\"kty\":\"OKP\",\"crv\":\"Ed448\",\"x\":\"AQAB\"}",
    ("{\"kty\":\"OKP\",\"crv\":\"X25519\","
     "\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}"),
    "{\"kty\":\"RSA\",\"x5u\":\"http://127.0.0.1:1/\"}",
    "{\"kty\":\"RSA\",\"x5c\":[\"AAAA\"]}",
};

/* What makes of a good key one that is not used. */
static const char *const spoilers[] = {
    ",\"use\":\"enc\"",
    ",\"use\":[]",
    ",\"key_ops\":[\"sign\"]",
    ",\"key_ops\":\"verify\"",
    ",\"key_ops\":[]",
    ",\"alg\":\"ES384\"",
    ",\"alg\":\"HS256\"",
    ",\"alg\":\"none\"",
    ",\"alg\":7",
    ",\"d\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"",
    ",\"k\":\"AAAA\"",
};

static void
useless_keys_are_left_out(void **state)
{
	struct dl_buf b = {0}, all = {0};
	struct dl_err err = {0};
	struct signer s = signers[ES256];
	struct dl_jwks *k;

	(void)state;
	for (size_t i = 0; i < sizeof(useless) / sizeof(*useless); i++) {
		dl_buf_clear(&b);
		dl_buf_printf(&b, "{\"keys\":[%s]}", useless[i]);
		write_text(dl_buf_str(&b));
		dl_err_clear(&err);
		if (dl_jwks_open(path, NULL, 0, &err) != NULL)
			fail_msg("%s", useless[i]);
		assert_int_equal(err.status, DL_EXIT_CONF);
		assert_non_null(strstr(err.msg, "no key that can be used"));
		dl_buf_printf(&all, ",%s", useless[i]);
	}
	for (size_t i = 0; i < sizeof(spoilers) / sizeof(*spoilers); i++) {
		dl_buf_clear(&b);
		dl_buf_adds(&b, "{\"keys\":[");
		signer_jwk(&signers[ES256], spoilers[i], &b);
		dl_buf_adds(&b, "]}");
		write_text(dl_buf_str(&b));
		dl_err_clear(&err);
		if (dl_jwks_open(path, NULL, 0, &err) != NULL)
			fail_msg("%s", spoilers[i]);
	}
	write_set(1u << ES256 | 1u << EDDSA, dl_buf_str(&all));
	k = open_file();
	assert_int_equal(knows(k, ES256), 1);
	assert_int_equal(knows(k, EDDSA), 1);
	dl_jwks_close(k);

	/* All that may be said of one. */
	dl_buf_clear(&b);
	dl_buf_adds(&b, "{\"x\":1,\"keys\":[");
	s.kid = NULL;
	signer_jwk(&s,
	    ",\"use\":\"sig\",\"alg\":\"ES256\",\"key_ops\":[\"sign\","
	    "\"verify\"],\"x5u\":\"http://127.0.0.1:1/\",\"x5t\":7",
	    &b);
	dl_buf_adds(&b, "]}");
	write_text(dl_buf_str(&b));
	k = open_file();
	assert_int_equal(verify(k, &s, "ES256", NULL), 1);
	assert_int_equal(verify(k, &s, "ES256", "e2"), 0);
	assert_int_equal(verify(k, &s, "ES256", ""), 0);
	dl_jwks_close(k);
	dl_buf_release(&b);
	dl_buf_release(&all);
}

/* An RSA key fits six algorithms, unless it says which. */
static void
a_key_may_be_for_one_algorithm(void **state)
{
	struct signer s = signers[RSA];
	struct dl_buf b = {0};
	struct dl_jwks *k;

	(void)state;
	dl_buf_adds(&b, "{\"keys\":[");
	signer_jwk(&s, ",\"alg\":\"PS256\"", &b);
	dl_buf_adds(&b, "]}");
	write_text(dl_buf_str(&b));
	k = open_file();
	assert_int_equal(verify(k, &s, "RS256", "rsa"), 0);
	assert_int_equal(verify(k, &s, "RS256", NULL), 0);
	s.alg = "PS256";
	assert_int_equal(verify(k, &s, "PS256", "rsa"), 1);
	dl_jwks_close(k);
	dl_buf_release(&b);
}

static void
a_small_rsa_key_is_left_out(void **state)
{
	struct signer small = {.alg = "RS256", .kid = "small"};
	struct dl_err err = {0};
	struct dl_buf b = {0};

	(void)state;
	must(gnutls_privkey_init(&small.key) == 0);
	must(gnutls_privkey_generate(small.key, GNUTLS_PK_RSA, 1024, 0) == 0);
	dl_buf_adds(&b, "{\"keys\":[");
	signer_jwk(&small, "", &b);
	dl_buf_adds(&b, "]}");
	write_text(dl_buf_str(&b));
	assert_null(dl_jwks_open(path, NULL, 0, &err));
	dl_buf_release(&b);
	signer_release(&small);
}

static void
what_is_no_key_set(void **state)
{
	static const char *const bad[] = {"", "<html>", "[]", "{}", "7",
	    "{\"keys\":{}}", "{\"keys\":[]}", "{\"Keys\":[]}",
	    "{\"keys\":[],\"keys\":[]}", "{\"keys\":[{}"};
	static const char *const places[] = {"http://example.com/jwks",
	    "http://127.0.0.1.example.com/", "http://128.0.0.1/",
	    "http://[::2]/", "ftp://a/b", "file:///etc/passwd", "https://",
	    "://", "http://localhost.a/"};
	static const char *const safe[] = {"http://localhost:1/",
	    "http://127.3.2.1:1/", "http://[::1]:1/", "https://127.0.0.1:1/"};
	struct dl_err err = {0};
	struct dl_buf b = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		write_text(bad[i]);
		dl_err_clear(&err);
		assert_null(dl_jwks_open(path, NULL, 0, &err));
		assert_int_equal(err.status, DL_EXIT_CONF);
	}
	for (int n = 100; n <= 101; n++) {
		dl_buf_clear(&b);
		for (int i = 1; i < n; i++)
			dl_buf_adds(&b, ",{}");
		write_set(1u << ES256, dl_buf_str(&b));
		dl_err_clear(&err);
		if (n == 100)
			dl_jwks_close(open_file());
		else
			assert_null(dl_jwks_open(path, NULL, 0, &err));
	}
	assert_non_null(strstr(err.msg, "more than 100 keys"));
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		dl_err_clear(&err);
		if (dl_jwks_open(places[i], NULL, 0, &err) != NULL)
			fail_msg("%s", places[i]);
		assert_int_equal(err.status, DL_EXIT_CONF);
	}
	for (size_t i = 0; i < sizeof(safe) / sizeof(*safe); i++) {
		struct dl_jwks *k = dl_jwks_open(safe[i], NULL, 0, &err);

		assert_non_null(k);
		assert_false(dl_jwks_ready(k));
		dl_jwks_close(k);
	}
	dl_err_clear(&err);
	assert_null(dl_jwks_open("/nowhere/jwks", NULL, 0, &err));
	dl_err_clear(&err);
	assert_null(
	    dl_jwks_open("https://127.0.0.1:1/", "/nowhere/ca", 0, &err));
	assert_non_null(strstr(err.msg, "/nowhere/ca"));
	dl_buf_release(&b);
}

static void
a_file_is_read_again(void **state)
{
	struct dl_err err = {0};
	struct dl_jwks *k;
	uint64_t before;

	(void)state;
	write_set(1u << ES256, "");
	k = open_file();
	before = dl_jwks_generation(k);
	write_set(1u << ES256 | 1u << EDDSA, "");
	assert_int_equal(dl_jwks_reload(k, &err), 0);
	assert_int_equal(knows(k, EDDSA), 1);
	assert_int_equal(dl_jwks_generation(k), before);
	write_text("junk");
	assert_int_equal(dl_jwks_reload(k, &err), -1);
	assert_int_equal(err.status, DL_EXIT_CONF);
	assert_int_equal(knows(k, ES256), 1);
	assert_int_equal(dl_jwks_generation(k), before);
	write_set(1u << EDDSA, "");
	assert_int_equal(dl_jwks_reload(k, &err), 0);
	assert_int_equal(knows(k, ES256), 0);
	assert_true(dl_jwks_generation(k) > before);
	/* There is nothing to wait for. */
	assert_false(dl_jwks_want(k, NULL, NULL));
	dl_jwks_close(k);
}

static void
a_set_is_given_as_text(void **state)
{
	struct dl_err err = {0};
	struct dl_buf b = {0};
	struct dl_jwks *k;
	uint64_t before;

	(void)state;
	assert_null(dl_jwks_from_text(DL_SPAN("{}"), &err));
	dl_err_clear(&err);
	add_set(&b, 1u << ES256, "");
	k = dl_jwks_from_text(dl_buf_as_span(&b), &err);
	assert_non_null(k);
	before = dl_jwks_generation(k);
	assert_int_equal(knows(k, ES256), 1);
	assert_int_equal(
	    dl_jwks_set_text(k, DL_SPAN("{\"keys\":[]}"), &err), -1);
	assert_int_equal(knows(k, ES256), 1);
	add_set(&b, 1u << EDDSA, "");
	assert_int_equal(dl_jwks_set_text(k, dl_buf_as_span(&b), &err), 0);
	assert_int_equal(knows(k, ES256), 0);
	assert_int_equal(knows(k, EDDSA), 1);
	assert_true(dl_jwks_generation(k) > before);
	/* There is no place to get it from. */
	assert_int_equal(dl_jwks_reload(k, &err), 0);
	assert_false(dl_jwks_want(k, NULL, NULL));
	assert_int_equal(knows(k, EDDSA), 1);
	dl_jwks_close(k);
	dl_buf_release(&b);
}

static void
wake(void *arg)
{
	sem_post(arg);
}

/* At most 10 s. */
static bool
woken(sem_t *s)
{
	struct timespec at;

	clock_gettime(CLOCK_REALTIME, &at);
	at.tv_sec += 10;
	return sem_timedwait(s, &at) == 0;
}

static struct dl_jwks *
open_url(int64_t refresh_ms)
{
	struct dl_err err = {0};
	struct dl_jwks *k = dl_jwks_open(server.url, NULL, refresh_ms, &err);

	if (k == NULL)
		fail_msg("%s", err.msg);
	return k;
}

/* Until it is so, for at most 10 s. */
static bool
soon(bool (*so)(struct dl_jwks *), struct dl_jwks *k)
{
	const struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};

	for (int i = 0; i < 2000 && !so(k); i++)
		nanosleep(&pause, NULL);
	return so(k);
}

static bool
is_ready(struct dl_jwks *k)
{
	return dl_jwks_ready(k);
}

static bool
knows_eddsa(struct dl_jwks *k)
{
	return knows(k, EDDSA) == 1;
}

static void
an_unknown_key_is_fetched_once_a_minute(void **state)
{
	int before = asked();
	struct dl_jwks *k;
	sem_t s;

	(void)state;
	sem_init(&s, 0, 0);
	publish("200 OK", 1u << ES256, NULL);
	k = open_url(3600 * 1000);
	assert_true(soon(is_ready, k));
	assert_int_equal(knows(k, ES256), 1);
	assert_int_equal(knows(k, EDDSA), 0);
	publish("200 OK", 1u << ES256 | 1u << EDDSA, NULL);
	assert_true(dl_jwks_want(k, wake, &s));
	assert_true(woken(&s));
	assert_int_equal(knows(k, EDDSA), 1);
	publish("200 OK", 1u << OTHER, NULL);
	for (int i = 0; i < 1000; i++)
		assert_false(dl_jwks_want(k, wake, &s));
	assert_int_equal(asked() - before, 2);
	assert_int_equal(sem_trywait(&s), -1);
	dl_jwks_close(k);
	sem_destroy(&s);
}

static void
who_comes_during_a_fetch_waits_for_it(void **state)
{
	struct dl_jwks *k;
	sem_t hold, s;

	(void)state;
	sem_init(&hold, 0, 0);
	sem_init(&s, 0, 0);
	publish("200 OK", 1u << ES256, NULL);
	server.hold = &hold;
	k = open_url(0);
	assert_int_equal(knows(k, ES256), 0);
	for (int i = 0; i < 100; i++)
		assert_true(dl_jwks_want(k, wake, &s));
	assert_int_equal(sem_trywait(&s), -1);
	sem_post(&hold);
	for (int i = 0; i < 100; i++)
		assert_true(woken(&s));
	assert_int_equal(sem_trywait(&s), -1);
	assert_int_equal(knows(k, ES256), 1);
	server.hold = NULL;
	dl_jwks_close(k);
	sem_destroy(&s);
	sem_destroy(&hold);
}

static void
an_end_wakes_who_waits(void **state)
{
	int64_t before = dl_clock_ms();
	struct dl_jwks *k;
	sem_t hold, s;

	(void)state;
	sem_init(&hold, 0, 0);
	sem_init(&s, 0, 0);
	server.hold = &hold;
	k = open_url(0);
	assert_true(dl_jwks_want(k, wake, &s));
	dl_jwks_close(k);
	assert_int_equal(sem_trywait(&s), 0);
	assert_int_equal(sem_trywait(&s), -1);
	assert_true(dl_clock_ms() - before < 9000);
	server.hold = NULL;
	sem_post(&hold);
}

static void
keys_stay_while_the_provider_is_away(void **state)
{
	static const struct {
		const char *status, *text;
	} away[] = {{"500 Oops", ""}, {"404 Not Found", "{\"keys\":[]}"},
	    {"200 OK", "<html>maintenance</html>"}, {"200 OK", "{\"keys\":[]}"},
	    {"200 OK", ""}, {"204 No Content", ""},
	    {"302 Found\r\nLocation: ftp://127.0.0.1/x", ""},
	    {"200 OK\r\nContent-Encoding: gzip", "junk"}};
	struct dl_err err = {0};
	struct dl_jwks *k;
	uint64_t before;

	(void)state;
	publish("200 OK", 1u << ES256, NULL);
	k = open_url(3600 * 1000);
	assert_true(soon(is_ready, k));
	before = dl_jwks_generation(k);
	for (size_t i = 0; i < sizeof(away) / sizeof(*away); i++) {
		int n = asked();

		publish(away[i].status, 0, away[i].text);
		assert_int_equal(dl_jwks_reload(k, &err), 0);
		for (int t = 0; t < 10000 && asked() == n; t++)
			usleep(1000);
		assert_int_equal(knows(k, ES256), 1);
	}
	publish("200 OK", 1u << EDDSA, NULL);
	assert_int_equal(dl_jwks_reload(k, &err), 0);
	assert_true(soon(knows_eddsa, k));
	assert_int_equal(knows(k, ES256), 0);
	assert_true(dl_jwks_generation(k) > before);
	dl_jwks_close(k);
}

/* Else what is not secret on the way could come from another machine. */
static void
a_redirect_does_not_leave_the_loopback(void **state)
{
	char status[128];
	struct dl_err err = {0};
	struct dl_jwks *k;
	int n = asked();

	(void)state;
	snprintf(status, sizeof(status),
	    "302 Found\r\nLocation: http://localhost%s",
	    strrchr(server.url, ':'));
	publish(status, 1u << ES256, NULL);
	k = open_url(3600 * 1000);
	for (int t = 0; t < 10000 && asked() == n; t++)
		usleep(1000);
	publish("200 OK", 1u << ES256, NULL);
	assert_int_equal(dl_jwks_reload(k, &err), 0);
	assert_true(soon(is_ready, k));
	/* Once each, and not at the other host. */
	assert_int_equal(asked() - n, 2);
	dl_jwks_close(k);
}

static bool
was_asked(struct dl_jwks *k)
{
	(void)k;
	return asked() > 0;
}

/* Long before it would be time to. */
static void
what_fails_is_tried_again(void **state)
{
	struct dl_jwks *k;

	(void)state;
	pthread_mutex_lock(&server.lock);
	server.asked = 0;
	pthread_mutex_unlock(&server.lock);
	publish("503 Later", 0, "");
	k = open_url(3600 * 1000);
	assert_true(soon(was_asked, k));
	assert_false(dl_jwks_ready(k));
	publish("200 OK", 1u << ES256, NULL);
	assert_true(soon(is_ready, k));
	dl_jwks_close(k);
}

static void
keys_are_fetched_again_by_themselves(void **state)
{
	struct dl_jwks *k;

	(void)state;
	publish("200 OK", 1u << ES256, NULL);
	k = open_url(1000);
	assert_true(soon(is_ready, k));
	publish("200 OK", 1u << EDDSA, NULL);
	assert_true(soon(knows_eddsa, k));
	dl_jwks_close(k);
}

static void *
hammer(void *arg)
{
	for (int i = 0; i < 100; i++)
		if (knows(arg, ES256) != 1)
			return arg;
	return NULL;
}

static void
many_threads_verify_at_once(void **state)
{
	struct dl_err err = {0};
	pthread_t thread[4];
	struct dl_jwks *k;

	(void)state;
	write_set(1u << ES256, "");
	k = open_file();
	for (int i = 0; i < 4; i++)
		must(pthread_create(&thread[i], NULL, hammer, k) == 0);
	for (int i = 0; i < 50; i++) {
		write_set(1u << ES256 | ((unsigned)i & 1) << EDDSA, "");
		assert_int_equal(dl_jwks_reload(k, &err), 0);
	}
	for (int i = 0; i < 4; i++) {
		void *failed;

		pthread_join(thread[i], &failed);
		assert_null(failed);
	}
	dl_jwks_close(k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(signatures_of_every_algorithm),
	    cmocka_unit_test(a_key_is_for_its_algorithm),
	    cmocka_unit_test(a_signature_is_whole),
	    cmocka_unit_test(useless_keys_are_left_out),
	    cmocka_unit_test(a_key_may_be_for_one_algorithm),
	    cmocka_unit_test(a_small_rsa_key_is_left_out),
	    cmocka_unit_test(what_is_no_key_set),
	    cmocka_unit_test(a_file_is_read_again),
	    cmocka_unit_test(a_set_is_given_as_text),
	    cmocka_unit_test(an_unknown_key_is_fetched_once_a_minute),
	    cmocka_unit_test(who_comes_during_a_fetch_waits_for_it),
	    cmocka_unit_test(an_end_wakes_who_waits),
	    cmocka_unit_test(keys_stay_while_the_provider_is_away),
	    cmocka_unit_test(a_redirect_does_not_leave_the_loopback),
	    cmocka_unit_test(what_fails_is_tried_again),
	    cmocka_unit_test(keys_are_fetched_again_by_themselves),
	    cmocka_unit_test(many_threads_verify_at_once),
	};

	return cmocka_run_group_tests_name("jwks", tests, setup, teardown);
}
