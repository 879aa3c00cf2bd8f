/*
 * The lines of a part, or of those pieces of it that hold the records of some
 * of the parts that it was made of.
 */
#ifndef DL_LAKE_PIECE_H
#define DL_LAKE_PIECE_H

#include "buf.h"
#include "codec.h"
#include "err.h"
#include "lake_index.h"
#include "span.h"

/* Are the records of this original wanted? */
typedef bool dl_lake_want_fn(void *arg, const struct dl_lake_of *of);

struct dl_lake_pieces { /* zero-initialised: all of the part */
	uint64_t at;    /* bytes of the part before the lines told of last */
	/* private */
	bool some;
	struct dl_buf list; /* struct piece, in order, apart from each other */
	size_t next;
	uint64_t before; /* bytes of the part before rest */
	struct dl_span rest;
};
void dl_lake_pieces_release(struct dl_lake_pieces *p);

/*
 * Choose what is wanted of the part that e is of, asking once for each original
 * in their order: 1; 0 nothing is.  DL_EXIT_DATA: less than all is, and e does
 * not tell where that lies.
 */
int dl_lake_pieces_choose(struct dl_lake_pieces *p,
    const struct dl_lake_entry *e, dl_lake_want_fn *want, void *arg,
    struct dl_err *err);

/*
 * The next lines of them, as dl_unpack_lines, from u, which nobody else reads.
 * DL_EXIT_DATA too if a piece does not lie in the part, or not in whole lines.
 */
int dl_lake_pieces_lines(struct dl_lake_pieces *p, struct dl_unpack *u,
    const char *part, struct dl_span *lines, struct dl_err *err);

#endif
