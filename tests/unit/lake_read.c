/* dl_lake_read: each event once, whatever is merged while it reads. */
#include "lake.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "lake_ahead.h"
#include "lake_help.h"
#include "log.h"

/* 55 bytes each */
#define E(id) \
	"{\"specversion\":\"1.0\",\"id\":\"" id \
	"\",\"source\":\"s\",\"type\":\"t\"}\n"
#define E_LEN "55"
#define AT(day) "\"at\":\"2026-11-" day "T00:00:00Z\""
#define OF(part, day) \
	"{\"part\":\"" part "\"," AT(day) ",\"records\":1,\"bytes\":" E_LEN "}"
#define ONE(part, day) \
	"{" AT(day) ",\"part\":\"" part "\",\"records\":1,\"bytes\":" E_LEN \
		    ",\"unpacked\":" E_LEN "}"

static int
add_ids(void *arg, struct dl_span lines, struct dl_err *err)
{
	static const char mark[] = "\"id\":\"";
	const char *p = lines.p, *end = p + lines.len;

	(void)err;
	assert_int_equal(end[-1], '\n');
	while ((p = memmem(p, (size_t)(end - p), mark, sizeof(mark) - 1)) !=
	       NULL) {
		dl_buf_addc(arg, p[sizeof(mark) - 1]);
		p += sizeof(mark);
	}
	return 0;
}

/* The ids of what is read. */
static const char *
read_ids(struct memory *m, const struct dl_lake_query *q)
{
	static const struct dl_lake_query all;
	static char text[2048];
	struct dl_err err = {0};
	struct dl_buf b = {0};
	int r = dl_lake_read(&m->base, q == NULL ? &all : q, add_ids, &b, &err);

	(void)snprintf(
	    text, sizeof(text), "%s%s", dl_buf_str(&b), r < 0 ? err.msg : "");
	dl_buf_release(&b);
	return text;
}

/* Parts 1, 2 and 3 of a partition, and 4 of another. */
static void
init(struct memory *m)
{
	memory_init(m);
	memory_add(m, "a/1.ndjson", E("1"));
	memory_add(m, "a/2.ndjson", E("2"));
	memory_add(m, "a/3.ndjson", E("3"));
	memory_add(m, "b/4.ndjson", E("4"));
	memory_line(m, ONE("a/1.ndjson", "01"));
	memory_line(m, ONE("a/2.ndjson", "02"));
	memory_line(m, ONE("a/3.ndjson", "03"));
	memory_line(m, ONE("b/4.ndjson", "04"));
}

static void
merge_12(struct memory *m)
{
	memory_line(m,
	    "{" AT(
		"10") ",\"part\":\"a/5.ndjson\",\"records\":2,"
		      "\"bytes\":110,\"unpacked\":110,"
		      "\"merged\":[\"a/1.ndjson\",\"a/2.ndjson\"],\"of\":[" OF(
			  "a/1.ndjson", "01") "," OF("a/2.ndjson", "02") "]}");
	memory_add(m, "a/5.ndjson", E("1") E("2"));
	memory_remove(m, "a/1.ndjson");
	memory_remove(m, "a/2.ndjson");
}

/* What came last comes with it, and a part that is new. */
static void
merge_all(struct memory *m)
{
	memory_line(m, "{" AT("11") ",\"part\":\"a/6.ndjson\",\"records\":4,"
				    "\"bytes\":220,\"unpacked\":220,"
				    "\"merged\":[\"a/3.ndjson\",\"a/5.ndjson\","
				    "\"a/9.ndjson\"],\"of\":[" OF(
					"a/1.ndjson", "01") "," OF("a/2.ndjson",
					"02") "," OF("a/3.ndjson",
					"03") "," OF("a/9.ndjson", "09") "]}");
	memory_add(m, "a/6.ndjson", E("1") E("2") E("3") E("9"));
	memory_remove(m, "a/3.ndjson");
	memory_remove(m, "a/5.ndjson");
}

