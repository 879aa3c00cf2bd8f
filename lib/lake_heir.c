#include "lake_heir.h"

#include "buf.h"

#include <stdlib.h>

/* Sets */

static struct dl_hash128
hash_name(const char *part)
{
	struct dl_hash128 h = dl_hash128(dl_span_str(part));

	h.lo |= 1;
	return h;
}

static size_t
place_of(const struct dl_lake_set *set, struct dl_hash128 h)
{
	size_t mask = set->nslots - 1, i = dl_hash_place(h.hi) & mask;

	while (set->slots[i].lo != 0 &&
	       (set->slots[i].lo != h.lo || set->slots[i].hi != h.hi))
		i = (i + 1) & mask;
	return i;
}

bool
dl_lake_set_has(const struct dl_lake_set *set, const char *part)
{
	return set->n > 0 && set->slots[place_of(set, hash_name(part))].lo != 0;
}

void
dl_lake_set_add(struct dl_lake_set *set, const char *part)
{
	struct dl_hash128 h = hash_name(part), *old = set->slots;
	size_t i, n = set->nslots;

	if (2 * (set->n + 1) > n) {
		set->nslots = n == 0 ? 64 : 2 * n;
		set->slots = dl_calloc(set->nslots, sizeof(*old));
		for (i = 0; i < n; i++)
			if (old[i].lo != 0)
				set->slots[place_of(set, old[i])] = old[i];
		free(old);
	}
	i = place_of(set, h);
	set->n += set->slots[i].lo == 0;
	set->slots[i] = h;
}

void
dl_lake_set_release(struct dl_lake_set *set)
{
	free(set->slots);
	*set = (struct dl_lake_set){.slots = NULL};
}

/* Heirs */

static int
add_heir(void *arg, const struct dl_lake_entry *heir, struct dl_err *err)
{
	enum dl_codec_kind kind;

	(void)err;
	if (!heir->gone && dl_codec_of_name(dl_span_str(heir->part), &kind))
		dl_buf_add(arg, &heir, sizeof(heir));
	return 0;
}

int
dl_lake_heir_open(struct dl_lake_store *store, const struct dl_lake_index *x,
    const char *original, struct dl_lake_heir *heir, struct dl_err *err)
{
	const struct dl_lake_entry **heirs;
	struct dl_buf b = {0};
	size_t i;
	int r = 0;

	(void)dl_lake_index_heirs(x, original, add_heir, &b, err);
	heirs = (const struct dl_lake_entry **)(void *)b.p;
	for (i = b.len / sizeof(*heirs); i > 0 && r == 0; i--) {
		heir->entry = heirs[i - 1];
		(void)dl_codec_of_name(
		    dl_span_str(heir->entry->part), &heir->kind);
		r = store->ops->open(store, heir->entry->part, &heir->fd, err);
	}
	dl_buf_release(&b);
	return r;
}

bool
dl_lake_heir_named(const struct dl_lake_index *x, const char *original)
{
	struct dl_err ignored = {0};
	struct dl_buf b = {0};
	bool named;

	(void)dl_lake_index_heirs(x, original, add_heir, &b, &ignored);
	named = b.len > 0;
	dl_buf_release(&b);
	return named;
}
