/* dl-source - acquire items and make events of them. */
#include "source.h"
#include "tool.h"

#include <string.h>
#include <unistd.h>

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

int
main(int argc, char *argv[])
{
	struct dl_err err = {0};
	struct dl_source_spec spec = {.path = NULL};
	struct dl_counts counts = {0};
	struct dl_source *s;
	const char *dead = NULL;
	bool follow = false, from_stdin;
	int first, r;

	const struct dl_opt opts[] = {
	    DL_OPT_FLAG(
		'f', "follow", &follow, "acquire for ever, at intervals"),
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
		'd', "dead", &dead, "FILE", "append items that fail to FILE"),
	    DL_OPT_COMMON,
	};
	first = dl_tool_start("dl-source", opts, "SPEC.yaml [-] | -", 1, 2,
	    DL_TOOL_HEAD, argc, argv);
	from_stdin = strcmp(argv[argc - 1], "-") == 0;
	if (argc - first == 2 && !from_stdin)
		dl_err_usage(
		    &err, "'%s' is one operand too many", argv[argc - 1]);
	else if (from_stdin && follow)
		dl_err_usage(&err, "standard input is read to its end: no -f");
	if (err.status != DL_EXIT_OK)
		dl_tool_fail(&err);

	r = load(&spec, argc - first == 2 || !from_stdin ? argv[first] : NULL,
	    from_stdin, &err);
	/* A broken specification may have a name, and then is told by it. */
	if (spec.name != NULL && err.status != DL_EXIT_USAGE)
		dl_tool_metric(dl_span_str(spec.name), &counts);
	if (r < 0 ||
	    (s = dl_source_open(&spec, from_stdin ? NULL : dl_tool_home(), dead,
		 &counts, &dl_tool_stop, &err)) == NULL)
		dl_tool_fail(&err);
	r = from_stdin ? dl_source_read(s, STDIN_FILENO, &err)
	               : dl_source_run(s, follow, &err);
	if (r < 0 || dl_source_close(s, &err) < 0)
		dl_tool_fail(&err);
	dl_source_spec_release(&spec);
	return dl_tool_finish();
}
