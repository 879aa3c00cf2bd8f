/* dl-extract - turn events into observations of components. */
#include "crew.h"
#include "extract.h"
#include "flow.h"
#include "tool.h"

#include <unistd.h>

static int64_t
on_event(void *to, const struct dl_event *ev, struct dl_buf *out,
    const char **code, struct dl_err *why)
{
	return dl_extract_event(to, ev, out, code, why);
}

int
main(int argc, char *argv[])
{
	struct dl_err err = {0};
	struct dl_extract *x;
	struct dl_span step;
	struct dl_flow f = {.counts = {0}};
	const char *dead = NULL;
	int64_t jobs = 1;
	int first, workers, r;

	const struct dl_opt opts[] = {
	    DL_OPT_STR(
		'd', "dead", &dead, "FILE", "append events that fail to FILE"),
	    DL_OPT_COUNT('j', "jobs", &jobs, "N",
		"work in N processes, 0 for all processors (1)"),
	    DL_OPT_COMMON,
	};
	first = dl_tool_start(
	    "dl-extract", opts, "SPEC.yaml", 1, 1, DL_TOOL_DRAIN, argc, argv);

	step = dl_extract_step(argv[first]);
	if ((workers = dl_crew_size(jobs, &err)) < 0)
		dl_tool_fail(&err);
	dl_tool_metric(step, &f.counts);
	if ((x = dl_extract_load(argv[first], &err)) == NULL ||
	    dl_flow_open(&f, dead, "dl-extract", step, &err) < 0)
		dl_tool_fail(&err);
	dl_dead_set_program(&f.dead, dl_extract_program(x));

	r = dl_flow_run(&f, workers, on_event, x, &err);
	if (r == DL_FLOW_WORKER)
		_exit(DL_EXIT_OK);
	if (r < 0 || dl_flow_close(&f, &err) < 0)
		dl_tool_fail(&err);
	dl_extract_free(x);
	return dl_tool_finish();
}
