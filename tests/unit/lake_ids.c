/* lake_ids.h: what a run stored is known, also after it was merged. */
#include "lake_ids.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "lake_help.h"
#include "log.h"

/* 55 bytes each */
#define E(id) \
	"{\"specversion\":\"1.0\",\"id\":\"" id \
	"\",\"source\":\"s\",\"type\":\"t\"}\n"
#define ONE(part) "{\"part\":\"" part "\",\"records\":1,\"bytes\":55}"
#define OF(part) "{\"part\":\"" part "\",\"records\":1,\"bytes\":55}"

struct run {
	struct memory m;
	struct dl_idset seen;
	struct dl_lake_ids ids;
};

static void
init(struct run *r)
{
	*r = (struct run){.ids = {.store = &r->m.base, .seen = &r->seen}};
	memory_init(&r->m);
	dl_idset_init(&r->seen, "/tmp");
	memory_add(&r->m, "a/1.ndjson", E("1"));
	memory_add(&r->m, "a/2.ndjson", E("2"));
	memory_add(&r->m, "a/3.ndjson", E("3"));
	memory_line(&r->m, ONE("a/1.ndjson"));
	memory_line(&r->m, ONE("a/2.ndjson"));
	memory_line(&r->m, ONE("a/3.ndjson"));
}

static void
merge(struct run *r, const char *line, const char *text)
{
	memory_line(&r->m, line);
	memory_add(&r->m, "a/5.ndjson", text);
	memory_remove(&r->m, "a/1.ndjson");
	memory_remove(&r->m, "a/2.ndjson");
	memory_remove(&r->m, "a/3.ndjson");
}

static void
merge_3(struct run *r)
{
	merge(r,
	    "{\"part\":\"a/5.ndjson\",\"records\":3,\"bytes\":165,"
	    "\"unpacked\":165,\"merged\":[\"a/1.ndjson\",\"a/2.ndjson\","
	    "\"a/3.ndjson\"],\"of\":[" OF("a/1.ndjson") "," OF(
		"a/2.ndjson") "," OF("a/3.ndjson") "]}",
	    E("1") E("2") E("3"));
}

static int
tell(struct run *r, const char *part)
{
	struct dl_err err = {0};
	int n = dl_lake_ids_part(&r->ids, dl_span_str(part), &err);

	if (n < 0)
		(void)fprintf(stderr, "%s\n", err.msg);
	return n;
}

/* Ends the run; the ids that are known, and how many are awaited. */
static const char *
known(struct run *r)
{
	static char text[32];
	struct dl_err err = {0};
	struct dl_buf b = {0};
	size_t unmet;
	char c;

	assert_int_equal(dl_lake_ids_finish(&r->ids, &err), 0);
	assert_int_equal(dl_idset_seal(&r->seen, &err), 0);
	unmet = r->seen.unmet;
	for (c = '0'; c <= '9'; c++)
		if (dl_idset_meet(
			&r->seen, dl_hash_pair(DL_SPAN("s"), dl_span(&c, 1))))
			dl_buf_addc(&b, c);
	dl_buf_printf(&b, " %zu", unmet);
	(void)snprintf(text, sizeof(text), "%s", dl_buf_str(&b));
	dl_buf_release(&b);
	dl_lake_ids_release(&r->ids);
	dl_idset_release(&r->seen);
	return text;
}

static void
as_published(void **state)
{
	struct run r;

	(void)state;
	init(&r);
	assert_int_equal(tell(&r, "a/1.ndjson"), 1);
	assert_int_equal(tell(&r, "a/3.ndjson"), 1);
	assert_int_equal(r.m.manifests, 0);
	assert_string_equal(known(&r), "13 2");
	init(&r);
	assert_int_equal(tell(&r, "never.ndjson"), 0);
	assert_string_equal(known(&r), " 0");
	init(&r);
	assert_int_equal(tell(&r, "what"), -1);
	assert_string_equal(known(&r), " 0");
}

static void
merged(void **state)
{
	struct run r;

	(void)state;
	init(&r);
	merge_3(&r);
	assert_int_equal(tell(&r, "a/1.ndjson"), 1);
	assert_int_equal(tell(&r, "a/3.ndjson"), 1);
	assert_int_equal(tell(&r, "a/1.ndjson"), 1);
	r.m.opens = 0;
	assert_string_equal(known(&r), "13 2");
	assert_int_equal(r.m.opens, 1);
}

static void
merge_now(struct memory *m, const char *what, const char *name)
{
	struct run *r = (struct run *)m;

	if (strcmp(what, "open") == 0 && strcmp(name, "a/3.ndjson") == 0 &&
	    m->nlines == 3)
		merge_3(r);
}

/* After the manifest was read for another part. */
static void
merged_meanwhile(void **state)
{
	struct run r;

	(void)state;
	init(&r);
	r.m.event = merge_now;
	assert_int_equal(tell(&r, "never.ndjson"), 0);
	assert_int_equal(tell(&r, "a/1.ndjson"), 1);
	assert_int_equal(tell(&r, "a/3.ndjson"), 1);
	assert_int_equal(tell(&r, "a/2.ndjson"), 1);
	assert_string_equal(known(&r), "123 3");
}

/*
 * The second event of the run was there already, in a part of another one: it
 * is known by that, and not waited for.
 */
static void
without_duplicates(void **state)
{
	struct run r;

	(void)state;
	init(&r);
	r.m.files[1].text = E("1");
	merge(&r,
	    "{\"part\":\"a/5.ndjson\",\"records\":2,\"bytes\":110,"
	    "\"unpacked\":110,\"merged\":[\"a/1.ndjson\",\"a/2.ndjson\","
	    "\"a/3.ndjson\"],\"of\":[" OF("a/1.ndjson") ",{\"part\":\"a/"
							"2.ndjson\"}," OF(
							    "a/3.ndjson") "]}",
	    E("1") E("3"));
	assert_int_equal(tell(&r, "a/2.ndjson"), 1);
	assert_int_equal(tell(&r, "a/3.ndjson"), 1);
	assert_string_equal(known(&r), "13 1");

	/* "of" does not even name it. */
	init(&r);
	merge(&r,
	    "{\"part\":\"a/5.ndjson\",\"records\":1,\"bytes\":55,"
	    "\"unpacked\":55,\"merged\":[\"a/1.ndjson\",\"a/2.ndjson\"],"
	    "\"of\":[" OF("a/1.ndjson") "]}",
	    E("1"));
	assert_int_equal(tell(&r, "a/2.ndjson"), 1);
	assert_string_equal(known(&r), "1 0");
}

static void
removed(void **state)
{
	struct run r;

	(void)state;
	init(&r);
	merge_3(&r);
	memory_line(&r.m, "{\"gone\":[\"a/5.ndjson\"]}");
	memory_remove(&r.m, "a/5.ndjson");
	assert_int_equal(tell(&r, "a/1.ndjson"), 0);
	assert_string_equal(known(&r), " 0");
	/* By hand: it ends, and nothing is known. */
	init(&r);
	merge_3(&r);
	memory_remove(&r.m, "a/5.ndjson");
	assert_int_equal(tell(&r, "a/1.ndjson"), 1);
	assert_string_equal(known(&r), " 0");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(as_published),
	    cmocka_unit_test(merged),
	    cmocka_unit_test(merged_meanwhile),
	    cmocka_unit_test(without_duplicates),
	    cmocka_unit_test(removed),
	};

	dl_log_init("lake_ids", DL_LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
