/*
 * Positions: where a consumer or a source has safely come to.
 *
 * One small file a key under home/commits, replaced whole.  A key is
 * "stream.NAME.CONSUMER" or "source.NAME": 1 to 200 bytes of [A-Za-z0-9._-],
 * no leading dot.  A position is 1 to 1024 bytes of printable ASCII.
 */
#ifndef DL_CHECKPOINT_H
#define DL_CHECKPOINT_H

#include "buf.h"
#include "err.h"
#include "span.h"

#include <stdint.h>

bool dl_key_ok(struct dl_span key);

/*
 * A position in a stream is an offset: 20 digits.  Whoever reads a stream writes
 * a checkpoint at least every DL_OFFSET_APART bytes.
 */
#define DL_OFFSET_LEN 20
#define DL_OFFSET_APART (64 << 20)

/* Print an offset in 20 digits, NUL-terminated; read one back, whole text. */
void dl_offset_print(uint64_t offset, char out[DL_OFFSET_LEN + 1]);
bool dl_offset_read(struct dl_span text, uint64_t *offset);

/* The committed position: 1 and *position appended to b, 0 none yet, -1. */
int dl_commit_read(
    const char *home, struct dl_span key, struct dl_buf *b, struct dl_err *err);

/*
 * Store position, durably, under the key's lock against another committer.
 * Offsets (of streams) and ULIDs (of sources) never move backwards: one before
 * the stored one is passed over.
 */
int dl_commit_write(const char *home, struct dl_span key,
    struct dl_span position, struct dl_err *err);

/*
 * Store position, wherever it lies: for the head that holds key, when it is
 * asked to go back.
 */
int dl_commit_rewind(const char *home, struct dl_span key,
    struct dl_span position, struct dl_err *err);

/*
 * Hold key as the head of a pipe, by home/locks/KEY.head.  The descriptor is
 * the lock.  Held by another run: DL_EXIT_TEMP.
 */
int dl_head_lock(const char *home, struct dl_span key, struct dl_err *err);

#endif
