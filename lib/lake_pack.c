#include "lake_pack.h"

#include "buf.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>

#define CHUNKS 2    /* on the way, for each thread */
#define BIG_LEVEL 3 /* above it zstd takes up to 20 MiB for each thread */

/* What is done with a file: only of blocks is there something to pack first. */
enum task { WRITE, SEAL, PUBLISH };

struct dl_lake_chunk {
	enum task task;
	struct dl_lake_chunk *next;  /* in the queue, or of those unused */
	struct dl_lake_chunk *after; /* in its file */
	struct dl_lake_file *file;
	struct dl_lake_block *blocks;
	size_t bytes;
	const char *partition; /* where a file is sealed */
	bool packed;
	struct dl_buf frame;
};

struct worker {
	struct dl_lake_pack *pack;
	struct dl_packer *packer;
	pthread_t thread;
};

/* All but what is said to be the caller's is behind lock. */
struct dl_lake_pack {
	struct dl_lake_store *store;
	struct worker workers[DL_LAKE_MOST_THREADS]; /* the first: the caller */
	int threads, running;
	bool started;               /* the caller's */
	struct dl_lake_block *mine; /* the caller's: unused */
	pthread_mutex_t lock;
	pthread_cond_t queued;              /* or the end has come */
	pthread_cond_t done;                /* a chunk was packed, or written */
	struct dl_lake_chunk *first, *last; /* the queue */
	struct dl_lake_chunk *unused;
	struct dl_lake_block *emptied;
	int nchunks; /* on the way */
	bool ending;
	struct dl_err failed; /* the first failure */
};

static void
free_blocks(struct dl_lake_block *b)
{
	struct dl_lake_block *next;

	for (; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
}

struct dl_lake_pack *
dl_lake_pack_new(struct dl_lake_store *store, const struct dl_codec *codec,
    int threads, struct dl_err *err)
{
	struct dl_lake_pack *p = dl_calloc(1, sizeof(*p));
	int i;

	p->store = store;
	p->threads = threads;
	p->running = 1;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->queued, NULL);
	pthread_cond_init(&p->done, NULL);
	for (i = 0; i < threads; i++) {
		p->workers[i].pack = p;
		p->workers[i].packer = dl_packer_new(codec, err);
		if (p->workers[i].packer == NULL) {
			dl_lake_pack_free(p);
			return NULL;
		}
	}
	return p;
}

void
dl_lake_pack_end(struct dl_lake_pack *p)
{
	struct dl_lake_chunk *c;
	int i;

	pthread_mutex_lock(&p->lock);
	p->ending = true;
	pthread_cond_broadcast(&p->queued);
	pthread_mutex_unlock(&p->lock);
	for (i = 1; i < p->running; i++)
		pthread_join(p->workers[i].thread, NULL);
	p->running = 1;
	while ((c = p->first) != NULL) {
		p->first = c->next;
		c->next = p->unused;
		p->unused = c;
	}
}

