/*
 * Templates that turn events into observations (dl-extract(5)).
 *
 * A specification is loaded once; then each event gives an observation for
 * each template that applies to it, or, with `each`, one for each element of a
 * list.  Observations come out as whole lines, in the order of the templates.
 */
#ifndef DL_EXTRACT_H
#define DL_EXTRACT_H

#include "buf.h"
#include "err.h"
#include "event.h"
#include "span.h"

#include <stdint.h>

#define DL_EXTRACT_TEMPLATES 1000 /* in one specification, at most */

/* The observations of one event are at most so many bytes together. */
#define DL_EXTRACT_MAX (64 << 20)

struct dl_extract;

/* Load path.  An error is DL_EXIT_CONF and names its line. */
struct dl_extract *dl_extract_load(const char *path, struct dl_err *err);
void dl_extract_free(struct dl_extract *x);

/*
 * The name of the step that path makes: the file's, without its directory and
 * without .yaml, .yml and a .extract before that.  A part of path.
 */
struct dl_span dl_extract_step(const char *path);

/* What the hash of the step is of; valid as long as x. */
struct dl_span dl_extract_program(const struct dl_extract *x);

/*
 * Append the observations of ev to out.  Returns how many; -1 if any of them
 * failed, with DL_EXIT_DATA and *code for the dead letter ("program",
 * "component", "time", "each", "json", "too-long"): out is then as it was.
 */
int64_t dl_extract_event(struct dl_extract *x, const struct dl_event *ev,
    struct dl_buf *out, const char **code, struct dl_err *err);

#endif
