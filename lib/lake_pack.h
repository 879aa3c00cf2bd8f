/*
 * Packs what the parts of a lake have gathered, and makes them durable, in
 * threads beside the one that gathers.
 *
 * A chunk is a chain of blocks that becomes one frame of one file.  It is packed
 * by whichever thread is free; the frames of a file are hashed and written in
 * the order in which its chunks were put.  What the frames are depends on the
 * chunks alone, never on how many threads there are or who was first.
 *
 * The caller is one of the threads: where it would have to wait, it works too.
 * With one thread there is no other, and what is put is done when put returns.
 *
 * Memory: DL_LAKE_BLOCKS blocks that the caller gathers in, and for each thread
 * a compressor and two chunks with what they are packed to.
 *
 * What fails in a thread is told by the next call that can fail, and by all
 * after it; nothing is written, sealed or published any more then.
 */
#ifndef DL_LAKE_PACK_H
#define DL_LAKE_PACK_H

#include "codec.h"
#include "lake_store.h"

#include <sodium.h>
#include <stdint.h>

#define DL_LAKE_BLOCK (16 << 10)
#define DL_LAKE_BLOCKS 768 /* 12 MiB, shared by all open parts */
#define DL_LAKE_CHUNK 64   /* blocks of the longest frame: 1 MiB */
#define DL_LAKE_MOST_THREADS 16
#define DL_LAKE_FEW_THREADS 4 /* how many are taken without being asked for */

struct dl_lake_block {
	struct dl_lake_block *next;
	size_t len;
	char bytes[DL_LAKE_BLOCK];
};

struct dl_lake_chunk;

/* A file that frames go to; zero-initialised but for what it is told. */
struct dl_lake_file {
	struct dl_staged *staged; /* the caller's; NULL once it is published */
	/* Of the bytes written; the caller's to read after wait. */
	crypto_hash_sha256_state sha256;
	uint64_t packed_bytes;
	/* private */
	struct dl_lake_chunk *first, *last; /* that are not written */
	bool busy;                          /* somebody writes them */
};

struct dl_lake_pack;

/* threads: 1 to DL_LAKE_MOST_THREADS, the caller's among them. */
struct dl_lake_pack *dl_lake_pack_new(struct dl_lake_store *store,
    const struct dl_codec *codec, int threads, struct dl_err *err);

/*
 * End the threads; chunks that wait are dropped, and no file is used any more.
 * After it only blocks may be given back, and p freed.
 */
void dl_lake_pack_end(struct dl_lake_pack *p);

/* End, and free.  NULL does nothing. */
void dl_lake_pack_free(struct dl_lake_pack *p);

/*
 * As many threads as processors may be used, but only a few, and fewer where
 * each needs much memory.
 */
int dl_lake_pack_threads(const struct dl_codec *codec);

/* An empty block, the caller's until it is put in a chunk or given back. */
struct dl_lake_block *dl_lake_pack_block(struct dl_lake_pack *p);
void dl_lake_pack_give_back(struct dl_lake_pack *p, struct dl_lake_block *b);

/*
 * Pack the bytes in this chain of blocks, at most DL_LAKE_CHUNK of them and not
 * none, to the end of file, which stays where it is until wait or free.
 */
int dl_lake_pack_put(struct dl_lake_pack *p, struct dl_lake_file *file,
    struct dl_lake_block *blocks, size_t bytes, struct dl_err *err);

/*
 * Seal file in partition, which must stay, and publish it (lake_store.h), each
 * once all that was put before for file is done; its storage then owns it.
 */
int dl_lake_pack_seal(struct dl_lake_pack *p, struct dl_lake_file *file,
    const char *partition, struct dl_err *err);
int dl_lake_pack_publish(
    struct dl_lake_pack *p, struct dl_lake_file *file, struct dl_err *err);

/* Wait until all that was put for file is done. */
int dl_lake_pack_wait(
    struct dl_lake_pack *p, struct dl_lake_file *file, struct dl_err *err);

#endif
