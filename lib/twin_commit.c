#include "twin_log.h"
#include "twin_private.h"

/*
 * A batch goes into the tree in the order of its keys, in one or more
 * transactions.  LMDB keeps the pages that a transaction changes in memory
 * until it commits, a page for every record where keys are scattered.  So a
 * transaction ends where DIRTY_MAX of them have gathered: memory is bounded, and
 * since a transaction covers a contiguous run of keys, hardly a page is written
 * twice.  Each is durable and right by itself, the twin being a join.
 */
#define DIRTY_MAX (12 << 20)
#define NEAR 256  /* numbers in about a page of the change log */
#define SEEN 1024 /* slots to recognise such pages by */

struct apply {
	struct dl_twin *t;
	MDB_txn *txn;
	MDB_cursor *records, *changes;
	uint64_t number; /* the last in the change log */
	size_t dirty;    /* bytes of changed pages, estimated */
	const char
	    *page;   /* somewhere in the page changed last; NULL: unknown */
	bool at_end; /* all that follows is after all keys */
	struct dl_twin_log_block block; /* of the change log, being made */
	uint64_t counts[DL_TWIN_VERDICTS];
	uint64_t seen[SEEN];
};

/*
 * A place in a page that is about to change.  LMDB doesn't tell whether it is
 * changed already; but keys come in order, so it is if it is the last one.
 */
static void
will_change(struct apply *a, const char *place)
{
	uintptr_t x = (uintptr_t)place, y = (uintptr_t)a->page;

	if (a->page != NULL && (x > y ? x - y : y - x) < a->t->page)
		return;
	a->dirty += a->t->page;
	a->page = NULL;
}

/* An entry of the change log goes, once all are known. */
static void
forget_change(struct apply *a, uint64_t number, size_t key_len)
{
	struct dl_twin *t = a->t;
	uint64_t near = number / NEAR + 1;
	uint64_t *slot = &a->seen[near % SEEN];

	a->dirty += key_len;
	if (*slot != near) {
		*slot = near;
		a->dirty += t->page;
	}
	if (t->nold == t->old_cap) {
		t->old_cap = t->old_cap == 0 ? 1024 : 2 * t->old_cap;
		t->old = dl_realloc(t->old, t->old_cap * sizeof(*t->old));
	}
	t->old[t->nold++].key = number;
}

/*
 * Write o under key, at the cursor where the key exists, and into the change
 * log.  LMDB's code.
 */
static int
write_record(
    struct apply *a, struct dl_span key, struct dl_twin_obs *o, bool exists)
{
	struct dl_twin *t = a->t;
	MDB_val k = dl_twin_val(key), v;
	size_t size;
	int rc;

	o->change = ++a->number;
	size = dl_twin_encoded(o);
	v = (MDB_val){size, NULL};
	a->dirty += key.len; /* in the change log */
	if (!exists || size > t->page / 2)
		a->dirty += 2 * (key.len + size);
	if (!exists) {
		rc = mdb_cursor_put(a->records, &k, &v,
		    MDB_RESERVE | (a->at_end ? MDB_APPEND : 0));
		if (rc == 0)
			dl_twin_encode(o, v.mv_data);
	} else {
		/* MDB_CURRENT saves a search, but not with MDB_RESERVE. */
		dl_buf_clear(&t->encoded);
		dl_buf_room(&t->encoded, size);
		dl_twin_encode(o, t->encoded.p);
		v.mv_data = t->encoded.p;
		rc = mdb_cursor_put(a->records, &k, &v, MDB_CURRENT);
		if (rc == 0 && a->page == NULL)
			rc =
			    mdb_cursor_get(a->records, &k, &v, MDB_GET_CURRENT);
	}
	if (!exists || a->page == NULL)
		a->page = v.mv_data;
	return rc != 0
	           ? rc
	           : dl_twin_log_append(a->changes, &a->block, o->change, key);
}

