#include "lake_parquet_private.h"

#include "io.h"
#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SUFFIX ".parquet"
#define KEYS_MOST 16 /* of a path that are kept free of columns */

bool
dl_parquet_stopped(const struct dl_parquet *p)
{
	return p->options->stop != NULL && *p->options->stop;
}

void
dl_parquet_tell(struct dl_parquet *p, enum dl_lake_parquet_what what,
    const struct dl_parquet_partition *partition, size_t done, uint64_t records,
    uint64_t bytes)
{
	struct dl_lake_parquet_step step = {
	    .what = what,
	    .partition = partition->dir,
	    .parts = partition->n,
	    .records = records,
	    .bytes = bytes,
	    .done = done,
	    .all = p->npartitions,
	};

	if (p->options->told != NULL)
		p->options->told(p->options->arg, &step);
}

/* Columns */

/* The keys of the first partition stand for those of all. */
static size_t
find_keys(const struct dl_parquet *p, struct dl_span keys[KEYS_MOST])
{
	const char *at = p->npartitions == 0 ? "" : p->partitions[0].dir, *eq;
	size_t n = 0, len;

	for (; *at != '\0' && n < KEYS_MOST; at += len + (at[len] == '/')) {
		len = strcspn(at, "/");
		if ((eq = memchr(at, '=', len)) != NULL)
			keys[n++] = dl_span(at, (size_t)(eq - at));
	}
	return n;
}

static void
settle(struct dl_parquet *p)
{
	struct dl_span keys[KEYS_MOST];
	struct dl_buf b = {0};

	dl_lake_rows_settle(p->rows, keys, find_keys(p, keys));
	dl_lake_rows_schema(p->rows, &b);
	dl_parquet_print(dl_buf_as_span(&b), p->schema);
	dl_buf_release(&b);
}

/* The files that are there */

struct there {
	struct dl_buf paths; /* char *, of all files of Parquet */
	char **all;          /* by directory */
	size_t n, at;        /* at: the next one */
	struct dl_lake_index *index;
};

static bool
enter_any(void *arg, const char *dir)
{
	(void)arg;
	(void)dir;
	return true;
}

static int
take_file(void *arg, const char *path, uint64_t size, struct dl_err *err)
{
	struct there *t = arg;
	size_t len = strlen(path);
	char *copy;

	(void)size;
	(void)err;
	if (len < strlen(SUFFIX) ||
	    strcmp(path + len - strlen(SUFFIX), SUFFIX) != 0)
		return 0;
	copy = dl_strdup(path);
	dl_buf_add(&t->paths, &copy, sizeof(copy));
	return 0;
}

static int
path_by_dir(const void *a, const void *b)
{
	const char *x = *(char *const *)a, *y = *(char *const *)b;
	int c = dl_span_cmp(
	    dl_span(x, dl_parquet_dir(x)), dl_span(y, dl_parquet_dir(y)));

	return c != 0 ? c : strcmp(x, y);
}

static int
find_there(struct dl_parquet *p, struct there *t, struct dl_err *err)
{
	struct dl_lake_walk walk = {enter_any, take_file, t};

	if (p->to == NULL)
		return 0;
	if (p->to->ops->walk(p->to, &walk, err) < 0)
		return -1;
	t->all = (char **)(void *)t->paths.p;
	t->n = t->paths.len / sizeof(*t->all);
	if (t->n > 1)
		qsort(t->all, t->n, sizeof(*t->all), path_by_dir);
	t->index = dl_lake_index_new(p->to, err);
	return t->index == NULL ? -1 : 0;
}

static void
release_there(struct there *t)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		free(t->all[i]);
	dl_buf_release(&t->paths);
	dl_lake_index_free(t->index);
}

/* Does the manifest's line say this of the file? */
static bool
says(const struct dl_lake_entry *e, const char *key, const char *value)
{
	struct dl_json_iter it;
	struct dl_span name, v;

	dl_json_enter(&it, e->line);
	while (dl_json_member(&it, &name, &v) > 0)
		if (dl_span_is(name, key))
			return v.len == strlen(value) + 2 &&
			       memcmp(v.p + 1, value, v.len - 2) == 0;
	return false;
}

