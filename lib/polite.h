/*
 * Turns at a server: how often it is asked, and by how many at once, over all
 * processes of one home and over their runs.
 *
 * A server is a scheme, a host and a port: an origin.  The limits are each
 * source's own:
 *
 *	concurrency  N slots, home/locks/host.ORIGIN.0 to N-1, each held by a
 *	             lock: a process that dies frees its slot.  Who may use more
 *	             begins with the last one, so that sources with fewer find
 *	             theirs free.
 *	rate         home/locks/host.ORIGIN.APART.rate says when the next request
 *	             may be sent; requests are evenly APART, in the order in which
 *	             they came.  Sources that name the same rate share it.
 *
 * ORIGIN is a hash.  The files stay, a few bytes each; none is made durable:
 * after a power cut a rate starts anew.  A clock that was set back, by however
 * much, delays nobody by more than the turns that were taken.
 */
#ifndef DL_POLITE_H
#define DL_POLITE_H

#include "err.h"
#include "limits_spec.h"

#include <signal.h>
#include <stdint.h>

#define DL_POLITE_WAIT_MS (10 * 60 * 1000) /* what is given for wait_ms */

struct dl_polite;

/*
 * home, spec and stop are borrowed; nothing is touched yet.  wait_ms is the
 * longest that one waits for a slot or for a turn.
 */
struct dl_polite *dl_polite_new(const char *home,
    const struct dl_limits_spec *spec, int64_t wait_ms,
    const volatile sig_atomic_t *stop);

/* Leaves first; NULL does nothing. */
void dl_polite_free(struct dl_polite *p);

/*
 * Wait for the turn to ask the origin of url, and leave the one before: 0 it
 * is ours, 1 *stop became true, -1.  A URL without a host (file:) has no
 * limits.  DL_EXIT_TEMP: it would take longer than wait_ms, and nothing was
 * taken; the message says when to try again.
 */
int dl_polite_enter(struct dl_polite *p, const char *url, struct dl_err *err);

/* The transfer has ended; without a turn nothing happens. */
void dl_polite_leave(struct dl_polite *p);

#endif
