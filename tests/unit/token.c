/* token: keys, what signs, what a token says, clients and their secrets. */
#include "json.h"
#include "seal.h"
#include "token_client.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

/* RFC 8037, appendix A. */
#define RFC_D "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
#define RFC_X "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
#define RFC_KID "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
#define RFC_JWS \
	"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc." \
	"hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsP" \
	"t9g7sVvpAr_MuM0KAg"
#define RFC_KEY \
	"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"" RFC_KID \
	"\",\"x\":\"" RFC_X "\",\"d\":\"" RFC_D "\"}"

static char home[] = "/tmp/dl-unit-token.XXXXXX";
static struct dl_token_keys *keys;

static bool
parse(const char *text)
{
	return dl_token_keys_parse(dl_span_str(text), keys);
}

static void
as_rfc_8037(void **unused)
{
	struct dl_buf jws = {0};

	(void)unused;
	assert_true(parse("{\"keys\":[" RFC_KEY "]}"));
	assert_int_equal(keys->n, 1);
	assert_string_equal(keys->key[0].kid, RFC_KID);
	dl_token_sign(&keys->key[0], DL_SPAN("{\"alg\":\"EdDSA\"}"),
	    DL_SPAN("Example of Ed25519 signing"), &jws);
	assert_string_equal(dl_buf_str(&jws), RFC_JWS);
	dl_buf_release(&jws);
}

/* The set for others has all but what signs. */
static void
public_set(void **unused)
{
	struct dl_buf set = {0};

	(void)unused;
	assert_true(parse("{\"keys\":[" RFC_KEY "]}"));
	dl_token_keys_print(keys, &set);
	assert_string_equal(dl_buf_str(&set),
	    "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"alg\":\"EdDSA\","
	    "\"use\":\"sig\",\"kid\":\"" RFC_KID "\",\"x\":\"" RFC_X "\"}]}");
	/* It is no file to sign by. */
	assert_false(dl_token_keys_parse(dl_buf_as_span(&set), keys));
	dl_buf_release(&set);
}

