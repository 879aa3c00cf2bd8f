/* lake_index.h: what a manifest says, and what a hostile one does not do. */
#include "lake_index.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "lake_help.h"
#include "log.h"

static struct dl_lake_index *
read_index(struct memory *m)
{
	struct dl_err err = {0};
	struct dl_lake_index *x = dl_lake_index_new(&m->base, &err);

	assert_non_null(x);
	return x;
}

static void
entries(void **state)
{
	static const char sum[] = "0123456789abcdef0123456789abcdef"
				  "0123456789abcdef0123456789abcdef";
	const struct dl_lake_entry *e;
	struct dl_lake_index *x;
	struct memory m;
	char line[512];
	uint64_t bad;

	(void)state;
	memory_init(&m);
	(void)snprintf(line, sizeof(line),
	    "{\"prev\":\"x\",\"at\":\"2026-11-01T00:00:00.123Z\","
	    "\"part\":\"a=1/p\\u002d1.ndjson\",\"records\":3,\"bytes\":40,"
	    "\"unpacked\":90,\"sha256\":\"%s\","
	    "\"first\":\"2018-01-01T00:00:00Z\","
	    "\"last\":\"2018-01-02T00:00:00Z\",\"sources\":[]}",
	    sum);
	memory_line(&m, line);
	memory_line(&m, "{\"kind\":\"what nobody knows yet\"}");
	memory_line(&m, "{\"part\":\"a=1/part-01M83VQ4NKBE7DKM924XYK1SMG.x\"}");
	memory_line(&m, "{\"part\":\"a=1/p-1.ndjson\",\"records\":4}");
	x = read_index(&m);
	assert_int_equal(dl_lake_index_count(x), 3);
	assert_int_equal(dl_lake_index_lines(x, &bad), 4);
	assert_int_equal(bad, 0);

	e = dl_lake_index_find(x, "a=1/p-1.ndjson");
	assert_ptr_equal(e, dl_lake_index_at(x, 0));
	assert_string_equal(e->part, "a=1/p-1.ndjson");
	assert_int_equal(e->number, 1);
	assert_int_equal(e->records, 3);
	assert_int_equal(e->bytes, 40);
	assert_int_equal(e->unpacked, 90);
	assert_string_equal(e->sha256, sum);
	assert_int_equal(e->at.sec, 1793491200);
	assert_int_equal(e->at.nsec, 123000000);
	assert_true(e->timed);
	assert_int_equal(e->last.sec - e->first.sec, 86400);
	assert_true(dl_span_is(e->line, line));
	assert_false(e->gone);

	e = dl_lake_index_at(x, 1);
	assert_int_equal(e->number, 3);
	assert_false(e->timed);
	assert_string_equal(e->sha256, "");
	assert_true(e->at.sec > 1500000000); /* by the ULID */
	assert_null(dl_lake_index_find(x, "a=1/p-2.ndjson"));
	assert_null(dl_lake_index_find(x, ""));
	dl_lake_index_free(x);
}

static void
nothing(void **state)
{
	struct dl_lake_index *x;
	struct dl_err err = {0};
	struct memory m;

	(void)state;
	memory_init(&m);
	x = read_index(&m);
	assert_int_equal(dl_lake_index_count(x), 0);
	assert_null(dl_lake_index_find(x, "a"));
	assert_false(dl_lake_index_gone(x, "a", NULL));
	assert_int_equal(dl_lake_index_heirs(x, "a", NULL, NULL, &err), 0);
	dl_lake_index_free(x);
	dl_lake_index_free(NULL);
}

static int
add_name(void *arg, const struct dl_lake_entry *heir, struct dl_err *err)
{
	struct dl_buf *b = arg;

	(void)err;
	dl_buf_printf(b, "%s ", heir->part);
	return 0;
}

static int
refuse(void *arg, const struct dl_lake_entry *heir, struct dl_err *err)
{
	(void)arg;
	return dl_err_temp(err, "%s", heir->part);
}

static const char *
heirs(const struct dl_lake_index *x, const char *part, bool merged)
{
	static char text[256];
	struct dl_err err = {0};
	struct dl_buf b = {0};

	assert_int_equal((merged ? dl_lake_index_mergers : dl_lake_index_heirs)(
			     x, part, add_name, &b, &err),
	    0);
	(void)snprintf(text, sizeof(text), "%s", dl_buf_str(&b));
	dl_buf_release(&b);
	return text;
}

