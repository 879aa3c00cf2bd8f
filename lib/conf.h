/*
 * Specifications in YAML, as typed fields (libyaml; YAML 1.2 core schema: only
 * true and false are booleans, so `no`, `on` and `1_000` are strings).
 *
 * A file is loaded into a tree of nodes that know their line; a table of
 * fields then takes a mapping's members into a struct of the caller's.
 * ${NAME} and ${NAME:-default} in plain and double-quoted values are taken
 * from the environment ($$ is a dollar sign); the result is text, never YAML,
 * and is not expanded again.  Keys, single-quoted values and blocks (| and >)
 * stay as they are written.
 *
 * Errors are DL_EXIT_CONF: "quakes.yaml:7: 'evry' is not a key of a source
 * (did you mean 'every'?)".  At most 1 MiB, depth 64; no aliases or anchors,
 * no tags, one document.
 */
#ifndef DL_CONF_H
#define DL_CONF_H

#include "err.h"
#include "span.h"

#include <stdint.h>

struct dl_conf_node;

enum dl_conf_kind {
	DL_CONF_STR,      /* const char **: any scalar's text but null's */
	DL_CONF_BOOL,     /* bool *: true or false, unquoted */
	DL_CONF_COUNT,    /* int64_t *: dl_num_count */
	DL_CONF_SIZE,     /* int64_t *: dl_num_size */
	DL_CONF_DURATION, /* int64_t *: dl_num_duration, milliseconds */
	DL_CONF_MAP,      /* const struct dl_conf_node **: a mapping */
	DL_CONF_LIST,     /* const struct dl_conf_node **: a sequence */
	DL_CONF_NODE,     /* const struct dl_conf_node **: any of these */
	DL_CONF_CHOICE    /* int *: index in choices */
};

struct dl_conf_field {
	const char *key; /* NULL ends a table */
	enum dl_conf_kind kind;
	bool required;
	size_t offset;              /* of the member in the struct */
	const char *const *choices; /* DL_CONF_CHOICE: NULL-ended */
};

struct dl_conf;

/* Load path; everything taken from it lives until dl_conf_free(). */
struct dl_conf *dl_conf_load(const char *path, struct dl_err *err);
void dl_conf_free(struct dl_conf *c);

/* The document's root; never NULL. */
const struct dl_conf_node *dl_conf_root(const struct dl_conf *c);

/*
 * Take node (a mapping, or an error) by the table into base.  what names it in
 * messages: "a source".  Members that are absent are left as they were.
 */
int dl_conf_take(const struct dl_conf *c, const struct dl_conf_node *node,
    const char *what, const struct dl_conf_field *fields, void *base,
    struct dl_err *err);

/* Walk: the nth child of a mapping (with its key) or sequence; NULL past it. */
const struct dl_conf_node *dl_conf_child(
    const struct dl_conf_node *node, size_t n, const char **key);

/* A scalar's text, or NULL if it is null or not a scalar; its line. */
const char *dl_conf_text(const struct dl_conf_node *node);
int dl_conf_line(const struct dl_conf_node *node);

/* The line of a mapping's key, for errors in its value; 0 if absent. */
int dl_conf_line_of(const struct dl_conf_node *map, const char *key);

/* "PATH:LINE: ...", or "PATH: ..." for line 0, with DL_EXIT_CONF. */
int dl_conf_fail(const struct dl_conf *c, int line, struct dl_err *err,
    const char *fmt, ...) DL_PRINTF(4, 5);

/* The path it was loaded from, and the bytes that were there. */
const char *dl_conf_path(const struct dl_conf *c);
struct dl_span dl_conf_bytes(const struct dl_conf *c);

#endif
