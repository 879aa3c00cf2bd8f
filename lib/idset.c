#include "idset.h"

#include "buf.h"
#include "io.h"
#include "log.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define AWAITED 1u       /* of lo */
#define FIRST_CAP 1024   /* doubled when it is full */
#define FEW 32           /* fewer are sorted faster by insertion */
#define GUESSES 12       /* of a search, before it halves */
#define NEAR 8           /* members that are looked at one by one */
#define OUT_BYTES 262144 /* gathered for a write */

void
dl_idset_init(struct dl_idset *s, const char *dir)
{
	*s = (struct dl_idset){.dir = dir, .most = DL_IDSET_MOST};
}

static void
unmap(struct dl_hash128 *ids, size_t n)
{
	(void)munmap(ids, n * sizeof(*ids));
}

static void
release_runs(struct dl_idset *s)
{
	size_t i;

	for (i = 0; i < s->nruns; i++)
		unmap(s->runs[i].ids, s->runs[i].n);
	free(s->runs);
	s->runs = NULL;
	s->nruns = 0;
}

static void
release_members(struct dl_idset *s)
{
	if (s->mapped)
		unmap(s->ids, s->n);
	else
		free(s->ids);
	s->ids = NULL;
	s->n = 0;
	s->mapped = false;
}

void
dl_idset_release(struct dl_idset *s)
{
	release_runs(s);
	release_members(s);
	free(s->added);
	free(s->met);
	*s = (struct dl_idset){.dir = s->dir, .most = s->most};
}

/* Sorting: by hi, then lo */

static bool
before(struct dl_hash128 a, struct dl_hash128 b)
{
	return a.hi != b.hi ? a.hi < b.hi : a.lo < b.lo;
}

static bool
same(struct dl_hash128 a, struct dl_hash128 b)
{
	return a.hi == b.hi && (a.lo | AWAITED) == (b.lo | AWAITED);
}

static unsigned
digit(struct dl_hash128 h, int i)
{
	uint64_t word = i < 8 ? h.hi : h.lo;

	return (unsigned)(word >> (56 - i % 8 * 8)) & 0xff;
}

static void
insertion(struct dl_hash128 *ids, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct dl_hash128 h = ids[i];
		size_t j = i;

		for (; j > 0 && before(h, ids[j - 1]); j--)
			ids[j] = ids[j - 1];
		ids[j] = h;
	}
}

/* Put ids into the order of digit i, in place; ends[b] is past those of b. */
static void
distribute(struct dl_hash128 *ids, size_t n, int i, size_t ends[256])
{
	size_t at[256], sum = 0, k;
	struct dl_hash128 h, swap;
	unsigned b, to;

	memset(ends, 0, 256 * sizeof(*ends));
	for (k = 0; k < n; k++)
		ends[digit(ids[k], i)]++;
	for (b = 0; b < 256; b++) {
		at[b] = sum;
		ends[b] = sum += ends[b];
	}
	for (b = 0; b < 256; b++)
		while (at[b] < ends[b]) {
			h = ids[at[b]];
			while ((to = digit(h, i)) != b) {
				swap = ids[at[to]];
				ids[at[to]++] = h;
				h = swap;
			}
			ids[at[b]++] = h;
		}
}

/*
 * dl_radix_sort() would need as much memory again.  There are 16 digits: the
 * depth of the recursion and the work for an id are bounded by that.
 */
static void
sort(struct dl_hash128 *ids, size_t n, int i)
{
	size_t ends[256], from = 0;
	unsigned b;

	if (n <= FEW) {
		insertion(ids, n);
		return;
	}
	distribute(ids, n, i, ends);
	for (b = 0; i < 15 && b < 256; from = ends[b++])
		if (ends[b] - from > 1)
			sort(ids + from, ends[b] - from, i + 1);
}

/*
 * Sort ids, each once; how many are left.  Of two that differ in AWAITED alone,
 * that with it comes last, and is the one to keep.
 */
static size_t
tidy(struct dl_hash128 *ids, size_t n)
{
	size_t i, left = 0;

	sort(ids, n, 0);
	for (i = 0; i < n; i++) {
		if (left > 0 && same(ids[left - 1], ids[i]))
			left--;
		ids[left++] = ids[i];
	}
	return left;
}

/* Files */

