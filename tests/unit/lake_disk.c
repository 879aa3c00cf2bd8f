/* lake_store.h on a disk: nothing is replaced, nothing half-made is seen. */
#include "lake_store.h"
#include "buf.h"
#include "io.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/dl-lake-XXXXXX";

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

static bool
exists(const char *name)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return access(path, F_OK) == 0;
}

static struct dl_staged *
stage(struct dl_lake_store *s, const char *name, const char *text)
{
	struct dl_err err = {0};
	struct dl_staged *g = s->ops->stage(s, name, &err);

	assert_non_null(g);
	assert_int_equal(s->ops->write(g, dl_span_str(text), &err), 0);
	return g;
}

static void
publishing(void **state)
{
	struct dl_err err = {0};
	struct dl_lake_store *s = dl_lake_disk(dir, DL_LAKE_WRITING, &err);
	struct dl_staged *g;
	struct dl_buf b = {0};
	char path[256];

	(void)state;
	assert_non_null(s);
	g = stage(s, "part-1.ndjson", "first\n");
	assert_true(exists("_dl/staging/part-1.ndjson.tmp"));
	assert_int_equal(s->ops->seal(g, "a=1/b=2", &err), 0);
	assert_false(exists("a=1/b=2/part-1.ndjson"));
	assert_int_equal(s->ops->publish(g, &err), 0);
	assert_false(exists("_dl/staging/part-1.ndjson.tmp"));

	g = stage(s, "part-1.ndjson", "second\n");
	assert_int_equal(s->ops->seal(g, "a=1/b=2", &err), 0);
	assert_int_equal(s->ops->publish(g, &err), -1);
	assert_int_equal(err.status, DL_EXIT_BUG);
	s->ops->discard(g);
	(void)snprintf(path, sizeof(path), "%s/a=1/b=2/part-1.ndjson", dir);
	dl_err_clear(&err);
	assert_int_equal(dl_read_file(path, 100, &b, &err), 0);
	assert_string_equal(dl_buf_str(&b), "first\n");
	dl_buf_release(&b);
	s->ops->close(s);
}

/* What a living writer stages stays; what a dead one staged goes. */
static void
cleaning(void **state)
{
	struct dl_err err = {0};
	struct dl_lake_store *s = dl_lake_disk(dir, DL_LAKE_WRITING, &err),
			     *other;
	struct dl_staged *g = stage(s, "part-mine.ndjson", "x");
	pid_t pid = fork();
	int status;

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0) {
		other = dl_lake_disk(dir, DL_LAKE_WRITING, &err);
		if (other == NULL ||
		    other->ops->stage(other, "part-dead.ndjson", &err) == NULL)
			_exit(1);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(exists("_dl/staging/part-dead.ndjson.tmp"));
	other = dl_lake_disk(dir, DL_LAKE_WRITING, &err);
	assert_non_null(other);
	assert_false(exists("_dl/staging/part-dead.ndjson.tmp"));
	assert_true(exists("_dl/staging/part-mine.ndjson.tmp"));
	other->ops->close(other);
	s->ops->discard(g);
	assert_false(exists("_dl/staging/part-mine.ndjson.tmp"));
	s->ops->close(s);
}

static int
count_line(void *arg, struct dl_span line, struct dl_err *err)
{
	(void)err;
	assert_memory_equal(line.p, "{\"prev\":\"", 9);
	++*(size_t *)arg;
	return 0;
}

