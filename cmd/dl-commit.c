/* dl-commit - store the positions that came safely through a pipe. */
#include "checkpoint.h"
#include "event.h"
#include "line.h"
#include "log.h"
#include "tool.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#define BRANCHES_MAX 16
#define KNOCK_MS 2000 /* how long a pipe may be opened after another ended */

/* One pipe's end: standard input, or that of a branch. */
struct branch {
	struct dl_line in;
	struct dl_buf position; /* the newest; empty: none yet */
	bool ended;
	bool knocked; /* or it needs none: it has spoken, or is no file */
};

struct commit {
	const char *home;
	struct branch branches[BRANCHES_MAX];
	size_t n;
	struct dl_buf key;
	struct dl_buf done; /* the position stored last */
	struct dl_event ev;
};

static int
open_branches(struct commit *c, char *const *names, int n, struct dl_err *err)
{
	static char *const standard[] = {"-"};

	if (n == 0) {
		names = standard;
		n = 1;
	}
	for (int i = 0; i < n; i++) {
		int fd = STDIN_FILENO;
		const char *name = "<stdin>";

		if (strcmp(names[i], "-") != 0) {
			/* It must not wait for a writer that may be dead. */
			fd = open(names[i], O_RDONLY | O_CLOEXEC | O_NONBLOCK);
			name = names[i];
		}
		if (fd < 0)
			return dl_err_errno(err, "cannot open '%s'", name);
		c->branches[c->n].knocked = fd == STDIN_FILENO;
		dl_line_init(&c->branches[c->n++].in, fd, name);
	}
	return 0;
}

/* Take one line: nothing but checkpoints of one key belongs here. */
static int
take(
    struct commit *c, struct branch *b, struct dl_span line, struct dl_err *err)
{
	if (dl_event_parse(&c->ev, line, err) < 0)
		return -1;
	if (!dl_event_is(&c->ev, DL_TYPE_CHECKPOINT))
		return dl_err_data(err, "an event and not a checkpoint came: "
					"put a sink before dl-commit");
	if (c->key.len == 0)
		dl_buf_span(&c->key, c->ev.source);
	if (!dl_span_eq(dl_buf_as_span(&c->key), c->ev.source))
		return dl_err_data(err,
		    "checkpoints of '%.*s' and of '%.*s' in one pipe",
		    (int)c->key.len, c->key.p, DL_SPAN_ARG(c->ev.source));
	b->knocked = true;
	dl_buf_clear(&b->position);
	dl_buf_span(&b->position, c->ev.id);
	return 0;
}

/* All that a branch has to say for now. */
static int
drain(struct commit *c, struct branch *b, struct dl_err *err)
{
	for (;;) {
		struct dl_span line;

		switch (dl_line_next(&b->in, 0, &line, err)) {
		case DL_LINE_RECORD:
			if (take(c, b, line, err) == 0)
				break;
			dl_err_prefix(err, "%s:%llu", b->in.name,
			    (unsigned long long)b->in.number);
			return -1;
		case DL_LINE_LONG:
			return dl_err_data(err, "%s:%llu: not a checkpoint",
			    b->in.name, (unsigned long long)b->in.number);
		case DL_LINE_IDLE:
			return 0;
		case DL_LINE_END:
			b->ended = true;
			return 0;
		case DL_LINE_FAIL:
			return -1;
		}
	}
}

/* The branch that is furthest behind; NULL if one has no position yet. */
static struct branch *
slowest(struct commit *c)
{
	struct branch *least = &c->branches[0];

	for (size_t i = 0; i < c->n; i++) {
		struct branch *b = &c->branches[i];

		if (b->position.len == 0)
			return NULL;
		if (dl_span_cmp(dl_buf_as_span(&b->position),
			dl_buf_as_span(&least->position)) < 0)
			least = b;
	}
	return least;
}

/* Store what has come out of every branch. */
static int
store(struct commit *c, struct dl_err *err)
{
	struct branch *b = slowest(c);
	struct dl_span position;

	if (b == NULL)
		return 0;
	position = dl_buf_as_span(&b->position);
	if (dl_span_eq(position, dl_buf_as_span(&c->done)))
		return 0;
	if (dl_commit_write(c->home, dl_buf_as_span(&c->key), position, err) <
	    0)
		return -1;
	dl_log(DL_LOG_DEBUG, "%.*s is at %.*s", (int)c->key.len, c->key.p,
	    DL_SPAN_ARG(position));
	dl_buf_clear(&c->done);
	dl_buf_span(&c->done, position);
	return 0;
}

/*
 * A named pipe whose writer was killed before it opened it never ends.  If we
 * open it for writing, and close it, it does, unless it has another writer.
 */
static void
knock(struct commit *c)
{
	for (size_t i = 0; i < c->n; i++) {
		struct branch *b = &c->branches[i];
		int fd;

		if (b->ended || b->knocked)
			continue;
		b->knocked = true;
		fd = open(b->in.name, O_WRONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd >= 0)
			close(fd);
	}
}

/* When one has ended, those that were not heard of are not waited for long. */
static int
patience_ms(const struct commit *c)
{
	bool ended = false, silent = false;

	for (size_t i = 0; i < c->n; i++) {
		ended |= c->branches[i].ended;
		silent |= !c->branches[i].ended && !c->branches[i].knocked;
	}
	return ended && silent ? KNOCK_MS : -1;
}

/* Wait for any branch, hear those that spoke: 1, 0 when all have ended, -1. */
static int
hear(struct commit *c, struct dl_err *err)
{
	struct pollfd fds[BRANCHES_MAX];
	size_t open = 0;
	int n;

	for (size_t i = 0; i < c->n; i++) {
		fds[i] = (struct pollfd){
		    .fd = c->branches[i].ended ? -1 : c->branches[i].in.fd,
		    .events = POLLIN};
		open += !c->branches[i].ended;
	}
	if (open == 0)
		return 0;
	if ((n = poll(fds, c->n, patience_ms(c))) < 0)
		return 1; /* a signal: filters and sinks drain */
	if (n == 0)
		knock(c);
	for (size_t i = 0; i < c->n; i++)
		if (fds[i].revents != 0 && drain(c, &c->branches[i], err) < 0)
			return -1;
	return store(c, err) < 0 ? -1 : 1;
}

/* A branch that died ends short of the others: that must not go unseen. */
static int
check_ends(struct commit *c, struct dl_err *err)
{
	const struct branch *first = &c->branches[0];

	for (size_t i = 1; i < c->n; i++) {
		const struct branch *b = &c->branches[i];

		if (!dl_span_eq(dl_buf_as_span(&b->position),
			dl_buf_as_span(&first->position)))
			return dl_err_temp(err,
			    "%s ended at '%.*s' and %s at '%.*s': a branch "
			    "died, run it again",
			    b->in.name, (int)b->position.len, b->position.p,
			    first->in.name, (int)first->position.len,
			    first->position.p);
	}
	return 0;
}

int
main(int argc, char *argv[])
{
	static struct commit c;
	struct dl_err err = {0};
	int first, r;

	const struct dl_opt opts[] = {DL_OPT_COMMON};
	first = dl_tool_start("dl-commit", opts, "[FILE ...]", 0, BRANCHES_MAX,
	    DL_TOOL_DRAIN, argc, argv);

	c.home = dl_tool_home();
	if (open_branches(&c, argv + first, argc - first, &err) < 0)
		dl_tool_fail(&err);
	while ((r = hear(&c, &err)) > 0)
		;
	if (r < 0 || check_ends(&c, &err) < 0)
		dl_tool_fail(&err);
	return DL_EXIT_OK;
}
