/* twin: components by name, and several threads on one environment. */
#include "twin_help.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

static void
put_one(struct dl_twin *t, const char *component, const char *data)
{
	struct dl_event ev =
	    observation(component, "2018-02-07T01:00:00Z", "i", data);

	put(t, &ev);
}

struct names {
	struct dl_buf b;
	int most;
};

static int
append_component(void *arg, struct dl_span component, struct dl_err *err)
{
	struct names *n = arg;

	(void)err;
	dl_buf_span(&n->b, component);
	dl_buf_addc(&n->b, ' ');
	return --n->most > 0;
}

static const char *
components(struct dl_twin *t, const char *prefix, const char *after, int most)
{
	static struct names n;
	struct dl_err err = {0};

	dl_buf_clear(&n.b);
	n.most = most;
	assert_true(dl_twin_components(t, dl_span_str(prefix),
			dl_span_str(after), append_component, &n, &err) >= 0);
	return dl_buf_str(&n.b);
}

static void
components_are_named_once(void **unused)
{
	struct dl_twin *t = open_write(new_dir());

	(void)unused;
	assert_string_equal(components(t, "", "", 9), "");
	put_one(t, "b", "{\"x\":1,\"y\":1,\"z\":1}");
	put_one(t, "a", "{\"x\":1}");
	put_one(t, "ab", "{\"1\":1,\"2\":1,\"3\":1,\"4\":1,\"5\":1,\"6\":1}");
	put_one(t, "a b", "{\"x\":1}");
	put_one(t, "\xc3\xa9", "{\"x\":1}");
	commit(t);
	assert_string_equal(components(t, "", "", 9), "a a b ab b \xc3\xa9 ");
	assert_string_equal(components(t, "", "", 2), "a a b ");
	assert_string_equal(components(t, "", "a b", 2), "ab b ");
	assert_string_equal(components(t, "", "a", 1), "a b ");
	assert_string_equal(components(t, "", "aa", 1), "ab ");
	assert_string_equal(components(t, "a", "", 9), "a a b ab ");
	assert_string_equal(components(t, "a", "a", 9), "a b ab ");
	assert_string_equal(components(t, "ab", "a", 9), "ab ");
	assert_string_equal(components(t, "a", "b", 9), "");
	assert_string_equal(components(t, "c", "", 9), "");
	assert_string_equal(components(t, "", "\xc3\xa9", 9), "");
	dl_twin_close(t);
}

/* More than are copied at a time, of one record and of many. */
static void
many_components_are_all_named(void **unused)
{
	struct dl_twin *t = open_write(new_dir());
	struct dl_buf want = {0};

	(void)unused;
	for (int i = 0; i < 3000; i++) {
		char name[16];

		snprintf(name, sizeof(name), "c%05d", i);
		put_one(t, name,
		    below(3) == 0 ? "{\"1\":1,\"2\":2,\"3\":3,\"4\":4,\"5\":5,"
				    "\"6\":6}"
				  : "{\"1\":1}");
		dl_buf_printf(&want, "%s ", name);
	}
	commit(t);
	assert_string_equal(components(t, "", "", 9999), dl_buf_str(&want));
	assert_string_equal(components(t, "c", "", 9999), dl_buf_str(&want));
	assert_string_equal(
	    components(t, "c", "c02997", 9999), "c02998 c02999 ");
	dl_buf_release(&want);
	dl_twin_close(t);
}

static const char *
metrics(
    struct dl_twin *t, const char *component, const char *after, size_t most)
{
	static struct dl_buf b;
	struct dl_err err = {0};

	dl_buf_clear(&b);
	assert_true(dl_twin_metrics(t, dl_span_str(component),
			dl_span_str(after), most, append_names, &b, &err) >= 0);
	return dl_buf_str(&b);
}

static void
metrics_come_in_pages(void **unused)
{
	struct dl_twin *t = open_write(new_dir());

	(void)unused;
	put_one(t, "c", "{\"a\":1,\"b\":2,\"d\":4}");
	put_one(t, "ca", "{\"a\":1}");
	put_one(t, "b", "{\"a\":1}");
	commit(t);
	assert_string_equal(metrics(t, "c", "", 9), "c.a=1 c.b=2 c.d=4 ");
	assert_string_equal(metrics(t, "c", "", 2), "c.a=1 c.b=2 ");
	assert_string_equal(metrics(t, "c", "b", 2), "c.d=4 ");
	assert_string_equal(metrics(t, "c", "c", 2), "c.d=4 ");
	assert_string_equal(metrics(t, "c", "d", 2), "");
	assert_string_equal(metrics(t, "c", "", 0), "");
	assert_string_equal(metrics(t, "x", "", 9), "");
	dl_twin_close(t);
}

static void
changes_come_in_portions(void **unused)
{
	struct dl_twin *t = open_write(new_dir());
	struct dl_err err = {0};
	struct dl_buf b = {0};
	uint64_t last = 0;

	(void)unused;
	put_one(t, "c", "{\"a\":1,\"b\":2,\"d\":4}");
	commit(t);
	assert_int_equal(
	    dl_twin_changes_some(t, 0, &last, 2, append_names, &b, &err), 2);
	assert_string_equal(dl_buf_str(&b), "c.a=1 c.b=2 ");
	assert_int_equal(last, 2);
	assert_int_equal(
	    dl_twin_changes_some(t, 2, &last, 2, append_names, &b, &err), 1);
	assert_int_equal(last, 3);
	dl_buf_release(&b);
	dl_twin_close(t);
}

