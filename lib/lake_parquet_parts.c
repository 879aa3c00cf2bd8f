/* The partitions of the lake that is rewritten, and names for what is in them. */
#include "lake_parquet_private.h"

#include "hash.h"

#include <stdlib.h>

void
dl_parquet_print(struct dl_span bytes, char out[DL_LAKE_PARQUET_PRINT + 1])
{
	struct dl_hash128 h = dl_hash128(bytes);

	dl_hash_print(h.hi, out);
	dl_hash_print(h.lo, out + 16);
	out[DL_LAKE_PARQUET_PRINT] = '\0';
}

size_t
dl_parquet_dir(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? 0 : (size_t)(slash - path);
}

static int
by_dir(const void *a, const void *b)
{
	const struct dl_lake_item *x = *(const struct dl_lake_item *const *)a;
	const struct dl_lake_item *y = *(const struct dl_lake_item *const *)b;
	int c = dl_span_cmp(dl_span(x->part, dl_parquet_dir(x->part)),
	    dl_span(y->part, dl_parquet_dir(y->part)));

	return c != 0 ? c : strcmp(x->part, y->part);
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *
original(const char *part, uint64_t records)
{
	struct dl_buf b = {0};

	dl_buf_printf(&b, "%s\t%llu\n", part, (unsigned long long)records);
	(void)dl_buf_str(&b);
	return b.p;
}

/* The same for the same records, in whatever parts they are. */
static void
name_records(struct dl_parquet_partition *partition)
{
	const struct dl_lake_entry *e;
	struct dl_buf all = {0}, text = {0};
	size_t i, k, n;
	char **names, *name;

	for (i = 0; i < partition->n; i++) {
		e = partition->items[i]->entry;
		if (e == NULL || e->nof == 0) {
			name = e == NULL ? original(partition->items[i]->part,
					       partition->items[i]->size)
			                 : original(e->part, e->records);
			dl_buf_add(&all, &name, sizeof(name));
		}
		for (k = 0; e != NULL && k < e->nof; k++) {
			name = original(e->of[k].part, e->of[k].records);
			dl_buf_add(&all, &name, sizeof(name));
		}
	}
	names = (char **)(void *)all.p;
	n = all.len / sizeof(*names);
	qsort(names, n, sizeof(*names), by_text);
	for (i = 0; i < n; i++) {
		dl_buf_adds(&text, names[i]);
		free(names[i]);
	}
	dl_parquet_print(dl_buf_as_span(&text), partition->print);
	dl_buf_release(&all);
	dl_buf_release(&text);
}

void
dl_parquet_partitions(struct dl_parquet *p)
{
	struct dl_parquet_partition *partition = NULL;
	struct dl_span dir;
	size_t i, n = p->listing.n;

	p->items = dl_calloc(n + 1, sizeof(struct dl_lake_item *));
	p->partitions = dl_calloc(n + 1, sizeof(*p->partitions));
	for (i = 0; i < n; i++)
		p->items[i] = &p->listing.items[i];
	qsort(p->items, n, sizeof(struct dl_lake_item *), by_dir);
	for (i = 0; i < n; i++) {
		dir = dl_span(
		    p->items[i]->part, dl_parquet_dir(p->items[i]->part));
		if (partition == NULL || !dl_span_is(dir, partition->dir)) {
			partition = &p->partitions[p->npartitions++];
			partition->dir = dl_strndup(dir);
			partition->items = &p->items[i];
		}
		partition->n++;
	}
	for (i = 0; i < p->npartitions; i++)
		name_records(&p->partitions[i]);
}
