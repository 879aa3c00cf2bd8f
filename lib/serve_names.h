/*
 * A list of names in a query: "metrics=speed,a%2Cb" are two.
 *
 * The list is split at its commas as it was sent; then each name is decoded,
 * once, so that %2C is a comma in a name.
 */
#ifndef DL_SERVE_NAMES_H
#define DL_SERVE_NAMES_H

#include "buf.h"
#include "err.h"

#define DL_SERVE_NAMES_MAX 1000

struct dl_serve_names {
	bool given;           /* the parameter is there */
	struct dl_span *name; /* in the order of their bytes, none twice */
	size_t n;
	struct dl_buf texts;
};

/*
 * Take the parameter out of query.  -1: DL_EXIT_DATA, for a 400: it is there
 * twice, a name is empty or badly encoded, or there are more than most (at most
 * DL_SERVE_NAMES_MAX).  To be released in any case.
 */
int dl_serve_names(struct dl_serve_names *names, struct dl_span query,
    const char *param, size_t most, struct dl_err *err);
void dl_serve_names_release(struct dl_serve_names *names);

bool dl_serve_names_has(
    const struct dl_serve_names *names, struct dl_span name);

#endif