static void
no_keys(void **unused)
{
	static const char *const wrong[] = {
	    "",
	    "{}",
	    "[]",
	    "null",
	    "{\"keys\":[]}",
	    "{\"keys\":{}}",
	    "{\"keys\":[1]}",
	    "{\"keys\":[" RFC_KEY,
	    "{\"keys\":[" RFC_KEY "," RFC_KEY "]}",
	    /* d is of another key */
	    "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"" RFC_KID
	    "\",\"x\":\"" RFC_X "\",\"d\":\"" RFC_X "\"}]}",
	    /* another curve, another id, too short, no base64url */
	    "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"X25519\",\"kid\":\"" RFC_KID
	    "\",\"x\":\"" RFC_X "\",\"d\":\"" RFC_D "\"}]}",
	    "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"x\","
	    "\"x\":\"" RFC_X "\",\"d\":\"" RFC_D "\"}]}",
	    "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"" RFC_KID
	    "\",\"x\":\"" RFC_X "\",\"d\":\"nWGx\"}]}",
	    "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"" RFC_KID
	    "\",\"x\":\"" RFC_X "\",\"d\":\"" RFC_D "=\"}]}",
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_false(parse(wrong[i]));
}

static void
decode(struct dl_span text, struct dl_buf *out)
{
	size_t n;

	dl_buf_room(out, text.len);
	assert_int_equal(sodium_base642bin((unsigned char *)out->p, out->cap,
			     text.p, text.len, NULL, &n, NULL,
			     sodium_base64_VARIANT_URLSAFE_NO_PADDING),
	    0);
	out->len = n;
}

/* The part of a token, and is its signature that of key? */
static void
open_token(struct dl_buf *token, const struct dl_token_key *key,
    struct dl_buf *header, struct dl_buf *payload)
{
	char *first = strchr(dl_buf_str(token), '.');
	char *second = strchr(first + 1, '.');
	struct dl_buf signature = {0};

	decode(dl_span(token->p, (size_t)(first - token->p)), header);
	decode(dl_span(first + 1, (size_t)(second - first - 1)), payload);
	decode(dl_span_str(second + 1), &signature);
	assert_int_equal(signature.len, crypto_sign_BYTES);
	assert_int_equal(
	    crypto_sign_verify_detached((unsigned char *)signature.p,
		(unsigned char *)token->p, (size_t)(second - token->p), key->x),
	    0);
	dl_buf_release(&signature);
}

static struct dl_token_claims
some_claims(void)
{
	return (struct dl_token_claims){.issuer = "i",
	    .subject = "s\"\n",
	    .audience = "a",
	    .scope = DL_SPAN("x:y z"),
	    .ttl_s = 60,
	    .more = DL_SPAN("")};
}

static void
what_it_says(void **unused)
{
	struct dl_buf more = {0}, token = {0}, header = {0}, payload = {0};
	struct dl_token_claims claims = some_claims();
	struct dl_err err = {0};
	char want[256], *jti;

	(void)unused;
	assert_true(parse("{\"keys\":[" RFC_KEY "]}"));
	assert_int_equal(dl_token_claim_text(
			     &more, DL_SPAN("role"), DL_SPAN("a \"b\""), &err),
	    0);
	assert_int_equal(dl_token_claim_json(&more, DL_SPAN("n\"m"),
			     DL_SPAN(" [1, {\"a\": null}] "), &err),
	    0);
	claims.more = dl_buf_as_span(&more);
	assert_int_equal(dl_token_mint(keys, &claims, &token, &err), 0);
	open_token(&token, &keys->key[0], &header, &payload);
	assert_string_equal(dl_buf_str(&header),
	    "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"" RFC_KID "\"}");
	/* 2026-01-01T00:00:00Z, as main() says. */
	assert_int_equal(dl_json_check(dl_buf_as_span(&payload), &err), 0);
	jti = strstr(dl_buf_str(&payload), ",\"jti\":\"");
	snprintf(want, sizeof(want),
	    "{\"iss\":\"i\",\"sub\":\"s\\\"\\n\",\"aud\":\"a\","
	    "\"iat\":1767225600,\"exp\":1767225660");
	assert_non_null(jti);
	assert_int_equal(jti - payload.p, strlen(want));
	assert_memory_equal(payload.p, want, strlen(want));
	assert_string_equal(jti + strlen(",\"jti\":\"") + 22,
	    "\",\"client_id\":\"s\\\"\\n\",\"scope\":\"x:y z\","
	    "\"role\":\"a \\\"b\\\"\",\"n\\\"m\":[1,{\"a\":null}]}");
	dl_buf_release(&more);
	dl_buf_release(&token);
	dl_buf_release(&header);
	dl_buf_release(&payload);
}

static void
two_are_not_the_same(void **unused)
{
	struct dl_buf a = {0}, b = {0};
	struct dl_token_claims claims = some_claims();
	struct dl_err err = {0};

	(void)unused;
	assert_true(parse("{\"keys\":[" RFC_KEY "]}"));
	assert_int_equal(dl_token_mint(keys, &claims, &a, &err), 0);
	assert_int_equal(dl_token_mint(keys, &claims, &b, &err), 0);
	assert_false(dl_span_eq(dl_buf_as_span(&a), dl_buf_as_span(&b)));
	dl_buf_release(&a);
	dl_buf_release(&b);
}

static void
refuse(const struct dl_token_claims *claims)
{
	struct dl_buf token = {0};
	struct dl_err err = {0};

	assert_int_equal(dl_token_mint(keys, claims, &token, &err), -1);
	assert_int_equal(err.status, DL_EXIT_USAGE);
	assert_int_equal(token.len, 0);
	dl_buf_release(&token);
}

static void
what_no_token_says(void **unused)
{
	struct dl_token_claims c;
	struct dl_buf token = {0};
	struct dl_err err = {0};
	char large[DL_TOKEN_MAX];

	(void)unused;
	assert_true(parse("{\"keys\":[" RFC_KEY "]}"));
	c = some_claims();
	c.ttl_s = 0;
	refuse(&c);
	c.ttl_s = DL_TOKEN_TTL_MAX_S + 1;
	refuse(&c);
	c = some_claims();
	c.subject = "";
	refuse(&c);
	c.subject = "\xff";
	refuse(&c);
	c = some_claims();
	c.scope = DL_SPAN("a  b");
	refuse(&c);
	c = some_claims();
	memset(large, 'x', sizeof(large));
	large[sizeof(large) - 1] = '\0';
	c.audience = large;
	refuse(&c);
	c = some_claims();
	large[DL_TOKEN_SUBJECT_MAX + 1] = '\0';
	c.subject = large;
	refuse(&c);
	large[DL_TOKEN_SUBJECT_MAX] = '\0';
	assert_int_equal(dl_token_mint(keys, &c, &token, &err), 0);
	dl_buf_release(&token);
}

static void
claims_that_are_ours(void **unused)
{
	static const char *const ours[] = {"iss", "sub", "aud", "iat", "exp",
	    "jti", "client_id", "scope", "", "\xff", "here"};
	struct dl_buf more = {0};
	struct dl_err err = {0};
	size_t before;

	(void)unused;
	assert_int_equal(dl_token_claim_json(&more, DL_SPAN("here"),
			     DL_SPAN("{\"iss\":[],\"there\":1}"), &err),
	    0);
	before = more.len;
	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++) {
		assert_int_equal(dl_token_claim_text(&more,
				     dl_span_str(ours[i]), DL_SPAN("x"), &err),
		    -1);
		assert_int_equal(err.status, DL_EXIT_USAGE);
		assert_int_equal(more.len, before);
		dl_err_clear(&err);
	}
	assert_int_equal(
	    dl_token_claim_text(&more, DL_SPAN("there"), DL_SPAN("x"), &err),
	    0);
	assert_int_equal(
	    dl_token_claim_json(&more, DL_SPAN("n"), DL_SPAN("1 2"), &err), -1);
	dl_buf_release(&more);
}

