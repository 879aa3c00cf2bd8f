/* template: names become values, and no value leaves its place. */
#include "template.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#define CURSOR DL_TEMPLATE_HAS(DL_TEMPLATE_CURSOR)
#define FROM DL_TEMPLATE_HAS(DL_TEMPLATE_FROM)
#define TO DL_TEMPLATE_HAS(DL_TEMPLATE_TO)
#define PAGE DL_TEMPLATE_HAS(DL_TEMPLATE_PAGE)

static struct dl_template_value
at(const char *text)
{
	struct dl_template_value v = {.is_time = true};
	struct dl_err err = {0};

	assert_int_equal(dl_time_parse(dl_span_str(text), &v.time, &err), 0);
	return v;
}

static void
fills(const char *text, enum dl_template_into into,
    const struct dl_template_values *v, const char *want)
{
	struct dl_buf b = {0};
	struct dl_err err = {0};
	unsigned int names = 0;

	assert_int_equal(dl_template_check(text, into, &names, &err), 0);
	assert_int_equal(dl_template_fill(&b, text, into, v, &err), 0);
	assert_string_equal(dl_buf_str(&b), want);
	dl_buf_release(&b);
}

static void
refuses(const char *text, enum dl_template_into into,
    const struct dl_template_values *v, const char *why)
{
	struct dl_buf b = {0};
	struct dl_err err = {0};

	assert_int_equal(dl_template_fill(&b, text, into, v, &err), -1);
	assert_int_equal(err.status, DL_EXIT_DATA);
	assert_non_null(strstr(err.msg, why));
	dl_buf_release(&b);
}

static void
values_are_put_in(void **state)
{
	struct dl_template_values v = {
	    {{.text = DL_SPAN("a b/c")}, at("2024-02-29T00:00:00Z"),
		at("2024-03-01T00:00:00Z"), {.text = DL_SPAN("7")}}};

	(void)state;
	fills("https://h/x", DL_TEMPLATE_URL, &v, "https://h/x");
	fills("https://h/{page}?s={cursor}", DL_TEMPLATE_URL, &v,
	    "https://h/7?s=a%20b%2Fc");
	fills("https://h/?f={from}&t={to}", DL_TEMPLATE_URL, &v,
	    "https://h/?f=2024-02-29T00%3A00%3A00Z&"
	    "t=2024-03-01T00%3A00%3A00Z");
	fills("https://h/{from:%Y/%m/%d}.json?{to:%s}", DL_TEMPLATE_URL, &v,
	    "https://h/2024/02/29.json?1709251200");
	fills("file:///srv/{from:%j}", DL_TEMPLATE_URL, &v, "file:///srv/060");
	fills("https://h/?{from:s},{from:ms},{from:us},{from:ns}",
	    DL_TEMPLATE_URL, &v,
	    "https://h/?1709164800,1709164800000,1709164800000000,"
	    "1709164800000000000");
	fills("{\"since\": \"{cursor}\", \"page\": {page}, \"a\": {}}",
	    DL_TEMPLATE_JSON, &v,
	    "{\"since\": \"a b/c\", \"page\": 7, \"a\": {}}");
	fills("a={cursor}&b={from:rfc3339}", DL_TEMPLATE_FORM, &v,
	    "a=a%20b%2Fc&b=2024-02-29T00%3A00%3A00Z");
	fills("X: {cursor}{nothing}", DL_TEMPLATE_HEADER, &v,
	    "X: a b/c{nothing}");
	fills("get {from} '{to:%F}' ${from} {x} {page}", DL_TEMPLATE_COMMAND,
	    &v, "get 2024-02-29T00:00:00Z '2024-03-01' ${from} {x} 7");
}

static void
what_is_absent_is_empty(void **state)
{
	struct dl_template_values v = {0};

	(void)state;
	fills("https://h/?p={page}&c={cursor}", DL_TEMPLATE_URL, &v,
	    "https://h/?p=&c=");
}

