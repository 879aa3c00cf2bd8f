/* What is read of a file: lines that were added, or a whole document. */
#include "files_private.h"

#include "expand.h"
#include "metric.h"
#include "source_guess.h"

#include <errno.h>
#include <unistd.h>

#define PIECE (8 << 20)  /* of lines: about what is between two positions */
#define SETTLE_MS 2000   /* a document that was quiet so long is whole */
#define WRITTEN_MS 60000 /* ... and one that breaks off is so for good */
#define LINE_MS 10000    /* ... and so is a last line without its end */
#define HEADER_SLACK 16  /* a byte order mark and line ends, past max_item */

static void
wait_for(struct dl_files *t, int64_t ms)
{
	if (ms > t->wait_ms)
		t->wait_ms = ms;
}

/* Do the first bytes say that it is packed, or may be? */
static bool
packed(const struct dl_files *t, const struct dl_file *f)
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
has_lines(const struct dl_files *t, struct dl_file *f)
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
has_changed(const struct dl_file *f)
{
	struct dl_files_status now;
	struct dl_err ignored = {0};

	return dl_files_status(&now, f->fd, f->name, &ignored) != 1 ||
	       now.print != f->now.print;
}

/* The taker has failed at a document that begins at from. */
static enum dl_files_outcome
refused(const struct dl_file *f, int64_t from, struct dl_err *err)
{
	if (err->status != DL_EXIT_DATA)
		return DL_FILES_FAILED;
	if (from > 0)
		dl_err_prefix(err, "after byte %lld", (long long)from);
	/* A mixture of before and after is nobody's fault. */
	if (has_changed(f)) {
		dl_err_prefix(err, "it was written while it was read");
		err->status = DL_EXIT_TEMP;
	}
	return DL_FILES_FAILED;
}

/* A document breaks off: whoever writes it may have paused. */
static enum dl_files_outcome
broken_off(struct dl_files *t, const struct dl_file *f, struct dl_err *err)
{
	struct dl_err why = *err;

	if (f->now.quiet_ms >= WRITTEN_MS || err->status != DL_EXIT_DATA)
		return refused(f, 0, err);
	(void)dl_seen_put(&t->half, f->now.key, f->now.print);
	dl_err_prefix(&why, "not whole yet");
	why.status = DL_EXIT_TEMP;
	dl_err_clear(err);
	return dl_files_pass_over(t, &why);
}

/* Did it break off, and is as it was?  Then its items come no second time. */
static bool
is_half_still(struct dl_files *t, const struct dl_file *f)
{
	struct dl_err why = {0};
	uint64_t print;

	if (f->now.quiet_ms >= WRITTEN_MS ||
	    !dl_seen_get(&t->half, f->now.key, &print) || print != f->now.print)
		return false;
	dl_err_temp(&why, "'%s' is not whole yet", f->name);
	dl_files_pass_over(t, &why);
	return true;
}

/* Some bytes from *at on: how many, 0 it is shorter than it was, -1. */
static ssize_t
read_some(struct dl_files *t, const struct dl_file *f, int64_t at, int64_t end,
    struct dl_err *why)
{
	size_t n =
	    end - at < DL_FILES_READ ? (size_t)(end - at) : DL_FILES_READ;
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
static enum dl_files_outcome
hand_over(struct dl_files *t, struct dl_file *f, int64_t *at, int64_t end,
    bool lines, struct dl_err *err)
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
		return DL_FILES_FAILED;
	if (from > 0 && t->header.len > 0 &&
	    to->bytes(to->arg, t->header.p, t->header.len, err) < 0)
		return refused(f, from, err);
	while (now < end && !enough) {
		/* A piece of lines is soon whole, if it has any. */
		if (*t->c.stop && (!lines || now - from >= PIECE))
			return DL_FILES_STOPPED;
		dl_metric_tick();
		if ((n = read_some(t, f, now, end, &why)) < 0)
			return dl_files_pass_over(t, &why);
		if (n == 0)
			return DL_FILES_GOES_ON;
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
	return DL_FILES_GOES_ON;
}

/* It was read up to read: that is a position. */
static enum dl_files_outcome
remember(struct dl_files *t, const struct dl_file *f, int64_t read, bool handed,
    struct dl_err *err)
{
	struct dl_files_mark m = {.read = read,
	    .print = read < f->now.size ? DL_FILES_NO_PRINT : f->now.print,
	    .same = dl_files_hash_value(t->hash)};

