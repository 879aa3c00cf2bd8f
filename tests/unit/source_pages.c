/* source_pages: which page comes next, and that walks end. */
#include "source_pages.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NO_LINK ((struct dl_span){0})

static char home[] = "/tmp/dl-pages-XXXXXX";
static struct dl_err err;
static struct dl_conf *conf;
static struct dl_pages_spec spec;

static int
take(const char *yaml, bool placed, bool whole)
{
	FILE *f = fopen("p.yaml", "w");
	const char *key;

	fprintf(f, "pages: %s\n", yaml);
	fclose(f);
	dl_conf_free(conf);
	err = (struct dl_err){0};
	conf = dl_conf_load("p.yaml", &err);
	assert_non_null(conf);
	return dl_pages_take(conf, dl_conf_child(dl_conf_root(conf), 0, &key),
	    placed, whole, &spec, &err);
}

static struct dl_pages *
pages(const char *yaml)
{
	struct dl_pages *p;

	if (take(yaml, false, true) < 0 ||
	    (p = dl_pages_new(&spec, 1000, &err)) == NULL)
		fail_msg("%s: %s", yaml, err.msg);
	dl_pages_begin(p);
	return p;
}

static void
page(struct dl_pages *p, const char *body)
{
	dl_pages_page(p);
	assert_int_equal(dl_pages_bytes(p, body, strlen(body), &err), 0);
}

/* One page: its URL, and what comes of its body, Link header and items. */
static void
step(struct dl_pages *p, const char *url, const char *body, const char *link,
    uint64_t items, int want)
{
	int r;

	assert_string_equal(dl_pages_url(p, "https://h/a/list?k=v"), url);
	/* The same again, as for another try. */
	assert_string_equal(dl_pages_url(p, "https://h/a/list?k=v"), url);
	page(p, body);
	assert_false(dl_pages_repeats(p));
	r = dl_pages_next(p, dl_span_str(link), items, &err);
	if (r != want)
		fail_msg("%s %s: %d %s", url, body, r, err.msg);
}

static void
numbers_count(void **state)
{
	struct dl_pages *p = pages("{by: page, param: page}");

	(void)state;
	for (int walk = 0; walk < 2; walk++) {
		step(p, "https://h/a/list?k=v&page=1", "[1]", "", 1, 1);
		step(p, "https://h/a/list?k=v&page=2", "[2]", "", 1, 1);
		step(p, "https://h/a/list?k=v&page=3", "[]", "", 0, 0);
		dl_pages_begin(p);
	}
	dl_pages_free(p);
	p = pages("{by: page, param: p, start: 0, size: 2, size_param: n}");
	step(p, "https://h/a/list?k=v&p=0&n=2", "[1,2]", "", 2, 1);
	assert_true(dl_span_is(dl_pages_token(p), "1"));
	step(p, "https://h/a/list?k=v&p=1&n=2", "[3]", "", 1, 0);
	dl_pages_free(p);
}

static void
offsets_count(void **state)
{
	struct dl_pages *p =
	    pages("{by: offset, param: offset, size: 100, size_param: limit}");

	(void)state;
	step(p, "https://h/a/list?k=v&offset=0&limit=100", "a", "", 100, 1);
	step(p, "https://h/a/list?k=v&offset=100&limit=100", "b", "", 100, 1);
	step(p, "https://h/a/list?k=v&offset=200&limit=100", "c", "", 99, 0);
	dl_pages_free(p);
	/* Without a size, by what came. */
	p = pages("{by: offset, param: skip, start: 5}");
	step(p, "https://h/a/list?k=v&skip=5", "a", "", 3, 1);
	step(p, "https://h/a/list?k=v&skip=8", "b", "", 7, 1);
	step(p, "https://h/a/list?k=v&skip=15", "c", "", 0, 0);
	dl_pages_free(p);
}