static void
no_value_leaves_its_place(void **state)
{
	struct dl_template_values v = {
	    {{.text = DL_SPAN("\"}\r\n<&'$(x);`y`\\")}, {.is_time = false},
		{.is_time = false}, {.is_time = false}}};

	(void)state;
	fills("https://h/{cursor}", DL_TEMPLATE_URL, &v,
	    "https://h/%22%7D%0D%0A%3C%26%27%24%28x%29%3B%60y%60%5C");
	fills("{\"a\":\"{cursor}\"}", DL_TEMPLATE_JSON, &v,
	    "{\"a\":\"\\\"}\\r\\n<&'$(x);`y`\\\\\"}");
	fills("<a b='{cursor}'/>", DL_TEMPLATE_XML, &v,
	    "<a b='&#34;}\r\n&#60;&#38;&#39;$(x);`y`\\'/>");
	refuses("X: {cursor}", DL_TEMPLATE_HEADER, &v, "control");
	refuses("x {cursor}", DL_TEMPLATE_COMMAND, &v, "command");
	v.of[DL_TEMPLATE_CURSOR].text = DL_SPAN("-rf");
	refuses("x {cursor}", DL_TEMPLATE_COMMAND, &v, "option");
	v.of[DL_TEMPLATE_CURSOR].text = DL_SPAN("-12.5");
	fills("x {cursor}", DL_TEMPLATE_COMMAND, &v, "x -12.5");
	v.of[DL_TEMPLATE_CURSOR].text = DL_SPAN("\xff");
	refuses("{\"a\":\"{cursor}\"}", DL_TEMPLATE_JSON, &v, "UTF-8");

	/* Without quotes around it a value could bring others along. */
	v.of[DL_TEMPLATE_PAGE].text = DL_SPAN("1,\"admin\":true");
	refuses("{\"a\":\"\\\"{page}\",\"b\":{page}}", DL_TEMPLATE_JSON, &v,
	    "no number");
	v.of[DL_TEMPLATE_PAGE].text = DL_SPAN("-1.5e3");
	fills("{\"a\":\"\\\"{page}\",\"b\":{page}}", DL_TEMPLATE_JSON, &v,
	    "{\"a\":\"\\\"-1.5e3\",\"b\":-1.5e3}");
	assert_int_equal(
	    dl_template_bare("{\"a\":\"{from}{\\\"{to}\",\"b\":[{page}]}"),
	    PAGE);

	/* A path's own way up. */
	v.of[DL_TEMPLATE_PAGE].text = DL_SPAN("..");
	refuses("https://h/a/{page}/b", DL_TEMPLATE_URL, &v, "'.' or '..'");
	v.of[DL_TEMPLATE_PAGE].text = DL_SPAN("a..");
	fills("https://h/a/{page}/b", DL_TEMPLATE_URL, &v, "https://h/a/a../b");
	refuses("{cursor:%Y}", DL_TEMPLATE_HEADER, &v, "no time");
	/* A time that is no word is written as one. */
	v.of[DL_TEMPLATE_FROM] = at("2026-01-01T10:00:00Z");
	v.of[DL_TEMPLATE_FROM].text = DL_SPAN("2026-01-01 10:00:00Z");
	fills("x {from}", DL_TEMPLATE_COMMAND, &v, "x 2026-01-01T10:00:00Z");
	fills("X: {from}", DL_TEMPLATE_HEADER, &v, "X: 2026-01-01 10:00:00Z");
	assert_true(dl_template_fits(DL_SPAN("a b"), DL_TEMPLATE_URL));
	assert_false(dl_template_fits(DL_SPAN("a b"), DL_TEMPLATE_COMMAND));
	/* A value is not read again. */
	v.of[DL_TEMPLATE_CURSOR].text = DL_SPAN("{page}");
	fills("X: {cursor}", DL_TEMPLATE_HEADER, &v, "X: {page}");
}

static const struct {
	const char *text;
	enum dl_template_into into;
	const char *why; /* NULL: it is right, and has names */
	unsigned int names;
} checks[] = {
    {"https://h/", DL_TEMPLATE_URL, NULL, 0},
    {"https://h/{from}{to:%H}{page}?{cursor}", DL_TEMPLATE_URL, NULL,
	CURSOR | FROM | TO | PAGE},
    {"https://h/{curser}", DL_TEMPLATE_URL, "none of {cursor}", 0},
    {"https://h/{curser:%Y}", DL_TEMPLATE_URL, "none of {cursor}", 0},
    {"https://h/{a b}{}{", DL_TEMPLATE_URL, NULL, 0},
    {"https://{cursor}/", DL_TEMPLATE_URL, "choose the host", 0},
    {"https://u{page}@h/", DL_TEMPLATE_URL, "choose the host", 0},
    {"https://h?{page}", DL_TEMPLATE_URL, NULL, PAGE},
    {"{page}://h/", DL_TEMPLATE_URL, "choose the host", 0},
    {"file:///{from}", DL_TEMPLATE_URL, NULL, FROM},
    {"https://h/{from:%Q}", DL_TEMPLATE_URL, "'%Q' is not known", 0},
    {"https://h/{from:%}", DL_TEMPLATE_URL, "is not known", 0},
    {"https://h/{from:days}", DL_TEMPLATE_URL, "which is none", 0},
    {"https://h/{from:}", DL_TEMPLATE_URL, "which is none", 0},
    {"https://h/{page:%Y}", DL_TEMPLATE_URL, "no time", 0},
    {"query { user { id } from } {to", DL_TEMPLATE_FORM, NULL, 0},
    {"{curser} {from}", DL_TEMPLATE_FORM, NULL, FROM},
    {"{from:%Q}", DL_TEMPLATE_JSON, "'%Q' is not known", 0},
};

