/*
 * lake_tidy.h where others tidy too, lake_claim.h, lake_expire.h and
 * lake_lifecycle.h.
 */
#include "lake_tidy.h"

#include "buf.h"
#include "lake_claim.h"
#include "lake_expire.h"
#include "lake_lifecycle.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define OTHER "01M851H5W04P9PXKT68B4TAN8N"
#define P1 "k=1/part-01M851H5V9VV8KATQYX30P57C0.ndjson"
#define P2 "k=1/part-01M851H5VFWV6NAK1SM98GAEA5.ndjson"
#define P3 "k=2/part-01M851H5V9VV8KATQYX30P57C0.ndjson"
#define P4 "k=2/part-01M851H5VFWV6NAK1SM98GAEA5.ndjson"
#define BOTH(p) \
	"{\"part\":\"k=1/part-7ZZZZZZZZZZZZZZZZZZZZZZZZ" p ".ndjson\"," \
	"\"records\":2,\"bytes\":1,\"unpacked\":1," \
	"\"by\":\"" OTHER "\",\"merged\":[\"" P2 "\",\"" P1 "\"]," \
	"\"of\":[]}"

static char dir[] = "/tmp/dl-lake-XXXXXX";
static struct dl_lake_ops ops; /* a disk's, as if it were far away */
static int (*record)(struct dl_lake_store *, struct dl_staged *const *,
    const struct dl_span *, size_t, struct dl_err *);
static const char *before; /* what another records just before we do */

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

static int
record_second(struct dl_lake_store *s, struct dl_staged *const *parts,
    const struct dl_span *entries, size_t n, struct dl_err *err)
{
	struct dl_span other = dl_span_str(before);

	before = NULL;
	if (other.p != NULL)
		assert_int_equal(record(s, NULL, &other, 1, err), 0);
	return record(s, parts, entries, n, err);
}

/* Two partitions of two parts each. */
static struct dl_lake_store *
far_away(void)
{
	struct dl_err err = {0};
	struct dl_lake_store *s;

	shell("rm -rf * && mkdir k=1 k=2 && echo '{}' >" P1 " && echo '[]' >" P2
	      " && cp " P1 " " P3 " && cp " P2 " " P4);
	s = dl_lake_disk(dir, DL_LAKE_TIDYING, &err);
	assert_non_null(s);
	ops = *s->ops;
	record = ops.record;
	ops.record = record_second;
	s->ops = &ops;
	s->far = true;
	return s;
}

static struct dl_lake_tidied
tidy(struct dl_lake_store *s)
{
	const struct dl_lake_tidy_options options = {
	    .target = 1000, .jobs = 1, .quiet = true};
	struct dl_lake_tidied sum;
	struct dl_err err = {0};

	assert_int_equal(dl_lake_tidy(s, &options, &sum, &err), 0);
	return sum;
}

static void
note(struct dl_lake_store *s, const char *line)
{
	struct dl_err err = {0};
	struct dl_span entry = dl_span_str(line);

	assert_int_equal(record(s, NULL, &entry, 1, &err), 0);
}

static void
alone(void **state)
{
	struct dl_lake_store *s = far_away();
	struct dl_lake_tidied sum = tidy(s);

	(void)state;
	assert_int_equal(sum.merged, 4);
	assert_int_equal(sum.made, 2);
	shell("[ $(ls k=* | grep -c part) = 2 ] && "
	      "[ \"$(cat k=1/* | xargs)\" = '{} []' ]");
	s->ops->close(s);
}

/* The same, as it was recorded long ago. */
static void
note_old(const char *line)
{
	struct dl_buf b = {0};

	dl_buf_printf(&b,
	    "echo '{\"prev\":\"\",\"at\":\"2020-01-01T00:00:00.000Z\",%s' "
	    ">>_dl/manifest.ndjson",
	    line + 1);
	shell(dl_buf_str(&b));
	dl_buf_release(&b);
}

/* Another has begun to merge them: not before a day has gone by. */
static void
claimed(void **state)
{
	struct dl_lake_store *s = far_away();

	(void)state;
	note(s, BOTH("0"));
	assert_int_equal(tidy(s).merged, 2);
	shell("[ -e " P1 " ] && [ -e " P2 " ] && [ ! -e " P3 " ]");
	s->ops->close(s);
	s = far_away();
	note_old(BOTH("0"));
	assert_int_equal(tidy(s).merged, 4);
	shell("[ ! -e " P1 " ]");
	s->ops->close(s);
}

/* It has said that it gave up. */
static void
given_up(void **state)
{
	struct dl_lake_store *s = far_away();

	(void)state;
	note(s, BOTH("0"));
	note(s, "{\"gone\":[\"k=1/part-7ZZZZZZZZZZZZZZZZZZZZZZZZ0.ndjson\"]}");
	assert_int_equal(tidy(s).merged, 4);
	s->ops->close(s);
}

