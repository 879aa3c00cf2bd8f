#include "lake_tidy.h"

#include "json.h"
#include "lake_claim.h"
#include "lake_expire.h"
#include "lake_tidy_private.h"
#include "log.h"

#include <stdlib.h>
#include <unistd.h>

#define GONE_MOST 1000          /* parts that one line says are gone */
#define ABORT_MS (86400 * 1000) /* uploads older than that are aborted */

/* Removing */

int
dl_lake_tidy_gone(struct dl_lake_tidier *t, const char *const *parts, size_t n,
    const char *why, struct dl_err *err)
{
	struct dl_buf b = {0};
	struct dl_span entry;
	size_t i, end;
	int r = 0;

	for (i = 0; r == 0 && i < n;) {
		dl_buf_clear(&b);
		dl_buf_adds(&b, "{\"gone\":[");
		end = n - i > GONE_MOST ? i + GONE_MOST : n;
		while (i < end) {
			dl_json_quote(&b, dl_span_str(parts[i++]));
			dl_buf_addc(&b, i < end ? ',' : ']');
		}
		dl_buf_printf(&b, ",\"why\":\"%s\",\"by\":\"%s\"}", why, t->by);
		entry = dl_buf_as_span(&b);
		r = t->store->ops->record(t->store, NULL, &entry, 1, err);
	}
	dl_buf_release(&b);
	return r;
}

/* How many of these parts, from the first on, are of its partition. */
static size_t
count_same(const char *const *parts, size_t n)
{
	size_t len = dl_lake_tidy_partition(parts[0]), i;

	for (i = 1; i < n; i++)
		if (dl_lake_tidy_partition(parts[i]) != len ||
		    memcmp(parts[i], parts[0], len) != 0)
			break;
	return i;
}

static int
check_stop(const struct dl_lake_tidier *t, struct dl_err *err)
{
	if (t->options->stop == NULL || *t->options->stop == 0)
		return 0;
	return dl_err_temp(err, "stopped; run it again for the rest");
}

/* Remove parts, partition by partition. */
static int
remove_parts(struct dl_lake_tidier *t, const char *const *parts, size_t n,
    struct dl_err *err)
{
	char *partition;
	size_t i, m;
	int r = 0;

	for (i = 0; r == 0 && i < n; i += m) {
		m = count_same(parts + i, n - i);
		partition = dl_strndup(
		    dl_span(parts[i], dl_lake_tidy_partition(parts[i])));
		if ((r = check_stop(t, err)) == 0)
			r = t->store->ops->replace(
			    t->store, partition, NULL, parts + i, m, err);
		free(partition);
	}
	return r;
}

static int
remove_superseded(struct dl_lake_tidier *t, struct dl_err *err)
{
	struct dl_lake_listing *l = &t->listing;
	int r;

	if (l->nsuperseded > 0 && !t->options->dry_run &&
	    dl_lake_superseded_check(t, err) < 0)
		return -1;
	if (l->nsuperseded == 0 || t->options->dry_run) {
		t->sum->superseded = l->nsuperseded;
		return 0;
	}
	r = remove_parts(
	    t, (const char *const *)l->superseded, l->nsuperseded, err);
	if (r == 0)
		t->sum->superseded = l->nsuperseded;
	return r;
}

/* What a partition's items, of which n are expired, were. */
static void
tell(struct dl_lake_tidier *t, const char *partition,
    const struct dl_lake_tidied *before)
{
	const struct dl_lake_tidied *s = t->sum;
	const struct dl_lake_tidied what = {
	    .merged = s->merged - before->merged,
	    .merged_bytes = s->merged_bytes - before->merged_bytes,
	    .made = s->made - before->made,
	    .made_bytes = s->made_bytes - before->made_bytes,
	    .duplicates = s->duplicates - before->duplicates,
	    .expired = s->expired - before->expired,
	    .expired_bytes = s->expired_bytes - before->expired_bytes,
	    .partitions = 1,
	};

	if (what.merged + what.expired + what.duplicates == 0)
		return;
	t->sum->partitions++;
	if (t->options->tell != NULL)
		t->options->tell(t->options->arg, partition, &what);
}

