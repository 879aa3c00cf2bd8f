/*
 * Random programs for expr_jq.c, the same for the same seed.
 *
 * A program is written from jq's grammar, level by level from `|` down to the
 * terms, and favours what the scanner runs.  What multiplies outputs is counted
 * (FAN), and what could make a text long is left out: a number is multiplied by
 * a digit alone.  So is index() of any text: of "" jq 1.6 never comes back.
 */
#ifndef DL_EXPR_JQ_RANDOM_H
#define DL_EXPR_JQ_RANDOM_H

#include "expr_jq_documents.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define FAN 5 /* of `[]`, `,` and the like in a program */

/* May there be one more of what multiplies? */
static bool
fan(struct random *r, unsigned one_in)
{
	return r->fan > 0 && pick(r, one_in) == 0 && r->fan-- > 0;
}

static void random_pipe(struct random *r, struct dl_buf *b, int depth);

static void
random_scalar(struct random *r, struct dl_buf *b)
{
	static const char *const scalars[] = {"0", "1", "2", "-1", "1.5", "1.0",
	    "10", "0.1", "1e2", "true", "false", "null", "\"\"", "\"a\"",
	    "\"b\"", "\"x\"", "\"a b\"", "\"a,b\"", "\"\xc3\xa9\"",
	    "\"\\u00e9\"", "\",\"", "[]", "{}"};

	dl_buf_adds(b, PICK(r, scalars));
}

/* One step of a path, with its `?` or without; first: after a dot. */
static void
random_step(struct random *r, struct dl_buf *b, bool first)
{
	static const char *const names[] = {
	    ".a", ".b", ".c", ".d", ".a", ".b", ".\"a\"", ".key", ".value"};
	static const char *const brackets[] = {
	    "[0]", "[1]", "[-1]", "[2]", "[\"a\"]", "[1:]", "[:2]", "[-2:]"};
	bool each = fan(r, 4);

	if (!each && pick(r, 4) != 0) {
		dl_buf_adds(b, PICK(r, names));
	} else {
		if (first)
			dl_buf_addc(b, '.');
		/* A slice is nothing that is assigned to on the scanner. */
		dl_buf_adds(
		    b, each ? "[]" : brackets[pick(r, r->path ? 5 : 8)]);
	}
	if (pick(r, 4) != 0)
		dl_buf_addc(b, '?');
}

static void
random_steps(struct random *r, struct dl_buf *b)
{
	unsigned i, n = 1 + pick(r, 3);

	for (i = 0; i < n; i++)
		random_step(r, b, i == 0);
}

/* What may stand to the left of an assignment, but for its brackets. */
static void
random_target(struct random *r, struct dl_buf *b, int depth)
{
	random_steps(r, b);
	if (depth <= 0)
		return;
	switch (pick(r, 10)) {
	case 0:
		dl_buf_adds(b, pick(r, 4) == 0 ? "," : "|");
		random_target(r, b, depth - 1);
		return;
	case 1:
		r->path = false;
		dl_buf_adds(b, "|select(");
		random_pipe(r, b, depth - 1);
		dl_buf_adds(b, ")");
		r->path = true;
		return;
	case 2:
		dl_buf_adds(b, "|");
		random_steps(r, b);
		return;
	}
}

static void
random_path(struct random *r, struct dl_buf *b, int depth)
{
	r->path = true;
	dl_buf_adds(b, "(");
	random_target(r, b, depth);
	dl_buf_adds(b, ")");
	r->path = false;
}

/* A call of what takes no program. */
static void
random_function(struct random *r, struct dl_buf *b)
{
	static const char *const functions[] = {"length", "keys", "type",
	    "tostring", "tonumber", "not", "add", "any", "all", "sort",
	    "unique", "reverse", "min", "max", "to_entries", "from_entries",
	    "flatten", "tojson", "fromjson", "ascii_downcase", "ascii_upcase",
	    "values", "numbers", "strings", "arrays", "objects", "scalars",
	    "booleans", "nulls", "iterables", "empty", "first", "last", "floor",
	    "sqrt", "fabs", "explode", "todate", "keys_unsorted",
	    "utf8bytelength", "transpose", "@csv", "@json", "@text", "@base64",
	    "@html", "@uri", "@sh", "@tsv", "has(\"a\")", "has(0)",
	    "startswith(\"a\")", "endswith(\"b\")", "ltrimstr(\"a\")",
	    "rtrimstr(\"b\")", "split(\",\")", "split(\"a\")", "join(\",\")",
	    "contains(\"a\")", "contains([1])", "index(\"a\")", "rindex(\",\")",
	    "indices(1)", "flatten(1)", "getpath([\"a\",0])",
	    "getpath([\"a\",\"b\"])", "in({\"a\":1})", "inside([1,2,\"a\"])",
	    "error", "error(\"e\")", "gmtime", "mktime", "tojson",
	    "strftime(\"%Y-%j\")", "@json \"\\(.)\"", "ascii_downcase",
	    "$event.time", "$event.data.a?", "$event.n", "$x", "$n", "$o", "$l",
	    "range(3)", "range(1;3)", "floor", "tojson", "length", "type",
	    "tostring", "not"};

	if (pick(r, 4) == 0) {
		dl_buf_adds(b, PICK(r, functions));
		return;
	}
	dl_buf_adds(b, "(");
	dl_buf_adds(b, PICK(r, functions));
	dl_buf_adds(b, ")?");
}

