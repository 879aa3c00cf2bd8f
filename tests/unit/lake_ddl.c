/*
 * Unit tests of lake_ddl.h: for Athena, which cannot be run here, what is printed
 * is read by a small grammar of Hive's, whatever the names are.
 */
#include "lake_ddl.h"

#include "io.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/dl-ddl-XXXXXX";

static void
run(const char *command)
{
	struct dl_buf b = {0};

	dl_buf_printf(&b, "cd '%s' && %s", dir, command);
	assert_int_equal(system(dl_buf_str(&b)), 0);
	dl_buf_release(&b);
}

static int
setup(void **state)
{
	(void)state;
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	run("rm -rf '../'\"${PWD##*/}\"");
	return 0;
}

/* A lake of one part, anew. */
static void
lake(const char *partition, struct dl_span lines)
{
	struct dl_err err = {0};
	struct dl_buf path = {0};

	dl_buf_printf(&path, "%s/lake/%s", dir, partition);
	assert_int_equal(dl_mkdirs(dl_buf_str(&path), &err), 0);
	dl_buf_adds(&path, "/part-1.ndjson");
	assert_int_equal(dl_replace_file(dl_buf_str(&path), lines, &err), 0);
	dl_buf_release(&path);
}

static int
ddl(enum dl_lake_dialect dialect, const char *location, struct dl_buf *out,
    struct dl_err *err)
{
	struct dl_lake_store *s;
	struct dl_buf path = {0};
	int r;

	dl_buf_printf(&path, "%s/lake", dir);
	s = dl_lake_disk(dl_buf_str(&path), DL_LAKE_READING, err);
	assert_non_null(s);
	dl_buf_clear(out);
	r = dl_lake_ddl(s, location, "A-table", dialect, out, err);
	(void)dl_buf_str(out);
	s->ops->close(s);
	dl_buf_release(&path);
	return r;
}

/* The grammar: each takes what it is for from *p, or says that it isn't there. */

static void
past_space(const char **p)
{
	for (;;) {
		*p += strspn(*p, " \n");
		if (strncmp(*p, "--", 2) != 0)
			return;
		*p += strcspn(*p, "\n");
	}
}

static bool
word(const char **p, const char *w)
{
	past_space(p);
	if (strncmp(*p, w, strlen(w)) != 0)
		return false;
	*p += strlen(w);
	return true;
}