/* Tell of the expired parts, partition by partition. */
static void
tell_expired(struct dl_lake_tidier *t, const struct dl_lake_item *const *items,
    const char *const *parts, size_t n)
{
	struct dl_lake_tidied before;
	char *partition;
	size_t i = 0, m;

	while (i < n) {
		before = *t->sum;
		partition = dl_strndup(
		    dl_span(parts[i], dl_lake_tidy_partition(parts[i])));
		for (m = i + count_same(parts + i, n - i); i < m; i++) {
			t->sum->expired++;
			t->sum->expired_bytes += items[i]->size;
		}
		tell(t, partition, &before);
		free(partition);
	}
}

/* Take the items that stay, in their order, to the front. */
static void
keep_items(struct dl_lake_listing *l, const bool *goes)
{
	size_t i, n = 0;

	for (i = 0; i < l->n; i++)
		if (goes[i])
			free(l->items[i].part);
		else
			l->items[n++] = l->items[i];
	l->n = n;
}

static int
expire(struct dl_lake_tidier *t, struct dl_err *err)
{
	struct dl_lake_listing *l = &t->listing;
	const struct dl_lake_item **items = dl_calloc(l->n + 1, sizeof(*items));
	const char **parts = dl_calloc(l->n + 1, sizeof(*parts));
	bool *goes = dl_calloc(l->n + 1, sizeof(*goes));
	size_t i, n = 0;
	int r = 0;

	for (i = 0; i < l->n; i++) {
		goes[i] = dl_lake_is_before(&l->items[i], &t->options->before);
		if (goes[i]) {
			items[n] = &l->items[i];
			parts[n++] = l->items[i].part;
		}
	}
	if (!t->options->dry_run) {
		r = dl_lake_tidy_gone(t, parts, n, "expired", err);
		if (r == 0)
			r = remove_parts(t, parts, n, err);
	}
	if (r == 0) {
		tell_expired(t, items, parts, n);
		keep_items(l, goes);
	}
	free(items);
	free(parts);
	free(goes);
	return r;
}

/* Directories */

/* Keep which directory this one is in. */
static bool
take_parent(void *arg, const char *dir)
{
	struct dl_buf *b = arg;
	size_t len = dl_lake_tidy_partition(dir), n = b->len / sizeof(char *);
	char *parent = dl_strndup(dl_span(dir, len)), **all = (void *)b->p;

	if (n > 0 && strcmp(all[n - 1], parent) == 0)
		free(parent);
	else
		dl_buf_add(b, &parent, sizeof(parent));
	return true;
}

