/* dl-commit - store the positions that came safely through a pipe. */
#include "checkpoint.h"
#include "flow.h"
#include "log.h"
#include "tool.h"

static int
commit(struct dl_flow *f, const char *home, struct dl_err *err)
{
	if (dl_commit_write(home, f->ev.source, f->ev.id, err) < 0)
		return -1;
	f->nout++;
	dl_log(DL_LOG_DEBUG, "%.*s is at %.*s", DL_SPAN_ARG(f->ev.source),
	    DL_SPAN_ARG(f->ev.id));
	return 0;
}

int
main(int argc, char *argv[])
{
	struct dl_err err = {0};
	struct dl_flow f;
	const char *home;
	enum dl_flow_result r;

	const struct dl_opt opts[] = {DL_OPT_COMMON};
	dl_tool_start(
	    "dl-commit", opts, "", 0, 0, DL_TOOL_DRAIN, argc, argv);

	home = dl_tool_home();
	if (dl_flow_open(&f, NULL, "dl-commit", DL_SPAN(""), &err) < 0)
		dl_tool_fail(&err);

	while ((r = dl_flow_next(&f, -1, &err)) > 0) {
		if (r == DL_FLOW_CHECKPOINT && commit(&f, home, &err) < 0)
			dl_tool_fail(&err);
		if (r == DL_FLOW_EVENT) {
			/* A filter stands where a sink should. */
			dl_err_data(&err, "an event came and not a "
			    "checkpoint: put a sink before dl-commit");
			dl_tool_fail(&err);
		}
	}
	if (r < 0 || dl_flow_close(&f, &err) < 0)
		dl_tool_fail(&err);
	return DL_EXIT_OK;
}