static int
open_nameless(const char *dir, struct dl_err *err)
{
	char path[PATH_MAX];
	int fd = open(dir, O_RDWR | O_TMPFILE | O_EXCL | O_CLOEXEC, 0600);

	if (fd >= 0)
		return fd;
	if (snprintf(path, sizeof(path), "%s/.ids-XXXXXX", dir) >= PATH_MAX)
		return dl_err_usage(err, "the path '%s' is too long", dir);
	if ((fd = mkostemp(path, O_CLOEXEC)) < 0)
		return dl_err_errno(
		    err, "cannot create a temporary file in '%s'", dir);
	(void)unlink(path);
	return fd;
}

/* Map what was written to fd: written, since a map of a full disk is fatal. */
static struct dl_hash128 *
map(const struct dl_idset *s, int fd, size_t n, struct dl_err *err)
{
	void *p = mmap(
	    NULL, n * sizeof(struct dl_hash128), PROT_READ, MAP_SHARED, fd, 0);

	if (p != MAP_FAILED)
		return p;
	dl_err_errno(err, "cannot map a temporary file in '%s'", s->dir);
	return NULL;
}

static int
write_ids(const struct dl_idset *s, int fd, const void *p, size_t bytes,
    struct dl_err *err)
{
	if (dl_write_all(fd, p, bytes, "a temporary file", err) == 0)
		return 0;
	dl_err_prefix(err, "%s", s->dir);
	return -1;
}

/* What was added goes into a file, and its memory is free for others. */
static int
spill(struct dl_idset *s, struct dl_err *err)
{
	struct dl_idset_run run = {NULL, 0};
	int fd;

	if (s->nruns == 0 && !s->mapped)
		dl_log(DL_LOG_WARN,
		    "more than %zu ids of events that may come again: they are "
		    "spilled to '%s'",
		    s->most, s->dir);
	run.n = s->nadded = tidy(s->added, s->nadded);
	if ((fd = open_nameless(s->dir, err)) < 0)
		return -1;
	if (write_ids(s, fd, s->added, run.n * sizeof(*s->added), err) == 0)
		run.ids = map(s, fd, run.n, err);
	close(fd);
	if (run.ids == NULL)
		return -1;
	s->runs = dl_realloc(s->runs, (s->nruns + 1) * sizeof(run));
	s->runs[s->nruns++] = run;
	s->nadded = 0;
	return 0;
}

int
dl_idset_add(
    struct dl_idset *s, struct dl_hash128 h, bool awaited, struct dl_err *err)
{
	if (s->nadded >= s->most && spill(s, err) < 0)
		return -1;
	if (s->nadded == s->cap) {
		s->cap = s->cap == 0 ? FIRST_CAP : s->cap * 2;
		s->added = dl_realloc(s->added, s->cap * sizeof(*s->added));
	}
	h.lo = (h.lo & ~(uint64_t)AWAITED) | (awaited ? AWAITED : 0);
	s->added[s->nadded++] = h;
	return 0;
}

/* Merging: a heap of the runs by their first ids, least on top */

