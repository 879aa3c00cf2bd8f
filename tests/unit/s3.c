/* lib/s3: addresses, URLs, XML, and what failures mean. */
#include "s3_private.h"
#include "s3_xml.h"

#include "s3_env.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct {
	struct dl_s3_options o;
	struct dl_err err;
} t;

static int
fresh(void **state)
{
	(void)state;
	memset(&t.o, 0, sizeof(t.o));
	dl_err_clear(&t.err);
	return 0;
}

static struct dl_s3 *
make(const char *address)
{
	struct dl_s3 *s = dl_s3_new(address, &t.o, &t.err);

	if (s == NULL)
		print_message("%s\n", t.err.msg);
	return s;
}

static void
addresses(void **state)
{
	static const char *const good[][2] = {
	    {"s3://bucket", "s3://bucket"},
	    {"s3://bucket/", "s3://bucket"},
	    {"s3://my.bucket-1/a", "s3://my.bucket-1/a"},
	    {"s3://bucket/a/b c/d=e/", "s3://bucket/a/b c/d=e"},
	};
	static const char *const bad[] = {"s3:/bucket", "bucket", "S3://bucket",
	    "s3://", "s3://ab", "s3:///a", "s3://-bucket", "s3://buck et",
	    "s3://bucket?x", "s3://bucket:80/a", "s3://user@bucket",
	    "s3://bucket//", "s3://bucket//a", "s3://bucket/a//b",
	    "s3://bucket/a/../b", "s3://bucket/.", "s3://bucket/a\nb",
	    ("s3://a123456789012345678901234567890123456789012345678901234567"
	     "890123")};
	char *longest;
	struct dl_s3 *s;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_non_null(s = make(good[i][0]));
		assert_string_equal(dl_s3_name(s), good[i][1]);
		assert_true(dl_s3_is(good[i][0]));
		dl_s3_free(s);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		dl_err_clear(&t.err);
		assert_null(dl_s3_new(bad[i], &t.o, &t.err));
		assert_int_equal(t.err.status, DL_EXIT_USAGE);
	}
	longest = dl_calloc(1, 600);
	memset(longest, 'a', 599);
	memcpy(longest, "s3://bucket/", 12);
	dl_err_clear(&t.err);
	assert_null(dl_s3_new(longest, &t.o, &t.err));
	free(longest);
}

static void
urls(void **state)
{
	static const struct {
		const char *address, *endpoint, *region;
		enum dl_s3_style style;
		const char *key, *query, *url, *path;
	} v[] = {
	    {"s3://bucket", NULL, NULL, 0, "k", NULL,
		"https://bucket.s3.us-east-1.amazonaws.com/k", "/k"},
	    {"s3://bucket", NULL, "eu-west-1", 0, NULL, "a=b",
		"https://bucket.s3.eu-west-1.amazonaws.com/?a=b", "/"},
	    {"s3://bucket/p", NULL, "cn-north-1", 0, "k", NULL,
		"https://bucket.s3.cn-north-1.amazonaws.com.cn/p/k", "/p/k"},
	    {"s3://my.bucket", NULL, NULL, 0, "k", NULL,
		"https://s3.us-east-1.amazonaws.com/my.bucket/k",
		"/my.bucket/k"},
	    {"s3://Bucket", NULL, NULL, 0, NULL, NULL,
		"https://s3.us-east-1.amazonaws.com/Bucket", "/Bucket"},
	    {"s3://bucket", NULL, NULL, DL_S3_STYLE_PATH, "k", NULL,
		"https://s3.us-east-1.amazonaws.com/bucket/k", "/bucket/k"},
	    {"s3://bucket/p/q/", "http://localhost:9000/", NULL, 0, "a/b", "x=",
		"http://localhost:9000/bucket/p/q/a/b?x=", "/bucket/p/q/a/b"},
	    {"s3://bucket", "https://s3.example.com:443", NULL,
		DL_S3_STYLE_VIRTUAL, "k", NULL,
		"https://bucket.s3.example.com/k", "/k"},
	    {"s3://bucket", "http://[::1]:81", NULL, 0, NULL, "a",
		"http://[::1]:81/bucket?a", "/bucket"},
	    {"s3://bucket/a b", "http://h", NULL, 0,
		"dt=1/\xc3\xa9+&?#%/../~-._", NULL,
		"http://h/bucket/a%20b/dt%3D1/%C3%A9%2B%26%3F%23%25/../~-._",
		"/bucket/a%20b/dt%3D1/%C3%A9%2B%26%3F%23%25/../~-._"},
	};
	struct dl_buf b = {0};
	struct dl_span path;
	struct dl_s3 *s;

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		t.o = (struct dl_s3_options){.endpoint = v[i].endpoint,
		    .region = v[i].region,
		    .style = v[i].style};
		assert_non_null(s = make(v[i].address));
		dl_s3_url_make(s, v[i].key, v[i].query, &b, &path);
		assert_string_equal(dl_buf_str(&b), v[i].url);
		assert_int_equal(path.len, strlen(v[i].path));
		assert_memory_equal(path.p, v[i].path, path.len);
		dl_s3_free(s);
	}
	dl_buf_release(&b);
}

