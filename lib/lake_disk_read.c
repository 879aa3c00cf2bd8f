/* The reading half of a lake in a directory. */
#include "lake_disk.h"

#include "buf.h"
#include "lake_manifest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH 32 /* directories inside each other */

/* Names */

struct name {
	char *text;
	bool directory;
	uint64_t size;
};

/* As the paths of what is in them compare: "a-b/x" comes before "a/x". */
static int
by_path(const void *a, const void *b)
{
	const struct name *x = a, *y = b;
	size_t i = 0;
	int c, d;

	while (x->text[i] != '\0' && x->text[i] == y->text[i])
		i++;
	c = x->text[i] == '\0' && x->directory ? '/' : (uint8_t)x->text[i];
	d = y->text[i] == '\0' && y->directory ? '/' : (uint8_t)y->text[i];
	return c - d;
}

/* Is it a file or a directory, and no link?  Sets directory and size. */
static bool
look_at(DIR *dir, const struct dirent *e, struct name *name)
{
	struct stat st;

	name->directory = e->d_type == DT_DIR;
	name->size = 0;
	if (name->directory)
		return true;
	if ((e->d_type != DT_REG && e->d_type != DT_UNKNOWN) ||
	    fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	name->directory = S_ISDIR(st.st_mode);
	name->size = (uint64_t)st.st_size;
	return name->directory || S_ISREG(st.st_mode);
}

/*
 * The names in a directory; none where it is gone and that may be, since the
 * lake is tidied while it is read.
 */
static int
read_names(const char *path, struct dl_buf *names, bool may_be_gone,
    struct dl_err *err)
{
	struct name name;
	struct dirent *e;
	DIR *dir;
	int fd;

	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && may_be_gone)
		return 0;
	if (fd < 0 || (dir = fdopendir(fd)) == NULL) {
		dl_err_errno(err, "cannot open '%s'", path);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while (errno = 0, (e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.' || e->d_name[0] == '_' ||
		    !look_at(dir, e, &name))
			continue;
		name.text = dl_strdup(e->d_name);
		dl_buf_add(names, &name, sizeof(name));
	}
	fd = errno == 0 ? 0 : dl_err_errno(err, "cannot read '%s'", path);
	closedir(dir);
	return fd;
}

/* Walking */

struct walker {
	const struct dl_lake_disk *disk;
	const struct dl_lake_walk *walk;
	struct dl_buf path; /* in the lake, of what is at hand; a C string */
	int depth;
};

static int walk_names(struct walker *w, struct dl_err *err);

static int
take_name(struct walker *w, const struct name *name, struct dl_err *err)
{
	const struct dl_lake_walk *walk = w->walk;
	size_t len = w->path.len;
	int r = 0;

	if (len > 0)
		dl_buf_addc(&w->path, '/');
	dl_buf_adds(&w->path, name->text);
	if (!name->directory)
		r = walk->file(
		    walk->arg, dl_buf_str(&w->path), name->size, err);
	else if (walk->enter(walk->arg, dl_buf_str(&w->path)))
		r = walk_names(w, err);
	w->path.len = len;
	return r;
}

static int
walk_names(struct walker *w, struct dl_err *err)
{
	struct dl_buf names = {0};
	const char *in = dl_buf_str(&w->path);
	char *path;
	struct name *all;
	size_t i, n;
	int r;

	if (w->depth == DEPTH)
		return dl_err_data(
		    err, "'%s': directories deeper than a lake's", in);
	path = *in == '\0' ? dl_strdup(w->disk->dir)
	                   : dl_lake_disk_join(w->disk->dir, in);
	r = read_names(path, &names, w->depth > 0, err);
	w->depth++;
	all = (struct name *)(void *)names.p;
	n = names.len / sizeof(*all);
	if (n > 1)
		qsort(all, n, sizeof(*all), by_path);
	for (i = 0; r == 0 && i < n; i++)
		r = take_name(w, &all[i], err);
	for (i = 0; i < n; i++)
		free(all[i].text);
	w->depth--;
	dl_buf_release(&names);
	free(path);
	return r;
}

int
dl_lake_disk_walk(struct dl_lake_store *s, const struct dl_lake_walk *walk,
    struct dl_err *err)
{
	struct walker w = {.disk = (struct dl_lake_disk *)s, .walk = walk};
	int r = walk_names(&w, err);

	dl_buf_release(&w.path);
	return r;
}

/* Files */

int
dl_lake_disk_open(
    struct dl_lake_store *s, const char *name, int *fd, struct dl_err *err)
{
	struct dl_lake_disk *d = (struct dl_lake_disk *)s;
	char *path = dl_lake_disk_join(d->dir, name);
	int r = 1;

	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (*fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		r = 0;
	else if (*fd < 0)
		r = dl_err_errno(err, "cannot open '%s'", path);
	free(path);
	return r;
}

int
dl_lake_disk_manifest(
    struct dl_lake_store *s, dl_lake_line_fn *fn, void *arg, struct dl_err *err)
{
	struct dl_lake_disk *d = (struct dl_lake_disk *)s;
	char *path = dl_lake_disk_join(d->state, DL_LAKE_MANIFEST);
	int r = dl_lake_manifest_read(path, fn, arg, err);

	free(path);
	return r;
}
