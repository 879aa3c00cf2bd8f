/*
 * The writing half of stream.h: batches, checkpoints, room.
 *
 * Events gather in a batch, which is appended under the log's lock, after its
 * place was written to the producer's journal.  Then the log is synced, the
 * journal is synced, and the end is published, in this order.
 */
#include "stream_consumers.h"
#include "stream_dir.h"
#include "stream_log.h"
#include "stream_producer.h"
#include "stream_retain.h"

#include "log.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define BATCH_BYTES (1 << 20)
#define ALWAYS_BYTES (64 << 10) /* unsynced, with DL_STREAM_ALWAYS */
#define IDLE_MS 1               /* a pause of the input that ends a batch */
#define RARE_MS 3               /* after so long the first needs no pause */
#define CLOCK_RECORDS 16        /* the clock is looked at so often */
#define RETAIN_EVERY_MS 60000   /* and at each new segment */
#define FULL_NAP_MS 100
#define LIMIT_SHARE 4 /* a segment is at most such a part of a limit */
#define LIMIT_LEAST (LIMIT_SHARE * DL_STREAM_SEGMENT_LEAST)

struct dl_stream_writer {
	struct dl_stream_options o;
	struct dl_stream_log log;
	bool open;
	struct dl_stream_retain retain;
	char home[PATH_MAX], prefix[DL_STREAM_KEY_MAX];
	struct dl_stream_counts counts;

	/* What is not yet appended. */
	struct dl_buf batch;
	size_t batch_bytes; /* at most, but for one longer event */
	uint64_t batch_records;
	struct dl_stream_index marks;
	struct dl_time max;     /* of the batch */
	struct dl_buf recorded; /* the recordedtime seen last */

	/* What is not yet durable. */
	int64_t since_ms;   /* when the first of it came */
	int64_t settled_ms; /* when all was durable last */
	uint64_t unsynced_bytes, unsynced_records;

	struct dl_stream_producer producer;
	struct dl_buf position; /* of the latest checkpoint */
	bool unacked;           /* it was not handed out */

	uint64_t oldest, active; /* when retention last looked */
	int64_t retained_ms;
	bool told_full;
};

/* Opening and closing */

static int
check_options(const struct dl_stream_options *o, struct dl_err *err)
{
	if (o->segment_bytes < DL_STREAM_SEGMENT_LEAST)
		return dl_err_usage(err, "--segment-bytes is at least %dK",
		    DL_STREAM_SEGMENT_LEAST >> 10);
	if (o->retain_ms != 0 && (o->retain_ms < DL_STREAM_RETAIN_LEAST_MS ||
				     o->retain_ms > DL_STREAM_RETAIN_MOST_MS))
		return dl_err_usage(err, "--retain is from 1h to 365d");
	if (o->max_bytes > 0 && o->max_bytes < LIMIT_LEAST)
		return dl_err_usage(
		    err, "--max-bytes is at least %dK", LIMIT_LEAST >> 10);
	if (o->retain_bytes > 0 && o->retain_bytes < LIMIT_LEAST)
		return dl_err_usage(
		    err, "--retain-bytes is at least %dK", LIMIT_LEAST >> 10);
	if (o->max_bytes > 0 && o->retain_bytes > o->max_bytes)
		return dl_err_usage(
		    err, "--retain-bytes is at most --max-bytes");
	if (o->max_bytes > 0 && !o->fail_when_full && o->retain_ms == 0 &&
	    o->retain_bytes == 0)
		return dl_err_usage(err,
		    "--max-bytes would wait for ever: give --retain or "
		    "--retain-bytes, which make room, or --when-full fail");
	return 0;
}

/* Whole segments are removed: they must be small beside a limit. */
static uint64_t
segment_bytes(const struct dl_stream_options *o)
{
	int64_t n = o->segment_bytes;

	if (o->max_bytes > 0 && n > o->max_bytes / LIMIT_SHARE)
		n = o->max_bytes / LIMIT_SHARE;
	if (o->retain_bytes > 0 && n > o->retain_bytes / LIMIT_SHARE)
		n = o->retain_bytes / LIMIT_SHARE;
	return (uint64_t)n;
}

