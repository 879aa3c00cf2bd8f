#include "secret.h"

#include "clock.h"
#include "home.h"
#include "io.h"
#include "secret_private.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define TRIES 5

/* The file of a secret: 1, 0 there is none, -1. */
static int
read_file(const char *path, struct dl_buf *file, struct dl_err *err)
{
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	return dl_read_file(path, DL_SECRET_FILE_MAX, file, err) < 0 ? -1 : 1;
}

/*
 * Read and open a secret by the keys that are loaded: 1; 0 where there is none;
 * -1, and *other is set where it is sealed by none of them.
 */
static int
try_open(struct dl_secrets *s, const char *group, const char *name,
    struct dl_secret_box *box, bool *other, struct dl_err *err)
{
	const struct dl_seal_key *key;
	unsigned char id[DL_SEAL_ID];
	struct dl_buf file = {0};
	char path[PATH_MAX];
	int r;

	*other = false;
	if (dl_secrets_path(s, group, name, path, err) < 0)
		return -1;
	if ((r = read_file(path, &file, err)) <= 0)
		goto out;
	r = -1;
	if (dl_secret_box_id(dl_buf_as_span(&file), id, err) < 0)
		goto named;
	if ((r = dl_secrets_find(s, group, id, &key, err)) < 0)
		goto out;
	if (r == 0) {
		*other = true;
		r = dl_err_data(err, "it is sealed by another key");
		goto named;
	}
	if (dl_secret_box_open(box, key, name, dl_buf_as_span(&file), err) < 0)
		r = -1;
named:
	if (r < 0)
		dl_err_prefix(err, "'%s'", path);
out:
	dl_buf_release(&file);
	return r;
}

/* The secret's file exists: 1, 0, -1. */
static int
exists(const struct dl_secrets *s, const char *group, const char *name,
    struct dl_err *err)
{
	char path[PATH_MAX];

	if (dl_secrets_path(s, group, name, path, err) < 0)
		return -1;
	return access(path, F_OK) < 0 && errno == ENOENT ? 0 : 1;
}

int
dl_secret_read(struct dl_secrets *s, const char *group, const char *name,
    struct dl_secret_box *box, struct dl_err *err)
{
	const struct timespec moment = {0, 2000000};
	struct dl_err first = {0};
	bool other = false;
	int r;

	if ((r = exists(s, group, name, err)) <= 0)
		return r;
	/* A rotation may replace the keys after we read them. */
	for (int i = 0; i < TRIES; i++) {
		dl_err_clear(&first);
		if (dl_secrets_need(s, err) < 0)
			return -1;
		r = try_open(s, group, name, box, &other, &first);
		if (!other || s->command != NULL)
			break;
		nanosleep(&moment, NULL);
	}
	if (r < 0)
		*err = first;
	return r;
}

int
dl_secrets_write(struct dl_secrets *s, const struct dl_seal_key *key,
    const char *name, const struct dl_secret_box *box, struct dl_err *err)
{
	struct dl_buf file = {0};
	char path[PATH_MAX];
	int r;

	if (dl_secrets_path(s, key->group, name, path, err) < 0)
		return -1;
	dl_secret_box_seal(box, key, name, &file);
	r = dl_replace_file(path, dl_buf_as_span(&file), err);
	dl_buf_release(&file);
	return r;
}

/* A key that opens nothing of a group must not begin a second store in it. */
static int
check_key(void *arg, const char *group, const char *name, struct dl_err *err)
{
	struct dl_secrets *s = arg;
	const struct dl_seal_key *key;
	unsigned char id[DL_SEAL_ID];
	struct dl_buf file = {0};
	char path[PATH_MAX];
	int r = -1;

	if (dl_secrets_path(s, group, name, path, err) == 0 &&
	    dl_read_file(path, DL_SECRET_FILE_MAX, &file, err) == 0) {
		if (dl_secret_box_id(dl_buf_as_span(&file), id, err) < 0)
			dl_err_prefix(err, "'%s'", path);
		else
			r = dl_secrets_find(s, group, id, &key, err);
	}
	dl_buf_release(&file);
	if (r == 0)
		r = dl_err_data(
		    err, "'%s' is sealed by another key than this", path);
	return r < 0 ? -1 : 0;
}

static int
put(struct dl_secrets *s, const char *group, const char *name,
    struct dl_span value, struct dl_secret_box *box, struct dl_err *err)
{
	const struct dl_secret_version *newest;
	const struct dl_seal_key *key;
	char dir[PATH_MAX];
	struct dl_time now;
	bool other;
	int r;