static void
texts_are_checked(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++) {
		struct dl_err err = {0};
		unsigned int names = 0;
		int r = dl_template_check(
		    checks[i].text, checks[i].into, &names, &err);

		if ((r < 0) != (checks[i].why != NULL) ||
		    (r < 0 && strstr(err.msg, checks[i].why) == NULL) ||
		    (r == 0 && names != checks[i].names))
			fail_msg(
			    "%s: %d %x %s", checks[i].text, r, names, err.msg);
		if (r < 0)
			assert_int_equal(err.status, DL_EXIT_CONF);
	}
}

static void
a_body_says_what_it_is(void **state)
{
	(void)state;
	assert_int_equal(dl_template_of_body(" \n{"), DL_TEMPLATE_JSON);
	assert_int_equal(dl_template_of_body("[1]"), DL_TEMPLATE_JSON);
	assert_int_equal(dl_template_of_body("\t<a/>"), DL_TEMPLATE_XML);
	assert_int_equal(dl_template_of_body("a=b"), DL_TEMPLATE_FORM);
	assert_int_equal(dl_template_of_body(""), DL_TEMPLATE_FORM);
	assert_int_equal(dl_template_of_url("exec:psql"), DL_TEMPLATE_COMMAND);
	assert_int_equal(dl_template_of_url("https://h/"), DL_TEMPLATE_URL);
}

static const struct {
	const char *at, *format, *want;
} times[] = {
    {"2018-02-07T01:26:13.840Z", "", "2018-02-07T01:26:13.840Z"},
    {"2018-02-07T01:26:13.840Z", "rfc3339", "2018-02-07T01:26:13.840Z"},
    {"2018-02-07T01:26:13.840Z", "s", "1517966773.840"},
    {"2018-02-07T01:26:13.840Z", "ms", "1517966773840"},
    {"2018-02-07T01:26:13.84Z", "ms", "1517966773840"},
    {"2018-02-07T01:26:13.8401Z", "ms", "1517966773840.1"},
    {"2018-02-07T01:26:13.840Z", "ns", "1517966773840000000"},
    {"1970-01-01T00:00:00Z", "ms", "0"},
    {"1970-01-01T00:00:00.005Z", "ms", "5"},
    {"1970-01-01T00:00:00.005Z", "s", "0.005"},
    {"1969-12-31T23:59:59.750Z", "s", "-0.250"},
    {"1969-12-31T23:59:58.750Z", "ms", "-1250"},
    {"9999-12-31T23:59:59Z", "ns", "253402300799000000000"},
    {"0000-01-01T00:00:00Z", "s", "-62167219200"},
    {"2024-12-30T05:06:07Z", "%G-W%V-%u %H:%M:%S%z %Z 100%%",
	"2025-W01-1 05:06:07+0000 UTC 100%"},
};

static void
times_are_written_as_asked(void **state)
{
	struct dl_buf b = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		struct dl_template_value v = at(times[i].at);

		dl_buf_clear(&b);
		dl_template_time(&b, times[i].format, &v.time);
		assert_string_equal(dl_buf_str(&b), times[i].want);
	}
	dl_buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(values_are_put_in),
	    cmocka_unit_test(what_is_absent_is_empty),
	    cmocka_unit_test(no_value_leaves_its_place),
	    cmocka_unit_test(texts_are_checked),
	    cmocka_unit_test(a_body_says_what_it_is),
	    cmocka_unit_test(times_are_written_as_asked),
	};

	return cmocka_run_group_tests_name("template", tests, NULL, NULL);
}