static void
options(void **state)
{
	static const struct dl_s3_options bad[] = {
	    {.endpoint = "localhost:9000"}, {.endpoint = "ftp://h"},
	    {.endpoint = "http://user:word@h"}, {.endpoint = "http://h/word"},
	    {.endpoint = "http://h?word"}, {.endpoint = "http://"},
	    {.endpoint = "https://h h:word"}, {.region = "us east"},
	    {.region = "a/b"}, {.sse = "rot13"}, {.sse_key_id = "k"},
	    {.sse = "AES256", .sse_key_id = "k"}, {.tags = "a=b\r\nc"},
	    {.storage_class = "A B"}, {.ca = "/nonexistent/ca"}};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		dl_err_clear(&t.err);
		assert_null(dl_s3_new("s3://bucket", &bad[i], &t.err));
		assert_int_equal(t.err.status, DL_EXIT_CONF);
		assert_null(strstr(t.err.msg, "word"));
	}
}

static void
unescape(void **state)
{
	static const char *const v[][2] = {{"", ""}, {"a", "a"},
	    {"a%20b+c%2B", "a b c+"}, {"%C3%a9", "\xc3\xa9"}, {"%", "%"},
	    {"%2", "%2"}, {"%zz%41", "%zzA"}, {"%%41", "%A"}};
	struct dl_buf b = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		dl_buf_clear(&b);
		dl_s3_url_unescape(&b, dl_span_str(v[i][0]));
		assert_string_equal(dl_buf_str(&b), v[i][1]);
	}
	dl_buf_release(&b);
}

static int
note(void *arg, const char *path, struct dl_span text, struct dl_err *err)
{
	(void)err;
	dl_buf_printf(arg, "%s=%s;", path, text.p == NULL ? "-" : text.p);
	return strcmp(path, "stop") == 0 ? dl_err_temp(err, "stopped") : 0;
}

