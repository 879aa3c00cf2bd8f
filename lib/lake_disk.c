/*
 * A lake in a directory.
 *
 * A part is staged as _dl/staging/NAME.tmp, held by an exclusive flock, so that a
 * later writer can tell what belongs to a dead one.  It is published by link(2),
 * which never replaces a file; the second name is then taken away.  A crash
 * between the two leaves a published part with a second, hidden name, which the
 * next writer removes.
 *
 * A name that a process made before it was killed may not be durable yet:
 * whoever relies on it makes it so, whether it was there or not.
 *
 * A directory may be exchanged for another, or removed: not while a part is
 * given its name in it (_dl/tidy.lock).
 */
#include "lake_disk.h"

#include "buf.h"
#include "io.h"
#include "lake_manifest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

char *
dl_lake_disk_join(const char *a, const char *b)
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
	free(g->staged);
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
	g->fd = openat(dir, g->staged,
	    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (g->fd < 0)
		r = dl_err_errno(err, "cannot create '%s'", g->path);
	else if (flock(g->fd, LOCK_EX | LOCK_NB) < 0)
		r = dl_err_errno(err, "cannot lock '%s'", g->path);
	(void)flock(dir, LOCK_UN);
	return r;
}

/* Engines look for parts by how their names end, wherever they are. */
static char *
staged_name(const char *name)
{
	struct dl_buf b = {0};

	dl_buf_printf(&b, "%s.tmp", name);
	(void)dl_buf_str(&b);
	return b.p;
}

static struct dl_staged *
stage(struct dl_lake_store *s, const char *name, struct dl_err *err)
{
	struct dl_lake_disk *d = (struct dl_lake_disk *)s;
	struct dl_staged *g = dl_calloc(1, sizeof(*g));

	g->disk = d;
	g->fd = -1;
	g->name = dl_strdup(name);
	g->staged = staged_name(name);
	g->path = dl_lake_disk_join(d->staging, g->staged);
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
sync_above(const struct dl_lake_disk *d, char *dir, struct dl_err *err)
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

/* Make the directory that the part will be in. */
static int
make_partition(const struct dl_staged *g, struct dl_err *err)
{
	char *dir = dl_strdup(g->target);
	int r;

	*strrchr(dir, '/') = '\0';
	r = dl_mkdirs(dir, err);
	if (r == 0)
		r = sync_above(g->disk, dir, err);
	free(dir);
	return r;
}

static int
seal(struct dl_staged *g, const char *partition, struct dl_err *err)
{
	char *dir = dl_lake_disk_join(g->disk->dir, partition);

	g->target = dl_lake_disk_join(dir, g->name);
	free(dir);
	if (make_partition(g, err) < 0)
		return -1;
	if (fsync(g->fd) < 0)
		return dl_err_errno(err, "cannot fsync '%s'", g->path);
	return 0;
}

int
dl_lake_disk_lock(const struct dl_lake_disk *d, bool shared, struct dl_err *err)
{
	char *path = dl_lake_disk_join(d->state, "tidy.lock");
	int fd, r;

	/* Of its own for each holder: threads share what a process has open. */
	fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (fd < 0)
		dl_err_errno(err, "cannot open '%s'", path);
	while (fd >= 0 && (r = flock(fd, shared ? LOCK_SH : LOCK_EX)) < 0) {
		if (errno == EINTR)
			continue;
		dl_err_errno(err, "cannot lock '%s'", path);
		close(fd);
		fd = -1;
	}
	free(path);
	return fd;
}

/* The directory may have been removed, being empty, since the part was sealed. */
static int
link_target(struct dl_staged *g, struct dl_err *err)
{
	int tries;

	for (tries = 0; link(g->path, g->target) < 0; tries++) {
		if (errno == EEXIST)
			return dl_err_bug(
			    err, "the part '%s' is there already", g->target);
		if (errno != ENOENT || tries > 0)
			return dl_err_errno(err, "cannot link '%s'", g->target);
		if (make_partition(g, err) < 0)
			return -1;
	}
	return dl_sync_parent(g->target, err);
}

static int
publish(struct dl_staged *g, struct dl_err *err)
{
	int lock = dl_lake_disk_lock(g->disk, true, err), r;

	if (lock < 0)
		return -1;
	if ((r = link_target(g, err)) == 0)
		g->disk->published++;
	close(lock);
	if (r < 0)
		return -1;
	/* What stays if this fails, the next writer removes. */
	(void)unlink(g->path);
	free_staged(g);
	return 0;
}

static int
landed(struct dl_lake_store *s, uint64_t want, int wait_ms, uint64_t *n,
    struct dl_err *err)
{
	(void)want;
	(void)wait_ms;
	(void)err;
	*n = ((struct dl_lake_disk *)s)->published;
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
clean_one(struct dl_lake_disk *d, const char *name, struct dl_err *err)
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
clean_staging(struct dl_lake_disk *d, struct dl_err *err)
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
record(struct dl_lake_store *s, struct dl_staged *const *parts,
    const struct dl_span *entries, size_t n, struct dl_err *err)
{
	struct dl_lake_disk *d = (struct dl_lake_disk *)s;
	char *path = dl_lake_disk_join(d->state, DL_LAKE_MANIFEST);
	bool made = access(path, F_OK) < 0;
	int r = dl_lake_manifest_append(path, entries, n, err);

	(void)parts;
	if (r == 0 && made)
		r = dl_sync_dir(d->state, err);
	free(path);
	return r;
}

static int
settle(struct dl_lake_store *s, const char *name, struct dl_err *err)
{
	struct dl_lake_disk *d = (struct dl_lake_disk *)s;
	char *path = dl_lake_disk_join(d->dir, name);
	int r = dl_sync_parent(path, err);

	free(path);
	if (r == 0)
		d->published++;
	return r;
}

static void
close_disk(struct dl_lake_store *s)
{
	struct dl_lake_disk *d = (struct dl_lake_disk *)s;

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
    .landed = landed,
    .walk = dl_lake_disk_walk,
    .open = dl_lake_disk_open,
    .manifest = dl_lake_disk_manifest,
    .settle = settle,
    .replace = dl_lake_disk_replace,
    .tidy = dl_lake_disk_tidy,
    .close = close_disk,
};

static int
open_writing(struct dl_lake_disk *d, struct dl_err *err)
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
check_there(const struct dl_lake_disk *d, struct dl_err *err)
{
	struct stat st;

	if (stat(d->dir, &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	if (errno == EACCES)
		return dl_err_errno(err, "cannot open '%s'", d->dir);
	return dl_err_temp(err, "there is no lake at '%s'", d->dir);
}

struct dl_lake_store *
dl_lake_disk(const char *dir, enum dl_lake_mode mode, struct dl_err *err)
{
	struct dl_lake_disk *d = dl_calloc(1, sizeof(*d));

	d->base.ops = &disk_ops;
	d->dir = dl_strdup(dir);
	d->base.name = d->dir;
	d->state = dl_lake_disk_join(dir, "_dl");
	d->staging = dl_lake_disk_join(d->state, "staging");
	d->staging_fd = -1;
	if ((mode == DL_LAKE_WRITING || check_there(d, err) == 0) &&
	    (mode == DL_LAKE_READING || open_writing(d, err) == 0))
		return &d->base;
	close_disk(&d->base);
	return NULL;
}
