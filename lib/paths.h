/*
 * Plain paths into a record, found by the scanner: all of them in one walk.
 *
 * The paths form a trie.  Walking an object compares each member's name with
 * those wanted at that level, goes into the wanted ones and skips the others.
 * Of a name that stands twice the last one counts, as in jq.  What a path leads
 * to is a span of the record's own bytes; what a step does where there is
 * nothing to go to (null, or an error with jq's text) is jq's too.
 *
 * On bytes that aren't JSON the walk stays in bounds, and fails or gives spans
 * of no meaning.  Nothing is allocated per record.
 */
#ifndef DL_PATHS_H
#define DL_PATHS_H

#include "buf.h"
#include "err.h"
#include "span.h"

#define DL_PATH_STEPS 32     /* at most, in one path */
#define DL_PATH_NAME_TOLD 30 /* bytes: a name so long is not told, as in jq */

struct dl_step {
	struct dl_span name; /* decoded; p == NULL: by index */
	int index;           /* from the end if negative */
	bool optional;       /* `?`: no result where there would be an error */
};

enum dl_root {
	DL_ROOT_DATA, /* the event's data */
	DL_ROOT_EVENT /* the event's line */
};

struct dl_paths;

struct dl_paths *dl_paths_new(void);
void dl_paths_free(struct dl_paths *t);

/*
 * Want one more path of n steps (at most DL_PATH_STEPS), which are copied.
 * Returns its number, from 0.
 */
int dl_paths_add(struct dl_paths *t, enum dl_root root,
    const struct dl_step *steps, size_t n);

/* Does any path lead from root? */
bool dl_paths_use(const struct dl_paths *t, enum dl_root root);

/*
 * Walk a record.  data lies inside event or beside it; an absent one
 * (p == NULL) is null.  -1 with DL_EXIT_DATA where it turns out not to be JSON.
 */
int dl_paths_run(struct dl_paths *t, struct dl_span data, struct dl_span event,
    struct dl_err *err);

/* What path n led to: 1 and *value, 0 nothing (by `?`), -1 an error. */
int dl_paths_get(
    const struct dl_paths *t, int n, struct dl_span *value, struct dl_err *err);

#endif
