#include "image.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

/* Its own fd for reading, at its own offset. */
static int
reopen(int fd, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_RDONLY | O_CLOEXEC | flags);
}

/*
 * A file handle has the inode's generation in it.  Where the file system gives
 * none, the time of birth must do.
 */
int
image_id(int dir, const char *name, char id[IMAGE_ID])
{
	int flags = *name == '\0' ? AT_EMPTY_PATH : 0, mount;
	union {
		struct file_handle head;
		char bytes[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} h = {.head = {.handle_bytes = MAX_HANDLE_SZ}};
	uint64_t hash = 14695981039346656037u;
	struct statx st;

	if (statx(dir, name, flags | AT_SYMLINK_NOFOLLOW,
		STATX_INO | STATX_BTIME, &st) < 0)
		return -1;
	if (name_to_handle_at(dir, name, &h.head, &mount, flags) == 0)
		for (unsigned i = 0; i < h.head.handle_bytes; i++)
			hash = (hash ^ h.head.f_handle[i]) * 1099511628211u;
	else
		hash = (uint64_t)st.stx_btime.tv_sec * 1000000000 +
		       st.stx_btime.tv_nsec;
	snprintf(id, IMAGE_ID, "%" PRIu64 "-%016" PRIx64, (uint64_t)st.stx_ino,
	    hash);
	return 0;
}

/* Two syncs at once must not leave the older one's bytes. */
static int
lock(const char *image)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/lock", image);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	while (fd >= 0 && flock(fd, LOCK_EX) < 0) {
		if (errno != EINTR) {
			close(fd);
			return -1;
		}
	}
	return fd;
}

static int
copy_bytes(int in, int out)
{
	ssize_t n;

	while ((n = sendfile(out, in, NULL, 1 << 20)) != 0)
		if (n < 0 && errno != EINTR)
			return -1;
	return 0;
}

static int
list_names(DIR *dir, FILE *out)
{
	char id[IMAGE_ID];
	struct dirent *e;
	struct stat st;

	while ((e = readdir(dir)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		/* It may be gone by now: then it was not in time for this. */
		if (fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) <
			0 ||
		    image_id(dirfd(dir), e->d_name, id) < 0)
			continue;
		if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
			fprintf(out, "%c %s %s\n",
			    S_ISDIR(st.st_mode) ? 'd' : 'f', id, e->d_name);
	}
	return ferror(out) ? -1 : 0;
}

static int
write_listing(int in, int out)
{
	DIR *dir = fdopendir(dup(in));
	FILE *f = fdopen(dup(out), "w");
	int r = -1;

	if (dir != NULL && f != NULL)
		r = list_names(dir, f);
	if (f != NULL && fclose(f) != 0)
		r = -1;
	if (dir != NULL)
		closedir(dir);
	return r;
}

/* The image of fd made anew under a temporary name, then renamed to path. */
static int
replace(const char *image, const char *path, int fd, const struct stat *st)
{
	bool is_dir = S_ISDIR(st->st_mode);
	int in, out, r = -1;
	char tmp[PATH_MAX];

	snprintf(tmp, sizeof(tmp), "%s/tmp.%d", image, (int)gettid());
	if ((in = reopen(fd, is_dir ? O_DIRECTORY : 0)) < 0)
		return -1;
	out = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (out >= 0 && fchmod(out, st->st_mode & 0777) == 0)
		r = is_dir ? write_listing(in, out) : copy_bytes(in, out);
	if (out >= 0)
		close(out);
	close(in);
	return r == 0 ? rename(tmp, path) : -1;
}

static int
path_of(const char *image, const char *kind, int fd, char path[PATH_MAX])
{
	char id[IMAGE_ID];

	if (image_id(fd, "", id) < 0)
		return -1;
	snprintf(path, PATH_MAX, "%s/%s/%s", image, kind, id);
	return 0;
}

int
image_sync(const char *image, int fd)
{
	char path[PATH_MAX];
	struct stat st;
	int locked, r;

	if (fstat(fd, &st) < 0)
		return -1;
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return 0;
	if (path_of(image, S_ISDIR(st.st_mode) ? "dir" : "file", fd, path) <
		0 ||
	    (locked = lock(image)) < 0)
		return -1;
	r = replace(image, path, fd, &st);
	close(locked);
	return r;
}

static int
copy_range(int in, int out, off_t at, size_t n)
{
	char page[4096];

	while (n > 0) {
		size_t want = n < sizeof(page) ? n : sizeof(page);
		ssize_t r = pread(in, page, want, at);

		if (r <= 0)
			return (int)r;
		if (pwrite(out, page, (size_t)r, at) != r)
			return -1;
		at += r;
		n -= (size_t)r;
	}
	return 0;
}

int
image_patch(const char *image, int fd, off_t at, size_t n)
{
	int locked, in, out, r = -1;
	char path[PATH_MAX];

	if (path_of(image, "file", fd, path) < 0 || (locked = lock(image)) < 0)
		return -1;
	in = reopen(fd, 0);
	out = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	if (in >= 0 && out >= 0)
		r = copy_range(in, out, at, n);
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	close(locked);
	return r;
}