void
dl_lake_pack_free(struct dl_lake_pack *p)
{
	struct dl_lake_chunk *c;
	int i;

	if (p == NULL)
		return;
	dl_lake_pack_end(p);
	while ((c = p->unused) != NULL) {
		p->unused = c->next;
		free_blocks(c->blocks);
		dl_buf_release(&c->frame);
		free(c);
	}
	free_blocks(p->mine);
	free_blocks(p->emptied);
	for (i = 0; i < p->threads; i++)
		dl_packer_free(p->workers[i].packer);
	pthread_cond_destroy(&p->queued);
	pthread_cond_destroy(&p->done);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

int
dl_lake_pack_threads(const struct dl_codec *codec)
{
	bool big = codec->kind == DL_CODEC_ZSTD && codec->level > BIG_LEVEL;
	int most = big ? DL_LAKE_FEW_THREADS / 2 : DL_LAKE_FEW_THREADS, n;
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 1;
	n = CPU_COUNT(&set);
	return n < most ? n : most;
}

/* Blocks */

struct dl_lake_block *
dl_lake_pack_block(struct dl_lake_pack *p)
{
	struct dl_lake_block *b;

	if (p->mine == NULL) {
		pthread_mutex_lock(&p->lock);
		p->mine = p->emptied;
		p->emptied = NULL;
		pthread_mutex_unlock(&p->lock);
	}
	if ((b = p->mine) == NULL)
		b = dl_alloc(sizeof(*b));
	else
		p->mine = b->next;
	b->next = NULL;
	b->len = 0;
	return b;
}

void
dl_lake_pack_give_back(struct dl_lake_pack *p, struct dl_lake_block *b)
{
	struct dl_lake_block *next;

	for (; b != NULL; b = next) {
		next = b->next;
		b->next = p->mine;
		p->mine = b;
	}
}

/* What a thread does.  The lock is held before and after. */

/* Keep err, if it is a failure, and the first one. */
static void
keep(struct dl_lake_pack *p, const struct dl_err *err)
{
	if (err->status != DL_EXIT_OK && p->failed.status == DL_EXIT_OK)
		p->failed = *err;
}

static int
pack_chunk(
    struct dl_packer *packer, struct dl_lake_chunk *c, struct dl_err *err)
{
	struct dl_lake_block *b;

	dl_buf_clear(&c->frame);
	if (c->blocks == NULL)
		return 0;
	if (dl_packer_begin(packer, c->bytes, err) < 0)
		return -1;
	for (b = c->blocks; b != NULL; b = b->next)
		if (dl_packer_add(packer, dl_span(b->bytes, b->len),
			b->next == NULL, &c->frame, err) < 0)
			return -1;
	return 0;
}

static int
write_frame(struct dl_lake_pack *p, struct dl_lake_chunk *c, struct dl_err *err)
{
	struct dl_span frame = dl_buf_as_span(&c->frame);

	crypto_hash_sha256_update(
	    &c->file->sha256, (const unsigned char *)frame.p, frame.len);
	c->file->packed_bytes += frame.len;
	return p->store->ops->write(c->file->staged, frame, err);
}

/* Do a task of which all that may be done out of its turn is done. */
static int
finish(struct dl_lake_pack *p, struct dl_lake_chunk *c, struct dl_err *err)
{
	const struct dl_lake_ops *ops = p->store->ops;
	struct dl_lake_file *file = c->file;

	switch (c->task) {
	case WRITE:
		return write_frame(p, c, err);
	case SEAL:
		return ops->seal(file->staged, c->partition, err);
	case PUBLISH:
		break;
	}
	if (ops->publish(file->staged, err) < 0)
		return -1;
	file->staged = NULL;
	return 0;
}

/* Finish what is next of a file, in its order, unless somebody is at it. */
static void
finish_ready(struct dl_lake_pack *p, struct dl_lake_file *file)
{
	struct dl_err err = {0};
	struct dl_lake_chunk *c;

	if (file->busy)
		return;
	file->busy = true;
	while ((c = file->first) != NULL && c->packed) {
		if (p->failed.status == DL_EXIT_OK) {
			pthread_mutex_unlock(&p->lock);
			(void)finish(p, c, &err);
			pthread_mutex_lock(&p->lock);
			keep(p, &err);
		}
		file->first = c->after;
		c->next = p->unused;
		p->unused = c;
		p->nchunks--;
	}
	file->busy = false;
}

static void
take_back_blocks(struct dl_lake_pack *p, struct dl_lake_chunk *c)
{
	struct dl_lake_block *b;

	while ((b = c->blocks) != NULL) {
		c->blocks = b->next;
		b->next = p->emptied;
		p->emptied = b;
	}
}

/* Pack the chunk that waits longest, and write what can be written then. */
static void
work(struct worker *w)
{
	struct dl_lake_pack *p = w->pack;
	struct dl_lake_chunk *c = p->first;
	struct dl_err err = {0};

	p->first = c->next;
	if (p->failed.status == DL_EXIT_OK) {
		pthread_mutex_unlock(&p->lock);
		(void)pack_chunk(w->packer, c, &err);
		pthread_mutex_lock(&p->lock);
		keep(p, &err);
	}
	take_back_blocks(p, c);
	c->packed = true;
	finish_ready(p, c->file);
	pthread_cond_broadcast(&p->done);
}

static void *
run(void *arg)
{
	struct worker *w = arg;
	struct dl_lake_pack *p = w->pack;

	pthread_mutex_lock(&p->lock);
	while (!p->ending)
		if (p->first != NULL)
			work(w);
		else
			pthread_cond_wait(&p->queued, &p->lock);
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/*
 * Signals are for the thread that waits for input.  Where no more threads can be
 * had, fewer do.
 */
static void
start_threads(struct dl_lake_pack *p)
{
	sigset_t all, old;
	int i;

	p->started = true;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	for (i = 1; i < p->threads; i++, p->running++)
		if (pthread_create(
			&p->workers[i].thread, NULL, run, &p->workers[i]) != 0)
			break;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

/* What the caller does */

/* Something is not done yet: do some of it, or wait until some of it is. */
static void
help(struct dl_lake_pack *p)
{
	if (p->first != NULL)
		work(&p->workers[0]);
	else
		pthread_cond_wait(&p->done, &p->lock);
}

static int
tell(const struct dl_lake_pack *p, struct dl_err *err)
{
	if (p->failed.status == DL_EXIT_OK)
		return 0;
	*err = p->failed;
	return -1;
}

static struct dl_lake_chunk *
new_chunk(struct dl_lake_pack *p)
{
	struct dl_lake_chunk *c = p->unused;

	if (c == NULL)
		return dl_calloc(1, sizeof(*c));
	p->unused = c->next;
	c->next = c->after = NULL;
	c->packed = false;
	return c;
}

static void
enqueue(struct dl_lake_pack *p, struct dl_lake_chunk *c)
{
	struct dl_lake_file *file = c->file;

	if (p->first == NULL)
		p->first = c;
	else
		p->last->next = c;
	p->last = c;
	if (file->first == NULL)
		file->first = c;
	else
		file->last->after = c;
	file->last = c;
	p->nchunks++;
	pthread_cond_signal(&p->queued);
}

static int
put(struct dl_lake_pack *p, const struct dl_lake_chunk *what,
    struct dl_err *err)
{
	struct dl_lake_chunk *c;
	int most, r;

	if (!p->started)
		start_threads(p);
	most = p->running == 1 ? 0 : CHUNKS * p->running;
	pthread_mutex_lock(&p->lock);
	c = new_chunk(p);
	c->task = what->task;
	c->file = what->file;
	c->blocks = what->blocks;
	c->bytes = what->bytes;
	c->partition = what->partition;
	enqueue(p, c);
	while (p->nchunks > most)
		help(p);
	r = tell(p, err);
	pthread_mutex_unlock(&p->lock);
	return r;
}

int
dl_lake_pack_put(struct dl_lake_pack *p, struct dl_lake_file *file,
    struct dl_lake_block *blocks, size_t bytes, struct dl_err *err)
{
	const struct dl_lake_chunk c = {
	    .task = WRITE, .file = file, .blocks = blocks, .bytes = bytes};

	return put(p, &c, err);
}

int
dl_lake_pack_seal(struct dl_lake_pack *p, struct dl_lake_file *file,
    const char *partition, struct dl_err *err)
{
	const struct dl_lake_chunk c = {
	    .task = SEAL, .file = file, .partition = partition};

	return put(p, &c, err);
}

int
dl_lake_pack_publish(
    struct dl_lake_pack *p, struct dl_lake_file *file, struct dl_err *err)
{
	const struct dl_lake_chunk c = {.task = PUBLISH, .file = file};

	return put(p, &c, err);
}

int
dl_lake_pack_wait(
    struct dl_lake_pack *p, struct dl_lake_file *file, struct dl_err *err)
{
	int r;

	pthread_mutex_lock(&p->lock);
	while (file->first != NULL || file->busy)
		help(p);
	r = tell(p, err);
	pthread_mutex_unlock(&p->lock);
	return r;
}
