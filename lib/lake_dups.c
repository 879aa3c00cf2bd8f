/*
 * All ids are gathered and sorted.  Only where there are fewer of them than
 * lines the parts are read again: an id counts as unmet until its first line.
 */
#include "lake_dups.h"

#include "idset.h"

#include <stdlib.h>

struct finder {
	struct dl_idset ids;
	uint64_t added;
	struct dl_lake_dups *dups; /* of the part at hand */
	uint64_t line;             /* its number, from 0 */
	struct dl_event ev;
	struct dl_buf scratch;
};

static int
gather(void *arg, struct dl_span line, struct dl_err *err)
{
	struct finder *f = arg;

	if (!dl_lake_event_of(&f->ev, line, &f->scratch))
		return 0;
	f->added++;
	return dl_idset_add(
	    &f->ids, dl_hash_pair(f->ev.source, f->ev.id), true, err);
}

static void
set_bit(struct dl_lake_dups *d, uint64_t line)
{
	uint64_t words = d->nbits / 64, more = line / 64 + 1;

	if (words < more) {
		more = more < 2 * words ? 2 * words : more;
		d->bits = dl_realloc(d->bits, more * sizeof(*d->bits));
		memset(d->bits + words, 0, (more - words) * sizeof(*d->bits));
		d->nbits = more * 64;
	}
	d->bits[line / 64] |= UINT64_C(1) << line % 64;
	d->n++;
}

static int
mark(void *arg, struct dl_span line, struct dl_err *err)
{
	struct finder *f = arg;
	uint64_t number = f->line++;
	size_t unmet = f->ids.unmet;

	(void)err;
	if (dl_lake_event_of(&f->ev, line, &f->scratch) &&
	    dl_idset_meet(&f->ids, dl_hash_pair(f->ev.source, f->ev.id)) &&
	    f->ids.unmet == unmet)
		set_bit(f->dups, number);
	return 0;
}

/* Both times: each part, until one is not well. */
static enum dl_lake_found
each_part(struct finder *f, struct dl_lake_store *store,
    const struct dl_lake_item *const *items, size_t n,
    struct dl_lake_dups *dups, const volatile sig_atomic_t *stop, size_t *which,
    struct dl_err *err)
{
	enum dl_lake_found what = DL_LAKE_FOUND;
	size_t i;

	for (i = 0; i < n && what == DL_LAKE_FOUND; i++) {
		*which = i;
		f->dups = dups == NULL ? NULL : &dups[i];
		f->line = 0;
		/* What stays must not be a damaged one. */
		if (dups == NULL && items[i]->entry != NULL)
			what = dl_lake_verify(store, items[i], stop, err);
		if (what == DL_LAKE_FOUND)
			what = dl_lake_read_item(store, items[i], stop,
			    dups == NULL ? gather : mark, f, err);
	}
	return what;
}

enum dl_lake_found
dl_lake_dups_find(struct dl_lake_store *store,
    const struct dl_lake_item *const *items, size_t n,
    struct dl_lake_dups *dups, const char *dir,
    const volatile sig_atomic_t *stop, size_t *which, struct dl_err *err)
{
	struct finder f = {.added = 0};
	enum dl_lake_found what;
	size_t i;

	dl_idset_init(&f.ids, dir);
	what = each_part(&f, store, items, n, NULL, stop, which, err);
	if (what == DL_LAKE_FOUND && dl_idset_seal(&f.ids, err) < 0)
		what = DL_LAKE_FAILED;
	if (what == DL_LAKE_FOUND && f.ids.n < f.added)
		what = each_part(&f, store, items, n, dups, stop, which, err);
	if (what != DL_LAKE_FOUND)
		for (i = 0; i < n; i++)
			dl_lake_dups_release(&dups[i]);
	dl_idset_release(&f.ids);
	dl_event_release(&f.ev);
	dl_buf_release(&f.scratch);
	return what;
}

void
dl_lake_dups_release(struct dl_lake_dups *d)
{
	free(d->bits);
	*d = (struct dl_lake_dups){0};
}
