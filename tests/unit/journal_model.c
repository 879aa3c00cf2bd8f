/*
 * The journal against an oracle: pipes of two kinds of head run, are killed at
 * any moment, lose what was not fsynced, are committed late or not at all, and
 * run again; whatever the sequence, each event is stored once.
 *
 *	DL_TEST_SEED=N      the first of the sequences (1)
 *	DL_TEST_ROUNDS=N    how many of them
 */
#include "buf.h"
#include "io.h"
#include "journal_private.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define EVENTS 48
#define ALL (((uint64_t)1 << EVENTS) - 1)
#define MOST 4096 /* positions, and parts, of one sequence */

static size_t now; /* the sequence, for who looks why it fails */
static char dir[64] = "/dev/shm/dl-model-XXXXXX";
static const struct dl_journal_kind kind = {"journal", "the lake", NULL};

struct position {
	char name[32];
	uint64_t sent; /* events before it */
};

struct part {
	uint64_t events;
	bool published;
};

struct sim {
	uint64_t random;
	bool ordered; /* the head is a stream, or else a source */
	bool settles; /* the sink says where all is published */
	size_t lines; /* that are not folded */
	char path[128];
	uint64_t hidden; /* events that the head cannot see now */
	uint64_t stored;
	struct position position[MOST];
	size_t npositions, committed;
	size_t late[MOST], nlate; /* acknowledged and not committed yet */
	struct part part[MOST];
	size_t nparts;
	/* Of a run: */
	struct dl_journal *j;
	uint64_t sent, seen, unmet;
	size_t open[2]; /* parts being written, or 0 */
	size_t last;    /* checkpoint received */
	bool unacked, at_checkpoint;
	off_t durable; /* bytes of the journal */
	ino_t inode;
};

static size_t
pick(struct sim *s, size_t n)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 7;
	s->random ^= s->random << 17;
	return (size_t)((s->random >> 20) % n);
}

/* The journal is durable now; or it was before its last line, if folded. */
static void
mark_durable(struct sim *s, bool all)
{
	struct stat st;

	assert_int_equal(stat(s->path, &st), 0);
	if (all || st.st_ino != s->inode)
		s->durable = st.st_size - (all ? 0 : (off_t)s->j->line.len);
	s->inode = st.st_ino;
}

