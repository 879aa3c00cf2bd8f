/*
 * An item becomes an event: its subject and time found, its bytes kept.
 */
#ifndef DL_SOURCE_WRAP_H
#define DL_SOURCE_WRAP_H

#include "clock.h"
#include "event.h"
#include "expr.h"
#include "source_spec.h"

#define DL_SOURCE_SUBJECT_MAX 1024 /* bytes */

struct dl_source_wrap {
	struct dl_event ev; /* the event made last */
	/* private */
	const struct dl_source_spec *spec;
	struct dl_expr_set *set; /* NULL: the spec has no expression */
	int subject, time;       /* numbers in set; -1 none */
	struct dl_time now;      /* when it was acquired */
	char at[DL_TIME_MAX];    /* the same as text */
	char when[DL_TIME_MAX];
	struct dl_span named; /* absent: the event is named by its own time */
	char named_text[DL_TIME_MAX];
	char id[DL_ID_LEN + 1];
	struct dl_buf subject_text, time_text, data;
	/* Of raw: its members, and the data that name the event. */
	struct dl_buf content_type, base64;
};

/*
 * spec is borrowed; w->ev.origin is the caller's to set.  Zero w before a
 * first init; release frees what init, failed or not, has made.
 */
int dl_source_wrap_init(struct dl_source_wrap *w,
    const struct dl_source_spec *spec, struct dl_err *err);
void dl_source_wrap_release(struct dl_source_wrap *w);

/* What comes next was acquired now. */
void dl_source_wrap_now(struct dl_source_wrap *w);

/*
 * Name w->ev, whose time is that of its acquisition, as if that were t; and let
 * it have that time, if that is what it is.
 */
void dl_source_wrap_time(
    struct dl_source_wrap *w, const struct dl_time *t, bool is);

/* The content type of a raw document that comes next; "" where unknown. */
void dl_source_wrap_type(struct dl_source_wrap *w, const char *type);

/*
 * Fill w->ev for a valid item, all but its id; it borrows the item's bytes.
 * A raw one becomes data_base64, beside datacontenttype, instead of data.
 * -1 with DL_EXIT_DATA: the item can't become an event; *code is the kind of
 * failure for a dead letter, and w->ev has what is known.
 */
int dl_source_wrap_item(struct dl_source_wrap *w, struct dl_span item,
    const char **code, struct dl_err *err);

/* Name w->ev by its content. */
void dl_source_wrap_name(struct dl_source_wrap *w);

#endif
