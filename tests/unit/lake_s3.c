/* lake_store.h on S3: the outbox, the manifest's numbers, walks. */
#include "lake_store.h"
#include "s3_fake.h"

#include "io.h"
#include "lake_manifest.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>

#define PART "a=1/part-1.ndjson"
#define SPOOL "spool/fake%2Fbucket%2Flake"

static char home[] = "/tmp/dl-lake-s3-XXXXXX";
static atomic_int away, count, block;

static int
setup(void **state)
{
	(void)state;
	return sodium_init() < 0 || mkdtemp(home) == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	char command[128];

	(void)state;
	fake_clear();
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", home);
	return system(command);
}

/* Each test has a home and an S3 of its own. */
static int
fresh(void **state)
{
	char command[128];

	(void)state;
	fake_clear();
	away = count = block = 0;
	(void)snprintf(command, sizeof(command), "rm -rf '%s/spool'", home);
	return system(command);
}

static struct dl_lake_store *
open_as(enum dl_lake_mode mode, int64_t spool_max, struct dl_err *err)
{
	const struct dl_s3_options s3 = {.endpoint = NULL};
	const struct dl_lake_s3_options o = {
	    .s3 = &s3, .home = home, .spool_max = spool_max};

	return dl_lake_s3("s3://bucket/lake", &o, mode, err);
}

static struct dl_lake_store *
open_writing(void)
{
	struct dl_err err = {0};
	struct dl_lake_store *s = open_as(DL_LAKE_WRITING, 0, &err);

	assert_non_null(s);
	return s;
}

/* A sealed part with its entry, by the name of part-N.ndjson. */
static struct dl_staged *
make_part(struct dl_lake_store *s, int n, const char *text)
{
	unsigned char sum[crypto_hash_sha256_BYTES];
	char name[64], entry[512], hex[65];
	struct dl_err err = {0};
	struct dl_staged *g;
	struct dl_span e;

	(void)snprintf(name, sizeof(name), "part-%d.ndjson", n);
	crypto_hash_sha256(sum, (const unsigned char *)text, strlen(text));
	sodium_bin2hex(hex, sizeof(hex), sum, sizeof(sum));
	(void)snprintf(entry, sizeof(entry),
	    "{\"part\":\"a=1/"
	    "%s\",\"records\":1,\"bytes\":%zu,\"sha256\":\"%s\","
	    "\"sources\":[\"s 1\",null],\"steps\":[]}",
	    name, strlen(text), hex);
	g = s->ops->stage(s, name, &err);
	assert_non_null(g);
	assert_int_equal(s->ops->write(g, dl_span_str(text), &err), 0);
	assert_int_equal(s->ops->seal(g, "a=1", &err), 0);
	e = dl_span_str(entry);
	assert_int_equal(s->ops->record(s, &g, &e, 1, &err), 0);
	return g;
}

static void
publish(struct dl_lake_store *s, int n, const char *text)
{
	struct dl_err err = {0};

	assert_int_equal(s->ops->publish(make_part(s, n, text), &err), 0);
}

