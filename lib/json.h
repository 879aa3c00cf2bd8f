/*
 * JSON text (RFC 8259), read in place.
 *
 * Two things: a validator, for bytes from outside, and a scanner, which walks
 * members and elements, and skips what nobody asked for, without building or
 * copying anything.  The scanner trusts nothing: on any bytes at all it stays
 * inside its span and ends; on text that isn't JSON it gives an error or spans
 * of no meaning.  What it hands out are spans of the bytes it was given.
 *
 * Both look at 16 to 64 bytes at a time, with the widest instructions that the
 * processor has (json_block.h).
 */
#ifndef DL_JSON_H
#define DL_JSON_H

#include "buf.h"
#include "err.h"
#include "span.h"

#define DL_JSON_DEPTH 512             /* arrays and objects in each other */
#define DL_JSON_MAX ((size_t)1 << 30) /* bytes that dl_json_check takes */

enum dl_json_kind {
	DL_JSON_INVALID,
	DL_JSON_NULL,
	DL_JSON_FALSE,
	DL_JSON_TRUE,
	DL_JSON_NUMBER,
	DL_JSON_STRING,
	DL_JSON_ARRAY,
	DL_JSON_OBJECT
};

/*
 * Check that text is one JSON value and white space, nothing else: valid
 * UTF-8 (no surrogates, no overlong forms), strings without control characters
 * and with whole escapes (a \u surrogate needs its pair), numbers as the
 * grammar has them, depth within DL_JSON_DEPTH, no name twice in one object
 * (names compared after their escapes), at most DL_JSON_MAX bytes.  A byte order
 * mark is an error.
 * On failure err is DL_EXIT_DATA and says what and at which byte (from 1).
 */
int dl_json_check(struct dl_span text, struct dl_err *err);

/* What the value that starts at v.p is, by its first byte alone. */
enum dl_json_kind dl_json_kind(struct dl_span v);

/*
 * Set *value to the one value in text, without the white space around it.
 * -1 if text is empty, the value doesn't end, or something follows it.
 */
int dl_json_value(struct dl_span text, struct dl_span *value);

/* Past the value that starts at p (no white space before it), or NULL. */
const char *dl_json_skip(const char *p, const char *end);

/*
 * Walk an object's members or an array's elements:
 *
 *	dl_json_enter(&it, v);
 *	while ((r = dl_json_member(&it, &key, &value)) > 0)
 *		...
 *
 * 1: *key (without its quotes, escapes as they are; NULL for dl_json_element)
 * and *value are set; 0: the container ended, and it.p is past its bracket;
 * -1: malformed.  Entering anything but the right container gives -1.
 */
struct dl_json_iter {
	const char *p, *end;
	int state;
};
void dl_json_enter(struct dl_json_iter *it, struct dl_span container);
int dl_json_member(
    struct dl_json_iter *it, struct dl_span *key, struct dl_span *value);
int dl_json_element(struct dl_json_iter *it, struct dl_span *value);

/*
 * The text of a string's inside (between its quotes).  Without a backslash it
 * is the span itself; otherwise it is decoded onto the end of scratch, and is
 * valid until scratch next grows.  -1: a broken escape (a lone surrogate is
 * one).  "\u0000" decodes to a NUL byte.
 */
int dl_json_text(
    struct dl_span inside, struct dl_buf *scratch, struct dl_span *text);

/* The same for a whole string value, quotes included; -1 if it isn't one. */
int dl_json_string(
    struct dl_span value, struct dl_buf *scratch, struct dl_span *text);

/* Append text as a JSON string, quotes included, escaping only what must be. */
void dl_json_quote(struct dl_buf *b, struct dl_span text);

/* Append a valid value without the white space between its tokens. */
void dl_json_compact(struct dl_buf *b, struct dl_span value);

/* Is there white space between tokens that dl_json_compact would take out? */
bool dl_json_is_compact(struct dl_span value);

/* Valid UTF-8, as RFC 3629 has it? */
bool dl_utf8_valid(struct dl_span text);

/*
 * First of '"', '\\', a byte below 0x20, at or after p; end if there is none.
 */
const char *dl_json_special(const char *p, const char *end);

#endif
