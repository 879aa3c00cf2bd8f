/*
 * What values there are in a lake.  A part never changes: what was found in a
 * partition is kept, a line for each, under the name of its records:
 *
 *	{"print":"4b0c…","seen":{…}}
 */
#include "lake_parquet_private.h"

#include "io.h"
#include "json.h"
#include "lake_events.h"

#include <stdlib.h>

#define SEEN_MAX ((size_t)1 << 30)

struct known {
	struct dl_span print, seen;
};

struct cache {
	struct dl_buf text;
	struct known *known; /* by print */
	size_t n;
};

static int
by_print(const void *a, const void *b)
{
	return dl_span_cmp(
	    ((const struct known *)a)->print, ((const struct known *)b)->print);
}

/* A line that is not understood is none: it is found out again. */
static bool
read_line(struct dl_span line, struct known *k)
{
	struct dl_json_iter it;
	struct dl_span key, value;
	int n;

	*k = (struct known){0};
	dl_json_enter(&it, line);
	while ((n = dl_json_member(&it, &key, &value)) > 0)
		if (dl_span_is(key, "print"))
			k->print = value;
		else if (dl_span_is(key, "seen"))
			k->seen = value;
	return n == 0 && k->seen.p != NULL &&
	       k->print.len == DL_LAKE_PARQUET_PRINT + 2;
}

static void
read_cache(struct cache *c, const char *path)
{
	struct dl_err ignored = {0};
	struct dl_buf known = {0};
	const char *p, *nl, *end;
	struct known k;

	if (dl_read_file(path, SEEN_MAX, &c->text, &ignored) < 0)
		dl_buf_clear(&c->text);
	p = c->text.p;
	end = dl_span_end(dl_buf_as_span(&c->text));
	for (; c->text.len > 0 && p < end; p = nl + 1) {
		if ((nl = memchr(p, '\n', (size_t)(end - p))) == NULL)
			break;
		if (read_line(dl_span(p, (size_t)(nl - p)), &k))
			dl_buf_add(&known, &k, sizeof(k));
	}
	c->known = (struct known *)(void *)known.p;
	c->n = known.len / sizeof(k);
	if (c->n > 1)
		qsort(c->known, c->n, sizeof(k), by_print);
}

static const struct known *
look_up(const struct cache *c, const char *print)
{
	char quoted[DL_LAKE_PARQUET_PRINT + 2];
	struct known k = {.print = dl_span(quoted, sizeof(quoted))};

	quoted[0] = quoted[sizeof(quoted) - 1] = '"';
	memcpy(quoted + 1, print, DL_LAKE_PARQUET_PRINT);
	return c->n == 0 ? NULL
	                 : bsearch(&k, c->known, c->n, sizeof(k), by_print);
}

static int
take_event(void *arg, const struct dl_event *ev, struct dl_err *err)
{
	return dl_lake_rows_see(arg, ev, err);
}

/* Append what there is in a partition. */
static int
scan(struct dl_parquet *p, const struct dl_parquet_partition *partition,
    struct dl_buf *seen, struct dl_err *err)
{
	struct dl_lake_rows *rows = dl_lake_rows_new();
	size_t i;
	int n = 1;

	for (i = 0; n > 0 && i < partition->n && !dl_parquet_stopped(p); i++) {
		n = dl_lake_each_event(p->from, partition->items[i]->part,
		    partition->items[i]->kind, take_event, rows, err);
		if (n == 0)
			dl_err_temp(err,
			    "'%s' was just taken away; run it again",
			    partition->items[i]->part);
	}
	dl_lake_rows_save(seen, rows);
	dl_lake_rows_free(rows);
	return n > 0 ? 0 : -1;
}

static void
add_line(struct dl_buf *text, const char *print, struct dl_span seen)
{
	dl_buf_printf(text, "{\"print\":\"%s\",\"seen\":", print);
	dl_buf_span(text, seen);
	dl_buf_adds(text, "}\n");
}

static int
see_partition(struct dl_parquet *p, const struct cache *c,
    const struct dl_parquet_partition *partition, struct dl_buf *text,
    struct dl_err *err)
{
	const struct known *k = look_up(c, partition->print);
	struct dl_buf seen = {0};
	int r = 0;

	if (k != NULL && dl_lake_rows_load(p->rows, k->seen) == 0) {
		add_line(text, partition->print, k->seen);
		return 0;
	}
	r = scan(p, partition, &seen, err);
	if (r == 0 && !dl_parquet_stopped(p)) {
		if (dl_lake_rows_load(p->rows, dl_buf_as_span(&seen)) < 0)
			r = dl_err_bug(err, "types that cannot be read again");
		add_line(text, partition->print, dl_buf_as_span(&seen));
	}
	dl_buf_release(&seen);
	return r;
}

/* Keep what was found, also where this run ends early. */
static int
write_cache(struct dl_parquet *p, const struct cache *c, const char *path,
    size_t done, struct dl_buf *text, struct dl_err *err)
{
	const struct known *k;

	for (; done < p->npartitions; done++)
		if ((k = look_up(c, p->partitions[done].print)) != NULL)
			add_line(text, p->partitions[done].print, k->seen);
	return p->options->dry_run
	           ? 0
	           : dl_replace_file(path, dl_buf_as_span(text), err);
}

int
dl_parquet_see(struct dl_parquet *p, struct dl_err *err)
{
	struct dl_err ignored = {0};
	struct cache c = {0};
	struct dl_buf path = {0}, text = {0};
	size_t i;
	int r = 0;

	dl_buf_printf(&path, "%s/seen.ndjson", p->dir == NULL ? "" : p->dir);
	if (p->dir != NULL)
		read_cache(&c, dl_buf_str(&path));
	for (i = 0; i < p->npartitions && !dl_parquet_stopped(p); i++) {
		r = see_partition(p, &c, &p->partitions[i], &text, err);
		if (r < 0)
			break;
		dl_parquet_tell(
		    p, DL_LAKE_PARQUET_SEEN, &p->partitions[i], i + 1, 0, 0);
	}
	if (write_cache(p, &c, path.p, i, &text, r < 0 ? &ignored : err) < 0)
		r = -1;
	free(c.known);
	dl_buf_release(&c.text);
	dl_buf_release(&path);
	dl_buf_release(&text);
	return r;
}
