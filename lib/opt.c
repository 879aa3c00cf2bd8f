#include "opt.h"

#include "num.h"

#include <getopt.h>
#include <stdio.h>

#define OPTS_MAX 64

/* The longest operand list of one option, counting words: "NAME VALUE". */
static int
count_args(const struct dl_opt *o)
{
	int n = o->arg != NULL;

	for (const char *p = o->arg; p != NULL && *p != '\0'; p++)
		n += *p == ' ';
	return n;
}

static int
take_number(const struct dl_opt *o, const char *arg, struct dl_err *err)
{
	struct dl_err why = {0};
	int (*parse)(struct dl_span, int64_t *, struct dl_err *) = dl_num_count;

	if (o->kind == DL_OPT_KIND_SIZE)
		parse = dl_num_size;
	else if (o->kind == DL_OPT_KIND_DURATION)
		parse = dl_num_duration;
	if (parse(dl_span_str(arg), o->to, &why) == 0)
		return 0;
	return dl_err_usage(err, "--%s: %s", o->name, why.msg);
}

static int
take(const struct dl_opt *o, char *const *args, struct dl_err *err)
{
	switch (o->kind) {
	case DL_OPT_KIND_FLAG:
		*(bool *)o->to = true;
		return 0;
	case DL_OPT_KIND_STR:
		*(const char **)o->to = args[0];
		return 0;
	case DL_OPT_KIND_CALL:
		if (o->call(o->to, args, err) == 0)
			return 0;
		dl_err_prefix(err, "--%s", o->name);
		return -1;
	default:
		return take_number(o, args[0], err);
	}
}

/* getopt's two tables from ours; returns how many options there are. */
static int
tables(const struct dl_opt *opts, char *letters, struct option *longs)
{
	int n = 0;

	*letters++ = ':'; /* we say what is wrong ourselves */
	for (; opts[n].kind != DL_OPT_KIND_END && n < OPTS_MAX; n++) {
		bool arg = opts[n].arg != NULL;

		longs[n] = (struct option){opts[n].name,
		    arg ? required_argument : no_argument, NULL, 256 + n};
		if (opts[n].letter == 0)
			continue;
		*letters++ = opts[n].letter;
		if (arg)
			*letters++ = ':';
	}
	longs[n] = (struct option){0};
	*letters = '\0';
	return n;
}

static int
wrong(int c, char *const *argv, struct dl_err *err)
{
	const char *word = argv[optind - 1];

	if (c == ':')
		return dl_err_usage(err, "option '%s' needs an argument", word);
	if (optopt >= 256)
		return dl_err_usage(err, "option '%s' takes no argument", word);
	if (optopt > 0 && optopt < 256)
		return dl_err_usage(err, "unknown option '-%c'", optopt);
	return dl_err_usage(err, "unknown option '%s'", word);
}

static const struct dl_opt *
find(const struct dl_opt *opts, int n, int c)
{
	if (c >= 256)
		return &opts[c - 256];
	for (int i = 0; i < n; i++)
		if (opts[i].letter == c)
			return &opts[i];
	return NULL;
}

int
dl_opt_parse(const struct dl_opt *opts, int argc, char **argv,
    enum dl_opt_kind *asked, struct dl_err *err)
{
	char letters[2 * OPTS_MAX + 3];
	struct option longs[OPTS_MAX + 1];
	int n = tables(opts, letters, longs), c;

	*asked = DL_OPT_KIND_END;
	optind = 0; /* glibc: start over, as a test may call this twice */
	opterr = 0;
	while ((c = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		const struct dl_opt *o = find(opts, n, c);
		char *args[4] = {optarg};
		int nargs;

		if (c == '?' || c == ':' || o == NULL)
			return wrong(c, argv, err);
		if (o->kind == DL_OPT_KIND_HELP ||
		    o->kind == DL_OPT_KIND_VERSION) {
			*asked = o->kind;
			return optind;
		}
		nargs = count_args(o);
		for (int i = 1; i < nargs && i < 4; i++) {
			if (optind >= argc)
				return dl_err_usage(err,
				    "option '--%s' needs %s", o->name, o->arg);
			args[i] = argv[optind++];
		}
		if (take(o, args, err) < 0)
			return -1;
	}
	return optind;
}

static void
help_usage(struct dl_buf *b, const char *tool, const struct dl_opt *opts,
    const char *args)
{
	dl_buf_printf(b, "usage: %s", tool);
	dl_buf_adds(b, " [-");
	for (const struct dl_opt *o = opts; o->kind != DL_OPT_KIND_END; o++)
		if (o->arg == NULL && o->letter != 0)
			dl_buf_addc(b, o->letter);
	dl_buf_adds(b, "]");
	for (const struct dl_opt *o = opts; o->kind != DL_OPT_KIND_END; o++) {
		if (o->letter != 0 && o->arg != NULL)
			dl_buf_printf(b, " [-%c %s]", o->letter, o->arg);
		else if (o->letter == 0)
			dl_buf_printf(b, " [--%s%s%s]", o->name,
			    o->arg == NULL ? "" : " ",
			    o->arg == NULL ? "" : o->arg);
	}
	dl_buf_printf(b, "%s%s\n\n", *args == '\0' ? "" : " ", args);
}

void
dl_opt_help(struct dl_buf *b, const char *tool, const struct dl_opt *opts,
    const char *args)
{
	help_usage(b, tool, opts, args);
	for (const struct dl_opt *o = opts; o->kind != DL_OPT_KIND_END; o++) {
		char left[80];

		snprintf(left, sizeof(left), "--%s%s%s", o->name,
		    o->arg == NULL ? "" : " ", o->arg == NULL ? "" : o->arg);
		if (o->letter != 0)
			dl_buf_printf(b, "  -%c, ", o->letter);
		else
			dl_buf_adds(b, "      ");
		dl_buf_printf(b, "%-24s  %s\n", left, o->help);
	}
	dl_buf_printf(b, "\nman %s tells more.\n", tool);
}
