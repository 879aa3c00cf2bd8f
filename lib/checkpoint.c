#include "checkpoint.h"

#include "hash.h"
#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#define KEY_MAX 200
#define POSITION_MAX 1024

bool
dl_key_ok(struct dl_span key)
{
	if (key.len == 0 || key.len > KEY_MAX || key.p[0] == '.')
		return false;
	for (size_t i = 0; i < key.len; i++) {
		char c = key.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    !(c >= '0' && c <= '9') && c != '.' && c != '_' && c != '-')
			return false;
	}
	return true;
}

static bool
position_ok(struct dl_span position)
{
	if (position.len == 0 || position.len > POSITION_MAX)
		return false;
	for (size_t i = 0; i < position.len; i++)
		if (position.p[i] <= ' ' || position.p[i] > '~')
			return false;
	return true;
}

void
dl_offset_print(uint64_t offset, char out[DL_OFFSET_LEN + 1])
{
	snprintf(out, DL_OFFSET_LEN + 1, "%020llu", (unsigned long long)offset);
}

bool
dl_offset_read(struct dl_span text, uint64_t *offset)
{
	uint64_t n = 0;

	if (text.len != DL_OFFSET_LEN)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		unsigned digit = (unsigned char)text.p[i] - (unsigned)'0';

		if (digit > 9 || n > ((uint64_t)INT64_MAX - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*offset = n;
	return true;
}

/* A source's position: ULIDs, whose order is that of their bytes. */
static bool
is_ulid(struct dl_span position)
{
	for (size_t i = 0; i < position.len; i++)
		if (!(position.p[i] >= '0' && position.p[i] <= '9') &&
		    !(position.p[i] >= 'A' && position.p[i] <= 'Z'))
			return false;
	return position.len == DL_ULID_LEN;
}

/* home/DIR/KEY.ENDING, in a directory that is there. */
static int
path_of(char path[PATH_MAX], const char *home, const char *dir,
    struct dl_span key, const char *ending, struct dl_err *err)
{
	if (!dl_key_ok(key))
		return dl_err_data(
		    err, "'%.*s' is not a checkpoint's key", DL_SPAN_ARG(key));
	if (snprintf(path, PATH_MAX, "%s/%s/%.*s%s", home, dir,
		DL_SPAN_ARG(key), ending) >= PATH_MAX)
		return dl_err_usage(err, "the path '%s' is too long", home);
	return 0;
}

static int
make_dir(const char *home, const char *name, struct dl_err *err)
{
	char dir[PATH_MAX];

	if (snprintf(dir, sizeof(dir), "%s/%s", home, name) >= PATH_MAX)
		return dl_err_usage(err, "the path '%s' is too long", home);
	return dl_mkdirs(dir, err);
}

int
dl_commit_read(
    const char *home, struct dl_span key, struct dl_buf *b, struct dl_err *err)
{
	char path[PATH_MAX];
	struct dl_span got;
	size_t start = b->len;

	if (path_of(path, home, "commits", key, "", err) < 0)
		return -1;
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	if (dl_read_file(path, POSITION_MAX + 1, b, err) < 0)
		return -1;
	if (b->len > start && b->p[b->len - 1] == '\n')
		b->len--;
	got = dl_span(b->p + start, b->len - start);
	if (!position_ok(got))
		return dl_err_data(err,
		    "'%s' does not hold a position: remove it to start from "
		    "the beginning",
		    path);
	return 1;
}

/*
 * Is there nothing to store?  Two pipes of one key overlap where a head ends
 * before what stands after it: what the older one has come to stays, and what
 * the other says of what lies before it is passed over.
 */
static bool
is_past(struct dl_span position, struct dl_span stored)
{
	uint64_t a, b;

	if (dl_span_eq(position, stored))
		return true;
	if (dl_offset_read(position, &a) && dl_offset_read(stored, &b))
		return a < b;
	return is_ulid(position) && is_ulid(stored) &&
	       dl_span_cmp(position, stored) < 0;
}

static int
replace(const char *home, struct dl_span key, struct dl_span position,
    bool first, struct dl_err *err)
{
	struct dl_buf b = {0};
	char path[PATH_MAX];
	int r;

	dl_buf_span(&b, position);
	dl_buf_addc(&b, '\n');
	r = path_of(path, home, "commits", key, "", err);
	/* Whoever made the directory may have been killed before a sync. */
	if (r == 0 && first)
		r = dl_sync_dir(home, err);
	if (r == 0)
		r = dl_replace_file(path, dl_buf_as_span(&b), err);
	dl_buf_release(&b);
	return r;
}

static int
store(const char *home, struct dl_span key, struct dl_span position,
    struct dl_err *err)
{
	struct dl_buf b = {0};
	int r;

	if ((r = dl_commit_read(home, key, &b, err)) < 0)
		goto out;
	if (r > 0 && is_past(position, dl_buf_as_span(&b)))
		r = 0;
	else
		r = replace(home, key, position, r == 0, err);
out:
	dl_buf_release(&b);
	return r;
}

/* Change what is stored, under the lock of those who do. */
static int
change(const char *home, struct dl_span key, struct dl_span position,
    bool rewinds, struct dl_err *err)
{
	char path[PATH_MAX];
	int fd, r;

	if (!position_ok(position))
		return dl_err_data(
		    err, "'%.*s' is not a position", DL_SPAN_ARG(position));
	if (path_of(path, home, "locks", key, ".commit", err) < 0 ||
	    make_dir(home, "locks", err) < 0 ||
	    make_dir(home, "commits", err) < 0)
		return -1;
	/* Held for the moment of the change, so that two see each other's. */
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0)
		return dl_err_errno(err, "cannot open '%s'", path);
	if (flock(fd, LOCK_EX) < 0)
		r = dl_err_errno(err, "cannot lock '%s'", path);
	else if (rewinds)
		r = replace(home, key, position, true, err);
	else
		r = store(home, key, position, err);
	close(fd);
	return r;
}

int
dl_commit_write(const char *home, struct dl_span key, struct dl_span position,
    struct dl_err *err)
{
	return change(home, key, position, false, err);
}

int
dl_commit_rewind(const char *home, struct dl_span key, struct dl_span position,
    struct dl_err *err)
{
	return change(home, key, position, true, err);
}

int
dl_head_lock(const char *home, struct dl_span key, struct dl_err *err)
{
	char path[PATH_MAX], what[KEY_MAX + 8];

	if (path_of(path, home, "locks", key, ".head", err) < 0 ||
	    make_dir(home, "locks", err) < 0)
		return -1;
	snprintf(what, sizeof(what), "'%.*s'", DL_SPAN_ARG(key));
	return dl_lock_file(path, what, err);
}
