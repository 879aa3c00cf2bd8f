#include "lake_stat.h"

#include "json.h"

#include <stdlib.h>

const struct dl_lake_entry *
dl_lake_item_entry(const struct dl_lake_item *item)
{
	const struct dl_lake_entry *e = item->entry;

	return e != NULL && e->bytes == item->size ? e : NULL;
}

struct dl_span
dl_lake_partition_of(const char *part)
{
	const char *slash = strrchr(part, '/');

	return dl_span(part, slash == NULL ? 0 : (size_t)(slash - part));
}

/* Sums */

static void
add_times(struct dl_lake_sum *sum, const struct dl_time *first,
    const struct dl_time *last)
{
	if (!sum->timed || dl_time_cmp(first, &sum->first) < 0)
		sum->first = *first;
	if (!sum->timed || dl_time_cmp(last, &sum->last) > 0)
		sum->last = *last;
	sum->timed = true;
}

void
dl_lake_sum_item(struct dl_lake_sum *sum, const struct dl_lake_item *item)
{
	const struct dl_lake_entry *e = dl_lake_item_entry(item);

	sum->parts++;
	sum->bytes += item->size;
	if (e == NULL) {
		sum->unknown++;
		return;
	}
	sum->records += e->records;
	sum->unpacked += e->unpacked;
	if (e->timed)
		add_times(sum, &e->first, &e->last);
}

void
dl_lake_sum_add(struct dl_lake_sum *sum, const struct dl_lake_sum *more)
{
	sum->parts += more->parts;
	sum->bytes += more->bytes;
	sum->unknown += more->unknown;
	sum->records += more->records;
	sum->unpacked += more->unpacked;
	if (more->timed)
		add_times(sum, &more->first, &more->last);
}

void
dl_lake_sum_json(struct dl_buf *b, const struct dl_lake_sum *sum)
{
	char first[DL_TIME_MAX], last[DL_TIME_MAX];

	dl_buf_printf(b,
	    ",\"parts\":%llu,\"unknown\":%llu,\"records\":%llu,\"bytes\":%llu,"
	    "\"unpacked\":%llu",
	    (unsigned long long)sum->parts, (unsigned long long)sum->unknown,
	    (unsigned long long)sum->records, (unsigned long long)sum->bytes,
	    (unsigned long long)sum->unpacked);
	if (!sum->timed)
		return;
	dl_time_print(&sum->first, first);
	dl_time_print(&sum->last, last);
	dl_buf_printf(b, ",\"first\":\"%s\",\"last\":\"%s\"", first, last);
}

/*
 * What the manifest says of a part, but for what is said of it otherwise.  The
 * line has been checked when it was read.
 */
static void
add_entry(struct dl_buf *b, const struct dl_lake_entry *e)
{
	struct dl_json_iter it;
	struct dl_span key, value;

	dl_json_enter(&it, e->line);
	while (dl_json_member(&it, &key, &value) > 0) {
		if (dl_span_is(key, "prev") || dl_span_is(key, "part") ||
		    dl_span_is(key, "bytes"))
			continue;
		dl_buf_adds(b, ",\"");
		dl_buf_span(b, key);
		dl_buf_adds(b, "\":");
		dl_buf_span(b, value);
	}
}

void
dl_lake_item_json(struct dl_buf *b, const struct dl_lake_item *item)
{
	const struct dl_lake_entry *e = dl_lake_item_entry(item);

	dl_buf_adds(b, "{\"part\":");
	dl_json_quote(b, dl_span_str(item->part));
	dl_buf_printf(b, ",\"bytes\":%llu", (unsigned long long)item->size);
	if (e != NULL)
		add_entry(b, e);
	dl_buf_adds(b, "}\n");
}

/* Partitions */

static int
by_partition(const void *a, const void *b)
{
	const struct dl_lake_item *const *x = a, *const *y = b;
	int order = dl_span_cmp(
	    dl_lake_partition_of((*x)->part), dl_lake_partition_of((*y)->part));

	return order != 0 ? order : strcmp((*x)->part, (*y)->part);
}

int
dl_lake_partitions(const struct dl_lake_listing *l, dl_lake_partition_fn *fn,
    void *arg, struct dl_err *err)
{
	const struct dl_lake_item **items = dl_calloc(l->n + 1, sizeof(*items));
	struct dl_span partition;
	size_t i, end;
	int r = 0;

	for (i = 0; i < l->n; i++)
		items[i] = &l->items[i];
	qsort(items, l->n, sizeof(*items), by_partition);
	for (i = 0; r == 0 && i < l->n; i = end) {
		partition = dl_lake_partition_of(items[i]->part);
		for (end = i + 1; end < l->n; end++)
			if (!dl_span_eq(partition,
				dl_lake_partition_of(items[end]->part)))
				break;
		r = fn(arg, partition, items + i, end - i, err);
	}
	free(items);
	return r;
}

/* Parts that are not there */

struct sought {
	const struct dl_lake_listing *listing;
	bool found;
};

static int
seek(void *arg, const struct dl_lake_entry *heir, struct dl_err *err)
{
	struct sought *s = arg;

	(void)err;
	s->found =
	    s->found || dl_lake_listing_find(s->listing, heir->part) != NULL;
	return 0;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(a, *(char *const *)b);
}

uint64_t
dl_lake_count_absent(const struct dl_lake_listing *l)
{
	size_t i, n = dl_lake_index_count(l->index);
	const struct dl_lake_entry *e;
	struct dl_err ignored = {0};
	struct sought s;
	uint64_t absent = 0;

	for (i = 0; i < n; i++) {
		e = dl_lake_index_at(l->index, i);
		if (e->gone || dl_lake_listing_find(l, e->part) != NULL ||
		    (l->nsuperseded > 0 &&
			bsearch(e->part, l->superseded, l->nsuperseded,
			    sizeof(*l->superseded), by_name) != NULL))
			continue;
		s = (struct sought){.listing = l};
		(void)dl_lake_index_heirs(
		    l->index, e->part, seek, &s, &ignored);
		absent += !s.found;
	}
	return absent;
}
