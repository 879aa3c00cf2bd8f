#include "twin_log.h"
#include "twin_private.h"

/*
 * Records are copied out of a transaction, a chunk at a time, before anybody
 * is told of them: whoever is told may wait for a pager or a network, and LMDB
 * reuses no page that an open transaction might see.
 */
#define CHUNK (256 << 10)

struct item {
	size_t key_len, value_len;
};

static int
read_begin(struct dl_twin *t, struct dl_err *err)
{
	int rc = dl_twin_begin(t, MDB_RDONLY, &t->reader);

	dl_buf_clear(&t->chunk);
	t->nchunk = 0;
	return rc == 0 ? 0 : dl_twin_fail(t, rc, "read", err);
}

static void
read_end(struct dl_twin *t)
{
	mdb_txn_reset(t->reader);
	dl_twin_end(t);
}

static bool
chunk_full(const struct dl_twin *t)
{
	return t->chunk.len >= CHUNK || t->nchunk >= t->most;
}

/* Begin to read, with a cursor, which dl_twin_cursor_end() closes. */
MDB_cursor *
dl_twin_cursor_begin(struct dl_twin *t, MDB_dbi dbi, struct dl_err *err)
{
	MDB_cursor *c;
	int rc;

	if (read_begin(t, err) < 0)
		return NULL;
	if ((rc = mdb_cursor_open(t->reader, dbi, &c)) == 0)
		return c;
	read_end(t);
	dl_twin_fail(t, rc, "read", err);
	return NULL;
}

int
dl_twin_cursor_end(struct dl_twin *t, MDB_cursor *c, int rc, struct dl_err *err)
{
	mdb_cursor_close(c);
	read_end(t);
	if (rc != 0 && rc != MDB_NOTFOUND)
		return dl_twin_fail(t, rc, "read", err);
	return rc == 0;
}

static void
copy(struct dl_twin *t, MDB_val key, MDB_val value)
{
	struct item item = {key.mv_size, value.mv_size};

	dl_buf_add(&t->chunk, &item, sizeof(item));
	dl_buf_add(&t->chunk, key.mv_data, key.mv_size);
	dl_buf_add(&t->chunk, value.mv_data, value.mv_size);
	t->nchunk++;
}

/* Tell fn of all that was copied; returns how many, or -1. */
static int64_t
deliver(struct dl_twin *t, dl_twin_record_fn *fn, void *arg, struct dl_err *err)
{
	const char *p = t->chunk.p, *end = p + t->chunk.len;
	struct dl_twin_texts texts;
	struct dl_twin_record rec;
	struct item item;
	int64_t n = 0;

	for (; p < end; p += item.key_len + item.value_len, n++) {
		memcpy(&item, p, sizeof(item));
		p += sizeof(item);
		if (dl_twin_record_of(dl_span(p, item.key_len),
			dl_span(p + item.key_len, item.value_len), &rec, &texts,
			err) < 0) {
			dl_err_prefix(err, "twin '%s'", t->dir);
			return -1;
		}
		if (fn(arg, &rec, err) < 0)
			return -1;
	}
	return n;
}

static void
make_key(struct dl_buf *key, struct dl_span component, struct dl_span metric)
{
	dl_buf_span(key, component);
	dl_buf_addc(key, '\0');
	dl_buf_span(key, metric);
}

int
dl_twin_get(struct dl_twin *t, struct dl_span component, struct dl_span metric,
    dl_twin_record_fn *fn, void *arg, struct dl_err *err)
{
	struct dl_buf key = {0};
	MDB_val k, v;
	int rc, r = 0;

	/* Nor would LMDB take such a key. */
	if (component.len + metric.len > DL_TWIN_KEY_MAX)
		return 0;
	if (read_begin(t, err) < 0)
		return -1;
	make_key(&key, component, metric);
	k = dl_twin_val(dl_buf_as_span(&key));
	rc = mdb_get(t->reader, t->records, &k, &v);
	if (rc == 0)
		copy(t, k, v);
	else if (rc != MDB_NOTFOUND)
		r = dl_twin_fail(t, rc, "read", err);
	read_end(t);
	dl_buf_release(&key);
	return r < 0 ? -1 : (int)deliver(t, fn, arg, err);
}

/*
 * Copy a chunk of the records whose keys begin with the first nprefix bytes of
 * from, which is the key to start at (after it, if more).  from becomes the last
 * one copied.  1: there may be more, 0, -1.
 */
static int
list_chunk(struct dl_twin *t, struct dl_buf *from, size_t nprefix, bool more,
    struct dl_err *err)
{
	MDB_val k = {from->len, from->p}, v, last = {0, NULL};
	MDB_cursor *c;
	int rc;

	if ((c = dl_twin_cursor_begin(t, t->records, err)) == NULL)
		return -1;
	rc = mdb_cursor_get(
	    c, &k, &v, from->len == 0 ? MDB_FIRST : MDB_SET_RANGE);
	if (rc == 0 && more && k.mv_size == from->len &&
	    memcmp(k.mv_data, from->p, from->len) == 0)
		rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
	for (; rc == 0; rc = mdb_cursor_get(c, &k, &v, MDB_NEXT)) {
		if (k.mv_size < nprefix ||
		    (nprefix > 0 && memcmp(k.mv_data, from->p, nprefix) != 0))
			rc = MDB_NOTFOUND;
		if (rc != 0 || chunk_full(t))
			break;
		copy(t, k, v);
		last = k;
	}
	if (last.mv_data != NULL) {
		dl_buf_clear(from);
		dl_buf_add(from, last.mv_data, last.mv_size);
	}
	return dl_twin_cursor_end(t, c, rc, err);
}

