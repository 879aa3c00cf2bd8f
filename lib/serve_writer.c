#include "serve_writer.h"

#include "log.h"
#include "serve_match.h"

#include <pthread.h>
#include <stdlib.h>

struct dl_serve_writer {
	struct dl_serve *s;
	struct dl_twin *twin;
	pthread_t thread;

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t some;
	struct dl_serve_put *first, **last; /* they wait */
	size_t count, bytes;                /* they, and what is written */
	bool stop;

	/* the thread's own */
	struct dl_serve_match match;
	bool failing;
};

static int
take_verdict(void *arg, const struct dl_twin_record *rec,
    enum dl_twin_verdict verdict, struct dl_err *err)
{
	struct dl_serve_writer *w = arg;
	struct dl_serve_metric *m;

	(void)err;
	/* That is told by dl_twin_put() itself, before it was taken. */
	if (verdict == DL_TWIN_FUTURE)
		return 0;
	if ((m = dl_serve_match_take(&w->match, rec)) != NULL) {
		m->verdict = verdict;
		m->event->put->undecided--;
	}
	return 0;
}

/* -1: the twin failed. */
static int
put_event(
    struct dl_serve_writer *w, struct dl_serve_event *e, struct dl_err *err)
{
	const struct dl_event ev = {.id = e->id,
	    .source = e->source,
	    .type = DL_SPAN(DL_TYPE_OBSERVATION),
	    .subject = e->subject,
	    .time = e->time,
	    .recordedtime = e->recordedtime,
	    .sequence = e->sequence,
	    .data = e->data};
	struct dl_err why;

	dl_err_clear(&why);
	switch (dl_twin_put(w->twin, &ev, &why)) {
	case DL_TWIN_PUT_OK:
		dl_serve_match_add(&w->match, e);
		return 0;
	case DL_TWIN_PUT_BAD:
		dl_serve_put_refuse(e->put, e, "observation", why.msg);
		return 0;
	case DL_TWIN_PUT_REFUSED:
		dl_serve_put_refuse(e->put, e, "future", why.msg);
		return 0;
	default:
		*err = why;
		return -1;
	}
}

static int
put_all(
    struct dl_serve_writer *w, struct dl_serve_put *round, struct dl_err *err)
{
	for (struct dl_serve_put *p = round; p != NULL; p = p->next)
		for (size_t i = 0; i < p->nevents; i++)
			if (p->events[i].code == NULL &&
			    put_event(w, &p->events[i], err) < 0)
				return -1;
	return dl_twin_commit(w->twin, err);
}

/* Write what a round of requests brought. */
static void
write_round(struct dl_serve_writer *w, struct dl_serve_put *round)
{
	struct dl_err err;
	size_t n = 0;

	for (struct dl_serve_put *p = round; p != NULL; p = p->next)
		n += p->nmetrics;
	dl_serve_match_clear(&w->match, n);
	dl_err_clear(&err);
	if (put_all(w, round, &err) == 0) {
		if (w->failing)
			dl_log(DL_LOG_INFO, "the twin can be written again");
		w->failing = false;
		return;
	}
	if (!w->failing)
		dl_log(DL_LOG_ERROR, "%s: events are turned away", err.msg);
	w->failing = true;
	dl_twin_forget(w->twin);
	dl_err_clear(&err);
	if (dl_twin_broken(w->twin, &err))
		dl_serve_fail(w->s, &err);
}

/*
 * Tell who waits.  Waking is done under the lock, so that nobody can leave in
 * the meantime; it does no more than put the request on a list.
 */
static void
end_round(struct dl_serve_writer *w, struct dl_serve_put *round)
{
	struct dl_serve_put *p, *next;

	pthread_mutex_lock(&w->lock);
	for (p = round; p != NULL; p = next) {
		next = p->next;
		w->count--;
		w->bytes -= p->bytes;
		p->queued = false;
		p->done = true;
		if (p->wake != NULL)
			p->wake(p->arg);
		else
			dl_serve_put_free(p);
	}
	pthread_mutex_unlock(&w->lock);
}

static struct dl_serve_put *
next_round(struct dl_serve_writer *w)
{
	struct dl_serve_put *round;

	pthread_mutex_lock(&w->lock);
	while (w->first == NULL && !w->stop)
		pthread_cond_wait(&w->some, &w->lock);
	round = w->first;
	w->first = NULL;
	w->last = &w->first;
	pthread_mutex_unlock(&w->lock);
	return round;
}

static void *
run(void *arg)
{
	struct dl_serve_writer *w = arg;
	struct dl_serve_put *round;

	while ((round = next_round(w)) != NULL) {
		write_round(w, round);
		end_round(w, round);
	}
	return NULL;
}

struct dl_serve_writer *
dl_serve_writer_start(struct dl_serve *s, struct dl_err *err)
{
	struct dl_serve_writer *w = dl_calloc(1, sizeof(*w));

	w->s = s;
	w->twin = s->twin;
	w->last = &w->first;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->some, NULL);
	dl_serve_match_init(&w->match);
	dl_twin_set_verdicts(w->twin, take_verdict, w);
	if (pthread_create(&w->thread, NULL, run, w) == 0)
		return w;
	dl_err_temp(err, "cannot start a thread to write the twin");
	dl_serve_match_release(&w->match);
	free(w);
	return NULL;
}

void
dl_serve_writer_stop(struct dl_serve_writer *w)
{
	if (w == NULL)
		return;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_signal(&w->some);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	dl_twin_set_verdicts(w->twin, NULL, NULL);
	dl_serve_match_release(&w->match);
	pthread_cond_destroy(&w->some);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

bool
dl_serve_writer_take(struct dl_serve_writer *w, struct dl_serve_put *put,
    void (*wake)(void *arg), void *arg)
{
	size_t bytes = dl_serve_put_bytes(put);
	bool room;

	pthread_mutex_lock(&w->lock);
	/* One alone is taken however large it is. */
	room = !w->stop && w->count < DL_SERVE_WAITING &&
	       (w->count == 0 || w->bytes + bytes <= DL_SERVE_WAITING_BYTES);
	if (room) {
		put->wake = wake;
		put->arg = arg;
		put->bytes = bytes;
		put->queued = true;
		put->next = NULL;
		*w->last = put;
		w->last = &put->next;
		w->count++;
		w->bytes += bytes;
		pthread_cond_signal(&w->some);
	}
	pthread_mutex_unlock(&w->lock);
	return room;
}

int
dl_serve_writer_done(struct dl_serve_writer *w, const struct dl_serve_put *put)
{
	int done = 0;

	pthread_mutex_lock(&w->lock);
	if (put->done)
		done = put->undecided == 0 ? 1 : -1;
	pthread_mutex_unlock(&w->lock);
	return done;
}

void
dl_serve_writer_leave(struct dl_serve_writer *w, struct dl_serve_put *put)
{
	bool queued;

	pthread_mutex_lock(&w->lock);
	queued = put->queued;
	put->wake = NULL;
	pthread_mutex_unlock(&w->lock);
	if (!queued)
		dl_serve_put_free(put);
}
