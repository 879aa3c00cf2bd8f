/* Workers and their blocks: order, pieces, and what becomes of the dead. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "crew.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ANY_LINE UINT64_MAX

/*
 * A worker gives back its block, doubled, in as many pieces as the first byte
 * says; other first bytes are ways to go wrong.
 */
static int
answer(struct dl_crew *c, struct dl_span in, char *out)
{
	struct dl_crew_piece p = {.lines = in.len};
	int pieces = in.len == 0 ? 1 : in.p[0] - '0';

	if (in.len > 0 && in.p[0] == 'x')
		_exit(DL_EXIT_DATA);
	if (in.len > 0 && in.p[0] == 'e')
		_exit(DL_EXIT_OK);
	if (in.len > 0 && in.p[0] == 'k')
		kill(getpid(), SIGKILL);
	if (in.len > 0 && in.p[0] == 's')
		usleep(20000);
	dl_crew_at(c, 7);
	if (in.len > 0 && in.p[0] == 'h')
		kill(getpid(), SIGKILL);
	if (in.len > 0 && in.p[0] == 'l') {
		p.notes = DL_CREW_PIECE;
		p.bytes = UINT32_MAX;
	}
	for (int i = 1; in.len > 0 && i <= pieces && pieces < 10; i++) {
		memcpy(out, in.p, in.len);
		p.bytes = (uint32_t)in.len;
		p.more = i < pieces;
		if (dl_crew_put(c, &p) < 0)
			return -1;
	}
	return in.len > 0 && pieces < 10 ? 0 : dl_crew_put(c, &p);
}

static void
start(struct dl_crew *c, int workers)
{
	struct dl_err err = {0};
	struct dl_span in;
	char *out;
	int r = dl_crew_start(c, workers, &err);

	if (r > 0) {
		while (dl_crew_next(c, &in, &out) > 0)
			if (answer(c, in, out) < 0)
				break;
		_exit(0);
	}
	assert_int_equal(r, 0);
}

static void
give(struct dl_crew *c, const char *text)
{
	struct dl_crew_block *b = dl_crew_spare(c);

	assert_non_null(b);
	b->len = strlen(text);
	memcpy(b->in, text, b->len);
	dl_crew_give(c);
}

/* The next piece, however long it takes. */
static int
take(struct dl_crew *c, struct dl_crew_piece *p, struct dl_err *err)
{
	struct pollfd came[DL_CREW_MOST];
	int r;

	while ((r = dl_crew_take(c, p, err)) == 0) {
		dl_crew_poll(c, came);
		assert_true(poll(came, (nfds_t)c->workers, 10000) > 0);
		dl_crew_hear(c, came);
	}
	return r;
}

static void
expect(struct dl_crew *c, const char *text)
{
	struct dl_crew_piece p;
	struct dl_err err = {0};

	for (int i = text[0] - '0'; i > 0; i--) {
		assert_int_equal(take(c, &p, &err), 1);
		assert_int_equal(p.bytes, strlen(text));
		assert_memory_equal(dl_crew_oldest(c)->out, text, strlen(text));
		assert_int_equal(p.more != 0, i > 1);
		dl_crew_done(c);
	}
}

static void
blocks_come_back_in_order(void **state)
{
	int given = 0, taken = 0;
	struct dl_crew c;
	char text[40];

	(void)state;
	start(&c, 3);
	while (taken < 2000) {
		while (given < 2000 && dl_crew_spare(&c) != NULL) {
			snprintf(text, sizeof(text), "%d block %d",
			    given % 7 == 0 ? 3 : 1, given);
			give(&c, text);
			given++;
		}
		assert_true(given - taken <= 3 * DL_CREW_BLOCKS);
		snprintf(text, sizeof(text), "%d block %d",
		    taken % 7 == 0 ? 3 : 1, taken);
		expect(&c, text);
		taken++;
	}
	assert_null(dl_crew_oldest(&c));
	dl_crew_end(&c);
}

/* No worker sees a line that is too long, but it keeps its place. */
static void
the_parents_own_blocks(void **state)
{
	struct dl_crew_piece p;
	struct dl_err err = {0};
	struct dl_crew_block *b;
	struct dl_crew c;

	(void)state;
	start(&c, 2);
	give(&c, "2 first");
	b = dl_crew_spare(&c);
	b->in[0] = 'k';
	b->len = 1;
	b->long_bytes = 99;
	dl_crew_give(&c);
	give(&c, "1 last");
	expect(&c, "2 first");
	assert_int_equal(take(&c, &p, &err), 1);
	assert_int_equal(p.bytes, 0);
	assert_int_equal(dl_crew_oldest(&c)->long_bytes, 99);
	dl_crew_done(&c);
	expect(&c, "1 last");
	dl_crew_end(&c);
}

