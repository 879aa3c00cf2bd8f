#include "twin.h"

#include "io.h"
#include "twin_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define MAP_FIRST (1 << 20)             /* it doubles whenever it is full */
#define FOLLOW_S 1                      /* until a reader waits no more */
#define READERS 1024                    /* at once, in all processes */
#define LOCK_BYTES ((READERS + 4) * 64) /* LMDB's lock.mdb is a bit less */

static bool
no_space(const struct dl_twin *t)
{
	struct statvfs fs;

	return statvfs(t->dir, &fs) == 0 &&
	       (uint64_t)fs.f_bavail * fs.f_frsize < MAP_FIRST;
}

int
dl_twin_fail(
    const struct dl_twin *t, int rc, const char *what, struct dl_err *err)
{
	switch (rc) {
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_INVALID:
	case MDB_VERSION_MISMATCH:
	case MDB_INCOMPATIBLE:
	case MDB_BAD_DBI:
		return dl_err_data(err,
		    "cannot %s twin '%s': it is damaged, "
		    "or not a twin (%s)",
		    what, t->dir, mdb_strerror(rc));
	default:
		break;
	}
	/* What LMDB makes of a write that was cut short. */
	if (rc == EIO && no_space(t))
		rc = ENOSPC;
	if (rc == EIO)
		return dl_err_temp(err,
		    "cannot %s twin '%s': %s, or no more "
		    "space",
		    what, t->dir, strerror(rc));
	if (rc > 0) {
		errno = rc;
		return dl_err_errno(err, "cannot %s twin '%s'", what, t->dir);
	}
	return dl_err_temp(
	    err, "cannot %s twin '%s': %s", what, t->dir, mdb_strerror(rc));
}

int
dl_twin_resize(struct dl_twin *t, size_t bytes)
{
	int rc;

	pthread_rwlock_wrlock(&t->shared->map);
	rc = mdb_env_set_mapsize(t->env, bytes);
	pthread_rwlock_unlock(&t->shared->map);
	return rc;
}

/*
 * Follow the map, for a reader: whoever of this process waits for the write lock
 * of another one has the map until he gets it, and that one may be stopped.
 */
static int
follow(struct dl_twin *t)
{
	struct timespec until;
	int rc;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += FOLLOW_S;
	rc = pthread_rwlock_clockwrlock(
	    &t->shared->map, CLOCK_MONOTONIC, &until);
	if (rc != 0)
		return rc;
	rc = mdb_env_set_mapsize(t->env, 0);
	pthread_rwlock_unlock(&t->shared->map);
	return rc;
}

int
dl_twin_begin(struct dl_twin *t, unsigned flags, MDB_txn **txn)
{
	int rc;

	for (;;) {
		pthread_rwlock_rdlock(&t->shared->map);
		rc = *txn == NULL ? mdb_txn_begin(t->env, NULL, flags, txn)
		                  : mdb_txn_renew(*txn);
		if (rc == 0)
			return 0;
		pthread_rwlock_unlock(&t->shared->map);
		if (rc != MDB_MAP_RESIZED)
			return rc;
		rc = (flags & MDB_RDONLY) != 0 ? follow(t)
		                               : dl_twin_resize(t, 0);
		if (rc != 0)
			return rc;
	}
}

void
dl_twin_end(struct dl_twin *t)
{
	pthread_rwlock_unlock(&t->shared->map);
}

/* The unnamed database holds the names of the others, and must be ours. */
static int
check_new(struct dl_twin *t, MDB_txn *txn, struct dl_err *err)
{
	MDB_stat st;
	MDB_dbi unnamed;
	int rc;

	if ((rc = mdb_dbi_open(txn, NULL, 0, &unnamed)) != 0 ||
	    (rc = mdb_stat(txn, unnamed, &st)) != 0)
		return dl_twin_fail(t, rc, "open", err);
	if (st.ms_entries != 0)
		return dl_err_data(err,
		    "'%s' holds an LMDB environment that "
		    "is not a twin",
		    t->dir);
	return 0;
}

/* One of another version is told apart before anything in it is trusted. */
static int
check_version(struct dl_twin *t, MDB_txn *txn, struct dl_err *err)
{
	struct dl_twin_obs o;
	MDB_cursor *c;
	MDB_val k, v;
	int rc, r = 0;

	if ((rc = mdb_cursor_open(txn, t->records, &c)) != 0)
		return dl_twin_fail(t, rc, "open", err);
	rc = mdb_cursor_get(c, &k, &v, MDB_FIRST);
	mdb_cursor_close(c);
	if (rc != 0)
		return rc == MDB_NOTFOUND ? 0
		                          : dl_twin_fail(t, rc, "open", err);
	if (v.mv_size > 0 && *(const uint8_t *)v.mv_data != DL_TWIN_VERSION) {
		r = dl_twin_decode(dl_twin_span(v), &o, err);
		dl_err_prefix(err, "twin '%s'", t->dir);
	}
	return r;
}

