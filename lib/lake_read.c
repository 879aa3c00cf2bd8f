/*
 * The reading half of lake.h.
 *
 * Which records are there is decided at the beginning, by the parts that are
 * listed: each has the records of one original part, or, merged, of several.
 * An original is read once, from whichever part has it when its turn comes.
 */
#include "lake.h"

#include "lake_ahead.h"
#include "lake_filter.h"
#include "lake_heir.h"
#include "lake_list.h"
#include "lake_piece.h"
#include "line.h"
#include "log.h"

#include <stdlib.h>
#include <unistd.h>

#define LOOKS 16 /* for what is merged again and again while it is looked for */

struct reader {
	struct dl_lake_store *store;
	const struct dl_lake_query *query;
	struct dl_lake_filter filter;
	struct dl_lake_listing listing;
	struct dl_lake_ahead *ahead;
	struct dl_lake_set done; /* originals */
	/* Read again since the listing, or NULL; and how long it was. */
	struct dl_lake_index *fresh;
	uint64_t fresh_lines;
};

/* What is wanted */

static bool
was_there(const struct reader *r, const struct dl_time *at)
{
	return !r->query->has_as_of || dl_time_cmp(at, &r->query->as_of) <= 0;
}

/* Of a part that is listed. */
static bool
want_own(void *arg, const struct dl_lake_of *of)
{
	struct reader *r = arg;

	return was_there(r, &of->at) && !dl_lake_set_has(&r->done, of->part);
}

struct claim {
	const struct reader *reader;
	bool found;
};

static int
find_claim(void *arg, const struct dl_lake_entry *heir, struct dl_err *err)
{
	struct claim *c = arg;

	(void)err;
	c->found = c->found || dl_lake_listing_find(
				   &c->reader->listing, heir->part) != NULL;
	return 0;
}

/*
 * Of a part that came later: only what listed parts had.  Of those whose turn
 * has not come yet too, for they are gone as well, and it is read once for all.
 */
static bool
want_listed(void *arg, const struct dl_lake_of *of)
{
	struct reader *r = arg;
	struct claim c = {.reader = r};
	struct dl_err ignored = {0};

	if (!want_own(r, of))
		return false;
	if (dl_lake_listing_find(&r->listing, of->part) != NULL)
		return true;
	(void)dl_lake_index_heirs(
	    r->listing.index, of->part, find_claim, &c, &ignored);
	return c.found;
}

/* A part that was not merged is its own original. */
static struct dl_lake_of
original_of(const char *part, const struct dl_lake_entry *e)
{
	struct dl_lake_of of = {.part = part};

	if (e != NULL)
		of.at = e->at;
	else
		(void)dl_lake_name_time(part, &of.at);
	return of;
}

/* What the manifest says of a listed part, if it is the file it knows. */
static const struct dl_lake_entry *
merged_entry(const struct dl_lake_item *item)
{
	const struct dl_lake_entry *e = item->entry;

	return e != NULL && e->nof > 0 && e->bytes == item->size ? e : NULL;
}

/* Append the names of the wanted originals of a listed part, each with its NUL. */
static void
add_wanted(
    struct reader *r, const struct dl_lake_item *item, struct dl_buf *names)
{
	const struct dl_lake_entry *e = merged_entry(item);
	struct dl_lake_of own = original_of(item->part, item->entry);
	const struct dl_lake_of *of = e == NULL ? &own : e->of;
	size_t i, n = e == NULL ? 1 : e->nof;

	for (i = 0; i < n; i++)
		if (want_own(r, &of[i]))
			dl_buf_add(names, of[i].part, strlen(of[i].part) + 1);
}

/* Reading a part */

/*
 * Which line of a part begins after so many of its bytes?  Lines are not
 * counted until somebody is told: then the part is read again.  0: cannot tell.
 */
static uint64_t
line_number(const char *part, int fd, enum dl_codec_kind kind, uint64_t bytes)
{
	struct dl_err ignored = {0};
	struct dl_unpack *u;
	struct dl_span lines;
	uint64_t number = 1;

	if (lseek(fd, 0, SEEK_SET) < 0 ||
	    (u = dl_unpack_new(fd, part, kind, &ignored)) == NULL)
		return 0;
	while (bytes > 0) {
		if (dl_unpack_lines(u, &lines, &ignored) <= 0) {
			number = 0;
			break;
		}
		if (lines.len > bytes)
			lines.len = (size_t)bytes;
		number += dl_count_lines(lines.p, lines.len);
		bytes -= lines.len;
	}
	dl_unpack_free(u);
	return number;
}