static size_t
letters(const char *p)
{
	return strspn(p, "abcdefghijklmnopqrstuvwxyz"
			 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
}

/* `name`, which Athena has only of these characters. */
static bool
quoted(const char **p)
{
	size_t n;

	if (!word(p, "`") || (n = letters(*p)) == 0)
		return false;
	*p += n;
	return word(p, "`");
}

static bool
text(const char **p)
{
	if (!word(p, "'"))
		return false;
	for (; **p != '\'' && (unsigned char)**p >= 0x20; (*p)++)
		if (**p == '\\' && *++*p == '\0')
			return false;
	return *(*p)++ == '\'';
}

static bool
type(const char **p, int depth)
{
	static const char *const plain[] = {
	    "string", "bigint", "double", "boolean"};
	size_t i;

	if (depth > 32)
		return false;
	for (i = 0; i < 4; i++)
		if (word(p, plain[i]))
			return true;
	if (word(p, "array<"))
		return type(p, depth + 1) && word(p, ">");
	if (!word(p, "struct<"))
		return false;
	do {
		if (**p == '`' ? !quoted(p) : letters(*p) == 0)
			return false;
		*p += letters(*p);
		if (!word(p, ":") || !type(p, depth + 1))
			return false;
	} while (word(p, ","));
	return word(p, ">");
}

static bool
columns(const char **p)
{
	if (!word(p, "("))
		return false;
	do {
		if (!quoted(p) || !type(p, 0))
			return false;
	} while (word(p, ","));
	return word(p, ")");
}

static bool
properties(const char **p)
{
	if (!word(p, "WITH SERDEPROPERTIES"))
		return true;
	if (!word(p, "("))
		return false;
	do {
		if (!text(p) || !word(p, "=") || !text(p))
			return false;
	} while (word(p, ","));
	return word(p, ")");
}

static bool
statement(const char *p)
{
	if (!word(&p, "CREATE EXTERNAL TABLE") || !quoted(&p) || !columns(&p))
		return false;
	if (word(&p, "PARTITIONED BY") && !columns(&p))
		return false;
	if (!word(&p, "ROW FORMAT SERDE") || !text(&p) || !properties(&p) ||
	    !word(&p, "LOCATION") || !text(&p) || !word(&p, ";"))
		return false;
	past_space(&p);
	return *p == '\0';
}

static void
well_formed(const struct dl_buf *b)
{
	if (!statement(b->p))
		fail_msg("not well-formed:\n%s", b->p);
}

static void
test_athena(void **state)
{
	struct dl_err err = {0};
	struct dl_buf b = {0};

	(void)state;
	lake("source=q/dt=2018-02-07",
	    DL_SPAN("{\"id\":\"1\",\"source\":\"q\",\"data\":{\"date\":1,"
		    "\"x\":[{\"magType\":\"a\"}]}}\n"));
	assert_int_equal(ddl(DL_LAKE_DDL_ATHENA, "s3://b/p/", &b, &err), 0);
	well_formed(&b);
	assert_string_equal(b.p,
	    "-- The lake \"s3://b/p\", by 1 records of 1 of its 1 partitions.\n"
	    "-- Left out: \"source\", which the path tells.\n"
	    "CREATE EXTERNAL TABLE `a_table` (\n"
	    "  `id` string,\n"
	    "  `data` struct<`date`:bigint,"
	    "x:array<struct<magType:string>>>)\n"
	    "PARTITIONED BY (`source` string, `dt` string)\n"
	    "ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'\n"
	    "LOCATION 's3://b/p/';\n"
	    "-- Then, and when there are new partitions:\n"
	    "-- MSCK REPAIR TABLE `a_table`;\n");
	dl_buf_release(&b);
	run("rm -r lake");
}

/* Names of all kinds: it is well-formed, or there is no column at all. */
static void
test_random(void **state)
{
	static const char *const pieces[] = {"a", "A", "b", "`", "'", "\\\"",
	    "\\\\", "\\n", ";", "--", " ", ",", ">", "<", ":", "(", ")", "_",
	    "select", "\\u0000", "\\u00e4", "\xc3\xa4", "\x7f", "/*"};
	struct dl_err err;
	struct dl_buf line = {0}, b = {0};
	int i, k, n, r;

	(void)state;
	srandom(1);
	for (i = 0; i < 500; i++) {
		dl_buf_clear(&line);
		for (k = 0; k < 6; k++) {
			dl_buf_addc(&line, k == 0 ? '{' : ',');
			dl_buf_addc(&line, '"');
			for (n = (int)(random() % 4); n > 0; n--)
				dl_buf_adds(
				    &line, pieces[(size_t)random() % 24]);
			dl_buf_adds(&line, random() % 2 ? "\":1" : "\":[{\"");
			if (line.p[line.len - 1] == '1')
				continue;
			dl_buf_adds(&line, pieces[(size_t)random() % 24]);
			dl_buf_adds(&line, "\":true,\"B\":{\"");
			dl_buf_adds(&line, pieces[(size_t)random() % 24]);
			dl_buf_adds(&line, "\":\"\"}}]");
		}
		dl_buf_adds(&line, "}\n");
		lake("k=1", dl_buf_as_span(&line));
		err = (struct dl_err){0};
		r = ddl(DL_LAKE_DDL_ATHENA, "s3://b/it's;", &b, &err);
		if (r == 0)
			well_formed(&b);
		else
			assert_int_equal(err.status, DL_EXIT_DATA);
	}
	dl_buf_release(&line);
	dl_buf_release(&b);
	run("rm -r lake");
}

static void
refused(enum dl_lake_dialect dialect, const char *why)
{
	struct dl_err err = {0};
	struct dl_buf b = {0};

	assert_int_equal(ddl(dialect, "s3://b", &b, &err), -1);
	assert_int_equal(err.status, DL_EXIT_DATA);
	if (strstr(err.msg, why) == NULL)
		fail_msg("'%s' does not say '%s'", err.msg, why);
	dl_buf_release(&b);
	run("rm -r lake");
}

static void
test_refused(void **state)
{
	struct dl_span line = DL_SPAN("{\"a\":1}\n");

	(void)state;
	lake("k=1", dl_span("", 0));
	refused(DL_LAKE_DDL_DUCKDB, "has no records");
	lake("k=1", DL_SPAN("[1]\n"));
	refused(DL_LAKE_DDL_DUCKDB, "k=1/part-1.ndjson:1: expected an object");
	lake("k=1", DL_SPAN("{}\n"));
	refused(DL_LAKE_DDL_DUCKDB, "no member");
	lake("a=1/b=1", line);
	lake("a=1/c=1", line);
	refused(DL_LAKE_DDL_DUCKDB, "'a=1/c=1/part-1.ndjson' has other");
	lake("a=1", line);
	lake("a=1/b=1", line);
	refused(DL_LAKE_DDL_ATHENA, "has other partition keys");
	lake("k=1/plain", line);
	refused(DL_LAKE_DDL_ATHENA, "component 2 of the parts' paths");
	lake("K=1", line);
	refused(DL_LAKE_DDL_ATHENA, "no partitions by 'K'");
}

/* What no key is before the first one is of the location. */
static void
test_location(void **state)
{
	struct dl_err err = {0};
	struct dl_buf b = {0};

	(void)state;
	lake("x/y/k=1", DL_SPAN("{\"a\":1}\n"));
	assert_int_equal(ddl(DL_LAKE_DDL_ATHENA, "s3://b", &b, &err), 0);
	assert_non_null(strstr(b.p, "LOCATION 's3://b/x/y/'"));
	assert_int_equal(ddl(DL_LAKE_DDL_DUCKDB, "/a[1]/", &b, &err), 0);
	assert_non_null(strstr(b.p, "['/a[[]1]/x/y/k=*/*.ndjson']"));
	dl_buf_release(&b);
	run("rm -r lake");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_athena),
	    cmocka_unit_test(test_random),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_location),
	};

	return cmocka_run_group_tests_name("lake_ddl", tests, setup, teardown);
}
