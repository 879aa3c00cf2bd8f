/*
 * restore IMAGE DIR SEED - make of DIR what a power cut leaves of it.
 * restore -s IMAGE DIR   - settle: all that DIR has now is durable.
 *
 * Built from the durable names and bytes (image.h), and never less than those.
 * A disk may have kept more than it was told to: SEED chooses.
 *
 * Of a directory: its durable names; or the ones it had at the end; or both,
 * and for a name that is another file's by now either file.
 *
 * Of a file: its durable bytes; what it had at the end; or some of both, by pages
 * of 4 KiB: the bytes that were not synced up to some point, or any of them,
 * with zeros (or what was durable there) in place of the others.
 *
 * With SEED 0 nothing but what is durable.  What comes of it is settled, since it
 * has been on the disk.
 */
#include "image.h"

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096

/* One name: in a listing, or of a file wherever it is. */
struct entry {
	char kind; /* f, d */
	char id[IMAGE_ID];
	char *name;
};

struct list {
	struct entry *e;
	size_t n;
};

static const char *image;
static struct list now;  /* every inode that DIR had, and a path of it */
static struct list made; /* every file that was restored, and its path */
static uint64_t seed;
static bool only_durable;

/* Below n; splitmix64. */
static unsigned
dice(unsigned n)
{
	uint64_t z = seed += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (unsigned)((z ^ (z >> 31)) % n);
}

static char *
path_of(const char *dir, const char *name)
{
	char *p;

	if (asprintf(&p, "%s/%s", dir, name) < 0)
		err(70, NULL);
	return p;
}

static void
add(struct list *l, char kind, const char *id, const char *name)
{
	struct entry *e;

	l->e = realloc(l->e, (l->n + 1) * sizeof(*l->e));
	if (l->e == NULL)
		err(70, NULL);
	e = &l->e[l->n++];
	e->kind = kind;
	snprintf(e->id, sizeof(e->id), "%s", id);
	if ((e->name = strdup(name)) == NULL)
		err(70, NULL);
}

static void
release(struct list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->e[i].name);
	free(l->e);
	*l = (struct list){0};
}

static const char *
by_id(const struct list *l, const char *id)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->e[i].id, id) == 0)
			return l->e[i].name;
	return NULL;
}

static struct entry *
by_name(const struct list *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->e[i].name, name) == 0)
			return &l->e[i];
	return NULL;
}

/* The directory's names when the power failed. */
static struct list
names_now(const char *dir)
{
	struct list l = {0};
	struct dirent **all;
	char id[IMAGE_ID];
	struct stat st;
	int fd, n;

	if (dir == NULL)
		return l;
	if ((n = scandir(dir, &all, NULL, alphasort)) < 0 ||
	    (fd = open(dir, O_RDONLY | O_DIRECTORY)) < 0)
		err(70, "%s", dir);
	for (int i = 0; i < n; i++) {
		const char *name = all[i]->d_name;

		if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
		    fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) &&
		    image_id(fd, name, id) == 0)
			add(&l, S_ISDIR(st.st_mode) ? 'd' : 'f', id, name);
		free(all[i]);
	}
	free(all);
	close(fd);
	return l;
}

