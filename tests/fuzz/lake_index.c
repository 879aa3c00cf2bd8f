/*
 * A manifest from anywhere: what it says is found again by every name that it
 * has, and the lake whose files are some of these names is listed and read.
 */
#include "lake.h"
#include "lake_list.h"
#include "lake_piece.h"
#include "log.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct lake {
	struct dl_lake_store base;
	struct dl_span manifest;
	char **names; /* of the files, sorted, each once */
	size_t n;
};

static int
tell_lines(
    struct dl_lake_store *s, dl_lake_line_fn *fn, void *arg, struct dl_err *err)
{
	struct dl_span rest = ((struct lake *)s)->manifest;
	const char *nl;
	size_t len;

	while (rest.len > 0) {
		nl = memchr(rest.p, '\n', rest.len);
		len = nl == NULL ? rest.len : (size_t)(nl - rest.p);
		if (fn(arg, dl_span(rest.p, len), err) < 0)
			return -1;
		rest.p += len + (nl != NULL);
		rest.len -= len + (nl != NULL);
	}
	return 0;
}

static int
tell_files(struct dl_lake_store *s, const struct dl_lake_walk *walk,
    struct dl_err *err)
{
	struct lake *lake = (struct lake *)s;
	size_t i;

	for (i = 0; i < lake->n; i++)
		if (walk->file(walk->arg, lake->names[i],
			strlen(lake->names[i]) % 64, err) < 0)
			return -1;
	return 0;
}

/* One of three is gone, the others have some lines. */
static int
open_file(
    struct dl_lake_store *s, const char *name, int *fd, struct dl_err *err)
{
	static const char line[] = "{\"specversion\":\"1.0\",\"id\":\"1\","
				   "\"source\":\"s\",\"type\":\"t\"}\n";
	size_t n = strlen(name);

	(void)s;
	(void)err;
	if (n % 3 == 0)
		return 0;
	if ((*fd = memfd_create("part", MFD_CLOEXEC)) < 0)
		abort();
	for (n %= 4; n > 0; n--)
		if (write(*fd, line, sizeof(line) - 1) < 0)
			abort();
	if (lseek(*fd, 0, SEEK_SET) < 0)
		abort();
	return 1;
}

static const struct dl_lake_ops ops = {.walk = tell_files,
    .open = open_file,
    .manifest = tell_lines};

static int
find_self(void *arg, const struct dl_lake_entry *heir, struct dl_err *err)
{
	const struct dl_lake_entry **e = arg;

	(void)err;
	if (heir == *e)
		*e = NULL;
	return 0;
}

static void
add_name(struct lake *lake, const char *name)
{
	if (!dl_lake_name_ok(dl_span_str(name)))
		abort();
	lake->names = dl_realloc(lake->names, (lake->n + 1) * sizeof(char *));
	lake->names[lake->n++] = dl_strdup(name);
}

static void
check_heir(const struct dl_lake_index *x, const struct dl_lake_entry *e,
    const char *part)
{
	struct dl_err ignored = {0};

	(void)dl_lake_index_heirs(x, part, find_self, &e, &ignored);
	if (e != NULL)
		abort();
}

static bool
want(void *arg, const struct dl_lake_of *of)
{
	(void)arg;
	return of->records % 2 == 0;
}

static void
check_entry(struct lake *lake, const struct dl_lake_index *x, size_t i)
{
	const struct dl_lake_entry *e = dl_lake_index_at(x, i);
	const struct dl_lake_entry *first = dl_lake_index_find(x, e->part);
	struct dl_lake_pieces pieces = {.at = 0};
	struct dl_err err = {0};
	size_t k;

	if (first == NULL || first > e || strcmp(first->part, e->part) != 0)
		abort();
	add_name(lake, e->part);
	for (k = 0; k < e->nof; k++) {
		check_heir(x, e, e->of[k].part);
		add_name(lake, e->of[k].part);
	}
	for (k = 0; k < e->nmerged; k++) {
		check_heir(x, e, e->merged[k]);
		add_name(lake, e->merged[k]);
	}
	(void)dl_lake_pieces_choose(&pieces, e, want, NULL, &err);
	dl_lake_pieces_release(&pieces);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorted, each once, and only some of them. */
static void
choose(struct lake *lake)
{
	size_t i, n = 0;

	if (lake->n > 0)
		qsort(lake->names, lake->n, sizeof(char *), by_name);
	for (i = 0; i < lake->n; i++)
		if (strlen(lake->names[i]) % 5 == 0 ||
		    (n > 0 && strcmp(lake->names[n - 1], lake->names[i]) == 0))
			free(lake->names[i]);
		else
			lake->names[n++] = lake->names[i];
	lake->n = n;
}

static int
see_lines(void *arg, struct dl_span lines, struct dl_err *err)
{
	(void)arg;
	(void)err;
	if (lines.len == 0 || lines.p[lines.len - 1] != '\n')
		abort();
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lake lake = {.base = {.ops = &ops, .name = "fuzz"}};
	struct dl_lake_query q = {
	    .has_as_of = size % 2 == 1, .as_of = {.sec = 1500000000}};
	struct dl_lake_index *x;
	struct dl_err err = {0};
	struct dl_time t;
	size_t i;

	dl_log_init("fuzz", DL_LOG_ERROR);
	lake.manifest = dl_span((const char *)data, size);
	if ((x = dl_lake_index_new(&lake.base, &err)) == NULL)
		abort();
	for (i = 0; i < dl_lake_index_count(x); i++)
		check_entry(&lake, x, i);
	(void)dl_lake_index_lost(x, &q.as_of);
	choose(&lake);
	for (i = 0; i < lake.n; i++) {
		(void)dl_lake_name_time(lake.names[i], &t);
		(void)dl_lake_index_gone(x, lake.names[i], &t);
	}
	dl_lake_index_free(x);
	(void)dl_lake_read(&lake.base, &q, see_lines, NULL, &err);
	for (i = 0; i < lake.n; i++)
		free(lake.names[i]);
	free(lake.names);
	return 0;
}