static int
open_databases(struct dl_twin *t, unsigned rdonly, struct dl_err *err)
{
	unsigned create = rdonly ? 0 : MDB_CREATE;
	MDB_txn *txn = NULL;
	int rc;

	if ((rc = dl_twin_begin(t, rdonly, &txn)) != 0)
		return dl_twin_fail(t, rc, "open", err);
	rc = mdb_dbi_open(txn, "records", 0, &t->records);
	if (rc == MDB_NOTFOUND) {
		if (check_new(t, txn, err) < 0)
			goto fail;
		if (rdonly) {
			dl_err_temp(
			    err, "there is no twin in '%s' yet", t->dir);
			goto fail;
		}
		rc = mdb_dbi_open(txn, "records", create, &t->records);
	}
	if (rc == 0)
		rc = mdb_dbi_open(
		    txn, "changes", create | MDB_INTEGERKEY, &t->changes);
	if (rc != 0) {
		dl_twin_fail(t, rc, "open", err);
		goto fail;
	}
	if (check_version(t, txn, err) < 0)
		goto fail;
	rc = mdb_txn_commit(txn);
	dl_twin_end(t);
	return rc == 0 ? 0 : dl_twin_fail(t, rc, "open", err);
fail:
	mdb_txn_abort(txn);
	dl_twin_end(t);
	return -1;
}

/* LMDB trusts the file to be as long as it says; past its end is a SIGBUS. */
static int
check_length(struct dl_twin *t, struct dl_err *err)
{
	MDB_envinfo info;
	MDB_stat st;
	struct stat file;
	uint64_t need;
	int rc;

	if ((rc = mdb_env_info(t->env, &info)) != 0 ||
	    (rc = mdb_env_stat(t->env, &st)) != 0)
		return dl_twin_fail(t, rc, "open", err);
	t->page = st.ms_psize;
	need = ((uint64_t)info.me_last_pgno + 1) * st.ms_psize;
	if (stat(t->data_path, &file) < 0)
		return dl_err_errno(err, "cannot open '%s'", t->data_path);
	if ((uint64_t)file.st_size < need)
		return dl_err_data(err,
		    "'%s' is cut short: it has %jd bytes "
		    "of %ju",
		    t->data_path, (intmax_t)file.st_size, (uintmax_t)need);
	return 0;
}

static int
open_env(struct dl_twin *t, unsigned rdonly, struct dl_err *err)
{
	int rc, dead;

	if ((rc = mdb_env_create(&t->shared->env)) != 0)
		return dl_twin_fail(t, rc, "open", err);
	t->env = t->shared->env;
	if ((rc = mdb_env_set_maxdbs(t->env, 2)) != 0 ||
	    (rc = mdb_env_set_maxreaders(t->env, READERS)) != 0 ||
	    (rc = mdb_env_set_mapsize(t->env, MAP_FIRST)) != 0 ||
	    (rc = mdb_env_open(t->env, t->dir, rdonly | MDB_NOTLS, 0666)) != 0)
		return dl_twin_fail(t, rc, "open", err);
	if (check_length(t, err) < 0)
		return -1;
	/*
	 * What a writer left that was killed at its last step is now durable:
	 * "duplicate" is an answer to rely on, too.
	 */
	if (!rdonly && (rc = mdb_env_sync(t->env, 1)) != 0)
		return dl_twin_fail(t, rc, "open", err);
	/* Readers that were killed would keep their pages for ever. */
	if ((rc = mdb_reader_check(t->env, &dead)) != 0)
		return dl_twin_fail(t, rc, "open", err);
	return open_databases(t, rdonly, err);
}

/*
 * LMDB maps its lock file with holes in it; on a full disk the first touch of
 * one would be a SIGBUS.
 */
static int
fill_lock_file(const struct dl_twin *t, struct dl_err *err)
{
	struct dl_buf path = {0};
	int fd, r = 0;

	dl_buf_printf(&path, "%s/lock.mdb", t->dir);
	fd = open(dl_buf_str(&path), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0 || (fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, LOCK_BYTES) < 0 &&
			  errno != EOPNOTSUPP && errno != ENOSYS))
		r = dl_err_errno(
		    err, "cannot make room for '%s'", dl_buf_str(&path));
	if (fd >= 0)
		close(fd);
	dl_buf_release(&path);
	return r;
}

/*
 * A full disk may take half of a new file's first two pages, which LMDB would
 * call damaged for ever: what was not there before is taken back.  The lock on
 * the directory is against another who begins it.
 */
