/*
 * Expressions: jq programs, compiled once, run on the bytes of a record.
 *
 * A set holds several expressions that are run on the same record together.
 * Behind it stand two engines.  The larger part of jq is run on the scanner
 * (expr_code.h): what a program looks at is found in one walk of the record for
 * the whole set, and what it makes is written from the record's own bytes.
 * Programs that need the rest of jq are run by libjq, as a whole, on values that
 * are built once a record.  Both give the same answers; only integers that no
 * double can hold are exact on the scanner alone.
 *
 * A value that a program did not touch keeps its bytes: a number its digits, a
 * string its escapes, an object its order.
 *
 * Programs see nothing of the environment (env and $ENV are empty) and load no
 * module from outside their own directory.
 */
#ifndef DL_EXPR_H
#define DL_EXPR_H

#include "buf.h"
#include "err.h"
#include "event.h"
#include "span.h"

struct dl_expr_set;

struct dl_expr_options {
	const char *name;       /* for messages: "clean.jq", "quakes.yaml:7" */
	const char *module_dir; /* where `import` may look, or NULL */
	const char
	    *args_json;   /* an object: $NAME of --arg and the like, or NULL */
	bool whole_event; /* '.' is the event and not its data */
	int max_time_ms;  /* of one record; 0: no limit */
};

struct dl_expr_set *dl_expr_set_new(void);
void dl_expr_set_free(struct dl_expr_set *s);

/*
 * Compile one more program into the set.  Returns its number from 0; -1 with
 * DL_EXIT_CONF and jq's message in one line.  options may be NULL; its strings
 * are copied.  All programs of a set see the same '.'.
 */
int dl_expr_add(struct dl_expr_set *s, const char *program,
    const struct dl_expr_options *options, struct dl_err *err);

/* Did any program of the set need libjq? */
bool dl_expr_set_uses_jq(const struct dl_expr_set *s);

/* NULL: expression n runs on the scanner; or what in it needs libjq. */
const char *dl_expr_why(const struct dl_expr_set *s, int n);

/* Is it known that expression n has one output at most? */
bool dl_expr_is_single(const struct dl_expr_set *s, int n);

/*
 * Run all expressions on ev, whose bytes must stay as they are until the next
 * run.  -1 with DL_EXIT_DATA if they are not JSON where the scanner had to look
 * at them.  The expressions themselves are put off until they are asked for: so
 * that the record is checked as a whole, and built, only where a program of
 * libjq is really run.
 */
int dl_expr_run(
    struct dl_expr_set *s, const struct dl_event *ev, struct dl_err *err);

/*
 * The outputs of expression n on the record, each to fn as JSON bytes (compact
 * if the record was; valid during the call).  fn returns 0, or -1 to stop.  0,
 * or -1: fn stopped, or the program ended in an error (err has jq's text,
 * DL_EXIT_DATA), or the record is not JSON where it had to be.
 */
typedef int dl_expr_fn(void *arg, struct dl_span value);
int dl_expr_each(struct dl_expr_set *s, int n, dl_expr_fn *fn, void *arg,
    struct dl_err *err);

/*
 * The first output alone: 1 and *value, valid until expression n or dl_expr_run
 * is next called; 0 none, -1.  What templates and sources use.
 */
int dl_expr_first(
    struct dl_expr_set *s, int n, struct dl_span *value, struct dl_err *err);

/*
 * Is program a plain path of names only (.a.b."c d")?  Then its names are
 * appended to b, each ended by a NUL, and their number is returned; -1 if not.
 * `.` has none.
 */
int dl_expr_names(const char *program, struct dl_buf *b);

/* For tests: all programs that are added from now on run on libjq. */
void dl_expr_force_jq(bool on);

#endif
