/* What a command prints. */
#include "transport.h"

#include "buf.h"
#include "child.h"
#include "clock.h"
#include "io.h"
#include "metric.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#define READ_SIZE (256 << 10)
#define IDLE_MS 20 /* silence of a stream after which what came is written */
#define NAP_MS 250 /* a signal just before a wait is seen this late */

struct exec {
	struct dl_transport_context c;
	char *shown;
	struct dl_buf name;    /* DL_SOURCE=... */
	struct dl_buf command; /* with its names filled in */
	char *bytes;

	/* Of the acquisition at hand. */
	const struct dl_taker *taker;
	struct dl_child child;
	int64_t until_ms;  /* when it has to have ended; -1: never */
	int64_t paused_ms; /* when pause was called last */
	int64_t came;      /* bytes */
};

/* How the output of a command ended. */
enum ended {
	ENDED_FAIL,   /* a taker failed, or it could not be read */
	ENDED_CLOSED, /* by the command */
	ENDED_LATE,
	ENDED_STOP
};

/*
 * What may be shown of a command: the program's name alone, where it can be
 * told; what follows it may be a password.
 */
static char *
show(const char *command)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz"
				    "0123456789._-+/";
	struct dl_buf b = {0};
	size_t n, word;
	char *shown;

	command += strspn(command, " \t\n");
	n = strspn(command, plain);
	word = strcspn(command, " \t\n");
	dl_buf_adds(&b, "exec:");
	if (n > 0 && n == word)
		dl_buf_add(&b, command, n);
	else
		dl_buf_adds(&b, "sh");
	shown = dl_strdup(dl_buf_str(&b));
	dl_buf_release(&b);
	return shown;
}

/* The text that sh is given. */
static const char *
command_of(const struct dl_source_spec *spec)
{
	return spec->url + strlen("exec:");
}

static void *
exec_open(const struct dl_transport_context *c, struct dl_err *err)
{
	const char *command = command_of(c->spec);
	struct exec *t;

	if (command[strspn(command, " \t\n")] == '\0') {
		dl_err_conf(err, "there is no command: it is written as "
				 "exec:COMMAND, for sh");
		return NULL;
	}
	t = dl_calloc(1, sizeof(*t));
	t->c = *c;
	t->shown = show(command);
	t->bytes = dl_alloc(READ_SIZE);
	dl_buf_printf(&t->name, "DL_SOURCE=%s", c->spec->name);
	return t;
}

static void
exec_close(void *arg)
{
	struct exec *t = arg;

	free(t->shown);
	free(t->bytes);
	dl_buf_release(&t->name);
	dl_buf_release(&t->command);
	free(t);
}

static const char *
exec_shown(const void *arg)
{
	const struct exec *t = arg;

	return t->shown;
}

/* How long the command may take. */
static int64_t
may_take(const struct dl_source_spec *spec)
{
	int64_t most = spec->limits.max_time_ms;

	return most > 0 && most < spec->timeout_ms ? most : spec->timeout_ms;
}

/* Milliseconds that are left to the command, -1 without limit. */
static int64_t
left(const struct exec *t)
{
	int64_t ms;

	if (t->until_ms < 0)
		return -1;
	ms = t->until_ms - dl_clock_ms();
	return ms > 0 ? ms : 0;
}

static int
take(struct exec *t, size_t n, struct dl_err *err)
{
	int64_t before = dl_clock_ms(), most = t->c.spec->limits.max_bytes;

	t->came += (int64_t)n;
	if (most > 0 && t->came > most && !t->c.spec->stream)
		return dl_err_data(err,
		    "%s: it printed more than the %lld bytes that 'max_bytes' "
		    "allows",
		    t->shown, (long long)most);
	if (t->taker->bytes(t->taker->arg, t->bytes, n, err) < 0)
		return -1;
	/* The pipe's time is not the command's. */
	if (t->until_ms >= 0)
		t->until_ms += dl_clock_ms() - before;
	return 0;
}

/* Wait for more output, at most so long; 1 there may be some, 0 there is none. */
static int
await_output(const struct exec *t, int most)
{
	struct pollfd p = {.fd = t->child.out, .events = POLLIN};
	int64_t ms = left(t);

	if (ms < 0 || ms > most)
		ms = most;
	return poll(&p, 1, (int)ms) == 0 ? 0 : 1;
}

static int
pause_now(struct exec *t, struct dl_err *err)
{
	t->paused_ms = dl_clock_ms();
	return t->taker->pause(t->taker->arg, err);
}