/* A call of what does. */
static void
random_call(struct random *r, struct dl_buf *b, int depth)
{
	static const char *const functions[] = {"map(", "select(",
	    "map_values(", "with_entries(", "sort_by(", "group_by(",
	    "unique_by(", "min_by(", "max_by(", "any(", "all(", "first(",
	    "last(", "isempty(", "limit(2;", "has(", "join(", "startswith(",
	    "ltrimstr(", "rtrimstr(", "contains(", "map(", "select(", "select(",
	    "first(", "any(.[]?;", "all(.[]?;", "nth(1;", "split(",
	    "with_entries(.value|=", "with_entries(.key+=", "to_entries|map("};

	dl_buf_adds(b, "(");
	dl_buf_adds(b, PICK(r, functions));
	random_pipe(r, b, depth - 1);
	dl_buf_adds(b, "))");
}

static void
random_object(struct random *r, struct dl_buf *b, int depth)
{
	static const char *const names[] = {"a:", "b:", "\"c\":", "d:",
	    "\"x y\":", "key:", "value:", "\"\\u0061\":"};
	static const char *const shorts[] = {"a", "b", "\"c\"", "$x", "$n"};
	unsigned i, n = pick(r, 4);

	dl_buf_adds(b, "{");
	for (i = 0; i < n; i++) {
		if (i > 0)
			dl_buf_adds(b, ",");
		switch (pick(r, 6)) {
		case 0:
			dl_buf_adds(b, PICK(r, shorts));
			continue;
		case 1:
			dl_buf_adds(b, "(");
			random_pipe(r, b, depth - 2);
			dl_buf_adds(b, "):");
			break;
		case 2:
			dl_buf_adds(b, "\"\\(");
			random_pipe(r, b, depth - 2);
			dl_buf_adds(b, ")\":");
			break;
		default:
			dl_buf_adds(b, PICK(r, names));
		}
		dl_buf_adds(b, "(");
		random_pipe(r, b, depth - 1);
		dl_buf_adds(b, ")");
	}
	dl_buf_adds(b, "}");
}

static void
random_string(struct random *r, struct dl_buf *b, int depth)
{
	static const char *const starts[] = {
	    "\"", "\"", "\"a", "\"\\n\xc3\xa9 ", "@base64 \"", "@json \"x"};
	unsigned i, n = 1 + pick(r, 2);

	dl_buf_adds(b, PICK(r, starts));
	for (i = 0; i < n; i++) {
		dl_buf_adds(b, "\\(");
		random_pipe(r, b, depth - 1);
		dl_buf_adds(b, i == 0 ? ")-" : ")");
	}
	dl_buf_adds(b, "\"");
}

static void
random_if(struct random *r, struct dl_buf *b, int depth)
{
	dl_buf_adds(b, "if ");
	random_pipe(r, b, depth - 1);
	dl_buf_adds(b, " then ");
	random_pipe(r, b, depth - 1);
	if (pick(r, 4) == 0) {
		dl_buf_adds(b, " elif ");
		random_pipe(r, b, depth - 2);
		dl_buf_adds(b, " then ");
		random_pipe(r, b, depth - 2);
	}
	dl_buf_adds(b, " else ");
	random_pipe(r, b, depth - 1);
	dl_buf_adds(b, " end");
}

static void
random_try(struct random *r, struct dl_buf *b, int depth)
{
	dl_buf_adds(b, "(try (");
	random_pipe(r, b, depth - 1);
	dl_buf_adds(b, ")");
	if (pick(r, 3) != 0) {
		dl_buf_adds(b, " catch (");
		random_pipe(r, b, depth - 1);
		dl_buf_adds(b, ")");
	}
	dl_buf_adds(b, ")");
}

static void
random_brackets(struct random *r, struct dl_buf *b, int depth, const char *open,
    const char *close)
{
	dl_buf_adds(b, open);
	random_pipe(r, b, depth - 1);
	dl_buf_adds(b, close);
}

