/*
 * serve_writer: what many requests bring is written together, and each is told
 * what became of its own, once that is durable.
 */
#include "serve_writer.h"

#include <errno.h>
#include <lmdb.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define THREADS 4
#define REQUESTS 100

struct place {
	struct dl_serve s;
	char dir[64];
	struct dl_serve_writer *w;
};

static char root[] = "/tmp/dl-writer-XXXXXX";
static int ndirs;
static struct dl_rights *all;
static uint64_t state = 88172645463325252u;

/* LMDB's writes: those of its first two pages, which are its last step, fail. */
static _Atomic bool no_last_step;

ssize_t
pwrite(int fd, const void *p, size_t n, off_t at)
{
	if (no_last_step && at < 8192) {
		errno = EIO;
		return -1;
	}
	return syscall(SYS_pwrite64, fd, p, n, at);
}

static uint32_t
below(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 33) % n;
}

static void
open_place(struct place *p)
{
	struct dl_err err = {0};

	memset(p, 0, sizeof(*p));
	snprintf(p->dir, sizeof(p->dir), "%s/%d", root, ndirs++);
	if ((p->s.twin = dl_twin_open_write(p->dir, &err)) == NULL)
		fail_msg("%s", err.msg);
	if ((p->w = dl_serve_writer_start(&p->s, &err)) == NULL)
		fail_msg("%s", err.msg);
}

static void
close_place(struct place *p)
{
	dl_serve_writer_stop(p->w);
	dl_twin_close(p->s.twin);
}

static void
add(struct dl_buf *b, const char *component, int second, const char *id,
    const char *data)
{
	dl_buf_printf(b,
	    "{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"s\","
	    "\"type\":\"dl.observation\",\"subject\":\"%s\","
	    "\"time\":\"2018-02-07T01:26:%02dZ\",\"data\":%s}\n",
	    id, component, second, data);
}

static struct dl_serve_put *
split(struct dl_buf *body)
{
	struct dl_serve_put *put = dl_serve_put_new(body);
	struct dl_err err = {0};

	if (dl_serve_put_split(put, DL_SERVE_NDJSON, all, &err) < 0)
		fail_msg("%s", err.msg);
	return put;
}

static struct dl_serve_put *
one(const char *component, int second, const char *id, const char *data)
{
	struct dl_buf body = {0};

	add(&body, component, second, id, data);
	return split(&body);
}

static void
post(void *arg)
{
	sem_post(arg);
}

/* Hand it over, wait for it: what dl_serve_writer_done() says. */
static int
write_it(struct dl_serve_writer *w, struct dl_serve_put *put)
{
	sem_t done;
	int r;

	sem_init(&done, 0, 0);
	assert_true(dl_serve_writer_take(w, put, post, &done));
	while (sem_wait(&done) < 0)
		;
	r = dl_serve_writer_done(w, put);
	sem_destroy(&done);
	return r;
}

static void
check_answer(
    struct dl_serve_writer *w, struct dl_serve_put *put, const char *want)
{
	struct dl_buf out = {0};

	assert_int_equal(put->undecided, 0);
	dl_serve_put_print(put, &out);
	assert_string_equal(dl_buf_str(&out), want);
	dl_buf_release(&out);
	dl_serve_writer_leave(w, put);
}

#define ACCEPTED(id, metrics) \
	"{\"id\":\"" id "\",\"source\":\"s\",\"verdict\":\"accepted\"," \
	"\"metrics\":{" metrics "}}"

static void
each_metric_has_its_verdict(void **unused)
{
	struct dl_buf body = {0};
	struct dl_serve_put *put;
	struct place p;

	(void)unused;
	open_place(&p);
	add(&body, "b", 5, "i1", "{\"y\":1,\"x\":1}");
	add(&body, "a", 6, "i2", "{\"x\":1}");
	add(&body, "b", 4, "i3", "{\"x\":9}");
	add(&body, "b", 5, "i1", "{\"x\":1}");
	add(&body, "b", 5, "i1", "{\"x\":0}");
	add(&body, "c", 7, "i4", "{}");
	put = split(&body);
	assert_int_equal(write_it(p.w, put), 1);
	check_answer(p.w, put,
	    "{\"verdicts\":[" ACCEPTED(
		"i1", "\"y\":\"applied\",\"x\":\"applied\"") "," ACCEPTED("i2",
		"\"x\":\"applied\"") "," ACCEPTED("i3",
		"\"x\":\"stale\"") "," ACCEPTED("i1",
		"\"x\":\"duplicate\"") "," ACCEPTED("i1",
		"\"x\":\"stale\"") "," ACCEPTED("i4", "") "]}\n");
	put = one("b", 8, "i5", "{\"x\":1,\"y\":2}");
	assert_int_equal(write_it(p.w, put), 1);
	check_answer(p.w, put,
	    "{\"verdicts\":[" ACCEPTED(
		"i5", "\"x\":\"unchanged\",\"y\":\"applied\"") "]}\n");
	close_place(&p);
}

