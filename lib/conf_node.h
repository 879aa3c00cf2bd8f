/*
 * The tree behind conf.h: for lib/conf*.c alone.
 */
#ifndef DL_CONF_NODE_H
#define DL_CONF_NODE_H

#include "buf.h"
#include "conf.h"

enum dl_conf_shape {
	DL_CONF_NULL, /* nothing, ~ or null, unquoted */
	DL_CONF_SCALAR,
	DL_CONF_MAPPING,
	DL_CONF_SEQUENCE
};

struct dl_conf_node {
	enum dl_conf_shape shape;
	int line;
	bool plain; /* a scalar without quotes or block: may be a boolean */
	char *text; /* a scalar's, after expansion */
	char *key;  /* in the mapping that it is a member of */
	int key_line;
	struct dl_conf_node **child;
	size_t nchild, cap;
};

struct dl_conf {
	char *path;
	struct dl_buf bytes;
	struct dl_conf_node *root;
};

/*
 * Append text to b with ${NAME}, ${NAME:-default} and $$ replaced.  The
 * message of an error has no place: the caller prefixes it.
 */
int dl_conf_expand(struct dl_buf *b, struct dl_span text, struct dl_err *err);

#endif
