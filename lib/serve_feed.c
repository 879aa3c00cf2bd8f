#include "serve_feed.h"

#include "serve_feed_private.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

bool
dl_serve_interest_has(const struct dl_serve_interest *i,
    struct dl_span component, struct dl_span metric)
{
	size_t m = 0;

	if (component.len < i->prefix.len ||
	    (i->prefix.len > 0 &&
		memcmp(component.p, i->prefix.p, i->prefix.len) != 0))
		return false;
	while (m < i->nmetrics && !dl_span_eq(i->metrics[m], metric))
		m++;
	if (m == i->nmetrics && m > 0)
		return false;
	return i->every ||
	       dl_rights_metric(i->rights, DL_RIGHT_READ, component, metric);
}

static bool
is_wish(const struct dl_serve_interest *i, const struct dl_serve_wish *w,
    const struct dl_rights *rights)
{
	if (i->rights != rights || i->nmetrics != w->nmetrics ||
	    !dl_span_eq(i->prefix, w->prefix))
		return false;
	for (size_t m = 0; m < w->nmetrics; m++)
		if (!dl_span_eq(i->metrics[m], w->metrics[m]))
			return false;
	return true;
}

static struct dl_span
keep(char **to, struct dl_span s)
{
	struct dl_span kept = dl_span(*to, s.len);

	if (s.len > 0)
		memcpy(*to, s.p, s.len);
	*to += s.len;
	return kept;
}

static struct dl_serve_interest *
interest_new(const struct dl_serve_wish *w, struct dl_rights *rights)
{
	struct dl_serve_interest *i = dl_calloc(1, sizeof(*i));
	size_t bytes = w->prefix.len + 1;
	char *p;

	for (size_t m = 0; m < w->nmetrics; m++)
		bytes += w->metrics[m].len;
	p = i->texts = dl_alloc(bytes);
	i->prefix = keep(&p, w->prefix);
	i->nmetrics = w->nmetrics;
	i->metrics = dl_calloc(w->nmetrics + 1, sizeof(*i->metrics));
	for (size_t m = 0; m < w->nmetrics; m++)
		i->metrics[m] = keep(&p, w->metrics[m]);
	i->rights = dl_rights_ref(rights);
	i->every = dl_rights_every(rights, DL_RIGHT_READ);
	return i;
}

/* A reference to what they ask for who ask for the same; the lock is held. */
static struct dl_serve_interest *
interest_of(struct dl_serve_feed *f, const struct dl_serve_wish *w,
    struct dl_rights *rights)
{
	struct dl_serve_interest *i = f->interests;

	while (i != NULL && !is_wish(i, w, rights))
		i = i->next;
	if (i == NULL) {
		i = interest_new(w, rights);
		i->next = f->interests;
		i->link = &f->interests;
		if (i->next != NULL)
			i->next->link = &i->next;
		f->interests = i;
		f->ninterests++;
	}
	i->refs++;
	return i;
}

void
dl_serve_interest_unref(struct dl_serve_feed *f, struct dl_serve_interest *i)
{
	if (--i->refs > 0)
		return;
	*i->link = i->next;
	if (i->next != NULL)
		i->next->link = i->link;
	f->ninterests--;
	dl_rights_unref(i->rights);
	free(i->metrics);
	free(i->texts);
	free(i);
}

/* What comes first: how to come again, and where it is. */
static void
greet(struct dl_serve_follower *w, const char *event, uint64_t pos)
{
	w->pos = pos;
	dl_buf_adds(&w->held, "retry: 1000\n");
	if (event == NULL)
		dl_buf_printf(
		    &w->held, ":\nid: %llu\n\n", (unsigned long long)pos);
	else
		dl_buf_printf(&w->held, "event: %s\nid: %llu\ndata: {}\n\n",
		    event, (unsigned long long)pos);
}

static struct dl_serve_follower *
follower_new(
    struct dl_serve_feed *f, const struct dl_serve_join *join, uint64_t last)
{
	struct dl_serve_follower *w = dl_calloc(1, sizeof(*w));

	w->feed = f;
	w->grant = dl_grant_ref(join->grant);
	w->wake = join->wake;
	w->arg = join->arg;
	w->sent_ms = dl_clock_ms();
	if (!join->resumes)
		greet(w, "ready", last);
	else if (join->since > last)
		greet(w, "reset", last);
	else
		greet(w, NULL, join->since);
	return w;
}

static void
follower_free(struct dl_serve_follower *w)
{
	dl_grant_unref(w->grant);
	dl_buf_release(&w->held);
	free(w);
}

