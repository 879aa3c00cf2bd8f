/*
 * jq's values without building them: a value is JSON bytes of the record or of
 * what a program made, or a number or a text that has no bytes yet.
 *
 * What stays untouched keeps its bytes.  Where jq 1.6 makes a double of a
 * number, so do we, but integers are exact: two of them are compared by all
 * their digits, and + - * and unary - of integers is exact as long as operands
 * and result are in 64 bits (dl-transform(1), NUMBERS).
 */
#ifndef DL_EXPR_VALUE_H
#define DL_EXPR_VALUE_H

#include "buf.h"
#include "err.h"
#include "json.h"
#include "span.h"

#include <stdint.h>

enum dl_value_form {
	DL_VALUE_JSON,  /* text: its JSON bytes, no space around them */
	DL_VALUE_TEXT,  /* a string: text is its decoded text */
	DL_VALUE_NUMBER /* a number that is not written yet */
};

struct dl_value {
	enum dl_json_kind kind; /* never DL_JSON_INVALID */
	enum dl_value_form form;
	struct dl_span text;
	double number;
};

/*
 * Memory for one record: it grows by chunks, so that what was handed out stays
 * where it is, and is taken back as a whole by the reset, which keeps it for
 * the next record (but not all of what an unusually large one took).  Zero is
 * an empty arena.  scratch is overwritten by any function that takes an arena.
 */
struct dl_arena {
	struct dl_arena_chunk *first, *now;
	size_t used; /* bytes since the reset */
	struct dl_buf scratch;
	size_t work;            /* bytes gone through since the last look */
	int (*late)(void *arg); /* dl_arena_work's, or NULL */
	void *late_arg;
};
#define DL_ARENA_MAX ((size_t)256 << 20) /* bytes that one record may use */
#define DL_ARENA_FULL "the program needs too much memory for this record"

void dl_arena_release(struct dl_arena *a);
void dl_arena_reset(struct dl_arena *a);
/* n bytes, aligned to 8; NULL where the record has used DL_ARENA_MAX. */
void *dl_arena_alloc(struct dl_arena *a, size_t n);
/* A copy of s; p == NULL as above (a copy of nothing has p != NULL). */
struct dl_span dl_arena_copy(struct dl_arena *a, struct dl_span s);

/*
 * Give back what was allocated since the mark, which is of the same record.
 * Marks nest.
 */
struct dl_arena_mark {
	struct dl_arena_chunk *now;
	size_t in_chunk, used;
};
struct dl_arena_mark dl_arena_mark(const struct dl_arena *a);
void dl_arena_back(struct dl_arena *a, struct dl_arena_mark m);

/*
 * Before so many bytes are gone through: -1 where there is no more time for the
 * record, with a message.  Each DL_ARENA_WORK bytes the arena's owner is asked,
 * by late(), which says so itself.
 */
#define DL_ARENA_WORK ((size_t)1 << 20)
static inline int
dl_arena_work(struct dl_arena *a, size_t bytes)
{
	a->work += bytes;
	if (a->work < DL_ARENA_WORK)
		return 0;
	a->work = 0;
	return a->late == NULL ? 0 : a->late(a->late_arg);
}

/*
 * Functions that take an arena return -1 where memory ends, with a message in
 * err (DL_EXIT_DATA), or where the bytes turn out not to be JSON.
 */

extern const struct dl_value dl_value_null, dl_value_true, dl_value_false;

/*
 * text begins with the value's first byte and ends with its last.  -1: it is
 * no scalar, or has not the ends of a string, an array or an object; what is
 * inside these is looked at when it is used.
 */
int dl_value_json(struct dl_span text, struct dl_value *v, struct dl_err *err);
struct dl_value dl_value_text(struct dl_span decoded);
struct dl_value dl_value_number(double d);
static inline struct dl_value
dl_value_bool(bool b)
{
	return b ? dl_value_true : dl_value_false;
}

/* All but null and false. */
static inline bool
dl_value_is_true(const struct dl_value *v)
{
	return v->kind != DL_JSON_NULL && v->kind != DL_JSON_FALSE;
}

