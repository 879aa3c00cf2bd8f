/* jwt: whatever a token may be, it is taken apart or refused, and why. */
#include "jwt.h"

#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOW 1700000000
#define HEAD "{\"alg\":\"ES256\"}"
#define CLAIMS \
	"\"iss\":\"me\",\"aud\":\"dl\",\"sub\":\"bob\",\"exp\":1700000100"

static void
add_part(struct dl_buf *b, const char *p, size_t n)
{
	size_t max = sodium_base64_ENCODED_LEN(
	    n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);

	dl_buf_room(b, max);
	sodium_bin2base64(b->p + b->len, max, (const unsigned char *)p, n,
	    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	b->len += strlen(b->p + b->len);
}

static void
make(struct dl_buf *b, const char *header, const char *payload)
{
	dl_buf_clear(b);
	add_part(b, header, strlen(header));
	dl_buf_addc(b, '.');
	add_part(b, payload, strlen(payload));
	dl_buf_adds(b, ".AAAA");
}

/* What is said of it: "", or why not. */
static void
ask(struct dl_span token, struct dl_buf *subject, int64_t *expires_s,
    struct dl_err *err)
{
	static const char *const audiences[] = {"x", "dl", NULL};
	const struct dl_jwt_want want = {
	    .issuer = "me", .audiences = audiences, .leeway_ms = 60000};
	struct dl_jwt t = {0};

	dl_err_clear(err);
	dl_buf_clear(subject);
	if (dl_jwt_read(&t, token, err) == 0)
		dl_jwt_check(&t, &want, (int64_t)NOW * 1000 + 500, subject,
		    expires_s, err);
	dl_jwt_release(&t);
}

static void
expect(struct dl_span token, const char *label, const char *why)
{
	struct dl_buf subject = {0};
	struct dl_err err = {0};
	int64_t expires_s;

	ask(token, &subject, &expires_s, &err);
	if (why == NULL && err.status != DL_EXIT_OK)
		fail_msg("%s: %s", label, err.msg);
	if (why != NULL &&
	    (err.status != DL_EXIT_DENIED || strstr(err.msg, why) == NULL))
		fail_msg("%s: '%s', not '%s'", label, err.msg, why);
	dl_buf_release(&subject);
}

static const struct {
	const char *header, *why; /* NULL: good */
} headers[] = {
    {HEAD, NULL},
    {" { \"alg\" : \"EdDSA\" } ", NULL},
    {"{\"\\u0061lg\":\"RS25\\u0036\"}", NULL},
    {"{\"alg\":\"PS512\",\"kid\":\"a\",\"typ\":\"JWT\"}", NULL},
    {"{\"alg\":\"ES256\",\"typ\":\"At+jWt\"}", NULL},
    {"{\"alg\":\"ES256\",\"typ\":\"application/at+jwt\"}", NULL},
    {"{\"alg\":\"ES256\",\"jku\":\"http://a/\",\"jwk\":{},\"x5c\":7}", NULL},
    {"{\"alg\":\"none\"}", "algorithm is not allowed"},
    {"{\"alg\":\"None\"}", "algorithm is not allowed"},
    {"{\"alg\":\"nOnE\"}", "algorithm is not allowed"},
    {"{\"alg\":\"\"}", "algorithm is not allowed"},
    {"{\"alg\":\"HS256\"}", "algorithm is not allowed"},
    {"{\"alg\":\"ES256\\u0000\"}", "algorithm is not allowed"},
    {"{\"alg\":\"es256\"}", "algorithm is not allowed"},
    {"{\"alg\":\"ES256K\"}", "algorithm is not allowed"},
    {"{\"alg\":null}", "'alg' is not a string"},
    {"{\"alg\":[\"ES256\"]}", "'alg' is not a string"},
    {"{}", "names no algorithm"},
    {"{\"kid\":\"a\"}", "names no algorithm"},
    {"{\"alg\":\"ES256\",\"a\\u006cg\":\"none\"}", "is not JSON"},
    {"{\"alg\":\"none\",\"alg\":\"ES256\"}", "is not JSON"},
    {"{\"alg\":\"ES256\",\"x\":{\"y\":1,\"y\":2}}", "is not JSON"},
    {"{\"alg\":\"ES256\",\"kid\":7}", "'kid' is not a string"},
    {"{\"alg\":\"ES256\",\"typ\":\"\"}", "'typ' is not that"},
    {"{\"alg\":\"ES256\",\"typ\":\"JWE\"}", "'typ' is not that"},
    {"{\"alg\":\"ES256\",\"typ\":\"id+jwt\"}", "'typ' is not that"},
    {"{\"alg\":\"ES256\",\"typ\":\"dpop+jwt\"}", "'typ' is not that"},
    {"{\"alg\":\"ES256\",\"typ\":\"logout+jwt\"}", "'typ' is not that"},
    {"{\"alg\":\"ES256\",\"typ\":\"secevent+jwt\"}", "'typ' is not that"},
    {"{\"alg\":\"ES256\",\"typ\":\"JWT\\u0000\"}", "'typ' is not that"},
    {"{\"alg\":\"ES256\",\"typ\":1}", "'typ' is not a string"},
    {"{\"alg\":\"ES256\",\"crit\":[\"exp\"]}", "'crit'"},
    {"{\"alg\":\"ES256\",\"crit\":[]}", "'crit'"},
    {"{\"alg\":\"ES256\",\"cr\\u0069t\":[]}", "'crit'"},
    {"{\"alg\":\"ES256\",\"b64\":false}", "'b64'"},
    {"{\"alg\":\"ES256\",\"zip\":\"DEF\"}", "'zip'"},
    {"{\"alg\":\"ES256\",\"cty\":\"JWT\"}", "'cty'"},
    {"[\"ES256\"]", "not a JSON object"},
    {"null", "not a JSON object"},
    {"{\"alg\":\"ES256\"", "is not JSON"},
    {"{\"alg\":\"ES256\"}{}", "is not JSON"},
    {"\xef\xbb\xbf" HEAD, "is not JSON"},
    {"{\"alg\":\"ES256\",\"a\":\"\xff\"}", "is not JSON"},
    {"{\"alg\":\"ES256\",\"a\":\"\\ud800\"}", "is not JSON"},
    {" ", "is not JSON"},
};

static void
a_header_is_what_it_must_be(void **state)
{
	struct dl_buf token = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++) {
		make(&token, headers[i].header, "{" CLAIMS "}");
		expect(
		    dl_buf_as_span(&token), headers[i].header, headers[i].why);
	}
	dl_buf_release(&token);
}