/* What was not fsynced when the power failed is gone, torn, or zeros. */
static void
damage(struct sim *s)
{
	struct stat st;
	off_t most;
	int fd = open(s->path, O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	most = st.st_size - s->durable;
	assert_true(most >= 0);
	assert_int_equal(
	    ftruncate(fd, s->durable + (off_t)pick(s, (size_t)most + 1)), 0);
	if (pick(s, 2) == 0)
		assert_int_equal(ftruncate(fd, st.st_size + 9), 0);
	close(fd);
}

/* The sink */

static int
take_part(void *arg, struct dl_span name, struct dl_err *err)
{
	struct sim *s = arg;
	struct part *p = &s->part[strtoul(name.p, NULL, 10)];

	(void)err;
	if (p->published)
		s->seen |= p->events;
	return p->published;
}

/* A committed position moves forward only. */
static void
commit(struct sim *s, size_t to)
{
	const struct position *p = &s->position[to];

	assert_int_equal(p->sent & ~s->stored, 0);
	if (s->ordered ? p->sent > s->position[s->committed].sent
		       : to > s->committed)
		s->committed = to;
}

static void
acknowledge(struct sim *s)
{
	if (!s->unacked || s->open[0] != 0 || s->open[1] != 0)
		return;
	s->unacked = false;
	if (pick(s, 3) == 0)
		s->late[s->nlate++] = s->last;
	else if (pick(s, 3) != 0)
		commit(s, s->last);
}

/* Publish which of the open parts (a bit each); -1: killed on the way. */
static int
publish(struct sim *s, size_t which)
{
	char name[2][32];
	struct dl_span list[2];
	struct dl_err err = {0};
	size_t ids[2], n = 0, i;

	for (i = 0; i < 2; i++) {
		if ((which >> i & 1) == 0 || s->open[i] == 0)
			continue;
		(void)snprintf(name[n], sizeof(name[n]), "%zu", s->open[i]);
		list[n] = dl_span_str(name[n]);
		ids[n++] = s->open[i];
		s->open[i] = 0;
	}
	if (n == 0)
		return 0;
	assert_int_equal(dl_journal_append(s->j, list, n, false, &err), 0);
	mark_durable(s, false);
	if (pick(s, 20) == 0)
		return -1;
	mark_durable(s, true); /* an fsync would take too long */
	for (i = 0; i < n; i++) {
		if (pick(s, 20) == 0)
			return -1;
		/* Nothing is stored twice. */
		assert_int_equal(s->stored & s->part[ids[i]].events, 0);
		s->stored |= s->part[ids[i]].events;
		s->part[ids[i]].published = true;
	}
	acknowledge(s);
	return 0;
}

static void
put(struct sim *s, uint64_t event)
{
	size_t *open = &s->open[pick(s, 2)];

	s->at_checkpoint = false;
	s->sent |= event;
	if ((s->seen & event) != 0) {
		s->unmet &= ~event;
		if (s->unmet == 0)
			dl_journal_hold(s->j, false);
		return;
	}
	if (*open == 0) {
		*open = ++s->nparts;
		assert_true(s->nparts < MOST);
		s->part[*open] = (struct part){0, false};
	}
	s->part[*open].events |= event;
	dl_journal_stored(s->j);
}

static void
receive(struct sim *s, size_t position)
{
	struct dl_err err = {0};

	s->last = position;
	dl_journal_position(s->j, dl_span_str(s->position[position].name));
	s->unacked = s->at_checkpoint = true;
	if (s->settles && s->open[0] == 0 && s->open[1] == 0)
		assert_int_equal(dl_journal_settled(s->j, &err), 0);
	mark_durable(s, false);
	acknowledge(s);
}

/* The head */

static size_t
new_position(struct sim *s)
{
	struct position *p = &s->position[s->npositions];

	assert_true(s->npositions < MOST);
	p->sent = s->sent;
	/* A stream's name the place, a source's are never used again. */
	(void)snprintf(p->name, sizeof(p->name), "%020zu",
	    s->ordered ? (size_t)__builtin_popcountll(s->sent) : s->npositions);
	return s->npositions++;
}

/* Send an event, or say that there is none. */
static bool
send(struct sim *s)
{
	uint64_t left = ALL & ~s->sent & ~s->hidden;
	size_t i;

	if (left == 0)
		return false;
	if (s->ordered) {
		put(s, left & -left);
		return true;
	}
	for (i = pick(s, EVENTS); (left >> i & 1) == 0;)
		i = (i + 1) % EVENTS;
	put(s, (uint64_t)1 << i);
	return true;
}

static void
begin(struct sim *s)
{
	const struct position *p = &s->position[s->committed];
	struct dl_err err = {0};

	s->j = dl_journal_open(&kind, dir, DL_SPAN("k"), &err);
	assert_non_null(s->j);
	s->seen = 0;
	s->sent = p->sent;
	s->open[0] = s->open[1] = 0;
	assert_int_equal(
	    dl_journal_start(s->j, dl_span_str(p->name), take_part, s, &err),
	    0);
	mark_durable(s, true);
	s->j->keep_lines = s->lines;
	s->unmet = s->seen;
	dl_journal_hold(s->j, s->unmet != 0);
	receive(s, s->committed);
}

/* One thing happens: 1, 0 the input has ended, -1 all are killed. */
static int
step(struct sim *s, bool calm)
{
	switch (pick(s, 40)) {
	case 0:
		return calm ? 1 : -1;
	case 1:
		s->hidden ^= s->ordered || calm ? 0 : s->random & ALL;
		return 1;
	case 2:
		if (s->nlate > 0)
			commit(s, s->late[--s->nlate]);
		return 1;
	case 3:
	case 4:
	case 5:
		receive(s, s->position[s->last].sent == s->sent && pick(s, 2)
			       ? s->last
			       : new_position(s));
		return 1;
	case 6:
	case 7:
	case 8:
		return publish(s, pick(s, 4)) < 0 ? -1 : 1;
	default:
		return send(s);
	}
}

/* A whole run; calm: nothing is hidden, and nobody is killed if he can help. */
static bool
run(struct sim *s, bool calm)
{
	struct dl_err err = {0};
	int r;

	begin(s);
	while ((r = step(s, calm)) > 0)
		;
	if (r == 0)
		receive(s, new_position(s));
	if (r == 0 && publish(s, 3) == 0) {
		assert_int_equal(dl_journal_end(s->j, &err), 0);
		mark_durable(s, true);
	} else {
		r = -1;
	}
	dl_journal_close(s->j);
	if (r < 0 && pick(s, 2) == 0)
		damage(s);
	return r == 0;
}

static void
sequence(uint64_t seed)
{
	static struct sim s;
	size_t runs, i;

	memset(&s, 0, sizeof(s));
	s.random = seed * 0x9e3779b97f4a7c15u;
	s.ordered = pick(&s, 2) == 0;
	s.settles = pick(&s, 2) == 0;
	s.lines = pick(&s, 4) + 1;
	(void)snprintf(s.path, sizeof(s.path), "%s/journal/k", dir);
	(void)unlink(s.path);
	(void)new_position(&s);
	runs = pick(&s, 12) + 1;
	for (i = 0; i < runs; i++)
		(void)run(&s, false);
	s.hidden = 0;
	while (!run(&s, true))
		;
	assert_int_equal(s.stored, ALL);
}

static size_t
setting(const char *name, size_t otherwise)
{
	const char *text = getenv(name);

	return text == NULL ? otherwise : strtoul(text, NULL, 10);
}

static void
each_event_is_stored_once(void **state)
{
	size_t seed = setting("DL_TEST_SEED", 1);
	size_t end = seed + setting("DL_TEST_ROUNDS", 400);

	(void)state;
	for (; seed < end; seed++) {
		now = seed;
		sequence(seed);
	}
}

static int
setup(void **state)
{
	(void)state;
	if (mkdtemp(dir) != NULL)
		return 0;
	(void)snprintf(dir, sizeof(dir), "/tmp/dl-model-XXXXXX");
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	char command[128];

	(void)state;
	print_message("# the last sequence was %zu\n", now);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_event_is_stored_once),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
