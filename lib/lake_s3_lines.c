/*
 * The reading half of the manifest of a lake on S3: the newest base, and the
 * objects after it.
 *
 * It may be folded while it is read: what is gone then is in a newer base, which
 * has the same lines from the first on.
 */
#include "lake_s3.h"

#include "lake_manifest.h"

#include <stdlib.h>
#include <unistd.h>

#define OBJECT_MAX (DL_LAKE_LINE_MAX + (4u << 20))
#define WINDOW 64               /* objects that are fetched together, ... */
#define WINDOW_BYTES (4u << 20) /* unless they are larger */
#define TRIES 20

struct reading {
	struct dl_lake_s3 *s;
	uint64_t to; /* the last object that is read */
	dl_lake_line_fn *fn;
	void *arg;
	uint64_t lines;  /* that were told of */
	uint64_t number; /* of the object up to which they are */
	uint64_t passed; /* lines of a base that were told of before */
	struct dl_lake_s3_objects objects;
};

static int
tell(void *arg, struct dl_span line, struct dl_err *err)
{
	struct reading *r = arg;

	if (r->passed < r->lines) {
		r->passed++;
		return 0;
	}
	r->lines++;
	r->passed++;
	return r->fn(r->arg, line, err);
}

/* 1 it was told of, 0 it is gone, -1. */
static int
tell_base(struct reading *r, uint64_t number, struct dl_err *err)
{
	char key[DL_LAKE_S3_KEY];
	struct dl_s3_object o;
	int fd = dl_lake_s3_nameless(r->s, err), done;

	if (fd < 0)
		return -1;
	dl_lake_s3_key(key, number, true);
	done = dl_s3_get(r->s->s3, key, fd, key, &o, err);
	r->passed = 0;
	if (done > 0 &&
	    dl_lake_manifest_tell(fd, key, o.size, tell, r, err) < 0)
		done = -1;
	close(fd);
	if (done <= 0)
		return done;
	if (r->passed < r->lines)
		return dl_err_data(err,
		    "%s/%s has fewer lines than what was folded into it",
		    r->s->base.name, key);
	r->number = number;
	return 1;
}

/* Objects that are fetched together. */
struct window {
	struct reading *r;
	size_t first, n; /* of r->objects.lines */
	struct dl_buf texts[WINDOW];
	bool gone[WINDOW];
};

static int
fetch(void *arg, size_t i, struct dl_err *err)
{
	struct window *w = arg;
	char key[DL_LAKE_S3_KEY];
	int r;

	dl_lake_s3_key(key,
	    dl_lake_s3_object_at(&w->r->objects.lines, w->first + i)->number,
	    false);
	r = dl_s3_read(w->r->s->s3, key, OBJECT_MAX, &w->texts[i], err);
	w->gone[i] = r == 0;
	return r < 0 ? -1 : 0;
}

static int
tell_text(
    struct reading *r, struct dl_span text, uint64_t number, struct dl_err *err)
{
	char key[DL_LAKE_S3_KEY];
	struct dl_span line;
	const char *nl;

	while (text.len > 0) {
		if ((nl = memchr(text.p, '\n', text.len)) == NULL) {
			dl_lake_s3_key(key, number, false);
			return dl_err_data(err,
			    "%s/%s: its last line has no end", r->s->base.name,
			    key);
		}
		line = dl_span(text.p, (size_t)(nl - text.p));
		text = dl_span(nl + 1, text.len - line.len - 1);
		r->lines++;
		if (r->fn(r->arg, line, err) < 0)
			return -1;
	}
	r->number = number;
	return 0;
}

/* 1: all was told of; 0: something is gone; -1. */
static int
tell_window(struct window *w, struct dl_err *err)
{
	const struct dl_lake_s3_object *o;
	int r = dl_lake_s3_each(w->n, fetch, w, err) < 0 ? -1 : 1;
	size_t i;

	for (i = 0; i < w->n; i++) {
		if (r > 0 && w->gone[i])
			r = 0;
		o = dl_lake_s3_object_at(&w->r->objects.lines, w->first + i);
		if (r > 0 && tell_text(w->r, dl_buf_as_span(&w->texts[i]),
				 o->number, err) < 0)
			r = -1;
		dl_buf_release(&w->texts[i]);
	}
	return r;
}

/* The objects from the one at i on that are fetched together: how many. */
static size_t
open_window(const struct reading *r, struct window *w, size_t i)
{
	const struct dl_lake_s3_object *o;
	uint64_t bytes = 0;
	size_t n = dl_lake_s3_object_count(&r->objects.lines);

	w->first = i;
	for (w->n = 0; i < n && w->n < WINDOW; i++, w->n++) {
		o = dl_lake_s3_object_at(&r->objects.lines, i);
		bytes += o->size;
		if (o->number > r->to || o->number != r->number + w->n + 1 ||
		    (w->n > 0 && bytes > WINDOW_BYTES))
			break;
	}
	return w->n;
}

/* 1: all was told of; 0: look anew; -1. */
static int
tell_listed(struct reading *r, struct dl_err *err)
{
	const struct dl_lake_s3_object *o, *base = dl_lake_s3_base(&r->objects);
	struct window w = {.r = r};
	size_t i, n = dl_lake_s3_object_count(&r->objects.lines);
	int done;

	if (base != NULL && base->number > r->to)
		return dl_err_temp(err,
		    "%s: its manifest is being folded by another process",
		    r->s->base.name);
	if (base != NULL && base->number > r->number &&
	    (done = tell_base(r, base->number, err)) <= 0)
		return done;
	for (i = 0; i < n;) {
		o = dl_lake_s3_object_at(&r->objects.lines, i);
		if (o->number <= r->number) {
			i++;
			continue;
		}
		if (o->number > r->to)
			return 1;
		if (open_window(r, &w, i) == 0)
			return 0;
		if ((done = tell_window(&w, err)) <= 0)
			return done;
		i += w.n;
	}
	return 1;
}

int
dl_lake_s3_lines(struct dl_lake_s3 *s, uint64_t to, dl_lake_line_fn *fn,
    void *arg, struct dl_err *err)
{
	struct reading r = {.s = s, .to = to, .fn = fn, .arg = arg};
	int done = 0, tries;

	for (tries = 0; done == 0 && tries < TRIES; tries++) {
		done = dl_lake_s3_objects_list(s, NULL, &r.objects, err);
		if (done == 0)
			done = tell_listed(&r, err);
	}
	if (done == 0)
		done = dl_err_data(err, "%s: its manifest has a gap after %llu",
		    s->base.name, (unsigned long long)r.number);
	dl_lake_s3_objects_release(&r.objects);
	return done < 0 ? -1 : 0;
}

int
dl_lake_s3_manifest(
    struct dl_lake_store *s, dl_lake_line_fn *fn, void *arg, struct dl_err *err)
{
	return dl_lake_s3_lines(
	    (struct dl_lake_s3 *)s, UINT64_MAX, fn, arg, err);
}
