#include "home.h"
#include "io.h"
#include "seal_key.h"
#include "secret_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOCK_WAIT_MS 30000
#define LOCK_STEP_MS 10

static int
path3(char out[PATH_MAX], const char *a, const char *b, const char *c,
    struct dl_err *err)
{
	if (snprintf(out, PATH_MAX, "%s%s%s", a, b, c) >= PATH_MAX)
		return dl_err_usage(err, "the path '%s…' is too long", a);
	return 0;
}

static const char *
from_environment(const char *name)
{
	const char *value = getenv(name);

	return value == NULL || *value == '\0' ? NULL : value;
}

struct dl_secrets *
dl_secrets_open(
    const char *home, const char *key, const char *command, struct dl_err *err)
{
	struct dl_secrets *s;
	const char *file;

	if (key != NULL && command != NULL) {
		dl_err_usage(err, "--key and --key-command exclude each other");
		return NULL;
	}
	if (key == NULL && command == NULL) {
		key = from_environment("DL_SECRET_KEY");
		command = from_environment("DL_SECRET_KEY_COMMAND");
	}
	if (key != NULL && command != NULL) {
		dl_err_usage(err,
		    "$DL_SECRET_KEY and $DL_SECRET_KEY_COMMAND exclude each "
		    "other");
		return NULL;
	}
	file = key == NULL ? "/keys/master" : "";
	s = dl_calloc(1, sizeof(*s));
	s->command = command;
	s->keys = dl_seal_alloc((DL_SECRET_KEYS + 1) * sizeof(*s->keys), err);
	if (s->keys == NULL || path3(s->dir, home, "/secrets", "", err) < 0 ||
	    path3(s->key, key == NULL ? home : key, file, "", err) < 0 ||
	    path3(s->next, s->key, ".next", "", err) < 0) {
		dl_secrets_close(s);
		return NULL;
	}
	return s;
}

void
dl_secrets_close(struct dl_secrets *s)
{
	if (s == NULL)
		return;
	dl_seal_free(s->keys);
	free(s);
}

int
dl_secrets_lock(struct dl_secrets *s, struct dl_err *err)
{
	const struct timespec step = {0, LOCK_STEP_MS * 1000000L};
	char path[PATH_MAX];
	int fd, waited = 0;

	if (dl_mkdirs(s->dir, err) < 0 ||
	    path3(path, s->dir, "/.lock", "", err) < 0)
		return -1;
	/* For reading: who may write only one group's secrets can lock too. */
	fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0)
		return dl_err_errno(err, "cannot open '%s'", path);
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK && waited < LOCK_WAIT_MS) {
			nanosleep(&step, NULL);
			waited += LOCK_STEP_MS;
			continue;
		}
		if (errno == EWOULDBLOCK)
			dl_err_temp(err,
			    "'%s' has been in use by another process for %d s",
			    s->dir, LOCK_WAIT_MS / 1000);
		else if (errno == EINTR)
			continue;
		else
			dl_err_errno(err, "cannot lock '%s'", path);
		close(fd);
		return -1;
	}
	return fd;
}

int
dl_secrets_load(struct dl_secrets *s, struct dl_err *err)
{
	int r;

	if (s->command != NULL && s->nkeys > 0)
		return 1; /* it is asked once */
	s->nkeys = 0;
	if (s->command != NULL) {
		if (dl_seal_key_command(s->command, &s->keys[0], err) < 0)
			return -1;
		s->nkeys = 1;
		return 1;
	}
	if ((r = dl_seal_key_read(s->key, &s->keys[0], err)) <= 0)
		return r;
	s->nkeys = 1;
	if (s->keys[0].group[0] != '\0')
		return 1;
	if ((r = dl_seal_key_read(s->next, &s->keys[1], err)) < 0)
		return -1;
	s->nkeys += (size_t)r;
	return 1;
}

int
dl_secrets_need(struct dl_secrets *s, struct dl_err *err)
{
	int r = dl_secrets_load(s, err);

	if (r == 0)
		return dl_err_conf(err, "there is no key '%s'", s->key);
	return r < 0 ? -1 : 0;
}

