/* The writing half of lake.h. */
#include "lake.h"

#include "hash.h"
#include "idset.h"
#include "journal.h"
#include "lake_flat.h"
#include "lake_ids.h"
#include "lake_part.h"
#include "partition.h"

#include <limits.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const struct dl_journal_kind journal_kind = {
    "journal", "the lake", NULL};

struct dl_lake_writer {
	struct dl_lake_store *store;
	struct dl_partition *template;
	struct dl_lake_pool pool;
	enum dl_lake_layout layout;
	int64_t max_bytes, max_age_ms, max_open;
	struct dl_lake_counts counts;
	struct dl_journal *journal;
	struct dl_idset seen;   /* what an unfinished run stored */
	struct dl_buf key;      /* of the input's checkpoints */
	struct dl_buf position; /* the latest, with its NUL */
	bool unacked;           /* it was not handed out, nor is it in waits */
	bool at_checkpoint;     /* nothing was put since it came */
	struct dl_buf waits;    /* struct wait: safe but for what must land */
	struct dl_buf safe;     /* the position that was handed out last */
	uint64_t published;     /* parts, also by the run that this repeats */
	uint64_t landed;        /* of them */
	int64_t oldest_ms;      /* when the first unpublished event came */
	struct dl_buf path, line;
};

/* A position, and how many parts were published before it. */
struct wait {
	uint64_t parts;
	char *position;
};

#define LANDING_MS 50 /* how often is asked what has landed */

/*
 * Milliseconds as dl_clock_ms has them, some of them late: the time is asked for with
 * each event, and how old a part is need not be known better.
 */
static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Opening and closing */

int
dl_lake_check(const struct dl_lake_options *o, struct dl_err *err)
{
	struct dl_partition *template = dl_partition_new(o->partition, err);

	if (template == NULL)
		return -1;
	dl_partition_free(template);
	if (o->max_open < 1 || o->max_open > DL_LAKE_MOST_OPEN)
		return dl_err_usage(
		    err, "--max-open is from 1 to %d", DL_LAKE_MOST_OPEN);
	if (o->max_bytes < 1)
		return dl_err_usage(err, "--max-bytes is at least 1");
	if (o->jobs < 0 || o->jobs > DL_LAKE_MOST_THREADS)
		return dl_err_usage(
		    err, "--jobs is from 0 to %d", DL_LAKE_MOST_THREADS);
	return 0;
}

struct dl_lake_writer *
dl_lake_open_write(struct dl_lake_store *store,
    const struct dl_lake_options *options, struct dl_err *err)
{
	struct dl_lake_writer *w = dl_calloc(1, sizeof(*w));
	int threads = (int)options->jobs;

	w->store = store;
	w->layout = options->layout;
	w->max_bytes = options->max_bytes;
	w->max_age_ms = options->max_age_ms;
	w->max_open = options->max_open;
	w->oldest_ms = INT64_MAX;
	if (threads == 0)
		threads = dl_lake_pack_threads(&options->codec);
	if (dl_lake_check(options, err) == 0 &&
	    (w->template = dl_partition_new(options->partition, err)) != NULL &&
	    dl_lake_pool_init(
		&w->pool, w->store, &options->codec, threads, err) == 0) {
		dl_idset_init(&w->seen, w->store->state);
		return w;
	}
	dl_lake_close(w);
	return NULL;
}

static size_t
nwaits(const struct dl_lake_writer *w)
{
	return w->waits.len / sizeof(struct wait);
}

static struct wait *
wait_at(const struct dl_lake_writer *w, size_t i)
{
	return (struct wait *)(void *)w->waits.p + i;
}

void
dl_lake_close(struct dl_lake_writer *w)
{
	size_t i;

	if (w == NULL)
		return;
	dl_lake_pool_release(&w->pool);
	dl_partition_free(w->template);
	dl_journal_close(w->journal);
	dl_idset_release(&w->seen);
	for (i = 0; i < nwaits(w); i++)
		free(wait_at(w, i)->position);
	dl_buf_release(&w->waits);
	dl_buf_release(&w->safe);
	dl_buf_release(&w->key);
	dl_buf_release(&w->position);
	dl_buf_release(&w->path);
	dl_buf_release(&w->line);
	free(w);
}

/* Publishing */

