/* The files of a directory, or of a pattern: each that is new, or grew. */
#include "files_private.h"

#include "clock.h"
#include "files_url.h"
#include "expand.h"
#include "log.h"
#include "metric.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define NAP_MS 50 /* a signal just before a wait is seen this late */

static void *
files_open(const struct dl_transport_context *c, struct dl_err *err)
{
	char *pattern = dl_files_url_pattern(c->spec->url, err);
	struct dl_files *t;

	if (pattern == NULL)
		return NULL;
	t = dl_calloc(1, sizeof(*t));
	t->c = *c;
	t->pattern = pattern;
	t->bytes = dl_alloc(DL_FILES_READ);
	t->hash = dl_files_hash_new(c->stop);
	t->rows.stop = c->stop;
	t->rows.delimiter = *c->spec->delimiter;
	t->plain = dl_files_rows_newline(c->spec->encoding) &&
	           (c->spec->unpack == DL_EXPAND_NONE ||
		       c->spec->unpack == DL_EXPAND_AUTO);
	return t;
}

static void
files_close(void *arg)
{
	struct dl_files *t = arg;

	dl_files_list_release(&t->list);
	dl_files_hash_free(t->hash);
	dl_buf_release(&t->header);
	dl_seen_release(&t->half);
	free(t->bytes);
	free(t->pattern);
	free(t);
}

static const char *
files_shown(const void *arg)
{
	const struct dl_files *t = arg;

	return t->c.spec->url;
}

enum dl_files_outcome
dl_files_pass_over(struct dl_files *t, const struct dl_err *why)
{
	if (t->failed++ == 0)
		t->first = *why;
	return DL_FILES_GOES_ON;
}

/* Open what has changed, and look at what was opened: 1, 0 it is gone, -1. */
static int
open_file(struct dl_file *f, struct dl_err *why)
{
	f->fd = open(f->name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (f->fd < 0 && errno == ENOENT)
		return 0;
	if (f->fd < 0)
		return dl_err_errno(why, "cannot open '%s'", f->name);
	(void)posix_fadvise(f->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	return dl_files_status(&f->now, f->fd, f->name, why);
}

/* Is there anything to be read of it? */
static bool
is_new(struct dl_files *t, struct dl_file *f)
{
	struct dl_err why = {0};

	if (!f->now.regular || f->now.size == 0)
		return false;
	if (f->now.size > DL_FILES_SIZE_MAX) {
		dl_err_data(&why, "'%s' has %lld bytes: too many", f->name,
		    (long long)f->now.size);
		dl_files_pass_over(t, &why);
		return false;
	}
	f->known = dl_files_mark_get(t->st, f->now.key, &f->mark);
	return !f->known || f->mark.print != f->now.print ||
	       f->mark.read != f->now.size;
}

static enum dl_files_outcome
take_file(struct dl_files *t, const char *name, struct dl_err *err)
{
	struct dl_file f = {.name = name, .fd = -1};
	struct dl_err why = {0};
	enum dl_files_outcome r = DL_FILES_GOES_ON;
	int there;

	there = dl_files_status(&f.now, -1, name, &why);
	if (there > 0 && !is_new(t, &f))
		return DL_FILES_GOES_ON;
	if (there > 0)
		there = open_file(&f, &why);
	if (there < 0) {
		dl_files_pass_over(t, &why);
	} else if (there > 0 && is_new(t, &f)) {
		dl_files_url_print(&f.url, name);
		r = dl_files_read(t, &f, err);
	}
	if (f.fd >= 0)
		close(f.fd);
	dl_buf_release(&f.url);
	return r;
}

static enum dl_files_outcome
take_all(struct dl_files *t, struct dl_err *err)
{
	enum dl_files_outcome r = DL_FILES_GOES_ON;

	t->failed = 0;
	t->wait_ms = 0;
	t->busy = false;
	dl_err_clear(&t->first);
	if (dl_files_list(&t->list, t->pattern, &t->first, err) < 0)
		return DL_FILES_FAILED;
	t->failed = t->first.status != DL_EXIT_OK;
	for (size_t i = 0; r == DL_FILES_GOES_ON && i < t->list.n; i++) {
		dl_metric_tick();
		r = *t->c.stop
		        ? DL_FILES_STOPPED
		        : take_file(t, dl_files_list_name(&t->list, i), err);
	}
	return r;
}

/*
 * Wait until all is quiet, if that does not take longer than until the next
 * poll: 1 it may be now, 0.
 */
static int
wait_until_quiet(const struct dl_files *t)
{
	const struct timespec nap = {0, NAP_MS * 1000000L};
	int64_t until = dl_clock_ms() + t->wait_ms;

	if (t->wait_ms <= 0 ||
	    (t->c.follow && t->c.spec->every_ms <= t->wait_ms))
		return 0;
	while (!*t->c.stop && dl_clock_ms() <= until) {
		nanosleep(&nap, NULL);
		dl_metric_tick();
	}
	return 1;
}

static void
tell_busy(const struct dl_files *t)
{
	if (t->busy)
		dl_log(DL_LOG_WARN,
		    "%s: a document is being written, and is left for the "
		    "next time",
		    t->c.spec->url);
}

static enum dl_transport_result
files_acquire(void *arg, struct dl_source_state *st,
    const struct dl_taker *taker, int64_t *after_ms, struct dl_err *err)
{
	struct dl_files *t = arg;
	enum dl_files_outcome r;

	*after_ms = -1;
	t->taker = taker;
	t->st = st;
	t->some = false;
	r = take_all(t, err);
	if (r == DL_FILES_GOES_ON && wait_until_quiet(t)) {
		r = take_all(t, err);
		if (r == DL_FILES_GOES_ON)
			tell_busy(t);
	}
	if (r != DL_FILES_GOES_ON)
		return r == DL_FILES_STOPPED ? DL_TRANSPORT_STOPPED
		                             : DL_TRANSPORT_FAIL;
	if (t->failed == 0)
		return t->some ? DL_TRANSPORT_DONE : DL_TRANSPORT_NOTHING;
	*err = t->first;
	if (t->failed > 1)
		dl_err_prefix(err, "%u of the files cannot be read, the first",
		    t->failed);
	return DL_TRANSPORT_FAIL;
}

const struct dl_transport_kind dl_transport_files = {
    .name = "files",
    .open = files_open,
    .acquire = files_acquire,
    .shown = files_shown,
    .close = files_close,
};
