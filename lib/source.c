#include "source_private.h"

#include "checkpoint.h"
#include "io.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define READ_SIZE (256 << 10)
#define LAST_ID_AT "last-event-id-at" /* the URL that it is from */

/* Name the place of what is wrong with the URL. */
static int
fail_url(const struct dl_source_spec *spec, struct dl_err *err)
{
	if (spec->conf != NULL && err->status == DL_EXIT_CONF)
		dl_err_prefix(err, "%s:%d: 'url'", spec->path,
		    dl_conf_line_of(dl_conf_root(spec->conf), "url"));
	return -1;
}

static int
open_transport(
    struct dl_source *s, const struct dl_source_options *o, struct dl_err *err)
{
	const struct dl_source_spec *spec = s->spec;
	struct dl_transport_context context = {.spec = spec,
	    .home = s->home,
	    .round = &s->round,
	    .stop = s->stop,
	    .follow = o->follow,
	    .dry_run = o->look};

	s->secrets = dl_secret_refs_new(s->home, spec->name, s->stop);
	context.secrets = s->secrets;
	s->kind = dl_transport_find(spec->url, err);
	if (s->kind == NULL)
		return fail_url(spec, err);
	s->transport = s->kind->open(&context, err);
	return s->transport == NULL ? fail_url(spec, err) : 0;
}

/* An event's id counts where it is from; of another server it says nothing. */
static void
check_last_id(struct dl_source *s)
{
	struct dl_span at = dl_span_str(s->kind->shown(s->transport));

	if (!s->spec->stream ||
	    dl_span_eq(at, dl_source_state_text(s->state, LAST_ID_AT)))
		return;
	dl_source_state_set_text(s->state, DL_SOURCE_LAST_ID, DL_SPAN(""));
	dl_source_state_set_text(s->state, LAST_ID_AT, at);
}

static int
open_state(struct dl_source *s, struct dl_err *err)
{
	struct dl_span name = dl_span_str(s->spec->name);

	if (s->look) {
		s->state = dl_source_state_look(s->home, name, err);
		if (s->state == NULL)
			return -1;
		check_last_id(s);
		return 0;
	}
	s->lock = dl_head_lock(s->home, dl_span_str(s->key), err);
	if (s->lock < 0)
		return -1;
	s->state = dl_source_state_open(s->home, name, err);
	if (s->state == NULL)
		return -1;
	check_last_id(s);
	/* It is there now, and its path not too long. */
	snprintf(
	    s->dir, sizeof(s->dir), "%s/sources/%s", s->home, s->spec->name);
	dl_idset_init(&s->sent, s->dir);
	return 0;
}

static void
release(struct dl_source *s)
{
	if (s->transport != NULL)
		s->kind->close(s->transport);
	dl_source_round_close(s);
	dl_secret_refs_free(s->secrets);
	dl_source_state_close(s->state);
	dl_idset_release(&s->sent);
	dl_source_feed_close(s);
	dl_source_wrap_release(&s->wrap);
	dl_out_release(&s->out);
	if (s->lock >= 0)
		close(s->lock);
	free(s);
}

struct dl_source *
dl_source_open(const struct dl_source_spec *spec,
    const struct dl_source_options *o, struct dl_err *err)
{
	struct dl_source *s = dl_calloc(1, sizeof(*s));
	const char *dead = o->look ? "/dev/null" : o->dead;

	s->spec = spec;
	s->stop = o->stop;
	s->counts = o->counts;
	s->follow = o->follow;
	s->look = o->look;
	s->look_most = o->look_most;
	s->quiet = o->quiet;
	s->lock = -1;
	snprintf(s->key, sizeof(s->key), "source.%s", spec->name);
	dl_out_init(&s->out, STDOUT_FILENO, "<stdout>");
	if (o->home != NULL && snprintf(s->home, sizeof(s->home), "%s",
				   o->home) >= (int)sizeof(s->home)) {
		dl_err_usage(err, "the path '%s' is too long", o->home);
		goto fail;
	}
	/* What is wrong with the spec is told before anything is written. */
	if ((o->home != NULL && (open_transport(s, o, err) < 0 ||
				    dl_source_round_open(s, o, err) < 0)) ||
	    dl_source_wrap_init(&s->wrap, spec, err) < 0 ||
	    dl_source_feed_open(s, err) < 0)
		goto fail;
	if (o->check)
		return s;
	if ((o->home != NULL && open_state(s, err) < 0) ||
	    dl_dead_open(
		&s->dead, dead, "dl-source", dl_span_str(spec->name), err) < 0)
		goto fail;
	s->dead.counted = "item";
	return s;
fail:
	release(s);
	return NULL;
}

/* Before a read that would wait: write what is ready, the metric when due. */
static int
wait_read(struct dl_source *s, int fd, struct dl_err *err)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	for (;;) {
		bool ready = s->out.buf.len > 0 || s->dead.out.buf.len > 0;
		int due = dl_metric_wait_ms(), n;

		if (!ready && due < 0)
			return 0;
		n = poll(&p, 1, ready ? 0 : due);
		if (n > 0 || (n < 0 && errno != EINTR))
			return 0;
		if (ready && (dl_dead_sync(&s->dead, err) < 0 ||
				 dl_source_flush(s, err) < 0))
			return -1;
		dl_metric_tick();
	}
}

int
dl_source_read(struct dl_source *s, int fd, struct dl_err *err)
{
	char *bytes = dl_alloc(READ_SIZE);
	bool cut_off;
	ssize_t n;
	int r = -1;

	dl_widen_pipe(fd);
	dl_source_feed_start(s, "<stdin>", "");
	for (;;) {
		if (wait_read(s, fd, err) < 0)
			goto out;
		if ((n = read(fd, bytes, READ_SIZE)) == 0)
			break;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			dl_err_errno(err, "cannot read <stdin>");
			goto out;
		}
		dl_source_wrap_now(&s->wrap);
		if (dl_source_feed(s, bytes, (size_t)n, err) < 0)
			goto out;
	}
	r = dl_source_feed_end(s, &cut_off, err);
out:
	free(bytes);
	if (s->enough) {
		dl_err_clear(err);
		return dl_source_flush(s, err);
	}
	return r < 0 ? dl_source_fail(s) : 0;
}

int
dl_source_close(struct dl_source *s, struct dl_err *err)
{
	int r = dl_dead_close(&s->dead, err);

	if (r == 0)
		r = dl_source_flush(s, err);
	if (r == 0)
		dl_counts_log(s->counts);
	release(s);
	return r;
}
