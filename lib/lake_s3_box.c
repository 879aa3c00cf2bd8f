/* The spool's boxes: what a lake on S3 has on this machine. */
#include "lake_s3.h"

#include "hash.h"
#include "io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENTRY_MAX (16u << 20)
#define NAME_MOST 200 /* bytes of a spool's name; longer ones end in a hash */
#define TRIES 100     /* to make a box that nobody takes for a dead one's */

static char *
join(const char *a, const char *b)
{
	struct dl_buf path = {0};

	dl_buf_printf(&path, "%s/%s", a, b);
	(void)dl_buf_str(&path);
	return path.p;
}

/* .NAME, .NAME.json, .NAME.told; to be freed. */
static char *
hidden(const char *name, const char *suffix)
{
	struct dl_buf b = {0};

	dl_buf_printf(&b, ".%s%s", name, suffix);
	(void)dl_buf_str(&b);
	return b.p;
}

static void
escape(struct dl_buf *b, const char *text)
{
	for (; *text != '\0'; text++)
		if ((*text >= 'a' && *text <= 'z') ||
		    (*text >= 'A' && *text <= 'Z') ||
		    (*text >= '0' && *text <= '9') ||
		    strchr("._-", *text) != NULL)
			dl_buf_addc(b, *text);
		else
			dl_buf_printf(b, "%%%02X", (uint8_t)*text);
}

/* What stands behind the scheme of a URL. */
static const char *
behind(const char *url)
{
	const char *p = strstr(url, "://");

	return p == NULL ? url : p + 3;
}

char *
dl_lake_s3_spool(const char *home, const struct dl_s3 *s3)
{
	struct dl_buf name = {0};
	char hash[17], *path, *dir;

	escape(&name, behind(dl_s3_endpoint(s3)));
	escape(&name, "/");
	escape(&name, behind(dl_s3_name(s3)));
	if (name.len > NAME_MOST) {
		dl_hash_hex(dl_buf_as_span(&name), hash, 16);
		name.len = NAME_MOST;
		dl_buf_printf(&name, "-%s", hash);
	}
	dir = join(home, "spool");
	path = join(dir, dl_buf_str(&name));
	free(dir);
	dl_buf_release(&name);
	return path;
}

/* Boxes */

static struct dl_lake_s3_box *
wrap(char *path, int fd)
{
	struct dl_lake_s3_box *b = dl_calloc(1, sizeof(*b));

	b->path = path;
	b->fd = fd;
	return b;
}

/* Open a directory that nobody holds, and hold it: a descriptor, or -1. */
static int
hold(const char *path)
{
	struct stat held, now;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return -1;
	/* It may have been removed, empty, between the two. */
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &held) == 0 &&
	    lstat(path, &now) == 0 && held.st_ino == now.st_ino &&
	    held.st_dev == now.st_dev)
		return fd;
	close(fd);
	return -1;
}

/* Another writer that starts just now may take it for a dead one's. */
struct dl_lake_s3_box *
dl_lake_s3_box_new(const char *outbox, struct dl_err *err)
{
	char ulid[DL_ULID_LEN + 1], *path = NULL;
	struct dl_lake_s3_box *b;
	int tries, fd = -1;

	for (tries = 0; tries < TRIES; tries++) {
		dl_ulid(ulid);
		path = join(outbox, ulid);
		if (mkdir(path, 0777) < 0) {
			dl_err_errno(err, "cannot make '%s'", path);
			free(path);
			return NULL;
		}
		if ((fd = hold(path)) >= 0)
			break;
		free(path);
	}
	if (tries == TRIES) {
		dl_err_temp(err, "cannot hold a directory in '%s'", outbox);
		return NULL;
	}
	b = wrap(path, fd);
	if (dl_sync_dir(outbox, err) == 0)
		return b;
	dl_lake_s3_box_free(b);
	return NULL;
}

void
dl_lake_s3_box_free(struct dl_lake_s3_box *b)
{
	if (b == NULL)
		return;
	(void)rmdir(b->path);
	close(b->fd);
	free(b->path);
	free(b);
}

/* Does what is hidden belong to a part that is there? */
static bool
belongs(int fd, const char *name)
{
	size_t len = strlen(name);
	char *part;
	int r;

	if (len < 7 || (strcmp(name + len - 5, ".json") != 0 &&
			   strcmp(name + len - 5, ".told") != 0))
		return false;
	part = dl_strndup(dl_span(name + 1, len - 6));
	r = faccessat(fd, part, F_OK, AT_SYMLINK_NOFOLLOW);
	free(part);
	return r == 0;
}

