/* A server of nothing but a twin and its feed, and clients of that. */
#ifndef SERVE_HELP_H
#define SERVE_HELP_H

#include "serve_feed_private.h"
#include "serve_readers.h"
#include "twin_help.h"

#include <unistd.h>

/* Not every program needs all of twin_help.h. */
static inline void
serve_help_unused(void)
{
	(void)below;
	(void)append_names;
}

/* A server with nothing but a twin, and a feed of it. */
struct feed {
	char dir[64];
	struct dl_serve s;
	struct dl_grant grant;
	struct dl_serve_feed *f;
	struct dl_twin *reader;
};

/* A client: what it was sent, and what it makes of it. */
struct client {
	struct dl_serve_follower *w;
	_Atomic int wakes;
	struct dl_buf got;
	bool ended;
};

static void
feed_start(struct feed *t)
{
	struct dl_err err = {0};

	memset(t, 0, sizeof(*t));
	snprintf(t->dir, sizeof(t->dir), "%s", new_dir());
	pthread_mutex_init(&t->s.lock, NULL);
	t->s.twin = open_write(t->dir);
	t->s.readers = dl_serve_readers_new();
	t->grant = (struct dl_grant){
	    .rights = dl_rights_all(), .expires_s = INT64_MAX, .refs = 1};
	t->reader = dl_serve_reader(&t->s);
	if ((t->f = dl_serve_feed_start(&t->s, &err)) == NULL)
		fail_msg("%s", err.msg);
}

static void
feed_stop(struct feed *t)
{
	assert_int_equal(t->f->nfollowers, 0);
	assert_int_equal(t->f->ninterests, 0);
	assert_int_equal(t->f->held, 0);
	dl_serve_feed_stop(t->f);
	dl_serve_readers_free(t->s.readers);
	dl_rights_unref(t->grant.rights);
	dl_twin_close(t->s.twin);
	pthread_mutex_destroy(&t->s.lock);
}

static void
on_wake(void *arg)
{
	struct client *c = arg;

	c->wakes++;
}

static enum dl_serve_joined
join(struct feed *t, struct client *c, const char *prefix, const char *metric,
    int64_t since)
{
	struct dl_span metrics[1] = {dl_span_str(metric)};
	struct dl_serve_join j = {.wish = {.prefix = dl_span_str(prefix),
				      .metrics = metrics,
				      .nmetrics = metric != NULL},
	    .grant = &t->grant,
	    .resumes = since >= 0,
	    .since = since < 0 ? 0 : (uint64_t)since,
	    .reader = t->reader,
	    .wake = on_wake,
	    .arg = c};
	struct dl_err err = {0};

	memset(c, 0, sizeof(*c));
	return dl_serve_feed_join(t->f, &j, &c->w, &err);
}

/* Take what there is, in blocks of max bytes. */
static void
take_all(struct client *c, size_t max)
{
	char *p = dl_alloc(max);
	ssize_t n;

	while ((n = dl_serve_follower_fill(c->w, p, max)) > 0)
		dl_buf_add(&c->got, p, (size_t)n);
	c->ended = n < 0;
	free(p);
}

static void
leave(struct client *c)
{
	dl_serve_follower_done(c->w);
	dl_buf_release(&c->got);
}

static void
put_value(struct feed *t, const char *component, const char *data)
{
	static int n;
	char time[DL_TIME_MAX];
	struct dl_event ev;

	snprintf(time, sizeof(time), "2019-01-01T%02d:%02d:%02dZ", n / 3600,
	    n / 60 % 60, n % 60);
	n++;
	ev = observation(component, time, "i", data);
	put(t->s.twin, &ev);
}

/* Until the feed's thread has read all that was committed. */
static void
settle(struct feed *t)
{
	struct dl_serve_feed_counts counts;
	struct dl_err err = {0};
	uint64_t last;

	assert_int_equal(dl_twin_last_change(t->reader, &last, &err), 0);
	for (int i = 0; i < 20000; i++) {
		dl_serve_feed_counts(t->f, &counts);
		if (counts.newest >= last)
			return;
		usleep(1000);
	}
	fail_msg("change %llu was never read", (unsigned long long)last);
}

#endif