	if (dl_secrets_need_or_make(s, err) < 0 ||
	    (key = dl_secrets_group(s, 0, group, err)) == NULL ||
	    (r = try_open(s, group, name, box, &other, err)) < 0)
		return -1;
	if (r == 0 && dl_secret_each(s, group, check_key, s, err) < 0)
		return -1;
	newest = dl_secret_box_find(box, 0);
	if (newest != NULL && dl_span_eq(newest->value, value))
		return 0;
	dl_now(&now);
	if (dl_secret_box_add(box, value, now.sec, err) < 0)
		return -1;
	/* There is room: the path of a secret in it was made. */
	snprintf(dir, sizeof(dir), "%.*s/%s", PATH_MAX - 72, s->dir, group);
	if (dl_mkdirs(dir, err) < 0)
		return -1;
	/* The newest key, where a rotation was broken off: it will stay. */
	key = dl_secrets_group(s, s->nkeys - 1, group, err);
	if (key == NULL || dl_secrets_write(s, key, name, box, err) < 0)
		return -1;
	return 1;
}

int
dl_secret_put(struct dl_secrets *s, const char *group, const char *name,
    struct dl_span value, struct dl_err *err)
{
	struct dl_secret_box box = {.bytes = NULL};
	char path[PATH_MAX];
	int lock, r;

	if (dl_secrets_path(s, group, name, path, err) < 0 ||
	    (lock = dl_secrets_lock(s, err)) < 0)
		return -1;
	r = put(s, group, name, value, &box, err);
	/* Who put that already may have been killed before it was durable. */
	if (r == 0)
		r = dl_sync_parent(path, err);
	dl_secret_box_release(&box);
	close(lock);
	return r;
}

int
dl_secret_remove(struct dl_secrets *s, const char *group, const char *name,
    struct dl_err *err)
{
	char path[PATH_MAX], tmp[PATH_MAX + 8];
	int lock, r;

	if ((r = exists(s, group, name, err)) <= 0)
		return r;
	if (dl_secrets_path(s, group, name, path, err) < 0 ||
	    (lock = dl_secrets_lock(s, err)) < 0)
		return -1;
	/* A put that was killed may have left all its versions there. */
	snprintf(tmp, sizeof(tmp), "%.*s.%s.tmp",
	    (int)(strlen(path) - strlen(name)), path, name);
	unlink(tmp);
	if (unlink(path) < 0)
		r = errno == ENOENT
		        ? 0
		        : dl_err_errno(err, "cannot remove '%s'", path);
	else
		r = dl_sync_parent(path, err) < 0 ? -1 : 1;
	close(lock);
	return r;
}

static int
is_name(const struct dirent *e)
{
	return dl_name_ok(dl_span_str(e->d_name));
}

/* Call fn for the names in a directory: none where it isn't there. */
static int
each_name(const char *dir, int (*fn)(void *, const char *, struct dl_err *),
    void *arg, struct dl_err *err)
{
	struct dirent **names;
	int n = scandir(dir, &names, is_name, alphasort), r = 0;

	if (n < 0)
		return errno == ENOENT
		           ? 0
		           : dl_err_errno(err, "cannot list '%s'", dir);
	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = fn(arg, names[i]->d_name, err);
		free(names[i]);
	}
	free(names);
	return r;
}

struct each {
	struct dl_secrets *s;
	const char *group;
	dl_secret_fn *fn;
	void *arg;
};

static int
each_secret(void *arg, const char *name, struct dl_err *err)
{
	struct each *e = arg;

	return e->fn(e->arg, e->group, name, err);
}

static int
each_group(void *arg, const char *group, struct dl_err *err)
{
	struct each *e = arg;
	char dir[PATH_MAX];

	e->group = group;
	if (snprintf(dir, sizeof(dir), "%s/%s", e->s->dir, group) >= PATH_MAX)
		return dl_err_usage(err, "the path of home is too long");
	return each_name(dir, each_secret, e, err);
}

int
dl_secret_each(struct dl_secrets *s, const char *group, dl_secret_fn *fn,
    void *arg, struct dl_err *err)
{
	struct each e = {s, group, fn, arg};

	if (group == NULL && s->nkeys == 0 && dl_secrets_load(s, err) < 0)
		return -1;
	if (group == NULL && s->nkeys > 0 && s->keys[0].group[0] != '\0')
		group = s->keys[0].group;
	if (group == NULL)
		return each_name(s->dir, each_group, &e, err);
	if (!dl_name_ok(dl_span_str(group)))
		return dl_err_usage(
		    err, "'%s' is not a name of a group", group);
	return each_group(&e, group, err);
}
