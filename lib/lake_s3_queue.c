/* Published parts on their way to S3, as those see it who wait for them. */
#include "lake_s3_queue.h"

#include "clock.h"
#include "num.h"

#include <stdlib.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define PROBE_MS 2000
#define SPARE (4 << 20) /* bytes of the disk: for the journal, ... */
#define SPARE_MS 500    /* between looks at how full it is */

/* Lists */

void
dl_lake_s3_list_append(struct dl_lake_s3_list *l, struct dl_lake_s3_item *item)
{
	item->next = NULL;
	item->prev = l->last;
	if (l->last != NULL)
		l->last->next = item;
	else
		l->first = item;
	l->last = item;
}

void
dl_lake_s3_list_take(struct dl_lake_s3_list *l, struct dl_lake_s3_item *item)
{
	if (item->prev != NULL)
		item->prev->next = item->next;
	else
		l->first = item->next;
	if (item->next != NULL)
		item->next->prev = item->prev;
	else
		l->last = item->prev;
}

static void
free_list(struct dl_lake_s3_list *l)
{
	struct dl_lake_s3_item *item;

	while ((item = l->first) != NULL) {
		l->first = item->next;
		free(item);
	}
}

static struct dl_lake_s3_item *
find_in(const struct dl_lake_s3_list *l, const char *name)
{
	struct dl_lake_s3_item *item;

	for (item = l->first; item != NULL; item = item->next)
		if (strcmp(item->name, name) == 0)
			return item;
	return NULL;
}

struct dl_lake_s3_item *
dl_lake_s3_queue_find(const struct dl_lake_s3_queue *q, const char *name)
{
	struct dl_lake_s3_item *item;

	if ((item = find_in(&q->fresh, name)) == NULL &&
	    (item = find_in(&q->saying, name)) == NULL &&
	    (item = find_in(&q->told, name)) == NULL &&
	    (item = find_in(&q->sending, name)) == NULL)
		item = find_in(&q->faulty, name);
	return item;
}

struct dl_lake_s3_item *
dl_lake_s3_queue_add(struct dl_lake_s3_queue *q, struct dl_lake_s3_box *box,
    const char *name, uint64_t size, bool told)
{
	struct dl_lake_s3_item *item =
	    dl_calloc(1, sizeof(*item) + strlen(name) + 1);

	memcpy(item->name, name, strlen(name) + 1);
	item->box = box;
	item->size = size;
	item->turn = -1;
	dl_lake_s3_list_append(told ? &q->told : &q->fresh, item);
	q->n++;
	q->bytes += size;
	pthread_cond_broadcast(&q->work);
	return item;
}

/* Turns */

static int64_t
next_turn(struct dl_lake_s3_queue *q)
{
	dl_buf_addc(&q->landed, 0);
	return q->turns++;
}

void
dl_lake_s3_queue_land(struct dl_lake_s3_queue *q, int64_t turn)
{
	size_t n = 0;

	if (turn >= 0)
		q->landed.p[(uint64_t)turn - q->first] = 1;
	while (n < q->landed.len && q->landed.p[n] == 1)
		n++;
	if (n > 0) {
		q->landed.len -= n;
		memmove(q->landed.p, q->landed.p + n, q->landed.len);
		q->first += n;
	}
	pthread_cond_broadcast(&q->moved);
}

/* An item, in no list, has landed; or it won't. */
void
dl_lake_s3_queue_let_go(
    struct dl_lake_s3_queue *q, struct dl_lake_s3_item *item)
{
	q->n--;
	q->bytes -= item->size;
	dl_lake_s3_queue_land(q, item->turn);
	free(item);
}

void
dl_lake_s3_queue_put_aside(struct dl_lake_s3_queue *q,
    struct dl_lake_s3_item *item, const struct dl_err *err)
{
	if (q->fault.status == DL_EXIT_OK)
		q->fault = *err;
	q->n--;
	q->bytes -= item->size;
	dl_lake_s3_list_append(&q->faulty, item);
	pthread_cond_broadcast(&q->moved);
}

void
dl_lake_s3_queue_fail(struct dl_lake_s3_queue *q, const struct dl_err *err)
{
	if (q->failed.status == DL_EXIT_OK)
		q->failed = *err;
	pthread_cond_broadcast(&q->moved);
}