static int
open_or_begin(struct dl_twin *t, struct dl_err *err)
{
	int dir = open(t->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = -1;
	struct stat st;
	bool begun;

	if (dir < 0)
		return dl_err_errno(err, "cannot open '%s'", t->dir);
	if (flock(dir, LOCK_EX) < 0) {
		dl_err_errno(err, "cannot lock '%s'", t->dir);
	} else {
		begun = stat(t->data_path, &st) == 0 && st.st_size > 0;
		if (fill_lock_file(t, err) == 0)
			r = open_env(t, 0, err);
		if (r < 0 && !begun)
			(void)unlink(t->data_path);
	}
	close(dir);
	return r;
}

/* Readers come and go all the time: a change of the map is not to starve. */
static struct dl_twin_env *
new_env(void)
{
	struct dl_twin_env *shared = dl_calloc(1, sizeof(*shared));
	pthread_rwlockattr_t attr;

	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(
	    &attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&shared->map, &attr);
	pthread_rwlockattr_destroy(&attr);
	return shared;
}

static void
free_env(struct dl_twin_env *shared)
{
	if (shared->env != NULL)
		mdb_env_close(shared->env);
	pthread_rwlock_destroy(&shared->map);
	free(shared);
}

/* A handle without an environment. */
static struct dl_twin *
new_handle(const char *dir)
{
	struct dl_twin *t = dl_calloc(1, sizeof(*t));
	struct dl_buf path = {0};

	dl_buf_printf(&path, "%s/data.mdb", dir);
	t->data_path = dl_strdup(dl_buf_str(&path));
	dl_buf_release(&path);
	t->dir = dl_strdup(dir);
	t->max_future_ms = DL_TWIN_MAX_FUTURE_MS;
	t->most = SIZE_MAX;
	dl_twin_batch_init(&t->batch);
	return t;
}

static struct dl_twin *
new_twin(const char *dir)
{
	struct dl_twin *t = new_handle(dir);

	t->shared = new_env();
	return t;
}

struct dl_twin *
dl_twin_open_write(const char *dir, struct dl_err *err)
{
	struct dl_twin *t = new_twin(dir);

	/* The directory's own name too: it may be a killed writer's. */
	if (dl_mkdirs(dir, err) == 0 && open_or_begin(t, err) == 0 &&
	    dl_sync_dir(dir, err) == 0 && dl_sync_parent(dir, err) == 0)
		return t;
	dl_twin_close(t);
	return NULL;
}

struct dl_twin *
dl_twin_open_read(const char *dir, struct dl_err *err)
{
	struct dl_twin *t = new_twin(dir);
	struct stat st;

	/* A writer that has just begun leaves it empty for a moment. */
	if (stat(t->data_path, &st) < 0 ? errno == ENOENT : st.st_size == 0)
		dl_err_temp(err, "there is no twin in '%s' yet", dir);
	else if (open_env(t, MDB_RDONLY, err) == 0)
		return t;
	dl_twin_close(t);
	return NULL;
}

struct dl_twin *
dl_twin_reader(struct dl_twin *t)
{
	struct dl_twin *reader = new_handle(t->dir);

	reader->shared = t->shared;
	reader->borrowed = true;
	reader->env = t->env;
	reader->records = t->records;
	reader->changes = t->changes;
	reader->page = t->page;
	return reader;
}

void
dl_twin_close(struct dl_twin *t)
{
	if (t == NULL)
		return;
	mdb_txn_abort(t->reader);
	if (!t->borrowed)
		free_env(t->shared);
	dl_twin_batch_release(&t->batch);
	dl_buf_release(&t->names);
	dl_buf_release(&t->encoded);
	dl_buf_release(&t->chunk);
	free(t->metrics);
	free(t->old);
	free(t->data_path);
	free(t->dir);
	free(t);
}

const char *
dl_twin_data_path(const struct dl_twin *t)
{
	return t->data_path;
}

void
dl_twin_set_verdicts(struct dl_twin *t, dl_twin_verdict_fn *fn, void *arg)
{
	t->verdict = fn;
	t->verdict_arg = arg;
	t->batch.keep_losers = fn != NULL;
}

void
dl_twin_set_max_future(struct dl_twin *t, int64_t ms)
{
	t->max_future_ms = ms;
}

const uint64_t *
dl_twin_counts(const struct dl_twin *t)
{
	return t->counts;
}

const char *
dl_twin_verdict_name(enum dl_twin_verdict verdict)
{
	static const char *const names[DL_TWIN_VERDICTS] = {
	    [DL_TWIN_APPLIED] = "applied",
	    [DL_TWIN_STALE] = "stale",
	    [DL_TWIN_DUPLICATE] = "duplicate",
	    [DL_TWIN_UNCHANGED] = "unchanged",
	    [DL_TWIN_FUTURE] = "future"};

	return names[verdict];
}
