/*
 * What the files of the twin that call LMDB share; nobody else
 * includes it.
 */
#ifndef DL_TWIN_PRIVATE_H
#define DL_TWIN_PRIVATE_H

#include "twin.h"
#include "twin_batch.h"

#include <lmdb.h>
#include <pthread.h>

/* One member of an observation's data, checked. */
struct dl_twin_metric {
	struct dl_span name, value;
};

/*
 * An environment, with all its handles in this process.  LMDB lets its map be
 * changed only while no transaction is open: whoever has one holds map shared,
 * and whoever changes it, alone.
 */
struct dl_twin_env {
	MDB_env *env;
	pthread_rwlock_t map;
};

struct dl_twin {
	struct dl_twin_env *shared;
	bool borrowed; /* another handle opened it, and will close it */
	MDB_env *env;  /* shared->env */
	MDB_dbi records, changes;
	size_t page; /* bytes */
	char *dir, *data_path;

	/* writing */
	struct dl_twin_batch batch;
	size_t decided; /* of batch.order, all before it are durable */
	bool sorted;    /* batch.order is of all that is in the batch */
	struct dl_twin_metric *metrics;
	struct dl_buf names;   /* decoded */
	struct dl_buf encoded; /* a record, on its way into LMDB */
	struct dl_radix *old;  /* numbers to take out of the change log */
	size_t nold, old_cap;
	struct dl_time recorded; /* what this recordedtime is, as an instant */
	char recorded_text[DL_TIME_MAX];
	size_t recorded_len; /* 0: of none */
	int64_t max_future_ms;
	struct dl_time now; /* some time ago */
	dl_twin_verdict_fn *verdict;
	void *verdict_arg;
	uint64_t counts[DL_TWIN_VERDICTS];

	/* reading */
	MDB_txn *reader;     /* reset while nobody reads */
	struct dl_buf chunk; /* what was copied out of a transaction */
	size_t nchunk, most; /* items in it, and how many it takes at most */
};

/* What LMDB said (rc) when it should do what: "cannot WHAT twin 'DIR': ..." */
int dl_twin_fail(
    const struct dl_twin *t, int rc, const char *what, struct dl_err *err);

/* Make the map bytes long; 0: as another process has made it.  LMDB's code. */
int dl_twin_resize(struct dl_twin *t, size_t bytes);

/*
 * Begin a transaction, following the map; flags 0 or MDB_RDONLY.  One that is
 * in *txn, and was reset, is renewed.  LMDB's code; where it is 0, the map is
 * held until dl_twin_end(), which comes after the transaction's own end.
 */
int dl_twin_begin(struct dl_twin *t, unsigned flags, MDB_txn **txn);
void dl_twin_end(struct dl_twin *t);

/* Begin to read into the empty chunk, by a cursor; NULL: see err. */
MDB_cursor *dl_twin_cursor_begin(
    struct dl_twin *t, MDB_dbi dbi, struct dl_err *err);

/*
 * End it; rc is what the last call with c gave.  1: there may be more, 0, -1.
 */
int dl_twin_cursor_end(
    struct dl_twin *t, MDB_cursor *c, int rc, struct dl_err *err);

static inline struct dl_span
dl_twin_span(MDB_val v)
{
	return dl_span(v.mv_data, v.mv_size);
}

static inline MDB_val
dl_twin_val(struct dl_span s)
{
	return (MDB_val){s.len, (void *)(uintptr_t)s.p};
}

#endif
