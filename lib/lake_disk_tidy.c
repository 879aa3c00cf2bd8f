/*
 * The tidying half of a lake in a directory.
 *
 * A merged part takes the place of others in one step for whoever lists the
 * directory.  The partition's next directory is made beside it, of links to all
 * that stays and to the new part, and the two are exchanged:
 *
 *	EXCHANGE/ULID.of    what is being done (struct swap); written first
 *	EXCHANGE/ULID/      the next directory; once exchanged, the last one
 *
 * EXCHANGE is .NAME.exchange beside the lake, which has that NAME, so that who
 * looks for parts everywhere in the lake does not find them; and _dl/exchange
 * where nothing can be put beside it, as it is mounted there.
 *
 * While the next directory is there it holds the new part, which is the first
 * thing put into it and the last taken out: so a later run can tell what a
 * crash has left.  Of the last one nothing is thrown away but what the new part
 * has merged and what is in the partition as well; what somebody else put there
 * at the last moment is put into the partition.
 *
 * Where the file system cannot exchange directories the new part is given its
 * name, and then the others lose theirs: for a moment who lists the directory
 * sees both, and the manifest tells.
 */
#include "lake_disk.h"

#include "buf.h"
#include "hash.h"
#include "io.h"
#include "lake_index.h"
#include "log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOTE ".of"
#define NOTE_MAX (256 << 20)

/*
 * A partition, the new part's name and the names of those that it merged, in
 * order; text holds them, each with its NUL.
 */
struct swap {
	const struct dl_lake_disk *disk;
	struct dl_buf text;
	const char *partition, *part;
	const char **merged;
	size_t n;
	char *dir;   /* of the partition */
	char *other; /* EXCHANGE/ULID */
	char *note;
	int dir_fd, other_fd;
	bool swapped; /* other holds what the partition had */
	bool kept;    /* not all of it could be taken out */
};

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

