/*
 * What surrounds the elements of a list in a JSON document, in chunks of any
 * size: checked byte by byte, without keeping any of it.
 *
 * It goes over the document up to the value that a path of names leads to,
 * leaves that value to the caller, and goes on after it to the document's end.
 */
#ifndef DL_JSON_OUTER_H
#define DL_JSON_OUTER_H

#include "json.h"

#include <stdint.h>

struct dl_json_outer {
	const struct dl_span *path; /* borrowed */
	size_t npath;
	size_t matched; /* names of the path found so far */
	size_t on_path; /* the depth of the innermost open object on the path */
	size_t same;    /* bytes of the name that are those of the path's */
	bool differs;   /* ... and one is not, or was not asked for */
	bool hit;       /* the value that comes is the one of the path's name */

	int state; /* what comes next: see json_outer.c */
	size_t depth;
	uint64_t
	    objects[DL_JSON_DEPTH / 64]; /* a bit for each open container */

	int text; /* where in a string */
	bool is_name;
	size_t quote;            /* the number of its first byte */
	unsigned char low, high; /* of the next byte of a character */
	int left;                /* bytes or digits still to come */
	uint32_t unit, pair;     /* of \u escapes */

	int number;       /* where in a number */
	const char *word; /* what is left of a literal */

	const char *chunk; /* the beginning of the bytes now being fed */
	size_t before;     /* how many were fed before them */
};

/* Start a document; path is borrowed. */
void dl_json_outer_init(
    struct dl_json_outer *o, const struct dl_span *path, size_t npath);

/* The number of the byte at p, from 1. */
static inline size_t
dl_json_outer_at(const struct dl_json_outer *o, const char *p)
{
	return o->before + (size_t)(p - o->chunk) + 1;
}

/*
 * Go on from *p.  0: all bytes up to end are used; 1: *p is at the first byte
 * of the value that the path leads to, which the caller goes over before it
 * calls dl_json_outer_resume(); -1: the document is wrong.
 */
int dl_json_outer_feed(struct dl_json_outer *o, const char **p, const char *end,
    struct dl_err *err);

/* The value that the path leads to has been gone over. */
void dl_json_outer_resume(struct dl_json_outer *o);

/* Was there a whole value? */
bool dl_json_outer_done(const struct dl_json_outer *o);

/*
 * Append the first n names of the path, as jq writes them; "the document"
 * for none.
 */
void dl_json_outer_path(
    const struct dl_json_outer *o, size_t n, struct dl_buf *b);

/* "a string", "null": what the value is that starts with c. */
const char *dl_json_kind_name(char c);

#endif
