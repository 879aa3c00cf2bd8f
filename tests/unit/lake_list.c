/* lake_list.h: which parts are there, also while they are being merged. */
#include "lake_list.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "lake_help.h"

#define MERGED_12 \
	"{\"part\":\"d/part-3.ndjson\",\"bytes\":4,\"merged\":" \
	"[\"d/part-1.ndjson\",\"d/part-2.ndjson\"],\"of\":[]}"

static const char *
list(struct memory *m, const struct dl_lake_query *q)
{
	static char text[512];
	struct dl_lake_listing l = {.items = NULL};
	struct dl_err err = {0};
	struct dl_buf b = {0};
	size_t i;

	assert_int_equal(dl_lake_list(&m->base, q, &l, &err), 0);
	for (i = 0; i < l.n; i++) {
		dl_buf_printf(&b, "%s ", l.items[i].part);
		assert_ptr_equal(
		    dl_lake_listing_find(&l, l.items[i].part), &l.items[i]);
	}
	for (i = 0; i < l.nsuperseded; i++)
		dl_buf_printf(&b, "-%s ", l.superseded[i]);
	assert_null(dl_lake_listing_find(&l, "nothing"));
	dl_lake_listing_release(&l);
	(void)snprintf(text, sizeof(text), "%s", dl_buf_str(&b));
	dl_buf_release(&b);
	return text;
}

static void
plain(void **state)
{
	struct memory m;

	(void)state;
	memory_init(&m);
	assert_string_equal(list(&m, NULL), "");
	memory_add(&m, "d/part-1.ndjson", "1");
	memory_add(&m, "d/readme.txt", "1");
	memory_add(&m, "d/part-1.parquet", "1");
	memory_add(&m, "a.ndjson.gz", "1");
	assert_string_equal(list(&m, NULL), "a.ndjson.gz d/part-1.ndjson ");
}

static void
parquet(void **state)
{
	struct dl_lake_listing l = {.parquet = true};
	struct dl_err err = {0};
	struct memory m;

	(void)state;
	memory_init(&m);
	memory_add(&m, "d/part-1.parquet", "1");
	memory_add(&m, "d/.parquet", "1");
	memory_add(&m, "d/part-2.ndjson", "1");
	assert_int_equal(dl_lake_list(&m.base, NULL, &l, &err), 0);
	assert_int_equal(l.n, 3);
	dl_lake_listing_release(&l);
	assert_true(l.parquet);
}

static void
superseded(void **state)
{
	struct memory m;

	(void)state;
	memory_init(&m);
	memory_add(&m, "d/part-1.ndjson", "1");
	memory_add(&m, "d/part-2.ndjson", "2");
	memory_line(&m, MERGED_12);
	/* Recorded, and not there yet. */
	assert_string_equal(list(&m, NULL), "d/part-1.ndjson d/part-2.ndjson ");
	assert_int_equal(m.walks, 1);
	memory_add(&m, "d/part-3.ndjson", "12..");
	assert_string_equal(list(&m, NULL),
	    "d/part-3.ndjson -d/part-1.ndjson -d/part-2.ndjson ");
	/* One that was merged itself says so too. */
	memory_line(&m,
	    "{\"part\":\"d/part-4.ndjson\",\"merged\":[\"d/part-3.ndjson\"]}");
	memory_add(&m, "d/part-4.ndjson", "12..");
	assert_string_equal(list(&m, NULL),
	    "d/part-4.ndjson -d/part-1.ndjson -d/part-2.ndjson "
	    "-d/part-3.ndjson ");
	memory_remove(&m, "d/part-3.ndjson");
	memory_remove(&m, "d/part-1.ndjson");
	memory_remove(&m, "d/part-2.ndjson");
	m.walks = 0;
	assert_string_equal(list(&m, NULL), "d/part-4.ndjson ");
	assert_int_equal(m.walks, 1);
}

/* Merged into a name before theirs, where the walk has already been. */
static void
exchange(struct memory *m, const char *what, const char *name)
{
	if (strcmp(what, "walk") != 0 || strcmp(name, "d/part-2.ndjson") != 0 ||
	    m->nlines > 0)
		return;
	memory_line(m,
	    "{\"part\":\"d/part-0.ndjson\",\"merged\":[\"d/part-1.ndjson\","
	    "\"d/part-2.ndjson\"]}");
	memory_add(m, "d/part-0.ndjson", "12");
	memory_remove(m, "d/part-1.ndjson");
	memory_remove(m, "d/part-2.ndjson");
}