static int
pass_over_file(void *arg, const char *path, uint64_t size, struct dl_err *err)
{
	(void)arg;
	(void)path;
	(void)size;
	(void)err;
	return 0;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Which directories have others in them: on a disk they cannot be exchanged. */
static int
find_parents(struct dl_lake_tidier *t, struct dl_err *err)
{
	struct dl_buf b = {0};
	const struct dl_lake_walk walk = {take_parent, pass_over_file, &b};
	int r = t->store->far ? 0 : t->store->ops->walk(t->store, &walk, err);

	t->parents = (void *)b.p;
	t->nparents = b.len / sizeof(char *);
	if (t->nparents > 1)
		qsort(t->parents, t->nparents, sizeof(char *), by_name);
	return r;
}

/* May the parts of a partition be merged? */
static bool
is_whole(const struct dl_lake_tidier *t, const char *partition)
{
	return *partition != '\0' &&
	       (t->nparents == 0 || bsearch(&partition, t->parents, t->nparents,
					sizeof(char *), by_name) == NULL);
}

/* Merging */

/* The partition of items[i], and how many of the items from there are in it. */
static char *
partition_at(const struct dl_lake_listing *l, size_t i, size_t *n)
{
	const char *part = l->items[i].part;
	size_t len = dl_lake_tidy_partition(part), m;

	for (m = 1; i + m < l->n; m++)
		if (dl_lake_tidy_partition(l->items[i + m].part) != len ||
		    memcmp(l->items[i + m].part, part, len) != 0)
			break;
	*n = m;
	return dl_strndup(dl_span(part, len));
}

/* Is there anything to do in a partition? */
static bool
has_work(struct dl_lake_tidier *t, size_t i, size_t n)
{
	return t->options->dedupe ||
	       dl_lake_compact_plan(t, &t->listing.items[i], n) > 0;
}

static void
count_work(struct dl_lake_tidier *t)
{
	size_t i, n;

	for (i = 0; i < t->listing.n; i += n) {
		free(partition_at(&t->listing, i, &n));
		t->all += has_work(t, i, n);
	}
}

static int
tidy_partition(struct dl_lake_tidier *t, const char *partition, size_t i,
    size_t n, struct dl_err *err)
{
	const struct dl_lake_tidied before = *t->sum;

	if (!is_whole(t, partition)) {
		t->sum->passed_over++;
		dl_log(DL_LOG_WARN,
		    "'%s/%s' has directories beside its parts, which are left "
		    "as they are",
		    t->store->name, partition);
		return 0;
	}
	if (dl_lake_compact(t, &t->listing.items[i], n, err) < 0)
		return -1;
	tell(t, partition, &before);
	return 0;
}

static int
each_partition(struct dl_lake_tidier *t, struct dl_err *err)
{
	char *partition;
	size_t i, n;
	int r = 0;

	count_work(t);
	if (t->all == 0)
		return 0;
	dl_progress_begin(&t->progress, "partitions", 0, t->options->quiet);
	for (i = 0; r == 0 && i < t->listing.n; i += n) {
		partition = partition_at(&t->listing, i, &n);
		if (has_work(t, i, n) && (r = check_stop(t, err)) == 0) {
			r = tidy_partition(t, partition, i, n, err);
			dl_progress_show(&t->progress, ++t->done, t->all,
			    t->records, partition);
		}
		free(partition);
	}
	if (r == 0)
		r = dl_lake_compact_flush(t, err);
	dl_progress_end(&t->progress, t->done, t->all, t->records, "");
	return r;
}

/* The run */

static void
say(void *arg, const char *text)
{
	const struct dl_lake_tidier *t = arg;

	dl_log(DL_LOG_DEBUG, "'%s': %s", t->store->name, text);
}

static int
tidy(struct dl_lake_tidier *t, struct dl_err *err)
{
	const struct dl_lake_care care = {.abort_ms = ABORT_MS,
	    .dry_run = t->options->dry_run,
	    .say = say,
	    .arg = t};
	uint64_t ignored;

	/* What a run that died has merged must not come after what this does. */
	if (!care.dry_run &&
	    t->store->ops->landed(t->store, 0, -1, &ignored, err) < 0)
		return -1;
	if (t->store->ops->tidy != NULL &&
	    t->store->ops->tidy(t->store, &care, err) < 0)
		return -1;
	if (dl_lake_list(t->store, NULL, &t->listing, err) < 0)
		return -1;
	t->known = dl_lake_index_lines(t->listing.index, &ignored);
	if (remove_superseded(t, err) < 0 ||
	    (t->options->expire && expire(t, err) < 0) ||
	    find_parents(t, err) < 0)
		return -1;
	return each_partition(t, err);
}

static void
release(struct dl_lake_tidier *t)
{
	enum dl_codec_kind kind;
	size_t i;

	dl_lake_compact_release(t);
	dl_buf_release(&t->ready);
	for (kind = DL_CODEC_NONE; kind <= DL_CODEC_ZSTD; kind++)
		if (t->pools[kind] != NULL) {
			dl_lake_pool_release(t->pools[kind]);
			free(t->pools[kind]);
		}
	for (i = 0; i < t->nparents; i++)
		free(t->parents[i]);
	free(t->parents);
	dl_lake_listing_release(&t->listing);
}

int
dl_lake_tidy(struct dl_lake_store *store,
    const struct dl_lake_tidy_options *options, struct dl_lake_tidied *sum,
    struct dl_err *err)
{
	struct dl_lake_tidier t = {
	    .store = store, .options = options, .sum = sum};
	int lock = -1, r;

	*sum = (struct dl_lake_tidied){0};
	if (!options->dry_run &&
	    (lock = dl_lake_claim_lock(store, t.by, err)) < 0)
		return -1;
	r = tidy(&t, err);
	release(&t);
	if (lock >= 0)
		close(lock);
	return r;
}