int64_t
dl_twin_list(struct dl_twin *t, struct dl_span component, bool prefix,
    dl_twin_record_fn *fn, void *arg, struct dl_err *err)
{
	struct dl_buf from = {0};
	int64_t n = 0, some;
	size_t nprefix;
	int more = 0;

	if (component.len > DL_TWIN_KEY_MAX)
		return 0;
	dl_buf_span(&from, component);
	if (!prefix)
		dl_buf_addc(&from, '\0');
	nprefix = from.len;
	do {
		more = list_chunk(t, &from, nprefix, more > 0, err);
		some = more < 0 ? -1 : deliver(t, fn, arg, err);
		n += some;
	} while (more > 0 && some >= 0);
	dl_buf_release(&from);
	return some < 0 ? -1 : n;
}

int64_t
dl_twin_metrics(struct dl_twin *t, struct dl_span component,
    struct dl_span after, size_t most, dl_twin_record_fn *fn, void *arg,
    struct dl_err *err)
{
	struct dl_buf from = {0};
	size_t left = most;
	int64_t some = 0;
	int more = 1;

	if (component.len + after.len > DL_TWIN_KEY_MAX)
		return 0;
	make_key(&from, component, after);
	while (more > 0 && some >= 0 && left > 0) {
		t->most = left;
		more = list_chunk(t, &from, component.len + 1, true, err);
		some = more < 0 ? -1 : deliver(t, fn, arg, err);
		left -= some < 0 ? 0 : (size_t)some;
	}
	t->most = SIZE_MAX;
	dl_buf_release(&from);
	return some < 0 ? -1 : (int64_t)(most - left);
}

/*
 * Copy the changes after *last that are in the block at k, v, and move it,
 * until the chunk is full.  LMDB's code.
 */
static int
copy_block(struct dl_twin *t, MDB_val k, MDB_val v, uint64_t *last)
{
	struct dl_twin_log_iter it;
	size_t first;
	int rc, r = 0;

	if (k.mv_size != sizeof(first))
		return MDB_CORRUPTED;
	memcpy(&first, k.mv_data, sizeof(first));
	dl_twin_log_iter(&it, first, dl_twin_span(v));
	while (!chunk_full(t) && (r = dl_twin_log_next(&it)) > 0) {
		MDB_val key = {it.key_len, it.key}, record;

		if (it.number <= *last)
			continue;
		rc = mdb_get(t->reader, t->records, &key, &record);
		if (rc != 0)
			return rc == MDB_NOTFOUND ? MDB_CORRUPTED : rc;
		copy(t, key, record);
		*last = it.number;
	}
	return r < 0 ? MDB_CORRUPTED : 0;
}

/* Copy a chunk of the changes after *last, and move it.  1: more, 0, -1. */
static int
changes_chunk(struct dl_twin *t, uint64_t *last, struct dl_err *err)
{
	MDB_val k, v;
	MDB_cursor *c;
	int rc;

	if ((c = dl_twin_cursor_begin(t, t->changes, err)) == NULL)
		return -1;
	rc = dl_twin_log_seek(c, *last + 1, &k, &v);
	while (
	    rc == 0 && (rc = copy_block(t, k, v, last)) == 0 && !chunk_full(t))
		rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
	return dl_twin_cursor_end(t, c, rc, err);
}

int64_t
dl_twin_changes_some(struct dl_twin *t, uint64_t since, uint64_t *last,
    size_t most, dl_twin_record_fn *fn, void *arg, struct dl_err *err)
{
	size_t left = most;
	int64_t some = 0;
	int more = 1;

	*last = since;
	if (since == UINT64_MAX)
		return 0;
	while (more > 0 && some >= 0 && left > 0) {
		t->most = left;
		more = changes_chunk(t, last, err);
		some = more < 0 ? -1 : deliver(t, fn, arg, err);
		left -= some < 0 ? 0 : (size_t)some;
	}
	t->most = SIZE_MAX;
	return some < 0 ? -1 : (int64_t)(most - left);
}

int64_t
dl_twin_changes(struct dl_twin *t, uint64_t since, uint64_t *last,
    dl_twin_record_fn *fn, void *arg, struct dl_err *err)
{
	return dl_twin_changes_some(t, since, last, SIZE_MAX, fn, arg, err);
}

int
dl_twin_last_change(struct dl_twin *t, uint64_t *last, struct dl_err *err)
{
	MDB_cursor *c = dl_twin_cursor_begin(t, t->changes, err);

	if (c == NULL)
		return -1;
	return dl_twin_cursor_end(t, c, dl_twin_log_last(c, last), err) < 0 ? -1
	                                                                    : 0;
}

int64_t
dl_twin_count(struct dl_twin *t, struct dl_err *err)
{
	MDB_stat st;
	int rc;

	if (read_begin(t, err) < 0)
		return -1;
	rc = mdb_stat(t->reader, t->records, &st);
	read_end(t);
	return rc == 0 ? (int64_t)st.ms_entries
	               : dl_twin_fail(t, rc, "read", err);
}
