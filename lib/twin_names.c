#include "twin_private.h"

/*
 * Components are found without reading all their records: behind the first of
 * one the next is looked up.  Names are copied out of a transaction before
 * anybody is told of them, at first a few, since most readers want no more.
 */
#define FIRST 128
#define MOST (64 << 10)
#define STEPS 4 /* records walked over before the tree is searched */

struct walk {
	MDB_cursor *c;
	MDB_val k, v;
	int rc; /* LMDB's code of the last move */
};

static struct dl_span
component_of(MDB_val k)
{
	const char *nul = memchr(k.mv_data, '\0', k.mv_size);

	return nul == NULL ? dl_span(NULL, 0)
	                   : dl_span(k.mv_data,
				 (size_t)(nul - (const char *)k.mv_data));
}

static void
seek(struct walk *w, const struct dl_buf *from)
{
	w->k = (MDB_val){from->len, from->p};
	w->rc = mdb_cursor_get(
	    w->c, &w->k, &w->v, from->len == 0 ? MDB_FIRST : MDB_SET_RANGE);
}

/* Move behind the last record of a component, which is at the cursor. */
static void
pass(struct walk *w, struct dl_span component, struct dl_buf *from)
{
	dl_buf_clear(from);
	dl_buf_span(from, component);
	dl_buf_addc(from, '\1'); /* its records have NUL there */
	for (int i = 0; i < STEPS; i++) {
		w->rc = mdb_cursor_get(w->c, &w->k, &w->v, MDB_NEXT);
		if (w->rc != 0 || w->k.mv_size < from->len ||
		    memcmp(w->k.mv_data, from->p, from->len - 1) != 0 ||
		    ((const char *)w->k.mv_data)[from->len - 1] != '\0')
			return;
	}
	seek(w, from);
}

/*
 * Copy at most most names, from the key from on, which becomes where to go on.
 * 1: there may be more, 0, -1.
 */
static int
names_chunk(struct dl_twin *t, struct dl_span prefix, struct dl_buf *from,
    size_t most, struct dl_err *err)
{
	struct walk w = {.c = dl_twin_cursor_begin(t, t->records, err)};

	if (w.c == NULL)
		return -1;
	seek(&w, from);
	while (w.rc == 0 && t->nchunk < most) {
		struct dl_span name = component_of(w.k);

		if (name.p == NULL) {
			w.rc = MDB_CORRUPTED;
		} else if (name.len < prefix.len ||
			   memcmp(name.p, prefix.p, prefix.len) != 0) {
			w.rc = MDB_NOTFOUND;
		} else {
			dl_buf_span(&t->chunk, name);
			dl_buf_addc(&t->chunk, '\0');
			t->nchunk++;
			pass(&w, name, from);
		}
	}
	return dl_twin_cursor_end(t, w.c, w.rc, err);
}

int64_t
dl_twin_components(struct dl_twin *t, struct dl_span prefix,
    struct dl_span after, dl_twin_name_fn *fn, void *arg, struct dl_err *err)
{
	struct dl_buf from = {0};
	size_t most = FIRST;
	int64_t n = 0;
	int more, go = 1;

	if (prefix.len > DL_TWIN_KEY_MAX || after.len > DL_TWIN_KEY_MAX)
		return 0;
	if (dl_span_cmp(after, prefix) >= 0 && after.len > 0) {
		dl_buf_span(&from, after);
		dl_buf_addc(&from, '\1');
	} else {
		dl_buf_span(&from, prefix);
	}
	do {
		const char *p, *end;

		more = names_chunk(t, prefix, &from, most, err);
		p = t->chunk.p;
		end = p + t->chunk.len;
		for (; more >= 0 && go > 0 && p < end; n++) {
			struct dl_span name = dl_span_str(p);

			go = fn(arg, name, err);
			p += name.len + 1;
		}
		most = most < MOST ? 4 * most : most;
	} while (more > 0 && go > 0);
	dl_buf_release(&from);
	return more < 0 || go < 0 ? -1 : n;
}