/* It was this machine's, in a run that died. */
static void
mine(void **state)
{
	struct dl_lake_store *s = far_away();

	(void)state;
	shell("echo " OTHER " >_dl/tidy.id");
	note(s, BOTH("0"));
	assert_int_equal(tidy(s).merged, 4);
	s->ops->close(s);
}

/* While parts were packed another has recorded that it merges them. */
static void
raced(void **state)
{
	struct dl_lake_store *s = far_away();
	struct dl_lake_tidied sum;

	(void)state;
	before = BOTH("0");
	sum = tidy(s);
	assert_int_equal(sum.merged, 2);
	assert_int_equal(sum.made, 1);
	assert_int_equal(sum.passed_over, 1);
	shell("[ -e " P1 " ] && [ -e " P2 " ] && [ ! -e " P3 " ] && "
	      "[ $(ls k=1 | wc -l) = 2 ] && "
	      "tail -n 1 _dl/manifest.ndjson | grep -q 'another run was first' "
	      "&& [ -z \"$(ls -A _dl/staging)\" ]");
	s->ops->close(s);
}

/* Of two claims the first wins: one that comes after ours does not matter. */
static void
first_wins(void **state)
{
	struct dl_lake_store *s = far_away();
	struct dl_lake_index *x;
	struct dl_err err = {0};

	(void)state;
	note(s, BOTH("0"));
	x = dl_lake_index_new(s, &err);
	assert_true(dl_lake_is_claimed(x, P1, "me", 2, 0));
	assert_false(dl_lake_is_claimed(x, P1, "me", 1, 0));
	assert_false(dl_lake_is_claimed(x, P1, OTHER, 2, 0));
	assert_false(dl_lake_is_claimed(x, P3, "me", 2, 0));
	dl_lake_index_free(x);
	s->ops->close(s);

	/* An old one counts if it came after the lake was listed. */
	s = far_away();
	note_old(BOTH("0"));
	x = dl_lake_index_new(s, &err);
	assert_true(dl_lake_is_claimed(x, P1, "me", 2, 0));
	assert_false(dl_lake_is_claimed(x, P1, "me", 2, 1));
	dl_lake_index_free(x);
	s->ops->close(s);
}

static void
damaged(void **state)
{
	const struct dl_lake_tidy_options options = {.target = 1000};
	struct dl_lake_store *s = far_away();
	struct dl_lake_tidied sum;
	struct dl_err err = {0};

	(void)state;
	shell("echo x >_dl/tidy.id");
	assert_int_equal(dl_lake_tidy(s, &options, &sum, &err), -1);
	assert_int_equal(err.status, DL_EXIT_DATA);
	s->ops->close(s);
}

/* Expiry */

static void
rules(void **state)
{
	static const char *const wrong[] = {"", ":", "a:", ": 1d", "1d,", "0d",
	    "a: 1d, a: 2d", "1d, 2d", "a: 1d b: 2d", "1", "a=1d"};
	struct dl_lake_keeps k = {.n = 0};
	struct dl_err err = {0};
	int64_t ms;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		k.n = 0;
		dl_err_clear(&err);
		assert_int_equal(dl_lake_keeps_parse(wrong[i], &k, &err), -1);
		assert_int_equal(err.status, DL_EXIT_USAGE);
	}
	k = (struct dl_lake_keeps){.n = 0};
	dl_err_clear(&err);
	assert_int_equal(
	    dl_lake_keeps_parse(" raw: 90d ,\n clean:2w1d, 1y", &k, &err), 0);
	assert_true(dl_lake_keeps_find(&k, "/x/raw//", &ms));
	assert_int_equal(ms / 86400000, 90);
	assert_int_equal(dl_lake_keeps_check(&k, &err), -1);
	assert_non_null(strstr(err.msg, "'clean'"));
	assert_true(dl_lake_keeps_find(&k, "s3://b/lake/clean", &ms));
	assert_int_equal(ms / 86400000, 15);
	assert_true(dl_lake_keeps_find(&k, "draw", &ms));
	assert_int_equal(ms / 86400000, 365);
	assert_int_equal(dl_lake_keeps_check(&k, &err), 0);
	k = (struct dl_lake_keeps){.n = 0};
	assert_int_equal(dl_lake_keeps_parse("raw: 1h", &k, &err), 0);
	assert_false(dl_lake_keeps_find(&k, "clean", &ms));
}

static bool
expires(const char *part, const char *last, const char *t)
{
	struct dl_lake_entry e = {.timed = last != NULL};
	struct dl_lake_item item = {.part = dl_strdup(part), .entry = &e};
	struct dl_err err = {0};
	struct dl_time at;
	bool r;

	if (last != NULL)
		assert_int_equal(
		    dl_time_parse(dl_span_str(last), &e.last, &err), 0);
	assert_int_equal(dl_time_parse(dl_span_str(t), &at, &err), 0);
	r = dl_lake_is_before(&item, &at);
	if (last == NULL) {
		item.entry = NULL;
		assert_int_equal(dl_lake_is_before(&item, &at), r);
	}
	free(item.part);
	return r;
}