/* Whole payloads, or what comes after CLAIMS where they begin with ','. */
static const struct {
	const char *payload, *why;
} payloads[] = {
    {",\"scope\":\"a\"", NULL},
    {",\"nbf\":1700000060,\"iat\":1700000060", NULL},
    {",\"nbf\":1700000061.5", "not valid yet"},
    {",\"nbf\":1e999", "'nbf' is not a time"},
    {",\"nbf\":\"1\"", "'nbf' is not a number"},
    {",\"iat\":1700000061.5", "issued in the future"},
    {",\"iat\":{}", "'iat' is not a number"},
    {",\"sub\":\"eve\"", "is not JSON"},
    {",\"\\u0073ub\":\"eve\"", "is not JSON"},
    {",\"cnf\":{\"jkt\":\"x\"}", "bound to a key"},
    {"[]", "not a JSON object"},
    {"7", "not a JSON object"},
    {"", "three parts"},
    {"{}", "another issuer"},
    /* iss */
    {"{\"aud\":\"dl\",\"sub\":\"b\",\"exp\":1700000100}", "another issuer"},
    {"{\"iss\":[\"me\"],\"aud\":\"dl\",\"sub\":\"b\",\"exp\":1700000100}",
	"another issuer"},
    {"{\"iss\":\"me\\u0000\",\"aud\":\"dl\",\"sub\":\"b\",\"exp\":1700000100}",
	"another issuer"},
    {"{\"iss\":\"Me\",\"aud\":\"dl\",\"sub\":\"b\",\"exp\":1700000100}",
	"another issuer"},
    {"{\"iss\":\"m\\u0065\",\"aud\":\"d\\u006c\",\"sub\":\"b\","
     "\"exp\":1700000100}",
	NULL},
    /* aud */
    {"{\"iss\":\"me\",\"sub\":\"b\",\"exp\":1700000100}", "another audience"},
    {"{\"iss\":\"me\",\"aud\":[\"y\",\"dl\"],\"sub\":\"b\",\"exp\":1700000100}",
	NULL},
    {"{\"iss\":\"me\",\"aud\":[],\"sub\":\"b\",\"exp\":1700000100}",
	"another audience"},
    {"{\"iss\":\"me\",\"aud\":[\"y\"],\"sub\":\"b\",\"exp\":1700000100}",
	"another audience"},
    {"{\"iss\":\"me\",\"aud\":[[\"dl\"]],\"sub\":\"b\",\"exp\":1700000100}",
	"another audience"},
    {"{\"iss\":\"me\",\"aud\":[\"dl\",1],\"sub\":\"b\",\"exp\":1700000100}",
	"another audience"},
    {"{\"iss\":\"me\",\"aud\":\"dl x\",\"sub\":\"b\",\"exp\":1700000100}",
	"another audience"},
    {"{\"iss\":\"me\",\"aud\":null,\"sub\":\"b\",\"exp\":1700000100}",
	"another audience"},
    /* exp */
    {"{\"iss\":\"me\",\"aud\":\"dl\",\"sub\":\"b\"}", "no 'exp'"},
    {"{\"iss\":\"me\",\"aud\":\"dl\",\"sub\":\"b\",\"exp\":1699999941}", NULL},
    {"{\"iss\":\"me\",\"aud\":\"dl\",\"sub\":\"b\",\"exp\":1699999940}",
	"has expired"},
    {"{\"iss\":\"me\",\"aud\":\"dl\",\"sub\":\"b\",\"exp\":0}", "has expired"},
    {"{\"iss\":\"me\",\"aud\":\"dl\",\"sub\":\"b\",\"exp\":-1}",
	"'exp' is not a time"},
    {"{\"iss\":\"me\",\"aud\":\"dl\",\"sub\":\"b\",\"exp\":1.8e9}", NULL},
    {"{\"iss\":\"me\",\"aud\":\"dl\",\"sub\":\"b\",\"exp\":1700000100.75}",
	NULL},
    {"{\"iss\":\"me\",\"aud\":\"dl\",\"sub\":\"b\",\"exp\":9007199254740992}",
	NULL},
    {"{\"iss\":\"me\",\"aud\":\"dl\",\"sub\":\"b\",\"exp\":9007199254740994}",
	"'exp' is not a time"},
    {"{\"iss\":\"me\",\"aud\":\"dl\",\"sub\":\"b\",\"exp\":1e999}",
	"'exp' is not a time"},
    {"{\"iss\":\"me\",\"aud\":\"dl\",\"sub\":\"b\",\"exp\":\"1700000100\"}",
	"'exp' is not a number"},
    {"{\"iss\":\"me\",\"aud\":\"dl\",\"sub\":\"b\",\"exp\":null}",
	"'exp' is not a number"},
    {"{\"iss\":\"me\",\"aud\":\"dl\",\"sub\":\"b\",\"exp\":NaN}",
	"is not JSON"},
    /* sub */
    {"{\"iss\":\"me\",\"aud\":\"dl\",\"exp\":1700000100}", "names nobody"},
    {"{\"iss\":\"me\",\"aud\":\"dl\",\"exp\":1700000100,\"sub\":\"\"}",
	"is not a string of"},
    {"{\"iss\":\"me\",\"aud\":\"dl\",\"exp\":1700000100,\"sub\":7,"
     "\"client_id\":\"a\"}",
	"is not a string of"},
};

