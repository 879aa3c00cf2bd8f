/*
 * Packed bytes to plain ones, as they come: gzip, zstd, deflate, or neither.
 *
 * What they are packed with is told by their first bytes, or said: gzip (one
 * member or several), zstd (frames) and deflate in zlib's envelope.  Bare
 * deflate, and zlib's where its first bytes could be text, have to be said.
 * What is unpacked is not looked into again.
 *
 * Memory is 256 KiB and the decoder's window: 32 KiB, or of zstd what the bytes
 * ask for, at most 128 MiB.  Once 256 MiB have come out, more than 1100 times
 * what went in (more than gzip can hold) is an error, so that the time a few
 * bytes can take is bounded.
 */
#ifndef DL_EXPAND_H
#define DL_EXPAND_H

#include "err.h"
#include "span.h"

enum dl_expand_kind {
	DL_EXPAND_AUTO,
	DL_EXPAND_NONE,
	DL_EXPAND_GZIP,
	DL_EXPAND_ZSTD,
	DL_EXPAND_DEFLATE
};

#define DL_EXPAND_HEAD 4 /* bytes that tell it */

/*
 * What n first bytes, DL_EXPAND_HEAD at most, are packed with; AUTO where more
 * of them are needed.
 */
enum dl_expand_kind dl_expand_tell(const char *head, size_t n);

/* Some plain bytes, never none; -1 (and err filled) stops. */
typedef int dl_expand_fn(
    void *arg, const char *p, size_t n, struct dl_err *err);

struct dl_expand;

struct dl_expand *dl_expand_new(
    enum dl_expand_kind kind, dl_expand_fn *fn, void *arg);
void dl_expand_free(struct dl_expand *x); /* NULL does nothing */

/* Begin anew, forgetting what was left of other bytes. */
void dl_expand_start(struct dl_expand *x);

/* DL_EXIT_DATA: they are corrupt, or unfold to too much. */
int dl_expand_feed(
    struct dl_expand *x, const char *p, size_t n, struct dl_err *err);

/* The bytes have ended: DL_EXIT_DATA where they can't end there. */
int dl_expand_end(struct dl_expand *x, struct dl_err *err);

/* After dl_expand_end() failed: did they end in the middle, after some? */
bool dl_expand_cut_off(const struct dl_expand *x);

#endif
