/* dl-twin-put - keep the newest value of every metric. */
#include "fault.h"
#include "flow.h"
#include "home.h"
#include "json.h"
#include "tool.h"
#include "twin.h"

#include <time.h>
#include <unistd.h>

#define IDLE_MS 5 /* a pause that ends a batch */
#define AGE_MS 50 /* how long the first of a batch waits, input trickling */
#define SHARE 8   /* or so many times as long as the last commit took */

struct put {
	struct dl_flow flow;
	struct dl_twin *twin;
	int64_t since_ms;  /* when the batch was begun, by coarse_ms() */
	int64_t commit_ms; /* how long the last commit took */
};

static int
print_verdict(void *arg, const struct dl_twin_record *rec,
    enum dl_twin_verdict verdict, struct dl_err *err)
{
	struct dl_out *out = arg;

	dl_buf_adds(&out->buf, "{\"component\":");
	dl_json_quote(&out->buf, rec->component);
	dl_buf_adds(&out->buf, ",\"metric\":");
	dl_json_quote(&out->buf, rec->metric);
	dl_buf_adds(&out->buf, ",\"time\":");
	dl_json_quote(&out->buf, rec->time);
	dl_buf_adds(&out->buf, ",\"id\":");
	dl_json_quote(&out->buf, rec->id);
	dl_buf_adds(&out->buf, ",\"verdict\":");
	dl_json_quote(&out->buf, dl_span_str(dl_twin_verdict_name(verdict)));
	dl_buf_adds(&out->buf, "}\n");
	return dl_out_spill(out, err);
}

/* A few ms behind, and far cheaper to ask for every record. */
static int64_t
coarse_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int
commit(struct put *p, struct dl_err *err)
{
	int64_t start = dl_clock_ms();

	if (dl_twin_commit(p->twin, err) < 0)
		return -1;
	p->commit_ms = dl_clock_ms() - start;
	return dl_out_flush(&p->flow.out, err);
}

/* Under load a commit is worth many records; at a trickle none waits long. */
static bool
is_due(const struct put *p)
{
	int64_t age = coarse_ms() - p->since_ms;

	return age >= AGE_MS && age >= SHARE * p->commit_ms;
}

static int
put(struct put *p, struct dl_err *err)
{
	struct dl_err why;
	const char *code;

	dl_err_clear(&why);
	if (dl_twin_pending(p->twin) == 0)
		p->since_ms = coarse_ms();
	switch (dl_twin_put(p->twin, &p->flow.ev, &why)) {
	case DL_TWIN_PUT_OK:
		p->flow.counts.out++;
		return is_due(p) ? commit(p, err) : 0;
	case DL_TWIN_PUT_BAD:
		code = "observation";
		break;
	case DL_TWIN_PUT_REFUSED:
		code = "future";
		break;
	default:
		*err = why;
		return -1;
	}
	return dl_flow_dead(&p->flow, code, &why, err);
}

static int
run(struct put *p, struct dl_err *err)
{
	for (;;) {
		int wait = dl_twin_pending(p->twin) > 0 ? IDLE_MS : -1;

		switch (dl_flow_next(&p->flow, wait, err)) {
		case DL_FLOW_EVENT:
			if (put(p, err) < 0)
				return -1;
			break;
		case DL_FLOW_IDLE:
			if (commit(p, err) < 0)
				return -1;
			break;
		case DL_FLOW_CHECKPOINT:
			if (commit(p, err) < 0 ||
			    dl_flow_ack(&p->flow, p->flow.ev.source,
				p->flow.ev.id, err) < 0)
				return -1;
			break;
		case DL_FLOW_END:
			return commit(p, err);
		default:
			return -1;
		}
	}
}

/* "3 observations: 10 applied, 2 stale". */
static void
print_summary(struct put *p)
{
	struct dl_buf *b = &p->flow.out.buf;
	const uint64_t *counts = dl_twin_counts(p->twin);
	const char *between = ": ";

	dl_buf_printf(
	    b, "%llu observations", (unsigned long long)p->flow.counts.in);
	for (int i = 0; i < DL_TWIN_VERDICTS; i++) {
		if (counts[i] == 0)
			continue;
		dl_buf_printf(b, "%s%llu %s", between,
		    (unsigned long long)counts[i],
		    dl_twin_verdict_name((enum dl_twin_verdict)i));
		between = ", ";
	}
	dl_buf_addc(b, '\n');
}

int
main(int argc, char *argv[])
{
	struct dl_err err = {0};
	struct put p = {.twin = NULL};
	char dir[PATH_MAX];
	const char *address = "twin", *dead = NULL;
	int64_t max_future_ms = DL_TWIN_MAX_FUTURE_MS;
	bool verdicts = false;

	const struct dl_opt opts[] = {
	    DL_OPT_STR('t', "twin", &address, "DIR", "keep the twin in DIR"),
	    DL_OPT_STR('d', "dead", &dead, "FILE",
		"append what could not be put to FILE"),
	    DL_OPT_DURATION(0, "max-future", &max_future_ms, "DURATION",
		"refuse times further ahead of the clock (5m)"),
	    DL_OPT_FLAG(
		0, "verdicts", &verdicts, "print what became of every metric"),
	    DL_OPT_COMMON,
	};
	dl_tool_start("dl-twin-put", opts, "", 0, 0, DL_TOOL_DRAIN, argc, argv);

	if (dl_home_resolve(dir, dl_tool_home_option, NULL, address, &err) < 0)
		dl_tool_fail(&err);
	dl_fault_blame("dl-twin-put", dir);
	dl_tool_metric(dl_span_str(dir), &p.flow.counts);
	if (dl_flow_open(&p.flow, dead, "dl-twin-put", DL_SPAN(""), &err) < 0 ||
	    (p.twin = dl_twin_open_write(dir, &err)) == NULL)
		dl_tool_fail(&err);
	dl_twin_set_max_future(p.twin, max_future_ms);
	if (verdicts)
		dl_twin_set_verdicts(p.twin, print_verdict, &p.flow.out);
	if (run(&p, &err) < 0)
		dl_tool_fail(&err);
	if (isatty(STDOUT_FILENO) && !dl_tool_quiet)
		print_summary(&p);
	dl_twin_close(p.twin);
	if (dl_flow_close(&p.flow, &err) < 0)
		dl_tool_fail(&err);
	return dl_tool_finish();
}
