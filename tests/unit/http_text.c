/* http_text: what clients send is read as the RFCs have it, or refused. */
#include "http_text.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
escapes_are_decoded_once(void **state)
{
	static const struct {
		const char *raw, *text; /* NULL: refused */
	} cases[] = {
	    {"", ""},
	    {"wagon-7", "wagon-7"},
	    {"a%2Fb%2fc", "a/b/c"},
	    {"%2541", "%41"},
	    {"a+b", "a+b"},
	    {"a%20b", "a b"},
	    {"%C3%A9", "\xc3\xa9"},
	    {"\xc3\xa9", "\xc3\xa9"},
	    {"%F0%9F%9A%82", "\xf0\x9f\x9a\x82"},
	    {"%01%7f", "\x01\x7f"},
	    {"%", NULL},
	    {"a%2", NULL},
	    {"%GG", NULL},
	    {"%0g", NULL},
	    {"%+1", NULL},
	    {"%00", NULL},
	    {"a%00b", NULL},
	    {"%FF", NULL},
	    {"%C3", NULL},
	    {"%C0%AF", NULL},
	    {"%ED%A0%80", NULL},
	    {"%F4%90%80%80", NULL},
	    {"\xff", NULL},
	};
	struct dl_buf b = {0};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		bool good;

		dl_buf_clear(&b);
		dl_buf_adds(&b, "before ");
		good = dl_http_decode(dl_span_str(cases[i].raw), &b);
		assert_int_equal(good, cases[i].text != NULL);
		assert_memory_equal(b.p, "before ", 7);
		assert_string_equal(
		    dl_buf_str(&b) + 7, good ? cases[i].text : "");
	}
	dl_buf_clear(&b);
	assert_false(dl_http_decode(dl_span("a\0b", 3), &b));
	dl_buf_release(&b);
}

static void
a_parameter_is_found(void **state)
{
	static const struct {
		const char *query, *name;
		int found;
		const char *value;
	} cases[] = {
	    {"", "a", 0, ""},
	    {"a=1", "a", 1, "1"},
	    {"a=1&b=2", "b", 1, "2"},
	    {"b=2&a=1", "a", 1, "1"},
	    {"aa=1", "a", 0, ""},
	    {"a", "a", 1, ""},
	    {"a=", "a", 1, ""},
	    {"a=b=c", "a", 1, "b=c"},
	    {"a=x%26y%3D", "a", 1, "x&y="},
	    {"%61=1", "a", 1, "1"},
	    {"&&a=1&", "a", 1, "1"},
	    {"a=1&a=1", "a", -1, ""},
	    {"a=1&%61=2", "a", -1, ""},
	    {"a&a", "a", -1, ""},
	    {"a=%", "a", -1, ""},
	    {"a=%00", "a", -1, ""},
	    {"a=%ff", "a", -1, ""},
	    {"b=%&a=1", "a", 1, "1"},
	    {"%zz=1&a=2", "a", 1, "2"},
	    {"A=1", "a", 0, ""},
	};
	struct dl_buf b = {0};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		struct dl_err err = {0};

		dl_buf_clear(&b);
		assert_int_equal(
		    dl_http_query_param(
			dl_span_str(cases[i].query), cases[i].name, &b, &err),
		    cases[i].found);
		assert_string_equal(dl_buf_str(&b), cases[i].value);
		assert_int_equal(cases[i].found < 0, err.status != DL_EXIT_OK);
	}
	assert_int_equal(
	    dl_http_query_param((struct dl_span){0}, "a", &b, NULL), 0);
	dl_buf_release(&b);
}

static void
a_target_is_split(void **state)
{
	static const struct {
		const char *target, *path, *query; /* NULL: refused; none */
	} cases[] = {
	    {"/", "/", NULL},
	    {"/a/b", "/a/b", NULL},
	    {"/a?", "/a", ""},
	    {"/a?b=c", "/a", "b=c"},
	    {"/a?b?c", "/a", "b?c"},
	    {"//a", "//a", NULL},
	    {"/%2e%2E/..", "/%2e%2E/..", NULL},
	    {"/\xc3\xa9", "/\xc3\xa9", NULL},
	    {"*", "*", NULL},
	    {"http://h/a?b", "/a", "b"},
	    {"HTTPS://h:8443/a", "/a", NULL},
	    {"http://h", "/", NULL},
	    {"http://h?q", "/", "q"},
	    {"http://", "/", NULL},
	    {"", NULL, NULL},
	    {"a", NULL, NULL},
	    {"?a", NULL, NULL},
	    {"h:443", NULL, NULL},
	    {"ftp://h/a", NULL, NULL},
	    {"/a#b", NULL, NULL},
	    {"/a?b#c", NULL, NULL},
	    {"/a b", NULL, NULL},
	    {"/a\tb", NULL, NULL},
	    {"/a\x7f", NULL, NULL},
	    {"/a\r\nX: y", NULL, NULL},
	};
	struct dl_span path, query;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		bool good =
		    dl_http_split(dl_span_str(cases[i].target), &path, &query);

		assert_int_equal(good, cases[i].path != NULL);
		if (!good)
			continue;
		assert_true(dl_span_is(path, cases[i].path));
		assert_int_equal(query.p == NULL, cases[i].query == NULL);
		if (query.p != NULL)
			assert_true(dl_span_is(query, cases[i].query));
	}
	assert_false(dl_http_split(dl_span("/a\0", 3), &path, &query));
	assert_false(dl_http_split((struct dl_span){0}, &path, &query));
}

