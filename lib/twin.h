/*
 * The digital twin: the newest value of every metric of every component, in
 * LMDB.
 *
 * The twin is a join: of two observations of one key the later in the order
 * (time, sequence, id, value's bytes) stays, so any order and any repetition
 * of the same events gives the same, byte for byte.  Times compare as instants;
 * an absent sequence is before any other, sequences of digits alone compare as
 * numbers and are before the rest, which compare by bytes.  Observations that
 * tie in all four are one observation acquired twice: the smaller (source,
 * recordedtime, printed time) stays.  Nothing that is printed depends on when
 * or how often something was put.
 *
 * On disk: a directory with LMDB's data.mdb and lock.mdb.  Database "records"
 * has twin_record.h's keys and values; "changes" is the compacted change log,
 * twin_log.h: the keys by the number of their last change.  A commit is
 * durable when it returns.  The map begins at 1 MiB and doubles when it is
 * full.  Many processes may read while one writes; writers wait for each other.
 */
#ifndef DL_TWIN_H
#define DL_TWIN_H

#include "buf.h"
#include "clock.h"
#include "err.h"
#include "event.h"
#include "span.h"

#include <stdint.h>

#define DL_TWIN_KEY_MAX 480         /* bytes of component and metric together */
#define DL_TWIN_VALUE_MAX (1 << 20) /* JSON bytes of one metric */
#define DL_TWIN_TEXT_MAX 4096       /* of sequence, id, source, recordedtime */
#define DL_TWIN_METRICS_MAX 4096    /* in one observation */
#define DL_TWIN_MAX_FUTURE_MS (5 * 60 * 1000)

enum dl_twin_verdict {
	DL_TWIN_APPLIED,   /* it is now the newest */
	DL_TWIN_STALE,     /* a newer one was there, or in the same batch */
	DL_TWIN_DUPLICATE, /* this very observation was there, or in the batch */
	DL_TWIN_UNCHANGED, /* newer, and of the same value: it is now the newest */
	DL_TWIN_FUTURE     /* refused: too far ahead of the clock */
};
#define DL_TWIN_VERDICTS 5

/* "applied", ... */
const char *dl_twin_verdict_name(enum dl_twin_verdict verdict);

struct dl_twin_record {
	struct dl_span component, metric;
	struct dl_span value; /* JSON bytes */
	struct dl_span time, sequence, source, id, recordedtime;
	struct dl_time instant; /* time, parsed */
	uint64_t change;        /* its number in the change log */
};

struct dl_twin;

/*
 * Told of each metric of each observation: when its batch is durable, in the
 * order of keys, what stays before what lost to it; DL_TWIN_FUTURE at once.
 */
typedef int dl_twin_verdict_fn(void *arg, const struct dl_twin_record *rec,
    enum dl_twin_verdict verdict, struct dl_err *err);

/* Open dir (made if absent) for writing, and reading too. */
struct dl_twin *dl_twin_open_write(const char *dir, struct dl_err *err);

/*
 * Open dir for reading; never makes anything.  Where there is no twin yet:
 * DL_EXIT_TEMP.
 */
struct dl_twin *dl_twin_open_read(const char *dir, struct dl_err *err);

/*
 * Another handle, for reading, on what t has open, since a process may open a
 * directory only once.  A handle is for one thread at a time; those of one twin
 * may be used side by side, and t be written to meanwhile.  It is closed by
 * dl_twin_close(), before t is.
 */
struct dl_twin *dl_twin_reader(struct dl_twin *t);

void dl_twin_set_verdicts(struct dl_twin *t, dl_twin_verdict_fn *fn, void *arg);

/* How far ahead of the clock a time may be; DL_TWIN_MAX_FUTURE_MS unless set. */
void dl_twin_set_max_future(struct dl_twin *t, int64_t ms);

/*
 * Has ev what an observation needs: its type, a component, a time within the
 * years 0 to 9999 (in *time), an object of metrics?  What dl_twin_put() asks
 * first.  DL_EXIT_DATA.
 */
int dl_twin_observation(
    const struct dl_event *ev, struct dl_time *time, struct dl_err *err);

enum dl_twin_put {
	DL_TWIN_PUT_FAIL = -1, /* the twin failed; err says how */
	DL_TWIN_PUT_OK = 0,
	DL_TWIN_PUT_BAD = 1,    /* the event is wrong: err, DL_EXIT_DATA */
	DL_TWIN_PUT_REFUSED = 2 /* it is from the future: err, DL_EXIT_DATA */
};

