/*
 * One reader of the twin for each thread that asks, by dl_serve_reader().
 */
#ifndef DL_SERVE_READERS_H
#define DL_SERVE_READERS_H

#include "serve.h"

struct dl_serve_readers *dl_serve_readers_new(void);

/* Close all of them: when no thread reads any more, before the twin is closed. */
void dl_serve_readers_free(struct dl_serve_readers *r);

#endif