/* `. as $v | …`, or a function of its own, in parentheses. */
static void
random_binding(struct random *r, struct dl_buf *b, int depth)
{
	if (pick(r, 4) == 0) {
		random_brackets(r, b, depth, "(def f(g): [g, (", ")];");
		random_brackets(r, b, depth, "f(", "))");
		return;
	}
	random_brackets(r, b, depth, "((", ")");
	dl_buf_printf(b, " as $v%d|", r->vars++);
	random_pipe(r, b, depth - 1);
	dl_buf_adds(b, ")");
	r->vars--;
}

static void
random_delete(struct random *r, struct dl_buf *b, int depth)
{
	dl_buf_adds(b, "del(");
	random_path(r, b, depth - 1);
	dl_buf_adds(b, ")");
}

static void
random_leaf(struct random *r, struct dl_buf *b)
{
	switch (pick(r, 6)) {
	case 0:
		random_scalar(r, b);
		return;
	case 1:
		random_function(r, b);
		return;
	case 2:
		if (r->vars > 0) {
			dl_buf_printf(b, "$v%u", pick(r, (unsigned)r->vars));
			return;
		}
		/* fall through */
	case 3:
		dl_buf_addc(b, '.');
		return;
	default:
		random_steps(r, b);
	}
}

static void
random_term(struct random *r, struct dl_buf *b, int depth)
{
	if (depth <= 0) {
		random_leaf(r, b);
		return;
	}
	switch (pick(r, 24)) {
	case 0:
	case 1:
		random_brackets(r, b, depth, "(", ")");
		break;
	case 2:
	case 3:
		random_brackets(r, b, depth, "[", "]");
		break;
	case 4:
	case 5:
		random_object(r, b, depth);
		break;
	case 6:
	case 7:
		random_string(r, b, depth);
		return;
	case 8:
		random_if(r, b, depth);
		return;
	case 9:
		random_try(r, b, depth);
		break;
	case 10:
	case 11:
	case 12:
		random_call(r, b, depth);
		break;
	case 13:
		random_binding(r, b, depth);
		break;
	case 14:
		random_delete(r, b, depth);
		return;
	case 15:
		random_brackets(r, b, depth, "-(", ")");
		return;
	default:
		random_leaf(r, b);
		return;
	}
	if (pick(r, 4) == 0)
		random_step(r, b, false);
	else if (pick(r, 6) == 0)
		dl_buf_addc(b, '?');
}

static void
random_sum(struct random *r, struct dl_buf *b, int depth)
{
	static const char *const products[] = {
	    " * 2", " / 4", " % 3", " * 0", " / \",\"", " * {a:{b:1}}"};
	static const char *const sums[] = {" + ", " - ", " + "};

	random_term(r, b, depth);
	if (depth <= 0 || pick(r, 4) != 0)
		return;
	if (pick(r, 3) == 0)
		dl_buf_adds(b, PICK(r, products));
	if (pick(r, 2) == 0) {
		dl_buf_adds(b, PICK(r, sums));
		random_sum(r, b, depth - 1);
	}
}

static void
random_condition(struct random *r, struct dl_buf *b, int depth)
{
	static const char *const compare[] = {
	    " == ", " != ", " < ", " <= ", " > ", " >= ", " == "};

	random_sum(r, b, depth);
	if (depth <= 0)
		return;
	if (pick(r, 5) == 0) {
		dl_buf_adds(b, PICK(r, compare));
		random_sum(r, b, depth - 1);
	}
	if (pick(r, 8) == 0) {
		dl_buf_adds(b, pick(r, 2) == 0 ? " and " : " or ");
		random_condition(r, b, depth - 1);
	}
}

static void
random_assignment(struct random *r, struct dl_buf *b, int depth)
{
	static const char *const operators[] = {
	    " = ", " |= ", " += ", " -= ", " //= ", " |= ", " = "};

	random_path(r, b, depth - 1);
	if (pick(r, 12) == 0) {
		dl_buf_adds(b, pick(r, 2) == 0 ? " *= 2" : " /= 4");
		return;
	}
	dl_buf_adds(b, PICK(r, operators));
	random_condition(r, b, depth - 1);
}

static void
random_pipe(struct random *r, struct dl_buf *b, int depth)
{
	if (depth > 0 && pick(r, 8) == 0)
		random_assignment(r, b, depth);
	else
		random_condition(r, b, depth);
	if (depth <= 0)
		return;
	if (pick(r, 8) == 0) {
		dl_buf_adds(b, " // ");
		random_condition(r, b, depth - 1);
	}
	if (fan(r, 6)) {
		dl_buf_adds(b, ", ");
		random_condition(r, b, depth - 1);
	}
	if (pick(r, 4) == 0) {
		dl_buf_adds(b, " | ");
		random_pipe(r, b, depth - 1);
	}
}

/* Append a program. */
static void
random_program(struct random *r, struct dl_buf *b)
{
	r->fan = FAN;
	r->vars = 0;
	random_pipe(r, b, 1 + (int)pick(r, 4));
}

#endif
