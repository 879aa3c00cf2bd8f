/* A partition's parts become few. */
#include "lake_claim.h"
#include "lake_dups.h"
#include "lake_merge.h"
#include "lake_tidy_private.h"
#include "log.h"

#include <stdlib.h>

#define BATCH 32 /* far away: sealed parts that wait for one line of all */

/* A part of the partition, and what is known of it. */
struct source {
	struct dl_lake_source from;
	struct dl_lake_dups dups;
	bool out;    /* it is left as it is: claimed, gone or corrupt */
	uint64_t in; /* the group that it was added to; 0: none */
};

/* Parts that become one.  The first waits until there is a second. */
struct group {
	struct source *first;
	struct dl_lake_merge *merge;
	uint64_t id; /* of this run's groups, from 1 */
	uint64_t n, bytes, dups;
	uint64_t entry; /* bytes of what the manifest will say of it */
};

/* A merged part that is sealed. */
struct ready {
	struct dl_lake_merge *merge;
	char *entry;
};

/* What is ready */

static size_t
nready(const struct dl_lake_tidier *t)
{
	return t->ready.len / sizeof(struct ready);
}

static struct ready *
ready_at(const struct dl_lake_tidier *t, size_t i)
{
	return (struct ready *)(void *)t->ready.p + i;
}

void
dl_lake_compact_release(struct dl_lake_tidier *t)
{
	size_t i;

	for (i = 0; i < nready(t); i++) {
		dl_lake_merge_free(ready_at(t, i)->merge);
		free(ready_at(t, i)->entry);
	}
	dl_buf_clear(&t->ready);
}

/* The parts that it takes the place of; to be freed. */
static const char **
names_of(const struct dl_lake_merge *m)
{
	const char **names = dl_calloc(m->nmerged + 1, sizeof(*names));
	const char *p = m->names.p;
	size_t i;

	for (i = 0; i < m->nmerged; i++) {
		names[i] = p;
		p += strlen(p) + 1;
	}
	return names;
}

/* It will never be there: say so, so that nobody waits for it. */
static int
give_up(struct dl_lake_tidier *t, const struct dl_lake_merge *m,
    const char *why, struct dl_err *err)
{
	struct dl_buf path = {0};
	const char *part;
	int r;

	dl_lake_part_path(m->part, &path);
	part = dl_buf_str(&path);
	r = dl_lake_tidy_gone(t, &part, 1, why, err);
	dl_buf_release(&path);
	return r;
}

/* It counts once it is sealed, and not if it never gets its place. */
static void
count(struct dl_lake_tidied *sum, const struct dl_lake_merge *m)
{
	sum->merged += m->nmerged;
	sum->merged_bytes += m->packed;
	sum->duplicates += m->dropped;
	if (m->part->records == 0)
		return;
	sum->made++;
	sum->made_bytes += m->part->file.packed_bytes;
}

static void
uncount(struct dl_lake_tidied *sum, const struct dl_lake_merge *m)
{
	sum->merged -= m->nmerged;
	sum->merged_bytes -= m->packed;
	sum->duplicates -= m->dropped;
	sum->made--;
	sum->made_bytes -= m->part->file.packed_bytes;
	sum->passed_over++;
}

/* Put a part in its place: 0, also where that part alone cannot be. */
static int
put(struct dl_lake_tidier *t, const struct dl_lake_merge *m, struct dl_err *err)
{
	const char **names = names_of(m);
	struct dl_err why = {0};
	int r;

	r = t->store->ops->replace(t->store, m->part->partition.p,
	    m->part->file.staged, names, m->nmerged, &why);
	free(names);
	if (r == 0) {
		m->part->file.staged = NULL;
		return 0;
	}
	if (why.status != DL_EXIT_DATA) {
		*err = why;
		return -1;
	}
	dl_log(DL_LOG_WARN, "%s", why.msg);
	uncount(t->sum, m);
	return give_up(t, m, "not exchanged", err);
}

/* Has somebody else merged one of these parts before us? */
static bool
is_lost(const struct dl_lake_tidier *t, const struct dl_lake_index *x,
    const struct dl_lake_merge *m)
{
	const struct dl_lake_entry *mine;
	const char **names = names_of(m);
	struct dl_buf path = {0};
	bool lost = false;
	size_t i;

	dl_lake_part_path(m->part, &path);
	mine = dl_lake_index_find(x, dl_buf_str(&path));
	for (i = 0; i < m->nmerged && !lost; i++)
		lost = dl_lake_is_claimed(x, names[i], t->by,
		    mine == NULL ? UINT64_MAX : mine->number, t->known);
	free(names);
	dl_buf_release(&path);
	return lost;
}

