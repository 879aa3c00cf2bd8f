/*
 * The threads that send published parts.
 *
 * They take them in their order.  Whoever finds entries that are not in the
 * manifest yet appends them all, as one object; after that their parts are
 * sent.  A part that is itself at fault is put aside, and told of once nothing
 * else is left to do; any other failure ends it all.
 *
 * What a thread does begins and ends with the queue's lock held.
 */
#include "lake_s3_queue.h"

#include "clock.h"
#include "json.h"
#include "log.h"

#include <stdlib.h>
#include <unistd.h>

#define STACK (512 << 10)
#define TOLD_BYTES (1 << 20) /* of entries in one object, or a single one */
#define LOOK_MS 500          /* between looks at what others send */

/* The others can go on. */
static bool
is_of_part(const struct dl_err *err)
{
	return err->status == DL_EXIT_DATA || err->status == DL_EXIT_BUG;
}

/* The first request: is there anything to talk to? */
static void
probe(struct dl_lake_s3_queue *q)
{
	struct dl_err err = {0};
	int r;

	q->probing = true;
	pthread_mutex_unlock(&q->lock);
	r = dl_lake_s3_append_probe(q->s, &err);
	pthread_mutex_lock(&q->lock);
	q->probed = true;
	if (r < 0 && (err.status != DL_EXIT_TEMP || q->n > 0))
		dl_lake_s3_queue_fail(q, &err);
	pthread_cond_broadcast(&q->moved);
}

static void
sweep(struct dl_lake_s3_queue *q)
{
	struct dl_err err = {0};
	int r;

	q->sweep = false;
	q->sweeping = true;
	pthread_mutex_unlock(&q->lock);
	r = dl_lake_s3_sweep(q->s, &err);
	pthread_mutex_lock(&q->lock);
	q->sweeping = false;
	if (r < 0 && err.status == DL_EXIT_TEMP)
		dl_lake_s3_queue_fail(q, &err);
	else if (r < 0)
		dl_log(DL_LOG_WARN, "uploads that were cut off are left: %s",
		    err.msg);
	pthread_cond_broadcast(&q->work);
}

static void
send_one(struct dl_lake_s3_queue *q)
{
	struct dl_lake_s3_item *item = q->told.first;
	struct dl_err err = {0};
	int jobs, r;

	dl_lake_s3_list_take(&q->told, item);
	dl_lake_s3_list_append(&q->sending, item);
	jobs = DL_LAKE_S3_THREADS / (int)++q->nsending;
	pthread_mutex_unlock(&q->lock);
	r = dl_lake_s3_send(q->s, item, jobs < 1 ? 1 : jobs, &err);
	pthread_mutex_lock(&q->lock);
	q->nsending--;
	dl_lake_s3_list_take(&q->sending, item);
	if (r == 0) {
		dl_lake_s3_queue_let_go(q, item);
	} else if (is_of_part(&err)) {
		dl_lake_s3_queue_put_aside(q, item, &err);
	} else {
		dl_lake_s3_list_append(&q->told, item);
		dl_lake_s3_queue_fail(q, &err);
	}
}

static int
read_entry(
    const struct dl_lake_s3_item *item, struct dl_buf *b, struct dl_err *err)
{
	size_t start = b->len;
	struct dl_span entry;

	if (dl_lake_s3_box_entry(item->box, item->name, b, err) < 0)
		return -1;
	entry = dl_span(b->p + start, b->len - start);
	if (dl_json_check(entry, err) == 0 && entry.len > 2 &&
	    entry.p[0] == '{') {
		dl_buf_addc(b, '\0');
		return 0;
	}
	b->len = start;
	dl_err_clear(err);
	return dl_err_data(
	    err, "'%s/.%s.json' is damaged", item->box->path, item->name);
}

/* Take what is fresh, as much as goes into one object: their entries. */
static size_t
gather(struct dl_lake_s3_queue *q, struct dl_buf *entries)
{
	struct dl_lake_s3_item *item;
	size_t n = 0;
	int r;

	while ((item = q->fresh.first) != NULL && entries->len < TOLD_BYTES &&
	       q->failed.status == DL_EXIT_OK) {
		struct dl_err err = {0};

		dl_lake_s3_list_take(&q->fresh, item);
		dl_lake_s3_list_append(&q->saying, item);
		pthread_mutex_unlock(&q->lock);
		r = read_entry(item, entries, &err);
		pthread_mutex_lock(&q->lock);
		if (r == 0) {
			n++;
			continue;
		}
		dl_lake_s3_list_take(&q->saying, item);
		if (is_of_part(&err)) {
			dl_lake_s3_queue_put_aside(q, item, &err);
		} else {
			dl_lake_s3_list_append(&q->fresh, item);
			dl_lake_s3_queue_fail(q, &err);
		}
	}
	return n;
}

