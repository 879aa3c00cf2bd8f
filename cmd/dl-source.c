/* dl-source - acquire items and make events of them. */
#include "source.h"
#include "tool.h"

#include <string.h>
#include <unistd.h>

#define LOOK_MOST 10 /* events, unless -c says */

static const char *name, *format, *items, *subject, *when, *time_format;

/* Take the spec from a file, or from options alone for standard input. */
static int
load(struct dl_source_spec *spec, const char *path, bool from_stdin,
    struct dl_err *err)
{
	const struct {
		const char *option, *value;
	} given[] = {{"name", name}, {"format", format}, {"items", items},
	    {"subject", subject}, {"time", when}, {"time-format", time_format}};

	if (path != NULL) {
		for (size_t i = 0; i < sizeof(given) / sizeof(*given); i++)
			if (given[i].value != NULL)
				return dl_err_usage(err,
				    "--%s is for standard input: '%s' is a "
				    "SPEC.yaml, data come by '-'",
				    given[i].option, path);
		if (strstr(path, "://") != NULL)
			return dl_err_usage(err,
			    "'%s' is no SPEC.yaml, but may be the 'url' in one",
			    path);
		return dl_source_spec_load(spec, path, !from_stdin, err);
	}
	dl_source_spec_init(spec);
	spec->name = name;
	spec->items = items;
	spec->subject = subject;
	spec->time = when;
	spec->time_format = time_format;
	if (format != NULL && dl_source_spec_format(spec, format, err) < 0)
		return -1;
	return dl_source_spec_check(spec, err);
}

/* What cannot stand together. */
static void
check_operands(const struct dl_source_options *o, bool from_stdin, int n,
    const char *last, struct dl_err *err)
{
	if (n == 2 && !from_stdin)
		dl_err_usage(err, "'%s' is one operand too many", last);
	else if (from_stdin && o->follow)
		dl_err_usage(err, "standard input is read to its end: no -f");
	else if (o->follow && (o->check || o->look))
		dl_err_usage(err, "--check and --dry-run end: no -f");
	else if (o->check && o->look)
		dl_err_usage(err, "--check looks at the specification alone, "
				  "--dry-run fetches: one of them");
	else if (o->to != NULL && o->from == NULL)
		dl_err_usage(err, "--to is for --from");
	else if (o->from != NULL && (from_stdin || o->follow || o->check))
		dl_err_usage(err, "--from fetches windows of a URL, once: no "
				  "'-', -f or --check");
	else if (o->look_most > 0 && !o->look)
		dl_err_usage(err, "-c is for --dry-run");
	else if (o->look && o->dead != NULL)
		dl_err_usage(err, "--dry-run stores nothing: no -d");
}

int
main(int argc, char *argv[])
{
	struct dl_err err = {0};
	struct dl_source_spec spec = {.path = NULL};
	struct dl_counts counts = {0};
	struct dl_source_options o = {.counts = &counts, .stop = &dl_tool_stop};
	struct dl_source *s;
	int64_t most = 0;
	bool from_stdin;
	int first, r;

	const struct dl_opt opts[] = {
	    DL_OPT_FLAG(
		'f', "follow", &o.follow, "acquire for ever, at intervals"),
	    DL_OPT_STR(0, "from", &o.from, "TIME",
		"fetch the windows from TIME on, once"),
	    DL_OPT_STR(0, "to", &o.to, "TIME", "... up to TIME, or now"),
	    DL_OPT_STR(
		'n', "name", &name, "NAME", "name of standard input's source"),
	    DL_OPT_STR('F', "format", &format, "FORMAT",
		"ndjson (default), json, csv, tsv, xml..."),
	    DL_OPT_STR(0, "items", &items, "PATH",
		"path to the items: jq's, or of xml's elements"),
	    DL_OPT_STR(0, "subject", &subject, "EXPR",
		"jq expression of an item's key"),
	    DL_OPT_STR(
		0, "time", &when, "EXPR", "jq expression of an item's time"),
	    DL_OPT_STR(
		0, "time-format", &time_format, "FORMAT", "how it is written"),
	    DL_OPT_STR(
		'd', "dead", &o.dead, "FILE", "append items that fail to FILE"),
	    DL_OPT_FLAG(0, "check", &o.check,
		"check the specification, offline, and end"),
	    DL_OPT_FLAG(0, "dry-run", &o.look,
		"fetch once, print the events, store nothing"),
	    DL_OPT_COUNT('c', "count", &most, "N",
		"events that --dry-run prints, 10 unless given"),
	    DL_OPT_COMMON,
	};
	first = dl_tool_start("dl-source", opts, "SPEC.yaml [-] | -", 1, 2,
	    DL_TOOL_HEAD, argc, argv);
	from_stdin = strcmp(argv[argc - 1], "-") == 0;
	o.look_most = (uint64_t)most;
	o.quiet = dl_tool_quiet;
	check_operands(&o, from_stdin, argc - first, argv[argc - 1], &err);
	if (err.status != DL_EXIT_OK)
		dl_tool_fail(&err);
	if (o.look && most == 0)
		o.look_most = LOOK_MOST;

	r = load(&spec, argc - first == 2 || !from_stdin ? argv[first] : NULL,
	    from_stdin, &err);
	/* A broken specification may have a name, and then is told by it. */
	if (spec.name != NULL && err.status != DL_EXIT_USAGE && !o.check &&
	    !o.look)
		dl_tool_metric(dl_span_str(spec.name), &counts);
	o.home = from_stdin ? NULL : dl_tool_home();
	if (r < 0 || (s = dl_source_open(&spec, &o, &err)) == NULL)
		dl_tool_fail(&err);
	if (o.check)
		r = 0;
	else if (from_stdin)
		r = dl_source_read(s, STDIN_FILENO, &err);
	else
		r = dl_source_run(s, &err);
	if (r < 0 || dl_source_close(s, &err) < 0)
		dl_tool_fail(&err);
	dl_source_spec_release(&spec);
	return dl_tool_finish();
}
