/*
 * JSON text as jq's values and back, with every byte kept that no program
 * touched.
 *
 * jq makes doubles of numbers and decodes strings.  So that what came can be
 * told from what a program made, the values built here know their bytes: a
 * number or string by a mark in a part of struct jv that jq copies and never
 * reads, an array or object by its address, which stays its own as long as
 * the record's root is held (a program changes copies only).
 *
 * All is for one record, until dl_jqval_reset().
 */
#ifndef DL_JQVAL_H
#define DL_JQVAL_H

#include "buf.h"
#include "err.h"
#include "span.h"

#include <jv.h>
#include <stdint.h>

struct dl_jqval_slot {
	const void *at;
	uint32_t record; /* the one it was filled for */
	int size;
	struct dl_span text;
};

struct dl_jqval {
	struct dl_span *scalars; /* by their mark, from 1 */
	size_t nscalars, scalars_cap;
	struct dl_jqval_slot *slots; /* arrays and objects: open addressing */
	size_t nslots, nused;
	uint32_t record;
	struct dl_buf scratch;
};

/* v is zero-initialised before the first use. */
void dl_jqval_release(struct dl_jqval *v);

/* Forget the record; its values are to be freed by now. */
void dl_jqval_reset(struct dl_jqval *v);

/*
 * Check text (dl_json_check) and build it.  *out is the caller's, who holds
 * one reference until the reset; text must stay as long.
 */
int dl_jqval_build(
    struct dl_jqval *v, struct dl_span text, jv *out, struct dl_err *err);

/*
 * Append x, which is consumed: what was built as the bytes it was built from,
 * the rest compact, as jq prints it.  Deeper than DL_JSON_DEPTH: DL_EXIT_DATA.
 */
int dl_jqval_print(
    struct dl_jqval *v, jv x, struct dl_buf *b, struct dl_err *err);

#endif