/* What is in the box of somebody who died. */
static int
take_one(struct dl_lake_s3_box *b, const char *name, dl_lake_s3_found_fn *fn,
    void *arg, struct dl_err *err)
{
	struct stat st;
	char *told;
	int r;

	if (name[0] == '.') {
		if (!belongs(b->fd, name))
			(void)unlinkat(b->fd, name, 0);
		return 0;
	}
	if (fstatat(b->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return dl_err_errno(err, "cannot stat '%s/%s'", b->path, name);
	told = hidden(name, ".told");
	r = faccessat(b->fd, told, F_OK, AT_SYMLINK_NOFOLLOW);
	free(told);
	return fn(arg, b, name, (uint64_t)st.st_size, r == 0, err);
}

/* What a directory has, in the order of the names. */
struct names {
	struct dirent **list;
	int n;
};

static int
list_names(const char *path, struct names *names, struct dl_err *err)
{
	names->n = scandir(path, &names->list, NULL, alphasort);
	return names->n < 0 ? dl_err_errno(err, "cannot read '%s'", path) : 0;
}

static void
free_names(struct names *names)
{
	while (names->n > 0)
		free(names->list[--names->n]);
	free(names->list);
}

static bool
is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int
take_box(struct dl_lake_s3_box *b, dl_lake_s3_found_fn *fn, void *arg,
    struct dl_err *err)
{
	struct names names;
	int i, r = 0;

	if (list_names(b->path, &names, err) < 0)
		return -1;
	/* No part that has landed comes back without its entry. */
	if (fsync(b->fd) < 0)
		r = dl_err_errno(err, "cannot fsync '%s'", b->path);
	for (i = 0; r == 0 && i < names.n; i++)
		if (!is_dots(names.list[i]->d_name))
			r = take_one(b, names.list[i]->d_name, fn, arg, err);
	free_names(&names);
	return r;
}

int
dl_lake_s3_box_take(const char *outbox, struct dl_lake_s3_box **boxes,
    dl_lake_s3_found_fn *fn, void *arg, struct dl_err *err)
{
	struct dl_lake_s3_box *b;
	struct names names;
	int i, fd, r = 0;
	char *path;

	if (list_names(outbox, &names, err) < 0)
		return -1;
	for (i = 0; r == 0 && i < names.n; i++) {
		if (is_dots(names.list[i]->d_name))
			continue;
		path = join(outbox, names.list[i]->d_name);
		if ((fd = hold(path)) < 0) {
			free(path);
			continue;
		}
		b = wrap(path, fd);
		r = take_box(b, fn, arg, err);
		b->next = *boxes;
		*boxes = b;
	}
	free_names(&names);
	return r;
}

int
dl_lake_s3_box_find(
    const char *outbox, const char *name, int *fd, struct dl_err *err)
{
	struct names names;
	char *box, *path;
	int i, r = 0;

	if (list_names(outbox, &names, err) < 0)
		return -1;
	for (i = 0; r == 0 && i < names.n; i++) {
		if (is_dots(names.list[i]->d_name))
			continue;
		box = join(outbox, names.list[i]->d_name);
		path = join(box, name);
		*fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (*fd >= 0)
			r = 1;
		else if (errno != ENOENT && errno != ENOTDIR)
			r = dl_err_errno(err, "cannot open '%s'", path);
		free(path);
		free(box);
	}
	free_names(&names);
	return r;
}

/* Entries */

int
dl_lake_s3_box_note(struct dl_lake_s3_box *b, const char *name,
    struct dl_span entry, struct dl_err *err)
{
	char *file = hidden(name, ".json"), *path = join(b->path, file);
	int r = -1, fd;

	fd = openat(b->fd, file,
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (fd < 0)
		dl_err_errno(err, "cannot create '%s'", path);
	else if (dl_write_all(fd, entry.p, entry.len, path, err) < 0)
		r = -1;
	else if (fsync(fd) < 0 || fsync(b->fd) < 0)
		dl_err_errno(err, "cannot fsync '%s'", path);
	else
		r = 0;
	if (fd >= 0)
		close(fd);
	free(path);
	free(file);
	return r;
}

int
dl_lake_s3_box_entry(struct dl_lake_s3_box *b, const char *name,
    struct dl_buf *entry, struct dl_err *err)
{
	static const char *const suffixes[] = {".told", ".json"};
	char *file, *path;
	size_t i;
	int r = 1;

	for (i = 0; r > 0 && i < 2; i++) {
		file = hidden(name, suffixes[i]);
		path = join(b->path, file);
		if (access(path, F_OK) == 0)
			r = dl_read_file(path, ENTRY_MAX, entry, err);
		free(path);
		free(file);
	}
	if (r > 0)
		return dl_err_data(err,
		    "'%s/%s' is not sent: '.%s.json', what is known of it, "
		    "is gone",
		    b->path, name, name);
	return r;
}

int
dl_lake_s3_box_publish(
    struct dl_lake_s3_box *b, const char *name, struct dl_err *err)
{
	char *staged = hidden(name, "");
	int r = 0;

	if (linkat(b->fd, staged, b->fd, name, 0) < 0)
		r = errno == EEXIST
		        ? dl_err_bug(err, "the part '%s/%s' is there already",
			      b->path, name)
		        : dl_err_errno(
			      err, "cannot link '%s/%s'", b->path, name);
	else if (fsync(b->fd) < 0)
		r = dl_err_errno(err, "cannot fsync '%s'", b->path);
	else
		(void)unlinkat(b->fd, staged, 0);
	free(staged);
	return r;
}

/* Lost by a crash, it is told again: the first line is the one that counts. */
void
dl_lake_s3_box_told(struct dl_lake_s3_box *b, const char *name)
{
	char *was = hidden(name, ".json"), *is = hidden(name, ".told");

	(void)renameat(b->fd, was, b->fd, is);
	free(was);
	free(is);
}

int
dl_lake_s3_box_remove(
    struct dl_lake_s3_box *b, const char *name, struct dl_err *err)
{
	char *told = hidden(name, ".told"), *entry = hidden(name, ".json");
	int r = 0;

	if (unlinkat(b->fd, name, 0) < 0 && errno != ENOENT)
		r = dl_err_errno(err, "cannot remove '%s/%s'", b->path, name);
	/* A power cut must not bring it back without its entry. */
	else if (fsync(b->fd) < 0)
		r = dl_err_errno(err, "cannot fsync '%s'", b->path);
	else if (unlinkat(b->fd, told, 0) < 0)
		(void)unlinkat(b->fd, entry, 0);
	free(told);
	free(entry);
	return r;
}