static int
append_all(
    struct dl_lake_s3 *s, const struct dl_buf *b, size_t n, struct dl_err *err)
{
	struct dl_span *entries = dl_calloc(n, sizeof(*entries));
	const char *p = b->p;
	size_t i;
	int r;

	for (i = 0; i < n; i++) {
		entries[i] = dl_span_str(p);
		p += entries[i].len + 1;
	}
	r = dl_lake_s3_append(s, entries, n, err);
	free(entries);
	return r;
}

/* One object of the manifest, for all that is fresh. */
static void
tell_fresh(struct dl_lake_s3_queue *q)
{
	struct dl_lake_s3_item *item;
	struct dl_buf entries = {0};
	struct dl_err err = {0};
	size_t n;
	int r = 0;

	q->telling = true;
	n = gather(q, &entries);
	pthread_mutex_unlock(&q->lock);
	if (n > 0 && (r = append_all(q->s, &entries, n, &err)) == 0)
		for (item = q->saying.first; item != NULL; item = item->next)
			dl_lake_s3_box_told(item->box, item->name);
	pthread_mutex_lock(&q->lock);
	while ((item = q->saying.first) != NULL) {
		dl_lake_s3_list_take(&q->saying, item);
		dl_lake_s3_list_append(r == 0 ? &q->told : &q->fresh, item);
	}
	if (r < 0)
		dl_lake_s3_queue_fail(q, &err);
	q->telling = false;
	pthread_cond_broadcast(&q->work);
	dl_buf_release(&entries);
}

static int
found(void *arg, struct dl_lake_s3_box *box, const char *name, uint64_t size,
    bool told, struct dl_err *err)
{
	struct dl_lake_s3_queue *q = arg;

	(void)err;
	dl_lake_s3_queue_add(q, box, name, size, told)->late = true;
	q->sweep = true;
	return 0;
}

int
dl_lake_s3_crew_take(struct dl_lake_s3_queue *q, struct dl_err *err)
{
	return dl_lake_s3_box_take(q->s->outbox, &q->taken, found, q, err);
}

/* Is it still in somebody's box?  Its turn is this process's part's, if any. */
static int
look_at(struct dl_lake_s3_queue *q, const struct dl_lake_s3_watched *w,
    struct dl_err *err)
{
	struct dl_lake_s3_item *item = dl_lake_s3_queue_find(q, w->name);
	int fd, r;

	if (item != NULL && item->turn < 0) {
		item->turn = w->turn;
		return 0;
	}
	if ((r = dl_lake_s3_box_find(q->s->outbox, w->name, &fd, err)) > 0)
		close(fd);
	if (r == 0)
		dl_lake_s3_queue_land(q, w->turn);
	return r;
}

/* What others were to send has landed, or they have died. */
static void
look(struct dl_lake_s3_queue *q)
{
	struct dl_lake_s3_watched **at = &q->watched, *w;
	struct dl_err err = {0};
	int r = dl_lake_s3_crew_take(q, &err);

	q->looked_ms = dl_clock_ms();
	while (r >= 0 && (w = *at) != NULL) {
		if ((r = look_at(q, w, &err)) != 0) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		free(w);
	}
	if (r < 0)
		dl_lake_s3_queue_fail(q, &err);
	pthread_cond_broadcast(&q->moved);
}

/* Do something, if there is anything to do. */
static bool
step(struct dl_lake_s3_queue *q)
{
	if (q->failed.status != DL_EXIT_OK)
		return false;
	if (!q->probing)
		probe(q);
	else if (q->sweep && !q->sweeping)
		sweep(q);
	else if (q->told.first != NULL && !q->sweeping)
		send_one(q);
	else if (q->fresh.first != NULL && !q->telling)
		tell_fresh(q);
	else if (q->watched != NULL && dl_clock_ms() >= q->looked_ms + LOOK_MS)
		look(q);
	else
		return false;
	return true;
}

static void *
run(void *arg)
{
	struct dl_lake_s3_queue *q = arg;

	pthread_mutex_lock(&q->lock);
	while (!q->ending)
		if (!step(q))
			dl_lake_s3_queue_wait_for(
			    q, &q->work, q->watched == NULL ? -1 : LOOK_MS);
	pthread_mutex_unlock(&q->lock);
	return NULL;
}

/* Signals are for the thread that waits for input. */
int
dl_lake_s3_crew_start(struct dl_lake_s3_queue *q, struct dl_err *err)
{
	pthread_attr_t attr;
	sigset_t all, old;

	pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, STACK);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (q->running < DL_LAKE_S3_THREADS &&
	       pthread_create(&q->threads[q->running], &attr, run, q) == 0)
		q->running++;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return q->running > 0 ? 0 : dl_err_temp(err, "cannot start a thread");
}