static void
gzip_is_taken_or_not(void **state)
{
	static const struct {
		const char *accept;
		bool takes;
	} cases[] = {
	    {"gzip", true},
	    {"GZIP", true},
	    {"deflate, gzip, br", true},
	    {"gzip;q=0.001", true},
	    {"gzip; q=1", true},
	    {"x-gzip", true},
	    {"*", true},
	    {"br;q=1, *;q=0.5", true},
	    {"", false},
	    {"identity", false},
	    {"gzipped", false},
	    {"gzip;q=0", false},
	    {"gzip ; q = 0.000", false},
	    {"*;q=0", false},
	    {"*, gzip;q=0", false},
	    {"gzip;q=0, *", false},
	    {"br", false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++)
		assert_int_equal(
		    dl_http_takes_gzip(dl_span_str(cases[i].accept)),
		    cases[i].takes);
	assert_false(dl_http_takes_gzip((struct dl_span){0}));
}

static void
tags_are_compared_weakly(void **state)
{
	static const struct {
		const char *header;
		bool listed;
	} cases[] = {
	    {"\"abc\"", true},
	    {"W/\"abc\"", true},
	    {"\"x\", \"abc\"", true},
	    {"\"x,y\",\"abc\"", true},
	    {" * ", true},
	    {"\"ab\"", false},
	    {"\"abcd\"", false},
	    {"abc", false},
	    {"", false},
	    {"\"abc", false},
	    {"\"*\"", false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		assert_int_equal(
		    dl_http_tag_listed(
			dl_span_str(cases[i].header), DL_SPAN("\"abc\"")),
		    cases[i].listed);
		assert_int_equal(
		    dl_http_tag_listed(
			dl_span_str(cases[i].header), DL_SPAN("W/\"abc\"")),
		    cases[i].listed);
	}
}

static void
ids_and_lengths_are_plain(void **state)
{
	static const char *const good[] = {
	    "a", "0123456789abcdef0123456789ABCDEF", "a.b_c-d"};
	static const char *const bad[] = {"", "a b", "a\n", "\"", "a/b",
	    "0123456789abcdef0123456789ABCDEF0", "\xc3\xa9", "{", "@"};
	int64_t n;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(good); i++)
		assert_true(dl_http_good_id(dl_span_str(good[i])));
	for (i = 0; i < COUNT(bad); i++)
		assert_false(dl_http_good_id(dl_span_str(bad[i])));
	assert_false(dl_http_good_id((struct dl_span){0}));
	assert_true(dl_http_length(DL_SPAN("0"), &n) && n == 0);
	assert_true(dl_http_length(DL_SPAN(" 42 "), &n) && n == 42);
	assert_true(dl_http_length(DL_SPAN("1000000000000"), &n));
	assert_int_equal(n, 1000000000000);
	assert_false(dl_http_length(DL_SPAN(""), &n));
	assert_false(dl_http_length(DL_SPAN("+5"), &n));
	assert_false(dl_http_length(DL_SPAN("-5"), &n));
	assert_false(dl_http_length(DL_SPAN("0x5"), &n));
	assert_false(dl_http_length(DL_SPAN("5,5"), &n));
	assert_false(dl_http_length(DL_SPAN("5 5"), &n));
	assert_false(dl_http_length(DL_SPAN("9223372036854775808"), &n));
	assert_false(dl_http_length(DL_SPAN("99999999999999999999999"), &n));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(escapes_are_decoded_once),
	    cmocka_unit_test(a_parameter_is_found),
	    cmocka_unit_test(a_target_is_split),
	    cmocka_unit_test(gzip_is_taken_or_not),
	    cmocka_unit_test(tags_are_compared_weakly),
	    cmocka_unit_test(ids_and_lengths_are_plain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