static void
the_page_says_where_the_next_is(void **state)
{
	struct dl_pages *p = pages("{by: next, next: .next}");

	(void)state;
	step(p, "https://h/a/list?k=v", "{\"next\":\"?page=2\"}", "", 1, 1);
	step(p, "https://h/a/list?page=2", "{\"next\":\"b/c\"}", "", 1, 1);
	/* Relative to the page's own. */
	step(p, "https://h/a/b/c", "{\"next\":\"c2?x=a b\"}", "", 0, 1);
	step(
	    p, "https://h/a/b/c2?x=a+b", "{\"next\":\"https://i/\"}", "", 1, 1);
	step(p, "https://i/", "{\"next\":\"//u:pw@i/2#f\"}", "", 1, 1);
	step(p, "https://i/2", "{\"next\":null}", "", 1, 0);
	dl_pages_begin(p);
	step(p, "https://h/a/list?k=v", "{\"next\":\"\"}", "", 1, 0);
	dl_pages_begin(p);
	step(p, "https://h/a/list?k=v", "{}", "", 1, 0);
	dl_pages_begin(p);
	step(p, "https://h/a/list?k=v", "{\"next\":false}", "", 1, 0);
	dl_pages_begin(p);
	step(p, "https://h/a/list?k=v", "\xef\xbb\xbf{\"next\":\"/x\"}", "", 1,
	    1);
	dl_pages_begin(p);
	step(p, "https://h/a/list?k=v",
	    " {\n \"a\" : [ 1 ],\n \"next\" : \"/x\"\n}\r\n", "", 1, 1);
	dl_pages_begin(p);
	/* A page without a body is the last. */
	step(p, "https://h/a/list?k=v", "", "", 0, 0);
	dl_pages_free(p);
}

static void
the_link_header_says_where_the_next_is(void **state)
{
	struct dl_pages *p = pages("{by: link}");

	(void)state;
	step(p, "https://h/a/list?k=v", "x",
	    "<https://h/a/list?k=v&page=2>; rel=\"next\"", 1, 1);
	step(p, "https://h/a/list?k=v&page=2", "y",
	    "<https://h/a/list?k=v>; rel=\"first\"", 1, 0);
	dl_pages_free(p);
}

static void
a_token_goes_into_the_query(void **state)
{
	struct dl_pages *p = pages("{by: cursor, next: .c, param: after}");

	(void)state;
	step(p, "https://h/a/list?k=v", "{\"c\":\"a+b/=&\"}", "", 1, 1);
	assert_true(dl_span_is(dl_pages_token(p), "a+b/=&"));
	step(p, "https://h/a/list?k=v&after=a%2Bb%2F%3D%26", "{\"c\":17}", "",
	    0, 1);
	step(p, "https://h/a/list?k=v&after=17", "{\"c\":null}", "", 1, 0);
	dl_pages_begin(p);
	step(p, "https://h/a/list?k=v", "{}", "", 1, 0);
	dl_pages_free(p);
}

static void
a_query_is_added_where_it_belongs(void **state)
{
	struct dl_pages *p = pages("{by: page, param: p}");

	(void)state;
	assert_string_equal(dl_pages_url(p, "https://h/"), "https://h/?p=1");
	assert_string_equal(dl_pages_url(p, "https://h/?"), "https://h/?p=1");
	assert_string_equal(
	    dl_pages_url(p, "https://h/?a&"), "https://h/?a&p=1");
	assert_string_equal(
	    dl_pages_url(p, "https://h/x#y?z"), "https://h/x?p=1#y?z");
	dl_pages_free(p);
}