static int
damaged(const struct apply *a, struct dl_span key, struct dl_err *err)
{
	const char *nul = memchr(key.p, '\0', key.len);
	int n = (int)(nul == NULL ? key.len : (size_t)(nul - key.p));

	dl_err_prefix(err, "twin '%s', component '%.*s'", a->t->dir, n, key.p);
	return -1;
}

/* What becomes of e, which says is, where was is; does it take its place? */
static bool
judge(struct dl_twin_entry *e, const struct dl_twin_obs *is,
    const struct dl_twin_obs *was)
{
	int order = dl_twin_cmp(is, was);

	if (order == 0)
		e->verdict = DL_TWIN_DUPLICATE;
	else if (order < 0)
		e->verdict = DL_TWIN_STALE;
	else if (dl_span_eq(is->value, was->value))
		e->verdict = DL_TWIN_UNCHANGED;
	return order > 0 || (order == 0 && dl_twin_join_cmp(is, was) > 0);
}

/*
 * Find out what becomes of e, and write it if it stays.  *rc is LMDB's code;
 * -1 is a failure that isn't LMDB's.
 */
static int
decide(struct apply *a, struct dl_twin_entry *e, int *rc, struct dl_err *err)
{
	struct dl_span key = dl_twin_batch_key(&a->t->batch, e);
	MDB_val k = dl_twin_val(key), v;
	struct dl_twin_obs is, was;

	e->verdict = DL_TWIN_APPLIED;
	dl_twin_batch_obs(&a->t->batch, e, &is);
	*rc = a->at_end ? MDB_NOTFOUND
	                : mdb_cursor_get(a->records, &k, &v, MDB_SET_RANGE);
	if (*rc == MDB_NOTFOUND) {
		a->at_end = true;
		*rc = write_record(a, key, &is, false);
		return 0;
	}
	if (*rc != 0)
		return 0;
	if (!dl_span_eq(dl_twin_span(k), key)) {
		will_change(a, v.mv_data); /* it goes beside that one */
		*rc = write_record(a, key, &is, false);
		return 0;
	}
	if (dl_twin_decode(dl_twin_span(v), &was, err) < 0)
		return damaged(a, key, err);
	if (judge(e, &is, &was)) {
		will_change(a, v.mv_data);
		forget_change(a, was.change, key.len);
		*rc = write_record(a, key, &is, true);
	}
	return 0;
}

/*
 * Take the old entries out of the change log, in its order, and end it.  LMDB's
 * code.
 */
static int
finish_log(struct apply *a)
{
	struct dl_twin *t = a->t;
	int rc;

	/* Not more than the keys, so what served to sort these has room. */
	dl_radix_sort(t->old, t->batch.spare, t->nold);
	rc = dl_twin_log_remove(a->changes, t->old, t->nold);
	return rc != 0 ? rc : dl_twin_log_flush(a->changes, &a->block);
}

/* Begin: the transaction, its cursors, the change log's end.  LMDB's code. */
static int
apply_begin(struct apply *a)
{
	int rc;

	a->t->nold = 0;
	if ((rc = dl_twin_begin(a->t, 0, &a->txn)) != 0 ||
	    (rc = mdb_cursor_open(a->txn, a->t->records, &a->records)) != 0 ||
	    (rc = mdb_cursor_open(a->txn, a->t->changes, &a->changes)) != 0)
		return rc;
	return dl_twin_log_last(a->changes, &a->number);
}

/*
 * One transaction over order[from..], as much as fits; *to is where it ended.
 * *rc is LMDB's code; -1 is a failure that isn't LMDB's.
 */
static int
apply(struct dl_twin *t, size_t from, size_t *to, int *rc, struct dl_err *err)
{
	struct dl_twin_batch *b = &t->batch;
	struct apply a = {.t = t};
	size_t i = from;
	int r = 0;

	*rc = apply_begin(&a);
	while (*rc == 0 && r == 0 && i < b->norder && a.dirty < DIRTY_MAX) {
		struct dl_twin_entry *e = &b->entries[b->order[i].index];

		dl_twin_batch_send_for(b, i++, true);
		r = decide(&a, e, rc, err);
		a.counts[e->verdict]++;
	}
	if (*rc == 0 && r == 0)
		*rc = finish_log(&a);
	if (*rc == 0 && r == 0)
		*rc = mdb_txn_commit(a.txn); /* and frees the cursors */
	else
		mdb_txn_abort(a.txn);
	if (a.txn != NULL)
		dl_twin_end(t);
	if (*rc == 0 && r == 0)
		for (int v = 0; v < DL_TWIN_VERDICTS; v++)
			t->counts[v] += a.counts[v];
	*to = i;
	return r;
}

