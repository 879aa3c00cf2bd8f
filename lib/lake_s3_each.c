/* Many small requests, a few at a time. */
#include "lake_s3.h"

struct each {
	pthread_mutex_t lock;
	size_t n, next;
	dl_lake_s3_each_fn *fn;
	void *arg;
	struct dl_err failed;
};

static void *
run(void *arg)
{
	struct each *e = arg;
	struct dl_err err = {0};
	size_t i;

	pthread_mutex_lock(&e->lock);
	while (e->next < e->n && e->failed.status == DL_EXIT_OK) {
		i = e->next++;
		pthread_mutex_unlock(&e->lock);
		(void)e->fn(e->arg, i, &err);
		pthread_mutex_lock(&e->lock);
		if (err.status != DL_EXIT_OK && e->failed.status == DL_EXIT_OK)
			e->failed = err;
	}
	pthread_mutex_unlock(&e->lock);
	return NULL;
}

int
dl_lake_s3_each(size_t n, dl_lake_s3_each_fn *fn, void *arg, struct dl_err *err)
{
	struct each e = {.n = n, .fn = fn, .arg = arg};
	pthread_t threads[DL_LAKE_S3_THREADS - 1];
	sigset_t all, old;
	int i = 0;

	pthread_mutex_init(&e.lock, NULL);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	/* Where no more threads can be had, fewer do. */
	while (i < DL_LAKE_S3_THREADS - 1 && (size_t)i + 1 < n &&
	       pthread_create(&threads[i], NULL, run, &e) == 0)
		i++;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	(void)run(&e);
	while (i > 0)
		pthread_join(threads[--i], NULL);
	pthread_mutex_destroy(&e.lock);
	if (e.failed.status == DL_EXIT_OK)
		return 0;
	*err = e.failed;
	return -1;
}