static int
put_all(struct dl_lake_tidier *t, struct dl_err *err)
{
	struct dl_lake_index *x = NULL;
	const struct dl_lake_merge *m;
	size_t i;
	int r = 0;

	if (t->store->far && (x = dl_lake_index_new(t->store, err)) == NULL)
		return -1;
	for (i = 0; r == 0 && i < nready(t); i++) {
		m = ready_at(t, i)->merge;
		if (x == NULL || !is_lost(t, x, m)) {
			r = put(t, m, err);
			continue;
		}
		dl_log(DL_LOG_INFO, "'%s': another run has merged its parts",
		    m->part->partition.p);
		uncount(t->sum, m);
		r = give_up(t, m, "another run was first", err);
	}
	dl_lake_index_free(x);
	return r;
}

int
dl_lake_compact_flush(struct dl_lake_tidier *t, struct dl_err *err)
{
	size_t i, n = nready(t);
	struct dl_staged **staged;
	struct dl_span *entries;
	int r;

	if (n == 0)
		return 0;
	staged = dl_calloc(n, sizeof(struct dl_staged *));
	entries = dl_calloc(n, sizeof(*entries));
	for (i = 0; i < n; i++) {
		staged[i] = ready_at(t, i)->merge->part->file.staged;
		entries[i] = dl_span_str(ready_at(t, i)->entry);
	}
	r = t->store->ops->record(t->store, staged, entries, n, err);
	free(staged);
	free(entries);
	if (r == 0)
		r = put_all(t, err);
	dl_lake_compact_release(t);
	return r;
}

/* Groups */

/* Is it small, or has it what is to be left out? */
static bool
is_wanted(const struct dl_lake_tidier *t, const struct source *s,
    enum dl_codec_kind kind)
{
	const struct dl_lake_item *item = s->from.item;
	uint64_t target = (uint64_t)t->options->target;

	return !s->out && s->in == 0 && item->kind == kind &&
	       (s->dups.n > 0 ||
		   item->size < target / 4 * 3 + target % 4 * 3 / 4);
}

/* It stays, and why; what is corrupt is told of once. */
static void
leave(struct dl_lake_tidier *t, struct source *s, enum dl_lake_found what,
    const struct dl_err *why)
{
	s->out = true;
	if (what != DL_LAKE_CORRUPT)
		return;
	dl_log(DL_LOG_ERROR, "%s/%s", t->store->name, why->msg);
	t->sum->corrupt++;
}

static struct dl_lake_pool *
pool_for(struct dl_lake_tidier *t, enum dl_codec_kind kind, struct dl_err *err)
{
	static const char *const names[] = {"none", "gzip", "zstd"};
	int threads = (int)t->options->jobs;
	struct dl_codec codec;

	if (t->pools[kind] != NULL)
		return t->pools[kind];
	if (dl_codec_parse(names[kind], &codec, err) < 0)
		return NULL;
	if (threads == 0)
		threads = dl_lake_pack_threads(&codec);
	t->pools[kind] = dl_calloc(1, sizeof(*t->pools[kind]));
	return dl_lake_pool_init(
		   t->pools[kind], t->store, &codec, threads, err) < 0
	           ? NULL
	           : t->pools[kind];
}

/* The name of the new part is after that of any part of the partition. */
static void
find_last(struct dl_lake_tidier *t, const struct source *sources, size_t n)
{
	const char *part, *name;
	struct dl_time ignored;
	size_t i;

	for (i = n; i-- > 0;) {
		part = sources[i].from.item->part;
		name = part + dl_lake_tidy_partition(part);
		name += *name == '/';
		if (strlen(name) >= sizeof(t->last) ||
		    !dl_lake_name_time(name, &ignored))
			continue;
		if (strcmp(name, t->last) > 0)
			memcpy(t->last, name, strlen(name) + 1);
		return;
	}
}

static int
begin(struct dl_lake_tidier *t, struct group *g, const struct source *s,
    struct dl_err *err)
{
	const struct dl_lake_item *item = s->from.item;
	struct dl_lake_pool *pool = pool_for(t, item->kind, err);

	if (pool == NULL)
		return -1;
	g->merge = dl_lake_merge_new(pool,
	    dl_span(item->part, dl_lake_tidy_partition(item->part)), t->last,
	    err);
	if (g->merge == NULL)
		return -1;
	g->id = ++t->groups;
	memcpy(t->last, g->merge->part->name, sizeof(t->last));
	return 0;
}

static void
end(struct group *g)
{
	dl_lake_merge_free(g->merge);
	*g = (struct group){0};
}

