/* The reading half of a lake on S3. */
#include "lake_s3.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BLOCK (64 << 10)
#define AFTER_ALL "~" /* comes after what a lake has in a directory */

/* Walking */

struct walker {
	const struct dl_lake_walk *walk;
	struct dl_buf
	    entered; /* the directory of the last file, with its '/' */
	struct dl_buf refused; /* one that is not wanted, the same; or empty */
};

static bool
begins(const char *key, const struct dl_buf *dir)
{
	return dir->len > 0 && strncmp(key, dir->p, dir->len) == 0;
}

static void
refuse(struct walker *w, const char *key, size_t len, struct dl_buf *skip)
{
	dl_buf_clear(&w->refused);
	dl_buf_add(&w->refused, key, len);
	dl_buf_clear(skip);
	dl_buf_add(skip, key, len);
	dl_buf_adds(skip, AFTER_ALL);
	(void)dl_buf_str(skip);
}

/* Enter the directories that lead to key: 0, or 1 to pass over one of them. */
static int
enter(struct walker *w, const char *key, struct dl_buf *skip)
{
	const char *p = key, *slash;
	char *dir;
	bool want;

	for (; (slash = strchr(p, '/')) != NULL; p = slash + 1) {
		size_t len = (size_t)(slash - key);

		if (w->entered.len > len &&
		    memcmp(w->entered.p, key, len + 1) == 0)
			continue;
		dir = dl_strndup(dl_span(key, len));
		want = slash > p && *p != '.' && *p != '_' &&
		       w->walk->enter(w->walk->arg, dir);
		free(dir);
		if (!want) {
			refuse(w, key, len + 1, skip);
			break;
		}
	}
	dl_buf_clear(&w->entered);
	dl_buf_add(&w->entered, key, (size_t)(p - key));
	return slash != NULL;
}

static int
take_object(void *arg, const struct dl_s3_object *o, struct dl_buf *skip,
    struct dl_err *err)
{
	struct walker *w = arg;
	const char *name = strrchr(o->key, '/');
	int r;

	name = name == NULL ? o->key : name + 1;
	if (begins(o->key, &w->refused))
		return 0;
	if ((r = enter(w, o->key, skip)) != 0)
		return r;
	/* Nothing is behind the slash of what some tools put for a directory. */
	if (*name == '\0' || *name == '.' || *name == '_')
		return 0;
	return w->walk->file(w->walk->arg, o->key, o->size, err);
}

int
dl_lake_s3_walk(struct dl_lake_store *s, const struct dl_lake_walk *walk,
    struct dl_err *err)
{
	struct walker w = {.walk = walk};
	int r = dl_s3_list(
	    ((struct dl_lake_s3 *)s)->s3, "", NULL, take_object, &w, err);

	dl_buf_release(&w.entered);
	dl_buf_release(&w.refused);
	return r;
}

static int
see(void *arg, const struct dl_s3_object *o, struct dl_buf *skip,
    struct dl_err *err)
{
	(void)o;
	(void)skip;
	(void)err;
	*(bool *)arg = true;
	return -1; /* one will do */
}

int
dl_lake_s3_check_there(struct dl_lake_s3 *s, struct dl_err *err)
{
	bool there = false;
	struct dl_err why = {0};

	if (dl_s3_list(s->s3, "", NULL, see, &there, &why) < 0 && !there) {
		*err = why;
		return -1;
	}
	return there
	           ? 0
	           : dl_err_temp(err, "there is no lake at '%s'", s->base.name);
}

/* Files */

int
dl_lake_s3_nameless(const struct dl_lake_s3 *s, struct dl_err *err)
{
	const char *dir = s->state != NULL ? s->state : getenv("TMPDIR");
	char path[PATH_MAX];
	int fd;

	if (dir == NULL || *dir == '\0')
		dir = "/tmp";
	fd = open(dir, O_RDWR | O_TMPFILE | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	if (snprintf(path, sizeof(path), "%s/.dl-XXXXXX", dir) >= PATH_MAX)
		return dl_err_usage(err, "the path '%s' is too long", dir);
	if ((fd = mkostemp(path, O_CLOEXEC)) < 0)
		return dl_err_errno(
		    err, "cannot create a temporary file in '%s'", dir);
	(void)unlink(path);
	return fd;
}

int
dl_lake_s3_hash(int fd, const char *name, char hex[65], struct dl_err *err)
{
	unsigned char sum[crypto_hash_sha256_BYTES], *block = dl_alloc(BLOCK);
	crypto_hash_sha256_state state;
	off_t at = 0;
	ssize_t n;

	crypto_hash_sha256_init(&state);
	while ((n = pread(fd, block, BLOCK, at)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		crypto_hash_sha256_update(&state, block, (size_t)n);
		at += n;
	}
	free(block);
	if (n < 0)
		return dl_err_errno(err, "cannot read '%s'", name);
	crypto_hash_sha256_final(&state, sum);
	sodium_bin2hex(hex, 65, sum, sizeof(sum));
	return 0;
}

/* Are these the bytes that were put? */
static int
check_bytes(const struct dl_lake_s3 *s, const char *name, int fd,
    const struct dl_s3_object *o, struct dl_err *err)
{
	char hex[65];

	if (o->sha256[0] == '\0')
		return 0;
	if (dl_lake_s3_hash(fd, name, hex, err) < 0)
		return -1;
	if (strcmp(hex, o->sha256) == 0)
		return 0;
	return dl_err_data(err,
	    "%s/%s is corrupt: its SHA-256 is %s, and was %s", s->base.name,
	    name, hex, o->sha256);
}

int
dl_lake_s3_open(
    struct dl_lake_store *store, const char *name, int *fd, struct dl_err *err)
{
	struct dl_lake_s3 *s = (struct dl_lake_s3 *)store;
	const char *slash = strrchr(name, '/');
	struct dl_s3_object o;
	int r;

	*fd = -1;
	if (s->outbox != NULL &&
	    (r = dl_lake_s3_box_find(
		 s->outbox, slash == NULL ? name : slash + 1, fd, err)) != 0)
		return r;
	if ((*fd = dl_lake_s3_nameless(s, err)) < 0)
		return -1;
	r = dl_s3_get(s->s3, name, *fd, name, &o, err);
	if (r > 0 && check_bytes(s, name, *fd, &o, err) < 0)
		r = -1;
	if (r <= 0) {
		close(*fd);
		*fd = -1;
	}
	return r;
}