/*
 * Take the files of the next directory that are ours, as the manifest tells:
 * their paths to old.  With a partition, the first that is as it should be is
 * not put there: true.
 */
static bool
take_old(const struct dl_parquet *p, struct there *t, struct dl_span dir,
    const struct dl_parquet_partition *partition, struct dl_buf *old)
{
	const struct dl_lake_entry *e;
	const char *path;
	bool good = false;

	for (; t->at < t->n; t->at++) {
		path = t->all[t->at];
		if (!dl_span_eq(dl_span(path, dl_parquet_dir(path)), dir))
			break;
		if ((e = dl_lake_index_find(t->index, path)) == NULL)
			continue;
		if (partition != NULL && !good &&
		    says(e, "print", partition->print) &&
		    says(e, "schema", p->schema))
			good = true;
		else
			dl_buf_add(old, &path, sizeof(path));
	}
	return good;
}

/* Doing */

/* Take files away that have no successor, or have one already. */
static int
take_away(struct dl_parquet *p, const char *dir, const char *const *old,
    size_t n, const char *why, struct dl_err *err)
{
	struct dl_buf b = {0};
	struct dl_span line;
	size_t i;
	int r;

	for (i = 0; i < n; i++) {
		dl_buf_adds(&b, i == 0 ? "{\"gone\":[" : ",");
		dl_json_quote(&b, dl_span_str(old[i]));
	}
	dl_buf_printf(&b, "],\"why\":\"%s\"}", why);
	line = dl_buf_as_span(&b);
	r = p->to->ops->record(p->to, NULL, &line, 1, err);
	if (r == 0)
		r = p->to->ops->replace(p->to, dir, NULL, old, n, err);
	dl_buf_release(&b);
	return r;
}

/* Files of a partition that the lake has not any more. */
static int
remove_partition(struct dl_parquet *p, struct there *t, struct dl_err *err)
{
	struct dl_parquet_partition none = {0};
	struct dl_buf old = {0};
	const char *path = t->all[t->at];
	size_t n;
	int r = 0;

	none.dir = dl_strndup(dl_span(path, dl_parquet_dir(path)));
	(void)take_old(p, t, dl_span_str(none.dir), NULL, &old);
	n = old.len / sizeof(path);
	if (n > 0 && !p->options->dry_run)
		r = take_away(p, none.dir, (const char **)(void *)old.p, n,
		    "its partition is gone", err);
	if (n > 0 && r == 0) {
		p->counts->removed++;
		dl_parquet_tell(p, DL_LAKE_PARQUET_REMOVED, &none, 0, 0, 0);
	}
	dl_buf_release(&old);
	free(none.dir);
	return r;
}

static int
renew_partition(
    struct dl_parquet *p, struct there *t, size_t number, struct dl_err *err)
{
	const struct dl_parquet_partition *partition = &p->partitions[number];
	uint64_t records = p->counts->records, bytes = p->counts->bytes;
	struct dl_buf old = {0};
	const char **paths;
	bool good;
	size_t n;
	int r = 0;

	good = take_old(p, t, dl_span_str(partition->dir), partition, &old);
	paths = (const char **)(void *)old.p;
	n = old.len / sizeof(*paths);
	if (p->options->dry_run)
		r = 0;
	else if (!good)
		r = dl_parquet_make(p, partition, paths, n, err);
	else if (n > 0)
		r = take_away(p, partition->dir, paths, n, "replaced", err);
	dl_buf_release(&old);
	if (r < 0)
		return -1;
	p->counts->kept += good;
	p->counts->written += !good;
	dl_parquet_tell(p,
	    good ? DL_LAKE_PARQUET_KEPT : DL_LAKE_PARQUET_WRITTEN, partition,
	    number + 1, p->counts->records - records, p->counts->bytes - bytes);
	return 0;
}

/* Both sides are in the order of their directories. */
static int
renew_all(struct dl_parquet *p, struct there *t, struct dl_err *err)
{
	struct dl_span dir;
	size_t i = 0;
	int r = 0, c;

	while (r == 0 && (i < p->npartitions || t->at < t->n)) {
		if (dl_parquet_stopped(p))
			break;
		c = 1;
		if (t->at < t->n) {
			dir = dl_span(
			    t->all[t->at], dl_parquet_dir(t->all[t->at]));
			c = i == p->npartitions
			        ? -1
			        : dl_span_cmp(
				      dir, dl_span_str(p->partitions[i].dir));
		}
		r = c < 0 ? remove_partition(p, t, err)
		          : renew_partition(p, t, i++, err);
	}
	return r;
}