/* What is told of a failure: also what waits, and where. */
static int
tell(const struct dl_lake_s3_queue *q, struct dl_err *err)
{
	const struct dl_lake_s3_item *item;
	size_t n = q->n;
	uint64_t bytes = q->bytes;
	char size[32];

	*err = q->failed.status != DL_EXIT_OK ? q->failed : q->fault;
	for (item = q->faulty.first; item != NULL; item = item->next) {
		n++;
		bytes += item->size;
	}
	if (n == 0)
		return -1;
	dl_num_print_size((int64_t)bytes, size);
	dl_err_prefix(err, "%zu part%s (%s) wait%s in '%s'%s", n,
	    n == 1 ? "" : "s", size, n == 1 ? "s" : "", q->s->state,
	    err->status == DL_EXIT_TEMP ? ", run it again" : "");
	return -1;
}

void
dl_lake_s3_queue_wait_for(
    struct dl_lake_s3_queue *q, pthread_cond_t *c, int64_t ms)
{
	struct timespec ts;

	if (ms < 0) {
		pthread_cond_wait(c, &q->lock);
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_sec += (time_t)(ms / 1000);
	ts.tv_nsec += (long)(ms % 1000) * 1000000;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_sec++;
		ts.tv_nsec -= 1000000000;
	}
	(void)pthread_cond_timedwait(c, &q->lock, &ts);
}

/* What the callers do */

int
dl_lake_s3_queue_start(
    struct dl_lake_s3 *s, uint64_t spool_max, struct dl_err *err)
{
	struct dl_lake_s3_queue *q = dl_calloc(1, sizeof(*q));
	pthread_condattr_t attr;

	q->s = s;
	q->spool_max = spool_max;
	pthread_mutex_init(&q->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&q->work, &attr);
	pthread_cond_init(&q->moved, &attr);
	pthread_condattr_destroy(&attr);
	s->queue = q; /* the threads come by it */
	return dl_lake_s3_crew_take(q, err) < 0 ? -1
	                                        : dl_lake_s3_crew_start(q, err);
}

void
dl_lake_s3_queue_free(struct dl_lake_s3_queue *q)
{
	struct dl_lake_s3_box *b;
	struct dl_lake_s3_watched *w;

	if (q == NULL)
		return;
	pthread_mutex_lock(&q->lock);
	q->ending = true;
	pthread_cond_broadcast(&q->work);
	pthread_mutex_unlock(&q->lock);
	while (q->running > 0)
		pthread_join(q->threads[--q->running], NULL);
	free_list(&q->fresh);
	free_list(&q->told);
	free_list(&q->faulty);
	while ((b = q->taken) != NULL) {
		q->taken = b->next;
		dl_lake_s3_box_free(b);
	}
	while ((w = q->watched) != NULL) {
		q->watched = w->next;
		free(w);
	}
	dl_buf_release(&q->landed);
	pthread_cond_destroy(&q->work);
	pthread_cond_destroy(&q->moved);
	pthread_mutex_destroy(&q->lock);
	free(q);
}

int
dl_lake_s3_queue_probe(struct dl_lake_s3_queue *q, struct dl_err *err)
{
	int64_t until = dl_clock_ms() + PROBE_MS, left;
	int r = 0;

	pthread_mutex_lock(&q->lock);
	while (!q->probed && q->failed.status == DL_EXIT_OK &&
	       (left = until - dl_clock_ms()) > 0)
		dl_lake_s3_queue_wait_for(q, &q->moved, left);
	if (q->failed.status != DL_EXIT_OK)
		r = tell(q, err);
	pthread_mutex_unlock(&q->lock);
	return r;
}

/*
 * Whoever fails on a full disk stops the sending that would make room there, and
 * so would the next run: as long as something is on its way it is waited for.
 */
static bool
has_room(const struct dl_lake_s3_queue *q, uint64_t size)
{
	struct statvfs disk;

	if (q->bytes == 0)
		return true;
	if (q->bytes + size > q->spool_max)
		return false;
	return statvfs(q->s->outbox, &disk) < 0 ||
	       disk.f_bavail * disk.f_frsize >= SPARE;
}

int
dl_lake_s3_queue_room(
    struct dl_lake_s3_queue *q, uint64_t size, struct dl_err *err)
{
	int r = 0;