static int
entry_order(const void *a, const void *b)
{
	return strcmp(
	    ((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

/* The directory's names when it was last synced. */
static struct list
names_durable(const char *id)
{
	struct list l = {0};
	char path[PATH_MAX], *line = NULL, got[IMAGE_ID], kind;
	size_t cap = 0;
	int at;
	FILE *f;

	snprintf(path, sizeof(path), "%s/dir/%s", image, id);
	if ((f = fopen(path, "r")) == NULL)
		return l;
	while (getline(&line, &cap, f) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line, "%c %63s %n", &kind, got, &at) != 2)
			errx(70, "%s: %s", path, line);
		add(&l, kind, got, line + at);
	}
	free(line);
	fclose(f);
	/* The dice fall in the order of the names, whatever the disk's is. */
	if (l.n > 1)
		qsort(l.e, l.n, sizeof(*l.e), entry_order);
	return l;
}

/* The names that the power cut leaves in the directory id. */
static struct list
names_left(const char *id)
{
	struct list durable = names_durable(id), last;
	unsigned how = only_durable ? 0 : dice(3);
	struct entry *e;

	if (how == 0)
		return durable;
	/* A directory that was removed has none, if its end was kept. */
	last = names_now(by_id(&now, id));
	if (how == 1) {
		release(&durable);
		return last;
	}
	for (size_t i = 0; i < last.n; i++) {
		e = by_name(&durable, last.e[i].name);
		if (e == NULL) {
			add(&durable, last.e[i].kind, last.e[i].id,
			    last.e[i].name);
		} else if (dice(2) == 0) {
			e->kind = last.e[i].kind;
			strcpy(e->id, last.e[i].id);
		}
	}
	release(&last);
	return durable;
}

static int
open_or_empty(const char *path)
{
	int fd = open(path == NULL ? "/dev/null" : path, O_RDONLY);

	if (fd < 0 && errno == ENOENT)
		fd = open("/dev/null", O_RDONLY);
	if (fd < 0)
		err(70, "%s", path);
	return fd;
}

static off_t
size_of(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		err(70, "stat");
	return S_ISREG(st.st_mode) ? st.st_size : 0;
}

static void
copy_page(int in, int out, off_t at, off_t end)
{
	char page[PAGE] = {0};
	size_t n = end - at < PAGE ? (size_t)(end - at) : PAGE;

	if (pread(in, page, n, at) < 0 || pwrite(out, page, n, at) < 0)
		err(70, "copy");
}

/* Some of both: how many bytes at the start are of the end is up to the dice. */
static void
mix(int durable, int last, int out)
{
	off_t a = size_of(durable), b = size_of(last), end = a > b ? a : b;
	bool prefix = dice(2) == 0;

	/* A byte count within the rest: a torn line or page. */
	if (prefix && b > a)
		end = a + (off_t)(dice((unsigned)(b - a) + 1));
	for (off_t at = 0; at < end; at += PAGE) {
		bool kept = prefix ? at + PAGE > a : dice(2) == 0;

		copy_page(kept && at < b ? last : durable, out, at, end);
	}
	if (ftruncate(out, end) < 0)
		err(70, "ftruncate");
}

static void
make_bytes(const char *id, int out)
{
	char path[PATH_MAX];
	int durable, last;
	unsigned how;

	snprintf(path, sizeof(path), "%s/file/%s", image, id);
	durable = open_or_empty(path);
	last = open_or_empty(by_id(&now, id));
	how = only_durable || by_id(&now, id) == NULL ? 0 : dice(4);
	if (how < 2)
		for (off_t at = 0, end = size_of(how == 0 ? durable : last);
		     at < end; at += PAGE)
			copy_page(how == 0 ? durable : last, out, at, end);
	else
		mix(durable, last, out);
	close(durable);
	close(last);
}

static mode_t
mode_of(const char *id, mode_t otherwise)
{
	const char *path = by_id(&now, id);
	struct stat st;

	if (path == NULL || stat(path, &st) < 0)
		return otherwise;
	return st.st_mode & 07777;
}

static void
make_file(const char *id, const char *path)
{
	const char *other = by_id(&made, id);
	int fd;

	if (other != NULL) {
		if (link(other, path) < 0)
			err(70, "%s", path);
		return;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0666);
	if (fd < 0 || fchmod(fd, mode_of(id, 0644)) < 0)
		err(70, "%s", path);
	make_bytes(id, fd);
	close(fd);
	add(&made, 'f', id, path);
}

static void
make_dir(const char *id, const char *path)
{
	struct list l = names_left(id);

	if (mkdir(path, 0777) < 0 || chmod(path, mode_of(id, 0755)) < 0)
		err(70, "%s", path);
	for (size_t i = 0; i < l.n; i++) {
		char *p = path_of(path, l.e[i].name);

		if (l.e[i].kind == 'f')
			make_file(l.e[i].id, p);
		/* Only one name of a directory can be there. */
		else if (by_id(&made, l.e[i].id) == NULL) {
			add(&made, 'd', l.e[i].id, p);
			make_dir(l.e[i].id, p);
		}
		free(p);
	}
	release(&l);
}

static int
note(const char *path, const struct stat *st, int type, struct FTW *at)
{
	char id[IMAGE_ID];

	(void)at;
	if (type != FTW_F && type != FTW_D)
		return 0;
	if (image_id(AT_FDCWD, path, id) < 0)
		return errno == ENOENT ? 0 : -1;
	add(&now, S_ISDIR(st->st_mode) ? 'd' : 'f', id, path);
	return 0;
}

static int
discard(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static int
keep(const char *path, const struct stat *st, int type, struct FTW *at)
{
	int fd, r;

	(void)at;
	if (type != FTW_F && type != FTW_D)
		return 0;
	if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode))
		return 0;
	if ((fd = open(path, O_RDONLY)) < 0)
		return -1;
	r = image_sync(image, fd);
	close(fd);
	return r;
}

static void
settle(const char *dir)
{
	static const char *const kinds[] = {"file", "dir"};

	if (mkdir(image, 0777) < 0 && errno != EEXIST)
		err(70, "%s", image);
	for (size_t i = 0; i < 2; i++) {
		char *p = path_of(image, kinds[i]);

		if ((access(p, F_OK) == 0 &&
			nftw(p, discard, 16, FTW_DEPTH | FTW_PHYS) < 0) ||
		    mkdir(p, 0777) < 0)
			err(70, "%s", p);
		free(p);
	}
	if (nftw(dir, keep, 16, FTW_PHYS) < 0)
		err(70, "%s", dir);
}

static void
restore(const char *dir)
{
	char id[IMAGE_ID], *fresh;

	if (asprintf(&fresh, "%s.restored", dir) < 0)
		err(70, NULL);
	if (image_id(AT_FDCWD, dir, id) < 0 ||
	    nftw(dir, note, 16, FTW_PHYS) < 0)
		err(70, "%s", dir);
	make_dir(id, fresh);
	if (nftw(dir, discard, 16, FTW_DEPTH | FTW_PHYS) < 0 ||
	    rename(fresh, dir) < 0)
		err(70, "%s", dir);
	free(fresh);
}

int
main(int argc, char *argv[])
{
	bool settling = argc == 4 && strcmp(argv[1], "-s") == 0;

	if (argc != 4)
		errx(64, "usage: restore IMAGE DIR SEED | -s IMAGE DIR");
	image = argv[settling ? 2 : 1];
	if (!settling) {
		seed = strtoull(argv[3], NULL, 10);
		only_durable = seed == 0;
		restore(argv[2]);
	}
	settle(argv[settling ? 3 : 2]);
	release(&now);
	release(&made);
	return 0;
}
