/*
 * A lake in a directory.
 *
 * A part is staged as _dl/staging/NAME, held by an exclusive flock, so that a
 * later writer can tell what belongs to a dead one.  It is published by link(2),
 * which never replaces a file; the second name is then taken away.  A crash
 * between the two leaves a published part with a second, hidden name, which the
 * next writer removes.
 *
 * A name that a process made before it was killed may not be durable yet:
 * whoever relies on it makes it so, whether it was there or not.
 */
#include "lake_store.h"

#include "buf.h"
#include "io.h"
#include "lake_manifest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct disk {
	struct dl_lake_store base;
	char *dir;
	char *state;   /* dir/_dl */
	char *staging; /* dir/_dl/staging */
	int staging_fd;
};

struct dl_staged {
	struct disk *disk;
	int fd;
	char *name;
	char *path;   /* where it is staged */
	char *target; /* where it will be, once it is sealed */
};

static char *
join(const char *a, const char *b)
{
	size_t na = strlen(a), nb = strlen(b);
	char *p = dl_alloc(na + nb + 2);

	memcpy(p, a, na);
	p[na] = '/';
	memcpy(p + na + 1, b, nb + 1);
	return p;
}

/* Staging */

static void
free_staged(struct dl_staged *g)
{
	if (g->fd >= 0)
		close(g->fd);
	free(g->name);
	free(g->path);
	free(g->target);
	free(g);
}

/*
 * A file that was made and is not yet locked would look like a dead writer's:
 * between the two the directory's lock is held, shared among writers.
 */
