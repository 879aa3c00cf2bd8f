#include "files_mark.h"

#include "buf.h"
#include "hash.h"
#include "metric.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define BLOCK (256 << 10)
#define ALIGNED 64
#define AHEAD_MS 2000
#define MASK ((UINT64_C(1) << DL_FILES_BITS) - 1)

struct dl_files_hash {
	void *memory;
	XXH3_state_t *state; /* in it */
	int64_t left;
	const volatile sig_atomic_t *stop;
};

static uint64_t
hash_of(const uint64_t *numbers, size_t n)
{
	return dl_hash64(dl_span((const char *)numbers, n * sizeof(*numbers)));
}

static uint64_t
nanoseconds(struct statx_timestamp t)
{
	return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec;
}

/* A clock that is ahead of ours says nothing about how long it was quiet. */
static int64_t
quiet_ms(struct statx_timestamp mtime)
{
	struct timespec now;
	int64_t ms;

	clock_gettime(CLOCK_REALTIME, &now);
	ms = (now.tv_sec - mtime.tv_sec) * 1000 +
	     (now.tv_nsec - (int64_t)mtime.tv_nsec) / 1000000;
	return ms < -AHEAD_MS ? INT64_MAX : ms;
}

static uint64_t
key_of(const struct statx *x)
{
	uint64_t who[] = {1, x->stx_ino, nanoseconds(x->stx_btime)};
	uint64_t where[] = {
	    2, x->stx_ino, (uint64_t)x->stx_dev_major << 32 | x->stx_dev_minor};

	if ((x->stx_mask & STATX_BTIME) != 0 && x->stx_btime.tv_sec != 0)
		return hash_of(who, 3);
	return hash_of(where, 3);
}

int
dl_files_status(
    struct dl_files_status *s, int fd, const char *name, struct dl_err *err)
{
	const unsigned mask = STATX_BASIC_STATS | STATX_BTIME;
	struct statx x;
	int r;

	r = fd >= 0 ? statx(fd, "", AT_EMPTY_PATH, mask, &x)
	            : statx(AT_FDCWD, name, 0, mask, &x);
	if (r < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (r < 0)
		return dl_err_errno(err, "cannot look at '%s'", name);
	s->regular = S_ISREG(x.stx_mode);
	s->size = x.stx_size > INT64_MAX ? INT64_MAX : (int64_t)x.stx_size;
	s->quiet_ms = quiet_ms(x.stx_mtime);
	s->key = key_of(&x);
	s->print = hash_of((uint64_t[]){x.stx_size, nanoseconds(x.stx_mtime),
			       nanoseconds(x.stx_ctime)},
		       3) &
	           MASK;
	if (s->print == DL_FILES_NO_PRINT)
		s->print = 1;
	return 1;
}

/*
 * The numbers: how much was read in 48 bits and 16 of the status' print; the
 * other 24 of it and 40 of the contents' hash.
 */
static uint64_t
second(uint64_t key)
{
	return hash_of((uint64_t[]){3, key}, 2);
}

bool
dl_files_mark_get(
    const struct dl_source_state *st, uint64_t key, struct dl_files_mark *m)
{
	uint64_t a, b;

	if (!dl_source_state_mark(st, key, &a) ||
	    !dl_source_state_mark(st, second(key), &b))
		return false;
	m->read = (int64_t)(a >> 16);
	m->print = (a & 0xffff) | b >> DL_FILES_BITS << 16;
	m->same = b & MASK;
	return true;
}

void
dl_files_mark_set(
    struct dl_source_state *st, uint64_t key, const struct dl_files_mark *m)
{
	dl_source_state_set_mark(
	    st, key, (uint64_t)m->read << 16 | (m->print & 0xffff));
	dl_source_state_set_mark(
	    st, second(key), m->print >> 16 << DL_FILES_BITS | m->same);
}

struct dl_files_hash *
dl_files_hash_new(const volatile sig_atomic_t *stop)
{
	struct dl_files_hash *h = dl_alloc(sizeof(*h));
	uintptr_t at;

	/* It wants to be aligned more than dl_alloc() aligns. */
	h->memory = dl_calloc(1, sizeof(*h->state) + ALIGNED);
	at = ((uintptr_t)h->memory + ALIGNED - 1) / ALIGNED * ALIGNED;
	h->state = (XXH3_state_t *)at;
	h->stop = stop;
	dl_files_hash_start(h, 0);
	return h;
}

void
dl_files_hash_free(struct dl_files_hash *h)
{
	if (h == NULL)
		return;
	free(h->memory);
	free(h);
}

void
dl_files_hash_start(struct dl_files_hash *h, int64_t most)
{
	h->left = most;
	(void)XXH3_64bits_reset(h->state);
}

void
dl_files_hash_add(struct dl_files_hash *h, const char *p, size_t n)
{
	if ((uint64_t)h->left < n)
		n = (size_t)h->left;
	if (n == 0)
		return;
	(void)XXH3_64bits_update(h->state, p, n);
	h->left -= (int64_t)n;
}

uint64_t
dl_files_hash_value(const struct dl_files_hash *h)
{
	return XXH3_64bits_digest(h->state) & MASK;
}

int
dl_files_hash_file(struct dl_files_hash *h, int fd, int64_t n, const char *name,
    struct dl_err *err)
{
	char *block = dl_alloc(BLOCK);
	int64_t at = 0, most = n < h->left ? n : h->left;
	ssize_t got = 1;

	while (at < most && got > 0 && !*h->stop) {
		size_t want = most - at < BLOCK ? (size_t)(most - at) : BLOCK;

		dl_metric_tick();
		got = pread(fd, block, want, at);
		if (got < 0 && errno == EINTR) {
			got = 1;
			continue;
		}
		if (got > 0) {
			dl_files_hash_add(h, block, (size_t)got);
			at += got;
		}
	}
	free(block);
	if (got < 0)
		return dl_err_errno(err, "cannot read '%s'", name);
	return at == most;
}