	dl_files_mark_set(t->st, f->now.key, &m);
	if (handed && t->taker->pause(t->taker->arg, err) < 0)
		return DL_FILES_FAILED;
	return DL_FILES_GOES_ON;
}

/* Is what was read of it still there?  1, with the hash of it; 0, -1. */
static int
is_same(struct dl_files *t, const struct dl_file *f, int64_t most,
    struct dl_err *why)
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

static enum dl_files_outcome
read_whole(struct dl_files *t, struct dl_file *f, struct dl_err *err)
{
	int64_t at = 0, most = t->c.spec->limits.max_bytes;
	struct dl_err why = {0};
	enum dl_files_outcome r;
	int same;

	if (f->now.quiet_ms < SETTLE_MS) {
		t->busy = true;
		wait_for(t, SETTLE_MS - f->now.quiet_ms);
		return DL_FILES_GOES_ON;
	}
	if (is_half_still(t, f))
		return DL_FILES_GOES_ON;
	if (most > 0 && f->now.size > most) {
		dl_err_data(&why,
		    "'%s' has %lld bytes, more than the %lld that 'max_bytes' "
		    "allows",
		    f->name, (long long)f->now.size, (long long)most);
		return dl_files_pass_over(t, &why);
	}
	if ((same = is_same(t, f, INT64_MAX, &why)) < 0)
		return dl_files_pass_over(t, &why);
	if (same > 0 && f->mark.read == f->now.size)
		return remember(t, f, f->now.size, false, err);
	dl_files_hash_start(t->hash, INT64_MAX);
	r = hand_over(t, f, &at, f->now.size, false, err);
	if (r != DL_FILES_GOES_ON || at < f->now.size)
		return r;
	/* What was written meanwhile is told by the status, next time. */
	return remember(t, f, at, true, err);
}

/*
 * The header that a reader of the rest needs: 1 it is there, if it needs one;
 * 0 there is none, -1.
 */
static int
take_header(struct dl_files *t, const struct dl_file *f, struct dl_err *why)
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
start_of(struct dl_files *t, const struct dl_file *f, struct dl_err *why)
{
	int r = is_same(t, f, DL_FILES_SAME_MAX, why);

	if (r > 0 && f->mark.read > 0)
		r = take_header(t, f, why);
	if (r > 0)
		return f->mark.read;
	dl_files_hash_start(t->hash, DL_FILES_SAME_MAX);
	return r < 0 ? -1 : 0;
}

static enum dl_files_outcome
read_lines(struct dl_files *t, struct dl_file *f, struct dl_err *err)
{
	int64_t at, end = f->now.size, was;
	struct dl_err why = {0};
	enum dl_files_outcome r = DL_FILES_GOES_ON;

	t->rows.csv = f->format == DL_ITEMS_CSV;
	if ((at = start_of(t, f, &why)) < 0)
		return dl_files_pass_over(t, &why);
	if (f->now.quiet_ms < LINE_MS) {
		end =
		    dl_files_rows_last(&t->rows, f->fd, at, end, f->name, &why);
		if (end < 0)
			return dl_files_pass_over(t, &why);
	}
	if (end < f->now.size)
		wait_for(t, LINE_MS - f->now.quiet_ms);
	if (at == end)
		return f->known && at == f->mark.read
		           ? remember(t, f, at, false, err)
		           : DL_FILES_GOES_ON;
	while (r == DL_FILES_GOES_ON && at < end) {
		if (*t->c.stop)
			return DL_FILES_STOPPED;
		was = at;
		r = hand_over(t, f, &at, end, true, err);
		if (r != DL_FILES_GOES_ON || at == was)
			break;
		r = remember(t, f, at, true, err);
	}
	return r;
}

enum dl_files_outcome
dl_files_read(struct dl_files *t, struct dl_file *f, struct dl_err *err)
{
	return has_lines(t, f) ? read_lines(t, f, err) : read_whole(t, f, err);
}
