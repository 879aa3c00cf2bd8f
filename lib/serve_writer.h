/*
 * The one thread that writes the twin: it takes all requests that wait, puts
 * their events, commits them together, and only then tells each what became of
 * it.  So what was answered is durable, and a hundred small requests cost one
 * fsync.
 *
 * Where a commit fails (a full disk), those requests fail whose events were not
 * decided, and the twin forgets them: a client sends them again, which is safe.
 * It is told in the log once until it works again.
 */
#ifndef DL_SERVE_WRITER_H
#define DL_SERVE_WRITER_H

#include "serve.h"
#include "serve_put.h"

/* What waits and is being written; beyond it requests are turned away. */
#define DL_SERVE_WAITING 4096
#define DL_SERVE_WAITING_BYTES ((size_t)64 << 20)

/*
 * Give put to the writer: wake(arg) is called once from its thread when
 * dl_serve_writer_done().  false: there is no room, or it has stopped; put is
 * still the caller's.
 */
bool dl_serve_writer_take(struct dl_serve_writer *w, struct dl_serve_put *put,
    void (*wake)(void *arg), void *arg);

/* 1: put has its verdicts; -1: it failed; 0: not yet. */
int dl_serve_writer_done(
    struct dl_serve_writer *w, const struct dl_serve_put *put);

/*
 * The caller is no more interested in put: it is freed, at once or when the
 * writer has done with it; wake is not called after this has returned.  put may
 * be one that was never taken.
 */
void dl_serve_writer_leave(struct dl_serve_writer *w, struct dl_serve_put *put);

#endif