/* Say in which part, and in which line of it, the record at fault is. */
static void
say_where(const char *part, int fd, enum dl_codec_kind kind, uint64_t bytes,
    struct dl_err *err)
{
	uint64_t number = line_number(part, fd, kind, bytes);

	if (number == 0)
		dl_err_prefix(err, "%s", part);
	else
		dl_err_prefix(err, "%s:%llu", part, (unsigned long long)number);
}

/* Read what is chosen of an open part: 0; 1: no more is wanted at all. */
static int
read_lines(struct reader *r, const char *part, int fd, enum dl_codec_kind kind,
    struct dl_lake_pieces *pieces, struct dl_err *err)
{
	struct dl_unpack *u = dl_unpack_new(fd, part, kind, err);
	struct dl_span lines;
	size_t at;
	int n;

	if (u == NULL)
		return -1;
	while ((n = dl_lake_pieces_lines(pieces, u, part, &lines, err)) > 0) {
		n = dl_lake_filter_lines(&r->filter, lines, &at, err);
		if (n < 0 && err->status == DL_EXIT_DATA)
			say_where(part, fd, kind, pieces->at + at, err);
		if (n != 0)
			break;
	}
	dl_unpack_free(u);
	return n;
}

/*
 * Read what is wanted of an open part, and remember that it was; e: NULL, or
 * what it was merged from.  fd is closed.
 */
static int
read_open(struct reader *r, const char *part, int fd, enum dl_codec_kind kind,
    const struct dl_lake_entry *e, dl_lake_want_fn *want, struct dl_err *err)
{
	struct dl_lake_pieces pieces = {.at = 0};
	size_t i;
	int n = 1;

	if (e != NULL)
		n = dl_lake_pieces_choose(&pieces, e, want, r, err);
	else
		dl_lake_set_add(&r->done, part);
	for (i = 0; n > 0 && e != NULL && i < e->nof; i++)
		if (want(r, &e->of[i]))
			dl_lake_set_add(&r->done, e->of[i].part);
	if (n > 0)
		n = read_lines(r, part, fd, kind, &pieces, err);
	dl_lake_pieces_release(&pieces);
	close(fd);
	return n;
}

/* Parts that are gone */

/*
 * Read an original from what it was merged into, and with it everything else
 * that is wanted of that part.
 */
static int
read_heir(struct reader *r, const char *original, struct dl_err *err)
{
	struct dl_lake_heir heir;
	int n;

	n = dl_lake_heir_open(r->store, r->fresh, original, &heir, err);
	if (n <= 0)
		return n;
	n = read_open(r, heir.entry->part, heir.fd, heir.kind, heir.entry,
	    want_listed, err);
	/* Also if none of its records are left in it. */
	dl_lake_set_add(&r->done, original);
	return n;
}

static int
refresh(struct reader *r, struct dl_err *err)
{
	uint64_t bad;

	dl_lake_index_free(r->fresh);
	r->fresh = dl_lake_index_new(r->store, err);
	if (r->fresh == NULL)
		return -1;
	r->fresh_lines = dl_lake_index_lines(r->fresh, &bad);
	return 0;
}

/*
 * How many of the names, of originals, are neither read nor removed?  With
 * merged: of those that the manifest says were merged.
 */
static size_t
count_left(const struct reader *r, struct dl_span names, bool merged)
{
	const char *p = names.p;
	size_t left = 0;

	for (; p < names.p + names.len; p += strlen(p) + 1) {
		if (dl_lake_set_has(&r->done, p))
			continue;
		if (r->fresh != NULL && dl_lake_index_gone(r->fresh, p, NULL))
			continue;
		left += !merged || dl_lake_heir_named(r->fresh, p);
	}
	return left;
}

/* Read what there is of these originals, by the manifest as it was last read. */
static int
read_heirs(struct reader *r, struct dl_span names, struct dl_err *err)
{
	const char *p = names.p;
	int n = 0;

	for (; n == 0 && p < names.p + names.len; p += strlen(p) + 1)
		if (!dl_lake_set_has(&r->done, p))
			n = read_heir(r, p, err);
	return n;
}

