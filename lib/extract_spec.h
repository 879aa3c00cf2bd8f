/*
 * A loaded specification of extract.h: for lib/extract*.c alone.
 */
#ifndef DL_EXTRACT_SPEC_H
#define DL_EXTRACT_SPEC_H

#include "buf.h"
#include "conf.h"
#include "event.h"
#include "expr.h"
#include "extract.h"

struct extract_expr {
	const char *key; /* what it is in the file; NULL: not given */
	int line;
	int number; /* in its set */
};

struct extract_metric {
	struct extract_expr expr;
	struct dl_buf name; /* as it is written: "name": */
};

struct extract_template {
	const char *name;
	int line;                /* of its name in the file */
	struct dl_expr_set *set; /* of all its expressions but each */
	bool wants_event;        /* $event is in one of them */
	struct extract_expr when, component, time, each;
	const char *time_format;
	bool keep_nulls;
	struct extract_metric *metrics;
	size_t nmetrics;
};

struct dl_extract {
	struct dl_conf *conf; /* owns all strings */
	struct dl_span step;
	struct extract_template *templates;
	size_t ntemplates;

	/*
	 * What sees the event's data: every `each`, and all of the templates
	 * without one.  A template with one has a set of its own, which sees
	 * the elements.
	 */
	struct dl_expr_set *shared;

	/* Of the event at hand. */
	struct dl_event observation;
	struct dl_buf id, text;
	struct dl_buf steps,
	    steps_before; /* dlsteps, and what it was made of */
};

#endif
