/*
 * A source at work: acquires, makes events, and says how far it is safe.
 *
 * Events go to standard output, wrong items to the dead letters.  A URL's
 * source writes a checkpoint at its start and one after every acquisition that
 * was whole and brought something; what was cut off in its middle gets none,
 * so that it is acquired again.  See source_state.h for what is remembered.
 */
#ifndef DL_SOURCE_H
#define DL_SOURCE_H

#include "err.h"
#include "metric.h"
#include "source_spec.h"

#include <signal.h>

struct dl_source;

/*
 * Prepare.  spec, dead (a path, or NULL) and counts, which items are counted
 * in, are borrowed.  home is where state is kept, under the lock of the source's name (DL_EXIT_TEMP: another run holds
 * it); NULL: standard input will be read, which has none.  When *stop becomes
 * true, what goes on ends at once.
 */
struct dl_source *dl_source_open(const struct dl_source_spec *spec,
    const char *home, const char *dead, struct dl_counts *counts,
    const volatile sig_atomic_t *stop, struct dl_err *err);

/*
 * Acquire from the URL: once, or with follow every spec->every_ms, measured
 * from start to start, until *stop.  Temporary failures are tried again; with
 * follow, one that stays is logged and the next acquisition goes on.
 */
int dl_source_run(struct dl_source *s, bool follow, struct dl_err *err);

/*
 * Read fd to its end, and let nothing wait in here while it is silent.  The
 * *stop of a signal is not looked at: whoever feeds fd ends it.
 */
int dl_source_read(struct dl_source *s, int fd, struct dl_err *err);

/* Write all, make the dead letters durable, say the counts (-v), release. */
int dl_source_close(struct dl_source *s, struct dl_err *err);

#endif
