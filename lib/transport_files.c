/* The files of a directory, or of a pattern: each that is new, or grew. */
#include "transport.h"

#include "buf.h"
#include "clock.h"
#include "files_list.h"
#include "files_mark.h"
#include "files_rows.h"
#include "files_url.h"
#include "expand.h"
#include "log.h"
#include "metric.h"
#include "seen.h"
#include "source_guess.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define READ_SIZE (256 << 10)
#define PIECE (8 << 20)  /* of lines: about what is between two positions */
#define SETTLE_MS 2000   /* a document that was quiet so long is whole */
#define WRITTEN_MS 60000 /* ... and one that breaks off is so for good */
#define LINE_MS 10000    /* ... and so is a last line without its end */
#define NAP_MS 50        /* a signal just before a wait is seen this late */
#define HEADER_SLACK 16  /* a byte order mark and line ends, past max_item */

struct files {
	struct dl_transport_context c;
	char *pattern;
	bool plain; /* lines end in the byte \n, by encoding and unpack */
	char *bytes;
	struct dl_files_list list;
	struct dl_files_hash *hash;
	struct dl_files_rows rows;
	struct dl_buf header;
	struct dl_seen half; /* the prints of documents that broke off */

	/* Of the acquisition at hand. */
	const struct dl_taker *taker;
	struct dl_source_state *st;
	bool some;           /* something was handed over */
	int64_t wait_ms;     /* until all that is there is quiet, or 0 */
	bool busy;           /* a document isn't */
	struct dl_err first; /* of the files that could not be read ... */
	unsigned failed;     /* ... and how many there are */
};

struct file {
	const char *name;
	struct dl_buf url;
	int fd;
	enum dl_items_format format;
	struct dl_files_status now;
	struct dl_files_mark mark;
	bool known; /* mark is what was read of it */
};

/* What became of a file, or of all. */
enum outcome {
	FAILED = -1, /* err is filled, and no taker called again */
	GOES_ON = 0,
	STOPPED = 1
};

static void *
files_open(const struct dl_transport_context *c, struct dl_err *err)
{
	char *pattern = dl_files_url_pattern(c->spec->url, err);
	struct files *t;

	if (pattern == NULL)
		return NULL;
	t = dl_calloc(1, sizeof(*t));
	t->c = *c;
	t->pattern = pattern;
	t->bytes = dl_alloc(READ_SIZE);
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
	struct files *t = arg;

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
	const struct files *t = arg;

	return t->c.spec->url;
}

/* A file can't be read: the others go on. */
static enum outcome
pass_over(struct files *t, const struct dl_err *why)
{
	if (t->failed++ == 0)
		t->first = *why;
	return GOES_ON;
}

static void
wait_for(struct files *t, int64_t ms)
{
	if (ms > t->wait_ms)
		t->wait_ms = ms;
}

/* Do the first bytes say that it is packed, or may be? */
static bool
packed(const struct files *t, const struct file *f)
{
	char head[DL_EXPAND_HEAD];
	ssize_t n;

	if (t->c.spec->unpack == DL_EXPAND_NONE)
		return false;
	n = pread(f->fd, head, sizeof(head), 0);
	return n > 1 && dl_expand_tell(head, (size_t)n) != DL_EXPAND_NONE;
}

/* May it be read on from where it ended?  Else it is one document. */
static bool
has_lines(const struct files *t, struct file *f)
{
	f->format = (enum dl_items_format)t->c.spec->format;
	if (f->format == DL_ITEMS_AUTO &&
	    dl_source_guess("", dl_buf_str(&f->url), t->c.spec->items,
		DL_SPAN(""), false, &f->format) != 1)
		return false;
	switch (f->format) {
	case DL_ITEMS_NDJSON:
	case DL_ITEMS_CSV:
	case DL_ITEMS_TSV:
	case DL_ITEMS_TEXT:
		return t->plain && !packed(t, f);
	default:
		return false;
	}
}

