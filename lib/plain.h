/*
 * Plain programs: the part of jq that needs no jq.
 *
 * A plain program is made of paths (.a.b[0]."c d", .a?, .[-1], $event.time),
 * their comparisons with a literal (== != < <= > >=), `and`, `or`, `not`,
 * `select(...)`, parentheses, and pipes between them.  It has at most one
 * output, which is jq's, and the errors that it can have are jq's.
 */
#ifndef DL_PLAIN_H
#define DL_PLAIN_H

#include "err.h"
#include "paths.h"
#include "span.h"

struct dl_plain;

/*
 * Read program, and want its paths of t.  NULL if it isn't plain, which is no
 * failure: jq will say what it is.  whole_event: '.' is the event.
 */
struct dl_plain *dl_plain_new(
    const char *program, bool whole_event, struct dl_paths *t);
void dl_plain_free(struct dl_plain *p);

/*
 * Its output on the record that t last walked: 1 and *value (valid as long as
 * the record), 0 none, -1 its error.
 */
int dl_plain_eval(struct dl_plain *p, const struct dl_paths *t,
    struct dl_span *value, struct dl_err *err);

/*
 * If program is a plain path, its steps (at most max), whose names lie in
 * names: their number; -1 otherwise.
 */
int dl_plain_path(const char *program, struct dl_step *steps, size_t max,
    struct dl_buf *names);

#endif
