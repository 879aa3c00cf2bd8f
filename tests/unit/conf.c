#include "conf.h"

#include "buf.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

/* A file of its own directory, so that messages can be compared whole. */
static char dir[] = "/tmp/dl-conf-XXXXXX";
#define FILE_NAME "t.yaml"

struct spec {
	const char *name, *url;
	bool only_changed;
	int64_t most, bytes, every;
	const struct dl_conf_node *headers, *items;
	int format;
};

static const char *const formats[] = {"json", "ndjson", "csv", NULL};

#define FIELD(key, kind, required, choices) \
	{ \
#key, kind, required, offsetof(struct spec, key), choices \
	}

static const struct dl_conf_field fields[] = {
    FIELD(name, DL_CONF_STR, true, NULL),
    FIELD(url, DL_CONF_STR, false, NULL),
    FIELD(only_changed, DL_CONF_BOOL, false, NULL),
    FIELD(most, DL_CONF_COUNT, false, NULL),
    FIELD(bytes, DL_CONF_SIZE, false, NULL),
    FIELD(every, DL_CONF_DURATION, false, NULL),
    FIELD(headers, DL_CONF_MAP, false, NULL),
    FIELD(items, DL_CONF_LIST, false, NULL),
    FIELD(format, DL_CONF_CHOICE, false, formats),
    {NULL, DL_CONF_STR, false, 0, NULL},
};

static void
write_file(struct dl_span text)
{
	FILE *f = fopen(FILE_NAME, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text.p, 1, text.len, f), text.len);
	assert_int_equal(fclose(f), 0);
}

static struct dl_conf *
load(const char *text, struct dl_err *err)
{
	*err = (struct dl_err){0};
	write_file(dl_span_str(text));
	return dl_conf_load(FILE_NAME, err);
}

/* Load and take text; returns the error's message ("" if none), static. */
static const char *
failure(const char *text)
{
	static struct dl_err err;
	struct spec s = {0};
	struct dl_conf *c;

	c = load(text, &err);
	if (c != NULL &&
	    dl_conf_take(c, dl_conf_root(c), "a source", fields, &s, &err) == 0)
		err.msg[0] = '\0';
	else
		assert_int_equal(err.status, DL_EXIT_CONF);
	dl_conf_free(c);
	return err.msg;
}

static void
typed_fields(void **state)
{
	struct dl_err err;
	struct dl_conf *c;
	struct spec s = {.bytes = 7, .format = 1};
	const struct dl_conf_node *n;
	const char *key;

	(void)state;
	c = load("# a comment\n"
		 "name: quakes\n"
		 "only_changed: true\n"
		 "most: 10\n"
		 "every: 1h30m\n"
		 "headers: {Accept: \"a/b\", x-y: no}\n"
		 "items:\n"
		 "- |\n"
		 "  .a |\n"
		 "    .b\n"
		 "- null\n"
		 "format: csv\n",
	    &err);
	assert_non_null(c);
	assert_int_equal(
	    dl_conf_take(c, dl_conf_root(c), "a source", fields, &s, &err), 0);
	assert_string_equal(s.name, "quakes");
	assert_null(s.url);
	assert_true(s.only_changed);
	assert_int_equal(s.most, 10);
	assert_int_equal(s.bytes, 7);
	assert_int_equal(s.every, 5400000);
	assert_int_equal(s.format, 2);
	n = dl_conf_child(s.headers, 1, &key);
	assert_string_equal(key, "x-y");
	assert_string_equal(dl_conf_text(n), "no");
	assert_null(dl_conf_child(s.headers, 2, &key));
	n = dl_conf_child(s.items, 0, &key);
	assert_null(key);
	assert_string_equal(dl_conf_text(n), ".a |\n  .b\n");
	assert_int_equal(dl_conf_line(n), 8);
	assert_null(dl_conf_text(dl_conf_child(s.items, 1, NULL)));
	assert_int_equal(dl_conf_line_of(dl_conf_root(c), "items"), 7);
	assert_int_equal(dl_conf_line_of(dl_conf_root(c), "itens"), 0);
	assert_string_equal(dl_conf_path(c), FILE_NAME);
	assert_memory_equal(dl_conf_bytes(c).p, "# a comment\nname", 16);
	dl_conf_free(c);
}