static void
scopes(void **unused)
{
	static const char *const good[] = {"a", "a b", "twin:read !#$%&'()*"};
	static const char *const bad[] = {
	    "", " ", " a", "a ", "a  b", "a\tb", "a\"", "a\\", "\x7f", "\xc3"};

	(void)unused;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_true(dl_token_scope_ok(dl_span_str(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(dl_token_scope_ok(dl_span_str(bad[i])));
	assert_true(dl_token_scope_within(DL_SPAN("b a"), DL_SPAN("a b c")));
	assert_true(dl_token_scope_within(DL_SPAN(""), DL_SPAN("")));
	assert_false(dl_token_scope_within(DL_SPAN("a d"), DL_SPAN("a b c")));
	assert_false(dl_token_scope_within(DL_SPAN("a"), DL_SPAN("ab")));
	assert_false(dl_token_scope_within(DL_SPAN("ab"), DL_SPAN("a")));
	assert_false(dl_token_scope_within(DL_SPAN("a"), DL_SPAN("")));
}

/* Made, rotated until no more fit, and retired. */
static void
a_life_of_keys(void **unused)
{
	struct dl_token_key first, second, last;
	struct dl_token_keys *read;
	struct dl_err err = {0};
	char path[128];

	(void)unused;
	assert_null(dl_token_keys_read(home, &err));
	assert_int_equal(err.status, DL_EXIT_CONF);
	dl_err_clear(&err);
	assert_int_equal(dl_token_keys_make(home, true, &first, &err), -1);
	assert_int_equal(err.status, DL_EXIT_CONF);
	dl_err_clear(&err);
	assert_int_equal(dl_token_keys_retire(home, "x", &err), 0);
	snprintf(path, sizeof(path), "%s/keys", home);
	assert_int_equal(access(path, F_OK), -1);

	assert_int_equal(dl_token_keys_make(home, false, &first, &err), 1);
	assert_int_equal(dl_token_keys_make(home, false, &second, &err), 0);
	assert_string_equal(first.kid, second.kid);
	assert_int_equal(dl_token_keys_retire(home, first.kid, &err), -1);
	assert_int_equal(err.status, DL_EXIT_DENIED);
	dl_err_clear(&err);
	assert_int_equal(dl_token_keys_make(home, true, &second, &err), 1);
	assert_string_not_equal(first.kid, second.kid);
	for (int i = 2; i < DL_TOKEN_KEYS; i++)
		assert_int_equal(
		    dl_token_keys_make(home, true, &last, &err), 1);
	assert_int_equal(dl_token_keys_make(home, true, &last, &err), -1);
	assert_int_equal(err.status, DL_EXIT_DENIED);
	assert_non_null(strstr(err.msg, first.kid));
	dl_err_clear(&err);

	assert_non_null(read = dl_token_keys_read(home, &err));
	assert_int_equal(read->n, DL_TOKEN_KEYS);
	for (size_t i = 0; i < read->n; i++)
		assert_int_equal(sodium_is_zero(read->key[i].secret,
				     sizeof(read->key[i].secret)),
		    i > 0);
	assert_string_equal(read->key[DL_TOKEN_KEYS - 1].kid, first.kid);
	dl_seal_free(read);
	assert_int_equal(dl_token_keys_retire(home, second.kid, &err), 1);
	assert_int_equal(dl_token_keys_retire(home, second.kid, &err), 0);
	assert_non_null(read = dl_token_keys_read(home, &err));
	assert_int_equal(read->n, DL_TOKEN_KEYS - 1);
	assert_string_equal(read->key[DL_TOKEN_KEYS - 2].kid, first.kid);
	dl_seal_free(read);
}

static void
no_id_is_an_option(void **unused)
{
	struct dl_token_key key;

	(void)unused;
	for (int i = 0; i < 500; i++) {
		dl_token_key_new(&key);
		assert_int_not_equal(key.kid[0], '-');
	}
}

static void
clients(void **unused)
{
	struct dl_token_client c = {.name = "web", .scope = "a b", .ttl_s = 60};
	struct dl_token_client read, nobody;
	char secret[DL_TOKEN_CLIENT_SECRET];
	struct dl_err err = {0};
	char long_one[DL_TOKEN_CLIENT_SECRET_MAX + 1];

	(void)unused;
	memset(long_one, 'x', sizeof(long_one));
	assert_int_equal(dl_token_client_read(home, "web", &read, &err), 0);
	assert_int_equal(dl_token_client_add(home, &c, secret, &err), 1);
	assert_int_equal(strlen(secret), DL_TOKEN_CLIENT_SECRET - 1);
	assert_int_equal(dl_token_client_add(home, &c, secret, &err), 0);
	assert_int_equal(dl_token_client_read(home, "web", &read, &err), 1);
	assert_string_equal(read.scope, "a b");
	assert_int_equal(read.ttl_s, 60);
	assert_int_equal(read.made_s, 1767225600);
	assert_null(strstr(read.hash, secret));
	assert_int_equal(
	    dl_token_client_verify(&read, dl_span_str(secret), &err), 1);
	secret[5] ^= 1;
	assert_int_equal(
	    dl_token_client_verify(&read, dl_span_str(secret), &err), 0);
	assert_int_equal(dl_token_client_verify(&read, DL_SPAN(""), &err), 0);
	assert_int_equal(dl_token_client_verify(
			     &read, dl_span(long_one, sizeof(long_one)), &err),
	    0);
	assert_int_equal(dl_token_client_nobody(&nobody, &err), 0);
	secret[5] ^= 1;
	assert_int_equal(
	    dl_token_client_verify(&nobody, dl_span_str(secret), &err), 0);
	assert_int_equal(dl_token_client_verify(&nobody, DL_SPAN(""), &err), 0);
	assert_int_equal(dl_token_client_remove(home, "web", &err), 1);
	assert_int_equal(dl_token_client_remove(home, "web", &err), 0);
	assert_int_equal(dl_token_client_read(home, "web", &read, &err), 0);
	assert_int_equal(err.status, DL_EXIT_OK);
	assert_int_equal(dl_token_client_read(home, "../x", &read, &err), -1);
	assert_int_equal(err.status, DL_EXIT_USAGE);
}

/* A right secret is not called wrong where there is no memory to look. */
static void
no_memory(void **unused)
{
	struct dl_token_client c = {.name = "tight", .scope = "", .ttl_s = 60};
	char secret[DL_TOKEN_CLIENT_SECRET];
	struct rlimit was, now;
	struct dl_err err = {0};
	FILE *f = fopen("/proc/self/statm", "r");
	long pages = 0;
	int r;

	(void)unused;
	assert_non_null(f);
	assert_int_equal(dl_token_client_add(home, &c, secret, &err), 1);
	assert_int_equal(fscanf(f, "%ld", &pages), 1);
	fclose(f);
	assert_int_equal(getrlimit(RLIMIT_AS, &was), 0);
	now = was;
	now.rlim_cur = (rlim_t)(pages * sysconf(_SC_PAGESIZE)) + (16 << 20);
	assert_int_equal(setrlimit(RLIMIT_AS, &now), 0);
	r = dl_token_client_verify(&c, dl_span_str(secret), &err);
	assert_int_equal(setrlimit(RLIMIT_AS, &was), 0);
	assert_int_equal(r, -1);
	assert_int_equal(err.status, DL_EXIT_TEMP);
	assert_int_equal(
	    dl_token_client_verify(&c, dl_span_str(secret), &err), 1);
	assert_int_equal(dl_token_client_remove(home, "tight", &err), 1);
}

static int
start(void **unused)
{
	struct dl_err err = {0};

	(void)unused;
	return dl_seal_start(&err) < 0 || mkdtemp(home) == NULL ||
	       (keys = dl_seal_alloc(sizeof(*keys), &err)) == NULL;
}

static int
end(void **unused)
{
	static const char *const left[] = {"/keys/clients", "/keys/token.json",
	    "/keys/.token.lock", "/keys", ""};
	char path[128];

	(void)unused;
	dl_seal_free(keys);
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
	    cmocka_unit_test(as_rfc_8037),
	    cmocka_unit_test(public_set),
	    cmocka_unit_test(no_keys),
	    cmocka_unit_test(what_it_says),
	    cmocka_unit_test(two_are_not_the_same),
	    cmocka_unit_test(what_no_token_says),
	    cmocka_unit_test(claims_that_are_ours),
	    cmocka_unit_test(scopes),
	    cmocka_unit_test(a_life_of_keys),
	    cmocka_unit_test(no_id_is_an_option),
	    cmocka_unit_test(clients),
	    cmocka_unit_test(no_memory),
	};

	setenv("DL_NOW", "2026-01-01T00:00:00Z", 1);
	return cmocka_run_group_tests(tests, start, end);
}
