/*
 * What the JSON code asks of the processor: to classify 64 bytes at a time.
 *
 * A kernel is one set of these functions for one instruction set.  All of them
 * give the same answers; the best one that this processor has is chosen before
 * main().  Every function stays inside [p, end): what is left of a span after
 * its last whole block is looked at in a padded copy.
 */
#ifndef DL_JSON_BLOCK_H
#define DL_JSON_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How far into nested containers a walk is; what it takes to resume it. */
struct dl_json_nest {
	size_t depth;       /* brackets open */
	uint64_t in_string; /* all ones inside a string, else 0 */
	uint64_t escaped;   /* 1 if the next byte follows a backslash, else 0 */
};

struct dl_json_kernel {
	const char *name;

	/* The first '"', '\\' or byte below 0x20; end if there is none. */
	const char *(*special)(const char *p, const char *end);

	/* The first byte of 0x80 or above; end if there is none. */
	const char *(*high)(const char *p, const char *end);

	/* p is inside a string: past the quote that ends it, or NULL. */
	const char *(*string)(const char *p, const char *end);

	/*
	 * Past the bracket that brings n->depth to 0, or NULL if it is not in
	 * the span; n then tells where the walk was at its end.  Brackets of
	 * both kinds count alike.  n->depth is not 0.
	 */
	const char *(*nested)(
	    struct dl_json_nest *n, const char *p, const char *end);

	/*
	 * The first white space that is not in a string; end if there is none.
	 * p itself is not in a string.
	 */
	const char *(*space)(const char *p, const char *end);
};

/* The kernel in use.  Only tests set it. */
extern const struct dl_json_kernel *dl_json_kernel;

/* Those that run on this processor, the plain one first; NULL: no more. */
const struct dl_json_kernel *dl_json_kernel_nth(size_t i);

/* Each is defined where its architecture is the one compiled for. */
extern const struct dl_json_kernel dl_json_kernel_plain;
extern const struct dl_json_kernel dl_json_kernel_sse2;
extern const struct dl_json_kernel dl_json_kernel_avx2;
extern const struct dl_json_kernel dl_json_kernel_neon;
bool dl_json_avx2_usable(void);

#endif
