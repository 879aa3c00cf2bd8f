/* The inside of types.h, for its own files. */
#ifndef DL_TYPES_PRIVATE_H
#define DL_TYPES_PRIVATE_H

#include "types.h"

/* Kinds of values. */
enum {
	SEEN_NULL = 1,
	SEEN_BOOLEAN = 2,
	SEEN_NUMBER = 4,
	SEEN_TEXT = 8,
	SEEN_LIST = 16,
	SEEN_OBJECT = 32,
	SEEN_OTHER = 64 /* what only JSON text holds */
};

struct dl_types {
	struct dl_type root;
	size_t nodes;
	struct dl_buf scratch;
};

/*
 * The member by this name, made where it is missing; NULL: it is not to be had,
 * and type is SEEN_OTHER from now on.
 */
struct dl_type *dl_types_member(
    struct dl_types *t, struct dl_type *type, struct dl_span name);

/* The same for the elements of a list. */
struct dl_type *dl_types_element(struct dl_types *t, struct dl_type *type);

/* type is JSON text from now on: what is below it is forgotten. */
void dl_types_other(struct dl_types *t, struct dl_type *type);

#endif