	pthread_mutex_lock(&q->lock);
	while (q->failed.status == DL_EXIT_OK && !has_room(q, size))
		dl_lake_s3_queue_wait_for(q, &q->moved, SPARE_MS);
	if (q->failed.status != DL_EXIT_OK)
		r = tell(q, err);
	pthread_mutex_unlock(&q->lock);
	return r;
}

int64_t
dl_lake_s3_queue_put(struct dl_lake_s3_queue *q, struct dl_lake_s3_box *box,
    const char *name, uint64_t size, bool told)
{
	int64_t turn;

	pthread_mutex_lock(&q->lock);
	turn = dl_lake_s3_queue_add(q, box, name, size, told)->turn =
	    next_turn(q);
	pthread_mutex_unlock(&q->lock);
	return turn;
}

bool
dl_lake_s3_queue_is_late(struct dl_lake_s3_queue *q, const char *name)
{
	const struct dl_lake_s3_item *item;
	bool late;

	pthread_mutex_lock(&q->lock);
	item = dl_lake_s3_queue_find(q, name);
	late = item != NULL && item->late && find_in(&q->sending, name) == NULL;
	pthread_mutex_unlock(&q->lock);
	return late;
}

static bool
is_faulty(const struct dl_lake_s3_queue *q, int64_t turn)
{
	const struct dl_lake_s3_item *item = q->faulty.first;

	while (item != NULL && item->turn != turn)
		item = item->next;
	return item != NULL;
}

int
dl_lake_s3_queue_wait(
    struct dl_lake_s3_queue *q, int64_t turn, struct dl_err *err)
{
	bool bad = false;
	int r = 0;

	pthread_mutex_lock(&q->lock);
	while (q->failed.status == DL_EXIT_OK && q->first <= (uint64_t)turn &&
	       !(bad = is_faulty(q, turn)))
		dl_lake_s3_queue_wait_for(q, &q->moved, -1);
	if (q->failed.status != DL_EXIT_OK || bad)
		r = tell(q, err);
	pthread_mutex_unlock(&q->lock);
	return r;
}

int
dl_lake_s3_landed(struct dl_lake_store *store, uint64_t want, int wait_ms,
    uint64_t *n, struct dl_err *err)
{
	struct dl_lake_s3_queue *q = ((struct dl_lake_s3 *)store)->queue;
	int64_t until = wait_ms > 0 ? dl_clock_ms() + wait_ms : 0, left = 0;
	bool idle;
	int r = 0;

	pthread_mutex_lock(&q->lock);
	for (;;) {
		*n = q->first;
		idle = q->n == 0 && q->watched == NULL;
		if (q->failed.status != DL_EXIT_OK ||
		    (idle && q->fault.status != DL_EXIT_OK)) {
			r = tell(q, err);
			break;
		}
		if (wait_ms < 0 ? idle : *n >= want)
			break;
		if (wait_ms >= 0 && (left = until - dl_clock_ms()) <= 0)
			break;
		dl_lake_s3_queue_wait_for(
		    q, &q->moved, wait_ms < 0 ? -1 : left);
	}
	pthread_mutex_unlock(&q->lock);
	return r;
}

int
dl_lake_s3_settle(
    struct dl_lake_store *store, const char *name, struct dl_err *err)
{
	struct dl_lake_s3_queue *q = ((struct dl_lake_s3 *)store)->queue;
	const char *slash = strrchr(name, '/');
	struct dl_lake_s3_item *item;
	struct dl_lake_s3_watched *w;
	int64_t turn;
	int r, fd;

	name = slash == NULL ? name : slash + 1;
	pthread_mutex_lock(&q->lock);
	turn = next_turn(q);
	item = dl_lake_s3_queue_find(q, name);
	if (item != NULL && item->turn < 0) {
		item->turn = turn;
		r = 0;
	} else if ((r = dl_lake_s3_box_find(q->s->outbox, name, &fd, err)) >
		   0) {
		close(fd);
		w = dl_calloc(1, sizeof(*w) + strlen(name) + 1);
		memcpy(w->name, name, strlen(name) + 1);
		w->turn = turn;
		w->next = q->watched;
		q->watched = w;
		pthread_cond_broadcast(&q->work);
	} else if (r == 0) {
		dl_lake_s3_queue_land(q, turn);
	}
	pthread_mutex_unlock(&q->lock);
	return r < 0 ? -1 : 0;
}