static void
all_landed(struct dl_lake_store *s, uint64_t want)
{
	struct dl_err err = {0};
	uint64_t n;

	if (s->ops->landed(s, want, -1, &n, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(n, want);
}

static void
record_now(struct dl_lake_store *s, const char *entry)
{
	const struct dl_span e = dl_span_str(entry);
	struct dl_err err = {0};

	if (s->ops->record(s, NULL, &e, 1, &err) < 0)
		fail_msg("%s", err.msg);
}

/* How many files there are in the spool's outbox. */
static int
outbox(void)
{
	char command[256];
	int n = -1;
	FILE *f;

	(void)snprintf(command, sizeof(command),
	    "find '%s/%s/outbox' -type f | wc -l", home, SPOOL);
	f = popen(command, "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%d", &n), 1);
	pclose(f);
	return n;
}

/* Is this object there, with these bytes? */
static bool
there(const char *key, const char *text)
{
	const struct fake_object *o = fake_find(key);

	return o != NULL && dl_span_is(dl_buf_as_span(&o->bytes), text);
}

/* The manifest */

struct chain {
	struct dl_buf last, names; /* names: each line's "n", or its part */
	size_t n;
	bool broken;
};

static int
add_line(void *arg, struct dl_span line, struct dl_err *err)
{
	struct chain *c = arg;
	unsigned char sum[crypto_hash_sha256_BYTES];
	char hex[65], *copy = dl_strndup(line), *n;

	(void)err;
	crypto_hash_sha256(sum, (const unsigned char *)c->last.p, c->last.len);
	sodium_bin2hex(hex, sizeof(hex), sum, sizeof(sum));
	if (strncmp(copy, "{\"prev\":\"", 9) != 0 ||
	    strncmp(copy + 9, hex, 64) != 0)
		c->broken = true;
	if ((n = strstr(copy, "\"n\":")) != NULL)
		dl_buf_printf(&c->names, "%d ", atoi(n + 4));
	else if ((n = strstr(copy, "/part-")) != NULL)
		dl_buf_printf(&c->names, "p%d ", atoi(n + 6));
	free(copy);
	dl_buf_clear(&c->last);
	dl_buf_span(&c->last, line);
	c->n++;
	return 0;
}

static void
manifest_is(struct dl_lake_store *s, const char *names)
{
	struct chain c = {.n = 0};
	struct dl_err err = {0};

	if (s->ops->manifest(s, add_line, &c, &err) < 0)
		fail_msg("%s", err.msg);
	assert_false(c.broken);
	assert_string_equal(dl_buf_str(&c.names), names);
	dl_buf_release(&c.last);
	dl_buf_release(&c.names);
}

static void
key_of(char key[64], unsigned number, const char *suffix)
{
	(void)snprintf(key, 64, "_dl/manifest/%020u%s", number, suffix);
}

/* What another writer does: the next object, chained to what is there. */
static void
append_other(unsigned number, const char *entry)
{
	const struct dl_span e = dl_span_str(entry);
	struct dl_buf lines = {0};
	struct dl_span last = DL_SPAN("");
	const struct fake_object *o;
	char key[64];
	const char *nl;

	key_of(key, number - 1, ".ndjson");
	if ((o = fake_find(key)) != NULL) {
		last = dl_span(o->bytes.p, o->bytes.len - 1);
		nl = memrchr(last.p, '\n', last.len);
		if (nl != NULL)
			last = dl_span(
			    nl + 1, (size_t)(last.p + last.len - nl - 1));
	}
	dl_lake_manifest_chain(&lines, last, &e, 1);
	key_of(key, number, ".ndjson");
	fake_set(key, dl_buf_as_span(&lines));
	dl_buf_release(&lines);
}

/* Another process folds the objects 1 to number, none of them a base. */
static void
fold_other(unsigned number)
{
	struct dl_buf all = {0};
	char key[64];
	unsigned i;

	for (i = 1; i <= number; i++) {
		key_of(key, i, ".ndjson");
		if (fake_find(key) != NULL)
			dl_buf_span(
			    &all, dl_buf_as_span(&fake_find(key)->bytes));
		fake_drop(key);
	}
	key_of(key, number, ".base.ndjson");
	fake_set(key, dl_buf_as_span(&all));
	dl_buf_release(&all);
}

/* A part is not seen before its entry is. */
static int
entry_first(const char *what, const char *key, struct dl_err *err)
{
	const struct fake_object *o;
	bool found = false;
	size_t i;

	if (strcmp(what, "put") != 0 || strncmp(key, "a=1/", 4) != 0)
		return 0;
	pthread_mutex_lock(&fake.lock);
	for (i = 0; i < fake.n && !found; i++) {
		o = fake.v[i];
		found =
		    strncmp(o->key, "_dl/", 4) == 0 &&
		    memmem(o->bytes.p, o->bytes.len, key, strlen(key)) != NULL;
	}
	pthread_mutex_unlock(&fake.lock);
	count++;
	return found ? 0 : dl_err_conf(err, "%s has no entry", key);
}

static void
sending(void **state)
{
	struct dl_lake_store *s = open_writing();
	char text[64], names[256] = "";
	int i;

	(void)state;
	fake.before = entry_first;
	for (i = 1; i <= 20; i++) {
		(void)snprintf(text, sizeof(text), "{\"n\":%d}\n", i);
		publish(s, i, text);
	}
	all_landed(s, 20);
	assert_int_equal(count, 20);
	assert_true(there("a=1/part-7.ndjson", "{\"n\":7}\n"));
	assert_string_equal(dl_buf_str(&fake.meta),
	    "x-amz-meta-dl-records: 1\nx-amz-meta-dl-sources: s%201,...\n");
	for (i = 1; i <= 20; i++)
		(void)snprintf(names + strlen(names), 16, "p%d ", i);
	manifest_is(s, names);
	assert_int_equal(outbox(), 0);
	s->ops->close(s);
}

static int
hold_all(const char *what, const char *key, struct dl_err *err)
{
	(void)key;
	(void)err;
	if (strcmp(what, "put") == 0)
		while (block)
			usleep(1000);
	return 0;
}

static int
hold_parts(const char *what, const char *key, struct dl_err *err)
{
	(void)err;
	if (strcmp(what, "put") == 0 && strncmp(key, "a=1/", 4) == 0)
		while (block)
			usleep(1000);
	return 0;
}

/* What is published and has not landed is there, and waited for. */
static void
landing(void **state)
{
	struct dl_err err = {0};
	struct dl_lake_store *s;
	char bytes[8];
	uint64_t n;
	int fd;

	(void)state;
	block = 1;
	fake.before = hold_parts;
	s = open_writing();
	publish(s, 1, "one\n");
	publish(s, 2, "two\n");
	assert_int_equal(s->ops->landed(s, 2, 20, &n, &err), 0);
	assert_int_equal(n, 0);
	assert_null(fake_find(PART));
	assert_int_equal(s->ops->open(s, PART, &fd, &err), 1);
	assert_int_equal(read(fd, bytes, 8), 4);
	close(fd);
	assert_int_equal(s->ops->open(s, "a=1/part-9.ndjson", &fd, &err), 0);
	block = 0;
	assert_int_equal(s->ops->landed(s, 1, 10000, &n, &err), 0);
	assert_true(n >= 1);
	all_landed(s, 2);
	assert_int_equal(s->ops->open(s, PART, &fd, &err), 1);
	close(fd);
	s->ops->close(s);
}

static int
be_away(const char *what, const char *key, struct dl_err *err)
{
	if (!away || (away == 2 && (strcmp(what, "put") != 0 ||
				       strncmp(key, "a=1/", 4) != 0)))
		return 0;
	return dl_err_temp(err, "%s is away", key);
}

/* An S3 that is away costs disk: the next run sends what there is. */
static void
spooling(void **state)
{
	struct dl_err err = {0};
	struct dl_lake_store *s;
	uint64_t n;

	(void)state;
	fake.before = be_away;
	away = 1;
	s = open_writing();
	publish(s, 1, "text\n");
	assert_int_equal(s->ops->landed(s, 1, -1, &n, &err), -1);
	assert_int_equal(err.status, DL_EXIT_TEMP);
	assert_memory_equal(err.msg, "1 part (5 B) waits in '", 23);
	assert_non_null(strstr(err.msg, SPOOL "', run it again: "));
	s->ops->close(s);
	away = 2;
	dl_err_clear(&err);
	if ((s = open_as(DL_LAKE_WRITING, 0, &err)) != NULL) {
		assert_int_equal(s->ops->landed(s, 0, -1, &n, &err), -1);
		s->ops->close(s);
	}
	assert_int_equal(err.status, DL_EXIT_TEMP);
	away = 0;
	s = open_writing();
	all_landed(s, 0);
	s->ops->close(s);
	assert_true(there(PART, "text\n"));
	assert_int_equal(outbox(), 0);
}

/* A process that dies with a part in its outbox. */
static void
die_with(int n, const char *text)
{
	struct dl_lake_store *s;
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		block = 1;
		fake.before = hold_all;
		s = open_writing();
		publish(s, n, text);
		(void)make_part(s, n + 1, "staged\n");
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
taking_over(void **state)
{
	struct dl_lake_store *s;
	struct dl_err err = {0};
	uint64_t n = 0;

	(void)state;
	die_with(1, "dead\n");
	fake.nuploads = 2;
	fake.uploads[0] = (struct fake_upload){PART, "mine", 0, false};
	fake.uploads[1] = (struct fake_upload){"a=1/part-5", "other", 0, false};
	s = open_writing();
	/* The run that repeats the dead one's relies on it. */
	assert_int_equal(s->ops->settle(s, PART, &err), 0);
	assert_int_equal(s->ops->settle(s, "a=1/part-77.ndjson", &err), 0);
	assert_int_equal(s->ops->landed(s, 2, 10000, &n, &err), 0);
	assert_int_equal(n, 2);
	assert_true(there(PART, "dead\n"));
	assert_true(fake.uploads[0].aborted);
	assert_false(fake.uploads[1].aborted);
	s->ops->close(s);
	assert_int_equal(outbox(), 0);
	s = open_writing();
	manifest_is(s, "p1 ");
	s->ops->close(s);
}

/* Its writer died after the part had come whole. */
static void
landed_before(void **state)
{
	struct dl_lake_store *s;

	(void)state;
	die_with(1, "dead\n");
	fake_set(PART, DL_SPAN("dead\n"));
	s = open_writing();
	all_landed(s, 0);
	s->ops->close(s);
	assert_int_equal(outbox(), 0);
}

/* Another process, which lives, has the part that a run relies on. */
static void
watching(void **state)
{
	struct dl_lake_store *s, *other;
	struct dl_err err = {0};
	uint64_t n = 9;

	(void)state;
	block = 1;
	fake.before = hold_parts;
	other = open_writing();
	publish(other, 1, "alive\n");
	s = open_writing();
	assert_int_equal(s->ops->settle(s, PART, &err), 0);
	assert_int_equal(s->ops->landed(s, 1, 20, &n, &err), 0);
	assert_int_equal(n, 0);
	block = 0;
	assert_int_equal(s->ops->landed(s, 1, 20000, &n, &err), 0);
	assert_int_equal(n, 1);
	s->ops->close(s);
	other->ops->close(other);
}

static void
spoil(const char *suffix, const char *text)
{
	char command[512];

	(void)snprintf(command, sizeof(command),
	    "cd '%s/%s/outbox' && f=$(echo */%spart-1.ndjson%s) && "
	    "printf '%s' >\"$f\"",
	    home, SPOOL, *suffix == '\0' ? "" : ".", suffix, text);
	assert_int_equal(system(command), 0);
}

/* A part that is at fault itself stays; the others are sent. */
static void
faulty(void **state)
{
	static const struct {
		const char *suffix, *text, *says;
	} cases[] = {
	    {"", "DEAD\\n", "is damaged since it was written"},
	    {"", "", "is damaged since it was written"},
	    {".json", "{", "is damaged"},
	    {".json", "{\"part\":\"a=1/x\",\"bytes\":5,\"sha256\":0}",
		"is damaged"},
	    {".json", "[1]", "is damaged"},
	};
	struct dl_lake_store *s;
	uint64_t n;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct dl_err err = {0};

		fresh(state);
		die_with(1, "dead\n");
		spoil(cases[i].suffix, cases[i].text);
		s = open_writing();
		publish(s, 3, "good\n");
		assert_int_equal(s->ops->landed(s, 1, -1, &n, &err), -1);
		assert_int_equal(n, 1);
		assert_int_equal(err.status, DL_EXIT_DATA);
		if (strstr(err.msg, cases[i].says) == NULL)
			fail_msg("%s", err.msg);
		assert_true(there("a=1/part-3.ndjson", "good\n"));
		assert_null(fake_find(PART));
		s->ops->close(s);
		assert_int_equal(outbox(), 2);
	}
}

static void
other_object(void **state)
{
	struct dl_lake_store *s;
	struct dl_err err = {0};
	uint64_t n;

	(void)state;
	fake_set(PART, DL_SPAN("somebody's\n"));
	s = open_writing();
	publish(s, 1, "mine\n");
	assert_int_equal(s->ops->landed(s, 1, -1, &n, &err), -1);
	assert_int_equal(err.status, DL_EXIT_BUG);
	assert_true(there(PART, "somebody's\n"));
	s->ops->close(s);
	assert_int_equal(outbox(), 2);
}

static void *
let_go_soon(void *arg)
{
	usleep(50000);
	count = 1;
	block = 0;
	return arg;
}

/* Who publishes waits for room. */
static void
room(void **state)
{
	struct dl_err err = {0};
	struct dl_lake_store *s = open_as(DL_LAKE_WRITING, 6, &err);
	pthread_t thread;

	(void)state;
	assert_non_null(s);
	block = 1;
	fake.before = hold_parts;
	publish(s, 1, "more than 6\n");
	assert_int_equal(pthread_create(&thread, NULL, let_go_soon, NULL), 0);
	publish(s, 2, "1\n");
	assert_int_equal(count, 1);
	pthread_join(thread, NULL);
	all_landed(s, 2);
	s->ops->close(s);
}

/* Two other writers take the number first. */
static int
others_first(const char *what, const char *key, struct dl_err *err)
{
	(void)err;
	if (strcmp(what, "put") == 0 && count == 0 &&
	    strncmp(key, "_dl/manifest/", 13) == 0) {
		count = 1;
		append_other(1, "{\"n\":1}");
		append_other(2, "{\"n\":2}");
	}
	return 0;
}

static void
numbers(void **state)
{
	struct dl_lake_store *s = open_writing();

	(void)state;
	fake.before = others_first;
	record_now(s, "{\"n\":3}");
	record_now(s, "{\"n\":4}");
	manifest_is(s, "1 2 3 4 ");
	append_other(5, "{\"n\":5}");
	record_now(s, "{\"n\":6}");
	manifest_is(s, "1 2 3 4 5 6 ");
	s->ops->close(s);
	s = open_writing();
	record_now(s, "{\"n\":7}");
	manifest_is(s, "1 2 3 4 5 6 7 ");
	s->ops->close(s);
}

/* Others went on and folded all of it, so that the number is free again. */
static int
fold_first(const char *what, const char *key, struct dl_err *err)
{
	(void)err;
	if (strcmp(what, "put") == 0 && count == 0 &&
	    strncmp(key, "_dl/manifest/", 13) == 0) {
		count = 1;
		append_other(2, "{\"n\":2}");
		append_other(3, "{\"n\":3}");
		fold_other(3);
	}
	return 0;
}

static void
behind_base(void **state)
{
	struct dl_lake_store *s = open_writing();
	char key[64];

	(void)state;
	record_now(s, "{\"n\":1}");
	fake.before = fold_first;
	record_now(s, "{\"n\":4}");
	manifest_is(s, "1 2 3 4 ");
	key_of(key, 2, ".ndjson");
	assert_null(fake_find(key));
	key_of(key, 4, ".ndjson");
	assert_non_null(fake_find(key));
	s->ops->close(s);
}

/* It is folded after it was listed, and while it is read. */
static int
fold_while_read(const char *what, const char *key, struct dl_err *err)
{
	char at[64];

	(void)err;
	key_of(at, 66, ".ndjson");
	if (strcmp(what, "get") == 0 && strcmp(key, at) == 0 && count == 0) {
		count = 1;
		pthread_mutex_lock(&fake.lock);
		fold_other(67);
		append_other(69, "{\"n\":69}");
		pthread_mutex_unlock(&fake.lock);
	}
	return 0;
}

static void
reading(void **state)
{
	struct dl_lake_store *s = open_writing();
	char names[512] = "", entry[32], key[64];
	struct chain c = {.n = 0};
	struct dl_err err = {0};
	unsigned i;

	(void)state;
	for (i = 1; i <= 69; i++) {
		(void)snprintf(names + strlen(names), 8, "%u ", i);
		(void)snprintf(entry, sizeof(entry), "{\"n\":%u}", i);
		if (i < 69)
			append_other(i, entry);
	}
	fake.before = fold_while_read;
	manifest_is(s, names);
	assert_int_equal(count, 1);
	key_of(key, 68, ".ndjson");
	fake_drop(key);
	assert_int_equal(s->ops->manifest(s, add_line, &c, &err), -1);
	assert_int_equal(err.status, DL_EXIT_DATA);
	assert_non_null(strstr(err.msg, "gap after 67"));
	key_of(key, 68, ".ndjson");
	fake_set(key, DL_SPAN("torn"));
	dl_err_clear(&err);
	assert_int_equal(s->ops->manifest(s, add_line, &c, &err), -1);
	assert_int_equal(err.status, DL_EXIT_DATA);
	dl_buf_release(&c.last);
	dl_buf_release(&c.names);
	s->ops->close(s);
}

static void
say(void *arg, const char *text)
{
	dl_buf_printf(arg, "%s\n", text);
}

static void
tidying(void **state)
{
	struct dl_lake_store *s;
	struct dl_buf said = {0};
	struct dl_lake_care care = {
	    .abort_ms = 1000, .dry_run = true, .say = say, .arg = &said};
	struct dl_err err = {0};
	struct chain c = {.n = 0};
	char entry[32];
	unsigned i;

	(void)state;
	assert_null(open_as(DL_LAKE_TIDYING, 0, &err));
	assert_int_equal(err.status, DL_EXIT_TEMP);
	dl_err_clear(&err);
	for (i = 1; i <= 1100; i++) {
		(void)snprintf(entry, sizeof(entry), "{\"x\":%u}", i);
		append_other(i, entry);
	}
	fake.nuploads = 2;
	fake.uploads[0] = (struct fake_upload){"x", "old", 1000, false};
	fake.uploads[1] = (struct fake_upload){"x", "new", INT64_MAX, false};
	s = open_as(DL_LAKE_TIDYING, 0, &err);
	assert_non_null(s);
	assert_int_equal(s->ops->tidy(s, &care, &err), 0);
	assert_int_equal(fake.n, 1100);
	assert_false(fake.uploads[0].aborted);
	care.dry_run = false;
	assert_int_equal(s->ops->tidy(s, &care, &err), 0);
	assert_int_equal(fake.n, 2);
	assert_true(fake.uploads[0].aborted);
	assert_false(fake.uploads[1].aborted);
	assert_string_equal(dl_buf_str(&said),
	    "s3://bucket/lake: 1099 objects of the manifest folded into one\n"
	    "s3://bucket/lake: 1 uploads that were cut off aborted\n"
	    "s3://bucket/lake: 1099 objects of the manifest folded into one\n"
	    "s3://bucket/lake: 1 uploads that were cut off aborted\n");
	record_now(s, "{\"x\":0}");
	/* What a run before left of what it had folded. */
	append_other(7, "{\"x\":7}");
	assert_int_equal(s->ops->tidy(s, &care, &err), 0);
	assert_int_equal(fake.n, 3);
	assert_int_equal(s->ops->manifest(s, add_line, &c, &err), 0);
	assert_int_equal(c.n, 1101);
	assert_false(c.broken);
	dl_buf_release(&c.last);
	dl_buf_release(&c.names);
	dl_buf_release(&said);
	s->ops->close(s);
}

static void
replacing(void **state)
{
	static const char *const parts[] = {PART, "part-2.ndjson"};
	struct dl_lake_store *s = open_writing();
	struct dl_err err = {0};

	(void)state;
	publish(s, 1, "1\n");
	publish(s, 2, "2\n");
	publish(s, 3, "3\n");
	all_landed(s, 3);
	assert_int_equal(s->ops->replace(s, "a=1", make_part(s, 4, "1\n2\n"),
			     parts, 2, &err),
	    0);
	assert_null(fake_find(PART));
	assert_null(fake_find("a=1/part-2.ndjson"));
	assert_true(there("a=1/part-4.ndjson", "1\n2\n"));
	assert_int_equal(s->ops->replace(s, "a=1", NULL,
			     (const char *const[]){"part-3.ndjson"}, 1, &err),
	    0);
	assert_null(fake_find("a=1/part-3.ndjson"));
	assert_int_equal(outbox(), 0);
	s->ops->close(s);
}

/* Reading */

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
	static const char *const keys[] = {"_dl/x", "l/.y/1", "l/Z", "l/_x/1",
	    "l/a-b/1", "l/a.ndjson", "l/a/2", "l/b/", "l/b//1", "l/not/x",
	    "l/not/~y", "l/not0", "m/_1"};
	struct dl_err err = {0};
	struct dl_buf b = {0};
	const struct dl_lake_walk walk = {enter, take_file, &b};
	struct dl_lake_store *s;
	size_t i;
	int fd;

	(void)state;
	assert_null(open_as(DL_LAKE_READING, 0, &err));
	assert_int_equal(err.status, DL_EXIT_TEMP);
	dl_err_clear(&err);
	for (i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		fake_set(keys[i], DL_SPAN("xyz"));
	s = open_as(DL_LAKE_READING, 0, &err);
	assert_non_null(s);
	assert_true(s->far);
	assert_null(s->state);
	assert_int_equal(s->ops->walk(s, &walk, &err), 0);
	assert_string_equal(dl_buf_str(&b),
	    "l/ l/Z:3 l/a-b/ l/a-b/1:3 l/a.ndjson:3 l/a/ l/a/2:3 l/b/ l/not/ "
	    "l/not0:3 m/ ");
	assert_int_equal(s->ops->open(s, "l/Z", &fd, &err), 1);
	close(fd);
	/* Not the bytes that were put. */
	memset(((struct fake_object *)fake_find("l/Z"))->sha256, '0', 64);
	assert_int_equal(s->ops->open(s, "l/Z", &fd, &err), -1);
	assert_int_equal(err.status, DL_EXIT_DATA);
	dl_buf_release(&b);
	s->ops->close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(sending, fresh),
	    cmocka_unit_test_setup(landing, fresh),
	    cmocka_unit_test_setup(spooling, fresh),
	    cmocka_unit_test_setup(taking_over, fresh),
	    cmocka_unit_test_setup(landed_before, fresh),
	    cmocka_unit_test_setup(watching, fresh),
	    cmocka_unit_test_setup(faulty, fresh),
	    cmocka_unit_test_setup(other_object, fresh),
	    cmocka_unit_test_setup(room, fresh),
	    cmocka_unit_test_setup(numbers, fresh),
	    cmocka_unit_test_setup(behind_base, fresh),
	    cmocka_unit_test_setup(reading, fresh),
	    cmocka_unit_test_setup(tidying, fresh),
	    cmocka_unit_test_setup(replacing, fresh),
	    cmocka_unit_test_setup(walking, fresh),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