static struct dl_span
position_of(const struct dl_lake_writer *w)
{
	return dl_span_str(w->position.len == 0 ? "" : w->position.p);
}

/* The n spans that lie one after another in b, each ended by a NUL. */
static struct dl_span *
split(const struct dl_buf *b, size_t n)
{
	struct dl_span *s = dl_calloc(n + 1, sizeof(*s));
	const char *p = b->p;
	size_t i;

	for (i = 0; i < n; i++) {
		s[i] = dl_span_str(p);
		p += s[i].len + 1;
	}
	return s;
}

/* Steps 2 and 3: the journal, then the manifest. */
static int
announce(struct dl_lake_writer *w, struct dl_lake_part **parts, size_t n,
    struct dl_err *err)
{
	struct dl_staged **staged = dl_calloc(n, sizeof(struct dl_staged *));
	struct dl_buf paths = {0}, entries = {0};
	struct dl_span *list;
	size_t i;
	int r = 0;

	for (i = 0; i < n; i++) {
		staged[i] = parts[i]->file.staged;
		dl_lake_part_path(parts[i], &paths);
		dl_buf_addc(&paths, '\0');
		dl_lake_part_entry(parts[i], dl_buf_as_span(&w->key),
		    position_of(w), &entries);
		dl_buf_addc(&entries, '\0');
	}
	if (w->journal != NULL) {
		list = split(&paths, n);
		r = dl_journal_append(w->journal, list, n, true, err);
		free(list);
	}
	if (r == 0) {
		list = split(&entries, n);
		r = w->store->ops->record(w->store, staged, list, n, err);
		free(list);
	}
	free(staged);
	dl_buf_release(&paths);
	dl_buf_release(&entries);
	return r;
}

static void
find_oldest(struct dl_lake_writer *w)
{
	const struct dl_lake_part *p;

	w->oldest_ms = INT64_MAX;
	for (p = w->pool.newest; p != NULL; p = p->older)
		if (p->opened_ms < w->oldest_ms)
			w->oldest_ms = p->opened_ms;
}

/* One step of publishing, of all parts: while one waits, another goes on. */
static int
each_part(int (*begin)(struct dl_lake_part *, struct dl_err *),
    struct dl_lake_part **parts, size_t n, struct dl_err *err)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (begin(parts[i], err) < 0)
			return -1;
	for (i = 0; i < n; i++)
		if (dl_lake_part_wait(parts[i], err) < 0)
			return -1;
	return 0;
}

/* Which of the parts that were published have landed? */
static int
see_landed(struct dl_lake_writer *w, int wait_ms, struct dl_err *err)
{
	if (w->landed == w->published && wait_ms == 0)
		return 0;
	return w->store->ops->landed(
	    w->store, w->published, wait_ms, &w->landed, err);
}

static int
publish_parts(struct dl_lake_writer *w, struct dl_lake_part **parts, size_t n,
    struct dl_err *err)
{
	size_t i;

	if (each_part(dl_lake_part_finish, parts, n, err) < 0 ||
	    announce(w, parts, n, err) < 0 ||
	    each_part(dl_lake_part_publish, parts, n, err) < 0)
		return -1;
	for (i = 0; i < n; i++) {
		w->counts.records += parts[i]->records;
		w->counts.bytes += parts[i]->file.packed_bytes;
		w->counts.parts++;
		w->published++;
		dl_lake_part_free(parts[i]);
	}
	find_oldest(w);
	return see_landed(w, 0, err);
}

int
dl_lake_publish(struct dl_lake_writer *w, struct dl_err *err)
{
	size_t n = w->pool.nparts, i = 0;
	struct dl_lake_part **parts, *p;
	int r;

	if (n == 0)
		return 0;
	parts = dl_calloc(n, sizeof(struct dl_lake_part *));
	for (p = w->pool.oldest; p != NULL; p = p->newer)
		parts[i++] = p;
	r = publish_parts(w, parts, n, err);
	free(parts);
	return r;
}

/* Putting */

