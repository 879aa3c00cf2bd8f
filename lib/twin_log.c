#include "twin_log.h"

void
dl_twin_log_iter(
    struct dl_twin_log_iter *it, uint64_t first, struct dl_span block)
{
	it->rest = block;
	it->first = it->number = first;
	it->key_len = 0;
}

int
dl_twin_log_next(struct dl_twin_log_iter *it)
{
	uint64_t number, shared, more;

	if (it->rest.len == 0)
		return 0;
	if (!dl_varint_take(&it->rest, &number) ||
	    !dl_varint_take(&it->rest, &shared) ||
	    !dl_varint_take(&it->rest, &more) || shared > it->key_len ||
	    more > DL_TWIN_LOG_KEY - shared || more > it->rest.len ||
	    shared + more == 0 || number > UINT64_MAX - it->first)
		return -1;
	number += it->first;
	if (it->key_len > 0 && number <= it->number)
		return -1;
	it->number = number;
	memcpy(it->key + shared, it->rest.p, (size_t)more);
	it->key_len = (size_t)(shared + more);
	it->rest = dl_span(it->rest.p + more, it->rest.len - (size_t)more);
	return 1;
}

bool
dl_twin_log_add(
    struct dl_twin_log_block *b, uint64_t number, struct dl_span key)
{
	uint8_t *p = b->bytes + b->len;
	size_t shared = 0, more;

	if (b->len > DL_TWIN_LOG_BLOCK)
		return false;
	if (b->len == 0) {
		b->first = number;
		b->key_len = 0;
	}
	while (shared < b->key_len && shared < key.len &&
	       b->key[shared] == key.p[shared])
		shared++;
	more = key.len - shared;
	p = dl_varint_store(p, number - b->first);
	p = dl_varint_store(p, shared);
	p = dl_varint_store(p, more);
	if (more > 0) {
		memcpy(p, key.p + shared, more);
		memcpy(b->key + shared, key.p + shared, more);
	}
	b->key_len = key.len;
	b->len = (size_t)(p + more - b->bytes);
	return true;
}

static int
first_of(MDB_val k, uint64_t *first)
{
	size_t number;

	if (k.mv_size != sizeof(number))
		return MDB_CORRUPTED;
	memcpy(&number, k.mv_data, sizeof(number));
	*first = number;
	return 0;
}

int
dl_twin_log_seek(MDB_cursor *c, uint64_t number, MDB_val *k, MDB_val *v)
{
	size_t key = number;
	MDB_val first;
	int rc;

	*k = (MDB_val){sizeof(key), &key};
	rc = mdb_cursor_get(c, k, v, MDB_SET_RANGE);
	if (rc == MDB_NOTFOUND)
		return mdb_cursor_get(c, k, v, MDB_LAST);
	if (rc != 0 || (k->mv_size == sizeof(key) &&
			   memcmp(k->mv_data, &key, sizeof(key)) == 0))
		return rc;
	first = *k;
	rc = mdb_cursor_get(c, k, v, MDB_PREV);
	if (rc != MDB_NOTFOUND)
		return rc;
	*k = first;
	return mdb_cursor_get(c, k, v, MDB_FIRST);
}

int
dl_twin_log_last(MDB_cursor *c, uint64_t *number)
{
	struct dl_twin_log_iter it;
	MDB_val k, v;
	uint64_t first;
	int rc, r;

	*number = 0;
	if ((rc = mdb_cursor_get(c, &k, &v, MDB_LAST)) != 0)
		return rc == MDB_NOTFOUND ? 0 : rc;
	if ((rc = first_of(k, &first)) != 0)
		return rc;
	dl_twin_log_iter(&it, first, dl_span(v.mv_data, v.mv_size));
	while ((r = dl_twin_log_next(&it)) > 0)
		*number = it.number;
	return r < 0 ? MDB_CORRUPTED : 0;
}

static int
put(MDB_cursor *c, const struct dl_twin_log_block *b, unsigned flags)
{
	size_t first = b->first;
	MDB_val k = {sizeof(first), &first};
	MDB_val v = {b->len, (void *)(uintptr_t)b->bytes};

	return b->len == 0 ? 0 : mdb_cursor_put(c, &k, &v, flags);
}

/*
 * Make *b of what is left of block it without those of numbers[0..n) that are
 * in it; *removed is how many.  Returns how many of numbers this settles, at
 * least 1; 0: it isn't a block.
 */
static size_t
filter(struct dl_twin_log_block *b, struct dl_twin_log_iter *it,
    const struct dl_radix *numbers, size_t n, size_t *removed)
{
	size_t i = 0;
	int r;

	b->len = 0;
	*removed = 0;
	while ((r = dl_twin_log_next(it)) > 0) {
		while (i < n && numbers[i].key < it->number)
			i++;
		if (i < n && numbers[i].key == it->number)
			++*removed;
		else if (!dl_twin_log_add(
			     b, it->number, dl_span(it->key, it->key_len)))
			return 0;
	}
	while (i < n && numbers[i].key <= it->number)
		i++;
	if (r < 0)
		return 0;
	return i == 0 ? 1 : i;
}

int
dl_twin_log_remove(MDB_cursor *c, const struct dl_radix *numbers, size_t n)
{
	struct dl_twin_log_iter it;
	struct dl_twin_log_block b;
	size_t removed, settled;
	uint64_t first;
	MDB_val k, v;
	int rc;

	for (; n > 0; numbers += settled, n -= settled) {
		rc = dl_twin_log_seek(c, numbers->key, &k, &v);
		if (rc != 0)
			return rc == MDB_NOTFOUND ? 0 : rc;
		if ((rc = first_of(k, &first)) != 0)
			return rc;
		dl_twin_log_iter(&it, first, dl_span(v.mv_data, v.mv_size));
		settled = filter(&b, &it, numbers, n, &removed);
		if (settled == 0)
			return MDB_CORRUPTED;
		if (removed == 0)
			continue;
		/* Not put in its place: LMDB joins pages when it deletes. */
		if ((rc = mdb_cursor_del(c, 0)) != 0 ||
		    (rc = put(c, &b, 0)) != 0)
			return rc;
	}
	return 0;
}

int
dl_twin_log_append(MDB_cursor *c, struct dl_twin_log_block *b, uint64_t number,
    struct dl_span key)
{
	int rc;

	if (b->len + key.len + 3 * DL_VARINT_MAX > DL_TWIN_LOG_BLOCK &&
	    (rc = dl_twin_log_flush(c, b)) != 0)
		return rc;
	dl_twin_log_add(b, number, key);
	return 0;
}

int
dl_twin_log_flush(MDB_cursor *c, struct dl_twin_log_block *b)
{
	int rc = put(c, b, MDB_APPEND);

	b->len = 0;
	return rc;
}