static void
merged(void **state)
{
	const struct dl_lake_entry *e;
	struct dl_lake_index *x;
	struct dl_err err = {0};
	struct memory m;

	(void)state;
	memory_init(&m);
	memory_line(&m, "{\"part\":\"a/1\"}");
	memory_line(&m, "{\"part\":\"a/2\"}");
	memory_line(&m,
	    "{\"part\":\"a/3\",\"merged\":[\"a/1\",\"a/2\"],\"of\":["
	    "{\"part\":\"a/1\",\"at\":\"2026-11-01T00:00:01Z\",\"records\":5,"
	    "\"bytes\":50},{\"part\":\"a/2\",\"records\":6,\"bytes\":60}]}");
	memory_line(&m,
	    "{\"part\":\"a/5\",\"of\":[{\"part\":\"a/1\"},{\"part\":\"a/2\"},"
	    "{\"part\":\"a/4\"}],\"merged\":[\"a/3\",\"a/4\"]}");
	x = read_index(&m);
	e = dl_lake_index_find(x, "a/3");
	assert_int_equal(e->nmerged, 2);
	assert_string_equal(e->merged[1], "a/2");
	assert_int_equal(e->nof, 2);
	assert_string_equal(e->of[0].part, "a/1");
	assert_int_equal(e->of[0].records, 5);
	assert_int_equal(e->of[0].bytes, 50);
	assert_int_equal(e->of[0].at.sec, 1793491201);
	assert_int_equal(e->of[1].at.sec, 0);
	assert_string_equal(heirs(x, "a/1", false), "a/3 a/5 ");
	assert_string_equal(heirs(x, "a/1", true), "a/3 ");
	assert_string_equal(heirs(x, "a/3", false), "a/5 ");
	assert_string_equal(heirs(x, "a/4", false), "a/5 ");
	assert_string_equal(heirs(x, "a/5", false), "");
	assert_string_equal(heirs(x, "a/9", false), "");
	assert_int_equal(dl_lake_index_heirs(x, "a/1", refuse, NULL, &err), -1);
	assert_string_equal(err.msg, "a/3");
	dl_lake_index_free(x);
}

static void
gone(void **state)
{
	struct dl_lake_index *x;
	struct dl_time t;
	struct memory m;

	(void)state;
	memory_init(&m);
	memory_line(&m, "{\"at\":\"2026-11-01T00:00:00Z\",\"part\":\"a/1\"}");
	memory_line(&m, "{\"at\":\"2026-11-01T00:00:00Z\",\"part\":\"a/2\"}");
	memory_line(&m,
	    "{\"at\":\"2026-11-03T00:00:00Z\",\"gone\":[\"a/1\",\"hand\"],"
	    "\"why\":\"expired\"}");
	x = read_index(&m);
	assert_int_equal(dl_lake_index_count(x), 2);
	assert_true(dl_lake_index_at(x, 0)->gone);
	assert_false(dl_lake_index_at(x, 1)->gone);
	assert_true(dl_lake_index_gone(x, "hand", &t));
	assert_int_equal(t.sec, 1793491200 + 2 * 86400);
	assert_false(dl_lake_index_gone(x, "a/2", &t));
	t.sec--;
	assert_int_equal(dl_lake_index_lost(x, &t), 2);
	t.sec++;
	assert_int_equal(dl_lake_index_lost(x, &t), 0);
	t.sec =
	    1793491199; /* a/1 was not there yet; of hand nothing is known */
	assert_int_equal(dl_lake_index_lost(x, &t), 1);
	dl_lake_index_free(x);
}