/* Has it changed since we began to read it? */
static bool
has_changed(const struct file *f)
{
	struct dl_files_status now;
	struct dl_err ignored = {0};

	return dl_files_status(&now, f->fd, f->name, &ignored) != 1 ||
	       now.print != f->now.print;
}

/* The taker has failed at a document that begins at from. */
static enum outcome
refused(const struct file *f, int64_t from, struct dl_err *err)
{
	if (err->status != DL_EXIT_DATA)
		return FAILED;
	if (from > 0)
		dl_err_prefix(err, "after byte %lld", (long long)from);
	/* A mixture of before and after is nobody's fault. */
	if (has_changed(f)) {
		dl_err_prefix(err, "it was written while it was read");
		err->status = DL_EXIT_TEMP;
	}
	return FAILED;
}

/* A document breaks off: whoever writes it may have paused. */
static enum outcome
broken_off(struct files *t, const struct file *f, struct dl_err *err)
{
	struct dl_err why = *err;

	if (f->now.quiet_ms >= WRITTEN_MS || err->status != DL_EXIT_DATA)
		return refused(f, 0, err);
	(void)dl_seen_put(&t->half, f->now.key, f->now.print);
	dl_err_prefix(&why, "not whole yet");
	why.status = DL_EXIT_TEMP;
	dl_err_clear(err);
	return pass_over(t, &why);
}

/* Did it break off, and is as it was?  Then its items come no second time. */
static bool
is_half_still(struct files *t, const struct file *f)
{
	struct dl_err why = {0};
	uint64_t print;

	if (f->now.quiet_ms >= WRITTEN_MS ||
	    !dl_seen_get(&t->half, f->now.key, &print) || print != f->now.print)
		return false;
	dl_err_temp(&why, "'%s' is not whole yet", f->name);
	pass_over(t, &why);
	return true;
}

/* Some bytes from *at on: how many, 0 it is shorter than it was, -1. */
static ssize_t
read_some(struct files *t, const struct file *f, int64_t at, int64_t end,
    struct dl_err *why)
{
	size_t n = end - at < READ_SIZE ? (size_t)(end - at) : READ_SIZE;
	ssize_t got;

	do
		got = pread(f->fd, t->bytes, n, at);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		dl_err_errno(why, "cannot read '%s'", f->name);
	return got;
}

/*
 * Hand over the bytes from *at to end as a document; of lines, to the end of the
 * one at which there is enough.  *at is then where the document ended, or
 * where it began, if the file can't be read to there.
 */
static enum outcome
hand_over(struct files *t, struct file *f, int64_t *at, int64_t end, bool lines,
    struct dl_err *err)
{
	const struct dl_taker *to = t->taker;
	struct dl_err why = {0};
	int64_t from = *at, now = from;
	bool cut_off, enough = false;
	size_t rows;
	ssize_t n;

	t->some = true;
	dl_files_rows_start(&t->rows);
	if (to->begin(to->arg, dl_buf_str(&f->url), "", err) < 0)
		return FAILED;
	if (from > 0 && t->header.len > 0 &&
	    to->bytes(to->arg, t->header.p, t->header.len, err) < 0)
		return refused(f, from, err);
	while (now < end && !enough) {
		/* A piece of lines is soon whole, if it has any. */
		if (*t->c.stop && (!lines || now - from >= PIECE))
			return STOPPED;
		dl_metric_tick();
		if ((n = read_some(t, f, now, end, &why)) < 0)
			return pass_over(t, &why);
		if (n == 0)
			return GOES_ON;
		rows = lines ? dl_files_rows_feed(&t->rows, t->bytes, (size_t)n)
		             : 0;
		enough = rows > 0 && now + n - from >= PIECE;
		if (enough)
			n = (ssize_t)rows;
		dl_files_hash_add(t->hash, t->bytes, (size_t)n);
		if (to->bytes(to->arg, t->bytes, (size_t)n, err) < 0)
			return refused(f, from, err);
		now += n;
	}
	if (to->end(to->arg, &cut_off, err) < 0)
		return cut_off ? broken_off(t, f, err) : refused(f, from, err);
	*at = now;
	return GOES_ON;
}