/* A last entry of more than one step backwards, and a torn one after it. */
static void
manifest(void **state)
{
	struct dl_err err = {0};
	struct dl_lake_store *s = dl_lake_disk(dir, DL_LAKE_WRITING, &err);
	struct dl_buf big = {0}, b = {0};
	struct dl_span entries[2] = {DL_SPAN("{\"n\":1}"), {0}};
	char path[256];
	FILE *f;
	size_t lines = 0, i;

	(void)state;
	dl_buf_adds(&big, "{\"n\":\"");
	for (i = 0; i < 300000; i++)
		dl_buf_addc(&big, 'x');
	dl_buf_adds(&big, "\"}");
	entries[1] = dl_buf_as_span(&big);
	assert_int_equal(s->ops->record(s, NULL, entries, 2, &err), 0);
	(void)snprintf(path, sizeof(path), "%s/_dl/manifest.ndjson", dir);
	f = fopen(path, "a");
	assert_non_null(f);
	fwrite(big.p, 1, big.len, f);
	fclose(f);
	assert_int_equal(s->ops->manifest(s, count_line, &lines, &err), 0);
	assert_int_equal(lines, 2);
	lines = 0;
	assert_int_equal(s->ops->record(s, NULL, entries, 1, &err), 0);
	assert_int_equal(dl_read_file(path, 1 << 20, &b, &err), 0);
	for (i = 0; i < b.len; i++)
		lines += b.p[i] == '\n';
	assert_int_equal(lines, 3);
	lines = 0;
	assert_int_equal(s->ops->manifest(s, count_line, &lines, &err), 0);
	assert_int_equal(lines, 3);
	assert_int_equal(
	    b.len, 3 * strlen("{\"prev\":\"\",\"at\":\"\",}\n") +
		       3 * (64 + strlen("2018-02-07T01:26:13.840Z")) +
		       2 * strlen("\"n\":1") + big.len - 2);
	dl_buf_release(&b);
	dl_buf_release(&big);
	s->ops->close(s);
}

static bool
enter(void *arg, const char *path)
{
	dl_buf_printf(arg, "%s/ ", path);
	return strcmp(path, "l/not") != 0;
}

static int
take_file(void *arg, const char *path, uint64_t size, struct dl_err *err)
{
	(void)err;
	dl_buf_printf(arg, "%s:%llu ", path, (unsigned long long)size);
	return 0;
}

static void
walking(void **state)
{
	struct dl_err err = {0};
	struct dl_lake_store *s;
	struct dl_buf b = {0};
	const struct dl_lake_walk walk = {enter, take_file, &b};
	char command[512];
	int fd;

	(void)state;
	(void)snprintf(command, sizeof(command),
	    "cd '%s' && rm -rf a=1 && mkdir -p l/b l/a l/a-b l/_x l/.y l/not "
	    "&& "
	    "touch l/a.ndjson l/not/x l/a/2 l/a-b/1 && printf xyz >l/Z && "
	    "ln -s /etc l/link && ln -s a.ndjson l/link2",
	    dir);
	assert_int_equal(system(command), 0);
	assert_null(dl_lake_disk("/nowhere/at/all", DL_LAKE_READING, &err));
	assert_int_equal(err.status, DL_EXIT_TEMP);
	dl_err_clear(&err);
	assert_null(dl_lake_disk("/nowhere/at/all", DL_LAKE_TIDYING, &err));
	assert_int_equal(err.status, DL_EXIT_TEMP);
	s = dl_lake_disk(dir, DL_LAKE_READING, &err);
	assert_int_equal(s->ops->walk(s, &walk, &err), 0);
	assert_string_equal(dl_buf_str(&b),
	    "l/ l/Z:3 l/a-b/ l/a-b/1:0 l/a.ndjson:0 l/a/ l/a/2:0 l/b/ l/not/ ");
	assert_int_equal(s->ops->open(s, "l/nothing", &fd, &err), 0);
	assert_int_equal(s->ops->open(s, "l/Z", &fd, &err), 1);
	close(fd);
	dl_err_clear(&err);
	assert_int_equal(s->ops->open(s, "l/link2", &fd, &err), -1);
	dl_buf_release(&b);
	s->ops->close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(publishing),
	    cmocka_unit_test(cleaning),
	    cmocka_unit_test(manifest),
	    cmocka_unit_test(walking),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
