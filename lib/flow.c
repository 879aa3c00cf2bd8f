#include "flow_private.h"

#include "io.h"

#include <poll.h>
#include <unistd.h>

/* Lines of ours may be as long as a line can be configured to be. */
#define FLOW_LINE_MAX DL_LINE_MAX

int
dl_flow_open(struct dl_flow *f, const char *dead_path, const char *tool,
    struct dl_span step, struct dl_err *err)
{
	*f = (struct dl_flow){0};
	dl_line_init(&f->in, STDIN_FILENO, "<stdin>");
	f->in.max = FLOW_LINE_MAX;
	dl_out_init(&f->out, STDOUT_FILENO, "<stdout>");
	return dl_dead_open(&f->dead, dead_path, tool, step, err);
}

/* The end is near: what came before that which failed still goes on. */
static void
last_words(struct dl_flow *f)
{
	struct dl_err ignored = {0};

	dl_out_flush(&f->out, &ignored);
}

/* Keep r with the dead letters, or fail with why. */
static int
bury(struct dl_flow *f, struct dl_dead_record *r, const struct dl_err *why,
    struct dl_err *err)
{
	if (!f->dead.open)
		last_words(f);
	r->number = f->in.number;
	if (dl_dead_put(&f->dead, r, why, err) < 0)
		return -1;
	f->counts.dead++;
	return 0;
}

/* A line that is no event: kept with the dead letters, or the end. */
static int
bury_line(struct dl_flow *f, struct dl_span line, uint64_t total,
    const char *code, struct dl_err *why, struct dl_err *err)
{
	struct dl_dead_record r = {.bytes = line, .total = total, .code = code};

	if (!f->dead.open)
		dl_err_prefix(
		    why, "<stdin>:%llu", (unsigned long long)f->in.number);
	return bury(f, &r, why, err);
}

int
dl_flow_broken(struct dl_flow *f, struct dl_span line, struct dl_err *why,
    struct dl_err *err)
{
	return bury_line(f, line, line.len, "event", why, err);
}

int
dl_flow_too_long(struct dl_flow *f, struct dl_span line, struct dl_err *err)
{
	struct dl_err why = {0};

	dl_err_data(&why, "a line of %llu bytes, at most %zu are taken",
	    (unsigned long long)f->in.long_bytes, f->in.max);
	return bury_line(f, line, f->in.long_bytes, "too-long", &why, err);
}

int
dl_flow_heard(struct dl_flow *f, struct dl_err *err)
{
	return dl_check_reader(f->out.fd, 0, f->out.name, err);
}

/* Wait for input: 1, 0 nothing came, -1 nobody hears what we have to say. */
static int
wait_input(struct dl_flow *f, int ms, struct dl_err *err)
{
	bool speaks = f->filters || f->repeats;
	struct pollfd p[2] = {{.fd = f->in.fd, .events = POLLIN},
	    {.fd = speaks ? f->out.fd : -1}};
	int n = poll(p, 2, ms);

	if (n <= 0)
		return 0;
	if (p[0].revents != 0)
		return 1;
	return dl_flow_heard(f, err);
}

/* Wait for a line, and write the metric when that is due before. */
static enum dl_line_result
wait_line(
    struct dl_flow *f, int wait_ms, struct dl_span *line, struct dl_err *err)
{
	enum dl_line_result r;

	for (;;) {
		int due = dl_metric_wait_ms();
		bool cut = due >= 0 && (wait_ms < 0 || due < wait_ms);
		int came = wait_input(f, cut ? due : wait_ms, err);

		if (came < 0)
			return DL_LINE_FAIL;
		r = came > 0 ? dl_line_next(&f->in, 0, line, err)
		             : DL_LINE_IDLE;
		if (r != DL_LINE_IDLE)
			return r;
		if (came == 0 && !cut && wait_ms >= 0)
			return DL_LINE_IDLE;
		dl_metric_tick();
		if (came == 0 && cut && wait_ms > 0)
			wait_ms -= due;
	}
}

/* The next line; before a wait for it, dead letters are written. */
static enum dl_line_result
next_line(
    struct dl_flow *f, int wait_ms, struct dl_span *line, struct dl_err *err)
{
	enum dl_line_result r;

	dl_metric_tick();
	r = dl_line_next(&f->in, 0, line, err);
	if (r != DL_LINE_IDLE || wait_ms == 0)
		return r;
	if (dl_out_flush(&f->dead.out, err) < 0)
		return DL_LINE_FAIL;
	return wait_line(f, wait_ms, line, err);
}

/*
 * A record that is tried again may have been given its number of attempts
 * twice: the line is made again with one of them, for what reads it whole.
 */
int
dl_flow_take(struct dl_flow *f, struct dl_span line, struct dl_err *why)
{
	if (dl_event_parse(&f->ev, line, why) < 0)
		return -1;
	if (!dl_dead_merge_attempts(&f->ev))
		return 0;
	dl_buf_clear(&f->merged);
	dl_event_write(&f->merged, &f->ev);
	line = dl_buf_as_span(&f->merged);
	line.len--; /* the newline */
	return dl_event_parse(&f->ev, line, why);
}