static void
a_bound_of_bytes(void **state)
{
	struct dl_crew c;
	int n = 0;

	(void)state;
	start(&c, 2);
	for (struct dl_crew_block *b; (b = dl_crew_spare(&c)) != NULL; n++) {
		b->in[0] = 's';
		b->len = 3 << 20;
		b->long_bytes = 1;
		dl_crew_give(&c);
	}
	assert_int_equal(n, 2);
	dl_crew_end(&c);
}

/* What one long line took is not kept for the next: its pages are empty. */
static void
memory_is_given_back(void **state)
{
	const size_t far = 15 << 20;
	struct dl_crew_piece p;
	struct dl_err err = {0};
	struct dl_crew_block *b;
	struct dl_crew c;

	(void)state;
	start(&c, 2);
	b = dl_crew_spare(&c);
	memset(b->in, 'y', far);
	b->len = 1;
	b->long_bytes = far;
	dl_crew_give(&c);
	assert_int_equal(take(&c, &p, &err), 1);
	dl_crew_done(&c);
	assert_int_equal(b->in[far - 1], 0);
	dl_crew_end(&c);
}

/* What comes before the lost block is still there; after it there is nothing. */
static void
lose(const char *how, enum dl_exit status, uint64_t line, const char *msg)
{
	struct dl_crew_piece p;
	struct dl_err err = {0};
	struct dl_crew c;

	start(&c, 2);
	give(&c, "3 before");
	give(&c, how);
	give(&c, "1 after");
	expect(&c, "3 before");
	assert_int_equal(take(&c, &p, &err), -1);
	assert_int_equal(err.status, status);
	assert_string_equal(err.msg, msg);
	if (line != ANY_LINE)
		assert_int_equal(p.lines, line);
	assert_null(dl_crew_spare(&c));
	dl_crew_end(&c);
}

static void
workers_that_end(void **state)
{
	(void)state;
	lose("k", DL_EXIT_TEMP, 0, "a worker was ended by signal 9 (Killed)");
	lose("h", DL_EXIT_TEMP, 7, "a worker was ended by signal 9 (Killed)");
	lose("x", DL_EXIT_DATA, 0, "");
	lose("e", DL_EXIT_BUG, 0, "a worker ended too early");
}

/*
 * A worker may die before anybody has listened to what it did, and with more to
 * do that it never looked at: what it did is not lost.
 */
static void
done_before_it_died(void **state)
{
	struct dl_crew_piece p;
	struct dl_err err = {0};
	struct dl_crew c;
	siginfo_t dead;

	(void)state;
	start(&c, 1);
	give(&c, "slow");
	give(&c, "h");
	give(&c, "1 after");
	assert_int_equal(waitid(P_ALL, 0, &dead, WEXITED | WNOWAIT), 0);
	assert_int_equal(take(&c, &p, &err), 1);
	assert_int_equal(p.lines, strlen("slow"));
	dl_crew_done(&c);
	assert_int_equal(take(&c, &p, &err), -1);
	assert_int_equal(p.lines, 7);
	dl_crew_end(&c);
}

/* More bytes than a piece can have: it is not believed, and ended. */
static void
a_worker_that_lies(void **state)
{
	(void)state;
	lose("l", DL_EXIT_TEMP, ANY_LINE,
	    "a worker was ended by signal 9 (Killed)");
}

static void
how_many(void **state)
{
	struct dl_err err = {0};

	(void)state;
	assert_int_equal(dl_crew_size(1, &err), 1);
	assert_int_equal(dl_crew_size(64, &err), 64);
	assert_true(dl_crew_size(0, &err) >= 1);
	assert_int_equal(dl_crew_size(65, &err), -1);
	assert_int_equal(err.status, DL_EXIT_USAGE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(blocks_come_back_in_order),
	    cmocka_unit_test(the_parents_own_blocks),
	    cmocka_unit_test(a_bound_of_bytes),
	    cmocka_unit_test(memory_is_given_back),
	    cmocka_unit_test(workers_that_end),
	    cmocka_unit_test(done_before_it_died),
	    cmocka_unit_test(a_worker_that_lies),
	    cmocka_unit_test(how_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