/* It was read up to read: that is a position. */
static enum outcome
remember(struct files *t, const struct file *f, int64_t read, bool handed,
    struct dl_err *err)
{
	struct dl_files_mark m = {.read = read,
	    .print = read < f->now.size ? DL_FILES_NO_PRINT : f->now.print,
	    .same = dl_files_hash_value(t->hash)};

	dl_files_mark_set(t->st, f->now.key, &m);
	if (handed && t->taker->pause(t->taker->arg, err) < 0)
		return FAILED;
	return GOES_ON;
}

/* Is what was read of it still there?  1, with the hash of it; 0, -1. */
static int
is_same(struct files *t, const struct file *f, int64_t most, struct dl_err *why)
{
	int r;

	dl_files_hash_start(t->hash, most);
	if (!f->known || f->mark.read > f->now.size)
		return 0;
	r = dl_files_hash_file(t->hash, f->fd, f->mark.read, f->name, why);
	if (r == 1 && dl_files_hash_value(t->hash) == f->mark.same)
		return 1;
	dl_files_hash_start(t->hash, most);
	return r < 0 ? -1 : 0;
}

static enum outcome
read_whole(struct files *t, struct file *f, struct dl_err *err)
{
	int64_t at = 0, most = t->c.spec->limits.max_bytes;
	struct dl_err why = {0};
	enum outcome r;
	int same;

	if (f->now.quiet_ms < SETTLE_MS) {
		t->busy = true;
		wait_for(t, SETTLE_MS - f->now.quiet_ms);
		return GOES_ON;
	}
	if (is_half_still(t, f))
		return GOES_ON;
	if (most > 0 && f->now.size > most) {
		dl_err_data(&why,
		    "'%s' has %lld bytes, more than the %lld that 'max_bytes' "
		    "allows",
		    f->name, (long long)f->now.size, (long long)most);
		return pass_over(t, &why);
	}
	if ((same = is_same(t, f, INT64_MAX, &why)) < 0)
		return pass_over(t, &why);
	if (same > 0 && f->mark.read == f->now.size)
		return remember(t, f, f->now.size, false, err);
	dl_files_hash_start(t->hash, INT64_MAX);
	r = hand_over(t, f, &at, f->now.size, false, err);
	if (r != GOES_ON || at < f->now.size)
		return r;
	/* What was written meanwhile is told by the status, next time. */
	return remember(t, f, at, true, err);
}

/*
 * The header that a reader of the rest needs: 1 it is there, if it needs one;
 * 0 there is none, -1.
 */
static int
take_header(struct files *t, const struct file *f, struct dl_err *why)
{
	const struct dl_source_spec *spec = t->c.spec;
	int64_t n;
	ssize_t got;

	dl_buf_clear(&t->header);
	if ((f->format != DL_ITEMS_CSV && f->format != DL_ITEMS_TSV) ||
	    spec->columns.names != NULL)
		return 1;
	n = dl_files_rows_first(
	    &t->rows, f->fd, spec->max_item + HEADER_SLACK, f->name, why);
	if (n <= 0)
		return (int)n;
	dl_buf_room(&t->header, (size_t)n);
	if ((got = pread(f->fd, t->header.p, (size_t)n, 0)) < 0)
		return dl_err_errno(why, "cannot read '%s'", f->name);
	t->header.len = (size_t)got;
	return got == n;
}

/* Where to read on, of lines: the beginning, or where it ended; -1. */
static int64_t
start_of(struct files *t, const struct file *f, struct dl_err *why)
{
	int r = is_same(t, f, DL_FILES_SAME_MAX, why);

	if (r > 0 && f->mark.read > 0)
		r = take_header(t, f, why);
	if (r > 0)
		return f->mark.read;
	dl_files_hash_start(t->hash, DL_FILES_SAME_MAX);
	return r < 0 ? -1 : 0;
}

