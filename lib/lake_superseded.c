/*
 * Parts that others are said to have merged are removed only where the lines
 * they have are seen elsewhere: a manifest may be wrong, and a merged part may
 * be damaged.
 *
 * First in the parts that they became, line by line.  What is missing there may
 * be a duplicate that was left out: then its source and its id have to be in a
 * part of the partition that stays.
 */
#include "lake_tidy_private.h"

#include "idset.h"
#include "lake_merge.h"
#include "log.h"

#include <stdlib.h>

#define STEPS 64 /* from a part to what became of it at last */

enum fate { REMOVED, LEFT, STUCK };

/* A part that was found though others have merged it. */
struct left {
	struct dl_lake_item item;
	const struct dl_lake_item *heir; /* what it became; or NULL */
	enum fate fate;
	bool missed; /* lines of it are not in its heir */
};

struct checking {
	struct dl_lake_tidier *t;
	struct dl_idset ids;
	bool by_id; /* a line may also be met by its source and id */
	bool missed;
	struct dl_event ev;
	struct dl_buf scratch;
};

/* Heirs */

struct next {
	const struct dl_lake_listing *listing;
	const char *part;
	const struct dl_lake_item *item;
};

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int
see_merger(void *arg, const struct dl_lake_entry *heir, struct dl_err *err)
{
	struct next *n = arg;
	const struct dl_lake_listing *l = n->listing;
	const struct dl_lake_item *item = dl_lake_listing_find(l, heir->part);

	(void)err;
	if (item != NULL)
		n->item = item;
	if (bsearch(&heir->part, l->superseded, l->nsuperseded,
		sizeof(*l->superseded), by_name) != NULL)
		n->part = heir->part;
	return 0;
}

/* The part that stays, which part became, by way of others; or NULL. */
static const struct dl_lake_item *
heir_of(const struct dl_lake_listing *l, const char *part)
{
	struct next n = {l, part, NULL};
	struct dl_err ignored = {0};
	int i;

	for (i = 0; i < STEPS && part != NULL && n.item == NULL; i++) {
		n.part = NULL;
		(void)dl_lake_index_mergers(
		    l->index, part, see_merger, &n, &ignored);
		part = n.part;
	}
	return n.item;
}

/* Lines */

static int
gather(void *arg, struct dl_span line, struct dl_err *err)
{
	struct checking *c = arg;

	if (dl_idset_add(&c->ids, dl_hash128(line), false, err) < 0)
		return -1;
	if (!c->by_id || !dl_lake_event_of(&c->ev, line, &c->scratch))
		return 0;
	return dl_idset_add(
	    &c->ids, dl_hash_pair(c->ev.source, c->ev.id), false, err);
}

static int
seek(void *arg, struct dl_span line, struct dl_err *err)
{
	struct checking *c = arg;

	(void)err;
	if (!dl_idset_meet(&c->ids, dl_hash128(line)) &&
	    !(c->by_id && dl_lake_event_of(&c->ev, line, &c->scratch) &&
		dl_idset_meet(&c->ids, dl_hash_pair(c->ev.source, c->ev.id))))
		c->missed = true;
	return 0;
}

/* Take the lines of a part that is as the manifest says. */
static enum dl_lake_found
gather_part(
    struct checking *c, const struct dl_lake_item *item, struct dl_err *err)
{
	struct dl_lake_tidier *t = c->t;
	const volatile sig_atomic_t *stop = t->options->stop;
	enum dl_lake_found what = dl_lake_verify(t->store, item, stop, err);

	return what != DL_LAKE_FOUND
	           ? what
	           : dl_lake_read_item(t->store, item, stop, gather, c, err);
}

/* Partitions */

static void
stuck(struct checking *c, struct left *l, const char *why)
{
	l->fate = STUCK;
	dl_log(DL_LOG_ERROR,
	    "'%s/%s' stays, though the manifest says that it was merged: %s",
	    c->t->store->name, l->item.part, why);
	c->t->sum->corrupt++;
}

/* Gather what an heir has, for it and those that have the same. */
static int
take_heir(struct checking *c, struct left *all, size_t n, struct left *first,
    struct dl_err *err)
{
	struct dl_err why = {0};
	enum dl_lake_found what;
	struct left *l;

	if (first->heir == NULL) {
		stuck(c, first, "no part that stays is said to have it");
		return 0;
	}
	for (l = all; l < first; l++)
		if (l->heir == first->heir)
			return 0;
	what = gather_part(c, first->heir, &why);
	if (what == DL_LAKE_FAILED) {
		*err = why;
		return -1;
	}
	for (l = first; what != DL_LAKE_FOUND && l < all + n; l++)
		if (l->heir == first->heir && what == DL_LAKE_GONE)
			l->fate = LEFT;
		else if (l->heir == first->heir)
			stuck(c, l, why.msg);
	return 0;
}