static void
plain(void **state)
{
	struct dl_lake_query q = {.has_limit = true};
	struct memory m;

	(void)state;
	assert_int_equal(strlen(E("1")), atoi(E_LEN));
	init(&m);
	assert_string_equal(read_ids(&m, NULL), "1234");
	merge_12(&m);
	assert_string_equal(read_ids(&m, NULL), "3124");
	merge_all(&m);
	assert_string_equal(read_ids(&m, NULL), "12394");
	assert_string_equal(read_ids(&m, &q), "");
	for (q.limit = 1; q.limit < 7; q.limit++)
		assert_int_equal(
		    strlen(read_ids(&m, &q)), q.limit < 5 ? q.limit : 5);
	m.opens = 0;
	q.limit = 4;
	assert_string_equal(read_ids(&m, &q), "1239");
	assert_int_equal(m.opens, 1);
}

static const char *when; /* the part at whose opening */
static int step;         /* how far it has gone */
static int steps;        /* how far it shall go */

static void
merge_at(struct memory *m, const char *what, const char *name)
{
	if (strcmp(what, "open") != 0 || strcmp(name, when) != 0)
		return;
	if (step == 0 && steps > 0)
		merge_12(m);
	if (step == 0 && steps > 1)
		merge_all(m);
	step = 1;
}

/* The manifest was read, and then all is merged again. */
static void
merge_twice(struct memory *m, const char *what, const char *name)
{
	if (strcmp(what, "open") != 0)
		return;
	if (step == 0 && strcmp(name, "a/2.ndjson") == 0) {
		merge_12(m);
		step = 1;
	} else if (step == 1 && strcmp(name, "a/5.ndjson") == 0) {
		merge_all(m);
		step = 2;
	}
}

static void
merged_meanwhile(void **state)
{
	static const char *const parts[] = {
	    "a/1.ndjson", "a/2.ndjson", "a/3.ndjson", "b/4.ndjson"};
	struct memory m;
	size_t i;
	int far;

	(void)state;
	for (far = 0; far < 2; far++)
		for (steps = 1; steps <= 2; steps++)
			for (i = 0; i < 4; i++) {
				init(&m);
				m.base.far = far;
				when = parts[i];
				m.event = merge_at;
				step = 0;
				assert_string_equal(read_ids(&m, NULL), "1234");
				m.event = NULL;
				assert_string_equal(read_ids(&m, NULL),
				    steps == 1 ? "3124" : "12394");
			}
	init(&m);
	m.event = merge_twice;
	step = 0;
	assert_string_equal(read_ids(&m, NULL), "1234");
	assert_int_equal(step, 2);
}

/* A part that was merged before is merged once more. */
static void
merged_again(void **state)
{
	struct memory m;

	(void)state;
	init(&m);
	merge_12(&m);
	m.event = merge_at;
	when = "a/5.ndjson";
	step = 0;
	steps = 0;
	assert_string_equal(read_ids(&m, NULL), "3124");
	steps = 1;
	init(&m);
	merge_12(&m);
	merge_all(&m);
	/* The same originals again in another part: two tidied at once. */
	memory_add(&m, "a/7.ndjson", E("3") E("9"));
	memory_line(&m,
	    "{" AT(
		"12") ",\"part\":\"a/7.ndjson\",\"records\":2,"
		      "\"bytes\":110,\"unpacked\":110,"
		      "\"merged\":[\"a/3.ndjson\",\"a/9.ndjson\"],\"of\":[" OF(
			  "a/3.ndjson", "03") "," OF("a/9.ndjson", "09") "]}");
	assert_string_equal(read_ids(&m, NULL), "12394");
}

