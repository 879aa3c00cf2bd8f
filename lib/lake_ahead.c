#include "lake_ahead.h"

#include "buf.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

struct slot {
	bool ready;
	int r, fd;
	struct dl_err err;
};

struct dl_lake_ahead {
	struct dl_lake_store *store;
	const struct dl_lake_item *items;
	size_t n;
	bool careful;
	pthread_t threads[DL_LAKE_AHEAD];
	size_t nthreads;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* Under the lock: */
	size_t at;    /* what is before it is not wanted any more */
	size_t next;  /* what is before it is open, or being opened */
	size_t taken; /* handed out */
	bool stop;
	/* Of items from at to before next, by their number; others are free. */
	struct slot slots[DL_LAKE_AHEAD];
};

static size_t
window(const struct dl_lake_ahead *a)
{
	return a->careful && a->taken < DL_LAKE_AHEAD ? a->taken
	                                              : DL_LAKE_AHEAD;
}

/* What item i was opened as; a reader that is past it does not want it. */
static void
leave(
    struct dl_lake_ahead *a, size_t i, int r, int fd, const struct dl_err *err)
{
	struct slot *s = &a->slots[i % DL_LAKE_AHEAD];

	if (i < a->at || a->stop) {
		if (r > 0)
			close(fd);
		return;
	}
	*s = (struct slot){.ready = true, .r = r, .fd = fd, .err = *err};
	pthread_cond_broadcast(&a->changed);
}

static void *
work(void *arg)
{
	struct dl_lake_ahead *a = arg;
	struct dl_err err;
	int fd = -1, r;
	size_t i;

	pthread_mutex_lock(&a->lock);
	for (;;) {
		while (!a->stop &&
		       (a->next >= a->n || a->next >= a->at + window(a)))
			pthread_cond_wait(&a->changed, &a->lock);
		if (a->stop)
			break;
		i = a->next++;
		pthread_mutex_unlock(&a->lock);
		err.status = DL_EXIT_OK;
		err.msg[0] = '\0';
		r = a->store->ops->open(a->store, a->items[i].part, &fd, &err);
		pthread_mutex_lock(&a->lock);
		leave(a, i, r, fd, &err);
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

/* Signals are for the thread that reads.  Fewer threads do, or none. */
static void
start(struct dl_lake_ahead *a)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (a->nthreads < DL_LAKE_AHEAD && a->nthreads < a->n &&
	       pthread_create(&a->threads[a->nthreads], NULL, work, a) == 0)
		a->nthreads++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

struct dl_lake_ahead *
dl_lake_ahead_new(struct dl_lake_store *store, const struct dl_lake_item *items,
    size_t n, bool careful)
{
	struct dl_lake_ahead *a = dl_calloc(1, sizeof(*a));

	a->store = store;
	a->items = items;
	a->n = n;
	a->careful = careful;
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->changed, NULL);
	if (store->far)
		start(a);
	return a;
}

/* Give up what is before item i. */
static void
pass_over(struct dl_lake_ahead *a, size_t i)
{
	struct slot *s;

	for (; a->at < i && a->at < a->next; a->at++) {
		s = &a->slots[a->at % DL_LAKE_AHEAD];
		if (s->ready && s->r > 0)
			close(s->fd);
		s->ready = false;
	}
	a->at = i;
	if (a->next < i)
		a->next = i;
}

int
dl_lake_ahead_open(
    struct dl_lake_ahead *a, size_t i, int *fd, struct dl_err *err)
{
	struct slot *s = &a->slots[i % DL_LAKE_AHEAD];
	bool mine;
	int r;

	pthread_mutex_lock(&a->lock);
	pass_over(a, i);
	mine = a->next == i;
	if (mine)
		a->next++;
	while (!mine && !s->ready)
		pthread_cond_wait(&a->changed, &a->lock);
	if (!mine) {
		r = s->r;
		*fd = s->fd;
		if (r < 0)
			*err = s->err;
		s->ready = false;
	}
	a->at = i + 1;
	a->taken++;
	pthread_cond_broadcast(&a->changed);
	pthread_mutex_unlock(&a->lock);
	if (mine)
		r = a->store->ops->open(a->store, a->items[i].part, fd, err);
	return r;
}

void
dl_lake_ahead_free(struct dl_lake_ahead *a)
{
	size_t i;

	if (a == NULL)
		return;
	pthread_mutex_lock(&a->lock);
	a->stop = true;
	pthread_cond_broadcast(&a->changed);
	pthread_mutex_unlock(&a->lock);
	for (i = 0; i < a->nthreads; i++)
		pthread_join(a->threads[i], NULL);
	pass_over(a, a->n);
	pthread_cond_destroy(&a->changed);
	pthread_mutex_destroy(&a->lock);
	free(a);
}
