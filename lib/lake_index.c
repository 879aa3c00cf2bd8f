/*
 * Names are kept once, in a hash table; what is said of a name hangs on it: its
 * entry, the entries that have taken it in, that it is gone.  All texts and
 * lists lie in chunks that are freed together.
 */
#include "lake_index_private.h"

#include "hash.h"
#include "log.h"

#include <stdlib.h>

#define CHUNK (256 << 10)
#define NAME_MOST 1024 /* bytes of a part's name: what S3 takes as a key */

/* Memory */

void *
dl_lake_index_take(struct dl_lake_index *x, size_t n)
{
	struct dl_lake_chunk *c = x->chunks;
	size_t cap;
	char *p;

	n = (n + sizeof(max_align_t) - 1) / sizeof(max_align_t) *
	    sizeof(max_align_t);
	if (c == NULL || c->cap - c->used < n) {
		cap = n > CHUNK ? n : CHUNK;
		c = dl_alloc(sizeof(*c) + cap);
		c->next = x->chunks;
		c->used = 0;
		c->cap = cap;
		x->chunks = c;
	}
	p = (char *)c->bytes + c->used;
	c->used += n;
	return p;
}

const char *
dl_lake_index_keep(struct dl_lake_index *x, struct dl_span s)
{
	char *p = dl_lake_index_take(x, s.len + 1);

	memcpy(p, s.p, s.len);
	p[s.len] = '\0';
	return p;
}

void *
dl_lake_index_more(void *array, size_t n, size_t size)
{
	if (n > 0 && (n & (n - 1)) != 0)
		return array;
	return dl_realloc(array, (n == 0 ? 1 : 2 * n) * size);
}

/* Names */

bool
dl_lake_name_ok(struct dl_span part)
{
	size_t i;

	if (part.len == 0 || part.len > NAME_MOST ||
	    part.p[part.len - 1] == '/' ||
	    memchr(part.p, '\0', part.len) != NULL)
		return false;
	for (i = 0; i < part.len; i++)
		if ((i == 0 || part.p[i - 1] == '/') &&
		    (part.p[i] == '.' || part.p[i] == '_' || part.p[i] == '/'))
			return false;
	return true;
}

static int
digit(char c)
{
	static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	const char *p = c == '\0' ? NULL : strchr(digits, c);

	return p == NULL ? -1 : (int)(p - digits);
}

bool
dl_lake_name_time(const char *part, struct dl_time *t)
{
	static const char prefix[] = "part-";
	const char *name = strrchr(part, '/'), *ulid;
	int64_t ms = 0;
	int i, d;

	name = name == NULL ? part : name + 1;
	if (strncmp(name, prefix, sizeof(prefix) - 1) != 0)
		return false;
	ulid = name + sizeof(prefix) - 1;
	for (i = 0; i < DL_ULID_LEN; i++) {
		if ((d = digit(ulid[i])) < 0 || (i == 0 && d > 7))
			return false;
		if (i < 10)
			ms = ms << 5 | d;
	}
	*t = (struct dl_time){ms / 1000, (int32_t)(ms % 1000) * 1000000, 3};
	return ulid[i] == '.' || ulid[i] == '\0';
}

/* Where the name is in slots, or would be. */
static size_t
slot_of(const struct dl_lake_index *x, struct dl_span text, uint64_t place)
{
	size_t i = place & (x->nslots - 1);
	const struct dl_lake_name *n;

	for (; x->slots[i] != 0; i = (i + 1) & (x->nslots - 1)) {
		n = &x->names[x->slots[i] - 1];
		if (n->place == place && dl_span_is(text, n->text))
			break;
	}
	return i;
}

