/*
 * The open parts of a lake, and the memory that they share.
 *
 * A part gathers records in blocks of DL_LAKE_BLOCK bytes from one pool; what
 * has gathered is packed into the part's file as one frame when it is
 * DL_LAKE_CHUNK bytes, or when the pool is used up and no part has more.  So
 * the memory of any number of open parts has one limit, and the fewer of them
 * are busy the longer, and the better packed, their frames are.
 */
#ifndef DL_LAKE_PART_H
#define DL_LAKE_PART_H

#include "buf.h"
#include "clock.h"
#include "codec.h"
#include "event.h"
#include "lake_store.h"

#include <sodium.h>
#include <stdint.h>

#define DL_LAKE_BLOCK (16 << 10)
#define DL_LAKE_BLOCKS 512  /* 8 MiB, shared by all open parts */
#define DL_LAKE_CHUNK 64    /* blocks of the longest frame: 1 MiB */
#define DL_LAKE_BUCKETS 256 /* of the table of open parts */
#define DL_LAKE_NAMES 16    /* different sources, or steps, that are named */

struct dl_lake_block {
	struct dl_lake_block *next;
	size_t len;
	char bytes[DL_LAKE_BLOCK];
};

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
	struct dl_staged *staged;
	struct dl_lake_block *first, *last;
	size_t nblocks, gathered; /* gathered: bytes in them */
	crypto_hash_sha256_state sha256;
	uint64_t records, bytes, packed_bytes;
	int64_t opened_ms; /* when its first record came */
	bool timed;
	struct dl_time first_time, last_time;
	struct dl_lake_names sources, steps;
	char *from; /* the last position before its first record, or NULL */
};

struct dl_lake_pool {
	struct dl_lake_store *store;
	struct dl_packer *packer;
	enum dl_codec_kind kind;
	struct dl_lake_part *newest, *oldest; /* the open parts */
	size_t nparts;
	struct dl_lake_part *buckets[DL_LAKE_BUCKETS]; /* by hash */
	struct dl_lake_block *free;
	size_t nblocks; /* ever allocated */
	struct dl_buf packed;
};

/* store is not owned; pool is zero-initialised. */
int dl_lake_pool_init(struct dl_lake_pool *p, struct dl_lake_store *store,
    const struct dl_codec *codec, struct dl_err *err);

/* Discards the parts that are still open. */
void dl_lake_pool_release(struct dl_lake_pool *p);

/* Open a part in partition (a C string, copied); it is the newest. */
struct dl_lake_part *dl_lake_part_open(struct dl_lake_pool *p,
    struct dl_span partition, uint64_t hash, struct dl_err *err);

/* The open part for partition, whose hash is hash, or NULL. */
struct dl_lake_part *dl_lake_part_find(
    struct dl_lake_pool *p, struct dl_span partition, uint64_t hash);

/* It is used now: the newest. */
void dl_lake_part_touch(struct dl_lake_part *part);

/* Add bytes; a record may come in pieces. */
int dl_lake_part_add(
    struct dl_lake_part *part, struct dl_span bytes, struct dl_err *err);

/* A record has been added: keep what the manifest will say of it. */
void dl_lake_part_count(struct dl_lake_part *part, const struct dl_event *ev);

/* Pack what is left and make it durable; the part is sealed. */
int dl_lake_part_seal(struct dl_lake_part *part, struct dl_err *err);

/* Append PARTITION/NAME. */
void dl_lake_part_path(const struct dl_lake_part *part, struct dl_buf *b);

/*
 * Append the manifest's entry of a sealed part.  key is empty where the input
 * has no positions; to is the last one received.
 */
void dl_lake_part_entry(struct dl_lake_part *part, struct dl_span key,
    struct dl_span to, struct dl_buf *b);

/* Publish a sealed part, and free it if that succeeds. */
int dl_lake_part_publish(struct dl_lake_part *part, struct dl_err *err);

#endif
