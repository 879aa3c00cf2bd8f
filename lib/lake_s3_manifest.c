/* The writing half of the manifest of a lake on S3. */
#include "lake_s3.h"

#include "lake_manifest.h"

#include <stdio.h>
#include <stdlib.h>

#define DIGITS 20
#define BASE ".base.ndjson"
#define LINES ".ndjson"
#define OBJECT_MAX (DL_LAKE_LINE_MAX + (4u << 20))
#define TRIES 1000

/* What is there */

void
dl_lake_s3_key(char key[DL_LAKE_S3_KEY], uint64_t number, bool base)
{
	(void)snprintf(key, DL_LAKE_S3_KEY, DL_LAKE_S3_MANIFEST "%020llu%s",
	    (unsigned long long)number, base ? BASE : LINES);
}

static bool
parse_key(const char *key, uint64_t *number, bool *base)
{
	const char *p = key + strlen(DL_LAKE_S3_MANIFEST);
	int i;

	*number = 0;
	for (i = 0; i < DIGITS; i++, p++)
		if (*p < '0' || *p > '9' ||
		    __builtin_mul_overflow(*number, 10, number) ||
		    __builtin_add_overflow(
			*number, (uint64_t)(*p - '0'), number))
			return false;
	*base = strcmp(p, BASE) == 0;
	return *number > 0 && (*base || strcmp(p, LINES) == 0);
}

static int
take_object(void *arg, const struct dl_s3_object *o, struct dl_buf *skip,
    struct dl_err *err)
{
	struct dl_lake_s3_objects *all = arg;
	struct dl_lake_s3_object one = {.size = o->size};
	bool base;

	(void)skip;
	(void)err;
	if (parse_key(o->key, &one.number, &base))
		dl_buf_add(base ? &all->bases : &all->lines, &one, sizeof(one));
	return 0;
}

int
dl_lake_s3_objects_list(struct dl_lake_s3 *s, const char *after,
    struct dl_lake_s3_objects *o, struct dl_err *err)
{
	dl_buf_clear(&o->lines);
	dl_buf_clear(&o->bases);
	return dl_s3_list(
	    s->s3, DL_LAKE_S3_MANIFEST, after, take_object, o, err);
}

void
dl_lake_s3_objects_release(struct dl_lake_s3_objects *o)
{
	dl_buf_release(&o->lines);
	dl_buf_release(&o->bases);
}

size_t
dl_lake_s3_object_count(const struct dl_buf *objects)
{
	return objects->len / sizeof(struct dl_lake_s3_object);
}

const struct dl_lake_s3_object *
dl_lake_s3_object_at(const struct dl_buf *objects, size_t i)
{
	return (const struct dl_lake_s3_object *)(const void *)objects->p + i;
}

static const struct dl_lake_s3_object *
newest(const struct dl_buf *objects)
{
	size_t n = dl_lake_s3_object_count(objects);

	return n == 0 ? NULL : dl_lake_s3_object_at(objects, n - 1);
}

const struct dl_lake_s3_object *
dl_lake_s3_base(const struct dl_lake_s3_objects *o)
{
	return newest(&o->bases);
}

/* Where it ends */

/* Keep the last of the lines in text. */
static int
keep_last(struct dl_lake_s3_manifest *m, uint64_t number, struct dl_span text,
    const struct dl_lake_s3 *s, struct dl_err *err)
{
	char key[DL_LAKE_S3_KEY];
	const char *nl;

	if (text.len == 0 || text.p[text.len - 1] != '\n') {
		dl_lake_s3_key(key, number, false);
		return dl_err_data(err,
		    "%s/%s is no part of a manifest: its last line has no end",
		    s->base.name, key);
	}
	text.len--;
	nl = text.len == 0 ? NULL : memrchr(text.p, '\n', text.len);
	if (nl != NULL)
		text = dl_span(nl + 1, (size_t)(text.p + text.len - nl - 1));
	dl_buf_clear(&m->last);
	dl_buf_span(&m->last, text);
	m->number = number;
	return 0;
}

/* 1 and the object's bytes, 0 it is not there, -1. */
static int
read_object(
    struct dl_lake_s3 *s, uint64_t number, struct dl_buf *b, struct dl_err *err)
{
	char key[DL_LAKE_S3_KEY];

	dl_lake_s3_key(key, number, false);
	dl_buf_clear(b);
	return dl_s3_read(s->s3, key, OBJECT_MAX, b, err);
}

static int
keep_line(void *arg, struct dl_span line, struct dl_err *err)
{
	struct dl_buf *last = arg;

	(void)err;
	dl_buf_clear(last);
	dl_buf_span(last, line);
	return 0;
}

/* All is folded, which tidy does not do: what the base's last line is. */
static int
end_of_base(struct dl_lake_s3 *s, uint64_t number, struct dl_err *err)
{
	s->manifest.number = number;
	dl_buf_clear(&s->manifest.last);
	return dl_lake_s3_lines(s, number, keep_line, &s->manifest.last, err);
}