/* Those that differ in nothing else have one place in the table. */
static void
sequences_are_told_apart(void **unused)
{
	struct dl_buf body = {0};
	struct dl_serve_put *put;
	struct place p;

	(void)unused;
	open_place(&p);
	for (int i = 1; i < 4; i++)
		dl_buf_printf(&body,
		    "{\"specversion\":\"1.0\",\"id\":\"i\","
		    "\"source\":\"s\",\"type\":\"dl.observation\","
		    "\"subject\":\"c\",\"sequence\":\"%d\","
		    "\"time\":\"2018-02-07T01:26:13Z\","
		    "\"data\":{\"m\":1}}\n",
		    i);
	put = split(&body);
	assert_int_equal(write_it(p.w, put), 1);
	assert_int_equal(put->metrics[0].verdict, DL_TWIN_STALE);
	assert_int_equal(put->metrics[1].verdict, DL_TWIN_STALE);
	assert_int_equal(put->metrics[2].verdict, DL_TWIN_APPLIED);
	dl_serve_writer_leave(p.w, put);
	close_place(&p);
}

static void
one_refused_takes_no_other(void **unused)
{
	struct dl_buf body = {0};
	struct dl_serve_put *put;
	struct place p;
	char *name = dl_alloc(600);

	(void)unused;
	open_place(&p);
	memset(name, 'n', 599);
	name[599] = '\0';
	add(&body, "a", 1, "i1", "{\"x\":1}");
	add(&body, name, 1, "i2", "{\"x\":1}");
	add(&body, "a", 1, "i3", "{\"x\":1,\"\\n\":1}");
	dl_buf_printf(&body,
	    "{\"specversion\":\"1.0\",\"id\":\"i4\",\"source\":\"s\","
	    "\"type\":\"dl.observation\",\"subject\":\"a\","
	    "\"time\":\"2020-01-01T00:05:01Z\",\"data\":{\"x\":1,\"z\":1}}\n"
	    "nonsense\n");
	add(&body, "b", 1, "i5", "{\"x\":1}");
	put = split(&body);
	assert_int_equal(write_it(p.w, put), 1);
	assert_null(put->events[0].code);
	assert_string_equal(put->events[1].code, "observation");
	assert_string_equal(put->events[2].code, "observation");
	assert_string_equal(put->events[3].code, "future");
	assert_string_equal(put->events[4].code, "invalid");
	assert_null(put->events[5].code);
	assert_int_equal(put->metrics[0].verdict, DL_TWIN_APPLIED);
	dl_serve_writer_leave(p.w, put);
	free(name);
	close_place(&p);
}

/*
 * Another process in the middle of a write, so that ours waits; it ends when
 * the pipe's end, which is returned, is closed.
 */
static int
hold(const char *dir, pid_t *pid)
{
	int in[2], out[2];
	MDB_env *env;
	MDB_txn *txn;
	char c;

	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	if ((*pid = fork()) == 0) {
		close(in[1]);
		if (mdb_env_create(&env) != 0 ||
		    mdb_env_set_maxreaders(env, 1024) != 0 ||
		    mdb_env_open(env, dir, MDB_NOTLS, 0666) != 0 ||
		    mdb_txn_begin(env, NULL, 0, &txn) != 0 ||
		    write(out[1], "x", 1) != 1)
			_exit(1);
		_exit(read(in[0], &c, 1) != 0);
	}
	close(in[0]);
	close(out[1]);
	assert_int_equal(read(out[0], &c, 1), 1);
	close(out[0]);
	return in[1];
}

