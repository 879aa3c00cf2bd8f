/*
 * The events of one part of a lake, or its lines, one after another.
 */
#ifndef DL_LAKE_EVENTS_H
#define DL_LAKE_EVENTS_H

#include "codec.h"
#include "err.h"
#include "event.h"
#include "lake_store.h"

/*
 * Told of a line, without its newline; -1 to stop with err; 1 to stop without.
 * Valid during the call.
 */
typedef int dl_lake_text_fn(void *arg, struct dl_span line, struct dl_err *err);

/* The same of an event; its line is ev->line. */
typedef int dl_lake_event_fn(
    void *arg, const struct dl_event *ev, struct dl_err *err);

/*
 * 1: all of them were told, or fn returned 1; 0: the part is not there; -1.
 * What is wrong with a part, or with a record of it, is told as PART:LINE.
 */
int dl_lake_each_line(struct dl_lake_store *store, const char *part,
    enum dl_codec_kind kind, dl_lake_text_fn *fn, void *arg,
    struct dl_err *err);
int dl_lake_each_event(struct dl_lake_store *store, const char *part,
    enum dl_codec_kind kind, dl_lake_event_fn *fn, void *arg,
    struct dl_err *err);

#endif
