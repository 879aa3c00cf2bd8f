/*
 * Which targets there are, and who answers them.
 *
 * A target is split at the slashes as it was sent; only what stands for a name
 * is decoded, once, so that %2F is a slash in a name.
 */
#ifndef DL_SERVE_ROUTE_H
#define DL_SERVE_ROUTE_H

#include "serve.h"

enum dl_serve_door {
	DL_SERVE_PUBLIC,  /* everybody, always: is it alive? */
	DL_SERVE_COUNTED, /* everybody, but not too often */
	DL_SERVE_NEAR,    /* clients on this machine, and any token */
	DL_SERVE_TOKEN    /* a token with some right of that kind */
};

struct dl_serve_route {
	const char *path;   /* "{c}" and "{m}" stand for a name */
	const char *params; /* names, a space after each; "": none */
	bool post;          /* POST; otherwise GET and HEAD */
	bool issue;         /* only with `issue` */
	bool twin;          /* 503 until there is a twin */
	enum dl_serve_door door;
	enum dl_right right; /* of DL_SERVE_TOKEN */
	dl_serve_fn *fn;
};

/* All of them; the last has a NULL path. */
extern const struct dl_serve_route dl_serve_routes[];

/*
 * The route of a path, and in args what stands for its names, as it was sent
 * and not empty.  NULL: there is none.
 */
const struct dl_serve_route *dl_serve_route(
    struct dl_span path, struct dl_span args[2]);

/* The first parameter of query whose name is not in params; p NULL: none. */
struct dl_span dl_serve_stray_param(struct dl_span query, const char *params);

#endif