static void
xml(void **state)
{
	static const struct {
		const char *text, *want; /* NULL: refused */
	} v[] = {
	    {"<a/>", "a=;"},
	    {"<?xml version=\"1.0\"?>\n<a x='1'> <b> c \n</b> d <e/></a>\n",
		"a/b=c;a/e=;a=-;"},
	    {"<n:a xmlns:n='u'><n:b>&lt;&#65;<![CDATA[<]]></n:b></n:a>",
		"a/b=<A<;a=-;"},
	    {"<a>x</a><b/>", NULL},
	    {"<a>", NULL},
	    {"<a></b>", NULL},
	    {"", NULL},
	    {"not", NULL},
	    {"<a>\xff</a>", NULL},
	    {"<a>&b;</a>", NULL},
	    {"<!DOCTYPE a><a/>", NULL},
	    {"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", NULL},
	    {"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>", NULL},
	    {"<1><2><3><4><5><6><7><8><9/>", NULL},
	    {"<a><a><a><a><a><a><a><a/></a></a></a></a></a></a></a>",
		"a/a/a/a/a/a/a/a=;a/a/a/a/a/a/a=-;a/a/a/a/a/a=-;a/a/a/a/a=-;"
		"a/a/a/a=-;a/a/a=-;a/a=-;a=-;"},
	    {"<a><a><a><a><a><a><a><a><a/></a></a></a></a></a></a></a></a>",
		NULL},
	    {"<stop/>", NULL},
	};
	struct dl_buf b = {0}, big = {0};
	int r;

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		dl_buf_clear(&b);
		dl_err_clear(&t.err);
		r = dl_s3_xml_parse(dl_span_str(v[i].text), note, &b, &t.err);
		assert_int_equal(r, v[i].want == NULL ? -1 : 0);
		assert_int_equal(r < 0, t.err.status != DL_EXIT_OK);
		if (r == 0)
			assert_string_equal(dl_buf_str(&b), v[i].want);
	}
	for (int bad = 0; bad < 2; bad++) {
		dl_buf_clear(&big);
		dl_err_clear(&t.err);
		dl_buf_adds(&big, "<a>");
		for (int i = 0; i < DL_S3_XML_TEXT + bad; i++)
			dl_buf_addc(&big, 'x');
		dl_buf_adds(&big, "</a>");
		assert_int_equal(
		    dl_s3_xml_parse(dl_buf_as_span(&big), note, &b, &t.err),
		    -bad);
	}
	dl_buf_clear(&big);
	dl_err_clear(&t.err);
	dl_buf_addc(&big, '<');
	for (int i = 0; i < DL_S3_XML_PATH; i++)
		dl_buf_addc(&big, 'x');
	dl_buf_adds(&big, "/>");
	assert_int_equal(
	    dl_s3_xml_parse(dl_buf_as_span(&big), note, &b, &t.err), -1);
	dl_buf_release(&big);
	dl_buf_release(&b);
}

#define BODY(code) "<Error><Code>" code "</Code></Error>"