static void
more_slots(struct dl_lake_index *x)
{
	size_t i, at;

	free(x->slots);
	x->nslots = x->nslots == 0 ? 64 : 2 * x->nslots;
	x->slots = dl_calloc(x->nslots, sizeof(*x->slots));
	for (i = 0; i < x->nnames; i++) {
		at = x->names[i].place & (x->nslots - 1);
		while (x->slots[at] != 0)
			at = (at + 1) & (x->nslots - 1);
		x->slots[at] = (uint32_t)i + 1;
	}
}

static const struct dl_lake_name *
look_up(const struct dl_lake_index *x, const char *part)
{
	struct dl_span text = dl_span_str(part);
	size_t i;

	if (x->nslots == 0)
		return NULL;
	i = slot_of(x, text, dl_hash_place(dl_hash64(text)));
	return x->slots[i] == 0 ? NULL : &x->names[x->slots[i] - 1];
}

struct dl_lake_name *
dl_lake_index_name(struct dl_lake_index *x, struct dl_span text)
{
	uint64_t place = dl_hash_place(dl_hash64(text));
	struct dl_lake_name *n;
	size_t i;

	if (2 * (x->nnames + 1) > x->nslots)
		more_slots(x);
	i = slot_of(x, text, place);
	if (x->slots[i] != 0)
		return &x->names[x->slots[i] - 1];
	x->names = dl_lake_index_more(x->names, x->nnames, sizeof(*x->names));
	n = &x->names[x->nnames++];
	*n = (struct dl_lake_name){.text = dl_lake_index_keep(x, text),
	    .place = place,
	    .entry = DL_LAKE_NONE,
	    .heir = DL_LAKE_NONE,
	    .newest = DL_LAKE_NONE};
	x->slots[i] = (uint32_t)x->nnames;
	return n;
}

void
dl_lake_index_time(const char *part, struct dl_time *at)
{
	if (!dl_lake_name_time(part, at))
		*at = (struct dl_time){0};
}

/* The whole manifest */

struct loading {
	struct dl_lake_index *x;
	struct dl_buf scratch;
};

static int
take_line(void *arg, struct dl_span line, struct dl_err *err)
{
	struct loading *l = arg;
	struct dl_lake_index *x = l->x;

	x->lines++;
	/* Numbers of 32 bits do for some hundred gigabytes of manifest. */
	if (x->nnames > UINT32_MAX / 2 || x->nheirs > UINT32_MAX / 2)
		return dl_err_data(err, "too many parts in a manifest");
	if (dl_lake_index_line(x, line, &l->scratch) == 0)
		return 0;
	dl_buf_add(&x->bad, &x->lines, sizeof(x->lines));
	return 0;
}

static size_t
count_bad(const struct dl_lake_index *x)
{
	return x->bad.len / sizeof(uint64_t);
}

static const uint64_t *
bad_lines(const struct dl_lake_index *x)
{
	return (const uint64_t *)(const void *)x->bad.p;
}

static void
warn(const struct dl_lake_index *x, const char *name)
{
	if (count_bad(x) > 0)
		dl_log(DL_LOG_WARN,
		    "'%s': %llu lines of the manifest (the first is line %llu) "
		    "are none and were passed over; see dl-lake-ls --verify",
		    name, (unsigned long long)count_bad(x),
		    (unsigned long long)*bad_lines(x));
}

struct dl_lake_index *
dl_lake_index_new(struct dl_lake_store *store, struct dl_err *err)
{
	struct loading l = {.x = dl_calloc(1, sizeof(*l.x))};
	struct dl_lake_index *x = l.x;
	size_t i;
	int r;

	/* It chooses its numbers when it is first asked: not in a thread. */
	(void)dl_hash_place(0);
	r = store->ops->manifest(store, take_line, &l, err);
	dl_buf_release(&l.scratch);
	if (r < 0) {
		dl_lake_index_free(x);
		return NULL;
	}
	for (i = 0; i < x->nnames; i++)
		if (x->names[i].gone && x->names[i].entry != DL_LAKE_NONE)
			x->entries[x->names[i].entry].gone = true;
	warn(x, store->name);
	return x;
}