static void
sink(struct dl_idset_run *heap, size_t n, size_t i)
{
	struct dl_idset_run run = heap[i];
	size_t child;

	while ((child = 2 * i + 1) < n) {
		if (child + 1 < n &&
		    before(heap[child + 1].ids[0], heap[child].ids[0]))
			child++;
		if (!before(heap[child].ids[0], run.ids[0]))
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = run;
}

/* Take the least id; *n is how many runs are left. */
static struct dl_hash128
take(struct dl_idset_run *heap, size_t *n)
{
	struct dl_hash128 h = heap[0].ids[0];

	heap[0].ids++;
	if (--heap[0].n == 0)
		heap[0] = heap[--*n];
	if (*n > 0)
		sink(heap, *n, 0);
	return h;
}

/* Write to fd what the n runs of heap have, each once; *count is how many. */
static int
merge(struct dl_idset *s, struct dl_idset_run *heap, size_t n, int fd,
    size_t *count, struct dl_err *err)
{
	struct dl_buf out = {0};
	struct dl_hash128 h, next;
	size_t i;
	int r = 0;

	for (i = n / 2; i > 0; i--)
		sink(heap, n, i - 1);
	h = take(heap, &n);
	for (*count = 1; n > 0 && r == 0; h = next) {
		next = take(heap, &n);
		if (same(h, next))
			continue;
		dl_buf_add(&out, &h, sizeof(h));
		++*count;
		if (out.len < OUT_BYTES)
			continue;
		r = write_ids(s, fd, out.p, out.len, err);
		dl_buf_clear(&out);
	}
	dl_buf_add(&out, &h, sizeof(h));
	if (r == 0)
		r = write_ids(s, fd, out.p, out.len, err);
	dl_buf_release(&out);
	return r;
}

static void
free_added(struct dl_idset *s)
{
	free(s->added);
	s->added = NULL;
	s->nadded = s->cap = 0;
}

/* The runs and the members go into one file; the members stay if it fails. */
static int
merge_runs(struct dl_idset *s, struct dl_err *err)
{
	struct dl_idset_run *heap;
	struct dl_hash128 *ids = NULL;
	size_t n = s->nruns, count = 0;
	int fd, r;

	if ((fd = open_nameless(s->dir, err)) < 0)
		return -1;
	heap = dl_calloc(n + 1, sizeof(*heap));
	memcpy(heap, s->runs, n * sizeof(*heap));
	if (s->n > 0)
		heap[n++] = (struct dl_idset_run){s->ids, s->n};
	r = merge(s, heap, n, fd, &count, err);
	free(heap);
	if (r == 0)
		ids = map(s, fd, count, err);
	close(fd);
	if (ids == NULL)
		return -1;
	release_runs(s);
	release_members(s);
	s->ids = ids;
	s->n = count;
	s->mapped = true;
	return 0;
}

/* What was added becomes members, in memory where there is room for all. */
static int
unite(struct dl_idset *s, struct dl_err *err)
{
	size_t all = s->n + s->nadded;

	if (s->nruns > 0 || s->mapped || all > s->most) {
		if (s->nadded > 0 && spill(s, err) < 0)
			return -1;
		free_added(s);
		return merge_runs(s, err);
	}
	if (s->n > 0) {
		s->added = dl_realloc(s->added, all * sizeof(*s->added));
		memcpy(s->added + s->nadded, s->ids, s->n * sizeof(*s->ids));
		free(s->ids);
	}
	s->ids = s->added;
	s->n = tidy(s->ids, all);
	s->added = NULL;
	free_added(s);
	return 0;
}

int
dl_idset_seal(struct dl_idset *s, struct dl_err *err)
{
	size_t i;

	if ((s->nadded > 0 || s->nruns > 0) && unite(s, err) < 0)
		return -1;
	s->unmet = 0;
	for (i = 0; i < s->n; i++)
		s->unmet += s->ids[i].lo & AWAITED;
	free(s->met);
	s->met = dl_calloc(s->n / 64 + 1, sizeof(*s->met));
	return 0;
}

/* Asking */

/* Where h.hi lies between low and high, as an index from 0 to n - 1. */
static size_t
guess(uint64_t hi, uint64_t low, uint64_t high, size_t n)
{
	double part = (double)(hi - low) / ((double)(high - low) + 1);
	size_t i = (size_t)(part * (double)n);

	return i < n ? i : n - 1;
}

/*
 * The index of h, or n.  Hashes are spread evenly unless somebody chose them:
 * a few guesses are enough, and where they are not the rest is halved.
 */
static size_t
find(const struct dl_idset *s, struct dl_hash128 h)
{
	size_t from = 0, to = s->n, i;
	uint64_t low = 0, high = UINT64_MAX;
	int guesses = 0;

	while (to - from > NEAR) {
		if (guesses++ < GUESSES)
			i = from + guess(h.hi, low, high, to - from);
		else
			i = from + (to - from) / 2;
		if (same(s->ids[i], h))
			return i;
		if (before(s->ids[i], h)) {
			from = i + 1;
			low = s->ids[i].hi;
		} else {
			to = i;
			high = s->ids[i].hi;
		}
	}
	for (i = from; i < to; i++)
		if (same(s->ids[i], h))
			return i;
	return s->n;
}

bool
dl_idset_meet(struct dl_idset *s, struct dl_hash128 h)
{
	size_t i;
	uint64_t bit;

	if (s->n == 0 || (i = find(s, h)) == s->n)
		return false;
	bit = (uint64_t)1 << i % 64;
	if ((s->met[i / 64] & bit) == 0) {
		s->met[i / 64] |= bit;
		s->unmet -= s->ids[i].lo & AWAITED;
	}
	return true;
}