/*
 * Read a part into the merged one: 1; 0: it stays as it is; -1; -2: it stays as
 * it is, and what was merged is of no use.
 */
static int
add(struct dl_lake_tidier *t, struct group *g, struct source *s,
    struct dl_err *err)
{
	const volatile sig_atomic_t *stop = t->options->stop;
	struct dl_err why = {0};
	uint64_t lines = g->merge->lines;
	enum dl_lake_found what;
	int r = 0;

	s->from.drop = s->dups.bits;
	s->from.ndrop = s->dups.nbits;
	what = dl_lake_verify(t->store, s->from.item, stop, &why);
	if (what == DL_LAKE_FOUND) {
		r = -2;
		what = dl_lake_merge_add(g->merge, &s->from, stop, &why);
	}
	if (what == DL_LAKE_FAILED) {
		*err = why;
		return -1;
	}
	if (what == DL_LAKE_FOUND) {
		t->records += g->merge->lines - lines;
		s->in = g->id;
		return 1;
	}
	leave(t, s, what, &why);
	return r;
}

/* All that was merged were duplicates: there is nothing to be put. */
static int
remove_all(struct dl_lake_tidier *t, struct group *g, struct dl_err *err)
{
	const char **names = names_of(g->merge);
	const char *partition = g->merge->part->partition.p;
	size_t n = g->merge->nmerged;
	int r = dl_lake_tidy_gone(t, names, n, "duplicates", err);

	if (r == 0)
		r = t->store->ops->replace(
		    t->store, partition, NULL, names, n, err);
	if (r == 0)
		count(t->sum, g->merge);
	free(names);
	end(g);
	return r;
}

/* What was merged is sealed, and waits to be put in its place. */
static int
seal(struct dl_lake_tidier *t, struct group *g, struct dl_err *err)
{
	struct ready ready = {.merge = g->merge};
	struct dl_buf entry = {0};
	int r;

	if (g->merge->nmerged < 2 && g->merge->dropped == 0) {
		end(g); /* the others did not come */
		return 0;
	}
	if (g->merge->part->records == 0)
		return remove_all(t, g, err);
	r = dl_lake_merge_end(g->merge, t->by, &entry, err);
	if (r == 0) {
		count(t->sum, g->merge);
		ready.entry = dl_strdup(dl_buf_str(&entry));
		dl_buf_add(&t->ready, &ready, sizeof(ready));
		*g = (struct group){0};
		if (!t->store->far || nready(t) >= BATCH)
			r = dl_lake_compact_flush(t, err);
	}
	dl_buf_release(&entry);
	return r;
}

/* As seal() does, in a dry run. */
static void
reckon(struct dl_lake_tidier *t, struct group *g)
{
	if (g->n > 1 || g->dups > 0) {
		t->sum->merged += g->n;
		t->sum->merged_bytes += g->bytes;
		t->sum->made++;
	}
	*g = (struct group){0};
}

/* No more come into this group: 0, -1, -2 as add() has them. */
static int
close_group(struct dl_lake_tidier *t, struct group *g, struct dl_err *err)
{
	int r;

	if (t->options->dry_run) {
		reckon(t, g);
		return 0;
	}
	if (g->merge == NULL && g->dups > 0) {
		if (begin(t, g, g->first, err) < 0)
			return -1;
		if ((r = add(t, g, g->first, err)) < 0)
			return r;
	}
	if (g->merge != NULL)
		return seal(t, g, err);
	*g = (struct group){0};
	return 0;
}

/* Does one more part fit? */
static int
fits(struct dl_lake_tidier *t, struct group *g, const struct source *s,
    bool *does, struct dl_err *err)
{
	uint64_t size = g->bytes;

	*does = true;
	if (g->n == 0)
		return 0;
	if (g->merge != NULL && dl_lake_merge_size(g->merge, &size, err) < 0)
		return -1;
	*does =
	    size + s->from.item->size <= (uint64_t)t->options->target &&
	    g->entry + dl_lake_merge_entry(s->from.item) <= DL_LAKE_ENTRY_MOST;
	return 0;
}

/* Put a part into the group: 0, -1, -2. */
static int
take(struct dl_lake_tidier *t, struct group *g, struct source *s,
    struct dl_err *err)
{
	bool does;
	int r = 0;

