#include "lake_list.h"

#include "lake_prune.h"

#include <stdlib.h>

#define WALKS 8 /* of a lake that is tidied all the time, at most */

static const struct dl_lake_query everything;

/* Walking */

struct lister {
	struct dl_lake_listing *out;
	struct dl_lake_prune prune;
	struct dl_buf dir, items;
	uint32_t met; /* by dir */
};

static bool
enter(void *arg, const char *dir)
{
	struct lister *l = arg;

	return dl_lake_prune_dir(&l->prune, dir);
}

static bool
is_part(const struct dl_lake_listing *l, struct dl_span path,
    enum dl_codec_kind *kind)
{
	struct dl_span end = DL_SPAN(".parquet");

	if (dl_codec_of_name(path, kind))
		return true;
	*kind = DL_CODEC_NONE;
	return l->parquet && path.len > end.len &&
	       dl_span_eq(dl_span(path.p + path.len - end.len, end.len), end);
}

/* What is asked of a directory is asked once for all parts in it. */
static uint32_t
met_by(struct lister *l, struct dl_span dir)
{
	if (!dl_span_eq(dl_buf_as_span(&l->dir), dir) || l->dir.p == NULL) {
		dl_buf_clear(&l->dir);
		dl_buf_span(&l->dir, dir);
		(void)dl_lake_prune_dir(&l->prune, dl_buf_str(&l->dir));
		l->met = l->prune.met;
	}
	return l->met;
}

static int
take_file(void *arg, const char *path, uint64_t size, struct dl_err *err)
{
	struct lister *l = arg;
	const char *slash = strrchr(path, '/');
	size_t dir = slash == NULL ? 0 : (size_t)(slash - path);
	struct dl_lake_item item = {.size = size};

	(void)err;
	if (!is_part(l->out, dl_span_str(path), &item.kind))
		return 0;
	item.met = met_by(l, dl_span(path, dir));
	item.part = dl_strdup(path);
	dl_buf_add(&l->items, &item, sizeof(item));
	return 0;
}

static int
walk(struct dl_lake_store *store, const struct dl_lake_query *q,
    struct dl_lake_listing *out, struct dl_err *err)
{
	struct lister l = {.out = out, .prune = {.query = q}};
	const struct dl_lake_walk how = {enter, take_file, &l};
	int r = store->ops->walk(store, &how, err);

	out->items = (struct dl_lake_item *)(void *)l.items.p;
	out->n = l.items.len / sizeof(*out->items);
	dl_lake_prune_release(&l.prune);
	dl_buf_release(&l.dir);
	return r;
}

/* What has become of parts */

static int
by_part(const void *a, const void *b)
{
	const struct dl_lake_item *x = a, *y = b;

	return strcmp(x->part, y->part);
}

const struct dl_lake_item *
dl_lake_listing_find(const struct dl_lake_listing *l, const char *part)
{
	struct dl_lake_item key = {.part = (char *)(uintptr_t)part};

	return l->n == 0 ? NULL
	                 : bsearch(&key, l->items, l->n, sizeof(key), by_part);
}

struct sought {
	const struct dl_lake_listing *listing;
	const char *part;
	bool found;
};

static int
seek(void *arg, const struct dl_lake_entry *heir, struct dl_err *err)
{
	struct sought *s = arg;

	(void)err;
	s->found = s->found ||
	           (strcmp(heir->part, s->part) != 0 &&
		       dl_lake_listing_find(s->listing, heir->part) != NULL);
	return 0;
}

/* Was a part found, another one, that has merged this one? */
static bool
is_merged(const struct dl_lake_listing *l, const char *part)
{
	struct sought s = {.listing = l, .part = part};
	struct dl_err ignored = {0};

	(void)dl_lake_index_mergers(l->index, part, seek, &s, &ignored);
	return s.found;
}

/*
 * Was a part that this one merged seen neither itself nor in another part, and
 * was it not removed?
 */
static bool
merged_unseen(const struct dl_lake_listing *l, const struct dl_lake_entry *e)
{
	const char *part;
	size_t i;

	for (i = 0; i < e->nmerged; i++) {
		part = e->merged[i];
		if (dl_lake_listing_find(l, part) == NULL &&
		    !is_merged(l, part) &&
		    !dl_lake_index_gone(l->index, part, NULL))
			return true;
	}
	return false;
}

/* Does the query look into the directory that the part is in? */
static bool
is_asked_for(struct dl_lake_prune *p, const char *part)
{
	const char *slash = strrchr(part, '/');
	char *dir;
	bool asked;

	dir = dl_strndup(
	    dl_span(part, slash == NULL ? 0 : (size_t)(slash - part)));
	asked = dl_lake_prune_dir(p, dir);
	free(dir);
	return asked;
}

/*
 * While parts are merged a walk may see neither them, which are being removed,
 * nor what they became, which was not there yet.
 */
static bool
missed_any(const struct dl_lake_listing *l, const struct dl_lake_query *q)
{
	struct dl_lake_prune p = {.query = q};
	const struct dl_lake_entry *e;
	size_t i, n = dl_lake_index_count(l->index);
	bool missed = false;

	for (i = 0; i < n && !missed; i++) {
		e = dl_lake_index_at(l->index, i);
		missed = e->nmerged > 0 && !e->gone &&
		         is_asked_for(&p, e->part) &&
		         dl_lake_listing_find(l, e->part) == NULL &&
		         !is_merged(l, e->part) && merged_unseen(l, e);
	}
	dl_lake_prune_release(&p);
	return missed;
}

static void
keep_items(struct dl_lake_listing *l, const struct dl_lake_query *q)
{
	struct dl_lake_item *item;
	struct dl_buf superseded = {0};
	size_t i, n = 0;
	bool *merged = dl_calloc(l->n + 1, sizeof(*merged));

	for (i = 0; i < l->n; i++)
		merged[i] = is_merged(l, l->items[i].part);
	for (i = 0; i < l->n; i++) {
		item = &l->items[i];
		item->entry = dl_lake_index_find(l->index, item->part);
		if (merged[i]) {
			dl_buf_add(
			    &superseded, &item->part, sizeof(item->part));
		} else if (dl_lake_prune_entry(q, item->entry, item->size)) {
			l->items[n++] = *item;
		} else {
			free(item->part);
			l->pruned++;
		}
	}
	free(merged);
	l->n = n;
	l->superseded = (char **)(void *)superseded.p;
	l->nsuperseded = superseded.len / sizeof(*l->superseded);
}

int
dl_lake_list(struct dl_lake_store *store, const struct dl_lake_query *q,
    struct dl_lake_listing *out, struct dl_err *err)
{
	uint64_t lines = 0, before, bad;
	int walks = 0;

	q = q == NULL ? &everything : q;
	/* Once more without anything new: what is missed is not there. */
	do {
		before = walks == 0 ? UINT64_MAX : lines;
		dl_lake_listing_release(out);
		if (walk(store, q, out, err) < 0 ||
		    (out->index = dl_lake_index_new(store, err)) == NULL)
			return -1;
		lines = dl_lake_index_lines(out->index, &bad);
		walks++;
	} while (walks < WALKS && lines != before && missed_any(out, q));
	keep_items(out, q);
	return 0;
}

void
dl_lake_listing_release(struct dl_lake_listing *l)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		free(l->items[i].part);
	free(l->items);
	for (i = 0; i < l->nsuperseded; i++)
		free(l->superseded[i]);
	free(l->superseded);
	dl_lake_index_free(l->index);
	*l = (struct dl_lake_listing){.parquet = l->parquet};
}
