/* Replacing parts in a directory, and what a crash leaves of that. */
#include "buf.h"
#include "io.h"
#include "lake_store.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define ID "01M851H5W04P9PXKT68B4TAN8N"

static char dir[] = "/tmp/dl-lake-XXXXXX";
static const struct dl_lake_care care;

static int
setup(void **state)
{
	(void)state;
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	char command[128];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

static void
shell(const char *text)
{
	struct dl_buf b = {0};

	dl_buf_printf(&b, "cd '%s' && { %s; }", dir, text);
	assert_int_equal(system(dl_buf_str(&b)), 0);
	dl_buf_release(&b);
}

/* What the lake has, by find. */
static void
assert_has(const char *want)
{
	struct dl_buf b = {0};
	struct dl_err err = {0};
	char path[256];

	shell("find . -type f ! -name tidy.lock ! -name list -printf '%P ' | "
	      "tr ' ' '\\n' | sort | xargs >list");
	(void)snprintf(path, sizeof(path), "%s/list", dir);
	assert_int_equal(dl_read_file(path, 1 << 16, &b, &err), 0);
	b.len--;
	assert_string_equal(dl_buf_str(&b), want);
	dl_buf_release(&b);
}

static struct dl_lake_store *
fresh(void)
{
	struct dl_err err = {0};
	struct dl_lake_store *s;

	shell("rm -rf * .[!.]*");
	s = dl_lake_disk(dir, DL_LAKE_WRITING, &err);
	assert_non_null(s);
	return s;
}

static struct dl_staged *
sealed(struct dl_lake_store *s, const char *name, const char *partition)
{
	struct dl_err err = {0};
	struct dl_staged *g = s->ops->stage(s, name, &err);

	assert_non_null(g);
	assert_int_equal(s->ops->write(g, DL_SPAN("new\n"), &err), 0);
	assert_int_equal(s->ops->seal(g, partition, &err), 0);
	return g;
}

static void
replacing(void **state)
{
	static const char *const parts[] = {"a=1/b=2/p2", "a=1/b=2/p1"};
	struct dl_lake_store *s = fresh();
	struct dl_err err = {0};
	struct stat before, after;
	char path[256];

	(void)state;
	shell("mkdir -p a=1/b=2 && cd a=1/b=2 && touch p1 p2 p3 .x && "
	      "chmod 711 .");
	(void)snprintf(path, sizeof(path), "%s/a=1/b=2", dir);
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(s->ops->replace(s, "a=1/b=2",
			     sealed(s, "q", "a=1/b=2"), parts, 2, &err),
	    0);
	assert_has("a=1/b=2/.x a=1/b=2/p3 a=1/b=2/q");
	assert_int_equal(stat(path, &after), 0);
	assert_int_not_equal(before.st_ino, after.st_ino);
	assert_int_equal(before.st_mode, after.st_mode);
	s->ops->close(s);
}

/* Removing takes the directories that are empty then, up to the lake. */
static void
removing(void **state)
{
	static const char *const parts[] = {"a=1/b=2/p1", "a=1/b=2/none"};
	static const char *const top[] = {"p0"};
	struct dl_lake_store *s = fresh();
	struct dl_err err = {0};

	(void)state;
	shell("mkdir -p a=1/b=2 a=1/b=3 && touch p0 a=1/b=2/p1 a=1/b=3/p1");
	assert_int_equal(
	    s->ops->replace(s, "a=1/b=2", NULL, parts, 2, &err), 0);
	shell("[ ! -e a=1/b=2 ]");
	assert_has("a=1/b=3/p1 p0");
	assert_int_equal(s->ops->replace(s, "", NULL, top, 1, &err), 0);
	shell("rm a=1/b=3/p1");
	assert_int_equal(
	    s->ops->replace(s, "a=1/b=3", NULL, parts, 1, &err), 0);
	shell("[ ! -e a=1 ] && [ -d _dl ]");
	/* A part that was sealed before that still gets its name. */
	shell("mkdir -p a=1/b=2");
	{
		struct dl_staged *g = sealed(s, "q", "a=1/b=2");

		assert_int_equal(
		    s->ops->replace(s, "a=1/b=2", NULL, parts, 1, &err), 0);
		shell("[ ! -e a=1 ]");
		assert_int_equal(s->ops->publish(g, &err), 0);
	}
	assert_has("a=1/b=2/q");
	s->ops->close(s);
}

static void
refusing(void **state)
{
	static const char *const parts[] = {"a=1/p1", "a=1/p2"};
	struct dl_lake_store *s = fresh();
	struct dl_err err = {0};
	struct dl_staged *g;

	(void)state;
	shell("mkdir -p a=1/deep && touch a=1/p1 a=1/p2");
	g = sealed(s, "q", "a=1");
	assert_int_equal(s->ops->replace(s, "a=1", g, parts, 2, &err), -1);
	assert_int_equal(err.status, DL_EXIT_DATA);
	s->ops->discard(g);
	assert_has("a=1/p1 a=1/p2");
	shell("[ -z \"$(ls -A _dl/exchange)\" ]");
	s->ops->close(s);
}

/* Crashes: how far it had come, by what lies in _dl/exchange. */

#define NOTE "printf 'a=1\\0q\\0p1\\0p2\\0' >_dl/exchange/" ID ".of"

static void
tidied(struct dl_lake_store *s, const char *before, const char *want)
{
	struct dl_err err = {0};

	shell("rm -rf a=1 _dl/exchange && mkdir -p a=1 _dl/exchange");
	shell(before);
	assert_int_equal(s->ops->tidy(s, &care, &err), 0);
	assert_has(want);
}

static void
leftovers(void **state)
{
	const struct dl_lake_care dry = {.dry_run = true};
	struct dl_lake_store *s = fresh();
	struct dl_err err = {0};

	(void)state;
	assert_int_equal(s->ops->tidy(s, &care, &err), 0);
	tidied(s, "touch a=1/p1 _dl/exchange/." ID ".of.tmp", "a=1/p1");
	tidied(s, "touch a=1/p1; " NOTE, "a=1/p1");
	/* The next directory was being filled; p3 was removed since. */
	tidied(s,
	    "touch a=1/p1; " NOTE "; cd _dl/exchange; mkdir " ID "; touch " ID
	    "/q " ID "/p3",
	    "a=1/p1");
	/* They were exchanged: p4 came at the last moment, p3 is in both. */
	tidied(s,
	    "touch a=1/q a=1/p3; " NOTE "; cd _dl/exchange; mkdir " ID
	    "; cd " ID
	    "; touch p1 p2 p4; ln ../../../a=1/p3 p3; mkdir d; touch d/x",
	    "a=1/d/x a=1/p3 a=1/p4 a=1/q");
	/* ... and what has merged them is gone again. */
	tidied(s,
	    "touch a=1/p3; " NOTE "; cd _dl/exchange; mkdir " ID "; touch " ID
	    "/p1 " ID "/p2",
	    "a=1/p1 a=1/p2 a=1/p3");
	tidied(s,
	    NOTE "; rm -r a=1; cd _dl/exchange; mkdir " ID "; touch " ID "/p5",
	    "a=1/p5");
	/* There is another one by that name: both stay. */
	tidied(s,
	    "echo 1 >a=1/p6; touch a=1/q; " NOTE "; cd _dl/exchange; mkdir " ID
	    "; echo 2 >" ID "/p6",
	    "_dl/exchange/" ID ".of _dl/exchange/" ID "/p6 a=1/p6 a=1/q");
	shell("grep -q 1 a=1/p6 && grep -q 2 _dl/exchange/" ID "/p6");
	assert_int_equal(s->ops->tidy(s, &dry, &err), 0);

	shell("printf 'a=1' >_dl/exchange/" ID ".of");
	assert_int_equal(s->ops->tidy(s, &care, &err), -1);
	assert_int_equal(err.status, DL_EXIT_DATA);
	s->ops->close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(replacing),
	    cmocka_unit_test(removing),
	    cmocka_unit_test(refusing),
	    cmocka_unit_test(leftovers),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