static enum outcome
read_lines(struct files *t, struct file *f, struct dl_err *err)
{
	int64_t at, end = f->now.size, was;
	struct dl_err why = {0};
	enum outcome r = GOES_ON;

	t->rows.csv = f->format == DL_ITEMS_CSV;
	if ((at = start_of(t, f, &why)) < 0)
		return pass_over(t, &why);
	if (f->now.quiet_ms < LINE_MS) {
		end =
		    dl_files_rows_last(&t->rows, f->fd, at, end, f->name, &why);
		if (end < 0)
			return pass_over(t, &why);
	}
	if (end < f->now.size)
		wait_for(t, LINE_MS - f->now.quiet_ms);
	if (at == end)
		return f->known && at == f->mark.read
		           ? remember(t, f, at, false, err)
		           : GOES_ON;
	while (r == GOES_ON && at < end) {
		if (*t->c.stop)
			return STOPPED;
		was = at;
		r = hand_over(t, f, &at, end, true, err);
		if (r != GOES_ON || at == was)
			break;
		r = remember(t, f, at, true, err);
	}
	return r;
}

/* Open what has changed, and look at what was opened: 1, 0 it is gone, -1. */
static int
open_file(struct file *f, struct dl_err *why)
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
is_new(struct files *t, struct file *f)
{
	struct dl_err why = {0};

	if (!f->now.regular || f->now.size == 0)
		return false;
	if (f->now.size > DL_FILES_SIZE_MAX) {
		dl_err_data(&why, "'%s' has %lld bytes: too many", f->name,
		    (long long)f->now.size);
		pass_over(t, &why);
		return false;
	}
	f->known = dl_files_mark_get(t->st, f->now.key, &f->mark);
	return !f->known || f->mark.print != f->now.print ||
	       f->mark.read != f->now.size;
}

static enum outcome
take_file(struct files *t, const char *name, struct dl_err *err)
{
	struct file f = {.name = name, .fd = -1};
	struct dl_err why = {0};
	enum outcome r = GOES_ON;
	int there;

	there = dl_files_status(&f.now, -1, name, &why);
	if (there > 0 && !is_new(t, &f))
		return GOES_ON;
	if (there > 0)
		there = open_file(&f, &why);
	if (there < 0) {
		pass_over(t, &why);
	} else if (there > 0 && is_new(t, &f)) {
		dl_files_url_print(&f.url, name);
		r = has_lines(t, &f) ? read_lines(t, &f, err)
		                     : read_whole(t, &f, err);
	}
	if (f.fd >= 0)
		close(f.fd);
	dl_buf_release(&f.url);
	return r;
}

static enum outcome
take_all(struct files *t, struct dl_err *err)
{
	enum outcome r = GOES_ON;

	t->failed = 0;
	t->wait_ms = 0;
	t->busy = false;
	dl_err_clear(&t->first);
	if (dl_files_list(&t->list, t->pattern, &t->first, err) < 0)
		return FAILED;
	t->failed = t->first.status != DL_EXIT_OK;
	for (size_t i = 0; r == GOES_ON && i < t->list.n; i++) {
		dl_metric_tick();
		r = *t->c.stop
		        ? STOPPED
		        : take_file(t, dl_files_list_name(&t->list, i), err);
	}
	return r;
}

/*
 * Wait until all is quiet, if that does not take longer than until the next
 * poll: 1 it may be now, 0.
 */
static int
wait_until_quiet(const struct files *t)
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
tell_busy(const struct files *t)
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
	struct files *t = arg;
	enum outcome r;

	*after_ms = -1;
	t->taker = taker;
	t->st = st;
	t->some = false;
	r = take_all(t, err);
	if (r == GOES_ON && wait_until_quiet(t)) {
		r = take_all(t, err);
		if (r == GOES_ON)
			tell_busy(t);
	}
	if (r != GOES_ON)
		return r == STOPPED ? DL_TRANSPORT_STOPPED : DL_TRANSPORT_FAIL;
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
