/*
 * The open parts of a lake, and the memory that they share.
 *
 * A part gathers records in blocks from one pool; what has gathered is packed
 * into the part's file as one frame when it is DL_LAKE_CHUNK blocks, or when
 * all parts together have DL_LAKE_BLOCKS and no part has more.  So the memory
 * of any number of open parts has one limit, and the fewer of them are busy the
 * longer, and the better packed, their frames are.  Packing may go on in other
 * threads (lake_pack.h); the frames are the same.
 */
#ifndef DL_LAKE_PART_H
#define DL_LAKE_PART_H

#include "buf.h"
#include "clock.h"
#include "codec.h"
#include "event.h"
#include "lake_pack.h"
#include "lake_store.h"

#include <stdint.h>

#define DL_LAKE_BUCKETS 256 /* of the table of open parts */
#define DL_LAKE_NAMES 16    /* different sources, or steps, that are named */

/* A few different names, in the order in which they came. */
struct dl_lake_names {
	struct dl_buf text; /* each with its NUL */
	size_t n, last;     /* last: where the one met last begins */
	bool more;          /* there were others */
};

struct dl_lake_part {
	struct dl_lake_pool *pool;
	struct dl_lake_part *newer, *older; /* by when they were last used */
	struct dl_lake_part *next;          /* in its bucket */
	struct dl_buf partition;            /* with its NUL */
	uint64_t hash;                      /* of partition */
	char name[64];                      /* part-ULID.ndjson.zst */
	struct dl_lake_file file;
	struct dl_lake_block *first, *last;
	size_t nblocks, gathered; /* gathered: bytes in them */
	uint64_t records, bytes;
	int64_t opened_ms; /* when its first record came */
	uint64_t untimed;  /* records without a time */
	bool timed;
	struct dl_time first_time, last_time;
	struct dl_lake_names sources, steps;
	char *from; /* the last position before its first record, or NULL */
};

struct dl_lake_pool {
	struct dl_lake_store *store;
	struct dl_lake_pack *pack;
	enum dl_codec_kind kind;
	struct dl_lake_part *newest, *oldest; /* the open parts */
	size_t nparts;
	struct dl_lake_part *buckets[DL_LAKE_BUCKETS]; /* by hash */
	size_t nblocks; /* that all parts gather in */
};

/* store is not owned; pool is zero-initialised; threads: lake_pack.h. */
int dl_lake_pool_init(struct dl_lake_pool *p, struct dl_lake_store *store,
    const struct dl_codec *codec, int threads, struct dl_err *err);

/* Discards the parts that are still open. */
void dl_lake_pool_release(struct dl_lake_pool *p);

/* Open a part in partition (a C string, copied); it is the newest. */
struct dl_lake_part *dl_lake_part_open(struct dl_lake_pool *p,
    struct dl_span partition, uint64_t hash, struct dl_err *err);

/* The same, by a name that is given: part-ULID and the codec's suffix. */
struct dl_lake_part *dl_lake_part_open_as(struct dl_lake_pool *p,
    const char *name, struct dl_span partition, uint64_t hash,
    struct dl_err *err);

/* The open part for partition, whose hash is hash, or NULL. */
struct dl_lake_part *dl_lake_part_find(
    struct dl_lake_pool *p, struct dl_span partition, uint64_t hash);

/* It is used now: the newest. */
void dl_lake_part_touch(struct dl_lake_part *part);

/* Add a record, which ends in no newline, and one. */
int dl_lake_part_add(
    struct dl_lake_part *part, struct dl_span record, struct dl_err *err);

/*
 * A record has been added: keep what the manifest will say of it.  t is its
 * time, NULL where it has none.
 */
void dl_lake_part_count(struct dl_lake_part *part, const struct dl_event *ev,
    const struct dl_time *t);

/* No more records come: begin to pack what is left, and to seal the part. */
int dl_lake_part_finish(struct dl_lake_part *part, struct dl_err *err);

/* Wait until a part is sealed, or published. */
int dl_lake_part_wait(struct dl_lake_part *part, struct dl_err *err);

/* Append PARTITION/NAME. */
void dl_lake_part_path(const struct dl_lake_part *part, struct dl_buf *b);

/*
 * Append the manifest's entry of a sealed part.  key is empty where the input
 * has no positions; to is the last one received.
 */
void dl_lake_part_entry(struct dl_lake_part *part, struct dl_span key,
    struct dl_span to, struct dl_buf *b);

/* Begin to publish a sealed part. */
int dl_lake_part_publish(struct dl_lake_part *part, struct dl_err *err);

/* Let go of a part that is published. */
void dl_lake_part_free(struct dl_lake_part *part);

#endif
