/* dl-extract - turn events into observations of components. */
#include "extract.h"
#include "flow.h"
#include "tool.h"

int
main(int argc, char *argv[])
{
	struct dl_err err = {0}, why = {0};
	struct dl_extract *x;
	struct dl_span step;
	struct dl_flow f = {.counts = {0}};
	const char *dead = NULL, *code;
	int64_t n;
	int first, r;

	const struct dl_opt opts[] = {
	    DL_OPT_STR(
		'd', "dead", &dead, "FILE", "append events that fail to FILE"),
	    DL_OPT_COMMON,
	};
	first = dl_tool_start(
	    "dl-extract", opts, "SPEC.yaml", 1, 1, DL_TOOL_DRAIN, argc, argv);

	step = dl_extract_step(argv[first]);
	dl_tool_metric(step, &f.counts);
	if ((x = dl_extract_load(argv[first], &err)) == NULL ||
	    dl_flow_open(&f, dead, "dl-extract", step, &err) < 0)
		dl_tool_fail(&err);
	dl_dead_set_program(&f.dead, dl_extract_program(x));

	while ((r = dl_flow_filter(&f, &err)) > 0) {
		n = dl_extract_event(x, &f.ev, &f.out.buf, &code, &why);
		if (n >= 0) {
			dl_counts_became(&f.counts, (uint64_t)n);
		} else {
			if (dl_flow_dead(&f, code, &why, &err) < 0)
				dl_tool_fail(&err);
			dl_err_clear(&why);
		}
	}
	if (r < 0 || dl_flow_close(&f, &err) < 0)
		dl_tool_fail(&err);
	dl_extract_free(x);
	return dl_tool_finish();
}