static void
a_payload_is_what_it_must_be(void **state)
{
	struct dl_buf token = {0}, payload = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(payloads) / sizeof(*payloads); i++) {
		const char *p = payloads[i].payload;

		dl_buf_clear(&payload);
		dl_buf_printf(&payload, *p == ',' ? "{" CLAIMS "%s}" : "%s", p);
		make(&token, HEAD, dl_buf_str(&payload));
		expect(dl_buf_as_span(&token), p, payloads[i].why);
	}
	dl_buf_release(&payload);
	dl_buf_release(&token);
}

/* What is said of time is to the second, with the leeway in it. */
static void
expiry_is_told(void **state)
{
	struct dl_buf token = {0}, subject = {0};
	struct dl_err err = {0};
	int64_t expires_s = 0;

	(void)state;
	make(&token, HEAD, "{" CLAIMS "}");
	ask(dl_buf_as_span(&token), &subject, &expires_s, &err);
	assert_int_equal(expires_s, 1700000160);
	make(&token, HEAD,
	    "{\"iss\":\"me\",\"aud\":\"dl\",\"sub\":\"b\","
	    "\"exp\":9007199254740992}");
	ask(dl_buf_as_span(&token), &subject, &expires_s, &err);
	assert_int_equal(expires_s, 9007199254740992 + 60);
	dl_buf_release(&token);
	dl_buf_release(&subject);
}

