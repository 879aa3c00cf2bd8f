/*
 * The lake: events in open, partitioned, compressed files that never change.
 *
 * A lake is a directory, or what stands for one on S3 (lake_store.h):
 *
 *	dt=2018-02-07/hour=01/part-ULID.ndjson.zst    what engines read
 *	_dl/staging/part-ULID.ndjson.zst.tmp          being written
 *	_dl/journal/KEY, _dl/lock/KEY                 see journal.h
 *	_dl/manifest.ndjson                           a line for every part
 *
 * Writing.  Events gather in a part for each partition.  Parts are published
 * together: (1) the last frame of each is packed, the file fsynced, its
 * partition's directory made; (2) where the input has checkpoints, one line of
 * the journal names the parts, fsynced; (3) their entries are appended to the
 * manifest, fsynced; (4) each is linked to its final name, never over another
 * file, and the directory fsynced.  A process that dies leaves staged files,
 * which the next writer removes, and names of parts that were never published,
 * which nobody minds.
 *
 * All parts are published when the oldest unpublished event is max_age_ms old
 * (with 0: at each checkpoint) and at the end; a part alone when it has
 * max_bytes of records, and the least recently used one when one more than
 * max_open is asked for.
 *
 * A checkpoint is safe when nothing from before it is unpublished and all that
 * was published has landed; then the latest such one is handed out to be
 * acknowledged.
 *
 * Reading needs nothing of _dl: whatever is in the partitions' directories and
 * does not begin with '.' or '_' counts.  Where there is a manifest it tells
 * which parts need not be read, and what has become of those that were merged.
 */
#ifndef DL_LAKE_H
#define DL_LAKE_H

#include "clock.h"
#include "codec.h"
#include "err.h"
#include "event.h"
#include "lake_store.h"
#include "span.h"

#include <stdint.h>

#define DL_LAKE_MAX_BYTES (64 << 20)
#define DL_LAKE_MAX_AGE_MS (5 * 60 * 1000)
#define DL_LAKE_MAX_OPEN 256
#define DL_LAKE_MOST_OPEN 1000 /* within the usual 1024 descriptors */

enum dl_lake_layout { DL_LAKE_EVENT, DL_LAKE_FLAT };

struct dl_lake_options {
	const char *partition; /* a template: partition.h */
	struct dl_codec codec;
	enum dl_lake_layout layout;
	int64_t max_bytes; /* of a part's records, before they are packed */
	int64_t max_age_ms;
	int64_t max_open;
	int64_t jobs; /* threads, or 0: as many as processors, but few */
};

struct dl_lake_counts {
	uint64_t records, parts, bytes; /* published; bytes as packed */
	uint64_t skipped;               /* an earlier run had stored them */
};

struct dl_lake_writer;

/* Are these options?  To be asked before a lake is made for them. */
int dl_lake_check(const struct dl_lake_options *o, struct dl_err *err);

/*
 * store was opened for writing, and is the writer's for as long as it is open,
 * and the caller's to close after that.  options' strings are not needed
 * afterwards.
 */
struct dl_lake_writer *dl_lake_open_write(struct dl_lake_store *store,
    const struct dl_lake_options *options, struct dl_err *err);

/* Release; what is not published is thrown away.  NULL does nothing. */
void dl_lake_close(struct dl_lake_writer *w);

/*
 * Put an event: 1, or 0 if an earlier run stored it.  -1 with *code set (a
 * short word): the record is at fault, and nothing of it was put; with *code
 * NULL: the lake is.
 */
int dl_lake_put(struct dl_lake_writer *w, const struct dl_event *ev,
    const char **code, struct dl_err *err);

/*
 * A checkpoint came.  The first one opens the journal of its key, and reads the
 * ids of what an unfinished run stored since; another key is DL_EXIT_DATA.
 */
int dl_lake_checkpoint(struct dl_lake_writer *w, struct dl_span key,
    struct dl_span position, struct dl_err *err);

/*
 * Milliseconds until dl_lake_step() has something to do; 0: now; -1: nothing
 * waits.
 */
int dl_lake_wait_ms(const struct dl_lake_writer *w);

/* Publish what is due, and see what has landed. */
int dl_lake_step(struct dl_lake_writer *w, struct dl_err *err);

/* Publish all parts. */
int dl_lake_publish(struct dl_lake_writer *w, struct dl_err *err);

/*
 * The input has ended: publish all parts, say so in the journal, and wait until
 * all has landed.
 */
int dl_lake_end(struct dl_lake_writer *w, struct dl_err *err);

/*
 * Is there a checkpoint that is safe and was not handed out?  The spans are
 * valid until the next call of any function here.
 */
bool dl_lake_safe(
    struct dl_lake_writer *w, struct dl_span *key, struct dl_span *position);

void dl_lake_counts(
    const struct dl_lake_writer *w, struct dl_lake_counts *counts);

/*
 * Reading.  T is inclusive since, exclusive until; an event whose time is
 * absent or cannot be read is in no interval.  where: the decoded value of a
 * partition's key, or, where a part's path does not have the key, the event's
 * source, subject, type or id.
 */
struct dl_lake_where {
	struct dl_span key, value;
};

struct dl_lake_query {
	bool has_since, has_until;
	struct dl_time since, until;
	const struct dl_lake_where *where;
	size_t nwhere; /* at most DL_LAKE_WHERE */
	bool has_as_of, has_limit;
	struct dl_time as_of; /* only what was recorded then */
	uint64_t limit;       /* no more events than these */
};
#define DL_LAKE_WHERE 32

/* Told of events' lines, each with its newline; -1 to stop with err. */
typedef int dl_lake_lines_fn(
    void *arg, struct dl_span lines, struct dl_err *err);

/*
 * Read what matches, in the order of the parts' paths, of the parts that were
 * there when it began; parts that cannot match are not opened.  A part that is
 * merged meanwhile is read from where its records are then: each event is told
 * of once.  A corrupt part is DL_EXIT_DATA, a key that nothing has
 * DL_EXIT_USAGE.
 *
 * What was there at as_of: parts by the time of their entry in the manifest,
 * and in a merged part what its entry says of those that it was made of; parts
 * without an entry by the time in their name, or always.  What was removed
 * since (expired, or as a duplicate) is not there any more.
 */
int dl_lake_read(struct dl_lake_store *store, const struct dl_lake_query *q,
    dl_lake_lines_fn *fn, void *arg, struct dl_err *err);

#endif
