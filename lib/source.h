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

struct dl_source_options {
	/*
	 * Where state is kept, under the lock of the source's name
	 * (DL_EXIT_TEMP: another run holds it); NULL: standard input will be
	 * read, which has none.
	 */
	const char *home;
	const char *dead;         /* path of the dead letters, or NULL */
	struct dl_counts *counts; /* items are counted in it */
	const volatile sig_atomic_t *stop; /* what goes on then ends at once */
	bool follow;
	/* Fetch the windows between these once, or NULL; to may be NULL: now. */
	const char *from, *to;
	bool quiet; /* no progress is drawn */
	bool check; /* open all that can be told offline, and no more */
	/* A look: at most look_most events, nothing stored or committed. */
	bool look;
	uint64_t look_most;
};

/* Prepare.  spec and what o points to are borrowed. */
struct dl_source *dl_source_open(const struct dl_source_spec *spec,
    const struct dl_source_options *o, struct dl_err *err);

/*
 * Acquire from the URL: once, or with follow every spec->every_ms, measured
 * from start to start, until *stop.  Temporary failures are tried again; with
 * follow, one that stays is logged and the next acquisition goes on.
 */
int dl_source_run(struct dl_source *s, struct dl_err *err);

/*
 * Read fd to its end, and let nothing wait in here while it is silent.  The
 * *stop of a signal is not looked at: whoever feeds fd ends it.
 */
int dl_source_read(struct dl_source *s, int fd, struct dl_err *err);

/* Write all, make the dead letters durable, say the counts (-v), release. */
int dl_source_close(struct dl_source *s, struct dl_err *err);

#endif