static void
changed_while_walked(void **state)
{
	struct memory m;

	(void)state;
	memory_init(&m);
	memory_add(&m, "d/part-1.ndjson", "1");
	memory_add(&m, "d/part-2.ndjson", "2");
	memory_add(&m, "e/part-9.ndjson", "2");
	m.event = exchange;
	assert_string_equal(list(&m, NULL), "d/part-0.ndjson e/part-9.ndjson ");
	assert_int_equal(m.walks, 2);
}

static void
removed_by_hand(void **state)
{
	struct memory m;

	(void)state;
	memory_init(&m);
	memory_add(&m, "d/part-2.ndjson", "2");
	memory_line(&m, MERGED_12);
	assert_string_equal(list(&m, NULL), "d/part-2.ndjson ");
	assert_int_equal(m.walks, 2);
	memory_line(&m, "{\"gone\":[\"d/part-1.ndjson\"]}");
	m.walks = 0;
	assert_string_equal(list(&m, NULL), "d/part-2.ndjson ");
	assert_int_equal(m.walks, 1);
}

static void
pruned(void **state)
{
	const struct dl_lake_where where[] = {
	    {DL_SPAN("source"), DL_SPAN("a b")},
	    {DL_SPAN("subject"), DL_SPAN("x")}};
	struct dl_lake_query q = {.where = where, .nwhere = 2};
	struct dl_lake_listing l = {.items = NULL};
	struct dl_err err = {0};
	struct memory m;

	(void)state;
	memory_init(&m);
	memory_add(&m, "source=a%20b/part-1.ndjson", "1");
	memory_add(&m, "source=a/part-1.ndjson", "1");
	memory_add(&m, "part-1.ndjson", "1");
	assert_int_equal(dl_lake_list(&m.base, &q, &l, &err), 0);
	assert_int_equal(l.n, 2);
	assert_string_equal(l.items[0].part, "part-1.ndjson");
	assert_int_equal(l.items[0].met, 0);
	assert_string_equal(l.items[1].part, "source=a%20b/part-1.ndjson");
	assert_int_equal(l.items[1].met, 1);
	dl_lake_listing_release(&l);
}

static void
times(void **state)
{
	struct dl_lake_query q = {.has_since = true, .since = {.sec = 86400}};
	struct memory m;

	(void)state;
	memory_init(&m);
	memory_add(&m, "dt=1969-12-31/1.ndjson", "1");
	memory_add(&m, "dt=1970-01-02/2.ndjson", "1");
	memory_add(&m, "x/3.ndjson", "12");
	memory_add(&m, "x/4.ndjson", "12");
	memory_add(&m, "x/5.ndjson", "123");
	memory_line(&m, "{\"part\":\"x/3.ndjson\",\"bytes\":2,"
			"\"first\":\"1970-01-01T00:00:00Z\","
			"\"last\":\"1970-01-01T23:59:59Z\"}");
	memory_line(&m, "{\"part\":\"x/4.ndjson\",\"bytes\":2,"
			"\"first\":\"1970-01-01T00:00:00Z\","
			"\"last\":\"1970-01-02T00:00:00Z\"}");
	/* It is another file than the manifest knows. */
	memory_line(&m, "{\"part\":\"x/5.ndjson\",\"bytes\":2,"
			"\"first\":\"1970-01-01T00:00:00Z\","
			"\"last\":\"1970-01-01T00:00:00Z\"}");
	assert_string_equal(
	    list(&m, &q), "dt=1970-01-02/2.ndjson x/4.ndjson x/5.ndjson ");
	q = (struct dl_lake_query){.has_until = true, .until = {.sec = 0}};
	assert_string_equal(list(&m, &q), "dt=1969-12-31/1.ndjson x/5.ndjson ");
	q.until.nsec = 1;
	assert_string_equal(list(&m, &q),
	    "dt=1969-12-31/1.ndjson x/3.ndjson x/4.ndjson x/5.ndjson ");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(plain),
	    cmocka_unit_test(parquet),
	    cmocka_unit_test(superseded),
	    cmocka_unit_test(changed_while_walked),
	    cmocka_unit_test(removed_by_hand),
	    cmocka_unit_test(pruned),
	    cmocka_unit_test(times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