static int
retain(struct dl_stream_writer *w, uint64_t n, struct dl_err *err)
{
	w->retained_ms = dl_clock_ms();
	if (dl_stream_retain(&w->retain, &w->log, n, &w->oldest, err) < 0)
		return -1;
	w->active = w->log.start;
	return 0;
}

/*
 * Where a log that is made anew begins: behind all that was read of an earlier
 * one, so that nobody skips what is in this one.
 */
static int
beyond_commits(struct dl_stream_writer *w, const char *dir, uint64_t *least,
    struct dl_err *err)
{
	struct dl_consumers c = {0};
	int r = dl_stream_prefix(w->prefix, dir, w->home, err);

	*least = 0;
	if (r == 0)
		r = dl_consumers_list(&c, w->home, w->prefix, err);
	for (size_t i = 0; i < c.n; i++)
		if (c.v[i].position > *least)
			*least = c.v[i].position;
	dl_consumers_release(&c);
	return r;
}

static int
open_log(struct dl_stream_writer *w, const char *dir, struct dl_err *err)
{
	uint64_t n = segment_bytes(&w->o), least;
	int r;

	w->batch_bytes = n < BATCH_BYTES ? (size_t)n : BATCH_BYTES;
	if (beyond_commits(w, dir, &least, err) < 0)
		return -1;
	w->open = true;
	if (dl_stream_log_open(&w->log, dir, n, least, err) < 0 ||
	    dl_stream_log_lock(&w->log, err) < 0)
		return -1;
	r = retain(w, 0, err);
	dl_stream_log_unlock(&w->log);
	return r;
}

struct dl_stream_writer *
dl_stream_open_write(const char *dir, const char *home,
    const struct dl_stream_options *options, struct dl_err *err)
{
	struct dl_stream_writer *w = dl_calloc(1, sizeof(*w));

	w->o = *options;
	w->max = dl_stream_no_time;
	w->retain = (struct dl_stream_retain){.home = w->home,
	    .prefix = w->prefix,
	    .retain_ms = options->retain_ms,
	    .retain_bytes = options->retain_bytes};
	snprintf(w->home, sizeof(w->home), "%s", home);
	dl_stream_producer_init(&w->producer, w->log.dir);
	if (check_options(options, err) == 0 && open_log(w, dir, err) == 0)
		return w;
	dl_stream_close(w);
	return NULL;
}

void
dl_stream_close(struct dl_stream_writer *w)
{
	if (w == NULL)
		return;
	if (w->open)
		dl_stream_log_close(&w->log);
	dl_stream_producer_release(&w->producer);
	dl_stream_index_release(&w->marks);
	dl_buf_release(&w->batch);
	dl_buf_release(&w->recorded);
	dl_buf_release(&w->position);
	free(w);
}

/* Appending */

static bool
is_full(const struct dl_stream_writer *w)
{
	return w->o.max_bytes > 0 && w->log.end > w->oldest &&
	       w->log.end - w->oldest + w->batch.len > (uint64_t)w->o.max_bytes;
}

/* Make durable what was appended, and publish it. */
static int
publish(struct dl_stream_writer *w, struct dl_err *err)
{
	if (dl_stream_log_sync(&w->log, err) < 0)
		return -1;
	if (w->producer.journal != NULL &&
	    dl_journal_sync(w->producer.journal, err) < 0)
		return -1;
	return dl_stream_log_publish(&w->log, err);
}

/* Others read and remove meanwhile; what we hold must not hold them up. */
static int
wait_for_room(struct dl_stream_writer *w, struct dl_err *err)
{
	if (w->o.fail_when_full || (w->o.stop != NULL && *w->o.stop))
		return dl_err_temp(err,
		    "the stream '%s' is full: it has %llu of at most %lld "
		    "bytes",
		    w->log.dir, (unsigned long long)(w->log.end - w->oldest),
		    (long long)w->o.max_bytes);
	if (!w->told_full)
		dl_log(DL_LOG_WARN,
		    "the stream '%s' is full, waiting for its consumers or "
		    "for retention to make room",
		    w->log.dir);
	w->told_full = true;
	dl_stream_log_unlock(&w->log);
	if (publish(w, err) < 0)
		return -1;
	poll(NULL, 0, FULL_NAP_MS);
	return dl_stream_log_lock(&w->log, err);
}

