/*
 * Who has read a stream how far: the positions that home/commits holds of it.
 */
#ifndef DL_STREAM_CONSUMERS_H
#define DL_STREAM_CONSUMERS_H

#include "err.h"
#include "stream.h"

#include <stdint.h>

struct dl_consumer {
	char key[DL_STREAM_KEY_MAX]; /* "stream.NAME.CONSUMER" */
	const char *name;            /* in key: "CONSUMER" */
	uint64_t position;
};

struct dl_consumers { /* zero-initialised: none */
	struct dl_consumer *v;
	size_t n, cap;
};

void dl_consumers_release(struct dl_consumers *c);

/*
 * All whose keys are prefix (of dl_stream_prefix) and a name, by name.  One
 * whose commit is no offset is told, and counts as having read nothing.
 */
int dl_consumers_list(struct dl_consumers *c, const char *home,
    const char *prefix, struct dl_err *err);

#endif
