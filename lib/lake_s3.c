/* A lake on S3: opening it, and what a part goes through before it is sent. */
#include "lake_s3.h"

#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NAME_MOST 64 /* bytes of a part's name, and a slash before it */

/* The interface's name; here a part in this process's box. */
struct dl_staged {
	struct dl_lake_s3 *s;
	int fd;
	uint64_t size;
	struct dl_buf entry;
	bool told; /* it is in the manifest */
	bool published;
	char *path; /* for messages */
	char name[];
};

static char *
join(const char *a, const char *b)
{
	struct dl_buf path = {0};

	dl_buf_printf(&path, "%s/%s", a, b);
	(void)dl_buf_str(&path);
	return path.p;
}

/* Staging */

/* One box for each store, made when there is something for it. */
static struct dl_lake_s3_box *
own_box(struct dl_lake_s3 *s, struct dl_err *err)
{
	struct dl_lake_s3_box *b;

	pthread_mutex_lock(&s->lock);
	if (s->box == NULL)
		s->box = dl_lake_s3_box_new(s->outbox, err);
	b = s->box;
	pthread_mutex_unlock(&s->lock);
	return b;
}

static void
free_staged(struct dl_staged *g)
{
	if (g->fd >= 0)
		close(g->fd);
	dl_buf_release(&g->entry);
	free(g->path);
	free(g);
}