/* Under the lock: room for the batch. */
static int
make_room(struct dl_stream_writer *w, struct dl_err *err)
{
	bool rotates = w->active != w->log.start ||
	               dl_stream_log_is_full(&w->log, w->batch.len);

	if (!rotates && !is_full(w) &&
	    dl_clock_ms() - w->retained_ms < RETAIN_EVERY_MS)
		return 0;
	for (;;) {
		if (retain(w, w->batch.len, err) < 0)
			return -1;
		if (!is_full(w))
			break;
		/* What was read of the active segment can go, too. */
		if (w->oldest == w->log.start) {
			if (dl_stream_log_rotate(&w->log, err) < 0)
				return -1;
		} else if (wait_for_room(w, err) < 0) {
			return -1;
		}
	}
	w->told_full = false;
	return 0;
}

static int
write_batch(struct dl_stream_writer *w, struct dl_err *err)
{
	if (make_room(w, err) < 0 ||
	    dl_stream_producer_place(
		&w->producer, w->log.end, w->log.end + w->batch.len, err) < 0)
		return -1;
	return dl_stream_log_append(
	    &w->log, dl_buf_as_span(&w->batch), &w->marks, &w->max, err);
}

static int
append(struct dl_stream_writer *w, struct dl_err *err)
{
	int r;

	if (w->batch.len == 0)
		return 0;
	if (dl_stream_log_lock(&w->log, err) < 0)
		return -1;
	r = write_batch(w, err);
	dl_stream_log_unlock(&w->log);
	/* The batch is kept: nothing is safe while it is not appended. */
	if (r < 0)
		return -1;
	w->unsynced_bytes += w->batch.len;
	w->unsynced_records += w->batch_records;
	w->batch_records = 0;
	w->max = dl_stream_no_time;
	dl_buf_clear(&w->batch);
	w->marks.n = 0;
	return 0;
}

/* All that was appended is safe: count it. */
static int
settle(struct dl_stream_writer *w, struct dl_err *err)
{
	if (publish(w, err) < 0)
		return -1;
	w->counts.records += w->unsynced_records;
	w->counts.bytes += w->unsynced_bytes;
	w->unsynced_records = w->unsynced_bytes = 0;
	w->since_ms = w->settled_ms = dl_clock_ms();
	return 0;
}

int
dl_stream_sync(struct dl_stream_writer *w, struct dl_err *err)
{
	return append(w, err) < 0 ? -1 : settle(w, err);
}

/* Putting */

static void
add_line(struct dl_stream_writer *w, const struct dl_event *ev)
{
	uint64_t marked = w->log.marked;
	struct dl_stream_mark m;

	dl_buf_span(&w->batch, ev->line);
	dl_buf_addc(&w->batch, '\n');
	w->batch_records++;
	/* Most events have the recordedtime of the one before. */
	if (!dl_span_eq(ev->recordedtime, dl_buf_as_span(&w->recorded)) ||
	    w->batch_records == 1) {
		dl_stream_time_max(&w->max, ev->recordedtime);
		dl_buf_clear(&w->recorded);
		dl_buf_span(&w->recorded, ev->recordedtime);
	}
	if (w->marks.n > 0)
		marked = w->log.end + w->marks.v[w->marks.n - 1].offset;
	if (w->log.end + w->batch.len - marked < DL_STREAM_MARK_BYTES)
		return;
	m = (struct dl_stream_mark){w->max, w->batch.len};
	dl_stream_index_add(&w->marks, &m);
}

/* Is all durable that was put? */
static bool
is_clean(const struct dl_stream_writer *w)
{
	return w->batch.len == 0 && w->unsynced_bytes == 0;
}

static bool
is_due(const struct dl_stream_writer *w)
{
	if (w->o.sync == DL_STREAM_ALWAYS && w->batch.len >= ALWAYS_BYTES)
		return true;
	return (w->unsynced_records + w->batch_records) % CLOCK_RECORDS == 0 &&
	       dl_clock_ms() - w->since_ms >= DL_STREAM_SYNC_MS;
}

