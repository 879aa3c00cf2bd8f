/*
 * Buffered output to a descriptor, where a failed write is never silent.
 *
 * Append to o->buf with dl_buf_*(), whole records at a time; dl_out_spill()
 * after each record writes when enough has gathered.  Nothing is written at
 * release: what was not flushed was not promised.
 */
#ifndef DL_OUT_H
#define DL_OUT_H

#include "buf.h"
#include "err.h"

#define DL_OUT_SIZE (256 << 10) /* gathered before a write */

struct dl_out {
	struct dl_buf buf;
	int fd;
	const char *name; /* for messages: "<stdout>" */
};

/* Prepare o to write fd, and widen its pipe.  Owns neither. */
void dl_out_init(struct dl_out *o, int fd, const char *name);
void dl_out_release(struct dl_out *o);

/* Write all that was gathered. */
int dl_out_flush(struct dl_out *o, struct dl_err *err);

static inline int
dl_out_spill(struct dl_out *o, struct dl_err *err)
{
	return o->buf.len < DL_OUT_SIZE ? 0 : dl_out_flush(o, err);
}

#endif