static enum ended
pump(struct exec *t, struct dl_err *err)
{
	bool fresh = false; /* something came that no pause was told of */
	ssize_t n;

	for (;;) {
		dl_metric_tick();
		if (*t->c.stop)
			return ENDED_STOP;
		if (left(t) == 0)
			return ENDED_LATE;
		n = read(t->child.out, t->bytes, READ_SIZE);
		if (n == 0)
			return ENDED_CLOSED;
		if (n > 0) {
			fresh = t->c.spec->stream;
			if (take(t, (size_t)n, err) < 0)
				return ENDED_FAIL;
			/* One that is never silent is to have positions, too. */
			if (!fresh || dl_clock_ms() - t->paused_ms < IDLE_MS)
				continue;
			if (pause_now(t, err) < 0)
				return ENDED_FAIL;
			fresh = false;
		} else if (errno == EAGAIN) {
			if (await_output(t, fresh ? IDLE_MS : NAP_MS) > 0)
				continue;
			if (fresh && pause_now(t, err) < 0)
				return ENDED_FAIL;
			fresh = false;
		} else if (errno != EINTR) {
			dl_err_errno(err, "%s: cannot be read", t->shown);
			return ENDED_FAIL;
		}
	}
}

/* Its output has ended: how did it? */
static enum dl_transport_result
conclude(struct exec *t, struct dl_err *err)
{
	const struct dl_taker *to = t->taker;
	bool cut_off;
	int status;

	if (!dl_child_wait(&t->child, left(t), t->c.stop, &status)) {
		if (*t->c.stop)
			return DL_TRANSPORT_STOPPED;
		dl_err_temp(err,
		    "%s: closed its output, and goes on after %lld ms",
		    t->shown, (long long)may_take(t->c.spec));
		return DL_TRANSPORT_AGAIN;
	}
	if (dl_child_check(status, t->shown, err) < 0)
		return err->status == DL_EXIT_TEMP ? DL_TRANSPORT_AGAIN
		                                   : DL_TRANSPORT_FAIL;
	if (to->end(to->arg, &cut_off, err) < 0)
		return DL_TRANSPORT_FAIL;
	return DL_TRANSPORT_DONE;
}

static enum dl_transport_result
end(struct exec *t, enum ended how, struct dl_err *err)
{
	bool listened = t->c.spec->stream && !t->c.follow;

	switch (how) {
	case ENDED_CLOSED:
		return conclude(t, err);
	case ENDED_STOP:
		return DL_TRANSPORT_STOPPED;
	case ENDED_LATE:
		if (listened)
			return DL_TRANSPORT_DONE;
		dl_err_temp(err, "%s: not finished after %lld ms", t->shown,
		    (long long)may_take(t->c.spec));
		return DL_TRANSPORT_AGAIN;
	default:
		return DL_TRANSPORT_FAIL;
	}
}

/*
 * What a stream's command printed is a position, however it ended: it is never
 * asked for it again.
 */
static enum dl_transport_result
end_stream(struct exec *t, enum dl_transport_result r, struct dl_err *err)
{
	struct dl_err late = {0};

	if (!t->c.spec->stream || r == DL_TRANSPORT_FAIL ||
	    t->taker->pause(t->taker->arg, &late) == 0)
		return r;
	*err = late;
	return DL_TRANSPORT_FAIL;
}

static enum dl_transport_result
exec_acquire(void *arg, struct dl_source_state *st,
    const struct dl_taker *taker, int64_t *after_ms, struct dl_err *err)
{
	struct exec *t = arg;
	const struct dl_source_spec *spec = t->c.spec;
	enum dl_transport_result r;
	enum ended how;

	(void)st;
	*after_ms = -1;
	t->taker = taker;
	t->came = 0;
	t->paused_ms = dl_clock_ms();
	dl_buf_clear(&t->command);
	if (dl_template_fill(&t->command, command_of(spec), DL_TEMPLATE_COMMAND,
		&t->c.round->values, err) < 0 ||
	    taker->begin(taker->arg, t->shown, "", err) < 0)
		return DL_TRANSPORT_FAIL;
	if (dl_child_start(&t->child, dl_buf_str(&t->command),
		dl_buf_str(&t->name), err) < 0)
		return DL_TRANSPORT_AGAIN;
	dl_widen_pipe(t->child.out);
	t->until_ms =
	    spec->stream && t->c.follow ? -1 : dl_clock_ms() + may_take(spec);
	how = pump(t, err);
	r = end(t, how, err);
	dl_child_kill(&t->child);
	/* A taker that failed is told nothing more. */
	return how == ENDED_FAIL ? r : end_stream(t, r, err);
}

const struct dl_transport_kind dl_transport_exec = {
    .name = "command",
    .open = exec_open,
    .acquire = exec_acquire,
    .shown = exec_shown,
    .close = exec_close,
};