/*
 * The batch is full.  What was appended before it is synced now and not at
 * once: meanwhile most of it was written, and there is little to wait for.
 */
static int
flush_full(struct dl_stream_writer *w, struct dl_err *err)
{
	if (w->unsynced_bytes >= DL_STREAM_SYNC_BYTES && settle(w, err) < 0)
		return -1;
	return append(w, err);
}

int
dl_stream_put(struct dl_stream_writer *w, const struct dl_event *ev,
    const char **code, struct dl_err *err)
{
	*code = NULL;
	if (dl_stream_producer_knows(&w->producer, ev)) {
		w->counts.skipped++;
		return 0;
	}
	if (memchr(ev->line.p, '\0', ev->line.len) != NULL) {
		*code = "event";
		return dl_err_data(err, "a NUL is in the line");
	}
	if (is_clean(w))
		w->since_ms = dl_clock_ms();
	if (w->batch.len > 0 &&
	    w->batch.len + ev->line.len + 1 > w->batch_bytes &&
	    flush_full(w, err) < 0)
		return -1;
	add_line(w, ev);
	if (w->producer.journal != NULL)
		dl_journal_stored(w->producer.journal);
	return is_due(w) && dl_stream_sync(w, err) < 0 ? -1 : 1;
}

/* Checkpoints */

/*
 * A run of ours begins.  The one before may have gone on until now: what it
 * appended is to be read, too.
 */
static int
start_run(struct dl_stream_writer *w, struct dl_span key,
    struct dl_span position, struct dl_err *err)
{
	if (dl_stream_producer_open(&w->producer, key, err) < 0 ||
	    dl_stream_log_lock(&w->log, err) < 0)
		return -1;
	dl_stream_log_unlock(&w->log);
	if (publish(w, err) < 0)
		return -1;
	return dl_stream_producer_start(
	    &w->producer, position, w->oldest, w->log.end, err);
}

int
dl_stream_checkpoint(struct dl_stream_writer *w, struct dl_span key,
    struct dl_span position, struct dl_err *err)
{
	struct dl_span mine;

	if (w->producer.journal == NULL && start_run(w, key, position, err) < 0)
		return -1;
	mine = dl_buf_as_span(&w->producer.key);
	if (!dl_span_eq(key, mine))
		return dl_err_data(err,
		    "checkpoints of two sources in one pipe: '%.*s' and '%.*s'",
		    DL_SPAN_ARG(mine), key.len > 200 ? 200 : (int)key.len,
		    key.p);
	dl_journal_position(w->producer.journal, position);
	dl_buf_clear(&w->position);
	dl_buf_span(&w->position, position);
	w->unacked = true;
	/* The journal is to know where the events after it begin. */
	if ((w->batch.len > 0
		    ? append(w, err)
		    : dl_journal_settled(w->producer.journal, err)) < 0)
		return -1;
	return w->o.sync == DL_STREAM_INTERVAL ? 0 : dl_stream_sync(w, err);
}

int
dl_stream_wait_ms(const struct dl_stream_writer *w)
{
	int64_t now, left;

	if (is_clean(w))
		return -1;
	if (w->o.sync == DL_STREAM_ALWAYS)
		return 0;
	now = dl_clock_ms();
	left = w->since_ms + DL_STREAM_SYNC_MS - now;
	if (left < 0)
		return 0;
	if (w->o.sync == DL_STREAM_INTERVAL)
		return (int)left;
	/* Many at once are worth a sync together; one now and then is not. */
	return now - w->settled_ms >= RARE_MS ? 0 : IDLE_MS;
}

bool
dl_stream_safe(
    struct dl_stream_writer *w, struct dl_span *key, struct dl_span *position)
{
	if (!w->unacked || !is_clean(w))
		return false;
	w->unacked = false;
	*key = dl_buf_as_span(&w->producer.key);
	*position = dl_buf_as_span(&w->position);
	return true;
}

void
dl_stream_counts(
    const struct dl_stream_writer *w, struct dl_stream_counts *counts)
{
	*counts = w->counts;
}
