/*
 * What the files of jq's functions share.
 *
 * A function writes what it makes at the end of env->out and has it moved to
 * the arena.  Functions that call each other do so where out is empty.
 */
#ifndef DL_EXPR_FN_PRIVATE_H
#define DL_EXPR_FN_PRIVATE_H

#include "expr_fn.h"

/* The functions of one file; the name NULL ends them. */
extern const struct dl_fn_entry dl_fn_conversions[], dl_fn_texts[],
    dl_fn_lists[], dl_fn_searches[], dl_fn_objects[], dl_fn_groups[],
    dl_fn_numbers[], dl_fn_times[], dl_fn_formats[];

static inline int
dl_fn_give(struct dl_value *result, struct dl_value v)
{
	*result = v;
	return 1;
}

/* Will n more bytes be too many?  -1: yes, with a message. */
int dl_fn_room(struct dl_fn_env *env, size_t n);

/* n items of size bytes in the arena, or NULL with a message. */
void *dl_fn_alloc(struct dl_fn_env *env, size_t n, size_t size);

/* The array that is open at the end of out gets one more element. */
void dl_fn_item(struct dl_buf *out, const struct dl_value *v);
void dl_fn_comma(struct dl_buf *out);

/* Close it, and have it as the result. */
int dl_fn_made_array(struct dl_fn_env *env, struct dl_value *result);
int dl_fn_made_text(struct dl_fn_env *env, struct dl_value *result);

/* A text without its value's form, or -1. */
static inline int
dl_fn_text(
    struct dl_fn_env *env, const struct dl_value *v, struct dl_span *text)
{
	return dl_value_string(env->arena, v, text, env->err);
}

/* Up to the first NUL: all that jq sees of a text where it calls C. */
struct dl_span dl_fn_c_text(struct dl_span text);

/* |x| of a number: fabs, and length. */
dl_fn dl_fn_absolute;

/* Of lib/expr_convert.c: @text and @json are these too. */
dl_fn dl_fn_tostring, dl_fn_tojson;

/* Past the character at p < end; a byte that begins none is one. */
const char *dl_fn_past_char(const char *p, const char *end);

/* The text split at each sep, as an array; sep may be empty. */
int dl_fn_split(struct dl_fn_env *env, struct dl_span text, struct dl_span sep,
    struct dl_value *result);

/* The same value as tostring and tojson have it, at the end of out. */
int dl_fn_put_text(struct dl_fn_env *env, const struct dl_value *v);

/* Where y is in x, as jq has it for x[y] of two arrays. */
int dl_fn_find_array(struct dl_fn_env *env, const struct dl_value *x,
    const struct dl_value *y, struct dl_value *result);

/*
 * An object that is being made: a name that is set again keeps its place and
 * its bytes.  Zero is an empty one; it is all in the arena.
 */
struct dl_fn_member {
	struct dl_span key; /* the name's text */
	struct dl_value name, value;
};
struct dl_fn_object {
	struct dl_fn_member *members;
	size_t n, cap;
	uint32_t *slots; /* by hash: numbers from 1; NULL while they are few */
	size_t nslots;
};
int dl_fn_object_set(struct dl_fn_env *env, struct dl_fn_object *o,
    const struct dl_value *name, const struct dl_value *value);
/* All members of v, which is an object. */
int dl_fn_object_merge(
    struct dl_fn_env *env, struct dl_fn_object *o, const struct dl_value *v);
/* Write it and go back to mark, where all of it is to be after. */
int dl_fn_object_made(struct dl_fn_env *env, struct dl_fn_object *o,
    struct dl_arena_mark mark, struct dl_value *result);

/* x + y and x * y of two objects. */
int dl_fn_object_add(struct dl_fn_env *env, const struct dl_value *x,
    const struct dl_value *y, struct dl_value *result);
int dl_fn_object_mul(struct dl_fn_env *env, const struct dl_value *x,
    const struct dl_value *y, struct dl_value *result);

#endif