static int
make_staged(struct dl_staged *g, struct dl_err *err)
{
	int dir = g->disk->staging_fd, r = 0;

	if (flock(dir, LOCK_SH) < 0)
		return dl_err_errno(err, "cannot lock '%s'", g->disk->staging);
	g->fd = openat(dir, g->name,
	    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (g->fd < 0)
		r = dl_err_errno(err, "cannot create '%s'", g->path);
	else if (flock(g->fd, LOCK_EX | LOCK_NB) < 0)
		r = dl_err_errno(err, "cannot lock '%s'", g->path);
	(void)flock(dir, LOCK_UN);
	return r;
}

static struct dl_staged *
stage(struct dl_lake_store *s, const char *name, struct dl_err *err)
{
	struct disk *d = (struct disk *)s;
	struct dl_staged *g = dl_calloc(1, sizeof(*g));

	g->disk = d;
	g->fd = -1;
	g->name = dl_strdup(name);
	g->path = join(d->staging, name);
	if (make_staged(g, err) == 0)
		return g;
	free_staged(g);
	return NULL;
}

static int
write_staged(struct dl_staged *g, struct dl_span bytes, struct dl_err *err)
{
	return dl_write_all(g->fd, bytes.p, bytes.len, g->path, err);
}

/* Make the lake's directories down to dir, which is in it, durable. */
static int
sync_above(const struct disk *d, char *dir, struct dl_err *err)
{
	char *p = dir + strlen(d->dir);
	int r;

	for (; p != NULL; p = strchr(p + 1, '/')) {
		*p = '\0';
		r = dl_sync_dir(dir, err);
		*p = '/';
		if (r < 0)
			return -1;
	}
	return 0;
}

static int
seal(struct dl_staged *g, const char *partition, struct dl_err *err)
{
	char *dir = join(g->disk->dir, partition);
	int r;

	g->target = join(dir, g->name);
	r = dl_mkdirs(dir, err);
	if (r == 0)
		r = sync_above(g->disk, dir, err);
	free(dir);
	if (r == 0 && fsync(g->fd) < 0)
		return dl_err_errno(err, "cannot fsync '%s'", g->path);
	return r;
}

static int
publish(struct dl_staged *g, struct dl_err *err)
{
	if (link(g->path, g->target) < 0) {
		if (errno == EEXIST)
			return dl_err_bug(
			    err, "the part '%s' is there already", g->target);
		return dl_err_errno(err, "cannot link '%s'", g->target);
	}
	if (dl_sync_parent(g->target, err) < 0)
		return -1;
	/* What stays if this fails, the next writer removes. */
	(void)unlink(g->path);
	free_staged(g);
	return 0;
}

static void
discard(struct dl_staged *g)
{
	(void)unlink(g->path);
	free_staged(g);
}

/* Remove what dead writers staged: the files that nobody holds. */
static int
clean_one(struct disk *d, const char *name, struct dl_err *err)
{
	int fd, r = 0;

	fd = openat(d->staging_fd, name,
	    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT
		           ? 0
		           : dl_err_errno(
				 err, "cannot open '%s/%s'", d->staging, name);
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 &&
	    unlinkat(d->staging_fd, name, 0) < 0 && errno != ENOENT)
		r = dl_err_errno(
		    err, "cannot remove '%s/%s'", d->staging, name);
	close(fd);
	return r;
}

static int
clean_staging(struct disk *d, struct dl_err *err)
{
	struct dirent *e;
	DIR *dir;
	int r = 0;

	/* Another writer is just making a file: leave it to the next run. */
	if (flock(d->staging_fd, LOCK_EX | LOCK_NB) < 0)
		return 0;
	if ((dir = opendir(d->staging)) == NULL) {
		r = dl_err_errno(err, "cannot open '%s'", d->staging);
		goto out;
	}
	while (r == 0 && (e = readdir(dir)) != NULL)
		if (e->d_name[0] != '.')
			r = clean_one(d, e->d_name, err);
	closedir(dir);
out:
	(void)flock(d->staging_fd, LOCK_UN);
	return r;
}

/* The manifest */

static int
record(struct dl_lake_store *s, const struct dl_span *entries, size_t n,
    struct dl_err *err)
{
	struct disk *d = (struct disk *)s;
	char *path = join(d->state, "manifest.ndjson");
	bool made = access(path, F_OK) < 0;
	int r = dl_lake_manifest_append(path, entries, n, err);

	if (r == 0 && made)
		r = dl_sync_dir(d->state, err);
	free(path);
	return r;
}

/* Reading */

struct name {
	char *text;
	bool directory;
};

static int
by_bytes(const void *a, const void *b)
{
	return strcmp(
	    ((const struct name *)a)->text, ((const struct name *)b)->text);
}

/* 1 a file, 2 a directory, 0 neither (a link is neither). */
static int
kind_of(DIR *dir, const struct dirent *e)
{
	struct stat st;

	if (e->d_type == DT_DIR)
		return 2;
	if (e->d_type == DT_REG)
		return 1;
	if (e->d_type != DT_UNKNOWN ||
	    fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	return S_ISDIR(st.st_mode) ? 2 : S_ISREG(st.st_mode) ? 1 : 0;
}

static int
read_names(const char *path, struct dl_buf *names, struct dl_err *err)
{
	struct name name;
	struct dirent *e;
	DIR *dir;
	int kind, fd;

	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || (dir = fdopendir(fd)) == NULL) {
		dl_err_errno(err, "cannot open '%s'", path);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while (errno = 0, (e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.' || e->d_name[0] == '_' ||
		    (kind = kind_of(dir, e)) == 0)
			continue;
		name.text = dl_strdup(e->d_name);
		name.directory = kind == 2;
		dl_buf_add(names, &name, sizeof(name));
	}
	fd = errno == 0 ? 0 : dl_err_errno(err, "cannot read '%s'", path);
	closedir(dir);
	return fd;
}

static int
list(struct dl_lake_store *s, const char *dir, dl_lake_name_fn *fn, void *arg,
    struct dl_err *err)
{
	struct disk *d = (struct disk *)s;
	struct dl_buf names = {0};
	char *path = *dir == '\0' ? dl_strdup(d->dir) : join(d->dir, dir);
	struct name *all;
	size_t i, n;
	int r = read_names(path, &names, err);

	all = (struct name *)(void *)names.p;
	n = names.len / sizeof(*all);
	if (n > 1)
		qsort(all, n, sizeof(*all), by_bytes);
	for (i = 0; r == 0 && i < n; i++)
		r = fn(arg, all[i].text, all[i].directory, err);
	for (i = 0; i < n; i++)
		free(all[i].text);
	dl_buf_release(&names);
	free(path);
	return r;
}

static int
open_part(
    struct dl_lake_store *s, const char *name, int *fd, struct dl_err *err)
{
	struct disk *d = (struct disk *)s;
	char *path = join(d->dir, name);
	int r = 1;

	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (*fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		r = 0;
	else if (*fd < 0)
		r = dl_err_errno(err, "cannot open '%s'", path);
	free(path);
	return r;
}

static int
settle(struct dl_lake_store *s, const char *name, struct dl_err *err)
{
	struct disk *d = (struct disk *)s;
	char *path = join(d->dir, name);
	int r = dl_sync_parent(path, err);

	free(path);
	return r;
}

static void
close_disk(struct dl_lake_store *s)
{
	struct disk *d = (struct disk *)s;

	if (d->staging_fd >= 0)
		close(d->staging_fd);
	free(d->dir);
	free(d->state);
	free(d->staging);
	free(d);
}

static const struct dl_lake_ops disk_ops = {
    .stage = stage,
    .write = write_staged,
    .seal = seal,
    .publish = publish,
    .discard = discard,
    .record = record,
    .list = list,
    .open = open_part,
    .settle = settle,
    .close = close_disk,
};

static int
open_writing(struct disk *d, struct dl_err *err)
{
	if (sodium_init() < 0)
		return dl_err_bug(err, "libsodium does not start");
	d->base.state = d->state;
	if (dl_mkdirs(d->staging, err) < 0 || dl_sync_parent(d->dir, err) < 0 ||
	    dl_sync_dir(d->dir, err) < 0 || dl_sync_dir(d->state, err) < 0)
		return -1;
	d->staging_fd =
	    open(d->staging, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (d->staging_fd < 0)
		return dl_err_errno(err, "cannot open '%s'", d->staging);
	return clean_staging(d, err);
}

static int
check_reading(const struct disk *d, struct dl_err *err)
{
	struct stat st;

	if (stat(d->dir, &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	if (errno == EACCES)
		return dl_err_errno(err, "cannot open '%s'", d->dir);
	return dl_err_temp(err, "there is no lake at '%s'", d->dir);
}

struct dl_lake_store *
dl_lake_disk(const char *dir, bool writing, struct dl_err *err)
{
	struct disk *d = dl_calloc(1, sizeof(*d));

	d->base.ops = &disk_ops;
	d->dir = dl_strdup(dir);
	d->base.name = d->dir;
	d->state = join(dir, "_dl");
	d->staging = join(d->state, "staging");
	d->staging_fd = -1;
	if ((writing ? open_writing(d, err) : check_reading(d, err)) == 0)
		return &d->base;
	close_disk(&d->base);
	return NULL;
}