/*
 * All that was published is there when this returns, also by a run that was
 * killed: only then the files that are there can be looked at.
 */
static int
land(struct dl_parquet *p, struct dl_err *err)
{
	uint64_t n;

	if (p->to == NULL || p->options->dry_run)
		return 0;
	return p->to->ops->landed(p->to, p->published, -1, &n, err);
}

static int
rewrite(struct dl_parquet *p, struct dl_err *err)
{
	struct there t = {0};
	int r;

	if (dl_lake_list(p->from, NULL, &p->listing, err) < 0)
		return -1;
	dl_parquet_partitions(p);
	if (dl_parquet_see(p, err) < 0)
		return -1;
	settle(p);
	r = land(p, err);
	if (r == 0)
		r = find_there(p, &t, err);
	if (r == 0)
		r = renew_all(p, &t, err);
	if (r == 0)
		r = land(p, err);
	release_there(&t);
	return r;
}

/* Beginning and end */

static int
open_duck(struct dl_parquet *p, struct dl_err *err)
{
	const struct dl_lake_parquet_options *o = p->options;
	struct dl_buf spill = {0};
	struct dl_duck_options options = {
	    .library = o->library,
	    .memory_bytes =
		o->memory_bytes > 0 ? o->memory_bytes : DL_LAKE_PARQUET_MEMORY,
	    .threads = o->threads > 0 ? o->threads : 1,
	};

	if (p->dir != NULL) {
		dl_buf_printf(&spill, "%s/spill", p->dir);
		options.temp_dir = dl_buf_str(&spill);
	}
	p->duck = dl_duck_open(&options, err);
	dl_buf_release(&spill);
	return p->duck == NULL ? -1 : 0;
}

/* One run at a time: they share the directory.  A dry run needs none. */
static int
lock(struct dl_parquet *p, int *fd, struct dl_err *err)
{
	struct dl_buf path = {0}, what = {0};

	if (p->to == NULL || p->to->state == NULL)
		return 0;
	dl_buf_printf(&path, "%s/parquet", p->to->state);
	p->dir = dl_strdup(dl_buf_str(&path));
	if (p->options->dry_run) {
		dl_buf_release(&path);
		return 0;
	}
	if (dl_mkdirs(p->dir, err) == 0) {
		dl_buf_adds(&path, "/lock");
		dl_buf_printf(&what, "the Parquet of '%s'", p->to->name);
		*fd = dl_lock_file(dl_buf_str(&path), dl_buf_str(&what), err);
	}
	if (*fd >= 0)
		dl_parquet_clean(p);
	dl_buf_release(&path);
	dl_buf_release(&what);
	return *fd < 0 ? -1 : 0;
}

static void
release(struct dl_parquet *p)
{
	size_t i;

	for (i = 0; i < p->npartitions; i++)
		free(p->partitions[i].dir);
	free(p->partitions);
	free(p->items);
	dl_lake_listing_release(&p->listing);
	dl_lake_rows_free(p->rows);
	dl_duck_close(p->duck);
	free(p->dir);
}

int
dl_lake_parquet(struct dl_lake_store *from, const char *from_address,
    struct dl_lake_store *to, const struct dl_lake_parquet_options *options,
    struct dl_lake_parquet_counts *counts, struct dl_err *err)
{
	struct dl_parquet p = {
	    .from = from,
	    .to = to,
	    .from_address = from_address,
	    .options = options,
	    .counts = counts,
	};
	int held = -1, r = -1;

	*counts = (struct dl_lake_parquet_counts){0};
	if (to != NULL && strcmp(from->name, to->name) == 0)
		return dl_err_usage(
		    err, "a lake cannot be its own Parquet: '%s'", to->name);
	p.rows = dl_lake_rows_new();
	if (lock(&p, &held, err) == 0 && open_duck(&p, err) == 0)
		r = rewrite(&p, err);
	counts->stopped = r == 0 && dl_parquet_stopped(&p);
	release(&p);
	if (held >= 0)
		close(held);
	return r;
}