static int
by_name(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

static bool
is_merged(const struct swap *x, const char *name)
{
	return bsearch(&name, x->merged, x->n, sizeof(*x->merged), by_name) !=
	       NULL;
}

/* A note may be anybody's: it must not lead out of the lake. */
static bool
is_note_ok(const struct swap *x)
{
	return dl_lake_name_ok(dl_span_str(x->partition)) &&
	       dl_lake_name_ok(dl_span_str(x->part)) &&
	       strchr(x->part, '/') == NULL;
}

/* Take apart text, which ends in a NUL. */
static int
read_text(struct swap *x, struct dl_err *err)
{
	size_t len = x->text.len, at, n = 0;

	for (at = 0; at < len; at++)
		n += x->text.p[at] == '\0';
	if (n < 2 || x->text.p[len - 1] != '\0')
		return dl_err_data(err, "'%s' is damaged", x->note);
	x->merged = dl_calloc(n, sizeof(*x->merged));
	for (at = n = 0; at < len; at += strlen(x->text.p + at) + 1)
		x->merged[n++] = x->text.p + at;
	x->partition = x->merged[0];
	x->part = x->merged[1];
	if (!is_note_ok(x))
		return dl_err_data(err,
		    "'%s' is damaged: look at what is beside it, and remove "
		    "both",
		    x->note);
	x->n = n - 2;
	memmove(x->merged, x->merged + 2, x->n * sizeof(*x->merged));
	qsort(x->merged, x->n, sizeof(*x->merged), by_name);
	x->dir = dl_lake_disk_join(x->disk->dir, x->partition);
	return 0;
}

/* Are they of one mount?  Nothing is linked from one into another. */
static bool
is_one_mount(const char *a, const char *b)
{
	struct statx x, y;

	if (statx(AT_FDCWD, a, 0, STATX_MNT_ID, &x) < 0 ||
	    statx(AT_FDCWD, b, 0, STATX_MNT_ID, &y) < 0)
		return false;
	return x.stx_dev_major == y.stx_dev_major &&
	       x.stx_dev_minor == y.stx_dev_minor &&
	       x.stx_mnt_id == y.stx_mnt_id;
}

/* Where directories are exchanged, beside the lake; NULL: it can't be there. */
static char *
beside(const struct dl_lake_disk *d)
{
	char *real = realpath(d->dir, NULL), *slash, *dir = NULL;
	struct dl_buf b = {0};

	if (real == NULL || (slash = strrchr(real, '/')) == NULL ||
	    slash[1] == '\0')
		goto out;
	*slash = '\0';
	dl_buf_printf(&b, "%s/", real);
	if (!is_one_mount(d->dir, dl_buf_str(&b)) ||
	    access(dl_buf_str(&b), W_OK | X_OK) < 0)
		goto out;
	dl_buf_printf(&b, ".%s.exchange", slash + 1);
	dir = dl_strdup(dl_buf_str(&b));
out:
	dl_buf_release(&b);
	free(real);
	return dir;
}

static char *
inside(const struct dl_lake_disk *d)
{
	return dl_lake_disk_join(d->state, "exchange");
}

/* id: a ULID. */
static void
init_swap(struct swap *x, const struct dl_lake_disk *d, const char *dir,
    const char *id)
{
	struct dl_buf note = {0};

	*x = (struct swap){.disk = d, .dir_fd = -1, .other_fd = -1};
	x->other = dl_lake_disk_join(dir, id);
	dl_buf_printf(&note, "%s" NOTE, x->other);
	x->note = dl_strdup(dl_buf_str(&note));
	dl_buf_release(&note);
}

static void
release_swap(struct swap *x)
{
	if (x->dir_fd >= 0)
		close(x->dir_fd);
	if (x->other_fd >= 0)
		close(x->other_fd);
	dl_buf_release(&x->text);
	free(x->merged);
	free(x->dir);
	free(x->other);
	free(x->note);
}

static int
open_dir(const char *path, int *fd, struct dl_err *err)
{
	*fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return *fd < 0 ? dl_err_errno(err, "cannot open '%s'", path) : 0;
}

static int
sync_fd(int fd, const char *path, struct dl_err *err)
{
	return fsync(fd) < 0 ? dl_err_errno(err, "cannot fsync '%s'", path) : 0;
}

typedef int name_fn(struct swap *x, const char *name, struct dl_err *err);

/* Each name in a directory but "." and "..". */
static int
each_name(struct swap *x, const char *path, name_fn *fn, struct dl_err *err)
{
	struct dirent *e;
	DIR *dir = opendir(path);
	int r = 0;

	if (dir == NULL)
		return dl_err_errno(err, "cannot open '%s'", path);
	while (r == 0 && (errno = 0, e = readdir(dir)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			r = fn(x, e->d_name, err);
	if (r == 0 && errno != 0)
		r = dl_err_errno(err, "cannot read '%s'", path);
	closedir(dir);
	return r;
}

/* Making the next directory */

static int
link_one(struct swap *x, const char *name, struct dl_err *err)
{
	struct stat st;

	if (is_merged(x, name))
		return 0;
	if (fstatat(x->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT
		           ? 0
		           : dl_err_errno(
				 err, "cannot stat '%s/%s'", x->dir, name);
	if (S_ISDIR(st.st_mode))
		return dl_err_data(err,
		    "'%s' has a directory in it ('%s'): its parts are left as "
		    "they are",
		    x->dir, name);
	if (linkat(x->dir_fd, name, x->other_fd, name, 0) == 0 ||
	    errno == ENOENT)
		return 0;
	return dl_err_errno(err, "cannot link '%s/%s'", x->other, name);
}

/* What may be done in the one may be done in the other, as far as we may. */
static int
take_rights(struct swap *x, struct dl_err *err)
{
	struct stat st;

	if (fstat(x->dir_fd, &st) < 0)
		return dl_err_errno(err, "cannot stat '%s'", x->dir);
	if (fchown(x->other_fd, st.st_uid, st.st_gid) < 0 && errno != EPERM)
		return dl_err_errno(err, "cannot chown '%s'", x->other);
	if (fchmod(x->other_fd, st.st_mode & 07777) < 0)
		return dl_err_errno(err, "cannot chmod '%s'", x->other);
	return 0;
}

/* Nobody may do more with the new part than with each that it merged. */
static int
take_parts_rights(struct swap *x, const struct dl_staged *g, struct dl_err *err)
{
	mode_t mode = 0666;
	bool found = false;
	struct stat st;
	size_t i;

	for (i = 0; i < x->n; i++) {
		if (fstatat(x->dir_fd, x->merged[i], &st, AT_SYMLINK_NOFOLLOW) <
		    0)
			continue;
		if (!found && fchown(g->fd, st.st_uid, st.st_gid) < 0 &&
		    errno != EPERM)
			return dl_err_errno(err, "cannot chown '%s'", g->path);
		found = true;
		mode &= st.st_mode;
	}
	if (found && (fchmod(g->fd, mode) < 0 || fsync(g->fd) < 0))
		return dl_err_errno(err, "cannot chmod '%s'", g->path);
	return 0;
}

static int
make_next(struct swap *x, const struct dl_staged *g, struct dl_err *err)
{
	if (open_dir(x->dir, &x->dir_fd, err) < 0 ||
	    take_parts_rights(x, g, err) < 0)
		return -1;
	if (mkdir(x->other, 0777) < 0)
		return dl_err_errno(err, "cannot make '%s'", x->other);
	if (open_dir(x->other, &x->other_fd, err) < 0)
		return -1;
	if (linkat(AT_FDCWD, g->path, x->other_fd, x->part, 0) < 0)
		return dl_err_errno(err, "cannot link '%s'", g->path);
	if (take_rights(x, err) < 0 ||
	    each_name(x, x->dir, link_one, err) < 0 ||
	    sync_fd(x->other_fd, x->other, err) < 0)
		return -1;
	return dl_sync_parent(x->other, err);
}

/* Clearing away */

/* Is it the same file in both directories? */
static bool
is_in_both(const struct swap *x, const char *name)
{
	struct stat a, b;

	return fstatat(x->dir_fd, name, &a, AT_SYMLINK_NOFOLLOW) == 0 &&
	       fstatat(x->other_fd, name, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static bool
has_part(int dir, const struct swap *x)
{
	return faccessat(dir, x->part, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/*
 * Put what somebody else has put into the last directory into the partition:
 * 1; 0: it stays, since there is something by that name.
 */
static int
put_back(struct swap *x, const char *name, struct dl_err *err)
{
	if (linkat(x->other_fd, name, x->dir_fd, name, 0) < 0) {
		/* Directories cannot be linked. */
		if ((errno != EPERM && errno != EISDIR) ||
		    renameat(x->other_fd, name, x->dir_fd, name) < 0) {
			x->kept = true;
			dl_log(DL_LOG_WARN,
			    "'%s/%s' is kept: it does not go back to '%s': %s",
			    x->other, name, x->dir, strerror(errno));
			return 0;
		}
	}
	return sync_fd(x->dir_fd, x->dir, err) < 0 ? -1 : 1;
}

static int
clear_one(struct swap *x, const char *name, struct dl_err *err)
{
	int r;

	if (x->swapped && !is_in_both(x, name) &&
	    !(is_merged(x, name) && has_part(x->dir_fd, x)) &&
	    (r = put_back(x, name, err)) <= 0)
		return r;
	if (!x->swapped && strcmp(name, x->part) == 0)
		return 0;
	if (unlinkat(x->other_fd, name, 0) < 0 && errno != ENOENT)
		return dl_err_errno(
		    err, "cannot remove '%s/%s'", x->other, name);
	return 0;
}

/* Remove the other directory, whichever it is, and what tells of it. */
static int
clear(struct swap *x, struct dl_err *err)
{
	if (x->other_fd < 0 && open_dir(x->other, &x->other_fd, err) < 0)
		return -1;
	x->swapped = !has_part(x->other_fd, x);
	if (x->swapped && x->dir_fd < 0 &&
	    (dl_mkdirs(x->dir, err) < 0 ||
		open_dir(x->dir, &x->dir_fd, err) < 0))
		return -1;
	if (each_name(x, x->other, clear_one, err) < 0)
		return -1;
	if (x->kept)
		return 0;
	if (!x->swapped && unlinkat(x->other_fd, x->part, 0) < 0)
		return dl_err_errno(
		    err, "cannot remove '%s/%s'", x->other, x->part);
	if (rmdir(x->other) < 0)
		return dl_err_errno(err, "cannot remove '%s'", x->other);
	if (unlink(x->note) < 0)
		return dl_err_errno(err, "cannot remove '%s'", x->note);
	return 0;
}

/* What a run that died has left of an exchange. */
static int
settle_one(const struct dl_lake_disk *d, const char *dir, const char *id,
    struct dl_err *err)
{
	struct swap x;
	int r;

	init_swap(&x, d, dir, id);
	if ((r = dl_read_file(x.note, NOTE_MAX, &x.text, err)) == 0 &&
	    (r = read_text(&x, err)) == 0) {
		/* It died before the other directory was made, or after. */
		if (access(x.other, F_OK) == 0)
			r = clear(&x, err);
		else if (unlink(x.note) < 0)
			r = dl_err_errno(err, "cannot remove '%s'", x.note);
	}
	release_swap(&x);
	return r;
}

static int
settle_name(struct swap *x, const char *name, struct dl_err *err)
{
	size_t len = strlen(name), suffix = sizeof(NOTE) - 1;
	char id[DL_ULID_LEN + 1];
	char *path;

	if (len == DL_ULID_LEN + suffix &&
	    strcmp(name + DL_ULID_LEN, NOTE) == 0) {
		memcpy(id, name, DL_ULID_LEN);
		id[DL_ULID_LEN] = '\0';
		return settle_one(x->disk, x->other, id, err);
	}
	/* A note that was not whole yet: nothing had begun. */
	if (name[0] == '.') {
		path = dl_lake_disk_join(x->other, name);
		(void)unlink(path);
		free(path);
	}
	return 0;
}

/* dir: EXCHANGE, freed here; NULL: there is none. */
static int
settle_all(struct dl_lake_disk *d, char *dir, struct dl_err *err)
{
	struct swap all = {.disk = d, .other = dir};
	int r = 0;

	if (dir != NULL && access(dir, F_OK) == 0) {
		r = each_name(&all, dir, settle_name, err);
		(void)rmdir(dir);
	}
	free(dir);
	return r;
}

int
dl_lake_disk_tidy(struct dl_lake_store *s, const struct dl_lake_care *care,
    struct dl_err *err)
{
	struct dl_lake_disk *d = (struct dl_lake_disk *)s;
	int lock, r;

	if (care->dry_run)
		return 0;
	if ((lock = dl_lake_disk_lock(d, false, err)) < 0)
		return -1;
	r = settle_all(d, inside(d), err);
	if (r == 0)
		r = settle_all(d, beside(d), err);
	close(lock);
	return r;
}

/* Replacing */

/* Write down what is to be done. */
static int
begin_swap(struct swap *x, const char *dir, const char *partition,
    const struct dl_staged *g, const char *const *parts, size_t n,
    struct dl_err *err)
{
	size_t i;
	int r;

	dl_buf_add(&x->text, partition, strlen(partition) + 1);
	dl_buf_add(&x->text, g->name, strlen(g->name) + 1);
	for (i = 0; i < n; i++) {
		const char *name = base_name(parts[i]);

		dl_buf_add(&x->text, name, strlen(name) + 1);
	}
	if ((r = read_text(x, err)) == 0 && (r = dl_mkdirs(dir, err)) == 0)
		r = dl_replace_file(x->note, dl_buf_as_span(&x->text), err);
	return r;
}

/* The parts lose their names in the partition. */
static int
unlink_parts(struct swap *x, struct dl_err *err)
{
	size_t i;

	for (i = 0; i < x->n; i++)
		if (unlinkat(x->dir_fd, x->merged[i], 0) < 0 && errno != ENOENT)
			return dl_err_errno(
			    err, "cannot remove '%s/%s'", x->dir, x->merged[i]);
	return sync_fd(x->dir_fd, x->dir, err);
}

/* Where directories cannot be exchanged. */
static int
one_by_one(struct swap *x, const struct dl_staged *g, struct dl_err *err)
{
	static bool told;

	if (!told)
		dl_log(DL_LOG_WARN,
		    "the file system of '%s' cannot exchange directories: who "
		    "lists one just now may see events twice",
		    x->disk->dir);
	told = true;
	if (linkat(AT_FDCWD, g->path, x->dir_fd, x->part, 0) < 0)
		return dl_err_errno(err, "cannot link '%s'", g->target);
	if (sync_fd(x->dir_fd, x->dir, err) < 0)
		return -1;
	return unlink_parts(x, err);
}

static int
exchange(struct swap *x, const struct dl_staged *g, struct dl_err *err)
{
	int none = AT_FDCWD;

	if (renameat2(none, x->dir, none, x->other, RENAME_EXCHANGE) < 0) {
		if (errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP ||
		    errno == EXDEV)
			return one_by_one(x, g, err);
		return dl_err_errno(
		    err, "cannot exchange '%s' for '%s'", x->dir, x->other);
	}
	none = x->dir_fd;
	x->dir_fd = x->other_fd;
	x->other_fd = none;
	if (dl_sync_parent(x->dir, err) < 0)
		return -1;
	return dl_sync_parent(x->other, err);
}

static int
replace_parts(struct dl_lake_disk *d, const char *partition,
    const struct dl_staged *g, const char *const *parts, size_t n,
    struct dl_err *err)
{
	struct dl_err ignored = {0};
	char id[DL_ULID_LEN + 1], *dir = beside(d);
	struct swap x;
	int r;

	if (dir == NULL)
		dir = inside(d);
	dl_ulid(id);
	init_swap(&x, d, dir, id);
	r = begin_swap(&x, dir, partition, g, parts, n, err);
	if (r == 0 && (r = make_next(&x, g, err)) == 0)
		r = exchange(&x, g, err);
	if (r == 0)
		r = clear(&x, err);
	/* What stays if this fails, the next run removes. */
	else if (x.other_fd >= 0)
		(void)clear(&x, &ignored);
	else
		(void)unlink(x.note);
	(void)rmdir(dir);
	release_swap(&x);
	free(dir);
	return r;
}

/* Removing */

/* Remove a directory and those above it that are empty then. */
static int
remove_empty(const struct dl_lake_disk *d, char *dir, struct dl_err *err)
{
	size_t least = strlen(d->dir);

	while (strlen(dir) > least && rmdir(dir) == 0)
		*strrchr(dir, '/') = '\0';
	return dl_sync_dir(dir, err);
}

static int
remove_parts(struct dl_lake_disk *d, const char *partition,
    const char *const *parts, size_t n, struct dl_err *err)
{
	char *dir = *partition == '\0' ? dl_strdup(d->dir)
	                               : dl_lake_disk_join(d->dir, partition);
	char *path;
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < n; i++) {
		path = dl_lake_disk_join(dir, base_name(parts[i]));
		if (unlink(path) < 0 && errno != ENOENT)
			r = dl_err_errno(err, "cannot remove '%s'", path);
		free(path);
	}
	if (r == 0 && access(dir, F_OK) == 0)
		r = remove_empty(d, dir, err);
	free(dir);
	return r;
}

int
dl_lake_disk_replace(struct dl_lake_store *s, const char *partition,
    struct dl_staged *g, const char *const *parts, size_t n, struct dl_err *err)
{
	struct dl_lake_disk *d = (struct dl_lake_disk *)s;
	int lock = dl_lake_disk_lock(d, false, err), r;

	if (lock < 0)
		return -1;
	r = g == NULL ? remove_parts(d, partition, parts, n, err)
	              : replace_parts(d, partition, g, parts, n, err);
	close(lock);
	if (r == 0 && g != NULL)
		s->ops->discard(g);
	return r;
}