/*
 * Put an observation: every member of ev->data is a metric of component
 * ev->subject at ev->time; the last of members of one name counts.  Copied into
 * the batch until dl_twin_commit(), or until the batch is full (which commits
 * it).  DL_TWIN_PUT_BAD: not an observation, no subject, no time, data not an
 * object or not valid, a name that is empty, too long or has control
 * characters, a limit above passed.  Where it isn't DL_TWIN_PUT_OK, nothing of
 * the event is put.
 */
enum dl_twin_put dl_twin_put(
    struct dl_twin *t, const struct dl_event *ev, struct dl_err *err);

/*
 * Decide the batch and make it durable.  A batch may take several transactions
 * of LMDB; after a failure (a full disk) what was not decided is still there,
 * and the call may be repeated.
 */
int dl_twin_commit(struct dl_twin *t, struct dl_err *err);

/*
 * Has a write failed in its last step?  LMDB then takes no more from this
 * process, reading too: it must be opened again, by a process that starts.
 */
bool dl_twin_broken(struct dl_twin *t, struct dl_err *err);

/* Forget what is in the batch, after a failure that lasts. */
void dl_twin_forget(struct dl_twin *t);

/* How many bytes wait in the batch; 0: nothing to commit. */
size_t dl_twin_pending(const struct dl_twin *t);

/* How many metrics had each verdict since it was opened. */
const uint64_t *dl_twin_counts(const struct dl_twin *t);

/* Release; what was not committed is forgotten.  NULL does nothing. */
void dl_twin_close(struct dl_twin *t);

/*
 * Reading.  fn is given records whose spans are valid during the call; it must
 * not read from t; it returns -1 to stop with err.  No transaction is open
 * while fn runs, so that a slow reader never keeps a writer from using pages
 * again: every record is whole, but a long list is not of one instant.
 */
typedef int dl_twin_record_fn(
    void *arg, const struct dl_twin_record *rec, struct dl_err *err);

/* One record: 1, 0 absent, -1. */
int dl_twin_get(struct dl_twin *t, struct dl_span component,
    struct dl_span metric, dl_twin_record_fn *fn, void *arg,
    struct dl_err *err);

/*
 * All records in the order of their keys whose component is component or, with
 * prefix, begins with it (an empty span and prefix: all).  Returns how many,
 * or -1.
 */
int64_t dl_twin_list(struct dl_twin *t, struct dl_span component, bool prefix,
    dl_twin_record_fn *fn, void *arg, struct dl_err *err);

/*
 * At most most records of a component, in the order of their metrics, whose
 * metric comes after after (empty: from the first).  Returns how many, or -1.
 */
int64_t dl_twin_metrics(struct dl_twin *t, struct dl_span component,
    struct dl_span after, size_t most, dl_twin_record_fn *fn, void *arg,
    struct dl_err *err);

/*
 * The names of components, in the order of their bytes, that begin with prefix
 * and come after after (empty: from the first).  fn, for which the same holds as
 * for the reading of records, returns 1 to go on and 0 to end.  Returns how
 * many it was told of, or -1.
 */
typedef int dl_twin_name_fn(
    void *arg, struct dl_span component, struct dl_err *err);
int64_t dl_twin_components(struct dl_twin *t, struct dl_span prefix,
    struct dl_span after, dl_twin_name_fn *fn, void *arg, struct dl_err *err);

/*
 * Changes after number since, oldest first; *last becomes the newest number
 * seen (since, if none).  Returns how many, or -1.
 */
int64_t dl_twin_changes(struct dl_twin *t, uint64_t since, uint64_t *last,
    dl_twin_record_fn *fn, void *arg, struct dl_err *err);

/* The same, but at most most of them. */
int64_t dl_twin_changes_some(struct dl_twin *t, uint64_t since, uint64_t *last,
    size_t most, dl_twin_record_fn *fn, void *arg, struct dl_err *err);

/* The newest number in the change log; 0 if it is empty. */
int dl_twin_last_change(struct dl_twin *t, uint64_t *last, struct dl_err *err);

/* How many records there are, or -1. */
int64_t dl_twin_count(struct dl_twin *t, struct dl_err *err);

/* The file that every commit writes to, for dl_watch_open(). */
const char *dl_twin_data_path(const struct dl_twin *t);

/* Append {"component":…,…,"recordedtime":…} without a newline. */
void dl_twin_print(struct dl_buf *b, const struct dl_twin_record *rec);

#endif