static void
duplicates_left_out(void **state)
{
	struct memory m;

	(void)state;
	init(&m);
	m.event = merge_at;
	when = "a/1.ndjson";
	step = steps = 0;
	assert_string_equal(read_ids(&m, NULL), "1234");
	/* Nothing is left of 2, and "of" does not even name it. */
	init(&m);
	memory_line(&m,
	    "{" AT(
		"10") ",\"part\":\"a/5.ndjson\",\"records\":1,"
		      "\"bytes\":55,\"unpacked\":55,"
		      "\"merged\":[\"a/1.ndjson\",\"a/2.ndjson\"],\"of\":[" OF(
			  "a/1.ndjson", "01") "]}");
	memory_add(&m, "a/5.ndjson", E("1"));
	memory_remove(&m, "a/1.ndjson");
	memory_remove(&m, "a/2.ndjson");
	assert_string_equal(read_ids(&m, NULL), "314");
}

static void
expire_3(struct memory *m, const char *what, const char *name)
{
	if (strcmp(what, "open") != 0 || strcmp(name, "a/2.ndjson") != 0)
		return;
	if (steps == 1)
		memory_line(m, "{" AT("20") ",\"gone\":[\"a/3.ndjson\"]}");
	memory_remove(m, "a/3.ndjson");
}

static void
removed_meanwhile(void **state)
{
	struct memory m;

	(void)state;
	for (steps = 0; steps < 2; steps++) {
		init(&m);
		m.event = expire_3;
		assert_string_equal(read_ids(&m, NULL), "124");
		assert_int_equal(m.manifests, 2);
	}
}

static const char *
as_of(struct memory *m, int64_t day)
{
	/* 2026-11-01 and so many days */
	struct dl_lake_query q = {.has_as_of = true,
	    .as_of = {.sec = 1793491200 + (day - 1) * 86400}};

	return read_ids(m, &q);
}

static void
as_it_was(void **state)
{
	static const char *const before[] = {"", "1", "12", "123", "1234"};
	static const char *const after[] = {"", "1", "12", "312", "3124"};
	static const char *const all[] = {"", "1", "12", "123", "1234"};
	struct memory m;
	int day;

	(void)state;
	init(&m);
	for (day = 0; day < 5; day++)
		assert_string_equal(as_of(&m, day), before[day]);
	merge_12(&m);
	for (day = 0; day < 5; day++)
		assert_string_equal(as_of(&m, day), after[day]);
	merge_all(&m);
	for (day = 0; day < 5; day++)
		assert_string_equal(as_of(&m, day), all[day]);
	m.opens = 0;
	assert_string_equal(as_of(&m, 0), "");
	assert_int_equal(m.opens, 0);
	assert_string_equal(as_of(&m, 9), "12394");

	/* The manifest does not know them. */
	memory_add(&m, "c/part-01ARZ3NDEKTSV4RRFFQ69G5FAV.ndjson", E("7"));
	memory_add(&m, "c/hand.ndjson", E("8"));
	assert_string_equal(as_of(&m, 0), "87");
	assert_string_equal(as_of(&m, -8000), "8");

	/* Merged while it is read. */
	for (steps = 1; steps <= 2; steps++) {
		init(&m);
		m.event = merge_at;
		when = "a/1.ndjson";
		step = 0;
		assert_string_equal(as_of(&m, 2), "12");
	}
}

