/*
 * s3.h, in memory: the library's own is not linked where this is.  A test looks
 * at and changes what is there, and is asked before each request.
 */
#ifndef S3_FAKE_H
#define S3_FAKE_H

#include "buf.h"
#include "s3.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

#define FAKE_MOST 4096

struct fake_object {
	char *key;
	struct dl_buf bytes;
	char sha256[65];
};

struct fake_upload {
	const char *key, *id;
	int64_t begun_ms;
	bool aborted;
};

static struct {
	pthread_mutex_t lock;
	struct fake_object *v[FAKE_MOST]; /* by their keys */
	size_t n;
	struct fake_upload uploads[8];
	size_t nuploads;
	struct dl_buf meta; /* of the last put */
	/*
	 * Called before a request ("put", "get", "head", "list", "remove"),
	 * without the lock: 0, or it fails with err.
	 */
	int (*before)(const char *what, const char *key, struct dl_err *err);
} fake = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct dl_s3 {
	char name[256];
	const volatile sig_atomic_t *stop;
};

static void
fake_hash(struct fake_object *o)
{
	unsigned char sum[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(
	    sum, (const unsigned char *)o->bytes.p, o->bytes.len);
	sodium_bin2hex(o->sha256, sizeof(o->sha256), sum, sizeof(sum));
}

/* Where the key is, or would be.  The lock is held, or not needed. */
static size_t
fake_place(const char *key, bool *there)
{
	size_t i = 0;

	while (i < fake.n && strcmp(fake.v[i]->key, key) < 0)
		i++;
	*there = i < fake.n && strcmp(fake.v[i]->key, key) == 0;
	return i;
}

static const struct fake_object *
fake_find(const char *key)
{
	bool there;
	size_t i = fake_place(key, &there);

	return there ? fake.v[i] : NULL;
}

/* Put an object, as another process would. */
static void
fake_set(const char *key, struct dl_span bytes)
{
	bool there;
	size_t i = fake_place(key, &there);
	struct fake_object *o;

	if (!there) {
		if (fake.n == FAKE_MOST)
			abort();
		memmove(&fake.v[i + 1], &fake.v[i],
		    (fake.n++ - i) * sizeof(fake.v[0]));
		fake.v[i] = dl_calloc(1, sizeof(*o));
		fake.v[i]->key = dl_strdup(key);
	}
	o = fake.v[i];
	dl_buf_clear(&o->bytes);
	dl_buf_span(&o->bytes, bytes);
	fake_hash(o);
}

static void
fake_drop(const char *key)
{
	bool there;
	size_t i = fake_place(key, &there);

	if (!there)
		return;
	free(fake.v[i]->key);
	dl_buf_release(&fake.v[i]->bytes);
	free(fake.v[i]);
	memmove(&fake.v[i], &fake.v[i + 1], (--fake.n - i) * sizeof(fake.v[0]));
}

static inline void
fake_clear(void)
{
	while (fake.n > 0)
		fake_drop(fake.v[0]->key);
	dl_buf_release(&fake.meta);
	fake.nuploads = 0;
	fake.before = NULL;
}

static int
fake_ask(const char *what, const char *key, struct dl_err *err)
{
	return fake.before == NULL ? 0 : fake.before(what, key, err);
}

bool
dl_s3_is(const char *address)
{
	return strncmp(address, "s3://", 5) == 0;
}

struct dl_s3 *
dl_s3_new(const char *address, const struct dl_s3_options *options,
    struct dl_err *err)
{
	struct dl_s3 *s = dl_calloc(1, sizeof(*s));

	(void)err;
	strncpy(s->name, address, sizeof(s->name) - 1);
	s->stop = options->stop;
	return s;
}

void
dl_s3_free(struct dl_s3 *s)
{
	free(s);
}

const char *
dl_s3_name(const struct dl_s3 *s)
{
	return s->name;
}

const char *
dl_s3_endpoint(const struct dl_s3 *s)
{
	(void)s;
	return "https://fake";
}

int
dl_s3_put(struct dl_s3 *s, const char *key, const struct dl_s3_body *body,
    const struct dl_s3_put *how, struct dl_err *err)
{
	struct dl_buf b = {0};
	int r;

	(void)s;
	if (fake_ask("put", key, err) < 0)
		return -1;
	if (body->bytes.p != NULL) {
		dl_buf_span(&b, body->bytes);
	} else {
		dl_buf_room(&b, body->size + 1);
		b.len = (size_t)pread(body->fd, b.p, body->size, 0);
	}
	pthread_mutex_lock(&fake.lock);
	r = how->create && fake_find(key) != NULL;
	if (r == 0) {
		fake_set(key, dl_buf_as_span(&b));
		dl_buf_clear(&fake.meta);
		for (const char *const *m = how->meta; m != NULL && *m; m++)
			dl_buf_printf(&fake.meta, "%s\n", *m);
	}
	pthread_mutex_unlock(&fake.lock);
	dl_buf_release(&b);
	return r;
}

static void
fake_fill(struct dl_s3_object *o, const struct fake_object *from)
{
	*o = (struct dl_s3_object){.key = from->key, .modified_ms = -1};
	o->size = from->bytes.len;
	memcpy(o->sha256, from->sha256, sizeof(o->sha256));
}

int
dl_s3_head(struct dl_s3 *s, const char *key, struct dl_s3_object *o,
    struct dl_err *err)
{
	const struct fake_object *found;

	(void)s;
	if (fake_ask("head", key, err) < 0)
		return -1;
	pthread_mutex_lock(&fake.lock);
	if ((found = fake_find(key)) != NULL)
		fake_fill(o, found);
	pthread_mutex_unlock(&fake.lock);
	return found != NULL;
}

int
dl_s3_read(struct dl_s3 *s, const char *key, size_t max, struct dl_buf *b,
    struct dl_err *err)
{
	const struct fake_object *found;

	(void)s;
	(void)max;
	if (fake_ask("get", key, err) < 0)
		return -1;
	pthread_mutex_lock(&fake.lock);
	if ((found = fake_find(key)) != NULL)
		dl_buf_span(b, dl_buf_as_span(&found->bytes));
	pthread_mutex_unlock(&fake.lock);
	return found != NULL;
}

int
dl_s3_get(struct dl_s3 *s, const char *key, int fd, const char *fd_name,
    struct dl_s3_object *o, struct dl_err *err)
{
	struct dl_buf b = {0};
	int r = dl_s3_read(s, key, SIZE_MAX, &b, err);

	if (r > 0 && pwrite(fd, b.p, b.len, 0) != (ssize_t)b.len)
		r = dl_err_errno(err, "cannot write '%s'", fd_name);
	if (r > 0)
		r = dl_s3_head(s, key, o, err);
	dl_buf_release(&b);
	return r;
}

/* The first object after that key, which is below; its key in *key. */
static bool
fake_next(const char *below, const char *after, struct dl_buf *key,
    struct dl_s3_object *o)
{
	bool found = false;
	size_t i;

	pthread_mutex_lock(&fake.lock);
	for (i = 0; i < fake.n && !found; i++)
		if (strncmp(fake.v[i]->key, below, strlen(below)) == 0 &&
		    strcmp(fake.v[i]->key, after) > 0) {
			fake_fill(o, fake.v[i]);
			dl_buf_clear(key);
			dl_buf_adds(key, fake.v[i]->key);
			o->key = dl_buf_str(key);
			found = true;
		}
	pthread_mutex_unlock(&fake.lock);
	return found;
}

int
dl_s3_list(struct dl_s3 *s, const char *below, const char *after,
    dl_s3_list_fn *fn, void *arg, struct dl_err *err)
{
	struct dl_buf last = {0}, skip = {0}, key = {0};
	struct dl_s3_object o;
	int r = fake_ask("list", below, err);

	(void)s;
	dl_buf_adds(&last, after == NULL ? "" : after);
	while (r >= 0 && fake_next(below, dl_buf_str(&last), &key, &o)) {
		dl_buf_clear(&skip);
		r = fn(arg, &o, &skip, err);
		dl_buf_clear(&last);
		dl_buf_adds(&last, r > 0 ? dl_buf_str(&skip) : o.key);
	}
	dl_buf_release(&last);
	dl_buf_release(&skip);
	dl_buf_release(&key);
	return r < 0 ? -1 : 0;
}

int
dl_s3_remove(struct dl_s3 *s, const char *key, struct dl_err *err)
{
	(void)s;
	if (fake_ask("remove", key, err) < 0)
		return -1;
	pthread_mutex_lock(&fake.lock);
	fake_drop(key);
	pthread_mutex_unlock(&fake.lock);
	return 0;
}

int
dl_s3_uploads(struct dl_s3 *s, const char *below, dl_s3_upload_fn *fn,
    void *arg, struct dl_err *err)
{
	const struct fake_upload *u;
	size_t i;
	int r = 0;

	(void)s;
	for (i = 0; r == 0 && i < fake.nuploads; i++) {
		u = &fake.uploads[i];
		if (!u->aborted && strncmp(u->key, below, strlen(below)) == 0)
			r = fn(arg, u->key, u->id, u->begun_ms, err);
	}
	return r;
}

int
dl_s3_abort(
    struct dl_s3 *s, const char *key, const char *id, struct dl_err *err)
{
	size_t i;

	(void)s;
	(void)err;
	for (i = 0; i < fake.nuploads; i++)
		if (strcmp(fake.uploads[i].id, id) == 0 &&
		    strcmp(fake.uploads[i].key, key) == 0)
			fake.uploads[i].aborted = true;
	return 0;
}

#endif
