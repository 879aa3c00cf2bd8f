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

bool dl_key_ok(struct dl_span key);

/* The committed position: 1 and *position appended to b, 0 none yet, -1. */
int dl_commit_read(
    const char *home, struct dl_span key, struct dl_buf *b, struct dl_err *err);

/*
 * Store position, durably, under the key's lock against another committer.
 * Positions of 20 digits (offsets) never move backwards: DL_EXIT_DATA.  Nor do
 * ULIDs (of sources): one before the stored one is passed over.
 */
int dl_commit_write(const char *home, struct dl_span key,
    struct dl_span position, struct dl_err *err);

/*
 * Hold key as the head of a pipe, by home/locks/KEY.head.  The descriptor is
 * the lock.  Held by another run: DL_EXIT_TEMP.
 */
int dl_head_lock(const char *home, struct dl_span key, struct dl_err *err);

#endif