static struct dl_staged *
stage(struct dl_lake_store *store, const char *name, struct dl_err *err)
{
	struct dl_lake_s3 *s = (struct dl_lake_s3 *)store;
	struct dl_lake_s3_box *box = own_box(s, err);
	struct dl_staged *g;
	struct dl_buf hidden = {0};

	if (box == NULL)
		return NULL;
	g = dl_calloc(1, sizeof(*g) + strlen(name) + 1);
	memcpy(g->name, name, strlen(name) + 1);
	g->s = s;
	dl_buf_printf(&hidden, ".%s", name);
	g->path = join(box->path, dl_buf_str(&hidden));
	g->fd = openat(box->fd, dl_buf_str(&hidden),
	    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
	dl_buf_release(&hidden);
	if (g->fd >= 0)
		return g;
	dl_err_errno(err, "cannot create '%s'", g->path);
	free_staged(g);
	return NULL;
}

static int
write_staged(struct dl_staged *g, struct dl_span bytes, struct dl_err *err)
{
	if (dl_lake_s3_queue_room(g->s->queue, g->size + bytes.len, err) < 0)
		return -1;
	g->size += bytes.len;
	return dl_write_all(g->fd, bytes.p, bytes.len, g->path, err);
}

static int
seal(struct dl_staged *g, const char *partition, struct dl_err *err)
{
	(void)partition; /* the entry tells */
	if (fsync(g->fd) < 0)
		return dl_err_errno(err, "cannot fsync '%s'", g->path);
	return 0;
}

/*
 * Entries of parts wait for them; others, and whoever tidies must know at once
 * which line was first, are appended now.
 */
static int
record(struct dl_lake_store *store, struct dl_staged *const *parts,
    const struct dl_span *entries, size_t n, struct dl_err *err)
{
	struct dl_lake_s3 *s = (struct dl_lake_s3 *)store;
	size_t i;
	bool now = parts == NULL || s->mode == DL_LAKE_TIDYING;

	if (now && dl_lake_s3_append(s, entries, n, err) < 0)
		return -1;
	for (i = 0; parts != NULL && i < n; i++) {
		dl_buf_clear(&parts[i]->entry);
		dl_buf_span(&parts[i]->entry, entries[i]);
		parts[i]->told = now;
	}
	return 0;
}

/* Publish; g stays.  *turn: dl_lake_s3_queue_put's. */
static int
commit(struct dl_staged *g, int64_t *turn, struct dl_err *err)
{
	struct dl_lake_s3 *s = g->s;

	if (g->entry.len == 0)
		return dl_err_bug(err, "'%s' has no entry", g->name);
	if (dl_lake_s3_queue_room(s->queue, g->size, err) < 0 ||
	    dl_lake_s3_box_note(
		s->box, g->name, dl_buf_as_span(&g->entry), err) < 0)
		return -1;
	if (g->told)
		dl_lake_s3_box_told(s->box, g->name);
	if (dl_lake_s3_box_publish(s->box, g->name, err) < 0)
		return -1;
	g->published = true;
	*turn =
	    dl_lake_s3_queue_put(s->queue, s->box, g->name, g->size, g->told);
	return 0;
}

static int
publish(struct dl_staged *g, struct dl_err *err)
{
	int64_t turn;

	if (commit(g, &turn, err) < 0)
		return -1;
	free_staged(g);
	return 0;
}

static void
discard(struct dl_staged *g)
{
	if (!g->published)
		(void)unlink(g->path);
	free_staged(g);
}

/* Replacing */

static int
remove_parts(struct dl_lake_s3 *s, const char *partition,
    const char *const *parts, size_t n, struct dl_err *err)
{
	char **keys = dl_calloc(n + 1, sizeof(*keys));
	const char *slash;
	size_t i;
	int r;

	for (i = 0; i < n; i++) {
		slash = strrchr(parts[i], '/');
		slash = slash == NULL ? parts[i] : slash + 1;
		keys[i] = *partition == '\0' ? dl_strdup(slash)
		                             : join(partition, slash);
	}
	r = dl_lake_s3_remove(s, (const char *const *)keys, n, err);
	for (i = 0; i < n; i++)
		free(keys[i]);
	free(keys);
	return r;
}

static int
replace(struct dl_lake_store *store, const char *partition, struct dl_staged *g,
    const char *const *parts, size_t n, struct dl_err *err)
{
	struct dl_lake_s3 *s = (struct dl_lake_s3 *)store;
	int64_t turn;

	if (g != NULL && (commit(g, &turn, err) < 0 ||
			     dl_lake_s3_queue_wait(s->queue, turn, err) < 0))
		return -1;
	if (remove_parts(s, partition, parts, n, err) < 0)
		return -1;
	if (g != NULL)
		free_staged(g);
	return 0;
}

/* Opening and closing */

static void
close_s3(struct dl_lake_store *store)
{
	struct dl_lake_s3 *s = (struct dl_lake_s3 *)store;

	s->stop = 1;
	dl_lake_s3_queue_free(s->queue);
	dl_lake_s3_box_free(s->box);
	dl_s3_free(s->s3);
	dl_buf_release(&s->manifest.last);
	pthread_mutex_destroy(&s->manifest.lock);
	pthread_mutex_destroy(&s->lock);
	free(s->state);
	free(s->outbox);
	free(s);
}

static const struct dl_lake_ops s3_ops = {
    .stage = stage,
    .write = write_staged,
    .seal = seal,
    .record = record,
    .publish = publish,
    .discard = discard,
    .landed = dl_lake_s3_landed,
    .walk = dl_lake_s3_walk,
    .open = dl_lake_s3_open,
    .settle = dl_lake_s3_settle,
    .manifest = dl_lake_s3_manifest,
    .replace = replace,
    .tidy = dl_lake_s3_tidy,
    .close = close_s3,
};

static int
open_writing(struct dl_lake_s3 *s, const struct dl_lake_s3_options *o,
    struct dl_err *err)
{
	int64_t most = o->spool_max > 0 ? o->spool_max : DL_LAKE_SPOOL_MAX;

	s->state = dl_lake_s3_spool(o->home, s->s3);
	s->outbox = join(s->state, "outbox");
	s->base.state = s->state;
	if (dl_mkdirs(s->outbox, err) < 0 ||
	    dl_lake_s3_queue_start(s, (uint64_t)most, err) < 0)
		return -1;
	if (dl_lake_s3_queue_probe(s->queue, err) < 0)
		return -1;
	return dl_lake_s3_queue_room(s->queue, 0, err);
}

/* How long a partition may be, so that its parts' keys are none too long. */
static size_t
longest_partition(const char *name)
{
	const char *prefix = strchr(name + strlen("s3://"), '/');

	return DL_S3_KEY_MAX - NAME_MOST -
	       (prefix == NULL ? 0 : strlen(prefix));
}

static int
open_s3(struct dl_lake_s3 *s, const char *address,
    const struct dl_lake_s3_options *o, struct dl_err *err)
{
	struct dl_s3_options s3 = *o->s3;

	if (sodium_init() < 0)
		return dl_err_bug(err, "libsodium does not start");
	s3.stop = &s->stop;
	if ((s->s3 = dl_s3_new(address, &s3, err)) == NULL)
		return -1;
	s->base.name = dl_s3_name(s->s3);
	s->base.longest = longest_partition(s->base.name);
	if (s->mode != DL_LAKE_WRITING && dl_lake_s3_check_there(s, err) < 0)
		return -1;
	return s->mode == DL_LAKE_READING ? 0 : open_writing(s, o, err);
}

struct dl_lake_store *
dl_lake_s3(const char *address, const struct dl_lake_s3_options *options,
    enum dl_lake_mode mode, struct dl_err *err)
{
	struct dl_lake_s3 *s = dl_calloc(1, sizeof(*s));

	s->base.ops = &s3_ops;
	s->base.far = true;
	s->mode = mode;
	pthread_mutex_init(&s->lock, NULL);
	pthread_mutex_init(&s->manifest.lock, NULL);
	if (open_s3(s, address, options, err) == 0)
		return &s->base;
	close_s3(&s->base);
	return NULL;
}
