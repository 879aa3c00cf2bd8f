/*
 * Parts opened ahead of who reads them, where opening takes a while: up to
 * DL_LAKE_AHEAD at a time, in threads, handed out in their order.  On a disk
 * there are no threads, and a part is opened when it is asked for.
 */
#ifndef DL_LAKE_AHEAD_H
#define DL_LAKE_AHEAD_H

#include "err.h"
#include "lake_list.h"
#include "lake_store.h"

#define DL_LAKE_AHEAD 4

struct dl_lake_ahead;

/*
 * store and items, n of them, stay until free.  careful: as many ahead as have
 * been read so far, for who may soon have enough.
 */
struct dl_lake_ahead *dl_lake_ahead_new(struct dl_lake_store *store,
    const struct dl_lake_item *items, size_t n, bool careful);

/*
 * Open item i, after the one asked for before; those between are not wanted.
 * As the storage's open: 1 and *fd, the caller's to close; 0 it is gone; -1.
 */
int dl_lake_ahead_open(
    struct dl_lake_ahead *a, size_t i, int *fd, struct dl_err *err);

/* Waits for what is being opened.  NULL does nothing. */
void dl_lake_ahead_free(struct dl_lake_ahead *a);

#endif
