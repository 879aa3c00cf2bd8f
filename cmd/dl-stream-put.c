/* dl-stream-put - append events to a stream. */
#include "flow.h"
#include "home.h"
#include "num.h"
#include "stream.h"
#include "tool.h"

#include <stdio.h>
#include <unistd.h>

struct put {
	struct dl_flow flow;
	struct dl_stream_writer *writer;
};

static int
parse_sync(const char *text, enum dl_stream_sync *sync, struct dl_err *err)
{
	static const char *const names[] = {"checkpoint", "interval", "always"};

	for (int i = 0; i < 3; i++)
		if (strcmp(text, names[i]) == 0) {
			*sync = (enum dl_stream_sync)i;
			return 0;
		}
	return dl_err_usage(err,
	    "'%s' is no time to sync (checkpoint, interval, always)", text);
}

static int
parse_full(const char *text, bool *fails, struct dl_err *err)
{
	*fails = strcmp(text, "fail") == 0;
	if (!*fails && strcmp(text, "block") != 0)
		return dl_err_usage(
		    err, "--when-full '%s': expected block or fail", text);
	return 0;
}

static int
ack(struct put *p, struct dl_err *err)
{
	struct dl_span key, position;

	if (!dl_stream_safe(p->writer, &key, &position))
		return 0;
	return dl_flow_ack(&p->flow, key, position, err);
}

/* Broken input is no reason to forget what came whole before it. */
static int
keep_whole(struct put *p)
{
	struct dl_err ignored = {0};

	if (dl_stream_sync(p->writer, &ignored) == 0)
		(void)ack(p, &ignored);
	return -1;
}

static int
put(struct put *p, struct dl_err *err)
{
	struct dl_err why;
	const char *code;

	dl_err_clear(&why); /* not all of it, for each event */
	switch (dl_stream_put(p->writer, &p->flow.ev, &code, &why)) {
	case 1:
		p->flow.counts.out++;
		return 0;
	case 0:
		p->flow.counts.dropped++;
		return 0;
	}
	if (code != NULL)
		return dl_flow_dead(&p->flow, code, &why, err) < 0
		           ? keep_whole(p)
		           : 0;
	*err = why;
	return -1;
}

/* Take one thing from the input, or sync what is due: 1, 0 at the end. */
static int
step(struct put *p, struct dl_err *err)
{
	struct dl_flow *f = &p->flow;
	int r = 1;

	switch (dl_flow_next(f, dl_stream_wait_ms(p->writer), err)) {
	case DL_FLOW_FAIL:
		return keep_whole(p);
	case DL_FLOW_EVENT:
		if (put(p, err) < 0)
			return -1;
		break;
	case DL_FLOW_IDLE:
		if (dl_stream_sync(p->writer, err) < 0)
			return -1;
		break;
	case DL_FLOW_CHECKPOINT:
		if (dl_stream_checkpoint(
			p->writer, f->ev.source, f->ev.id, err) < 0)
			return -1;
		break;
	case DL_FLOW_END:
		if (dl_stream_sync(p->writer, err) < 0)
			return -1;
		r = 0;
		break;
	}
	return ack(p, err) < 0 ? -1 : r;
}

static void
say_summary(const struct put *p, const char *dir)
{
	struct dl_stream_counts n;
	char size[32];

	dl_stream_counts(p->writer, &n);
	dl_num_print_size((int64_t)n.bytes, size);
	printf(
	    "%llu events, %s, to %s", (unsigned long long)n.records, size, dir);
	if (n.skipped > 0)
		printf(" (%llu were stored already)",
		    (unsigned long long)n.skipped);
	if (p->flow.counts.dead > 0)
		printf(" (%llu dead letters)",
		    (unsigned long long)p->flow.counts.dead);
	printf("\n");
	fflush(stdout);
}

int
main(int argc, char *argv[])
{
	struct dl_err err = {0};
	struct put p = {.writer = NULL};
	const char *dead = NULL, *sync = "checkpoint", *when_full = "block";
	struct dl_stream_options o = {
	    .segment_bytes = DL_STREAM_SEGMENT_BYTES, .stop = &dl_tool_stop};
	char dir[PATH_MAX];
	int first, r;

	const struct dl_opt opts[] = {
	    DL_OPT_STR(0, "sync", &sync, "WHEN",
		"checkpoint (default), interval or always"),
	    DL_OPT_SIZE(0, "segment-bytes", &o.segment_bytes, "SIZE",
		"begin a new segment after SIZE (64M)"),
	    DL_OPT_DURATION(0, "retain", &o.retain_ms, "DURATION",
		"remove segments that are older: 1h to 365d"),
	    DL_OPT_SIZE(0, "retain-bytes", &o.retain_bytes, "SIZE",
		"remove what was read, while there is more"),
	    DL_OPT_SIZE(0, "max-bytes", &o.max_bytes, "SIZE",
		"let the stream grow to SIZE at most"),
	    DL_OPT_STR(
		0, "when-full", &when_full, "WHAT", "block (default) or fail"),
	    DL_OPT_STR(
		'd', "dead", &dead, "FILE", "append what is no event to FILE"),
	    DL_OPT_COMMON,
	};
	first = dl_tool_start(
	    "dl-stream-put", opts, "STREAM", 1, 1, DL_TOOL_DRAIN, argc, argv);

	if (parse_sync(sync, &o.sync, &err) < 0 ||
	    parse_full(when_full, &o.fail_when_full, &err) < 0 ||
	    dl_home_resolve(
		dir, dl_tool_home_option, "streams", argv[first], &err) < 0)
		dl_tool_fail(&err);
	dl_tool_metric(dl_span_str(dir), &p.flow.counts);
	p.writer = dl_stream_open_write(dir, dl_tool_home(), &o, &err);
	if (p.writer == NULL ||
	    dl_flow_open(&p.flow, dead, "dl-stream-put", DL_SPAN(""), &err) < 0)
		dl_tool_fail(&err);
	while ((r = step(&p, &err)) > 0)
		;
	if (r < 0)
		dl_tool_fail(&err);
	if (isatty(STDOUT_FILENO) && !dl_tool_quiet)
		say_summary(&p, dir);
	dl_stream_close(p.writer);
	if (dl_flow_close(&p.flow, &err) < 0)
		dl_tool_fail(&err);
	return dl_tool_finish();
}