enum dl_serve_joined
dl_serve_feed_join(struct dl_serve_feed *f, const struct dl_serve_join *join,
    struct dl_serve_follower **follower, struct dl_err *err)
{
	struct dl_serve_follower *w;
	uint64_t last;
	bool full;

	/* Not the tailer's: what was put before is not "from now on". */
	if (dl_twin_last_change(join->reader, &last, err) < 0)
		return DL_SERVE_JOIN_FAIL;
	w = follower_new(f, join, last);
	pthread_mutex_lock(&f->lock);
	full = f->nfollowers >= f->most;
	if (!full) {
		w->interest = interest_of(f, &join->wish, join->grant->rights);
		w->next = f->followers;
		w->link = &f->followers;
		if (w->next != NULL)
			w->next->link = &w->next;
		f->followers = w;
		f->nfollowers++;
	}
	pthread_mutex_unlock(&f->lock);
	if (full) {
		follower_free(w);
		return DL_SERVE_FULL;
	}
	*follower = w;
	return DL_SERVE_JOINED;
}

void
dl_serve_follower_done(void *arg)
{
	struct dl_serve_follower *w = arg;
	struct dl_serve_feed *f = w->feed;

	pthread_mutex_lock(&f->lock);
	*w->link = w->next;
	if (w->next != NULL)
		w->next->link = w->link;
	f->nfollowers--;
	if (w->held_counted)
		f->held -= w->held.len;
	dl_serve_interest_unref(f, w->interest);
	pthread_mutex_unlock(&f->lock);
	follower_free(w);
}

void
dl_serve_follower_end(struct dl_serve_follower *w)
{
	if (!w->ended && w->started)
		w->wake(w->arg);
	w->ended = true;
}

void
dl_serve_feed_end_all(struct dl_serve_feed *f)
{
	if (f == NULL)
		return;
	pthread_mutex_lock(&f->lock);
	for (struct dl_serve_follower *w = f->followers; w != NULL; w = w->next)
		dl_serve_follower_end(w);
	pthread_mutex_unlock(&f->lock);
}

void
dl_serve_feed_counts(struct dl_serve_feed *f, struct dl_serve_feed_counts *c)
{
	pthread_mutex_lock(&f->lock);
	*c = (struct dl_serve_feed_counts){.followers = f->nfollowers,
	    .ring_bytes = dl_serve_ring_bytes(f->ring),
	    .held_bytes = f->held,
	    .newest = dl_serve_ring_newest(f->ring)};
	pthread_mutex_unlock(&f->lock);
}

/* Signals are for the thread that waits for them. */
static int
start_thread(struct dl_serve_feed *f, struct dl_err *err)
{
	sigset_t all, was;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	rc = pthread_create(&f->thread, NULL, dl_serve_tail, f);
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	if (rc != 0)
		return dl_err_temp(
		    err, "cannot start a thread: %s", strerror(rc));
	return 0;
}

static void
feed_free(struct dl_serve_feed *f)
{
	for (int i = 0; i < 2; i++)
		if (f->stop[i] >= 0)
			close(f->stop[i]);
	dl_serve_ring_free(f->ring);
	dl_serve_block_unref(f->making);
	dl_twin_close(f->reader);
	free(f->asked);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

struct dl_serve_feed *
dl_serve_feed_start(struct dl_serve *s, struct dl_err *err)
{
	struct dl_serve_feed *f = dl_calloc(1, sizeof(*f));
	const char *path = dl_twin_data_path(s->twin);
	struct stat st;
	uint64_t last;

	f->s = s;
	f->beat_ms = DL_SERVE_BEAT_MS;
	f->most =
	    s->conf.streams > 0 ? (size_t)s->conf.streams : DL_SERVE_FOLLOWERS;
	f->stop[0] = f->stop[1] = -1;
	pthread_mutex_init(&f->lock, NULL);
	if (stat(path, &st) < 0) {
		dl_err_errno(err, "cannot find '%s'", path);
	} else if (pipe2(f->stop, O_CLOEXEC) < 0) {
		dl_err_errno(err, "cannot make a pipe");
	} else if ((f->reader = dl_twin_reader(s->twin)) != NULL &&
		   dl_twin_last_change(f->reader, &last, err) == 0) {
		f->dev = st.st_dev;
		f->ino = st.st_ino;
		f->ring = dl_serve_ring_new(last, DL_SERVE_RING_BYTES);
		if (start_thread(f, err) == 0)
			return f;
	}
	feed_free(f);
	return NULL;
}

void
dl_serve_feed_stop(struct dl_serve_feed *f)
{
	if (f == NULL)
		return;
	close(f->stop[0]);
	f->stop[0] = -1;
	pthread_join(f->thread, NULL);
	feed_free(f);
}