/* apply(), with as much room as it takes. */
static int
apply_growing(struct dl_twin *t, size_t from, size_t *to, struct dl_err *err)
{
	MDB_envinfo info;
	int rc;

	for (;;) {
		if (apply(t, from, to, &rc, err) < 0)
			return -1;
		if (rc == 0)
			return 0;
		if (rc != MDB_MAP_FULL)
			return dl_twin_fail(t, rc, "write to", err);
		if ((rc = mdb_env_info(t->env, &info)) != 0 ||
		    (rc = dl_twin_resize(t, 2 * info.me_mapsize)) != 0)
			return dl_twin_fail(t, rc, "grow", err);
	}
}

static int
tell(struct dl_twin *t, const struct dl_twin_entry *e,
    enum dl_twin_verdict verdict, struct dl_err *err)
{
	struct dl_twin_texts texts;
	struct dl_twin_obs o;
	struct dl_twin_record rec;

	dl_twin_batch_obs(&t->batch, e, &o);
	dl_twin_record_fill(&rec, &o, &texts);
	dl_twin_key_split(
	    dl_twin_batch_key(&t->batch, e), &rec.component, &rec.metric);
	return t->verdict(t->verdict_arg, &rec, verdict, err);
}

/* Tell of e, and of what lost to it in the batch. */
static int
tell_all(struct dl_twin *t, const struct dl_twin_entry *e, struct dl_err *err)
{
	const struct dl_twin_entry *loser;
	struct dl_twin_obs x, y;

	if (tell(t, e, e->verdict, err) < 0)
		return -1;
	if (e->loser != 0)
		dl_twin_batch_obs(&t->batch, e, &x);
	for (uint32_t i = e->loser; i != 0; i = loser->loser) {
		enum dl_twin_verdict verdict = DL_TWIN_STALE;

		loser = &t->batch.entries[i - 1];
		dl_twin_batch_obs(&t->batch, loser, &y);
		if (dl_twin_cmp(&x, &y) == 0)
			verdict = DL_TWIN_DUPLICATE;
		t->counts[verdict]++;
		if (tell(t, loser, verdict, err) < 0)
			return -1;
	}
	return 0;
}

int
dl_twin_commit(struct dl_twin *t, struct dl_err *err)
{
	struct dl_twin_batch *b = &t->batch;
	size_t to;

	if (!t->sorted) {
		dl_twin_batch_sort(b);
		t->sorted = true;
		t->decided = 0;
	}
	while (t->decided < b->norder) {
		if (apply_growing(t, t->decided, &to, err) < 0)
			return -1;
		if (t->verdict == NULL)
			t->decided = to;
		for (; t->decided < to; t->decided++)
			if (tell_all(t, &b->entries[b->order[t->decided].index],
				err) < 0)
				return -1;
	}
	t->counts[DL_TWIN_STALE] += b->nstale;
	t->counts[DL_TWIN_DUPLICATE] += b->ndup;
	dl_twin_batch_clear(b);
	t->sorted = false;
	return 0;
}

bool
dl_twin_broken(struct dl_twin *t, struct dl_err *err)
{
	int rc = dl_twin_begin(t, MDB_RDONLY, &t->reader);

	if (rc == 0) {
		mdb_txn_reset(t->reader);
		dl_twin_end(t);
	}
	if (rc != MDB_PANIC)
		return false;
	dl_twin_fail(t, rc, "go on with", err);
	return true;
}

void
dl_twin_forget(struct dl_twin *t)
{
	dl_twin_batch_clear(&t->batch);
	t->sorted = false;
}