static void
times(void **state)
{
	static const char hour[] = "a=1/dt=2018-02-03/hour=04/p",
			  day[] = "dt=2018-02-03/p";

	(void)state;
	assert_true(
	    expires("p", "2018-02-03T04:00:00Z", "2018-02-03T04:00:00.001Z"));
	assert_false(
	    expires("p", "2018-02-03T04:00:00Z", "2018-02-03T04:00:00Z"));
	/* What the manifest says goes before the path. */
	assert_false(
	    expires(day, "2019-01-01T00:00:00Z", "2018-12-01T00:00:00Z"));
	assert_false(expires(hour, NULL, "2018-02-03T04:59:59Z"));
	assert_true(expires(hour, NULL, "2018-02-03T05:00:00Z"));
	assert_false(expires(day, NULL, "2018-02-03T23:59:59Z"));
	assert_true(expires(day, NULL, "2018-02-04T00:00:00Z"));
	assert_false(
	    expires("dt=2018-02-03/hour=24/p", NULL, "2018-02-03T23:59:59Z"));
	assert_false(
	    expires("hour=04/dt=2018-02-03/p", NULL, "2018-02-03T23:59:59Z"));
	assert_false(expires("p", NULL, "2099-01-01T00:00:00Z"));
	assert_false(expires("dt=2018-13-03/p", NULL, "2099-01-01T00:00:00Z"));
	assert_false(expires("dt=2018-02-30/p", NULL, "2099-01-01T00:00:00Z"));
	assert_false(expires("dt=20180203/p", NULL, "2099-01-01T00:00:00Z"));
	assert_false(expires("xdt=2018-02-03/p", NULL, "2099-01-01T00:00:00Z"));
	assert_false(expires("dt=2018-02-03", NULL, "2018-02-03T00:00:00Z"));
}

static void
lifecycle(void **state)
{
	static const char want[] =
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	    "<LifecycleConfiguration "
	    "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\n"
	    "  <Rule>\n"
	    "    <ID>dl-1</ID>\n"
	    "    <Filter><Prefix>x&amp;y/raw/k=</Prefix></Filter>\n"
	    "    <Status>Enabled</Status>\n"
	    "    <Expiration><Days>2</Days></Expiration>\n"
	    "  </Rule>\n"
	    "  <Rule>\n"
	    "    <ID>dl-2</ID>\n"
	    "    <Filter><Prefix>x&amp;y/raw/plain/</Prefix></Filter>\n"
	    "    <Status>Enabled</Status>\n"
	    "    <Expiration><Days>2</Days></Expiration>\n"
	    "  </Rule>\n"
	    "  <Rule>\n"
	    "    <ID>dl-3</ID>\n"
	    "    <Filter><Prefix>x&amp;y/raw/</Prefix></Filter>\n"
	    "    <Status>Enabled</Status>\n"
	    "    <AbortIncompleteMultipartUpload><DaysAfterInitiation>7"
	    "</DaysAfterInitiation></AbortIncompleteMultipartUpload>\n"
	    "  </Rule>\n"
	    "</LifecycleConfiguration>\n";
	struct dl_lake_store *s = far_away();
	struct dl_lake_lifecycle l = {.rules = 0};
	struct dl_err err = {0};

	(void)state;
	shell("mkdir plain");
	assert_int_equal(
	    dl_lake_lifecycle_add(&l, s, "s3://b/x&y/raw/", 86400001, &err), 0);
	assert_int_equal(
	    dl_lake_lifecycle_add(&l, s, "s3://c/raw", 1, &err), -1);
	assert_int_equal(err.status, DL_EXIT_USAGE);
	dl_err_clear(&err);
	assert_int_equal(dl_lake_lifecycle_add(&l, s, "raw", 1, &err), -1);
	assert_int_equal(err.status, DL_EXIT_USAGE);
	dl_lake_lifecycle_end(&l);
	assert_string_equal(dl_buf_str(&l.xml), want);
	dl_lake_lifecycle_release(&l);

	/* A lake that is the whole bucket, and keeps what it has. */
	assert_int_equal(dl_lake_lifecycle_add(&l, s, "s3://b", 0, &err), 0);
	dl_lake_lifecycle_end(&l);
	assert_non_null(strstr(dl_buf_str(&l.xml), "<Prefix></Prefix>"));
	assert_null(strstr(dl_buf_str(&l.xml), "<Expiration>"));
	dl_lake_lifecycle_release(&l);
	s->ops->close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(alone),
	    cmocka_unit_test(claimed),
	    cmocka_unit_test(given_up),
	    cmocka_unit_test(mine),
	    cmocka_unit_test(raced),
	    cmocka_unit_test(first_wins),
	    cmocka_unit_test(damaged),
	    cmocka_unit_test(rules),
	    cmocka_unit_test(times),
	    cmocka_unit_test(lifecycle),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
