/*
 * sigv4: AWS's published examples, and random requests beside tests/sigv4.py.
 */
#include "sigv4.h"

#include "buf.h"
#include "clock.h"
#include "seal.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

/* 2015-08-30T12:36:00Z and 2013-05-24T00:00:00Z */
#define SUITE_TIME 1440938160
#define S3_TIME 1369353600

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static const char unreserved[] =
    "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    "=-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static const char sts_token[] =
    "AQoDYXdzEPT//////////"
    "wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfI"
    "eoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/"
    "kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9"
    "HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+"
    "scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";

/*
 * The AWS Signature Version 4 test suite, as awslabs/aws-c-auth has it below
 * tests/aws-signing-test-suite/v4: header-signed-request.txt of each.
 */
static const struct {
	const char *name, *method, *path, *query;
	const char *headers[5];
	const char *payload, *token, *names, *signature;
} suite[] = {
    {"get-vanilla-query-order-key-case", "GET", "/",
	"Param2=value2&Param1=value1", {NULL}, EMPTY, NULL, "host;x-amz-date",
	"b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
    {"get-vanilla-query-order-encoded", "GET", "/",
	"Param-3=Value3&Param=Value2&%E1%88%B4=Value1", {NULL}, EMPTY, NULL,
	"host;x-amz-date",
	"371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac"},
    {"get-vanilla-query-unreserved", "GET", "/", unreserved, {NULL}, EMPTY,
	NULL, "host;x-amz-date",
	"9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
    {"get-vanilla-empty-query-key", "GET", "/", "Param1=value1", {NULL}, EMPTY,
	NULL, "host;x-amz-date",
	"a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
    {"get-vanilla-utf8-query", "GET", "/", "\xe1\x88\xb4=bar", {NULL}, EMPTY,
	NULL, "host;x-amz-date",
	"2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
    {"get-utf8", "GET", "/\xe1\x88\xb4", "", {NULL}, EMPTY, NULL,
	"host;x-amz-date",
	"8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
    {"get-space-normalized", "GET", "/example space/", "", {NULL}, EMPTY, NULL,
	"host;x-amz-date",
	"652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"},
    {"get-relative-relative-normalized", "GET", "/example1/example2/../..", "",
	{NULL}, EMPTY, NULL, "host;x-amz-date",
	"5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"get-slashes-normalized", "GET", "//example//", "", {NULL}, EMPTY, NULL,
	"host;x-amz-date",
	"9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"},
    {"get-slash-dot-slash-normalized", "GET", "/./", "", {NULL}, EMPTY, NULL,
	"host;x-amz-date",
	"5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"get-slash-pointless-dot-normalized", "GET", "/./example", "", {NULL},
	EMPTY, NULL, "host;x-amz-date",
	"ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5"},
    {"get-header-value-trim", "GET", "/", "",
	{"My-Header1: value1", "My-Header2: \"a   b   c\"", NULL}, EMPTY, NULL,
	"host;my-header1;my-header2;x-amz-date",
	"acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
    {"get-header-key-duplicate", "GET", "/", "",
	{"My-Header1:value2", "My-Header1:value2", "My-Header1:value1", NULL},
	EMPTY, NULL, "host;my-header1;x-amz-date",
	"c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
    {"get-header-value-order", "GET", "/", "",
	{"My-Header1:value4", "My-Header1:value1", "My-Header1:value3",
	    "My-Header1:value2", NULL},
	EMPTY, NULL, "host;my-header1;x-amz-date",
	"08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"},
    /* There it is one header, folded: libcurl sends none of those. */
    {"get-header-value-multiline", "GET", "/", "",
	{"My-Header1:value1", "My-Header1:value2", "My-Header1:value3", NULL},
	EMPTY, NULL, "host;my-header1;x-amz-date",
	"ba17b383a53190154eb5fa66a1b836cc297cc0a3d70a5d00705980573d8ff790"},
    {"get-vanilla-with-session-token", "GET", "/", "", {NULL}, EMPTY,
	"6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267",
	"host;x-amz-date;x-amz-security-token",
	"07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8"},
    {"post-sts-header-before", "POST", "/", "", {NULL}, EMPTY, sts_token,
	"host;x-amz-date;x-amz-security-token",
	"85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"},
    {"post-vanilla-query", "POST", "/", "Param1=value1", {NULL}, EMPTY, NULL,
	"host;x-amz-date",
	"28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"},
    {"post-x-www-form-urlencoded", "POST", "/", "",
	{"Content-Type:application/x-www-form-urlencoded", "Content-Length:13",
	    "x-amz-content-sha256:"
	    "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e",
	    NULL},
	"9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e",
	NULL,
	"content-length;content-type;host;x-amz-content-sha256;x-amz-date",
	"d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b"},
};

static struct dl_sigv4 *
signer(const char *region, const char *service, const char *access,
    const char *secret, const char *token)
{
	struct dl_err err = {0};
	struct dl_sigv4 *s = dl_sigv4_new(&(struct dl_sigv4_credentials){region,
					      service, access, secret, token},
	    &err);

	assert_non_null(s);
	return s;
}

static const char *
header(const char *const *headers, const char *name)
{
	for (; *headers != NULL; headers++)
		if (strncmp(*headers, name, strlen(name)) == 0)
			return *headers + strlen(name);
	return NULL;
}

static void
the_published_suite(void **state)
{
	struct dl_buf want = {0};
	struct dl_err err = {0};
	const char *const *got;
	struct dl_sigv4 *s;

	(void)state;
	for (size_t i = 0; i < sizeof(suite) / sizeof(*suite); i++) {
		s = signer("us-east-1", "service", "AKIDEXAMPLE",
		    "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", suite[i].token);
		got = dl_sigv4_sign(s,
		    &(struct dl_sigv4_request){suite[i].method,
			DL_SPAN("example.amazonaws.com"),
			dl_span_str(suite[i].path), dl_span_str(suite[i].query),
			suite[i].headers, suite[i].payload, SUITE_TIME},
		    &err);
		assert_non_null(got);
		dl_buf_clear(&want);
		dl_buf_printf(&want,
		    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/"
		    "us-east-1/service/aws4_request, SignedHeaders=%s, "
		    "Signature=%s",
		    suite[i].names, suite[i].signature);
		if (strcmp(header(got, "Authorization: "), dl_buf_str(&want)) !=
		    0)
			print_message("# %s\n", suite[i].name);
		assert_string_equal(
		    header(got, "Authorization: "), dl_buf_str(&want));
		assert_string_equal(
		    header(got, "x-amz-date: "), "20150830T123600Z");
		assert_null(header(got, "x-amz-content-sha256: "));
		dl_sigv4_free(s);
	}
	dl_buf_release(&want);
}

/*
 * Amazon S3 API Reference, "Signature Calculations for the Authorization
 * Header: Transferring Payload in a Single Chunk", its four examples.
 */
static const struct {
	const char *method, *path, *query;
	const char *headers[4];
	const char *payload, *names, *signature;
} s3[] = {
    {"GET", "/test.txt", "", {"Range: bytes=0-9", NULL}, "",
	"host;range;x-amz-content-sha256;x-amz-date",
	"f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
    {"PUT", "/test$file.text", "",
	{"Date: Fri, 24 May 2013 00:00:00 GMT",
	    "x-amz-storage-class: REDUCED_REDUNDANCY", NULL},
	"Welcome to Amazon S3.",
	"date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
	"98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
    {"GET", "", "lifecycle", {NULL}, "", "host;x-amz-content-sha256;x-amz-date",
	"fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
    {"GET", "/", "prefix=J&max-keys=2", {NULL}, "",
	"host;x-amz-content-sha256;x-amz-date",
	"34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
};

/* By one signer, as a session of requests. */
static void
the_examples_of_s3(void **state)
{
	struct dl_sigv4 *s = signer("us-east-1", "s3", "AKIAIOSFODNN7EXAMPLE",
	    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", NULL);
	char hash[DL_SIGV4_HASH];
	struct dl_err err = {0};
	struct dl_buf want = {0};
	const char *const *got;

	(void)state;
	for (size_t i = 0; i < sizeof(s3) / sizeof(*s3); i++) {
		dl_sigv4_hash(dl_span_str(s3[i].payload), hash);
		got = dl_sigv4_sign(s,
		    &(struct dl_sigv4_request){s3[i].method,
			DL_SPAN("examplebucket.s3.amazonaws.com"),
			dl_span_str(s3[i].path), dl_span_str(s3[i].query),
			s3[i].headers, hash, S3_TIME},
		    &err);
		assert_non_null(got);
		dl_buf_clear(&want);
		dl_buf_printf(&want,
		    "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524"
		    "/us-east-1/s3/aws4_request, SignedHeaders=%s, "
		    "Signature=%s",
		    s3[i].names, s3[i].signature);
		assert_string_equal(
		    header(got, "Authorization: "), dl_buf_str(&want));
		assert_string_equal(
		    header(got, "x-amz-content-sha256: "), hash);
	}
	dl_buf_release(&want);
	dl_sigv4_free(s);
}

static const char *
sign(struct dl_sigv4 *s, const char *const *headers, int64_t sec)
{
	struct dl_err err = {0};
	const char *const *got = dl_sigv4_sign(s,
	    &(struct dl_sigv4_request){"GET", DL_SPAN("h"), DL_SPAN("/"),
		{NULL, 0}, headers, DL_SIGV4_UNSIGNED, sec},
	    &err);

	return got == NULL ? NULL : header(got, "Authorization: ");
}

static void
what_is_not_signed_and_what_is_refused(void **state)
{
	struct dl_sigv4 *s = signer("r", "s", "a", "k", NULL);
	char *plain = dl_strdup(sign(s, NULL, 0));
	const char *many[DL_SIGV4_HEADERS_MAX + 2] = {NULL};

	(void)state;
	assert_string_equal(
	    sign(s,
		(const char *const[]){"User-Agent: x", "connection: close",
		    "Accept-Encoding: gzip", "Accept:", "Accept: ", NULL},
		0),
	    plain);
	/* Without a value it is sent, and signed. */
	assert_non_null(strstr(
	    sign(s, (const char *const[]){"X-Key;", NULL}, 0), "host;x-amz-"
							       "date;x-key,"));
	/* The caller's Host is the one that is sent. */
	assert_string_equal(
	    sign(s, (const char *const[]){"Host: h", NULL}, 0), plain);
	assert_string_not_equal(
	    sign(s, (const char *const[]){"Host: i", NULL}, 0), plain);
	assert_null(
	    sign(s, (const char *const[]){"authorization: x", NULL}, 0));
	assert_null(sign(s, (const char *const[]){"X-Amz-Date: x", NULL}, 0));
	for (size_t i = 0; i <= DL_SIGV4_HEADERS_MAX; i++)
		many[i] = "a: b";
	assert_null(sign(s, many, 0));
	many[DL_SIGV4_HEADERS_MAX] = NULL;
	assert_non_null(sign(s, many, 0));
	free(plain);
	dl_sigv4_free(s);
}

/* The key is derived anew, and again where the clock goes back. */
static void
another_day_has_another_key(void **state)
{
	struct dl_sigv4 *s = signer("r", "s3", "a", "k", "t"), *other;
	char *today = dl_strdup(sign(s, NULL, S3_TIME));
	char *tomorrow = dl_strdup(sign(s, NULL, S3_TIME + 86400));

	(void)state;
	assert_string_equal(sign(s, NULL, S3_TIME), today);
	other = signer("r", "s3", "a", "k", "t");
	assert_string_equal(sign(other, NULL, S3_TIME + 86400), tomorrow);
	dl_sigv4_free(other);
	dl_sigv4_free(s);
	free(today);
	free(tomorrow);
}

static uint64_t seed = 1;

static size_t
below(size_t n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (size_t)(seed >> 33) % n;
}

/* Bytes from those that matter, and some others. */
static char *
text(const char *from, size_t most)
{
	size_t n = below(most + 1);
	char *s = dl_alloc(n + 1);

	for (size_t i = 0; i < n; i++)
		s[i] = below(8) == 0 ? (char)(1 + below(255))
		                     : from[below(strlen(from))];
	s[n] = '\0';
	return s;
}

static char *
path_text(void)
{
	char *rest = text("/ab.%2Ff+ ", 30);
	struct dl_buf b = {0};

	dl_buf_printf(&b, "/%s", rest);
	free(rest);
	dl_buf_str(&b);
	return b.p;
}

static void
hex(struct dl_buf *b, const char *name, struct dl_span s)
{
	dl_buf_printf(
	    b, "%s\"%s\":\"", b->p[b->len - 1] == '{' ? "" : ",", name);
	for (size_t i = 0; i < s.len; i++)
		dl_buf_printf(b, "%02x", (unsigned char)s.p[i]);
	dl_buf_addc(b, '"');
}

static void
add_header(struct dl_buf *b, const char *h)
{
	dl_buf_add(b, h, strlen(h) + 1);
}

static const char *const names[] = {"X-Amz-Meta-B", "x-amz-meta-a", "X-Key",
    "x-amz-server-side-encryption", "X-Amz-Meta-b", "Accept"};

/* Sign a random request, and describe it in a line for the other one. */
static void
one(FILE *in, struct dl_buf *mine)
{
	static const char *const services[] = {"s3", "es", "s3-outposts"};
	const char *service = services[below(3)], *sent[5] = {NULL};
	char *path = path_text(), *query = text("&=+%2aAb-;", 40);
	char *secret = text("abc/+", 50), *header_text[3];
	struct dl_buf line = {0}, headers = {0};
	struct dl_sigv4 *s = signer("eu", service, "AK", secret, NULL);
	struct dl_time t = {.sec = (int64_t)below(2000000000)};
	struct dl_err err = {0};
	const char *const *got;
	const char *names_at;
	char time[32], hash[DL_SIGV4_HASH];
	struct dl_date d;

	dl_sigv4_hash(dl_span_str(query), hash);
	for (size_t i = 0; i < 3; i++) {
		char *value = text(" a\tb", 12);
		struct dl_buf h = {0};

		dl_buf_printf(&h, "%s:x%s", names[below(6)], value);
		sent[i] = header_text[i] = dl_strdup(dl_buf_str(&h));
		dl_buf_release(&h);
		free(value);
		add_header(&headers, sent[i]);
	}
	got = dl_sigv4_sign(s,
	    &(struct dl_sigv4_request){"PUT", DL_SPAN("h.example:8443"),
		dl_span_str(path), dl_span_str(query), sent, hash, t.sec},
	    &err);
	assert_non_null(got);
	dl_time_date(&t, &d);
	snprintf(time, sizeof(time), "%04d%02d%02dT%02d%02d%02dZ", d.year,
	    d.month, d.day, d.hour, d.minute, d.second);
	add_header(&headers, "Host:h.example:8443");
	for (const char *const *h = got + 1; *h != NULL; h++)
		add_header(&headers, *h);
	names_at = strstr(got[0], "SignedHeaders=") + 14;
	dl_buf_printf(mine, "%.*s %s\n", (int)strcspn(names_at, ","), names_at,
	    strstr(got[0], "Signature=") + 10);

	dl_buf_addc(&line, '{');
	hex(&line, "method", DL_SPAN("PUT"));
	hex(&line, "path", dl_span_str(path));
	hex(&line, "query", dl_span_str(query));
	hex(&line, "headers", dl_buf_as_span(&headers));
	hex(&line, "payload", dl_span_str(hash));
	hex(&line, "time", dl_span_str(time));
	hex(&line, "region", DL_SPAN("eu"));
	hex(&line, "service", dl_span_str(service));
	hex(&line, "secret", dl_span_str(secret));
	fprintf(in, "%s}\n", dl_buf_str(&line));
	for (size_t i = 0; i < 3; i++)
		free(header_text[i]);
	dl_buf_release(&line);
	dl_buf_release(&headers);
	dl_sigv4_free(s);
	free(path);
	free(query);
	free(secret);
}

static void
random_requests_as_python_signs_them(void **state)
{
	char in[] = "/tmp/dl-unit.XXXXXX", command[100], got[512];
	struct dl_buf mine = {0};
	int fd = mkstemp(in);
	FILE *f = fdopen(fd, "w");
	const char *p;
	int same = 0;

	(void)state;
	assert_non_null(f);
	for (int i = 0; i < 500; i++)
		one(f, &mine);
	assert_int_equal(fclose(f), 0);
	snprintf(command, sizeof(command), "python3 tests/sigv4.py <%s", in);
	assert_non_null(f = popen(command, "r"));
	p = dl_buf_str(&mine);
	for (; fgets(got, sizeof(got), f) != NULL; p += strlen(got), same++)
		if (strncmp(p, got, strlen(got)) != 0)
			break;
	if (same < 500)
		print_message("# request %d: %s", same, got);
	assert_int_equal(same, 500);
	assert_int_equal(pclose(f), 0);
	assert_int_equal(*p, '\0');
	unlink(in);
	dl_buf_release(&mine);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_published_suite),
	    cmocka_unit_test(the_examples_of_s3),
	    cmocka_unit_test(what_is_not_signed_and_what_is_refused),
	    cmocka_unit_test(another_day_has_another_key),
	    cmocka_unit_test(random_requests_as_python_signs_them),
	};
	struct dl_err err = {0};

	if (dl_seal_start(&err) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