static int
one_is_too_many(
    void *arg, const char *group, const char *name, struct dl_err *err)
{
	const struct dl_secrets *s = arg;

	return dl_err_conf(err,
	    "there is no key '%s', but a secret '%s' of group '%s', which a "
	    "new key would not open",
	    s->key, name, group);
}

/*
 * Who made the keys may have been killed before their names were durable, and
 * nothing must outlast its key.  Where we may not look, others made them.
 */
static int
sync_keys(const struct dl_secrets *s, struct dl_err *err)
{
	struct dl_err its = {0};

	if (s->command != NULL || s->keys[0].group[0] != '\0' ||
	    dl_sync_parent(s->key, &its) == 0 || its.status == DL_EXIT_DENIED)
		return 0;
	*err = its;
	return -1;
}

int
dl_secrets_need_or_make(struct dl_secrets *s, struct dl_err *err)
{
	char dir[PATH_MAX];
	char *slash;
	int r = dl_secrets_load(s, err);

	if (r != 0)
		return r < 0 ? -1 : sync_keys(s, err);
	if (dl_secret_each(s, NULL, one_is_too_many, s, err) < 0)
		return -1;
	strcpy(dir, s->key);
	if ((slash = strrchr(dir, '/')) != NULL && slash != dir) {
		*slash = '\0';
		if (mkdir(dir, 0700) == 0) {
			if (dl_sync_parent(dir, err) < 0)
				return -1;
		} else if (errno != EEXIST) {
			return dl_err_errno(err, "cannot make '%s'", dir);
		}
	}
	dl_seal_key_new(&s->keys[0]);
	if (dl_seal_key_make(s->key, &s->keys[0], err) < 0)
		return -1;
	s->nkeys = 1;
	return 0;
}

const struct dl_seal_key *
dl_secrets_group(
    struct dl_secrets *s, size_t i, const char *group, struct dl_err *err)
{
	struct dl_seal_key *to = &s->keys[DL_SECRET_KEYS];

	return dl_seal_key_derive(&s->keys[i], group, to, err) < 0 ? NULL : to;
}

int
dl_secrets_find(struct dl_secrets *s, const char *group,
    const unsigned char id[DL_SEAL_ID], const struct dl_seal_key **key,
    struct dl_err *err)
{
	for (size_t i = 0; i < s->nkeys; i++) {
		if ((*key = dl_secrets_group(s, i, group, err)) == NULL)
			return -1;
		if (memcmp((*key)->id, id, DL_SEAL_ID) == 0)
			return 1;
	}
	return 0;
}

int
dl_secrets_path(const struct dl_secrets *s, const char *group, const char *name,
    char out[PATH_MAX], struct dl_err *err)
{
	if (!dl_name_ok(dl_span_str(group)))
		return dl_err_usage(
		    err, "'%s' is not a name of a group", group);
	/* It may be the secret itself that was given in the name's place. */
	if (!dl_name_ok(dl_span_str(name)))
		return dl_err_usage(err,
		    "that is not a name: a letter or digit, then up to 63 of "
		    "[A-Za-z0-9._-]");
	if (snprintf(out, PATH_MAX, "%s/%s/%s", s->dir, group, name) >=
	    PATH_MAX)
		return dl_err_usage(err, "the path of home is too long");
	return 0;
}

int
dl_secret_group_key(struct dl_secrets *s, const char *group,
    struct dl_seal_key *key, struct dl_err *err)
{
	int lock = dl_secrets_lock(s, err), r = -1;

	if (lock < 0)
		return -1;
	/* Half way between two keys, it could soon open nothing. */
	if (dl_secrets_need_or_make(s, err) < 0)
		goto out;
	if (s->nkeys == DL_SECRET_KEYS)
		dl_err_temp(err, "a rotation was broken off: rotate first");
	else
		r = dl_seal_key_derive(&s->keys[0], group, key, err);
out:
	close(lock);
	return r;
}
