/*
 * Texts of a specification that change from request to request: a URL, a body,
 * headers, a command, with names in braces.
 *
 *	{cursor}          the cursor (source_cursor.h)
 *	{from} {to}       the window (source_window.h)
 *	{page}            the page's number, offset or token (source_pages.h)
 *	{from:FORMAT}     a time by a format: rfc3339, s, ms, us, ns, or one of
 *	                  strftime(3), in UTC ("%Y-%m-%d", "%s")
 *
 * Braces with anything else in them are left as they are, for bodies are JSON
 * and commands have ${NAME}; in a URL an unknown name is an error.
 *
 * What is put in comes from servers, so it can't leave its place: in a URL it is
 * percent-encoded, can't stand where the host is, and is neither "." nor ".."; in
 * a form it is percent-encoded, in JSON it is escaped between quotes and a number
 * elsewhere, in XML it is escaped, in a header a control character is an error.
 * In a command, where no quoting is right everywhere, it may have only letters,
 * digits and ".:+_,@%=/-", and begins with '-' only as a number.
 */
#ifndef DL_TEMPLATE_H
#define DL_TEMPLATE_H

#include "buf.h"
#include "clock.h"
#include "err.h"
#include "span.h"

enum dl_template_name {
	DL_TEMPLATE_CURSOR,
	DL_TEMPLATE_FROM,
	DL_TEMPLATE_TO,
	DL_TEMPLATE_PAGE,
	DL_TEMPLATE_NAMES
};

/* A bit for each, in sets of names. */
#define DL_TEMPLATE_HAS(name) (1u << (name))

/* Into what a value is put. */
enum dl_template_into {
	DL_TEMPLATE_URL,
	DL_TEMPLATE_COMMAND, /* of a URL exec:COMMAND */
	DL_TEMPLATE_HEADER,
	DL_TEMPLATE_JSON,   /* the inside of a string */
	DL_TEMPLATE_NUMBER, /* of JSON, where there are no quotes */
	DL_TEMPLATE_XML,
	DL_TEMPLATE_FORM
};

/* A value: absent (empty where it stands), a text, or a time. */
struct dl_template_value {
	struct dl_span text; /* of a time: as it came; absent: RFC 3339 */
	bool is_time;
	struct dl_time time;
};

struct dl_template_values {
	struct dl_template_value of[DL_TEMPLATE_NAMES];
};

/*
 * A URL is one, or with "exec:" a command; a body is what its first byte says:
 * { or [ JSON, < XML, anything else a form.
 */
enum dl_template_into dl_template_of_url(const char *url);
enum dl_template_into dl_template_of_body(const char *body);

/*
 * Check text, and add to *names the set of those in it.  DL_EXIT_CONF, without
 * the specification's place: "has '{fro}', ...".
 */
int dl_template_check(const char *text, enum dl_template_into into,
    unsigned int *names, struct dl_err *err);

/*
 * Append text, which was checked, with its names' values.  DL_EXIT_DATA: a value
 * that can't stand there.
 */
int dl_template_fill(struct dl_buf *b, const char *text,
    enum dl_template_into into, const struct dl_template_values *values,
    struct dl_err *err);

/*
 * Append t by format (as above; NULL: rfc3339), which is one that
 * dl_template_format_check() takes.
 */
int dl_template_format_check(const char *format, struct dl_err *err);
void dl_template_time(
    struct dl_buf *b, const char *format, const struct dl_time *t);

/* The set of those names in a body of JSON that stand outside its strings. */
unsigned int dl_template_bare(const char *body);

/* May a value that is a text be put into this?  Else it has an error there. */
bool dl_template_fits(struct dl_span value, enum dl_template_into into);

/* Append value, percent-encoded but for letters, digits and "-._~". */
void dl_template_percent(struct dl_buf *b, struct dl_span value);

#endif
