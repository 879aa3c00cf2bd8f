/*
 * What the files of a lake on S3 share.
 *
 *	_dl/manifest/NUMBER.ndjson       lines, for the parts of one turn
 *	_dl/manifest/NUMBER.base.ndjson  all lines up to that number
 *	PARTITION/NAME                   a part
 *
 * What a writer does comes to S3 by its spool, a directory of this machine:
 *
 *	journal/, lock/            see journal.h
 *	outbox/BOX/.NAME           staged, or sealed
 *	outbox/BOX/.NAME.json      the entry of a part that is to be published
 *	outbox/BOX/NAME            published
 *	outbox/BOX/.NAME.told      its entry, once it is in the manifest
 *
 * A box belongs to the process that has an flock on it.  What is in the box of
 * a dead one is taken over by the next writer of the lake.  A part leaves its
 * box when it has landed, and before its entry does; so an entry without its
 * part means nothing.
 *
 * The spool's name has the service's address, the bucket and the prefix in it.
 */
#ifndef DL_LAKE_S3_H
#define DL_LAKE_S3_H

#include "buf.h"
#include "lake_store.h"
#include "s3.h"

#include <pthread.h>
#include <signal.h>

#define DL_LAKE_S3_THREADS 4 /* parts, or small objects, at a time */

/* Boxes (lake_s3_box.c) */

struct dl_lake_s3_box {
	struct dl_lake_s3_box *next;
	char *path;
	int fd; /* locked */
};

/* Told of a part in a box that was taken over; -1 to stop with err. */
typedef int dl_lake_s3_found_fn(void *arg, struct dl_lake_s3_box *box,
    const char *name, uint64_t size, bool told, struct dl_err *err);

/* The spool's path, to be freed. */
char *dl_lake_s3_spool(const char *home, const struct dl_s3 *s3);

/* Make a box in outbox, which is there. */
struct dl_lake_s3_box *dl_lake_s3_box_new(
    const char *outbox, struct dl_err *err);

/* Let go of it; it is removed if it is empty.  NULL does nothing. */
void dl_lake_s3_box_free(struct dl_lake_s3_box *b);

/*
 * Take over the boxes of dead processes, cleared of what was not published, and
 * put them in front of *boxes.
 */
int dl_lake_s3_box_take(const char *outbox, struct dl_lake_s3_box **boxes,
    dl_lake_s3_found_fn *fn, void *arg, struct dl_err *err);

/* Open a part, whoever's box it is in: 1, 0 it is in none, -1. */
int dl_lake_s3_box_find(
    const char *outbox, const char *name, int *fd, struct dl_err *err);

/* The entry of a part becomes durable; or is read, appended to b. */
int dl_lake_s3_box_note(struct dl_lake_s3_box *b, const char *name,
    struct dl_span entry, struct dl_err *err);
int dl_lake_s3_box_entry(struct dl_lake_s3_box *b, const char *name,
    struct dl_buf *entry, struct dl_err *err);

/* The sealed part gets its name, durably. */
int dl_lake_s3_box_publish(
    struct dl_lake_s3_box *b, const char *name, struct dl_err *err);

/* Its entry is in the manifest; or it has landed, and is removed. */
void dl_lake_s3_box_told(struct dl_lake_s3_box *b, const char *name);
int dl_lake_s3_box_remove(
    struct dl_lake_s3_box *b, const char *name, struct dl_err *err);

/* The store (lake_s3.c) */

struct dl_lake_s3_queue;

struct dl_lake_s3_manifest {
	pthread_mutex_t lock;
	bool known;
	uint64_t number;    /* of the last object that is known */
	struct dl_buf last; /* its last line */
};

struct dl_lake_s3 {
	struct dl_lake_store base;
	struct dl_s3 *s3;
	volatile sig_atomic_t stop; /* of s3: it is being closed */
	enum dl_lake_mode mode;
	char *state, *outbox; /* NULL when reading */
	pthread_mutex_t lock; /* of box */
	struct dl_lake_s3_box *box;
	struct dl_lake_s3_queue *queue; /* NULL when reading */
	struct dl_lake_s3_manifest manifest;
};

/* Parts on their way (lake_s3_queue.c) */

struct dl_lake_s3_item {
	struct dl_lake_s3_item *next, *prev; /* in the list that it is in */
	struct dl_lake_s3_box *box;
	uint64_t size;
	int64_t turn; /* of those that count as published; -1: none */
	bool late;    /* it was taken over: some of it may be there */
	char name[];
};

/* Make s->queue, take over what dead processes left, and start the threads. */
int dl_lake_s3_queue_start(
    struct dl_lake_s3 *s, uint64_t spool_max, struct dl_err *err);

/* The end: what is not sent stays where it is.  NULL does nothing. */
void dl_lake_s3_queue_free(struct dl_lake_s3_queue *q);

/* Wait, but not for long, until S3 has answered something or can't be had. */
int dl_lake_s3_queue_probe(struct dl_lake_s3_queue *q, struct dl_err *err);

