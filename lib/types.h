/*
 * The types of JSON values that were seen, and the columns that hold them all.
 *
 * Values are fed to a tree, which grows a branch for each member and for the
 * elements of lists.  What it knows is bounded: DL_TYPES_DEPTH lists and objects
 * in each other, DL_TYPES_WIDTH names in one object, DL_TYPES_NODES branches in
 * all, names of DL_TYPES_NAME bytes.  What goes beyond, what is of two kinds
 * (text here, a number there), and an object whose names a dialect cannot have
 * (empty, without UTF-8, or the same but for case) is JSON text in its place.
 * Names are in the order of their bytes, so that the same types give the same
 * columns in whatever order the values came.
 *
 * Numbers: integers of 64 bits are BIGINT, others of up to 38 digits DECIMAL.
 * Where there are any with a point or an exponent, all are DOUBLE, if each is
 * the number that its double means when printed (0.1 is; 2^53 + 1 is not);
 * otherwise DECIMAL(38,s), if 38 digits are enough; otherwise JSON text.
 */
#ifndef DL_TYPES_H
#define DL_TYPES_H

#include "buf.h"
#include "span.h"

#include <stdint.h>

#define DL_TYPES_DEPTH 16
#define DL_TYPES_WIDTH 500
#define DL_TYPES_NODES 10000
#define DL_TYPES_NAME 255

enum dl_type_kind {
	DL_TYPES_NONE, /* nothing, or null alone */
	DL_TYPES_BOOLEAN,
	DL_TYPES_BIGINT,
	DL_TYPES_DECIMAL, /* of 38 digits, scale of them decimals */
	DL_TYPES_DOUBLE,
	DL_TYPES_TEXT,
	DL_TYPES_LIST,
	DL_TYPES_STRUCT,
	DL_TYPES_JSON
};

/*
 * How types are written, and which names an object may have there.  WIRE is
 * what dl_types_put writes for DuckDB to read; casting that to DUCKDB gives the
 * columns without a change of any value.  VIEW is for reading lines as they are.
 * HIVE_CASE has only names in lower case.
 */
enum dl_types_dialect {
	DL_TYPES_DUCKDB,
	DL_TYPES_WIRE,
	DL_TYPES_VIEW,
	DL_TYPES_HIVE,
	DL_TYPES_HIVE_CASE
};

struct dl_type_member;

struct dl_type {
	enum dl_type_kind kind;         /* as of dl_types_settle */
	int scale;                      /* of DECIMAL */
	struct dl_type *element;        /* of LIST */
	struct dl_type_member *members; /* of STRUCT, by name */
	size_t nmembers;
	/* private */
	size_t cap;
	unsigned seen; /* kinds of values, a bit each */
	bool fraction, big, inexact;
	unsigned char whole, decimals; /* the most of them */
};

struct dl_type_member {
	char *name; /* with its NUL; may hold others */
	size_t len;
	struct dl_type *type;
};

struct dl_types;

struct dl_types *dl_types_new(void);
void dl_types_free(struct dl_types *t); /* NULL does nothing */

/* Take a value into account.  On bytes that aren't JSON it is of no meaning. */
void dl_types_feed(struct dl_types *t, struct dl_span value);

/*
 * Decide the kinds.  columns: the root's members are to be columns, whose names
 * the caller sees to.  The tree is valid until the next feed.
 */
const struct dl_type *dl_types_settle(
    struct dl_types *t, enum dl_types_dialect dialect, bool columns);

/* Are there objects with names that are the same but for case? */
bool dl_types_collide(const struct dl_types *t);

/* Which member has this name: true and *at, or false. */
bool dl_type_index(const struct dl_type *type, struct dl_span name, size_t *at);

/* Are these names the same but for the case of ASCII letters? */
bool dl_types_same_name(struct dl_span a, struct dl_span b);

/* Append the type's name (types_print.c). */
void dl_types_print(struct dl_buf *b, const struct dl_type *type,
    enum dl_types_dialect dialect);

/*
 * Append a value of a settled type as JSON that DuckDB reads, exactly, as the
 * type's WIRE: decimals and JSON text as strings (types_put.c).  -1: it is not
 * of this type; b then ends in half a value.
 */
int dl_types_put(
    struct dl_buf *b, const struct dl_type *type, struct dl_span value);

/*
 * Append what is known as a line of JSON; take such a line into account:
 * -1 if it is none (types_save.c).
 */
void dl_types_save(struct dl_buf *b, const struct dl_types *t);
int dl_types_load(struct dl_types *t, struct dl_span text);

#endif