/* The open part for w->path: an event's partition is mostly the last one's. */
static struct dl_lake_part *
part_for(struct dl_lake_writer *w, struct dl_err *err)
{
	struct dl_span partition = dl_buf_as_span(&w->path);
	struct dl_lake_part *p = w->pool.newest;
	uint64_t hash;

	if (p != NULL && p->partition.len == partition.len + 1 &&
	    memcmp(p->partition.p, partition.p, partition.len) == 0)
		return p;
	hash = dl_hash64(partition);
	if ((p = dl_lake_part_find(&w->pool, partition, hash)) != NULL) {
		dl_lake_part_touch(p);
		return p;
	}
	if ((int64_t)w->pool.nparts >= w->max_open &&
	    publish_parts(w, &w->pool.oldest, 1, err) < 0)
		return NULL;
	if ((p = dl_lake_part_open(&w->pool, partition, hash, err)) == NULL)
		return NULL;
	p->opened_ms = now_ms();
	if (p->opened_ms < w->oldest_ms)
		w->oldest_ms = p->opened_ms;
	if (w->position.len > 0)
		p->from = dl_strdup(w->position.p);
	return p;
}

/* Was it stored by the run that this one repeats? */
static bool
skip(struct dl_lake_writer *w, const struct dl_event *ev)
{
	if (w->seen.n == 0 ||
	    !dl_idset_meet(&w->seen, dl_hash_pair(ev->source, ev->id)))
		return false;
	w->counts.skipped++;
	if (w->seen.unmet == 0 && w->journal != NULL)
		dl_journal_hold(w->journal, false);
	return true;
}

/* The event's time, in *t; NULL where it has none that can be read. */
static const struct dl_time *
time_of(const struct dl_event *ev, struct dl_time *t)
{
	struct dl_err ignored;

	if (ev->time.p == NULL)
		return NULL;
	ignored.status = DL_EXIT_OK;
	return dl_time_parse(ev->time, t, &ignored) < 0 ? NULL : t;
}

/* What would be read back as a flat line must not be stored as an event's. */
static int
lay_out(struct dl_lake_writer *w, const struct dl_event *ev, struct dl_err *err)
{
	dl_buf_clear(&w->line);
	if (w->layout == DL_LAKE_FLAT)
		return dl_lake_flatten(&w->line, ev, err);
	if (dl_lake_is_flat(ev->line))
		return dl_err_data(err, "an event's first member is '_id'");
	return 0;
}

static int
add_record(struct dl_lake_writer *w, struct dl_lake_part *p,
    const struct dl_event *ev, struct dl_err *err)
{
	if (w->layout == DL_LAKE_FLAT)
		return dl_lake_part_add(
		    p, dl_span(w->line.p, w->line.len - 1), err);
	return dl_lake_part_add(p, ev->line, err);
}

/* A part that the storage can't take would be in the way of all others. */
static int
check_length(struct dl_lake_writer *w, struct dl_err *err)
{
	size_t most = w->store->longest;

	if (most == 0 || w->path.len <= most)
		return 0;
	return dl_err_data(err,
	    "the partition '%.40s...' has %zu bytes; in %s it has at most %zu",
	    dl_buf_str(&w->path), w->path.len, w->store->name, most);
}

int
dl_lake_put(struct dl_lake_writer *w, const struct dl_event *ev,
    const char **code, struct dl_err *err)
{
	struct dl_lake_part *p;
	struct dl_time time;
	const struct dl_time *t;

	*code = NULL;
	w->at_checkpoint = false;
	if (skip(w, ev))
		return 0;
	dl_buf_clear(&w->path);
	*code = "partition";
	t = time_of(ev, &time);
	if (dl_partition_of(w->template, ev, t, &w->path, err) < 0 ||
	    check_length(w, err) < 0)
		return -1;
	*code = "layout";
	if (lay_out(w, ev, err) < 0)
		return -1;
	*code = NULL;
	if ((p = part_for(w, err)) == NULL || add_record(w, p, ev, err) < 0)
		return -1;
	dl_lake_part_count(p, ev, t);
	if (w->journal != NULL)
		dl_journal_stored(w->journal);
	if ((int64_t)p->bytes >= w->max_bytes &&
	    publish_parts(w, &p, 1, err) < 0)
		return -1;
	return 1;
}

/* Checkpoints */

static int
start_run(struct dl_lake_writer *w, struct dl_span key, struct dl_span position,
    struct dl_err *err)
{
	struct dl_lake_ids ids = {.store = w->store, .seen = &w->seen};
	int r = -1;