/* What an entry says of where records are does not fit. */
static void
not_as_told(void **state)
{
	struct memory m;

	(void)state;
	init(&m);
	merge_12(&m);
	m.lines[4] = "{" AT(
	    "10") ",\"part\":\"a/5.ndjson\",\"records\":2,"
		  "\"bytes\":110,\"unpacked\":111,\"of\":[" OF(
		      "a/1.ndjson", "01") "," OF("a/2.ndjson", "02") "]}";
	assert_string_equal(read_ids(&m, NULL), "3124");
	assert_string_equal(as_of(&m, 1),
	    "the manifest's line 5 does not tell what in 'a/5.ndjson' is from "
	    "where");
	m.lines[4] =
	    "{" AT("10") ",\"part\":\"a/5.ndjson\",\"records\":2,"
			 "\"bytes\":110,\"unpacked\":110,\"of\":["
			 "{\"part\":\"a/1.ndjson\"," AT(
			     "01") ",\"bytes\":50},{\"part\":\"a/"
				   "2.ndjson\"," AT("02") ",\"bytes\":60}]}";
	assert_non_null(strstr(as_of(&m, 1), "no line ends at byte 50"));
	m.lines[4] =
	    "{" AT("10") ",\"part\":\"a/5.ndjson\",\"records\":2,"
			 "\"bytes\":110,\"unpacked\":150,\"of\":["
			 "{\"part\":\"a/1.ndjson\"," AT(
			     "09") ",\"bytes\":0},{\"part\":\"a/"
				   "2.ndjson\"," AT("01") ",\"bytes\":"
							  "150},{"
							  "\"part\":\"a/"
							  "0\"," AT("09") "}]}";
	assert_non_null(strstr(as_of(&m, 1), "it ends after 110 bytes"));
}

/* Ahead, in order, and not further. */
static void
ahead(void **state)
{
	struct dl_lake_query few = {.has_limit = true, .limit = 1};
	struct memory m;
	char name[40][32];
	int i;

	(void)state;
	memory_init(&m);
	m.base.far = true;
	for (i = 0; i < 40; i++) {
		(void)snprintf(name[i], sizeof(name[i]), "p/%02d.ndjson", i);
		memory_add(&m, name[i], i % 2 == 0 ? E("0") : E("1"));
	}
	assert_string_equal(
	    read_ids(&m, NULL), "0101010101010101010101010101010101010101");
	assert_int_equal(m.opens, 40);
	assert_in_range(m.most_under_way, 2, DL_LAKE_AHEAD + 1);

	/* Who wants little does not wait for much. */
	m.opens = 0;
	assert_string_equal(read_ids(&m, &few), "0");
	assert_in_range(m.opens, 1, 2);

	m.broken = "p/20.ndjson";
	assert_string_equal(
	    read_ids(&m, NULL), "01010101010101010101'p/20.ndjson' is broken");
}

/* What is passed over is closed, and nothing is handed out twice. */
static void
passing_over(void **state)
{
	struct dl_lake_item items[30] = {{.part = NULL}};
	char name[30][32];
	struct dl_lake_ahead *a;
	struct dl_err err = {0};
	struct memory m;
	char c[2];
	int fd;
	size_t i;

	(void)state;
	memory_init(&m);
	m.base.far = true;
	for (i = 0; i < 30; i++) {
		(void)snprintf(name[i], sizeof(name[i]), "%02zu", i);
		items[i].part = name[i];
		if (i != 21)
			memory_add(&m, name[i], name[i]);
	}
	a = dl_lake_ahead_new(&m.base, items, 30, false);
	for (i = 0; i < 30; i += 1 + i % 7) {
		assert_int_equal(
		    dl_lake_ahead_open(a, i, &fd, &err), i == 21 ? 0 : 1);
		if (i == 21)
			continue;
		assert_int_equal(read(fd, c, 2), 2);
		assert_memory_equal(c, name[i], 2);
		close(fd);
	}
	dl_lake_ahead_free(a);
	a = dl_lake_ahead_new(&m.base, items, 30, true);
	dl_lake_ahead_free(a);
	dl_lake_ahead_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(plain),
	    cmocka_unit_test(merged_meanwhile),
	    cmocka_unit_test(merged_again),
	    cmocka_unit_test(duplicates_left_out),
	    cmocka_unit_test(removed_meanwhile),
	    cmocka_unit_test(as_it_was),
	    cmocka_unit_test(not_as_told),
	    cmocka_unit_test(ahead),
	    cmocka_unit_test(passing_over),
	};

	dl_log_init("lake_read", DL_LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