	if (fits(t, g, s, &does, err) < 0)
		return -1;
	if (!does && (r = close_group(t, g, err)) < 0)
		return r;
	if (g->n > 0 && !t->options->dry_run) {
		if (g->merge == NULL && begin(t, g, s, err) < 0)
			return -1;
		if (g->first != NULL && (r = add(t, g, g->first, err)) < 0)
			return r;
		g->first = NULL;
		if ((r = add(t, g, s, err)) <= 0)
			return r;
	} else if (g->n == 0) {
		g->first = s;
	}
	g->n++;
	g->bytes += s->from.item->size;
	g->entry += dl_lake_merge_entry(s->from.item);
	g->dups += s->dups.n;
	return 0;
}

/* Go over the parts of one codec; again where one was found to be broken. */
static int
each_group(struct dl_lake_tidier *t, struct source *sources, size_t n,
    enum dl_codec_kind kind, struct dl_err *err)
{
	struct group g = {0};
	size_t i;
	int r;

	do {
		r = 0;
		for (i = 0; i < n && r == 0; i++)
			if (is_wanted(t, &sources[i], kind))
				r = take(t, &g, &sources[i], err);
		if (r == 0)
			r = close_group(t, &g, err);
		/* What had been added to it is to be added again. */
		for (i = 0; i < n; i++)
			if (r == -2 && sources[i].in == g.id)
				sources[i].in = 0;
		end(&g);
	} while (r == -2);
	return r;
}

/* Partitions */

static int
find_dups(struct dl_lake_tidier *t, struct source *sources, size_t n,
    struct dl_err *err)
{
	const struct dl_lake_item **items = dl_calloc(n, sizeof(*items));
	struct dl_lake_dups *dups = dl_calloc(n, sizeof(*dups));
	size_t *which = dl_calloc(n, sizeof(*which)), m, i, at = 0;
	const char *dir = t->store->state;
	enum dl_lake_found what;
	struct dl_err why = {0};

	if (dir == NULL && (dir = getenv("TMPDIR")) == NULL)
		dir = "/tmp";
	do {
		for (i = m = 0; i < n; i++)
			if (!sources[i].out) {
				items[m] = sources[i].from.item;
				which[m++] = i;
			}
		dl_err_clear(&why);
		what = dl_lake_dups_find(
		    t->store, items, m, dups, dir, t->options->stop, &at, &why);
		if (what == DL_LAKE_CORRUPT || what == DL_LAKE_GONE)
			leave(t, &sources[which[at]], what, &why);
	} while (what == DL_LAKE_CORRUPT || what == DL_LAKE_GONE);
	for (i = 0; i < m; i++)
		sources[which[i]].dups = dups[i];
	if (what == DL_LAKE_FAILED)
		*err = why;
	free(items);
	free(dups);
	free(which);
	return what == DL_LAKE_FAILED ? -1 : 0;
}

static struct source *
sources_of(struct dl_lake_tidier *t, const struct dl_lake_item *items, size_t n)
{
	struct source *sources = dl_calloc(n, sizeof(*sources));
	size_t i;

	for (i = 0; i < n; i++) {
		sources[i].from.item = &items[i];
		/* On a disk there is nobody else. */
		sources[i].out =
		    t->store->far &&
		    dl_lake_is_claimed(t->listing.index, items[i].part, t->by,
			UINT64_MAX, t->known);
	}
	return sources;
}

uint64_t
dl_lake_compact_plan(
    struct dl_lake_tidier *t, const struct dl_lake_item *items, size_t n)
{
	struct source *sources = sources_of(t, items, n);
	uint64_t bytes = 0, target = (uint64_t)t->options->target, groups = 0;
	enum dl_codec_kind kind;
	size_t i, in = 0;

	for (kind = DL_CODEC_NONE; kind <= DL_CODEC_ZSTD; kind++, in = 0)
		for (i = 0; i < n; i++) {
			if (!is_wanted(t, &sources[i], kind))
				continue;
			if (in == 0 || bytes + items[i].size > target)
				bytes = in = 0;
			bytes += items[i].size;
			groups += ++in == 2;
		}
	free(sources);
	return groups;
}

int
dl_lake_compact(struct dl_lake_tidier *t, const struct dl_lake_item *items,
    size_t n, struct dl_err *err)
{
	struct source *sources = sources_of(t, items, n);
	enum dl_codec_kind kind;
	size_t i;
	int r = 0;

	if (t->options->dedupe)
		r = find_dups(t, sources, n, err);
	if (t->options->dry_run)
		for (i = 0; i < n; i++)
			t->sum->duplicates += sources[i].dups.n;
	find_last(t, sources, n);
	for (kind = DL_CODEC_NONE; r == 0 && kind <= DL_CODEC_ZSTD; kind++)
		r = each_group(t, sources, n, kind, err);
	for (i = 0; i < n; i++)
		dl_lake_dups_release(&sources[i].dups);
	free(sources);
	return r;
}
