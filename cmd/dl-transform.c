/* dl-transform - change, drop or split events by a jq program. */
#include "crew.h"
#include "flow.h"
#include "home.h"
#include "io.h"
#include "jqargs.h"
#include "tool.h"
#include "transform.h"

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PROGRAM_MAX (1 << 20)
#define MAX_TIME_MS 10000 /* of one record, unless set */

static int
on_arg(void *to, char *const *argv, struct dl_err *err)
{
	return dl_jqargs_string(to, argv[0], argv[1], err);
}

static int
on_argjson(void *to, char *const *argv, struct dl_err *err)
{
	return dl_jqargs_json(to, argv[0], argv[1], err);
}

static int
on_slurpfile(void *to, char *const *argv, struct dl_err *err)
{
	return dl_jqargs_file(to, argv[0], argv[1], err);
}

/* The program's text, from its file or the command line. */
static int
read_program(const char *path, const char *operand, struct dl_buf *text,
    struct dl_err *err)
{
	if ((path == NULL) == (operand == NULL))
		return dl_err_usage(err,
		    path == NULL
			? "no program: give it as an operand, or its file by -p"
			: "two programs: an operand, and a file by -p");
	if (path == NULL)
		dl_buf_adds(text, operand);
	else if (dl_read_file(path, PROGRAM_MAX, text, err) < 0) {
		/* A file that isn't there does not come by running again. */
		if (err->status == DL_EXIT_TEMP)
			err->status = DL_EXIT_CONF;
		return -1;
	}
	if (text->len > 0 && memchr(text->p, '\0', text->len) != NULL)
		return dl_err_conf(err, "%s: a NUL is in the program", path);
	return 0;
}

static struct dl_transform *
load(const char *path, const char *operand, struct dl_span step,
    struct dl_expr_options *o, struct dl_err *err)
{
	struct dl_transform *t = NULL;
	struct dl_buf text = {0};
	char *copy = NULL;

	if (read_program(path, operand, &text, err) == 0) {
		o->name = path != NULL ? path : "program";
		if (path != NULL)
			o->module_dir = dirname(copy = dl_strdup(path));
		t = dl_transform_new(dl_buf_str(&text), step, o, err);
		if (t == NULL && path == NULL && access(operand, F_OK) == 0)
			dl_err_prefix(
			    err, "'%s' is a file, which -p runs", operand);
	}
	dl_buf_release(&text);
	free(copy);
	return t;
}

/* What the step is called: name, or what its program's file makes of it. */
static struct dl_span
step_name(const char *name, const char *path)
{
	struct dl_err err = {0};

	if (name == NULL)
		return dl_transform_step(path);
	if (dl_name_ok(dl_span_str(name)))
		return dl_span_str(name);
	dl_err_usage(&err,
	    "'%s' cannot name a step: 1 to 64 letters, digits, '.', '_' and "
	    "'-', the first a letter or a digit",
	    name);
	dl_tool_fail(&err);
}

/* What dl_flow_run() calls, and with what. */
struct step {
	struct dl_transform *t;
	const char *path; /* the program's file, or NULL */
};

static int64_t
on_event(void *to, const struct dl_event *ev, struct dl_buf *out,
    const char **code, struct dl_err *why)
{
	struct step *s = to;
	int64_t n = dl_transform_event(s->t, ev, out, code, why);

	if (n < 0 && s->path != NULL)
		dl_err_prefix(why, "%s", s->path);
	return n;
}

/* Say which engine runs the program, and why. */
static void
explain(const struct dl_transform *t, const char *path)
{
	const char *why = dl_transform_why(t), *name = path;

	if (path == NULL)
		name = "program";
	if (why == NULL)
		printf("%s: the scanner\n", name);
	else
		printf("%s: libjq, for %s\n", name, why);
	if (fflush(stdout) == EOF) {
		struct dl_err err = {0};

		dl_err_errno(&err, "cannot write <stdout>");
		dl_tool_fail(&err);
	}
}

int
main(int argc, char *argv[])
{
	const char *path = NULL, *dead = NULL, *name = NULL;
	int64_t max_time_ms = MAX_TIME_MS, jobs = 1;
	struct dl_expr_options o = {0};
	struct step s = {NULL, NULL};
	struct dl_buf args = {0};
	struct dl_err err = {0};
	struct dl_flow f = {.counts = {0}};
	struct dl_span step;
	bool only_explain = false;
	int first, workers, r;

	const struct dl_opt opts[] = {
	    DL_OPT_STR(
		'p', "program", &path, "FILE", "run the program in FILE"),
	    DL_OPT_STR(
		'd', "dead", &dead, "FILE", "append events that fail to FILE"),
	    DL_OPT_FLAG('e', "event", &o.whole_event,
		"the program takes and makes whole events"),
	    DL_OPT_COUNT('j', "jobs", &jobs, "N",
		"work in N processes, 0 for all processors (1)"),
	    DL_OPT_STR(
		'n', "name", &name, "STEP", "name of this step in dlsteps"),
	    DL_OPT_CALL(0, "arg", on_arg, &args, "NAME VALUE",
		"set $NAME to the string VALUE"),
	    DL_OPT_CALL(0, "argjson", on_argjson, &args, "NAME JSON",
		"set $NAME to the value JSON"),
	    DL_OPT_CALL(0, "slurpfile", on_slurpfile, &args, "NAME FILE",
		"set $NAME to an array of the values in FILE"),
	    DL_OPT_DURATION(0, "max-time", &max_time_ms, "DURATION",
		"end a program after so long on one event (10s)"),
	    DL_OPT_FLAG(0, "explain", &only_explain,
		"say which engine runs the program, and exit"),
	    DL_OPT_COMMON,
	};
	first = dl_tool_start(
	    "dl-transform", opts, "[PROGRAM]", 0, 1, DL_TOOL_DRAIN, argc, argv);

	step = step_name(name, path);
	if ((workers = dl_crew_size(jobs, &err)) < 0)
		dl_tool_fail(&err);
	dl_tool_metric(step, &f.counts);
	o.args_json = args.len > 0 ? dl_buf_str(&args) : NULL;
	o.max_time_ms = (int)(max_time_ms < INT_MAX ? max_time_ms : INT_MAX);
	if ((s.t = load(path, argv[first], step, &o, &err)) == NULL)
		dl_tool_fail(&err);
	if (only_explain) {
		explain(s.t, path);
		dl_transform_free(s.t);
		dl_buf_release(&args);
		return DL_EXIT_OK;
	}
	if (dl_flow_open(&f, dead, "dl-transform", step, &err) < 0)
		dl_tool_fail(&err);
	dl_dead_set_program(&f.dead, dl_transform_program(s.t));
	s.path = path;
	r = dl_flow_run(&f, workers, on_event, &s, &err);
	if (r == DL_FLOW_WORKER)
		_exit(DL_EXIT_OK);
	if (r == 0)
		r = dl_flow_close(&f, &err);
	dl_transform_free(s.t);
	dl_buf_release(&args);
	if (r < 0)
		dl_tool_fail(&err);
	return dl_tool_finish();
}