/* YAML 1.2's core schema, and not 1.1's. */
static void
schema(void **state)
{
	static const char *const strings[] = {"no", "on", "yes", "1_000",
	    "0x10", "012", "2012-01-15", "12:30:45", "true", "'null'", "1.0",
	    ".inf"};
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
		snprintf(text, sizeof(text), "name: %s\n", strings[i]);
		assert_string_equal(failure(text), "");
	}
	assert_string_equal(failure("name: a\nonly_changed: TRUE\n"), "");
	assert_string_equal(failure("name: a\nonly_changed: no\n"),
	    "t.yaml:2: 'only_changed' is \"no\", expected true or false");
	assert_string_equal(failure("name: a\nonly_changed: 'true'\n"),
	    "t.yaml:2: 'only_changed' is \"true\", expected true or false");
	assert_string_equal(failure("name: a\nmost: 1_000\n"),
	    "t.yaml:2: 'most' is \"1_000\", expected a count such as 1000");
	assert_string_equal(
	    failure("name: ~\n"), "t.yaml:1: 'name' is empty, expected text");
}

static void
messages(void **state)
{
	static const struct {
		const char *text, *message;
	} rows[] = {
	    {"url: x\n\nevry: 60s\n", "3: 'evry' is not a key of a source "
				      "(did you mean 'every'?)"},
	    {"only_chnagde: x\n", "1: 'only_chnagde' is not a key of a source "
				  "(did you mean 'only_changed'?)"},
	    {"zebra: x\n", "1: 'zebra' is not a key of a source"},
	    {"ab: x\n", "1: 'ab' is not a key of a source"},
	    {"<<: {name: b}\n", "1: '<<' is not a key of a source"},
	    {"every: soon\n",
		"1: 'every' is \"soon\", expected a duration such as 60s"},
	    {"bytes: 1.5M\n",
		"1: 'bytes' is \"1.5M\", expected a size such as 64M"},
	    {"every:\n  a: b\n",
		"1: 'every' is a mapping, expected a duration such as 60s"},
	    {"url: [a]\n", "1: 'url' is a list, expected text"},
	    {"headers: a\n", "1: 'headers' is a text, expected a mapping"},
	    {"items: {}\n", "1: 'items' is a mapping, expected a list"},
	    {"format: jsn\n",
		"1: 'format' is \"jsn\", expected json, ndjson or csv "
		"(did you mean 'json'?)"},
	    {"format: []\n",
		"1: 'format' is a list, expected json, ndjson or csv"},
	    {"\n\nurl: x\n", "3: a source needs 'name'"},
	    {"", "1: expected a source, a mapping of keys to values"},
	    {"- a\n", "1: expected a source, a mapping of keys to values"},
	    {"name: a\nurl: b\nname: c\n",
		"3: 'name' is given twice (first on line 1)"},
	    {"headers:\n  a: 1\n  b: 2\n  a: 1\n",
		"4: 'a' is given twice (first on line 2)"},
	    {"name: &x a\n", "1: anchors (&x) are not taken"},
	    {"name: *x\n", "1: aliases (*name) are not taken"},
	    {"name: !!str a\n",
		"1: tags (tag:yaml.org,2002:str) are not taken"},
	    {"headers: !x {}\n", "1: tags (!x) are not taken"},
	    {"[a]: b\n", "1: a key must be a piece of text"},
	    {"name: \"a\\0b\"\n", "1: text cannot hold a NUL"},
	    {"name: a\n---\nname: b\n", "2: more than one document"},
	    {"name: a\nurl: b: c\n",
		"2: not valid YAML: mapping values are not allowed in this "
		"context"},
	    {"name: a\nurl: \xff\n",
		"2: not valid UTF-8 text: invalid leading UTF-8 octet"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *got = failure(rows[i].text);

		if (strncmp(got, FILE_NAME ":", 7) != 0 ||
		    strcmp(got + 7, rows[i].message) != 0)
			fail_msg("\"%s\" gave: %s", rows[i].text, got);
	}
}

static const char *
name_of(const char *text)
{
	static char name[DL_ERR_MAX];
	struct dl_err err;
	struct spec s = {0};
	struct dl_conf *c;

	if ((c = load(text, &err)) == NULL ||
	    dl_conf_take(c, dl_conf_root(c), "a source", fields, &s, &err) < 0)
		snprintf(name, sizeof(name), "%s", err.msg);
	else
		snprintf(name, sizeof(name), "%s", s.name);
	dl_conf_free(c);
	return name;
}

static void
environment(void **state)
{
	static const struct {
		const char *text, *name;
	} rows[] = {
	    {"name: ${DL_T_SET}\n", "value"},
	    {"name: a${DL_T_SET}b$c$$d\n", "avalueb$c$d"},
	    {"name: \"${DL_T_SET}\\n\"\n", "value\n"},
	    {"name: '${DL_T_SET}'\n", "${DL_T_SET}"},
	    {"name: |-\n  ${DL_T_SET}\n", "${DL_T_SET}"},
	    {"name: ${DL_T_NONE:-x y}\n", "x y"},
	    {"name: ${DL_T_NONE:-}\n", ""},
	    {"name: ${DL_T_EMPTY}\n", ""},
	    {"name: ${DL_T_EMPTY:-x}\n", "x"},
	    {"name: ${DL_T_SET:-x}\n", "value"},
	    {"name: ${DL_T_YAML}\n", "a\nurl: [b]"},
	    {"name: ${DL_T_AGAIN}\n", "${DL_T_SET}"},
	    {"name: $${DL_T_SET}\n", "${DL_T_SET}"},
	    {"name: a$\n", "a$"},
	    {"name: ${DL_T_NULL}\n", "null"},
	    {"name: x\nurl: ${DL_T_NONE}\n",
		"t.yaml:2: the environment has no DL_T_NONE "
		"(${DL_T_NONE:-default} gives a default)"},
	    {"name: ${1A}\n", "t.yaml:1: '${1A}' is not of the form ${NAME} or "
			      "${NAME:-default} ($$ is a dollar sign)"},
	    {"name: ${A-b}\n",
		"t.yaml:1: '${A-b}' is not of the form ${NAME} or "
		"${NAME:-default} ($$ is a dollar sign)"},
	    {"name: ${A\n", "t.yaml:1: a ${ has no } ($$ is a dollar sign)"},
	    {"name: ${DL_T_BYTES}\n",
		"t.yaml:1: the environment's DL_T_BYTES is not UTF-8"},
	    {"${DL_T_SET}: x\n",
		"t.yaml:1: '${DL_T_SET}' is not a key of a source"},
	};

	(void)state;
	setenv("DL_T_SET", "value", 1);
	setenv("DL_T_EMPTY", "", 1);
	setenv("DL_T_YAML", "a\nurl: [b]", 1);
	setenv("DL_T_AGAIN", "${DL_T_SET}", 1);
	setenv("DL_T_NULL", "null", 1);
	setenv("DL_T_BYTES", "\xff", 1);
	unsetenv("DL_T_NONE");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(name_of(rows[i].text), rows[i].name);
}

static void
repeated(struct dl_buf *b, const char *s, size_t n)
{
	while (n-- > 0)
		dl_buf_adds(b, s);
}

static void
limits(void **state)
{
	struct dl_err err;
	struct dl_buf b = {0};
	struct dl_conf *c;

	(void)state;
	repeated(&b, "[", 64);
	repeated(&b, "]", 64);
	c = load(dl_buf_str(&b), &err);
	assert_non_null(c);
	dl_conf_free(c);

	dl_buf_clear(&b);
	repeated(&b, "[", 65);
	repeated(&b, "]", 65);
	assert_null(load(dl_buf_str(&b), &err));
	assert_string_equal(
	    err.msg, "t.yaml:1: more than 64 levels of nesting");

	dl_buf_clear(&b);
	repeated(&b, "[", 100000);
	assert_null(load(dl_buf_str(&b), &err));

	dl_buf_clear(&b);
	repeated(&b, "# 45678\n", (1 << 20) / 8 + 1);
	assert_null(load(dl_buf_str(&b), &err));
	assert_int_equal(err.status, DL_EXIT_CONF);

	/* As many keys as a file can have, in a time nobody notices. */
	dl_buf_clear(&b);
	for (int i = 0; i < 100000; i++)
		dl_buf_printf(&b, "k%d: \n", i);
	c = load(dl_buf_str(&b), &err);
	assert_non_null(c);
	dl_conf_free(c);
	dl_buf_release(&b);
}

static void
absent_file(void **state)
{
	struct dl_err err = {0};

	(void)state;
	assert_null(dl_conf_load("none.yaml", &err));
	assert_int_equal(err.status, DL_EXIT_CONF);
	assert_string_equal(
	    err.msg, "cannot open 'none.yaml': No such file or directory");
}

static int
setup(void **state)
{
	(void)state;
	return mkdtemp(dir) == NULL || chdir(dir) < 0;
}

static int
teardown(void **state)
{
	(void)state;
	return unlink(FILE_NAME) < 0 || chdir("/") < 0 || rmdir(dir) < 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(typed_fields),
	    cmocka_unit_test(schema),
	    cmocka_unit_test(messages),
	    cmocka_unit_test(environment),
	    cmocka_unit_test(limits),
	    cmocka_unit_test(absent_file),
	};

	return cmocka_run_group_tests_name("conf", tests, setup, teardown);
}
