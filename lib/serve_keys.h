/*
 * What tokens are checked with: keys, policy, and with `issue` what makes them.
 */
#ifndef DL_SERVE_KEYS_H
#define DL_SERVE_KEYS_H

#include "serve.h"

/* By s->conf, into s. */
int dl_serve_keys_open(struct dl_serve *s, struct dl_err *err);

/* Read again what can be; what can't is logged, and the old stays.  Not --open. */
void dl_serve_keys_reload(struct dl_serve *s);

void dl_serve_keys_close(struct dl_serve *s);

#endif
