/*
 * Programs of expr_jq.c in both engines.
 *
 * Compiling a program takes libjq longer than all its runs here, so that many
 * are compiled as one, of which the event's attribute `k` chooses.  The API of
 * expr.h is met here alone.
 */
#ifndef DL_EXPR_JQ_PAIR_H
#define DL_EXPR_JQ_PAIR_H

#include "buf.h"
#include "expr.h"

#include <stdlib.h>
#include <string.h>

#define BATCH 64    /* programs that are compiled as one */
#define OUTPUTS 400 /* that are compared */

/* Both engines over the same programs. */
struct pair {
	struct dl_expr_set *scanner, *jq;
	char *programs[BATCH];
	int n;
};

/* An output of a program: a line, as long as there are not too many. */
struct lines {
	struct dl_buf *b;
	int n;
};

static int
add_line(void *arg, struct dl_span value)
{
	struct lines *lines = arg;

	if (lines->n++ == OUTPUTS)
		return -1;
	dl_buf_span(lines->b, value);
	dl_buf_addc(lines->b, '\n');
	return 0;
}

/* The outputs of expression n, a line each, and its error. */
static void
outputs(struct dl_expr_set *s, int n, struct dl_buf *b)
{
	struct lines lines = {b, 0};
	struct dl_err err = {0};

	if (dl_expr_each(s, n, add_line, &lines, &err) < 0)
		dl_buf_printf(b, "error: %s\n", err.msg);
}

/* Why expression n needs libjq; NULL: it doesn't. */
static const char *
why_jq(const struct dl_expr_set *s, int n)
{
	return dl_expr_why(s, n);
}

/* Append what one engine makes of ev. */
static void
run(struct dl_expr_set *s, int n, const struct dl_event *ev, struct dl_buf *b)
{
	struct dl_err err = {0};

	dl_buf_clear(b);
	if (dl_expr_run(s, ev, &err) < 0)
		dl_buf_printf(b, "run: %s\n", err.msg);
	else
		outputs(s, n, b);
}

/* The program that is number lo to hi - 1, whichever $event.k says. */
static void
choose(struct dl_buf *b, const struct pair *p, int lo, int hi)
{
	int middle = (lo + hi) / 2;

	if (hi - lo == 1) {
		dl_buf_printf(b, "(%s", p->programs[lo]);
		dl_buf_adds(b, strchr(p->programs[lo], '#') ? "\n)" : ")");
		return;
	}
	dl_buf_printf(b, "if $event.k < %d then ", middle);
	choose(b, p, lo, middle);
	dl_buf_adds(b, " else ");
	choose(b, p, middle, hi);
	dl_buf_adds(b, " end");
}

static void
pair_free(struct pair *p)
{
	int i;

	dl_expr_set_free(p->scanner);
	dl_expr_set_free(p->jq);
	for (i = 0; i < p->n; i++)
		free(p->programs[i]);
}

/* The scanner took one of them that jq does not. */
static void
tell_refused(const struct pair *p, const struct dl_expr_options *options,
    const struct dl_err *why)
{
	struct dl_expr_set *s;
	struct dl_err err;
	int i;

	for (i = 0; i < p->n; i++) {
		s = dl_expr_set_new();
		err = (struct dl_err){0};
		if (dl_expr_add(s, p->programs[i], options, &err) < 0)
			print_error(
			    "jq refuses %s: %s\n", p->programs[i], err.msg);
		dl_expr_set_free(s);
	}
	fail_msg("jq refuses a program: %s", why->msg);
}

/* Those of p that compile stay, in a set of their own: all, or may_fail. */
static void
keep_compiled(
    struct pair *p, const struct dl_expr_options *options, bool may_fail)
{
	struct dl_err err;
	int i, n = 0;

	p->scanner = dl_expr_set_new();
	for (i = 0; i < p->n; i++) {
		err = (struct dl_err){0};
		if (dl_expr_add(p->scanner, p->programs[i], options, &err) >=
		    0) {
			p->programs[n++] = p->programs[i];
			continue;
		}
		if (!may_fail)
			fail_msg("%s: %s", p->programs[i], err.msg);
		free(p->programs[i]);
	}
	p->n = n;
}

/* Compile p's programs on both sides. */
static void
pair_compile(
    struct pair *p, const struct dl_expr_options *options, bool may_fail)
{
	struct dl_buf all = {0};
	struct dl_err err = {0};

	keep_compiled(p, options, may_fail);
	choose(&all, p, 0, p->n);
	p->jq = dl_expr_set_new();
	dl_expr_force_jq(true);
	if (dl_expr_add(p->jq, dl_buf_str(&all), options, &err) < 0)
		tell_refused(p, options, &err);
	dl_expr_force_jq(false);
	dl_buf_release(&all);
}

#endif