/* Wait until there is room for size more bytes, or nothing is on its way. */
int dl_lake_s3_queue_room(
    struct dl_lake_s3_queue *q, uint64_t size, struct dl_err *err);

/*
 * A part has been published: which one it is of those, from 0.  told: its entry
 * is in the manifest already.
 */
int64_t dl_lake_s3_queue_put(struct dl_lake_s3_queue *q,
    struct dl_lake_s3_box *box, const char *name, uint64_t size, bool told);

/* Wait until the part of this turn has landed. */
int dl_lake_s3_queue_wait(
    struct dl_lake_s3_queue *q, int64_t turn, struct dl_err *err);

/* The interface's. */
int dl_lake_s3_landed(struct dl_lake_store *s, uint64_t want, int wait_ms,
    uint64_t *n, struct dl_err *err);
int dl_lake_s3_settle(
    struct dl_lake_store *s, const char *name, struct dl_err *err);

/* Is a part by this name, which dead processes left, still to be sent? */
bool dl_lake_s3_queue_is_late(struct dl_lake_s3_queue *q, const char *name);

/* Sending (lake_s3_send.c) */

/*
 * Send a part and remove it from its box.  DL_EXIT_DATA, DL_EXIT_BUG: it alone
 * is at fault.
 */
int dl_lake_s3_send(struct dl_lake_s3 *s, struct dl_lake_s3_item *item,
    int jobs, struct dl_err *err);

/* Abort what dead processes began of parts that are still to be sent. */
int dl_lake_s3_sweep(struct dl_lake_s3 *s, struct dl_err *err);

/* The manifest (lake_s3_manifest.c, lake_s3_lines.c) */

#define DL_LAKE_S3_MANIFEST "_dl/manifest/"
#define DL_LAKE_S3_KEY 64 /* bytes of a key there */

struct dl_lake_s3_object {
	uint64_t number, size;
};

/* What is there, by numbers; zero-initialised. */
struct dl_lake_s3_objects {
	struct dl_buf lines, bases; /* struct dl_lake_s3_object */
};

void dl_lake_s3_key(char key[DL_LAKE_S3_KEY], uint64_t number, bool base);
int dl_lake_s3_objects_list(struct dl_lake_s3 *s, const char *after,
    struct dl_lake_s3_objects *o, struct dl_err *err);
void dl_lake_s3_objects_release(struct dl_lake_s3_objects *o);
const struct dl_lake_s3_object *dl_lake_s3_object_at(
    const struct dl_buf *objects, size_t i);
size_t dl_lake_s3_object_count(const struct dl_buf *objects);

/* The newest base; NULL: there is none. */
const struct dl_lake_s3_object *dl_lake_s3_base(
    const struct dl_lake_s3_objects *o);

/* Append entries, as one object, from any thread; they are there then. */
int dl_lake_s3_append(struct dl_lake_s3 *s, const struct dl_span *entries,
    size_t n, struct dl_err *err);

/* Find where the manifest ends, if that is not known. */
int dl_lake_s3_append_probe(struct dl_lake_s3 *s, struct dl_err *err);

/* The interface's; and the same of lines up to the object of that number. */
int dl_lake_s3_manifest(struct dl_lake_store *s, dl_lake_line_fn *fn, void *arg,
    struct dl_err *err);
int dl_lake_s3_lines(struct dl_lake_s3 *s, uint64_t to, dl_lake_line_fn *fn,
    void *arg, struct dl_err *err);

/* The rest */

/* The interface's (lake_s3_read.c). */
int dl_lake_s3_walk(struct dl_lake_store *s, const struct dl_lake_walk *walk,
    struct dl_err *err);
int dl_lake_s3_open(
    struct dl_lake_store *s, const char *name, int *fd, struct dl_err *err);

/* Is there anything?  DL_EXIT_TEMP: no. */
int dl_lake_s3_check_there(struct dl_lake_s3 *s, struct dl_err *err);

/* A file without a name; -1. */
int dl_lake_s3_nameless(const struct dl_lake_s3 *s, struct dl_err *err);

/* The SHA-256 of a file, in hex. */
int dl_lake_s3_hash(int fd, const char *name, char hex[65], struct dl_err *err);

/* The interface's (lake_s3_tidy.c), and removing many. */
int dl_lake_s3_tidy(struct dl_lake_store *s, const struct dl_lake_care *care,
    struct dl_err *err);
int dl_lake_s3_remove(struct dl_lake_s3 *s, const char *const *keys, size_t n,
    struct dl_err *err);

/*
 * Call fn(arg, i) for i from 0 to n - 1, a few at a time, in threads
 * (lake_s3_each.c).  The first failure ends it.
 */
typedef int dl_lake_s3_each_fn(void *arg, size_t i, struct dl_err *err);
int dl_lake_s3_each(
    size_t n, dl_lake_s3_each_fn *fn, void *arg, struct dl_err *err);

#endif
