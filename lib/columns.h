/*
 * Rows of fields to JSON objects: the columns' names and types.
 *
 * A column without a type of its own is auto (a field whose text is a JSON
 * number is that number, byte for byte, one that is absent null, every other
 * one a string) or, with strings set, string.  A number may have a plus sign
 * and zeros before it, which are taken away; a boolean is true, false, 1 or 0;
 * an empty field of either is null.
 */
#ifndef DL_COLUMNS_H
#define DL_COLUMNS_H

#include "buf.h"
#include "err.h"
#include "span.h"

enum dl_column_type {
	DL_COLUMN_AUTO,
	DL_COLUMN_STRING,
	DL_COLUMN_NUMBER,
	DL_COLUMN_BOOLEAN
};

struct dl_column_rule {
	const char *name;
	enum dl_column_type type;
};

/* What a specification says of columns; borrowed, also what it points to. */
struct dl_column_rules {
	const char *const *names; /* NULL-ended; NULL: there is a header */
	const struct dl_column_rule *types;
	size_t ntypes;
	bool strings;
};

struct dl_columns;

struct dl_columns *dl_columns_new(const struct dl_column_rules *rules);
void dl_columns_free(struct dl_columns *c); /* NULL does nothing */

/* Add the columns that names lists: true if it does. */
bool dl_columns_named(struct dl_columns *c);

/* Add a column; name is copied, and has to be UTF-8. */
void dl_columns_add(struct dl_columns *c, struct dl_span name);

/*
 * All columns were added.  DL_EXIT_DATA: one has no name, two have the same, or
 * a type is given for one that isn't there.
 */
int dl_columns_check(struct dl_columns *c, struct dl_err *err);

size_t dl_columns_count(const struct dl_columns *c);

/*
 * Append column i and the value of its field to a row: the first brings the
 * opening bracket, the closing one is the caller's.  text.p NULL: the field is
 * empty and was not quoted.  DL_EXIT_DATA: it is not of the column's type.
 */
int dl_columns_put(const struct dl_columns *c, struct dl_buf *row, size_t i,
    struct dl_span text, struct dl_err *err);

#endif
