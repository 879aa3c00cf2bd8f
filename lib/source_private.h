/*
 * What the files of source.h share; nobody else includes it.
 */
#ifndef DL_SOURCE_PRIVATE_H
#define DL_SOURCE_PRIVATE_H

#include "dead.h"
#include "expand.h"
#include "fetch.h"
#include "idset.h"
#include "items.h"
#include "out.h"
#include "source.h"
#include "source_state.h"
#include "source_wrap.h"

#include <limits.h>

struct dl_source {
	const struct dl_source_spec *spec;
	const volatile sig_atomic_t *stop;
	struct dl_source_wrap wrap;
	struct dl_expand *expand;
	struct dl_items *items; /* NULL: the format isn't told yet */
	struct dl_buf head;     /* what came until then */
	enum dl_items_format format;
	const char *shown, *type; /* the document's name and content type */
	struct dl_out out;
	struct dl_dead dead;
	bool broken; /* out or dead can't be written: no retry helps */

	/* Of a URL alone. */
	struct dl_fetch *fetch;
	struct dl_source_state *state;
	char key[80];
	int lock;
	int64_t not_before_ms; /* what a server asked for */
	bool warned;
	uint64_t fed;     /* bytes of this attempt, unpacked */
	uint64_t earlier; /* items of those before it */

	/*
	 * What went out since the last acquisition that was whole: an attempt
	 * after one that was cut off passes over it.  Sinks skip only what
	 * earlier runs stored, and would store it twice.
	 */
	bool remembers;
	struct dl_idset sent;
	char dir[PATH_MAX]; /* of its files */

	struct dl_counts *counts;
};

/* A dl_items_fn: arg is a struct dl_source. */
int dl_source_take(void *arg, struct dl_span item, size_t total,
    const char *code, const struct dl_err *bad, struct dl_err *err);

/*
 * The way of a document's bytes to dl_source_take: open once, with the name
 * that messages show; start, feed and end each document.  type: its content
 * type, or "".  After a failed end *cut_off says that it broke off.
 */
int dl_source_feed_open(
    struct dl_source *s, const char *shown, struct dl_err *err);
void dl_source_feed_start(struct dl_source *s);
int dl_source_feed(struct dl_source *s, const char *type, const char *p,
    size_t n, struct dl_err *err);
int dl_source_feed_end(
    struct dl_source *s, const char *type, bool *cut_off, struct dl_err *err);
void dl_source_feed_close(struct dl_source *s);

#endif