static void
the_subject_is_fit_to_be_shown(void **state)
{
	static const struct {
		const char *claims, *subject;
	} cases[] = {
	    {"\"sub\":\"bob\"", "bob"},
	    {"\"sub\":\"b\\u00f6b\",\"client_id\":\"c\"", "b\xc3\xb6"
							  "b"},
	    {"\"azp\":\"z\",\"client_id\":\"c\"", "c"},
	    {"\"azp\":\"z\"", "z"},
	    {"\"sub\":\"a\\n\\u001b[0m\\\\\\u0000\"",
		"a\\x0a\\x1b[0m\\x5c\\x00"},
	    {"\"sub\":\"\\u007f\\u0085\\u009f\\u00a0\"",
		"\\x7f\\xc2\\x85\\xc2\\x9f\xc2\xa0"},
	};
	struct dl_buf token = {0}, payload = {0}, subject = {0};
	struct dl_err err = {0};
	int64_t expires_s;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		dl_buf_clear(&payload);
		dl_buf_printf(&payload,
		    "{\"iss\":\"me\",\"aud\":\"dl\",\"exp\":1800000000,%s}",
		    cases[i].claims);
		make(&token, HEAD, dl_buf_str(&payload));
		ask(dl_buf_as_span(&token), &subject, &expires_s, &err);
		assert_string_equal(dl_buf_str(&subject), cases[i].subject);
	}
	dl_buf_release(&token);
	dl_buf_release(&payload);
	dl_buf_release(&subject);
}

static void
lengths_have_limits(void **state)
{
	struct dl_buf token = {0}, text = {0};

	(void)state;
	for (int n = 255; n <= 256; n++) {
		dl_buf_clear(&text);
		dl_buf_printf(&text,
		    "{\"iss\":\"me\",\"aud\":\"dl\",\"exp\":1800000000,"
		    "\"sub\":\"%0*d\"}",
		    n, 7);
		make(&token, HEAD, dl_buf_str(&text));
		expect(dl_buf_as_span(&token), "sub",
		    n == 255 ? NULL : "is not a string of");
	}
	for (int n = 256; n <= 257; n++) {
		dl_buf_clear(&text);
		dl_buf_printf(
		    &text, "{\"alg\":\"ES256\",\"kid\":\"%0*d\"}", n, 7);
		make(&token, dl_buf_str(&text), "{" CLAIMS "}");
		expect(dl_buf_as_span(&token), "kid",
		    n == 256 ? NULL : "'kid' is longer than 256");
	}
	make(&token, HEAD, "{" CLAIMS "}");
	while (token.len < DL_JWT_MAX)
		dl_buf_addc(&token, 'A');
	expect(dl_buf_as_span(&token), "8192 bytes", NULL);
	dl_buf_addc(&token, 'A');
	expect(dl_buf_as_span(&token), "8193 bytes", "longer than 8192");
	dl_buf_release(&token);
	dl_buf_release(&text);
}