/* "null", "boolean", "number", "string", "array", "object". */
const char *dl_value_type(const struct dl_value *v);

/* A number's double. */
double dl_value_double(const struct dl_value *v);

/*
 * Is it an integer of 64 bits, written without fraction and exponent, or a
 * double that is one and below 2^53?  -0 is none.
 */
bool dl_value_int(const struct dl_value *v, int64_t *i);

/* An integer: a double where that is exact, otherwise its digits. */
int dl_value_of_int(
    struct dl_arena *a, int64_t i, struct dl_value *v, struct dl_err *err);

/*
 * A string's decoded text, valid as long as the arena or its bytes.  -1: v is
 * no string, or has a broken escape.
 */
int dl_value_string(struct dl_arena *a, const struct dl_value *v,
    struct dl_span *text, struct dl_err *err);

/*
 * Append the value's bytes: as they are, or, of what has none, as jq prints
 * it.
 */
void dl_value_put(struct dl_buf *b, const struct dl_value *v);

/*
 * Append it as jq's tojson does: compact, strings with jq's escapes, numbers
 * as jq prints doubles (but integers that a double can't hold by their
 * digits).  Members stay in their order.  An array, an object or a string is
 * checked whole (dl_json_check) first.
 */
int dl_value_print(struct dl_arena *a, struct dl_buf *b,
    const struct dl_value *v, struct dl_err *err);

/*
 * Append d as jq 1.6 prints it: with the fewest digits that mean it, NaN as
 * null, infinities as the largest double.
 */
void dl_value_print_double(struct dl_buf *b, double d);

/*
 * jq's order: null, false, true, numbers, strings (by bytes of UTF-8), arrays
 * (element by element), objects (their names sorted, as arrays; then the
 * values by name).  *cmp is -1, 0 or 1.  NaN is below all numbers, itself
 * included.  Numbers whose doubles are the same and not below 2^53 are compared
 * by all their digits; a double that has no text counts as it is printed.
 *
 * -1 (DL_EXIT_DATA) also where arrays and objects are nested deeper than
 * DL_JSON_DEPTH, or a name is in an object twice, as far as the walk comes: it
 * ends at the first difference.
 */
int dl_value_cmp(struct dl_arena *a, const struct dl_value *x,
    const struct dl_value *y, int *cmp, struct dl_err *err);

/* Members and elements.  A missing one is 0, and *out is null then. */

/* name is decoded; of a name that is there twice the last one counts. */
int dl_value_member(struct dl_arena *a, const struct dl_value *object,
    struct dl_span name, struct dl_value *out, struct dl_err *err);
/* from the end where i < 0 */
int dl_value_element(const struct dl_value *array, int64_t i,
    struct dl_value *out, struct dl_err *err);

/* What jq's length is of an array, an object or a string (code points). */
int dl_value_length(struct dl_arena *a, const struct dl_value *v, int64_t *n,
    struct dl_err *err);

/*
 * All elements, or members in their order:
 *
 *	dl_value_enter(&it, v);
 *	while ((r = dl_value_next(&it, &name, &element, err)) > 0)
 *
 * name is a string value in its own bytes (DL_VALUE_JSON; of an array's
 * element it is not set).  A name that stands twice in an object is an error
 * that comes before the first member is handed out: jq's values can't have it.
 */
struct dl_value_iter {
	struct dl_json_iter json;
	bool object;
	struct dl_span text;
	bool checked;
};
void dl_value_enter(struct dl_value_iter *it, const struct dl_value *v);
int dl_value_next(struct dl_value_iter *it, struct dl_value *name,
    struct dl_value *element, struct dl_err *err);

/* All of them at once, in the arena.  names may be NULL. */
int dl_value_all(struct dl_arena *a, const struct dl_value *v,
    struct dl_value **names, struct dl_value **elements, size_t *n,
    struct dl_err *err);

/*
 * Sort order[0..n-1], which are indexes of values, by values: stable, jq's
 * order.  Merge sort: n log n whatever the values are.
 */
int dl_value_sort(struct dl_arena *a, const struct dl_value *values,
    uint32_t *order, size_t n, struct dl_err *err);

#endif
