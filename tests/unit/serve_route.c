/* Targets find their routes, and /openapi.json knows all of them. */
#include "serve_route.h"

#include "json.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

static void
find(const char *path, const char *route, const char *c, const char *m)
{
	const struct dl_serve_route *r;
	struct dl_span args[2];

	r = dl_serve_route(dl_span_str(path), args);
	if (route == NULL) {
		if (r != NULL)
			fail_msg("%s is %s", path, r->path);
		return;
	}
	if (r == NULL)
		fail_msg("%s is nothing", path);
	assert_string_equal(r->path, route);
	assert_true(dl_span_eq(args[0], dl_span_str(c)));
	assert_true(dl_span_eq(args[1], dl_span_str(m)));
}

static void
paths(void **state)
{
	static const char one[] = "/v1/components/{c}";
	static const char metric[] = "/v1/components/{c}/metrics/{m}";

	(void)state;
	find("/", "/", NULL, NULL);
	find("/healthz", "/healthz", NULL, NULL);
	find("/v1/components", "/v1/components", NULL, NULL);
	find("/v1/components/a", one, "a", NULL);
	find("/v1/components/a%2Fb%25", one, "a%2Fb%25", NULL);
	find("/v1/components/metrics", one, "metrics", NULL);
	find("/v1/components/..", one, "..", NULL);
	find("/v1/components/a/metrics/m", metric, "a", "m");
	find("/v1/components/metrics/metrics/metrics", metric, "metrics",
	    "metrics");
	find("/v1/components/{c}/metrics/{m}", metric, "{c}", "{m}");
}

static void
no_paths(void **state)
{
	static const char *const none[] = {"", "x", "//", "/x", "/healthz/",
	    "/Healthz", "/v1", "/v1/", "/v1/components/", "/v1//components",
	    "/v1/components//", "/v1/components/a/", "/v1/components/a/metrics",
	    "/v1/components/a/metrics/", "/v1/components//metrics/m",
	    "/v1/components/a/metrics/m/", "/v1/components/a/metrics/m/x",
	    "/v1/components/a/Metrics/m", "/v1/componentsx", "*",
	    "/%76%31/components", "/openapi.jso", "/openapi.json5", NULL};

	(void)state;
	for (size_t i = 0; none[i] != NULL; i++)
		find(none[i], NULL, NULL, NULL);
}

static void
stray(const char *query, const char *want)
{
	struct dl_span got =
	    dl_serve_stray_param(dl_span_str(query), "prefix after ");

	if (!dl_span_eq(got, dl_span_str(want)))
		fail_msg("'%s': '%.*s'", query, DL_SPAN_ARG(got));
}

static void
params(void **state)
{
	(void)state;
	stray("", NULL);
	stray("prefix=a&after=b", NULL);
	stray("&&after=b&", NULL);
	stray("prefix", NULL);
	stray("=x", NULL);
	stray("prefi=a", "prefi");
	stray("prefix=a&prefixes=a", "prefixes");
	stray("x&prefix=a", "x");
	stray("prefix after=1", "prefix after");
	stray("access_token=a.b.c", "access_token");
}

/* The member of an object, p NULL where it isn't there. */
static struct dl_span
member(struct dl_span object, const char *name)
{
	struct dl_json_iter it;
	struct dl_span key, value;

	if (object.p == NULL)
		return object;
	dl_json_enter(&it, object);
	while (dl_json_member(&it, &key, &value) > 0)
		if (dl_span_is(key, name))
			return value;
	return dl_span(NULL, 0);
}

/* Is it the name of a parameter in the query?  By its own or what it refers to. */
static bool
query_param(struct dl_span param, char out[64])
{
	struct dl_span name = member(param, "name"), in = member(param, "in"),
		       ref = member(param, "$ref");

	if (ref.p != NULL) {
		for (name = ref; name.len > 0 && *name.p != '#'; name.len--)
			name.p++;
		assert_int_equal(
		    sscanf(name.p, "#/components/parameters/%60[^\"]", out), 1);
		return strcmp(out, "c") != 0 && strcmp(out, "m") != 0;
	}
	snprintf(out, 64, "%.*s", (int)name.len - 2, name.p + 1);
	return dl_span_is(in, "\"query\"");
}

/* The same parameters, each way. */
static void
same_params(const struct dl_serve_route *r, struct dl_span operation)
{
	struct dl_json_iter it;
	struct dl_span param, list = member(operation, "parameters");
	size_t want = 0, got = 0;
	char name[64], with_space[66];

	for (const char *p = r->params; *p != '\0'; p++)
		want += *p == ' ';
	if (list.p != NULL) {
		dl_json_enter(&it, list);
		while (dl_json_element(&it, &param) > 0) {
			if (!query_param(param, name))
				continue;
			got++;
			snprintf(with_space, sizeof(with_space), "%s ", name);
			if (strstr(r->params, with_space) == NULL)
				fail_msg("%s: no parameter %s", r->path, name);
		}
	}
	if (got != want)
		fail_msg("%s: %zu parameters of %zu", r->path, got, want);
}

static void
openapi(void **state)
{
	struct dl_err err = {0};
	struct dl_span whole, all, key, value;
	struct dl_json_iter it;
	size_t n = 0, routes = 0;

	(void)state;
	assert_int_equal(dl_json_check(dl_serve_openapi_text(), &err), 0);
	assert_int_equal(dl_json_value(dl_serve_openapi_text(), &whole), 0);
	all = member(whole, "paths");
	for (const struct dl_serve_route *r = dl_serve_routes; r->path != NULL;
	     r++, routes++) {
		struct dl_span path = member(all, r->path);
		struct dl_span operation =
		    member(path, r->post ? "post" : "get");

		if (operation.p == NULL)
			fail_msg("%s is not in openapi.json", r->path);
		assert_null(member(path, r->post ? "get" : "post").p);
		assert_non_null(member(operation, "responses").p);
		same_params(r, operation);
	}
	dl_json_enter(&it, all);
	while (dl_json_member(&it, &key, &value) > 0)
		n++;
	assert_int_equal(n, routes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(paths),
	    cmocka_unit_test(no_paths),
	    cmocka_unit_test(params),
	    cmocka_unit_test(openapi),
	};

	return cmocka_run_group_tests_name("serve_route", tests, NULL, NULL);
}
