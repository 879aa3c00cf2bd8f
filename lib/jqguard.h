/*
 * jq_next() that outlives libjq's assertions.
 *
 * libjq 1.6 ends the process over some values (1e18 | todate), and one record
 * must not stop a pipe for ever.  abort(3) may be left by a jump out of its
 * signal's handler; what libjq held at that moment is lost, so its state is
 * not to be touched again, not even to free it.
 */
#ifndef DL_JQGUARD_H
#define DL_JQGUARD_H

#include <jq.h>
#include <stdbool.h>

/* So many times in one process; the next one ends it, as libjq means to. */
#define DL_JQGUARD_MAX 100

/* true and *x; or false, libjq having said why on standard error. */
bool dl_jqguard_next(jq_state *jq, jv *x);

#endif