static void
let_go(int fd, pid_t pid)
{
	int status;

	close(fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
never(void *arg)
{
	(void)arg;
	fail_msg("woken after it had left");
}

static void
ignore(void *arg)
{
	(void)arg;
}

/* Those that wait are written together, the first of equals first. */
static void
many_are_one_commit(void **unused)
{
	struct dl_serve_put *puts[50], *left;
	struct place p;
	sem_t done;
	pid_t pid;
	int fd;

	(void)unused;
	open_place(&p);
	sem_init(&done, 0, 0);
	fd = hold(p.dir, &pid);
	/* The first may be written alone; the others then wait for it. */
	for (int i = 0; i < 50; i++) {
		puts[i] = one(i == 0 ? "first" : "c", 1, "i", "{\"m\":1}");
		assert_true(dl_serve_writer_take(p.w, puts[i], post, &done));
		assert_int_equal(dl_serve_writer_done(p.w, puts[i]), 0);
	}
	left = one("left", 1, "i", "{\"m\":1}");
	assert_true(dl_serve_writer_take(p.w, left, never, NULL));
	dl_serve_writer_leave(p.w, left);
	let_go(fd, pid);
	for (int i = 0; i < 50; i++)
		while (sem_wait(&done) < 0)
			;
	for (int i = 0; i < 50; i++) {
		assert_int_equal(dl_serve_writer_done(p.w, puts[i]), 1);
		assert_int_equal(puts[i]->metrics[0].verdict,
		    i < 2 ? DL_TWIN_APPLIED : DL_TWIN_DUPLICATE);
		dl_serve_writer_leave(p.w, puts[i]);
	}
	sem_destroy(&done);
	close_place(&p);
}

/* What is full takes no more, and takes again when it has room. */
static void
waiting_is_bounded(void **unused)
{
	struct dl_serve_put *puts[DL_SERVE_WAITING], *more;
	struct dl_buf body = {0};
	struct place p;
	sem_t done;
	size_t n = 0, room = DL_SERVE_WAITING_BYTES;
	pid_t pid;
	int fd;

	(void)unused;
	open_place(&p);
	sem_init(&done, 0, 0);
	fd = hold(p.dir, &pid);
	for (;;) {
		add(&body, "c", 1, "i", "{\"m\":1}");
		dl_buf_room(&body, 1 << 20); /* as long as a body may be */
		more = split(&body);
		assert_true(n < DL_SERVE_WAITING);
		puts[n] = more;
		if (!dl_serve_writer_take(p.w, more, post, &done))
			break;
		n++;
		assert_true(dl_serve_put_bytes(more) <= room);
		room -= dl_serve_put_bytes(more);
	}
	assert_true(n >= 10);
	let_go(fd, pid);
	for (size_t i = 0; i < n; i++)
		while (sem_wait(&done) < 0)
			;
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(dl_serve_writer_done(p.w, puts[i]), 1);
		dl_serve_writer_leave(p.w, puts[i]);
	}
	assert_int_equal(write_it(p.w, more), 1);
	dl_serve_writer_leave(p.w, more);
	sem_destroy(&done);
	close_place(&p);
}

struct client {
	struct place *p;
	pthread_t thread;
	int number;
	int applied; /* of the observations that all bring */
};

/* Each brings what is its own, and what all bring. */
static void *
run_client(void *arg)
{
	struct client *c = arg;

	for (int i = 0; i < REQUESTS; i++) {
		struct dl_buf body = {0};
		struct dl_serve_put *put;
		char own[32], shared[32];

		snprintf(own, sizeof(own), "own-%d-%d", c->number, i % 7);
		snprintf(shared, sizeof(shared), "shared-%d", i);
		add(&body, own, i % 60, "i", "{\"m\":1,\"n\":2}");
		add(&body, shared, 1, "i", "{\"m\":1}");
		put = split(&body);
		if (write_it(c->p->w, put) != 1)
			break;
		c->applied += put->metrics[2].verdict == DL_TWIN_APPLIED;
		dl_serve_writer_leave(c->p->w, put);
	}
	return NULL;
}

static void
many_write_at_a_time(void **unused)
{
	struct client clients[THREADS];
	struct dl_err err = {0};
	struct place p;
	int applied = 0;

	(void)unused;
	open_place(&p);
	for (int i = 0; i < THREADS; i++) {
		clients[i] = (struct client){.p = &p, .number = i};
		assert_int_equal(pthread_create(&clients[i].thread, NULL,
				     run_client, &clients[i]),
		    0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(clients[i].thread, NULL);
		applied += clients[i].applied;
	}
	/* Each of what all brought was applied for one of them. */
	assert_int_equal(applied, REQUESTS);
	assert_int_equal(
	    dl_twin_count(p.s.twin, &err), REQUESTS + THREADS * 7 * 2);
	close_place(&p);
}

/* Random ones of few keys: what ties is told apart by its verdict's all. */
static void
every_metric_is_decided(void **unused)
{
	struct place p;

	(void)unused;
	open_place(&p);
	for (int round = 0; round < 30; round++) {
		struct dl_buf body = {0};
		struct dl_serve_put *put;
		int n = 1 + (int)below(400);

		for (int i = 0; i < n; i++) {
			char component[8], id[8], data[64];

			snprintf(component, sizeof(component), "c%u", below(3));
			snprintf(id, sizeof(id), "%u", below(3));
			snprintf(data, sizeof(data),
			    "{\"a\":%u,\"b\":\"%u\",\"c\":[%u]}", below(2),
			    below(2), below(2));
			add(&body, component, (int)below(3), id, data);
		}
		put = split(&body);
		assert_int_equal(put->undecided, 3 * n);
		assert_int_equal(write_it(p.w, put), 1);
		/* Of a key that is new only one can have been applied. */
		for (int i = 0, applied = 0; round == 0 && i < 3 * n; i++) {
			applied += put->metrics[i].verdict == DL_TWIN_APPLIED;
			assert_true(applied <= 9);
		}
		dl_serve_writer_leave(p.w, put);
	}
	close_place(&p);
}

/* No room: it fails, is forgotten, and can be sent again. */
static void
a_full_disk_fails_and_passes(void **unused)
{
	struct rlimit before, small;
	struct dl_err err = {0};
	struct dl_buf body = {0};
	struct dl_serve_put *put;
	struct place p;

	(void)unused;
	open_place(&p);
	put = one("a", 1, "i", "{\"m\":1}");
	assert_int_equal(write_it(p.w, put), 1);
	dl_serve_writer_leave(p.w, put);

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	small = before;
	small.rlim_cur = 64 << 10;
	for (int i = 0; i < 5000; i++) {
		char component[16];

		snprintf(component, sizeof(component), "c%d", i);
		add(&body, component, 1, "i", "{\"m\":1}");
	}
	setrlimit(RLIMIT_FSIZE, &small);
	put = split(&body);
	assert_int_equal(write_it(p.w, put), -1);
	assert_int_equal(dl_twin_pending(p.s.twin), 0);
	dl_serve_writer_leave(p.w, put);
	/* One that fits is taken meanwhile. */
	put = one("a", 2, "i", "{\"m\":2}");
	assert_int_equal(write_it(p.w, put), 1);
	dl_serve_writer_leave(p.w, put);
	assert_int_equal(dl_twin_count(p.s.twin, &err), 1);
	setrlimit(RLIMIT_FSIZE, &before);
	put = one("a", 3, "i", "{\"m\":2}");
	assert_int_equal(write_it(p.w, put), 1);
	assert_int_equal(put->metrics[0].verdict, DL_TWIN_UNCHANGED);
	dl_serve_writer_leave(p.w, put);
	close_place(&p);
}

/* LMDB goes on with nothing after that: nor may the server. */
static void
a_last_step_that_fails_ends_it(void **unused)
{
	struct dl_serve_put *put;
	struct dl_err err = {0};
	struct place p;

	(void)unused;
	open_place(&p);
	put = one("a", 1, "i", "{\"m\":1}");
	assert_int_equal(write_it(p.w, put), 1);
	dl_serve_writer_leave(p.w, put);
	assert_false(dl_twin_broken(p.s.twin, &err));
	assert_int_equal(p.s.failed.status, DL_EXIT_OK);
	no_last_step = true;
	put = one("a", 2, "i", "{\"m\":2}");
	assert_int_equal(write_it(p.w, put), -1);
	no_last_step = false;
	dl_serve_writer_leave(p.w, put);
	assert_int_equal(p.s.failed.status, DL_EXIT_TEMP);
	assert_non_null(strstr(p.s.failed.msg, "MDB_PANIC"));
	close_place(&p);
	/* Another process begins where it was. */
	assert_non_null(p.s.twin = dl_twin_open_write(p.dir, &err));
	assert_int_equal(dl_twin_count(p.s.twin, &err), 1);
	dl_twin_close(p.s.twin);
}

/* A stop writes what waits; who has left is not told. */
static void
a_stop_loses_nothing(void **unused)
{
	struct dl_serve_put *put;
	struct dl_err err = {0};
	struct place p;

	(void)unused;
	open_place(&p);
	for (int i = 0; i < 100; i++) {
		char component[16];

		snprintf(component, sizeof(component), "c%d", i);
		put = one(component, 1, "i", "{\"m\":1}");
		assert_true(dl_serve_writer_take(p.w, put, ignore, NULL));
		dl_serve_writer_leave(p.w, put);
	}
	dl_serve_writer_stop(p.w);
	assert_int_equal(dl_twin_count(p.s.twin, &err), 100);
	dl_twin_close(p.s.twin);
}

static int
setup(void **unused)
{
	(void)unused;
	setenv("DL_NOW", "2020-01-01T00:00:00Z", 1);
	all = dl_rights_all();
	return mkdtemp(root) == NULL;
}

static int
teardown(void **unused)
{
	char command[64];

	(void)unused;
	dl_rights_unref(all);
	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	return system(command);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_metric_has_its_verdict),
	    cmocka_unit_test(sequences_are_told_apart),
	    cmocka_unit_test(one_refused_takes_no_other),
	    cmocka_unit_test(many_are_one_commit),
	    cmocka_unit_test(waiting_is_bounded),
	    cmocka_unit_test(many_write_at_a_time),
	    cmocka_unit_test(every_metric_is_decided),
	    cmocka_unit_test(a_full_disk_fails_and_passes),
	    cmocka_unit_test(a_last_step_that_fails_ends_it),
	    cmocka_unit_test(a_stop_loses_nothing),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