static void
what_is_forgotten_is_not_put(void **unused)
{
	struct dl_twin *t = open_write(new_dir());

	(void)unused;
	put_one(t, "gone", "{\"a\":1}");
	dl_twin_forget(t);
	assert_int_equal(dl_twin_pending(t), 0);
	put_one(t, "c", "{\"a\":1}");
	commit(t);
	assert_string_equal(components(t, "", "", 9), "c ");
	dl_twin_close(t);
}

#define ROUNDS 60
#define EACH 400

/* A record a key, whose value all metrics of a component share. */
static void
put_round(struct dl_twin *t, int round)
{
	static char data[2][1200];
	char *d = data[0], time[40];

	for (int i = 0; i < 1000; i++)
		data[1][i] = (char)('a' + (round + i) % 26);
	snprintf(d, sizeof(data[0]), "{\"m\":\"%d %.1000s\"}", round, data[1]);
	snprintf(time, sizeof(time), "2018-02-07T01:%02d:00Z", round);
	for (int i = 0; i < EACH; i++) {
		struct dl_event ev;
		char name[24];

		snprintf(name, sizeof(name), "%d-%d", round % 10, i);
		ev = observation(name, time, "i", d);
		put(t, &ev);
	}
	commit(t);
}

struct reading {
	struct dl_twin *t;
	const atomic_bool *stop;
	uint64_t n;
	bool wrong;
};

static int
look(void *arg, const struct dl_twin_record *rec, struct dl_err *err)
{
	struct reading *r = arg;

	(void)err;
	r->n++;
	if (rec->value.len < 1000 || rec->value.p[0] != '"' ||
	    rec->value.p[rec->value.len - 1] != '"')
		r->wrong = true;
	return 0;
}

static void *
read_on(void *arg)
{
	struct reading *r = arg;
	struct dl_err err = {0};
	uint64_t last = 0;

	while (!*r->stop && !r->wrong)
		if (dl_twin_list(r->t, S("1"), true, look, r, &err) < 0 ||
		    dl_twin_get(r->t, S("1-1"), S("m"), look, r, &err) < 0 ||
		    dl_twin_changes(r->t, last, &last, look, r, &err) < 0)
			r->wrong = true;
	return NULL;
}

#define READERS 4

/* What write does makes the map larger, while others read in threads. */
static void
read_beside(struct dl_twin *t, void (*write)(struct dl_twin *t))
{
	atomic_bool stop = false;
	struct reading r[READERS];
	pthread_t threads[READERS];

	for (int i = 0; i < READERS; i++) {
		r[i] = (struct reading){dl_twin_reader(t), &stop, 0, false};
		assert_int_equal(
		    pthread_create(&threads[i], NULL, read_on, &r[i]), 0);
	}
	write(t);
	stop = true;
	for (int i = 0; i < READERS; i++) {
		pthread_join(threads[i], NULL);
		assert_false(r[i].wrong);
		dl_twin_close(r[i].t);
	}
	assert_true(r[0].n > 0);
}

static void
write_here(struct dl_twin *t)
{
	for (int round = 0; round < ROUNDS; round++)
		put_round(t, round);
}

static void
threads_read_beside_a_writer(void **unused)
{
	struct dl_twin *t = open_write(new_dir());
	struct dl_err err = {0};

	(void)unused;
	read_beside(t, write_here);
	assert_int_equal(dl_twin_count(t, &err), 10 * EACH);
	dl_twin_close(t);
}

static pid_t other;
static int go[2]; /* the other process waits for its end */

/* Before there are threads, which a child would not have. */
static void
start_other(const char *dir)
{
	assert_int_equal(pipe(go), 0);
	other = fork();
	assert_true(other >= 0);
	if (other == 0) {
		struct dl_err err = {0};
		struct dl_twin *t;
		char c;

		close(go[1]);
		if (read(go[0], &c, 1) != 0 ||
		    (t = dl_twin_open_write(dir, &err)) == NULL)
			_exit(1);
		write_here(t);
		dl_twin_close(t);
		_exit(0);
	}
	close(go[0]);
}

static void
write_elsewhere(struct dl_twin *t)
{
	int status;

	(void)t;
	close(go[1]);
	assert_int_equal(waitpid(other, &status, 0), other);
	assert_int_equal(status, 0);
}

static void
threads_follow_a_writer_elsewhere(void **unused)
{
	const char *dir = new_dir();
	struct dl_err err = {0};
	struct dl_twin *t = open_write(dir);

	(void)unused;
	put_round(t, 0);
	dl_twin_close(t);
	start_other(dir);
	assert_non_null(t = dl_twin_open_read(dir, &err));
	read_beside(t, write_elsewhere);
	assert_int_equal(dl_twin_count(t, &err), 10 * EACH);
	dl_twin_close(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(components_are_named_once),
	    cmocka_unit_test(many_components_are_all_named),
	    cmocka_unit_test(metrics_come_in_pages),
	    cmocka_unit_test(changes_come_in_portions),
	    cmocka_unit_test(what_is_forgotten_is_not_put),
	    cmocka_unit_test(threads_read_beside_a_writer),
	    cmocka_unit_test(threads_follow_a_writer_elsewhere)};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
