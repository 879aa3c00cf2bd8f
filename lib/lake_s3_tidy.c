/* Looking after a lake on S3: what is removed, folded, and aborted. */
#include "lake_s3.h"

#include "clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FOLD_MOST 1000 /* objects of the manifest that are left alone */
#define LINE_MOST 2048 /* bytes of a line that is told */

static void say(const struct dl_lake_care *care, const char *fmt, ...)
    DL_PRINTF(2, 3);

static void
say(const struct dl_lake_care *care, const char *fmt, ...)
{
	char line[LINE_MOST];
	va_list ap;

	if (care->say == NULL)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	care->say(care->arg, line);
}

/* Removing */

struct removing {
	struct dl_lake_s3 *s;
	const char *const *keys;
};

static int
remove_one(void *arg, size_t i, struct dl_err *err)
{
	const struct removing *r = arg;

	return dl_s3_remove(r->s->s3, r->keys[i], err);
}

int
dl_lake_s3_remove(
    struct dl_lake_s3 *s, const char *const *keys, size_t n, struct dl_err *err)
{
	struct removing r = {s, keys};

	return dl_lake_s3_each(n, remove_one, &r, err);
}

/* Folding */

struct folding {
	struct dl_lake_s3 *s;
	struct dl_lake_s3_objects objects;
	uint64_t base,
	    to;   /* the numbers of the base that is there, and will be */
	size_t n; /* objects after the base */
};

static size_t
count_after(const struct dl_buf *objects, uint64_t number)
{
	size_t i, n = dl_lake_s3_object_count(objects), after = 0;

	for (i = 0; i < n; i++)
		after += dl_lake_s3_object_at(objects, i)->number > number;
	return after;
}

/* The last object stays: a writer that comes sees there what it chains to. */
static int
plan(struct folding *f, struct dl_err *err)
{
	const struct dl_lake_s3_object *base;
	size_t n;

	if (dl_lake_s3_objects_list(f->s, NULL, &f->objects, err) < 0)
		return -1;
	base = dl_lake_s3_base(&f->objects);
	n = dl_lake_s3_object_count(&f->objects.lines);
	f->base = f->to = base == NULL ? 0 : base->number;
	f->n = count_after(&f->objects.lines, f->base);
	if (f->n > FOLD_MOST)
		f->to = dl_lake_s3_object_at(&f->objects.lines, n - 2)->number;
	return 0;
}

struct copy {
	FILE *file;
	const char *name;
};

static int
copy_line(void *arg, struct dl_span line, struct dl_err *err)
{
	struct copy *c = arg;

	if (fwrite(line.p, 1, line.len, c->file) == line.len &&
	    putc('\n', c->file) != EOF)
		return 0;
	return dl_err_errno(err, "cannot write what is folded of %s", c->name);
}

/* All lines up to f->to become a file, and that the base. */
static int
put_base(struct folding *f, int fd, FILE *file, struct dl_err *err)
{
	const struct dl_s3_put how = {
	    .type = "application/x-ndjson", .create = true, .standard = true};
	struct copy c = {file, f->s->base.name};
	struct dl_s3_body body = {.fd = fd};
	char key[DL_LAKE_S3_KEY];
	off_t size;

	if (dl_lake_s3_lines(f->s, f->to, copy_line, &c, err) < 0)
		return -1;
	if (fflush(file) != 0 || (size = ftello(file)) < 0)
		return dl_err_errno(
		    err, "cannot write what is folded of %s", c.name);
	dl_lake_s3_key(key, f->to, true);
	body.size = (uint64_t)size;
	body.name = key;
	/* Another process that folds gives the same base the same bytes. */
	return dl_s3_put(f->s->s3, key, &body, &how, err) < 0 ? -1 : 0;
}

static int
make_base(struct folding *f, struct dl_err *err)
{
	int fd = dl_lake_s3_nameless(f->s, err), r;
	FILE *file;

	if (fd < 0)
		return -1;
	if ((file = fdopen(fd, "w+")) == NULL) {
		close(fd);
		return dl_err_errno(err, "cannot write a temporary file");
	}
	r = put_base(f, fd, file, err);
	(void)fclose(file);
	return r;
}

/* Add the keys of the objects below number, or up to it. */
static void
add_keys(const struct dl_buf *objects, uint64_t below, bool base,
    struct dl_buf *keys)
{
	size_t i, n = dl_lake_s3_object_count(objects);
	char key[DL_LAKE_S3_KEY], *copy;
	uint64_t number;

	for (i = 0; i < n; i++) {
		number = dl_lake_s3_object_at(objects, i)->number;
		if (number >= below)
			break;
		dl_lake_s3_key(key, number, base);
		copy = dl_strdup(key);
		dl_buf_add(keys, &copy, sizeof(copy));
	}
}

/* What is in the base is read there; *n: how much else there was of it. */
static int
remove_folded(struct folding *f, bool dry_run, size_t *n, struct dl_err *err)
{
	struct dl_buf keys = {0};
	char **list;
	size_t i;
	int r = 0;

	add_keys(&f->objects.lines, f->to + 1, false, &keys);
	add_keys(&f->objects.bases, f->to, true, &keys);
	list = (char **)(void *)keys.p;
	*n = keys.len / sizeof(*list);
	if (!dry_run)
		r = dl_lake_s3_remove(f->s, (const char *const *)list, *n, err);
	for (i = 0; i < *n; i++)
		free(list[i]);
	dl_buf_release(&keys);
	return r;
}

static int
fold(struct dl_lake_s3 *s, const struct dl_lake_care *care, struct dl_err *err)
{
	struct folding f = {.s = s};
	size_t n = 0;
	int r = plan(&f, err);

	if (r == 0 && f.to > f.base && !care->dry_run)
		r = make_base(&f, err);
	if (r == 0 && f.to > 0)
		r = remove_folded(&f, care->dry_run, &n, err);
	dl_lake_s3_objects_release(&f.objects);
	if (r == 0 && n > 0)
		say(care, "%s: %zu objects of the manifest folded into one",
		    s->base.name, n);
	return r;
}

/* Aborting */

struct aborting {
	struct dl_lake_s3 *s;
	const struct dl_lake_care *care;
	int64_t before_ms;
	size_t n;
};

static int
abort_one(void *arg, const char *key, const char *id, int64_t begun_ms,
    struct dl_err *err)
{
	struct aborting *a = arg;

	if (begun_ms < 0 || begun_ms > a->before_ms)
		return 0;
	a->n++;
	return a->care->dry_run ? 0 : dl_s3_abort(a->s->s3, key, id, err);
}

static int
abort_old(
    struct dl_lake_s3 *s, const struct dl_lake_care *care, struct dl_err *err)
{
	struct aborting a = {.s = s, .care = care};
	struct dl_time now;

	dl_now(&now);
	a.before_ms = now.sec * 1000 + now.nsec / 1000000 - care->abort_ms;
	if (dl_s3_uploads(s->s3, "", abort_one, &a, err) < 0)
		return -1;
	if (a.n > 0)
		say(care, "%s: %zu uploads that were cut off aborted",
		    s->base.name, a.n);
	return 0;
}

int
dl_lake_s3_tidy(struct dl_lake_store *store, const struct dl_lake_care *care,
    struct dl_err *err)
{
	struct dl_lake_s3 *s = (struct dl_lake_s3 *)store;

	return fold(s, care, err) < 0 ? -1 : abort_old(s, care, err);
}