/* A listed part is gone: read its originals from where they are now. */
static int
read_elsewhere(
    struct reader *r, const struct dl_lake_item *item, struct dl_err *err)
{
	struct dl_buf b = {0};
	struct dl_span names;
	uint64_t before;
	int looks, n = 0;

	add_wanted(r, item, &b);
	names = dl_buf_as_span(&b);
	for (looks = 0; looks < LOOKS; looks++) {
		if (r->fresh != NULL && (n = read_heirs(r, names, err)) != 0)
			break;
		if (count_left(r, names, looks > 0) == 0)
			break;
		before = r->fresh == NULL ? UINT64_MAX : r->fresh_lines;
		if ((n = refresh(r, err)) < 0)
			break;
		/* Nothing was recorded since the last look. */
		if (r->fresh_lines == before)
			break;
	}
	if (n == 0 && count_left(r, names, false) > 0)
		dl_log(DL_LOG_WARN,
		    "'%s' in '%s' was removed while it was read, and the "
		    "manifest does not tell why",
		    item->part, r->store->name);
	dl_buf_release(&b);
	return n;
}

/* All parts */

static int
read_item(struct reader *r, size_t i, struct dl_err *err)
{
	const struct dl_lake_item *item = &r->listing.items[i];
	struct dl_buf wanted = {0};
	bool any;
	int fd, n;

	add_wanted(r, item, &wanted);
	any = wanted.len > 0;
	dl_buf_release(&wanted);
	if (!any)
		return 0;
	if (dl_lake_filter_part(&r->filter, item->part, item->met, err) < 0)
		return -1;
	if ((n = dl_lake_ahead_open(r->ahead, i, &fd, err)) < 0)
		return -1;
	if (n == 0)
		return read_elsewhere(r, item, err);
	return read_open(
	    r, item->part, fd, item->kind, merged_entry(item), want_own, err);
}

/* Leave out what was not there then, so that it is not even opened. */
static void
go_back(struct reader *r)
{
	struct dl_lake_listing *l = &r->listing;
	struct dl_buf wanted = {0};
	uint64_t lost;
	size_t i, n = 0;

	for (i = 0; i < l->n; i++) {
		dl_buf_clear(&wanted);
		add_wanted(r, &l->items[i], &wanted);
		if (wanted.len > 0)
			l->items[n++] = l->items[i];
		else
			free(l->items[i].part);
	}
	l->n = n;
	dl_buf_release(&wanted);
	lost = dl_lake_index_lost(l->index, &r->query->as_of);
	if (lost > 0)
		dl_log(DL_LOG_WARN,
		    "%llu part%s that '%s' had then %s been removed since",
		    (unsigned long long)lost, lost == 1 ? "" : "s",
		    r->store->name, lost == 1 ? "has" : "have");
}

static int
read_items(struct reader *r, struct dl_err *err)
{
	size_t i;
	int n = 0;

	if (r->query->has_as_of)
		go_back(r);
	r->ahead = dl_lake_ahead_new(
	    r->store, r->listing.items, r->listing.n, r->query->has_limit);
	for (i = 0; n == 0 && i < r->listing.n; i++)
		n = read_item(r, i, err);
	dl_lake_ahead_free(r->ahead);
	return n < 0 ? -1 : 0;
}

int
dl_lake_read(struct dl_lake_store *store, const struct dl_lake_query *q,
    dl_lake_lines_fn *fn, void *arg, struct dl_err *err)
{
	struct reader r = {.store = store,
	    .query = q,
	    .filter = {.query = q, .fn = fn, .arg = arg}};
	int n;

	if (q->nwhere > DL_LAKE_WHERE)
		return dl_err_usage(
		    err, "more than %d conditions", DL_LAKE_WHERE);
	if (q->has_limit && q->limit == 0)
		return 0;
	n = dl_lake_list(store, q, &r.listing, err);
	if (n == 0)
		n = read_items(&r, err);
	dl_lake_listing_release(&r.listing);
	dl_lake_index_free(r.fresh);
	dl_lake_filter_release(&r.filter);
	dl_lake_set_release(&r.done);
	return n;
}
