/*
 * What twin.c, twin_put.c, twin_commit.c and twin_read.c share; nobody else
 * includes it.
 */
#ifndef DL_TWIN_PRIVATE_H
#define DL_TWIN_PRIVATE_H

#include "twin.h"
#include "twin_batch.h"

#include <lmdb.h>

/* One member of an observation's data, checked. */
struct dl_twin_metric {
	struct dl_span name, value;
};

struct dl_twin {
	MDB_env *env;
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
	struct dl_buf chunk; /* records copied out of a transaction */
};

/* What LMDB said (rc) when it should do what: "cannot WHAT twin 'DIR': ..." */
int dl_twin_fail(
    const struct dl_twin *t, int rc, const char *what, struct dl_err *err);

/* Another process has made the map larger: follow it.  LMDB's code. */
int dl_twin_follow(struct dl_twin *t);

/* Begin a transaction, following the map; flags 0 or MDB_RDONLY.  LMDB's code. */
int dl_twin_begin(struct dl_twin *t, unsigned flags, MDB_txn **txn);

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