/* Find the last line.  The lock is held. */
static int
find_end(struct dl_lake_s3 *s, struct dl_err *err)
{
	struct dl_lake_s3_manifest *m = &s->manifest;
	const struct dl_lake_s3_object *last, *base;
	struct dl_lake_s3_objects o = {0};
	struct dl_buf text = {0};
	int r = 0, tries;

	for (tries = 0; r == 0 && !m->known && tries < TRIES; tries++) {
		if ((r = dl_lake_s3_objects_list(s, NULL, &o, err)) < 0)
			break;
		last = newest(&o.lines);
		base = dl_lake_s3_base(&o);
		m->known = true;
		if (last != NULL &&
		    (base == NULL || last->number > base->number)) {
			r = read_object(s, last->number, &text, err);
			m->known = r > 0; /* or it was folded meanwhile */
			if (r > 0)
				r = keep_last(m, last->number,
				    dl_buf_as_span(&text), s, err);
		} else if (base != NULL) {
			r = end_of_base(s, base->number, err);
		} else {
			m->number = 0;
			dl_buf_clear(&m->last);
		}
	}
	if (r < 0)
		m->known = false;
	dl_buf_release(&text);
	dl_lake_s3_objects_release(&o);
	return r;
}

int
dl_lake_s3_append_probe(struct dl_lake_s3 *s, struct dl_err *err)
{
	int r;

	pthread_mutex_lock(&s->manifest.lock);
	r = find_end(s, err);
	pthread_mutex_unlock(&s->manifest.lock);
	return r;
}

/*
 * Another writer has the number that comes next: go on to where its lines end,
 * or others'.  1: it is what was to be put, whose answer was lost.
 */
static int
catch_up(struct dl_lake_s3 *s, const struct dl_buf *mine, struct dl_err *err)
{
	struct dl_lake_s3_manifest *m = &s->manifest;
	struct dl_buf text = {0};
	uint64_t first = m->number + 1;
	int r;

	while ((r = read_object(s, m->number + 1, &text, err)) > 0) {
		if (m->number + 1 == first &&
		    dl_span_eq(dl_buf_as_span(&text), dl_buf_as_span(mine)))
			break;
		if ((r = keep_last(
			 m, m->number + 1, dl_buf_as_span(&text), s, err)) < 0)
			break;
	}
	/* None: it was folded. */
	if (r == 0 && m->number + 1 == first)
		m->known = false;
	dl_buf_release(&text);
	return r;
}

/*
 * The number was free: since nobody had taken it, or since who did was folded
 * into a base and removed, before it was taken anew.  Only in the former case
 * is the object read.
 */
static int
is_behind_base(struct dl_lake_s3 *s, uint64_t number, struct dl_err *err)
{
	struct dl_lake_s3_objects o = {0};
	char after[DL_LAKE_S3_KEY];
	int r;

	(void)snprintf(after, sizeof(after), DL_LAKE_S3_MANIFEST "%020llu",
	    (unsigned long long)number);
	r = dl_lake_s3_objects_list(s, after, &o, err);
	if (r == 0)
		r = dl_lake_s3_base(&o) != NULL;
	dl_lake_s3_objects_release(&o);
	return r;
}

static int
put_object(struct dl_lake_s3 *s, uint64_t number, const struct dl_buf *lines,
    struct dl_err *err)
{
	const struct dl_s3_body body = {
	    .bytes = dl_buf_as_span(lines), .name = "the manifest"};
	const struct dl_s3_put how = {
	    .type = "application/x-ndjson", .create = true, .standard = true};
	char key[DL_LAKE_S3_KEY];

	dl_lake_s3_key(key, number, false);
	return dl_s3_put(s->s3, key, &body, &how, err);
}

/* Remove what nobody reads, and look anew. */
static int
take_back(struct dl_lake_s3 *s, uint64_t number, struct dl_err *err)
{
	char key[DL_LAKE_S3_KEY];

	s->manifest.known = false;
	dl_lake_s3_key(key, number, false);
	return dl_s3_remove(s->s3, key, err);
}

/* 1: the entries are there; 0: try again; -1. */
static int
try_append(struct dl_lake_s3 *s, const struct dl_span *entries, size_t n,
    struct dl_buf *lines, struct dl_err *err)
{
	struct dl_lake_s3_manifest *m = &s->manifest;
	uint64_t number;
	int r;

	if (find_end(s, err) < 0)
		return -1;
	number = m->number + 1;
	dl_buf_clear(lines);
	dl_lake_manifest_chain(lines, dl_buf_as_span(&m->last), entries, n);
	r = put_object(s, number, lines, err);
	if (r > 0 && (r = catch_up(s, lines, err)) <= 0)
		return r;
	if (r < 0 || (r = is_behind_base(s, number, err)) < 0)
		return -1;
	if (r > 0)
		return take_back(s, number, err);
	return keep_last(m, number, dl_buf_as_span(lines), s, err) < 0 ? -1 : 1;
}

int
dl_lake_s3_append(struct dl_lake_s3 *s, const struct dl_span *entries, size_t n,
    struct dl_err *err)
{
	struct dl_buf lines = {0};
	int r = 0, tries;

	pthread_mutex_lock(&s->manifest.lock);
	for (tries = 0; r == 0 && tries < TRIES; tries++)
		r = try_append(s, entries, n, &lines, err);
	if (r == 0)
		r = dl_err_temp(err, "%s: too many writers write the manifest",
		    s->base.name);
	if (r < 0)
		s->manifest.known = false;
	pthread_mutex_unlock(&s->manifest.lock);
	dl_buf_release(&lines);
	return r < 0 ? -1 : 0;
}
