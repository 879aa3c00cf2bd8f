/* link: the next link is found, in whatever a Link header may be. */
#include "link.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static const struct {
	const char *header, *url; /* NULL: none */
} cases[] = {
    /* RFC 8288, 3.5, and what well-known servers send. */
    {"<https://a/x?page=2>; rel=\"next\"", "https://a/x?page=2"},
    {"<https://a/x?page=2>; rel=next", "https://a/x?page=2"},
    {"<https://a/1>; rel=\"prev\", <https://a/3>; rel=\"next\"", "https://a/3"},
    {"<https://a/1>; rel=\"prev\",<https://a/3>;rel=\"next\"", "https://a/3"},
    {"<https://a/9>; rel=\"last\", <https://a/1>; rel=\"first\"", NULL},
    {"</TheBook/c2>; rel=\"previous\"; title*=UTF-8'de'letztes%20Kapitel, "
     "</TheBook/c4>; rel=\"next\"; title*=UTF-8'de'n%c3%a4chstes%20Kapitel",
	"/TheBook/c4"},
    {"<http://example.org/>; rel=\"start http://example.net/relation/other\"",
	NULL},
    /* Commas and semicolons in URLs and in quotes. */
    {"<https://a/?ids=1,2;3>; rel=\"next\"", "https://a/?ids=1,2;3"},
    {"<x>; title=\"a, <b>; rel=next\"; rel=prev, <y>; rel=next", "y"},
    {"<x>; title=\"a \\\" b\"; rel=next", "x"},
    /* Several words, of either case; the first rel counts alone. */
    {"<x>; rel=\"last next\"", "x"},
    {"<x>; rel=\"NEXT\"", "x"},
    {"<x>; REL=Next", "x"},
    {"<x>; rel=\"nextish\"", NULL},
    {"<x>; rel=\"nex\"", NULL},
    {"<x>; rel=\"a\tnext\tb\"", "x"},
    {"<x>; rel=\"ne\\xt\"", "x"},
    {"<x>; rel=prev; rel=next", NULL},
    {"<x>; rel=next; rel=prev", "x"},
    {"<x>; rel=next; anchor=\"#part\"", NULL},
    {"<x>; anchor=\"#part\"; rel=next, <y>; rel=next", "y"},
    /* White space, empty elements, parameters without values. */
    {"  , ,\t<x> ; rel = \"next\" , <y>", "x"},
    {"<x>; crossorigin; rel=next", "x"},
    {"<x>;; rel=next", "x"},
    {"<x>; rel", NULL},
    {"<>; rel=next", ""},
    /* What is broken ends the links. */
    {"", NULL},
    {"x; rel=next", NULL},
    {"<x; rel=next", NULL},
    {"<x> y; rel=next", NULL},
    {"<x>; rel=prev z, <y>; rel=next", NULL},
    {"<x>; rel=\"next", "x"},
    {"<x>; rel=\"next\\", NULL},
};

static void
the_next_link_is_found(void **state)
{
	struct dl_span url;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		bool found =
		    dl_link_find(dl_span_str(cases[i].header), "next", &url);

		if (found != (cases[i].url != NULL) ||
		    (found && !dl_span_is(url, cases[i].url)))
			fail_msg("%s: %s%.*s", cases[i].header,
			    found ? "found " : "nothing",
			    found ? (int)url.len : 0, found ? url.p : "");
	}
}

static void
another_relation_is_found(void **state)
{
	struct dl_span url;

	(void)state;
	assert_true(dl_link_find(
	    DL_SPAN("<a>; rel=next, <b>; rel=\"last\""), "last", &url));
	assert_true(dl_span_is(url, "b"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_next_link_is_found),
	    cmocka_unit_test(another_relation_is_found),
	};

	return cmocka_run_group_tests_name("link", tests, NULL, NULL);
}