/* Which of them have lines that are not among those gathered? */
static int
seek_all(struct checking *c, struct left *all, size_t n, bool *missed,
    struct dl_err *err)
{
	struct dl_err why;
	enum dl_lake_found what;
	struct left *l;

	*missed = false;
	for (l = all; l < all + n; l++) {
		if (l->fate != REMOVED || (c->by_id && !l->missed))
			continue;
		c->missed = false;
		dl_err_clear(&why);
		what = dl_lake_read_item(
		    c->t->store, &l->item, c->t->options->stop, seek, c, &why);
		if (what == DL_LAKE_FAILED) {
			*err = why;
			return -1;
		}
		if (what == DL_LAKE_GONE)
			l->fate = LEFT;
		else if (what == DL_LAKE_CORRUPT)
			stuck(c, l, why.msg);
		l->missed = c->missed;
		*missed = *missed || (l->fate == REMOVED && l->missed);
	}
	return 0;
}

/* What is not in the heirs: is it a duplicate of what stays? */
static int
seek_duplicates(
    struct checking *c, struct left *all, size_t n, struct dl_err *err)
{
	const struct dl_lake_listing *list = &c->t->listing;
	size_t len = dl_lake_tidy_partition(all->item.part), i;
	struct dl_err why;
	struct left *l;
	bool missed;

	c->by_id = true;
	for (i = 0; i < list->n; i++) {
		if (dl_lake_tidy_partition(list->items[i].part) != len ||
		    memcmp(list->items[i].part, all->item.part, len) != 0)
			continue;
		dl_err_clear(&why);
		if (gather_part(c, &list->items[i], &why) == DL_LAKE_FAILED) {
			*err = why;
			return -1;
		}
	}
	if (dl_idset_seal(&c->ids, err) < 0 ||
	    seek_all(c, all, n, &missed, err) < 0)
		return -1;
	for (l = all; missed && l < all + n; l++)
		if (l->fate == REMOVED && l->missed)
			stuck(c, l, "lines of it are nowhere else");
	return 0;
}

static int
check_partition(
    struct dl_lake_tidier *t, struct left *all, size_t n, struct dl_err *err)
{
	struct checking c = {.t = t};
	bool missed;
	size_t i;
	int r = 0;

	dl_idset_init(&c.ids, t->store->state);
	for (i = 0; r == 0 && i < n; i++)
		r = take_heir(&c, all, n, &all[i], err);
	if (r == 0 && (r = dl_idset_seal(&c.ids, err)) == 0 &&
	    (r = seek_all(&c, all, n, &missed, err)) == 0 && missed)
		r = seek_duplicates(&c, all, n, err);
	dl_idset_release(&c.ids);
	dl_event_release(&c.ev);
	dl_buf_release(&c.scratch);
	return r;
}

/* The run */

static struct left *
find_left(const struct dl_lake_listing *l)
{
	struct left *all = dl_calloc(l->nsuperseded + 1, sizeof(*all));
	size_t i;

	for (i = 0; i < l->nsuperseded; i++) {
		all[i].item.part = l->superseded[i];
		all[i].item.entry =
		    dl_lake_index_find(l->index, l->superseded[i]);
		(void)dl_codec_of_name(
		    dl_span_str(l->superseded[i]), &all[i].item.kind);
		all[i].heir = heir_of(l, l->superseded[i]);
	}
	return all;
}

/* How many from the first on are of its partition. */
static size_t
count_same(const struct left *all, size_t n)
{
	size_t len = dl_lake_tidy_partition(all->item.part), i;

	for (i = 1; i < n; i++)
		if (dl_lake_tidy_partition(all[i].item.part) != len ||
		    memcmp(all[i].item.part, all->item.part, len) != 0)
			break;
	return i;
}

/* What stays keeps its heir as it is: else readers would see it again. */
static void
take_out(struct dl_lake_listing *l, const struct left *all, bool *held)
{
	size_t i, n = 0;

	for (i = 0; i < l->nsuperseded; i++) {
		if (all[i].fate != REMOVED && all[i].heir != NULL)
			held[all[i].heir - l->items] = true;
		if (all[i].fate != REMOVED)
			free(l->superseded[i]);
		else
			l->superseded[n++] = l->superseded[i];
	}
	l->nsuperseded = n;
	for (i = n = 0; i < l->n; i++)
		if (held[i])
			free(l->items[i].part);
		else
			l->items[n++] = l->items[i];
	l->n = n;
}

int
dl_lake_superseded_check(struct dl_lake_tidier *t, struct dl_err *err)
{
	struct dl_lake_listing *l = &t->listing;
	struct left *all = find_left(l);
	bool *held = dl_calloc(l->n + 1, sizeof(*held));
	size_t i, n;
	int r = 0;

	for (i = 0; r == 0 && i < l->nsuperseded; i += n) {
		n = count_same(all + i, l->nsuperseded - i);
		r = check_partition(t, all + i, n, err);
	}
	if (r == 0)
		take_out(l, all, held);
	free(held);
	free(all);
	return r;
}