	dl_buf_span(&w->key, key);
	w->journal = dl_journal_open(&journal_kind, w->store->state, key, err);
	if (w->journal != NULL &&
	    dl_journal_start(
		w->journal, position, dl_lake_ids_part, &ids, err) == 0 &&
	    dl_lake_ids_finish(&ids, err) == 0)
		r = dl_idset_seal(&w->seen, err);
	dl_lake_ids_release(&ids);
	/* What a run before published is safe once it has landed too. */
	w->published += ids.settled;
	if (r == 0)
		dl_journal_hold(w->journal, w->seen.unmet > 0);
	return r;
}

int
dl_lake_checkpoint(struct dl_lake_writer *w, struct dl_span key,
    struct dl_span position, struct dl_err *err)
{
	struct dl_span mine = dl_buf_as_span(&w->key);

	if (w->journal == NULL && start_run(w, key, position, err) < 0)
		return -1;
	mine = dl_buf_as_span(&w->key);
	if (!dl_span_eq(key, mine))
		return dl_err_data(err,
		    "checkpoints of two sources in one pipe: '%.*s' and '%.*s'",
		    DL_SPAN_ARG(mine), key.len > 200 ? 200 : (int)key.len,
		    key.p);
	dl_journal_position(w->journal, position);
	dl_buf_clear(&w->position);
	dl_buf_span(&w->position, position);
	dl_buf_addc(&w->position, '\0');
	w->unacked = true;
	w->at_checkpoint = true;
	if (see_landed(w, 0, err) < 0)
		return -1;
	return w->pool.nparts == 0 ? dl_journal_settled(w->journal, err) : 0;
}

/* Landing */

/* The last checkpoint waits for what was published before it, if it may. */
static void
queue_position(struct dl_lake_writer *w)
{
	struct wait last = {.parts = w->published};
	size_t n = nwaits(w);

	if (!w->unacked || w->pool.nparts > 0)
		return;
	w->unacked = false;
	last.position = dl_strdup(w->position.p);
	if (n > 0 && wait_at(w, n - 1)->parts == last.parts) {
		free(wait_at(w, n - 1)->position);
		*wait_at(w, n - 1) = last;
	} else {
		dl_buf_add(&w->waits, &last, sizeof(last));
	}
}

static int
until_due(const struct dl_lake_writer *w)
{
	int64_t left;

	if (w->pool.nparts == 0)
		return -1;
	if (w->max_age_ms == 0)
		return w->at_checkpoint ? 0 : -1;
	left = w->oldest_ms + w->max_age_ms - now_ms();
	if (left > INT_MAX)
		return INT_MAX;
	return left < 0 ? 0 : (int)left;
}

int
dl_lake_wait_ms(const struct dl_lake_writer *w)
{
	int due = until_due(w);

	if (w->landed == w->published || (due >= 0 && due < LANDING_MS))
		return due;
	return LANDING_MS;
}

int
dl_lake_step(struct dl_lake_writer *w, struct dl_err *err)
{
	if (until_due(w) == 0 && dl_lake_publish(w, err) < 0)
		return -1;
	return see_landed(w, 0, err);
}

int
dl_lake_end(struct dl_lake_writer *w, struct dl_err *err)
{
	if (dl_lake_publish(w, err) < 0)
		return -1;
	/* Events after the last checkpoint are in lines that are there. */
	if (w->journal != NULL && w->at_checkpoint &&
	    dl_journal_end(w->journal, err) < 0)
		return -1;
	return see_landed(w, -1, err);
}

bool
dl_lake_safe(
    struct dl_lake_writer *w, struct dl_span *key, struct dl_span *position)
{
	size_t i = 0, n;

	queue_position(w);
	n = nwaits(w);
	while (i < n && wait_at(w, i)->parts <= w->landed)
		i++;
	if (i == 0)
		return false;
	dl_buf_clear(&w->safe);
	dl_buf_adds(&w->safe, wait_at(w, i - 1)->position);
	*key = dl_buf_as_span(&w->key);
	*position = dl_buf_as_span(&w->safe);
	n -= i;
	while (i > 0)
		free(wait_at(w, --i)->position);
	i = nwaits(w) - n;
	memmove(wait_at(w, 0), wait_at(w, i), n * sizeof(struct wait));
	w->waits.len = n * sizeof(struct wait);
	return true;
}

void
dl_lake_counts(const struct dl_lake_writer *w, struct dl_lake_counts *counts)
{
	*counts = w->counts;
}
