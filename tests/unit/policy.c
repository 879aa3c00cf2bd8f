/* policy: who may read and write what, and what is no policy. */
#include "policy.h"

#include "buf.h"
#include "clock.h"
#include "policy_pattern.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <setjmp.h>
#include <unistd.h>

#include <cmocka.h>

static char path[] = "/tmp/dl-policy.XXXXXX";

static struct dl_policy *
load(const char *text, struct dl_err *err)
{
	FILE *f = fopen(path, "w");

	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0)
		abort();
	return dl_policy_load(path, err);
}

static struct dl_policy *
good(const char *text)
{
	struct dl_err err = {0};
	struct dl_policy *p = load(text, &err);

	if (p == NULL)
		fail_msg("%s\n%s", err.msg, text);
	return p;
}

static void
a_pattern_matches(void **state)
{
	static const struct {
		const char *pattern, *name;
		bool match;
	} cases[] = {
	    {"a", "a", true},
	    {"a", "b", false},
	    {"a", "ab", false},
	    {"a", "", false},
	    {"ab", "a", false},
	    {"*", "", true},
	    {"*", "anything", true},
	    {"**", "x", true},
	    {"wagon-*", "wagon-1", true},
	    {"wagon-*", "wagon-", true},
	    {"wagon-*", "wagon", false},
	    {"wagon-*", "Wagon-1", false},
	    {"*-x", "a-x", true},
	    {"*-x", "a-x-x", true},
	    {"*-x", "a-xy", false},
	    {"a*b*c", "abc", true},
	    {"a*b*c", "aXbYbZc", true},
	    {"a*b*c", "aXcYb", false},
	    {"?", "x", true},
	    {"?", "", false},
	    {"?", "xy", false},
	    {"?", "\xc3\xb6", true},
	    {"??", "\xc3\xb6", false},
	    {"?", "\xf0\x9f\x9a\x83", true},
	    {"a?c",
		"a\xc3\xb6"
		"c",
		true},
	    {"*?", "\xc3\xb6", true},
	    {"*??", "\xc3\xb6", false},
	    {"?*", "", false},
	    {"*\xb6", "\xc3\xb6", false},
	    {"[a]", "a", false},
	    {"[a]", "[a]", true},
	    {"a.c", "abc", false},
	    {"\\*", "*", false},
	    {"*ab*ab*ab", "xabyabab", true},
	    {"a/b", "a/b", true},
	    {"*", "a/b\nc", true},
	    {"?", "\xff", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (dl_policy_pattern_match(dl_span_str(cases[i].pattern),
			dl_span_str(cases[i].name)) != cases[i].match)
			fail_msg("%s: %s", cases[i].pattern, cases[i].name);
	assert_true(dl_policy_pattern_any(DL_SPAN("*")));
	assert_true(dl_policy_pattern_any(DL_SPAN("***")));
	assert_false(dl_policy_pattern_any(DL_SPAN("?*")));
	assert_false(dl_policy_pattern_any(DL_SPAN("")));
}

/* What takes others for ever: as often as the product of the lengths. */
static void
a_pattern_takes_no_time(void **state)
{
	char pattern[DL_POLICY_PATTERN_MAX], name[65536];
	int64_t before = dl_clock_ms();

	(void)state;
	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = i % 2 == 0 ? '*' : 'a';
	pattern[sizeof(pattern) - 1] = 'b';
	memset(name, 'a', sizeof(name));
	assert_false(dl_policy_pattern_match(
	    dl_span(pattern, sizeof(pattern)), dl_span(name, sizeof(name))));
	assert_true(dl_clock_ms() - before < 5000);
}

static const char policy[] =
    "rules:\n"
    "  - when: {role: yard}\n"
    "    read:\n"
    "      - {components: wagon-*, metrics: position}\n"
    "      - components: [engine-?, crane]\n"
    "        metrics: [speed, \"temp*\"]\n"
    "  - when: {scope: twin:write, realm_access.roles: [feeder, admin]}\n"
    "    write: all\n"
    "  - when: {scp: x}\n"
    "    read:\n"
    "      - {metrics: public}\n"
    "  - when: {https://a.example/roles: boss}\n"
    "    read: all\n"
    "    write: [{components: a}]\n"
    "  - when: {admin: true, level: 7}\n"
    "    read: [{components: b}]\n";

/* "r" or "w" for what is asked, or "-": of a component alone, and a metric. */
static const struct {
	const char *claims, *component, *metric, *right;
} asked[] = {
    {"{\"role\":\"yard\"}", "wagon-7", "position", "r"},
    {"{\"role\":\"yard\"}", "wagon-7", NULL, "r"},
    {"{\"role\":\"yard\"}", "wagon-7", "load", "-"},
    {"{\"role\":\"yard\"}", "wagon", NULL, "-"},
    {"{\"role\":\"yard\"}", "engine-1", "position", "-"},
    {"{\"role\":\"yard\"}", "engine-1", "temperature", "r"},
    {"{\"role\":\"yard\"}", "engine-12", NULL, "-"},
    {"{\"role\":\"yard\"}", "crane", "speed", "r"},
    {"{\"role\":\"Yard\"}", "wagon-7", "position", "-"},
    {"{\"role\":\"yard yard\"}", "wagon-7", "position", "-"},
    {"{\"role\":[\"x\",\"yard\"]}", "wagon-7", "position", "r"},
    {"{\"role\":[[\"yard\"]]}", "wagon-7", "position", "-"},
    {"{\"role\":{\"yard\":true}}", "wagon-7", "position", "-"},
    {"{\"role\":null}", "wagon-7", "position", "-"},
    {"{\"r\\u006fle\":\"y\\u0061rd\"}", "wagon-7", "position", "r"},
    {"{\"role\":\"yard\\u0000\"}", "wagon-7", "position", "-"},
    {"{}", "wagon-7", NULL, "-"},
    /* Both claims, and writing is no reading. */
    {"{\"scope\":\"twin:write\"}", "a", "b", "-"},
    {"{\"scope\":\"a twin:write b\",\"realm_access\":{\"roles\":[\"feeder\"]}}",
	"a", "b", "w"},
    {"{\"scope\":\"twin:write\",\"realm_access\":{\"roles\":\"admin\"}}", "a",
	NULL, "w"},
    {"{\"scope\":\"twin:writer\",\"realm_access\":{\"roles\":\"admin\"}}", "a",
	NULL, "-"},
    {"{\"scope\":[\"twin:write\"],\"realm_access\":{\"roles\":\"admin\"}}", "a",
	NULL, "w"},
    {"{\"scope\":\"twin:write\",\"realm_access\":[\"admin\"]}", "a", NULL, "-"},
    {"{\"scope\":\"twin:write\",\"realm_access.roles\":\"admin\"}", "a", NULL,
	"w"},
    /* Words of scp, and an absent pattern. */
    {"{\"scp\":\" x\"}", "any", "public", "r"},
    {"{\"scp\":\"y x\"}", "any", "private", "-"},
    {"{\"scp\":\"yx\"}", "any", "public", "-"},
    {"{\"scp\":\"\"}", "any", "public", "-"},
    /* A name that is a URL, with dots. */
    {"{\"https://a.example/roles\":[\"boss\"]}", "a", "b", "rw"},
    {"{\"https://a.example/roles\":[\"boss\"]}", "b", "b", "r"},
    {"{\"https://a\":{\"example/roles\":\"boss\"}}", "b", "b", "r"},
    /* What is no string. */
    {"{\"admin\":true,\"level\":7}", "b", "c", "r"},
    {"{\"admin\":\"true\",\"level\":\"7\"}", "b", "c", "r"},
    {"{\"admin\":false,\"level\":7}", "b", "c", "-"},
    {"{\"admin\":true,\"level\":7.0}", "b", "c", "-"},
    {"{\"admin\":true}", "b", "c", "-"},
};

static bool
may(const struct dl_rights *r, enum dl_right right, size_t i)
{
	struct dl_span component = dl_span_str(asked[i].component);

	return asked[i].metric == NULL
	           ? dl_rights_component(r, right, component)
	           : dl_rights_metric(
			 r, right, component, dl_span_str(asked[i].metric));
}

static void
claims_give_rights(void **state)
{
	struct dl_policy *p = good(policy);

	(void)state;
	for (size_t i = 0; i < sizeof(asked) / sizeof(*asked); i++) {
		struct dl_rights *r =
		    dl_policy_rights(p, dl_span_str(asked[i].claims));

		if (may(r, DL_RIGHT_READ, i) !=
			(strchr(asked[i].right, 'r') != NULL) ||
		    may(r, DL_RIGHT_WRITE, i) !=
			(strchr(asked[i].right, 'w') != NULL))
			fail_msg("%s: %s %s", asked[i].claims,
			    asked[i].component, asked[i].right);
		dl_rights_unref(r);
	}
	dl_policy_free(p);
}

static void
expect(const struct dl_policy *p, const char *claims, bool any_r, bool every_r,
    bool any_w, bool every_w)
{
	struct dl_rights *r = dl_policy_rights(p, dl_span_str(claims));

	assert_int_equal(dl_rights_any(r, DL_RIGHT_READ), any_r);
	assert_int_equal(dl_rights_every(r, DL_RIGHT_READ), every_r);
	assert_int_equal(dl_rights_any(r, DL_RIGHT_WRITE), any_w);
	assert_int_equal(dl_rights_every(r, DL_RIGHT_WRITE), every_w);
	dl_rights_unref(r);
}

static void
anything_and_everything(void **state)
{
	struct dl_policy *p = good(policy);
	struct dl_rights *r;

	(void)state;
	assert_true(dl_policy_writes(p));
	expect(p, "{}", false, false, false, false);
	expect(p, "{\"role\":\"yard\"}", true, false, false, false);
	expect(p, "{\"scp\":\"x\"}", true, false, false, false);
	expect(p, "{\"https://a.example/roles\":\"boss\"}", true, true, true,
	    false);
	/* Rights outlive their policy. */
	r = dl_policy_rights(p, DL_SPAN("{\"role\":\"yard\"}"));
	dl_policy_free(p);
	assert_true(dl_rights_metric(
	    r, DL_RIGHT_READ, DL_SPAN("wagon-1"), DL_SPAN("position")));
	dl_rights_unref(dl_rights_ref(r));
	assert_true(dl_rights_any(r, DL_RIGHT_READ));
	dl_rights_unref(r);
	dl_rights_unref(NULL);

	p = dl_policy_default();
	expect(p, "{}", false, false, false, false);
	expect(p, "{\"scope\":\"twin:read\"}", true, true, false, false);
	expect(p, "{\"scope\":\"twin:write\"}", false, false, true, true);
	expect(
	    p, "{\"scope\":\"twin:write twin:read\"}", true, true, true, true);
	expect(p, "{\"scope\":\"twin:reads\"}", false, false, false, false);
	dl_policy_free(p);

	r = dl_rights_all();
	assert_true(dl_rights_every(r, DL_RIGHT_READ));
	assert_true(dl_rights_every(r, DL_RIGHT_WRITE));
	assert_true(
	    dl_rights_metric(r, DL_RIGHT_WRITE, DL_SPAN("a"), DL_SPAN("b")));
	dl_rights_unref(r);

	p = good("rules: [{when: {a: b}, read: all}]\n");
	assert_false(dl_policy_writes(p));
	dl_policy_free(p);
	p = good("rules: []\n");
	assert_false(dl_policy_writes(p));
	expect(p, "{\"scope\":\"twin:read\"}", false, false, false, false);
	dl_policy_free(p);
}

/* A pair may be in one grant only: the rights of two are not mixed. */
static void
grants_are_not_mixed(void **state)
{
	struct dl_policy *p = good("rules:\n"
				   "  - when: {a: 1}\n"
				   "    read: [{components: x, metrics: m}]\n"
				   "  - when: {b: 1}\n"
				   "    read: [{components: y, metrics: n}]\n");
	struct dl_rights *r = dl_policy_rights(p, DL_SPAN("{\"a\":1,\"b\":1}"));

	(void)state;
	assert_true(
	    dl_rights_metric(r, DL_RIGHT_READ, DL_SPAN("x"), DL_SPAN("m")));
	assert_true(
	    dl_rights_metric(r, DL_RIGHT_READ, DL_SPAN("y"), DL_SPAN("n")));
	assert_false(
	    dl_rights_metric(r, DL_RIGHT_READ, DL_SPAN("x"), DL_SPAN("n")));
	assert_false(
	    dl_rights_metric(r, DL_RIGHT_READ, DL_SPAN("y"), DL_SPAN("m")));
	dl_rights_unref(r);
	dl_policy_free(p);
}

static const struct {
	const char *text;
	int line;
	const char *why;
} bad[] = {
    {"", 0, ""},
    {"rules:\n", 0, "rules"},
    {"rules: all\n", 1, "rules"},
    {"rule: []\n", 1, "did you mean 'rules'"},
    {"rules:\n  - read: all\n", 2, "a rule needs 'when'"},
    {"rules:\n  - when: {}\n    read: all\n", 2, "names no claim"},
    {"rules:\n  - when: {a: b}\n", 2, "needs 'read' or 'write'"},
    {"rules:\n  - when: [a]\n    read: all\n", 2, "when"},
    {"rules:\n  - when: {a: b}\n    reed: all\n", 3, "did you mean 'read'"},
    {"rules:\n  - when: {a: b}\n    read: every\n", 3, "'read' is all, or"},
    {"rules:\n  - when: {a: b}\n    read: []\n", 3, "'read' is all, or"},
    {"rules:\n  - when: {a: b}\n    write: {components: a}\n", 3,
	"'write' is all, or"},
    {"rules:\n  - when: {a: b}\n    read: [all]\n", 3, "a grant"},
    {"rules:\n  - when: {a: b}\n    read: [{component: x}]\n", 3,
	"did you mean 'components'"},
    {"rules:\n  - when: {a: b}\n    read: [{components: []}]\n", 3,
	"'components' is a text"},
    {"rules:\n  - when: {a: b}\n    read: [{components: [a, \"\"]}]\n", 3,
	"'components' is a text"},
    {"rules:\n  - when: {a: b}\n    read: [{metrics: {a: b}}]\n", 3,
	"'metrics' is a text"},
    {"rules:\n  - when: {a: b}\n    read: [{metrics: [[a]]}]\n", 3,
	"'metrics' is a text"},
    {"rules:\n  - when: {a: }\n    read: all\n", 2, "a claim is a text"},
    {"rules:\n  - when: {a: \"\"}\n    read: all\n", 2, "a claim is a text"},
    {"rules:\n  - when: {a: {b: c}}\n    read: all\n", 2, "a claim is a text"},
    {"rules:\n  - when: {scope: a b}\n    read: all\n", 2, "is one scope"},
    {"rules:\n  - when: {scp: [a, \"b c\"]}\n    read: all\n", 2,
	"is one scope"},
    {"rules:\n  - yard\n", 2, "a rule"},
};

static void
what_is_no_policy(void **state)
{
	struct dl_err err = {0};
	char where[64];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		dl_err_clear(&err);
		if (load(bad[i].text, &err) != NULL)
			fail_msg("taken: %s", bad[i].text);
		snprintf(where, sizeof(where), "%s:%d: ", path, bad[i].line);
		if (err.status != DL_EXIT_CONF ||
		    strstr(err.msg, bad[i].why) == NULL ||
		    (bad[i].line > 0 &&
			strncmp(err.msg, where, strlen(where)) != 0))
			fail_msg("%s: %s", bad[i].text, err.msg);
	}
	dl_err_clear(&err);
	assert_null(dl_policy_load("/nowhere/policy.yaml", &err));
}

/* A policy of that many rules, of that many patterns each. */
static bool
takes(int rules, int patterns, int length)
{
	struct dl_err err = {0};
	struct dl_buf b = {0};
	struct dl_policy *p;

	dl_buf_adds(&b, "rules:\n");
	for (int i = 0; i < rules; i++) {
		dl_buf_adds(&b, "- {when: {a: b}, read: [{components: [");
		for (int k = 1; k < patterns; k++)
			dl_buf_printf(&b, "%0*d, ", length, k);
		dl_buf_adds(&b, "]}]}\n");
	}
	p = load(dl_buf_str(&b), &err);
	if (p == NULL)
		assert_non_null(strstr(err.msg, "than"));
	dl_policy_free(p);
	dl_buf_release(&b);
	return p != NULL;
}

static void
a_policy_has_limits(void **state)
{
	(void)state;
	assert_true(takes(DL_POLICY_RULES, 2, 1));
	assert_false(takes(DL_POLICY_RULES + 1, 2, 1));
	assert_true(takes(1, DL_POLICY_PATTERNS, 1));
	assert_false(takes(1, DL_POLICY_PATTERNS + 1, 1));
	assert_true(takes(1, 2, DL_POLICY_PATTERN_MAX));
	assert_false(takes(1, 2, DL_POLICY_PATTERN_MAX + 1));
}

static int
setup(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int
teardown(void **state)
{
	(void)state;
	return unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_pattern_matches),
	    cmocka_unit_test(a_pattern_takes_no_time),
	    cmocka_unit_test(claims_give_rights),
	    cmocka_unit_test(anything_and_everything),
	    cmocka_unit_test(grants_are_not_mixed),
	    cmocka_unit_test(what_is_no_policy),
	    cmocka_unit_test(a_policy_has_limits),
	};

	return cmocka_run_group_tests_name("policy", tests, setup, teardown);
}