static void
what_repeats_ends_the_walk(void **state)
{
	struct dl_pages *p = pages("{by: page, param: p}");

	(void)state;
	step(p, "https://h/a/list?k=v&p=1", "[1]", "", 1, 1);
	step(p, "https://h/a/list?k=v&p=2", "[2]", "", 1, 1);
	page(p, "[1]");
	assert_true(dl_pages_repeats(p));
	dl_pages_begin(p);
	page(p, "[1]");
	assert_false(dl_pages_repeats(p));
	dl_pages_free(p);

	/* A URL, or a token, that was there. */
	p = pages("{by: next, next: .n}");
	step(p, "https://h/a/list?k=v", "{\"n\":\"/2\"}", "", 1, 1);
	step(p, "https://h/2", "{\"n\":\"/a/list?k=v\"}", "", 1, 0);
	dl_pages_begin(p);
	step(p, "https://h/a/list?k=v", "{\"n\":\"\\u0023\"}", "", 1, 0);
	dl_pages_free(p);
	p = pages("{by: cursor, next: .n, param: p}");
	step(p, "https://h/a/list?k=v", "{\"n\":\"a\"}", "", 1, 1);
	step(p, "https://h/a/list?k=v&p=a", "{\"n\":\"b\"}", "", 1, 1);
	step(p, "https://h/a/list?k=v&p=b", "{\"n\":\"a\",\"x\":1}", "", 1, 0);
	dl_pages_free(p);

	/* Pages without items are alike, and no end. */
	p = pages("{by: link}");
	step(p, "https://h/a/list?k=v", "[]", "</2>; rel=next", 0, 1);
	step(p, "https://h/2", "[]", "</3>; rel=next", 0, 1);
	step(p, "https://h/3", "[1]", "</4>; rel=next", 1, 1);
	page(p, "[1]");
	assert_true(dl_pages_repeats(p));
	dl_pages_free(p);
}

static void
max_ends_the_walk(void **state)
{
	struct dl_pages *p = pages("{by: page, param: p, max: 200}");
	char body[16];
	int n = 1, r;

	(void)state;
	for (;; n++) {
		snprintf(body, sizeof(body), "[%d]", n);
		page(p, body);
		assert_false(dl_pages_repeats(p));
		if ((r = dl_pages_next(p, NO_LINK, 1, &err)) <= 0)
			break;
	}
	assert_int_equal(r, 0);
	assert_int_equal(n, 200);
	dl_pages_free(p);
}

static const struct {
	const char *by, *body, *link, *message;
} foul[] = {
    {"next", "{\"n\":\"http://h/\"}", "", "from https to a URL of http"},
    {"next", "{\"n\":\"file:///etc/passwd\"}", "", "to a URL of file"},
    {"next", "{\"n\":\"ftp://h/x\"}", "", "to a URL of ftp"},
    {"next", "{\"n\":\"exec:id\"}", "", "not a URL"},
    {"next", "{\"n\":\"https://\"}", "", "not a URL"},
    {"next", "{\"n\":\"a\\u0000b\"}", "", "is no page"},
    {"next", "{\"n\":[1]}", "", "neither a text nor null"},
    {"next", "{\"n\":", "", "p.yaml:1: 'next' of page 1"},
    {"next", "[1]", "", "p.yaml:1: 'next' of page 1"},
    {"link", "x", "<http://h/>; rel=next", "from https to a URL of http"},
};

static void
foul_places_are_refused(void **state)
{
	struct dl_pages *p;
	char *longest;

	(void)state;
	for (size_t i = 0; i < sizeof(foul) / sizeof(*foul); i++) {
		p = pages(strcmp(foul[i].by, "next") == 0
			      ? "{by: next, next: .n}"
			      : "{by: link}");
		step(p, "https://h/a/list?k=v", foul[i].body, foul[i].link, 1,
		    -1);
		assert_int_equal(err.status, DL_EXIT_DATA);
		if (strstr(err.msg, foul[i].message) == NULL)
			fail_msg("%s: %s", foul[i].body, err.msg);
		dl_pages_free(p);
	}
	longest = calloc(1, 20010);
	assert_non_null(longest);
	memset(longest, 'a', 19990);
	memcpy(longest, "</", 2);
	strcat(longest, ">;rel=next");
	p = pages("{by: link}");
	step(p, "https://h/a/list?k=v", "x", longest, 1, -1);
	free(longest);
	dl_pages_free(p);
}

static void
a_page_that_breaks_off_is_known(void **state)
{
	static const struct {
		const char *body;
		bool cut_off;
	} bodies[] = {{"", false}, {"[", true}, {"[1]", false},
	    {" \n[1]\n", false}, {"\xef\xbb\xbf{\"a\":[1,{\"b\":\"]}", true},
	    {"\xef\xbb\xbf{}", false}, {"{\"a\":\"x", true}, {"[1]x", false},
	    {"\x1f\x8b[", false}, {"a,b\n1,[\n", false}, {"  ", false}};
	struct dl_pages *p = pages("{by: link}");

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
		page(p, bodies[i].body);
		if (dl_pages_cut_off(p) != bodies[i].cut_off)
			fail_msg("%s", bodies[i].body);
	}
	dl_pages_free(p);
}