static void
what_is_not_three_parts_is_refused(void **state)
{
	static const char *const bad[] = {"", ".", "..", "...", "a", "a.b",
	    "a.b.", ".b.c", "a..c", "a.b.c.d", "a.b.c.", ".a.b.c", "a.b.c.d.e"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		expect(dl_span_str(bad[i]), bad[i], "three parts");
	expect((struct dl_span){0}, "nothing", "three parts");
}

/* Each byte of a good token cut off, and each of them changed. */
static void
a_damaged_token_is_refused_or_read(void **state)
{
	struct dl_buf token = {0}, part = {0}, subject = {0};
	struct dl_err err = {0};
	int64_t expires_s;

	(void)state;
	make(&token, "{\"alg\":\"ES256\",\"kid\":\"a\\n\"}", "{" CLAIMS "}");
	for (size_t i = 0; i < token.len; i++) {
		/* At the end of a page of its own, for the sanitizer. */
		char *copy = dl_strndup(dl_span(token.p, i));

		ask(dl_span(copy, i), &subject, &expires_s, &err);
		if (i < token.len - 4)
			assert_int_equal(err.status, DL_EXIT_DENIED);
		free(copy);
		for (int c = 0; c < 256; c += 5) {
			dl_buf_clear(&part);
			dl_buf_span(&part, dl_buf_as_span(&token));
			part.p[i] = (char)c;
			ask(dl_buf_as_span(&part), &subject, &expires_s, &err);
		}
	}
	dl_buf_release(&token);
	dl_buf_release(&part);
	dl_buf_release(&subject);
}

static void
base64url_is_strict(void **state)
{
	static const struct {
		const char *text, *bytes;
	} cases[] = {{"", ""}, {"QQ", "A"}, {"QUI", "AB"}, {"QUJD", "ABC"},
	    {"-_-_", "\xfb\xff\xbf"}, {"QR", NULL}, {"QUJ", NULL}, {"Q", NULL},
	    {"QQ==", NULL}, {"QQ=", NULL}, {"QUJD=", NULL}, {"Q Q", NULL},
	    {"QQ\n", NULL}, {"+/+/", NULL}, {"QUJD.", NULL},
	    {"\xc3\xa4", NULL}};
	struct dl_buf b = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		dl_buf_clear(&b);
		assert_int_equal(dl_jwt_decode(dl_span_str(cases[i].text), &b),
		    cases[i].bytes != NULL);
		if (cases[i].bytes != NULL)
			assert_true(
			    dl_span_is(dl_buf_as_span(&b), cases[i].bytes));
	}
	dl_buf_release(&b);
}

static void
parts_are_told(void **state)
{
	struct dl_jwt t = {0};
	struct dl_buf token = {0};
	struct dl_err err = {0};

	(void)state;
	make(&token, "{\"kid\":\"\\u0061b\",\"alg\":\"PS384\"}", "{\"a\":1}");
	assert_int_equal(dl_jwt_read(&t, dl_buf_as_span(&token), &err), 0);
	assert_int_equal(t.alg, DL_JWT_PS384);
	assert_string_equal(dl_jwt_alg_name(t.alg), "PS384");
	assert_true(dl_span_is(t.kid, "ab"));
	assert_true(dl_span_is(t.payload, "{\"a\":1}"));
	assert_true(dl_span_is(t.signature, "AAAA"));
	assert_int_equal(t.signed_part.len, token.len - 5);
	make(&token, HEAD, "{}");
	assert_int_equal(dl_jwt_read(&t, dl_buf_as_span(&token), &err), 0);
	assert_null(t.kid.p);
	dl_jwt_release(&t);
	dl_buf_release(&token);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_header_is_what_it_must_be),
	    cmocka_unit_test(a_payload_is_what_it_must_be),
	    cmocka_unit_test(expiry_is_told),
	    cmocka_unit_test(the_subject_is_fit_to_be_shown),
	    cmocka_unit_test(lengths_have_limits),
	    cmocka_unit_test(what_is_not_three_parts_is_refused),
	    cmocka_unit_test(a_damaged_token_is_refused_or_read),
	    cmocka_unit_test(base64url_is_strict),
	    cmocka_unit_test(parts_are_told),
	};

	return cmocka_run_group_tests_name("jwt", tests, NULL, NULL);
}
