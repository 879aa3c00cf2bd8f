/*
 * One table of options per tool: the parser, --help, and the check that the
 * man page says the same.
 *
 * Every option has a letter or none (0), and a long name.  Short letters mean
 * the same thing in every tool; dl(7) has their register.
 */
#ifndef DL_OPT_H
#define DL_OPT_H

#include "buf.h"
#include "err.h"

#include <stdint.h>

enum dl_opt_kind {
	DL_OPT_KIND_END,
	DL_OPT_KIND_FLAG,     /* bool *to: set to true */
	DL_OPT_KIND_STR,      /* const char **to */
	DL_OPT_KIND_COUNT,    /* int64_t *to */
	DL_OPT_KIND_SIZE,     /* int64_t *to, bytes */
	DL_OPT_KIND_DURATION, /* int64_t *to, milliseconds */
	DL_OPT_KIND_CALL,     /* call(to, args, err): may come more than once */
	DL_OPT_KIND_HELP,
	DL_OPT_KIND_VERSION
};

struct dl_opt;

/* argv holds the option's arguments: nargs of them. */
typedef int dl_opt_fn(void *to, char *const *argv, struct dl_err *err);

struct dl_opt {
	enum dl_opt_kind kind;
	char letter;
	const char *name;
	void *to;
	const char *arg;  /* "FILE"; "NAME VALUE" takes two; NULL for flags */
	const char *help; /* one line, no full stop */
	dl_opt_fn *call;
};

/* clang-format off */
#define DL_OPT_FLAG(l, n, to, help) \
	{DL_OPT_KIND_FLAG, l, n, to, NULL, help, NULL}
#define DL_OPT_STR(l, n, to, arg, help) \
	{DL_OPT_KIND_STR, l, n, to, arg, help, NULL}
#define DL_OPT_COUNT(l, n, to, arg, help) \
	{DL_OPT_KIND_COUNT, l, n, to, arg, help, NULL}
#define DL_OPT_SIZE(l, n, to, arg, help) \
	{DL_OPT_KIND_SIZE, l, n, to, arg, help, NULL}
#define DL_OPT_DURATION(l, n, to, arg, help) \
	{DL_OPT_KIND_DURATION, l, n, to, arg, help, NULL}
#define DL_OPT_CALL(l, n, fn, to, arg, help) \
	{DL_OPT_KIND_CALL, l, n, to, arg, help, fn}
#define DL_OPT_END \
	{DL_OPT_KIND_END, 0, NULL, NULL, NULL, NULL, NULL}
/* clang-format on */

/*
 * Parse argv by the table (ended by DL_OPT_END).  Options and operands may be
 * mixed (argv is reordered, operands last); "--" ends the options, "-" is an
 * operand.  "--name=VALUE" and "--name VALUE" both do; letters may be grouped.
 * Returns the index of the first operand; -1 with DL_EXIT_USAGE.  Stops early
 * at help or version and sets *asked to that kind (otherwise to
 * DL_OPT_KIND_END).
 */
int dl_opt_parse(const struct dl_opt *opts, int argc, char **argv,
    enum dl_opt_kind *asked, struct dl_err *err);

/* "usage: NAME [-qv] [-t DIR] ARGS" and one line per option. */
void dl_opt_help(struct dl_buf *b, const char *tool, const struct dl_opt *opts,
    const char *args);

#endif