/* None of these is a line of a manifest; the one after them is. */
static void
hostile(void **state)
{
	static const char *const lines[] = {"", "{", "[]", "null",
	    "{\"part\":1}", "{\"part\":\"\"}", "{\"part\":\"../x\"}",
	    "{\"part\":\"/etc/passwd\"}", "{\"part\":\"a/../b\"}",
	    "{\"part\":\"_dl/journal/x\"}", "{\"part\":\"a//b\"}",
	    "{\"part\":\"a/\"}", "{\"part\":\"a\\u0000b\"}",
	    "{\"part\":\"a\",\"part\":\"b\"}",
	    "{\"part\":\"a\",\"records\":-1}",
	    "{\"part\":\"a\",\"records\":1e3}",
	    "{\"part\":\"a\",\"bytes\":99999999999999999999}",
	    "{\"part\":\"a\",\"at\":\"yesterday\"}",
	    "{\"part\":\"a\",\"at\":\"\"}", "{\"part\":\"a\",\"at\":1}",
	    "{\"part\":\"a\",\"sha256\":\"abc\"}", "{\"part\":\"a\",\"of\":{}}",
	    "{\"part\":\"a\",\"of\":[1]}", "{\"part\":\"a\",\"of\":[{}]}",
	    "{\"part\":\"a\",\"merged\":[{}]}",
	    "{\"part\":\"a\",\"merged\":[\"..\"]}", "{\"gone\":\"a\"}",
	    "{\"gone\":[\"/a\"]}", "\xff\xfe", "{\"part\":\"a\"} x"};
	const size_t n = sizeof(lines) / sizeof(lines[0]);
	struct dl_lake_index *x;
	struct memory m;
	uint64_t bad;
	size_t i;

	(void)state;
	memory_init(&m);
	for (i = 0; i < n; i++)
		memory_line(&m, lines[i]);
	memory_line(&m, "{\"part\":\"a\"}");
	x = read_index(&m);
	assert_int_equal(dl_lake_index_lines(x, &bad), n + 1);
	assert_int_equal(bad, n);
	assert_int_equal(dl_lake_index_count(x), 1);
	assert_int_equal(dl_lake_index_find(x, "a")->number, n + 1);
	dl_lake_index_free(x);
}

static void
long_names(void **state)
{
	struct dl_buf name = {0}, line = {0};
	struct dl_lake_index *x;
	struct memory m;
	uint64_t bad;
	int i;

	(void)state;
	memory_init(&m);
	for (i = 0; i < 1025; i++)
		dl_buf_addc(&name, 'a');
	dl_buf_printf(&line, "{\"part\":\"%s\"}", dl_buf_str(&name));
	memory_line(&m, dl_buf_str(&line));
	x = read_index(&m);
	(void)dl_lake_index_lines(x, &bad);
	assert_int_equal(bad, 1);
	dl_lake_index_free(x);
	dl_buf_release(&name);
	dl_buf_release(&line);
}

/* More of everything than an array begins with. */
static void
many(void **state)
{
	struct dl_buf line = {0};
	struct dl_lake_index *x;
	const char *name;
	struct memory m;
	size_t i, n = 100000;
	char part[64];

	(void)state;
	memory_init(&m);
	dl_buf_adds(&line, "{\"part\":\"m\",\"merged\":[");
	for (i = 0; i < n; i++)
		dl_buf_printf(&line, "%s\"d=%zu/p\"", i == 0 ? "" : ",", i);
	dl_buf_adds(&line, "]}");
	memory_line(&m, dl_buf_str(&line));
	x = read_index(&m);
	assert_int_equal(dl_lake_index_at(x, 0)->nmerged, n);
	for (i = 0; i < n; i += 777) {
		name = dl_lake_index_at(x, 0)->merged[i];
		(void)snprintf(part, sizeof(part), "d=%zu/p", i);
		assert_string_equal(name, part);
		assert_string_equal(heirs(x, part, true), "m ");
	}
	dl_lake_index_free(x);
	dl_buf_release(&line);
}

static void
names(void **state)
{
	struct dl_time t;

	(void)state;
	assert_true(dl_lake_name_ok(DL_SPAN("part-1.ndjson")));
	assert_true(dl_lake_name_ok(
	    DL_SPAN("dt=__HIVE_DEFAULT_PARTITION__/part-1.ndjson")));
	assert_false(dl_lake_name_ok(DL_SPAN("a/.hidden")));
	assert_true(dl_lake_name_time(
	    "a=b/part-01ARZ3NDEKTSV4RRFFQ69G5FAV.ndjson.zst", &t));
	assert_int_equal(t.sec, 1469922850);
	assert_int_equal(t.nsec, 259000000);
	assert_false(dl_lake_name_time("a/part-01ARZ3NDEK.ndjson", &t));
	assert_false(dl_lake_name_time("a/part-", &t));
	assert_false(dl_lake_name_time("a/x", &t));
	assert_false(
	    dl_lake_name_time("a/part-81ARZ3NDEKTSV4RRFFQ69G5FAV.ndjson", &t));
	assert_false(
	    dl_lake_name_time("a/part-01ARZ3NDEKTSV4RRFFQ69G5FAVX.ndjson", &t));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(entries),
	    cmocka_unit_test(nothing),
	    cmocka_unit_test(merged),
	    cmocka_unit_test(gone),
	    cmocka_unit_test(hostile),
	    cmocka_unit_test(long_names),
	    cmocka_unit_test(many),
	    cmocka_unit_test(names),
	};

	dl_log_init("lake_index", DL_LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