static void
a_page_is_bounded(void **state)
{
	struct dl_pages *p = pages("{by: link}");
	char bytes[1000] = {0};

	(void)state;
	dl_pages_page(p);
	assert_int_equal(dl_pages_bytes(p, bytes, 1000, &err), 0);
	assert_int_equal(dl_pages_bytes(p, bytes, 1, &err), -1);
	assert_int_equal(err.status, DL_EXIT_DATA);
	assert_non_null(strstr(err.msg, "max_document"));
	dl_pages_free(p);
}

static const struct {
	const char *yaml, *message; /* NULL: it is right */
	bool placed, not_json;
} takes[] = {
    {"{by: link}", NULL, false, true},
    {"{by: page, param: p}", NULL, false, true},
    {"{by: page}", NULL, true, false},
    {"{by: cursor, next: .c}", NULL, true, false},
    {"{by: page}", "'param' is needed", false, false},
    {"{by: cursor, next: .c}", "'param' is needed", false, false},
    {"{next: .x}", "pages needs 'by'", false, false},
    {"{by: nxt, next: .x}", "(did you mean 'next'?)", false, false},
    {"{by: next}", "'next' is needed", false, false},
    {"{by: next, next: '.['}", "p.yaml:1: 'next'", false, false},
    {"{by: next, next: .x}", "'format' is another", false, true},
    {"{by: link, next: .x}", "'next' is for pages by", false, false},
    {"{by: link, param: x}", "'param' is for pages by", false, false},
    {"{by: link, start: 1}", "'start' is for pages by", false, false},
    {"{by: page, param: 'a b'}", "is not a name in a query", false, false},
    {"{by: page, param: p, size_param: n}", "is asked for, which is absent",
	false, false},
    {"{by: page, param: p, size: 1, size_param: 'n='}",
	"'size_param' is not a name", false, false},
    {"{by: page, param: p, max: 0}", "'max' is from 1", false, false},
    {"{by: page, param: p, max: 100001}", "'max' is from 1", false, false},
    {"{by: page, param: p, size: 9999999999}", "'size' is at most", false,
	false},
    {"{by: page, param: p, start: 9999999999}", "'start' is at most", false,
	false},
    {"[a]", "pages", false, false},
};

static void
specifications_are_checked(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(takes) / sizeof(*takes); i++) {
		int r =
		    take(takes[i].yaml, takes[i].placed, !takes[i].not_json);

		if ((r < 0) != (takes[i].message != NULL) ||
		    (r < 0 && (strncmp(err.msg, "p.yaml:1: ", 10) != 0 ||
				  err.status != DL_EXIT_CONF ||
				  strstr(err.msg, takes[i].message) == NULL)))
			fail_msg("%s: %d %s", takes[i].yaml, r, err.msg);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(numbers_count),
	    cmocka_unit_test(offsets_count),
	    cmocka_unit_test(the_page_says_where_the_next_is),
	    cmocka_unit_test(the_link_header_says_where_the_next_is),
	    cmocka_unit_test(a_token_goes_into_the_query),
	    cmocka_unit_test(a_query_is_added_where_it_belongs),
	    cmocka_unit_test(what_repeats_ends_the_walk),
	    cmocka_unit_test(max_ends_the_walk),
	    cmocka_unit_test(foul_places_are_refused),
	    cmocka_unit_test(a_page_that_breaks_off_is_known),
	    cmocka_unit_test(a_page_is_bounded),
	    cmocka_unit_test(specifications_are_checked),
	};
	int failed;

	if (mkdtemp(home) == NULL || chdir(home) < 0)
		return 1;
	failed = cmocka_run_group_tests_name("source_pages", tests, NULL, NULL);
	dl_conf_free(conf);
	return system("rm -rf \"$PWD\"") != 0 ? 1 : failed;
}