enum dl_flow_result
dl_flow_next(struct dl_flow *f, int wait_ms, struct dl_err *err)
{
	for (;;) {
		struct dl_span line;
		enum dl_line_result r;
		struct dl_err why;

		dl_err_clear(&why); /* not all of it, for every line */
		r = next_line(f, wait_ms, &line, err);
		if (r == DL_LINE_FAIL) {
			if (f->repeats && err->status == DL_EXIT_DATA)
				err->status = DL_EXIT_TEMP;
			return DL_FLOW_FAIL;
		}
		if (r == DL_LINE_END)
			return DL_FLOW_END;
		if (r == DL_LINE_IDLE)
			return DL_FLOW_IDLE;
		if (r == DL_LINE_LONG) {
			f->counts.in++;
			if (dl_flow_too_long(f, line, err) < 0)
				return DL_FLOW_FAIL;
			continue;
		}
		if (dl_flow_take(f, line, &why) < 0) {
			f->counts.in++;
			if (dl_flow_broken(f, line, &why, err) < 0)
				return DL_FLOW_FAIL;
			continue;
		}
		if (dl_event_is(&f->ev, DL_TYPE_CHECKPOINT)) {
			f->repeats = true;
			return DL_FLOW_CHECKPOINT;
		}
		f->counts.in++;
		return DL_FLOW_EVENT;
	}
}

int
dl_flow_pass_on(struct dl_flow *f, struct dl_err *err)
{
	if (dl_dead_sync(&f->dead, err) < 0)
		return -1;
	dl_buf_span(&f->out.buf, f->ev.line);
	dl_buf_addc(&f->out.buf, '\n');
	return dl_out_flush(&f->out, err);
}

/* The next event; 1, 0 at the end, -1. */
static int
next_event(struct dl_flow *f, struct dl_err *err)
{
	if (dl_out_spill(&f->out, err) < 0)
		return -1;
	for (;;) {
		/* With something to say, never sleep on it. */
		int wait = f->out.buf.len > 0 ? 0 : -1;

		switch (dl_flow_next(f, wait, err)) {
		case DL_FLOW_FAIL:
			return -1;
		case DL_FLOW_END:
			return 0;
		case DL_FLOW_EVENT:
			return 1;
		case DL_FLOW_CHECKPOINT:
			if (dl_flow_pass_on(f, err) < 0)
				return -1;
			break;
		case DL_FLOW_IDLE:
			if (dl_out_flush(&f->out, err) < 0)
				return -1;
			break;
		}
	}
}

int
dl_flow_dead(struct dl_flow *f, const char *code, const struct dl_err *why,
    struct dl_err *err)
{
	struct dl_dead_record r = {.ev = &f->ev,
	    .bytes = f->ev.line,
	    .total = f->ev.line.len,
	    .code = code};

	if (bury(f, &r, why, err) == 0)
		return 0;
	if (!f->dead.open)
		dl_err_prefix(err, "<stdin>:%llu: event %.*s",
		    (unsigned long long)f->in.number,
		    (int)(f->ev.id.len < 80 ? f->ev.id.len : 80), f->ev.id.p);
	return -1;
}

/* Every event, in this process. */
static int
run_here(struct dl_flow *f, dl_flow_fn *fn, void *to, struct dl_err *err)
{
	struct dl_err why = {0};
	const char *code;
	int64_t n;
	int r;

	while ((r = next_event(f, err)) > 0) {
		n = fn(to, &f->ev, &f->out.buf, &code, &why);
		if (n >= 0) {
			dl_counts_became(&f->counts, (uint64_t)n);
			continue;
		}
		if (dl_flow_dead(f, code, &why, err) < 0)
			return -1;
		dl_err_clear(&why);
	}
	return r;
}

int
dl_flow_run(struct dl_flow *f, int workers, dl_flow_fn *fn, void *to,
    struct dl_err *err)
{
	int r;

	f->filters = true;
	if (workers > 1)
		return dl_flow_crew(f, workers, fn, to, err);
	r = run_here(f, fn, to, err);
	if (r < 0)
		last_words(f);
	return r;
}

int
dl_flow_ack(struct dl_flow *f, struct dl_span key, struct dl_span position,
    struct dl_err *err)
{
	if (dl_dead_sync(&f->dead, err) < 0)
		return -1;
	if (!isatty(STDOUT_FILENO))
		dl_event_checkpoint(&f->out.buf, key, position);
	return dl_out_flush(&f->out, err);
}

int
dl_flow_close(struct dl_flow *f, struct dl_err *err)
{
	int r = dl_out_flush(&f->out, err);

	dl_counts_log(&f->counts);
	if (dl_dead_close(&f->dead, err) < 0)
		r = -1;
	/* Some file systems tell of a failed write only at close. */
	if (close(STDOUT_FILENO) < 0 && r == 0)
		r = dl_err_errno(err, "cannot close <stdout>");
	dl_event_release(&f->ev);
	dl_buf_release(&f->merged);
	dl_line_release(&f->in);
	dl_out_release(&f->out);
	return r;
}