static void
failures(void **state)
{
	static const struct {
		int status;
		const char *body;
		int expect;
		enum dl_s3_result result;
		enum dl_exit exit;
		const char *says;
	} v[] = {
	    {503, BODY("SlowDown"), 0, DL_S3_AGAIN, 75, "SlowDown"},
	    {500, "", 0, DL_S3_AGAIN, 75, "HTTP status 500"},
	    {599, "garbage", 0, DL_S3_AGAIN, 75, "HTTP status 599"},
	    {429, "", 0, DL_S3_AGAIN, 75, ""},
	    {400, BODY("RequestTimeout"), 0, DL_S3_AGAIN, 75, ""},
	    {409, BODY("ConditionalRequestConflict"), 0, DL_S3_AGAIN, 75, ""},
	    {409, BODY("OperationAborted"), DL_S3_PRESENT, DL_S3_AGAIN, 75, ""},
	    {307, BODY("TemporaryRedirect"), 0, DL_S3_AGAIN, 75, ""},
	    {403, BODY("QuotaExceeded"), 0, DL_S3_AGAIN, 75, "quota"},
	    {403,
		"<Error><Code>AccessDenied</Code><Message>you are "
		"nobody</Message></Error>",
		0, DL_S3_FAIL, 77, "(AccessDenied): you are nobody"},
	    {403, "", 0, DL_S3_FAIL, 77, "HTTP status 403"},
	    {401, "<html>", 0, DL_S3_FAIL, 77, ""},
	    {403, BODY("InvalidAccessKeyId"), 0, DL_S3_FAIL, 77, "access key"},
	    {403, BODY("SignatureDoesNotMatch"), 0, DL_S3_FAIL, 77, "secret"},
	    {400, BODY("ExpiredToken"), 0, DL_S3_FAIL, 77, "expired"},
	    {403, BODY("RequestTimeTooSkewed"), 0, DL_S3_FAIL, 77, "clock"},
	    {407, "", 0, DL_S3_FAIL, 77, "proxy"},
	    {404, BODY("NoSuchBucket"), DL_S3_ABSENT, DL_S3_FAIL, 78, "bucket"},
	    {404, BODY("NoSuchKey"), DL_S3_ABSENT, DL_S3_DONE, 0, NULL},
	    {404, BODY("NoSuchKey"), 0, DL_S3_FAIL, 78, "NoSuchKey"},
	    {404, "", DL_S3_ABSENT, DL_S3_FAIL, 78, "HTTP status 404"},
	    {404, BODY("NoSuchUpload"), DL_S3_NO_UPLOAD, DL_S3_DONE, 0, NULL},
	    {404, BODY("NoSuchUpload"), DL_S3_ABSENT, DL_S3_FAIL, 75, "gone"},
	    {412, "", DL_S3_PRESENT, DL_S3_DONE, 0, NULL},
	    {500, BODY("PreconditionFailed"), DL_S3_PRESENT, DL_S3_DONE, 0,
		NULL},
	    {412, "", 0, DL_S3_FAIL, 78, ""},
	    {416, "", DL_S3_RANGE, DL_S3_DONE, 0, NULL},
	    {301,
		"<Error><Code>PermanentRedirect</Code><Region>eu-west-1"
		"</Region></Error>",
		0, DL_S3_FAIL, 78, "in the region 'eu-west-1'"},
	    {400, BODY("AuthorizationHeaderMalformed"), 0, DL_S3_FAIL, 78,
		"region than 'us-east-1'"},
	    {400, BODY("InvalidStorageClass"), 0, DL_S3_FAIL, 78, "Invalid"},
	    {400, BODY("<b/>x"), 0, DL_S3_FAIL, 78, "HTTP status 400"},
	    {400, BODY("\xc2\x9b;31m"), 0, DL_S3_FAIL, 78, "HTTP status 400"},
	    {302, "", 0, DL_S3_FAIL, 78, "endpoint"},
	    {501, BODY("NotImplemented"), 0, DL_S3_FAIL, 78, "how to do it"},
	};
	struct dl_s3_answer a;
	struct dl_s3_request r = {.method = "PUT", .key = "k"};
	struct dl_s3 *s = make("s3://bucket/p");

	(void)state;
	assert_non_null(s);
	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		a = (struct dl_s3_answer){.status = v[i].status, .date_ms = -1};
		dl_err_clear(&t.err);
		dl_s3_fail_take(&a, dl_span_str(v[i].body));
		r.expect = v[i].expect;
		assert_int_equal(
		    dl_s3_fail_answer(s, &r, &a, &t.err), v[i].result);
		assert_int_equal(t.err.status, v[i].exit);
		if (v[i].says == NULL)
			continue;
		assert_non_null(strstr(t.err.msg, v[i].says));
		assert_ptr_equal(
		    strstr(t.err.msg, "s3://bucket/p/k: "), t.err.msg);
	}
	/* A HEAD has no body. */
	r.method = "HEAD";
	r.expect = DL_S3_ABSENT;
	a = (struct dl_s3_answer){.status = 404};
	assert_int_equal(dl_s3_fail_answer(s, &r, &a, &t.err), DL_S3_DONE);
	a = (struct dl_s3_answer){.status = 400, .region = "eu-west-1"};
	dl_err_clear(&t.err);
	assert_int_equal(dl_s3_fail_answer(s, &r, &a, &t.err), DL_S3_FAIL);
	assert_non_null(strstr(t.err.msg, "'eu-west-1'"));
	dl_s3_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(addresses, fresh),
	    cmocka_unit_test_setup(urls, fresh),
	    cmocka_unit_test_setup(options, fresh),
	    cmocka_unit_test_setup(unescape, fresh),
	    cmocka_unit_test_setup(xml, fresh),
	    cmocka_unit_test_setup(failures, fresh),
	};

	plain_environment();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