void
dl_lake_index_free(struct dl_lake_index *x)
{
	struct dl_lake_chunk *c;

	if (x == NULL)
		return;
	while ((c = x->chunks) != NULL) {
		x->chunks = c->next;
		free(c);
	}
	free(x->entries);
	free(x->names);
	free(x->heirs);
	free(x->slots);
	dl_buf_release(&x->bad);
	free(x);
}

/* Asking */

const struct dl_lake_entry *
dl_lake_index_find(const struct dl_lake_index *x, const char *part)
{
	const struct dl_lake_name *n = look_up(x, part);

	return n == NULL || n->entry == DL_LAKE_NONE ? NULL
	                                             : &x->entries[n->entry];
}

size_t
dl_lake_index_count(const struct dl_lake_index *x)
{
	return x->nentries;
}

const struct dl_lake_entry *
dl_lake_index_at(const struct dl_lake_index *x, size_t i)
{
	return &x->entries[i];
}

uint64_t
dl_lake_index_lines(const struct dl_lake_index *x, uint64_t *bad)
{
	*bad = count_bad(x);
	return x->lines;
}

static int
by_number(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

bool
dl_lake_index_is_bad(const struct dl_lake_index *x, uint64_t number)
{
	return x->bad.len > 0 && bsearch(&number, bad_lines(x), count_bad(x),
				     sizeof(number), by_number) != NULL;
}

typedef int heir_fn(
    void *arg, const struct dl_lake_entry *heir, struct dl_err *err);

static int
tell_heirs(const struct dl_lake_index *x, const char *part, bool merged,
    heir_fn *fn, void *arg, struct dl_err *err)
{
	const struct dl_lake_name *n = look_up(x, part);
	const struct dl_lake_link *h;
	uint32_t i;

	if (n == NULL)
		return 0;
	for (i = n->heir; i != DL_LAKE_NONE; i = h->next) {
		h = &x->heirs[i];
		if ((h->merged || !merged) &&
		    fn(arg, &x->entries[h->entry], err) < 0)
			return -1;
	}
	return 0;
}

int
dl_lake_index_heirs(const struct dl_lake_index *x, const char *part,
    heir_fn *fn, void *arg, struct dl_err *err)
{
	return tell_heirs(x, part, false, fn, arg, err);
}

int
dl_lake_index_mergers(const struct dl_lake_index *x, const char *part,
    heir_fn *fn, void *arg, struct dl_err *err)
{
	return tell_heirs(x, part, true, fn, arg, err);
}

bool
dl_lake_index_gone(
    const struct dl_lake_index *x, const char *part, struct dl_time *at)
{
	const struct dl_lake_name *n = look_up(x, part);

	if (n == NULL || !n->gone)
		return false;
	if (at != NULL)
		*at = n->gone_at;
	return true;
}

/* When the first of what a name stands for was recorded. */
static struct dl_time
recorded(const struct dl_lake_index *x, const struct dl_lake_name *n)
{
	const struct dl_lake_entry *e;
	struct dl_time first;
	size_t i;

	if (n->entry == DL_LAKE_NONE) {
		dl_lake_index_time(n->text, &first);
		return first;
	}
	e = &x->entries[n->entry];
	first = e->at;
	for (i = 0; i < e->nof; i++)
		if (dl_time_cmp(&e->of[i].at, &first) < 0)
			first = e->of[i].at;
	return first;
}

uint64_t
dl_lake_index_lost(const struct dl_lake_index *x, const struct dl_time *t)
{
	struct dl_time first;
	uint64_t lost = 0;
	size_t i;

	for (i = 0; i < x->nnames; i++) {
		if (!x->names[i].gone ||
		    dl_time_cmp(&x->names[i].gone_at, t) <= 0)
			continue;
		first = recorded(x, &x->names[i]);
		lost += dl_time_cmp(&first, t) <= 0;
	}
	return lost;
}
