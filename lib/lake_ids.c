#include "lake_ids.h"

#include "event.h"
#include "lake_flat.h"
#include "lake_piece.h"

#include <stdlib.h>
#include <unistd.h>

#define LOOKS 4 /* for what is merged again while it is looked for */

void
dl_lake_ids_release(struct dl_lake_ids *ids)
{
	dl_lake_index_free(ids->index);
	ids->index = NULL;
	dl_lake_set_release(&ids->merged);
	dl_lake_set_release(&ids->done);
	dl_buf_release(&ids->names);
	dl_buf_release(&ids->text);
}

static int
add_id(struct dl_lake_ids *ids, struct dl_event *ev, struct dl_span line,
    bool awaited, struct dl_err *err)
{
	if ((dl_lake_is_flat(line)
		    ? dl_lake_unflatten(ev, line, &ids->text, err)
		    : dl_event_parse(ev, line, err)) < 0)
		return -1;
	return dl_idset_add(
	    ids->seen, dl_hash_pair(ev->source, ev->id), awaited, err);
}

static int
add_lines(struct dl_lake_ids *ids, struct dl_span lines, bool awaited,
    struct dl_err *err)
{
	struct dl_event ev = {0};
	const char *p = lines.p, *end = dl_span_end(lines), *nl;
	int r = 0;

	for (; r == 0 && p < end; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		r = add_id(
		    ids, &ev, dl_span(p, (size_t)(nl - p)), awaited, err);
	}
	dl_event_release(&ev);
	return r;
}

/* Take the ids of these pieces of an open part. */
static int
add_pieces(struct dl_lake_ids *ids, const char *part, int fd,
    enum dl_codec_kind kind, struct dl_lake_pieces *pieces, bool awaited,
    struct dl_err *err)
{
	struct dl_unpack *u = dl_unpack_new(fd, part, kind, err);
	struct dl_span lines;
	int r = -1;

	if (u == NULL)
		return -1;
	while ((r = dl_lake_pieces_lines(pieces, u, part, &lines, err)) > 0)
		if (add_lines(ids, lines, awaited, err) < 0) {
			dl_err_prefix(err, "%s", part);
			r = -1;
			break;
		}
	dl_unpack_free(u);
	return r;
}

/* Parts that were merged */

static int
read_index(struct dl_lake_ids *ids, struct dl_err *err)
{
	dl_lake_index_free(ids->index);
	ids->index = dl_lake_index_new(ids->store, err);
	return ids->index == NULL ? -1 : 0;
}

/*
 * What it was merged into is read when all such parts are known.  It may have
 * been merged after the manifest was read: nothing is known then of one that
 * the manifest does not tell of.
 */
static int
take_merged(struct dl_lake_ids *ids, const char *part, struct dl_err *err)
{
	bool first = ids->index == NULL;

	if (first && read_index(ids, err) < 0)
		return -1;
	if (first && !dl_lake_heir_named(ids->index, part))
		return 0;
	if (!dl_lake_set_has(&ids->merged, part)) {
		dl_lake_set_add(&ids->merged, part);
		dl_buf_add(&ids->names, part, strlen(part) + 1);
	}
	return 1;
}

int
dl_lake_ids_part(void *arg, struct dl_span part, struct dl_err *err)
{
	struct dl_lake_ids *ids = arg;
	struct dl_lake_pieces all = {.at = 0};
	enum dl_codec_kind kind;
	char *name = dl_strndup(part);
	int fd = -1, r;

	if (!dl_codec_of_name(part, &kind))
		r = dl_err_data(err, "'%s' is not the name of a part", name);
	else
		r = ids->store->ops->open(ids->store, name, &fd, err);
	if (r == 0) {
		r = take_merged(ids, name, err);
	} else if (r > 0) {
		r = ids->store->ops->settle(ids->store, name, err);
		ids->settled += r == 0;
		if (r == 0)
			r = add_pieces(ids, name, fd, kind, &all, true, err);
		close(fd);
		r = r < 0 ? -1 : 1;
	}
	dl_lake_pieces_release(&all);
	free(name);
	return r;
}

static bool
want_merged(void *arg, const struct dl_lake_of *of)
{
	struct dl_lake_ids *ids = arg;

	return dl_lake_set_has(&ids->merged, of->part);
}

/*
 * Mark what is read with this part as done.  Are records of it missing in it, as
 * duplicates of others, which may be of parts that no journal names?
 */
static bool
mark_done(struct dl_lake_ids *ids, const struct dl_lake_entry *e,
    const char *original)
{
	const struct dl_lake_entry *was;
	bool missing = false;
	size_t i;

	for (i = 0; i < e->nof; i++) {
		if (!dl_lake_set_has(&ids->merged, e->of[i].part))
			continue;
		was = dl_lake_index_find(ids->index, e->of[i].part);
		missing =
		    missing || was == NULL || was->records != e->of[i].records;
		dl_lake_set_add(&ids->done, e->of[i].part);
	}
	if (dl_lake_set_has(&ids->done, original))
		return missing;
	dl_lake_set_add(&ids->done, original);
	return true;
}

/*
 * Events of the merged parts of this run are awaited.  Where duplicates were
 * left out, the others may be known by those ids: they are taken too, but none
 * of them need come.
 */
static int
read_heir(struct dl_lake_ids *ids, const char *original,
    const struct dl_lake_heir *heir, struct dl_err *err)
{
	const struct dl_lake_entry *e = heir->entry;
	struct dl_lake_pieces some = {.at = 0}, all = {.at = 0};
	int r = dl_lake_pieces_choose(&some, e, want_merged, ids, err);

	if (r > 0)
		r = add_pieces(
		    ids, e->part, heir->fd, heir->kind, &some, true, err);
	if (r == 0 && mark_done(ids, e, original)) {
		if (lseek(heir->fd, 0, SEEK_SET) < 0)
			r = dl_err_errno(err, "cannot read '%s'", e->part);
		else
			r = add_pieces(ids, e->part, heir->fd, heir->kind, &all,
			    false, err);
	}
	dl_lake_pieces_release(&some);
	dl_lake_pieces_release(&all);
	return r;
}

/* Read what an original has become; it may be merged again meanwhile. */
static int
take_heir(struct dl_lake_ids *ids, const char *original, struct dl_err *err)
{
	struct dl_lake_heir heir;
	int looks, r = 0;

	for (looks = 0; looks < LOOKS; looks++) {
		r = dl_lake_heir_open(
		    ids->store, ids->index, original, &heir, err);
		if (r != 0 || !dl_lake_heir_named(ids->index, original))
			break;
		if (read_index(ids, err) < 0)
			return -1;
	}
	if (r <= 0)
		return r;
	r = read_heir(ids, original, &heir, err);
	close(heir.fd);
	return r;
}

int
dl_lake_ids_finish(struct dl_lake_ids *ids, struct dl_err *err)
{
	struct dl_span names = dl_buf_as_span(&ids->names);
	const char *p = names.p;
	int r;

	if (names.len == 0)
		return 0;
	r = read_index(ids, err);
	for (; r == 0 && p < names.p + names.len; p += strlen(p) + 1)
		if (!dl_lake_set_has(&ids->done, p))
			r = take_heir(ids, p, err);
	return r;
}
