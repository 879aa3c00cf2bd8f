/* lake.h on a store where parts land after they are published. */
#include "lake.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

static char dir[] = "/tmp/dl-late-XXXXXX";

/* A directory's, but for what has landed. */
static struct dl_lake_ops late_ops;
static struct {
	uint64_t published; /* as the directory has it */
	uint64_t most;      /* that land */
	int asked, waited;
	bool away;
} late;
static int (*disk_landed)(
    struct dl_lake_store *, uint64_t, int, uint64_t *, struct dl_err *);

static int
late_landed(struct dl_lake_store *s, uint64_t want, int wait_ms, uint64_t *n,
    struct dl_err *err)
{
	late.asked++;
	if (disk_landed(s, want, wait_ms, n, err) < 0)
		return -1;
	late.published = *n;
	if (wait_ms < 0) {
		late.waited++;
		if (!late.away)
			late.most = *n;
	}
	*n = *n < late.most ? *n : late.most;
	return late.away ? dl_err_temp(err, "it is away") : 0;
}

static int
setup(void **state)
{
	(void)state;
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int
clear(void **state)
{
	char command[128];

	(void)state;
	memset(&late, 0, sizeof(late));
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

struct writing {
	struct dl_lake_store *store;
	struct dl_lake_writer *w;
};

static void
begin(struct writing *x)
{
	const struct dl_lake_options o = {
	    .partition = "all",
	    .codec = {.kind = DL_CODEC_NONE},
	    .max_bytes = 1 << 20,
	    .max_age_ms = 1000000,
	    .max_open = 4,
	    .jobs = 1,
	};
	struct dl_err err = {0};

	late.published = late.most = 0;
	x->store = dl_lake_disk(dir, DL_LAKE_WRITING, &err);
	assert_non_null(x->store);
	late_ops = *x->store->ops;
	disk_landed = late_ops.landed;
	late_ops.landed = late_landed;
	x->store->ops = &late_ops;
	x->w = dl_lake_open_write(x->store, &o, &err);
	assert_non_null(x->w);
}

static void
end(struct writing *x)
{
	dl_lake_close(x->w);
	x->store->ops->close(x->store);
}

static int
put(struct writing *x, int n)
{
	struct dl_event ev = {.id = {0}};
	struct dl_err err = {0};
	const char *code;
	char line[128];
	int r;

	(void)snprintf(line, sizeof(line),
	    "{\"specversion\":\"1.0\",\"id\":\"%d\",\"source\":\"s\","
	    "\"type\":\"t\"}",
	    n);
	assert_int_equal(dl_event_parse(&ev, dl_span_str(line), &err), 0);
	r = dl_lake_put(x->w, &ev, &code, &err);
	assert_true(r >= 0);
	dl_event_release(&ev);
	return r;
}

static void
checkpoint(struct writing *x, const char *position)
{
	struct dl_err err = {0};

	assert_int_equal(dl_lake_checkpoint(
			     x->w, DL_SPAN("key"), dl_span_str(position), &err),
	    0);
}

static void
safe_is(struct writing *x, const char *want)
{
	struct dl_span key, position;

	if (!dl_lake_safe(x->w, &key, &position)) {
		assert_null(want);
		return;
	}
	assert_non_null(want);
	assert_true(dl_span_is(key, "key"));
	assert_true(dl_span_is(position, want));
}

static void
publish(struct writing *x)
{
	struct dl_err err = {0};

	assert_int_equal(dl_lake_publish(x->w, &err), 0);
}

static void
step(struct writing *x)
{
	struct dl_err err = {0};

	assert_int_equal(dl_lake_step(x->w, &err), 0);
}

/* Each position waits for what was published before it, and no longer. */
static void
positions_wait(void **state)
{
	struct writing x;

	(void)state;
	begin(&x);
	checkpoint(&x, "0");
	safe_is(&x, "0");
	put(&x, 1);
	checkpoint(&x, "1");
	safe_is(&x, NULL);
	publish(&x);
	safe_is(&x, NULL);
	assert_true(dl_lake_wait_ms(x.w) > 0);
	assert_true(dl_lake_wait_ms(x.w) < 1000);
	put(&x, 2);
	checkpoint(&x, "2");
	publish(&x);
	safe_is(&x, NULL);
	checkpoint(&x, "2a"); /* nothing came since */
	safe_is(&x, NULL);
	put(&x, 3);
	checkpoint(&x, "3");
	put(&x, 4);
	publish(&x); /* what is before the position, and more */
	safe_is(&x, NULL);
	late.most = 1;
	step(&x);
	safe_is(&x, "1");
	safe_is(&x, NULL);
	late.most = 2;
	step(&x);
	safe_is(&x, "2a");
	late.most = 3;
	step(&x);
	safe_is(&x, "3");
	safe_is(&x, NULL);
	assert_int_equal(dl_lake_wait_ms(x.w), -1);
	end(&x);
}

/* Where all has landed that was published, nobody is asked. */
static void
asks_little(void **state)
{
	struct writing x;
	int asked, i;

	(void)state;
	begin(&x);
	late.most = 1;
	checkpoint(&x, "0");
	put(&x, 1);
	checkpoint(&x, "1");
	publish(&x);
	asked = late.asked;
	for (i = 0; i < 10; i++) {
		checkpoint(&x, "1");
		step(&x);
	}
	assert_int_equal(late.asked, asked);
	end(&x);
}

static void
end_waits(void **state)
{
	struct dl_err err = {0};
	struct writing x;

	(void)state;
	begin(&x);
	checkpoint(&x, "0");
	put(&x, 1);
	checkpoint(&x, "1");
	assert_int_equal(dl_lake_end(x.w, &err), 0);
	assert_int_equal(late.waited, 1);
	safe_is(&x, "1");
	end(&x);
	/* Also for what runs before left, where this one stored nothing. */
	begin(&x);
	assert_int_equal(dl_lake_end(x.w, &err), 0);
	assert_int_equal(late.waited, 2);
	end(&x);
}

/* A run that is repeated waits for what the one before published. */
static void
repeated(void **state)
{
	struct dl_err err = {0};
	struct writing x;

	(void)state;
	begin(&x);
	late.away = true;
	checkpoint(&x, "0");
	put(&x, 1);
	checkpoint(&x, "1");
	assert_int_equal(dl_lake_publish(x.w, &err), -1);
	assert_int_equal(err.status, DL_EXIT_TEMP);
	end(&x);

	late.away = false;
	begin(&x);
	checkpoint(&x, "0");
	safe_is(&x, NULL);
	assert_int_equal(put(&x, 1), 0);
	checkpoint(&x, "1");
	safe_is(&x, NULL);
	late.most = 1;
	step(&x);
	safe_is(&x, "1");
	end(&x);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(positions_wait, clear),
	    cmocka_unit_test_teardown(asks_little, clear),
	    cmocka_unit_test_teardown(end_waits, clear),
	    cmocka_unit_test_teardown(repeated, clear),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
